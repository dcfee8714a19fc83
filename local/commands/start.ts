// `npm start`: everything up, one task with its URL, then a list of tasks that stays true until Ctrl-C.
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { type Command, Option } from "commander";

import { projectRoot } from "../machine/projectRoot";
import { wholeLife } from "./once";
import { runScenario, type Scenario, scenarios } from "./scenarios/scenarios";
import { checkKeys, setting } from "./settings";
import { stayUp } from "./stayUp";

interface Options {
    readonly once?: boolean;
    readonly scenario?: Scenario;
    readonly report?: string;
    readonly config?: Readonly<Record<string, unknown>>;
}

export function define(command: Command): void {
    command
        .option("--once", "go through the whole life, then exit")
        .addOption(new Option("--scenario <shape>", "go through the life of another shape instead").choices(scenarios))
        .option("--report <file>", "with --once or --scenario: write what was seen as JSON")
        .option("-c, --config <key=value...>", "configuration on top of Pulumi.local.yaml; lists as JSON", setting)
        .action(async (options: Options) => {
            const { system: name } = command.optsWithGlobals<{ system?: string }>();
            checkKeys(Object.keys(options.config ?? {}), join(projectRoot, "Pulumi.yaml"));
            await (options.once || options.scenario !== undefined
                ? oneLife(options, name)
                : stayUp({ name, config: options.config }));
        });
}

async function oneLife({ scenario, report: file }: Options, name?: string): Promise<void> {
    const report = {};
    const directory = name ?? `${scenario ?? "once"}-${process.pid}`;
    try {
        await (scenario === undefined ? wholeLife(report, directory) : runScenario(scenario, report, directory));
        rmSync(join(projectRoot, ".local", directory), { recursive: true, force: true });
    } finally {
        if (file !== undefined) {
            writeFileSync(file, JSON.stringify(report, undefined, 4) + "\n");
        }
    }
}
