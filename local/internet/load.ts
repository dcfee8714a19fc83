// A steady load on one name of a running local system, as many visitors make it: requests at a fixed rate, whether or not the ones before
// were answered, streams of HTTP/2, and WebSockets that are in use all the time.
import { randomBytes } from "node:crypto";
import { type ClientHttp2Session, connect as connectHttp2, constants } from "node:http2";
import type { LookupFunction } from "node:net";
import { Agent, request } from "node:https";
import { setTimeout as delay } from "node:timers/promises";

import { WebSocket } from "ws";

import { resolveWithTtl, trusted, Visited } from "./visitor";

export interface LoadOptions {
    /** What is asked for. @default "/?wait=50ms" */
    readonly path?: string;
    /** Every second request comes over a connection of its own, the others over kept ones. @default 20 */
    readonly requestsPerSecond?: number;
    /** Streams of one HTTP/2 connection, and of the next once the server takes no more. @default 0 */
    readonly streamsPerSecond?: number;
    /** How many are open at once. @default 2 */
    readonly webSockets?: number;
    /** Where messages are echoed. @default "/echo" */
    readonly webSocketPath?: string;
    /** After which a WebSocket ends by itself and another one takes its place. @default 3 */
    readonly webSocketSeconds?: number;
    /** After which a visitor gives up. @default 30 */
    readonly patienceSeconds?: number;
    /** The region near which the visitors' resolver is. @default the one near which all are of whom nothing is said */
    readonly near?: string;
    /** For how many seconds at most their resolver keeps an answer, whose own time may be shorter. @default 0, it asks for each connection */
    readonly cacheSeconds?: number;
}

/** A request that was not answered with 200, or a WebSocket that ended before its own end. */
export interface Failure {
    /** What its header `x-amzn-trace-id` said, as load balancers log it. */
    readonly traceId: string;
    /** The status or close code, Node's error code, or "no answer". */
    readonly kind: string;
    /** When it began and ended, in milliseconds as Date.now() gives them. */
    readonly from: number;
    readonly to: number;
}

/** What visitors saw. */
export interface LoadCounts {
    readonly requests: number;
    readonly failed: number;
    /** How many failed, by their kind. */
    readonly reasons: Readonly<Record<string, number>>;
    /** The longest time without a request that succeeded, in milliseconds. */
    readonly longestGapMs: number;
    /** Streams that were answered, and the connections that they came over. */
    readonly streams: { readonly answered: number; readonly connections: number };
    readonly webSockets: {
        readonly opened: number;
        /** Messages that came back. */
        readonly echoed: number;
        /** Ended before their own end, or never opened. */
        readonly broken: number;
        readonly reasons: Readonly<Record<string, number>>;
    };
}

export interface Load {
    readonly counts: () => LoadCounts;
    /** The failed requests one by one. */
    readonly failures: readonly Failure[];
    readonly streamFailures: readonly Failure[];
    readonly webSocketFailures: readonly Failure[];
    /** Waits for what is under way. */
    readonly stop: () => Promise<LoadCounts>;
}

