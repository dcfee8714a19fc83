/** A metric's unit, as CloudWatch spells it. */
export type Unit = "Count" | "Milliseconds" | "Seconds";

/** Values of one metric in one run; none is no data. */
export interface Metric {
    readonly unit: Unit;
    readonly values: readonly number[];
}

/** The namespace of all our metrics. */
const NAMESPACE = "taskgate";
/** What one metric of one line may hold (CloudWatch's embedded metric format). */
const VALUES_PER_LINE = 100;

/**
 * Writes metrics in CloudWatch's embedded metric format, which costs no request and needs no permission. Not by console.log: Lambda puts time
 * and request before that, and then it is no JSON any more.
 */
export function writeMetrics(
    dimensions: Readonly<Record<string, string>>,
    metrics: Readonly<Record<string, Metric>>,
): void {
    const all = Object.entries(metrics).filter(([, { values }]) => values.length > 0);
    const lines = Math.max(0, ...all.map(([, { values }]) => Math.ceil(values.length / VALUES_PER_LINE)));
    for (let line = 0; line < lines; line++) {
        const of = (values: readonly number[]) => values.slice(line * VALUES_PER_LINE, (line + 1) * VALUES_PER_LINE);
        const some = all.filter(([, { values }]) => of(values).length > 0);
        const directive = {
            Namespace: NAMESPACE,
            Dimensions: [Object.keys(dimensions)],
            Metrics: some.map(([Name, { unit }]) => ({ Name, Unit: unit })),
        };
        const document = {
            _aws: { Timestamp: Date.now(), CloudWatchMetrics: [directive] },
            ...dimensions,
            ...Object.fromEntries(some.map(([name, { values }]) => [name, of(values)])),
        };
        process.stdout.write(`${JSON.stringify(document)}\n`);
    }
}
