import { load } from "../load";
import type { KeyType } from "./settings";

/** A fresh key (PEM, PKCS #8). */
export async function createKey(keyType: KeyType): Promise<string> {
    const { crypto } = load("acme-client");
    const key =
        keyType === "P-256" || keyType === "P-384"
            ? await crypto.createPrivateEcdsaKey(keyType)
            : await crypto.createPrivateRsaKey(Number(keyType.replace("RSA-", "")));
    return key.toString();
}

/**
 * The request for a certificate of all names (PKCS #10, RFC 2986), as ACME takes it: base64url of its DER. It has no common name, which newer
 * profiles do not know. Made from the same key and names it differs each time for ECDSA, whose signatures are random, and asks for the same.
 */
export async function createRequest(names: readonly string[], privateKey: string): Promise<string> {
    const { crypto } = load("acme-client");
    const [, request] = await crypto.createCsr({ altNames: [...names] }, privateKey);
    return crypto.getPemBodyAsB64u(request);
}

/** base64url of the SHA-256 hash. */
export function sha256(text: string): string {
    return load("node:crypto").createHash("sha256").update(text).digest("base64url");
}
