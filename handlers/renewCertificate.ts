import { sleep, type LambdaContext } from "./calls";
import { openAccount, openAsAccount, rollOver, showAccount } from "./certificate/account";
import { failedAttempt, isAuthoritysRefusal, troubled } from "./certificate/attempts";
import { openAuthority, type Authority, type Refusal } from "./certificate/authority";
import { removeChallenges, type ChallengeValue } from "./certificate/challengeRecords";
import { decide, renewalDueAt, type Decision, type Delivered } from "./certificate/decision";
import { tellEventBus } from "./certificate/event";
import { checkNew, inspect, readChain, type Certificate, type CertificateFacts } from "./certificate/facts";
import { failureNotice, notify, recoveryNotice, successNotice, type Notice } from "./certificate/messages";
import { tellLook, tellMetrics } from "./certificate/metrics";
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
import { askRenewalInfo, certificateId, type RenewalInfo } from "./certificate/renewalInfo";
import { revokeCertificate } from "./certificate/revocation";
import { readCertificateSettings, type CertificateSettings } from "./certificate/settings";
import { lookAtTasks, type Shown } from "./certificate/look";
import { openState, readState, type RenewalState, type StateStore } from "./certificate/state";
import { createKeyPassword, publishSealed, seal } from "./certificate/sealed";
import { required } from "./environment";
import { describeError, failure } from "./failure";
import { openZone, type HostedZone } from "./hostedZone";
import { load } from "./load";
import { log } from "./log";

export { NAMESPACE } from "./certificate/metrics";

/** A scheduled run has other fields or none. */
export interface RenewalEvent {
    /** Renew even if it is not due, and however soon after a failure. */
    readonly force?: boolean;
    /** Only tell how things are. */
    readonly show?: boolean;
    /** Revoke the delivered certificate for this reason (RFC 5280, section 5.3.1: 1 = key compromise, 4 = superseded …), and replace it. */
    readonly revoke?: number;
    /** Only tell the ACME account's URL, or give the account another key (RFC 8555, section 7.3.5). */
    readonly account?: "show" | "rollover";
    /** What Pulumi's `aws.lambda.Invocation` adds, when the stack is made, changed or destroyed. */
    readonly tf?: { readonly action: "create" | "update" | "delete" };
}

export interface RenewalResult {
    /**
     * `waiting`: an earlier try failed, and the next one is not to be made yet. `busy`: another run is at it. `shown`: it was only asked.
     * `rolled over`: the account has another key. `ended`: the stack is being destroyed.
     */
    readonly outcome: "issued" | "renewed" | "not due" | "waiting" | "busy" | "shown" | "rolled over" | "ended";
    readonly reason: string;
    /** Of the ACME account, when that was asked for; empty when the authority has none of this key yet. */
    readonly accountUrl?: string;
    /** Of the delivered certificate, if there is one. */
    readonly names?: readonly string[];
    readonly serialNumber?: string;
    readonly notAfter?: string;
    readonly renewalDueAt?: string;
    /** What went wrong last, while it has not been mended. */
    readonly trouble?: RenewalState["trouble"];
    readonly nextAttempt?: string;
    readonly renewalInfo?: RenewalInfo;
}

// What is kept of the function's time: to take the challenge records away again, and to tell of a failure.
const CLEAN_UP_MILLISECONDS = 20_000;
const NOTIFY_MILLISECONDS = 10_000;
/** An order needs this much, most of it for Route 53 to publish the challenge records. */
const ORDER_MILLISECONDS = 90_000;
/** The most that asking for renewal information may take: the certificate's own dates do as well. */
const ASK_MILLISECONDS = 30_000;
/** How often a run that is under way is looked at when the stack is destroyed. */
const END_PAUSE_MILLISECONDS = 2_000;
/** A reason to revoke (RFC 5280, section 5.3.1). */
const CESSATION_OF_OPERATION = 5;
/** As the alarm on the certificate itself has it. */
const LEAST_LIFETIME_LEFT = 0.2;
/** How often the certificate of one order is looked at before another is ordered. */
const UNUSABLE_TRIES = 3;

