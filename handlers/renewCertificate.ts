import type { LambdaContext } from "./calls";
import { isAhead, LONGEST_PAUSE } from "./certificate/attempts";
import { openAuthority } from "./certificate/authority";
import { decide, type Decision, type Delivered } from "./certificate/decision";
import { readChain } from "./certificate/facts";
import { isUnfinished, issue, publishForTasks } from "./certificate/issue";
import { lookFromOutside } from "./certificate/look";
import { recoveryNotice, successNotice } from "./certificate/messages";
import { orderedFor } from "./certificate/pendingOrder";
import { readDelivered, readSecret } from "./certificate/publish";
import { askRenewalInfo, certificateId, LONGEST_SILENCE, type RenewalInfo } from "./certificate/renewalInfo";
import { endRenewals, lookAfterAccount, show } from "./certificate/requests";
import {
    busy,
    CLEAN_UP_MILLISECONDS,
    NOTIFY_MILLISECONDS,
    revoke,
    sweep,
    type RenewalEvent,
    type RenewalResult,
    type Run,
} from "./certificate/run";
import { fail, finish, tell } from "./certificate/runEnd";
import { readCertificateSettings } from "./certificate/settings";
import { openState } from "./certificate/state";
import { describeError } from "./failure";
import { log } from "./log";

export { NAMESPACE } from "./certificate/metrics";
export type { RenewalEvent, RenewalResult };

/** The most that asking for renewal information may take: the certificate's own dates do as well. */
const ASK_MILLISECONDS = 30_000;

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
        const { facts, blemishes } = await issue(run, secret);
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
