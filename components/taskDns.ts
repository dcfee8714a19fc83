import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { syncTaskDns } from "../handlers/syncTaskDns";
import { alarm } from "./internal/alarm";
import { integer, logRetentionDays, named, placement, tags, topicArn } from "./internal/arguments";
import { callbackFunction } from "./internal/functions/callback";
import { zoneHolding } from "./internal/hostedZone";
import { outputsOf } from "./internal/outputs";
import { policyDocument, Statement } from "./internal/policies";
import { nameReason } from "./internal/rules";
import { ArgumentRules, judged } from "./internal/validation";

/** Arguments of {@link TaskDns}. */
export interface TaskDnsArgs {
    /** ARN of the ECS cluster whose tasks get names. */
    readonly clusterArn: pulumi.Input<string>;
    /** Id of the public Route 53 hosted zone that holds the domain. */
    readonly hostedZoneId: pulumi.Input<string>;
    /** A task is `<taskId>.<domain>`. */
    readonly domain: pulumi.Input<string>;
    /**
     * How long resolvers may keep a task's address, in seconds, 1 to 3600. Short, because AWS gives a stopped task's address to others.
     * @default 15
     */
    readonly recordTtl?: pulumi.Input<number>;
    /**
     * ARN of an SNS topic that hears of alarms.
     * @default the alarms tell nobody
     */
    readonly alarmTopicArn?: pulumi.Input<string>;
    /**
     * How long the function's log is kept, in days.
     * @default 30
     */
    readonly logRetentionDays?: pulumi.Input<number>;
    /**
     * Tags of everything that can have tags.
     * @default none
     */
    readonly tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/** A role's name has 64 characters, of which its ending and Pulumi take 18. */
const longestName = 46;

/** Seconds that one run of the function may take. */
const timeout = 60;

/**
 * Keeps an A record for each running task of a cluster: ECS reports each change of a task to EventBridge, a queue holds the reports, and a
 * Lambda function makes the zone match what ECS says is true. What cannot be handled ends in a dead-letter queue, with an alarm.
 */
export class TaskDns extends pulumi.ComponentResource {
    /** Name of the Lambda function that writes the records. */
    public readonly functionName: pulumi.Output<string>;
    /** URL of the queue of task state changes. */
    public readonly queueUrl: pulumi.Output<string>;
    /** URL of the queue of changes that could not be handled. */
    public readonly deadLetterQueueUrl: pulumi.Output<string>;

