import type { Command } from "commander";

import { Caller, runTasks, untilRunning, urlOf } from "../internet/caller";
import { chosenCallers } from "./chosen";
import { wholeNumber } from "./values";

export function define(command: Command): void {
    command.argument("[count]", "how many", wholeNumber(1, 1000), 1).action(async (count: number) => {
        const [caller] = chosenCallers(command);
        await run(caller, count);
    });
}

async function run(caller: Caller, count: number): Promise<void> {
    for (const taskArn of await runTasks(caller, count)) {
        await untilRunning(caller, taskArn);
        console.log(urlOf(caller, taskArn));
    }
}
