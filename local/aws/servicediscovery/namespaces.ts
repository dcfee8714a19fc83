import { ListNamespacesCommand, ServiceDiscoveryClient } from "@aws-sdk/client-servicediscovery";

import { clientConfig } from "../../machine/awsClients";
import type { Scope } from "../../machine/awsClients";

/**
 * Asks Cloud Map, as ECS does, whether there is a namespace of this ARN or name: by its own role, whoever asks ECS
 * (https://docs.aws.amazon.com/aws-managed-policy/latest/reference/AmazonECSServiceRolePolicy.html).
 */
export function createNamespaceReader(gatewayUrl: string): (scope: Scope, namespace: string) => Promise<boolean> {
    return async ({ accountId, region }, namespace) => {
        const client = new ServiceDiscoveryClient(clientConfig(gatewayUrl, { accountId, region }));
        const { Namespaces = [] } = await client.send(new ListNamespacesCommand({}));
        return Namespaces.some(({ Arn, Name }) => Arn === namespace || Name === namespace);
    };
}
