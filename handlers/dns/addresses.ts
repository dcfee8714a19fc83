import type { EC2Client } from "@aws-sdk/client-ec2";
import { call } from "../calls";
import { load } from "../load";

/** What one request's filter may list. */
const INTERFACES_PER_CALL = 200;

/** The addresses by which the internet reaches an interface. */
export interface Addresses {
    readonly ipv4?: string;
    readonly ipv6?: string;
}

/**
 * The public addresses of each network interface; no entry for one that EC2 does not show, yet or any more.
 * A filter and not ids: a single id that is gone would fail the whole request.
 */
export async function publicAddresses(
    ec2: EC2Client,
    networkInterfaceIds: readonly string[],
    deadline: number,
): Promise<Map<string, Addresses>> {
    const { DescribeNetworkInterfacesCommand } = load("@aws-sdk/client-ec2");
    const addresses = new Map<string, Addresses>();
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
            for (const { NetworkInterfaceId = "", Association, Ipv6Addresses } of page.NetworkInterfaces ?? []) {
                const global = Ipv6Addresses?.map(({ Ipv6Address = "" }) => Ipv6Address).find(isGlobal);
                addresses.set(NetworkInterfaceId, { ipv4: Association?.PublicIp, ipv6: global });
            }
            NextToken = page.NextToken;
        } while (NextToken);
    }
    return addresses;
}

/** Global unicast (RFC 4291, 2000::/3), not link-local or unique local. */
function isGlobal(address: string): boolean {
    return /^[23][0-9a-f]{3}:/i.test(address);
}
