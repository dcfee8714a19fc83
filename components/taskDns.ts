import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { announceNames } from "../handlers/announceNames";
import { sweepTaskDns } from "../handlers/sweepTaskDns";
import { syncTaskDns } from "../handlers/syncTaskDns";
import { integer, logRetentionDays, named, placement, tags, topicArn } from "./internal/arguments";
import { dashboard } from "./internal/dashboard";
import { callbackFunction } from "./internal/functions/callback";
import { scheduled } from "./internal/functions/schedule";
import { zoneHolding } from "./internal/hostedZone";
import { outputsOf } from "./internal/outputs";
import { caaIssuerReason, nameReason, nameTemplateReason } from "./internal/rules";
import { taskDnsAlarms } from "./internal/taskDns/alarms";
import { taskDnsPlots } from "./internal/taskDns/dashboard";
import { taskStateChanges } from "./internal/taskDns/events";
import { announceStatements, sweepStatements, syncStatements } from "./internal/taskDns/policies";
import { issuerRecord, negativeTtlRecord } from "./internal/taskDns/zoneRecords";
import { ArgumentRules, choice, faultOf, flag, given, judged, list, plain, text } from "./internal/validation";

/** From when on a task has its name. */
export const PublishAt = {
    /**
     * As soon as its public address is known, while its image is still pulled: the name spreads through Route 53 meanwhile, and is there when the
     * task is.
     */
    Pending: "PENDING",
    /** When it runs. */
    Running: "RUNNING",
    /** When the health checks of its containers say that it is healthy. ECS reports that late: up to a minute later. */
    Healthy: "HEALTHY",
} as const;
export type PublishAt = (typeof PublishAt)[keyof typeof PublishAt];

/** What becomes of records of no task that the daily audit of the zone finds. */
export const OrphanRecords = {
    /** They are reported: a line of the log for each, and an alarm. */
    Report: "report",
    /** They are deleted. */
    Delete: "delete",
} as const;
export type OrphanRecords = (typeof OrphanRecords)[keyof typeof OrphanRecords];

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
     * Of names that stand it changes nothing.
     * @default 15
     */
    readonly recordTtl?: pulumi.Input<number>;
    /**
     * From when on a task has its name.
     * @default "PENDING"
     */
    readonly publishAt?: pulumi.Input<PublishAt>;
    /**
     * Whether tasks get AAAA records for their global IPv6 addresses, too. Say so only where the subnets lead to an internet gateway for ::/0: AWS
     * does not tell such an address from one that cannot be reached.
     * @default false
     */
    readonly ipv6?: pulumi.Input<boolean>;
    /**
     * What stands before the domain, as one DNS label: text with `{taskId}`, `{family}`, `{service}` and `{tag:<key>}`. A task without what its name
     * is made of, or whose name is taken, has none; a taken name is never taken over. The tasks of EnvoyTask answer to their ids alone.
     * @default "{taskId}"
     */
    readonly nameTemplate?: pulumi.Input<string>;
    /**
     * Families of task definitions whose tasks get names.
     * @default all
     */
    readonly families?: pulumi.Input<pulumi.Input<string>[]>;
    /**
     * Names of the ECS services whose tasks get names.
     * @default tasks with and without a service
     */
    readonly services?: pulumi.Input<pulumi.Input<string>[]>;
    /**
     * Tags that a task must have, with these values, to get a name.
     * @default none
     */
    readonly taskTags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /**
     * ARN of a role that may change the hosted zone, where that belongs to another account; docs/dns.md has its policy. Whether it is given decides
     * what the functions may do.
     * @default the zone is this account's
     */
    readonly zoneRoleArn?: pulumi.Input<string>;
    /**
     * How long resolvers may remember that a name does not exist, in seconds, 1 to 86400: who asks for a task too early waits so long. It is the
     * zone's SOA record, for all its names; a destroy leaves it. Less than 60 costs more queries, and these cost money.
     * @default Route 53's own: 900
     */
    readonly negativeTtl?: pulumi.Input<number>;
    /**
     * The certificate authority that may issue wildcard certificates below the domain, as its CAA records name it, such as `letsencrypt.org`, with
     * parameters if any; certificates for single names nobody may issue any more. Then nobody who is given a stopped task's address gets one for its name.
     * @default no CAA record
     */
    readonly caaIssuer?: pulumi.Input<string>;
    /**
     * Whether a destroy stops the cluster's tasks that no service keeps. Those of a service end with it.
     * @default false
     */
    readonly stopTasksOnDestroy?: boolean;
    /**
     * What becomes of records of no task that the daily audit of the zone finds.
     * @default "report"
     */
    readonly orphanRecords?: pulumi.Input<OrphanRecords>;
    /**
     * Whether an event on the account's default bus tells of each name that every name server of Route 53 answers by now: of source `taskgate`, type
     * `Task Name Live`. It comes half a minute after the name was accepted, or later. It takes a function and a queue more, and a dollar for each
     * million events.
     * @default false
     */
    readonly announceNames?: boolean;
    /**
     * Whether there is a CloudWatch dashboard of names, delays and trouble. One costs $3 a month beyond an account's first three.
     * @default false
     */
    readonly dashboard?: boolean;
    /**
     * ARN of an SNS topic that hears of alarms.
     * @default the alarms tell nobody
     */
    readonly alarmTopicArn?: pulumi.Input<string>;
    /**
     * How long the functions' logs are kept, in days.
     * @default 30
     */
    readonly logRetentionDays?: pulumi.Input<number>;
    /**
     * Tags of everything that can have tags.
     * @default none
     */
    readonly tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/** A role's name has 64 characters, of which its ending (`-sweep-schedule-role`) and Pulumi take 28. */
