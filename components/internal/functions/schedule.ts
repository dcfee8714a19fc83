import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { assumeRolePolicy, policyDocument } from "../policies";

export interface ScheduledArgs {
    readonly invoked: aws.lambda.Function;
    /** Such as `6 hours`. */
    readonly rate: string;
    readonly description: string;
    /** What the function is invoked with; nothing of its own when undefined. */
    readonly input?: object;
    /** Another name is another schedule, which invokes at once. Default: Pulumi's choice, which stays. */
    readonly scheduleName?: pulumi.Input<string>;
    readonly tags: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
}

/**
 * Makes `${name}-schedule`, its role and policy. A rate-based schedule without a start invokes its target as soon as it is made
 * (docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html), without holding up the deployment.
 */
export function scheduled(
    name: string,
    { invoked, rate, description, input, scheduleName, tags }: ScheduledArgs,
    parent: pulumi.Resource,
    dependsOn: readonly pulumi.Resource[] = [],
): aws.scheduler.Schedule {
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
    return new aws.scheduler.Schedule(
        `${name}-schedule`,
        {
            name: scheduleName,
            description,
            scheduleExpression: `rate(${rate})`,
            flexibleTimeWindow: { mode: "OFF" },
            target: { arn: invoked.arn, roleArn: role.arn, input: input && JSON.stringify(input) },
        },
        { parent, dependsOn: [policy, ...dependsOn] },
    );
}
