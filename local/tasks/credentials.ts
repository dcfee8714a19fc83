import { IAMClient, ListAttachedRolePoliciesCommand, ListRolePoliciesCommand } from "@aws-sdk/client-iam";

import { clientConfig } from "../machine/awsClients";
import type { Scope } from "../machine/awsClients";
import type { TaskRoles } from "./roles";

/** The environment variables by which a task's containers call AWS, and trust it: none for a role that permits nothing. */
export type ReadCredentials = (
    scope: Scope,
    taskRoleArn: string | undefined,
) => Promise<Readonly<Record<string, string>>>;

export function createCredentialReader(gatewayUrl: string, roles?: TaskRoles, caFile?: string): ReadCredentials {
    return async (scope, taskRoleArn): Promise<Record<string, string>> => {
        const reason = taskRoleArn && (await roles?.whyNotAssumed(taskRoleArn, "ecs-tasks.amazonaws.com"));
        if (reason !== undefined) {
            throw new Error(
                `ECS was unable to assume the role '${taskRoleArn}' that was provided for this task: ${reason}.`,
            );
        }
        if (taskRoleArn === undefined || !(await permitsAnything(gatewayUrl, scope, taskRoleArn))) {
            return {};
        }
        const accessKeyId = roles?.keyOfRole(taskRoleArn, "task");
        const { credentials } = clientConfig(gatewayUrl, { ...scope, accessKeyId });
        return {
            AWS_ENDPOINT_URL: gatewayUrl,
            AWS_REGION: scope.region,
            AWS_ACCESS_KEY_ID: credentials.accessKeyId,
            AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
            ...(caFile !== undefined && { NODE_EXTRA_CA_CERTS: caFile }),
        };
    };
}

async function permitsAnything(gatewayUrl: string, scope: Scope, roleArn: string): Promise<boolean> {
    const client = new IAMClient(clientConfig(gatewayUrl, scope));
    const RoleName = roleArn.slice(roleArn.lastIndexOf("/") + 1);
    const [{ PolicyNames = [] }, { AttachedPolicies = [] }] = await Promise.all([
        client.send(new ListRolePoliciesCommand({ RoleName })),
        client.send(new ListAttachedRolePoliciesCommand({ RoleName })),
    ]);
    return PolicyNames.length + AttachedPolicies.length > 0;
}
