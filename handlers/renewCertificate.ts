import type { LambdaContext } from "./calls";
import { readAccountKey } from "./certificate/accountKey";
import { openAccount } from "./certificate/authority";
import { decide, renewalDueAt, type Delivered } from "./certificate/decision";
import { checkNew, inspect, type CertificateFacts } from "./certificate/facts";
import { failureNotice, notify, successNotice, type Notice } from "./certificate/messages";
import { orderCertificate } from "./certificate/order";
import { publishCertificate, readDelivered } from "./certificate/publish";
import { readCertificateSettings, type CertificateSettings } from "./certificate/settings";
import { required } from "./environment";
import { describeError, failure } from "./failure";
import { openZone } from "./hostedZone";
import { log } from "./log";

/** A scheduled run has other fields or none; `{"force": true}` renews even if it is not due. */
export interface RenewalEvent {
    readonly force?: boolean;
}

export interface RenewalResult {
    readonly outcome: "issued" | "renewed" | "not due";
    readonly reason: string;
    readonly names: readonly string[];
    readonly serialNumber: string;
    readonly notAfter: string;
    readonly renewalDueAt: string;
}

// What is kept of the function's time: to take the challenge records away again, and to tell of a failure.
const CLEAN_UP_MILLISECONDS = 20_000;
const NOTIFY_MILLISECONDS = 10_000;
/** An order needs this much, most of it for Route 53 to publish the challenge records. */
const ORDER_MILLISECONDS = 90_000;

/**
 * Issues the certificate when there is none or another is wanted, and renews it when it is due. Whatever goes wrong is told to
 * the topic and thrown, and leaves the delivered certificate as it is.
 */
export async function renewCertificate(event: RenewalEvent | null, context: LambdaContext): Promise<RenewalResult> {
    const end = Date.now() + context.getRemainingTimeInMillis();
    const cleanUpDeadline = end - NOTIFY_MILLISECONDS;
    const deadline = cleanUpDeadline - CLEAN_UP_MILLISECONDS;
    let delivered: Delivered | undefined;
    try {
        const settings = readCertificateSettings();
        delivered = await readDelivered(settings.secretArn, deadline);
        const { action, reason } = decide(delivered, settings, new Date(), event?.force === true);
        log("info", "decided", { action, reason });
        if (action === "keep" && delivered.state === "usable") {
            return result("not due", reason, delivered.facts);
        }
        const facts = await issue(settings, deadline, cleanUpDeadline);
        log("info", "certificate delivered", facts);
        await tell(successNotice(facts, reason, settings.secretArn), end);
        return result(action === "renew" ? "renewed" : "issued", reason, facts);
    } catch (thrown) {
        const error = thrown as Error;
        log("error", "certificate not issued", { error: error.name, reason: error.message, stack: error.stack });
        await tell(failureNotice(error, delivered, new Date(), context), end);
        throw error;
    }
}

/** Orders a certificate, and delivers it once it is found to be what was asked for. */
async function issue(
    settings: CertificateSettings,
    deadline: number,
    cleanUpDeadline: number,
): Promise<CertificateFacts> {
    const left = deadline - Date.now();
    if (left < ORDER_MILLISECONDS) {
        throw failure(
            "OutOfTime",
            `The function has ${Math.floor(left / 1_000)} s for an order, and one may need ${ORDER_MILLISECONDS / 1_000} s: raise its timeout (300 s is good).`,
        );
    }
    const accountKey = await readAccountKey(settings.accountKeyParameter, deadline);
    const client = await openAccount(settings, accountKey, deadline);
    const zone = openZone(settings.hostedZoneId, deadline);
    const certificate = await orderCertificate(client, zone, settings, cleanUpDeadline);
    const facts = inspect(certificate, settings.directoryUrl);
    checkNew(facts, settings, new Date());
    await publishCertificate(settings, certificate, facts, deadline);
    return facts;
}

/** Notifies; a notice that cannot be sent must not hide what it is about. */
async function tell(notice: Notice, deadline: number): Promise<void> {
    try {
        await notify(required("TOPIC_ARN"), notice, deadline);
    } catch (error) {
        log("error", "notice not sent", { subject: notice.subject, reason: describeError(error) });
    }
}

function result(outcome: RenewalResult["outcome"], reason: string, facts: CertificateFacts): RenewalResult {
    return {
        outcome,
        reason,
        names: facts.names,
        serialNumber: facts.serialNumber,
        notAfter: facts.notAfter.toISOString(),
        renewalDueAt: renewalDueAt(facts).toISOString(),
    };
}
