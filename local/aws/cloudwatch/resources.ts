import type { Metric, PutMetricAlarmInput } from "@aws-sdk/client-cloudwatch";
import type { DashboardArgs, DashboardState } from "@pulumi/aws/cloudwatch/dashboard";
import type { MetricAlarmArgs, MetricAlarmState } from "@pulumi/aws/cloudwatch/metricAlarm";
import {
    adapter,
    type Adapters,
    changeTags,
    fields,
    Gone,
    type Inputs,
    service,
    tagList,
    tagsAll,
    tagsOrNone,
} from "../resources/adapter";
import { camelKeys } from "../resources/values";

export const cloudwatch: Adapters = service("CloudWatch", {
    "cloudwatch/metricAlarm:MetricAlarm": adapter<MetricAlarmArgs, MetricAlarmState>({
        taggable: true,
        autoName: { property: "name", maxLength: 255 },
        defaults: { actionsEnabled: true, treatMissingData: "missing" },
        replaceOn: ["name"],
        emptyByDefault: ["alarmActions", "alarmDescription", "insufficientDataActions", "okActions"],
        gone: ["ResourceNotFoundException", "ResourceNotFound"],
        async create(aws, inputs) {
            await aws.cloudwatch.putMetricAlarm({ ...alarm(inputs), Tags: tagsOrNone(inputs.tagsAll) });
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
        async read(aws, { id }) {
            const { MetricAlarms = [] } = await aws.cloudwatch.describeAlarms({ AlarmNames: [id] });
            const [found] = MetricAlarms;
            if (found === undefined) {
                throw new Gone(`There is no alarm ${id}.`);
            }
            const { Tags } = await aws.cloudwatch.listTagsForResource({
                ResourceARN: aws.arn("cloudwatch", `alarm:${id}`),
            });
            return {
                ...fields(found, "actionsEnabled", "alarmActions", "alarmDescription", "insufficientDataActions"),
                ...fields(found, "comparisonOperator", "datapointsToAlarm", "evaluationPeriods", "extendedStatistic"),
                ...fields(found, "metricName", "namespace", "period", "statistic", "threshold", "unit"),
                ...fields(found, "thresholdMetricId", "treatMissingData"),
                okActions: found.OKActions,
                dimensions: dimensions(found),
                metricQueries: found.Metrics?.map(({ MetricStat: metric, ...query }) => ({
                    ...(camelKeys(query) as object),
                    metric: metric && {
                        ...(camelKeys({ ...metric, ...metric.Metric }) as object),
                        dimensions: dimensions(metric.Metric),
                    },
                })),
                ...tagsAll(Tags),
            };
        },
    }),
    "cloudwatch/dashboard:Dashboard": adapter<DashboardArgs, DashboardState>({
        replaceOn: ["dashboardName"],
        gone: ["ResourceNotFound", "DashboardNotFoundError"],
        async create(aws, inputs) {
            await aws.cloudwatch.putDashboard({
                DashboardName: inputs.dashboardName,
                DashboardBody: inputs.dashboardBody,
            });
            const dashboardArn = aws.globalArn("cloudwatch", `dashboard/${inputs.dashboardName}`);
            return { id: inputs.dashboardName, dashboardArn };
        },
        async update(aws, { id, inputs }) {
            await aws.cloudwatch.putDashboard({ DashboardName: id, DashboardBody: inputs.dashboardBody });
        },
        delete: (aws, { id }) => aws.cloudwatch.deleteDashboards({ DashboardNames: [id] }),
        async read(aws, { id }) {
            const { DashboardBody } = await aws.cloudwatch.getDashboard({ DashboardName: id });
            return { dashboardBody: DashboardBody };
        },
    }),
});

function dimensions({ Dimensions = [] }: Metric = {}): Record<string, string | undefined> {
    return Object.fromEntries(Dimensions.map(({ Name = "", Value }) => [Name, Value]));
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
