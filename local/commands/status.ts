import type { Command } from "commander";

import { chosenCallers } from "./chosen";
import { tableOf, taskLines } from "./taskTable";

export function define(command: Command): void {
    command.option("--json", "as JSON, for programs").action(async ({ json }: { json?: boolean }) => {
        const callers = chosenCallers(command);
        const tasks = await taskLines(callers);
        if (json) {
            console.log(JSON.stringify(tasks, undefined, 4));
            return;
        }
        for (const { region, outputs, system } of callers) {
            console.log(`${region}: https://<task>.${outputs.domain}:${system.httpsPort}/`);
            const ofRegion = tasks.filter((task) => task.region === region);
            tableOf(ofRegion, { columns: process.stdout.columns }).forEach((line) => console.log(`  ${line}`));
        }
    });
}
