import { expect } from "chai";
import fc from "fast-check";
import { simulateYear } from "../../support/renewalYear";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const lifetimes = { "90 days": 90 * DAY, "64 days": 64 * DAY, "45 days": 45 * DAY, "160 hours": 160 * HOUR };

describe("a year of renewals", () => {
    for (const [name, lifetime] of Object.entries(lifetimes)) {
        it(`at ${name}: each in the window that the authority suggests, and no order more than it allows`, () => {
            fc.assert(
                fc.property(fc.integer(), (seed) => {
                    const year = simulateYear({ lifetime, rule: "ours", random: generator(seed) });
                    // All but the first, for which there is no window.
                    expect(year.inWindow).to.equal(year.certificates - 1);
                    expect(year).to.include({ refused: 0, unanswered: 0, expiredHours: 0 });
                    const share = lifetime < 10 * DAY ? 1 / 2 : 2 / 3;
                    expect(year.certificates).to.be.within(
                        Math.floor((365 * DAY) / (lifetime * (share + 0.011))),
                        Math.ceil((365 * DAY) / (lifetime * (share - 0.011))) + 1,
                    );
                }),
                { numRuns: 20 },
            );
        });

        it(`at ${name}: never expired when the authority is down for less than the time that a renewal leaves, and two days`, () => {
            const left = lifetime * (lifetime < 10 * DAY ? 0.49 : 0.32);
            fc.assert(
                fc.property(
                    fc.integer(),
                    fc.double({ min: 0.05, max: 0.9, noNaN: true }),
                    fc.double({ min: 0, max: 1, noNaN: true }),
                    (seed, begin, part) => {
                        const from = begin * 365 * DAY;
                        // After an outage the next attempt comes within a day.
                        const outages = [[from, from + part * Math.max(0, left - 2 * DAY)]] as const;
                        const year = simulateYear({ lifetime, outages, rule: "ours", random: generator(seed) });
                        expect(year).to.include({ refused: 0, expiredHours: 0 });
                        // Hourly runs do not try hourly: after 1, 10 and 100 minutes, and then once a day.
                        expect(year.unanswered).to.be.at.most(4 + left / DAY);
                    },
                ),
                { numRuns: 30 },
            );
        });
    }

    it("by the rule of thirty days passes the limit and misses the window, the more so the shorter certificates live", () => {
        const years = Object.values(lifetimes).map((lifetime) =>
            simulateYear({ lifetime, rule: "thirty days", random: generator(1) }),
        );
        expect(years.map(({ refused }) => refused > 0)).to.deep.equal([false, false, false, true]);
        expect(years[3].refused).to.be.at.least(100);
        expect(years[2].certificates).to.be.at.least(2 * 9);
    });
});

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function generator(seed: number): () => number {
    let state = seed;
    return () => {
        state = (state + 0x6d2b79f5) | 0;
        let value = Math.imul(state ^ (state >>> 15), 1 | state);
        value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
        return ((value ^ (value >>> 14)) >>> 0) / 4_294_967_296;
    };
}
