import { type DataSources, onlyOne } from "../resources/dataSources";
import type { Properties } from "../resources/values";

export const ec2DataSources: DataSources = {
    "aws:index/getAvailabilityZones:getAvailabilityZones": async (aws, args) => {
        const { AvailabilityZones = [] } = await aws.ec2.describeAvailabilityZones({});
        const zones = AvailabilityZones.filter((zone) => args.state === undefined || zone.State === args.state).sort(
            (a, b) => (a.ZoneName! < b.ZoneName! ? -1 : 1),
        );
        return {
            id: aws.region,
            region: aws.region,
            names: zones.map((zone) => zone.ZoneName),
            zoneIds: zones.map((zone) => zone.ZoneId),
            groupNames: [aws.region],
        };
    },

    "aws:ec2/getVpc:getVpc": async (aws, args) => {
        const { Vpcs = [] } = await aws.ec2.describeVpcs({
            VpcIds: typeof args.id === "string" ? [args.id] : undefined,
            Filters: [
                ...filters(args),
                ...(args.default === undefined
                    ? []
                    : [{ Name: "is-default", Values: [args.default ? "true" : "false"] }]),
                ...(args.cidrBlock === undefined ? [] : [{ Name: "cidr", Values: [args.cidrBlock as string] }]),
            ],
        });
        const vpc = onlyOne("EC2 VPC", Vpcs);
        return {
            id: vpc.VpcId,
            arn: aws.arn("ec2", `vpc/${vpc.VpcId}`),
            cidrBlock: vpc.CidrBlock,
            default: vpc.IsDefault ?? false,
            dhcpOptionsId: vpc.DhcpOptionsId,
            instanceTenancy: vpc.InstanceTenancy,
            ownerId: vpc.OwnerId,
            region: aws.region,
            state: vpc.State,
            tags: tags(vpc.Tags),
        };
    },

    "aws:ec2/getSubnets:getSubnets": async (aws, args) => {
        const { Subnets = [] } = await aws.ec2.describeSubnets({ Filters: filters(args) });
        const ids = Subnets.map((subnet) => subnet.SubnetId!).sort();
        return { id: aws.region, ids, region: aws.region, tags: args.tags ?? {} };
    },
};

function filters(args: Properties): { Name: string; Values: string[] }[] {
    const given = (args.filters ?? []) as { name: string; values: string[] }[];
    const byTag = Object.entries((args.tags ?? {}) as Record<string, string>);
    return [
        ...given.map(({ name, values }) => ({ Name: name, Values: values })),
        ...byTag.map(([key, value]) => ({ Name: `tag:${key}`, Values: [value] })),
    ];
}

function tags(list: readonly { Key?: string; Value?: string }[] = []): Record<string, string> {
    return Object.fromEntries(list.map(({ Key, Value }) => [Key!, Value!]));
}
