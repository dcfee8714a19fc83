import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import * as acme from "acme-client";
import { expect } from "chai";
import { describeProblem, openAccount } from "../../../handlers/certificate/authority";
import type { CertificateSettings } from "../../../handlers/certificate/settings";

describe("requests to the certificate authority", () => {
    let server: Server;
    let url: string;
    let requests: number;
    let accountKey: string;

    before(async () => {
        accountKey = (await acme.crypto.createPrivateEcdsaKey()).toString();
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

    const failing = async (milliseconds: number): Promise<Error> =>
        openAccount(
            { directoryUrl: url, email: "" } as CertificateSettings,
            accountKey,
            Date.now() + milliseconds,
        ).then(
            () => expect.fail("it should fail"),
            (error: Error) => error,
        );

    it("end at the deadline when nothing is answered", async () => {
        await serve(() => {});
        const started = Date.now();
        const { name, message } = await failing(300);
        expect(name).to.equal("CertificateAuthorityUnreachable");
        expect(message).to.match(/\/dir cannot be reached: timeout of \d+ms exceeded\.$/);
        expect(Date.now() - started).to.be.below(1_500);
        expect(requests).to.equal(1);
    });

    it("are not sent when the time is over", async () => {
        await serve(() => {});
        expect((await failing(-1)).name).to.equal("OutOfTime");
        expect(requests).to.equal(0);
    });

    it("wait as told when that is short and within the time, else not at all", async () => {
        await serve((_, response) => {
            response.writeHead(503, { "retry-after": requests === 1 ? "1" : "11" }).end("busy");
        });
        const { name, message } = await failing(60_000);
        expect(name).to.equal("CertificateAuthorityRefused");
        expect(message).to.equal(`${url} answered 503: no reason given. Try again after 11 seconds.`);
        expect(requests).to.equal(2);
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
