import type { IpPermission, SecurityGroup } from "@aws-sdk/client-ec2";
import type { SecurityGroupArgs, SecurityGroupState } from "@pulumi/aws/ec2/securityGroup";
import type { SecurityGroupRuleArgs, SecurityGroupRuleState } from "@pulumi/aws/ec2/securityGroupRule";
import type {
    SecurityGroupIngressRuleArgs,
    SecurityGroupIngressRuleState,
} from "@pulumi/aws/vpc/securityGroupIngressRule";
import {
    adapter,
    type Adapters,
    type Change,
    changeTags,
    fields,
    Gone,
    type Inputs,
    service,
    tagList,
    tagsAll,
} from "../resources/adapter";
import { ec2Id } from "../resources/kept";
import { randomHex } from "../resources/naming";
import { patiently } from "../resources/patience";
import type { Aws } from "../resources/sdk";
import { saysTheSame } from "../resources/values";

/** Security groups and what they let in, which decides where tasks listen (docs/design.md). What they let out is kept: ec2.ts */
export const securityGroups: Adapters = service("EC2", {
    "ec2/securityGroup:SecurityGroup": adapter<SecurityGroupArgs, SecurityGroupState>({
        taggable: true,
        autoName: { property: "name", maxLength: 255 },
        defaults: { description: "Managed by Pulumi", revokeRulesOnDelete: false },
        replaceOn: ["name", "description", "vpcId"],
        gone: ["InvalidGroup.NotFound"],
        async create(aws, inputs) {
            const { GroupId = "", SecurityGroupArn } = await aws.ec2.createSecurityGroup({
                GroupName: inputs.name,
                Description: inputs.description,
                VpcId: inputs.vpcId,
                TagSpecifications: [{ ResourceType: "security-group", Tags: tagList(inputs.tagsAll) }],
            });
            if (inputs.ingress) {
                await aws.ec2.authorizeSecurityGroupIngress(permissions(GroupId, inputs.ingress));
            }
            return { id: GroupId, arn: SecurityGroupArn, ownerId: aws.accountId };
        },
        async update(aws, change) {
            const { id, inputs, old } = change;
            if (old.ingress) {
                await aws.ec2.revokeSecurityGroupIngress(permissions(id, old.ingress));
            }
            if (inputs.ingress) {
                await aws.ec2.authorizeSecurityGroupIngress(permissions(id, inputs.ingress));
            }
            await changeEc2Tags(aws, change);
        },
        /** As the real provider, which waits for network interfaces to go. */
        delete: (aws, { id }) =>
            patiently(15, /^DependencyViolation/, () => aws.ec2.deleteSecurityGroup({ GroupId: id })),
        async read(aws, { id, inputs }) {
            const { IpPermissions = [], Tags } = await describeGroup(aws, id);
            const sent = permissions(id, inputs.ingress ?? []).IpPermissions;
            return {
                ...(!saysTheSame(peers(IpPermissions), peers(sent)) && { ingress: IpPermissions.map(ruleOf) }),
                ...tagsAll(Tags),
            };
        },
    }),
    "ec2/securityGroupRule:SecurityGroupRule": adapter<SecurityGroupRuleArgs, SecurityGroupRuleState>({
        defaults: { self: false },
        gone: ["InvalidGroup.NotFound"],
        async create(aws, inputs) {
            if (inputs.type === "ingress") {
                await aws.ec2.authorizeSecurityGroupIngress(permissions(inputs.securityGroupId, [peersOf(inputs)]));
            }
            return { id: ec2Id("sgrule", randomHex(17)) };
        },
        async delete(aws, { inputs }) {
            if (inputs.type === "ingress") {
                await aws.ec2.revokeSecurityGroupIngress(permissions(inputs.securityGroupId, [peersOf(inputs)]));
            }
        },
        /** It has no id in EC2: another one at its place is none. */
        async read(aws, { inputs }) {
            const { IpPermissions = [] } = await describeGroup(aws, inputs.securityGroupId);
            const there = peers(IpPermissions);
            const sent = peers(permissions(inputs.securityGroupId, [peersOf(inputs)]).IpPermissions);
            if (inputs.type === "ingress" && !sent.every((peer) => there.includes(peer))) {
                throw new Gone(`The group ${inputs.securityGroupId} has no such rule.`);
            }
        },
        deleteBeforeReplace: true,
    }),
    "vpc/securityGroupIngressRule:SecurityGroupIngressRule": adapter<
        SecurityGroupIngressRuleArgs,
        SecurityGroupIngressRuleState
    >({
        taggable: true,
        replaceOn: ["securityGroupId"],
        gone: ["InvalidGroup.NotFound", "InvalidSecurityGroupRuleId.NotFound"],
        async create(aws, inputs) {
            const { SecurityGroupRules } = await aws.ec2.authorizeSecurityGroupIngress({
                ...permissions(inputs.securityGroupId, [singlePeerOf(inputs)]),
                TagSpecifications: [{ ResourceType: "security-group-rule", Tags: tagList(inputs.tagsAll) }],
            });
            const { SecurityGroupRuleId: id = "", SecurityGroupRuleArn: arn } = SecurityGroupRules![0];
            return { id, arn, securityGroupRuleId: id };
        },
        async update(aws, change) {
            const { id, inputs } = change;
            await aws.ec2.modifySecurityGroupRules({
                GroupId: inputs.securityGroupId,
                SecurityGroupRules: [
                    {
                        SecurityGroupRuleId: id,
                        SecurityGroupRule: {
                            IpProtocol: inputs.ipProtocol,
                            FromPort: inputs.fromPort,
                            ToPort: inputs.toPort,
                            CidrIpv4: inputs.cidrIpv4,
                            CidrIpv6: inputs.cidrIpv6,
                            PrefixListId: inputs.prefixListId,
                            ReferencedGroupId: inputs.referencedSecurityGroupId,
                            Description: inputs.description,
                        },
                    },
                ],
            });
            await changeEc2Tags(aws, change);
        },
        delete: (aws, { id, inputs }) =>
            aws.ec2.revokeSecurityGroupIngress({ GroupId: inputs.securityGroupId, SecurityGroupRuleIds: [id] }),
        async read(aws, { id }) {
            const { SecurityGroupRules: [found] = [] } = await aws.ec2.describeSecurityGroupRules({
                SecurityGroupRuleIds: [id],
            });
            if (found === undefined) {
                throw new Gone(`There is no rule ${id}.`);
            }
            return {
                ...fields(
                    found,
                    "cidrIpv4",
                    "cidrIpv6",
                    "description",
                    "fromPort",
                    "ipProtocol",
                    "prefixListId",
                    "toPort",
                ),
                referencedSecurityGroupId: found.ReferencedGroupInfo?.GroupId,
                ...tagsAll(found.Tags),
            };
        },
    }),
});

