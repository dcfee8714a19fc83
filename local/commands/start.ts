// `npm start`: everything up, one task with its URL, then a list of tasks that stays true until Ctrl-C.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { type Command, Option } from "commander";

import { home, isPackage } from "../machine/projectRoot";
import { chosenProgram, folderOf } from "../pulumi/program";
import { findEngine } from "../tasks/images/engine";
import { wholeLife } from "./once";
import { runScenario, type Scenario, scenarios } from "./scenarios/scenarios";
import { appOf } from "./app";
import { checkKeys, setting } from "./settings";
import { stayUp } from "./stayUp";
import { wholeNumber } from "./values";

interface Options {
    readonly once?: boolean;
    readonly scenario?: Scenario;
    readonly report?: string;
    readonly stack: string;
    readonly config?: Readonly<Record<string, unknown>>;
    readonly deploy: boolean;
    readonly app?: string;
    readonly command?: string;
    readonly port: number;
    readonly containers?: boolean;
}

export function define(command: Command): void {
    command
        .option("--stack <name>", "whose Pulumi.<name>.yaml is used", "local")
        .option("-c, --config <key=value...>", "configuration on top of it; lists as JSON", setting)
        .option("--app <folder>", "run the program of this folder in the tasks, anew when a file changes")
        .option("--command <words>", "with --app: what runs there, instead of what its Dockerfile starts")
        .option("--port <number>", "with --app: where it serves plain HTTP", wholeNumber(1, 65_535), 8080)
        .option("--containers", "run images that nothing here stands for by this machine's Docker or Podman")
        .option("--no-deploy", "only the system: neither stack nor task");
    if (!isPackage) {
        command
            .option("--once", "go through the whole life, then exit")
            .addOption(
                new Option("--scenario <shape>", "go through the life of another shape instead").choices(scenarios),
            )
            .option("--report <file>", "with --once or --scenario: write what was seen as JSON");
    }
    command.action(async (options: Options) => {
        const { system: name } = command.optsWithGlobals<{ system?: string }>();
        if (options.once || options.scenario !== undefined) {
            return oneLife(options, name);
        }
        const { stack, config, deploy } = options;
        if (config !== undefined) {
            checkKeys(Object.keys(config), join(folderOf(chosenProgram(stack)), "Pulumi.yaml"));
        }
        if (options.app === undefined && options.command !== undefined) {
            throw new Error("--command goes with --app <folder>: it is run there.");
        }
        const app = options.app === undefined ? undefined : appOf(options.app, options.command, options.port);
        const engine = options.containers ? await findEngine() : undefined;
        await stayUp({ name, stack, config, deploy, app, engine });
    });
}
async function oneLife({ scenario, report: file }: Options, name?: string): Promise<void> {
    const report = {};
    const directory = name ?? `${scenario ?? "once"}-${process.pid}`;
    try {
        await (scenario === undefined ? wholeLife(report, directory) : runScenario(scenario, report, directory));
        rmSync(join(home, ".local", directory), { recursive: true, force: true });
    } finally {
        if (file !== undefined) {
            writeFileSync(file, JSON.stringify(report, undefined, 4) + "\n");
        }
    }
}
