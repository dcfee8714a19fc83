// A registry and a place in memory with a virtual clock, under a scheduler that decides which call is answered next, and how badly.
import { failure } from "../../../handlers/failure";
import type { Reach } from "../../../handlers/sessions/life";
import { sharedLooks, type Seen, type Sights } from "../../../handlers/sessions/looks";
import type { Found, Limits, Place, Registry, Session, Sight, Written } from "../../../handlers/sessions/session";

/** What may become of a call. "lost": it is carried out, and its answer never comes. */
export type Fate = "answered" | "failed" | "lost" | "crash before" | "crash after";

/** Where the scheduler's decisions come from. */
export interface Dice {
    /** A whole number from 0 to below `sides`. */
    roll(sides: number): number;
}

export interface VirtualTask {
    readonly taskArn: string;
    readonly key: string;
    readonly fence: string;
    readonly startedAt: number;
    /** When it runs; never, where Infinity. */
    readonly runsAt: number;
    phase: Sight["phase"];
    stopsAt: number;
}

interface Pending {
    readonly what: string;
    readonly act: () => unknown;
    readonly resolve: (value: unknown) => void;
    readonly reject: (error: Error) => void;
}

export interface VirtualWorld {
    readonly reach: Reach;
    readonly rows: Map<string, Session>;
    readonly tasks: VirtualTask[];
    readonly time: { now: number };
    /** While it is false, every call is answered at once and well. */
    trouble: boolean;
    /** Starts an actor: a caller, or a run of the reconciliation. Its crashes are its own. */
    act(actor: () => Promise<unknown>): void;
    /** Answers calls, one at a time, until none is open. */
    settle(onStep: () => void): Promise<void>;
    /** Moves the clock. */
    wait(milliseconds: number): void;
    readonly calls: Map<string, number>;
    /** What has gone wrong how often, e.g. "lost start". */
    readonly faults: Map<string, number>;
    /** Of ends that are near: the keys. */
    readonly told: string[];
    /** What was counted, e.g. "IdleEnds 1". */
    readonly counted: string[];
    /** Ends a task, as an app that exits does. */
    end(task: VirtualTask): void;
}

/** How far a list of ECS or an index of DynamoDB may be behind. */
const STALE_MILLISECONDS = 5_000;
const STOP_MILLISECONDS = 20_000;

export interface WorldOptions {
    readonly limits?: Limits;
    /** Whether the place refuses some starts, and some tasks never run (default true). */
    readonly failsToStart?: boolean;
    readonly startWithin?: number;
}

