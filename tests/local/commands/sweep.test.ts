import { EC2, type ResourceType } from "@aws-sdk/client-ec2";
import { Route53 } from "@aws-sdk/client-route-53";
import { expect } from "chai";

import { ec2Overlay } from "../../../local/aws/ec2/overlay";
import { removeTagged } from "../../../local/commands/acceptance/clean";
import { lives, tagKey, tagOf } from "../../../local/commands/acceptance/projects";
import type { Target } from "../../../local/commands/acceptance/target";
import { clientConfig } from "../../../local/machine/awsClients";
import { createNetworkInterfaces } from "../../../local/tasks/networkInterfaces";
import { accountId, type Emulator, startEmulator } from "../../support/emulator";

const region = "eu-west-1";

/** What the state knows nothing of any more, killed as it was being made. */
describe("npm run accept, the network that a killed run has left", () => {
    let emulator: Emulator;

    before(async () => {
        emulator = await startEmulator({ overlays: [ec2Overlay(createNetworkInterfaces(1))] });
    });
    after(() => emulator?.stop());

    /** As awsx makes it, with groups that let each other in. */
    async function makeNetwork(ec2: EC2, tag: string, CidrBlock: string): Promise<string[]> {
        const tagged = (ResourceType: ResourceType) => ({
            TagSpecifications: [{ ResourceType, Tags: [{ Key: tagKey, Value: tag }] }],
        });
        const { Vpc } = await ec2.createVpc({ CidrBlock, ...tagged("vpc") });
        const VpcId = Vpc!.VpcId!;
        const { InternetGateway } = await ec2.createInternetGateway(tagged("internet-gateway"));
        const InternetGatewayId = InternetGateway!.InternetGatewayId!;
        await ec2.attachInternetGateway({ InternetGatewayId, VpcId });
        const ids = [VpcId, InternetGatewayId];
        for (const third of [0, 1]) {
            const block = CidrBlock.replace("0.0/16", `${third}.0/24`);
            const { Subnet } = await ec2.createSubnet({ VpcId, CidrBlock: block, ...tagged("subnet") });
            const { RouteTable } = await ec2.createRouteTable({ VpcId, ...tagged("route-table") });
            const SubnetId = Subnet!.SubnetId!;
            const RouteTableId = RouteTable!.RouteTableId!;
            await ec2.createRoute({
                ...{ RouteTableId, DestinationCidrBlock: "0.0.0.0/0", GatewayId: InternetGatewayId },
            });
            await ec2.associateRouteTable({ RouteTableId, SubnetId });
            ids.push(SubnetId, RouteTableId);
        }
        const { AllocationId = "" } = await ec2.allocateAddress({ Domain: "vpc", ...tagged("elastic-ip") });
        const { NatGateway } = await ec2.createNatGateway({ SubnetId: ids[2], AllocationId, ...tagged("natgateway") });
        const { VpcEndpoint } = await ec2.createVpcEndpoint({
            ...{ VpcId, ServiceName: `com.amazonaws.${region}.s3`, ...tagged("vpc-endpoint") },
        });
        const group = async (GroupName: string) =>
            (await ec2.createSecurityGroup({ GroupName, VpcId, Description: "left", ...tagged("security-group") }))
                .GroupId!;
        const groups = [await group("one"), await group("other")];
        for (const [GroupId, other] of [groups, groups.toReversed()]) {
            const UserIdGroupPairs = [{ GroupId: other }];
            await ec2.authorizeSecurityGroupIngress({
                GroupId,
                IpPermissions: [{ IpProtocol: "tcp", FromPort: 443, ToPort: 443, UserIdGroupPairs }],
            });
        }
        return [...ids, AllocationId, NatGateway!.NatGatewayId!, VpcEndpoint!.VpcEndpointId!, ...groups];
    }

    /** Of these, what is there. */
    async function left(ec2: EC2, ids: readonly string[]): Promise<string[]> {
        const found = [
            (await ec2.describeVpcs({})).Vpcs!.map(({ VpcId }) => VpcId),
            (await ec2.describeInternetGateways({})).InternetGateways!.map((each) => each.InternetGatewayId),
            (await ec2.describeSubnets({})).Subnets!.map(({ SubnetId }) => SubnetId),
            (await ec2.describeRouteTables({})).RouteTables!.map(({ RouteTableId }) => RouteTableId),
            (await ec2.describeAddresses({})).Addresses!.map(({ AllocationId }) => AllocationId),
            (await ec2.describeNatGateways({}))
                .NatGateways!.filter(({ State }) => State !== "deleted")
                .map(({ NatGatewayId }) => NatGatewayId),
            (await ec2.describeVpcEndpoints({})).VpcEndpoints!.map(({ VpcEndpointId }) => VpcEndpointId),
            (await ec2.describeSecurityGroups({})).SecurityGroups!.map(({ GroupId }) => GroupId),
        ].flat();
        return ids.filter((id) => found.includes(id));
    }

    it("goes by its tag, in an order that AWS takes, and another run's stays", async () => {
        const project = lives[0].project("accept", { domain: "example.test", hostedZoneId: "", acmeDirectory: "" });
        const config = clientConfig(emulator.url, { accountId, region });
        const { HostedZone } = await new Route53(config).createHostedZone({
            Name: "example.test",
            CallerReference: "1",
        });
        const target = {
            ...{ account: accountId, regions: [region], pollMs: 10 },
            settings: {
                ...{ domain: "example.test", acmeDirectory: "" },
                hostedZoneId: HostedZone!.Id!.replace("/hostedzone/", ""),
            },
            clientConfig: (of: string) => clientConfig(emulator.url, { accountId, region: of }),
        } as Partial<Target> as Target;
        const ec2 = new EC2(config);
        const ours = await makeNetwork(ec2, tagOf(project.projectName, project.stack), "10.1.0.0/16");
        const others = await makeNetwork(ec2, tagOf(project.projectName, "another"), "10.2.0.0/16");
        expect(await left(ec2, [...ours, ...others])).to.have.members([...ours, ...others]);

        const said: string[] = [];
        expect(await removeTagged(target, project, (text) => said.push(text))).to.deep.equal([]);
        expect(await left(ec2, ours)).to.deep.equal([]);
        expect(await left(ec2, others)).to.have.members(others);
        const groups = ours.filter((id) => id.startsWith("sg-"));
        const removed = [...ours, ...groups.map((id) => `${id}'s rules`)].map((what) => `removing ${what}`);
        expect(said).to.have.members(removed);
    });
});
