// What a build of an image starts from. The one place where components read the program's files (docs/design.md).
import { createHash } from "node:crypto";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { join } from "node:path";

import ignore from "@balena/dockerignore";

import { Reason } from "../rules";

/** Paths are relative to the working directory: the folder of the Pulumi program, for a program, a plugin and Docker alike. */
export interface BuildContext {
    readonly context: string;
    /** Left out: `Dockerfile` in the context. */
    readonly dockerfile?: string;
}

/** The path of the Dockerfile. */
export function dockerfileOf({ context, dockerfile = join(context, "Dockerfile") }: BuildContext): string {
    return dockerfile;
}

/** The folder of a build. */
export function contextReason(path: string): Reason {
    return statSync(path, { throwIfNoEntry: false })?.isDirectory()
        ? undefined
        : `"${path}" is not a folder: give one, relative to ${process.cwd()}`;
}

/** The Dockerfile of a build. */
export function dockerfileReason(path: string): Reason {
    return statSync(path, { throwIfNoEntry: false })?.isFile()
        ? undefined
        : `"${path}" is not a file: give a Dockerfile, relative to ${process.cwd()}`;
}

/** The files of the context, sorted, as paths in it; without those that its `.dockerignore`, or the Dockerfile's own, names. */
export function contextFiles(build: BuildContext): string[] {
    const candidates = [`${dockerfileOf(build)}.dockerignore`, join(build.context, ".dockerignore")];
    const file = candidates.find((path) => existsSync(path));
    const patterns = file === undefined ? "" : readFileSync(file, "utf8");
    const ignored = ignore({ ignorecase: false }).add(patterns);
    const hasExceptions = /^\s*!/m.test(patterns);

    function filesBelow(folder: string): string[] {
        return readdirSync(join(build.context, folder), { withFileTypes: true }).flatMap((entry) => {
            const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
            const isIgnored = ignored.ignores(path);
            if (entry.isDirectory()) {
                return isIgnored && !hasExceptions ? [] : filesBelow(path);
            }
            return isIgnored ? [] : [path];
        });
    }
    return filesBelow("").sort();
}

/** Changes whenever the Dockerfile, or the path, the mode or the content of a file of the context does. */
export function contextHash(build: BuildContext): string {
    const hash = createHash("sha256").update(readFileSync(dockerfileOf(build)));
    for (const file of contextFiles(build)) {
        const path = join(build.context, file);
        const stats = lstatSync(path);
        const link = stats.isSymbolicLink() ? readlinkSync(path) : "";
        // A link may lead out of the context: what it leads to counts, as it does for @pulumi/docker-build.
        const content = statSync(path, { throwIfNoEntry: false })?.isFile() ? readFileSync(path) : "";
        hash.update(JSON.stringify([file, stats.mode, link, content.length])).update(content);
    }
    return hash.digest("hex");
}
