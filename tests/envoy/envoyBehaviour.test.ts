// What the real Envoy does with our bootstrap, on loopback: the task of `own`, one of `domain`. The version of the tasks, and the oldest.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, IncomingHttpHeaders, request as httpRequest, Server } from "node:http";
import * as http2 from "node:http2";
import { request as httpsRequest } from "node:https";
import { AddressInfo, isIP, LookupFunction } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { connect, ConnectionOptions, TLSSocket } from "node:tls";

import { expect } from "chai";
import { WebSocket, WebSocketServer } from "ws";

import { AccessLog } from "../../components/internal/envoy/accessLog";
import { envoyBootstrap } from "../../components/internal/envoy/envoyBootstrap";
import { Front, sidecarHealthPath } from "../../components/internal/envoy/front";
import { endFile } from "../../components/internal/envoy/scripts";
import { served } from "../../components/internal/envoy/servedCertificates";
import { envoyVersion, oldestEnvoyVersion } from "../../components/internal/envoy/envoyVersion";
import { accepts, createProcesses, freePort, Processes } from "../../local/machine/processes";
import { projectRoot } from "../../local/machine/projectRoot";
import { envoyBinary } from "../../local/tasks/images/images";
import { inFolder, writeOwnRoutes } from "../support/initEnvoy";
import { until } from "../support/until";
import { Pem, selfSignedWildcard } from "../support/wildcard";

const domain = "tasks.example.com";
const taskId = "0123456789abcdef".repeat(2);
const own = `${taskId}.${domain}`;
const other = `${"f".repeat(32)}.${domain}`;

interface Answer {
    readonly status: number;
    readonly headers: IncomingHttpHeaders;
    readonly body: string;
}

const toLoopback: LookupFunction = (_name, _options, callback) => callback(null, [{ address: "127.0.0.1", family: 4 }]);

for (const [tools, version] of Object.entries({ python: envoyVersion, "oldest-envoy": oldestEnvoyVersion })) {
    describe(`Envoy ${version} in front of a task`, () => behaviour(envoyBinary(projectRoot, tools)));
}

