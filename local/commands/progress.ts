import { Listr, ListrTask, PRESET_TIMER } from "listr2";

/** Runs steps one after another, each shown with its time: redrawn on a terminal, as plain lines elsewhere. */
export async function runSteps<Context>(context: Context, steps: ListrTask<Context>[]): Promise<void> {
    const timer = { timer: PRESET_TIMER };
    await new Listr(steps, { ctx: context, rendererOptions: timer, fallbackRendererOptions: timer }).run();
}
