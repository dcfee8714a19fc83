// How a certificate comes about: ordered or taken up where an earlier run left it, found to be what was asked for, delivered and published.
import { describeError, failure } from "../failure";
import { load } from "../load";
import { log } from "../log";
import { SEALED_OBJECTS } from "../certificateNames";
import { openAsAccount } from "./account";
import type { Authority } from "./authority";
import type { ChallengeValue } from "./challengeRecords";
import { renewalDueAt, type Delivered } from "./decision";
import { tellEventBus } from "./event";
import { checkNew, inspect, readChain, type Certificate, type CertificateFacts } from "./facts";
import { obtainCertificate } from "./order";
import { forgetPendingOrder, keepPendingOrder, orderedFor, readPendingOrder } from "./pendingOrder";
import { addKeyPassword, deliverCertificate, proveDelivery, readSealable, writeHistory, type Secret } from "./publish";
import { certificateId } from "./renewalInfo";
import { openZones, sweep, type Run } from "./run";
import { createKeyPassword, publishSealed } from "./sealed";
import type { CertificateSettings } from "./settings";

/** An order needs this much, most of it for Route 53 to publish the challenge records. */
const ORDER_MILLISECONDS = 90_000;
/** How often the certificate of one order is looked at before another is ordered. */
const UNUSABLE_TRIES = 3;

/** Whether there is an order of an earlier run to take up, while nothing is due; one whose certificate is delivered is forgotten. */
export async function isUnfinished({ settings, store, deadline }: Run, delivered: Delivered): Promise<boolean> {
    const { orderParameter } = settings;
    const pending = await readPendingOrder(orderParameter, deadline);
    if (pending !== undefined && pending.orderedFor === orderedFor(settings) && !isOf(delivered, pending.privateKey)) {
        return true;
    }
    await forgetPendingOrder(orderParameter, deadline);
    await store.keep({ ordering: undefined });
    return false;
}

/** Orders a certificate, or takes up the order of an earlier run, and delivers it once it is found to be what was asked for. */
export async function issue(
    run: Run,
    secret: Secret,
): Promise<{ readonly facts: CertificateFacts; readonly blemishes: string[] }> {
    const { settings, store, deadline } = run;
    const left = deadline - Date.now();
    if (left < ORDER_MILLISECONDS) {
        throw failure(
            "OutOfTime",
            `The function has ${Math.floor(left / 1_000)} s for an order, and one may need ${ORDER_MILLISECONDS / 1_000} s: raise its timeout (300 s is good).`,
        );
    }
    await proveDelivery(settings.secretArn, secret, deadline);
    const authority = await openAsAccount(settings, deadline);
    await store.keep({ ordering: true });
    const certificate = await obtain(run, authority, replacedBy(run.delivered, settings));
    const facts = inspect(certificate, settings);
    const keyPassword = run.delivered?.state === "usable" ? readSealable(secret).keyPassword : undefined;
    const delivery = await deliverCertificate(
        settings.secretArn,
        certificate,
        facts,
        keyPassword ?? (settings.sealedBucketName === undefined ? undefined : createKeyPassword()),
        deadline,
    );
    run.delivered = { state: "usable", facts, certificateChain: certificate.certificateChain };

    // It is delivered: nothing that follows can fail the run.
    const blemishes: string[] = [];
    const attempt = async (what: string, step: () => Promise<void>) => {
        try {
            await step();
        } catch (error) {
            log("error", what, { reason: describeError(error) });
            blemishes.push(`${what}: ${describeError(error)}`);
        }
    };
    await attempt("the finished order is not forgotten", async () => {
        await forgetPendingOrder(settings.orderParameter, deadline);
        await store.keep({ ordering: undefined });
    });
    await attempt("tasks that run do not find it yet", () => publishForTasks(run, delivery));
    await attempt("EventBridge is not told", () => tellEventBus(settings.secretArn, facts, deadline));
    await attempt("the public history is not written", () =>
        writeHistory(settings.bucketName, certificate, facts, deadline),
    );
    await sweep(run);
    if (store.fault !== undefined) {
        blemishes.push(`the state of the renewal cannot be kept: ${store.fault}`);
    }
    return { facts, blemishes };
}

/** Puts the delivered certificate where tasks that run look for it, unless it is there. */
export async function publishForTasks({ settings, store, deadline, delivered }: Run, secret: Secret): Promise<void> {
    const { sealedBucketName, secretArn } = settings;
    if (sealedBucketName === undefined || delivered?.state !== "usable") {
        return;
    }
    const certificate = readSealable(secret);
    const place = [sealedBucketName, ...Object.values(SEALED_OBJECTS), delivered.facts.serialNumber].join("/");
    if (certificate.keyPassword !== undefined && store.state.sealed === place) {
        return;
    }
    const keyPassword = certificate.keyPassword ?? createKeyPassword();
    if (certificate.keyPassword === undefined) {
        await addKeyPassword(secretArn, secret, keyPassword, deadline);
    }
    await publishSealed(sealedBucketName, certificate, keyPassword, deadline);
    await store.keep({ sealed: place });
    log("info", "certificate published for tasks that run", { bucket: sealedBucketName });
}

/** A certificate that may be delivered. What an earlier run ordered and did not deliver is taken first. */
async function obtain(run: Run, authority: Authority, replaces: string | undefined): Promise<Certificate> {
    const { settings, store, deadline, delivered } = run;
    const { orderParameter } = settings;
    const kept = await readPendingOrder(orderParameter, deadline);
    let pending = kept !== undefined && isOf(delivered, kept.privateKey) ? undefined : kept;
    for (;;) {
        const { pending: order, ...certificate } = await obtainCertificate({
            authority,
            settings,
            zone: openZones(settings, deadline),
            pending,
            replaces,
            stale: store.state.challenges ?? [],
            keep: (next) => keepPendingOrder(orderParameter, next, deadline),
            expect: (values) => store.keep({ challenges: union(store.state.challenges ?? [], values) }),
        });
        try {
            const facts = inspect(certificate, settings);
            checkNew(facts, settings, new Date());
            if (pending === undefined || new Date() < renewalDueAt(facts)) {
                return certificate;
            }
            // It waited for its delivery until it was old itself.
            pending = undefined;
        } catch (error) {
            const unusable = (order.unusable ?? 0) + 1;
            await (unusable < UNUSABLE_TRIES
                ? keepPendingOrder(orderParameter, { ...order, unusable }, deadline)
                : forgetPendingOrder(orderParameter, deadline));
            throw error;
        }
    }
}

/** Whether the delivered certificate is this key's. */
function isOf(delivered: Delivered | undefined, privateKey: string): boolean {
    const { createPrivateKey, X509Certificate } = load("node:crypto");
    return (
        delivered?.state === "usable" &&
        new X509Certificate(delivered.certificateChain).checkPrivateKey(createPrivateKey(privateKey))
    );
}

function union(some: readonly ChallengeValue[], more: readonly ChallengeValue[]): ChallengeValue[] {
    return [...some.filter(({ value }) => !more.some((each) => each.value === value)), ...more];
}

/** The delivered certificate as the authority knows it, if a new one replaces it: they have a name in common (RFC 9773, section 5). */
function replacedBy(
    delivered: Delivered | undefined,
    { directoryUrl, names }: CertificateSettings,
): string | undefined {
    return delivered?.state === "usable" &&
        delivered.facts.directoryUrl === directoryUrl &&
        delivered.facts.names.some((name) => names.includes(name))
        ? certificateId(readChain(delivered.certificateChain)[0])
        : undefined;
}
