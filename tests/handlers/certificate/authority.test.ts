import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { describeProblem, openAuthority, readRetryAfter } from "../../../handlers/certificate/authority";
import { createKey } from "../../../handlers/certificate/keys";
import { createAuthority } from "../../../local/internet/authorities/tlsCertificate";

describe("requests to the certificate authority", () => {
    let server: Server;
    let url: string;
    let requests: number;
    let accountKey: string;

    before(async () => {
        accountKey = await createKey("P-256");
    });

    afterEach(() => {
        server.closeAllConnections();
        server.close();
    });

    async function serve(answer: RequestListener): Promise<void> {
        requests = 0;
        server = createServer((request, response) => {
            requests++;
            answer(request, response);
        });
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/dir`;
    }

    const failureOf = (opening: Promise<unknown>): Promise<Error> =>
        opening.then(
            () => expect.fail("it should fail"),
            (error: Error) => error,
        );
    const failing = (milliseconds: number) =>
        failureOf(openAuthority({ directoryUrl: url }, accountKey, Date.now() + milliseconds));

    it("trust the roots that are given, and no other", async () => {
        const [own, foreign] = await Promise.all([createAuthority("Own CA"), createAuthority("Another CA")]);
        const { certificate, privateKey } = await own.issue(["localhost"], ["127.0.0.1"]);
        server = createTlsServer({ cert: certificate, key: privateKey }, (_, response) => {
            response.end('{"newNonce":"https://localhost/nonce"}');
        });
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        const directoryUrl = `https://127.0.0.1:${(server.address() as AddressInfo).port}/dir`;
        const open = (rootCertificates?: string) =>
            openAuthority({ directoryUrl, rootCertificates }, accountKey, Date.now() + 60_000);

        expect((await open(own.ca)).directory).to.deep.equal({ newNonce: "https://localhost/nonce" });
        for (const roots of [undefined, foreign.ca]) {
            const { name, message } = await failureOf(open(roots));
            expect([name, message]).to.deep.equal([
                "CertificateAuthorityUnreachable",
                `${directoryUrl} shows a certificate that chains to no trusted root (UNABLE_TO_VERIFY_LEAF_SIGNATURE): give its root as acmeRootCertificates if that is an authority of your own.`,
            ]);
        }
    });

    it("end at the deadline when nothing is answered", async () => {
        await serve(() => {});
        const { name, message } = await failing(300);
        expect(name).to.equal("CertificateAuthorityUnreachable");
        expect(message).to.match(/\/dir cannot be reached: no answer within \d+ ms\.$/);
        expect(requests).to.equal(1);
    });

    it("are not sent when the time is over", async () => {
        await serve(() => {});
        expect((await failing(-1)).name).to.equal("OutOfTime");
        expect(requests).to.equal(0);
    });

    it("wait as told when that is short and within the time, else not at all", async () => {
        await serve((_, response) => {
            response.writeHead(503, { "retry-after": requests === 1 ? "1" : "16" }).end("busy");
        });
        const { name, message } = await failing(60_000);
        expect(name).to.equal("CertificateAuthorityRefused");
        expect(message).to.equal(`${url} answered 503: no reason given. Try again after 16 seconds.`);
        expect(requests).to.equal(2);
    });

    /** A directory, and nonces that count up; `other` answers all else. */
    const serveAcme = (other: (body: { readonly nonce: string }, tries: number) => [number, object, object?]) => {
        let nonce = 0;
        let tries = 0;
        return serve((request, response) => {
            const chunks: Buffer[] = [];
            request.on("data", (chunk: Buffer) => chunks.push(chunk));
            request.on("end", () => {
                if (request.url === "/dir") {
                    response.end(JSON.stringify({ newNonce: url.replace("dir", "nonce"), newOrder: "" }));
                    return;
                }
                response.setHeader("replay-nonce", `nonce-${++nonce}`);
                if (request.method === "HEAD") {
                    response.end();
                    return;
                }
                const { protected: header } = JSON.parse(Buffer.concat(chunks).toString()) as { protected: string };
                const [status, body, headers = {}] = other(
                    JSON.parse(Buffer.from(header, "base64url").toString()) as { nonce: string },
                    ++tries,
                );
                response.writeHead(status, { ...headers }).end(JSON.stringify(body));
            });
        });
    };

    it("take the nonce of the answer before: one request for a nonce serves all", async () => {
        const nonces: string[] = [];
        await serveAcme(({ nonce }) => [nonces.push(nonce) && 200, {}]);
        const authority = await openAuthority({ directoryUrl: url }, accountKey, Date.now() + 10_000);
        for (let post = 0; post < 3; post++) {
            await authority.post(url.replace("dir", "order"), {});
        }
        expect(nonces).to.deep.equal(["nonce-1", "nonce-2", "nonce-3"]);
        expect(requests).to.equal(5);
    });

    it("survive nine of ten nonces refused", async () => {
        const badNonce = { type: "urn:ietf:params:acme:error:badNonce" };
        await serveAcme((_, tries) => (tries % 10 === 0 ? [200, {}] : [400, badNonce]));
        const authority = await openAuthority({ directoryUrl: url }, accountKey, Date.now() + 10_000);
        expect(await authority.post(url.replace("dir", "order"), {})).to.include({ status: 200 });
        expect(requests).to.equal(12);
    });

    for (const [what, status, headers] of [
        ["503 without Retry-After", 503, {}],
        ["502 with a page of a proxy", 502, { "content-type": "text/html" }],
        ["429 without Retry-After", 429, {}],
        ["503 with a date as Retry-After", 503, { "retry-after": new Date().toUTCString() }],
        ["500", 500, {}],
    ] as const) {
        it(`survive one ${what}`, async () => {
            await serveAcme((_, tries) => (tries === 1 ? [status, {}, headers] : [200, {}]));
            const authority = await openAuthority({ directoryUrl: url }, accountKey, Date.now() + 10_000);
            expect(await authority.post(url.replace("dir", "order"), {})).to.include({ status: 200 });
            // The directory, a nonce, and the request twice: its second try has the nonce of the answer to the first.
            expect(requests).to.equal(4);
        });
    }

    it("survive an answer that was lost", async () => {
        let lost = false;
        await serve((_, response) => {
            if (!lost) {
                lost = true;
                response.destroy();
                return;
            }
            response.end("{}");
        });
        await openAuthority({ directoryUrl: url }, accountKey, Date.now() + 10_000);
        expect(requests).to.equal(2);
    });

    it("keep type, status and time of a refusal", async () => {
        const type = "urn:ietf:params:acme:error:rateLimited";
        await serveAcme(() => [429, { type, detail: "too many" }, { "retry-after": "3600" }]);
        const authority = await openAuthority({ directoryUrl: url }, accountKey, Date.now() + 10_000);
        const error = (await authority
            .post(url.replace("dir", "order"), {})
            .catch((thrown: Error) => thrown)) as Error & {
            retryAt: number;
        };
        expect(error).to.include({ name: "CertificateAuthorityRefused", type, status: 429 });
        expect(error.retryAt - Date.now()).to.be.within(3_590_000, 3_600_000);
        expect(requests).to.equal(3);
    });

    it("read Retry-After in seconds or as a date, and nothing else", () => {
        expect(readRetryAfter("120", 1_000)).to.equal(121_000);
        expect(readRetryAfter("Wed, 25 Nov 2026 10:00:00 GMT", 0)).to.equal(Date.UTC(2026, 10, 25, 10));
        expect([readRetryAfter(undefined, 0), readRetryAfter("soon", 0)]).to.deep.equal([undefined, undefined]);
    });

    it("are not made of what is no ACME server", async () => {
        await serve((_, response) => response.end("<html>"));
        expect((await failing(5_000)).message).to.equal(
            `${url} answered with something else than JSON: is it an ACME server?`,
        );
    });

    it("give type, detail and every subproblem of a refusal", () => {
        expect(
            describeProblem({
                type: "urn:ietf:params:acme:error:compound",
                detail: "two names",
                subproblems: [
                    { type: "urn:ietf:params:acme:error:caa", detail: "forbidden", identifier: { value: "a.test" } },
                ],
            }),
        ).to.equal(
            "two names (urn:ietf:params:acme:error:compound) a.test: forbidden (urn:ietf:params:acme:error:caa)",
        );
    });
});