/** One run: what it has to go by, and what it found out. */
interface Run {
    readonly settings: CertificateSettings;
    readonly store: StateStore;
    /** For the work; what comes after it has time of its own. */
    readonly deadline: number;
    readonly end: number;
    readonly context: LambdaContext;
    delivered: Delivered | undefined;
}

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

function busy({ busyUntil }: { readonly busyUntil: string }): RenewalResult {
    return { outcome: "busy", reason: `another run is at it, until ${busyUntil} at most` };
}

/** What is asked by a person, who hears what is wrong with it: nobody else is told, and no renewal waits for it. */
async function lookAfterAccount(
    action: "show" | "rollover",
    end: number,
    deadline: number,
    { awsRequestId }: LambdaContext,
): Promise<RenewalResult> {
    const settings = readCertificateSettings();
    const { directoryUrl, bucketName } = settings;
    if (action === "show") {
        const accountUrl = (await showAccount(settings, deadline)) ?? "";
        return { outcome: "shown", reason: `asked of ${directoryUrl}`, accountUrl };
    }
    const store = await openState(bucketName, awsRequestId, end, deadline);
    if ("busyUntil" in store) {
        return busy(store);
    }
    try {
        const accountUrl = await rollOver(settings, deadline);
        return { outcome: "rolled over", reason: "the old key is good for nothing any more", accountUrl };
    } finally {
        await store.release({});
    }
}

/**
 * Waits for a run that is under way, and takes away what stands in the zone. It keeps the lease, so that no other run begins before the
 * function has gone. Records that cannot be taken away are logged, and stop no destroy; a revocation that was asked for does.
 */
async function endRenewals(
    settings: CertificateSettings,
    deadline: number,
    end: number,
    context: LambdaContext,
): Promise<RenewalResult> {
    for (;;) {
        const store = await openState(settings.bucketName, context.awsRequestId, end, deadline);
        if (!("busyUntil" in store)) {
            const run: Run = { settings, store, deadline, end, context, delivered: undefined };
            await sweep(run);
            if (settings.revokeOnDestroy) {
                await revokeAtTheEnd(run);
            }
            return { outcome: "ended", reason: "the stack is being destroyed" };
        }
        if (Date.now() + END_PAUSE_MILLISECONDS > deadline) {
            log("error", "a run is still under way: it may leave challenge records", store);
            return busy(store);
        }
        await sleep(END_PAUSE_MILLISECONDS);
    }
}

