import { expect } from "chai";

import { NatGateways, Network, NetworkArgs } from "../../components";
import { keepsHouseRules, recordOne, refusalOf, tags } from "../support/houseRules";

describe("Network", () => {
    keepsHouseRules((options) => new Network("it", { tags }, options));

    const inputsOf = async (args: NetworkArgs): Promise<unknown> => {
        const made = await recordOne((options) => new Network("it", args, options));
        expect(made.childrenOf("it")).to.deep.equal(["it awsx:ec2:Vpc"]);
        return made.find("it").inputs;
    };

    it("has two public subnets and no NAT gateway", async () => {
        expect(await inputsOf({ tags })).to.deep.equal({
            cidrBlock: "10.0.0.0/16",
            numberOfAvailabilityZones: 2,
            enableDnsHostnames: true,
            natGateways: { strategy: "None" },
            subnetStrategy: "Auto",
            subnetSpecs: [{ type: "Public", tags }],
            tags,
        });
    });

    it("has private subnets with NAT gateways", async () => {
        const common = {
            cidrBlock: "10.20.0.0/20",
            numberOfAvailabilityZones: 3,
            enableDnsHostnames: true,
            subnetStrategy: "Auto",
            subnetSpecs: [{ type: "Public" }, { type: "Private" }],
        };
        const args = { cidrBlock: "10.20.0.0/20", numberOfAvailabilityZones: 3 };
        expect(await inputsOf({ ...args, natGateways: NatGateways.Single })).to.deep.equal({
            ...common,
            natGateways: { strategy: "Single" },
        });
        expect(await inputsOf({ ...args, natGateways: NatGateways.OnePerAvailabilityZone })).to.deep.equal({
            ...common,
            natGateways: { strategy: "OnePerAz" },
        });
    });

    it("has subnets in the zones that are named", async () => {
        const availabilityZones = ["us-west-1a", "us-west-1c"];
        expect(await inputsOf({ availabilityZones })).to.deep.equal({
            cidrBlock: "10.0.0.0/16",
            availabilityZoneNames: availabilityZones,
            enableDnsHostnames: true,
            natGateways: { strategy: "None" },
            subnetStrategy: "Auto",
            subnetSpecs: [{ type: "Public" }],
        });
    });

    it("gives the ids of the VPC and its subnets", async () => {
        const made = await recordOne((options) => new Network("it", {}, options));
        expect(made.component("it").outputs).to.deep.equal({
            vpcId: "vpc-it",
            publicSubnetIds: ["subnet-it-public-1", "subnet-it-public-2"],
            privateSubnetIds: ["subnet-it-private-1", "subnet-it-private-2"],
        });
    });

    it("refuses all that is wrong at once", async () => {
        const args = {
            cidrBlock: "10.0.0.0/8",
            numberOfAvailabilityZones: 7,
            natGateways: "some" as NatGateways,
        };
        expect(await refusalOf((options) => new Network("it", args, options))).to.deep.equal({
            cidrBlock: '"10.0.0.0/8" is not an IPv4 network of 16 to 28 bits, e.g. 10.0.0.0/16',
            numberOfAvailabilityZones: "7 is not allowed: give a whole number from 1 to 6",
            natGateways: '"some" is not one of none, single, onePerAvailabilityZone',
        });
    });
});