export function createVirtualWorld(dice: Dice, options: WorldOptions = {}): VirtualWorld {
    const { limits = { total: 1_000, perTenant: 1_000 }, failsToStart = true, startWithin = 90_000 } = options;
    const time = { now: 1_000_000 };
    const rows = new Map<string, Session>();
    const tasks: VirtualTask[] = [];
    const pending: Pending[] = [];
    const calls = new Map<string, number>();
    const faults = new Map<string, number>();
    const note = (fault: string) => faults.set(fault, (faults.get(fault) ?? 0) + 1);
    const [told, counted]: string[][] = [[], []];
    const history: { at: number; rows: Map<string, Session>; tasks: Found[] }[] = [];
    let fences = 0;

    function call<T>(what: string, act: () => T): Promise<T> {
        calls.set(what, (calls.get(what) ?? 0) + 1);
        return new Promise<T>((resolve, reject) =>
            pending.push({ what, act, resolve: resolve as Pending["resolve"], reject }),
        );
    }

    const found = (): Found[] =>
        tasks
            .filter(({ phase }) => phase === "starting" || phase === "running")
            .map(({ taskArn, key, fence, phase }) => ({ taskArn, key, fence, sight: { phase, status: phase } }));

    /** The world as it was at some moment of the last seconds: it is what lists and indexes show. */
    function behind() {
        const recent = history.filter(({ at }) => at >= time.now - STALE_MILLISECONDS);
        return recent.length === 0 || !world.trouble ? { rows, tasks: found() } : recent[dice.roll(recent.length)];
    }

    function remember(): void {
        history.push({ at: time.now, rows: new Map(rows), tasks: found() });
        if (history.length > 50) {
            history.shift();
        }
    }

    function count(tenant?: string): number {
        return [...rows.values()].filter(
            (row) => row.state !== "ENDED" && (tenant === undefined || row.tenant === tenant),
        ).length;
    }

    const registry: Registry = {
        read: (key) => call("read", () => rows.get(key)),
        listOpen: () => call("listOpen", () => [...behind().rows.values()].filter(({ state }) => state !== "ENDED")),
        listOf: (tenant) =>
            call("listOf", () =>
                [...behind().rows.values()].filter((row) => row.state !== "ENDED" && row.tenant === tenant),
            ),
        write: ({ before, after }, allowed) =>
            call("write", (): Written => {
                const current = rows.get(after.key);
                if (current?.revision !== before?.revision || current?.fence !== before?.fence) {
                    return "overtaken";
                }
                const opens = (before === undefined || before.state === "ENDED") && after.state !== "ENDED";
                if (opens && count() >= allowed.total) {
                    return "total limit";
                }
                if (opens && count(after.tenant) >= allowed.perTenant) {
                    return "tenant limit";
                }
                rows.set(after.key, after);
                return "written";
            }),
    };

    const place: Place = {
        start: (session) =>
            call("start", () => {
                const before = tasks.find(({ fence }) => fence === session.fence);
                if (before) {
                    return { taskArn: before.taskArn };
                }
                if (world.trouble && failsToStart && dice.roll(12) === 0) {
                    note("refused start");
                    return { refused: "no capacity" };
                }
                const never = world.trouble && failsToStart && dice.roll(12) === 0;
                if (never) {
                    note("task that never runs");
                }
                const task: VirtualTask = {
                    taskArn: `task-${tasks.length + 1}`,
                    key: session.key,
                    fence: session.fence,
                    startedAt: time.now,
                    runsAt: never ? Infinity : time.now + 15_000 + dice.roll(30_000),
                    phase: "starting",
                    stopsAt: Infinity,
                };
                tasks.push(task);
                return { taskArn: task.taskArn };
            }),
        look: (sessions) =>
            call("look", () => {
                const seen = behind();
                return new Map(
                    sessions.map(({ taskArn = "" }) => {
                        const task = tasks.find((one) => one.taskArn === taskArn);
                        // Told to stop or stopped is final; what starts or runs may be told late.
                        const late = seen.tasks.find((one) => one.taskArn === taskArn)?.sight;
                        const phase = task === undefined ? "unclear" : (late?.phase ?? task.phase);
                        return [taskArn, { phase, status: phase }] as const;
                    }),
                );
            }),
        stop: (taskArn) =>
            call("stop", () => {
                const task = tasks.find((one) => one.taskArn === taskArn);
                if (task && (task.phase === "starting" || task.phase === "running")) {
                    world.end(task);
                }
            }),
        address: (taskArn) => call("address", () => `https://${taskArn}.example.test`),
        list: () => call("list", () => [...behind().tasks]),
    };

    const seen = new Map<string, Seen>();
    const sights: Sights = {
        read: (taskArn) => call("readSight", () => seen.get(taskArn)),
        claim: (taskArn, before, at) =>
            call("claimSight", () => {
                const isFirst = seen.get(taskArn)?.at === before?.at;
                if (isFirst) {
                    seen.set(taskArn, { ...before, at });
                }
                return isFirst;
            }),
        write: (taskArn, sight) => call("writeSight", () => void seen.set(taskArn, sight)),
    };

    const world: VirtualWorld = {
        rows,
        tasks,
        time,
        trouble: true,
        ...{ calls, faults, told, counted },
        reach: {
            registry,
            place: sharedLooks(place, sights, () => time.now),
            limits,
            startWithin,
            now: () => time.now,
            newFence: () => `fence-${++fences}`,
            count: (metric, value) => counted.push(`${metric} ${value}`),
        },
        act(actor) {
            // What fails tells its caller, who asks again or not.
            void actor().catch(() => undefined);
        },
        async settle(onStep) {
            for (;;) {
                await new Promise((resolve) => setImmediate(resolve)); // until every actor waits for an answer
                if (pending.length === 0) {
                    return;
                }
                const [one] = pending.splice(dice.roll(pending.length), 1);
                const fate = world.trouble ? fateOf(dice.roll(40)) : "answered";
                if (fate !== "answered") {
                    note(`${fate} ${one.what}`);
                }
                try {
                    const value = fate === "failed" || fate === "crash before" ? undefined : one.act();
                    remember();
                    onStep();
                    if (fate === "answered") {
                        one.resolve(value);
                    } else if (fate === "failed" || fate === "lost") {
                        one.reject(failure("Timeout", `${one.what}: no answer`));
                    }
                } catch (error) {
                    one.reject(error as Error);
                    throw error;
                }
                if (world.trouble && dice.roll(4) === 0) {
                    world.wait(dice.roll(4_000));
                }
            }
        },
        wait(milliseconds) {
            time.now += milliseconds;
            for (const task of tasks) {
                if (task.phase === "starting" && time.now >= task.runsAt) {
                    task.phase = "running";
                }
                if (task.phase === "stopping" && time.now >= task.stopsAt) {
                    task.phase = "stopped";
                }
            }
            remember();
        },
        end(task) {
            task.phase = "stopping";
            task.stopsAt = time.now + dice.roll(STOP_MILLISECONDS);
        },
    };
    return world;
}

function fateOf(roll: number): Fate {
    return roll < 34
        ? "answered"
        : (["failed", "lost", "lost", "crash before", "crash after", "crash after"] as const)[roll - 34];
}
