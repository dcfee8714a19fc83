// A quarter of patching on a virtual clock.
import { expect } from "chai";
import * as fc from "fast-check";

import { anyQuarter, liveThrough, type Quarter } from "../../support/patchingQuarter";

describe("a quarter of patching", () => {
    const busy: Quarter = {
        from: Date.parse("2026-03-01T00:00:00Z"), // clocks change in it
        window: { schedule: "cron(0 2 ? * SUN *)", scheduleTimezone: "Europe/Dublin", duration: 4, cutoff: 1 },
        settings: {
            baseline: { maxTaskAge: 30, newerImages: true, findingSeverity: "HIGH" },
            ...{ maxConcurrency: 2, maxErrors: 0, stopTasks: true, noticePeriod: 24 },
        },
        services: 8,
        pushes: [...[3, 10, 17, 30, 44, 60, 61, 75].entries()].map(([service, day]) => [day, service] as const),
        findings: [
            [5, 0],
            [40, 3],
        ],
        retirements: [
            [9, 1, 14], // windows come before it
            [29, 2, 2], // none does
            [52, 8, 7], // of tasks that no service keeps
        ],
        failures: [
            [8, 0],
            [8, 4],
            [12, 6],
        ],
        minutes: 9,
    };

    it("keeps all of its promises: age, images, retirements, how many at once, no window's end run over", () => {
        const { faults, ...told } = liveThrough(busy);
        expect(faults).to.deep.equal([]);
        expect(told.redeployments).to.be.above(20);
        expect([told.urgent, told.failed > 0, told.stopped > 0]).to.deep.equal([1, true, true]);
    });

    it("keeps them when a window has no room for all that is due, and some of it fails: the rest waits for the next", () => {
        const all = Array.from({ length: 12 }, (_, service) => service);
        const crowded: Quarter = {
            ...busy,
            window: { schedule: "cron(15 22 * * ? *)", scheduleTimezone: "UTC", duration: 4, cutoff: 1 },
            settings: { ...busy.settings, maxConcurrency: 1 },
            ...{ services: 12, findings: [], retirements: [], minutes: 19 },
            pushes: [10, 40, 70].flatMap((day) => all.map((service) => [day, service] as const)),
            failures: [31, 33, 35, 61, 63, 91, 93].flatMap((window) =>
                all.map((service) => [window + 10, service] as const),
            ),
        };
        const { faults, failed, redeployments } = liveThrough(crowded);
        expect(faults).to.deep.equal([]);
        expect(failed).to.be.above(2);
        expect(redeployments).to.be.above(36);
    });

    it("keeps them whatever happens, as long as not two windows in a row fail", () => {
        fc.assert(
            fc.property(anyQuarter(6), (quarter) => {
                expect(liveThrough(quarter).faults).to.deep.equal([]);
            }),
            { numRuns: Number(process.env.RUNS ?? 8), seed: process.env.SEED ? Number(process.env.SEED) : undefined },
        );
    });
});
