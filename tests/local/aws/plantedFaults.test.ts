import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { EC2 } from "@aws-sdk/client-ec2";
import { ECS } from "@aws-sdk/client-ecs";
import { IAM } from "@aws-sdk/client-iam";
import { S3 } from "@aws-sdk/client-s3";
import { Scheduler } from "@aws-sdk/client-scheduler";
import { SQS } from "@aws-sdk/client-sqs";
import { expect } from "chai";

import { areEquivalent, asStored } from "../../../local/aws/ecs/containerDefinitions";
import { startGateway } from "../../../local/aws/gateway/gateway";
import { jsonResponse } from "../../../local/aws/gateway/overlay";
import { createPermissions } from "../../../local/aws/permissions/permissions";
import { clientConfig } from "../../../local/machine/awsClients";
import { accountId, type Emulator, startEmulator } from "../../support/emulator";

const scope = { accountId, region: "eu-west-1" };
const document = (...Statement: object[]) => JSON.stringify({ Version: "2012-10-17", Statement });
const trust = document({ Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" });
const allow = (Action: string) => document({ Effect: "Allow", Action, Resource: "*" });

/** What each kind of fault looks like to who makes it: none gets by. The judges themselves are tried one by one beside this file. */
describe("a fault that somebody plants", () => {
    const permissions = createPermissions();
    let emulator: Emulator;
    let config: ReturnType<typeof clientConfig> & { readonly maxAttempts: number };
    let iam: IAM;

    before(async () => {
        emulator = await startEmulator({ overlays: [], permissions });
        config = { ...clientConfig(emulator.url, scope), maxAttempts: 1 };
        iam = new IAM(config);
        await iam.createRole({ RoleName: "planted", AssumeRolePolicyDocument: trust });
    });
    after(() => emulator?.stop());

    const asRole = () => {
        const accessKeyId = permissions.identities.keyOfRole(`arn:aws:iam::${accountId}:role/planted`, "session");
        return { ...clientConfig(emulator.url, { ...scope, accessKeyId }), maxAttempts: 1 };
    };
    const policy = { RoleName: "planted", PolicyName: "own" };
    const unknownParameter = async () => {
        const answer = await fetch(emulator.url, {
            method: "POST",
            headers: {
                authorization: `AWS4-HMAC-SHA256 Credential=${accountId}/20261122/eu-west-1/ecs/aws4_request`,
                "x-amz-target": "AmazonEC2ContainerServiceV20141113.StopTask",
            },
            body: JSON.stringify({ task: "1", now: true }),
        });
        const { __type, message } = (await answer.json()) as { readonly __type: string; readonly message: string };
        throw Object.assign(new Error(message), { name: __type });
    };

    const faults: readonly (readonly [kind: string, plant: () => Promise<unknown>, refusal: RegExp])[] = [
        [
            "a pattern",
            () => iam.createRole({ RoleName: "a role", AssumeRolePolicyDocument: trust }),
            /^ValidationError: .*'roleName' .*regular expression pattern/,
        ],
        [
            "an enumeration",
            () => new ECS(config).runTask({ taskDefinition: "app", launchType: "FARGAT" as "FARGATE" }),
            /^InvalidParameterException: .*'launchType' .*enum value set/,
        ],
        ["an unknown parameter", unknownParameter, /^InvalidParameterException: .*'now' .*Member must be one of/],
        [
            "a missing parameter",
            () => new Scheduler(config).createSchedule({ Name: "s", ScheduleExpression: "rate(1 hour)" } as never),
            /^ValidationException: .*'(flexibleTimeWindow|target)' .*must not be null/,
        ],
        [
            "what only documents forbid",
            () => new S3({ ...config, forcePathStyle: true }).createBucket({ Bucket: "A_b" }),
            /^InvalidBucketName: The specified bucket is not valid/,
        ],
        [
            "a missing permission",
            () => new SQS(asRole()).listQueues({}),
            /^AccessDeniedException: .*sqs:ListQueues .*no identity-based policy allows/,
        ],
        [
            "a permission that is taken away by hand",
            async () => {
                await iam.putRolePolicy({ ...policy, PolicyDocument: allow("sqs:ListQueues") });
                await new SQS(asRole()).listQueues({});
                await iam.putRolePolicy({ ...policy, PolicyDocument: allow("sqs:GetQueueUrl") });
                await new SQS(asRole()).listQueues({});
            },
            /^AccessDeniedException: .*sqs:ListQueues/,
        ],
        [
            "a deletion out of order",
            async () => {
                await iam.putRolePolicy({ ...policy, PolicyDocument: allow("sqs:ListQueues") });
                await iam.deleteRole({ RoleName: "planted" });
            },
            /^DeleteConflictException: /,
        ],
    ];

    for (const [kind, plant, refusal] of faults) {
        it(`is refused: ${kind}`, async () => {
            const outcome = await plant().then(
                () => "nothing was refused",
                ({ name, message }: Error) => `${name}: ${message}`,
            );
            expect(outcome).to.match(refusal);
        });
    }

    it("is seen by the next up: what ECS normalises", () => {
        const given = (capabilities: object) => ({ name: "app", image: "app:1", linuxParameters: { capabilities } });
        const isSame = (definition: object) =>
            areEquivalent(JSON.stringify([asStored(definition)]), JSON.stringify([definition]), true);
        expect(isSame(given({ add: [], drop: ["ALL"] }))).to.equal(true);
        expect(isSame(given({ drop: ["ALL"] }))).to.equal(false);
    });

    it("is our own: an answer that AWS does not give", async () => {
        const overlay = { service: "ecs", handle: () => Promise.resolve(jsonResponse({ clusters: [{ name: "x" }] })) };
        const wrong = await startEmulator({ overlays: [overlay] });
        const ecs = new ECS({ ...clientConfig(wrong.url, scope), maxAttempts: 1 });
        const outcome = await ecs.describeClusters({}).catch((error: Error) => error.message);
        const stopped = await wrong.stop().catch((error: Error) => error.message);
        expect(outcome).to.match(/ecs DescribeClusters does not fit AWS's model: .*'clusters.1.name'/);
        expect(stopped).to.match(/^The gateway reported faults:/); // whoever starts one is told
    });

    it("is the emulator's: an answer that AWS does not give, and that no table excuses", async () => {
        const answers: Readonly<Record<string, string>> = {
            ListQueues: JSON.stringify({ QueueUrls: [], Colour: "red" }),
            DescribeVpcs:
                "<DescribeVpcsResponse><vpcSet><item><vpcId>vpc-1</vpcId><mainRouteTableId>rtb-1</mainRouteTableId>" +
                "<state>blue</state></item></vpcSet></DescribeVpcsResponse>",
        };
        const server = createServer((request, response) => {
            request.resume();
            request.on("end", () => {
                const target = request.headers["x-amz-target"];
                response.end(answers[target === "AmazonSQS.ListQueues" ? "ListQueues" : "DescribeVpcs"]);
            });
        });
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        const said: string[] = [];
        const gateway = await startGateway({
            ...{ emulatorPort: (server.address() as AddressInfo).port, accountId, overlays: [] },
            log: (text) => said.push(text),
        });
        try {
            const client = { ...clientConfig(gateway.url, scope), maxAttempts: 1 };
            await new SQS(client).listQueues({});
            await new EC2(client).describeVpcs({});
        } finally {
            await gateway.stop();
            server.close();
        }
        expect(said.map((text) => text.split(": Member must")[0])).to.deep.equal([
            "The emulator's answer to sqs ListQueues does not fit AWS's model: 1 validation error detected: Value at 'Colour' failed to satisfy constraint",
            "The emulator's answer to ec2 DescribeVpcs does not fit AWS's model: 1 validation error detected: Value 'blue' at 'vpcs.1.state' failed to satisfy constraint",
        ]);
    });
});
