import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { SystemFile } from "../machine/systemFile";

/** What the engine keeps of a stack. */
export interface StackState {
    readonly resources: readonly ResourceState[];
    readonly outputs: Readonly<Record<string, unknown>>;
    /** The whole file. */
    readonly text: string;
}

export interface ResourceState {
    readonly urn: string;
    readonly type: string;
    readonly inputs?: Readonly<Record<string, unknown>>;
    readonly outputs?: Readonly<Record<string, unknown>>;
}

export function stateFile({ directory }: SystemFile, stack: string, projectName: string): string {
    return join(directory, "pulumi/.pulumi/stacks", projectName, `${stack}.json`);
}

/** A stack's state, from the engine's file backend; without resources when the stack is not there. */
export function readState(system: SystemFile, stack = "local", projectName = "taskgate"): StackState {
    const file = stateFile(system, stack, projectName);
    if (!existsSync(file)) {
        return { resources: [], outputs: {}, text: "" };
    }
    const text = readFileSync(file, "utf8");
    const { resources = [] } = (JSON.parse(text) as Checkpoint).checkpoint.latest ?? {};
    const outputs = resources.find(({ type }) => type === "pulumi:pulumi:Stack")?.outputs ?? {};
    return { resources, outputs, text };
}

interface Checkpoint {
    readonly checkpoint: {
        readonly latest?: { readonly resources?: readonly ResourceState[] };
    };
}
