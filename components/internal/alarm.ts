import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** An alarm on one metric, whose sum or maximum over five minutes is to stay at a bound. */
export interface AlarmArgs {
    /** What is wrong and what to do, for whoever reads the alert. */
    readonly description: string;
    readonly namespace: string;
    readonly metricName: string;
    readonly dimensions: Record<string, pulumi.Input<string>>;
    readonly statistic: "Sum" | "Maximum";
    /** Alarm above this. */
    readonly threshold: number;
    /** Told when it goes off and when it is over; nobody when undefined. */
    readonly topicArn: pulumi.Input<string> | undefined;
    readonly tags: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
}

/** An alarm over five minutes; no data is no alarm. */
export function alarm(name: string, args: AlarmArgs, parent: pulumi.Resource): aws.cloudwatch.MetricAlarm {
    const { topicArn, description, ...metric } = args;
    const actions = topicArn === undefined ? undefined : [topicArn];
    return new aws.cloudwatch.MetricAlarm(
        name,
        {
            ...metric,
            alarmDescription: description,
            comparisonOperator: "GreaterThanThreshold",
            period: 300,
            evaluationPeriods: 1,
            treatMissingData: "notBreaching",
            alarmActions: actions,
            okActions: actions,
        },
        { parent },
    );
}
