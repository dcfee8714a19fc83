// What functions tell CloudWatch by lines of their logs, and what Lambda tells of each run: the values of the dashboards' curves.
import type { Feed } from "./feed";

/** Values of one metric at one time, as an entry of the console. */
export interface MetricValues {
    readonly time: number;
    readonly namespace: string;
    readonly metric: string;
    readonly dimensions: Readonly<Record<string, string>>;
    readonly values: readonly number[];
}

interface EmbeddedMetrics {
    readonly _aws: {
        readonly Timestamp: number;
        readonly CloudWatchMetrics: readonly {
            readonly Namespace: string;
            readonly Dimensions: readonly (readonly string[])[];
            readonly Metrics: readonly { readonly Name: string }[];
        }[];
    };
    readonly [member: string]: unknown;
}

/**
 * The metrics of a log line in CloudWatch's embedded metric format; of any other line none.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export function metricsOf(line: string): MetricValues[] {
    if (!line.includes('"CloudWatchMetrics"')) {
        return [];
    }
    const document = parsed(line.slice(line.indexOf("{")));
    if (document === undefined) {
        return [];
    }
    const { Timestamp: time, CloudWatchMetrics } = document._aws;
    return CloudWatchMetrics.flatMap(({ Namespace: namespace, Dimensions, Metrics }) =>
        Dimensions.flatMap((names) =>
            Metrics.map(({ Name: metric }) => ({
                ...{ time, namespace, metric },
                dimensions: Object.fromEntries(names.map((name) => [name, String(document[name])])),
                values: [document[metric]].flat().map(Number),
            })),
        ),
    );
}

/** undefined for what is no whole document, as CloudWatch leaves it out, too. */
function parsed(text: string): EmbeddedMetrics | undefined {
    try {
        return JSON.parse(text) as EmbeddedMetrics;
    } catch {
        return undefined;
    }
}

/** Adds values to what the console keeps. */
export function createMetrics(feed: Feed): (values: MetricValues) => void {
    let count = 0;
    return (values) => feed.set("metric", String(++count), values);
}