function behaviour(envoy: string): void {
    let directory: string;
    let processes: Processes;
    let pem: Pem;
    let app: Server;
    let appPort: number;
    let health = 200;
    let httpsPort: number;
    let httpPort: number;

    const startApp = async (): Promise<void> => {
        app = createServer((request, response) => {
            response.statusCode = request.url === "/health" ? health : 200;
            response.end(JSON.stringify(request.headers));
        });
        const sockets = new WebSocketServer({ server: app });
        sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(data)));
        await new Promise<void>((resolve) => app.listen(appPort, "127.0.0.1", resolve));
        appPort = (app.address() as AddressInfo).port;
    };
    const stopApp = (): Promise<unknown> => {
        app.closeAllConnections();
        return new Promise((resolve) => app.close(resolve));
    };

    /** As the container of a task does; resolves when it serves. */
    const startEnvoy = (
        name: string,
        ports: { readonly httpsPort: number; readonly httpPort?: number; readonly front?: Front },
        certificate: Readonly<Record<string, string>>,
        volume = directory,
    ): Promise<unknown> => {
        const options = {
            ...ports,
            appPort,
            domain,
            taskCpu: 256,
            healthCheckPath: "/health",
            accessLog: AccessLog.All,
        };
        const bootstrap = inFolder(JSON.stringify(envoyBootstrap(options)), volume)
            .replaceAll('"0.0.0.0"', '"127.0.0.1"')
            .replace(/"(interval|(?:un|no_)\w+_interval)":"[25]s"/g, '"$1":"0.2s"'); // of its questions to the app
        return processes.start({
            name,
            command: envoy,
            args: ["--config-yaml", bootstrap, "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"],
            env: { PATH: process.env.PATH ?? "", ...certificate },
            ready: accepts(ports.httpsPort),
        });
    };

    before(async () => {
        directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
        processes = createProcesses(directory);
        pem = await selfSignedWildcard(domain);
        [appPort, httpsPort, httpPort] = [await freePort(), await freePort(), await freePort()];
        await startApp();
        writeOwnRoutes(directory, domain, { taskId });
        const { chain, key } = served.main.variables;
        await startEnvoy("envoy", { httpsPort, httpPort }, { [chain]: pem.certificate, [key]: pem.privateKey });
        await until("Envoy has found the app healthy", async () => (await get(own)).status === 200);
    });
    after(async () => {
        await processes.stop();
        await stopApp();
        rmSync(directory, { recursive: true });
    });

    const read = (message: NodeJS.ReadableStream): Promise<string> =>
        new Promise((resolve, reject) => {
            let text = "";
            message.on("data", (chunk) => (text += String(chunk)));
            message.on("end", () => resolve(text));
            message.on("error", reject);
        });

    /** By HTTP/1.1: over TLS, or plainly. */
    function get(host: string, headers: Record<string, string> = {}, plain?: { method: string }): Promise<Answer> {
        return getFrom({ port: httpsPort }, host, headers, plain);
    }

    function getFrom(
        from: { readonly port: number; readonly path?: string },
        host: string,
        headers: Record<string, string> = {},
        plain?: { method: string },
    ): Promise<Answer> {
        return new Promise((resolve, reject) => {
            const { port, path = "/path?a=b" } = from;
            const common = { host: "127.0.0.1", path, agent: false, headers: { host, ...headers } };
            const request = plain
                ? httpRequest({ ...common, ...plain, port: httpPort })
                : httpsRequest({ ...common, port, servername: own, ca: pem.certificate });
            request.on("error", reject);
            request.on("response", (message) => {
                read(message).then(
                    (body) => resolve({ status: message.statusCode ?? 0, headers: message.headers, body }),
                    reject,
                );
            });
            request.end();
        });
    }

    /** By HTTP/2, with certificate check. */
    async function get2(authority: string): Promise<Answer> {
        const session = http2.connect(`https://${own}:${httpsPort}`, {
            ca: pem.certificate,
            servername: own,
            lookup: toLoopback,
        });
        try {
            const stream = session.request({ ":path": "/", ":authority": authority });
            const headers = await new Promise<http2.IncomingHttpHeaders>((resolve, reject) => {
                session.on("error", reject);
                stream.on("error", reject).on("response", resolve);
            });
            return { status: Number(headers[":status"]), headers, body: await read(stream) };
        } finally {
            session.close();
        }
    }

    const handshake = (options: ConnectionOptions): Promise<string> =>
        new Promise((resolve) => {
            const socket: TLSSocket = connect(
                { host: "127.0.0.1", port: httpsPort, servername: own, ca: pem.certificate, ...options },
                () => {
                    resolve(`${socket.getProtocol()} ${socket.getCipher().standardName}`);
                    socket.destroy();
                },
            );
            socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
        });

    describe("serves its own name", () => {
        it("over HTTP/2, with HSTS and an id for the request", async () => {
            const { status, headers } = await get2(own);
            expect(status).to.equal(200);
            expect(headers["strict-transport-security"]).to.equal("max-age=31536000");
            expect(headers["x-request-id"]).to.match(/^[0-9a-f-]{36}$/);
        });

        it("over HTTP/1.1, in whatever case, with a port or a final dot", async () => {
            for (const name of [own, own.toUpperCase(), `${own}:8443`, `${own}.`]) {
                expect((await get(name)).status, name).to.equal(200);
            }
        });

        it("and passes WebSocket messages through", async () => {
            const socket = new WebSocket(`wss://${own}:${httpsPort}/echo`, {
                ca: pem.certificate,
                lookup: toLoopback,
            });
            const echoed = await new Promise((resolve, reject) => {
                socket.on("open", () => socket.send("hello"));
                socket.on("message", (data: Buffer) => resolve(data.toString()));
                socket.on("error", reject);
            });
            socket.terminate();
            expect(echoed).to.equal("hello");
        });
    });

    describe("serves no other name", () => {
        it("and answers 421, be it another task's, which may have had this address before", async () => {
            const refusal = { status: 421, body: "This is not the task of that name.\n" };
            expect(await get2(other)).to.include(refusal);
            const foreign = [domain, `x.${own}`, `${taskId}.tasks.example.org`, "example.org", "127.0.0.1"];
            for (const name of [other, ...foreign]) {
                expect(await get(name), name).to.include(refusal);
            }
        });
    });

    describe("over plain HTTP", () => {
        it("redirects with 308, which keeps the method, to the HTTPS port", async () => {
            for (const method of ["GET", "POST"]) {
                const { status, headers } = await get(own, {}, { method });
                expect({ status, location: headers.location }).to.deep.equal({
                    status: 308,
                    location: `https://${own}:${httpsPort}/path?a=b`,
                });
            }
        });

        it("redirects to no foreign name", async () => {
            expect((await get("example.org", {}, { method: "GET" })).status).to.equal(404);
        });
    });

    describe("speaks TLS", () => {
        it("1.3 and 1.2, the latter with forward secrecy and AEAD alone", async () => {
            expect(await handshake({})).to.match(/^TLSv1\.3 /);
            expect(await handshake({ maxVersion: "TLSv1.2" })).to.match(
                /^TLSv1\.2 TLS_ECDHE_ECDSA_WITH_.*(GCM|POLY1305)/,
            );
            const ciphers = "ECDHE-ECDSA-AES128-SHA:AES128-GCM-SHA256@SECLEVEL=0";
            expect(await handshake({ maxVersion: "TLSv1.2", ciphers })).to.equal(
                "ERR_SSL_SSL/TLS_ALERT_HANDSHAKE_FAILURE",
            );
        });

        it("with post-quantum key agreement, and without for clients that know none", async () => {
            expect(await handshake({ ecdhCurve: "X25519MLKEM768" })).to.match(/^TLSv1\.3 /);
            expect(await handshake({ ecdhCurve: "X25519" })).to.match(/^TLSv1\.3 /);
        });

        it("not below 1.2", async () => {
            const old = { minVersion: "TLSv1.1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } as const;
            expect(await handshake(old)).to.equal("ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
        });
    });

    describe("does not believe a client", () => {
        it("that says whom it stands for", async () => {
            const { body } = await get(own, {
                "x-forwarded-for": "203.0.113.1",
                "x-forwarded-proto": "http",
                "x-forwarded-host": "evil.example",
                "x-real-ip": "203.0.113.1",
                forwarded: "for=203.0.113.1",
                "x-envoy-external-address": "203.0.113.1",
            });
            const { host, ...headers } = JSON.parse(body) as Record<string, string>;
            expect(host).to.equal(own);
            // Envoy puts the machine's own address in the place of a loopback one.
            expect(isIP(headers["x-forwarded-for"]), headers["x-forwarded-for"]).to.be.greaterThan(0);
            expect(headers["x-forwarded-proto"]).to.equal("https");
            expect(JSON.stringify(headers)).not.to.match(/203\.0\.113\.1|evil/);
        });

        it("that names headers which a CGI program could not tell apart", async () => {
            expect((await get(own, { x_forwarded_for: "203.0.113.1" })).status).to.equal(400);
        });
    });

    afterEach(async () => {
        health = 200;
        await until("the app is healthy", async () => (await get(own)).status === 200);
    });

    it("answers 503 while the app is down, and serves again when it is back", async () => {
        await stopApp();
        expect((await get(own)).status).to.equal(503);
        await startApp();
        await until("the app is served again", async () => (await get(own)).status === 200);
    });

    it("answers 503 while the app is not healthy, when no load balancer could take another", async () => {
        health = 500;
        await until("it is refused", async () => (await get(own)).status === 503);
    });

    it("tells a load balancer that the app is not healthy, and passes on what it still sends", async () => {
        const { chain, key } = served.main.variables;
        const ports = { httpsPort: await freePort(), front: Front.NetworkLoadBalancer };
        const volume = mkdtempSync(join(directory, "volume-"));
        writeOwnRoutes(volume, domain, { taskId, options: ports });
        await startEnvoy("envoy-behind", ports, { [chain]: pem.certificate, [key]: pem.privateKey }, volume);
        const check = { port: ports.httpsPort, path: sidecarHealthPath };
        const told = async (status: number): Promise<boolean> => (await getFrom(check, "127.0.0.1")).status === status; // it asks by the address
        await until("it is healthy", () => told(200));
        health = 500;
        await until("it is not healthy any more", () => told(503));
        const { status } = await getFrom({ port: ports.httpsPort }, own);
        expect(status).to.equal(200);
    });

    it("serves every name below the domain, and no other, where the task's id is not told", async () => {
        const volume = mkdtempSync(join(directory, "volume-"));
        writeOwnRoutes(volume, domain);
        const { chain, key } = served.main.variables;
        const ports = { httpsPort: await freePort() };
        await startEnvoy("anonymous", ports, { [chain]: pem.certificate, [key]: pem.privateKey }, volume);
        const statusOf = async (name: string): Promise<number> =>
            (await getFrom({ port: ports.httpsPort }, name)).status;
        await until("it has found the app healthy", async () => (await statusOf(own)) === 200);
        expect([await statusOf(other), await statusOf("example.org")]).to.deep.equal([200, 421]);
    });

    it("tells in each answer of a task whose time is limited when that is over, as HTTP writes dates", async () => {
        const volume = mkdtempSync(join(directory, "volume-"));
        writeOwnRoutes(volume, domain, { taskId, lifetimeSeconds: 7200 });
        const end = Number(readFileSync(join(volume, basename(endFile)), "utf8"));
        const { chain, key } = served.main.variables;
        const ports = { httpsPort: await freePort() };
        await startEnvoy("limited", ports, { [chain]: pem.certificate, [key]: pem.privateKey }, volume);
        const sunsetOf = async (name: string) => (await getFrom({ port: ports.httpsPort }, name)).headers.sunset;
        await until(
            "it has found the app healthy",
            async () => (await getFrom({ port: ports.httpsPort }, own)).status === 200,
        );
        expect(await sunsetOf(own)).to.equal(new Date(end * 1_000).toUTCString());
        expect(await sunsetOf(other)).to.equal(undefined);
        expect((await get(own)).headers.sunset).to.equal(undefined); // of a task without an end
    });

    it("does not start without the routes of its task", async () => {
        const volume = mkdtempSync(join(directory, "volume-"));
        const { chain, key } = served.main.variables;
        const certificate = { [chain]: pem.certificate, [key]: pem.privateKey };
        const ports = { httpsPort: await freePort() };
        const failure: unknown = await startEnvoy("without-routes", ports, certificate, volume).catch(
            (reason: unknown) => reason,
        );
        expect(String(failure)).to.match(/ended before it was ready \(exit code 1\)/);
    });

    it("does not start without its certificate", async () => {
        const { chain, key } = served.main.variables;
        const incomplete = { [key]: { [chain]: pem.certificate }, [chain]: { [key]: pem.privateKey } };
        for (const [missing, certificate] of Object.entries(incomplete)) {
            const ports = { httpsPort: await freePort() };
            const failure: unknown = await startEnvoy(`without-${missing}`, ports, certificate).catch(
                (reason: unknown) => reason,
            );
            expect(String(failure)).to.match(/ended before it was ready \(exit code 1\)/, missing);
        }
    });
}
