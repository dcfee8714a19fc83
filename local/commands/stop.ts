import type { Command } from "commander";

import { Caller, listTasks, stopTask, taskIdOf } from "../internet/caller";
import { chosenCallers } from "./chosen";

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

interface RunningTask {
    readonly caller: Caller;
    readonly id: string;
}

/** Tasks that are to go on running. */
export async function runningTasks(callers: readonly Caller[]): Promise<RunningTask[]> {
    const ofCaller = async (caller: Caller) =>
        (await listTasks(caller))
            .filter(({ desiredStatus }) => desiredStatus === "RUNNING")
            .map(({ taskArn = "" }) => ({ caller, id: taskIdOf(taskArn) }));
    return (await Promise.all(callers.map(ofCaller))).flat();
}

/**
 * The task whose id, ARN, name or URL was given, or the beginning of its id.
 *
 * @throws when none, or more than one, is called so
 */
export function taskCalled<T extends { readonly id: string }>(tasks: readonly T[], given: string): T {
    const start = given
        .replace(/^https?:\/\//, "")
        .replace(/\..*$/s, "")
        .replace(/^.*\//s, "");
    const found = start === "" ? [] : tasks.filter(({ id }) => id.startsWith(start));
    if (found.length === 1) {
        return found[0];
    }
    const ids = tasks.map(({ id }) => id);
    const some = ids.length > 10 ? [...ids.slice(0, 10), `${ids.length - 10} more`] : ids;
    throw new Error(
        found.length > 1
            ? `${given} is how ${found.length} tasks begin: give more of the id. ${found.map(({ id }) => id).join(", ")}`
            : `No task that runs is called ${given}. ${ids.length === 0 ? "None runs." : `There ${ids.length === 1 ? "is" : "are"} ${some.join(", ")}.`}`,
    );
}
