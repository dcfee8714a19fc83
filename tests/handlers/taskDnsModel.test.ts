import { expect } from "chai";
import fc from "fast-check";
import { burst, measure as measureWay, steady, ways } from "../support/taskDns/ways";
import { play, type History } from "../support/taskDns/history";
import type { Part } from "../support/taskDns/modelledAws";

// The real handlers on a virtual clock, against modelled AWS: whatever happens, two minutes after the last fault the zone is what runs.

const QUIET: History = { seed: 1, tasks: 10, length: 300_000, faults: {}, outages: [], inTheWay: 0 };

const rate = (most: number) => fc.oneof(fc.constant(0), fc.double({ min: 0, max: most, noNaN: true }));

const anyHistory: fc.Arbitrary<History> = fc.record({
    seed: fc.integer(),
    tasks: fc.integer({ min: 1, max: 10 }),
    length: fc.constantFrom(30_000, 180_000, 600_000),
    faults: fc.record({
        lost: rate(0.5),
        silent: rate(0.5),
        duplicated: rate(0.5),
        delay: fc.constantFrom(0, 5_000, 300_000),
        stale: rate(0.7),
        staleness: fc.constantFrom(1_000, 5_000, 30_000),
        crash: rate(0.05),
        failing: rate(0.2),
        throttled: rate(0.4),
        lateAddress: fc.constantFrom(0, 10_000, 45_000),
    }),
    outages: fc.array(
        fc.record({
            part: fc.constantFrom<Part>("function", "sweep", "queue", "registry", "route53", "ecs", "ec2"),
            at: fc.double({ min: 0, max: 1, noNaN: true }),
            milliseconds: fc.constantFrom(5_000, 60_000, 7_200_000),
        }),
        { maxLength: 2 },
    ),
    inTheWay: fc.nat(1),
});

/** Histories that once ended wrong. */
const kept: readonly [string, History][] = [
    [
        "a task that ended by itself, and whose events were lost: ECS still lists it as wanted",
        { ...QUIET, tasks: 12, seed: 86, faults: { lost: 0.2, silent: 0.3 } },
    ],
];

describe("the task DNS on a virtual clock", function () {
    this.timeout(1_800_000); // a guard against what hangs

    it("is right two minutes after the last fault, and never touches a record that is not its own: 2000 histories", async () => {
        await fc.assert(
            fc.asyncProperty(anyHistory, async (history) => {
                expect((await play(history)).wrong).to.deep.equal([]);
            }),
            { numRuns: 2_000 },
        );
    });

    for (const [what, history] of kept) {
        it(`is right after ${what}`, async () => {
            expect((await play(history)).wrong).to.deep.equal([]);
        });
    }

    /** Of so many histories of that kind: how many end wrong, and how long names took. */
    async function measure(history: Partial<History>, histories: number) {
        let wrong = 0;
        const delays: number[] = [];
        for (let seed = 1; seed <= histories; seed++) {
            const outcome = await play({ ...QUIET, ...history, seed });
            wrong += outcome.wrong.length > 0 ? 1 : 0;
            delays.push(...outcome.delays);
        }
        delays.sort((one, other) => one - other);
        return { wrong, p99: delays[Math.floor(delays.length * 0.99)], worst: delays.at(-1)! };
    }

    for (const lost of [0.01, 0.1]) {
        it(`loses no name when ${lost * 100} % of all events are lost`, async () => {
            expect(await measure({ faults: { lost } }, 200)).to.deep.include({ wrong: 0 });
        });
    }

    it("needs no hand after its function was broken for two hours", async () => {
        const outages = [{ part: "function" as const, at: 0.1, milliseconds: 7_200_000 }];
        expect(await measure({ length: 8_100_000, outages }, 20)).to.deep.include({ wrong: 0 });
    });

    it("names 99 of 100 tasks within 15 seconds, and all within a minute, where a read is 5 s stale or a run ends", async () => {
        const { wrong, p99, worst } = await measure(
            { faults: { stale: 0.1, staleness: 5_000, crash: 0.001, duplicated: 0.1 } },
            200,
        );
        expect(wrong).to.equal(0);
        expect(p99).to.be.below(15_000);
        expect(worst).to.be.below(60_000);
    });

    it("names every task whose address EC2 shows late", async () => {
        expect(await measure({ faults: { lateAddress: 45_000 } }, 200)).to.deep.include({ wrong: 0 });
    });

    it("progresses with what others leave of the account's budget: 500 tasks named while 92 % is taken", async () => {
        // 8 of 100 changes a second, after the 120 that are left in the bucket: 380 more take 48 s.
        const { wrong, model } = await play({
            ...QUIET,
            tasks: 500,
            stops: false,
            options: { takenByOthers: 0.92 },
        });
        expect(wrong).to.deep.equal([]);
        const running = model.tasks.filter(({ startedAt }) => startedAt !== undefined);
        expect(running).to.have.length.greaterThan(450);
        expect(running.filter(({ namedAt }) => namedAt === undefined)).to.deep.equal([]);
    });

    // By the benchmark's own courses (`npm run bench -- dns`); the limits are AWS's.
    for (const ours of ways.slice(1)) {
        describe(`under a load, with ${ours.name}`, () => {
            it("names 1000 tasks that start at once in five requests at most, and takes the names away", async () => {
                const { lost, left, older, requests, last } = await measureWay(ours, burst(1_000));
                expect({ lost, left, older }).to.deep.equal({ lost: 0, left: 0, older: 0 });
                expect(requests).to.be.at.most(5);
                expect(last).to.be.below(5);
            });

            it("names 48 tasks a second within 5 s, loses none, and has one batch in a thousand refused at most, though each stop is told five times", async () => {
                const { lost, left, older, p99, requests, invalid } = await measureWay(ours, steady(48));
                expect({ lost, left, older }).to.deep.equal({ lost: 0, left: 0, older: 0 });
                expect(p99).to.be.below(5);
                expect(invalid).to.be.at.most(requests / 1_000);
            });
        });
    }

    it("names 5000 tasks that start at once within 10 % of what the account's changes allow", async () => {
        const { lost, left, last } = await measureWay(ways.at(-1)!, burst(5_000));
        expect({ lost, left }).to.deep.equal({ lost: 0, left: 0 });
        // 1500 at once and 100 a second.
        expect(last).to.be.below(1.1 * 35);
    });

    it("forgets nothing when the registry's table is lost: running tasks keep their names, and can lose them again", async () => {
        const outages = [{ part: "registry" as const, at: 0.5, milliseconds: 60_000 }];
        const { wrong, model } = await play({ ...QUIET, outages, loseRegistryAt: 0.5, stops: false });
        expect(wrong).to.deep.equal([]);
        expect([...model.rows.values()].filter(({ state }) => state.S === "LIVE")).to.have.length(QUIET.tasks);
    });
});
