import { call, clientSettings } from "../calls";
import { load } from "../load";
import { SEALED, SEALED_OBJECTS, secretOf } from "../certificateNames";
import type { Certificate } from "./facts";

// Copies of the certificate that anybody may have: the key is encrypted under a password that stands in the secret alone and stays the same
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

/**
 * The same as Traefik's templates open it (`decryptAES` of sprig): a line of base64 with an initialization vector and the key under AES-256-CBC, then the
 * chain. That function takes the password's first 32 characters for the cipher's key as they are: 128 random bits.
 */
export function sealForTraefik({ certificateChain, privateKey }: Certificate, keyPassword: string): string {
    const { createCipheriv, randomBytes } = load("node:crypto");
    const [key, initial] = [Buffer.alloc(32), randomBytes(16)];
    key.write(keyPassword);
    const cipher = createCipheriv("aes-256-cbc", key, initial);
    const sealed = Buffer.concat([initial, cipher.update(privateKey), cipher.final()]);
    return `${sealed.toString("base64")}\n${certificateChain}`;
}

export async function publishSealed(
    bucketName: string,
    certificate: Certificate,
    keyPassword: string,
    deadline: number,
): Promise<void> {
    const { PutObjectCommand, S3Client } = load("@aws-sdk/client-s3");
    const s3 = new S3Client(clientSettings());
    for (const [Key, ContentType, Body] of [
        [SEALED_OBJECTS.envoy, "application/json", seal(certificate, keyPassword)],
        [SEALED_OBJECTS.traefik, "text/plain", sealForTraefik(certificate, keyPassword)],
    ]) {
        const command = new PutObjectCommand({
            Bucket: bucketName,
            Key,
            ContentType,
            CacheControl: "no-cache",
            Body,
        });
        await call(`s3:PutObject of ${bucketName}/${Key}`, deadline, () => s3.send(command));
    }
}
