// No failed request where AWS would serve none: the components' settings have to see to it. What was under way at a task that breaks is lost
// there as well, until the load balancer has noticed; everything else has to be served.
import { expect } from "chai";

import { disturbances, disturbancesOf, disturbedService } from "../../local/commands/disturbances/disturbances";
import type { Disturbance, Seen, Settings } from "../../local/commands/disturbances/disturbances";
import { localSystem } from "../support/localSystem";

const shapes: readonly Settings[] = ["terminate", "endToEnd"];

/** What has ended is noticed at once; what goes on, by the checks. */
const stoppedReasons: Partial<Record<Disturbance, RegExp>> = {
    crash: /^Essential container in task exited$/,
    envoyKilled: /^Essential container in task exited$/,
    sickness: /^Task failed (ELB|container) health checks/,
    envoyHangs: /^Task failed (ELB|container) health checks/,
};

describe("a load-balanced service under a steady load, its TLS", () => {
    /** Both shapes go through it side by side, each one disturbance after the other. */
    const seen = new Map<string, Promise<Seen>>();
    const ends: Promise<unknown>[] = [];
    before(async () => {
        const { file } = await localSystem();
        for (const settings of shapes) {
            const service = disturbedService(file, settings);
            let last: Promise<unknown> = service;
            for (const disturbance of disturbancesOf(settings)) {
                const one = last.then(async () => (await service).disturb(disturbance));
                seen.set(`${settings} ${disturbance}`, one);
                last = one.catch(() => undefined); // its own test tells
            }
            const end = last.then(async () => (await service).destroy());
            end.catch(() => undefined); // "after" tells
            ends.push(end);
        }
    });
    after(() => Promise.all(ends));

    for (const settings of shapes) {
        const words = settings === "terminate" ? "ended at the load balancer" : "carried to the task";
        for (const disturbance of disturbancesOf(settings)) {
            it(`${words}: ${disturbances[disturbance]}`, async () => {
                const { counts, lost, stoppedReason } = await seen.get(`${settings} ${disturbance}`)!;

                expect(counts.requests).to.be.above(40);
                expect(counts.webSockets.opened).to.be.at.least(12);
                expect(lost, JSON.stringify(counts)).to.deep.equal({ requests: [], webSockets: [] });
                expect(stoppedReason ?? "").to.match(stoppedReasons[disturbance] ?? /^$/);
            });
        }
    }
});
