import type { KeyObject } from "node:crypto";
import { load } from "../load";
import { der, INTEGER, objectIdentifier, SEQUENCE } from "./der";
import type { KeyType } from "./settings";

// Keys, what is signed with them, and the request for a certificate (PKCS #10, RFC 2986).

/** A fresh key (PEM, PKCS #8). */
export async function createKey(keyType: KeyType): Promise<string> {
    const { generateKeyPair } = load("node:crypto");
    return new Promise((resolve, reject) => {
        const done = (error: Error | null, _: KeyObject, key: KeyObject) =>
            error ? reject(error) : resolve(key.export({ type: "pkcs8", format: "pem" }).toString());
        if (keyType === "P-256" || keyType === "P-384") {
            generateKeyPair("ec", { namedCurve: keyType }, done);
        } else {
            generateKeyPair("rsa", { modulusLength: Number(keyType.replace("RSA-", "")) }, done);
        }
    });
}

/**
 * The request (DER) for a certificate of all names. The subject is empty: newer profiles know no common name. Made from the same key and
 * names it differs each time for ECDSA, whose signatures are random, and asks for the same.
 */
export function createRequest(names: readonly string[], privateKey: string): Buffer {
    const { createPrivateKey, createPublicKey, sign } = load("node:crypto");
    const key = createPrivateKey(privateKey);
    const isRsa = key.asymmetricKeyType === "rsa";
    const hash = key.asymmetricKeyDetails?.namedCurve === "secp384r1" ? "sha384" : "sha256";
    const subjectAltName = der(SEQUENCE, ...names.map((name) => der(0x82, Buffer.from(name, "latin1"))));
    const extension = der(SEQUENCE, objectIdentifier("2.5.29.17"), der(0x04, subjectAltName));
    const extensionRequest = der(
        SEQUENCE,
        objectIdentifier("1.2.840.113549.1.9.14"),
        der(0x31, der(SEQUENCE, extension)),
    );
    const info = der(
        SEQUENCE,
        der(INTEGER, Buffer.from([0])),
        der(SEQUENCE),
        createPublicKey(key).export({ type: "spki", format: "der" }),
        der(0xa0, extensionRequest),
    );
    const ecdsa = hash === "sha384" ? "1.2.840.10045.4.3.3" : "1.2.840.10045.4.3.2";
    const algorithm = isRsa
        ? der(SEQUENCE, objectIdentifier("1.2.840.113549.1.1.11"), der(0x05))
        : der(SEQUENCE, objectIdentifier(ecdsa));
    return der(SEQUENCE, info, algorithm, der(0x03, Buffer.from([0]), sign(hash, info, key)));
}

/** The public half of an account's key as ACME sends it (RFC 7517). The order of its members is that of its thumbprint. */
export function publicJwk(privateKey: string): Record<string, string> {
    const { createPrivateKey, createPublicKey } = load("node:crypto");
    const { kty, crv, x, y, e, n } = createPublicKey(createPrivateKey(privateKey)).export({
        format: "jwk",
    }) as Record<string, string>;
    return kty === "RSA" ? { e, kty, n } : { crv, kty, x, y };
}

/** The thumbprint of an account's key (RFC 7638), base64url. */
export function thumbprint(privateKey: string): string {
    return sha256(JSON.stringify(publicJwk(privateKey)));
}

/** base64url of the SHA-256 hash. */
export function sha256(text: string): string {
    return load("node:crypto").createHash("sha256").update(text).digest("base64url");
}

/** A signed request of ACME (RFC 8555, section 6.2; RFC 7515 in its flattened form). */
export function signJws(privateKey: string, header: object, payload: object | undefined): string {
    const { createPrivateKey, sign } = load("node:crypto");
    const key = createPrivateKey(privateKey);
    const { kty, crv } = publicJwk(privateKey);
    const alg = kty === "RSA" ? "RS256" : crv === "P-384" ? "ES384" : "ES256";
    return jws({ alg, ...header }, payload, (input) =>
        sign(alg === "ES384" ? "sha384" : "sha256", input, { key, dsaEncoding: "ieee-p1363" }),
    );
}

/** Binds an account's key to an account that the authority knows already (RFC 8555, section 7.3.4). */
export function bindExternalAccount(
    { keyId, hmacKey }: { readonly keyId: string; readonly hmacKey: string },
    url: string,
    accountKey: string,
): object {
    const { createHmac } = load("node:crypto");
    const sign = (input: Buffer) => createHmac("sha256", Buffer.from(hmacKey, "base64url")).update(input).digest();
    return JSON.parse(jws({ alg: "HS256", kid: keyId, url }, publicJwk(accountKey), sign)) as object;
}

function jws(header: object, payload: object | undefined, sign: (input: Buffer) => Buffer): string {
    const encode = (value: object | undefined) =>
        value === undefined ? "" : Buffer.from(JSON.stringify(value)).toString("base64url");
    const parts = { protected: encode(header), payload: encode(payload) };
    const signature = sign(Buffer.from(`${parts.protected}.${parts.payload}`)).toString("base64url");
    return JSON.stringify({ ...parts, signature });
}
