import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { Command } from "commander";
import { parse } from "yaml";

import { projectRoot } from "../machine/projectRoot";
import { type Operation, runOperation } from "../pulumi/operation";
import { localConfig } from "../pulumi/platforms";
import { chosenSystem, oneOf } from "./chosen";
import { setting } from "./values";

export function define(command: Command): void {
    command
        .option("--stack <name>", "whose Pulumi.<name>.yaml is used", "local")
        .option("-c, --config <key=value...>", "configuration on top of it; lists as JSON", setting)
        .action(async ({ stack, config }: { stack: string; config?: Record<string, unknown> }) => {
            const system = chosenSystem(command);
            checkKeys(Object.keys(config ?? {}), join(projectRoot, "Pulumi.yaml"));
            await runOperation(system, command.name() as Operation, {
                stack,
                config: { ...localConfig(system), ...config },
                onOutput: (text) => process.stdout.write(text),
            });
        });
}

/** @throws for a key that the project's own Pulumi.yaml does not declare: the engine would take it and nobody would read it */
function checkKeys(keys: readonly string[], file: string): void {
    const { name, config } = parse(readFileSync(file, "utf8")) as { name: string; config?: Record<string, unknown> };
    const declared = Object.keys(config ?? {}).map((key) => `${name}:${key}`);
    const own = keys
        .map((key) => (key.includes(":") ? key : `${name}:${key}`))
        .filter((key) => key.startsWith(`${name}:`));
    const unknown = own.find((key) => !declared.includes(key));
    if (config !== undefined && unknown !== undefined) {
        throw new Error(`--config ${unknown}: ${file} declares no such key. ${oneOf(unknown, declared)}`);
    }
}
