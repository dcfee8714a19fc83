import { generateKeyPairSync, sign } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { expect } from "chai";

import type { Desk } from "../../../handlers/sessions/api";
import { door, enter } from "../../../handlers/sessions/door";
import { captureLog } from "../../support/fakeLambda";
import { createVirtualWorld, type VirtualWorld } from "./virtualWorld";

describe("the door", () => {
    const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    let keys: Server;
    let world: VirtualWorld;
    let desk: Desk;
    let log: ReturnType<typeof captureLog>;

    before(async () => {
        keys = createServer((_, response) =>
            response.end(JSON.stringify({ keys: [{ ...publicKey.export({ format: "jwk" }), kid: "1" }] })),
        );
        await new Promise<void>((resolve) => keys.listen(0, "127.0.0.1", resolve));
    });
    after(() => keys.close());
    beforeEach(() => {
        log = captureLog();
        world = createVirtualWorld({ roll: () => 0 });
        world.trouble = false;
        const jwksUri = `http://127.0.0.1:${(keys.address() as AddressInfo).port}/`;
        desk = {
            reach: world.reach,
            settings: {
                ...{ tenantClaim: "team", claimVariables: {}, bodyVariables: {}, handsOnToken: true },
                token: { issuer: "https://issuer.example", audiences: ["boards"], jwksUri },
                signInUrl: "https://app.example.com/sign-in",
                ...{ name: "it-table", tableName: "it-table", namesTableName: "names", tags: { project: "boards" } },
                runTaskInput: { cluster: "c", taskDefinition: "app:1" },
                ...{ lifetime: undefined, taskLifetime: undefined, warnBefore: undefined },
                ...{ httpsPort: 443, limits: { total: 10, perTenant: 2 }, startWithin: 600_000 },
            },
        };
    });
    afterEach(() => log.restore());

    function token(team = "42", more: object = {}): string {
        const exp = Math.floor(Date.now() / 1_000) + 600;
        const parts = [
            { alg: "ES256", kid: "1" },
            { iss: "https://issuer.example", aud: "boards", exp, team, ...more },
        ];
        const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString("base64url")).join(".");
        const signature = sign("sha256", Buffer.from(text), { key: privateKey, dsaEncoding: "ieee-p1363" });
        return `${text}.${signature.toString("base64url")}`;
    }

    function request(rawPath: string, headers: Record<string, string>, more: object = {}): APIGatewayProxyEventV2 {
        return {
            ...{ rawPath, rawQueryString: "", headers: { host: "door.example.com", ...headers } },
            requestContext: { http: { method: "GET" }, domainName: "door.example.com" },
            ...more,
        } as unknown as APIGatewayProxyEventV2;
    }

    async function done(act: () => Promise<APIGatewayProxyStructuredResultV2>) {
        let answer: APIGatewayProxyStructuredResultV2 | undefined;
        let failure: unknown;
        world.act(() =>
            act().then(
                (value) => (answer = value),
                (error: unknown) => (failure = error),
            ),
        );
        while (answer === undefined && failure === undefined) {
            await world.settle(() => undefined);
        }
        if (answer === undefined) {
            throw failure;
        }
        return answer;
    }

    const page = (bearer: string | undefined, path = "/42/notes") =>
        done(() =>
            door(desk, request(path, { accept: "text/html", ...(bearer && { authorization: `Bearer ${bearer}` }) })),
        );

    it("starts the session, shows a page that asks nobody else, and leads on when it answers: path and query kept, token for the task alone", async () => {
        const mine = token();
        const waiting = await page(mine);
        expect(waiting.statusCode).to.equal(200);
        expect(waiting.body).to.include("Session 42 is starting");
        expect(waiting.body).not.to.include(mine);
        expect(waiting.headers).to.include({ "cache-control": "no-store", "referrer-policy": "no-referrer" });
        const policy = String(waiting.headers!["content-security-policy"]);
        const [, nonce] = /script-src 'nonce-([^']+)'/.exec(policy)!;
        expect(policy).to.equal(
            `default-src 'none'; style-src 'nonce-${nonce}'; script-src 'nonce-${nonce}'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
        );
        expect(waiting.body!.match(/\b(?:src|href)=|url\(|@import/g)).to.equal(null);

        world.wait(60_000);
        const cookie = request(
            "/42/notes",
            { accept: "text/html" },
            { cookies: ["a=b", `__Host-taskgate=${mine}`], rawQueryString: "page=2" },
        );
        const onward = await done(() => door(desk, cookie));
        expect(onward.statusCode).to.equal(302);
        expect(onward.headers).to.deep.equal({
            "cache-control": "no-store",
            "referrer-policy": "no-referrer",
            "x-content-type-options": "nosniff",
            location: `https://task-1.example.test/notes?page=2&taskgate-token=${mine}`,
        });
        expect(JSON.stringify(log.lines)).not.to.include(mine);
    });

    it("tells the page's script how far it is", async () => {
        const ask = () =>
            done(() => door(desk, request("/42", { accept: "application/json", authorization: `Bearer ${token()}` })));
        expect(JSON.parse((await ask()).body!)).to.deep.equal({ step: 0, words: "Asked for" });
        world.wait(60_000);
        const { location } = JSON.parse((await ask()).body!) as { location: string };
        expect(location).to.match(/^https:\/\/task-1\.example\.test\/\?taskgate-token=/);
    });

    it("does not hand the token on where tasks do not ask for one", async () => {
        desk = { ...desk, settings: { ...desk.settings, handsOnToken: false } };
        await page(token());
        world.wait(60_000);
        expect((await page(token())).headers!.location).to.equal("https://task-1.example.test/notes");
    });

    const strangers: [string, () => string | undefined, number][] = [
        ["nobody", () => undefined, 401],
        ["somebody whose token has expired", () => token("42", { exp: 1 }), 401],
        ["somebody with a token for another audience", () => token("42", { aud: "shop" }), 401],
        ["somebody of another team", () => token("7"), 403],
    ];
    strangers.forEach(([who, bearer, status]) =>
        it(`lets ${who} start nothing and learn nothing`, async () => {
            const answer = await page(bearer());
            expect(answer.statusCode).to.equal(status);
            expect(world.tasks).to.deep.equal([]);
            expect(answer.headers).not.to.have.property("location");
        }),
    );

    it("leads a browser without a token to where one signs in, and back here", async () => {
        const { body } = await page(undefined, "/42/notes");
        expect(body).to.include(
            'href="https://app.example.com/sign-in?return=https%3A%2F%2Fdoor.example.com%2F42%2Fnotes"',
        );
    });

    it("tells what is wrong to what shows no page (RFC 9457)", async () => {
        const answer = await done(() => door(desk, request("/42", { accept: "*/*" })));
        expect([answer.statusCode, answer.headers!["content-type"], answer.headers!["www-authenticate"]]).to.deep.equal(
            [401, "application/problem+json", "Bearer"],
        );
        expect(JSON.parse(answer.body!)).to.deep.equal({
            type: "urn:taskgate:problem:no-token",
            title: "A token is needed",
            status: 401,
            detail: "Send a token of the issuer that is good: as Authorization: Bearer …, or sign in.",
        });
    });

    describe("entered by a form", () => {
        const form = (fields: Record<string, string>) =>
            enter(desk, request("/_enter", {}, { body: new URLSearchParams(fields).toString() }));

        it("keeps the token where no script and no other site gets it, and leads on without", async () => {
            const mine = token();
            const answer = await form({ token: mine, to: "/42/notes?page=2" });
            expect(answer.statusCode).to.equal(303);
            expect(answer.headers!.location).to.equal("/42/notes?page=2");
            expect(answer.cookies).to.have.length(1);
            expect(answer.cookies![0]).to.match(
                /^__Host-taskgate=[\w.-]+; Path=\/; Max-Age=(599|600); Secure; HttpOnly; SameSite=Lax$/,
            );
        });

        [
            "https://evil.example/",
            "//evil.example/",
            "/\\evil.example",
            "/42\r\nset-cookie: a=b",
            "",
            "javascript:alert(1)",
        ].forEach((to) =>
            it(`leads nobody to ${JSON.stringify(to)}`, async () => {
                const answer = await form({ token: token(), to });
                expect([answer.statusCode, answer.cookies]).to.deep.equal([400, undefined]);
            }),
        );

        it("keeps no token that is not good", async () => {
            const answer = await form({ token: token("42", { exp: 1 }), to: "/42" });
            expect([answer.statusCode, answer.cookies]).to.deep.equal([401, undefined]);
        });
    });

    it("writes what a key may hold as text", async () => {
        const answer = await page(token(), "/%3Cscript%3E");
        expect(answer.statusCode).to.equal(400);
        expect(answer.body).not.to.include("<script>");
    });
});