/** Starts at once. */
export function startLoad(system: Visited, hostname: string, options: LoadOptions = {}): Load {
    const { path = "/?wait=50ms", requestsPerSecond = 20, webSockets = 2, webSocketPath = "/echo" } = options;
    const { streamsPerSecond = 0, webSocketSeconds = 3, patienceSeconds = 30 } = options;
    const patienceMs = patienceSeconds * 1_000;
    const target = { ca: trusted(system), lookup: lookupIn(system, options), port: system.httpsPort };
    const kept = new Agent({ keepAlive: true });
    const stopping = new AbortController();
    const { signal } = stopping;
    const underWay = new Set<Promise<void>>();
    const failures: Failure[] = [];
    const streamFailures: Failure[] = [];
    const webSocketFailures: Failure[] = [];
    let requests = 0;
    let session: ClientHttp2Session | undefined;
    const streams = { answered: 0, connections: 0 };
    let opened = 0;
    let echoed = 0;
    let lastSuccess = Date.now();
    let longestGapMs = 0;

    /** The status of an answer that came whole. */
    function ask(number: number, traceId: string): Promise<string> {
        return new Promise((resolve, reject) => {
            const sent = request({
                ...target,
                hostname,
                path,
                headers: { "x-amzn-trace-id": traceId },
                agent: number % 2 === 0 ? kept : false,
            });
            const timer = setTimeout(() => sent.destroy(new Error("no answer")), patienceMs);
            sent.once("response", (response) =>
                response
                    .resume()
                    .once("end", () => resolve(String(response.statusCode)))
                    .once("error", reject),
            )
                .once("error", reject)
                .once("close", () => clearTimeout(timer))
                .end();
        });
    }

    async function visit(): Promise<void> {
        const number = ++requests;
        const traceId = newTraceId();
        const from = Date.now();
        const kind = await ask(number, traceId).catch(kindOf);
        const to = Date.now();
        if (kind === "200") {
            longestGapMs = Math.max(longestGapMs, to - lastSuccess);
            lastSuccess = to;
        } else {
            failures.push({ traceId, kind, from, to });
        }
    }

    /** The connection that takes streams: after a GOAWAY it ends those that it has, and takes no other. */
    function open(): ClientHttp2Session {
        if (session === undefined || session.closed || session.destroyed) {
            session = connectHttp2(`https://${hostname}:${system.httpsPort}`, target);
            session.on("error", () => undefined); // each of its streams has it, too
            streams.connections++;
        }
        return session;
    }

    async function stream(traceId = newTraceId(), from = Date.now()): Promise<void> {
        const sent = open().request({ ":path": path, "x-amzn-trace-id": traceId });
        const kind = await new Promise<string>((resolve, reject) => {
            let status: number | undefined;
            const timer = setTimeout(() => sent.destroy(new Error("no answer")), patienceMs);
            sent.once("response", (headers) => (status = headers[":status"]))
                .resume()
                .once("end", () => resolve(String(status)))
                .once("error", reject)
                .once("close", () => {
                    clearTimeout(timer);
                    reject(new Error("closed")); // unless it came to its end
                });
        }).catch(kindOf);
        if (kind === "200") {
            streams.answered++;
        } else if (sent.rstCode === constants.NGHTTP2_REFUSED_STREAM && Date.now() < from + patienceMs) {
            // Nobody looked at it, as when a connection was told to end that very moment: every client asks again (RFC 9113, section 8.7).
            await stream(traceId, from);
        } else {
            streamFailures.push({ traceId, kind, from, to: Date.now() });
        }
    }

    /** Sends messages and waits for each to come back, until its own end. */
    function talk(traceId: string, seconds: number): Promise<void> {
        return new Promise((resolve, reject) => {
            const socket = new WebSocket(`wss://${hostname}:${system.httpsPort}${webSocketPath}`, {
                ...target,
                headers: { "x-amzn-trace-id": traceId },
                handshakeTimeout: patienceMs,
            });
            const end = AbortSignal.any([signal, AbortSignal.timeout(Math.round(seconds * 1_000))]);
            let silence: NodeJS.Timeout | undefined;
            let count = 0;
            const send = (): void => {
                if (end.aborted) {
                    socket.close(1000);
                } else {
                    socket.send(`${traceId} ${++count}`);
                }
                silence = setTimeout(() => {
                    reject(new Error("no answer"));
                    socket.terminate();
                }, patienceMs);
            };
            socket
                .once("open", () => {
                    opened++;
                    send();
                })
                .on("message", (data: Buffer) => {
                    clearTimeout(silence);
                    if (data.toString() !== `${traceId} ${count}`) {
                        reject(new Error("another answer"));
                        return socket.terminate();
                    }
                    echoed++;
                    void delay(100, undefined, { signal: end })
                        .catch(() => undefined)
                        .then(() => socket.readyState === WebSocket.OPEN && send());
                })
                .once("unexpected-response", (_, { statusCode }) => {
                    reject(new Error(String(statusCode)));
                    socket.terminate();
                })
                .once("close", (code) => {
                    clearTimeout(silence);
                    if (code === 1000 && end.aborted) {
                        resolve();
                    } else {
                        reject(new Error(String(code)));
                    }
                })
                .on("error", reject);
        });
    }

    /** The first of each ends earlier, so that they do not all end at the same time. */
    async function keepTalking(index: number): Promise<void> {
        let seconds = (webSocketSeconds * (index + 1)) / webSockets;
        while (!signal.aborted) {
            const traceId = newTraceId();
            const from = Date.now();
            const kind = await talk(traceId, seconds).then(() => undefined, kindOf);
            seconds = webSocketSeconds;
            if (kind !== undefined) {
                webSocketFailures.push({ traceId, kind, from, to: Date.now() });
                await delay(100, undefined, { signal }).catch(() => undefined);
            }
        }
    }

    function counts(): LoadCounts {
        return {
            requests,
            failed: failures.length,
            reasons: countKinds(failures),
            longestGapMs: Math.max(longestGapMs, Date.now() - lastSuccess),
            streams: { ...streams },
            webSockets: { opened, echoed, broken: webSocketFailures.length, reasons: countKinds(webSocketFailures) },
        };
    }

    const timers = (
        [
            [visit, requestsPerSecond],
            [stream, streamsPerSecond],
        ] as const
    )
        .filter(([, perSecond]) => perSecond > 0)
        .map(([one, perSecond]) =>
            setInterval(() => {
                const done = one();
                underWay.add(done);
                void done.finally(() => underWay.delete(done));
            }, 1_000 / perSecond),
        );
    const talking = Array.from({ length: webSockets }, (_, index) => keepTalking(index));

    return {
        counts,
        failures,
        streamFailures,
        webSocketFailures,
        async stop() {
            timers.forEach((timer) => clearInterval(timer));
            stopping.abort();
            await Promise.all([...underWay, ...talking]);
            kept.destroy();
            session?.destroy();
            return counts();
        },
    };
}

