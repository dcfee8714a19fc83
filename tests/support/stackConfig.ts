import { readFileSync } from "node:fs";
import { join } from "node:path";

import * as pulumi from "@pulumi/pulumi";
import { parse } from "yaml";

interface ProjectFile {
    readonly config: Record<string, { readonly default: unknown }>;
}

interface StackFile {
    readonly config: Record<string, unknown>;
}

/** Sets the configuration of the program at hand: Pulumi.yaml's defaults, the stack's own file, and `overrides`. */
export function configure(stack: string, overrides: Record<string, unknown> = {}): void {
    const { config: schema } = read<ProjectFile>("Pulumi.yaml");
    const defaults = Object.entries(schema).map(([key, { default: value }]) => [`taskgate:${key}`, value] as const);
    const { config: own } = read<StackFile>(`Pulumi.${stack}.yaml`);
    const all = { ...Object.fromEntries(defaults), ...own, ...overrides };
    const given = Object.entries(all).filter(([, value]) => value !== undefined);
    pulumi.runtime.setAllConfig(
        Object.fromEntries(
            given.map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
        ),
    );
}

function read<File>(name: string): File {
    return parse(readFileSync(join(__dirname, "..", "..", name), "utf8")) as File;
}
