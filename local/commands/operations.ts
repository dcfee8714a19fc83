import type { Command } from "commander";
import { join, resolve } from "node:path";

import { isPackage } from "../machine/projectRoot";
import type { SystemFile } from "../machine/systemFile";
import { type Operation, type OperationResult, type PolicyPackOptions, runOperation } from "../pulumi/operation";
import { installPlugin } from "../pulumi/plugin";
import { localConfig } from "../pulumi/platforms";
import { chosenProgram, folderOf, rememberDeployed } from "../pulumi/program";
import { chosenSystem, findSystem } from "./chosen";
import { checkKeys, setting } from "./settings";
import { startInBackground } from "./background";

interface Options {
    readonly stack: string;
    readonly config?: Record<string, unknown>;
    readonly containers?: boolean;
    readonly policyPack?: string;
    readonly policyPackConfig?: string;
}

export function define(command: Command): void {
    if (isPackage && command.name() !== "destroy") {
        command.option("--containers", "where this starts the local system: as its start --containers");
    }
    command
        .option("--stack <name>", "whose Pulumi.<name>.yaml is used", "local")
        .option("-c, --config <key=value...>", "configuration on top of it; lists as JSON", setting)
        .option("--policy-pack <folder>", "judge by its rules what is about to be made")
        .option("--policy-pack-config <file>", "as JSON, what is configured of its rules")
        .action(async ({ stack, config = {}, containers, policyPack, policyPackConfig }: Options) => {
            const kind = command.name() as Operation;
            const deployed = chosenProgram(stack);
            checkKeys(Object.keys(config), join(folderOf(deployed), "Pulumi.yaml"));
            const system = await systemFor(command, kind, containers);
            rememberDeployed(system, deployed);
            if (deployed.program.endsWith(".yaml")) {
                installPlugin(system, deployed.program);
            }
            const { resources } = await runOperation(system, kind, {
                ...{ stack, program: deployed.program },
                config: { ...localConfig(system), ...config },
                policyPack: policyPack === undefined ? undefined : packAt(policyPack, policyPackConfig),
                onOutput: (text) => process.stdout.write(text),
            });
            await warnOfUnknown(resources);
        });
}

/** From where the command is given. */
function packAt(folder: string, config?: string): PolicyPackOptions {
    return { folder: resolve(folder), ...(config !== undefined && { config: resolve(config) }) };
}

/** In one warning: what is there, but does nothing. */
async function warnOfUnknown(resources: OperationResult["resources"]): Promise<void> {
    const ofAws = [...new Set(resources.map(({ type }) => type).filter((type) => type.startsWith("aws:")))];
    if (isPackage && ofAws.length > 0) {
        const { adapters } = await import("../pulumi/providers/aws");
        const unknown = ofAws.filter((type) => !Object.hasOwn(adapters, type));
        if (unknown.length > 0) {
            console.error(
                `\nwarning: kept as state only, as the local system does not know what they do: ${unknown.sort().join(", ")}`,
            );
        }
    }
}

/** The one that runs; in a project of one's own, one is started for what would make something. */
async function systemFor(command: Command, kind: Operation, containers?: boolean): Promise<SystemFile> {
    const { system } = command.optsWithGlobals<{ system?: string }>();
    return isPackage && kind !== "destroy"
        ? (findSystem(command) ?? startInBackground(system, containers))
        : chosenSystem(command);
}
