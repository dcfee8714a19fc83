import type { SSMClient } from "@aws-sdk/client-ssm";
import { call, clientSettings } from "../calls";
import { failure } from "../failure";
import { load } from "../load";
import { createKey } from "./keys";

/** The key of the ACME account (PEM), and the one that is to take its place while that is under way (RFC 8555, section 7.3.5). */
export type AccountKeys = readonly [key: string, next?: string];

/**
 * Made on first use. One that is there but cannot be used is an error and never replaced: the account, its limits and its authorizations
 * hang on it.
 */
export async function readAccountKeys(parameter: string, deadline: number): Promise<AccountKeys> {
    const ssm = openSsm();
    return keysIn((await getKey(ssm, parameter, deadline)) ?? (await putNewKey(ssm, parameter, deadline)), parameter);
}

/** The same, and undefined before the first use. */
export async function findAccountKeys(parameter: string, deadline: number): Promise<AccountKeys | undefined> {
    const text = await getKey(openSsm(), parameter, deadline);
    return text === undefined ? undefined : keysIn(text, parameter);
}

/** Keeps these instead of what is there. */
export async function keepAccountKeys(parameter: string, keys: AccountKeys, deadline: number): Promise<void> {
    await putKey(openSsm(), parameter, keys.join("\n"), true, deadline);
}

function openSsm(): SSMClient {
    const { SSMClient } = load("@aws-sdk/client-ssm");
    return new SSMClient(clientSettings());
}

function keysIn(text: string, parameter: string): AccountKeys {
    const blocks = text.match(/-----BEGIN [A-Z ]+-----[^-]+-----END [A-Z ]+-----\n?/g) ?? [];
    const isUsable = (key: string): boolean => {
        try {
            return ["ec", "rsa"].includes(load("node:crypto").createPrivateKey(key).asymmetricKeyType ?? "");
        } catch {
            // What it holds instead of a key is nobody's business, and so not in the message.
            return false;
        }
    };
    const keys = blocks.filter((block) => !block.includes("PARAMETERS")); // as openssl writes them before an EC key
    const [key, next, ...more] = keys;
    if (key !== undefined && more.length === 0 && keys.every(isUsable)) {
        return next === undefined ? [key] : [key, next];
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
    const key = await createKey("P-256");
    try {
        await putKey(ssm, parameter, key, false, deadline);
        return key;
    } catch (error) {
        if ((error as Error).name === "ParameterAlreadyExists") {
            // Another run was first: its key is the account's.
            return (await getKey(ssm, parameter, deadline)) ?? "";
        }
        throw error;
    }
}

async function putKey(
    ssm: SSMClient,
    parameter: string,
    Value: string,
    Overwrite: boolean,
    deadline: number,
): Promise<void> {
    const { PutParameterCommand } = load("@aws-sdk/client-ssm");
    const command = new PutParameterCommand({
        Name: parameter,
        Description: "Private key of the ACME account that certificates are ordered with",
        Type: "SecureString",
        KeyId: process.env.KMS_KEY_ARN || undefined, // else AWS's own key of SSM
        Value,
        Overwrite,
    });
    await call(`ssm:PutParameter of ${parameter}`, deadline, () => ssm.send(command));
}
