// Those who send ad events to a collector: each sends one after the other, and again what was not taken.
import { randomUUID } from "node:crypto";
import { type ClientHttp2Session, connect } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";

import { addressOf, trusted, Visited } from "../../internet/visitor";

export interface SendersOptions {
    readonly campaign: string;
    /** After which they end by themselves. @default none: until they are stopped */
    readonly events?: number;
    /** How many send at once. @default 64 */
    readonly senders?: number;
}

/** What they were answered; times are in milliseconds. */
export interface Answered {
    /** Events that were taken. */
    readonly events: number;
    /** How many of them were sent once more, as by those who did not hear the answer. */
    readonly again: number;
    /** Answers by their status; what got none has Node's error code. */
    readonly answers: Readonly<Record<string, number>>;
    readonly perSecond: number;
    readonly median: number;
    readonly p99: number;
    readonly longest: number;
}

export interface Senders {
    /** Ids of the events that were taken. */
    readonly taken: ReadonlySet<string>;
    /** Resolves when the last has its answer. */
    readonly done: Promise<Answered>;
    /** Begins no other event; what was begun is sent until it is taken. */
    stop(): Promise<Answered>;
}

const connections = 4;
/** One of so many is sent twice. */
const oneOf = 20;

/** Starts at once. */
export function startSenders(system: Visited, hostname: string, options: SendersOptions): Senders {
    const { campaign, events = Infinity, senders = 64 } = options;
    const sessions: (ClientHttp2Session | undefined)[] = [];
    const taken = new Set<string>();
    const answers: Record<string, number> = {};
    const times: number[] = [];
    let begun = 0;
    let again = 0;
    let isStopping = false;
    const ca = trusted(system);
    const started = performance.now();

    async function sessionOf(index: number): Promise<ClientHttp2Session> {
        const known = sessions[index];
        if (known !== undefined && !known.closed && !known.destroyed) {
            return known;
        }
        const address = await addressOf(system, hostname);
        const session = connect(`https://${address}:${system.httpsPort}`, { ca, servername: hostname });
        session.on("error", () => undefined); // each of its streams has it, too
        return (sessions[index] = session);
    }

    /** The status. */
    async function post(index: number, body: string): Promise<string> {
        const session = await sessionOf(index);
        const from = performance.now();
        const status = await new Promise<string>((resolve) => {
            let seen = "closed";
            session
                .request({ ":method": "POST", ":path": "/events", ":authority": hostname })
                .once("response", (headers) => (seen = String(headers[":status"])))
                .once("error", ({ code = "error" }: NodeJS.ErrnoException) => (seen = code))
                .once("close", () => resolve(seen))
                .resume()
                .end(body);
        });
        times.push(performance.now() - from);
        answers[status] = (answers[status] ?? 0) + 1;
        return status;
    }

    async function untilTaken(index: number, body: string): Promise<void> {
        while ((await post(index, body)) !== "202") {
            await delay(1_000); // as Retry-After says
        }
    }

    async function send(index: number): Promise<void> {
        while (!isStopping && begun < events) {
            const number = ++begun;
            const id = randomUUID();
            const body = JSON.stringify({ id, campaign, kind: number % 10 === 0 ? "click" : "impression" });
            await untilTaken(index % connections, body);
            taken.add(id);
            if (number % oneOf === 0) {
                await untilTaken(index % connections, body);
                again++;
            }
        }
    }

    function answered(): Answered {
        const sorted = times.sort((one, other) => one - other);
        const at = (part: number) => Math.round((sorted[Math.ceil(sorted.length * part) - 1] ?? 0) * 10) / 10;
        const seconds = (performance.now() - started) / 1_000;
        return {
            ...{ events: taken.size, again, answers, perSecond: Math.round(times.length / seconds) },
            ...{ median: at(0.5), p99: at(0.99), longest: at(1) },
        };
    }

    const done = Promise.all(Array.from({ length: senders }, (_, index) => send(index)))
        .then(answered)
        .finally(() => sessions.forEach((session) => session?.destroy()));
    return {
        taken,
        done,
        stop() {
            isStopping = true;
            return done;
        },
    };
}
