import { expect } from "chai";
import fc from "fast-check";

import { closeKey, extendSession, look, noteSight, openSession, reconcile } from "../../../handlers/sessions/life";
import type { Wanted } from "../../../handlers/sessions/life";
import { isOpen, type Session } from "../../../handlers/sessions/session";
import { captureLog } from "../../support/fakeLambda";
import { createVirtualWorld, type Dice, type VirtualWorld } from "./virtualWorld";

const MINUTE = 60_000;

function wanted(key: string): Wanted {
    return {
        key,
        tenant: key.split(".")[0],
        request: (fence) => ({ taskDefinition: "app:1", environment: { SESSION_KEY: key }, tags: { fence } }),
    };
}

/** Numbers from a list, which fast-check can shrink; its end is all zeroes, which is no trouble. */
function diceOf(numbers: readonly number[]): Dice {
    let next = 0;
    return { roll: (sides) => (next < numbers.length ? numbers[next++] % sides : 0) };
}

/** A generator of the same quality for a whole history, from one seed. */
function diceOfSeed(seed: number): Dice {
    let state = seed >>> 0 || 1;
    return {
        roll(sides) {
            state ^= state << 13;
            state ^= state >>> 17;
            state ^= state << 5;
            state >>>= 0;
            return state % sides;
        },
    };
}

/** Tasks that are there and not told to stop. */
function alive(world: VirtualWorld) {
    return world.tasks.filter(({ phase }) => phase === "starting" || phase === "running");
}

const keys = ["42", "42.notebook", "7"];

/** One thing that happens. */
type Deed = {
    readonly kind: "open" | "look" | "close" | "end" | "event" | "reconcile";
    readonly key: string;
    readonly wait: number;
};

const deed: fc.Arbitrary<Deed> = fc.record({
    kind: fc.constantFrom<Deed["kind"]>(
        ...(["open", "open", "open", "open", "look", "look", "close", "end", "event", "reconcile"] as const),
    ),
    key: fc.constantFrom(...keys),
    wait: fc.oneof(fc.constant(0), fc.constant(0), fc.integer({ min: 0, max: 40_000 })),
});

function perform(world: VirtualWorld, { kind, key }: Deed): void {
    const { reach } = world;
    switch (kind) {
        case "open":
            return world.act(() => openSession(reach, wanted(key)));
        case "look":
            return world.act(async () => {
                const session = await reach.registry.read(key);
                return session && look(reach, session);
            });
        case "close":
            return world.act(() => closeKey(reach, key, "closed"));
        case "end":
            return alive(world)
                .filter((task) => task.key === key)
                .forEach((task) => world.end(task));
        // Of any of its tasks that was told to stop: late, twice, or lost where there is none of these.
        case "event":
            return world.tasks
                .filter((task) => task.key === key && task.phase === "stopping")
                .forEach(({ taskArn, phase }) =>
                    world.act(() => noteSight(reach, key, taskArn, { phase, status: "STOPPED" })),
                );
        case "reconcile":
            return world.act(() => reconcile(reach));
    }
}

/** What holds at every step of any history. */
function expectNoTwin(world: VirtualWorld): void {
    for (const key of keys) {
        const row = world.rows.get(key);
        const counting = alive(world).filter((task) => isOpen(row) && task.key === key && task.fence === row.fence);
        expect(counting, `tasks of ${key} that count`).to.have.length.below(2);
    }
}

/** Runs the reconciliation once a minute for so long, with nothing going wrong any more. */
async function quiet(world: VirtualWorld, minutes: number, onStep: () => void): Promise<void> {
    world.trouble = false;
    await world.settle(onStep);
    for (let minute = 0; minute < minutes; minute++) {
        world.wait(MINUTE);
        world.act(() => reconcile(world.reach));
        await world.settle(onStep);
    }
}

