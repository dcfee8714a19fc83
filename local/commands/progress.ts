import { Listr, ListrTask, PRESET_TIMER } from "listr2";

import type { Progress } from "../pulumi/operation";

/** Runs steps one after another, each shown with its time: redrawn on a terminal, as plain lines elsewhere. */
export async function runSteps<Context>(context: Context, steps: ListrTask<Context>[]): Promise<void> {
    const timer = { timer: PRESET_TIMER };
    const options = { ctx: context, rendererOptions: timer, fallbackRendererOptions: timer };
    // Its own listener would end the process at Ctrl-C, with the system still running.
    await new Listr(steps, { ...options, registerSignalListeners: false }).run();
}

const shown = { collapseSubtasks: false, timer: PRESET_TIMER };

/** Steps one after another, as one step. */
export function inTurn<Context>(title: string, steps: ListrTask<Context>[]): ListrTask<Context> {
    return { title, task: (_, step) => step.newListr(steps, { concurrent: false, rendererOptions: shown }) };
}

/** Steps at the same time, as one step: one mostly waits while another works. */
export function together<Context>(title: string, steps: ListrTask<Context>[]): ListrTask<Context> {
    return { title, task: (_, step) => step.newListr(steps, { concurrent: true, rendererOptions: shown }) };
}

/** Tells how many resources an operation has done, and which was the last; where lines are not redrawn, of some only. */
export function countOf(tell: (text: string) => void): (progress: Progress) => void {
    let count = 0;
    return ({ type, name }) => {
        count++;
        if (process.stdout.isTTY || count % 25 === 0) {
            tell(`${count} resources; ${type} ${name}`);
        }
    };
}
