// Clients that mean harm, each over connections of its own: what they hold open, and never read.
import { connect, TLSSocket } from "node:tls";

import type { Served } from "./connections";

/** An abuse of one connection; resolves when the client has done what it does, or was refused. */
export type Flood = (served: Served) => Promise<TLSSocket>;

const address = "127.0.0.1";

async function open({ port, hostname, ca }: Served, ALPNProtocols: string[]): Promise<TLSSocket> {
    const socket = connect({ host: address, port, servername: hostname, ca, ALPNProtocols }).on(
        "error",
        () => undefined,
    );
    await new Promise((resolve) => socket.once("secureConnect", resolve).once("close", resolve));
    return socket;
}

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
    const head = Buffer.alloc(9);
    head.writeUIntBE(payload.length, 0, 3);
    head.writeUInt8(type, 3);
    head.writeUInt8(flags, 4);
    head.writeUInt32BE(stream, 5);
    return Buffer.concat([head, payload]);
}

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const [headersFrame, resetFrame, settingsFrame, pingFrame, windowFrame] = [1, 3, 4, 6, 8];
const endOfStreamAndHeaders = 0x5;

/** SETTINGS_INITIAL_WINDOW_SIZE and the connection's own window, as large as can be: the server is to send all at once. */
function greeting(): Buffer {
    const largest = 2 ** 31 - 1;
    const settings = Buffer.alloc(6);
    settings.writeUInt16BE(4, 0);
    settings.writeUInt32BE(largest, 2);
    const window = Buffer.alloc(4);
    window.writeUInt32BE(largest - 65_535);
    return Buffer.concat([preface, frame(settingsFrame, 0, 0, settings), frame(windowFrame, 0, 0, window)]);
}

/** HPACK: GET, https, and literal path and authority of less than 127 bytes. */
function requestHeaders(hostname: string, path: string): Buffer {
    const literal = (index: number, value: string): Buffer =>
        Buffer.concat([Buffer.from([index, value.length]), Buffer.from(value)]);
    return Buffer.concat([Buffer.from([0x82, 0x87]), literal(0x04, path), literal(0x01, hostname)]);
}

/** HTTP/2: resolves when the server has taken all that was sent before, and rejects when it has closed the connection. */
export async function ping(socket: TLSSocket): Promise<void> {
    const acknowledged = 1;
    const token = Buffer.from("taskgate");
    socket.write(frame(pingFrame, 0, 0, token));
    const answer = frame(pingFrame, acknowledged, 0, token);
    let seen = Buffer.alloc(0);
    await new Promise<void>((resolve, reject) => {
        socket.on("data", (part: Buffer) => {
            seen = Buffer.concat([seen, part]);
            if (seen.includes(answer)) {
                resolve();
            }
        });
        socket.once("close", () => reject(new Error("The connection was closed.")));
    });
}

/** HTTP/2: as many requests as given for a large answer, and nothing is read. */
export const unreadStreams =
    (streams: number, path: string): Flood =>
    async (served) => {
        const socket = await open(served, ["h2"]);
        socket.pause();
        const headers = requestHeaders(served.hostname, path);
        const requests = Array.from({ length: streams }, (_, index) =>
            frame(headersFrame, endOfStreamAndHeaders, 2 * index + 1, headers),
        );
        socket.write(Buffer.concat([greeting(), ...requests]));
        return socket;
    };

/** HTTP/2: requests that are reset at once (CVE-2023-44487). */
export const resetStreams =
    (streams: number): Flood =>
    async (served) => {
        const socket = await open(served, ["h2"]);
        const headers = requestHeaders(served.hostname, "/");
        const requests = Array.from({ length: streams }, (_, index) => [
            frame(headersFrame, endOfStreamAndHeaders, 2 * index + 1, headers),
            frame(resetFrame, 0, 2 * index + 1, Buffer.from([0, 0, 0, 8])),
        ]);
        socket.resume().write(Buffer.concat([greeting(), ...requests.flat()]));
        return socket;
    };

/** HTTP/1.1: a large answer that is not read. */
export const unreadAnswer =
    (path: string): Flood =>
    async (served) => {
        const socket = await open(served, ["http/1.1"]);
        socket.pause();
        socket.write(`GET ${path} HTTP/1.1\r\nHost: ${served.hostname}\r\n\r\n`);
        return socket;
    };

/** HTTP/1.1: as many bytes of headers as given, which never end. */
export const endlessHeaders =
    (bytes: number): Flood =>
    async (served) => {
        const socket = await open(served, ["http/1.1"]);
        const header = `${"a".repeat(10)}: ${"b".repeat(588)}\r\n`; // 600 bytes
        socket.write(`GET / HTTP/1.1\r\nHost: ${served.hostname}\r\n`);
        socket.write(header.repeat(Math.floor(bytes / header.length)));
        return socket;
    };

/** HTTP/1.1: the body of a request, faster than the app takes it. */
export const unreadBody =
    (bytes: number): Flood =>
    async (served) => {
        const socket = await open(served, ["http/1.1"]);
        socket.write(`POST /unread HTTP/1.1\r\nHost: ${served.hostname}\r\nContent-Length: ${10 * bytes}\r\n\r\n`);
        socket.write(Buffer.alloc(bytes));
        return socket;
    };

/** HTTP/2: requests whose one header of 3,000 bytes is sent once, and then named as often as given by a byte each. */
export const indexedHeaders =
    (streams: number, times: number): Flood =>
    async (served) => {
        const socket = await open(served, ["h2"]);
        const kept = Buffer.concat([Buffer.from([0x40, 1, 0x61, 0x7f, 0xb9, 0x16]), Buffer.alloc(3_000, "b")]);
        const named = Buffer.alloc(times, 0x80 | 62); // the first entry of the dynamic table
        const requests = Array.from({ length: streams }, (_, index) => {
            const headers = [requestHeaders(served.hostname, "/"), ...(index === 0 ? [kept] : []), named];
            return frame(headersFrame, endOfStreamAndHeaders, 2 * index + 1, Buffer.concat(headers));
        });
        socket.resume().write(Buffer.concat([greeting(), ...requests]));
        return socket;
    };

/** HTTP/1.1: a body of which one byte comes each time that so many milliseconds have passed. */
export const drippedBody =
    (milliseconds: number): Flood =>
    async (served) => {
        const socket = await open(served, ["http/1.1"]);
        socket.resume().write(`POST /unread HTTP/1.1\r\nHost: ${served.hostname}\r\nContent-Length: 1000000\r\n\r\n`);
        const dripping = setInterval(() => socket.write("a"), milliseconds);
        socket.once("close", () => clearInterval(dripping));
        return socket;
    };

/** HTTP/1.1: one request, whose answer is the connection's last. */
export const servedOnce =
    (path: string): Flood =>
    async (served) => {
        const socket = await open(served, ["http/1.1"]);
        socket.resume().write(`GET ${path} HTTP/1.1\r\nHost: ${served.hostname}\r\nConnection: close\r\n\r\n`);
        await new Promise((resolve) => (socket.closed ? resolve(undefined) : socket.once("close", resolve)));
        return socket;
    };

/** A handshake, and gone. */
export const handshake: Flood = async (served) => {
    const socket = await open(served, ["h2", "http/1.1"]);
    socket.destroy();
    return socket;
};
