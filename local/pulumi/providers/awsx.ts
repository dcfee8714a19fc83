import { Eip } from "@pulumi/aws/ec2/eip";
import { InternetGateway } from "@pulumi/aws/ec2/internetGateway";
import { NatGateway } from "@pulumi/aws/ec2/natGateway";
import { Route } from "@pulumi/aws/ec2/route";
import { RouteTable } from "@pulumi/aws/ec2/routeTable";
import { RouteTableAssociation } from "@pulumi/aws/ec2/routeTableAssociation";
import { SecurityGroup } from "@pulumi/aws/ec2/securityGroup";
import { SecurityGroupRule } from "@pulumi/aws/ec2/securityGroupRule";
import { Subnet } from "@pulumi/aws/ec2/subnet";
import { Vpc } from "@pulumi/aws/ec2/vpc";
import { VpcEndpoint } from "@pulumi/aws/ec2/vpcEndpoint";
import { getAvailabilityZones } from "@pulumi/aws/getAvailabilityZones";
import type { VpcArgs } from "@pulumi/awsx/ec2/vpc";
import * as pulumi from "@pulumi/pulumi";
import { makeImage } from "./awsxImage";
import { inOrderOfMaking, ipv6Subnet, planSubnets } from "./awsxSubnets";
import { endWithParent } from "./server";

type SubnetSpecs = NonNullable<VpcArgs["subnetSpecs"]>;
type EndpointSpec = NonNullable<VpcArgs["vpcEndpointSpecs"]>[number];
type Tags = VpcArgs["tags"];

/** The provider `awsx` of @pulumi/awsx 3.9.0: its components make the same children, with the same names, as the real ones. */
const provider: pulumi.provider.Provider = {
    version: "3.9.0",
    async construct(name, type, inputs, options) {
        const make = components[type];
        if (make === undefined) {
            const names = Object.keys(components).join(" and ");
            throw new Error(
                `The local system does not know the component "${type}": it has ${names} (local/pulumi/providers/awsx.ts).`,
            );
        }
        const component = new pulumi.ComponentResource(type, name, {}, options);
        return { urn: component.urn, state: await make(component, name, inputs as never) };
    },
};

type Make = (parent: pulumi.Resource, name: string, args: never) => pulumi.Inputs | Promise<pulumi.Inputs>;

const components: Readonly<Record<string, Make>> = {
    "awsx:ec2:Vpc": makeVpc,
    "awsx:ecr:Image": (parent, _name, args) => makeImage(parent, args),
};