const longestName = 36;

/** Seconds that one run of the function that writes the records may take. */
const timeout = 30;

/**
 * Seconds. Lambda's documentation advises six times the function's timeout; this is little more than one, since what a run leaves unsettled comes
 * back after seconds anyway, and what a run that was killed had in hand is to be back within a minute.
 */
const visibilityTimeout = 45;

/**
 * Keeps an address record for each running task of a cluster: ECS reports each change of a task to EventBridge, a queue holds the reports, and a
 * Lambda function makes the zone match what ECS says is true. A registry says of each task what stands; every minute a second function compares
 * registry and tasks, so that no lost event stays lost.
 */
export class TaskDns extends pulumi.ComponentResource {
    /** Name of the Lambda function that writes the records. */
    public readonly functionName: pulumi.Output<string>;
    /** Name of the Lambda function that compares tasks and names every minute, audits the zone and drains it. */
    public readonly sweepFunctionName: pulumi.Output<string>;
    /** Name of the DynamoDB table of names: which task is live, since when, under which name. */
    public readonly tableName: pulumi.Output<string>;
    /** URL of the queue of task state changes. */
    public readonly queueUrl: pulumi.Output<string>;
    /** URL of the queue of messages that could not be delivered or read. */
    public readonly deadLetterQueueUrl: pulumi.Output<string>;

