import { EC2 } from "@aws-sdk/client-ec2";
import { IAM } from "@aws-sdk/client-iam";
import { Route53 } from "@aws-sdk/client-route-53";
import { S3 } from "@aws-sdk/client-s3";
import { SecretsManager } from "@aws-sdk/client-secrets-manager";
import { expect } from "chai";

import { ec2Overlay } from "../../../local/aws/ec2/overlay";
import { patiently } from "../../../local/aws/resources/patience";
import type { Aws } from "../../../local/aws/resources/sdk";
import { route53Overlay } from "../../../local/aws/route53/overlay";
import { secretsManagerOverlay } from "../../../local/aws/secretsmanager/overlay";
import { clientConfig } from "../../../local/machine/awsClients";
import { adapters } from "../../../local/pulumi/providers/aws";
import { createNetworkInterfaces } from "../../../local/tasks/networkInterfaces";
import { accountId, type Emulator, startEmulator } from "../../support/emulator";

const scope = { accountId, region: "eu-west-1" };

/** Certificates: acm.test.ts; clusters: ecs.test.ts; target groups: loadBalancing.test.ts. */
describe("what is in use cannot be deleted on the local AWS:", () => {
    const networkInterfaces = createNetworkInterfaces(1);
    const ofLoadBalancers = new Set<string>();
    let emulator: Emulator;
    let config: ReturnType<typeof clientConfig> & { readonly maxAttempts: number };

    before(async () => {
        emulator = await startEmulator({
            overlays: [
                ec2Overlay(networkInterfaces, { uses: (id) => ofLoadBalancers.has(id) }),
                route53Overlay(),
                secretsManagerOverlay(),
            ],
        });
        config = { ...clientConfig(emulator.url, scope), maxAttempts: 1 };
    });
    after(() => emulator?.stop());

    async function refusal(call: Promise<unknown>): Promise<string> {
        return call.then(
            () => "deleted",
            ({ name, message }: Error) => `${name}: ${message}`,
        );
    }

    it("a security group and a subnet of a task's network interface", async () => {
        const ec2 = new EC2(config);
        const { GroupId = "" } = await ec2.createSecurityGroup({ GroupName: "task", Description: "of a task" });
        const subnetId = "subnet-0123456789abcdef0";
        networkInterfaces.create(scope, "attachment", { subnetId, securityGroupIds: [GroupId], isPublic: true });

        expect(await refusal(ec2.deleteSecurityGroup({ GroupId }))).to.equal(
            `DependencyViolation: resource ${GroupId} has a dependent object`,
        );
        expect(await refusal(ec2.deleteSubnet({ SubnetId: subnetId }))).to.equal(
            `DependencyViolation: The subnet '${subnetId}' has dependencies and cannot be deleted.`,
        );
        networkInterfaces.delete("attachment");
        await ec2.deleteSecurityGroup({ GroupId });
        expect(await refusal(ec2.deleteSubnet({ SubnetId: subnetId }))).to.match(/^InvalidSubnetID.NotFound: /);
    });

    it("a security group of a load balancer, which the provider waits for", async () => {
        const ec2 = new EC2(config);
        const { GroupId = "" } = await ec2.createSecurityGroup({ GroupName: "balancer", Description: "of a balancer" });
        ofLoadBalancers.add(GroupId);
        let refused = 0;
        await patiently(15, /^DependencyViolation/, async () => {
            await ec2.deleteSecurityGroup({ GroupId }).catch((error: Error) => {
                refused++;
                ofLoadBalancers.delete(GroupId);
                throw error;
            });
        });
        expect(refused).to.equal(1);
    });

    const awaited: readonly (readonly [type: string, client: string, call: string, refused: string])[] = [
        ["acm/certificate:Certificate", "acm", "deleteCertificate", "ResourceInUseException"],
        ["ec2/securityGroup:SecurityGroup", "ec2", "deleteSecurityGroup", "DependencyViolation"],
        ["ec2/subnet:Subnet", "ec2", "deleteSubnet", "DependencyViolation"],
        ["lb/targetGroup:TargetGroup", "elb", "deleteTargetGroup", "ResourceInUseException"],
    ];
    for (const [type, client, call, name] of awaited) {
        it(`${type}, until it is free: the provider asks again, as the real one does`, async () => {
            let asked = 0;
            const once = (): Promise<object> =>
                ++asked === 1
                    ? Promise.reject(Object.assign(new Error("it is in use"), { name }))
                    : Promise.resolve({});
            const aws = { [client]: { [call]: once } } as unknown as Aws;
            await adapters[`aws:${type}`].delete!(aws, { id: "it", inputs: {}, outputs: {} });
            expect(asked).to.equal(2);
        });
    }

    it("what a network is made of: a group that another lets in, a table of a subnet, a gateway of a VPC", async () => {
        const ec2 = new EC2(config);
        const { Vpc } = await ec2.createVpc({ CidrBlock: "10.9.0.0/16" });
        const VpcId = Vpc!.VpcId!;
        const group = async (GroupName: string) =>
            (await ec2.createSecurityGroup({ GroupName, VpcId, Description: "of a network" })).GroupId!;
        const [named, naming] = [await group("named"), await group("naming")];
        const rules = {
            GroupId: naming,
            IpPermissions: [{ IpProtocol: "tcp", FromPort: 80, ToPort: 80, UserIdGroupPairs: [{ GroupId: named }] }],
        };
        await ec2.authorizeSecurityGroupIngress(rules);
        const SubnetId = (await ec2.createSubnet({ VpcId, CidrBlock: "10.9.0.0/24" })).Subnet!.SubnetId!;
        const RouteTableId = (await ec2.createRouteTable({ VpcId })).RouteTable!.RouteTableId!;
        await ec2.associateRouteTable({ RouteTableId, SubnetId });
        const gateway = {
            InternetGatewayId: (await ec2.createInternetGateway({})).InternetGateway!.InternetGatewayId!,
        };
        await ec2.attachInternetGateway({ ...gateway, VpcId });
        const { NatGateway } = await ec2.createNatGateway({ SubnetId, ConnectivityType: "private" });
        const depends = (kind: string, id: string) =>
            `DependencyViolation: The ${kind} '${id}' has dependencies and cannot be deleted.`;

        expect(await refusal(ec2.deleteSecurityGroup({ GroupId: named }))).to.equal(
            `DependencyViolation: resource ${named} has a dependent object`,
        );
        expect(await refusal(ec2.deleteSubnet({ SubnetId }))).to.equal(depends("subnet", SubnetId));
        expect(await refusal(ec2.deleteRouteTable({ RouteTableId }))).to.equal(depends("routeTable", RouteTableId));
        expect(await refusal(ec2.deleteInternetGateway(gateway))).to.equal(
            depends("internetGateway", gateway.InternetGatewayId),
        );
        expect(await refusal(ec2.deleteVpc({ VpcId }))).to.equal(
            `DependencyViolation: The vpc '${VpcId}' has dependencies and cannot be deleted.`,
        );

        await ec2.revokeSecurityGroupIngress(rules);
        await ec2.deleteNatGateway({ NatGatewayId: NatGateway!.NatGatewayId });
        await ec2.deleteSecurityGroup({ GroupId: named });
        await ec2.deleteSecurityGroup({ GroupId: naming });
        await ec2.deleteSubnet({ SubnetId });
        await ec2.deleteRouteTable({ RouteTableId });
        await ec2.detachInternetGateway({ ...gateway, VpcId });
        await ec2.deleteInternetGateway(gateway);
        await ec2.deleteVpc({ VpcId });
    });

    it("a role with policies", async () => {
        const iam = new IAM(config);
        const RoleName = "worker";
        const Statement = [
            { Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" },
        ];
        const document = (statement: object) => JSON.stringify({ Version: "2012-10-17", Statement: statement });
        await iam.createRole({ RoleName, AssumeRolePolicyDocument: document(Statement) });
        const own = { RoleName, PolicyName: "own" };
        const PolicyDocument = document([{ Effect: "Allow", Action: "sqs:ListQueues", Resource: "*" }]);
        await iam.putRolePolicy({ ...own, PolicyDocument });
        expect(await refusal(iam.deleteRole({ RoleName }))).to.match(/^DeleteConflictException: Cannot delete/);
        await iam.deleteRolePolicy(own);
        const { Policy } = await iam.createPolicy({ PolicyName: "shared", PolicyDocument });
        const attached = { RoleName, PolicyArn: Policy!.Arn! };
        await iam.attachRolePolicy(attached);
        expect(await refusal(iam.deleteRole({ RoleName }))).to.match(/^DeleteConflictException: Cannot delete/);
        expect(await refusal(iam.deletePolicy({ PolicyArn: attached.PolicyArn }))).to.match(
            /^DeleteConflictException: /,
        );
        await iam.detachRolePolicy(attached);
        await iam.deleteRole({ RoleName });
    });

    it("a bucket with objects", async () => {
        const s3 = new S3({ ...config, forcePathStyle: true });
        const Bucket = "full";
        await s3.createBucket({ Bucket });
        await s3.putObject({ Bucket, Key: "a", Body: "x" });
        expect(await refusal(s3.deleteBucket({ Bucket }))).to.equal(
            "BucketNotEmpty: The bucket you tried to delete is not empty",
        );
        await s3.deleteObject({ Bucket, Key: "a" });
        await s3.deleteBucket({ Bucket });
    });

    it("a zone with records", async () => {
        const route53 = new Route53(config);
        const created = await route53.createHostedZone({ Name: "full.test", CallerReference: "full" });
        const HostedZoneId = created.HostedZone!.Id!;
        const change = (Action: "CREATE" | "DELETE") => {
            const ResourceRecordSet = { Name: "a.full.test", Type: "A" as const, TTL: 60, ResourceRecords: [{ Value: "127.0.0.1" }] }; // prettier-ignore
            return route53.changeResourceRecordSets({
                HostedZoneId,
                ChangeBatch: { Changes: [{ Action, ResourceRecordSet }] },
            });
        };
        await change("CREATE");
        expect(await refusal(route53.deleteHostedZone({ Id: HostedZoneId }))).to.match(/^HostedZoneNotEmpty: /);
        await change("DELETE");
        await route53.deleteHostedZone({ Id: HostedZoneId });
    });

    it("a secret's name is not free before its recovery window is over", async () => {
        const secrets = new SecretsManager(config);
        const create = () => secrets.createSecret({ Name: "deleted", SecretString: "x" });
        const { ARN: SecretId } = await create();
        await secrets.deleteSecret({ SecretId, RecoveryWindowInDays: 7 });
        expect(await refusal(create())).to.match(/^InvalidRequestException: .*already scheduled for deletion/);
        expect(await refusal(secrets.getSecretValue({ SecretId }))).to.match(/^InvalidRequestException: /);
        await secrets.restoreSecret({ SecretId });
        expect((await secrets.getSecretValue({ SecretId })).SecretString).to.equal("x");
        await secrets.deleteSecret({ SecretId, ForceDeleteWithoutRecovery: true });
        await create();
    });
});
