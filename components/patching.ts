import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { patchTasks } from "../handlers/patchTasks";
import { LOOK_MINUTES, LOOK_SECONDS, RETIREMENT, RETIREMENT_OBJECTS, STOP_AT_TAG } from "../handlers/patchingNames";
import { alarm, AlarmArgs } from "./internal/alarm";
import { clusterArn, integer, logRetentionDays, tags, topicArn } from "./internal/arguments";
import { callbackFunction } from "./internal/functions/callback";
import { invokedByEvents } from "./internal/functions/eventRule";
import { scheduled } from "./internal/functions/schedule";
import { outputsOf } from "./internal/outputs";
import { patchStatements } from "./internal/patching/policies";
import { platformVersionReason, windowScheduleReason, windowsReason } from "./internal/patching/windowRules";
import { nameReason, tagKeyReason, timezoneReason } from "./internal/rules";
import { tlsBucket } from "./internal/tlsBucket";
import {
    ArgumentRules,
    choice,
    faultOf,
    flag,
    judged,
    list,
    plain,
    record,
    required,
    Rules,
    text,
    together,
} from "./internal/validation";

/** The least severity of ECR's findings that counts against an image. */
export const FindingSeverity = {
    /** Critical ones alone. */
    Critical: "CRITICAL",
    /** High and worse. */
    High: "HIGH",
    /** Medium and worse. */
    Medium: "MEDIUM",
    /** Low and worse: all but what is informational. */
    Low: "LOW",
} as const;
export type FindingSeverity = (typeof FindingSeverity)[keyof typeof FindingSeverity];

/** When services are redeployed, in the words of Systems Manager's maintenance windows. */
export interface MaintenanceWindow {
    /** When it opens: `cron(minute hour day month weekday year)`, with `?` for the day or the weekday, such as `cron(0 2 ? * SUN *)`. */
    readonly schedule: pulumi.Input<string>;
    /**
     * Time zone of the schedule, such as `Europe/Dublin`.
     * @default "UTC"
     */
    readonly scheduleTimezone?: pulumi.Input<string>;
    /** How long it is open, in hours, 1 to 24. */
    readonly duration: pulumi.Input<number>;
    /**
     * How many hours before its end nothing is begun any more, 0 to 23. What is begun last has so long to end within the window.
     * @default 1, or 0 for a window of one hour
     */
    readonly cutoff?: pulumi.Input<number>;
    /**
     * How many services are redeployed at once, 1 to 50.
     * @default 1
     */
    readonly maxConcurrency?: pulumi.Input<number>;
    /**
     * How many redeployments of one window may fail before nothing more is begun in it, 0 to 50.
     * @default 0: the first failure stops it
     */
    readonly maxErrors?: pulumi.Input<number>;
}

/** What a running task must keep to; one that does not is replaced. */
export interface PatchBaseline {
    /**
     * How old a task may become, in days, 1 to 365. A younger one runs on a recent revision of Fargate's platform.
     * @default 30
     */
    readonly maxTaskAge?: pulumi.Input<number>;
    /**
     * Whether a newer image under a container's tag is reason enough. Without it, a newer image is taken when the one that runs is too old or has
     * findings.
     * @default true
     */
    readonly newerImages?: pulumi.Input<boolean>;
    /**
     * How old an image may be, in days since it was pushed, 1 to 3650.
     * @default no limit
     */
    readonly maxImageAge?: pulumi.Input<number>;
    /**
     * The least severity of a finding of ECR's scan that counts.
     * @default "HIGH"
     */
    readonly findingSeverity?: pulumi.Input<FindingSeverity>;
    /**
     * The oldest version of Fargate's platform that will do.
     * @default "1.4.0"
     */
    readonly minimumPlatformVersion?: pulumi.Input<string>;
}

