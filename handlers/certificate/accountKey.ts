import type { SSMClient } from "@aws-sdk/client-ssm";
import { call, clientSettings } from "../calls";
import { failure } from "../failure";
import { load } from "../load";
import { createKey } from "./keys";

/**
 * The key of the ACME account (PEM), made on first use. One that is there but cannot be used is an error and never replaced:
 * the account, its limits and its authorizations hang on it.
 */
export async function readAccountKey(parameter: string, deadline: number): Promise<string> {
    const { SSMClient } = load("@aws-sdk/client-ssm");
    const ssm = new SSMClient(clientSettings());
    const key = (await getKey(ssm, parameter, deadline)) ?? (await putNewKey(ssm, parameter, deadline));
    try {
        const { asymmetricKeyType } = load("node:crypto").createPrivateKey(key);
        if (asymmetricKeyType === "ec" || asymmetricKeyType === "rsa") {
            return key;
        }
    } catch {
        // What it holds instead of a key is nobody's business, and so not in the message.
    }
    throw failure(
        "AccountKeyUnusable",
        `The SSM parameter ${parameter} should hold the ACME account's private key (PEM, EC or RSA) and does not. Restore an ` +
            `earlier version of it (aws ssm get-parameter-history --with-decryption --name ${parameter}), or delete it: ` +
            "then the next run begins a new account.",
    );
}

async function getKey(ssm: SSMClient, parameter: string, deadline: number): Promise<string | undefined> {
    const { GetParameterCommand } = load("@aws-sdk/client-ssm");
    const command = new GetParameterCommand({ Name: parameter, WithDecryption: true });
    try {
        const { Parameter } = await call(`ssm:GetParameter of ${parameter}`, deadline, () => ssm.send(command));
        return Parameter?.Value ?? "";
    } catch (error) {
        if ((error as Error).name === "ParameterNotFound") {
            return undefined;
        }
        throw error;
    }
}

async function putNewKey(ssm: SSMClient, parameter: string, deadline: number): Promise<string> {
    const { PutParameterCommand } = load("@aws-sdk/client-ssm");
    const key = await createKey("P-256");
    const command = new PutParameterCommand({
        Name: parameter,
        Description: "Private key of the ACME account that certificates are ordered with",
        Type: "SecureString",
        KeyId: process.env.KMS_KEY_ARN || undefined, // else AWS's own key of SSM
        Value: key,
        Overwrite: false,
    });
    try {
        await call(`ssm:PutParameter of ${parameter}`, deadline, () => ssm.send(command));
        return key;
    } catch (error) {
        if ((error as Error).name === "ParameterAlreadyExists") {
            // Another run was first: its key is the account's.
            return (await getKey(ssm, parameter, deadline)) ?? "";
        }
        throw error;
    }
}
