import { readFileSync } from "node:fs";
import { join } from "node:path";

import { parse } from "yaml";
import { projectRoot } from "../../local/machine/projectRoot";

interface ProjectFile {
    readonly config: Record<string, { readonly default: unknown }>;
}

interface StackFile {
    readonly config: Record<string, unknown>;
}

/** The configuration of a stack: Pulumi.yaml's defaults, the stack's own file, and `overrides`, of which undefined takes a key away. */
export function stackConfig(stack: string, overrides: Record<string, unknown>): Record<string, string> {
    const { config: schema } = read<ProjectFile>("Pulumi.yaml");
    const defaults = Object.entries(schema).map(([key, { default: value }]) => [`taskgate:${key}`, value] as const);
    const { config: own } = read<StackFile>(`Pulumi.${stack}.yaml`);
    const all = { ...Object.fromEntries(defaults), ...own, ...overrides };
    const given = Object.entries(all).filter(([, value]) => value !== undefined);
    return Object.fromEntries(
        given.map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
    );
}

function read<File>(name: string): File {
    return parse(readFileSync(join(projectRoot, name), "utf8")) as File;
}
