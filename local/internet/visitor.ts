// A visitor on the internet: resolves names by the project's DNS server, and checks certificates against the root of the local CA.
import type { RecordWithTtl } from "node:dns";
import { Resolver } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { get } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTls, PeerCertificate, TLSSocket } from "node:tls";

import { WebSocket } from "ws";

import { resolverNear } from "./dns/regions";
import { SystemFile } from "../machine/systemFile";

/** What a visitor saw of an answer and of the connection it came over. */
export interface Page {
    readonly status: number;
    readonly httpVersion: string;
    readonly tlsVersion: string | null;
    readonly cipher: string;
    /** The chain leads to the CA's root and names the host: checked, not believed. */
    readonly authorized: boolean;
    readonly body: string;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    readonly certificate: PeerCertificate;
}

/** The addresses of a name as a resolver near a region gets them; none while it does not exist. */
export async function resolve(system: Pick<Visited, "dns">, hostname: string, near?: string): Promise<string[]> {
    return (await resolveWithTtl(system, hostname, near)).map(({ address }) => address);
}

/** The same, with the seconds for which each may be kept. */
export async function resolveWithTtl(
    system: Pick<Visited, "dns">,
    hostname: string,
    near?: string,
): Promise<RecordWithTtl[]> {
    const resolver = new Resolver({ timeout: 2_000, tries: 5 }); // 62 s in all: a busy machine may be late
    if (system.dns !== undefined) {
        resolver.setServers([`${system.dns.address}:${system.dns.port}`]);
    }
    if (near !== undefined) {
        resolver.setLocalAddress(resolverNear(near));
    }
    try {
        return await resolver.resolve4(hostname, { ttl: true });
    } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "ENOTFOUND" || code === "ENODATA") {
            return [];
        }
        throw error;
    }
}

export async function addressOf(system: Pick<Visited, "dns">, hostname: string): Promise<string> {
    const [address] = await resolve(system, hostname);
    if (address === undefined) {
        throw new Error(`${hostname} has no address in DNS.`);
    }
    return address;
}

/** What a visitor needs to know about a system; of the internet itself, the ports alone. */
export interface Visited {
    /** Default: the machine's own. */
    readonly dns?: SystemFile["dns"];
    /** The roots of the local ACME authority and of the local ACM; default: those that Node trusts. */
    readonly acme?: Pick<SystemFile["acme"], "rootFile">;
    readonly amazonRootFile?: string;
    readonly httpsPort: number;
    /** Asked by those alone who visit plain HTTP. */
    readonly httpPort?: number;
}

/** The roots that are trusted; undefined: those that Node trusts. */
export function trusted({ acme, amazonRootFile }: Visited): Buffer[] | undefined {
    const files = [acme?.rootFile, amazonRootFile].filter((file) => file !== undefined);
    return files.length === 0 ? undefined : files.map((file) => readFileSync(file));
}

export interface VisitOptions {
    /** Default: the one that DNS gives. */
    readonly address?: string;
    /** Beside those of every request. */
    readonly headers?: Readonly<Record<string, string>>;
    /** The signature algorithms that it knows, as OpenSSL names them. @default OpenSSL's */
    readonly sigalgs?: string;
}

/** GET by HTTPS, over HTTP/2 where it is offered. */
export async function visit(
    system: Visited,
    hostname: string,
    path = "/",
    { address, headers, sigalgs }: VisitOptions = {},
): Promise<Page> {
    const socket = connectTls({
        host: address ?? (await addressOf(system, hostname)),
        port: system.httpsPort,
        servername: hostname,
        ca: trusted(system),
        sigalgs,
        ALPNProtocols: ["h2", "http/1.1"],
    });
    await new Promise<void>((done, reject) => socket.once("secureConnect", done).once("error", reject));
    const connection = connectionOf(socket);
    const authority = `${hostname}:${system.httpsPort}`;
    const answer = await (socket.alpnProtocol === "h2" ? getByHttp2 : getByHttp1)(socket, authority, path, headers);
    return { ...answer, ...connection };
}

type Answer = Pick<Page, "status" | "headers" | "body" | "httpVersion">;

type Headers = VisitOptions["headers"];

async function getByHttp2(socket: TLSSocket, authority: string, path: string, headers: Headers): Promise<Answer> {
    const session = connectHttp2(`https://${authority}`, { createConnection: () => socket });
    try {
        return await new Promise<Answer>((done, reject) => {
            const request = session.request({ ...headers, ":path": path });
            const body: Buffer[] = [];
            let given: Page["headers"] = {};
            session.once("error", reject);
            request
                .on("response", (received) => (given = received))
                .on("data", (chunk: Buffer) => body.push(chunk))
                .on("end", () =>
                    done({
                        status: Number(given[":status"]),
                        headers: given,
                        body: String(Buffer.concat(body)),
                        httpVersion: "2",
                    }),
                )
                .on("error", reject);
        });
    } finally {
        session.destroy();
    }
}

function getByHttp1(socket: TLSSocket, host: string, path: string, more: Headers): Promise<Answer> {
    const headers = { ...more, host, connection: "close" };
    return new Promise((done, reject) => {
        get({ createConnection: () => socket, path, headers }, (answer) => {
            const body: Buffer[] = [];
            answer
                .on("data", (chunk: Buffer) => body.push(chunk))
                .on("end", () =>
                    done({
                        status: answer.statusCode ?? 0,
                        headers: answer.headers,
                        body: String(Buffer.concat(body)),
                        httpVersion: answer.httpVersion,
                    }),
                )
                .on("error", reject);
        }).once("error", reject);
    });
}

function connectionOf(socket: TLSSocket): Pick<Page, "tlsVersion" | "cipher" | "authorized" | "certificate"> {
    return {
        tlsVersion: socket.getProtocol(),
        cipher: socket.getCipher().standardName,
        authorized: socket.authorized,
        certificate: socket.getPeerCertificate(),
    };
}

/** Sends a text over a WebSocket and gives what comes back. */
export async function echo(
    system: Visited,
    hostname: string,
    path: string,
    text: string,
    headers?: VisitOptions["headers"],
): Promise<string> {
    const address = await addressOf(system, hostname);
    const socket = new WebSocket(`wss://${hostname}:${system.httpsPort}${path}`, {
        ca: trusted(system),
        headers,
        // `ws` asks for one address or for all of them.
        lookup: (_name, options, callback) =>
            options.all ? callback(null, [{ address, family: 4 }]) : callback(null, address, 4),
    });
    try {
        return await new Promise<string>((done, reject) => {
            socket
                .once("open", () => socket.send(text))
                .once("message", (data: Buffer) => done(data.toString()))
                .once("error", reject);
        });
    } finally {
        socket.terminate();
    }
}

/** GET by plain HTTP: where does it lead? */
export async function redirectOf(
    system: Visited,
    hostname: string,
    path: string,
): Promise<{ status: number | undefined; location: string | undefined }> {
    const host = await addressOf(system, hostname);
    return new Promise((done, reject) => {
        get({ host, port: system.httpPort, path, headers: { host: hostname } }, (answer) => {
            answer.resume();
            done({ status: answer.statusCode, location: answer.headers.location });
        }).once("error", reject);
    });
}
