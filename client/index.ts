// Opens sessions from a browser or from Node. Nothing is imported.

/** A session, as the API tells of it. */
export interface Session {
    readonly key: string;
    /** "starting" until it answers at `url`. */
    readonly state: "starting" | "running" | "ending" | "ended";
    /** What its task does, in ECS's word, e.g. PENDING; REQUESTED before there is one. */
    readonly status: string;
    /** When it was opened, ISO 8601. */
    readonly since: string;
    /** When it is closed, unless extended; ISO 8601. */
    readonly endsAt?: string;
    /** `https://<name>`, without a path, while it is running. */
    readonly url?: string;
    /** Why it ends or ended. */
    readonly reason?: string;
}

/** Why a request was refused. `no-answer`: there was none, or one that no Sessions gives. */
export type SessionProblem =
    | "bad-request"
    | "no-token"
    | "not-yours"
    | "no-session"
    | "not-started"
    | "too-many-sessions"
    | "busy"
    | "no-answer"
    | "timeout";

/** What every function of the client throws. */
export class SessionError extends Error {
    override readonly name = "SessionError";
    constructor(
        /** What to tell it by. */
        readonly problem: SessionProblem,
        message: string,
        /** HTTP status; undefined without an answer. */
        readonly status?: number,
        /** Seconds after which asking again may help. */
        readonly retryAfter?: number,
    ) {
        super(message);
    }
}

export interface SessionsClientOptions {
    /** The output `apiUrl` of Sessions; by IAM, `<apiUrl>/_tenants/<tenant>`. */
    readonly apiUrl: string;
    /**
     * A token of the issuer, or what gives one that is still good; asked for before each request.
     * @default none: `fetch` signs requests for IAM
     */
    readonly token?: string | (() => string | Promise<string>);
    /**
     * What sends requests, and for IAM signs them, for the service `execute-api`.
     * @default the global one
     */
    readonly fetch?: typeof fetch;
}

export interface OpenOptions {
    /** Environment variables of the task, of those that `bodyVariables` allows. */
    readonly environment?: Readonly<Record<string, string>>;
    /** Told whenever state or status have changed. */
    readonly onProgress?: (session: Session) => void;
    /**
     * Seconds after which it throws `timeout`; the session goes on starting.
     * @default 300
     */
    readonly timeout?: number;
    /** Ends the waiting; the session goes on starting. */
    readonly signal?: AbortSignal;
}

export interface SessionsClient {
    /** Opens the session of a key, or finds it open; resolves when it answers at its `url`. */
    open(key: string, options?: OpenOptions): Promise<Session & { readonly url: string }>;
    /** @throws SessionError `no-session`, when it is not open */
    find(key: string): Promise<Session>;
    /** The open ones of one's own. */
    list(): Promise<Session[]>;
    /** Lets it last for so many seconds from now on. */
    extend(key: string, seconds: number): Promise<Session>;
    /** Ends it. Resolves when its task is told to stop. */
    close(key: string): Promise<Session>;
}

interface Answer {
    readonly status: number;
    readonly body: unknown;
    readonly retryAfter: number | undefined;
}

