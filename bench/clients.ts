// Those who ask a server, over connections that are kept, or new ones: as much each time, so that what it costs can be compared.
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { Agent, get } from "node:https";
import type { LookupFunction } from "node:net";
import { connect } from "node:tls";

import { WebSocket } from "ws";

/** Of the task whose name they ask for. */
export const taskId = "0123456789abcdef".repeat(2);
export const domain = "example.test";
export const hostname = `${taskId}.${domain}`;

export interface Client {
    /** So many times; gives the milliseconds of each. @throws when one was not answered with 200 */
    readonly ask: (count: number) => Promise<number[]>;
    readonly close: () => void;
}

/** A client of the server at a port of 127.0.0.1, with what it keeps open. */
export type OpenClient = (port: number) => Client | Promise<Client>;

const address = "127.0.0.1";
const trust = { servername: hostname, rejectUnauthorized: false }; // a server of ours on the loopback
const toLoopback: LookupFunction = (_name, { all }, callback) =>
    all ? callback(null, [{ address, family: 4 }]) : callback(null, address, 4);

/** As a browser sends them. */
const headers = {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    accept: "text/html,application/xhtml+xml",
    "accept-language": "en",
    "accept-encoding": "gzip, deflate, br",
    cookie: "session=0123456789abcdef",
};

export const overHttp1 =
    (connections: number, path = "/bench?a=b"): OpenClient =>
    (port) => {
        const agent = new Agent({ keepAlive: true, maxSockets: connections, ...trust });
        const options = { host: address, port, path, agent, headers: { host: hostname, ...headers } };
        const one = async (): Promise<void> => {
            const [response] = (await once(get(options), "response")) as [
                NodeJS.ReadableStream & { statusCode: number },
            ];
            demand200(response.statusCode);
            await once(response.resume(), "end");
        };
        return { ask: (count) => atOnce(count, connections, one), close: () => agent.destroy() };
    };

export const overHttp2 =
    (connections: number, streams: number): OpenClient =>
    (port) => {
        const sessions = Array.from({ length: connections }, () =>
            connectHttp2(`https://${hostname}:${port}`, { ...trust, lookup: toLoopback }),
        );
        const one = async (worker: number): Promise<void> => {
            const stream = sessions[worker % connections].request({ ":path": "/bench?a=b", ...headers });
            const [answer] = (await once(stream, "response")) as [Record<string, unknown>];
            demand200(answer[":status"]);
            await once(stream.resume(), "end");
        };
        return {
            ask: (count) => atOnce(count, connections * streams, one),
            close: () => sessions.forEach((session) => session.close()),
        };
    };

/** A TLS connection each, and a request over it. */
export const overNewConnections =
    (connections: number): OpenClient =>
    (port) => {
        const one = async (): Promise<void> => {
            const socket = connect({ host: address, port, ...trust, ALPNProtocols: ["http/1.1"] });
            await once(socket, "secureConnect");
            let answer = "";
            socket.on("data", (chunk: Buffer) => (answer += chunk.toString("latin1")));
            socket.write(`GET / HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`);
            await once(socket, "close");
            demand200(Number(answer.split(" ", 2)[1]));
        };
        return { ask: (count) => atOnce(count, connections, one), close: () => undefined };
    };

/** A TLS connection each, and nothing over it. */
export const handshakes: OpenClient = (port) => {
    const one = async (): Promise<void> => {
        const socket = connect({ host: address, port, ...trust, ALPNProtocols: ["http/1.1"] });
        await once(socket, "secureConnect");
        await once(socket.resume().end(), "close");
    };
    return { ask: (count) => atOnce(count, 1, one), close: () => undefined };
};

/** A message there and back. */
export const overWebSockets =
    (connections: number): OpenClient =>
    async (port) => {
        const sockets = Array.from(
            { length: connections },
            () => new WebSocket(`wss://${hostname}:${port}/echo`, { ...trust, lookup: toLoopback }),
        );
        await Promise.all(sockets.map((socket) => once(socket, "open")));
        const one = async (worker: number): Promise<void> => {
            sockets[worker].send("hello");
            await once(sockets[worker], "message");
        };
        return {
            ask: (count) => atOnce(count, connections, one),
            close: () => sockets.forEach((socket) => socket.terminate()),
        };
    };

/** Does `work` so often in all, so many at once. */
async function atOnce(count: number, workers: number, work: (worker: number) => Promise<void>): Promise<number[]> {
    const each: number[] = [];
    let left = count;
    const one = async (worker: number): Promise<void> => {
        while (left-- > 0) {
            const started = performance.now();
            await work(worker);
            each.push(performance.now() - started);
        }
    };
    await Promise.all(Array.from({ length: workers }, (_, worker) => one(worker)));
    return each;
}

function demand200(status: unknown): void {
    if (status !== 200) {
        throw new Error(`A request was answered with ${String(status)}.`);
    }
}
