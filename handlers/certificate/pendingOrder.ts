import { call, clientSettings } from "../calls";
import { load } from "../load";
import type { CertificateKind } from "./facts";
import { sha256 } from "./keys";

// An order that is under way, and its key, in an SSM SecureString that only this function reads: a run that is killed loses neither. It is
// deleted once its certificate is delivered, with all its versions.

export interface PendingOrder {
    /** What it is for, as `orderedFor` says it. */
    readonly orderedFor: string;
    /** The certificate's key (PEM, PKCS #8). */
    readonly privateKey: string;
    /** None as long as the authority was not asked. */
    readonly url?: string;
    /** How often its certificate was found unusable. */
    readonly unusable?: number;
}

/** Names a kind of certificate in few characters. */
export function orderedFor({ names, keyType, directoryUrl, profile }: CertificateKind): string {
    return sha256(JSON.stringify([[...names].sort(), keyType, directoryUrl, profile ?? ""])).slice(0, 16);
}

export async function readPendingOrder(parameter: string, deadline: number): Promise<PendingOrder | undefined> {
    const { GetParameterCommand, SSMClient } = load("@aws-sdk/client-ssm");
    const ssm = new SSMClient(clientSettings());
    const command = new GetParameterCommand({ Name: parameter, WithDecryption: true });
    let text: string;
    try {
        text =
            (await call(`ssm:GetParameter of ${parameter}`, deadline, () => ssm.send(command))).Parameter?.Value ?? "";
    } catch (error) {
        if ((error as Error).name === "ParameterNotFound") {
            return undefined;
        }
        throw error;
    }
    try {
        const { key, ...order } = JSON.parse(text) as Omit<PendingOrder, "privateKey"> & { readonly key: string };
        const der = { key: Buffer.from(key, "base64"), format: "der", type: "pkcs8" } as const;
        const privateKey = load("node:crypto")
            .createPrivateKey(der)
            .export({ type: "pkcs8", format: "pem" })
            .toString();
        return { ...order, privateKey };
    } catch {
        // What somebody wrote there by hand is no order; the next one takes its place.
        return undefined;
    }
}

export async function keepPendingOrder(
    parameter: string,
    { privateKey, ...order }: PendingOrder,
    deadline: number,
): Promise<void> {
    const { PutParameterCommand, SSMClient } = load("@aws-sdk/client-ssm");
    const ssm = new SSMClient(clientSettings());
    // Without PEM's frame: a parameter that costs nothing holds 4 KB, and an RSA key of 4096 bits takes most of it.
    const key = privateKey.replace(/-----[^-]+-----|\s/g, "");
    const command = new PutParameterCommand({
        Name: parameter,
        Description: "An ACME order under way and its key; gone once the certificate is delivered",
        Type: "SecureString",
        KeyId: process.env.KMS_KEY_ARN || undefined, // else AWS's own key of SSM
        Value: JSON.stringify({ ...order, key }),
        Overwrite: true,
    });
    await call(`ssm:PutParameter of ${parameter}`, deadline, () => ssm.send(command));
}

export async function forgetPendingOrder(parameter: string, deadline: number): Promise<void> {
    const { DeleteParameterCommand, SSMClient } = load("@aws-sdk/client-ssm");
    const ssm = new SSMClient(clientSettings());
    const command = new DeleteParameterCommand({ Name: parameter });
    try {
        await call(`ssm:DeleteParameter of ${parameter}`, deadline, () => ssm.send(command));
    } catch (error) {
        if ((error as Error).name !== "ParameterNotFound") {
            throw error;
        }
    }
}
