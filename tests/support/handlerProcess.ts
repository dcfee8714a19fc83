import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import * as pulumi from "@pulumi/pulumi";
import { projectRoot } from "../../local/machine/projectRoot";

// A handler as Lambda runs it, in a process of its own, which can be killed.

export interface HandlerProcess {
    /** Starts an invocation with nothing inherited. */
    invoke(event: object, environment: Readonly<Record<string, string | undefined>>): Invocation;
    remove(): void;
}

export interface Invocation {
    readonly child: ChildProcess;
    /** What it answered or threw; undefined when it was killed. */
    readonly end: Promise<{ readonly answer?: unknown; readonly error?: string; readonly log: string } | undefined>;
}

export async function handlerProcess(handler: (...args: never[]) => unknown): Promise<HandlerProcess> {
    const directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
    const sdk = join(directory, "sdk");
    mkdirSync(sdk);
    symlinkSync(join(projectRoot, "node_modules", "@aws-sdk"), join(sdk, "@aws-sdk"));
    const { text: code } = await pulumi.runtime.serializeFunction(handler, {});
    writeFileSync(join(directory, "__index.js"), code);
    const script = `
        const { handler } = require("./__index.js");
        const end = Date.now() + 300_000;
        const context = { functionName: "f", awsRequestId: "r", getRemainingTimeInMillis: () => end - Date.now() };
        handler(JSON.parse(process.argv[1]), context).then(
            (answer) => console.log(JSON.stringify({ answer })),
            ({ name, message }) => console.log(JSON.stringify({ error: name + ": " + message })),
        );`;
    return {
        invoke(event, environment) {
            const child = spawn(process.execPath, ["-e", script, JSON.stringify(event)], {
                cwd: directory,
                env: { ...environment, NODE_PATH: sdk },
                stdio: ["ignore", "pipe", "ignore"],
            });
            const end = text(child.stdout).then((log) => {
                const last = log.trim().split("\n").at(-1) ?? "";
                return /^\{"(answer|error)"/.test(last)
                    ? { ...(JSON.parse(last) as { answer?: unknown; error?: string }), log }
                    : undefined;
            });
            return { child, end };
        },
        remove: () => rmSync(directory, { recursive: true }),
    };
}
