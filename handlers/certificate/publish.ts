import { call, clientSettings } from "../calls";
import { load } from "../load";
import type { Delivered } from "./decision";
import { inspect, type Certificate, type CertificateFacts } from "./facts";
import { sha256 } from "./keys";

/** The value of the secret, which is what tasks get, and the version that holds it. */
export interface Secret {
    readonly text?: string;
    readonly versionId?: string;
}

export async function readSecret(secretArn: string, deadline: number): Promise<Secret> {
    const { GetSecretValueCommand, SecretsManagerClient } = load("@aws-sdk/client-secrets-manager");
    const secretsManager = new SecretsManagerClient(clientSettings());
    const command = new GetSecretValueCommand({ SecretId: secretArn });
    try {
        const answer = await call(`secretsmanager:GetSecretValue of ${secretArn}`, deadline, () =>
            secretsManager.send(command),
        );
        return { text: answer.SecretString, versionId: answer.VersionId };
    } catch (error) {
        // The same error tells of a secret that does not exist, which is no reason to order a certificate.
        if ((error as Error).name === "ResourceNotFoundException" && /secret value/.test((error as Error).message)) {
            return {};
        }
        throw error;
    }
}

/** The certificate in the secret. */
export function readDelivered({ text }: Secret): Delivered {
    if (text === undefined) {
        return { state: "none" };
    }
    try {
        const certificate = JSON.parse(text) as Certificate & { directoryUrl: string; profile?: string };
        const { certificateChain } = certificate;
        return { state: "usable", facts: inspect(certificate, certificate), certificateChain };
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

/** The certificate and the password of its copies, if there is one. Only of a secret whose certificate is usable. */
export function readSealable({ text = "{}" }: Secret): Certificate & { readonly keyPassword?: string } {
    return JSON.parse(text) as Certificate & { readonly keyPassword?: string };
}

/**
 * Finds out whether a certificate could be delivered, before one is ordered: the present value is put again as the same version, which
 * Secrets Manager allows to whom it allows a new one, and which changes nothing. A secret without a value cannot be asked that way.
 */
export async function proveDelivery(secretArn: string, { text, versionId }: Secret, deadline: number): Promise<void> {
    if (text !== undefined && versionId !== undefined) {
        await putSecret(secretArn, text, versionId, deadline);
    }
}

/** Puts a certificate where tasks get it: from then on it is delivered. Answers what the secret holds then. */
export async function deliverCertificate(
    secretArn: string,
    certificate: Certificate,
    facts: CertificateFacts,
    keyPassword: string | undefined,
    deadline: number,
): Promise<Secret> {
    const { certificateChain, privateKey } = certificate;
    const text = JSON.stringify({ certificateChain, privateKey, ...(keyPassword && { keyPassword }), ...facts });
    // The version's id comes from the certificate: putting it again, after an answer that was lost, is no new version.
    const versionId = versionOf(`${certificateChain}${keyPassword ?? ""}`);
    await putSecret(secretArn, text, versionId, deadline);
    return { text, versionId };
}

/** Puts the password of sealed copies beside a certificate that was delivered without one. */
export async function addKeyPassword(
    secretArn: string,
    { text = "{}" }: Secret,
    keyPassword: string,
    deadline: number,
): Promise<void> {
    const changed = JSON.stringify({ ...(JSON.parse(text) as object), keyPassword });
    await putSecret(secretArn, changed, versionOf(changed), deadline);
}

function versionOf(text: string): string {
    return sha256(text).replace(/[^A-Za-z0-9]/g, "0");
}

async function putSecret(secretArn: string, text: string, versionId: string, deadline: number): Promise<void> {
    const { PutSecretValueCommand, SecretsManagerClient } = load("@aws-sdk/client-secrets-manager");
    const secretsManager = new SecretsManagerClient(clientSettings());
    const command = new PutSecretValueCommand({
        SecretId: secretArn,
        SecretString: text,
        ClientRequestToken: versionId,
    });
    await call(`secretsmanager:PutSecretValue of ${secretArn}`, deadline, () => secretsManager.send(command));
}

/** The public parts in the bucket, by serial number and then as the current one: for people, and needed by nothing. */
export async function writeHistory(
    bucketName: string,
    { certificateChain }: Certificate,
    facts: CertificateFacts,
    deadline: number,
): Promise<void> {
    const { PutObjectCommand, S3Client } = load("@aws-sdk/client-s3");
    const s3 = new S3Client(clientSettings());
    const put = async (Key: string, ContentType: string, Body: string) => {
        const command = new PutObjectCommand({ Bucket: bucketName, Key, ContentType, Body });
        await call(`s3:PutObject of ${bucketName}/${Key}`, deadline, () => s3.send(command));
    };
    const description = JSON.stringify(facts, undefined, 4);
    await put(`${facts.serialNumber}/fullchain.pem`, "application/pem-certificate-chain", certificateChain);
    await put(`${facts.serialNumber}/certificate.json`, "application/json", description);
    await put("current.json", "application/json", description);
}