async function makeVpc(parent: pulumi.Resource, name: string, args: VpcArgs): Promise<pulumi.Inputs> {
    const { strategy, elasticIpAllocationIds = [] } = { strategy: "OnePerAz", ...args.natGateways };
    refuse(args);
    const zones = args.availabilityZoneNames ?? (await firstZones(parent, args));
    const cidrBlock = args.cidrBlock ?? "10.0.0.0/16";
    const specs: SubnetSpecs | undefined = args.subnetSpecs;
    const layout = planSubnets(name, cidrBlock, zones.length, specs, args.availabilityZoneCidrMask);
    const plan = inOrderOfMaking(layout);
    checkNatGateways(
        strategy,
        plan.map(({ spec }) => spec.type.toLowerCase()),
    );
    const region = args.region;
    const tags = withTags({ Name: name }, args.tags);

    const privateDns = hasPrivateDns(args);
    const vpc = new Vpc(
        name,
        {
            ...args,
            cidrBlock,
            enableDnsHostnames: args.enableDnsHostnames ?? privateDns,
            enableDnsSupport: args.enableDnsSupport ?? privateDns,
            tags,
        },
        { parent },
    );
    const internetGateway = new InternetGateway(name, { region, vpcId: vpc.id, tags }, below(vpc));

    const routes: Route[] = [];
    const natGateways: NatGateway[] = [];
    const eips: Eip[] = [];
    const subnets = plan.map(({ name: subnetName, zone, cidrBlock, spec }, index) => {
        const own = spec as SubnetSpecs[number];
        const kind = spec.type.toLowerCase();
        const nth = plan.slice(0, index).filter((other) => other.zone === zone).length;
        const subnetTags = { Name: subnetName, SubnetType: spec.type };
        const assignIpv6AddressOnCreation = pulumi.output(
            own.assignIpv6AddressOnCreation ?? args.assignGeneratedIpv6CidrBlock ?? false,
        );
        const subnet = new Subnet(
            subnetName,
            {
                region,
                vpcId: vpc.id,
                availabilityZone: zones[zone],
                cidrBlock,
                mapPublicIpOnLaunch: kind === "public",
                assignIpv6AddressOnCreation,
                ipv6CidrBlock: pulumi
                    .all([vpc.ipv6CidrBlock, assignIpv6AddressOnCreation])
                    .apply(([block, assign]) => (assign ? ipv6Subnet(block, zone + nth * zones.length) : undefined!)),
                tags: withTags(tags, own.tags, subnetTags),
            },
            below(vpc),
        );
        const routeTable = new RouteTable(
            subnetName,
            { region, vpcId: vpc.id, tags: withTags(tags, subnetTags) },
            below(subnet),
        );
        const association = new RouteTableAssociation(
            subnetName,
            { region, routeTableId: routeTable.id, subnetId: subnet.id },
            below(routeTable),
        );
        const gatewaysWanted = strategy === "None" ? 0 : strategy === "Single" ? 1 : zone + 1;
        if (kind === "public" && natGateways.length < gatewaysWanted) {
            const gatewayName = `${name}-${zone + 1}`;
            const gatewayTags = withTags(args.tags, { Name: gatewayName });
            if (elasticIpAllocationIds.length === 0) {
                eips.push(new Eip(gatewayName, { region, tags: gatewayTags }, below(subnet)));
            }
            const allocationId = elasticIpAllocationIds[zone] ?? eips[zone].allocationId;
            natGateways.push(
                new NatGateway(
                    gatewayName,
                    { region, subnetId: subnet.id, allocationId, tags: gatewayTags },
                    below(subnet),
                ),
            );
        }
        const route = { region, routeTableId: routeTable.id, destinationCidrBlock: "0.0.0.0/0" };
        if (kind === "public") {
            routes.push(new Route(subnetName, { ...route, gatewayId: internetGateway.id }, below(routeTable)));
        } else if (kind === "private" && strategy !== "None") {
            const natGateway = strategy === "Single" ? natGateways[0] : natGateways[zone];
            routes.push(new Route(subnetName, { ...route, natGatewayId: natGateway.id }, below(routeTable)));
        }
        return { kind, zone, subnet, routeTable, association };
    });

    const ofKind = (kind: string) => subnets.filter((made) => made.kind === kind).map(({ subnet }) => subnet);
    const idsOf = (kind: string) => ofKind(kind).map(({ id }) => id);
    const routeTables = subnets.map(({ routeTable }) => routeTable);
    const endpointSubnets = zones.flatMap((_, zone) => {
        const here = subnets.filter((made) => made.zone === zone);
        const best = ["private", "isolated", "public"].flatMap((kind) => here.filter((made) => made.kind === kind));
        return best.slice(0, 1).map(({ subnet }) => subnet.id);
    });
    const auto = args.vpcEndpointStrategy === "Auto";
    const vpcEndpoints = (args.vpcEndpointSpecs ?? []).map((spec) =>
        makeEndpoint(vpc, spec, auto, { region, tags, subnetIds: endpointSubnets, routeTables }),
    );
    return {
        vpc,
        vpcId: vpc.id,
        internetGateway,
        natGateways,
        eips,
        subnets: subnets.map(({ subnet }) => subnet),
        publicSubnets: ofKind("public"),
        privateSubnets: ofKind("private"),
        isolatedSubnets: ofKind("isolated"),
        publicSubnetIds: idsOf("public"),
        privateSubnetIds: idsOf("private"),
        isolatedSubnetIds: idsOf("isolated"),
        routeTables,
        routeTableAssociations: subnets.map(({ association }) => association),
        routes,
        vpcEndpoints,
        subnetLayout: layoutOf(layout.filter(({ zone }) => zone === 0)),
    };
}

/** What the real component can do and this one cannot. */
function refuse(args: VpcArgs): void {
    const strategy = args.subnetStrategy ?? "Legacy";
    if (strategy !== "Auto" && (strategy !== "Legacy" || args.subnetSpecs !== undefined)) {
        throw new Error(
            `awsx.ec2.Vpc: the local system lays out subnets by subnetStrategy "Auto" (or "Legacy" without subnetSpecs), not by "${strategy}".`,
        );
    }
    const other = (["ipv4IpamPoolId", "ipv6IpamPoolId", "subnetNameTagStrategy"] as const).find(
        (key) => args[key] !== undefined,
    );
    if (other) {
        throw new Error(`awsx.ec2.Vpc: the local system does not know the argument "${other}".`);
    }
    if (args.availabilityZoneNames && args.numberOfAvailabilityZones) {
        throw new Error("Only one of [availabilityZoneNames] and [numberOfAvailabilityZones] can be specified");
    }
}

