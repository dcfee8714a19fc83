// Time that passes as fast as the work allows: nothing waits, everything keeps its order.

interface Due {
    readonly at: number;
    readonly order: number;
    act: (() => void) | undefined;
}

export interface VirtualClock {
    readonly now: () => number;
    /** Calls `act` after so many milliseconds. */
    after(milliseconds: number, act: () => void): void;
    /** Lets time pass until then, with all that happens meanwhile. */
    runUntil(time: number): Promise<void>;
    /** Gives real time back. */
    restore(): void;
}

/** Takes Date.now, the timers and Math.random over. The same seed gives the same course of events. */
export function installVirtualClock(seed: number, start = 1_800_000_000_000): VirtualClock {
    const real = { now: Date.now, setTimeout, clearTimeout, random: Math.random };
    const queue = createHeap();
    const random = randomBySeed(seed);
    let time = start;
    let order = 0;
    const after = (milliseconds: number, act: () => void): Due => {
        const due: Due = { at: time + Math.max(0, milliseconds), order: order++, act };
        queue.push(due);
        return due;
    };
    Date.now = () => Math.floor(time);
    Math.random = random;
    globalThis.setTimeout = ((act: () => void, milliseconds = 0) =>
        after(milliseconds, act)) as unknown as typeof setTimeout;
    globalThis.clearTimeout = ((due?: Due) => {
        if (due !== undefined) {
            due.act = undefined;
        }
    }) as unknown as typeof clearTimeout;
    return {
        now: () => time,
        after: (milliseconds, act) => void after(milliseconds, act),
        async runUntil(until) {
            for (let due = queue.peek(); due !== undefined && due.at <= until; due = queue.peek()) {
                queue.pop();
                if (due.act === undefined) {
                    continue;
                }
                time = due.at;
                due.act();
                // Lets everything that this has brought about run, up to where it waits again.
                await new Promise((resolve) => setImmediate(resolve));
            }
            time = until;
        },
        restore() {
            Date.now = real.now;
            Math.random = real.random;
            globalThis.setTimeout = real.setTimeout;
            globalThis.clearTimeout = real.clearTimeout;
        },
    };
}

/** Mulberry32: small, and good enough to draw histories by. */
function randomBySeed(seed: number): () => number {
    let state = seed | 0;
    return () => {
        state = (state + 0x6d2b79f5) | 0;
        let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
        mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
        return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
    };
}

function createHeap() {
    const items: Due[] = [];
    const isBefore = (a: Due, b: Due) => a.at < b.at || (a.at === b.at && a.order < b.order);
    return {
        peek: (): Due | undefined => items[0],
        push(item: Due): void {
            items.push(item);
            for (let at = items.length - 1; at > 0;) {
                const parent = (at - 1) >> 1;
                if (!isBefore(items[at], items[parent])) {
                    break;
                }
                [items[at], items[parent]] = [items[parent], items[at]];
                at = parent;
            }
        },
        pop(): void {
            const last = items.pop()!;
            if (items.length === 0) {
                return;
            }
            items[0] = last;
            for (let at = 0; ;) {
                const [left, right] = [2 * at + 1, 2 * at + 2];
                let least = at;
                least = left < items.length && isBefore(items[left], items[least]) ? left : least;
                least = right < items.length && isBefore(items[right], items[least]) ? right : least;
                if (least === at) {
                    return;
                }
                [items[at], items[least]] = [items[least], items[at]];
                at = least;
            }
        },
    };
}
