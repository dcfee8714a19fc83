import { webcrypto } from "node:crypto";

import {
    BasicConstraintsExtension,
    ExtendedKeyUsage,
    ExtendedKeyUsageExtension,
    KeyUsageFlags,
    KeyUsagesExtension,
    SubjectAlternativeNameExtension,
    SubjectKeyIdentifierExtension,
    X509CertificateGenerator,
} from "@peculiar/x509";

export interface TlsFiles {
    /** PEM: the CA to trust. */
    readonly ca: string;
    readonly certificate: string;
    /** PEM, PKCS#8. */
    readonly privateKey: string;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const lifetimeMs = 365 * 24 * 3_600_000;

export interface Authority {
    /** PEM: to be trusted. */
    readonly ca: string;
    /** A certificate for these DNS names and addresses, of which the first is the main one. */
    readonly issue: (names: readonly string[], addresses?: readonly string[]) => Promise<Omit<TlsFiles, "ca">>;
}

/** A CA made for the occasion; its key is nowhere but in this process. */
export async function createAuthority(caName: string): Promise<Authority> {
    const crypto = webcrypto;
    const caKeys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const validity = { notBefore: new Date(Date.now() - 60_000), notAfter: new Date(Date.now() + lifetimeMs) };
    const ca = await X509CertificateGenerator.createSelfSigned(
        {
            ...validity,
            name: `CN=${caName}`,
            keys: caKeys,
            signingAlgorithm: algorithm,
            extensions: [
                new BasicConstraintsExtension(true, undefined, true),
                new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
                await SubjectKeyIdentifierExtension.create(caKeys.publicKey, false, crypto),
            ],
        },
        crypto,
    );
    return {
        ca: ca.toString("pem"),
        async issue(names, addresses = []) {
            const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
            const certificate = await X509CertificateGenerator.create(
                {
                    ...validity,
                    subject: `CN=${names[0]}`,
                    issuer: ca.subject,
                    publicKey: keys.publicKey,
                    signingKey: caKeys.privateKey,
                    signingAlgorithm: algorithm,
                    extensions: [
                        new BasicConstraintsExtension(false, undefined, true),
                        new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
                        new SubjectAlternativeNameExtension([
                            ...names.map((value) => ({ type: "dns" as const, value })),
                            ...addresses.map((value) => ({ type: "ip" as const, value })),
                        ]),
                    ],
                },
                crypto,
            );
            const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
            const lines = pkcs8.match(/.{1,64}/g)?.join("\n");
            return {
                certificate: certificate.toString("pem"),
                privateKey: `-----BEGIN PRIVATE KEY-----\n${lines}\n-----END PRIVATE KEY-----\n`,
            };
        },
    };
}

/** A new CA and one certificate of it, for localhost and 127.0.0.1. */
export async function createTlsCertificate(caName: string): Promise<TlsFiles> {
    const { ca, issue } = await createAuthority(caName);
    return { ca, ...(await issue(["localhost"], ["127.0.0.1"])) };
}