/** As their resolver does: by what it has kept, or by the system's DNS. */
function lookupIn(system: Visited, { near, cacheSeconds = 0 }: LoadOptions): LookupFunction {
    const kept = new Map<string, { readonly address: string; readonly until: number }>();
    const addressOf = async (hostname: string): Promise<string> => {
        const found = kept.get(hostname);
        if (found !== undefined && Date.now() < found.until) {
            return found.address;
        }
        const [record] = await resolveWithTtl(system, hostname, near);
        if (record === undefined) {
            throw new Error(`${hostname} has no address in DNS.`);
        }
        const { address, ttl } = record;
        kept.set(hostname, { address, until: Date.now() + Math.min(ttl, cacheSeconds) * 1_000 });
        return address;
    };
    return (hostname, { all }, callback) => {
        addressOf(hostname).then(
            (address) => (all ? callback(null, [{ address, family: 4 }]) : callback(null, address, 4)),
            (error: NodeJS.ErrnoException) => callback(error, ""),
        );
    };
}

/** For the header `x-amzn-trace-id`: `Root=1-<seconds>-<96 random bits>`. */
export function newTraceId(): string {
    const seconds = Math.floor(Date.now() / 1_000).toString(16);
    return `Root=1-${seconds}-${randomBytes(12).toString("hex")}`;
}

function kindOf({ code, message }: NodeJS.ErrnoException): string {
    return code === "ERR_HTTP2_STREAM_ERROR" ? message : (code ?? message); // which tells HTTP/2's own code
}

function countKinds(failures: readonly Failure[]): Record<string, number> {
    const counts: Record<string, number> = {};
    failures.forEach(({ kind }) => (counts[kind] = (counts[kind] ?? 0) + 1));
    return counts;
}
