import { X509Certificate } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { ResourceRecordSet } from "@aws-sdk/client-route-53";
import * as acme from "acme-client";
import { expect } from "chai";

import { startPebble } from "../../../../local/internet/authorities/pebble";
import type { Pebble, PebbleOptions } from "../../../../local/internet/authorities/pebble";
import { startDnsServer } from "../../../../local/internet/dns/server";
import { createProcesses } from "../../../../local/machine/processes";

const domain = "tasks.example.test.";
const days = (certificate: X509Certificate) =>
    Math.round((certificate.validToDate.getTime() - certificate.validFromDate.getTime()) / 86_400_000);

describe("Pebble as the local certificate authority", () => {
    let directory: string;
    let stop: () => Promise<void>;
    let pebble: Pebble;
    /** What the zone holds besides its SOA. */
    const published = new Map<string, ResourceRecordSet[]>();

    async function start(options: Partial<PebbleOptions> = {}): Promise<void> {
        directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
        const processes = createProcesses(directory);
        const dns = await startDnsServer({ zones: () => [{ name: domain, sets: published }] });
        stop = async () => {
            await processes.stop();
            await dns.stop();
            rmSync(directory, { recursive: true });
        };
        pebble = await startPebble(processes, { dnsPort: dns.port, directory, ...options });
    }

    afterEach(async () => {
        published.clear();
        delete acme.axios.defaults.httpsAgent;
        await stop();
    });

    it("issues a wildcard certificate by DNS-01 that lasts 90 days and chains to the root file", async () => {
        await start();
        const chain = await issue(["tasks.example.test", "*.tasks.example.test"]);
        const [leaf, intermediate] = chain;
        expect(leaf.subjectAltName).to.equal("DNS:tasks.example.test, DNS:*.tasks.example.test");
        expect(days(leaf)).to.equal(90);
        const root = new X509Certificate(readFileSync(pebble.rootFile));
        expect(leaf.verify(intermediate.publicKey)).to.equal(true);
        expect(intermediate.verify(root.publicKey)).to.equal(true);
    });

    it("refuses a name whose TXT record is not published", async () => {
        await start();
        const refusal = await issue(["tasks.example.test"], { publish: false }).then(
            () => "issued",
            (error: Error) => error.message,
        );
        expect(refusal).to.contain("Error retrieving TXT records for DNS challenge");
    });

    it("offers the profiles it is given, each with its lifetime, and renewal information", async () => {
        await start({ profiles: { classic: 90, shortlived: 6 } });
        const { renewalInfo, meta } = JSON.parse(await fetchTrusting(pebble.directoryUrl)) as {
            renewalInfo: string;
            meta: { profiles: Record<string, string> };
        };
        expect(meta.profiles).to.deep.equal({ classic: "Lasts 90 days", shortlived: "Lasts 6 days" });
        expect(renewalInfo).to.match(/^https:\/\/127\.0\.0\.1:\d+\//);
        const [leaf] = await issue(["tasks.example.test"], { profile: "shortlived" });
        expect(days(leaf)).to.equal(6);
    });

    it("is reached at localhost too, and only by who trusts its CA", async () => {
        await start();
        const body = await fetchTrusting(pebble.directoryUrl.replace("127.0.0.1", "localhost"));
        expect(body).to.contain("newOrder");
        const untrusted = await fetch(pebble.directoryUrl).catch(
            (error: Error) => (error.cause as NodeJS.ErrnoException).code,
        );
        expect(untrusted).to.equal("UNABLE_TO_VERIFY_LEAF_SIGNATURE");
    });

    function fetchTrusting(url: string): Promise<string> {
        return new Promise((resolve, reject) => {
            const { hostname, port, pathname } = new URL(url);
            const ca = readFileSync(pebble.tlsCaFile);
            // By IPv4: that is where it listens, whatever "localhost" resolves to first.
            request({
                host: "127.0.0.1",
                port,
                path: pathname,
                headers: { "user-agent": "taskgate" },
                ca,
                servername: hostname === "localhost" ? hostname : "",
            })
                .once("response", (response) => {
                    let body = "";
                    response.on("data", (chunk: Buffer) => (body += chunk.toString()));
                    response.once("end", () => resolve(body));
                })
                .once("error", reject)
                .end();
        });
    }

    async function issue(
        names: string[],
        { profile, publish = true }: { profile?: string; publish?: boolean } = {},
    ): Promise<X509Certificate[]> {
        acme.axios.defaults.httpsAgent = new Agent({ ca: readFileSync(pebble.tlsCaFile) });
        const accountKey = await acme.crypto.createPrivateEcdsaKey();
        const client = new acme.Client({
            directoryUrl: pebble.directoryUrl,
            accountKey,
            backoffMin: 50,
            backoffMax: 200,
        });
        await client.createAccount({ termsOfServiceAgreed: true });
        const order = await client.createOrder({
            identifiers: names.map((value) => ({ type: "dns", value })),
            ...(profile && { profile }),
        });
        for (const authorization of await client.getAuthorizations(order)) {
            const challenge = authorization.challenges.find(({ type }) => type === "dns-01");
            if (!challenge) {
                throw new Error("No dns-01 challenge offered.");
            }
            const Value = `"${await client.getChallengeKeyAuthorization(challenge)}"`;
            const name = `_acme-challenge.${domain}`;
            if (publish) {
                published.set(name, [{ Name: name, Type: "TXT", TTL: 1, ResourceRecords: [{ Value }] }]);
            }
            await client.completeChallenge(challenge);
            await client.waitForValidStatus(challenge);
        }
        const [, csr] = await acme.crypto.createCsr({ altNames: names }, await acme.crypto.createPrivateEcdsaKey());
        const pem = await client.getCertificate(await client.finalizeOrder(order, csr));
        return acme.crypto.splitPemChain(pem).map((one) => new X509Certificate(one));
    }
});