/** Arguments of {@link Patching}. */
export interface PatchingArgs {
    /** ARN of the ECS cluster. */
    readonly clusterArn: pulumi.Input<string>;
    /** When services are redeployed. */
    readonly maintenanceWindow: pulumi.Input<MaintenanceWindow>;
    /**
     * Names of the services of the cluster that are redeployed.
     * @default all of them
     */
    readonly services?: pulumi.Input<pulumi.Input<string>[]>;
    /**
     * What a running task must keep to.
     * @default its members' defaults
     */
    readonly baseline?: pulumi.Input<PatchBaseline>;
    /**
     * Whether tasks that no service keeps are stopped once they are due, at their owners' time or when the notice period is over. Otherwise they are
     * told of, and nothing else.
     * @default false
     */
    readonly stopTasks?: boolean;
    /**
     * How long before its stop a task that no service keeps is told of, in hours, 1 to 336.
     * @default 24
     */
    readonly noticePeriod?: pulumi.Input<number>;
    /**
     * Key of the tag by which the owner of such a task says when it may be stopped, as an instant of ISO 8601 such as `2030-01-31T02:00:00Z`.
     * @default "taskgate:stop-at"
     */
    readonly stopAtTag?: pulumi.Input<string>;
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

/** A role's name has 64 characters, of which its ending (`-patch-schedule-role`) and Pulumi take 28. */
const longestName = 36;

/**
 * Keeps a cluster's tasks young: redeploys services in maintenance windows when their tasks are too old, run an image that has findings or has been
 * replaced, or run on an old platform; out of them when Fargate retires what they run on before the next one. Owners of other tasks are told by an
 * event. A report says of each running task what stands against it.
 */
export class Patching extends pulumi.ComponentResource {
    /** Name of the Lambda function that looks, and answers with the report. */
    public readonly functionName: pulumi.Output<string>;
    /** Name of the bucket that has the report, as `report.json`. */
    public readonly bucketName: pulumi.Output<string>;

