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

/** Takes what is written to standard output by console.log, one JSON object a line, until `restore`. */
export function captureLog(): { readonly lines: LogLine[]; readonly restore: () => void } {
    const { log } = console;
    const lines: LogLine[] = [];
    console.log = (line: string) => void lines.push(JSON.parse(line) as LogLine);
    return { lines, restore: () => void (console.log = log) };
}

/** Takes what is written to standard output, line by line, until `restore`. */
export function captureOutput(): { readonly lines: string[]; readonly restore: () => void } {
    const write = process.stdout.write.bind(process.stdout);
    const lines: string[] = [];
    process.stdout.write = (text: string | Uint8Array) => lines.push(...String(text).trim().split("\n")) > 0;
    return { lines, restore: () => void (process.stdout.write = write) };
}
