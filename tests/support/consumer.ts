// A project of somebody else's: the published package, installed beside packages of its own.
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";

import { outsideNpm, packed } from "./packed";

export interface Consumer {
    readonly directory: string;
    /** Runs a command there. @throws with all that it printed */
    run(command: string, ...args: string[]): Promise<string>;
    /** Copies another example beside it, to be run with the same packages; gives its folder. */
    add(example: string): string;
    remove(): void;
}

/** A copy of an example, with the package as npm would publish it and with `packages` of the project's own. */
export async function installConsumer(example: string, packages: readonly string[]): Promise<Consumer> {
    const scratch = mkdtempSync(join(tmpdir(), "taskgate-consumer-"));
    const directory = join(scratch, basename(example));
    cpSync(example, directory, { recursive: true });
    const consumer = {
        directory,
        run: (command: string, ...args: string[]) => run(directory, command, args),
        add: (example: string) => {
            const other = join(scratch, basename(example));
            cpSync(example, other, { recursive: true });
            symlinkSync(join(directory, "node_modules"), join(other, "node_modules"));
            return other;
        },
        remove: () => rmSync(scratch, { recursive: true, force: true }),
    };
    try {
        const { taskgate } = await packed();
        await consumer.run("npm", "install", "--prefer-offline", taskgate, ...packages);
        return consumer;
    } catch (error) {
        consumer.remove();
        throw error;
    }
}

async function run(cwd: string, command: string, args: readonly string[]): Promise<string> {
    try {
        return (await promisify(execFile)(command, args, { cwd, env: outsideNpm() })).stdout;
    } catch (error) {
        const { message, stdout } = error as Error & { stdout?: string };
        throw new Error(`${message}\n${stdout ?? ""}`);
    }
}
