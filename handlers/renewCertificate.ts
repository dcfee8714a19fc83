import type { LambdaContext } from "./calls";
import { openAsAccount } from "./certificate/account";
import { failedAttempt, isAhead, isAuthoritysRefusal, LONGEST_PAUSE, troubled } from "./certificate/attempts";
import { openAuthority, type Authority, type Refusal } from "./certificate/authority";
import type { ChallengeValue } from "./certificate/challengeRecords";
import { decide, renewalDueAt, type Decision, type Delivered } from "./certificate/decision";
import { tellEventBus } from "./certificate/event";
import { checkNew, inspect, readChain, type Certificate, type CertificateFacts } from "./certificate/facts";
import { lookFromOutside } from "./certificate/look";
import { failureNotice, notify, recoveryNotice, successNotice, type Notice } from "./certificate/messages";
import { tellMetrics } from "./certificate/metrics";
import { obtainCertificate } from "./certificate/order";
import { forgetPendingOrder, keepPendingOrder, orderedFor, readPendingOrder } from "./certificate/pendingOrder";
import {
    addKeyPassword,
    deliverCertificate,
    proveDelivery,
    readDelivered,
    readSealable,
    readSecret,
    writeHistory,
    type Secret,
} from "./certificate/publish";
import { askRenewalInfo, certificateId, LONGEST_SILENCE, type RenewalInfo } from "./certificate/renewalInfo";
import { endRenewals, lookAfterAccount, show } from "./certificate/requests";
import {
    busy,
    CLEAN_UP_MILLISECONDS,
    NOTIFY_MILLISECONDS,
    openZones,
    result,
    revoke,
    sweep,
    type RenewalEvent,
    type RenewalResult,
    type Run,
} from "./certificate/run";
import { readCertificateSettings, type CertificateSettings } from "./certificate/settings";
import { openState, type RenewalState } from "./certificate/state";
import { createKeyPassword, publishSealed } from "./certificate/sealed";
import { SEALED_OBJECTS } from "./certificateNames";
import { required } from "./environment";
import { describeError, failure } from "./failure";
import { load } from "./load";
import { log } from "./log";

export { NAMESPACE } from "./certificate/metrics";
export type { RenewalEvent, RenewalResult };

/** An order needs this much, most of it for Route 53 to publish the challenge records. */
const ORDER_MILLISECONDS = 90_000;
/** The most that asking for renewal information may take: the certificate's own dates do as well. */
const ASK_MILLISECONDS = 30_000;
/** How often the certificate of one order is looked at before another is ordered. */
const UNUSABLE_TRIES = 3;

/**
 * Issues the certificate when there is none or another is wanted, and renews it when it is due. Whatever goes wrong is told to
 * the topic and thrown, and leaves the delivered certificate as it is. What was begun is kept after each step: a run that is killed
 * is taken up by the next.
 */
export async function renewCertificate(event: RenewalEvent | null, context: LambdaContext): Promise<RenewalResult> {
    const end = Date.now() + context.getRemainingTimeInMillis();
    const deadline = end - NOTIFY_MILLISECONDS - CLEAN_UP_MILLISECONDS;
    if (event?.account !== undefined) {
        return lookAfterAccount(event.account, end, deadline, context);
    }
    if (event?.tf !== undefined) {
        return event.tf.action === "delete"
            ? endRenewals(readCertificateSettings(), deadline, end, context)
            : { outcome: "shown", reason: "the schedule renews" };
    }
    let run: Run | undefined;
    try {
        const settings = readCertificateSettings();
        if (event?.show === true) {
            return await show(settings, deadline);
        }
        const store = await openState(settings.bucketName, context.awsRequestId, end, deadline);
        if ("busyUntil" in store) {
            log("info", "another run is at it", store);
            return busy(store);
        }
        run = { settings, store, deadline, end, context, delivered: undefined };
        return await renew(run, event ?? {});
    } catch (thrown) {
        await fail(thrown as Error, run, end, context);
        throw thrown;
    }
}

