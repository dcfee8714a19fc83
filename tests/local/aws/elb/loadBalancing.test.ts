import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { IncomingMessage, RequestListener, Server } from "node:http";
import { createServer as createSecureServer, request } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { ElasticLoadBalancingV2 } from "@aws-sdk/client-elastic-load-balancing-v2";
import type { Action, CreateTargetGroupCommandInput } from "@aws-sdk/client-elastic-load-balancing-v2";
import { expect } from "chai";

import { createLoadBalancing } from "../../../../local/aws/elb/loadBalancing";
import type { LoadBalancing } from "../../../../local/aws/elb/loadBalancing";
import { elbOverlay } from "../../../../local/aws/elb/overlay";
import { loggedRequests } from "../../../../local/aws/elb/requestLog";
import { startGateway } from "../../../../local/aws/gateway/gateway";
import type { Gateway } from "../../../../local/aws/gateway/gateway";
import { rules } from "../../../../local/aws/rules";
import { createAuthority, createTlsCertificate } from "../../../../local/internet/authorities/tlsCertificate";
import type { TlsFiles } from "../../../../local/internet/authorities/tlsCertificate";
import { answerQuestion } from "../../../../local/internet/dns/answer";
import { startDnsServer } from "../../../../local/internet/dns/server";
import type { DnsServer } from "../../../../local/internet/dns/server";
import { startIdentityProvider } from "../../../../local/internet/identityProvider";
import type { IdentityProvider } from "../../../../local/internet/identityProvider";
import { clientConfig } from "../../../../local/machine/awsClients";
import { claimLoopbackBlock } from "../../../../local/machine/loopback";
import type { LoopbackBlock } from "../../../../local/machine/loopback";
import { createProcesses } from "../../../../local/machine/processes";
import type { Processes } from "../../../../local/machine/processes";
import { projectRoot } from "../../../../local/machine/projectRoot";
import { createNetworkInterfaces } from "../../../../local/tasks/networkInterfaces";
import type { NetworkInterfaces } from "../../../../local/tasks/networkInterfaces";
import { until } from "../../../support/until";

const accountId = "111122223333";
const certificateArn = `arn:aws:acm:eu-west-1:${accountId}:certificate/1`;

