// One run of the renewal, and what everybody does who has the lease.
import type { LambdaContext } from "../calls";
import { describeError, failure } from "../failure";
import { openZone, type HostedZone } from "../hostedZone";
import { log } from "../log";
import { openAccount, openAsAccount } from "./account";
import { removeChallenges } from "./challengeRecords";
import { renewalDueAt, type Delivered } from "./decision";
import type { RenewalInfo } from "./renewalInfo";
import { revokeCertificate } from "./revocation";
import type { CertificateSettings } from "./settings";
import type { RenewalState, StateStore } from "./state";

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
export const CLEAN_UP_MILLISECONDS = 20_000;
export const NOTIFY_MILLISECONDS = 10_000;

/** One run: what it has to go by, and what it found out. */
export interface Run {
    readonly settings: CertificateSettings;
    readonly store: StateStore;
    /** For the work; what comes after it has time of its own. */
    readonly deadline: number;
    readonly end: number;
    readonly context: LambdaContext;
    delivered: Delivered | undefined;
}

export function busy({ busyUntil }: { readonly busyUntil: string }): RenewalResult {
    return { outcome: "busy", reason: `another run is at it, until ${busyUntil} at most` };
}

/** What a run answers. */
export function result(
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

/** The zone in which challenges are answered. */
export function openZones({ hostedZoneId, delegation }: CertificateSettings, deadline: number): HostedZone {
    return openZone(delegation?.hostedZoneId ?? hostedZoneId, deadline, delegation?.roleArn);
}

/** Takes away what this run, or one that was killed, has put into the zone. What cannot be taken away now, the next run tries. */
export async function sweep({ settings, store, end }: Run): Promise<void> {
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
export async function revoke({ settings, store, deadline }: Run, delivered: Delivered, reason: number): Promise<void> {
    if (delivered.state !== "usable") {
        throw failure("NothingToRevoke", "There is no certificate that could be revoked.");
    }
    const authority = await openAsAccount(settings, deadline);
    await openAccount(authority, settings);
    await revokeCertificate(authority, delivered.certificateChain, reason);
    await store.keep({ revoked: delivered.facts.serialNumber });
    log("info", "certificate revoked", { serialNumber: delivered.facts.serialNumber, reason });
}