async function firstZones(parent: pulumi.Resource, args: VpcArgs): Promise<string[]> {
    const wanted = args.numberOfAvailabilityZones ?? 3;
    const region = args.region as string | undefined;
    const { names } = await getAvailabilityZones(region === undefined ? undefined : { region }, { parent });
    if (names.length < wanted) {
        throw new Error(
            `The configured region for this provider does not have at least ${wanted} Availability Zones. ` +
                "Either specify an explicit list of zones in availabilityZoneNames or choose a region with at least " +
                `${wanted} AZs.`,
        );
    }
    return names.slice(0, wanted);
}

function checkNatGateways(strategy: string, kinds: readonly string[]): void {
    if (!["None", "Single", "OnePerAz"].includes(strategy)) {
        throw new Error(`Unknown NAT Gateway strategy '${strategy}'`);
    }
    const routed = kinds.includes("private") || kinds.includes("isolated");
    if (strategy !== "None" && !(kinds.includes("public") && routed)) {
        throw new Error(
            "If NAT Gateway strategy is 'OnePerAz' or 'Single', public subnets must be declared to host the NAT Gateway resource, " +
                "along with private or isolated subnets to route through it.",
        );
    }
}

function endpointType(spec: EndpointSpec): string {
    return ((spec.vpcEndpointType as string | undefined) ?? "Gateway").toLowerCase();
}

/** Endpoints with a private DNS name need the VPC's DNS. */
function hasPrivateDns(args: VpcArgs): true | undefined {
    const needed =
        args.vpcEndpointStrategy === "Auto" &&
        (args.vpcEndpointSpecs ?? []).some(
            (spec) => endpointType(spec) === "interface" && (spec.privateDnsEnabled ?? true) === true,
        );
    return needed || undefined;
}

function makeEndpoint(
    vpc: Vpc,
    spec: EndpointSpec,
    auto: boolean,
    shared: {
        readonly region: VpcArgs["region"];
        readonly tags: Tags;
        readonly subnetIds: pulumi.Output<string>[];
        readonly routeTables: RouteTable[];
    },
): VpcEndpoint {
    const name = spec.serviceName;
    const region = spec.region ?? shared.region;
    const tags = withTags(shared.tags, spec.tags);
    const autoInterface = auto && endpointType(spec) === "interface";
    const autoGateway = auto && endpointType(spec) === "gateway";
    function ownSecurityGroup(): pulumi.Output<string> {
        const group = new SecurityGroup(`${name}-sg`, { region, vpcId: vpc.id, tags }, below(vpc));
        new SecurityGroupRule(
            `${name}-ingress`,
            {
                ...{ region, securityGroupId: group.id, type: "ingress", protocol: "tcp", fromPort: 443, toPort: 443 },
                cidrBlocks: [vpc.cidrBlock],
            },
            { parent: vpc, dependsOn: [group] },
        );
        return group.id;
    }
    return new VpcEndpoint(
        name,
        {
            ...spec,
            region,
            vpcId: vpc.id,
            privateDnsEnabled: spec.privateDnsEnabled ?? (autoInterface || undefined),
            subnetIds: spec.subnetIds ?? (autoInterface ? shared.subnetIds : undefined),
            securityGroupIds: spec.securityGroupIds ?? (autoInterface ? [ownSecurityGroup()] : undefined),
            routeTableIds: spec.routeTableIds ?? (autoGateway ? shared.routeTables.map(({ id }) => id) : undefined),
            tags,
        },
        below(vpc),
    );
}

function below(parent: pulumi.Resource): pulumi.CustomResourceOptions {
    return { parent, dependsOn: [parent] };
}

function withTags(...tags: Tags[]): pulumi.Output<Record<string, string>> {
    return pulumi.all(tags).apply((known) => Object.assign({}, ...known) as Record<string, string>);
}

function layoutOf(subnets: readonly { readonly cidrBlock: string; readonly spec: { readonly type: string } }[]) {
    return subnets.map(({ cidrBlock, spec }) => ({ type: spec.type, cidrMask: Number(cidrBlock.split("/")[1]) }));
}

if (require.main === module) {
    endWithParent();
    void pulumi.provider.main(provider, process.argv.slice(2));
    // That maps stacks to their sources, and the SDK takes one for every promise: it would be half of the time.
    Reflect.deleteProperty(Error, "prepareStackTrace");
}
