import { createSocket } from "node:dgram";
import type { Socket as UdpSocket } from "node:dgram";
import { createServer } from "node:net";
import type { Server, Socket } from "node:net";

import {
    AUTHORITATIVE_ANSWER,
    decode,
    encode,
    RECURSION_DESIRED,
    streamDecode,
    streamEncode,
    TRUNCATED_RESPONSE,
} from "dns-packet";
import type { OptAnswer, Packet } from "dns-packet";

import { answerQuestion } from "./answer";
import type { DnsAnswer } from "./answer";
import type { ZoneContent } from "./records";
import { regionNear } from "./regions";
import type { View } from "./routing";

export interface DnsServerOptions {
    /** What is published at the moment. */
    readonly zones: () => readonly ZoneContent[];
    /** Which record sets with a routing policy are healthy (default: all). */
    readonly isHealthy?: View["isHealthy"];
    /** 0 = a free one. */
    readonly port?: number;
}

export interface DnsServer {
    readonly port: number;
    stop(): Promise<void>;
}

const host = "127.0.0.1";
const rcodes = { NOERROR: 0, FORMERR: 1, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5 };
const ednsPayloadSize = 1232; // what the DNS operators agreed on: no fragments

/** An authoritative DNS server on 127.0.0.1, at the same port by UDP and by TCP. */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
    const { isHealthy = () => true } = options;
    const answer = (query: Packet, client: string | undefined) =>
        respond(query, options.zones(), { region: regionNear(client), isHealthy, random: Math.random });
    const { tcp, udp } = await listen(options.port ?? 0);
    const connections = new Set<Socket>();

    tcp.on("connection", (connection) => {
        connections.add(connection);
        connection.once("close", () => connections.delete(connection));
        connection.on("error", () => connection.destroy()); // the client went away
        serveStream(connection, answer);
    });
    udp.on("message", (message, client) => {
        const query = readQuery(message, decode);
        if (query) {
            udp.send(encodeForUdp(query, answer(query, client.address)), client.port, client.address);
        }
    });
    return {
        port: udp.address().port,
        async stop() {
            connections.forEach((connection) => connection.destroy());
            await Promise.all([
                new Promise((resolve) => tcp.close(resolve)),
                new Promise<void>((resolve) => udp.close(resolve)),
            ]);
        },
    };
}

/** A free UDP port may be taken for TCP: then another one is tried. */
async function listen(port: number, attempts = 10): Promise<{ readonly tcp: Server; readonly udp: UdpSocket }> {
    const udp = createSocket("udp4");
    await new Promise<void>((resolve, reject) => udp.once("error", reject).bind(port, host, resolve));
    const tcp = createServer();
    try {
        await new Promise<void>((resolve, reject) =>
            tcp.once("error", reject).listen(udp.address().port, host, resolve),
        );
        return { tcp, udp };
    } catch (error) {
        udp.close();
        if (port === 0 && attempts > 1) {
            return listen(port, attempts - 1);
        }
        throw new Error(`The DNS server found no port that is free by UDP and by TCP: ${(error as Error).message}`);
    }
}

/** By TCP each message has its length in front (RFC 1035, 4.2.2). */
function serveStream(connection: Socket, answer: (query: Packet, client: string | undefined) => Packet): void {
    let received = Buffer.alloc(0);
    connection.on("data", (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
            const length = 2 + received.readUInt16BE(0);
            const query = readQuery(received.subarray(0, length), streamDecode);
            received = received.subarray(length);
            if (!query) {
                connection.destroy();
                return;
            }
            connection.write(streamEncode(answer(query, connection.remoteAddress)));
        }
    });
}

/** undefined for what is no DNS query: not worth an answer. */
function readQuery(message: Buffer, read: (message: Buffer) => Packet): Packet | undefined {
    try {
        const packet = read(message);
        return packet.type === "query" ? packet : undefined;
    } catch {
        return undefined;
    }
}

function respond(query: Packet, zones: readonly ZoneContent[], view: View): Packet {
    const [question, ...more] = query.questions ?? [];
    const opcode = ((query.flags ?? 0) >> 11) & 15;
    if (opcode !== 0) {
        return toPacket(query, rcodes.NOTIMP);
    }
    if (!question || more.length > 0) {
        return toPacket(query, rcodes.FORMERR);
    }
    const answer = answerQuestion(zones, question.name, question.type, view);
    return toPacket(query, rcodes[answer.rcode], answer);
}

function toPacket(query: Packet, rcode: number, answer?: DnsAnswer): Packet {
    return {
        type: "response",
        id: query.id,
        flags: (answer?.authoritative ? AUTHORITATIVE_ANSWER : 0) | ((query.flags ?? 0) & RECURSION_DESIRED) | rcode,
        questions: query.questions,
        answers: answer?.answers as Packet["answers"],
        authorities: answer?.authorities as Packet["authorities"],
        additionals: edns(query) && [{ type: "OPT", name: ".", udpPayloadSize: ednsPayloadSize } as OptAnswer],
    };
}

/** What does not fit is to be asked for again by TCP. */
function encodeForUdp(query: Packet, response: Packet): Buffer {
    const message = encode(response);
    if (message.length <= Math.max(512, edns(query)?.udpPayloadSize ?? 0)) {
        return message;
    }
    return encode({ ...response, flags: (response.flags ?? 0) | TRUNCATED_RESPONSE, answers: [], authorities: [] });
}

function edns(query: Packet): OptAnswer | undefined {
    return query.additionals?.find((record) => record.type === "OPT");
}
