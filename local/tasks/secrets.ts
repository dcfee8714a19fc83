import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { GetParametersCommand, SSMClient } from "@aws-sdk/client-ssm";

import { clientConfig } from "../machine/awsClients";
import type { Scope } from "../machine/awsClients";
import type { TaskRoles } from "./roles";

/** Reads what a container definition's `secrets[].valueFrom` names; its error says what ECS would say. */
export type ReadSecret = (scope: Scope, valueFrom: string, executionRoleArn?: string) => Promise<string>;

export function createSecretReader(gatewayUrl: string, roles?: TaskRoles): ReadSecret {
    return async ({ accountId, region }, valueFrom, executionRoleArn) => {
        const accessKeyId = executionRoleArn && roles?.keyOfRole(executionRoleArn, "ecs-agent");
        const scope = { accountId, region, accessKeyId };
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
    // Several in one: so asks the agent, and so the role must allow.
    const { Parameters = [] } = await client.send(
        new GetParametersCommand({ Names: [valueFrom], WithDecryption: true }),
    );
    if (Parameters.length === 0) {
        throw Object.assign(new Error(valueFrom), { name: "InvalidParameters" });
    }
    return Parameters[0].Value ?? "";
}
