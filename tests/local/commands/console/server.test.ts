import { request } from "node:http";

import { expect } from "chai";

import { createFeed } from "../../../../local/commands/console/feed";
import { type Console, startConsole } from "../../../../local/commands/console/server";

describe("the console's server", () => {
    let served: Console;
    let done: Readonly<Record<string, string>>[];

    before(async () => {
        done = [];
        served = await startConsole(createFeed(), {
            run: (input) => {
                done.push(input);
                return "ran";
            },
            fail: () => {
                throw new Error("no such task");
            },
        });
    });

    after(() => served.stop());

    interface Asked {
        readonly method?: string;
        readonly headers?: Readonly<Record<string, string>>;
        readonly body?: string;
    }

    function ask(path: string, { method = "GET", headers = {}, body }: Asked = {}) {
        const { hostname, port } = new URL(served.url);
        return new Promise<{ status?: number; headers: NodeJS.Dict<string | string[]>; body: string }>(
            (resolve, reject) => {
                request({ hostname, port, path, method, headers }, (answer) => {
                    let text = "";
                    answer.on("data", (chunk) => (text += String(chunk)));
                    answer.on("end", () => resolve({ status: answer.statusCode, headers: answer.headers, body: text }));
                })
                    .once("error", reject)
                    .end(body);
            },
        );
    }

    const token = () => ({ authorization: `Bearer ${new URL(served.url).hash.slice(1)}` });

    it("listens on 127.0.0.1 and prints a token that is hard to guess, where no server is told of it", () => {
        expect(served.url).to.match(/^http:\/\/127\.0\.0\.1:\d+\/#[\w-]{43}$/);
    });

    it("lets the page be loaded, but nothing else into it", async () => {
        const { status, headers, body } = await ask("/");
        expect(status).to.equal(200);
        expect(body).to.match(/^<!doctype html>/);
        expect(headers["content-security-policy"]).to.equal(
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
                "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        );
        expect(headers["cross-origin-resource-policy"]).to.equal("same-origin");
        for (const [, path] of body.matchAll(/(?:src|href)="([\w.]+)"/g)) {
            expect((await ask(`/${path}`)).status, path).to.equal(200);
        }
    });

    it("acts for who has the token", async () => {
        const answer = await ask("/actions/run", { method: "POST", headers: token(), body: '{"count":"2"}' });
        expect([answer.status, answer.body]).to.deep.equal([200, '"ran"']);
        expect(done).to.deep.equal([{ count: "2" }]);
        const failed = await ask("/actions/fail", { method: "POST", headers: token() });
        expect([failed.status, failed.body]).to.deep.equal([500, "no such task"]);
        for (const [path, method] of [
            ["/actions/run", "GET"],
            ["/actions/other", "POST"],
            ["/actions/constructor", "POST"],
            ["/../server.ts", "GET"],
            ["/page/console.mjs", "GET"],
        ]) {
            expect((await ask(path, { method, headers: token() })).status, `${method} ${path}`).to.equal(404);
        }
    });

    const strangers: readonly [string, number, (good: Record<string, string>) => Record<string, string>][] = [
        ["has no token", 401, () => ({})],
        ["has another token", 401, ({ authorization }) => ({ authorization: authorization.replace(/.$/, "!") })],
        ["has part of the token", 401, ({ authorization }) => ({ authorization: authorization.slice(0, -1) })],
        ["is a page of another site", 403, (good) => ({ ...good, origin: "https://evil.example" })],
        ["is a page of another port", 403, (good) => ({ ...good, origin: "http://127.0.0.1:1" })],
        ["is a page without an origin", 403, (good) => ({ ...good, origin: "null" })],
        ["was led here by a name", 403, (good) => ({ ...good, host: "rebound.example:8080" })],
        ["was led here by localhost's name", 403, (good) => ({ ...good, host: "localhost" })],
    ];
    for (const [who, status, headersOf] of strangers) {
        it(`does nothing for a request that ${who}`, async () => {
            const before = done.length;
            const headers = headersOf(token());
            expect((await ask("/actions/run", { method: "POST", headers })).status).to.equal(status);
            expect((await ask("/stream", { headers })).status).to.equal(status);
            expect(done).to.have.length(before);
        });
    }
});
