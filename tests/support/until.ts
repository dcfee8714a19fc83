import { setTimeout as delay } from "node:timers/promises";

/** The first value that is neither undefined nor false; asks again every 20 ms, and gives up with `what` after `timeoutMs`. */
export async function until<T>(
    what: string,
    ask: () => T | undefined | false | Promise<T | undefined | false>,
    timeoutMs = 10_000,
): Promise<T> {
    const deadline = Date.now() + timeoutMs;
    for (;;) {
        const value = await ask();
        if (value !== undefined && value !== false) {
            return value;
        }
        if (Date.now() > deadline) {
            throw new Error(`Not within ${timeoutMs / 1000} s: ${what}`);
        }
        await delay(20);
    }
}
