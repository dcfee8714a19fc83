// The two npm packages as they are published: packed once, for all tests that look at them or install them.
import { execFile } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { promisify } from "node:util";

import { root } from "./plugin";

/** Where they say that they are published from. */
export const repository = "https://github.com/example/taskgate";

export interface Packed {
    /** The tarball of the components. */
    readonly taskgate: string;
    /** The tarball of the local system. */
    readonly local: string;
}

/** What a checkout has that is not its own text. */
const made = [".git", ".local", ".taskgate", ".tools", "coverage", "dist", "node_modules"];

let tarballs: Promise<Packed> | undefined;

export function packed(): Promise<Packed> {
    tarballs ??= pack();
    return tarballs;
}

/** In a copy of the checkout: packing builds dist/ anew, which other tests read meanwhile. */
async function pack(): Promise<Packed> {
    const copy = mkdtempSync(join(tmpdir(), "taskgate-packed-"));
    process.once("exit", () => rmSync(copy, { recursive: true, force: true }));
    cpSync(root, copy, { recursive: true, filter: (from) => !made.includes(basename(from)) });
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    const env = { ...outsideNpm(), GITHUB_SERVER_URL: "https://github.com", GITHUB_REPOSITORY: "example/taskgate" };
    const words = [join(copy, "tools/pack.mjs"), join(copy, "dist/tarballs")];
    const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: copy, env });
    const [taskgate, local] = stdout.trim().split("\n");
    return { taskgate, local };
}

/** The environment without the settings of the npm that runs the tests, such as its --prefix. */
export function outsideNpm(): NodeJS.ProcessEnv {
    return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("npm_")));
}
