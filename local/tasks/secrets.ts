import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { GetParameterCommand, SSMClient } from "@aws-sdk/client-ssm";

import { clientConfig } from "../machine/awsClients";
import type { Scope } from "../machine/awsClients";

/** Reads what a container definition's `secrets[].valueFrom` names; its error says what ECS would say. */
export type ReadSecret = (scope: Scope, valueFrom: string) => Promise<string>;

export function createSecretReader(gatewayUrl: string): ReadSecret {
    return async (scope, valueFrom) => {
        const isSecret = valueFrom.startsWith("arn:aws:secretsmanager:");
        try {
            return await (isSecret ? readSecret : readParameter)(gatewayUrl, scope, valueFrom);
        } catch (error) {
            const { name, message } = error as Error;
            const what = isSecret
                ? `unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret ${valueFrom} from secrets manager`
                : `unable to retrieve secrets from ssm: service call has been retried 1 time(s): failed to fetch parameter ${valueFrom}`;
            throw new Error(
                "ResourceInitializationError: unable to pull secrets or registry auth: " +
                    `execution resource retrieval failed: ${what}: ${name}: ${message}`,
            );
        }
    };
}

/** `arn:aws:secretsmanager:region:account:secret:name[:jsonKey:versionStage:versionId]` */
async function readSecret(gatewayUrl: string, scope: Scope, valueFrom: string): Promise<string> {
    const parts = valueFrom.split(":");
    const [jsonKey, versionStage, versionId] = parts.slice(7);
    const client = new SecretsManagerClient(clientConfig(gatewayUrl, { ...scope, region: parts[3] }));
    const { SecretString = "" } = await client.send(
        new GetSecretValueCommand({
            SecretId: parts.slice(0, 7).join(":"),
            VersionStage: versionStage || undefined,
            VersionId: versionId || undefined,
        }),
    );
    if (!jsonKey) {
        return SecretString;
    }
    const value = (JSON.parse(SecretString) as Record<string, unknown>)[jsonKey];
    if (value === undefined) {
        throw new Error(`retrieved secret from Secrets Manager did not contain json key ${jsonKey}`);
    }
    return typeof value === "string" ? value : JSON.stringify(value);
}

async function readParameter(gatewayUrl: string, scope: Scope, valueFrom: string): Promise<string> {
    const region = valueFrom.startsWith("arn:") ? valueFrom.split(":")[3] : scope.region;
    const client = new SSMClient(clientConfig(gatewayUrl, { ...scope, region }));
    const { Parameter } = await client.send(new GetParameterCommand({ Name: valueFrom, WithDecryption: true }));
    return Parameter?.Value ?? "";
}
