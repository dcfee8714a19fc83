import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { alarm, AlarmArgs } from "../alarm";

export interface Watched {
    readonly rule: aws.cloudwatch.EventRule;
    readonly queue: aws.sqs.Queue;
    readonly deadLetters: aws.sqs.Queue;
    readonly sync: aws.lambda.Function;
    readonly sweep: aws.lambda.Function;
    readonly table: aws.dynamodb.Table;
}

/** Namespace of the metrics that the functions write (handlers/metrics.ts). */
export const metricNamespace = "taskgate";

/** What each alarm means and what to do is in docs/dns.md, too. */
export function taskDnsAlarms(
    name: string,
    { rule, queue, deadLetters, sync, sweep, table }: Watched,
    common: Pick<AlarmArgs, "topicArn" | "tags">,
    parent: pulumi.Resource,
): void {
    const make = (suffix: string, args: Omit<AlarmArgs, "topicArn" | "tags">): void =>
        void alarm(`${name}-${suffix}`, { ...common, ...args }, parent);
    const ours = (metricName: string) => ({
        namespace: metricNamespace,
        metricName,
        dimensions: { Registry: table.name },
    });
    make("dead-letters-present", {
        description:
            "Messages were put aside: EventBridge could not deliver them to the queue, or they are no task state changes. Names are not at stake, the sweep finds what they told of; the dead-letter queue shows them.",
        namespace: "AWS/SQS",
        metricName: "NumberOfMessagesSent",
        dimensions: { QueueName: deadLetters.name },
        statistic: "Sum",
        threshold: 0,
    });
    make("queue-age", {
        description:
            "Task state changes wait for more than two minutes: names come late and go late. The function's log says why.",
        namespace: "AWS/SQS",
        metricName: "ApproximateAgeOfOldestMessage",
        dimensions: { QueueName: queue.name },
        statistic: "Maximum",
        threshold: 120,
    });
    make("sync-errors", {
        description:
            "The function that writes the records fails. Its log says why; the queue keeps what it could not handle.",
        namespace: "AWS/Lambda",
        metricName: "Errors",
        dimensions: { FunctionName: sync.name },
        statistic: "Sum",
        threshold: 0,
    });
    make("sweep-errors", {
        description: "The function that compares tasks and names fails. Its log says why; events are still handled.",
        namespace: "AWS/Lambda",
        metricName: "Errors",
        dimensions: { FunctionName: sweep.name },
        statistic: "Sum",
        threshold: 0,
    });
    make("sweep-missing", {
        description:
            "Tasks and names were not compared for five minutes: a lost event now stays lost. Look whether the schedule is there and enabled and the function runs.",
        ...ours("Sweeps"),
        statistic: "Sum",
        threshold: 1,
        isHeartbeat: true,
    });
    make("undelivered", {
        description:
            "EventBridge could not deliver task state changes to the queue. Look at the queue and its policy; the sweep finds within a minute what they told of.",
        namespace: "AWS/Events",
        metricName: "FailedInvocations",
        dimensions: { RuleName: rule.name },
        statistic: "Sum",
        threshold: 0,
    });
    make("orphan-names", {
        description:
            "For five minutes each sweep found names of tasks that do not run: they are not removed and may lead to a stranger. The log of the function that writes the records says why.",
        ...ours("OrphanNames"),
        statistic: "Minimum",
        threshold: 0,
    });
    make("stuck-names", {
        description:
            "For five minutes each sweep found names that are half made or half removed. The log of the function that writes the records says why.",
        ...ours("StuckNames"),
        statistic: "Minimum",
        threshold: 0,
    });
    make("occupied-names", {
        description:
            "A task's name is taken by a record that is not ours, which is left alone: the task has no name. The log of the function that writes the records names it; remove it or rename the task.",
        ...ours("Occupied"),
        statistic: "Sum",
        threshold: 0,
    });
    make("orphan-records", {
        description:
            "The daily audit found address records of no task. The log of the sweep names them; delete them, or have the audit do so.",
        ...ours("OrphanRecords"),
        statistic: "Maximum",
        threshold: 0,
        hourly: { hours: 1, ofHours: 24 },
    });
}
