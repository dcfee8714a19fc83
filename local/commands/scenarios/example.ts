// What the lives of all examples have in common: which program is run, and what it is told.
import { join } from "node:path";

import { projectRoot } from "../../machine/projectRoot";
import type { SystemFile } from "../../machine/systemFile";
import type { OperationOptions } from "../../pulumi/operation";
import { localConfig } from "../../pulumi/platforms";
import type { Config } from "../../pulumi/workspace";

export function exampleProgram(example: string): string {
    return join(projectRoot, "examples", example, "index.ts");
}

/** @param config laid over what the local system decides */
export function exampleOptions(example: string, system: SystemFile, config: Config): OperationOptions {
    return { program: exampleProgram(example), config: { ...localConfig(system), ...config } };
}
