// How a run ends: what is kept of it, and who is told.
import type { LambdaContext } from "../calls";
import { required } from "../environment";
import { describeError, failure } from "../failure";
import { log } from "../log";
import { failedAttempt, isAuthoritysRefusal, troubled } from "./attempts";
import type { Refusal } from "./authority";
import type { Delivered } from "./decision";
import { failureNotice, notify, type Notice } from "./messages";
import { tellMetrics } from "./metrics";
import { result, sweep, type RenewalResult, type Run } from "./run";
import type { RenewalState } from "./state";

/** Keeps what was found out, gives the lease back, and says how things are. */
export async function finish(
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
export async function fail(error: Refusal, run: Run | undefined, end: number, context: LambdaContext): Promise<void> {
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
export async function tell(notice: Notice, deadline: number): Promise<void> {
    try {
        await notify(required("TOPIC_ARN"), notice, deadline);
    } catch (error) {
        log("error", "notice not sent", { subject: notice.subject, reason: describeError(error) });
    }
}
