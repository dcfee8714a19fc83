import { expect } from "chai";
import * as fc from "fast-check";

import { openingsOf, type WindowSettings } from "../../handlers/maintenanceWindows";

const weekly: WindowSettings = {
    schedule: "cron(0 2 ? * SUN *)",
    scheduleTimezone: "Europe/Dublin",
    duration: 4,
    cutoff: 1,
};
const at = (text: string): number => Date.parse(text);
const shown = (instant: number | undefined) => instant !== undefined && new Date(instant).toISOString().slice(0, 16);

describe("maintenance windows", () => {
    it("open by their schedule in their time zone, begin nothing after the cut-off, and close", () => {
        const openings = openingsOf(weekly);
        const opensAt = at("2026-05-03T01:00:00Z"); // 02:00 in Dublin
        const opening = {
            opensAt,
            startsUntil: at("2026-05-03T04:00:00Z"),
            closesAt: at("2026-05-03T05:00:00Z"),
        };
        expect(openings.at(opensAt - 1)).to.equal(undefined);
        expect(openings.at(opensAt)).to.deep.equal(opening);
        expect(openings.at(opening.closesAt - 1)).to.deep.equal(opening);
        expect(openings.at(opening.closesAt)).to.equal(undefined);
        expect(openings.after(opensAt - 1)).to.deep.equal(opening);
        expect(shown(openings.after(opensAt)?.opensAt)).to.equal("2026-05-10T01:00");
    });

    it("keep their hour when clocks change; an hour that there is not is the first after it", () => {
        const next = (schedule: string, now: string) =>
            shown(openingsOf({ ...weekly, schedule }).after(at(now))?.opensAt);
        expect(next("cron(0 2 ? * SUN *)", "2026-03-21T12:00:00Z")).to.equal("2026-03-22T02:00");
        expect(next("cron(0 2 ? * SUN *)", "2026-03-28T12:00:00Z")).to.equal("2026-03-29T01:00");
        expect(next("cron(30 1 ? * SUN *)", "2026-03-28T12:00:00Z")).to.equal("2026-03-29T01:00"); // 01:30 is left out
        expect(next("cron(30 1 ? * SUN *)", "2026-10-24T12:00:00Z")).to.equal("2026-10-25T00:30"); // 01:30 is there twice
        expect(next("cron(30 1 ? * SUN *)", "2026-10-25T00:30:00Z")).to.equal("2026-11-01T01:30");
    });

    it("are as long on the day when clocks change", () => {
        const { opensAt, closesAt } = openingsOf({ ...weekly, schedule: "cron(0 0 ? * SUN *)" }).after(
            at("2026-10-24T12:00:00Z"),
        )!;
        expect([shown(opensAt), shown(closesAt)]).to.deep.equal(["2026-10-24T23:00", "2026-10-25T03:00"]);
    });

    it("count weekdays as AWS does, and know its L, W, # and years", () => {
        const next = (schedule: string) =>
            shown(
                openingsOf({ ...weekly, schedule, scheduleTimezone: "UTC" }).after(at("2026-05-01T12:00:00Z"))?.opensAt,
            );
        expect(next("cron(0 2 ? * 1 *)")).to.equal("2026-05-03T02:00"); // 1 is Sunday
        expect(next("cron(0 2 ? * TUE#2 *)")).to.equal("2026-05-12T02:00");
        expect(next("cron(0 2 ? * 6L *)")).to.equal("2026-05-29T02:00");
        expect(next("cron(0 2 L * ? *)")).to.equal("2026-05-31T02:00");
        expect(next("cron(0 2 16W * ? *)")).to.equal("2026-05-15T02:00");
        expect(next("cron(0/20 13 ? * MON-FRI 2026-2027)")).to.equal("2026-05-01T13:00");
        expect(next("cron(0 2 * * ? 2025)")).to.equal(false);
    });

    it("are what they are at each instant in them, in any time zone", () => {
        const zones = ["UTC", "Europe/Dublin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"];
        const window = fc.record({
            schedule: fc
                .tuple(
                    fc.integer({ min: 0, max: 59 }),
                    fc.integer({ min: 0, max: 23 }),
                    fc.constantFrom("*", "SUN", "2-6"),
                )
                .map(([minute, hour, weekday]) => `cron(${minute} ${hour} ? * ${weekday} *)`),
            scheduleTimezone: fc.constantFrom(...zones),
            duration: fc.integer({ min: 1, max: 22 }),
            cutoff: fc.constant(0),
        });
        // Two years, with all changes of clocks.
        const instant = fc.integer({ min: at("2026-01-01T00:00:00Z"), max: at("2027-12-31T00:00:00Z") });
        fc.assert(
            fc.property(window, instant, fc.double({ min: 0, max: 1, noNaN: true }), (settings, now, share) => {
                const openings = openingsOf(settings);
                const next = openings.after(now)!;
                expect(next.opensAt).to.be.above(now);
                expect(next.closesAt - next.opensAt).to.equal(settings.duration * 3_600_000);
                const inside = next.opensAt + Math.floor(share * (next.closesAt - next.opensAt - 1));
                expect(openings.at(inside)).to.deep.equal(next);
                expect(openings.after(next.opensAt - 1)).to.deep.equal(next);
                const current = openings.at(now);
                if (current !== undefined) {
                    expect(current.opensAt).to.be.at.most(now);
                    expect(current.closesAt).to.be.above(now);
                    expect(current.closesAt).to.be.at.most(next.opensAt);
                }
            }),
            { numRuns: 200 },
        );
    });
});
