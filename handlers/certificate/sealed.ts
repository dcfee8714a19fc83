import { call, clientSettings } from "../calls";
import { load } from "../load";
import { SEALED, SEALED_OBJECT, secretOf } from "../certificateNames";
import type { Certificate } from "./facts";

// A copy of the certificate that anybody may have: its key is encrypted under a password that stands in the secret alone and stays the same
// over renewals. A task gets the password when it starts, and takes up later certificates while it runs.

/** A password for keys to come. */
export function createKeyPassword(): string {
    return load("node:crypto").randomBytes(32).toString("hex");
}

/** The certificate as Envoy reads it from a file (envoy.extensions.transport_sockets.tls.v3.Secret): what encrypts the key is PBES2 with AES-256-CBC. */
export function seal({ certificateChain, privateKey }: Certificate, keyPassword: string): string {
    const key = load("node:crypto").createPrivateKey(privateKey).export({
        type: "pkcs8",
        format: "pem",
        cipher: "aes-256-cbc",
        passphrase: keyPassword,
    });
    return secretOf({
        certificate_chain: { inline_string: certificateChain },
        private_key: { inline_string: key },
        password: { environment_variable: SEALED.passwordVariable },
    });
}

export async function publishSealed(bucketName: string, text: string, deadline: number): Promise<void> {
    const { PutObjectCommand, S3Client } = load("@aws-sdk/client-s3");
    const s3 = new S3Client(clientSettings());
    const command = new PutObjectCommand({
        Bucket: bucketName,
        Key: SEALED_OBJECT,
        ContentType: "application/json",
        CacheControl: "no-cache",
        Body: text,
    });
    await call(`s3:PutObject of ${bucketName}/${SEALED_OBJECT}`, deadline, () => s3.send(command));
}
