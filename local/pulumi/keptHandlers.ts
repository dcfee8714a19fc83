// Keeps what Pulumi made of this checkout's handlers: to serialize them takes half of a program's time, and gives the same text
// until one of them changes. They capture nothing but each other: what a program closes over is serialized each time.
import type * as pulumi from "@pulumi/pulumi";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";

import { home, projectRoot } from "../machine/projectRoot";
import { replaceFile } from "../machine/replaceFile";

type Runtime = { serializeFunction: typeof pulumi.runtime.serializeFunction };

/** Lets the program's SDK look among the kept ones first; what it gives puts that back. */
export function keepHandlers(
    requireOfProgram: NodeJS.Require,
    handlers = join(projectRoot, "handlers"),
    cache = join(home, ".tools/cache/handlers"),
): () => void {
    const runtime = requireOfProgram("@pulumi/pulumi/runtime") as Runtime;
    const { serializeFunction } = runtime;
    const versions = ["@pulumi/pulumi", "typescript"].map(
        (name) => (requireOfProgram(`${name}/package.json`) as { version: string }).version,
    );
    const made = digest([
        process.version,
        ...versions,
        readFileSync(join(projectRoot, "tsconfig.json")),
        ...sources(handlers),
    ]);
    runtime.serializeFunction = async (callback, options) => {
        const name = nameOf(callback, handlers);
        if (name === undefined) {
            return serializeFunction(callback, options);
        }
        const file = join(cache, `${digest([made, name, JSON.stringify(options)])}.json`);
        if (existsSync(file)) {
            return JSON.parse(readFileSync(file, "utf8")) as pulumi.runtime.SerializedFunction;
        }
        const serialized = await serializeFunction(callback, options);
        mkdirSync(cache, { recursive: true });
        replaceFile(file, JSON.stringify(serialized));
        return serialized;
    };
    return () => (runtime.serializeFunction = serializeFunction);
}

/** Of a function that a module of handlers/ exports. */
function nameOf(callback: unknown, handlers: string): string | undefined {
    for (const [file, module] of Object.entries(require.cache)) {
        if (file.startsWith(handlers)) {
            const exported = Object.entries((module?.exports ?? {}) as object).find(([, value]) => value === callback);
            if (exported !== undefined) {
                return `${relative(handlers, file)} ${exported[0]}`;
            }
        }
    }
    return undefined;
}

function sources(handlers: string): Buffer[] {
    return (readdirSync(handlers, { recursive: true }) as string[])
        .filter((file) => file.endsWith(".ts"))
        .sort()
        .map((file) => readFileSync(join(handlers, file)));
}

function digest(parts: readonly (string | Buffer)[]): string {
    const hash = createHash("sha256");
    parts.forEach((part) => hash.update(createHash("sha256").update(part).digest()));
    return hash.digest("hex").slice(0, 32);
}