describe("load balancers of the local system", () => {
    const directory = mkdtempSync(join(tmpdir(), "taskgate-elb-"));
    const servers: Server[] = [];
    const identityProviders: IdentityProvider[] = [];
    let processes: Processes;
    let block: LoopbackBlock;
    let gateway: Gateway;
    let balancing: LoadBalancing;
    let elb: ElasticLoadBalancingV2;
    let tls: TlsFiles;
    let dns: DnsServer;
    let networkInterfaces: NetworkInterfaces;
    /** Names that the DNS server knows, and their addresses. */
    const names = new Map<string, string>();
    const trustedRootsFile = join(directory, "roots.pem");
    /** What a load balancer had is free when these are called. */
    const freeing: (() => void)[] = [];

    before(async () => {
        processes = createProcesses(directory);
        block = await claimLoopbackBlock();
        networkInterfaces = createNetworkInterfaces(block.number);
        tls = await createTlsCertificate("Test CA");
        dns = await startDnsServer({
            zones: () =>
                [...names].map(([name, Value]) => ({
                    name: `${name}.`,
                    sets: new Map([[`${name}.`, [{ Name: name, Type: "A", TTL: 1, ResourceRecords: [{ Value }] }]]]),
                })),
        });
        balancing = createLoadBalancing({
            root: projectRoot,
            processes,
            address: () => networkInterfaces.newAddress(),
            certificateOf: (arn) =>
                arn.startsWith(certificateArn) ? { chain: tls.certificate, privateKey: tls.privateKey } : undefined,
            ports: { 80: 8480, 443: 8443 },
            jwks: () => ({ isLocal: (name) => names.has(name), dnsPort: dns.port, trustedRootsFile }),
            freed: () => new Promise<void>((resolve) => freeing.push(resolve)),
            log: (text) => expect.fail(text),
        });
        gateway = await startGateway({
            emulatorPort: 9,
            accountId,
            overlays: [elbOverlay(balancing)],
            rules,
            log: (text) => expect.fail(text),
        });
        elb = new ElasticLoadBalancingV2({
            ...clientConfig(gateway.url, { accountId, region: "eu-west-1" }),
            maxAttempts: 1,
        });
    });
    after(async () => {
        await balancing.stop();
        await gateway.stop();
        await Promise.all(identityProviders.map((provider) => provider.stop()));
        await dns.stop();
        await block.release();
        servers.forEach((server) => server.close().closeAllConnections());
        const left = await processes.stop();
        rmSync(directory, { recursive: true });
        expect(left).to.equal(0);
    });

    async function serve(listener: RequestListener, isSecure = false): Promise<number> {
        const options = { cert: tls.certificate, key: tls.privateKey };
        const server = isSecure ? createSecureServer(options, listener) : createServer(listener);
        servers.push(server);
        await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
        return (server.address() as AddressInfo).port;
    }

    const saying =
        (text: string): RequestListener =>
        (_, response) =>
            response.end(text);

    async function balancer(name: string, type: "application" | "network" = "application"): Promise<string> {
        const { LoadBalancers } = await elb.createLoadBalancer({
            Name: name,
            Type: type,
            Subnets: ["subnet-1", "subnet-2"],
        });
        return LoadBalancers![0].LoadBalancerArn!;
    }

    /** Makes a listener for plain HTTP; gives its ARN. */
    async function listen(LoadBalancerArn: string, ...DefaultActions: Action[]): Promise<string> {
        const { Listeners } = await elb.createListener({
            ...{ LoadBalancerArn, Protocol: "HTTP", Port: 80 },
            DefaultActions,
        });
        return Listeners![0].ListenerArn!;
    }

    async function targetGroup(name: string, more: Partial<CreateTargetGroupCommandInput> = {}): Promise<string> {
        const { TargetGroups } = await elb.createTargetGroup({
            Name: name,
            Protocol: "HTTP",
            Port: 80,
            TargetType: "ip",
            VpcId: "vpc-1",
            HealthCheckIntervalSeconds: 5,
            HealthCheckTimeoutSeconds: 2,
            ...more,
        });
        return TargetGroups![0].TargetGroupArn!;
    }

    const forward = (arn: string): Action => ({ Type: "forward", TargetGroupArn: arn });
    const register = (arn: string, ...ports: number[]) =>
        elb.registerTargets({
            TargetGroupArn: arn,
            Targets: ports.map((Port) => ({ Id: "127.0.0.1", Port })),
        });
    const states = async (arn: string) =>
        (await elb.describeTargetHealth({ TargetGroupArn: arn })).TargetHealthDescriptions!.map(
            ({ TargetHealth }) => TargetHealth!.State,
        );
    const healthy = (arn: string) =>
        until("all targets are healthy", async () => {
            const all = await states(arn);
            return all.length > 0 && all.every((state) => state === "healthy");
        });

    async function addressOf(arn: string): Promise<string> {
        const { LoadBalancers } = await elb.describeLoadBalancers({ LoadBalancerArns: [arn] });
        const { answers } = answerQuestion(balancing.zones(), LoadBalancers![0].DNSName!, "A");
        return answers[0].data as string;
    }

    interface Answer {
        readonly status: number | undefined;
        readonly headers: IncomingMessage["headers"];
        readonly body: string;
    }

    /** GET, as soon as somebody listens. */
    async function get(
        host: string,
        port: number,
        path = "/",
        name = "app.example.test",
        more: Readonly<Record<string, string>> = {},
    ): Promise<Answer> {
        const plain = port === 8480;
        const { request: requestPlain } = await import("node:http");
        const options = {
            host,
            port,
            path,
            headers: { host: name, ...more },
            ca: tls.ca,
            servername: "localhost",
            agent: false,
        };
        const ask = () =>
            new Promise<Answer | undefined>((done, reject) => {
                (plain ? requestPlain : request)(options, (response) => {
                    let body = "";
                    response.on("data", (chunk: Buffer) => (body += String(chunk)));
                    response.on("end", () => done({ status: response.statusCode, headers: response.headers, body }));
                })
                    .on("error", (error: NodeJS.ErrnoException) =>
                        error.code === "ECONNREFUSED" || error.code === "ECONNRESET" ? done(undefined) : reject(error),
                    )
                    .end();
            });
        return until(`${host}:${port} answers`, ask);
    }

    it("send requests to the targets of the rule that matches first", async () => {
        const arn = await balancer("rules");
        const [one, other] = [await targetGroup("rules-one"), await targetGroup("rules-other")];
        await register(one, await serve((incoming, response) => response.end(JSON.stringify(incoming.headers))));
        await register(other, await serve(saying("other")));
        const { Listeners } = await elb.createListener({
            LoadBalancerArn: arn,
            Protocol: "HTTPS",
            Port: 443,
            SslPolicy: "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09",
            Certificates: [{ CertificateArn: certificateArn }],
            DefaultActions: [
                { Type: "fixed-response", FixedResponseConfig: { StatusCode: "404", MessageBody: "nobody" } },
            ],
        });
        const listenerArn = Listeners![0].ListenerArn!;
        await elb.createRule({
            ListenerArn: listenerArn,
            Priority: 20,
            Conditions: [{ Field: "host-header", HostHeaderConfig: { Values: ["*.example.test"] } }],
            Actions: [forward(one)],
        });
        await elb.createRule({
            ListenerArn: listenerArn,
            Priority: 10,
            Conditions: [
                { Field: "host-header", HostHeaderConfig: { Values: ["app.example.test"] } },
                { Field: "path-pattern", PathPatternConfig: { Values: ["/other/*"] } },
            ],
            Actions: [forward(other)],
        });
        await listen(arn, {
            Type: "redirect",
            RedirectConfig: { Protocol: "HTTPS", Port: "443", StatusCode: "HTTP_301" },
        });
        await Promise.all([healthy(one), healthy(other)]);
        const host = await addressOf(arn);
        const first = await until("the first answer", async () => {
            const answer = await get(host, 8443);
            return answer.status === 200 && answer;
        });
        const headers = JSON.parse(first.body) as Record<string, string>;

        expect(headers).to.include({
            host: "app.example.test",
            "x-forwarded-proto": "https",
            "x-forwarded-port": "443",
        });
        expect((await get(host, 8443, "/other/page")).body).to.equal("other");
        expect(await get(host, 8443, "/", "elsewhere.test")).to.include({ status: 404, body: "nobody" });
        expect(headers["x-forwarded-for"]).to.match(/^[\d.]+$/);
        const redirect = await get(host, 8480, "/some/path?query");
        expect(redirect.status).to.equal(301);
        expect(redirect.headers.location).to.equal("https://app.example.test:8443/some/path?query");
    });

    it("carry TLS to targets whose certificate nobody trusts, and answer 503 when there is none", async () => {
        const arn = await balancer("end-to-end");
        const group = await targetGroup("end-to-end", { Protocol: "HTTPS", HealthCheckProtocol: "HTTPS" });
        await listen(arn, forward(group));
        const host = await addressOf(arn);
        const empty = await get(host, 8480);
        const port = await serve(saying("secret"), true);
        await register(group, port);
        await healthy(group);
        const full = await until("the target is used", async () => {
            const answer = await get(host, 8480);
            return answer.status === 200 && answer;
        });

        expect(empty.status).to.equal(503);
        expect(full.body).to.equal("secret");
    });

    it("let a deregistered target finish its requests and send it no new ones", async () => {
        const arn = await balancer("draining");
        const group = await targetGroup("draining");
        await elb.modifyTargetGroupAttributes({
            TargetGroupArn: group,
            Attributes: [{ Key: "deregistration_delay.timeout_seconds", Value: "10" }],
        });
        let release: (() => void) | undefined;
        const slow = await serve((incoming, response) => {
            if (incoming.url === "/slow") {
                release = () => response.end("finished");
            } else {
                response.end("leaving");
            }
        });
        await register(group, slow);
        await listen(arn, forward(group));
        await healthy(group);
        const host = await addressOf(arn);
        await until("the target is used", async () => (await get(host, 8480)).body === "leaving");
        const pending = get(host, 8480, "/slow");
        await until("the request has arrived", () => release !== undefined);
        const staying = await serve(saying("staying"));
        await register(group, staying);
        const drained = balancing.deregister(
            { accountId, region: "eu-west-1" },
            { targetGroupArn: group, address: "127.0.0.1", port: slow },
        );
        const during = await states(group);
        await until("new requests go to the other target", async () => (await get(host, 8480)).body === "staying");
        for (let i = 0; i < 20; i++) {
            expect((await get(host, 8480)).body).to.equal("staying");
        }
        release!();
        const finished = await pending;
        await drained;

        expect(during).to.include("draining");
        expect(finished.body).to.equal("finished");
        expect(await states(group)).to.deep.equal(["healthy"]);
    });

    it("let in who has a token of the issuer, with the claims that a rule asks for", async () => {
        const authority = await createAuthority("Test roots");
        writeFileSync(trustedRootsFile, authority.ca);
        const provider = async (hostname: string, algorithm?: "ES256") => {
            const address = networkInterfaces.newAddress();
            names.set(hostname, address);
            const certificate = await authority.issue([hostname]);
            const options = { hostname, address, port: 8443, certificate, algorithm, directory };
            const started = await startIdentityProvider(options);
            identityProviders.push(started);
            return started;
        };
        const [id, other] = [await provider("id.example.test"), await provider("other.example.test")];
        const elliptic = await provider("elliptic.example.test", "ES256");
        const arn = await balancer("tokens");
        const group = await targetGroup("tokens");
        await register(group, await serve((incoming, response) => response.end(incoming.headers.authorization)));
        const jwt = { Issuer: id.issuer, JwksEndpoint: id.jwksEndpoint };
        const ListenerArn = await listen(
            arn,
            { Type: "jwt-validation", Order: 1, JwtValidationConfig: jwt },
            { ...forward(group), Order: 2 },
        );
        const AdditionalClaims = [
            { Format: "single-string" as const, Name: "tenant", Values: ["red", "blue"] },
            { Format: "string-array" as const, Name: "groups", Values: ["staff", "admins"] },
            { Format: "space-separated-values" as const, Name: "scope", Values: ["read", "write"] },
        ];
        await elb.createRule({
            ListenerArn,
            Priority: 1,
            Conditions: [{ Field: "path-pattern", PathPatternConfig: { Values: ["/claims"] } }],
            Actions: [
                { Type: "jwt-validation", Order: 1, JwtValidationConfig: { ...jwt, AdditionalClaims } },
                { ...forward(group), Order: 2 },
            ],
        });
        await elb.createRule({
            ListenerArn,
            Priority: 2,
            Conditions: [{ Field: "path-pattern", PathPatternConfig: { Values: ["/open"] } }],
            Actions: [forward(group)],
        });
        await elb.createRule({
            ListenerArn,
            Priority: 3,
            Conditions: [{ Field: "path-pattern", PathPatternConfig: { Values: ["/elliptic"] } }],
            Actions: [
                {
                    Type: "jwt-validation",
                    Order: 1,
                    JwtValidationConfig: { Issuer: elliptic.issuer, JwksEndpoint: elliptic.jwksEndpoint },
                },
                { ...forward(group), Order: 2 },
            ],
        });
        await healthy(group);
        const host = await addressOf(arn);
        const status = async (path: string, token?: string) =>
            (await get(host, 8480, path, undefined, token ? { authorization: `Bearer ${token}` } : {})).status;
        const good = await id.issueToken();
        const seconds = Math.floor(Date.now() / 1_000);
        await until("a token is good", async () => (await status("/", good)) === 200);

        expect((await get(host, 8480, "/", undefined, { authorization: `Bearer ${good}` })).body).to.equal(
            `Bearer ${good}`,
        );
        expect(await status("/open")).to.equal(200);
        expect(await status("/")).to.equal(401);
        expect(await status(`/?access_token=${good}`)).to.equal(401);
        expect(await status("/", "nonsense")).to.equal(401);
        expect(await status("/", `${good.slice(0, -8)}AAAAAAAA`)).to.equal(401);
        expect(await status("/", await other.issueToken())).to.equal(401);
        expect(await status("/", await other.issueToken({ iss: id.issuer }))).to.equal(401);
        expect(await status("/", await id.issueToken({ iss: other.issuer }))).to.equal(401);
        expect(await status("/", await id.issueToken({ exp: seconds - 120 }))).to.equal(401);
        expect(await status("/", await id.issueToken({ exp: undefined }))).to.equal(401);
        expect(await status("/", await id.issueToken({ nbf: seconds + 120 }))).to.equal(401);

        expect(await status("/elliptic", await elliptic.issueToken())).to.equal(401); // AWS takes RS256 alone

        const claims = { tenant: "blue", groups: ["admins", "staff", "all"], scope: "write read list" };
        expect(await status("/claims", await id.issueToken(claims))).to.equal(200);
        expect(await status("/claims", good)).to.equal(401);
        expect(await status("/claims", await id.issueToken({ ...claims, tenant: "green" }))).to.equal(401);
        expect(await status("/claims", await id.issueToken({ ...claims, groups: ["staff"] }))).to.equal(401);
        expect(await status("/claims", await id.issueToken({ ...claims, scope: "write reading" }))).to.equal(401);
    });

    it("bring a client back to its target by a cookie, as long as the target is there", async () => {
        const arn = await balancer("sticky");
        const group = await targetGroup("sticky");
        await elb.modifyTargetGroupAttributes({
            TargetGroupArn: group,
            Attributes: [
                { Key: "stickiness.enabled", Value: "true" },
                { Key: "stickiness.lb_cookie.duration_seconds", Value: "60" },
            ],
        });
        const ports = [await serve(saying("one")), await serve(saying("two"))];
        await register(group, ...ports);
        await listen(arn, forward(group));
        await healthy(group);
        const host = await addressOf(arn);
        const first = await until("both targets are used", async () => {
            const answers = [await get(host, 8480), await get(host, 8480)];
            const bodies = new Set(answers.map(({ status, body }) => (status === 200 ? body : "none")));
            return bodies.size === 2 && !bodies.has("none") && answers[0];
        });
        const [given] = first.headers["set-cookie"]!;
        const cookie = given.split(";")[0];
        const again = () => get(host, 8480, "/", undefined, { cookie });
        const bodies = new Set<string>();
        for (let i = 0; i < 10; i++) {
            bodies.add((await again()).body);
        }
        await elb.deregisterTargets({
            TargetGroupArn: group,
            Targets: [{ Id: "127.0.0.1", Port: ports[first.body === "one" ? 0 : 1] }],
        });

        expect(given).to.match(/^AWSALB="?[^";]+"?; Max-Age=60; Path=\/; HttpOnly$/i);
        expect([...bodies]).to.deep.equal([first.body]);
        await until("the other target takes over", async () => {
            const { status, body } = await again();
            return status === 200 && body !== first.body;
        });
    });

    it("log to which target each request was sent, even when nobody answered there", async () => {
        const arn = await balancer("logging");
        const group = await targetGroup("logging", { UnhealthyThresholdCount: 10 });
        const port = await serve((incoming, response) => {
            if (incoming.url === "/gone") {
                response.destroy();
            } else {
                response.end("well");
            }
        });
        await listen(arn, forward(group));
        await register(group, port);
        await healthy(group);
        const host = await addressOf(arn);
        await until("the first answer", async () => (await get(host, 8480)).status === 200);
        const began = Date.now();
        const ask = (path: string, traceId: string) =>
            get(host, 8480, path, "app.example.test", { "x-amzn-trace-id": traceId });
        expect((await ask("/", "Root=1-1-well")).status).to.equal(200);
        expect((await ask("/gone", "Root=1-1-gone")).status).to.equal(502);
        servers.at(-1)!.close().closeAllConnections();
        expect((await ask("/", "Root=1-1-none")).status).to.equal(502);
        const logged = await until("all are logged", () => {
            const requests = loggedRequests(directory);
            return requests.has("Root=1-1-none") && requests;
        });

        for (const traceId of ["Root=1-1-well", "Root=1-1-gone", "Root=1-1-none"]) {
            expect(logged.get(traceId)!.target).to.equal("127.0.0.1");
            expect(logged.get(traceId)!.began).to.be.within(began, Date.now());
        }
    });

    it("check a target that hangs as often as any other", async () => {
        const group = await targetGroup("hanging");
        const checks: Record<"hangs" | "answers", number[]> = { hangs: [], answers: [] };
        const target = (name: keyof typeof checks) =>
            serve((_, response) => {
                checks[name].push(Date.now());
                if (name === "answers" || checks.hangs.length === 1) {
                    response.end("well");
                }
            });
        await register(group, await target("hangs"), await target("answers"));
        await until("three checks of each", () => Object.values(checks).every(({ length }) => length >= 3));

        // Both are due at the same time. A time-out of 2 s is part of the interval.
        expect(checks.hangs[2]).to.be.closeTo(checks.answers[2], 1_000);
    });

    it("show why a target is unhealthy", async () => {
        const arn = await balancer("sick");
        const group = await targetGroup("sick", { UnhealthyThresholdCount: 2 });
        await listen(arn, forward(group));
        await register(group, await serve((_, response) => response.writeHead(500).end()));
        const before = await states(group);
        const { TargetHealth } = await until("the target is unhealthy", async () => {
            const { TargetHealthDescriptions } = await elb.describeTargetHealth({ TargetGroupArn: group });
            const [found] = TargetHealthDescriptions!;
            return found.TargetHealth!.State === "unhealthy" && found;
        });

        expect(before).to.deep.equal(["initial"]);
        expect(TargetHealth).to.deep.equal({
            State: "unhealthy",
            Reason: "Target.ResponseCodeMismatch",
            Description: "Health checks failed with these codes: [500]",
        });
    });

    it("pass TLS through at a network load balancer, with the client's address in front when asked for", async () => {
        const { createServer: createTcpServer } = await import("node:net");
        const arn = await balancer("passthrough", "network");
        const group = await targetGroup("passthrough", { Protocol: "TCP" });
        await elb.modifyTargetGroupAttributes({
            TargetGroupArn: group,
            Attributes: [{ Key: "proxy_protocol_v2.enabled", Value: "true" }],
        });
        const connections: Buffer[][] = []; // those of health checks, too
        const target = createTcpServer((socket: Socket) => {
            const received: Buffer[] = [];
            connections.push(received);
            socket.on("data", (data: Buffer) => received.push(data)).on("error", () => socket.destroy());
        });
        await new Promise<void>((done) => target.listen(0, "127.0.0.1", done));
        await register(group, (target.address() as AddressInfo).port);
        await elb.createListener({
            LoadBalancerArn: arn,
            Protocol: "TCP",
            Port: 443,
            DefaultActions: [forward(group)],
        });
        await healthy(group);
        const host = await addressOf(arn);
        const { connect } = await import("node:net");
        const client = await until(
            "the listener is there",
            () =>
                new Promise<Socket | false>((done) => {
                    const socket = connect({ host, port: 8443 }, () => done(socket));
                    socket.once("error", () => done(false));
                }),
        );
        client.write("hello");
        const bytes = await until("the bytes have arrived", () =>
            connections.map((received) => Buffer.concat(received)).find((all) => all.includes("hello")),
        );
        client.destroy();
        target.close();

        expect(bytes.subarray(0, 14).toString("hex")).to.equal("0d0a0d0a000d0a515549540a2111");
        expect(bytes.toString("latin1", bytes.length - 5)).to.equal("hello");
    });

    it("let go of what they had only some seconds after the listener, or they themselves, have gone", async () => {
        const subnets = ["subnet-own-1", "subnet-own-2"];
        const { LoadBalancers } = await elb.createLoadBalancer({ Name: "letting-go", Subnets: subnets });
        const { LoadBalancerArn } = LoadBalancers![0];
        const TargetGroupArn = await targetGroup("letting-go");
        const own = `${certificateArn}-own`;
        const { Listeners } = await elb.createListener({
            ...{ LoadBalancerArn, Protocol: "HTTPS", Port: 443, DefaultActions: [forward(TargetGroupArn)] },
            Certificates: [{ CertificateArn: own }],
        });
        const remove = () =>
            elb.deleteTargetGroup({ TargetGroupArn }).then(
                () => "deleted",
                ({ name }: Error) => name,
            );
        const free = async () => {
            freeing.splice(0).forEach((resolve) => resolve());
            await Promise.resolve();
        };
        await free();
        await elb.deleteListener({ ListenerArn: Listeners![0].ListenerArn });
        expect([await remove(), balancing.uses(own)]).to.deep.equal(["ResourceInUseException", true]);
        await free();
        expect([await remove(), balancing.uses(own)]).to.deep.equal(["deleted", false]);
        await elb.deleteLoadBalancer({ LoadBalancerArn });
        expect(subnets.map((subnet) => balancing.uses(subnet))).to.deep.equal([true, true]);
        await free();
        expect(subnets.map((subnet) => balancing.uses(subnet))).to.deep.equal([false, false]);
    });

    it("refuse what Elastic Load Balancing refuses", async () => {
        const arn = await balancer("refusals");
        const group = await targetGroup("refusals");
        const refused = async (call: Promise<unknown>) => {
            const { name, message } = await call.then(
                () => new Error("nothing was refused"),
                (error: Error) => error,
            );
            return `${name}: ${message}`;
        };
        const https = {
            LoadBalancerArn: arn,
            Protocol: "HTTPS" as const,
            Port: 443,
            DefaultActions: [forward(group)],
        };

        expect(await refused(balancer("a".repeat(33)))).to.equal(
            `ValidationError: The name '${"a".repeat(33)}' cannot be longer than '32' characters`,
        );
        expect(await refused(elb.createListener(https))).to.equal(
            "CertificateNotFoundException: A certificate must be specified for HTTPS listeners",
        );
        expect(
            await refused(elb.createListener({ ...https, Certificates: [{ CertificateArn: "arn:unknown" }] })),
        ).to.equal("CertificateNotFoundException: Certificate 'arn:unknown' not found");
        const { Listeners } = await elb.createListener({
            ...https,
            Certificates: [{ CertificateArn: certificateArn }],
        });
        expect(await refused(elb.deleteTargetGroup({ TargetGroupArn: group }))).to.equal(
            `ResourceInUseException: Target group '${group}' is currently in use by a listener or a rule`,
        );
        const jwt = { Issuer: "https://id.test", JwksEndpoint: "http://id.test/keys" };
        const actions = [{ Type: "jwt-validation" as const, Order: 1, JwtValidationConfig: jwt }, forward(group)];
        const listenerArn = Listeners![0].ListenerArn;
        expect(await refused(elb.modifyListener({ ListenerArn: listenerArn, DefaultActions: actions }))).to.equal(
            "ValidationError: JwksEndpoint 'http://id.test/keys' must be a URL: https, domain and path",
        );
        const Attributes = [
            { Key: "stickiness.enabled", Value: "true" },
            { Key: "stickiness.type", Value: "app_cookie" },
        ];
        expect(await refused(elb.modifyTargetGroupAttributes({ TargetGroupArn: group, Attributes }))).to.equal(
            "ValidationError: Stickiness by app_cookie is not emulated: the local load balancers know lb_cookie",
        );
        const hosts = ["a.test", "b.test", "c.test", "d.test", "e.test", "f.test"];
        expect(
            await refused(
                elb.createRule({
                    ListenerArn: Listeners![0].ListenerArn,
                    Priority: 1,
                    Conditions: [{ Field: "host-header", Values: hosts }],
                    Actions: [forward(group)],
                }),
            ),
        ).to.equal("TooManyConditionValues: A rule can have at most '5' condition values; it has '6'");
    });
});
