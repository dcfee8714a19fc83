import { createDecipheriv, createPrivateKey, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Pkcs10CertificateRequest, SubjectAlternativeNameExtension } from "@peculiar/x509";
import { expect } from "chai";
import { readAccountKeys } from "../../handlers/certificate/accountKey";
import { findAccount, openAccount } from "../../handlers/certificate/account";
import { openAuthority } from "../../handlers/certificate/authority";
import { readChain } from "../../handlers/certificate/facts";
import { createKey } from "../../handlers/certificate/keys";
import { keepPendingOrder } from "../../handlers/certificate/pendingOrder";
import { certificateId } from "../../handlers/certificate/renewalInfo";
import { readCertificateSettings } from "../../handlers/certificate/settings";
import { renewCertificate, type RenewalEvent, type RenewalResult } from "../../handlers/renewCertificate";
import { setEnvironment, xmlError } from "../support/fakeAws";
import type { TappedAnswer, TappedRequest } from "../support/tap";
import { captureLog, lambdaContext, type LogLine } from "../support/fakeLambda";
import type { FakeRecord } from "../support/fakeRoute53";
import { startCertificateWorld, type CertificateWorld } from "../support/certificateWorld";

const RECORD = "_acme-challenge.tasks.example.test.";
const NAMES = ["*.tasks.example.test", "tasks.example.test"];

