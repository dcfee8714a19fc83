import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import * as pulumi from "@pulumi/pulumi";
import { packageFolders } from "../../components/internal/functions/packages";
import { projectRoot } from "../../local/machine/projectRoot";

// A handler as Lambda gets it, Pulumi's text of the function and the packages it is given, alone in a folder with nothing else to be
// found but the AWS SDK; it runs in a process of its own, which can be killed.

/** What Node needs to run a handler: `node -e <script> <event> <request id>` in this folder, with this environment. */
export interface HandlerFolder {
    readonly directory: string;
    readonly script: string;
    readonly environment: Readonly<Record<string, string>>;
    /** The length of the function's text. */
    readonly size: number;
    remove(): void;
}

export async function handlerFolder(
    handler: (...args: never[]) => unknown,
    packages: readonly string[],
): Promise<HandlerFolder> {
    const root = mkdtempSync(join(tmpdir(), "taskgate-test-"));
    const [directory, sdk] = ["function", "sdk"].map((name) => join(root, name));
    mkdirSync(directory);
    mkdirSync(sdk);
    // Lambda's own SDK lies outside the function's folder.
    symlinkSync(join(projectRoot, "node_modules", "@aws-sdk"), join(sdk, "@aws-sdk"));
    const { text: code } = await pulumi.runtime.serializeFunction(handler, { allowSecrets: true });
    writeFileSync(join(directory, "__index.js"), code);
    for (const [place, folder] of packageFolders(packages)) {
        cpSync(folder, join(directory, place), { recursive: true });
    }
    const script = `
        const { handler } = require("./__index.js");
        const [event, awsRequestId] = process.argv.slice(1);
        const end = Date.now() + 300_000;
        const context = { functionName: "f", awsRequestId, getRemainingTimeInMillis: () => end - Date.now() };
        handler(JSON.parse(event), context).then(
            (answer) => console.log(JSON.stringify({ answer })),
            ({ name, message }) => console.log(JSON.stringify({ error: name + ": " + message })),
        );`;
    const remove = () => rmSync(root, { recursive: true });
    return { directory, script, environment: { NODE_PATH: sdk }, size: code.length, remove };
}

export interface Invocation {
    readonly child: ChildProcess;
    /** What it answered or threw; undefined when it was killed. */
    readonly end: Promise<{ readonly answer?: unknown; readonly error?: string; readonly log: string } | undefined>;
}

/** Starts an invocation with nothing inherited. All have the same request id, as an invocation that Lambda tries again. */
export function invoke(
    { directory, script, environment: own }: HandlerFolder,
    environment: Readonly<Record<string, string | undefined>>,
    event: object = {},
): Invocation {
    const child = spawn(process.execPath, ["-e", script, JSON.stringify(event), "r"], {
        cwd: directory,
        env: { ...environment, ...own },
        stdio: ["ignore", "pipe", "ignore"],
    });
    const end = text(child.stdout).then((log) => {
        const last = log.trim().split("\n").at(-1) ?? "";
        return /^\{"(answer|error)"/.test(last)
            ? { ...(JSON.parse(last) as { answer?: unknown; error?: string }), log }
            : undefined;
    });
    return { child, end };
}
