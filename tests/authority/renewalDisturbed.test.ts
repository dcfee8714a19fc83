import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:tls";
import { expect } from "chai";
import { readChain } from "../../handlers/certificate/facts";
import { certificateId } from "../../handlers/certificate/renewalInfo";
import { renewCertificate, type RenewalEvent, type RenewalResult } from "../../handlers/renewCertificate";
import { moveClock } from "../support/clock";
import { setEnvironment, xmlError } from "../support/fakeAws";
import { captureLog, lambdaContext, type LogLine } from "../support/fakeLambda";
import type { TappedAnswer, TappedRequest } from "../support/tap";
import { until } from "../support/until";
import { rsa, selfSignedWildcard } from "../support/wildcard";
import { startCertificateWorld, type CertificateWorld } from "../support/certificateWorld";

const RECORD = "_acme-challenge.tasks.example.test.";
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

describe("a disturbed renewal", () => {
    let world: CertificateWorld;
    let lines: LogLine[];
    let undo: (() => void)[];

    before(async () => {
        world = await startCertificateWorld();
    });

    after(() => world.stop());

    beforeEach(async () => {
        const log = captureLog();
        ({ lines } = log);
        undo = [log.restore];
        await world.prepare({}, { requests: { capacity: 1_000, refillPerSecond: 1_000 } });
    });

    afterEach(() => {
        undo.reverse().forEach((step) => step());
        world.tidy();
    });

    const renew = (event: RenewalEvent = {}, awsRequestId = "run"): Promise<RenewalResult> =>
        renewCertificate(event, { ...lambdaContext(300_000, "renewal"), awsRequestId });
    const failing = (event?: RenewalEvent): Promise<Error> =>
        renew(event).then(
            ({ outcome }) => expect.fail(`it should fail, and is ${outcome}`),
            (error: Error) => error,
        );

    const operationOf = ({ method, path, headers }: TappedRequest) =>
        String(headers["x-amz-target"] ?? `${method} ${path}`);
    /** AWS refuses what matches. */
    const deny = (pattern: RegExp) => {
        world.awsTap.interfere = (request): TappedAnswer | undefined => {
            if (!pattern.test(operationOf(request))) {
                return undefined;
            }
            return request.path === "/"
                ? { status: 400, body: JSON.stringify({ __type: "AccessDeniedException", message: "not authorized" }) }
                : { status: 403, body: "<Error><Code>AccessDenied</Code><Message>not authorized</Message></Error>" };
        };
    };
    /** Requests that the authority took. */
    const taken = (part: string) =>
        world.caTap.requests.filter(({ path, status = 0 }) => path.includes(part) && status < 300 && status > 0).length;
    const payloadOf = ({ body }: TappedRequest): Record<string, unknown> => {
        const { payload } = JSON.parse(body) as { payload: string };
        return JSON.parse(Buffer.from(payload, "base64url").toString()) as Record<string, unknown>;
    };
    const setRenewalInfo = async (start: number, end: number, explanationURL: string): Promise<void> => {
        const window = { start: new Date(start).toISOString(), end: new Date(end).toISOString() };
        const certificate = readChain((await world.secret())!.certificateChain as string)[0];
        const body = JSON.stringify({
            certificate,
            ariResponse: JSON.stringify({ suggestedWindow: window, explanationURL }),
        });
        await new Promise<void>((resolve, reject) => {
            request(
                `${world.pebble.managementUrl}/set-renewal-info/`,
                { method: "POST", headers: { "user-agent": "test" } },
                (answer) => {
                    answer.resume();
                    answer.once("end", () =>
                        answer.statusCode === 200
                            ? resolve()
                            : reject(new Error(`Pebble answered ${answer.statusCode}`)),
                    );
                },
            )
                .once("error", reject)
                .end(body);
        });
    };

    describe("by AWS", () => {
        it("that refuses the secret: one order in six runs, kept until it can be delivered", async () => {
            deny(/PutSecretValue/);
            for (let run = 0; run < 6; run++) {
                expect((await failing()).name).to.equal("AccessDeniedException");
            }
            expect([taken("/order-plz"), taken("/finalize-order/")]).to.deep.equal([1, 1]);
            delete world.awsTap.interfere;
            expect(await renew()).to.include({ outcome: "issued" });
            expect([taken("/order-plz"), taken("/finalize-order/")]).to.deep.equal([1, 1]);
            expect(await world.order()).to.equal(undefined);
        });

        it("that refuses the secret when there is a certificate: found out before anything is ordered", async () => {
            await renew();
            world.caTap.requests.length = 0;
            deny(/PutSecretValue/);
            expect((await failing({ force: true })).message).to.include("secretsmanager:PutSecretValue of arn:");
            expect(world.caTap.requests.filter(({ method }) => method === "POST")).to.deep.equal([]);
        });

        it("that refuses the bucket: renewed all the same, once, and people are told what is not right", async () => {
            deny(/certificates-\d+\//);
            expect(await renew()).to.include({ outcome: "issued" });
            const [notice] = await world.notices();
            expect(notice.Message).to.include("Look after this: the public history is not written: AccessDenied");
            expect(notice.Message).to.include("Look after this: the state of the renewal cannot be kept: AccessDenied");
            for (let run = 0; run < 5; run++) {
                expect(await renew()).to.include({ outcome: "not due" });
            }
            expect(taken("/finalize-order/")).to.equal(1);
            expect(world.route53.records()).to.deep.equal([]);
        });

        it("that loses the answer to any one request", async () => {
            let calls = 0;
            for (let lost = 1; lost === 1 || lost <= calls; lost++) {
                await world.prepare({}, { requests: { capacity: 1_000, refillPerSecond: 1_000 } });
                calls = 0;
                world.awsTap.interfere = () => (++calls === lost ? "lose the answer" : undefined);
                expect(await renew()).to.include({ outcome: "issued" });
                expect(world.route53.records()).to.deep.equal([]);
                expect(await world.state()).to.not.have.any.keys("lease", "ordering", "challenges", "trouble");
            }
            expect(calls).to.be.at.least(15);
        });
    });

    it("by others at the same time, four of them: one order, and they say who is at it", async () => {
        const results = await Promise.all(["a", "b", "c", "d", "e"].map((run) => renew({}, run)));
        const outcomes = results.map(({ outcome }) => outcome).sort();
        expect(outcomes).to.deep.equal(["busy", "busy", "busy", "busy", "issued"]);
        expect(results.find(({ outcome }) => outcome === "busy")!.reason).to.match(
            /^another run is at it, until 20\d\d-.*Z at most$/,
        );
        expect([taken("/order-plz"), taken("/finalize-order/")]).to.deep.equal([1, 1]);
        expect(world.route53.records()).to.deep.equal([]);
    });

    it("by a run that died with the lease: the next waits until its time is over, and then takes it", async () => {
        const until = new Date(Date.now() + HOUR).toISOString();
        await world.changeState({ lease: { holder: "dead", until } });
        expect(await renew()).to.deep.equal({
            outcome: "busy",
            reason: `another run is at it, until ${until} at most`,
        });
        undo.push(moveClock(HOUR));
        expect(await renew()).to.include({ outcome: "issued" });
    });

    it("by another writer of the record, between its look and its first change", async () => {
        let added = false;
        world.route53Aws.interfere = ({ body }) => {
            if (body.includes("<Action>CREATE</Action>") && !added) {
                added = true;
                world.route53.put({ name: RECORD, type: "TXT", ttl: 60, values: ['"another client"'] });
            }
            return undefined;
        };
        expect(await renew()).to.include({ outcome: "issued" });
        expect(world.route53.records()).to.deep.equal([
            { name: RECORD, type: "TXT", ttl: 60, values: ['"another client"'] },
        ]);
        expect(world.route53.refused).to.deep.equal({ InvalidChangeBatch: 1 });
    });

    it("by values of an earlier run: they go with the next change, and nobody else's", async () => {
        world.route53.put({ name: RECORD, type: "TXT", ttl: 60, values: ['"stale"', '"foreign"'] });
        await world.changeState({ challenges: [{ recordName: RECORD, value: "stale" }] });
        expect(await renew()).to.include({ outcome: "issued" });
        expect(world.route53.records()).to.deep.equal([{ name: RECORD, type: "TXT", ttl: 60, values: ['"foreign"'] }]);
        expect(world.route53.accepted).to.have.length(2);
    });

    it("by the clean-up, which is throttled: the certificate is delivered before it, and the next run cleans up", async () => {
        world.route53Aws.interfere = ({ body }) =>
            body.includes("<Action>DELETE</Action>")
                ? {
                      status: 400,
                      type: "text/xml",
                      body: "<ErrorResponse><Error><Code>Throttling</Code></Error></ErrorResponse>",
                  }
                : undefined;
        const started = Date.now();
        expect(await renew()).to.include({ outcome: "issued" });
        // Its own time for the clean-up is 20 s, not all of the 300 s that the function has.
        expect(Date.now() - started).to.be.below(150_000);
        expect((await world.state()).challenges).to.have.length(2);
        delete world.route53Aws.interfere;
        expect(await renew()).to.include({ outcome: "not due" });
        expect(world.route53.records()).to.deep.equal([]);
        expect(await world.state()).to.not.have.any.keys("challenges");
    });

    describe("by the authority", () => {
        for (const [what, interference] of [
            ["503 without Retry-After", { status: 503, body: "busy" }],
            ["a lost answer", "lose the answer"],
        ] as const) {
            it(`with one ${what}, whenever it comes: one certificate each time`, async () => {
                let calls = 0;
                for (let disturbed = 1; disturbed === 1 || disturbed <= calls; disturbed++) {
                    await world.prepare({}, { requests: { capacity: 1_000, refillPerSecond: 1_000 } });
                    calls = 0;
                    world.caTap.interfere = () => (++calls === disturbed ? interference : undefined);
                    const { outcome } = await renew();
                    expect([disturbed, outcome]).to.deep.equal([disturbed, "issued"]);
                    expect(await world.order()).to.equal(undefined);
                }
                expect(calls).to.be.within(11, 25);
            });
        }

        it("that wants a certificate replaced at once (revoked, or an incident): at the next look, with its explanation", async () => {
            const { serialNumber } = await renew();
            await world.notices();
            await setRenewalInfo(Date.now() - HOUR, Date.now() - HOUR / 2, "https://ca.example.test/incident");
            expect(await renew()).to.include({ outcome: "renewed" }); // never asked before
            const [notice] = await world.notices();
            expect(notice.Message).to.include("by the authority's wish, see https://ca.example.test/incident");
            expect(await world.secret()).to.not.include({ serialNumber });
            const { chain } = { chain: (await world.secret())!.certificateChain as string };
            const orders = world.caTap.requests.filter(({ path }) => path.includes("order-plz"));
            expect(payloadOf(orders[0])).to.not.have.property("replaces");
            expect(payloadOf(orders.at(-1)!).replaces).to.match(/^[\w-]+\.[\w-]+$/);
            expect(payloadOf(orders.at(-1)!).replaces).to.not.equal(certificateId(readChain(chain)[0]));
        });

        it("that has replaced the certificate already (409): ordered without", async () => {
            await renew();
            const { certificateChain, privateKey, ...facts } = (await world.secret())!;
            expect(await renew({ force: true })).to.include({ outcome: "renewed" });
            // The old one is delivered again: somebody restored an earlier version of the secret.
            await world.putSecret(JSON.stringify({ certificateChain, privateKey, ...facts }));
            world.caTap.requests.length = 0;
            expect(await renew({ force: true })).to.include({ outcome: "renewed" });
            const orders = world.caTap.requests.filter(
                ({ path, status }) => path.includes("order-plz") && status !== 400, // Pebble refuses some nonces
            );
            expect(orders.map(({ status }) => status)).to.deep.equal([409, 201]);
            expect(payloadOf(orders[1])).to.not.have.property("replaces");
        });

        it("that says when to come back: no order before, and the pause is remembered", async () => {
            world.caTap.interfere = ({ path }) =>
                path.includes("order-plz")
                    ? {
                          status: 429,
                          headers: { "retry-after": "7200", "replay-nonce": "n" },
                          body: JSON.stringify({
                              type: "urn:ietf:params:acme:error:rateLimited",
                              detail: "too many; unpause at https://ca.example.test/unpause",
                          }),
                      }
                    : undefined;
            expect((await failing()).message).to.include("https://ca.example.test/unpause");
            const [notice] = await world.notices();
            const { nextAttempt, trouble } = await world.state();
            expect(Date.parse(nextAttempt!) - Date.now()).to.be.within(7_100_000, 7_200_000);
            expect(notice.Message).to.include("Problem type: urn:ietf:params:acme:error:rateLimited");
            expect(notice.Message).to.include(`The next attempt is made after ${nextAttempt}.`);
            world.caTap.requests.length = 0;
            const waiting = await renew();
            expect(waiting).to.include({ outcome: "waiting", nextAttempt });
            expect(waiting.trouble).to.deep.equal(trouble);
            expect(world.caTap.requests).to.deep.equal([]);
            delete world.caTap.interfere;
            undo.push(moveClock(2 * HOUR));
            expect(await renew()).to.include({ outcome: "issued" });
        });

        it("that is down for most of a month: a try a day, and a notice when it begins, when few days are left, and when it is over", async () => {
            const { notAfter } = await renew();
            expect(await world.notices()).to.have.length(1);
            world.caTap.interfere = ({ path }) =>
                path === "/dir" ? { status: 503, headers: { "retry-after": "3600" }, body: "down" } : undefined;
            const subjects: string[] = [];
            let tries = 0;
            const days = async (from: number, to: number) => {
                for (let left = from; left > to; left -= 1 / 4) {
                    const back = moveClock(Date.parse(notAfter!) - left * DAY - Date.now());
                    await renew().catch(() => tries++);
                    back();
                    subjects.push(...(await world.notices()).map(({ Subject }) => Subject));
                }
            };
            await days(29, 1.5);
            // Those after 1, 10 and 100 minutes, and then one a day.
            expect(tries).to.be.within(23, 31);
            expect(subjects).to.deep.equal(new Array(4).fill("Certificate NOT renewed (CertificateAuthorityRefused)"));
            delete world.caTap.interfere;
            await days(1.5, 0.4);
            // For Pebble, whose clock is not moved, each certificate from now on is two months old: they are renewed at once, too.
            const over = subjects.findIndex((subject) => subject.startsWith("New certificate"));
            // When it comes back on the last day, that was told as well.
            expect(over).to.be.within(4, 5);
            expect(subjects.slice(over).filter((subject) => /NOT/.test(subject))).to.deep.equal([]);
        });
    });

    it("by a clock that jumps ahead and back: what that clock put off is not waited for, and one certificate is paid for", async () => {
        await renew();
        await renew();
        const back = moveClock(400 * DAY);
        expect((await failing()).name).to.equal("CertificateUnusable");
        const { nextAttempt, renewalInfo } = await world.state();
        expect(Date.parse(nextAttempt!) - Date.now()).to.be.within(0, 60_000);
        expect(renewalInfo).to.have.property("askAgain");
        back();
        world.caTap.requests.length = 0;
        // The order is there already, and its certificate in force by this clock.
        expect(await renew()).to.include({ outcome: "renewed", reason: "an earlier run began to" });
        expect([taken("/order-plz"), taken("/finalize-order/")]).to.deep.equal([0, 0]);
        const { renewalInfo: asked } = await world.state();
        expect(asked).to.equal(undefined);
        for (const jump of [-2 * HOUR, 0, 2 * HOUR]) {
            const again = moveClock(jump);
            expect(await renew()).to.include({ outcome: "not due" });
            again();
        }
        await world.changeState({
            renewalInfo: {
                ...(await world.state()).renewalInfo!,
                askAgain: new Date(Date.now() + 400 * DAY).toISOString(),
            },
        });
        world.caTap.requests.length = 0;
        expect(await renew()).to.include({ outcome: "not due" });
        expect(Date.parse((await world.state()).renewalInfo!.askAgain) - Date.now()).to.be.at.most(DAY);
        expect([taken("/order-plz"), taken("/finalize-order/")]).to.deep.equal([0, 0]);
    });

    it("by the end of its stack: a run that is under way is waited for, nothing is left in the zone, and no other begins", async () => {
        const first = renew();
        await until("its challenge records stand", () => Promise.resolve(world.route53.records().length > 0));
        expect(await renew({ tf: { action: "delete" } }, "end")).to.include({ outcome: "ended" });
        expect(await first).to.include({ outcome: "issued" });
        expect(world.route53.records()).to.deep.equal([]);
        expect(await renew({}, "later")).to.include({ outcome: "busy" });
    });

    it("by the end of its stack after a run that was killed: its values go, and nobody else's", async () => {
        world.route53.put({ name: RECORD, type: "TXT", ttl: 60, values: ['"stale"', '"foreign"'] });
        await world.changeState({ challenges: [{ recordName: RECORD, value: "stale" }] });
        for (const action of ["create", "update"] as const) {
            expect(await renew({ tf: { action } })).to.include({ outcome: "shown" });
            expect(world.route53.accepted).to.have.length(0);
        }
        expect(await renew({ tf: { action: "delete" } })).to.include({ outcome: "ended" });
        expect(world.route53.records()).to.deep.equal([{ name: RECORD, type: "TXT", ttl: 60, values: ['"foreign"'] }]);
        expect(taken("/order-plz")).to.equal(0);
    });

    it("by the end of its stack: the certificate is revoked if that was asked for, and only then", async () => {
        await renew();
        const revocations = () =>
            world.caTap.requests.filter(({ path, status }) => path.includes("revoke") && status === 200);
        expect(await renew({ tf: { action: "delete" } })).to.include({ outcome: "ended" });
        expect(revocations()).to.deep.equal([]);
        undo.push(setEnvironment({ REVOKE_ON_DESTROY: "true" }));
        world.caTap.interfere = ({ path }) =>
            path.includes("revoke") ? { status: 503, headers: { "retry-after": "0" } } : undefined;
        expect((await failing({ tf: { action: "delete" } })).message).to.include("answered 503");
        delete world.caTap.interfere;
        expect(await renew({ tf: { action: "delete" } }, "again")).to.include({ outcome: "ended" });
        expect(revocations().map(payloadOf)).to.have.length(1);
        expect(payloadOf(revocations()[0])).to.include({ reason: 5 });
        expect(await renew({ tf: { action: "delete" } }, "again")).to.include({ outcome: "ended" });
        expect(revocations()).to.have.length(1);
        expect(await world.notices()).to.have.length(1); // of the first certificate
    });

    it("by a broken zone: three orders in the first two hours, not six in three minutes, and then one a day", async () => {
        world.resolving = false;
        let tries = 0;
        for (let minute = 0; minute < 2 * 1_440; minute += 20) {
            const back = moveClock(minute * 60_000);
            await renew().then(
                ({ outcome }) => expect(outcome).to.equal("waiting"),
                ({ name }: Error) => expect([name, ++tries]).to.deep.equal(["ChallengeRefused", tries]),
            );
            back();
        }
        expect(tries).to.be.within(4, 5);
        expect(await world.notices()).to.have.length(1);
    });

    it("is revoked on request, with a reason, and replaced in the same run", async () => {
        const { serialNumber } = await renew();
        const result = await renew({ revoke: 4 });
        expect(result).to.include({ outcome: "issued", reason: "the delivered certificate was revoked" });
        expect(result.serialNumber).to.not.equal(serialNumber);
        const revocation = world.caTap.requests.findLast(({ path }) => path.includes("revoke"))!; // Pebble refuses some nonces
        expect(payloadOf(revocation)).to.include({ reason: 4 });
        expect(revocation.status).to.equal(200);
    });

    it("shows how things are, and changes nothing", async () => {
        const { serialNumber } = await renew();
        const state = await world.state();
        world.caTap.requests.length = 0;
        expect(await renew({ show: true })).to.include({ outcome: "shown", serialNumber });
        expect([await world.state(), world.caTap.requests]).to.deep.equal([state, []]);
        expect(lines.at(-1)).to.not.include({ message: "decided" });
    });

    it("tells CloudWatch in every run how much of the lifetime is left, and whether it fails", async () => {
        await renew();
        deny(/GetSecretValue/);
        await failing();
        const metrics = lines.filter((line) => "_aws" in line);
        expect(metrics.map(({ FunctionName, Failing }) => [FunctionName, Failing])).to.deep.equal([
            ["renewal", 0],
            ["renewal", 1],
        ]);
        expect(metrics[0].LifetimeLeft).to.be.within(99.9, 100);
        expect(metrics[0].DaysToExpiry).to.be.within(89.9, 90);
        expect(metrics[0]._aws).to.deep.include({
            CloudWatchMetrics: [
                {
                    Namespace: "taskgate/certificate",
                    Dimensions: [["FunctionName"]],
                    Metrics: [
                        { Name: "LifetimeLeft", Unit: "Percent" },
                        { Name: "DaysToExpiry", Unit: "None" },
                        { Name: "Failing", Unit: "Count" },
                    ],
                },
            ],
        });
    });

    describe("looks from outside what tasks show", () => {
        const [one, other, gone] = ["1", "a", "f"].map((digit) => digit.repeat(32));
        const servers: Server[] = [];
        let port: number;

        /** What stands at this name, listening at an address of its own. */
        const serve = async (
            address: string,
            ...shown: { certificate: string; privateKey: string }[]
        ): Promise<void> => {
            const [key, cert] = [shown.map((each) => each.privateKey), shown.map((each) => each.certificate)];
            const server = createServer({ key, cert });
            servers.push(server);
            await new Promise<void>((resolve) => server.listen(port, address, resolve));
            ({ port } = server.address() as AddressInfo);
        };
        /** One of 100 days, of which this share is left. */
        const shortLived = (left: number) =>
            selfSignedWildcard("tasks.example.test", [
                Date.now() - (1 - left) * 100 * DAY,
                Date.now() + left * 100 * DAY,
            ]);
        const name = (label: string, address: string): void =>
            world.route53.put({ name: `${label}.tasks.example.test.`, type: "A", ttl: 10, values: [address] });
        /** The tasks by their names: a look begins at another one each time. */
        const told = (): unknown[] =>
            lines
                .filter(({ message }) => message === "tasks looked at")
                .map(({ TasksLookedAt, StaleTasks, stale }) => [TasksLookedAt, StaleTasks, (stale as string[]).sort()]);

        beforeEach(() => {
            port = 0;
        });
        afterEach(() => servers.splice(0).forEach((server) => server.close()));

        it("and tells which show another than the newest, where they take it up while they run", async () => {
            await renew();
            const first = (await world.secret()) as { certificateChain: string; privateKey: string };
            await renew({ force: true });
            const second = (await world.secret()) as { certificateChain: string; privateKey: string };
            await serve("127.0.0.2", { ...first, certificate: first.certificateChain });
            await serve("127.0.0.3", { ...second, certificate: second.certificateChain });
            const bucket = await world.sealedBucket();
            undo.push(setEnvironment({ WATCHED_PORT: String(port), SEALED_BUCKET_NAME: bucket.name }));
            expect(await renew()).to.include({ outcome: "not due" });
            name(one, "127.0.0.2");
            name(other, "127.0.0.3");
            name(gone, "127.0.0.4"); // nothing listens there
            name("www", "127.0.0.2"); // no task
            name(`${one}.below`, "127.0.0.2");
            expect(await renew()).to.include({ outcome: "not due" });
            expect(told()).to.deep.equal([
                [0, 0, []],
                [2, 1, [`${one}.tasks.example.test.`]],
            ]);
            expect(lines.find(({ StaleTasks }) => StaleTasks === 1)!._aws).to.deep.include({
                CloudWatchMetrics: [
                    {
                        Namespace: "taskgate/certificate",
                        Dimensions: [["FunctionName"]],
                        Metrics: [
                            { Name: "TasksLookedAt", Unit: "Count" },
                            { Name: "StaleTasks", Unit: "Count" },
                        ],
                    },
                ],
            });
        });

        it("and tells which show one that is at its end, where they keep what they were started with", async () => {
            await renew();
            await serve("127.0.0.2", await shortLived(0.25));
            await serve("127.0.0.3", await shortLived(0.15));
            undo.push(setEnvironment({ WATCHED_PORT: String(port) }));
            name(one, "127.0.0.2");
            name(other, "127.0.0.3");
            expect(await renew()).to.include({ outcome: "not due" });
            expect(told()).to.deep.equal([[2, 1, [`${other}.tasks.example.test.`]]]);
        });

        it("and tells which show another RSA certificate, beside an ECDSA one or alone", async () => {
            undo.push(setEnvironment({ KEY_TYPE: "RSA-2048" }));
            await renew();
            const newest = (await world.secret()) as { certificateChain: string; privateKey: string };
            const [ecdsaOne, oldRsa] = [await shortLived(0.9), await selfSignedWildcard("tasks.example.test", undefined, rsa)]; // prettier-ignore
            const newRsa = { certificate: newest.certificateChain, privateKey: newest.privateKey };
            await serve("127.0.0.2", ecdsaOne, newRsa);
            await serve("127.0.0.3", ecdsaOne, oldRsa);
            await serve("127.0.0.4", ecdsaOne); // had none of RSA when it was started
            const bucket = await world.sealedBucket();
            undo.push(setEnvironment({ WATCHED_PORT: String(port), SEALED_BUCKET_NAME: bucket.name }));
            name(one, "127.0.0.2");
            name(other, "127.0.0.3");
            name(gone, "127.0.0.4");
            expect(await renew()).to.include({ outcome: "not due" });
            expect(told()).to.deep.equal([[3, 2, [`${other}.tasks.example.test.`, `${gone}.tasks.example.test.`]]]);
        });

        it("and is not stopped by a zone that cannot be read", async () => {
            await renew();
            undo.push(setEnvironment({ WATCHED_PORT: "443" }));
            world.route53Aws.interfere = () => xmlError(403, "AccessDenied", "not authorized");
            expect(await renew()).to.include({ outcome: "not due" });
            expect(told()).to.deep.equal([]);
            expect(lines.find(({ message }) => message === "tasks are not looked at")).to.include({ level: "warn" });
        });
    });

    it("is for a name that a CNAME delegates", async () => {
        const target = "tasks.acme.example.test";
        world.route53.put({ name: RECORD, type: "CNAME", ttl: 60, values: [`${target}.`] });
        undo.push(setEnvironment({ CHALLENGE_RECORD_NAME: target, CHALLENGE_HOSTED_ZONE_ID: "Z1" }));
        expect(await renew()).to.include({ outcome: "issued" });
        expect(world.route53.accepted).to.deep.equal([[`CREATE ${target}. TXT`], [`DELETE ${target}. TXT`]]);
    });
});
