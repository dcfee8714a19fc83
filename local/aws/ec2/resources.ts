import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { DefaultSecurityGroupArgs, DefaultSecurityGroupState } from "@pulumi/aws/ec2/defaultSecurityGroup";
import type {
    EgressOnlyInternetGatewayArgs,
    EgressOnlyInternetGatewayState,
} from "@pulumi/aws/ec2/egressOnlyInternetGateway";
import type { EipArgs, EipState } from "@pulumi/aws/ec2/eip";
import type { FlowLogArgs, FlowLogState } from "@pulumi/aws/ec2/flowLog";
import type { InternetGatewayArgs, InternetGatewayState } from "@pulumi/aws/ec2/internetGateway";
import type { NatGatewayArgs, NatGatewayState } from "@pulumi/aws/ec2/natGateway";
import type { RouteArgs, RouteState } from "@pulumi/aws/ec2/route";
import type { RouteTableArgs, RouteTableState } from "@pulumi/aws/ec2/routeTable";
import type { RouteTableAssociationArgs, RouteTableAssociationState } from "@pulumi/aws/ec2/routeTableAssociation";
import type { SubnetArgs, SubnetState } from "@pulumi/aws/ec2/subnet";
import type { VpcArgs, VpcState } from "@pulumi/aws/ec2/vpc";
import type { VpcEndpointArgs, VpcEndpointState } from "@pulumi/aws/ec2/vpcEndpoint";
import type {
    SecurityGroupEgressRuleArgs,
    SecurityGroupEgressRuleState,
} from "@pulumi/aws/vpc/securityGroupEgressRule";
import { type Adapters, service } from "../resources/adapter";
import { ec2Id, kept } from "../resources/kept";
import { patiently } from "../resources/patience";

