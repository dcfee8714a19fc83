import { createPrivateKey, X509Certificate } from "node:crypto";

import { expect } from "chai";
import { renewCertificate } from "../../handlers/renewCertificate";
import { until } from "../support/until";
import { startCertificateWorld, type CertificateWorld } from "../support/certificateWorld";
import { handlerFolder, invoke, type HandlerFolder } from "../support/handlerProcess";

interface SealedCopy {
    readonly certificate_chain: { readonly inline_string: string };
    readonly private_key: { readonly inline_string: string };
}

describe("a renewal that is killed", () => {
    let world: CertificateWorld;
    let folder: HandlerFolder;

    before(async () => {
        folder = await handlerFolder(renewCertificate, ["acme-client"]);
        world = await startCertificateWorld();
    });

    after(async () => {
        folder.remove();
        await world.stop();
    });

    const run = (sealed: string) =>
        invoke(folder, { ...world.environment, SEALED_BUCKET_NAME: sealed, NODE_EXTRA_CA_CERTS: world.tlsCaFile });

    /** What tasks that run find there is the certificate of the secret, and its password opens the key. */
    async function expectSealed(text: string, where: string): Promise<void> {
        const { certificateChain, keyPassword } = (await world.secret()) as Record<string, string>;
        const [{ tls_certificate: copy }] = (JSON.parse(text) as { resources: { tls_certificate: SealedCopy }[] })
            .resources;
        expect(copy.certificate_chain.inline_string, where).to.equal(certificateChain);
        const key = createPrivateKey({ key: copy.private_key.inline_string, passphrase: keyPassword });
        expect(new X509Certificate(certificateChain).checkPrivateKey(key), where).to.equal(true);
    }

    /** Whether a request to the authority does something: one without a payload only reads. */
    const hasPayload = (body: string) => body !== "" && (JSON.parse(body) as { payload?: string }).payload !== "";

    /** How often the authority took such a request. */
    const called = (part: string) =>
        world.caTap.requests.filter(({ path, status = 0 }) => path.includes(part) && status < 300).length;

    it("by any of its steps, when that has been done, is taken up by the next: one order, one certificate, nothing left", async () => {
        let steps = 0;
        for (let killedAt = 1; killedAt === 1 || killedAt <= steps; killedAt++) {
            await world.prepare({}, { requests: { capacity: 1_000, refillPerSecond: 1_000 } });
            const sealed = await world.sealedBucket();
            let seen = 0;
            let killedIn = "";
            const first = run(sealed.name);
            const interfere = (what: string, isStep: boolean) => {
                seen += isStep ? 1 : 0;
                if (isStep && seen === killedAt) {
                    killedIn = what;
                    first.child.kill("SIGKILL");
                }
                return seen >= killedAt ? ("lose the answer" as const) : undefined;
            };
            world.caTap.interfere = ({ method, path, body }) => interfere(path, method === "POST" && hasPayload(body));
            world.awsTap.interfere = ({ method, path, headers }) => {
                const operation = String(headers["x-amz-target"] ?? `${method} ${path}`);
                return interfere(operation, !/Get/.test(operation));
            };
            world.route53Aws.interfere = ({ operation }) => interfere(operation, operation.startsWith("POST"));
            const end = await first.end;
            if (killedIn === "") {
                expect(end?.answer, end?.error).to.include({ outcome: "issued" });
                break; // it had fewer steps this time
            }
            for (const tap of [world.caTap, world.awsTap, world.route53Aws]) {
                delete tap.interfere;
            }
            const where = `killed by step ${killedAt}, ${killedIn}`;
            steps = Math.max(steps, seen + 1);
            const second = await run(sealed.name).end;
            expect(second?.error, `${where}: ${second?.log}`).to.equal(undefined);
            expect(await world.secret(), where).to.include({ keyType: "P-256" });
            expect([where, called("/finalize-order/")]).to.deep.equal([where, 1]);
            // An order whose URL was never heard is lost, and costs nothing: the authority's limits are on certificates.
            expect(called("/order-plz"), where).to.be.within(1, /order-plz/.test(killedIn) ? 2 : 1);
            expect([where, world.route53.records(), await world.order()]).to.deep.equal([where, [], undefined]);
            const state = await world.state();
            expect([where, state.lease, state.challenges, state.ordering, state.trouble]).to.deep.equal([
                where,
                ...[undefined, undefined, undefined, undefined],
            ]);
            const { "certificate.json": text } = await sealed.objects();
            await expectSealed(text, where);
            world.tidy();
        }
        expect(steps).to.be.at.least(20);
    });

    for (const [what, isWritten] of [
        ["before the copy for tasks that run is written", false],
        ["when the copy for tasks that run is written", true],
    ] as const) {
        it(`${what} leaves that to the next, which orders nothing`, async () => {
            await world.prepare({}, { requests: { capacity: 1_000, refillPerSecond: 1_000 } });
            const sealed = await world.sealedBucket();
            const first = run(sealed.name);
            world.awsTap.interfere = ({ method, path }) => {
                if (method !== "PUT" || !path.includes("certificate.json") || !path.includes(sealed.name)) {
                    return undefined;
                }
                first.child.kill("SIGKILL");
                return isWritten ? "lose the answer" : { status: 503 };
            };
            expect(await first.end).to.equal(undefined);
            if (isWritten) {
                await until("it is written", async () => "certificate.json" in (await sealed.objects()));
            }
            delete world.awsTap.interfere;
            expect(Object.keys(await sealed.objects())).to.deep.equal(isWritten ? ["certificate.json"] : []);
            const second = await run(sealed.name).end;
            expect(second?.answer, second?.error).to.include({ outcome: "not due" });
            expect([called("/order-plz"), called("/finalize-order/")]).to.deep.equal([1, 1]);
            await expectSealed((await sealed.objects())["certificate.json"], what);
            expect(await world.state()).to.not.have.any.keys("lease", "ordering", "challenges", "trouble");
            world.tidy();
        });
    }
});

describe("a renewal in a process of its own", () => {
    let world: CertificateWorld;
    const folders: HandlerFolder[] = [];

    before(async () => {
        for (const packages of [["acme-client"], []]) {
            folders.push(await handlerFolder(renewCertificate, packages));
        }
        world = await startCertificateWorld();
    });

    after(async () => {
        folders.forEach((folder) => folder.remove());
        await world.stop();
    });

    it("asks the authority whether the certificate is due without the code that signs, which is a sixth of its memory", async () => {
        await world.prepare();
        const [whole, withoutPackages] = folders.map(
            (folder) => () => invoke(folder, { ...world.environment, NODE_EXTRA_CA_CERTS: world.tlsCaFile }).end,
        );
        expect((await whole())?.answer).to.include({ outcome: "issued" });
        world.caTap.requests.length = 0;
        expect((await withoutPackages())?.answer).to.include({ outcome: "not due" });
        expect(world.caTap.requests.filter(({ path }) => path.includes("/draft-ietf-acme-ari"))).to.have.length(1);
        expect(await world.state()).to.have.property("renewalInfo");
        world.tidy();
    });
});
