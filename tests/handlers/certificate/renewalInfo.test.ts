import { expect } from "chai";
import { askRenewalInfo, certificateId, drawInstant } from "../../../handlers/certificate/renewalInfo";
import type { Authority } from "../../../handlers/certificate/authority";

/** Of RFC 9773, appendix A. */
const example = `-----BEGIN CERTIFICATE-----
MIIBQzCB66ADAgECAgUAh2VDITAKBggqhkjOPQQDAjAVMRMwEQYDVQQDEwpFeGFt
cGxlIENBMCIYDzAwMDEwMTAxMDAwMDAwWhgPMDAwMTAxMDEwMDAwMDBaMBYxFDAS
BgNVBAMTC2V4YW1wbGUuY29tMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEeBZu
7cbpAYNXZLbbh8rNIzuOoqOOtmxA1v7cRm//AwyMwWxyHz4zfwmBhcSrf47NUAFf
qzLQ2PPQxdTXREYEnKMjMCEwHwYDVR0jBBgwFoAUaYhba4dGQEHhs3uEe6CuLN4B
yNQwCgYIKoZIzj0EAwIDRwAwRAIge09+S5TZAlw5tgtiVvuERV6cT4mfutXIlwTb
+FYN/8oCIClDsqBklhB9KAelFiYt9+6FDj3z4KGVelYM5MdsO3pK
-----END CERTIFICATE-----
`;

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const now = Date.parse("2026-03-01T00:00:00Z");
const start = "2026-04-01T00:00:00.000Z";
const end = "2026-04-03T00:00:00.000Z";

type Asked = Parameters<typeof askRenewalInfo>[0];

/** An authority that answers this, whatever is asked, and what it was asked. */
function answering(answer: object, retryAfter?: string): Asked & { readonly urls: string[] } {
    const urls: string[] = [];
    const get: Authority["get"] = (url) => {
        urls.push(url);
        const headers = retryAfter === undefined ? {} : { "retry-after": retryAfter };
        return Promise.resolve({ status: 200, headers, text: JSON.stringify(answer) });
    };
    const directory = { renewalInfo: "https://ca.example.test/renewal-info/" } as Authority["directory"];
    return { urls, directory, get };
}

describe("renewal information", () => {
    it("is asked for by the issuer's key and the serial number with its leading zero, as the RFC's example has them", async () => {
        const id = certificateId(example);
        expect(id).to.equal("aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
        const authority = answering({ suggestedWindow: { start, end } });
        await askRenewalInfo(authority, id!, undefined, now);
        expect(authority.urls).to.deep.equal([`https://ca.example.test/renewal-info/${id}`]);
    });

    it("gives an instant of the window, which stays as long as the window does, and why", async () => {
        const explanationURL = "https://ca.example.test/why";
        const authority = answering({ suggestedWindow: { start, end }, explanationURL });
        const first = await askRenewalInfo(authority, "a.b", undefined, now);
        expect(first).to.deep.include({ certificateId: "a.b", start, end, explanationUrl: explanationURL });
        const chosen = Date.parse(first!.chosen);
        expect(chosen).to.be.within(Date.parse(start), Date.parse(end) - 65 * MINUTE);
        for (let again = 0; again < 20; again++) {
            expect((await askRenewalInfo(authority, "a.b", first, now))!.chosen).to.equal(first!.chosen);
        }
        const moved = { start: "2026-02-01T00:00:00.000Z", end: "2026-02-01T01:00:00.000Z" };
        const second = await askRenewalInfo(answering({ suggestedWindow: moved }), "a.b", first, now);
        expect(Date.parse(second!.chosen)).to.be.within(Date.parse(moved.start), Date.parse(moved.end));
    });

    it("is asked for again when the authority says so, but after a minute to a day", async () => {
        const pauses = [undefined, "0", "7200", "604800", "Sun, 01 Mar 2026 03:00:00 GMT", "soon"].map(
            async (header) => {
                const asked = await askRenewalInfo(
                    answering({ suggestedWindow: { start, end } }, header),
                    "a.b",
                    undefined,
                    now,
                );
                return Date.parse(asked!.askAgain) - now;
            },
        );
        const wanted = [6 * HOUR, MINUTE, 2 * HOUR, 24 * HOUR, 3 * HOUR, 6 * HOUR];
        expect(await Promise.all(pauses)).to.deep.equal(wanted);
    });

    it("of a window that ends before it begins, or is none, is not followed; an authority without it is not asked", async () => {
        const nonsense = [
            { suggestedWindow: { start: end, end: start } },
            { suggestedWindow: { start, end: start } },
            {},
        ];
        for (const answer of [...nonsense, { suggestedWindow: { start: "soon", end } }]) {
            const refused = await askRenewalInfo(answering(answer), "a.b", undefined, now).catch(
                (error: Error) => error,
            );
            expect((refused as Error).message).to.match(/ answered with a window that ends before it begins\.$/);
        }
        const without = { ...answering({}), directory: {} as Authority["directory"] };
        expect(await askRenewalInfo(without, "a.b", undefined, now)).to.equal(undefined);
        expect(without.urls).to.deep.equal([]);
    });

    it("leaves the next hourly run inside the window, however narrow it is", () => {
        for (const width of [5 * MINUTE, 2 * HOUR, 3.2 * HOUR, 43.2 * HOUR]) {
            const instants = [0, 0.5, 0.999].map((random) => drawInstant(0, width, () => random));
            const latest = width - Math.min(65 * MINUTE, width / 2);
            instants.forEach((instant) => expect(instant).to.be.within(0, latest));
        }
    });
});
