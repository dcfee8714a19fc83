import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

import { Route53 } from "@aws-sdk/client-route-53";
import type { HealthCheckConfig } from "@aws-sdk/client-route-53";
import { expect } from "chai";

import { startGateway } from "../../../../local/aws/gateway/gateway";
import { route53Overlay } from "../../../../local/aws/route53/overlay";
import type { Route53Overlay } from "../../../../local/aws/route53/overlay";
import { rules } from "../../../../local/aws/rules";
import { clientConfig } from "../../../../local/machine/awsClients";
import { until } from "../../../support/until";

const accountId = "111122223333";
const unlimited = { capacity: 1e9, refillPerSecond: 0 };
const fqdn = "up.example.test";

const rejection = (asked: Promise<unknown>): Promise<string> => asked.then(() => "accepted", String);

describe("health checks of Route 53", () => {
    let endpoint: Server;
    let gateway: Awaited<ReturnType<typeof startGateway>>;
    let overlay: Route53Overlay;
    let client: Route53;
    /** What the endpoint answers, and what it was asked. */
    let answer: { status: number; body: string };
    let asked: { path: string | undefined; host: string | undefined; agent: string | undefined }[];
    let made = 0;

    before(async () => {
        endpoint = createServer(({ url, headers }, response) => {
            asked.push({ path: url, host: headers.host, agent: headers["user-agent"] });
            response.writeHead(answer.status).end(answer.body);
        });
        await new Promise<void>((done) => endpoint.listen(0, "127.0.0.1", done));
        const { port } = endpoint.address() as AddressInfo;
        overlay = route53Overlay({
            secondMs: 2,
            locate: (name) => (name === fqdn ? { host: "127.0.0.1", port } : undefined),
            ...{ requestLimit: unlimited, changeLimit: unlimited },
        });
        // Nothing of this is the emulator's.
        gateway = await startGateway({ emulatorPort: 9, accountId, overlays: [overlay], rules, log: () => undefined });
        client = new Route53({ ...clientConfig(gateway.url, { accountId, region: "us-east-1" }), maxAttempts: 1 });
    });

    beforeEach(() => {
        answer = { status: 200, body: "all is well" };
        asked = [];
    });

    after(async () => {
        overlay.stop();
        client.destroy();
        await gateway.stop();
        await new Promise((done) => endpoint.close(done));
    });

    async function create(config: Partial<HealthCheckConfig> = {}): Promise<string> {
        const { HealthCheck } = await client.createHealthCheck({
            CallerReference: `check-${++made}`,
            HealthCheckConfig: { Type: "HTTP", FullyQualifiedDomainName: fqdn, RequestInterval: 10, ...config },
        });
        return HealthCheck!.Id!;
    }

    const isHealthy = (HealthCheckId: string): boolean =>
        overlay.isHealthy({ Name: "a.", Type: "A", SetIdentifier: "a", HealthCheckId });

    async function observations(HealthCheckId: string): Promise<string[]> {
        const { HealthCheckObservations = [] } = await client.getHealthCheckStatus({ HealthCheckId });
        return HealthCheckObservations.map(({ StatusReport }) => StatusReport!.Status!);
    }

    it("are kept as AWS keeps them, with what it takes for granted", async () => {
        const Id = await create({ Type: "HTTPS", Port: undefined, Regions: ["us-east-1", "eu-west-1", "sa-east-1"] });
        const { HealthCheck } = await client.getHealthCheck({ HealthCheckId: Id });
        expect(HealthCheck).to.deep.equal({
            ...{ Id, CallerReference: `check-${made}`, HealthCheckVersion: 1 },
            HealthCheckConfig: {
                ...{ Type: "HTTPS", FullyQualifiedDomainName: fqdn, Port: 443, EnableSNI: true },
                ...{
                    RequestInterval: 10,
                    FailureThreshold: 3,
                    MeasureLatency: false,
                    Inverted: false,
                    Disabled: false,
                },
                Regions: ["us-east-1", "eu-west-1", "sa-east-1"],
            },
        });
        const again = {
            CallerReference: `check-${made}`,
            HealthCheckConfig: { Type: "TCP", Port: 1, FullyQualifiedDomainName: fqdn },
        } as const;
        expect(await rejection(client.createHealthCheck(again))).to.match(/^HealthCheckAlreadyExists/);
        const AddTags = [{ Key: "team", Value: "web" }];
        await client.changeTagsForResource({ ResourceType: "healthcheck", ResourceId: Id, AddTags });
        const { ResourceTagSet } = await client.listTagsForResource({ ResourceType: "healthcheck", ResourceId: Id });
        expect(ResourceTagSet).to.deep.equal({ ResourceType: "healthcheck", ResourceId: Id, Tags: AddTags });
        const { HealthChecks = [] } = await client.listHealthChecks({});
        expect(HealthChecks.map((check) => check.Id)).to.deep.equal([Id]);
        await client.deleteHealthCheck({ HealthCheckId: Id });
        expect(await rejection(client.getHealthCheck({ HealthCheckId: Id }))).to.match(/^NoSuchHealthCheck/);
    });

    it("ask the endpoint from eight regions, and follow it after as many answers as they are told", async () => {
        const id = await create({ ResourcePath: "/up?deep", FailureThreshold: 2 });
        expect(isHealthy(id)).to.equal(true); // until something else is known
        await until("all have looked", async () => (await observations(id)).length === 8);
        expect(new Set(await observations(id))).to.deep.equal(
            new Set(["Success: HTTP Status Code 200, OK. Resolved IP: 127.0.0.1"]),
        );
        expect(asked[0]).to.deep.equal({
            ...{ path: "/up?deep", host: fqdn, agent: `Amazon-Route53-Health-Check-Service (ref ${id})` },
        });
        answer = { status: 503, body: "" };
        await until("unhealthy", () => !isHealthy(id));
        await until("all say so", async () =>
            (await observations(id)).every((status) => status.startsWith("Failure: ")),
        );
        expect(await observations(id)).to.include(
            "Failure: HTTP Status Code 503, Service Unavailable. Resolved IP: 127.0.0.1",
        );
        answer = { status: 302, body: "" };
        await until("healthy", () => isHealthy(id));
        await client.deleteHealthCheck({ HealthCheckId: id });
    });

    it("look for words, know names that do not exist, and take what is disabled for healthy", async () => {
        const searching = await create({ Type: "HTTP_STR_MATCH", SearchString: "well", FailureThreshold: 1 });
        const nowhere = await create({ FullyQualifiedDomainName: "none.example.test", FailureThreshold: 1 });
        await until("unhealthy", () => !isHealthy(nowhere));
        expect(await observations(nowhere)).to.include("Failure: DNS resolution failed: Rcode NXDOMAIN(3)");
        await until("all have looked", async () => (await observations(searching)).length === 8);
        expect(isHealthy(searching)).to.equal(true);
        answer = { status: 200, body: "all is ill" };
        await until("unhealthy", () => !isHealthy(searching));
        await client.updateHealthCheck({ HealthCheckId: nowhere, Disabled: true });
        expect(isHealthy(nowhere)).to.equal(true);
        const { HealthCheck } = await client.updateHealthCheck({ HealthCheckId: nowhere, Inverted: true });
        expect([isHealthy(nowhere), HealthCheck?.HealthCheckVersion]).to.deep.equal([false, 3]);
        const stale = client.updateHealthCheck({ HealthCheckId: nowhere, HealthCheckVersion: 1 });
        expect(await rejection(stale)).to.match(/^HealthCheckVersionMismatch/);
        const both = (HealthThreshold: number) =>
            create({
                ...{ Type: "CALCULATED", FullyQualifiedDomainName: undefined, RequestInterval: undefined },
                ...{ HealthThreshold, ChildHealthChecks: [searching, nowhere] },
            });
        expect([isHealthy(await both(0)), isHealthy(await both(1))]).to.deep.equal([true, false]);
    });

    it("are refused what Route 53 does not take", async () => {
        expect(await rejection(create({ RequestInterval: 20 }))).to.equal(
            "InvalidInput: The request interval must be either 10 or 30 seconds",
        );
        expect(await rejection(create({ FailureThreshold: 11 }))).to.match(/^InvalidInput/);
        expect(await rejection(create({ Type: "RECOVERY_CONTROL", RequestInterval: undefined }))).to.equal(
            "InvalidInput: Health checks of type RECOVERY_CONTROL are not made on this machine.",
        );
        expect(await rejection(client.getHealthCheckStatus({ HealthCheckId: "none" }))).to.match(/^NoSuchHealthCheck/);
    });
});
