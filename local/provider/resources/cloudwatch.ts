import type { PutMetricAlarmInput } from "@aws-sdk/client-cloudwatch";
import type { Target } from "@aws-sdk/client-eventbridge";
import type { EventRuleArgs, EventRuleState } from "@pulumi/aws/cloudwatch/eventRule";
import type { EventTargetArgs, EventTargetState } from "@pulumi/aws/cloudwatch/eventTarget";
import type { LogGroupArgs, LogGroupState } from "@pulumi/aws/cloudwatch/logGroup";
import type { MetricAlarmArgs, MetricAlarmState } from "@pulumi/aws/cloudwatch/metricAlarm";
import { type Adapters, adapter, changeTags, type Inputs, service, tagList } from "../adapter";
import type { Aws } from "../sdk";
import { pascalKeys } from "../values";

const gone = ["ResourceNotFoundException"];

const events = service("EventBridge", {
    "cloudwatch/eventRule:EventRule": adapter<EventRuleArgs, EventRuleState>({
        taggable: true,
        autoName: { property: "name", maxLength: 64 },
        defaults: { eventBusName: "default", forceDestroy: false },
        replaceOn: ["name", "eventBusName"],
        gone,
        async create(aws, inputs) {
            const { RuleArn } = await putRule(aws, inputs);
            await aws.eventbridge.tagResource({ ResourceARN: RuleArn, Tags: tagList(inputs.tagsAll) });
            return { id: ruleId(inputs.eventBusName, inputs.name!), arn: RuleArn };
        },
        async update(aws, change) {
            const { RuleArn } = await putRule(aws, change.inputs);
            await changeTags(
                change,
                (tags) => aws.eventbridge.tagResource({ ResourceARN: RuleArn, Tags: tagList(tags) }),
                (TagKeys) => aws.eventbridge.untagResource({ ResourceARN: RuleArn, TagKeys }),
            );
        },
        delete: (aws, { inputs }) =>
            aws.eventbridge.deleteRule({ Name: inputs.name, EventBusName: inputs.eventBusName }),
        async read(aws, { inputs }) {
            await aws.eventbridge.describeRule({ Name: inputs.name, EventBusName: inputs.eventBusName });
        },
    }),
    "cloudwatch/eventTarget:EventTarget": adapter<EventTargetArgs, EventTargetState>({
        autoName: { property: "targetId", maxLength: 255 },
        defaults: { eventBusName: "default", forceDestroy: false },
        replaceOn: ["targetId", "rule", "eventBusName"],
        gone,
        async create(aws, inputs) {
            await putTarget(aws, inputs);
            return { id: ruleId(inputs.eventBusName, `${inputs.rule}-${inputs.targetId}`) };
        },
        update: (aws, { inputs }) => putTarget(aws, inputs),
        delete: (aws, { inputs }) =>
            aws.eventbridge.removeTargets({
                Rule: inputs.rule,
                EventBusName: inputs.eventBusName,
                Ids: [inputs.targetId!],
            }),
    }),
});

const cloudWatch = service("CloudWatch", {
    "cloudwatch/metricAlarm:MetricAlarm": adapter<MetricAlarmArgs, MetricAlarmState>({
        taggable: true,
        autoName: { property: "name", maxLength: 255 },
        defaults: { actionsEnabled: true, treatMissingData: "missing" },
        replaceOn: ["name"],
        gone: [...gone, "ResourceNotFound"],
        async create(aws, inputs) {
            await aws.cloudwatch.putMetricAlarm({ ...alarm(inputs), Tags: tagList(inputs.tagsAll) });
            return { id: inputs.name!, arn: aws.arn("cloudwatch", `alarm:${inputs.name}`) };
        },
        async update(aws, change) {
            const ResourceARN = aws.arn("cloudwatch", `alarm:${change.id}`);
            await aws.cloudwatch.putMetricAlarm(alarm(change.inputs));
            await changeTags(
                change,
                (tags) => aws.cloudwatch.tagResource({ ResourceARN, Tags: tagList(tags) }),
                (TagKeys) => aws.cloudwatch.untagResource({ ResourceARN, TagKeys }),
            );
        },
        delete: (aws, { id }) => aws.cloudwatch.deleteAlarms({ AlarmNames: [id] }),
    }),
});

const logs = service("CloudWatch Logs", {
    "cloudwatch/logGroup:LogGroup": adapter<LogGroupArgs, LogGroupState>({
        taggable: true,
        autoName: { property: "name", maxLength: 255 },
        defaults: { retentionInDays: 0, skipDestroy: false },
        replaceOn: ["name", "logGroupClass"],
        gone,
        async create(aws, inputs) {
            await aws.cloudwatchLogs.createLogGroup({
                logGroupName: inputs.name,
                kmsKeyId: inputs.kmsKeyId,
                logGroupClass: inputs.logGroupClass as "STANDARD" | undefined,
                tags: inputs.tagsAll,
            });
            await setRetention(aws, inputs.name!, inputs.retentionInDays);
            return { id: inputs.name!, arn: aws.arn("logs", `log-group:${inputs.name}`) };
        },
        async update(aws, change) {
            const resourceArn = aws.arn("logs", `log-group:${change.id}`);
            await setRetention(aws, change.id, change.inputs.retentionInDays);
            await changeTags(
                change,
                (tags) => aws.cloudwatchLogs.tagResource({ resourceArn, tags }),
                (tagKeys) => aws.cloudwatchLogs.untagResource({ resourceArn, tagKeys }),
            );
        },
        delete: async (aws, { id, inputs }) =>
            inputs.skipDestroy || aws.cloudwatchLogs.deleteLogGroup({ logGroupName: id }),
    }),
});

