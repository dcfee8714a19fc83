import * as pulumi from "@pulumi/pulumi";

import type { Curve, Plot } from "../dashboard";
import { metricNamespace } from "./alarms";

/** By name: what a TaskDns has made. */
export interface TaskDnsParts {
    readonly registry: pulumi.Input<string>;
    readonly queue: pulumi.Input<string>;
    readonly sync: pulumi.Input<string>;
    readonly sweep: pulumi.Input<string>;
}

/** What stands, how quickly it came, and what is in the way. */
export function taskDnsPlots(parts: TaskDnsParts): pulumi.Output<Plot[]> {
    return pulumi.output(parts).apply(({ registry, queue, sync, sweep }) => {
        const ours = (metric: string, stat: string): Curve => ({
            ...{ namespace: metricNamespace, metric, stat },
            dimensions: { Registry: registry },
        });
        const errors = (FunctionName: string): Curve => ({
            ...{ namespace: "AWS/Lambda", metric: "Errors", stat: "Sum" },
            dimensions: { FunctionName },
        });
        return [
            { title: "Names and tasks", curves: [ours("LiveNames", "Maximum"), ours("RunningTasks", "Maximum")] },
            {
                title: "Event to accepted by Route 53, and to in sync (ms)",
                curves: ["EventToAccepted", "AcceptedToInSync"].flatMap((metric) => [
                    ours(metric, "p50"),
                    ours(metric, "p99"),
                ]),
            },
            { title: "Made and removed", curves: [ours("Published", "Sum"), ours("Removed", "Sum")] },
            {
                title: "In the way",
                curves: ["Throttled", "RefusedBatches", "Offenders", "Returned", "Occupied", "Malformed"].map(
                    (metric) => ours(metric, "Sum"),
                ),
            },
            {
                title: "To be mended",
                curves: ["OrphanNames", "StuckNames", "UnnamedTasks", "OrphanRecords"].map((metric) =>
                    ours(metric, "Maximum"),
                ),
            },
            {
                title: "Functions and queue",
                curves: [
                    {
                        ...{ namespace: "AWS/SQS", metric: "ApproximateAgeOfOldestMessage", stat: "Maximum" },
                        dimensions: { QueueName: queue },
                    },
                    errors(sync),
                    errors(sweep),
                ],
            },
        ];
    });
}
