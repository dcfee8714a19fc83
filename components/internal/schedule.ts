import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { assumeRolePolicy, policyDocument } from "./policies";

/** Invokes a function at once and then at a rate, such as `6 hours`; makes `${name}-schedule`, its role and policy. */
export function scheduled(
    name: string,
    invoked: aws.lambda.Function,
    rate: string,
    description: string,
    tags: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined,
    parent: pulumi.Resource,
): void {
    const { accountId } = aws.getCallerIdentityOutput({}, { parent });
    const role = new aws.iam.Role(
        `${name}-schedule-role`,
        {
            assumeRolePolicy: accountId.apply((account) => assumeRolePolicy("scheduler.amazonaws.com", account)),
            description: "Lets the schedule invoke the function",
            tags,
        },
        { parent },
    );
    const policy = new aws.iam.RolePolicy(
        `${name}-schedule-policy`,
        {
            role: role.name,
            policy: invoked.arn.apply((arn) =>
                policyDocument([
                    { Sid: "InvokeFunction", Effect: "Allow", Action: "lambda:InvokeFunction", Resource: arn },
                ]),
            ),
        },
        { parent },
    );
    new aws.scheduler.Schedule(
        `${name}-schedule`,
        {
            description,
            scheduleExpression: `rate(${rate})`,
            flexibleTimeWindow: { mode: "OFF" },
            target: { arn: invoked.arn, roleArn: role.arn },
        },
        { parent, dependsOn: [policy] },
    );
}
