import { createServer } from "node:http";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";

import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { EC2 } from "@aws-sdk/client-ec2";
import { ECS } from "@aws-sdk/client-ecs";
import { ElasticLoadBalancingV2 } from "@aws-sdk/client-elastic-load-balancing-v2";
import { IAM } from "@aws-sdk/client-iam";
import { Lambda } from "@aws-sdk/client-lambda";
import { Route53 } from "@aws-sdk/client-route-53";
import { S3 } from "@aws-sdk/client-s3";
import { SQS } from "@aws-sdk/client-sqs";
import { expect } from "chai";

import { startGateway } from "../../../../local/aws/gateway/gateway";
import type { Gateway } from "../../../../local/aws/gateway/gateway";
import type { AwsRequest, Overlay } from "../../../../local/aws/gateway/overlay";
import { judgeAnswer } from "../../../../local/aws/models/answer";
import { toRegExp } from "../../../../local/aws/models/judge";
import { modelOf } from "../../../../local/aws/models/model";
import { judgeInput } from "../../../../local/aws/models/request";
import { clientConfig } from "../../../../local/machine/awsClients";

const accountId = "111122223333";
const services = [
    ...["acm", "application-autoscaling", "dynamodb", "ec2", "ecr", "ecs", "elasticloadbalancing", "events", "iam"],
    ...["lambda", "logs", "monitoring", "route53", "s3", "scheduler", "secretsmanager", "sns", "sqs", "ssm", "sts"],
];

