// Tells when clients of a load-balanced service are served badly.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { alarm } from "../alarm";

/** Alarms of a service. */
export interface ServiceAlarms {
    /** ARN of the topic that is told. */
    readonly topicArn: pulumi.Input<string>;
    /**
     * Share of requests answered 5xx over five minutes above which there is an alarm, in percent, 0 to 100; with an Application Load Balancer.
     * @default 5
     */
    readonly errorPercent?: pulumi.Input<number>;
    /**
     * Time in which 99 of 100 requests are to be answered, in seconds, up to 300; with an Application Load Balancer.
     * @default 2
     */
    readonly latencySeconds?: pulumi.Input<number>;
}

export interface WatchedService {
    readonly type: "application" | "network";
    /** As CloudWatch names them. */
    readonly loadBalancer: pulumi.Input<string>;
    readonly targetGroup: pulumi.Input<string>;
    readonly tags: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
}

export function serviceAlarms(
    name: string,
    args: ServiceAlarms,
    service: WatchedService,
    parent: pulumi.Resource,
): void {
    const { topicArn } = args;
    const namespace = service.type === "application" ? "AWS/ApplicationELB" : "AWS/NetworkELB";
    const dimensions = { LoadBalancer: service.loadBalancer, TargetGroup: service.targetGroup };
    alarm(
        `${name}-unhealthy-targets`,
        {
            description:
                "Tasks fail the load balancer's health check; the service's events and the tasks' logs say why.",
            namespace,
            metricName: "UnHealthyHostCount",
            dimensions,
            statistic: "Maximum",
            threshold: 0,
            topicArn,
            tags: service.tags,
        },
        parent,
    );
    if (service.type === "network") {
        return;
    }
    const common = {
        comparisonOperator: "GreaterThanThreshold",
        evaluationPeriods: 1,
        treatMissingData: "notBreaching",
        alarmActions: [topicArn],
        okActions: [topicArn],
        tags: service.tags,
    };
    const sum = (id: string, metricName: string): aws.types.input.cloudwatch.MetricAlarmMetricQuery => ({
        id,
        metric: { namespace, metricName, dimensions, period: 300, stat: "Sum" },
    });
    new aws.cloudwatch.MetricAlarm(
        `${name}-errors`,
        {
            ...common,
            alarmDescription: "Too many requests are answered 5xx by the tasks; their logs say which and why.",
            threshold: args.errorPercent ?? 5,
            metricQueries: [
                { id: "share", expression: "100 * errors / requests", label: "5xx in percent", returnData: true },
                sum("errors", "HTTPCode_Target_5XX_Count"),
                sum("requests", "RequestCount"),
            ],
        },
        { parent },
    );
    new aws.cloudwatch.MetricAlarm(
        `${name}-latency`,
        {
            ...common,
            alarmDescription: "The tasks answer slowly: look at their CPU and at what they wait for.",
            namespace,
            metricName: "TargetResponseTime",
            dimensions,
            period: 300,
            extendedStatistic: "p99",
            threshold: args.latencySeconds ?? 2,
        },
        { parent },
    );
}
