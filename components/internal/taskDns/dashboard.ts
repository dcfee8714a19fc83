import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { metricNamespace, Watched } from "./alarms";

/** Makes `${name}-dashboard`: what stands, how quickly it came, and what is in the way. */
export function taskDnsDashboard(
    name: string,
    { queue, sync, sweep, table }: Omit<Watched, "rule" | "deadLetters">,
    parent: pulumi.Resource,
): aws.cloudwatch.Dashboard {
    const { region } = aws.getRegionOutput({}, { parent });
    const dashboardBody = pulumi
        .all([region, table.name, queue.name, sync.name, sweep.name])
        .apply(([inRegion, registry, queueName, syncName, sweepName]) => {
            const ours = (metric: string, stat: string): unknown[] => [
                metricNamespace,
                metric,
                "Registry",
                registry,
                { stat },
            ];
            const widgets = [
                ["Names and tasks", [ours("LiveNames", "Maximum"), ours("RunningTasks", "Maximum")]],
                [
                    "Event to accepted by Route 53 (ms)",
                    [ours("EventToAccepted", "p50"), ours("EventToAccepted", "p99")],
                ],
                ["Made and removed", [ours("Published", "Sum"), ours("Removed", "Sum")]],
                [
                    "In the way",
                    ["Throttled", "RefusedBatches", "Offenders", "Returned", "Occupied", "Malformed"].map((metric) =>
                        ours(metric, "Sum"),
                    ),
                ],
                [
                    "To be mended",
                    ["OrphanNames", "StuckNames", "UnnamedTasks", "OrphanRecords"].map((metric) =>
                        ours(metric, "Maximum"),
                    ),
                ],
                [
                    "Functions and queue",
                    [
                        ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", queueName, { stat: "Maximum" }],
                        ["AWS/Lambda", "Errors", "FunctionName", syncName, { stat: "Sum" }],
                        ["AWS/Lambda", "Errors", "FunctionName", sweepName, { stat: "Sum" }],
                    ],
                ],
            ] as const;
            return JSON.stringify({
                widgets: widgets.map(([title, metrics], index) => ({
                    type: "metric",
                    x: (index % 2) * 12,
                    y: Math.floor(index / 2) * 6,
                    width: 12,
                    height: 6,
                    properties: { title, region: inRegion, period: 60, view: "timeSeries", metrics },
                })),
            });
        });
    return new aws.cloudwatch.Dashboard(
        `${name}-dashboard`,
        { dashboardName: pulumi.interpolate`${table.name}`, dashboardBody },
        { parent },
    );
}