async function live(world: VirtualWorld, deeds: readonly Deed[]): Promise<void> {
    const check = () => expectNoTwin(world);
    let sinceReconciled = 0;
    for (const one of deeds) {
        perform(world, one);
        if (one.wait > 0) {
            await world.settle(check);
            world.wait(one.wait);
            sinceReconciled += one.wait;
        }
        if (sinceReconciled >= MINUTE) {
            sinceReconciled = 0;
            world.act(() => reconcile(world.reach));
        }
    }
    // Two minutes after the last fault: no task that no session counts.
    await quiet(world, 2, check);
    const orphans = alive(world).filter(({ key, fence }) => {
        const row = world.rows.get(key);
        return !isOpen(row) || row.fence !== fence;
    });
    expect(orphans, "orphans after two minutes").to.deep.equal([]);
    // And once every task has had the time to run or to be given up, every open session has one that runs.
    await quiet(world, 4, check);
    for (const row of world.rows.values()) {
        const tasks = alive(world).filter((task) => task.key === row.key);
        expect(
            tasks.map(({ taskArn, phase }) => ({ taskArn, phase })),
            `${row.key} is ${row.state}`,
        ).to.deep.equal(row.state === "ENDED" ? [] : [{ taskArn: row.taskArn, phase: "running" }]);
    }
    // No key is locked: whoever asks now gets a session.
    for (const key of keys) {
        let answer: unknown;
        world.act(async () => (answer = await openSession(world.reach, wanted(key))));
        await world.settle(check);
        expect(answer, key).to.have.nested.property("session.state", "STARTED");
    }
    await quiet(world, 1, check);
    expect(alive(world).map(({ key, phase }) => `${key} ${phase}`)).to.have.members(
        keys.map((key) => `${key} running`),
    );
}

/** "Describe, then run": what people write around RunTask. */
async function naiveOpen({ reach: { place } }: VirtualWorld, key: string): Promise<void> {
    const found = await place.list();
    if (!found.some((task) => task.key === key)) {
        const fence = `${key} ${Math.random()}`;
        await place.start({ key, fence } as Session);
    }
}

/** Lives through openings and ends alone, where a second task would be one too many from its first moment on. */
async function expectOneTask(deeds: readonly Deed[], seed: number, isNaive = false): Promise<void> {
    const world = createVirtualWorld(diceOfSeed(seed), { failsToStart: false, startWithin: 60 * MINUTE });
    const check = () => {
        for (const key of keys) {
            expect(
                alive(world).filter((task) => task.key === key),
                `tasks of ${key}`,
            ).to.have.length.below(2);
        }
    };
    for (const one of deeds) {
        if (isNaive) {
            world.act(() => naiveOpen(world, one.key));
        } else {
            perform(world, one);
        }
        if (one.wait > 0) {
            await world.settle(check);
            world.wait(one.wait);
        }
    }
    await quiet(world, 2, check);
}

