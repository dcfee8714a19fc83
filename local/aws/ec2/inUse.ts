import type { NetworkInterface } from "../../tasks/networkInterfaces";
import { AwsError } from "../gateway/overlay";

const reference = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference";

/** What of EC2 knows what else is used. */
export interface Ec2State {
    readonly networkInterfaces: readonly NetworkInterface[];
    /** By load balancers and caches. */
    readonly uses: (id: string) => boolean;
    /** The items of an operation's only list. */
    readonly list: (operation: string) => Promise<readonly Item[]>;
}

/** As EC2 writes it: each list is its `item`. */
export interface Item {
    readonly [name: string]: string | Item | readonly Item[] | undefined;
}

interface InUse {
    readonly source: string;
    /** Of the parameters: what goes. */
    readonly parameter: string;
    readonly code: string;
    message(id: string): string;
    isUsed(id: string, state: Ec2State): boolean | Promise<boolean>;
}

const hasDependencies = (kind: string) => (id: string) => `The ${kind} '${id}' has dependencies and cannot be deleted.`;

/** What does not go while something else uses it, by operation. VPCs: the emulator. */
export const inUse: Readonly<Record<string, InUse>> = {
    DeleteSecurityGroup: {
        source: `${reference}/API_DeleteSecurityGroup.html`,
        parameter: "GroupId",
        code: "DependencyViolation",
        message: (id) => `resource ${id} has a dependent object`,
        isUsed: async (id, { networkInterfaces, uses, list }) =>
            uses(id) ||
            networkInterfaces.some(({ securityGroupIds }) => securityGroupIds.includes(id)) ||
            (await list("DescribeSecurityGroups")).some(
                (group) =>
                    group.groupId !== id &&
                    itemsOf(group.ipPermissions).some((permission) =>
                        itemsOf(permission.groups).some(({ groupId }) => groupId === id),
                    ),
            ),
    },
    DeleteSubnet: {
        source: `${reference}/API_DeleteSubnet.html`,
        parameter: "SubnetId",
        code: "DependencyViolation",
        message: hasDependencies("subnet"),
        isUsed: async (id, { networkInterfaces, uses, list }) =>
            uses(id) ||
            networkInterfaces.some(({ subnetId }) => subnetId === id) ||
            (await list("DescribeNatGateways")).some(({ subnetId, state }) => subnetId === id && state !== "deleted"),
    },
    DeleteRouteTable: {
        source: `${reference}/API_DeleteRouteTable.html`,
        parameter: "RouteTableId",
        code: "DependencyViolation",
        message: hasDependencies("routeTable"),
        async isUsed(id, { list }) {
            const subnets = (await list("DescribeSubnets")).map(({ subnetId }) => subnetId);
            return (await list("DescribeRouteTables"))
                .filter(({ routeTableId }) => routeTableId === id)
                .flatMap(({ associationSet }) => itemsOf(associationSet))
                .some(({ main, subnetId }) => main === "true" || subnets.includes(subnetId));
        },
    },
    DeleteInternetGateway: {
        source: `${reference}/API_DeleteInternetGateway.html`,
        parameter: "InternetGatewayId",
        code: "DependencyViolation",
        message: hasDependencies("internetGateway"),
        isUsed: async (id, { list }) =>
            (await list("DescribeInternetGateways")).some(
                ({ internetGatewayId, attachmentSet }) => internetGatewayId === id && itemsOf(attachmentSet).length > 0,
            ),
    },
};

/** @throws AwsError for what is in use */
export async function refuseInUse(
    operation: string | undefined,
    parameters: Readonly<Record<string, unknown>>,
    state: Ec2State,
): Promise<void> {
    const rule = inUse[operation ?? ""];
    const id = rule && parameters[rule.parameter];
    if (typeof id === "string" && (await rule.isUsed(id, state))) {
        throw new AwsError(rule.code, rule.message(id));
    }
}

export function itemsOf(list: Item[string]): readonly Item[] {
    const items = typeof list === "object" && "item" in list ? list.item : undefined;
    return items === undefined || typeof items === "string" ? [] : [items].flat();
}
