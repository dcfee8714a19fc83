// What clients ask of a server: as much each time, so that rounds compare.
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import type { LookupFunction } from "node:net";
import { connect } from "node:tls";

import autocannon from "autocannon";
import { WebSocket } from "ws";

import { hostname, MeasuredServer } from "./proxyServers";

export interface Load {
    readonly name: string;
    /** How many requests, connections or messages it takes; each has succeeded when it resolves. */
    readonly count: number;
    readonly run: (server: MeasuredServer, count: number) => Promise<unknown>;
}

const trust = { servername: hostname, rejectUnauthorized: false }; // a server of ours on the loopback
const toLoopback: LookupFunction = (_name, { all }, callback) =>
    all ? callback(null, [{ address: "127.0.0.1", family: 4 }]) : callback(null, "127.0.0.1", 4);
const portOf = ({ url }: MeasuredServer): number => Number(new URL(url).port);

/** Milliseconds of each. @throws when one was not answered with 200 */
export async function overHttp1(
    { name, url }: MeasuredServer,
    amount: number,
    connections = 50,
    path = "/",
): Promise<number[]> {
    const each: number[] = [];
    const result = await new Promise<autocannon.Result>((resolve, reject) => {
        const options = {
            url: `${url}${path}`,
            amount,
            connections,
            servername: hostname,
            headers: { host: hostname },
        };
        const running = autocannon(options, (error, done) => (error ? reject(error as Error) : resolve(done)));
        // The tool's own percentiles are whole milliseconds.
        running.on("response", (_client, _status, _bytes, milliseconds) => each.push(milliseconds));
    });
    const { non2xx, errors, timeouts } = result;
    if (non2xx + errors + timeouts > 0) {
        throw new Error(`${name}: ${non2xx} answers were not 2xx, ${errors} errors, ${timeouts} time-outs.`);
    }
    return each;
}

/** Does `work` so often in all, so many at once. */
async function atOnce(count: number, workers: number, work: (worker: number) => Promise<unknown>): Promise<void> {
    let left = count;
    const one = async (worker: number): Promise<void> => {
        while (left-- > 0) {
            await work(worker);
        }
    };
    await Promise.all(Array.from({ length: workers }, (_, worker) => one(worker)));
}

async function overHttp2(server: MeasuredServer, count: number): Promise<void> {
    const origin = `https://${hostname}:${portOf(server)}`;
    const sessions = Array.from({ length: 5 }, () => connectHttp2(origin, { ...trust, lookup: toLoopback }));
    await atOnce(count, 50, async (worker) => {
        const stream = sessions[worker % sessions.length].request({ ":path": "/" });
        const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
        if (headers[":status"] !== 200) {
            throw new Error(`${server.name}: ${String(headers[":status"])}`);
        }
        await once(stream.resume(), "end");
    });
    await Promise.all(sessions.map((session) => new Promise<void>((resolve) => session.close(resolve))));
}

/** A handshake and one request each. */
function newConnections(server: MeasuredServer, count: number): Promise<void> {
    return atOnce(count, 10, async () => {
        const socket = connect({ host: "127.0.0.1", port: portOf(server), ...trust, ALPNProtocols: ["http/1.1"] });
        await once(socket, "secureConnect");
        let answer = "";
        socket.on("data", (chunk: Buffer) => (answer += chunk.toString("latin1")));
        socket.write(`GET / HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`);
        await once(socket, "close");
        if (!answer.startsWith("HTTP/1.1 200 ")) {
            throw new Error(`${server.name}: ${answer.slice(0, 40)}`);
        }
    });
}

async function webSocketMessages(server: MeasuredServer, count: number): Promise<void> {
    const sockets = Array.from(
        { length: 10 },
        () => new WebSocket(`wss://${hostname}:${portOf(server)}/echo`, { ...trust, lookup: toLoopback }),
    );
    await Promise.all(sockets.map((socket) => once(socket, "open")));
    await atOnce(count, sockets.length, async (worker) => {
        sockets[worker].send("hello");
        await once(sockets[worker], "message");
    });
    sockets.forEach((socket) => socket.terminate());
}

export const loads: readonly Load[] = [
    { name: "HTTP/1.1", count: 3_000, run: overHttp1 },
    { name: "HTTP/2", count: 3_000, run: overHttp2 },
    { name: "1 MiB", count: 60, run: (server, count) => overHttp1(server, count, 10, "/large") },
    { name: "connection", count: 200, run: newConnections },
    { name: "message", count: 3_000, run: webSocketMessages },
];
