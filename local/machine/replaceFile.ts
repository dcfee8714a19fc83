import { renameSync, writeFileSync } from "node:fs";

/** Puts a file in its place at once: another process may be reading what is there. */
export function replaceFile(path: string, text: string, mode = 0o644): void {
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, text, { mode });
    renameSync(draft, path);
}
