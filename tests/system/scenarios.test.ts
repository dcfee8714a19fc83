import { rmSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";

import { loadBalancedLife, loadBalancedShapes } from "../../local/scenarios/loadBalanced";
import type { LoadBalancedReport } from "../../local/scenarios/loadBalanced";
import { traefikLife } from "../../local/scenarios/traefik";
import type { TraefikReport } from "../../local/scenarios/traefik";

describe("the life of a load-balanced service", function () {
    this.timeout(300_000);

    for (const shape of loadBalancedShapes) {
        it(`in the shape ${shape}`, async () => {
            const name = `test-${shape}-${process.pid}`;
            const report: LoadBalancedReport = {};
            await loadBalancedLife(shape, report, name);
            const isEndToEnd = shape === "end-to-end-tls";

            expect(report.preview?.changes).to.deep.equal(report.up?.changes);
            expect(Object.keys(report.secondUp!.changes)).to.deep.equal(["same"]);
            expect(report.targets?.map(({ port, state }) => [port, state])).to.deep.equal([
                [isEndToEnd ? 8443 : 8080, "healthy"],
                [isEndToEnd ? 8443 : 8080, "healthy"],
            ]);
            expect(report.https).to.deep.include({
                status: 200,
                httpVersion: shape === "nlb" ? "1.1" : "2",
                tlsVersion: "TLSv1.3",
                authorized: true,
                servedBy: "one",
            });
            expect(report.webSocket).to.deep.equal({ echoed: true });
            expect(report.redirect?.status).to.equal(shape === "nlb" ? undefined : 301);
            expect(report.wire?.connections).to.be.above(0);
            expect(report.wire?.tlsHandshakes).to.equal(isEndToEnd ? report.wire?.connections : 0);
            expect(report.wire?.plainHttpAnswered).to.equal(!isEndToEnd);
            expect(report.rollout?.requests).to.be.above(0);
            expect(report.rollout?.failed).to.equal(0);
            expect(report.destroy).to.deep.equal({ resources: 0, processes: 0 });
            forget(name);
        });
    }
});

describe("the life of tasks behind Traefik", function () {
    this.timeout(300_000);

    it("from nothing to nothing", async () => {
        const name = `test-traefik-${process.pid}`;
        const report: TraefikReport = {};
        await traefikLife(report, name);

        expect(report.preview?.changes).to.deep.equal(report.up?.changes);
        expect(Object.keys(report.secondUp!.changes)).to.deep.equal(["same"]);
        expect(report.services).to.deep.equal({ "gateway-service": 2, "app-service": 2 });
        expect(report.https).to.deep.include({
            status: 200,
            httpVersion: "2",
            tlsVersion: "TLSv1.3",
            authorized: true,
        });
        expect(report.unknownHost).to.deep.equal({ status: 404 });
        expect(report.webSocket).to.deep.equal({ echoed: true });
        expect(report.stop?.requests).to.be.above(0);
        expect(report.stop?.failed).to.equal(0);
        expect(report.destroy).to.deep.equal({ resources: 0, processes: 0 });
        forget(name);
    });
});

function forget(name: string): void {
    rmSync(join(__dirname, "..", "..", ".local", name), { recursive: true, force: true });
}