/** Networks carry nothing here: tasks are processes on loopback. So these are kept as the program describes them. What lets in: securityGroups.ts */
export const ec2: Adapters = service("EC2", {
    "ec2/vpc:Vpc": kept<VpcArgs, VpcState>({
        taggable: true,
        idPrefix: "vpc",
        arnType: "vpc",
        defaults: { enableDnsSupport: true, instanceTenancy: "default" },
        replaceOn: ["cidrBlock", "instanceTenancy", "ipv4IpamPoolId", "ipv4NetmaskLength"],
        outputs: (aws, inputs, id) => ({
            ownerId: aws.accountId,
            enableDnsHostnames: inputs.enableDnsHostnames ?? false,
            mainRouteTableId: derivedId("rtb", id),
            defaultRouteTableId: derivedId("rtb", id),
            defaultNetworkAclId: derivedId("acl", id),
            defaultSecurityGroupId: derivedId("sg", id),
            dhcpOptionsId: derivedId("dopt", aws.region),
            ipv6CidrBlock: inputs.assignGeneratedIpv6CidrBlock ? ipv6Block(id) : (inputs.ipv6CidrBlock ?? ""),
            ipv6AssociationId: inputs.assignGeneratedIpv6CidrBlock ? derivedId("vpc-cidr-assoc", id) : "",
        }),
    }),
    "ec2/subnet:Subnet": kept<SubnetArgs, SubnetState>({
        taggable: true,
        idPrefix: "subnet",
        arnType: "subnet",
        defaults: { assignIpv6AddressOnCreation: false, mapPublicIpOnLaunch: false },
        replaceOn: ["vpcId", "cidrBlock", "availabilityZone", "availabilityZoneId", "ipv6Native", "outpostArn"],
        gone: ["InvalidSubnetID.NotFound"], // the emulator's answer: it keeps none
        /** As the real provider, which waits for network interfaces to go. */
        delete: (aws, { id }) => patiently(20, /^DependencyViolation/, () => aws.ec2.deleteSubnet({ SubnetId: id })),
        outputs: (aws, inputs, id) => ({
            ownerId: aws.accountId,
            ipv6CidrBlockAssociationId: inputs.ipv6CidrBlock ? derivedId("subnet-cidr-assoc", id) : "",
        }),
    }),
    "ec2/internetGateway:InternetGateway": kept<InternetGatewayArgs, InternetGatewayState>({
        taggable: true,
        idPrefix: "igw",
        arnType: "internet-gateway",
        outputs: (aws) => ({ ownerId: aws.accountId }),
    }),
    "ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway": kept<
        EgressOnlyInternetGatewayArgs,
        EgressOnlyInternetGatewayState
    >({
        taggable: true,
        idPrefix: "eigw",
        replaceOn: ["vpcId"],
    }),
    "ec2/routeTable:RouteTable": kept<RouteTableArgs, RouteTableState>({
        taggable: true,
        idPrefix: "rtb",
        arnType: "route-table",
        replaceOn: ["vpcId"],
        outputs: (aws, inputs) => ({ ownerId: aws.accountId, routes: inputs.routes ?? [] }),
    }),
    "ec2/route:Route": kept<RouteArgs, RouteState>({
        id: (_, inputs) => `r-${inputs.routeTableId}${crc32(destinationOf(inputs))}`,
        replaceOn: ["routeTableId", "destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId"],
        outputs: () => ({ origin: "CreateRoute", state: "active" }),
    }),
    "ec2/routeTableAssociation:RouteTableAssociation": kept<RouteTableAssociationArgs, RouteTableAssociationState>({
        idPrefix: "rtbassoc",
        replaceOn: ["subnetId", "gatewayId"],
    }),
    "ec2/eip:Eip": kept<EipArgs, EipState>({
        taggable: true,
        idPrefix: "eipalloc",
        arnType: "elastic-ip",
        defaults: { domain: "vpc" },
        replaceOn: ["domain", "address", "publicIpv4Pool", "networkBorderGroup"],
        outputs: (_, __, id) => ({ allocationId: id, publicIp: documentationAddress(id) }),
    }),
    "ec2/natGateway:NatGateway": kept<NatGatewayArgs, NatGatewayState>({
        taggable: true,
        idPrefix: "nat",
        defaults: { connectivityType: "public" },
        replaceOn: ["allocationId", "connectivityType", "privateIp", "subnetId"],
        outputs: (_, inputs, id) => ({
            networkInterfaceId: derivedId("eni", id),
            publicIp: inputs.allocationId && documentationAddress(inputs.allocationId),
        }),
    }),
    "ec2/defaultSecurityGroup:DefaultSecurityGroup": kept<DefaultSecurityGroupArgs, DefaultSecurityGroupState>({
        taggable: true,
        id: (_, inputs) => derivedId("sg", inputs.vpcId ?? "default"),
        arnType: "security-group",
        replaceOn: ["vpcId"],
        outputs: (aws) => ({ ownerId: aws.accountId, name: "default", description: "default VPC security group" }),
    }),
    "vpc/securityGroupEgressRule:SecurityGroupEgressRule": kept<
        SecurityGroupEgressRuleArgs,
        SecurityGroupEgressRuleState
    >({
        taggable: true,
        idPrefix: "sgr",
        arnType: "security-group-rule",
        replaceOn: ["securityGroupId"],
        outputs: (_, __, id) => ({ securityGroupRuleId: id }),
    }),
    "ec2/vpcEndpoint:VpcEndpoint": kept<VpcEndpointArgs, VpcEndpointState>({
        taggable: true,
        idPrefix: "vpce",
        arnType: "vpc-endpoint",
        defaults: { vpcEndpointType: "Gateway" },
        replaceOn: ["vpcId", "serviceName", "vpcEndpointType", "serviceRegion"],
        outputs: (aws, inputs, id) => ({
            ownerId: aws.accountId,
            state: "available",
            requesterManaged: false,
            privateDnsEnabled: inputs.privateDnsEnabled ?? false,
            prefixListId: inputs.vpcEndpointType === "Gateway" ? derivedId("pl", inputs.serviceName ?? "") : undefined,
            networkInterfaceIds: (inputs.subnetIds ?? []).map((subnet) => derivedId("eni", id + subnet)),
        }),
    }),
    "ec2/flowLog:FlowLog": kept<FlowLogArgs, FlowLogState>({
        taggable: true,
        idPrefix: "fl",
        arnType: "vpc-flow-log",
    }),
});

/** The id of what comes into being with something else: always the same for the same origin. */
function derivedId(prefix: string, origin: string): string {
    return ec2Id(prefix, createHash("sha256").update(`${prefix} ${origin}`).digest("hex"));
}

function digits(origin: string): string {
    return createHash("sha256").update(origin).digest("hex");
}

function ipv6Block(vpcId: string): string {
    const hex = digits(vpcId);
    const fourth = parseInt(hex.slice(4, 6), 16) << 8;
    return `2600:1f18:${hex.slice(0, 4)}:${fourth.toString(16)}::/56`;
}

/** Of 203.0.113.0/24, which belongs to nobody (RFC 5737). */
function documentationAddress(origin: string): string {
    return `203.0.113.${1 + (parseInt(digits(origin).slice(0, 8), 16) % 254)}`;
}

function destinationOf(route: {
    readonly destinationCidrBlock?: string;
    readonly destinationIpv6CidrBlock?: string;
    readonly destinationPrefixListId?: string;
}): string {
    return route.destinationCidrBlock ?? route.destinationIpv6CidrBlock ?? route.destinationPrefixListId ?? "";
}
