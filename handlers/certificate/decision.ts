import { differenceOf, type CertificateFacts, type CertificateKind } from "./facts";

// When a certificate is to be issued: nothing here but dates and comparisons.

/** What is delivered at the moment. */
export type Delivered =
    | { readonly state: "none" }
    | { readonly state: "unusable"; readonly reason: string }
    | { readonly state: "usable"; readonly facts: CertificateFacts };

export interface Decision {
    readonly action: "issue" | "renew" | "keep";
    readonly reason: string;
    /** When the delivered certificate is to be renewed. */
    readonly dueAt?: Date;
}

const DAY = 86_400_000;

/** With a third of the lifetime left, or half of it when the certificate lives less than ten days (Let's Encrypt's own advice). */
export function renewalDueAt({ notBefore, notAfter }: CertificateFacts): Date {
    const lifetime = notAfter.getTime() - notBefore.getTime();
    return new Date(notAfter.getTime() - lifetime / (lifetime < 10 * DAY ? 2 : 3));
}

export function decide(delivered: Delivered, wanted: CertificateKind, now: Date, force: boolean): Decision {
    if (delivered.state === "none") {
        return { action: "issue", reason: "there is no certificate yet" };
    }
    if (delivered.state === "unusable") {
        return { action: "issue", reason: `the delivered certificate cannot be used: ${delivered.reason}` };
    }
    const { facts } = delivered;
    const dueAt = renewalDueAt(facts);
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
    if (now >= dueAt) {
        return { action: "renew", reason: `it has been due since ${dueAt.toISOString()}`, dueAt };
    }
    return force
        ? { action: "renew", reason: "it was asked for (force)", dueAt }
        : { action: "keep", reason: `not due before ${dueAt.toISOString()}`, dueAt };
}
