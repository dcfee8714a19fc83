import { call, clientSettings } from "../calls";
import { load } from "../load";
import type { Delivered } from "./decision";
import { inspect, type Certificate, type CertificateFacts } from "./facts";
import type { CertificateSettings } from "./settings";

/** The certificate in the secret, which is the one that tasks get. */
export async function readDelivered(secretArn: string, deadline: number): Promise<Delivered> {
    const { GetSecretValueCommand, SecretsManagerClient } = load("@aws-sdk/client-secrets-manager");
    const secretsManager = new SecretsManagerClient(clientSettings());
    const command = new GetSecretValueCommand({ SecretId: secretArn });
    let secret: string | undefined;
    try {
        const answer = await call(`secretsmanager:GetSecretValue of ${secretArn}`, deadline, () =>
            secretsManager.send(command),
        );
        secret = answer.SecretString;
    } catch (error) {
        // The same error tells of a secret that does not exist, which is no reason to order a certificate.
        if ((error as Error).name === "ResourceNotFoundException" && /secret value/.test((error as Error).message)) {
            return { state: "none" };
        }
        throw error;
    }
    if (secret === undefined) {
        return { state: "none" };
    }
    try {
        const { directoryUrl, ...certificate } = JSON.parse(secret) as Certificate & { directoryUrl: string };
        return { state: "usable", facts: inspect(certificate, directoryUrl) };
    } catch (error) {
        return {
            state: "unusable",
            reason:
                (error as Error).name === "CertificateUnusable"
                    ? (error as Error).message
                    : "it is no certificate as this function writes it",
        };
    }
}

/**
 * Public parts to S3, by serial number and then as the current one; last of all the secret. A run decides by the secret alone,
 * so one that dies on the way is simply done again.
 */
export async function publishCertificate(
    { bucketName, secretArn }: CertificateSettings,
    certificate: Certificate,
    facts: CertificateFacts,
    deadline: number,
): Promise<void> {
    const { PutObjectCommand, S3Client } = load("@aws-sdk/client-s3");
    const { PutSecretValueCommand, SecretsManagerClient } = load("@aws-sdk/client-secrets-manager");
    const s3 = new S3Client(clientSettings());
    const secretsManager = new SecretsManagerClient(clientSettings());
    const put = async (Key: string, ContentType: string, Body: string) => {
        const command = new PutObjectCommand({ Bucket: bucketName, Key, ContentType, Body });
        await call(`s3:PutObject of ${bucketName}/${Key}`, deadline, () => s3.send(command));
    };
    const description = JSON.stringify(facts, undefined, 4);
    await put(`${facts.serialNumber}/fullchain.pem`, "application/pem-certificate-chain", certificate.certificateChain);
    await put(`${facts.serialNumber}/certificate.json`, "application/json", description);
    await put("current.json", "application/json", description);

    const SecretString = JSON.stringify({ ...certificate, ...facts });
    const command = new PutSecretValueCommand({ SecretId: secretArn, SecretString });
    await call(`secretsmanager:PutSecretValue of ${secretArn}`, deadline, () => secretsManager.send(command));
}
