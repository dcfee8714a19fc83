import type { LambdaContext } from "../../handlers/calls";

/** Lambda's context of an invocation that has so long to live. */
export function lambdaContext(milliseconds = 60_000, functionName = "function"): LambdaContext {
    const end = Date.now() + milliseconds;
    return { functionName, awsRequestId: "request-1", getRemainingTimeInMillis: () => end - Date.now() };
}

export interface LogLine {
    readonly level: string;
    readonly message: string;
    readonly [field: string]: unknown;
}

/** Metrics of one line in CloudWatch's embedded format. */
export type Metrics = Readonly<Record<string, unknown>>;

export interface CapturedLog {
    readonly lines: LogLine[];
    readonly metrics: Metrics[];
    readonly restore: () => void;
}

/** Takes what handlers log and the metrics that they write until `restore`, and leaves mocha's own lines alone. */
export function captureLog(): CapturedLog {
    const lines: LogLine[] = [];
    const metrics: Metrics[] = [];
    const { log } = console;
    console.log = (line: string) => void lines.push(JSON.parse(line) as LogLine);
    const restoreOutput = takeOutput(
        (text) => text.startsWith('{"_aws":') && metrics.push(JSON.parse(text) as Metrics) > 0,
    );
    return {
        lines,
        metrics,
        restore: () => {
            console.log = log;
            restoreOutput();
        },
    };
}

/** Nothing is written to standard output until what it answers is called. */
export function mute(): () => void {
    return takeOutput(() => true);
}

function takeOutput(takes: (text: string) => boolean): () => void {
    const write = process.stdout.write.bind(process.stdout);
    process.stdout.write = (text: string | Uint8Array, ...more: []) => takes(String(text)) || write(text, ...more);
    return () => void (process.stdout.write = write);
}