/** A client of one Sessions. What failed on the way, or for a moment, it tries again by itself. */
export function sessionsClient(options: SessionsClientOptions): SessionsClient {
    const send = options.fetch ?? fetch;
    const base = `${options.apiUrl.replace(/\/$/, "")}/sessions`;

    async function once(method: string, path: string, body: object | undefined, signal?: AbortSignal): Promise<Answer> {
        const token = typeof options.token === "function" ? await options.token() : options.token;
        const response = await send(base + path, {
            method,
            headers: {
                ...(token !== undefined && { authorization: `Bearer ${token}` }),
                ...(body && { "content-type": "application/json" }),
            },
            body: body && JSON.stringify(body),
            signal,
        });
        const text = await response.text();
        const seconds = Number(response.headers.get("retry-after") ?? "");
        const retryAfter = seconds > 0 ? seconds : undefined;
        return { status: response.status, body: text === "" ? {} : (JSON.parse(text) as unknown), retryAfter };
    }

    /** Every request may be sent twice: each asks for a state, not for a change. */
    async function ask(method: string, path: string, body?: object, signal?: AbortSignal): Promise<Answer> {
        for (let tries = 1; ; tries++) {
            let failure: SessionError;
            try {
                const answer = await once(method, path, body, signal);
                if (answer.status < 300) {
                    return answer;
                }
                failure = problemOf(answer);
            } catch (error) {
                if (signal?.aborted) {
                    throw error;
                }
                failure = new SessionError("no-answer", `There was no answer: ${String(error)}`);
            }
            if (tries === 4 || (failure.problem !== "busy" && failure.problem !== "no-answer")) {
                throw failure;
            }
            await pause((failure.retryAfter ?? 0.25 * 2 ** tries) * 1_000, signal);
        }
    }

    const at = (key: string): string => `/${encodeURIComponent(key)}`;
    return {
        async open(key, { environment, onProgress, timeout = 300, signal } = {}) {
            const end = Date.now() + timeout * 1_000;
            for (let told = ""; ;) {
                const answer = await ask("PUT", at(key), environment && { environment }, signal);
                const session = answer.body as Session;
                const news = `${session.state} ${session.status}`;
                if (news !== told) {
                    told = news;
                    onProgress?.(session);
                }
                if (session.state === "running" && session.url !== undefined) {
                    return { ...session, url: session.url };
                }
                if (Date.now() >= end) {
                    throw new SessionError("timeout", `The session "${key}" is still ${news} after ${timeout} s.`);
                }
                await pause((answer.retryAfter ?? 1) * 1_000, signal);
            }
        },
        find: async (key) => (await ask("GET", at(key))).body as Session,
        list: async () => ((await ask("GET", "")).body as { sessions: Session[] }).sessions,
        extend: async (key, seconds) => (await ask("PATCH", at(key), { lastSeconds: seconds })).body as Session,
        close: async (key) => (await ask("DELETE", at(key))).body as Session,
    };
}

/**
 * The region in which a key's session is, where several have Sessions: the same whoever asks, in whatever order they are given, each with its share of the keys. Without a
 * region its keys alone get another one.
 *
 * @throws RangeError without a region
 */
export function homeRegion(key: string, regions: readonly string[]): string {
    const [first, ...rest] = [...regions].sort();
    if (first === undefined) {
        throw new RangeError("There is no region: give one or more.");
    }
    // Each region draws a number for the key, and the highest has it (rendezvous hashing).
    return rest.reduce((best, region) => (drawn(region, key) > drawn(best, key) ? region : best), first);
}

/**
 * The region whose API answers first, whatever it says: the nearest of those that answer.
 *
 * @throws AggregateError when none does
 */
export function nearestRegion(
    /** By region: the output `apiUrl` of its Sessions. */
    apiUrls: Readonly<Record<string, string>>,
    options: Pick<SessionsClientOptions, "fetch"> = {},
): Promise<string> {
    const send = options.fetch ?? fetch;
    return Promise.any(
        // A browser need not be shown the answer.
        Object.entries(apiUrls).map(([region, url]) => send(url, { mode: "no-cors" }).then(() => region)),
    );
}

/** 32 bits by FNV-1a, then mixed as MurmurHash3 does in the end: alike texts draw unlike numbers. */
function drawn(region: string, key: string): number {
    let hash = 0x811c9dc5;
    for (const byte of new TextEncoder().encode(`${region} ${key}`)) {
        hash = Math.imul(hash ^ byte, 0x01000193);
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    return (hash ^ (hash >>> 16)) >>> 0;
}

function problemOf({ status, body, retryAfter }: Answer): SessionError {
    const { type, detail, message } = body as { type?: string; detail?: string; message?: string };
    const [, kind] = /^urn:taskgate:problem:(.+)$/.exec(type ?? "") ?? [];
    // API Gateway refuses by itself, without our words.
    const byStatus = { 401: "no-token", 403: "not-yours", 429: "busy" }[status];
    const problem = kind ?? byStatus ?? (status >= 500 ? "busy" : "no-answer");
    return new SessionError(problem as SessionProblem, detail ?? message ?? `Status ${status}`, status, retryAfter);
}

function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
        const abort = (): void => {
            clearTimeout(timer);
            reject(signal!.reason as Error);
        };
        const timer = setTimeout(() => {
            signal?.removeEventListener("abort", abort);
            resolve();
        }, milliseconds);
        if (signal?.aborted) {
            abort();
        }
        signal?.addEventListener("abort", abort, { once: true });
    });
}
