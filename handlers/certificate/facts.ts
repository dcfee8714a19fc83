import { failure } from "../failure";
import { load } from "../load";

// What a certificate says of itself, and whether its parts fit together.

/** What the settings choose. */
export interface CertificateKind {
    readonly names: readonly string[];
    readonly keyType: string;
    readonly directoryUrl: string;
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

/** The facts of a certificate whose chain, key and names fit together; an error says what does not. */
export function inspect(certificate: Certificate, directoryUrl: string): CertificateFacts {
    const { createPrivateKey, X509Certificate } = load("node:crypto");
    const blocks =
        certificate.certificateChain.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    const chain = blocks.map((block) => new X509Certificate(block));
    const [leaf] = chain;
    if (leaf === undefined) {
        throw failure("CertificateUnusable", "the chain holds no certificate");
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
    return facts.directoryUrl === wanted.directoryUrl
        ? undefined
        : `is from ${facts.directoryUrl} and not from ${wanted.directoryUrl}`;
}

/** Throws unless a new certificate is what was asked for, and in force. */
export function checkNew(facts: CertificateFacts, wanted: CertificateKind, now: Date): void {
    const difference = differenceOf(facts, wanted);
    if (difference !== undefined) {
        throw failure("CertificateUnusable", `the new certificate ${difference}`);
    }
    if (now < facts.notBefore || now >= facts.notAfter) {
        const [from, to] = [facts.notBefore, facts.notAfter].map((date) => date.toISOString());
        throw failure("CertificateUnusable", `the new certificate is in force from ${from} to ${to}, and not now`);
    }
}
