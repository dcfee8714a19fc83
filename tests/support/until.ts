import { setTimeout as delay } from "node:timers/promises";

/** Gives up on what does not come at all: longer than anything takes on a busy machine. */
const patienceMs = 180_000;

/** The first value that is neither undefined nor false; asks again every 20 ms, and gives up with `what` in the end. */
export async function until<T>(
    what: string,
    ask: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
    const deadline = Date.now() + patienceMs;
    for (;;) {
        const value = await ask();
        if (value !== undefined && value !== false) {
            return value;
        }
        if (Date.now() > deadline) {
            throw new Error(`Not within ${patienceMs / 1000} s: ${what}`);
        }
        await delay(20);
    }
}
