import { call, clientSettings } from "../calls";
import { failure } from "../failure";
import { load } from "../load";
import { bindExternalAccount, type Authority, type Refusal } from "./authority";
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
    try {
        // Some authorities take a binding once only: an account that is there is asked for without it.
        authority.accountUrl = await request(authority, settings, { onlyReturnExisting: true });
    } catch (error) {
        if ((error as Refusal).type !== "urn:ietf:params:acme:error:accountDoesNotExist") {
            throw error;
        }
        const hmacKey = await readHmacKey(externalAccount.keyReference, authority.deadline);
        const binding = bindExternalAccount(authority, { keyId: externalAccount.keyId, hmacKey });
        const terms = { termsOfServiceAgreed: true, contact, externalAccountBinding: binding };
        authority.accountUrl = await request(authority, settings, terms);
    }
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