/** A certificate that nobody is to use any more. When it cannot be revoked, the destroy can be tried again. */
async function revokeAtTheEnd(run: Run): Promise<void> {
    const { settings, store, deadline } = run;
    const delivered = readDelivered(await readSecret(settings.secretArn, deadline));
    if (delivered.state !== "usable" || store.state.revoked === delivered.facts.serialNumber) {
        return;
    }
    try {
        await revoke(run, delivered, CESSATION_OF_OPERATION);
    } catch (error) {
        await store.release({});
        throw error;
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
    const isWaiting = !force && Date.parse(nextAttempt ?? "") > Date.now();
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
    await look(run);
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
    if (isWaiting || (before !== undefined && Date.parse(before.askAgain) > Date.now())) {
        return before;
    }
    try {
        const limit = Math.min(deadline, Date.now() + ASK_MILLISECONDS);
        const authority = await openAuthority(settings.directoryUrl, "", limit);
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
    const place = `${sealedBucketName}/${delivered.facts.serialNumber}`;
    if (certificate.keyPassword !== undefined && store.state.sealed === place) {
        return;
    }
    const keyPassword = certificate.keyPassword ?? createKeyPassword();
    if (certificate.keyPassword === undefined) {
        await addKeyPassword(secretArn, secret, keyPassword, deadline);
    }
    await publishSealed(sealedBucketName, seal(certificate, keyPassword), deadline);
    await store.keep({ sealed: place });
    log("info", "certificate published for tasks that run", { bucket: sealedBucketName });
}

/**
 * Looks from outside what some tasks show, and tells CloudWatch. Those that take certificates up while they run are to show the newest; others show
 * what they were started with, and that may not be at its end.
 */
async function look({ settings, deadline, delivered, context }: Run): Promise<void> {
    const { watchedPort, hostedZoneId, names, keyType, sealedBucketName } = settings;
    if (watchedPort === undefined || delivered?.state !== "usable") {
        return;
    }
    const { serialNumber } = delivered.facts;
    const isStale = (shown: Shown): boolean => {
        const [from, to] = [shown.validFromDate, shown.validToDate].map((date) => date.getTime());
        return sealedBucketName !== undefined
            ? shown.serialNumber !== serialNumber
            : to - Date.now() < (to - from) * LEAST_LIFETIME_LEFT;
    };
    try {
        const limit = Math.min(deadline, Date.now() + ASK_MILLISECONDS);
        const domain = names[0].replace(/^\*\./, "");
        const isRsa = keyType.startsWith("RSA");
        const seen = await lookAtTasks(openZone(hostedZoneId, limit), domain, watchedPort, isRsa, isStale);
        tellLook(context.functionName, seen, new Date());
    } catch (error) {
        log("warn", "tasks are not looked at", { reason: describeError(error) });
    }
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

/** The zone in which challenges are answered. */
function openZones({ hostedZoneId, delegation }: CertificateSettings, deadline: number): HostedZone {
    return openZone(delegation?.hostedZoneId ?? hostedZoneId, deadline, delegation?.roleArn);
}

function union(some: readonly ChallengeValue[], more: readonly ChallengeValue[]): ChallengeValue[] {
    return [...some.filter(({ value }) => !more.some((each) => each.value === value)), ...more];
}

/** Takes away what this run, or one that was killed, has put into the zone. What cannot be taken away now, the next run tries. */
async function sweep({ settings, store, end }: Run): Promise<void> {
    const { challenges = [] } = store.state;
    if (challenges.length === 0) {
        return;
    }
    const deadline = Math.min(Date.now() + CLEAN_UP_MILLISECONDS, end - NOTIFY_MILLISECONDS);
    try {
        await removeChallenges(openZones(settings, deadline), challenges);
        await store.keep({ challenges: undefined });
    } catch (error) {
        const records = [...new Set(challenges.map(({ recordName }) => recordName))];
        log("error", "challenge records are left behind until the next run", { records, reason: describeError(error) });
    }
}

/** Revokes the delivered certificate. Another one is ordered in the same run. */
async function revoke({ settings, store, deadline }: Run, delivered: Delivered, reason: number): Promise<void> {
    if (delivered.state !== "usable") {
        throw failure("NothingToRevoke", "There is no certificate that could be revoked.");
    }
    const authority = await openAsAccount(settings, deadline);
    await openAccount(authority, settings);
    await revokeCertificate(authority, delivered.certificateChain, reason);
    await store.keep({ revoked: delivered.facts.serialNumber });
    log("info", "certificate revoked", { serialNumber: delivered.facts.serialNumber, reason });
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

/** How things are, without a change to any of them. */
async function show(settings: CertificateSettings, deadline: number): Promise<RenewalResult> {
    const delivered = readDelivered(await readSecret(settings.secretArn, deadline));
    const state = await readState(settings.bucketName, deadline);
    const { reason } = decide(delivered, settings, new Date(), state);
    return result("shown", reason, delivered, state);
}

function result(
    outcome: RenewalResult["outcome"],
    reason: string,
    delivered: Delivered,
    { trouble, nextAttempt, renewalInfo }: RenewalState,
): RenewalResult {
    const facts = delivered.state === "usable" ? delivered.facts : undefined;
    return {
        outcome,
        reason,
        ...(facts && {
            names: facts.names,
            serialNumber: facts.serialNumber,
            notAfter: facts.notAfter.toISOString(),
            renewalDueAt: renewalDueAt(facts, renewalInfo).toISOString(),
        }),
        ...(trouble && { trouble }),
        ...(nextAttempt && { nextAttempt }),
        ...(renewalInfo && { renewalInfo }),
    };
}
