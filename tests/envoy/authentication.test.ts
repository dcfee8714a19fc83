// Who gets to the app of a task that asks for tokens, with the real Envoy, a real issuer and a task of team 42. The version of the tasks, and the oldest.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, IncomingHttpHeaders, Server } from "node:http";
import * as http2 from "node:http2";
import { request as httpsRequest } from "node:https";
import { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { WebSocket, WebSocketServer } from "ws";

import { EnvoyAuthentication } from "../../components/internal/envoy/authentication";
import { AccessLog } from "../../components/internal/envoy/accessLog";
import { envoyBootstrap } from "../../components/internal/envoy/envoyBootstrap";
import { Front, sidecarHealthPath } from "../../components/internal/envoy/front";
import { served } from "../../components/internal/envoy/servedCertificates";
import { envoyVersion, oldestEnvoyVersion } from "../../components/internal/envoy/envoyVersion";
import { IdentityProvider, startIdentityProvider } from "../../local/internet/identityProvider";
import { accepts, createProcesses, freePort, Processes } from "../../local/machine/processes";
import { projectRoot } from "../../local/machine/projectRoot";
import { envoyBinary } from "../../local/tasks/images/images";
import { inFolder, writeOwnRoutes } from "../support/initEnvoy";
import { until } from "../support/until";
import { Pem, selfSignedWildcard } from "../support/wildcard";

const domain = "tasks.example.com";
const taskId = "0123456789abcdef".repeat(2);
const own = `${taskId}.${domain}`;
const audience = "boards";
const longAgo = 1_700_000_000;

interface Answer {
    readonly status: number;
    readonly headers: IncomingHttpHeaders;
    readonly body: string;
}

for (const [tools, version] of Object.entries({ python: envoyVersion, "oldest-envoy": oldestEnvoyVersion })) {
    describe(`Envoy ${version} in front of a task of team 42`, () => behaviour(envoyBinary(projectRoot, tools)));
}

function behaviour(envoy: string): void {
    let directory: string;
    let processes: Processes;
    let pem: Pem;
    let app: Server;
    let people: IdentityProvider;
    let strangers: IdentityProvider;
    let httpsPort: number;

    const startProvider = async (name: string): Promise<IdentityProvider> =>
        startIdentityProvider({ address: "127.0.0.1", port: await freePort(), directory: join(directory, name) });

    /** As the containers of a task do; resolves when it serves. */
    const startEnvoy = async (
        name: string,
        jwksUri: string,
        more: { readonly front?: Front; readonly claimHeaders?: Readonly<Record<string, string>> } = {},
        team: Readonly<Record<string, string>> = { TEAM_ID: "42" },
    ): Promise<number> => {
        const port = await freePort();
        const authentication: EnvoyAuthentication = {
            issuer: people.issuer,
            audiences: [audience],
            jwksUri,
            requiredClaims: { "custom:team": "TEAM_ID" },
            claimHeaders: { "x-team": "custom:team", "x-person": "email", ...more.claimHeaders },
        };
        const options = {
            ...{ httpsPort: port, appPort: (app.address() as AddressInfo).port, domain, taskCpu: 256 },
            ...{ healthCheckPath: "/health", accessLog: AccessLog.All, front: more.front, authentication },
        };
        const volume = mkdtempSync(join(directory, "volume-"));
        writeOwnRoutes(volume, domain, { taskId, options, variables: team });
        const bootstrap = inFolder(JSON.stringify(envoyBootstrap(options)), volume).replaceAll(
            '"0.0.0.0"',
            '"127.0.0.1"',
        );
        const { chain, key } = served.main.variables;
        await processes.start({
            name,
            command: envoy,
            args: ["--config-yaml", bootstrap, "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"],
            env: { PATH: process.env.PATH ?? "", [chain]: pem.certificate, [key]: pem.privateKey },
            ready: accepts(port),
        });
        return port;
    };

    before(async () => {
        directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
        processes = createProcesses(directory);
        pem = await selfSignedWildcard(domain);
        app = createServer((request, response) =>
            response.end(JSON.stringify({ url: request.url, headers: request.headers })),
        );
        const sockets = new WebSocketServer({ server: app });
        sockets.on("connection", (socket, { headers }) => socket.send(JSON.stringify(headers)));
        await new Promise<void>((resolve) => app.listen(0, "127.0.0.1", resolve));
        [people, strangers] = [await startProvider("people"), await startProvider("strangers")];
        httpsPort = await startEnvoy("envoy", people.jwksEndpoint);
        const token = await tokenOf("42");
        await until("its people get in", async () => (await get({ headers: bearing(token) })).status === 200);
    });
    after(async () => {
        await processes.stop();
        await Promise.all([people.stop(), strangers.stop()]);
        app.closeAllConnections();
        await new Promise((resolve) => app.close(resolve));
        rmSync(directory, { recursive: true });
    });

    const tokenOf = (team: string, claims: Readonly<Record<string, unknown>> = {}, issuer = people): Promise<string> =>
        issuer.issueToken({ aud: audience, "custom:team": team, email: `ann@${team}.example.com`, ...claims });
    const bearing = (token: string) => ({ authorization: `Bearer ${token}` });

    function get({
        path = "/notes?page=2",
        headers = {},
        host = own,
        port = httpsPort,
    }: {
        path?: string;
        headers?: Record<string, string>;
        host?: string;
        port?: number;
    }): Promise<Answer> {
        return new Promise((resolve, reject) => {
            const common = { host: "127.0.0.1", path, agent: false, headers: { host, ...headers } };
            httpsRequest({ ...common, port, servername: own, ca: pem.certificate })
                .on("error", reject)
                .on("response", (message) => {
                    let body = "";
                    message
                        .on("data", (chunk) => (body += String(chunk)))
                        .on("error", reject)
                        .on("end", () => resolve({ status: message.statusCode!, headers: message.headers, body }));
                })
                .end();
        });
    }

    /** What reached the app. */
    const told = ({ status, body }: Answer): { url: string; headers: Record<string, string> } => {
        expect(status, body).to.equal(200);
        return JSON.parse(body) as { url: string; headers: Record<string, string> };
    };

    it("leads its own people to the app, which is told who they are and gets no token", async () => {
        const token = await tokenOf("42");
        const { url, headers } = told(await get({ headers: bearing(token) }));
        expect(url).to.equal("/notes?page=2");
        expect(headers).to.include({ host: own, "x-team": "42", "x-person": "ann@42.example.com" });
        expect(headers).not.to.have.any.keys("authorization", "cookie");
        expect(JSON.stringify(headers)).not.to.match(/x-taskgate|eyJ/);
    });

    it("takes the token from the cookie, too, and takes that from the app", async () => {
        const cookie = `__Host-taskgate=${await tokenOf("42")}`;
        for (const [sent, left] of [
            [cookie, undefined],
            [`a=1; ${cookie}`, "a=1"],
            [`${cookie}; b=2`, "b=2"],
            [`a=1; ${cookie}; b=2`, "a=1; b=2"],
        ]) {
            const { headers } = told(await get({ headers: { cookie: sent! } }));
            expect([headers["x-team"], headers.cookie], sent).to.deep.equal(["42", left]);
        }
    });

    /** What a browser sends that follows a link. */
    const aPage = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

    it("makes a cookie of a browser's link, and leads on without the token", async () => {
        const token = await tokenOf("42");
        const { status, headers } = await get({
            path: `/notes?page=2&taskgate-token=${token}&sort=up`,
            headers: aPage,
        });
        expect(status).to.equal(303);
        expect(headers).to.include({
            location: `https://${own}:${httpsPort}/notes?page=2&sort=up`,
            "cache-control": "no-store",
            "referrer-policy": "no-referrer",
        });
        expect(headers["set-cookie"]).to.deep.equal([
            `__Host-taskgate=${token}; Path=/; Secure; HttpOnly; SameSite=Lax`,
        ]);
        const cookie = headers["set-cookie"]![0].split(";")[0];
        expect(told(await get({ path: "/notes?page=2&sort=up", headers: { cookie } })).url).to.equal(
            "/notes?page=2&sort=up",
        );
    });

    it("lets whoever asks for no page in by a link alone: curl keeps no cookies, a WebSocket follows nowhere", async () => {
        const token = await tokenOf("42");
        const path = `/notes?page=2&taskgate-token=${token}&sort=up`;
        for (const headers of [{}, { accept: "*/*" }, { accept: "application/json" }] as Record<string, string>[]) {
            const reached = told(await get({ path, headers }));
            expect(reached.url).to.equal("/notes?page=2&sort=up");
            expect(reached.headers["x-team"]).to.equal("42");
            expect(JSON.stringify(reached)).not.to.match(/x-taskgate|eyJ/);
        }
    });

    it("lets a new link help whose cookie is old, and an old link not harm whose cookie is good", async () => {
        const [good, old] = [await tokenOf("42"), await tokenOf("42", { exp: longAgo })];
        const link = (token: string) => `/notes?taskgate-token=${token}`;
        const cookie = (token: string) => ({ cookie: `__Host-taskgate=${token}` });
        expect((await get({ path: link(good), headers: { ...cookie(old), ...aPage } })).status).to.equal(303);
        const { url, headers } = told(await get({ path: link(old), headers: cookie(good) }));
        expect(url).to.equal("/notes");
        expect(JSON.stringify(headers)).not.to.include(old);
    });

    it("leads no link to another host", async () => {
        const token = await tokenOf("42");
        for (const path of ["//evil.example/", "/\\evil.example/", "/%2f%2fevil.example/"]) {
            const { headers } = await get({ path: `${path}?taskgate-token=${token}`, headers: aPage });
            expect(new URL(headers.location!, `https://${own}:${httpsPort}`).host, path).to.equal(
                `${own}:${httpsPort}`,
            );
        }
    });

    it("refuses everybody else", async () => {
        const good = await tokenOf("42");
        const [head, body, signature] = good.split(".");
        const unsigned = Buffer.from(JSON.stringify({ alg: "none", typ: "JWT" })).toString("base64url");
        const refused: Record<string, [number, Record<string, string>]> = {
            "no token": [401, {}],
            "no JWT": [401, bearing("secret")],
            expired: [401, bearing(await tokenOf("42", { exp: longAgo }))],
            "without an end": [401, bearing(await tokenOf("42", { exp: undefined }))],
            "not valid yet": [401, bearing(await tokenOf("42", { nbf: 4_000_000_000 }))],
            "another issuer's": [401, bearing(await tokenOf("42", {}, strangers))],
            "another issuer's in its name": [401, bearing(await tokenOf("42", { iss: people.issuer }, strangers))],
            "another audience's": [403, bearing(await tokenOf("42", { aud: "another" }))],
            "without an audience": [403, bearing(await tokenOf("42", { aud: undefined }))],
            "of another team": [403, bearing(await tokenOf("7"))],
            "of a team that begins alike": [403, bearing(await tokenOf("421"))],
            "of no team": [403, bearing(await tokenOf("42", { "custom:team": undefined }))],
            "of two teams": [403, bearing(await tokenOf("42", { "custom:team": ["42", "7"] }))],
            "with another body": [401, bearing([head, changed(body), signature].join("."))],
            unsigned: [401, bearing(`${unsigned}.${body}.`)],
            "of another team, by cookie": [403, { cookie: `__Host-taskgate=${await tokenOf("7")}` }],
        };
        const seen: Record<string, number> = {};
        for (const [name, [, headers]] of Object.entries(refused)) {
            seen[name] = (await get({ headers })).status;
        }
        const link = async (token: string) => (await get({ path: `/?taskgate-token=${token}` })).status;
        expect(await link(await tokenOf("7"))).to.equal(403);
        expect(await link(await tokenOf("42", { exp: longAgo }))).to.equal(401);
        expect(seen).to.deep.equal(
            Object.fromEntries(Object.entries(refused).map(([name, [status]]) => [name, status])),
        );
    });

    it("believes no header that a client forged", async () => {
        const forged = {
            "x-team": "42",
            "X-Person": "root@example.com",
            "x-taskgate-claim-0": "42",
            "x-taskgate-good-link": people.issuer,
            "x-taskgate-link": "forged",
        };
        expect((await get({ headers: forged })).status).to.equal(401);
        const ofAnother = { ...forged, ...bearing(await tokenOf("7")) };
        expect((await get({ headers: ofAnother })).status).to.equal(403);
        const nameless = await tokenOf("42", { email: undefined });
        const { headers } = told(await get({ headers: { ...forged, ...bearing(nameless) } }));
        expect(headers["x-team"]).to.equal("42");
        expect(headers).not.to.have.any.keys(
            "x-person",
            ...Object.keys(forged).filter((name) => /taskgate/.test(name)),
        );
    });

    it("lets its people's WebSockets through, and nobody else's, over HTTP/1.1 and HTTP/2", async () => {
        const open = (headers: Record<string, string>): Promise<string> =>
            new Promise((resolve) => {
                const socket = new WebSocket(`wss://127.0.0.1:${httpsPort}/echo`, {
                    ...{ rejectUnauthorized: false, headers: { host: own, ...headers } },
                });
                socket.once("message", (data: Buffer) => {
                    resolve(data.toString());
                    socket.terminate();
                });
                socket.once("error", (error) => resolve(error.message));
            });
        const [good, foreign] = [await tokenOf("42"), await tokenOf("7")];
        expect(JSON.parse(await open({ cookie: `__Host-taskgate=${good}` }))).to.include({ "x-team": "42" });
        expect(await open({ cookie: `__Host-taskgate=${foreign}` })).to.equal("Unexpected server response: 403");
        expect(await open({})).to.equal("Unexpected server response: 401");

        const session = http2.connect(`https://127.0.0.1:${httpsPort}`, { rejectUnauthorized: false });
        const connect = (cookie: string): Promise<number> =>
            new Promise((resolve, reject) => {
                const stream = session.request(
                    {
                        ...{ ":method": "CONNECT", ":protocol": "websocket", ":path": "/echo", ":authority": own },
                        ...{ ":scheme": "https", "sec-websocket-version": "13", cookie },
                        "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
                    },
                    { endStream: false },
                );
                stream.once("error", reject);
                stream.once("response", ({ ":status": status }) => {
                    resolve(Number(status));
                    stream.destroy();
                });
            });
        await new Promise((resolve) => session.once("remoteSettings", resolve));
        const statuses = [await connect(`__Host-taskgate=${good}`), await connect(`__Host-taskgate=${foreign}`)];
        session.close();
        expect(statuses).to.deep.equal([200, 403]);
    });

    it("answers 421 to other names as before, without a look at tokens", async () => {
        expect((await get({ host: `${"f".repeat(32)}.${domain}` })).status).to.equal(421);
    });

    it("tells a load balancer how it is without a token", async () => {
        const port = await startEnvoy("envoy-behind", people.jwksEndpoint, { front: Front.NetworkLoadBalancer });
        await until("it is healthy", async () => (await get({ port, path: sidecarHealthPath })).status === 200);
        expect((await get({ port })).status).to.equal(401);
    });

    it("puts no token into its log, whether the link is good, old, or answered before anybody looks at it", async () => {
        const [good, old] = [await tokenOf("42"), await tokenOf("42", { exp: longAgo })];
        const seen: number[] = [];
        for (const token of [good, old]) {
            seen.push((await get({ path: `/secret-notes?taskgate-token=${token}` })).status);
            seen.push((await get({ path: `/secret-notes?taskgate-token=${token}`, headers: aPage })).status);
            seen.push((await get({ path: `/%2Fsecret-notes?taskgate-token=${token}` })).status);
        }
        expect(seen).to.deep.equal([200, 303, 307, 401, 401, 307]);
        const log = await until("the lines of the log", () => {
            const text = readFileSync(join(directory, "logs", "envoy.log"), "utf8");
            return (text.match(/"path":"[^"]*secret-notes"/g) ?? []).length >= 6 && text;
        });
        for (const token of [good, old]) {
            expect(log).not.to.include(token.split(".")[2]);
        }
        expect(log).not.to.include("taskgate-token");
    });

    it("goes on while the issuer is away, with the keys that it has", async () => {
        const away = await startProvider("away");
        const token = await tokenOf("42", { iss: people.issuer }, away);
        const port = await startEnvoy("envoy-alone", away.jwksEndpoint);
        const status = async () => (await get({ port, headers: bearing(token) })).status;
        await until("it has the keys", async () => (await status()) === 200);
        await away.stop();
        expect(await status()).to.equal(200);
    });

    it("takes keys over TLS from who proves the name alone", async () => {
        const [certificate, port] = [await selfSignedWildcard(domain), await freePort()];
        const liar = await startIdentityProvider({
            ...{ hostname: "keys.tasks.example.com", address: "127.0.0.1", port, certificate },
            directory: join(directory, "liar"),
        });
        const token = await tokenOf("42", { iss: people.issuer }, liar);
        const behind = await startEnvoy("envoy-lied-to", `https://localhost:${port}/.well-known/jwks.json`);
        const answer = await get({ port: behind, headers: bearing(token) });
        await liar.stop();
        expect([answer.status, answer.body]).to.deep.equal([401, "Jwks remote fetch is failed"]);
    });

    it("does not start a task that is told nobody's, or what cannot be compared", async () => {
        const teams: Readonly<Record<string, string>>[] = [
            {},
            { TEAM_ID: "" },
            { TEAM_ID: '42"},{"' },
            { TEAM_ID: "4&2" },
            { TEAM_ID: "42\n7" },
        ];
        for (const team of teams) {
            const failure: unknown = await startEnvoy("never", people.jwksEndpoint, {}, team).catch(
                (reason: unknown) => reason,
            );
            const { stdout } = failure as { stdout?: Buffer };
            expect(String(stdout), JSON.stringify(team)).to.match(/^TEAM_ID must be given to the container init, /);
        }
    });
}

/** The same text with one character replaced, in the middle. */
function changed(text: string): string {
    const middle = Math.floor(text.length / 2);
    return text.slice(0, middle) + (text[middle] === "A" ? "B" : "A") + text.slice(middle + 1);
}
