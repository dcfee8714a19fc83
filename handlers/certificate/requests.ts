// What is asked of the function besides renewing: how things are, about the account, and to come to an end with the stack.
import { sleep, type LambdaContext } from "../calls";
import { log } from "../log";
import { rollOver, showAccount } from "./account";
import { decide } from "./decision";
import { readDelivered, readSecret } from "./publish";
import { busy, result, revoke, sweep, type RenewalResult, type Run } from "./run";
import { readCertificateSettings, type CertificateSettings } from "./settings";
import { openState, readState } from "./state";

/** How often a run that is under way is looked at when the stack is destroyed. */
const END_PAUSE_MILLISECONDS = 2_000;
/** A reason to revoke (RFC 5280, section 5.3.1). */
const CESSATION_OF_OPERATION = 5;

/** How things are, without a change to any of them. */
export async function show(settings: CertificateSettings, deadline: number): Promise<RenewalResult> {
    const delivered = readDelivered(await readSecret(settings.secretArn, deadline));
    const state = await readState(settings.bucketName, deadline);
    const { reason } = decide(delivered, settings, new Date(), state);
    return result("shown", reason, delivered, state);
}

/** What is asked by a person, who hears what is wrong with it: nobody else is told, and no renewal waits for it. */
export async function lookAfterAccount(
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
export async function endRenewals(
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
