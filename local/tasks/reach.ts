// Who may connect to whom: security groups, by the sources of their rules.
import { BlockList, isIPv4 } from "node:net";

import { DescribeSecurityGroupsCommand, EC2Client } from "@aws-sdk/client-ec2";
import type { IpPermission } from "@aws-sdk/client-ec2";

import { clientConfig } from "../machine/awsClients";
import type { Scope } from "../machine/awsClients";

/** Everybody, or these networks. */
export type Sources = "everybody" | readonly string[];

export interface Reach {
    /** Who may connect to a TCP port of what is in these groups, by the rules as they were read last. */
    sourcesOf(scope: Scope, securityGroupIds: readonly string[], port: number): Sources;
    /** Reads the rules anew, and tells of the change. */
    refresh(scope: Scope): Promise<void>;
    /** Members of groups have come or gone. */
    changed(): void;
    /** Is told of each change; gives what ends that. */
    onChange(listener: () => void): () => void;
}

export interface ReachOptions {
    readonly gatewayUrl: string;
    /** The networks from which members of a group connect. */
    readonly membersOf: (scope: Scope, securityGroupId: string) => readonly string[];
    /** The network in which tasks and load balancers have their addresses. */
    readonly network: string;
    readonly log: (text: string) => void;
}

/** What visitors, and programs that do not say from where, connect from. */
export const outside = "127.0.0.1/32";

/** A VPC's own networks are some of these (RFC 1918); all tasks and load balancers are in it. */
const privateNetworks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];

export function createReach({ gatewayUrl, membersOf, network, log }: ReachOptions): Reach {
    const rules = new Map<string, ReadonlyMap<string, readonly IpPermission[]>>();
    const listeners = new Set<() => void>();
    const keyOf = ({ accountId, region }: Scope): string => `${accountId} ${region}`;
    const changed = (): void => listeners.forEach((listener) => listener());

    return {
        sourcesOf(scope, securityGroupIds, port) {
            const known = rules.get(keyOf(scope));
            const opening = securityGroupIds
                .flatMap((id) => known?.get(id) ?? [])
                .filter(
                    ({ IpProtocol, FromPort = port, ToPort = port }) =>
                        IpProtocol === "-1" || (IpProtocol === "tcp" && FromPort <= port && port <= ToPort),
                );
            const cidrs = opening.flatMap(({ IpRanges = [] }) => IpRanges.map(({ CidrIp = "" }) => CidrIp));
            const groups = opening.flatMap(({ UserIdGroupPairs = [] }) => UserIdGroupPairs);
            if (cidrs.includes("0.0.0.0/0")) {
                return "everybody";
            }
            const sources = [
                ...cidrs.flatMap((cidr) =>
                    isPrivate(cidr) ? [network] : contains(cidr, "127.0.0.1") ? [outside] : [],
                ),
                ...groups.flatMap(({ GroupId = "" }) => membersOf(scope, GroupId)),
            ];
            return [...new Set(sources)].sort();
        },
        async refresh(scope) {
            const client = new EC2Client(clientConfig(gatewayUrl, scope));
            try {
                const { SecurityGroups = [] } = await client.send(new DescribeSecurityGroupsCommand({}));
                rules.set(
                    keyOf(scope),
                    new Map(SecurityGroups.map(({ GroupId = "", IpPermissions = [] }) => [GroupId, IpPermissions])),
                );
            } catch (error) {
                log(`Security groups could not be read: ${(error as Error).message}`);
            }
            changed();
        },
        changed,
        onChange(listener) {
            listeners.add(listener);
            return () => listeners.delete(listener);
        },
    };
}

function isPrivate(cidr: string): boolean {
    return privateNetworks.some((network) => contains(network, cidr.split("/")[0]));
}

function contains(cidr: string, address: string): boolean {
    const [network, bits] = cidr.split("/");
    const list = new BlockList();
    if (!isIPv4(network)) {
        return false;
    }
    list.addSubnet(network, Number(bits), "ipv4");
    return list.check(address, "ipv4");
}

type Json = Readonly<Record<string, unknown>>;

const filterType = "type.googleapis.com/envoy.extensions.filters.network.rbac.v3.RBAC";
const filterName = "security-groups";

/** The first filter of an Envoy's listener: who may not connect is cut off. What it asks of a connection is in a file, which may change. */
export function reachFilter(path: string): Json {
    return {
        name: filterName,
        config_discovery: {
            config_source: { path_config_source: { path }, resource_api_version: "V3" },
            type_urls: [filterType],
        },
    };
}

/** What stands in that file: these may connect, and within a task everybody by its own loopback address. */
export function reachResource(sources: Sources, loopback?: string): Json {
    const principals =
        sources === "everybody" ? [{ any: true }] : sources.map((cidr) => ({ direct_remote_ip: range(cidr) }));
    const policies = {
        ...(principals.length > 0 && { sources: { permissions: [{ any: true }], principals } }),
        ...(loopback !== undefined && {
            itself: {
                permissions: [{ destination_ip: range(`${loopback}/32`) }],
                principals: [{ any: true }],
            },
        }),
    };
    return {
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        name: filterName,
        typed_config: { "@type": filterType, stat_prefix: filterName, rules: { action: "ALLOW", policies } },
    };
}

function range(cidr: string): Json {
    const [address_prefix, bits] = cidr.split("/");
    return { address_prefix, prefix_len: Number(bits) };
}
