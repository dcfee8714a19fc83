import { webcrypto } from "node:crypto";

import { SubjectAlternativeNameExtension, X509CertificateGenerator } from "@peculiar/x509";

export interface Pem {
    readonly certificate: string;
    /** PKCS#8. */
    readonly privateKey: string;
}

const ecdsa = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** Of keys that clients understand which know no ECDSA. */
export const rsa = {
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: 2048,
    publicExponent: new Uint8Array([1, 0, 1]),
    hash: "SHA-256",
};

/** A self-signed certificate for every name one label below `domain`, valid for a day if nothing else is said. */
export async function selfSignedWildcard(
    domain: string,
    [from, to] = [Date.now() - 60_000, Date.now() + 86_400_000],
    algorithm: webcrypto.EcKeyGenParams | webcrypto.RsaHashedKeyGenParams = ecdsa,
): Promise<Pem> {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const certificate = await X509CertificateGenerator.createSelfSigned(
        {
            name: `CN=*.${domain}`,
            keys,
            signingAlgorithm: algorithm,
            notBefore: new Date(from),
            notAfter: new Date(to),
            extensions: [new SubjectAlternativeNameExtension([{ type: "dns", value: `*.${domain}` }])],
        },
        webcrypto,
    );
    const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
    return {
        certificate: certificate.toString("pem"),
        privateKey: `-----BEGIN PRIVATE KEY-----\n${pkcs8}\n-----END PRIVATE KEY-----\n`,
    };
}