    /** @throws pulumi.InputPropertiesError naming every refused argument */
    constructor(name: string, args: TaskDnsArgs, opts?: pulumi.ComponentResourceOptions) {
        args = judged("TaskDns", name, args, taskDnsArguments);
        super("taskgate:index:TaskDns", name, args, opts);
        const { clusterArn, domain, logRetentionDays = 30, tags } = args;
        const { publishAt = PublishAt.Pending, nameTemplate = "{taskId}", families = [], services = [] } = args;
        const options = { parent: this };
        // Another account's zone cannot be looked at from here.
        const hostedZoneId =
            args.zoneRoleArn === undefined ? zoneHolding(`TaskDns "${name}"`, args, this) : args.hostedZoneId;

        const deadLetters = new aws.sqs.Queue(
            `${name}-dead-letters`,
            { messageRetentionSeconds: 14 * 24 * 3600, sqsManagedSseEnabled: true, tags },
            options,
        );
        const queue = new aws.sqs.Queue(
            `${name}-queue`,
            {
                visibilityTimeoutSeconds: visibilityTimeout,
                // What an event of an hour ago told, the sweep has seen since; so nothing needs to be redriven.
                messageRetentionSeconds: 3600,
                sqsManagedSseEnabled: true,
                tags,
            },
            options,
        );
        const table = registryTable(name, tags, this);
        const accepted = args.announceNames === true ? acceptedQueue(name, tags, this) : undefined;
        if (args.negativeTtl !== undefined) {
            negativeTtlRecord(name, { hostedZoneId, seconds: args.negativeTtl }, this);
        }
        if (args.caaIssuer !== undefined) {
            issuerRecord(name, { hostedZoneId, domain, issuer: args.caaIssuer }, this);
        }

        const { partition } = aws.getPartitionOutput({}, options);
        const arns = pulumi.output({
            domain: pulumi.output(domain),
            nameTemplate: pulumi.output(nameTemplate),
            zone: pulumi.interpolate`arn:${partition}:route53:::hostedzone/${hostedZoneId}`,
            zoneRole: pulumi.output(args.zoneRoleArn ?? ""),
            cluster: pulumi.output(clusterArn),
            table: table.arn,
            queue: queue.arn,
            deadLetters: deadLetters.arn,
            accepted: accepted?.arn ?? "",
        });
        const environment = {
            HOSTED_ZONE_ID: hostedZoneId,
            ...(args.zoneRoleArn !== undefined && { ZONE_ROLE_ARN: args.zoneRoleArn }),
            DOMAIN: domain,
            NAME_TEMPLATE: nameTemplate,
            RECORD_TTL: pulumi.interpolate`${args.recordTtl ?? 15}`,
            CLUSTER_ARN: clusterArn,
            TABLE_NAME: table.name,
            QUEUE_URL: queue.url,
            DEAD_LETTER_QUEUE_URL: deadLetters.url,
            PUBLISH_AT: publishAt,
            IPV6: pulumi.interpolate`${args.ipv6 ?? false}`,
            TASK_FILTER: pulumi.jsonStringify({ families, services, tags: args.taskTags ?? {} }),
        };
        const common = { packages: [], logRetentionDays, tags };
        const sync = callbackFunction(
            `${name}-sync`,
            {
                ...common,
                handler: syncTaskDns,
                description: "Keeps the DNS records of running ECS tasks true",
                statements: arns.apply(syncStatements),
                environment: { ...environment, ...(accepted && { ACCEPTED_QUEUE_URL: accepted.url }) },
                timeout,
                memory: 512, // a cold batch of 500 messages takes 210
            },
            this,
        );
        const stopsTasks = args.stopTasksOnDestroy ?? false;
        const sweep = callbackFunction(
            `${name}-sweep`,
            {
                ...common,
                handler: sweepTaskDns,
                description: "Compares running ECS tasks with their DNS records",
                statements: arns.apply((known) => sweepStatements(known, stopsTasks)),
                environment: {
                    ...environment,
                    STOP_TASKS: String(stopsTasks),
                    AUDIT: args.orphanRecords ?? OrphanRecords.Report,
                },
                timeout: 600, // a drain waits for tasks to stop
                memory: 512,
            },
            this,
        );
        // Its end takes all records away, after what could make new ones has gone and before what it needs does.
        const drain = new aws.lambda.Invocation(
            `${name}-drain`,
            { functionName: sweep.name, input: "{}", lifecycleScope: "CRUD" },
            options,
        );
        const { rule, target } = taskStateChanges(
            name,
            { clusterArn, publishAt, families, services, queue, deadLetters, tags },
            this,
            [drain],
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
            { ...options, dependsOn: [target, drain] },
        );
        scheduled(
            `${name}-sweep`,
            { invoked: sweep, rate: "1 minute", description: "Compares running tasks with their names", tags },
            this,
            [drain],
        );
        scheduled(
            `${name}-audit`,
            {
                invoked: sweep,
                rate: "1 day",
                description: "Looks through the zone for records of no task",
                input: { audit: true },
                tags,
            },
            this,
            [drain],
        );
        if (accepted !== undefined) {
            const { region } = aws.getRegionOutput({}, options);
            const { accountId } = aws.getCallerIdentityOutput({}, options);
            const bus = pulumi.interpolate`arn:${partition}:events:${region}:${accountId}:event-bus/default`;
            const change = pulumi.interpolate`arn:${partition}:route53:::change/*`;
            const announcing = callbackFunction(
                `${name}-announce`,
                {
                    ...common,
                    handler: announceNames,
                    description: "Tells of names that every name server answers",
                    statements: pulumi
                        .all([arns, bus, change])
                        .apply(([known, busArn, changeArn]) =>
                            announceStatements({ ...known, bus: busArn, change: changeArn }),
                        ),
                    environment: { ...environment, ACCEPTED_QUEUE_URL: accepted.url },
                    timeout,
                    memory: 256,
                },
                this,
            );
            new aws.lambda.EventSourceMapping(
                `${name}-accepted-source`,
                {
                    eventSourceArn: accepted.arn,
                    functionName: announcing.arn,
                    batchSize: 10,
                    functionResponseTypes: ["ReportBatchItemFailures"],
                    scalingConfig: { maximumConcurrency: 2 },
                    tags,
                },
                options,
            );
        }
        const watched = { rule, queue, deadLetters, sync, sweep, table };
        taskDnsAlarms(name, watched, { topicArn: args.alarmTopicArn, tags }, this);
        if (args.dashboard === true) {
            const parts = { registry: table.name, queue: queue.name, sync: sync.name, sweep: sweep.name };
            dashboard(name, { dashboardName: table.name, plots: taskDnsPlots(parts) }, this);
        }

        this.functionName = sync.name;
        this.sweepFunctionName = sweep.name;
        this.tableName = table.name;
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
        publishAt: choice(PublishAt),
        ipv6: flag,
        nameTemplate: text(nameTemplateReason),
        families: list(text()),
        services: list(text()),
        taskTags: tags,
        zoneRoleArn: text(),
        negativeTtl: integer(1, 86_400, "seconds"),
        caaIssuer: text(caaIssuerReason),
        stopTasksOnDestroy: plain(flag),
        orphanRecords: choice(OrphanRecords),
        announceNames: plain(flag),
        dashboard: plain(flag),
        alarmTopicArn: topicArn,
        logRetentionDays,
        tags,
    },
    combinations: [
        given([], (args) =>
            (["negativeTtl", "caaIssuer"] as const).flatMap((property) =>
                faultOf(
                    property,
                    args.zoneRoleArn !== undefined && args[property] !== undefined
                        ? "is a record of another account's zone, given zoneRoleArn: make it there"
                        : undefined,
                ),
            ),
        ),
    ],
};

/** Word of accepted names: looked at when Route 53 has mostly spread them, so that one look is enough. */
function acceptedQueue(name: string, tags: TaskDnsArgs["tags"], parent: pulumi.Resource): aws.sqs.Queue {
    return new aws.sqs.Queue(
        `${name}-accepted`,
        {
            delaySeconds: 30,
            visibilityTimeoutSeconds: visibilityTimeout,
            messageRetentionSeconds: 3600,
            sqsManagedSseEnabled: true,
            tags,
        },
        { parent },
    );
}

/** The registry (docs/dns.md): a row a task, and an index of those that stand. */
function registryTable(name: string, tags: TaskDnsArgs["tags"], parent: pulumi.Resource): aws.dynamodb.Table {
    return new aws.dynamodb.Table(
        `${name}-registry`,
        {
            billingMode: "PAY_PER_REQUEST",
            hashKey: "taskId",
            attributes: [
                { name: "taskId", type: "S" },
                { name: "open", type: "S" },
            ],
            globalSecondaryIndexes: [{ name: "open", hashKey: "open", projectionType: "ALL" }],
            ttl: { attributeName: "expires", enabled: true },
            tags,
        },
        { parent },
    );
}