async function renew(run: Run, event: RenewalEvent): Promise<RenewalResult> {
    const { settings, store, deadline } = run;
    const madeFrom = orderedFor(settings);
    if (store.state.madeFrom !== madeFrom) {
        // What failed before failed for other settings.
        await store.keep({ madeFrom, failures: undefined, nextAttempt: undefined });
    }
    const secret = await readSecret(settings.secretArn, deadline);
    const delivered = readDelivered(secret);
    run.delivered = delivered;
    const force = event.force === true || event.revoke !== undefined;
    const { nextAttempt } = store.state;
    const isWaiting = !force && isAhead(nextAttempt, LONGEST_PAUSE, Date.now());
    const renewalInfo = await askWhenDue(run, delivered, isWaiting);
    if (event.revoke !== undefined) {
        await revoke(run, delivered, event.revoke);
    }
    const isRevoked = delivered.state === "usable" && store.state.revoked === delivered.facts.serialNumber;
    let decision: Decision = decide(delivered, settings, new Date(), { renewalInfo, isRevoked, force });
    if (decision.action === "keep" && store.state.ordering === true && (await isUnfinished(run, delivered))) {
        decision = { ...decision, action: "renew", reason: "an earlier run began to" };
    }
    const { action, reason } = decision;
    log("info", "decided", { action, reason });
    if (action !== "keep" && isWaiting) {
        return finish(
            run,
            "waiting",
            `${reason}; after ${store.state.failures} failures not tried before ${nextAttempt}`,
        );
    }
    if (action !== "keep") {
        const { facts, blemishes } = await issue(run, secret, replacedBy(delivered, settings));
        const troubleSince = store.state.trouble?.since;
        log("info", "certificate delivered", facts);
        const notice = successNotice({
            ...{ facts, reason, troubleSince, blemishes },
            secretArn: settings.secretArn,
            isSealed: settings.sealedBucketName !== undefined,
        });
        await tell(notice, run.end);
        return finish(run, action === "renew" ? "renewed" : "issued", reason);
    }
    await sweep(run);
    await publishForTasks(run, secret);
    await lookFromOutside(run);
    if (store.state.trouble !== undefined) {
        await tell(recoveryNotice(store.state.trouble, delivered, new Date()), run.end);
    }
    return finish(run, "not due", reason);
}

/** Whether there is an order of an earlier run to take up, while nothing is due; one whose certificate is delivered is forgotten. */
async function isUnfinished({ settings, store, deadline }: Run, delivered: Delivered): Promise<boolean> {
    const { orderParameter } = settings;
    const pending = await readPendingOrder(orderParameter, deadline);
    if (pending !== undefined && pending.orderedFor === orderedFor(settings) && !isOf(delivered, pending.privateKey)) {
        return true;
    }
    await forgetPendingOrder(orderParameter, deadline);
    await store.keep({ ordering: undefined });
    return false;
}

/** What the authority wishes for the delivered certificate: asked as often as it allows, unless it is left in peace, and remembered. */
async function askWhenDue(
    { settings, store, deadline }: Run,
    delivered: Delivered,
    isWaiting: boolean,
): Promise<RenewalInfo | undefined> {
    if (delivered.state !== "usable" || delivered.facts.directoryUrl !== settings.directoryUrl) {
        return undefined;
    }
    const id = certificateId(readChain(delivered.certificateChain)[0]);
    if (id === undefined) {
        return undefined;
    }
    const { renewalInfo } = store.state;
    const before = renewalInfo?.certificateId === id ? renewalInfo : undefined;
    if (isWaiting || isAhead(before?.askAgain, LONGEST_SILENCE, Date.now())) {
        return before;
    }
    try {
        const limit = Math.min(deadline, Date.now() + ASK_MILLISECONDS);
        const authority = await openAuthority(settings, "", limit);
        const asked = await askRenewalInfo(authority, id, before, Date.now());
        await store.keep({ renewalInfo: asked });
        return asked;
    } catch (error) {
        if ((error as Error).name === "LeaseLost") {
            throw error;
        }
        // An authority that does not answer now has wishes for later; the certificate's own dates hold meanwhile.
        log("warn", "no renewal information", { reason: describeError(error) });
        return before;
    }
}

