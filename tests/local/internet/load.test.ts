import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants, createSecureServer } from "node:http2";
import { createServer, Server } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { WebSocket, WebSocketServer } from "ws";

import { createAuthority } from "../../../local/internet/authorities/tlsCertificate";
import { DnsServer, startDnsServer } from "../../../local/internet/dns/server";
import { Load, LoadOptions, startLoad } from "../../../local/internet/load";
import type { Visited } from "../../../local/internet/visitor";
import { until } from "../../support/until";

const hostname = "app.example.test";

describe("a steady load", () => {
    let directory: string;
    let dns: DnsServer;
    let server: Server;
    let webSockets: WebSocketServer;
    let system: Visited;
    let tls: { readonly cert: string; readonly key: string };
    let load: Load | undefined;
    let asked = 0;
    const traceIds: unknown[] = [];
    let answer: (number: number, response: ServerResponse, request: IncomingMessage) => void;
    let talk: (socket: WebSocket) => void;

    before(async () => {
        directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
        const { ca, issue } = await createAuthority("Test CA");
        const { certificate: cert, privateKey: key } = await issue([hostname]);
        const root = join(directory, "root.pem");
        writeFileSync(root, ca);
        tls = { cert, key };
        server = createServer(tls, (request, response) => {
            traceIds.push(request.headers["x-amzn-trace-id"]);
            answer(++asked, response, request);
        });
        webSockets = new WebSocketServer({ server, path: "/echo" }).on("connection", (socket) => talk(socket));
        await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
        const set = { Name: `${hostname}.`, Type: "A" as const, TTL: 1, ResourceRecords: [{ Value: "127.0.0.1" }] };
        dns = await startDnsServer({
            zones: () => [{ name: "example.test.", sets: new Map([[set.Name, [set]]]) }],
        });
        system = {
            dns: { address: "127.0.0.1", port: dns.port },
            acme: { rootFile: root },
            amazonRootFile: root,
            httpsPort: (server.address() as AddressInfo).port,
        };
    });
    beforeEach(() => {
        asked = 0;
        traceIds.length = 0;
        answer = (_, response) => response.end("well");
        talk = (socket) => socket.on("message", (data) => socket.send(data));
    });
    afterEach(() => load?.stop());
    after(async () => {
        webSockets.close();
        server.close().closeAllConnections();
        await dns.stop();
        rmSync(directory, { recursive: true });
    });

    /** A load that has made as many requests, or a few more. */
    async function loadOf(least: number, options: LoadOptions): Promise<Load> {
        load = startLoad(system, hostname, { requestsPerSecond: 100, webSockets: 0, ...options });
        const { counts } = load;
        await until(`${least} requests`, () => counts().requests >= least);
        return load;
    }

    it("asks again and again, over new connections and kept ones", async () => {
        const sockets: Record<string, unknown[]> = { close: [], "keep-alive": [] };
        answer = (_, response, { headers, socket }) => {
            sockets[headers.connection!].push(socket);
            setImmediate(() => response.end("well"));
        };
        const { requests, failed, reasons } = await (await loadOf(20, {})).stop();
        const { close, "keep-alive": kept } = sockets;

        expect({ failed, reasons }).to.deep.equal({ failed: 0, reasons: {} });
        expect([close.length, kept.length]).to.deep.equal([Math.ceil(requests / 2), Math.floor(requests / 2)]);
        expect(new Set(close).size).to.equal(close.length);
        expect(new Set(kept).size).to.be.below(kept.length);
    });

    it("says how each request failed, and when", async () => {
        const silent: ServerResponse[] = [];
        answer = (number, response) => {
            if (number === 3) {
                response.writeHead(503).end();
            } else if (number === 5) {
                response.destroy();
            } else if (number === 7) {
                response.write("half a", () => response.destroy());
            } else if (number === 9) {
                silent.push(response);
            } else {
                response.end("well");
            }
        };
        const { stop, failures } = await loadOf(12, { patienceSeconds: 2 });
        const counts = await stop();

        expect(counts.failed).to.equal(4);
        expect(counts.reasons).to.deep.equal({ 503: 1, ECONNRESET: 2, "no answer": 1 });
        expect(failures.map(({ traceId }) => traceId)).to.have.members([3, 5, 7, 9].map((nth) => traceIds[nth - 1]));
        expect(failures[0].traceId).to.match(/^Root=1-[0-9a-f]{8}-[0-9a-f]{24}$/);
        const { from, to } = failures.find(({ kind }) => kind === "no answer")!;
        expect(to - from).to.be.at.least(1_990);
    });

    it("goes on asking while nothing is answered, and measures how long", async () => {
        const held: ServerResponse[] = [];
        let heldSince = 0;
        answer = (number, response) => {
            if (number > 3) {
                heldSince ||= Date.now();
                held.push(response);
            } else {
                response.end("well");
            }
        };
        const { counts, stop } = await loadOf(1, {});
        await until("ten requests wait", () => held.length >= 10);
        const least = Date.now() - heldSince;
        answer = (_, response) => response.end("well");
        held.forEach((response) => response.end("at last"));

        expect(counts().longestGapMs).to.be.at.least(least);
        expect((await stop()).failed).to.equal(0);
    });

    it("tells a name that does not exist from one that does not answer", async () => {
        load = startLoad(system, "nobody.example.test", { webSockets: 0 });
        const { counts } = load;
        await until("a failed request", () => counts().failed > 0);

        expect(Object.keys((await load.stop()).reasons)).to.deep.equal(["nobody.example.test has no address in DNS."]);
    });

    it("talks over WebSockets, each until its own end", async () => {
        const { counts, stop } = await loadOf(1, { webSockets: 3, webSocketSeconds: 0.2 });
        await until("each ended once", () => counts().webSockets.opened > 3);
        const { webSockets: seen } = await stop();

        expect(seen).to.deep.include({ broken: 0, reasons: {} });
        expect(seen.echoed).to.be.above(0);
    });

    it("says how each WebSocket broke", async () => {
        const endings: ((socket: WebSocket) => void)[] = [
            (socket) => socket.close(1001),
            (socket) => socket.terminate(),
            (socket) => socket.send("another"),
            () => undefined, // no answer
        ];
        talk = (socket) => {
            const end = endings.shift();
            socket.on("message", (data) => (end ? end(socket) : socket.send(data)));
        };
        const options = { webSockets: 1, webSocketSeconds: 30, patienceSeconds: 2 };
        const { counts, stop } = await loadOf(1, options);
        await until("the fifth echoes", () => counts().webSockets.echoed > 0);
        const { webSockets: seen } = await stop();

        expect(seen.reasons).to.deep.equal({ 1001: 1, 1006: 1, "another answer": 1, "no answer": 1 });
        expect(seen).to.include({ opened: 5, broken: 4 });
    });

    it("counts a WebSocket that is not let in", async () => {
        load = startLoad(system, hostname, { webSockets: 1, webSocketPath: "/elsewhere" });
        const { counts } = load;
        await until("it is refused", () => counts().webSockets.broken > 0);

        expect((await load.stop()).webSockets).to.deep.include({ opened: 0, echoed: 0, reasons: { 400: 1 } });
    });

    it("asks again for a stream that was refused, as every client does, and counts one that was reset", async () => {
        const resets: Readonly<Record<number, number>> = {
            3: constants.NGHTTP2_REFUSED_STREAM,
            5: constants.NGHTTP2_INTERNAL_ERROR,
        };
        const seen: unknown[] = [];
        const http2 = createSecureServer(tls).on("stream", (stream, headers) => {
            stream.on("error", () => undefined); // the resets are its own
            const code = resets[seen.push(headers["x-amzn-trace-id"])];
            if (code === undefined) {
                stream.respond({ ":status": 200 });
                stream.end("well");
            } else {
                stream.close(code);
            }
        });
        await new Promise<void>((done) => http2.listen(0, "127.0.0.1", done));
        const { port } = http2.address() as AddressInfo;
        load = startLoad({ ...system, httpsPort: port }, hostname, {
            ...{ requestsPerSecond: 0.001, streamsPerSecond: 20, webSockets: 0 },
        });
        const { counts, streamFailures } = load;
        await until("streams after the reset one", () => counts().streams.answered >= 8);
        await load.stop();
        http2.close();
        expect(streamFailures.map(({ kind }) => kind)).to.deep.equal([
            "Stream closed with error code NGHTTP2_INTERNAL_ERROR",
        ]);
        expect(seen.filter((traceId) => traceId === seen[2])).to.have.length(2);
    });
});
