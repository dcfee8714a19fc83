import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** One curve: a metric of CloudWatch, and what is shown of each minute of it. */
export interface Curve {
    readonly namespace: string;
    readonly metric: string;
    readonly dimensions: Readonly<Record<string, string>>;
    /** As CloudWatch calls it: Sum, Maximum, p99, … */
    readonly stat: string;
}

/** Curves that answer one question, which the title asks. */
export interface Plot {
    readonly title: string;
    readonly curves: readonly Curve[];
}

/**
 * Makes `${name}-dashboard`, two plots a row. A metric that nothing has written yet is an empty curve.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
 */
export function dashboard(
    name: string,
    args: { readonly dashboardName: pulumi.Input<string>; readonly plots: pulumi.Input<readonly Plot[]> },
    parent: pulumi.Resource,
): aws.cloudwatch.Dashboard {
    const { region } = aws.getRegionOutput({}, { parent });
    const dashboardBody = pulumi.all([region, args.plots]).apply(([inRegion, plots]) =>
        JSON.stringify({
            widgets: plots.map(({ title, curves }, index) => ({
                type: "metric",
                x: (index % 2) * 12,
                y: Math.floor(index / 2) * 6,
                width: 12,
                height: 6,
                properties: { title, region: inRegion, period: 60, view: "timeSeries", metrics: curves.map(written) },
            })),
        }),
    );
    return new aws.cloudwatch.Dashboard(
        `${name}-dashboard`,
        { dashboardName: args.dashboardName, dashboardBody },
        { parent },
    );
}

function written({ namespace, metric, dimensions, stat }: Curve): unknown[] {
    return [namespace, metric, ...Object.entries(dimensions).flat(), { stat }];
}

/** CPU and memory of a service's tasks, in percent of what they have. */
export function servicePlot(clusterName: string, serviceName: string): Plot {
    const dimensions = { ClusterName: clusterName, ServiceName: serviceName };
    const curve = (metric: string, stat: string): Curve => ({ namespace: "AWS/ECS", metric, dimensions, stat });
    return {
        title: "CPU and memory of the service's tasks (%)",
        curves: ["CPUUtilization", "MemoryUtilization"].flatMap((metric) => [
            curve(metric, "Average"),
            curve(metric, "Maximum"),
        ]),
    };
}
