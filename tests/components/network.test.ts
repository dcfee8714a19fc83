import { expect } from "chai";

import { Endpoint, NatGateways, Network, NetworkArgs } from "../../components";
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

    describe("with endpoints", () => {
        const region = "eu-west-1";
        const endpoints = [
            ...[Endpoint.S3, Endpoint.EcrApi, Endpoint.EcrDkr, Endpoint.Logs],
            ...[Endpoint.SecretsManager, Endpoint.Ssm, Endpoint.Kms],
        ];
        keepsHouseRules((options) => new Network("it", { endpoints, tags }, options));

        const policyOf = (actions: string[], condition: object, ...more: object[]): object => ({
            Version: "2012-10-17",
            Statement: [
                {
                    ...{ Sid: "OwnAccount", Effect: "Allow", Principal: "*", Action: actions, Resource: "*" },
                    Condition: { StringEquals: { "aws:PrincipalAccount": "111122223333", ...condition } },
                },
                ...more,
            ],
        });
        const pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];

        it("has private subnets without a way to the internet, and an endpoint for each service", async () => {
            const made = await recordOne((options) => new Network("it", { endpoints }, options));
            expect(made.find("it").inputs.natGateways).to.deep.equal({ strategy: "None" });
            expect(made.find("it").inputs.subnetSpecs).to.deep.equal([{ type: "Public" }, { type: "Isolated" }]);
            expect(made.component("it").outputs!.privateSubnetIds).to.deep.equal([
                "subnet-it-isolated-1",
                "subnet-it-isolated-2",
            ]);
            const interfaceOf = (service: string, actions: string[]): object => ({
                vpcId: "vpc-it",
                serviceName: `com.amazonaws.${region}.${service}`,
                policy: policyOf(actions, {}),
                vpcEndpointType: "Interface",
                subnetIds: ["subnet-it-isolated-1", "subnet-it-isolated-2"],
                securityGroupIds: ["sg-it-endpoints-security-group"],
                privateDnsEnabled: true,
            });
            const made7 = Object.fromEntries(endpoints.map((each) => [each, made.find(`it-endpoint-${each}`).inputs]));
            expect(made7).to.deep.equal({
                s3: {
                    vpcId: "vpc-it",
                    serviceName: "com.amazonaws.eu-west-1.s3",
                    policy: policyOf(
                        ["s3:DeleteObject", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:PutObject"],
                        { "aws:ResourceAccount": "111122223333" },
                        {
                            ...{ Sid: "ImageLayers", Effect: "Allow", Principal: "*", Action: "s3:GetObject" },
                            Resource: "arn:aws:s3:::prod-eu-west-1-starport-layer-bucket/*",
                        },
                    ),
                    vpcEndpointType: "Gateway",
                    routeTableIds: ["rtb-it-1", "rtb-it-2"],
                },
                "ecr.api": interfaceOf("ecr.api", ["ecr:GetAuthorizationToken", ...pull]),
                "ecr.dkr": interfaceOf("ecr.dkr", pull),
                logs: interfaceOf("logs", ["logs:CreateLogStream", "logs:PutLogEvents"]),
                secretsmanager: interfaceOf("secretsmanager", [
                    ...["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
                ]),
                ssm: interfaceOf("ssm", ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"]),
                kms: interfaceOf("kms", ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"]),
            });
        });

        it("opens them to the VPC by HTTPS, and to nobody else", async () => {
            const args = { endpoints, cidrBlock: "10.20.0.0/16" };
            const made = await recordOne((options) => new Network("it", args, options));
            expect(made.find("it-endpoints-security-group").inputs).to.deep.equal({
                vpcId: "vpc-it",
                description: "The VPC to endpoints of AWS services",
            });
            const rules = made.resources.filter(({ type }) => /SecurityGroup\w*Rule$/.test(type));
            expect(rules.map(({ name, inputs }) => ({ name, inputs }))).to.deep.equal([
                {
                    name: "it-endpoints-from-vpc",
                    inputs: {
                        ...{ securityGroupId: "sg-it-endpoints-security-group", ipProtocol: "tcp" },
                        ...{ fromPort: 443, toPort: 443, cidrIpv4: "10.20.0.0/16" },
                    },
                },
            ]);
        });

        it("has those that are asked for beside a NAT gateway: S3's alone needs no security group", async () => {
            const args = { endpoints: [Endpoint.S3], natGateways: NatGateways.Single };
            const made = await recordOne((options) => new Network("it", args, options));
            expect(made.childrenOf("it")).to.deep.equal([
                "it awsx:ec2:Vpc",
                "it-endpoint-s3 aws:ec2/vpcEndpoint:VpcEndpoint",
            ]);
            expect(made.find("it").inputs.subnetSpecs).to.deep.equal([{ type: "Public" }, { type: "Private" }]);
            expect(made.component("it").outputs!.privateSubnetIds).to.deep.equal([
                "subnet-it-private-1",
                "subnet-it-private-2",
            ]);
        });

        it("are refused where no task would start, and twice, and unknown", async () => {
            const refused = (args: NetworkArgs) => refusalOf((options) => new Network("it", args, options));
            expect(await refused({ endpoints: [Endpoint.S3, Endpoint.Logs] })).to.deep.equal({
                endpoints:
                    "without a NAT gateway no task starts without ecr.api, ecr.dkr: give them too, or natGateways",
            });
            expect(await refused({ endpoints: ["s3", "s3", "sqs"] as Endpoint[] })).to.deep.equal({
                "endpoints[1]": '"s3" is named twice: give it once',
                "endpoints[2]": '"sqs" is not one of s3, ecr.api, ecr.dkr, logs, secretsmanager, ssm, kms',
            });
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
