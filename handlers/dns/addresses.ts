import type { EC2Client } from "@aws-sdk/client-ec2";
import { call } from "../calls";
import { load } from "../load";

/** What one request's filter may list. */
const INTERFACES_PER_CALL = 200;

/**
 * The public IPv4 address of each network interface; undefined for one that has none, no entry for one that is no more.
 * A filter and not ids: a single id that is gone would fail the whole request.
 */
export async function publicAddresses(
    ec2: EC2Client,
    networkInterfaceIds: readonly string[],
    deadline: number,
): Promise<Map<string | undefined, string | undefined>> {
    const { DescribeNetworkInterfacesCommand } = load("@aws-sdk/client-ec2");
    const addresses = new Map<string | undefined, string | undefined>();
    for (let first = 0; first < networkInterfaceIds.length; first += INTERFACES_PER_CALL) {
        const Values = networkInterfaceIds.slice(first, first + INTERFACES_PER_CALL);
        let NextToken: string | undefined;
        do {
            const command = new DescribeNetworkInterfacesCommand({
                Filters: [{ Name: "network-interface-id", Values }],
                // An account may hide what a service manages for it, as these interfaces are.
                IncludeManagedResources: true,
                MaxResults: 1_000,
                NextToken,
            });
            const page = await call("ec2:DescribeNetworkInterfaces", deadline, () => ec2.send(command));
            for (const { NetworkInterfaceId, Association } of page.NetworkInterfaces ?? []) {
                addresses.set(NetworkInterfaceId, Association?.PublicIp);
            }
            NextToken = page.NextToken;
        } while (NextToken);
    }
    return addresses;
}
