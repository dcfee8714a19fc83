import type { Command } from "commander";

import { Caller, stopTask } from "../internet/caller";
import { chosenCallers, runningTasks, taskCalled } from "./chosen";

export function define(command: Command): void {
    command
        .argument("[task...]", "ids, or how they begin; none: every running task")
        .action(async (given: string[]) => {
            await stop(chosenCallers(command), given);
        });
}

async function stop(callers: readonly Caller[], given: readonly string[]): Promise<void> {
    const running = await runningTasks(callers);
    const chosen = given.length === 0 ? running : given.map((text) => taskCalled(running, text));
    if (chosen.length === 0) {
        console.log("No task runs.");
    }
    for (const { caller, id } of new Set(chosen)) {
        await stopTask(caller, id);
        console.log(`${id} is stopping`);
    }
}