function changeEc2Tags(aws: Aws, change: Change<unknown, unknown>): Promise<void> {
    const Resources = [change.id];
    return changeTags(
        change,
        (tags) => aws.ec2.createTags({ Resources, Tags: tagList(tags) }),
        (keys) => aws.ec2.deleteTags({ Resources, Tags: keys.map((Key) => ({ Key })) }),
    );
}

async function describeGroup(aws: Aws, id: string): Promise<SecurityGroup> {
    const { SecurityGroups = [] } = await aws.ec2.describeSecurityGroups({ GroupIds: [id] });
    return SecurityGroups[0] ?? {};
}

/** A rule as a group's own `ingress` has it; the other two types are brought into this form. */
type Rule = NonNullable<Inputs<SecurityGroupArgs>["ingress"]>[number];

function peersOf(inputs: Inputs<SecurityGroupRuleArgs>): Rule {
    const { sourceSecurityGroupId } = inputs;
    return { ...inputs, securityGroups: sourceSecurityGroupId === undefined ? [] : [sourceSecurityGroupId] };
}

function singlePeerOf(inputs: Inputs<SecurityGroupIngressRuleArgs>): Rule {
    const {
        cidrIpv4,
        cidrIpv6,
        fromPort = -1,
        ipProtocol,
        prefixListId,
        referencedSecurityGroupId,
        toPort = -1,
    } = inputs;
    const list = (peer: string | undefined): string[] => (peer === undefined ? [] : [peer]);
    return {
        protocol: ipProtocol,
        fromPort,
        toPort,
        cidrBlocks: list(cidrIpv4),
        ipv6CidrBlocks: list(cidrIpv6),
        prefixListIds: list(prefixListId),
        securityGroups: list(referencedSecurityGroupId),
    };
}

function permissions(GroupId: string, rules: readonly Rule[]): { GroupId: string; IpPermissions: IpPermission[] } {
    const IpPermissions = rules.map(
        ({ cidrBlocks = [], ipv6CidrBlocks = [], prefixListIds = [], securityGroups: groups = [], self, ...rule }) => ({
            IpProtocol: rule.protocol,
            FromPort: rule.fromPort,
            ToPort: rule.toPort,
            IpRanges: cidrBlocks.map((CidrIp) => ({ CidrIp })),
            Ipv6Ranges: ipv6CidrBlocks.map((CidrIpv6) => ({ CidrIpv6 })),
            PrefixListIds: prefixListIds.map((PrefixListId) => ({ PrefixListId })),
            UserIdGroupPairs: [...groups, ...(self ? [GroupId] : [])].map((id) => ({ GroupId: id })),
        }),
    );
    return { GroupId, IpPermissions };
}

/** One by one, as texts: EC2 puts those of the same ports together. */
function peers(given: readonly IpPermission[]): string[] {
    return given.flatMap(({ IpProtocol, FromPort = -1, ToPort = -1, ...peer }) =>
        [
            ...(peer.IpRanges ?? []).map(({ CidrIp }) => CidrIp),
            ...(peer.Ipv6Ranges ?? []).map(({ CidrIpv6 }) => CidrIpv6),
            ...(peer.PrefixListIds ?? []).map(({ PrefixListId }) => PrefixListId),
            ...(peer.UserIdGroupPairs ?? []).map(({ GroupId }) => GroupId),
        ].map((name) => `${IpProtocol} ${FromPort} ${ToPort} ${name}`),
    );
}

/** The way back. */
function ruleOf({ IpProtocol, FromPort = -1, ToPort = -1, ...peer }: IpPermission) {
    return {
        ...{ protocol: IpProtocol, fromPort: FromPort, toPort: ToPort },
        cidrBlocks: peer.IpRanges?.map(({ CidrIp }) => CidrIp),
        ipv6CidrBlocks: peer.Ipv6Ranges?.map(({ CidrIpv6 }) => CidrIpv6),
        prefixListIds: peer.PrefixListIds?.map(({ PrefixListId }) => PrefixListId),
        securityGroups: peer.UserIdGroupPairs?.map(({ GroupId }) => GroupId),
    };
}
