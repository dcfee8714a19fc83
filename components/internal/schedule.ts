import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { assumeRolePolicy, policyDocument } from "./policies";

/** Invokes a function at once and four times a day; makes `${name}-schedule`, its role and policy. */
export function everySixHours(
    name: string,
    invoked: aws.lambda.Function,
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
            scheduleExpression: "rate(6 hours)",
            flexibleTimeWindow: { mode: "OFF" },
            target: { arn: invoked.arn, roleArn: role.arn },
        },
        { parent, dependsOn: [policy] },
    );
}