/** The delivered certificate as the authority knows it, if a new one replaces it: they have a name in common (RFC 9773, section 5). */
function replacedBy(delivered: Delivered, { directoryUrl, names }: CertificateSettings): string | undefined {
    return delivered.state === "usable" &&
        delivered.facts.directoryUrl === directoryUrl &&
        delivered.facts.names.some((name) => names.includes(name))
        ? certificateId(readChain(delivered.certificateChain)[0])
        : undefined;
}

/** Orders a certificate, or takes up the order of an earlier run, and delivers it once it is found to be what was asked for. */
async function issue(
    run: Run,
    secret: Secret,
    replaces: string | undefined,
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
    const certificate = await obtain(run, authority, replaces);
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
async function publishForTasks({ settings, store, deadline, delivered }: Run, secret: Secret): Promise<void> {
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

/** Keeps what was found out, gives the lease back, and says how things are. */
async function finish(
    { store, delivered = { state: "none" }, context, end }: Run,
    outcome: RenewalResult["outcome"],
    reason: string,
): Promise<RenewalResult> {
    const now = new Date();
    const { trouble } = store.state;
    let changes: RenewalState;
    if (outcome === "waiting" && trouble !== undefined) {
        const error = Object.assign(failure(trouble.name, trouble.message), { type: trouble.type });
        const { trouble: kept, isNews } = troubled(trouble, error, expiryOf(delivered), now.getTime());
        if (isNews) {
            await tell(failureNotice(error, delivered, now, context, kept, store.state.nextAttempt), end);
        }
        changes = { trouble: kept };
    } else {
        const renewed = outcome === "issued" || outcome === "renewed";
        const over = { failures: undefined, nextAttempt: undefined, trouble: undefined };
        changes = { ...over, ...(renewed && { renewalInfo: undefined }) };
    }
    await store.release(changes);
    tellMetrics(context.functionName, delivered, outcome === "waiting" || store.fault !== undefined, now);
    return result(outcome, reason, delivered, store.state);
}

/** Keeps what went wrong, gives the lease back, and tells people if it is news to them. */
async function fail(error: Refusal, run: Run | undefined, end: number, context: LambdaContext): Promise<void> {
    log("error", "certificate not issued", { error: error.name, reason: error.message, stack: error.stack });
    const now = new Date();
    if (run === undefined) {
        await tell(failureNotice(error, undefined, now, context), end);
        return;
    }
    const { store, delivered } = run;
    await sweep(run);
    const { trouble, isNews } = troubled(store.state.trouble, error, delivered && expiryOf(delivered), now.getTime());
    const attempt = isAuthoritysRefusal(error) ? failedAttempt(store.state, error, now.getTime()) : {};
    if (isNews) {
        await tell(failureNotice(error, delivered, now, context, trouble, attempt.nextAttempt), end);
    }
    try {
        await store.release({ trouble, ...attempt });
    } catch (lost) {
        log("error", "the state of the renewal is not kept", { reason: describeError(lost) });
    }
    tellMetrics(context.functionName, delivered ?? { state: "none" }, true, now);
}

function expiryOf(delivered: Delivered): Date | undefined {
    return delivered.state === "usable" ? delivered.facts.notAfter : undefined;
}

/** Notifies; a notice that cannot be sent must not hide what it is about. */
async function tell(notice: Notice, deadline: number): Promise<void> {
    try {
        await notify(required("TOPIC_ARN"), notice, deadline);
    } catch (error) {
        log("error", "notice not sent", { subject: notice.subject, reason: describeError(error) });
    }
}
