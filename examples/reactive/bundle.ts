// A program of this folder as one file, with all that it imports.
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

import { buildSync } from "esbuild";

/** Its text. Lambda's Node.js brings the AWS SDK; an image does not. */
export function bundle(entry: string, external: string[] = []): string {
    const { outputFiles } = buildSync({
        entryPoints: [entry],
        external,
        ...{ bundle: true, write: false, platform: "node", target: "node24", format: "cjs", logLevel: "error" },
    });
    return outputFiles[0].text;
}

/** Written at once or not at all, and not when it is there already. */
export function writeWhole(file: string, text: string): void {
    if (existsSync(file) && readFileSync(file, "utf8") === text) {
        return;
    }
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(`${file}.${process.pid}`, text);
    renameSync(`${file}.${process.pid}`, file);
}
