// A local system that goes on running after the command that started it.
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { eventually } from "../internet/caller";
import { home, ours } from "../machine/projectRoot";
import { findSystemFile, type SystemFile } from "../machine/systemFile";

/**
 * Starts one without a stack, and resolves when it is ready.
 *
 * @throws with its last words when it ends instead
 */
export async function startInBackground(name = "default", containers = false): Promise<SystemFile> {
    mkdirSync(join(home, ".local"), { recursive: true });
    const log = join(home, ".local", `${name}.log`);
    const output = openSync(log, "w");
    const words = [
        ...process.execArgv,
        process.argv[1],
        "--system",
        name,
        "start",
        "--no-deploy",
        ...(containers ? ["--containers"] : []),
    ];
    const child = spawn(process.execPath, words, { detached: true, stdio: ["ignore", output, output] });
    closeSync(output);
    let hasEnded = false;
    child.once("exit", () => (hasEnded = true));
    const file = await eventually("the local system", () => {
        if (hasEnded) {
            const words = readFileSync(log, "utf8").trimEnd().split("\n").slice(-15).join("\n");
            throw new Error(`The local system could not be started:\n${words}\nWhole log: ${log}`);
        }
        return Promise.resolve(findSystemFile(join(home, ".local", name)));
    });
    child.unref();
    console.log(
        `Started the local system "${name}" in the background. Its console: ${ours} console. End it with: ${ours} down`,
    );
    return file;
}
