// What goes over the wire behind a load balancer: a target that passes everything on to a task, and keeps a copy.
import { connect, createServer } from "node:net";
import type { Socket } from "node:net";

/** One connection, as it was read off the wire. */
export interface Conversation {
    readonly sent: Buffer;
    readonly answered: Buffer;
}

export interface WireTap {
    /** Where it listens. */
    readonly address: string;
    readonly port: number;
    conversations(): Conversation[];
    close(): Promise<void>;
}

/** Stands for the task at `host` and `port`, at the same port of another address of the same local system. */
export async function tapWire(host: string, port: number): Promise<WireTap> {
    const conversations: { readonly sent: Buffer[]; readonly answered: Buffer[] }[] = [];
    const sockets = new Set<Socket>();
    const server = createServer((client) => {
        const conversation = { sent: [] as Buffer[], answered: [] as Buffer[] };
        conversations.push(conversation);
        // As the load balancer that it stands between: nobody else may connect to the task.
        const task = connect({ host, port, localAddress: client.remoteAddress });
        client.on("data", (chunk: Buffer) => conversation.sent.push(chunk)).pipe(task);
        task.on("data", (chunk: Buffer) => conversation.answered.push(chunk)).pipe(client);
        for (const [socket, other] of [
            [client, task],
            [task, client],
        ]) {
            sockets.add(socket);
            socket
                .on("error", () => other.destroy())
                .once("close", () => {
                    sockets.delete(socket);
                    other.destroySoon();
                });
        }
    });
    const address = host.replace(/\.\d+\.\d+$/, ".254.254");
    await new Promise<void>((listening, reject) => server.once("error", reject).listen(port, address, listening));
    return {
        address,
        port,
        conversations: () =>
            conversations.map(({ sent, answered }) => ({
                sent: Buffer.concat(sent),
                answered: Buffer.concat(answered),
            })),
        close: () =>
            new Promise((closed) => {
                server.close(() => closed());
                sockets.forEach((socket) => socket.destroy());
            }),
    };
}

const proxySignature = Buffer.from("0d0a0d0a000d0a515549540a", "hex");

/** The address that a proxy protocol 2 header names, and what follows the header; "local" is a load balancer's own connection. */
export function readProxyHeader(bytes: Buffer): { readonly source: string | undefined; readonly rest: Buffer } {
    if (!bytes.subarray(0, proxySignature.length).equals(proxySignature)) {
        return { source: undefined, rest: bytes };
    }
    const isLocal = (bytes[12] & 0x0f) === 0;
    return {
        source: isLocal ? "local" : [...bytes.subarray(16, 20)].join("."),
        rest: bytes.subarray(16 + bytes.readUInt16BE(14)),
    };
}

/** Whether all of it is TLS records, to the last byte, of which the last may still be under way (RFC 8446, section 5.1). */
export function isTls(bytes: Buffer): boolean {
    let at = 0;
    while (at + 5 <= bytes.length) {
        const [type, major, minor] = bytes.subarray(at, at + 3);
        const length = bytes.readUInt16BE(at + 3);
        if (type < 20 || type > 23 || major !== 3 || minor > 3 || length > 16_384 + 256 + 64) {
            return false;
        }
        at += 5 + length;
    }
    return bytes.length > 0;
}