describe("requests by AWS's own models", () => {
    const seen: AwsRequest[] = [];
    let emulator: Server;
    let gateway: Gateway;

    before(async () => {
        emulator = createServer((request, response) => {
            request.resume();
            request.on("end", () => response.end());
        });
        await new Promise<void>((resolve) => emulator.listen(0, "127.0.0.1", resolve));
        gateway = await startGateway({
            emulatorPort: (emulator.address() as AddressInfo).port,
            accountId,
            overlays: services.map((service): Overlay => ({
                service,
                handle: (request) => {
                    seen.push(request);
                    return Promise.resolve(undefined);
                },
            })),
            log: () => undefined,
        });
    });
    after(async () => {
        await gateway.stop();
        emulator.closeAllConnections();
        await new Promise((resolve) => emulator.close(resolve));
    });

    /** What the overlay was given of the call, or what the caller was told. */
    async function ask(call: (config: ReturnType<typeof clientConfig> & Record<string, unknown>) => Promise<unknown>) {
        const before = seen.length;
        const config = { ...clientConfig(gateway.url, { accountId, region: "eu-west-1" }), maxAttempts: 1 };
        const refusal = await call({ ...config, forcePathStyle: true }).then(
            () => "",
            (error: Error) => `${error.name}: ${error.message}`,
        );
        const [request] = seen.slice(before);
        return request === undefined ? refusal : { [request.operation ?? ""]: request.parameters };
    }

    it("are read in each protocol, by the model's names and types", async () => {
        // JSON
        expect(await ask((config) => new ECS(config).runTask({ taskDefinition: "app", count: 2, clientToken: "c" })))
            .to.deep // prettier-ignore
            .equal({ RunTask: { taskDefinition: "app", count: 2, clientToken: "c" } });
        expect(
            await ask((config) =>
                new SQS(config).sendMessage({
                    QueueUrl: "http://127.0.0.1/q",
                    MessageBody: "text",
                    MessageAttributes: { key: { DataType: "Binary", BinaryValue: Buffer.from([1, 2]) } },
                }),
            ),
        ).to.deep.equal({
            SendMessage: {
                QueueUrl: "http://127.0.0.1/q",
                MessageBody: "text",
                MessageAttributes: { key: { DataType: "Binary", BinaryValue: Buffer.from([1, 2]) } },
            },
        });
        // query
        const Policy = '{"Statement": ["ä & b"]}';
        expect(
            await ask((config) =>
                new IAM(config).createRole({
                    RoleName: "role",
                    AssumeRolePolicyDocument: Policy,
                    MaxSessionDuration: 3600,
                    Tags: [{ Key: "a", Value: "b" }],
                }),
            ),
        ).to.deep.equal({
            CreateRole: {
                RoleName: "role",
                AssumeRolePolicyDocument: Policy,
                MaxSessionDuration: 3600,
                Tags: [{ Key: "a", Value: "b" }],
            },
        });
        expect(
            await ask((config) =>
                new ElasticLoadBalancingV2(config).createRule({
                    ListenerArn: "arn",
                    Priority: 7,
                    Conditions: [{ Field: "path-pattern", Values: ["/a", "/b"] }],
                    Actions: [{ Type: "forward", ForwardConfig: { TargetGroups: [{ TargetGroupArn: "t" }] } }],
                }),
            ),
        ).to.deep.equal({
            CreateRule: {
                ListenerArn: "arn",
                Priority: 7,
                Conditions: [{ Field: "path-pattern", Values: ["/a", "/b"] }],
                Actions: [{ Type: "forward", ForwardConfig: { TargetGroups: [{ TargetGroupArn: "t" }] } }],
            },
        });
        // EC2's own
        const IpPermissions = [{ IpProtocol: "tcp", FromPort: 443, ToPort: 443, IpRanges: [{ CidrIp: "0.0.0.0/0" }] }];
        expect(
            await ask((config) => new EC2(config).authorizeSecurityGroupIngress({ GroupId: "sg-1", IpPermissions })),
        ).to.deep.equal({ AuthorizeSecurityGroupIngress: { GroupId: "sg-1", IpPermissions } });
        // REST with JSON
        const FunctionName = `arn:aws:lambda:eu-west-1:${accountId}:function:f`;
        expect(
            await ask((config) =>
                new Lambda(config).invoke({ FunctionName, InvocationType: "Event", Payload: Buffer.from("{}") }),
            ),
        ).to.deep.equal({ Invoke: { FunctionName, InvocationType: "Event", Payload: Buffer.from("{}") } });
        expect(
            await ask((config) => new Lambda(config).listEventSourceMappings({ FunctionName: "f", MaxItems: 5 })),
        ).to.deep.equal({ ListEventSourceMappings: { FunctionName: "f", MaxItems: 5 } });
        // REST with XML
        const ResourceRecordSet = {
            Name: "a.example.test.",
            Type: "TXT" as const,
            TTL: 60,
            ResourceRecords: [{ Value: '"one & two"' }, { Value: '"three"' }],
        };
        const ChangeBatch = { Changes: [{ Action: "UPSERT" as const, ResourceRecordSet }] };
        expect(
            await ask((config) =>
                new Route53(config).changeResourceRecordSets({ HostedZoneId: "/hostedzone/Z1", ChangeBatch }),
            ),
        ).to.deep.equal({ ChangeResourceRecordSets: { HostedZoneId: "Z1", ChangeBatch } });
        // CBOR
        const MetricData = [{ MetricName: "m", Value: 1.5, Dimensions: [{ Name: "a", Value: "b" }] }];
        expect(
            await ask((config) => new CloudWatch(config).putMetricData({ Namespace: "n", MetricData })),
        ).to.deep.equal({ PutMetricData: { Namespace: "n", MetricData } });
    });

    it("tell S3's operations apart that share a path", async () => {
        const s3 = async (call: (s3: S3) => Promise<unknown>) =>
            Object.keys((await ask((config) => call(new S3(config)))) as object)[0];
        const Bucket = "a-bucket";

        expect(await s3((client) => client.listBuckets({}))).to.equal("ListBuckets");
        expect(await s3((client) => client.createBucket({ Bucket }))).to.equal("CreateBucket");
        expect(await s3((client) => client.listObjectsV2({ Bucket }))).to.equal("ListObjectsV2");
        expect(await s3((client) => client.listObjectVersions({ Bucket }))).to.equal("ListObjectVersions");
        expect(await s3((client) => client.getBucketLocation({ Bucket }))).to.equal("GetBucketLocation");
        expect(await s3((client) => client.putObject({ Bucket, Key: "a/b c", Body: "x" }))).to.equal("PutObject");
        expect(await s3((client) => client.getObject({ Bucket, Key: "a/b c" }))).to.equal("GetObject");
        expect(await s3((client) => client.copyObject({ Bucket, Key: "b", CopySource: "a/b" }))).to.equal("CopyObject");
        expect(
            await s3((client) => client.uploadPart({ Bucket, Key: "b", UploadId: "u", PartNumber: 1, Body: "x" })),
        ).to.equal("UploadPart");
        expect(
            await s3((client) =>
                client.putBucketLifecycleConfiguration({
                    Bucket,
                    LifecycleConfiguration: { Rules: [{ ID: "a", Status: "Enabled", Filter: { Prefix: "" } }] },
                }),
            ),
        ).to.equal("PutBucketLifecycleConfiguration");
    });

    it("are refused by AWS's error name with the model's reason", async () => {
        expect(await ask((config) => new IAM(config).getRole({ RoleName: "a role" }))).to.equal(
            "ValidationError: 1 validation error detected: Value 'a role' at 'roleName' failed to satisfy constraint: " +
                "Member must satisfy regular expression pattern: [\\w+=,.@-]+",
        );
        expect(
            await ask((config) =>
                new ECS(config).runTask({ taskDefinition: "app", launchType: "FARGAT" as "FARGATE" }),
            ),
        ).to.equal(
            "InvalidParameterException: 1 validation error detected: Value 'FARGAT' at 'launchType' failed to satisfy constraint: " +
                "Member must satisfy enum value set: [EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES]",
        );
        expect(await ask((config) => new IAM(config).listRoles({ MaxItems: 0 }))).to.equal(
            "ValidationError: 1 validation error detected: Value '0' at 'maxItems' failed to satisfy constraint: " +
                "Member must have value greater than or equal to 1",
        );
        expect(
            await ask((config) => new IAM(config).getRolePolicy({ RoleName: "r".repeat(65), PolicyName: "?" })),
        ).to.equal(
            `ValidationError: 2 validation errors detected: Value '${"r".repeat(65)}' at 'roleName' failed to satisfy constraint: ` +
                "Member must have length less than or equal to 64; Value '?' at 'policyName' failed to satisfy constraint: " +
                "Member must satisfy regular expression pattern: [\\w+=,.@-]+",
        );
    });

    it("name what is unknown and what is missing, which no SDK of AWS sends", async () => {
        async function send(service: string, target: string, body: string, type = "application/x-amz-json-1.1") {
            const response = await fetch(gateway.url, {
                method: "POST",
                headers: {
                    authorization: `AWS4-HMAC-SHA256 Credential=${accountId}/20261122/eu-west-1/${service}/aws4_request`,
                    "content-type": type,
                    ...(target !== "" && { "x-amz-target": target }),
                },
                body,
            });
            return `${response.status} ${await response.text()}`;
        }

        expect(await send("ecs", "AmazonEC2ContainerServiceV20141113.StopTask", '{"task": "1", "now": true}')).to.match(
            /^400 .*"__type":"InvalidParameterException".*Value at 'now' failed to satisfy constraint: Member must be one of: \[cluster, task, reason\]/,
        );
        expect(await send("ecs", "AmazonEC2ContainerServiceV20141113.StopTask", "{}")).to.match(
            /^400 .*Value at 'task' failed to satisfy constraint: Member must not be null/,
        );
        expect(await send("ecs", "AmazonEC2ContainerServiceV20141113.StopTask", '{"task": 7}')).to.match(
            /^400 .*Value '7' at 'task' failed to satisfy constraint: Member must be of type string/,
        );
        expect(await send("ecs", "AmazonEC2ContainerServiceV20141113.StopTask", "{task")).to.match(
            /^400 .*"__type":"SerializationException"/,
        );
        expect(
            await send("iam", "", "Action=GetRole&Version=2010-05-08&RoleNam=x", "application/x-www-form-urlencoded"),
        ).to.match(
            /^400 [^]*<Code>ValidationError<\/Code>[^]*2 validation errors detected: Value at &#39;RoleNam&#39;/,
        );
        expect(await send("ecs", "AmazonEC2ContainerServiceV20141113.RunTusk", "{}")).to.match(
            /^400 .*"__type":"UnknownOperationException".*AWS's model of ecs has no operation RunTusk/,
        );
        expect(await send("nosuch", "X.Y", "{}")).to.match(/^400 .*No service model is known for \\"nosuch\\"/);
    });

    it("are judged from a command's input as well", () => {
        expect(judgeInput("ecs", "StopTask", { task: "1" }).faults).to.deep.equal([]);
        expect(judgeInput("lambda", "CreateFunction", { FunctionName: "f", Timeout: 1000 }).faults).to.deep.equal([
            { kind: "missing", path: "role", reason: "Value at 'role' failed to satisfy constraint: Member must not be null" }, // prettier-ignore
            { kind: "missing", path: "code", reason: "Value at 'code' failed to satisfy constraint: Member must not be null" }, // prettier-ignore
        ]);
        expect(() => judgeInput("ecs", "RunTusk", {})).to.throw("AWS's models have no ecs RunTusk.");
    });

    it("never say what a model calls sensitive", () => {
        const [fault] = judgeInput("ssm", "PutParameter", { Name: "a", Value: 7 }).faults;
        expect(fault.reason).to.equal("Value at 'value' failed to satisfy constraint: Member must be of type string");
    });

    it("have patterns that JavaScript can say, in every service in use", () => {
        const patterns = services.flatMap((service) =>
            Object.values(modelOf(service)!.shapes).flatMap(({ pattern }) => pattern ?? []),
        );
        expect(patterns).to.have.length.above(200);
        patterns.forEach((pattern) => expect(toRegExp(pattern), pattern).to.be.instanceOf(RegExp));
    });
});