describe("renewCertificate", () => {
    let world: CertificateWorld;
    let lines: LogLine[];
    let restoreLog: () => void;
    let undo: (() => void)[];

    before(async () => {
        world = await startCertificateWorld();
    });

    after(() => world.stop());

    beforeEach(() => {
        undo = [];
        ({ lines, restore: restoreLog } = captureLog());
    });

    afterEach(() => {
        restoreLog();
        undo.forEach((step) => step());
        world.tidy();
    });

    const renew = (event: RenewalEvent | null = {}, milliseconds = 300_000): Promise<RenewalResult> =>
        renewCertificate(event, lambdaContext(milliseconds, "renewal"));

    /** Settings that differ from now on. */
    const change = (environment: Record<string, string>) => void undo.push(setEnvironment(environment));

    const records = () => world.route53.records();

    /** Every private key that was made, line by line, against all that was logged, told or stored in public. */
    async function expectNoKeyIn(...texts: string[]): Promise<void> {
        const keys = [(await world.parameter())?.Value, (await world.secret())?.privateKey as string | undefined];
        const secrets = keys.flatMap((key) =>
            (key ?? "").split("\n").filter((line) => line.length > 20 && !/^-/.test(line)),
        );
        const all = [JSON.stringify(lines), JSON.stringify(await world.objects()), ...texts].join("\n");
        secrets.forEach((secret) => expect(all).to.not.include(secret));
    }

    const denied = (): TappedAnswer => ({
        status: 400,
        headers: { "content-type": "application/x-amz-json-1.1" },
        body: JSON.stringify({ __type: "AccessDeniedException", message: "not authorized" }),
    });
    const operationOf = ({ headers }: TappedRequest) =>
        String(headers["x-amz-target"] ?? "")
            .split(".")
            .at(-1);
    const denySecret = (request: TappedRequest) => (operationOf(request) === "PutSecretValue" ? denied() : undefined);

    /** The error of a run that must fail: the old certificate in place, no challenge left, told to the topic, and no key anywhere. */
    async function failing(event?: RenewalEvent, milliseconds?: number): Promise<Error> {
        const before = [await world.secret(), await world.objects()];
        await world.notices();
        const error = await renew(event, milliseconds).then(
            () => expect.fail("the run should fail"),
            (thrown: Error) => thrown,
        );
        expect([await world.secret(), await world.objects()]).to.deep.equal(before);
        expect(records()).to.deep.equal([]);
        const [notice, ...more] = await world.notices();
        expect(more).to.deep.equal([]);
        expect(notice.Subject).to.equal(`Certificate NOT renewed (${error.name})`);
        expect(notice.Message).to.include(`${error.name}: ${error.message}`);
        await expectNoKeyIn(notice.Message, error.stack ?? "");
        return error;
    }

    describe("the first run", () => {
        let result: RenewalResult;
        let written: LogLine[];

        before(async () => {
            await world.prepare();
            const log = captureLog();
            result = await renew().finally(log.restore);
            written = log.lines;
        });

        it("delivers a certificate for the domain and its wildcard that chains to the authority's root", async () => {
            const secret = (await world.secret())!;
            const chain = (secret.certificateChain as string).match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----\n/g)!;
            // Not joined by a comma, or anything else that is no PEM.
            expect(chain.join("")).to.equal(secret.certificateChain);
            const [leaf, intermediate] = chain.map((block) => new X509Certificate(block));
            expect(leaf.subjectAltName).to.equal("DNS:*.tasks.example.test, DNS:tasks.example.test");
            expect(leaf.checkPrivateKey(createPrivateKey(secret.privateKey as string))).to.be.true;
            expect(leaf.verify(intermediate.publicKey)).to.be.true;
            expect(intermediate.verify(new X509Certificate(readFileSync(world.pebble.rootFile)).publicKey)).to.be.true;
            const { certificateChain, privateKey, ...facts } = secret;
            expect(facts).to.deep.equal({
                names: NAMES,
                keyType: "P-256",
                directoryUrl: world.directoryUrl,
                serialNumber: leaf.serialNumber,
                notBefore: leaf.validFromDate.toISOString(),
                notAfter: leaf.validToDate.toISOString(),
            });
            expect([certificateChain, privateKey]).to.not.include(undefined);
        });

        it("says what it did", () => {
            expect(result).to.deep.include({ outcome: "issued", reason: "there is no certificate yet", names: NAMES });
            const lifetime = 90 * 86_400;
            const left = (Date.parse(result.notAfter!) - Date.parse(result.renewalDueAt!)) / 1_000;
            expect(left).to.be.closeTo(lifetime / 3, 1);
        });

        it("keeps the public parts in the bucket, the pointer last, and the key nowhere but in the secret", async () => {
            const objects = await world.objects();
            const { serialNumber } = result;
            const { certificateChain, ...secret } = (await world.secret())!;
            delete secret.privateKey;
            expect(Object.keys(objects)).to.deep.equal([
                `${serialNumber}/certificate.json`,
                `${serialNumber}/fullchain.pem`,
                "current.json",
            ]);
            expect(objects[`${serialNumber}/fullchain.pem`]).to.equal(certificateChain);
            expect(JSON.parse(objects["current.json"])).to.deep.equal(secret);
            expect(objects["current.json"]).to.equal(objects[`${serialNumber}/certificate.json`]);
            await expectNoKeyIn(JSON.stringify(written));
        });

        it("tells the topic", async () => {
            const [notice] = await world.notices();
            expect(notice.Subject).to.equal(
                `New certificate for *.tasks.example.test, valid until ${result.notAfter!.slice(0, 10)}`,
            );
            expect(notice.Message).to.include("was issued: there is no certificate yet");
            expect(notice.Message).to.include(result.serialNumber!);
            await expectNoKeyIn(notice.Message);
        });

        it("publishes both values of the domain and its wildcard in one change, and takes them away", () => {
            expect(world.route53.accepted).to.deep.equal([[`CREATE ${RECORD} TXT`], [`DELETE ${RECORD} TXT`]]);
            const create = world.route53Aws.requests.find(({ body }) => body.includes("CREATE"));
            expect(create!.body.match(/<Value>/g)).to.have.length(2);
            expect(records()).to.deep.equal([]);
        });
    });

    describe("a later run", () => {
        let result: RenewalResult;

        beforeEach(async () => {
            await world.prepare();
            result = await renew();
        });

        it("orders with the same account key, a SecureString", async () => {
            const parameter = await world.parameter();
            expect(parameter).to.include({ Type: "SecureString", Version: 1 });
            await renew({ force: true });
            expect(await world.parameter()).to.deep.equal(parameter);
        });

        it("sees that nothing is due, and asks nobody", async () => {
            world.route53Aws.requests.length = 0;
            change({ ACCOUNT_KEY_PARAMETER: "/not/read" });
            await world.notices();
            const again = await renew();
            const { renewalInfo } = await world.state();
            expect(again).to.deep.equal({
                ...result,
                outcome: "not due",
                reason: `not due before ${renewalInfo!.chosen}`,
                renewalDueAt: renewalInfo!.chosen,
                renewalInfo,
            });
            world.caTap.requests.length = 0;
            expect(await renew(null)).to.include({ outcome: "not due" });
            // What the authority wishes is remembered for as long as it allows.
            expect(world.caTap.requests).to.deep.equal([]);
            expect(world.route53Aws.requests).to.deep.equal([]);
            expect(await world.notices()).to.deep.equal([]);
        });

        it("renews when it is forced to", async () => {
            const renewed = await renew({ force: true });
            expect(renewed).to.include({ outcome: "renewed", reason: "it was asked for (force)" });
            expect(renewed.serialNumber).to.not.equal(result.serialNumber);
            expect(await world.secret()).to.include({ serialNumber: renewed.serialNumber });
        });

        it("orders anew when the names, the key type or the authority change", async () => {
            change({ CERTIFICATE_NAMES: '["*.tasks.example.test"]' });
            expect((await renew()).reason).to.equal(
                "the delivered certificate is for *.tasks.example.test, tasks.example.test and not for *.tasks.example.test",
            );
            // A single name too is a subject alternative name.
            expect(await world.secret()).to.deep.include({ names: ["*.tasks.example.test"] });
            change({ KEY_TYPE: "RSA-2048" });
            expect((await renew()).reason).to.equal(
                "the delivered certificate has a key of type P-256 and not RSA-2048",
            );
            const other = world.directoryUrl.replace("127.0.0.1", "localhost");
            change({ ACME_DIRECTORY_URL: other });
            expect((await renew()).reason).to.equal(
                `the delivered certificate is from ${world.directoryUrl} and not from ${other}`,
            );
            expect(await renew()).to.include({ outcome: "not due" });
        });
    });

    it("issues for a domain and its wildcard 10 times of 10 (auto() loses the race for the record)", async () => {
        await world.prepare({}, { requests: { capacity: 1_000, refillPerSecond: 1_000 } });
        const serialNumbers = new Set<string | undefined>();
        for (let run = 0; run < 10; run++) {
            serialNumbers.add((await renew({ force: true })).serialNumber);
        }
        expect(serialNumbers.size).to.equal(10);
        expect(records()).to.deep.equal([]);
    });

    it("waits until Route 53 has published the records before it lets the authority look", async () => {
        await world.prepare({}, { propagationMilliseconds: 500 });
        const started = Date.now();
        expect(await renew()).to.include({ outcome: "issued" });
        expect(Date.now() - started).to.be.at.least(500);
        expect(world.route53Aws.requests.filter(({ operation }) => operation.includes("/change/")).length).to.be.within(
            1, // on a slow machine it is INSYNC when it is first asked for
            4,
        );
    });

    it("keeps the values and the TTL that others have under the same name", async () => {
        await world.prepare();
        const foreign: FakeRecord = { name: RECORD, type: "TXT", ttl: 300, values: ['"another client"'] };
        world.route53.put(foreign);
        expect(await renew()).to.include({ outcome: "issued" });
        expect(records()).to.deep.equal([foreign]);
        expect(world.route53.accepted).to.deep.equal([
            [`DELETE ${RECORD} TXT`, `CREATE ${RECORD} TXT`],
            [`DELETE ${RECORD} TXT`, `CREATE ${RECORD} TXT`],
        ]);
    });

    it("keeps what another writes under the same name while it works, even between its look and its deletion", async () => {
        await world.prepare();
        let added = false;
        world.route53Aws.interfere = ({ body }) => {
            if (body.includes("<Action>DELETE</Action>") && !added) {
                added = true;
                const [record] = records();
                world.route53.put({ ...record, values: [...record.values, '"another client"'] });
            }
            return undefined;
        };
        expect(await renew()).to.include({ outcome: "issued" });
        expect(records()).to.deep.equal([{ name: RECORD, type: "TXT", ttl: 30, values: ['"another client"'] }]);
    });

    it("delivers the certificate all the same when the records cannot be taken away, and the next run takes them away", async () => {
        await world.prepare();
        world.route53Aws.interfere = ({ body }) =>
            body.includes("<Action>DELETE</Action>") ? xmlError(403, "AccessDenied", "not authorized") : undefined;
        expect(await renew()).to.include({ outcome: "issued" });
        expect(lines.find(({ level }) => level === "error")).to.deep.equal({
            level: "error",
            message: "challenge records are left behind until the next run",
            records: [RECORD],
            reason: "AccessDenied: route53:ChangeResourceRecordSets of Z1: not authorized",
        });
        expect(records()[0].values).to.have.length(2);
        delete world.route53Aws.interfere;
        expect(await renew()).to.include({ outcome: "not due" });
        expect(records()).to.deep.equal([]);
    });

    it("delivers the certificate all the same when the topic cannot be told", async () => {
        await world.prepare({ TOPIC_ARN: "arn:aws:sns:eu-west-1:111122223333:gone" });
        expect(await renew()).to.include({ outcome: "issued" });
        expect(lines.at(-2)).to.deep.include({ level: "error", message: "notice not sent" });
    });

    it("puts its parameters under a key of one's own when it is given", async () => {
        await world.prepare({ KMS_KEY_ARN: "alias/own" });
        await renew();
        const keys = world.awsTap.requests
            .filter((request) => operationOf(request) === "PutParameter")
            .map(({ body }) => (JSON.parse(body) as { KeyId?: string }).KeyId);
        // The account's key, the order's key, and the order's URL beside it.
        expect(keys).to.deep.equal(["alias/own", "alias/own", "alias/own"]);
        await world.prepare();
        await renew();
        const without = world.awsTap.requests.filter((request) => operationOf(request) === "PutParameter");
        expect(without.map(({ body }) => body).join()).to.not.include("KeyId");
    });

    it("asks for all names as alternative ones, a single name too, and for no common name", async () => {
        for (const names of [NAMES, ["*.tasks.example.test"]]) {
            await world.prepare({ CERTIFICATE_NAMES: JSON.stringify(names) });
            await renew();
            const { body } = world.caTap.requests.find(({ path }) => path.includes("/finalize-order/"))!;
            const { payload } = JSON.parse(body) as { payload: string };
            const { csr } = JSON.parse(Buffer.from(payload, "base64url").toString()) as { csr: string };
            const request = new Pkcs10CertificateRequest(Buffer.from(csr, "base64url"));
            expect(request.subject).to.equal("");
            const san = request.extensions.find((each) => each instanceof SubjectAlternativeNameExtension);
            expect(san?.names.items.map(({ value }) => value)).to.deep.equal(names);
        }
    });

    it("looks at an order again no sooner than the authority asks", async () => {
        await world.prepare();
        const looks: number[] = [];
        world.caTap.interfere = ({ path }) =>
            path.includes("/my-order/")
                ? ({ status, headers, body = "" }) => {
                      // One look in twenty is refused for its nonce, and made again at once.
                      const isFirst = status === 200 && looks.push(Date.now()) === 1;
                      return isFirst
                          ? {
                                status,
                                headers: { ...headers, "retry-after": "2" },
                                body: body.replace(/("status":\s*)"(ready|pending)"/, '$1"pending"'),
                            }
                          : { status, headers, body };
                  }
                : undefined;
        expect(await renew()).to.include({ outcome: "issued" });
        // Whole seconds of the header, and the time that an answer takes.
        expect(looks[1] - looks[0]).to.be.at.least(1_900);
    });

    describe("CAA records", () => {
        const identity = "pebble.letsencrypt.org";
        const caa = (name: string, ...values: string[]) => world.route53.put({ name, type: "CAA", ttl: 300, values });
        const orders = () => world.caTap.requests.filter(({ path }) => path.startsWith("/order-plz")).length;
        const forbidden: [string, [string, ...string[]][]][] = [
            ["name another authority", [["tasks.example.test.", '0 issue "other.example"']]],
            ["name nobody, in the zone's own name", [["example.test.", '0 issue ";"']]],
            [
                "let it issue, but no wildcards",
                [["tasks.example.test.", `0 issue "${identity}"`, '0 issuewild "other.example"']],
            ],
            [
                "let another account",
                [["tasks.example.test.", `0 issue "${identity}; accounturi=https://ca.example/acct/1"`]],
            ],
            [
                "let it by another method",
                [["tasks.example.test.", `0 issue "${identity}; validationmethods=http-01,tls-alpn-01"`]],
            ],
        ];
        for (const [what, sets] of forbidden) {
            it(`that ${what} are told before an order is spent`, async () => {
                await world.prepare();
                sets.forEach(([name, ...values]) => caa(name, ...values));
                const error = await renew().then(
                    () => undefined,
                    (thrown: Error) => thrown,
                );
                expect(error?.name).to.equal("CaaForbids");
                expect(error?.message).to.include(`The CAA record at ${sets[0][0]} does not let this authority issue`);
                expect(error?.message).to.include(identity);
                expect(orders()).to.equal(0);
            });
        }

        it("that allow it, or say nothing of issuing, or cannot be read, are in nobody's way", async () => {
            await world.prepare();
            caa("example.test.", '0 issue ";"');
            caa(
                "tasks.example.test.",
                '0 issue "other.example"',
                `0 issue "${identity}; validationmethods=dns-01"`,
                '0 iodef "mailto:a@example.test"',
            );
            expect(await renew()).to.include({ outcome: "issued" });
            await world.prepare();
            caa("tasks.example.test.", '0 iodef "mailto:a@example.test"');
            expect(await renew()).to.include({ outcome: "issued" });
            await world.prepare();
            caa("tasks.example.test.", '0 issue "other.example"');
            world.route53Aws.interfere = ({ query }) =>
                query.get("type") === "CAA" ? xmlError(403, "AccessDenied", "no") : undefined;
            expect(await renew()).to.include({ outcome: "issued" });
        });
    });

    describe("a profile", () => {
        const days = async () => {
            const { notBefore, notAfter } = (await world.secret()) as { notBefore: string; notAfter: string };
            return Math.round((Date.parse(notAfter) - Date.parse(notBefore)) / 86_400_000);
        };

        it("that the authority offers is asked for", async () => {
            await world.prepare({ ACME_PROFILE: "shortlived" });
            await renew();
            expect(await world.secret()).to.include({ profile: "shortlived" });
            expect(await days()).to.equal(90);
        });

        it("that it does not offer is left to it, or refused before an order when it is required", async () => {
            await world.prepare({ ACME_PROFILE: "longlived", ACME_PROFILE_REQUIRED: "true" });
            const { name, message } = await failing();
            expect(name).to.equal("ProfileNotOffered");
            expect(message).to.equal(
                "The authority offers the profiles classic, shortlived, tlsserver and not longlived. Choose one of them, or let acmeProfile be preferred and not required.",
            );
            expect(world.caTap.requests.filter(({ path }) => path.startsWith("/order-plz"))).to.deep.equal([]);
            change({ ACME_PROFILE_REQUIRED: "" });
            expect(await renew({ force: true })).to.include({ outcome: "issued" });
        });
    });

    it("tells EventBridge of a certificate, and nothing of its key; a bus that refuses stops nothing", async () => {
        await world.prepare();
        const { serialNumber } = await renew();
        const told = () => world.awsTap.requests.filter((request) => operationOf(request) === "PutEvents");
        const [{ body }, ...more] = told();
        expect(more).to.deep.equal([]);
        const [entry] = (JSON.parse(body) as { Entries: { Detail: string }[] }).Entries;
        expect(entry).to.deep.include({
            Source: "taskgate.certificate",
            DetailType: "Certificate Issued",
            Resources: [process.env.SECRET_ARN],
        });
        const { certificateChain, privateKey, ...facts } = (await world.secret())!;
        expect(JSON.parse(entry.Detail)).to.deep.equal({ secretArn: process.env.SECRET_ARN, ...facts });
        expect(facts.serialNumber).to.equal(serialNumber);
        expect([certificateChain, privateKey]).to.not.include(undefined);
        await expectNoKeyIn(body);
        await world.notices();
        world.awsTap.interfere = (request) => (operationOf(request) === "PutEvents" ? denied() : undefined);
        expect(await renew({ force: true })).to.include({ outcome: "renewed" });
        const [{ Message }] = await world.notices();
        expect(Message).to.match(/Look after this: EventBridge is not told: AccessDeniedException: events:PutEvents/);
    });

    describe("a sealed copy for tasks that run", () => {
        interface Sealed {
            readonly resources: readonly [
                {
                    readonly tls_certificate: {
                        readonly certificate_chain: { readonly inline_string: string };
                        readonly private_key: { readonly inline_string: string };
                        readonly password: object;
                    };
                },
            ];
        }
        const password = async () => (await world.secret())!.keyPassword as string;
        /** The copy, opened as Envoy opens it: it is the secret's certificate and key. */
        async function expectOpened(bucket: { objects(): Promise<Record<string, string>> }): Promise<void> {
            const objects = await bucket.objects();
            expect(Object.keys(objects)).to.deep.equal(["certificate.json", "certificate.txt"]);
            const [{ tls_certificate: copy }] = (JSON.parse(objects["certificate.json"]) as Sealed).resources;
            const secret = (await world.secret())!;
            expect(copy.certificate_chain.inline_string).to.equal(secret.certificateChain);
            expect(copy.password).to.deep.equal({ environment_variable: "TLS_KEY_PASSWORD" });
            const { inline_string: key } = copy.private_key;
            expect(key).to.match(/^-----BEGIN ENCRYPTED PRIVATE KEY-----/);
            const opened = createPrivateKey({ key, passphrase: await password() });
            expect(opened.export({ type: "pkcs8", format: "pem" })).to.equal(
                createPrivateKey(secret.privateKey as string).export({ type: "pkcs8", format: "pem" }),
            );
            expect(() => createPrivateKey({ key, passphrase: "another" })).to.throw();
            // And as Traefik opens it.
            const [sealed, ...chain] = objects["certificate.txt"].split("\n");
            expect(chain.join("\n")).to.equal(secret.certificateChain);
            const bytes = Buffer.from(sealed, "base64");
            const decipher = createDecipheriv("aes-256-cbc", (await password()).slice(0, 32), bytes.subarray(0, 16));
            const text = Buffer.concat([decipher.update(bytes.subarray(16)), decipher.final()]).toString();
            expect(text).to.equal(secret.privateKey);
            const both = Object.values(objects).join("\n");
            expect(both).to.not.include(await password());
            await expectNoKeyIn(both, JSON.stringify(await world.state()));
            expect(JSON.stringify([lines, await world.objects()])).to.not.include(await password());
        }

        it("comes with each certificate, under a password that stays the same", async () => {
            await world.prepare();
            const bucket = await world.sealedBucket();
            change({ SEALED_BUCKET_NAME: bucket.name });
            await renew();
            const first = await password();
            expect(first).to.match(/^[0-9a-f]{64}$/);
            await expectOpened(bucket);
            const before = await bucket.objects();
            expect(await renew()).to.include({ outcome: "not due" });
            // A new encryption would have another salt: it was not published again.
            expect(await bucket.objects()).to.deep.equal(before);
            expect(await renew({ force: true })).to.include({ outcome: "renewed" });
            expect(await password()).to.equal(first);
            expect(await bucket.objects()).to.not.deep.equal(before);
            await expectOpened(bucket);
        });

        it("comes of a certificate that was delivered before it was wanted, and no other is ordered", async () => {
            await world.prepare();
            await renew();
            const { serialNumber, ...before } = (await world.secret())!;
            expect(before).to.not.have.property("keyPassword");
            const bucket = await world.sealedBucket();
            change({ SEALED_BUCKET_NAME: bucket.name });
            expect(await renew()).to.include({ outcome: "not due", serialNumber });
            await expectOpened(bucket);
            const { keyPassword, ...after } = (await world.secret())!;
            expect(keyPassword).to.match(/^[0-9a-f]{64}$/);
            expect(after).to.deep.equal({ ...before, serialNumber });
        });

        it("that cannot be written does not stop a renewal, is told, and comes with the next run", async () => {
            await world.prepare();
            const bucket = await world.sealedBucket();
            change({ SEALED_BUCKET_NAME: bucket.name });
            world.awsTap.interfere = ({ path, method }) =>
                method === "PUT" && path.includes(bucket.name)
                    ? { status: 403, body: "<Error><Code>AccessDenied</Code><Message>no</Message></Error>" }
                    : undefined;
            expect(await renew()).to.include({ outcome: "issued" });
            const [notice] = await world.notices();
            expect(notice.Message).to.match(/tasks that run do not find it yet: AccessDenied: s3:PutObject of sealed-/);
            expect(await bucket.objects()).to.deep.equal({});
            const error = await renew().then(
                () => undefined,
                (thrown: Error) => thrown,
            );
            expect(error?.name).to.equal("AccessDenied");
            delete world.awsTap.interfere;
            expect(await renew()).to.include({ outcome: "not due" });
            await expectOpened(bucket);
        });
    });

    describe("a failure", () => {
        it("of a name that the authority cannot look up names the name, the record and what it said", async () => {
            await world.prepare();
            await renew();
            world.resolving = false;
            const { name, message } = await failing({ force: true });
            expect(name).to.equal("ChallengeRefused");
            for (const refused of ["*.tasks.example.test", "tasks.example.test"]) {
                expect(message).to.include(`${refused} (TXT ${RECORD}): `);
            }
            expect(message).to.include("(urn:ietf:params:acme:error:");
            expect(message).to.include("Check that the hosted zone is public");
            expect(world.route53.accepted).to.have.length(4);
        });

        it("of a hosted zone that is another domain's leaves no order half done", async () => {
            await world.prepare({ CERTIFICATE_NAMES: '["*.elsewhere.test"]' });
            const { name, message } = await failing();
            expect(name).to.equal("InvalidChangeBatch");
            expect(message).to.include(
                "RRSet with DNS name _acme-challenge.elsewhere.test. is not permitted in zone example.test.",
            );
        });

        it("of a hosted zone that is not there says so", async () => {
            await world.prepare({ HOSTED_ZONE_ID: "Z2" });
            const { name, message } = await failing();
            expect(name).to.equal("NoSuchHostedZone");
            expect(message).to.equal("route53:ListResourceRecordSets of Z2: No hosted zone found with ID: Z2");
        });

        it("of an authority that is down gives the cause, not a TypeError about 'config'", async () => {
            await world.prepare({ ACME_DIRECTORY_URL: "https://127.0.0.1:9/dir" });
            const { name, message } = await failing();
            expect(name).to.equal("CertificateAuthorityUnreachable");
            expect(message).to.equal("https://127.0.0.1:9/dir cannot be reached: connect ECONNREFUSED 127.0.0.1:9.");
        });

        it("of an authority that is too busy for hours is told at once, with the time it names", async () => {
            let requests = 0;
            const server = createServer((_, response) => {
                requests++;
                response.writeHead(429, { "content-type": "application/problem+json", "retry-after": "86400" });
                response.end(
                    JSON.stringify({ type: "urn:ietf:params:acme:error:rateLimited", detail: "too many orders" }),
                );
            });
            await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
            undo.push(() => void server.close());
            const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/dir`;
            await world.prepare({ ACME_DIRECTORY_URL: url });
            const { name, message } = await failing();
            expect(name).to.equal("CertificateAuthorityRefused");
            expect(message).to.equal(
                `${url} answered 429: too many orders (urn:ietf:params:acme:error:rateLimited). Try again after 86400 seconds.`,
            );
            expect(requests).to.equal(1);
        });

        it("of too little time orders nothing", async () => {
            await world.prepare();
            const { name, message } = await failing({}, 60_000);
            expect(name).to.equal("OutOfTime");
            expect(message).to.match(
                /^The function has (29|30) s for an order, and one may need 90 s: raise its timeout/,
            );
            expect(await world.parameter()).to.equal(undefined);
        });

        it("of Route 53 to publish takes the records away all the same", async () => {
            await world.prepare();
            world.route53Aws.interfere = ({ operation }) =>
                operation.includes("/change/") ? xmlError(403, "AccessDenied", "not authorized") : undefined;
            const { name } = await failing();
            expect(name).to.equal("AccessDenied");
            expect(world.route53.accepted).to.deep.equal([[`CREATE ${RECORD} TXT`], [`DELETE ${RECORD} TXT`]]);
        });

        it("of a certificate that does not fit the key keeps the old one, and orders another after three looks", async () => {
            await world.prepare();
            world.awsTap.interfere = denySecret;
            await failing();
            delete world.awsTap.interfere;
            const order = (await world.order())!;
            const privateKey = await createKey("P-256");
            await keepPendingOrder(world.environment.ORDER_PARAMETER!, { ...order, privateKey }, Date.now() + 10_000);
            for (let look = 1; look <= 3; look++) {
                const { name, message } = (await renew({ force: true }).catch((error: Error) => error)) as Error;
                expect([name, message]).to.deep.equal([
                    "CertificateUnusable",
                    "the private key is not the certificate's",
                ]);
            }
            expect([await world.secret(), await world.order()]).to.deep.equal([undefined, undefined]);
            expect(await renew({ force: true })).to.include({ outcome: "issued" });
        });

        it("of a secret that does not exist is found before an order is made", async () => {
            await world.prepare({ SECRET_ARN: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:gone" });
            const { name, message } = await failing();
            expect(name).to.equal("ResourceNotFoundException");
            expect(message).to.match(
                /^secretsmanager:GetSecretValue of arn:.*:secret:gone: Secrets Manager can't find/,
            );
            expect(world.route53Aws.requests).to.deep.equal([]);
        });

        it("of a setting says which, and what is allowed", async () => {
            await world.prepare({ KEY_TYPE: "P-521" });
            const { name, message } = await failing();
            expect([name, message]).to.deep.equal([
                "SettingsInvalid",
                'KEY_TYPE is "P-521": choose one of P-256, P-384, RSA-2048, RSA-3072, RSA-4096.',
            ]);
            change({ KEY_TYPE: "P-256", CERTIFICATE_NAMES: "*.tasks.example.test" });
            expect((await failing()).message).to.equal(
                'CERTIFICATE_NAMES is *.tasks.example.test: give a JSON array of DNS names, such as ["*.tasks.example.com"].',
            );
        });

        it("says how urgent it is", async () => {
            await world.prepare({ ACME_DIRECTORY_URL: "https://127.0.0.1:9/dir" });
            await renew().catch(() => undefined);
            expect((await world.notices())[0].Message).to.include(
                "There is no certificate yet: no task can start with one.",
            );
            change({ ACME_DIRECTORY_URL: world.directoryUrl });
            const { notAfter } = await renew();
            await world.notices();
            world.resolving = false;
            await renew({ force: true }).catch(() => undefined);
            const [{ Message }] = await world.notices();
            expect(Message).to.include(
                `Tasks keep getting the present certificate, which is valid until ${notAfter} (89 days).`,
            );
            expect(Message).to.include(
                `aws lambda invoke --function-name renewal --cli-binary-format raw-in-base64-out --payload '{"force":true}' out.json`,
            );
        });
    });

    describe("the account's key", () => {
        for (const [what, value] of [
            ["is empty", " "],
            ["holds something else", "hunter2"],
        ]) {
            it(`is never replaced: a parameter that ${what} is an error that says what to do`, async () => {
                await world.prepare();
                await world.putParameter(value);
                const { name, message } = await failing();
                expect(name).to.equal("AccountKeyUnusable");
                expect(message).to.include("Restore an earlier version of it (aws ssm get-parameter-history");
                expect(message).to.not.include("hunter2");
                expect(await world.parameter()).to.include({ Value: value, Version: 1 });
            });
        }

        it("of an account that was deactivated is an error, and no new account is made", async () => {
            await world.prepare();
            await renew();
            const accountKey = (await world.parameter())!.Value!;
            const authority = await openAuthority(world, accountKey, Date.now() + 10_000);
            await openAccount(authority, readCertificateSettings());
            await authority.post(authority.accountUrl!, { status: "deactivated" });
            const { name, message } = await failing({ force: true });
            expect(name).to.equal("AccountUnusable");
            expect(message).to.include("exists but is deactivated (urn:ietf:params:acme:error:unauthorized)");
            expect(message).to.include(
                `Delete the SSM parameter ${process.env.ACCOUNT_KEY_PARAMETER} to begin with a new`,
            );
            expect(await world.parameter()).to.include({ Value: accountKey, Version: 1 });
        });

        it("is the winner's when two first runs make one at the same time", async () => {
            await world.prepare();
            const parameter = process.env.ACCOUNT_KEY_PARAMETER!;
            const keys = await Promise.all([1, 2, 3].map(() => readAccountKeys(parameter, Date.now() + 10_000)));
            const { Value, Version } = (await world.parameter()) as { Value: string; Version: number };
            expect([...new Set(keys.flat()), Version]).to.deep.equal([Value, 1]);
        });

        describe("that is changed", () => {
            const kept = async (): Promise<string[]> =>
                [...(await readAccountKeys(process.env.ACCOUNT_KEY_PARAMETER!, Date.now() + 10_000))] as string[];
            const failed = (event: RenewalEvent): Promise<Error> =>
                renew(event).then(
                    () => expect.fail("it should fail"),
                    (error: Error) => error,
                );
            const isKeyChange = ({ path }: TappedRequest): boolean => /rollover|key-change/.test(path);

            it("leaves the account as it is: a later certificate is ordered with the new key, and the old one opens nothing", async () => {
                await world.prepare();
                await renew();
                const [before] = await kept();
                const { accountUrl } = await renew({ account: "show" });
                expect(accountUrl).to.match(/^https:\/\/.*\/my-account\//);
                expect(await renew({ account: "rollover" })).to.deep.equal({
                    outcome: "rolled over",
                    reason: "the old key is good for nothing any more",
                    accountUrl,
                });
                const [after, ...more] = await kept();
                expect([after === before, more]).to.deep.equal([false, []]);
                expect(await world.parameter()).to.include({ Type: "SecureString" });
                expect(await renew({ account: "show" })).to.include({ outcome: "shown", accountUrl });
                expect(await renew({ force: true })).to.include({ outcome: "renewed" });
                expect(await renew({ account: "show" })).to.include({ accountUrl });
                const old = await openAuthority(world, before, Date.now() + 10_000);
                expect(await findAccount(old, readCertificateSettings())).to.equal(undefined);
                expect(await world.state()).to.not.have.any.keys("lease", "trouble", "nextAttempt");
                await expectNoKeyIn();
                const secrets = [before, after].flatMap((key) =>
                    key.split("\n").filter((line) => line.length > 20 && !/^-/.test(line)),
                );
                const told = JSON.stringify([lines, await world.state(), await world.notices()]);
                secrets.forEach((secret) => expect(told).to.not.include(secret));
            });

            it("and whose answer is lost is found to be the account's", async () => {
                await world.prepare();
                await renew();
                const { accountUrl } = await renew({ account: "show" });
                let lost = 0;
                world.caTap.interfere = (request) =>
                    isKeyChange(request) && lost++ === 0 ? "lose the answer" : undefined;
                expect(await renew({ account: "rollover" })).to.include({ outcome: "rolled over", accountUrl });
                expect(lost).to.be.at.least(2);
                expect(await kept()).to.have.length(1);
            });

            for (const [what, before] of [
                ["before the authority has heard of it", true],
                ["after the authority has taken it", false],
            ] as const) {
                it(`and cut off ${what} is brought to an end by the next renewal, which takes up the order of an earlier one`, async () => {
                    await world.prepare();
                    world.awsTap.interfere = denySecret;
                    await failed({});
                    delete world.awsTap.interfere;
                    const { accountUrl } = await renew({ account: "show" });
                    let isDown = false;
                    const down = { status: 503, headers: { "retry-after": "0" } };
                    world.caTap.interfere = (request) => {
                        const isLost = !before && !isDown && isKeyChange(request);
                        isDown ||= isKeyChange(request);
                        return isLost ? "lose the answer" : isDown ? down : undefined;
                    };
                    expect((await failed({ account: "rollover" })).message).to.include("answered 503");
                    const keys = await kept();
                    expect(keys).to.have.length(2);
                    delete world.caTap.interfere;
                    expect(await renew({ account: "show" })).to.include({ accountUrl });
                    expect(await kept()).to.deep.equal(keys);
                    const orders = () =>
                        world.caTap.requests.filter(({ path, status }) => path === "/order-plz" && status === 201);
                    expect(orders()).to.have.length(1);
                    expect(await renew()).to.include({ outcome: "issued" });
                    expect(orders()).to.have.length(1);
                    expect(await kept()).to.deep.equal([keys[1]]);
                    expect(await renew({ account: "show" })).to.include({ accountUrl });
                });
            }

            it("and refused stays as it was, and no renewal meets the refusal", async () => {
                await world.prepare();
                await renew();
                const keys = await kept();
                world.caTap.interfere = (request) =>
                    isKeyChange(request)
                        ? {
                              status: 403,
                              body: '{"type":"urn:ietf:params:acme:error:unauthorized","detail":"no key changes"}',
                          }
                        : undefined;
                expect((await failed({ account: "rollover" })).message).to.include("no key changes");
                expect(await kept()).to.deep.equal(keys);
                expect(await renew({ force: true })).to.include({ outcome: "renewed" });
            });

            it("by nobody while a renewal is under way, and not before there is an account", async () => {
                await world.prepare();
                expect(await renew({ account: "show" })).to.include({ outcome: "shown", accountUrl: "" });
                expect((await failed({ account: "rollover" })).name).to.equal("NoAccount");
                expect(await world.parameter()).to.equal(undefined);
                const until = new Date(Date.now() + 600_000).toISOString();
                await world.changeState({ lease: { holder: "other", until } });
                expect(await renew({ account: "rollover" })).to.include({ outcome: "busy" });
                expect(await world.notices()).to.deep.equal([]);
            });
        });
    });
});

describe("renewCertificate with an authority that remembers", () => {
    let world: CertificateWorld;

    before(async () => {
        world = await startCertificateWorld({ authorizationReuse: 100 });
    });

    after(() => world.stop());

    it("meets no challenge for a name that is authorized already", async () => {
        const log = captureLog();
        try {
            await world.prepare();
            await renewCertificate({}, lambdaContext(300_000));
            world.route53Aws.requests.length = 0;
            const renewed = await renewCertificate({ force: true }, lambdaContext(300_000));
            expect(renewed).to.include({ outcome: "renewed" });
            // It looks for CAA records, and writes nothing.
            const operations = world.route53Aws.requests.map(({ operation }) => operation);
            expect(operations).to.deep.equal(Array(2).fill("GET /2013-04-01/hostedzone/Z1/rrset"));
        } finally {
            log.restore();
            world.tidy();
        }
    });

    it("issues an RSA certificate beside an ECDSA one of the same account without a challenge, and renews each by itself", async () => {
        const log = captureLog();
        const undo: (() => void)[] = [];
        const run = (event = {}) => renewCertificate(event, lambdaContext(300_000));
        const orders = () =>
            world.caTap.requests
                .filter(({ path, status }) => path === "/order-plz" && status === 201)
                .map(({ body }) => JSON.parse(body) as { payload: string })
                .map(
                    ({ payload }) => JSON.parse(Buffer.from(payload, "base64url").toString()) as { replaces?: string },
                );
        try {
            await world.prepare();
            const ecdsa = await run();
            const { environment } = world;
            const account = { ACCOUNT_KEY_PARAMETER: environment.ACCOUNT_KEY_PARAMETER!, KEY_TYPE: "RSA-2048" };
            await world.prepare(account);
            expect(await run()).to.include({ outcome: "issued" });
            const operations = world.route53Aws.requests.map(({ operation }) => operation);
            expect(operations).to.deep.equal(Array(2).fill("GET /2013-04-01/hostedzone/Z1/rrset"));
            const { keyType, certificateChain } = (await world.secret()) as Record<string, string>;
            expect(keyType).to.equal("RSA-2048");
            const rsaId = certificateId(readChain(certificateChain)[0]);
            expect(await run({ force: true })).to.include({ outcome: "renewed" });
            expect(orders().map(({ replaces }) => replaces)).to.deep.equal([undefined, rsaId]);

            undo.push(setEnvironment(environment));
            expect(await run()).to.include({ outcome: "not due", serialNumber: ecdsa.serialNumber });
        } finally {
            log.restore();
            undo.forEach((step) => step());
            world.tidy();
        }
    });
});

describe("renewCertificate with an authority of customers, with several roots", () => {
    const hmacKey = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    let world: CertificateWorld;
    let restoreLog: () => void;
    let lines: LogLine[];

    before(async () => {
        world = await startCertificateWorld({ externalAccounts: { "kid-1": hmacKey }, alternateRoots: 2 });
    });

    after(() => world.stop());

    beforeEach(() => {
        ({ lines, restore: restoreLog } = captureLog());
    });

    afterEach(() => {
        restoreLog();
        world.tidy();
    });

    const renew = (event: RenewalEvent = {}) => renewCertificate(event, lambdaContext(300_000));

    /** The environment of a customer whose key is in a parameter, or in a secret. */
    async function customer(kind: "parameter" | "secret", key = hmacKey): Promise<Record<string, string>> {
        const reference = await world.keep(kind, key);
        return { ACME_EAB_KEY_ID: "kid-1", ACME_EAB_KEY_REFERENCE: reference };
    }

    it("says what is needed, and orders nothing, when no external account is given", async () => {
        await world.prepare();
        const error = await renew().then(
            () => undefined,
            (thrown: Error) => thrown,
        );
        expect(error?.name).to.equal("ExternalAccountRequired");
        expect(error?.message).to.match(/takes only accounts that it knows already: give acmeExternalAccount/);
        expect(world.route53Aws.requests).to.deep.equal([]);
    });

    for (const kind of ["parameter", "secret"] as const) {
        it(`makes an account for a customer whose key is in a ${kind}, once, and tells the key to nobody`, async () => {
            await world.prepare();
            const environment = await customer(kind);
            const undo = setEnvironment(environment);
            try {
                expect(await renew()).to.include({ outcome: "issued" });
                expect(await renew({ force: true })).to.include({ outcome: "renewed" });
            } finally {
                undo();
            }
            const bindings = world.caTap.requests.filter(({ body }) => {
                const { payload = "" } = JSON.parse(body || "{}") as { payload?: string };
                return Buffer.from(payload, "base64url").includes("externalAccountBinding");
            });
            // One that the authority's refused nonces do not count.
            expect(bindings.filter(({ status }) => status === 201)).to.have.length(1);
            const told = JSON.stringify([lines, await world.objects(), await world.state(), await world.notices()]);
            expect(told).to.not.include(hmacKey);
            expect(world.caTap.requests.map(({ body }) => body).join()).to.not.include(hmacKey);
        });
    }

    it("of a key that cannot be one does not tell what it is instead", async () => {
        await world.prepare();
        const undo = setEnvironment(await customer("parameter", "hunter2 hunter2"));
        const error = await renew().then(
            () => undefined,
            (thrown: Error) => thrown,
        );
        undo();
        expect(error?.name).to.equal("ExternalAccountKeyUnusable");
        expect(JSON.stringify([error?.message, lines, await world.notices()])).to.not.include("hunter2");
    });

    it("delivers the chain to the root that is preferred, and the authority's own when there is none", async () => {
        const roots = await Promise.all([0, 1, 2].map((index) => world.pebble.root(index)));
        const names = roots.map((pem) => new X509Certificate(pem).subject.replace(/^.*CN=/s, ""));
        expect(new Set(names).size).to.equal(3);
        const rootOf = async (): Promise<number> => {
            const { certificateChain } = (await world.secret())!;
            const last = new X509Certificate((certificateChain as string).match(/-----BEGIN[^-]+-----[^-]+-----END[^-]+-----/g)!.at(-1)!); // prettier-ignore
            return roots.findIndex((pem) => last.verify(new X509Certificate(pem).publicKey));
        };
        for (const [preferred, root] of [
            [names[2], 2],
            [names[1], 1],
            [names[0], 0],
            ["Nobody's Root", 0],
        ] as const) {
            await world.prepare();
            const undo = setEnvironment({ ...(await customer("parameter")), ACME_PREFERRED_CHAIN: preferred });
            expect(await renew()).to.include({ outcome: "issued" });
            undo();
            expect(await rootOf(), preferred).to.equal(root);
        }
        expect(lines.find(({ level }) => level === "warn")).to.deep.include({ preferred: "Nobody's Root" });
    });
});
