import type { Writable } from "node:stream";

export interface CurlOptions {
    /** Where the paths among the words begin (default: the process's own directory). */
    readonly cwd?: string;
    readonly stdout?: Writable;
    /** Is told what went wrong, unless the words say --silent. */
    readonly tell?: (text: string) => void;
    readonly signal?: AbortSignal;
}

/** Does what the words say, and answers the exit code. */
export function curl(args: readonly string[], options?: CurlOptions): Promise<number>;
