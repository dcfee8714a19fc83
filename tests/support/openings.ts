// 500 people open 50 sessions at once: ours beside the usual "describe, then run", under AWS's own limits, on a virtual clock.
import { backoff, call } from "../../handlers/calls";
import { openSession, type Reach } from "../../handlers/sessions/life";
import { sharedLooks, type Seen, type Sights } from "../../handlers/sessions/looks";
import {
    isOpen,
    type Place,
    type Registry,
    type Session,
    type Sight,
    type Written,
} from "../../handlers/sessions/session";
import { mute } from "./fakeLambda";
import { installVirtualClock, type VirtualClock } from "./taskDns/virtualClock";

export const callers = 500;
export const keys = 50;

/** Times of one caller, in milliseconds after it asked. */
export interface Opening {
    readonly key: string;
    taskArn?: string;
    runs?: number;
    named?: number;
    answered?: number;
}

interface Task {
    readonly taskArn: string;
    readonly key: string;
    readonly token: string;
    /** When it runs, and when its name has been published for so long that it is handed out. */
    readonly runsAt: number;
    readonly namedAt: number;
    readonly startedAt: number;
}

interface Aws {
    readonly tasks: readonly Task[];
    /** Requests by their operation, at which millisecond. */
    readonly requests: ReadonlyMap<string, readonly number[]>;
    readonly throttled: number;
    runTask(key: string, token: string): Promise<Task>;
    /** What a list shows is two seconds old. */
    listTasks(key: string): Promise<Task[]>;
    describe(taskArn: string): Promise<Sight>;
    readonly registry: Registry;
    readonly sights: Sights;
    address(taskArn: string): Promise<string | undefined>;
}

interface Way {
    readonly name: string;
    readonly open: (aws: Aws, opening: Opening) => Promise<void>;
}

export const ways: readonly Way[] = [
    { name: "describe, then run", open: usual },
    { name: "Sessions, each looks for itself", open: (aws, opening) => ours(aws, opening, placeOf(aws)) },
    {
        name: "Sessions",
        open: (aws, opening) => ours(aws, opening, sharedLooks(placeOf(aws), aws.sights, Date.now)),
    },
];

export interface Outcome {
    readonly answered: number;
    readonly tasks: number;
    readonly throttled: number;
    /** Requests in the busiest second, by operation. */
    readonly peaks: Readonly<Record<string, number>>;
    readonly openings: readonly Opening[];
}

export async function measure(way: Way): Promise<Outcome> {
    const clock = installVirtualClock(1);
    const restoreOutput = mute();
    try {
        const aws = modelled(clock);
        const openings = Array.from({ length: callers }, (_, number): Opening => ({ key: `team-${number % keys}` }));
        for (const opening of openings) {
            clock.after(Math.random() * 100, () => {
                const asked = Date.now();
                void untilAnswered(() => way.open(aws, opening)).then(() => {
                    const task = aws.tasks.find(({ taskArn }) => taskArn === opening.taskArn)!;
                    Object.assign(opening, {
                        runs: Math.max(0, task.runsAt - asked),
                        ...(way.open !== usual && { named: Math.max(0, task.namedAt - asked) }),
                        answered: Date.now() - asked,
                    });
                });
            });
        }
        await clock.runUntil(clock.now() + 300_000);
        return {
            answered: openings.filter(({ answered }) => answered !== undefined).length,
            tasks: aws.tasks.length,
            throttled: aws.throttled,
            peaks: Object.fromEntries([...aws.requests].map(([operation, times]) => [operation, busiest(times)])),
            openings,
        };
    } finally {
        restoreOutput();
        clock.restore();
    }
}

/** A caller asks again when there was no answer, as the client does. */
async function untilAnswered(open: () => Promise<void>): Promise<void> {
    while (
        !(await open().then(
            () => true,
            () => false,
        ))
    ) {
        await after(2_000);
    }
}

/** What is written around RunTask by hand: look whether one is there, and start one if not. */
async function usual(aws: Aws, opening: Opening): Promise<void> {
    const [found] = await aws.listTasks(opening.key);
    const { taskArn } = found ?? (await aws.runTask(opening.key, `${Math.random()}`));
    opening.taskArn = taskArn;
    while ((await aws.describe(taskArn)).phase !== "running") {
        await after(2_000);
    }
}

/** As the function does for a caller of the API who asks again when it is told to. */
async function ours(aws: Aws, opening: Opening, place: Place): Promise<void> {
    const { key } = opening;
    const reach: Reach = {
        registry: aws.registry,
        place,
        limits: { total: 1_000, perTenant: 1_000 },
        startWithin: 600_000,
        now: Date.now,
        newFence: () => `${Math.random()}`,
        count: () => undefined,
    };
    const request = () => ({ taskDefinition: "app:1", environment: {}, tags: {} });
    for (;;) {
        const seen = await openSession(reach, { key, tenant: key, request });
        if ("session" in seen && seen.sight.phase === "running") {
            opening.taskArn = seen.session.taskArn;
            if ((await place.address(opening.taskArn!, seen.sight)) !== undefined) {
                return;
            }
        }
        await after(2_000);
    }
}