export const cloudwatch: Adapters = { ...events, ...cloudWatch, ...logs };

function ruleId(bus: string | undefined, name: string): string {
    return bus === undefined || bus === "default" ? name : `${bus}/${name}`;
}

function putRule(aws: Aws, inputs: Inputs<EventRuleArgs>) {
    const state = inputs.state ?? (inputs.isEnabled === false ? "DISABLED" : "ENABLED");
    return aws.eventbridge.putRule({
        Name: inputs.name,
        EventBusName: inputs.eventBusName,
        Description: inputs.description,
        EventPattern: inputs.eventPattern,
        ScheduleExpression: inputs.scheduleExpression,
        RoleArn: inputs.roleArn,
        State: state as "ENABLED",
    });
}

async function putTarget(aws: Aws, inputs: Inputs<EventTargetArgs>): Promise<void> {
    const { ecsTarget, inputTransformer, sqsTarget } = inputs;
    const target: Target = {
        Id: inputs.targetId,
        Arn: inputs.arn,
        RoleArn: inputs.roleArn,
        Input: inputs.input,
        InputPath: inputs.inputPath,
        InputTransformer: inputTransformer && {
            InputPathsMap: inputTransformer.inputPaths,
            InputTemplate: inputTransformer.inputTemplate,
        },
        RetryPolicy: pascalKeys(inputs.retryPolicy) as Target["RetryPolicy"],
        DeadLetterConfig: pascalKeys(inputs.deadLetterConfig) as Target["DeadLetterConfig"],
        SqsParameters: sqsTarget && { MessageGroupId: sqsTarget.messageGroupId },
        EcsParameters: ecsTarget && {
            TaskDefinitionArn: ecsTarget.taskDefinitionArn,
            TaskCount: ecsTarget.taskCount ?? 1,
            LaunchType: ecsTarget.launchType as "FARGATE" | undefined,
            PlatformVersion: ecsTarget.platformVersion,
            NetworkConfiguration: ecsTarget.networkConfiguration && {
                awsvpcConfiguration: {
                    Subnets: ecsTarget.networkConfiguration.subnets,
                    SecurityGroups: ecsTarget.networkConfiguration.securityGroups,
                    AssignPublicIp: ecsTarget.networkConfiguration.assignPublicIp ? "ENABLED" : "DISABLED",
                },
            },
        },
    };
    const { FailedEntries = [] } = await aws.eventbridge.putTargets({
        Rule: inputs.rule,
        EventBusName: inputs.eventBusName,
        Targets: [target],
    });
    if (FailedEntries.length > 0) {
        throw new Error(`${FailedEntries[0].ErrorCode}: ${FailedEntries[0].ErrorMessage}`);
    }
}

function alarm(inputs: Inputs<MetricAlarmArgs>): PutMetricAlarmInput {
    return {
        AlarmName: inputs.name,
        AlarmDescription: inputs.alarmDescription,
        ActionsEnabled: inputs.actionsEnabled,
        AlarmActions: inputs.alarmActions,
        OKActions: inputs.okActions,
        InsufficientDataActions: inputs.insufficientDataActions,
        ComparisonOperator: inputs.comparisonOperator as PutMetricAlarmInput["ComparisonOperator"],
        DatapointsToAlarm: inputs.datapointsToAlarm,
        Dimensions: Object.entries(inputs.dimensions ?? {}).map(([Name, Value]) => ({ Name, Value })),
        EvaluateLowSampleCountPercentile: inputs.evaluateLowSampleCountPercentiles,
        EvaluationPeriods: inputs.evaluationPeriods,
        ExtendedStatistic: inputs.extendedStatistic,
        MetricName: inputs.metricName,
        Metrics: inputs.metricQueries?.map((query) => ({
            Id: query.id,
            Label: query.label,
            Expression: query.expression,
            Period: query.period,
            AccountId: query.accountId,
            ReturnData: query.returnData ?? false,
            MetricStat: query.metric && {
                Metric: {
                    MetricName: query.metric.metricName,
                    Namespace: query.metric.namespace,
                    Dimensions: Object.entries(query.metric.dimensions ?? {}).map(([Name, Value]) => ({ Name, Value })),
                },
                Period: query.metric.period,
                Stat: query.metric.stat,
                Unit: query.metric.unit as PutMetricAlarmInput["Unit"],
            },
        })),
        Namespace: inputs.namespace,
        Period: inputs.period,
        Statistic: inputs.statistic as PutMetricAlarmInput["Statistic"],
        Threshold: inputs.threshold,
        ThresholdMetricId: inputs.thresholdMetricId,
        TreatMissingData: inputs.treatMissingData,
        Unit: inputs.unit as PutMetricAlarmInput["Unit"],
    };
}

async function setRetention(aws: Aws, logGroupName: string, days = 0): Promise<void> {
    await (days === 0
        ? aws.cloudwatchLogs.deleteRetentionPolicy({ logGroupName })
        : aws.cloudwatchLogs.putRetentionPolicy({ logGroupName, retentionInDays: days }));
}
