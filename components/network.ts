import * as awsx from "@pulumi/awsx";
import * as pulumi from "@pulumi/pulumi";

import { integer, tags } from "./internal/arguments";
import { Endpoint, neededEndpoints, vpcEndpoints } from "./internal/endpoints";
import { outputsOf } from "./internal/outputs";
import { availabilityZoneReason, nameReason, vpcCidrReason } from "./internal/rules";
import { ArgumentRules, choice, faultOf, given, judged, list, plain, text } from "./internal/validation";

export { Endpoint };

/** How private subnets reach the internet. */
export const NatGateways = {
    /** Not at all: there are no private subnets but with `endpoints`, and nothing to pay for a gateway. */
    None: "none",
    /** By one NAT gateway for all Availability Zones: cheaper, gone with its zone. */
    Single: "single",
    /** By one NAT gateway in each Availability Zone. */
    OnePerAvailabilityZone: "onePerAvailabilityZone",
} as const;
export type NatGateways = (typeof NatGateways)[keyof typeof NatGateways];

/** The value of a tag has 256 characters: awsx names what it makes by one, and adds to it. */
const longestName = 200;

/** Arguments of {@link Network}. */
export interface NetworkArgs {
    /**
     * IPv4 network of the VPC, 16 to 28 bits.
     * @default "10.0.0.0/16"
     */
    readonly cidrBlock?: string;
    /**
     * In how many Availability Zones there are subnets, 1 to 6; not with `availabilityZones`, which say so themselves.
     * @default 2
     */
    readonly numberOfAvailabilityZones?: number;
    /**
     * Names of those Availability Zones, 1 to 6, e.g. `us-west-1a`: for regions in which one has no Fargate.
     * @default the region's first ones
     */
    readonly availabilityZones?: string[];
    /**
     * Whether there are private subnets, and how they reach the internet.
     * @default "none", public subnets only
     */
    readonly natGateways?: NatGateways;
    /**
     * Services of AWS that private subnets reach without the internet: S3 by a gateway endpoint, which costs nothing, the others by an interface
     * endpoint in each Availability Zone, $7 to $8 a month each. Without a NAT gateway they are all that tasks reach, and what starts one is
     * among them: `s3`, `ecr.api`, `ecr.dkr`, `logs`, and `secretsmanager`, `ssm` or `kms` where it has secrets. All its images are in ECR then.
     * @default none
     */
    readonly endpoints?: Endpoint[];
    /**
     * Tags of everything that can have tags.
     * @default none
     */
    readonly tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/**
 * A VPC for tasks: by default two public subnets and no NAT gateway, which costs nothing while no task runs. An existing VPC does just
 * as well: the other components take ids.
 */
export class Network extends pulumi.ComponentResource {
    /** Id of the VPC. */
    public readonly vpcId: pulumi.Output<string>;
    /** Ids of the public subnets, one in each Availability Zone. */
    public readonly publicSubnetIds: pulumi.Output<string[]>;
    /** Ids of the private subnets, one in each Availability Zone; none without NAT gateways and endpoints. */
    public readonly privateSubnetIds: pulumi.Output<string[]>;

    /** @throws pulumi.InputPropertiesError naming every refused argument */
    constructor(name: string, args: NetworkArgs = {}, opts?: pulumi.ComponentResourceOptions) {
        args = judged("Network", name, args, networkArguments);
        super("taskgate:index:Network", name, args, opts);
        const { cidrBlock = "10.0.0.0/16", numberOfAvailabilityZones = 2, natGateways = NatGateways.None, tags } = args;
        const { availabilityZones: availabilityZoneNames, endpoints = [] } = args;
        const hasGateway = natGateways !== NatGateways.None;
        // What awsx calls private has a way to the internet.
        const privateType = hasGateway ? awsx.ec2.SubnetType.Private : awsx.ec2.SubnetType.Isolated;

        const vpc = new awsx.ec2.Vpc(
            name,
            {
                cidrBlock,
                ...(availabilityZoneNames ? { availabilityZoneNames } : { numberOfAvailabilityZones }),
                enableDnsHostnames: true,
                natGateways: { strategy: natStrategies[natGateways] },
                subnetStrategy: awsx.ec2.SubnetAllocationStrategy.Auto,
                subnetSpecs: [
                    { type: awsx.ec2.SubnetType.Public, tags },
                    ...(hasGateway || endpoints.length > 0 ? [{ type: privateType, tags }] : []),
                ],
                tags,
            },
            { parent: this },
        );

        this.vpcId = vpc.vpcId;
        this.publicSubnetIds = vpc.publicSubnetIds;
        this.privateSubnetIds = hasGateway || endpoints.length === 0 ? vpc.privateSubnetIds : vpc.isolatedSubnetIds;
        if (endpoints.length > 0) {
            const routeTableIds = vpc.routeTables.apply((tables) => pulumi.all(tables.map(({ id }) => id)));
            const { vpcId, privateSubnetIds: subnetIds } = this;
            vpcEndpoints(name, endpoints, { vpcId, subnetIds, routeTableIds, cidrBlock, tags }, this);
        }
        this.registerOutputs(outputsOf(this));
    }
}

/** What is judged before anything is made. */
export const networkArguments: ArgumentRules<NetworkArgs> = {
    name: (name) => nameReason(name, longestName),
    rules: {
        cidrBlock: plain(text(vpcCidrReason)),
        numberOfAvailabilityZones: plain(integer(1, 6)),
        availabilityZones: plain(list(text(availabilityZoneReason), { least: 1, most: 6, unique: true })),
        natGateways: plain(choice(NatGateways)),
        endpoints: plain(list(choice(Endpoint), { unique: true })),
        tags,
    },
    combinations: [
        given([], ({ availabilityZones, numberOfAvailabilityZones }) =>
            faultOf(
                "numberOfAvailabilityZones",
                availabilityZones !== undefined && numberOfAvailabilityZones !== undefined
                    ? "is said by availabilityZones already: give one of the two"
                    : undefined,
            ),
        ),
        given(["natGateways", "endpoints"], ({ natGateways = NatGateways.None, endpoints = [] }) => {
            const lacking = neededEndpoints.filter((endpoint) => !endpoints.includes(endpoint));
            const isAlone = natGateways === NatGateways.None && endpoints.length > 0 && lacking.length > 0;
            return faultOf(
                "endpoints",
                isAlone
                    ? `without a NAT gateway no task starts without ${lacking.join(", ")}: give them too, or natGateways`
                    : undefined,
            );
        }),
    ],
};

const natStrategies = {
    [NatGateways.None]: awsx.ec2.NatGatewayStrategy.None,
    [NatGateways.Single]: awsx.ec2.NatGatewayStrategy.Single,
    [NatGateways.OnePerAvailabilityZone]: awsx.ec2.NatGatewayStrategy.OnePerAz,
} as const;
