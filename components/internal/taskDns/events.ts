import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { policyDocument } from "../policies";

export interface WatchedTasks {
    readonly clusterArn: pulumi.Input<string>;
    readonly publishAt: pulumi.Input<string>;
    readonly families: pulumi.Input<pulumi.Input<string>[]>;
    readonly services: pulumi.Input<pulumi.Input<string>[]>;
    readonly queue: aws.sqs.Queue;
    readonly deadLetters: aws.sqs.Queue;
    readonly tags: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
}

/** Makes the rule for the changes that matter, its target and the right of both queues to take messages from it; gives rule and target. */
export function taskStateChanges(
    name: string,
    args: WatchedTasks,
    parent: pulumi.Resource,
    dependsOn: readonly pulumi.Resource[],
): { rule: aws.cloudwatch.EventRule; target: aws.cloudwatch.EventTarget } {
    const { clusterArn, publishAt, families, services, queue, deadLetters, tags } = args;
    const rule = new aws.cloudwatch.EventRule(
        `${name}-rule`,
        {
            description: "Tasks that run or are to stop",
            eventPattern: pulumi
                .output({ clusterArn, publishAt, families, services })
                .apply((watched) => JSON.stringify(eventPattern(watched))),
            tags,
        },
        { parent },
    );
    const accepts = (suffix: string, target: aws.sqs.Queue): aws.sqs.QueuePolicy =>
        new aws.sqs.QueuePolicy(
            `${name}-${suffix}-policy`,
            {
                queueUrl: target.url,
                policy: pulumi.all([target.arn, rule.arn]).apply(([targetArn, ruleArn]) =>
                    policyDocument([
                        {
                            Sid: "TakeTaskStateChanges",
                            Effect: "Allow",
                            Principal: { Service: "events.amazonaws.com" },
                            Action: "sqs:SendMessage",
                            Resource: targetArn,
                            Condition: { ArnEquals: { "aws:SourceArn": ruleArn } },
                        },
                    ]),
                ),
            },
            { parent },
        );
    const target = new aws.cloudwatch.EventTarget(
        `${name}-target`,
        { rule: rule.name, arn: queue.arn, deadLetterConfig: { arn: deadLetters.arn } },
        // Without the policies EventBridge drops what it cannot deliver.
        {
            parent,
            dependsOn: [accepts("queue", queue), accepts("dead-letters", deadLetters), ...dependsOn],
        },
    );
    return { rule, target };
}

/** A task that ends by itself, or that Spot takes, shows its end by either status. */
function eventPattern(watched: {
    readonly clusterArn: string;
    readonly publishAt: string;
    readonly families: readonly string[];
    readonly services: readonly string[];
}): object {
    const { clusterArn, publishAt, families, services } = watched;
    return {
        source: ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        detail: {
            clusterArn: [clusterArn],
            ...(services.length > 0 && { group: services.map((service) => `service:${service}`) }),
            ...(families.length > 0 && {
                taskDefinitionArn: families.map((family) => ({ wildcard: `*:task-definition/${family}:*` })),
            }),
            $or: [
                {
                    desiredStatus: ["RUNNING"],
                    lastStatus: publishAt === "PENDING" ? ["PENDING", "RUNNING"] : ["RUNNING"],
                },
                { desiredStatus: ["STOPPED"] },
                { lastStatus: ["DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"] },
            ],
        },
    };
}
