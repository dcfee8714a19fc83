// Many TLS connections to one server that stay open, each after it was served once.
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import type { LookupFunction } from "node:net";
import { connect } from "node:tls";

import { WebSocket } from "ws";

export interface Served {
    readonly port: number;
    readonly hostname: string;
    /** PEM of what its certificate chains to. */
    readonly ca: string;
}

/** A connection that was served; asks again, and rejects when it is not answered. */
export interface OpenConnection {
    readonly ask: () => Promise<unknown>;
    readonly close: () => void;
}

export type Opener = (served: Served) => Promise<OpenConnection>;

const address = "127.0.0.1";

const toLoopback: LookupFunction = (_name, { all }, callback) =>
    all ? callback(null, [{ address, family: 4 }]) : callback(null, address, 4);

/** By HTTP/1.1. */
export const openHttp1: Opener = async ({ port, hostname, ca }) => {
    const socket = connect({ host: address, port, servername: hostname, ca });
    await opened(socket, "secureConnect");
    socket.on("error", () => undefined); // ask() tells
    const ask = async (): Promise<void> => {
        socket.write(`GET / HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`);
        const [answer] = (await nextOf(socket, "data")) as [Buffer];
        if (!answer.toString("latin1").startsWith("HTTP/1.1 200 ")) {
            throw new Error(`Not served: ${answer.toString("latin1")}`);
        }
    };
    await ask();
    return { ask, close: () => socket.destroy() };
};

/** By HTTP/2. */
export const openHttp2: Opener = async ({ port, hostname, ca }) => {
    const session = connectHttp2(`https://${hostname}:${port}`, { ca, lookup: toLoopback });
    await opened(session, "connect");
    session.on("error", () => undefined); // ask() tells
    const ask = async (): Promise<void> => {
        const stream = session.request({ ":path": "/" }).resume();
        const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
        if (headers[":status"] !== 200) {
            throw new Error(`Not served: ${String(headers[":status"])}`);
        }
        await once(stream, "close");
    };
    await ask();
    return { ask, close: () => session.destroy() };
};

/** A WebSocket at /echo. */
export const openWebSocket: Opener = async ({ port, hostname, ca }) => {
    const socket = new WebSocket(`wss://${hostname}:${port}/echo`, { ca, lookup: toLoopback });
    await opened(socket, "open");
    const ask = async (): Promise<void> => {
        socket.send("hello");
        await nextOf(socket, "message");
    };
    await ask();
    return { ask, close: () => socket.terminate() };
};

/** As many of each kind as named. All are open at once in the end. */
export async function openConnections(
    served: Served,
    kinds: readonly (readonly [count: number, open: Opener])[],
): Promise<OpenConnection[]> {
    const due = kinds.flatMap(([count, open]) => Array.from({ length: count }, () => open));
    const all: OpenConnection[] = [];
    const openNext = async (): Promise<void> => {
        for (let open = due.pop(); open !== undefined; open = due.pop()) {
            all.push(await open(served));
        }
    };
    await Promise.all(Array.from({ length: 20 }, openNext));
    return all;
}

function opened(emitter: NodeJS.EventEmitter, event: string): Promise<unknown> {
    return new Promise((resolve, reject) => emitter.once(event, resolve).once("error", reject));
}

/** What comes with the next such event. @throws when the connection is lost before */
async function nextOf(emitter: NodeJS.EventEmitter, event: string): Promise<unknown[]> {
    const end = new AbortController(); // leaves no listener behind
    const lost = once(emitter, "close", end).then((): never => {
        throw new Error("The connection was lost.");
    });
    try {
        return (await Promise.race([once(emitter, event, end), lost])) as unknown[];
    } finally {
        end.abort();
    }
}
