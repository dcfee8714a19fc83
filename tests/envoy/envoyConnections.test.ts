// How many connections the real Envoy takes with our bootstrap, and what becomes of one more.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { expect } from "chai";
import { WebSocketServer } from "ws";

import { AccessLog } from "../../components/internal/envoy/accessLog";
import { envoyBootstrap } from "../../components/internal/envoy/envoyBootstrap";
import { served } from "../../components/internal/envoy/servedCertificates";
import { sidecarSize } from "../../components/internal/envoy/sidecarSize";
import { accepts, createProcesses, freePort, Processes } from "../../local/machine/processes";
import { projectRoot } from "../../local/machine/projectRoot";
import { envoyBinary } from "../../local/tasks/images/images";
import {
    OpenConnection,
    openConnections,
    Opener,
    openHttp1,
    openHttp2,
    openWebSocket,
    Served,
} from "../support/connections";
import {
    endlessHeaders,
    Flood,
    indexedHeaders,
    ping,
    resetStreams,
    unreadAnswer,
    unreadBody,
    unreadStreams,
} from "../support/floods";
import { until } from "../support/until";
import { Pem, selfSignedWildcard } from "../support/wildcard";

const limits = sidecarSize(256);

describe("Envoy at its limit of connections", () => {
    let directory: string;
    let processes: Processes;
    let app: Server;
    let webSockets: WebSocketServer;
    let certificate: Pem;
    let connections: OpenConnection[] = [];
    /** Answers of the app that Envoy did not take to their end. */
    let givenUp = 0;

    const large = Buffer.alloc(2 ** 20);
    const answers: Readonly<Record<string, Buffer>> = { "/large": large, "/huge": Buffer.alloc(2 ** 24) };
    before(async () => {
        directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
        processes = createProcesses(directory);
        app = createServer((request, response) => {
            if (request.url === "/unfinished") {
                response.once("close", () => givenUp++).write(large);
            } else if (request.method === "GET") {
                response.end(answers[request.url!] ?? "well"); // it reads nothing of what others send
            }
        });
        webSockets = new WebSocketServer({ server: app }).on("connection", (socket) =>
            socket.on("message", (data) => socket.send(data)),
        );
        await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
        certificate = await selfSignedWildcard("example.test");
    });
    after(async () => {
        await processes.stop();
        webSockets.close();
        app.close().closeAllConnections();
        rmSync(directory, { recursive: true });
    });

    async function startEnvoy(
        name: string,
        changed = (bootstrap: string): string => bootstrap,
    ): Promise<Served & { readonly pid: number }> {
        const port = await freePort();
        const { port: appPort } = app.address() as AddressInfo;
        const options = { httpsPort: port, appPort, taskCpu: 256, accessLog: AccessLog.Off };
        const bootstrap = changed(JSON.stringify(envoyBootstrap(options)));
        const { chain, key } = served.main.variables;
        const { pid } = await processes.start({
            name,
            command: envoyBinary(projectRoot),
            args: [
                ...["--config-yaml", bootstrap.replaceAll('"0.0.0.0"', '"127.0.0.1"')],
                ...["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"],
            ],
            env: { [chain]: certificate.certificate, [key]: certificate.privateKey },
            ready: accepts(port),
        });
        return { port, hostname: "app.example.test", ca: certificate.certificate, pid };
    }

    const codeOf = (opening: Promise<OpenConnection>): Promise<string> =>
        opening.then(
            (connection) => (connection.close(), "served"),
            ({ code, message }: NodeJS.ErrnoException) => code ?? message,
        );

    /** The most MiB that a process has had in memory. */
    const mostMemory = (pid: number): number =>
        Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1024;

    it("serves a thousand, refuses one more at once, and takes another when one has gone", async () => {
        const served = await startEnvoy("many");
        const others = limits.connections - 200;
        connections = await openConnections(served, [
            [others, openHttp1],
            [100, openHttp2],
            [100, openWebSocket],
        ]);
        expect(connections).to.have.length(1000);

        expect(await codeOf(openHttp1(served))).to.equal("ECONNRESET");
        await Promise.all(connections.map(({ ask }) => ask()));
        connections.pop()!.close();
        await until("another one is served", async () => (await codeOf(openHttp1(served))) === "served");
        connections.forEach(({ close }) => close());
        expect(mostMemory(served.pid)).to.be.below(limits.memory);
    });

    it("serves a thousand WebSockets, and leaves them open while they say nothing", async () => {
        const served = await startEnvoy("silent");
        connections = await openConnections(served, [[limits.connections, openWebSocket]]);
        await delay(7_000); // a heap that fills shortens all idle times to five seconds
        await Promise.all(connections.map(({ ask }) => ask()));
        connections.forEach(({ close }) => close());
        expect(mostMemory(served.pid)).to.be.below(limits.memory);
    });

    /** Of each connection: what it holds open, and never reads. */
    const abuses: Readonly<Record<string, Flood>> = {
        "send what the app does not take": unreadBody(2 ** 20),
        "open a hundred streams each, and read no answer": unreadStreams(100, "/large"),
        "read no answer": unreadAnswer("/large"),
        "read no answer of 16 MiB": unreadAnswer("/huge"),
        "send headers without end": endlessHeaders(59_000),
        "reset a thousand streams each": resetStreams(1_000),
        "name one header of 3,000 bytes again and again": indexedHeaders(100, 4_000),
    };
    for (const [name, flood] of Object.entries(abuses)) {
        it(`stays within its container's memory when a thousand ${name}`, async () => {
            const served = await startEnvoy(name.replaceAll(/\W+/g, "-"));
            const abuse: Opener = async (to) => {
                const socket = await flood(to);
                return { ask: () => Promise.resolve(), close: () => socket.destroy() };
            };
            const open = await openConnections(served, [[limits.connections, abuse]]);
            expect(mostMemory(served.pid)).to.be.below(limits.memory);
            open.forEach(({ close }) => close());
            await until("it serves again", async () => (await codeOf(openHttp1(served))) === "served");
            expect(mostMemory(served.pid)).to.be.below(limits.memory);
        });
    }

    const floods: Readonly<Record<string, (streams: number) => Flood>> = {
        "are given up at once": resetStreams,
        "have headers that are too large": (streams) => indexedHeaders(streams, 4_000),
    };
    for (const [what, flood] of Object.entries(floods)) {
        it(`closes a connection with its eighth request of those that ${what}, and not before`, async () => {
            const served = await startEnvoy(what.replaceAll(" ", "-"));
            const patient = await flood(7)(served);
            await ping(patient);
            expect(patient.closed).to.equal(false);
            patient.destroy();

            const closed = await flood(8)(served);
            await until("it is closed", () => closed.closed);
        });
    }

    it("takes back the places at the app that a few hold who read nothing, long before an hour has passed", async () => {
        const withoutPings = (bootstrap: string): string => bootstrap.replace(/,"connection_keepalive":{[^}]*}/, "");
        const served = await startEnvoy("places", withoutPings);
        const few = 70; // of whom each has 32 streams: more than the app gets connections
        givenUp = 0;
        const floods = await Promise.all(Array.from({ length: few }, () => unreadStreams(32, "/unfinished")(served)));
        await until("an answer is given up that nobody reads", () => givenUp > 0);
        await until("another client is served", async () => (await codeOf(openHttp1(served))) === "served");
        floods.forEach((socket) => socket.destroy());
    });
});
