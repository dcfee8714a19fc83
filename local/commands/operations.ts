import { join } from "node:path";

import type { Command } from "commander";

import { projectRoot } from "../machine/projectRoot";
import { type Operation, runOperation } from "../pulumi/operation";
import { localConfig } from "../pulumi/platforms";
import { chosenSystem } from "./chosen";
import { checkKeys, setting } from "./settings";

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