    /** @throws pulumi.InputPropertiesError naming every refused argument */
    constructor(name: string, args: TaskDnsArgs, opts?: pulumi.ComponentResourceOptions) {
        args = judged("TaskDns", name, args, taskDnsArguments);
        super("taskgate:index:TaskDns", name, args, opts);
        const { clusterArn, domain, recordTtl = 15, logRetentionDays = 30, tags } = args;
        const options = { parent: this };
        const hostedZoneId = zoneHolding(`TaskDns "${name}"`, args, this);

        const deadLetters = new aws.sqs.Queue(
            `${name}-dead-letters`,
            { messageRetentionSeconds: 14 * 24 * 3600, sqsManagedSseEnabled: true, tags },
            options,
        );
        const queue = new aws.sqs.Queue(
            `${name}-queue`,
            {
                visibilityTimeoutSeconds: 6 * timeout, // docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
                redrivePolicy: pulumi.jsonStringify({ deadLetterTargetArn: deadLetters.arn, maxReceiveCount: 10 }),
                sqsManagedSseEnabled: true,
                tags,
            },
            options,
        );
        const rule = taskStateChanges(name, clusterArn, queue, deadLetters, tags, this);

        const { partition } = aws.getPartitionOutput({}, options);
        const sync = callbackFunction(
            `${name}-sync`,
            {
                handler: syncTaskDns,
                description: "Keeps the DNS records of running ECS tasks true",
                statements: pulumi
                    .output({
                        domain: pulumi.output(domain),
                        zone: pulumi.interpolate`arn:${partition}:route53:::hostedzone/${hostedZoneId}`,
                        cluster: pulumi.output(clusterArn),
                        queue: queue.arn,
                    })
                    .apply(syncStatements),
                environment: {
                    HOSTED_ZONE_ID: hostedZoneId,
                    DOMAIN: domain,
                    RECORD_TTL: pulumi.interpolate`${recordTtl}`,
                    CLUSTER_ARN: clusterArn,
                },
                packages: [],
                timeout,
                memory: 256,
                logRetentionDays,
                tags,
            },
            this,
        );
        new aws.lambda.EventSourceMapping(
            `${name}-source`,
            {
                eventSourceArn: queue.arn,
                functionName: sync.arn,
                batchSize: 500,
                maximumBatchingWindowInSeconds: 1, // a burst of starts becomes one change of the zone
                functionResponseTypes: ["ReportBatchItemFailures"],
                scalingConfig: { maximumConcurrency: 2 }, // a zone takes one change at a time; 2 is the least that Lambda allows
                tags,
            },
            { ...options, dependsOn: [rule] },
        );
        alarms(name, args, { queue, deadLetters, sync }, this);

        this.functionName = sync.name;
        this.queueUrl = queue.url;
        this.deadLetterQueueUrl = deadLetters.url;
        this.registerOutputs(outputsOf(this));
    }
}

/** What is judged before anything is made. */
export const taskDnsArguments: ArgumentRules<TaskDnsArgs> = {
    name: (name) => nameReason(name, longestName),
    rules: {
        clusterArn: placement.clusterArn,
        hostedZoneId: named.hostedZoneId,
        domain: named.domain(32),
        recordTtl: integer(1, 3600, "seconds"),
        alarmTopicArn: topicArn,
        logRetentionDays,
        tags,
    },
};

type Tags = TaskDnsArgs["tags"];

/** The rule for the changes that matter, its target and the right of both queues to take messages from it. */
function taskStateChanges(
    name: string,
    clusterArn: pulumi.Input<string>,
    queue: aws.sqs.Queue,
    deadLetters: aws.sqs.Queue,
    tags: Tags,
    parent: pulumi.Resource,
): aws.cloudwatch.EventTarget {
    const rule = new aws.cloudwatch.EventRule(
        `${name}-rule`,
        {
            description: "Tasks that run or are to stop",
            eventPattern: pulumi.jsonStringify({
                source: ["aws.ecs"],
                "detail-type": ["ECS Task State Change"],
                detail: {
                    clusterArn: [clusterArn],
                    $or: [{ desiredStatus: ["RUNNING"], lastStatus: ["RUNNING"] }, { desiredStatus: ["STOPPED"] }],
                },
            }),
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
    return new aws.cloudwatch.EventTarget(
        `${name}-target`,
        { rule: rule.name, arn: queue.arn, deadLetterConfig: { arn: deadLetters.arn } },
        // Without the policies EventBridge drops what it cannot deliver.
        { parent, dependsOn: [accepts("queue", queue), accepts("dead-letters", deadLetters)] },
    );
}

interface SyncArns {
    readonly domain: string;
    readonly zone: string;
    readonly cluster: string;
    readonly queue: string;
}

function syncStatements(arns: SyncArns): Statement[] {
    return [
        {
            Sid: "TakeTaskStateChanges",
            Effect: "Allow",
            Action: ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
            Resource: arns.queue,
        },
        {
            Sid: "ReadTasks",
            Effect: "Allow",
            Action: "ecs:DescribeTasks",
            Resource: `${arns.cluster.replace(":cluster/", ":task/")}/*`,
        },
        // EC2 knows no resource for it.
        { Sid: "ReadAddresses", Effect: "Allow", Action: "ec2:DescribeNetworkInterfaces", Resource: "*" },
        {
            Sid: "WriteRecords",
            Effect: "Allow",
            Action: "route53:ChangeResourceRecordSets",
            Resource: arns.zone,
            Condition: {
                "ForAllValues:StringLike": {
                    "route53:ChangeResourceRecordSetsNormalizedRecordNames": [`*.${arns.domain}`],
                },
                "ForAllValues:StringEquals": {
                    "route53:ChangeResourceRecordSetsRecordTypes": ["A"],
                    "route53:ChangeResourceRecordSetsActions": ["CREATE", "DELETE", "UPSERT"],
                },
            },
        },
        { Sid: "ReadRecords", Effect: "Allow", Action: "route53:ListResourceRecordSets", Resource: arns.zone },
    ];
}

interface Watched {
    readonly queue: aws.sqs.Queue;
    readonly deadLetters: aws.sqs.Queue;
    readonly sync: aws.lambda.Function;
}

function alarms(name: string, args: TaskDnsArgs, { queue, deadLetters, sync }: Watched, parent: pulumi.Resource): void {
    const common = { topicArn: args.alarmTopicArn, tags: args.tags };
    alarm(
        `${name}-dead-letters-present`,
        {
            ...common,
            description:
                "Task state changes could not be handled: records may be missing or stale. The function's log says why; then redrive the dead-letter queue.",
            namespace: "AWS/SQS",
            metricName: "ApproximateNumberOfMessagesVisible",
            dimensions: { QueueName: deadLetters.name },
            statistic: "Maximum",
            threshold: 0,
        },
        parent,
    );
    alarm(
        `${name}-queue-age`,
        {
            ...common,
            description:
                "Task state changes wait for more than a minute: names come late. The function's log says why.",
            namespace: "AWS/SQS",
            metricName: "ApproximateAgeOfOldestMessage",
            dimensions: { QueueName: queue.name },
            statistic: "Maximum",
            threshold: 60,
        },
        parent,
    );
    alarm(
        `${name}-sync-errors`,
        {
            ...common,
            description:
                "The function that writes the records fails. Its log says why; the queue keeps what it could not handle.",
            namespace: "AWS/Lambda",
            metricName: "Errors",
            dimensions: { FunctionName: sync.name },
            statistic: "Sum",
            threshold: 0,
        },
        parent,
    );
}