    /** @throws pulumi.InputPropertiesError naming every refused argument */
    constructor(name: string, args: PatchingArgs, opts?: pulumi.ComponentResourceOptions) {
        args = judged("Patching", name, args, patchingArguments);
        super("taskgate:index:Patching", name, args, opts);
        const { services = [], stopTasks = false, noticePeriod = 24, tags } = args;
        const bucket = reportBucket(name, tags, this);
        const arns = pulumi.output({ cluster: args.clusterArn, services, bucket: bucket.arn });
        const patch = callbackFunction(
            `${name}-patch`,
            {
                handler: patchTasks,
                description: "Replaces tasks that are due in maintenance windows",
                statements: arns.apply((known) => patchStatements(known, stopTasks)),
                environment: {
                    CLUSTER_ARN: args.clusterArn,
                    BUCKET_NAME: bucket.bucket,
                    SERVICES: pulumi.jsonStringify(services),
                    MAINTENANCE_WINDOW: pulumi.jsonStringify(
                        pulumi.output(args.maintenanceWindow).apply((given) => ({
                            scheduleTimezone: "UTC",
                            cutoff: given.duration > 1 ? 1 : 0,
                            maxConcurrency: 1,
                            maxErrors: 0,
                            ...given,
                        })),
                    ),
                    BASELINE: pulumi.jsonStringify(
                        pulumi.output(args.baseline).apply((given) => ({ ...defaultBaseline, ...given })),
                    ),
                    STOP_TASKS: String(stopTasks),
                    NOTICE_HOURS: pulumi.interpolate`${noticePeriod}`,
                    STOP_AT_TAG: args.stopAtTag ?? STOP_AT_TAG,
                },
                packages: ["croner"],
                timeout: LOOK_SECONDS,
                memory: 512,
                logRetentionDays: args.logRetentionDays ?? 30,
                tags,
            },
            this,
        );
        whenTasksRetire(name, patch, tags, this);
        scheduled(
            `${name}-patch`,
            {
                invoked: patch,
                rate: `${LOOK_MINUTES} minutes`,
                description: "Looks which tasks are due to be replaced",
                tags,
            },
            this,
        );
        alarms(name, patch, { topicArn: args.alarmTopicArn, tags }, this);

        this.functionName = patch.name;
        this.bucketName = bucket.bucket;
        this.registerOutputs(outputsOf(this));
    }
}

const defaultBaseline = {
    maxTaskAge: 30,
    newerImages: true,
    findingSeverity: FindingSeverity.High,
    minimumPlatformVersion: "1.4.0",
};

const windowRules: Rules<MaintenanceWindow> = {
    schedule: required(text(windowScheduleReason), "say when it opens, e.g. cron(0 2 ? * SUN *)"),
    scheduleTimezone: text(timezoneReason),
    duration: required(integer(1, 24, "hours"), "say for how many hours it is open"),
    cutoff: integer(0, 23, "hours"),
    maxConcurrency: integer(1, 50, "services"),
    maxErrors: integer(0, 50, "failures"),
};

const baselineRules: Rules<PatchBaseline> = {
    maxTaskAge: integer(1, 365, "days"),
    newerImages: flag,
    maxImageAge: integer(1, 3650, "days"),
    findingSeverity: choice(FindingSeverity),
    minimumPlatformVersion: text(platformVersionReason),
};

/** What is judged before anything is made. */
export const patchingArguments: ArgumentRules<PatchingArgs> = {
    name: (name) => nameReason(name, longestName),
    rules: {
        clusterArn: required(clusterArn, "give the ARN of the ECS cluster, e.g. Cluster's clusterArn"),
        maintenanceWindow: required(record(windowRules), "say when services are redeployed, by schedule and duration"),
        services: list(text(), { unique: true }),
        baseline: record(baselineRules),
        stopTasks: plain(flag),
        noticePeriod: integer(1, 336, "hours"),
        stopAtTag: text(tagKeyReason),
        alarmTopicArn: topicArn,
        logRetentionDays,
        tags,
    },
    combinations: [
        together(["maintenanceWindow", "baseline"], ({ maintenanceWindow, baseline }) =>
            faultOf(
                "maintenanceWindow",
                windowsReason(maintenanceWindow, baseline?.maxTaskAge ?? defaultBaseline.maxTaskAge),
            ),
        ),
    ],
};

type Tags = PatchingArgs["tags"];

/** The report, what a run leaves to the next, and the notices of retirements, which are of no use after some weeks. */
function reportBucket(name: string, tags: Tags, parent: pulumi.Resource): aws.s3.Bucket {
    const bucket = tlsBucket(`${name}-report`, [], undefined, tags, parent);
    new aws.s3.BucketLifecycleConfiguration(
        `${name}-report-lifecycle`,
        {
            bucket: bucket.bucket,
            rules: [
                {
                    id: "old-notices",
                    status: "Enabled",
                    filter: { prefix: RETIREMENT_OBJECTS },
                    expiration: { days: 90 },
                },
            ],
        },
        { parent },
    );
    return bucket;
}

function alarms(
    name: string,
    patch: aws.lambda.Function,
    common: { readonly topicArn: PatchingArgs["alarmTopicArn"]; readonly tags: Tags },
    parent: pulumi.Resource,
): void {
    const dimensions = { FunctionName: patch.name };
    const of = (
        suffix: string,
        args: Pick<AlarmArgs, "description" | "namespace" | "metricName" | "statistic">,
    ): void =>
        void alarm(
            `${name}-${suffix}`,
            { ...args, dimensions, threshold: 0, topicArn: common.topicArn, tags: common.tags },
            parent,
        );
    of("patch-errors", {
        description:
            "Something that is due could not be looked at or done; the function's log says what. It is tried again after minutes.",
        ...{ namespace: "AWS/Lambda", metricName: "Errors", statistic: "Sum" },
    });
    of("failed-redeployments", {
        description:
            "A redeployment failed or outlasted its window, and the window begins no more than maxErrors allows. ECS keeps the tasks from before; the service's events say why the new ones failed.",
        ...{ namespace: "taskgate", metricName: "FailedRedeployments", statistic: "Sum" },
    });
    of("overdue-tasks", {
        description:
            "Tasks are older than the baseline allows, or Fargate stops them any time now. The report says which and why: windows too short or too rare, services that fail, owners who did not act.",
        ...{ namespace: "taskgate", metricName: "OverdueTasks", statistic: "Maximum" },
    });
}

/** The function hears of AWS Health's notices that tasks are going to be retired. */
function whenTasksRetire(
    name: string,
    patch: aws.lambda.Function,
    tags: PatchingArgs["tags"],
    parent: pulumi.Resource,
): void {
    const { source, detailType, service, eventTypeCode } = RETIREMENT;
    const eventPattern = JSON.stringify({
        source: [source],
        "detail-type": [detailType],
        detail: { service: [service], eventTypeCode: [eventTypeCode] },
    });
    const description = "Notices that Fargate is going to retire tasks";
    invokedByEvents(name, { description, eventPattern, tags }, patch, parent);
}
