import { DescribeSecurityGroupsCommand, EC2Client } from "@aws-sdk/client-ec2";

import { clientConfig } from "../machine/awsClients";
import type { Scope } from "../machine/awsClients";

/** Whether a rule opens this TCP port, to whomever. */
export type IsOpen = (port: number) => boolean;

/** Reads the rules of the security groups of a task. */
export type ReadIngress = (scope: Scope, securityGroupIds: readonly string[]) => Promise<IsOpen>;

export function createIngressReader(gatewayUrl: string): ReadIngress {
    return async (scope, securityGroupIds) => {
        if (securityGroupIds.length === 0) {
            return () => false; // the VPC's default group opens nothing to others
        }
        const client = new EC2Client(clientConfig(gatewayUrl, scope));
        const { SecurityGroups = [] } = await client
            .send(new DescribeSecurityGroupsCommand({ GroupIds: [...securityGroupIds] }))
            .catch(({ name, message }: Error) => {
                throw new Error(
                    `Unexpected EC2 error while attempting to Create Network Interface: ${name}: ${message}`,
                );
            });
        const permissions = SecurityGroups.flatMap(({ IpPermissions = [] }) => IpPermissions);
        return (port) =>
            permissions.some(
                ({ IpProtocol, FromPort = port, ToPort = port }) =>
                    IpProtocol === "-1" || (IpProtocol === "tcp" && FromPort <= port && port <= ToPort),
            );
    };
}