describe("the life of sessions", () => {
    let restore: () => void;
    const histories = fc.array(deed, { minLength: 1, maxLength: 40, size: "max" });
    const withoutCloses = histories.map((deeds) => deeds.filter(({ kind }) => kind !== "close"));

    before(() => ({ restore } = captureLog()));
    after(() => restore());

    it("has one task a key that counts, no orphan for two minutes, no key locked: any callers, crashes, lost answers, old lists", async () => {
        const faults = new Set<string>();
        let lived = 0;
        await fc.assert(
            fc.asyncProperty(histories, fc.integer(), async (deeds, seed) => {
                const world = createVirtualWorld(diceOfSeed(seed));
                await live(world, deeds);
                [...world.faults.keys()].forEach((fault) => faults.add(fault));
                lived++;
            }),
            { numRuns: 2_000 },
        );
        expect(lived).to.equal(2_000);
        // Each call has met each fault.
        const calls = ["read", "write", "start", "look", "stop", "list", "listOpen"];
        const sights = ["readSight", "claimSight", "writeSight"];
        const met = [...calls, ...sights].flatMap((call) =>
            ["failed", "lost", "crash before", "crash after"].map((fate) => `${fate} ${call}`),
        );
        expect([...faults]).to.have.members([...met, "refused start", "task that never runs"]);
    });

    it("never has a second task beside one that nobody closed", async () => {
        await fc.assert(
            fc.asyncProperty(withoutCloses, fc.integer(), (deeds, seed) => expectOneTask(deeds, seed)),
            { numRuns: 1_000 },
        );
    });

    it("is what the usual launcher is not: it doubles tasks in the same histories", async () => {
        const outcome = await fc.check(
            fc.asyncProperty(withoutCloses, fc.integer(), (deeds, seed) => expectOneTask(deeds, seed, true)),
            { numRuns: 100, endOnFailure: true },
        );
        expect(outcome.failed).to.equal(true);
        expect(String(outcome.errorInstance)).to.match(/tasks of .* to have a length below 2/);
    });

    describe("step by step", () => {
        const world = () => Object.assign(createVirtualWorld(diceOf([])), { trouble: false });

        async function done<T>(at: VirtualWorld, actor: () => Promise<T>): Promise<T> {
            let value!: T;
            at.act(async () => (value = await actor()));
            await at.settle(() => undefined);
            return value;
        }

        it("asks for the same task again when the answer to the first request was lost, once its caller must have given up", async () => {
            const at = world();
            const start = at.reach.place.start.bind(at.reach.place);
            const fences: string[] = [];
            let losses = 1;
            at.reach.place.start = async (session) => {
                fences.push(session.fence);
                const answer = await start(session);
                if (losses-- > 0) {
                    throw new Error("the answer was lost");
                }
                return answer;
            };
            const first = await done(at, () => openSession(at.reach, wanted("42")));
            expect(first).to.have.nested.property("session.state", "STARTING");
            at.wait(14_999);
            expect(await done(at, () => openSession(at.reach, wanted("42")))).to.have.nested.property(
                "session.state",
                "STARTING",
            );
            at.wait(1);
            expect(await done(at, () => openSession(at.reach, wanted("42")))).to.deep.include({
                sight: { phase: "starting", status: "REQUESTED" },
            });
            expect(at.rows.get("42")).to.include({ state: "STARTED", taskArn: "task-1" });
            expect(fences).to.deep.equal(["fence-1", "fence-1"]);
            expect(at.tasks).to.have.length(1);
        });

        it("stops the task at once whose session was closed while it was asked for", async () => {
            const at = world();
            const start = at.reach.place.start.bind(at.reach.place);
            at.reach.place.start = async (session) => {
                const answer = await start(session);
                await closeKey(at.reach, "42", "closed");
                return answer;
            };
            await done(at, () => openSession(at.reach, wanted("42")));
            expect(at.rows.get("42")).to.include({ state: "ENDED", reason: "closed" });
            expect(at.tasks.map(({ phase }) => phase)).to.deep.equal(["stopping"]);
        });

        it("leads nobody to a task that is to stop, and starts another when it has", async () => {
            const at = world();
            await done(at, () => openSession(at.reach, wanted("42")));
            at.wait(MINUTE);
            at.end(at.tasks[0]);
            at.tasks[0].stopsAt = at.time.now + 10_000;
            expect(await done(at, () => openSession(at.reach, wanted("42")))).to.deep.include({
                sight: { phase: "stopping", status: "stopping" },
            });
            expect(at.rows.get("42")).to.include({ state: "CLOSING" });
            at.wait(10_000);
            expect(await done(at, () => openSession(at.reach, wanted("42")))).to.have.nested.property(
                "session.fence",
                "fence-2",
            );
            expect(at.rows.get("42")).to.include({ state: "STARTED", taskArn: "task-2" });
        });

        it("closes a session whose time is over, unless it was extended meanwhile", async () => {
            const at = createVirtualWorld(diceOf([]), {});
            at.trouble = false;
            const reach = { ...at.reach, lifetime: 10 * MINUTE };
            await done(at, () => openSession(reach, wanted("42")));
            await done(at, () => openSession(reach, wanted("7")));
            at.wait(MINUTE);
            const endsAt = at.time.now + 20 * MINUTE;
            await done(at, () => extendSession(reach, at.rows.get("7")!, endsAt));
            at.wait(9 * MINUTE);
            await done(at, () => reconcile(reach));
            expect([...at.rows.values()].map(({ key, state, reason }) => [key, state, reason])).to.deep.equal([
                ["42", "CLOSING", "its time was over"],
                ["7", "STARTED", undefined],
            ]);
            expect(at.tasks.map(({ phase }) => phase)).to.deep.equal(["stopping", "running"]);
        });

        it("lets no session outlast its task, however it is extended", async () => {
            const at = world();
            const reach = { ...at.reach, lifetime: 10 * MINUTE, taskLifetime: 30 * MINUTE };
            await done(at, () => openSession(reach, wanted("42")));
            const [since, firstEnd] = [at.time.now, at.rows.get("42")!.endsAt];
            const extended = await done(at, () => extendSession(reach, at.rows.get("42")!, since + 20 * MINUTE));
            const last = await done(at, () => extendSession(reach, at.rows.get("42")!, since + 40 * MINUTE));
            expect([firstEnd, extended.endsAt, last.endsAt].map((end) => end! - since)).to.deep.equal([
                ...[10 * MINUTE, 20 * MINUTE, 30 * MINUTE],
            ]);
            const endless = { ...reach, lifetime: undefined };
            await done(at, () => openSession(endless, wanted("7")));
            expect(at.rows.get("7")!.endsAt! - at.time.now).to.equal(30 * MINUTE);
        });

        it("tells of an end that is near, once; of another end again; and again where its note was lost", async () => {
            const at = world();
            const tell = ({ key, endsAt }: Session) => {
                at.told.push(`${key} ${endsAt! - begin}`);
                return Promise.resolve();
            };
            const reach = { ...at.reach, lifetime: 10 * MINUTE, warning: { before: 5 * MINUTE, tell } };
            const begin = at.time.now;
            await done(at, () => openSession(reach, wanted("42")));
            const reconciled = async (minutes: number) => {
                at.wait(minutes * MINUTE);
                return (await done(at, () => reconcile(reach))).warned;
            };
            expect([await reconciled(4), await reconciled(1), await reconciled(1)]).to.deep.equal([0, 1, 0]);
            await done(at, () => extendSession(reach, at.rows.get("42")!, begin + 20 * MINUTE));
            expect([await reconciled(1), at.told]).to.deep.equal([0, ["42 600000"]]);
            const write = at.reach.registry.write.bind(at.reach.registry);
            at.reach.registry.write = () => Promise.reject(new Error("no answer"));
            at.wait(8 * MINUTE); // 15 of 20
            expect(await done(at, () => reconcile(reach))).to.deep.include({ warned: 1, failed: 1 });
            at.reach.registry.write = write;
            expect([await reconciled(1), await reconciled(1)]).to.deep.equal([1, 0]);
            expect(at.told).to.deep.equal(["42 600000", "42 1200000", "42 1200000"]);
        });

        it("counts a session that nobody used once, however often it is told, and what it did not run for until it was opened again", async () => {
            const at = world();
            const reach = { ...at.reach, lifetime: 60 * MINUTE };
            const idle = { phase: "stopped", status: "STOPPED", reason: "nobody used it", isIdle: true } as const;
            const opened = async () => {
                const seen = await done(at, () => openSession(reach, wanted("42")));
                return "session" in seen ? seen.session.taskArn! : "";
            };
            const first = await opened();
            at.wait(10 * MINUTE);
            at.end(at.tasks[0]);
            await done(at, () => noteSight(reach, "42", first, { ...idle, phase: "stopping" }));
            expect(at.rows.get("42")).to.include({ state: "CLOSING", reason: "nobody used it" });
            await Promise.all([1, 2].map(() => done(at, () => noteSight(reach, "42", first, idle))));
            expect(at.rows.get("42")).to.include({ state: "ENDED", idleSince: at.time.now });
            expect(at.counted).to.deep.equal(["IdleEnds 1"]);

            at.wait(20 * MINUTE);
            const second = await opened();
            expect(at.counted.splice(0)).to.deep.equal(["IdleEnds 1", "SecondsSaved 1200"]);
            await done(at, () => noteSight(reach, "42", first, idle)); // the first task's, late
            expect(at.rows.get("42")).to.include({ state: "STARTED", taskArn: second });

            at.wait(10 * MINUTE);
            await done(at, () => noteSight(reach, "42", second, idle));
            at.wait(24 * 60 * MINUTE); // it would have lasted for 50 minutes more
            const third = await opened();
            expect(at.counted.splice(0)).to.deep.equal(["IdleEnds 1", "SecondsSaved 3000"]);
            await done(at, () => noteSight(reach, "42", third, { phase: "stopped", status: "STOPPED" }));
            at.wait(MINUTE);
            await opened();
            expect(at.counted).to.deep.equal([]); // what ends otherwise saves nothing
        });

        it("opens no more than is allowed, for a tenant and in all, and again when one has ended", async () => {
            const at = createVirtualWorld(diceOf([]), { limits: { total: 3, perTenant: 2 } });
            at.trouble = false;
            const open = (key: string) => done(at, () => openSession(at.reach, wanted(key)));
            await open("42");
            await open("42.a");
            expect(await open("42.b")).to.deep.equal({ refused: "tenant limit" });
            await open("7");
            expect(await open("8")).to.deep.equal({ refused: "total limit" });
            expect(await open("42.a")).to.have.nested.property("session.state", "STARTED"); // it is open already
            await done(at, () => closeKey(at.reach, "42", "closed"));
            at.tasks[0].stopsAt = at.time.now;
            at.wait(1);
            await done(at, () => reconcile(at.reach));
            expect(await open("8")).to.have.nested.property("session.state", "STARTED");
        });

        it("tells why a task was refused, and frees the key", async () => {
            const at = world();
            at.reach.place.start = () => Promise.resolve({ refused: "Capacity is unavailable at this time" });
            expect(await done(at, () => openSession(at.reach, wanted("42")))).to.deep.include({
                sight: { phase: "stopped", status: "STOPPED", reason: "Capacity is unavailable at this time" },
            });
            expect(at.rows.get("42")).to.include({ state: "ENDED" });
        });
    });
});
