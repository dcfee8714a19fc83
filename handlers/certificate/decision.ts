import { differenceOf, type CertificateFacts, type CertificateKind } from "./facts";
import type { RenewalInfo } from "./renewalInfo";

// When a certificate is to be issued: nothing here but dates and comparisons.

/** What is delivered at the moment. */
export type Delivered =
    | { readonly state: "none" }
    | { readonly state: "unusable"; readonly reason: string }
    | { readonly state: "usable"; readonly facts: CertificateFacts; readonly certificateChain: string };

export interface Decision {
    readonly action: "issue" | "renew" | "keep";
    readonly reason: string;
    /** When the delivered certificate is to be renewed. */
    readonly dueAt?: Date;
}

/** What else is known. */
export interface Circumstances {
    /** The authority's own wish for this certificate. */
    readonly renewalInfo?: RenewalInfo;
    /** It was revoked by this function. */
    readonly isRevoked?: boolean;
    /** Somebody asked for a new one. */
    readonly force?: boolean;
}

const DAY = 86_400_000;

/** With a third of the lifetime left, or half of it when the certificate lives less than ten days (Let's Encrypt's own advice). */
export function renewalDueAt(
    { notBefore, notAfter }: Pick<CertificateFacts, "notBefore" | "notAfter">,
    renewalInfo?: RenewalInfo,
): Date {
    const lifetime = notAfter.getTime() - notBefore.getTime();
    if (renewalInfo !== undefined) {
        // An authority's wish counts, but for one that would leave no time to try again.
        return new Date(Math.min(Date.parse(renewalInfo.chosen), notAfter.getTime() - lifetime / 10));
    }
    return new Date(notAfter.getTime() - lifetime / (lifetime < 10 * DAY ? 2 : 3));
}

export function decide(
    delivered: Delivered,
    wanted: CertificateKind,
    now: Date,
    { renewalInfo, isRevoked, force }: Circumstances = {},
): Decision {
    if (delivered.state === "none") {
        return { action: "issue", reason: "there is no certificate yet" };
    }
    if (delivered.state === "unusable") {
        return { action: "issue", reason: `the delivered certificate cannot be used: ${delivered.reason}` };
    }
    const { facts } = delivered;
    const dueAt = renewalDueAt(facts, renewalInfo);
    const difference = differenceOf(facts, wanted);
    if (difference !== undefined) {
        return { action: "issue", reason: `the delivered certificate ${difference}`, dueAt };
    }
    if (now >= facts.notAfter) {
        return {
            action: "issue",
            reason: `the delivered certificate expired at ${facts.notAfter.toISOString()}`,
            dueAt,
        };
    }
    if (isRevoked === true) {
        return { action: "issue", reason: "the delivered certificate was revoked", dueAt };
    }
    if (now >= dueAt) {
        const why =
            renewalInfo === undefined
                ? ""
                : ` by the authority's wish${renewalInfo.explanationUrl ? `, see ${renewalInfo.explanationUrl}` : ""}`;
        return { action: "renew", reason: `it has been due since ${dueAt.toISOString()}${why}`, dueAt };
    }
    return force
        ? { action: "renew", reason: "it was asked for (force)", dueAt }
        : { action: "keep", reason: `not due before ${dueAt.toISOString()}`, dueAt };
}
