// The two npm packages as they are published: packed once, for all tests that look at them or install them.
import { execFile } from "node:child_process";
import { join } from "node:path";
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

let tarballs: Promise<Packed> | undefined;

export function packed(): Promise<Packed> {
    tarballs ??= pack();
    return tarballs;
}

async function pack(): Promise<Packed> {
    const env = { ...outsideNpm(), GITHUB_SERVER_URL: "https://github.com", GITHUB_REPOSITORY: "example/taskgate" };
    const words = [join(root, "tools/pack.mjs"), join(root, "dist/tarballs")];
    const { stdout } = await promisify(execFile)(process.execPath, words, { cwd: root, env });
    const [taskgate, local] = stdout.trim().split("\n");
    return { taskgate, local };
}

/** The environment without the settings of the npm that runs the tests, such as its --prefix. */
export function outsideNpm(): NodeJS.ProcessEnv {
    return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("npm_")));
}
