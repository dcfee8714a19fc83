// A person at the command line: the local system's commands as processes of their own.
import { spawn } from "node:child_process";
import { join } from "node:path";

import { projectRoot } from "../../local/machine/projectRoot";

export interface Ended {
    readonly code: number | null;
    readonly stdout: string;
    readonly stderr: string;
}

const loader = join(projectRoot, "tools/typescript.cjs");
/** What starts a command: the words after Node's own. */
export const cliWords = ["-r", loader, join(projectRoot, "local/cli.ts")];

/** Runs a command of the local system to its end. */
export function taskgate(...words: readonly string[]): Promise<Ended> {
    return run([process.execPath, ...cliWords, ...words]);
}

/** Runs a program to its end, whatever that is. */
export function run(
    [program, ...words]: readonly string[],
    options: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> {
    const child = spawn(program, words, { cwd: projectRoot, ...options, stdio: ["ignore", "pipe", "pipe"] });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (text) => (stdout += String(text)));
    child.stderr.on("data", (text) => (stderr += String(text)));
    return new Promise((resolve, reject) =>
        child.once("error", reject).once("close", (code) => resolve({ code, stdout, stderr })),
    );
}
