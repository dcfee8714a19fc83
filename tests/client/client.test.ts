import { expect } from "chai";

import {
    homeRegion,
    nearestRegion,
    type Session,
    SessionError,
    sessionsClient,
    type SessionsClient,
} from "../../client";

interface Sent {
    readonly method: string;
    readonly url: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body?: unknown;
}

type Reply = Error | { readonly status?: number; readonly body?: object | string; readonly retryAfter?: string };

describe("the client of sessions", () => {
    const since = "2026-11-26T08:00:00.000Z";
    const starting = { key: "42", state: "starting", status: "PENDING", since };
    const running = { key: "42", state: "running", status: "RUNNING", since, url: "https://task.example.com" };

    /** Answers one reply after the other, and the last for ever. */
    function clientOf(replies: readonly Reply[], token?: () => string): { client: SessionsClient; sent: Sent[] } {
        const sent: Sent[] = [];
        const fetch = ((url: string, { method, headers, body }: RequestInit) => {
            const reply = replies[Math.min(sent.length, replies.length - 1)];
            const text = body === undefined ? undefined : (JSON.parse(body as string) as unknown);
            sent.push({ method: method!, url, headers: headers as Record<string, string>, body: text });
            if (reply instanceof Error) {
                return Promise.reject(reply);
            }
            const { status = 200, body: answer = {}, retryAfter = "0.001" } = reply;
            const content = typeof answer === "string" ? answer : JSON.stringify(answer);
            return Promise.resolve(new Response(content, { status, headers: { "retry-after": retryAfter } }));
        }) as typeof globalThis.fetch;
        return { client: sessionsClient({ apiUrl: "https://api.example.com/", token, fetch }), sent };
    }

    const problem = (status: number, kind: string): Reply => ({
        status,
        body: { type: `urn:taskgate:problem:${kind}`, detail: `this is ${kind}` },
    });

    async function errorOf(act: Promise<unknown>): Promise<SessionError> {
        const error = await act.then(
            () => undefined,
            (reason: unknown) => reason,
        );
        expect(error).to.be.instanceOf(SessionError);
        return error as SessionError;
    }

    it("opens a session: tells each change once, asks for a token each time, and resolves when it answers", async () => {
        let tokens = 0;
        const replies = [starting, starting, { ...starting, status: "RUNNING" }, running];
        const { client, sent } = clientOf(
            replies.map((body) => ({ body })),
            () => `token-${++tokens}`,
        );
        const told: string[] = [];
        const onProgress = ({ state, status }: Session) => void told.push(`${state} ${status}`);
        expect(await client.open("42", { environment: { THEME: "dark" }, onProgress })).to.deep.equal(running);
        expect(told).to.deep.equal(["starting PENDING", "starting RUNNING", "running RUNNING"]);
        expect(sent.map(({ method, url, body }) => [method, url, body])).to.deep.equal(
            replies.map(() => ["PUT", "https://api.example.com/sessions/42", { environment: { THEME: "dark" } }]),
        );
        expect(sent.map(({ headers }) => headers.authorization)).to.deep.equal([
            ...["Bearer token-1", "Bearer token-2", "Bearer token-3", "Bearer token-4"],
        ]);
    });

    it("sends no token where it has none: what sends its requests signs them", async () => {
        const { client, sent } = clientOf([{ body: { sessions: [running] } }]);
        expect(await client.list()).to.deep.equal([running]);
        expect(sent).to.deep.equal([
            { method: "GET", url: "https://api.example.com/sessions", headers: {}, body: undefined },
        ]);
    });

    it("finds, extends and closes", async () => {
        const { client, sent } = clientOf([{ body: running }]);
        await client.find("42.a");
        await client.extend("42.a", 60);
        await client.close("42.a");
        const url = "https://api.example.com/sessions/42.a";
        expect(sent.map(({ method, url: to, body }) => [method, to, body])).to.deep.equal([
            ["GET", url, undefined],
            ["PATCH", url, { lastSeconds: 60 }],
            ["DELETE", url, undefined],
        ]);
    });

    const passing: [string, Reply][] = [
        ["no answer at all", new TypeError("fetch failed")],
        ["an answer that is no Sessions'", { status: 502, body: "<html>" }],
        ["a throttled API Gateway", { status: 429, body: { message: "Too Many Requests" } }],
        ["a session that is being changed", problem(503, "busy")],
    ];
    passing.forEach(([what, reply]) =>
        it(`tries again by itself after ${what}`, async () => {
            const { client, sent } = clientOf([reply, { body: running }]);
            expect(await client.find("42")).to.deep.equal(running);
            expect(sent).to.have.length(2);
        }),
    );

    it("gives up after four tries, and says so", async () => {
        const { client, sent } = clientOf([problem(503, "busy")]);
        expect(await errorOf(client.close("42"))).to.include({ problem: "busy", status: 503, message: "this is busy" });
        expect(sent).to.have.length(4);
    });

    const lasting: [string, Reply, string, number][] = [
        ["too many open ones", problem(429, "too-many-sessions"), "too-many-sessions", 429],
        ["another's session", problem(403, "not-yours"), "not-yours", 403],
        ["a session that is not open", problem(404, "no-session"), "no-session", 404],
        ["a wrong request", problem(400, "bad-request"), "bad-request", 400],
        ["a start that ECS refused", problem(503, "not-started"), "not-started", 503],
        ["a token that API Gateway refuses", { status: 401, body: { message: "Unauthorized" } }, "no-token", 401],
        ["a signature that IAM refuses", { status: 403, body: { message: "Forbidden" } }, "not-yours", 403],
    ];
    lasting.forEach(([what, reply, kind, status]) =>
        it(`tells of ${what} at once, by a name`, async () => {
            const { client, sent } = clientOf([reply]);
            expect(await errorOf(client.open("42"))).to.include({
                ...{ name: "SessionError", problem: kind, status, retryAfter: 0.001 },
            });
            expect(sent).to.have.length(1);
        }),
    );

    it("waits no longer than it is told, and stops when it is told to", async () => {
        const { client } = clientOf([{ body: starting }]);
        expect(await errorOf(client.open("42", { timeout: 0 }))).to.include({
            problem: "timeout",
            message: 'The session "42" is still starting PENDING after 0 s.',
        });
        const abort = new AbortController();
        const reason = new Error("enough");
        const onProgress = () => abort.abort(reason);
        const failure: unknown = await client
            .open("42", { signal: abort.signal, onProgress })
            .catch((error: unknown) => error);
        expect(failure).to.equal(reason);
    });

    describe("in several regions", () => {
        const regions = ["eu-west-1", "us-east-1", "ap-southeast-2"];
        const keys = Array.from({ length: 3_000 }, (_, index) => `team-${index}`);

        it("finds a key in one region, the same whoever asks", () => {
            expect(["a", "b", "42", "ü"].map((key) => homeRegion(key, regions))).to.deep.equal([
                "ap-southeast-2",
                "eu-west-1",
                "us-east-1",
                "us-east-1",
            ]);
            const turned = [...regions].reverse();
            expect(keys.map((key) => homeRegion(key, turned))).to.deep.equal(
                keys.map((key) => homeRegion(key, regions)),
            );
            expect(() => homeRegion("a", [])).to.throw(RangeError, "There is no region: give one or more.");
        });

        it("gives each region its share, and moves the keys of a region alone that is taken out", () => {
            const homes = keys.map((key) => homeRegion(key, regions));
            for (const region of regions) {
                expect(homes.filter((home) => home === region).length).to.be.within(900, 1_100);
                const rest = regions.filter((other) => other !== region);
                const moved = keys.filter((key, index) => homeRegion(key, rest) !== homes[index]);
                expect(moved).to.deep.equal(keys.filter((_, index) => homes[index] === region));
            }
        });

        it("takes the region that answers first for the nearest, whatever it says", async () => {
            const apiUrls = {
                near: "https://near.example.com",
                far: "https://far.example.com",
                dark: "https://dark.example.com",
            };
            const answers: Record<string, () => Promise<Response>> = {
                [apiUrls.near]: () => Promise.resolve(new Response("", { status: 401 })),
                [apiUrls.far]: () => new Promise(() => undefined),
                [apiUrls.dark]: () => Promise.reject(new Error("ECONNREFUSED")),
            };
            const fetch = ((url: string) => answers[url]()) as typeof globalThis.fetch;
            expect(await nearestRegion(apiUrls, { fetch })).to.equal("near");
            const none = await nearestRegion({ dark: apiUrls.dark }, { fetch }).catch((error: unknown) => error);
            expect(none).to.be.instanceOf(AggregateError);
        });
    });
});
