import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** An alarm on one metric, that is to stay at a bound. */
export interface AlarmArgs {
    /** What is wrong and what to do, for whoever reads the alert. */
    readonly description: string;
    readonly namespace: string;
    readonly metricName: string;
    readonly dimensions: Record<string, pulumi.Input<string>>;
    readonly statistic: "Sum" | "Maximum" | "Minimum";
    /** Alarm above this, or below it where `hourly` says so. */
    readonly threshold: number;
    /** For a metric that is told once an hour: how many of the last hours must be beyond the threshold. */
    readonly hourly?: {
        readonly hours: number;
        readonly ofHours: number;
        /** Alarm below the threshold, and when nothing is told. */
        readonly below?: boolean;
    };
    /** Alarm below the threshold, and when nothing is told: for what must happen every five minutes. */
    readonly isHeartbeat?: boolean;
    /** Told when it goes off and when it is over; nobody when undefined. */
    readonly topicArn: pulumi.Input<string> | undefined;
    readonly tags: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
}

/** An alarm over five minutes or over hours; no data is no alarm, unless it watches for too little. */
export function alarm(name: string, args: AlarmArgs, parent: pulumi.Resource): aws.cloudwatch.MetricAlarm {
    const { topicArn, description, hourly, isHeartbeat = hourly?.below ?? false, ...metric } = args;
    const actions = topicArn === undefined ? undefined : [topicArn];
    return new aws.cloudwatch.MetricAlarm(
        name,
        {
            ...metric,
            alarmDescription: description,
            comparisonOperator: isHeartbeat ? "LessThanThreshold" : "GreaterThanThreshold",
            period: hourly === undefined ? 300 : 3_600,
            evaluationPeriods: hourly?.ofHours ?? 1,
            datapointsToAlarm: hourly?.hours,
            treatMissingData: isHeartbeat ? "breaching" : "notBreaching",
            alarmActions: actions,
            okActions: actions,
        },
        { parent },
    );
}
