import { openSync, readdirSync, readSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { Command } from "commander";

import { chosenSystem } from "./chosen";

export function define(command: Command): void {
    command
        .argument("[part]", "only those whose name holds this", "")
        .action((part: string) => followLogs(chosenSystem(command).directory, part));
}

/** Prints every log file below a system's directory, and what is added to them, each line with its file's name; until Ctrl-C. */
async function followLogs(directory: string, part: string): Promise<never> {
    const logs = join(directory, "logs");
    const files = new Map<string, { fd: number; read: number; rest: string }>();
    for (;;) {
        for (const entry of readdirSync(logs, { recursive: true, withFileTypes: true })) {
            const path = join(entry.parentPath, entry.name);
            const name = relative(logs, path).replace(/\.log$/, "");
            if (!entry.isFile() || !name.includes(part)) {
                continue;
            }
            const file = files.get(path) ?? { fd: openSync(path, "r"), read: 0, rest: "" };
            files.set(path, file);
            const chunk = Buffer.alloc(statSync(path).size - file.read);
            file.read += readSync(file.fd, chunk, 0, chunk.length, file.read);
            const lines = (file.rest + chunk.toString()).split("\n");
            file.rest = lines.pop() ?? "";
            lines.forEach((line) => console.log(`${name} | ${line}`));
        }
        await delay(200);
    }
}
