import { rmSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";

import type { InternalReport } from "../../local/commands/scenarios/internal";
import { runScenario } from "../../local/commands/scenarios/scenarios";
import type { Scenario } from "../../local/commands/scenarios/scenarios";
import type { TokensReport, WireReport } from "../../local/commands/scenarios/steps";
import { projectRoot } from "../../local/machine/projectRoot";
import { expectAllUsed } from "../support/usedPermissions";

type Report = InternalReport & {
    wire?: WireReport;
    tokens?: TokensReport;
    besideEnvoy?: Record<string, string>;
    renewal?: { before: string; after: string };
    stop?: { requests: number; failed: number };
};

const byEnvoy = {
    versions: ["TLSv1.2", "TLSv1.3"],
    tls12Ciphers: ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305"],
    tls13Ciphers: ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"],
    groups: ["X25519MLKEM768", "X25519", "P-256"],
    application: "h2",
};

/** What ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09 allows, as far as the stand-in for the load balancer can. */
const byPolicy = {
    ...byEnvoy,
    tls12Ciphers: ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"],
    groups: ["X25519MLKEM768", "X25519", "P-256", "P-384"],
};

describe("the life of the example", () => {
    /** `unseen`: how many resources a first preview cannot show yet, as awsx does not know what to call them. */
    async function lifeOf(scenario: Scenario, unseen = 0): Promise<Report> {
        const report: Report = {};
        const name = `test-${scenario}-${process.pid}`;
        await runScenario(scenario, report, name);
        rmSync(join(projectRoot, ".local", name), { recursive: true, force: true });

        expect({ create: report.preview!.changes.create + unseen }).to.deep.equal(report.up!.changes);
        expect(Object.keys(report.secondUp!.changes)).to.deep.equal(["same"]);
        const { status, httpVersion, tlsVersion, authorized, hsts } = report.https!;
        expect([status, httpVersion, tlsVersion, authorized, hsts]).to.deep.equal([200, "2", "TLSv1.3", true, true]);
        expect(report.rollout!.requests).to.be.above(20);
        expect(report.rollout!.failed).to.equal(0);
        expect(report.rollout!.webSockets.broken).to.equal(0);
        expectAllUsed(report.permissions);
        expect(report.deployedBy).to.deep.equal([
            `arn:aws:sts::111122223333:assumed-role/taskgate-deploy-${scenario}/pulumi`,
        ]);
        expect(report.destroy).to.deep.equal({ resources: 0, processes: 0 });
        return report;
    }

    it("alb", async () => {
        const { services, targets, tls, redirect, wire, tokens } = await lifeOf("alb", 1);
        expect(services).to.deep.equal({ "shop-service": 2, "api-service": 2 });
        expect(targets).to.deep.equal({
            "shop-tg": ["8080 healthy", "8080 healthy"],
            "api-tg": ["8080 healthy", "8080 healthy"],
        });
        expect(tls).to.deep.equal(byPolicy);
        expect(redirect?.status).to.equal(301);
        expect([wire?.encrypted, wire?.readable]).to.deep.equal([false, true]);
        expect(tokens).to.deep.equal({ without: 401, foreign: 401, good: 200, webSocket: true });
    });

    it("end-to-end-tls", async () => {
        const { services, targets, tls, redirect, wire, besideEnvoy, renewal } = await lifeOf("end-to-end-tls");
        expect(services).to.deep.equal({ "records-service": 2 });
        expect(targets).to.deep.equal({ "records-tg": ["8443 healthy", "8443 healthy"] });
        expect(tls).to.deep.equal(byPolicy);
        expect(redirect?.status).to.equal(301);
        expect([wire?.encrypted, wire?.readable]).to.deep.equal([true, false]);
        expect(besideEnvoy?.app).to.equal("ECONNREFUSED");
        expect(renewal?.after).not.to.equal(renewal?.before);
    });

    it("nlb", async () => {
        const { services, targets, tls, redirect, wire, besideEnvoy } = await lifeOf("nlb");
        expect(services).to.deep.equal({ "live-service": 2 });
        expect(targets).to.deep.equal({
            "live-tg": ["8443 healthy", "8443 healthy"],
            "live-http": ["8081 healthy", "8081 healthy"],
        });
        expect(tls).to.deep.equal(byEnvoy);
        expect(redirect?.status).to.equal(308);
        expect([wire?.encrypted, wire?.readable, wire?.clients]).to.deep.equal([true, false, ["127.0.0.1"]]);
        expect(besideEnvoy?.app).to.equal("ECONNREFUSED");
    });

    it("traefik", async () => {
        const { services, targets, tls, redirect, stop } = await lifeOf("traefik");
        expect(services).to.deep.equal({ "edge-service": 2, "orders-service": 2, "invoices-service": 2 });
        expect(targets).to.deep.equal({
            "edge-https": ["8443 healthy", "8443 healthy"],
            "edge-http": ["8000 healthy", "8000 healthy"],
        });
        // Go's TLS, restricted to what is forward secret and authenticated.
        expect(tls).to.deep.equal({
            ...byEnvoy,
            groups: ["X25519MLKEM768", "SecP256r1MLKEM768", "X25519", "P-256", "P-384", "P-521"],
        });
        expect(redirect?.status).to.equal(301);
        expect(stop!.requests).to.be.above(20);
        expect(stop!.failed).to.equal(0);
    });

    it("internal", async () => {
        const { services, targets, tls, redirect, chain, worker, reach } = await lifeOf("internal", 4);
        expect(services).to.deep.equal({ "web-service": 2, "api-service": 2, "stock-service": 2, "worker-service": 1 });
        expect(targets).to.deep.equal({
            "web-tg": ["8080 healthy", "8080 healthy"],
            "api-tg": ["8443 healthy", "8443 healthy"],
        });
        expect(tls).to.deep.equal(byPolicy);
        expect(redirect?.status).to.equal(301);
        expect(chain).to.deep.equal({ names: ["web", "api", "stock"], version: "1.0" });
        expect(worker).to.deep.equal(["stock"]);
        const [webBalancer, apiBalancer] = ["web's load balancer", "api's load balancer"];
        const callers = ["the internet", webBalancer, apiBalancer, "web", "api", "stock", "worker"];
        const everybody = (itself: string, outcome: string): Record<string, string> =>
            Object.fromEntries(callers.filter((caller) => caller !== itself).map((caller) => [caller, outcome]));
        const only = (itself: string, ...those: readonly string[]): Record<string, string> => ({
            ...everybody(itself, "cut off"),
            ...Object.fromEntries(those.map((caller) => [caller, "answered"])),
        });
        expect(reach).to.deep.equal({
            [webBalancer]: everybody(webBalancer, "answered"),
            [apiBalancer]: only(apiBalancer, "web"),
            web: only("web", webBalancer),
            api: only("api", apiBalancer),
            "api's app, beside its Envoy": everybody("api", "nobody listens"),
            stock: only("stock", "api", "worker"),
            worker: everybody("worker", "nobody listens"),
        });
    });
});
