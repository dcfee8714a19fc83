import { load } from "../load";
import type { Authority, Refusal } from "./authority";

/** Revokes a certificate (RFC 8555, section 7.6); one that is revoked already is as wanted. */
export async function revokeCertificate({ directory, post }: Authority, pem: string, reason: number): Promise<void> {
    const { X509Certificate } = load("node:crypto");
    const certificate = new X509Certificate(pem).raw.toString("base64url");
    try {
        await post(directory.revokeCert, { certificate, reason });
    } catch (error) {
        if ((error as Refusal).type !== "urn:ietf:params:acme:error:alreadyRevoked") {
            throw error;
        }
    }
}