describe("answers by AWS's own models", () => {
    const answer = (body: string) => ({ headers: { "content-type": "application/json" }, body: Buffer.from(body) });
    const reasons = (service: string, operation: string, body: string) =>
        judgeAnswer(service, operation, answer(body)).map(({ reason }) => reason);
    const misfits = (operation: string, body: object) => reasons("ecs", operation, JSON.stringify(body));

    it("may hold what the model knows, of the types and enumerations that it says", () => {
        expect(misfits("StopTask", { task: { taskArn: "arn", version: 1, createdAt: 1.5 } })).to.deep.equal([]);
        expect(misfits("StopTask", { task: { taskArn: 1, isOver: true, launchType: "FOG" } })).to.deep.equal([
            `Value at 'task.isOver' failed to satisfy constraint: Member must be one of: [${taskMembers().join(", ")}]`,
            "Value 'FOG' at 'task.launchType' failed to satisfy constraint: " +
                "Member must satisfy enum value set: [EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES]",
            "Value '1' at 'task.taskArn' failed to satisfy constraint: Member must be of type string",
        ]);
    });

    it("are judged in XML as well: queries, EC2's own and REST", () => {
        const role = (more: string) =>
            "<GetRoleResponse><GetRoleResult><Role><Path>/</Path><RoleName>r</RoleName><RoleId>AROA1</RoleId>" +
            `<Arn>arn</Arn>${more}</Role></GetRoleResult><ResponseMetadata/></GetRoleResponse>`;
        expect(reasons("iam", "GetRole", role("<CreateDate>2026-01-01T00:00:00Z</CreateDate>"))).to.deep.equal([]);
        expect(reasons("iam", "GetRole", role("<CreateDate>soon</CreateDate>"))).to.deep.equal([
            "Value 'soon' at 'role.createDate' failed to satisfy constraint: Member must be of type timestamp",
        ]);
        expect(reasons("iam", "GetRole", role(""))).to.deep.equal([
            "Value at 'role.createDate' failed to satisfy constraint: Member must not be null",
        ]);
        const networkInterface = (inside: string) =>
            "<DescribeNetworkInterfacesResponse><requestId>1</requestId><networkInterfaceSet>" +
            `<item>${inside}</item></networkInterfaceSet></DescribeNetworkInterfacesResponse>`;
        const ofInterface = (inside: string) => reasons("ec2", "DescribeNetworkInterfaces", networkInterface(inside));
        expect(ofInterface("<status>in-use</status><ipv6AddressesSet/>")).to.deep.equal([]);
        expect(ofInterface("<status>busy</status>")).to.deep.equal([
            "Value 'busy' at 'networkInterfaces.1.status' failed to satisfy constraint: " +
                "Member must satisfy enum value set: [available, associated, attaching, in-use, detaching]",
        ]);
        const change = (inside: string) =>
            reasons(
                "route53",
                "GetChange",
                `<GetChangeResponse><ChangeInfo>${inside}</ChangeInfo></GetChangeResponse>`,
            );
        const SubmittedAt = "<SubmittedAt>2026-01-01T00:00:00Z</SubmittedAt>";
        expect(change(`<Id>/change/C1</Id><Status>INSYNC</Status>${SubmittedAt}`)).to.deep.equal([]);
        expect(change(`<Status>DONE</Status>${SubmittedAt}`)).to.deep.equal([
            "Value at 'changeInfo.id' failed to satisfy constraint: Member must not be null",
            "Value 'DONE' at 'changeInfo.status' failed to satisfy constraint: Member must satisfy enum value set: [PENDING, INSYNC]",
        ]);
    });
});

function taskMembers(): string[] {
    return Object.keys(modelOf("ecs")!.shapes.Task.members!);
}
