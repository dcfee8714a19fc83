import { call, clientSettings } from "../calls";
import { failure } from "../failure";
import { load } from "../load";
import { log } from "../log";
import { findAccountKeys, keepAccountKeys, readAccountKeys } from "./accountKey";
import { bindExternalAccount, openAuthority, signKeyChange, type Authority, type Refusal } from "./authority";
import { createKey } from "./keys";
import type { CertificateSettings } from "./settings";

/** Finds the account that belongs to the key, or makes it: an authority knows an account by its key (RFC 8555, section 7.3). */
export async function openAccount(authority: Authority, settings: CertificateSettings): Promise<void> {
    const { meta } = authority.directory;
    authority.accountUrl = undefined;
    const { email, externalAccount } = settings;
    const contact = email === "" ? undefined : [`mailto:${email}`];
    if (externalAccount === undefined) {
        if (meta?.externalAccountRequired === true) {
            throw failure(
                "ExternalAccountRequired",
                `${settings.directoryUrl} takes only accounts that it knows already: give acmeExternalAccount, the key id and the ` +
                    "reference of the key that it shows to its customers.",
            );
        }
        authority.accountUrl = await request(authority, settings, { termsOfServiceAgreed: true, contact });
        return;
    }
    // Some authorities take a binding once only: an account that is there is asked for without it.
    if ((await findAccount(authority, settings)) === undefined) {
        const hmacKey = await readHmacKey(externalAccount.keyReference, authority.deadline);
        const binding = bindExternalAccount(authority, { keyId: externalAccount.keyId, hmacKey });
        const terms = { termsOfServiceAgreed: true, contact, externalAccountBinding: binding };
        authority.accountUrl = await request(authority, settings, terms);
    }
}

/** Opens the account that belongs to the key, and gives its URL, which is kept nowhere else (RFC 8555, section 7.3.1); undefined when there is none. */
export async function findAccount(authority: Authority, settings: CertificateSettings): Promise<string | undefined> {
    authority.accountUrl = undefined;
    try {
        authority.accountUrl = await request(authority, settings, { onlyReturnExisting: true });
    } catch (error) {
        if ((error as Refusal).type !== "urn:ietf:params:acme:error:accountDoesNotExist") {
            throw error;
        }
    }
    return authority.accountUrl;
}

/** The authority, asked by the account's own key; a change of it that was cut off is brought to an end first. */
export async function openAsAccount(settings: CertificateSettings, deadline: number): Promise<Authority> {
    const { accountKeyParameter } = settings;
    const [key, next] = await readAccountKeys(accountKeyParameter, deadline);
    if (next !== undefined) {
        await changeKey(settings, key, next, deadline);
    }
    return openAuthority(settings, next ?? key, deadline);
}

/** What the authority knows the account as; undefined when it has none of this key. */
export async function showAccount(settings: CertificateSettings, deadline: number): Promise<string | undefined> {
    const [key, next] = (await findAccountKeys(settings.accountKeyParameter, deadline)) ?? [];
    const url = next && (await accountOf(settings, next, deadline));
    return url ?? (key && accountOf(settings, key, deadline));
}

/**
 * Gives the account another key, and its URL. The new one is kept beside the old one until the authority has taken it: whatever happens in
 * between, the next run finds out which of them is the account's.
 */
export async function rollOver(settings: CertificateSettings, deadline: number): Promise<string> {
    const { accountKeyParameter } = settings;
    const [key, left] = (await findAccountKeys(accountKeyParameter, deadline)) ?? [];
    if (key === undefined) {
        throw noAccount(settings);
    }
    const next = left ?? (await createKey("P-256"));
    if (left === undefined) {
        await keepAccountKeys(accountKeyParameter, [key, next], deadline);
    }
    return changeKey(settings, key, next, deadline);
}

async function changeKey(settings: CertificateSettings, key: string, next: string, deadline: number): Promise<string> {
    const { accountKeyParameter } = settings;
    let url = await accountOf(settings, next, deadline);
    if (url === undefined) {
        try {
            const authority = await openAuthority(settings, key, deadline);
            if ((await findAccount(authority, settings)) === undefined) {
                throw noAccount(settings);
            }
            await authority.post(authority.directory.keyChange, signKeyChange(authority, next));
        } catch (error) {
            const { status = 0, name } = error as Refusal;
            // An answer may have been lost: then the second try was signed by a key that was no longer the account's.
            const isDone = (await accountOf(settings, next, deadline)) !== undefined;
            if (!isDone && (name === "NoAccount" || (status >= 400 && status < 500 && status !== 429))) {
                await keepAccountKeys(accountKeyParameter, [key], deadline); // else each renewal would meet the refusal
            }
            if (!isDone) {
                throw error;
            }
        }
        url = (await accountOf(settings, next, deadline)) ?? "";
    }
    await keepAccountKeys(accountKeyParameter, [next], deadline);
    log("info", "the account has another key", { account: url });
    return url;
}

async function accountOf(settings: CertificateSettings, key: string, deadline: number): Promise<string | undefined> {
    return findAccount(await openAuthority(settings, key, deadline), settings);
}

function noAccount({ directoryUrl }: CertificateSettings): Error {
    return failure("NoAccount", `${directoryUrl} has no account of this key: one is made with the first order.`);
}

async function request(
    { directory, post }: Authority,
    { accountKeyParameter }: CertificateSettings,
    payload: object,
): Promise<string> {
    try {
        const { headers } = await post(directory.newAccount, payload);
        return headers.location ?? "";
    } catch (error) {
        const { type, message } = error as Refusal;
        if (type === "urn:ietf:params:acme:error:unauthorized") {
            const advice = `Delete the SSM parameter ${accountKeyParameter} to begin with a new account.`;
            throw Object.assign(failure("AccountUnusable", `${message} ${advice}`), { type });
        }
        throw error;
    }
}

/** The key that the authority shows to its customers, from a secret of Secrets Manager or else a parameter of SSM. */
async function readHmacKey(reference: string, deadline: number): Promise<string> {
    let key: string | undefined;
    // A stack of several regions has it in one of them.
    const settings = { ...clientSettings(), region: reference.split(":")[3] };
    if (reference.includes(":secretsmanager:")) {
        const { GetSecretValueCommand, SecretsManagerClient } = load("@aws-sdk/client-secrets-manager");
        const secretsManager = new SecretsManagerClient(settings);
        const command = new GetSecretValueCommand({ SecretId: reference });
        const answer = await call(`secretsmanager:GetSecretValue of ${reference}`, deadline, () =>
            secretsManager.send(command),
        );
        key = answer.SecretString;
    } else {
        const { GetParameterCommand, SSMClient } = load("@aws-sdk/client-ssm");
        const ssm = new SSMClient(settings);
        const command = new GetParameterCommand({ Name: reference, WithDecryption: true });
        key = (await call(`ssm:GetParameter of ${reference}`, deadline, () => ssm.send(command))).Parameter?.Value;
    }
    // Authorities show it in base64url, some with padding.
    const text = key?.trim() ?? "";
    if (!/^[\w+/-]{16,}=*$/.test(text)) {
        throw failure(
            "ExternalAccountKeyUnusable",
            `${reference} should hold the HMAC key of the external account alone, in base64url, and does not.`,
        );
    }
    return text;
}
