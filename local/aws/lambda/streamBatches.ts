// What Lambda does with the records of a shard whose function fails
// (https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html, services-kinesis-batchfailurereporting.html).

export interface StreamRecord {
    readonly sequenceNumber: string;
    readonly partitionKey: string;
    /** Base64. */
    readonly data: string;
    /** Seconds since 1970. */
    readonly arrival: number;
}

/** How an invocation ended: what the function returned, as JSON, or its failure. */
export interface Outcome {
    readonly isError: boolean;
    readonly payload: string;
}

/** Why records are given up, as the record at the destination says it. */
export type Condition = "RetryAttemptsExhausted" | "RecordAgeExceeded";

export interface BatchRules {
    readonly bisects: boolean;
    /** FunctionResponseTypes has ReportBatchItemFailures. */
    readonly reportsFailures: boolean;
    /** -1 = as long as the records are there. */
    readonly maxRetries: number;
    /** In seconds; -1 = as long as they are there. */
    readonly maxAge: number;
}

export interface BatchActions {
    readonly invoke: (records: readonly StreamRecord[]) => Promise<Outcome>;
    readonly discard: (records: readonly StreamRecord[], condition: Condition, invocations: number) => Promise<void>;
    /** Waits before the next try; rejects when there is to be none. */
    readonly pause: (retries: number) => Promise<void>;
    /** In milliseconds. */
    readonly now: () => number;
}

/** Resolves when each record is done with or given up: until then, nothing that comes later in the shard is tried. */
export async function workOff(
    records: readonly StreamRecord[],
    rules: BatchRules,
    actions: BatchActions,
    retries = 0,
): Promise<void> {
    const isOld = ({ arrival }: StreamRecord) =>
        rules.maxAge >= 0 && actions.now() - arrival * 1_000 > rules.maxAge * 1_000;
    const old = records.filter(isOld);
    const rest = old.length === 0 ? records : records.filter((record) => !old.includes(record));
    if (old.length > 0) {
        await actions.discard(old, "RecordAgeExceeded", retries);
    }
    if (rest.length === 0) {
        return;
    }
    const failedAt = firstFailure(rest, await actions.invoke(rest), rules.reportsFailures);
    if (failedAt === undefined) {
        return;
    }
    if (failedAt > 0) {
        await actions.pause(0);
        await workOff(rest.slice(failedAt), rules, actions); // what came before is done
    } else if (rules.bisects && rest.length > 1) {
        // A half is no retry.
        const middle = Math.ceil(rest.length / 2);
        await workOff(rest.slice(0, middle), rules, actions, retries);
        await workOff(rest.slice(middle), rules, actions, retries);
    } else if (rules.maxRetries >= 0 && retries >= rules.maxRetries) {
        await actions.discard(rest, "RetryAttemptsExhausted", retries + 1);
    } else {
        await actions.pause(retries);
        await workOff(rest, rules, actions, retries + 1);
    }
}

interface Reported {
    readonly batchItemFailures?: readonly { readonly itemIdentifier?: unknown }[] | null;
}

/** The first record that is to come again; undefined when none is. What names no record of the batch is a failure of all. */
function firstFailure(
    records: readonly StreamRecord[],
    { isError, payload }: Outcome,
    reportsFailures: boolean,
): number | undefined {
    if (isError) {
        return 0;
    }
    const failures = reportsFailures ? ((JSON.parse(payload) as Reported | null)?.batchItemFailures ?? []) : [];
    if (failures.length === 0) {
        return undefined;
    }
    const indexes = failures.map(({ itemIdentifier }) =>
        records.findIndex(({ sequenceNumber }) => sequenceNumber === itemIdentifier),
    );
    return Math.max(0, Math.min(...indexes));
}
