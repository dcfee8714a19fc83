import { setTimeout as delay } from "node:timers/promises";

/**
 * Asks again while AWS refuses for what passes by itself, as the real provider does: what was in use may be held for some
 * time yet, and what was just made may not be known everywhere. The last refusal is thrown when the minutes are over.
 */
export async function patiently<T>(minutes: number, passes: RegExp, call: () => Promise<T>): Promise<T> {
    for (const deadline = Date.now() + minutes * 60_000; ;) {
        try {
            return await call();
        } catch (error) {
            const { name, message } = error as Error;
            if (!passes.test(`${name}: ${message}`) || Date.now() > deadline) {
                throw error;
            }
            await delay(500);
        }
    }
}