function placeOf(aws: Aws): Place {
    return {
        start: async ({ key, fence }) => ({ taskArn: (await aws.runTask(key, fence)).taskArn }),
        look: async ([{ taskArn }]) => new Map([[taskArn!, await aws.describe(taskArn!)]]),
        stop: () => Promise.resolve(),
        address: (taskArn) => aws.address(taskArn),
        list: () => Promise.resolve([]),
    };
}

function modelled(clock: VirtualClock): Aws {
    const tasks: Task[] = [];
    const requests = new Map<string, number[]>();
    const rows = new Map<string, Session>();
    const seen = new Map<string, Seen>();
    const buckets = new Map<string, { tokens: number; at: number }>();
    const busy = new Map<string, number>();
    let throttled = 0;

    const note = (operation: string): void => {
        const times = requests.get(operation) ?? [];
        times.push(Date.now());
        requests.set(operation, times);
    };
    const answerAfter = async <T>(least: number, most: number, answer: () => T): Promise<T> => {
        await after(least + Math.random() * (most - least));
        return answer();
    };

    /** By ECS's limits; throttled requests are tried again as all of ours are. */
    function ecs<T>(operation: string, answer: () => Promise<T>): Promise<T> {
        return call(operation, Date.now() + 25_000, async () => {
            note(operation);
            const bucket = buckets.get(operation) ?? { tokens: 100, at: Date.now() };
            const tokens = Math.min(100, bucket.tokens + ((Date.now() - bucket.at) / 1_000) * 20);
            buckets.set(operation, { tokens: tokens < 1 ? tokens : tokens - 1, at: Date.now() });
            if (tokens < 1) {
                throttled++;
                await after(20);
                throw Object.assign(new Error("Rate exceeded"), { name: "ThrottlingException" });
            }
            return answer();
        });
    }

    function dynamodb<T>(answer: () => T): Promise<T> {
        note("DynamoDB");
        return answerAfter(4, 12, answer);
    }

    const registry: Registry = {
        read: (key) => dynamodb(() => rows.get(key)),
        listOpen: () => dynamodb(() => [...rows.values()].filter(isOpen)),
        listOf: () => dynamodb(() => []),
        async write({ before, after: row }) {
            // A transaction meets others that are at the same item: all that open are at the count.
            const opens = isOpen(before) !== isOpen(row);
            for (let tries = 0; opens && (busy.get("count") ?? 0) > Date.now(); tries++) {
                note("DynamoDB");
                await after(10 + backoff(tries) / 4);
            }
            if (opens) {
                busy.set("count", Date.now() + 15);
            }
            return dynamodb((): Written => {
                const current = rows.get(row.key);
                if (current?.revision !== before?.revision || current?.fence !== before?.fence) {
                    return "overtaken";
                }
                rows.set(row.key, row);
                return "written";
            });
        },
    };

    return {
        tasks,
        requests,
        registry,
        get throttled() {
            return throttled;
        },
        runTask: (key, token) =>
            ecs("RunTask", () =>
                answerAfter(300, 900, () => {
                    const before = tasks.find((task) => task.token === token);
                    if (before !== undefined) {
                        return before;
                    }
                    const startedAt = clock.now();
                    const task: Task = {
                        ...{ taskArn: `task-${tasks.length + 1}`, key, token, startedAt },
                        ...{ runsAt: startedAt + 16_000 + Math.random() * 31_000, namedAt: startedAt + 9_000 },
                    };
                    tasks.push(task);
                    return task;
                }),
            ),
        listTasks: (key) =>
            ecs("ListTasks", () =>
                answerAfter(20, 60, () =>
                    tasks.filter((task) => task.key === key && task.startedAt <= clock.now() - 2_000),
                ),
            ),
        describe: (taskArn) =>
            ecs("DescribeTasks", () =>
                answerAfter(20, 60, (): Sight => {
                    const { runsAt } = tasks.find((task) => task.taskArn === taskArn)!;
                    return clock.now() >= runsAt
                        ? { phase: "running", status: "RUNNING" }
                        : { phase: "starting", status: "PENDING" };
                }),
            ),
        sights: {
            read: (taskArn) => dynamodb(() => seen.get(taskArn)),
            claim: (taskArn, before, at) =>
                dynamodb(() => {
                    const isFirst = seen.get(taskArn)?.at === before?.at;
                    if (isFirst) {
                        seen.set(taskArn, { ...before, at });
                    }
                    return isFirst;
                }),
            write: (taskArn, one) => dynamodb(() => void seen.set(taskArn, one)),
        },
        address: (taskArn) =>
            dynamodb(() => {
                const { namedAt } = tasks.find((task) => task.taskArn === taskArn)!;
                return clock.now() >= namedAt ? `https://${taskArn}` : undefined;
            }),
    };
}

function after(milliseconds: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Of times, how many are within the fullest second. */
function busiest(times: readonly number[]): number {
    const sorted = [...times].sort((one, other) => one - other);
    let first = 0;
    return sorted.reduce((most, time, index) => {
        while (sorted[first] <= time - 1_000) {
            first++;
        }
        return Math.max(most, index - first + 1);
    }, 0);
}
