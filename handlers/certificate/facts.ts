import { failure } from "../failure";
import { load } from "../load";

// What a certificate says of itself, and whether its parts fit together.

/** What the settings choose. */
export interface CertificateKind {
    readonly names: readonly string[];
    readonly keyType: string;
    readonly directoryUrl: string;
    /** The authority's profile that was asked for; none when it was left to the authority. */
    readonly profile?: string;
}

export interface CertificateFacts extends CertificateKind {
    readonly serialNumber: string;
    readonly notBefore: Date;
    readonly notAfter: Date;
}

/** A certificate with its issuers (PEM, leaf first) and its key (PEM, PKCS#8). */
export interface Certificate {
    readonly certificateChain: string;
    readonly privateKey: string;
}

/** The certificates of a chain (PEM), leaf first, and nothing of what may stand between them. One that is cut off is an error. */
export function readChain(text: string): string[] {
    const blocks = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    if (blocks.length !== (text.match(/-----BEGIN /g) ?? []).length) {
        throw failure("CertificateUnusable", "the chain is cut off, or holds something else than certificates");
    }
    return blocks.map((block) => `${block}\n`);
}

/** The facts of a certificate whose chain, key and names fit together; an error says what does not. */
export function inspect(
    certificate: Certificate,
    { directoryUrl, profile }: Pick<CertificateKind, "directoryUrl" | "profile">,
): CertificateFacts {
    const { createPrivateKey, X509Certificate } = load("node:crypto");
    const chain = readChain(certificate.certificateChain).map((block) => new X509Certificate(block));
    const [leaf] = chain;
    if (leaf === undefined) {
        throw failure("CertificateUnusable", "the chain holds no certificate");
    }
    if (chain.length === 1) {
        throw failure(
            "CertificateUnusable",
            "the chain lacks the issuer's certificate, without which clients do not trust it",
        );
    }
    chain.slice(1).forEach((issuer, index) => {
        const subject = chain[index];
        if (!subject.checkIssued(issuer) || !subject.verify(issuer.publicKey)) {
            throw failure(
                "CertificateUnusable",
                `"${subject.subject}" in the chain is not issued by the next one, "${issuer.subject}"`,
            );
        }
    });
    if (!leaf.checkPrivateKey(createPrivateKey(certificate.privateKey))) {
        throw failure("CertificateUnusable", "the private key is not the certificate's");
    }
    const { asymmetricKeyType, asymmetricKeyDetails } = leaf.publicKey;
    const curves: Record<string, string> = { prime256v1: "P-256", secp384r1: "P-384" };
    return {
        // "DNS:*.example.com, DNS:example.com"; there may be no common name, so it is never asked.
        names: (leaf.subjectAltName ?? "").split(", ").map((name) => name.replace(/^DNS:/, "").toLowerCase()),
        keyType:
            asymmetricKeyType === "rsa"
                ? `RSA-${asymmetricKeyDetails?.modulusLength}`
                : (curves[asymmetricKeyDetails?.namedCurve ?? ""] ?? `${asymmetricKeyType}`),
        directoryUrl,
        ...(profile && { profile }),
        serialNumber: leaf.serialNumber,
        notBefore: leaf.validFromDate,
        notAfter: leaf.validToDate,
    };
}

/** What a certificate is otherwise than wanted, if anything. */
export function differenceOf(facts: CertificateKind, wanted: CertificateKind): string | undefined {
    const [has, wants] = [facts.names, wanted.names].map((names) => [...names].sort().join(", "));
    if (has !== wants) {
        return `is for ${has} and not for ${wants}`;
    }
    if (facts.keyType !== wanted.keyType) {
        return `has a key of type ${facts.keyType} and not ${wanted.keyType}`;
    }
    if (facts.directoryUrl !== wanted.directoryUrl) {
        return `is from ${facts.directoryUrl} and not from ${wanted.directoryUrl}`;
    }
    const [had, wantedProfile] = [facts.profile, wanted.profile].map((profile) => profile || "none");
    return had === wantedProfile ? undefined : `has the profile ${had} and not ${wantedProfile}`;
}

/** How far this clock may be behind an authority's that does not backdate its certificates. */
const CLOCK_TOLERANCE = 3_600_000;

/** Throws unless a new certificate is what was asked for, and in force. */
export function checkNew(facts: CertificateFacts, wanted: CertificateKind, now: Date): void {
    const difference = differenceOf(facts, wanted);
    if (difference !== undefined) {
        throw failure("CertificateUnusable", `the new certificate ${difference}`);
    }
    if (now.getTime() < facts.notBefore.getTime() - CLOCK_TOLERANCE || now >= facts.notAfter) {
        const [from, to] = [facts.notBefore, facts.notAfter].map((date) => date.toISOString());
        throw failure("CertificateUnusable", `the new certificate is in force from ${from} to ${to}, and not now`);
    }
}
