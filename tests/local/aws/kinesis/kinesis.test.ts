import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { IAM } from "@aws-sdk/client-iam";
import { Kinesis } from "@aws-sdk/client-kinesis";
import { Lambda } from "@aws-sdk/client-lambda";
import { SQS } from "@aws-sdk/client-sqs";
import AdmZip from "adm-zip";
import { expect } from "chai";

import { kinesisOverlay, shardLimits } from "../../../../local/aws/kinesis/overlay";
import type { ShardLimits } from "../../../../local/aws/kinesis/overlay";
import { lambdaOverlay } from "../../../../local/aws/lambda/overlay";
import { createRunner } from "../../../../local/aws/lambda/runner";
import { createPermissions } from "../../../../local/aws/permissions/permissions";
import { clientConfig } from "../../../../local/machine/awsClients";
import { createProcesses, freePort } from "../../../../local/machine/processes";
import { accountId, startEmulator } from "../../../support/emulator";
import type { Emulator } from "../../../support/emulator";
import { until } from "../../../support/until";

const region = "eu-west-1";
const streamArn = (name: string) => `arn:aws:kinesis:${region}:${accountId}:stream/${name}`;
const queueArn = (name: string) => `arn:aws:sqs:${region}:${accountId}:${name}`;

describe("Kinesis of the local system", () => {
    let directory: string;
    let aws: Emulator;
    let stop: () => Promise<void>;
    let config: ReturnType<typeof clientConfig>;
    let kinesis: Kinesis;
    let limits: ShardLimits = shardLimits;
    let now = 0;
    const permissions = createPermissions();

    before(async () => {
        directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
        const port = await freePort();
        const processes = createProcesses(directory);
        const runner = createRunner({ gatewayUrl: `http://127.0.0.1:${port}`, directory, processes, permissions });
        const lambda = lambdaOverlay(runner, permissions);
        const overlays = [lambda, kinesisOverlay({ limits: () => limits, now: () => now })];
        aws = await startEmulator({ overlays, permissions, gatewayPort: port });
        config = clientConfig(aws.url, { accountId, region });
        kinesis = new Kinesis({ ...config, maxAttempts: 1 });
        stop = async () => {
            await runner.stop();
            await lambda.stop();
            await processes.stop();
            await aws.stop();
        };
    });
    after(async () => {
        kinesis?.destroy();
        await stop?.();
        rmSync(directory, { recursive: true });
    });

    async function stream(StreamName: string, ShardCount = 1): Promise<string> {
        await kinesis.createStream({ StreamName, ShardCount });
        return StreamName;
    }

    const put = (StreamName: string, ...texts: string[]) =>
        kinesis.putRecords({
            StreamName,
            Records: texts.map((text) => ({ PartitionKey: text, Data: Buffer.from(text) })),
        });
    const errorOf = (call: Promise<unknown>): Promise<string> =>
        call.then(
            () => "none",
            ({ name, message }: Error) => `${name}: ${message}`,
        );

    describe("a shard", () => {
        afterEach(() => {
            [limits, now] = [shardLimits, 0];
        });

        it("takes so many records a second; of a batch the rest is refused record by record", async () => {
            const name = await stream("records");
            limits = { ...shardLimits, records: 3 };
            const { FailedRecordCount, Records = [] } = await put(name, "a", "b", "c", "d", "e");
            expect(FailedRecordCount).to.equal(2);
            expect(Records.map(({ SequenceNumber }) => SequenceNumber !== undefined)).to.deep.equal([
                ...[true, true, true, false, false],
            ]);
            expect(Records.slice(3)).to.deep.equal(
                Array.from({ length: 2 }, () => ({
                    ErrorCode: "ProvisionedThroughputExceededException",
                    ErrorMessage: `Rate exceeded for shard shardId-000000000000 in stream records under account ${accountId}.`,
                })),
            );
            const one = { StreamName: name, PartitionKey: "f", Data: Buffer.from("f") };
            expect(await errorOf(kinesis.putRecord(one))).to.equal(
                "ProvisionedThroughputExceededException: " +
                    `Rate exceeded for shard shardId-000000000000 in stream records under account ${accountId}.`,
            );
            now = 1_000;
            expect(await errorOf(kinesis.putRecord(one))).to.equal("none");
            expect((await put(name, "g", "h", "i")).FailedRecordCount).to.equal(1);
        });

        it("takes so many bytes a second, the partition keys' among them", async () => {
            const name = await stream("bytes");
            limits = { ...shardLimits, bytes: 12 };
            expect((await put(name, "123", "123", "1")).FailedRecordCount).to.equal(1);
        });

        it("is chosen by the partition key's hash, and each has limits of its own", async () => {
            const name = await stream("hashed", 2);
            limits = { ...shardLimits, records: 1 };
            // MD5 of "a" begins with 0c, of "b" with 92.
            const { Records = [] } = await put(name, "a", "b", "a", "b");
            expect(Records.map(({ ShardId, ErrorMessage }) => ShardId ?? ErrorMessage?.split(" ")[4])).to.deep.equal([
                ...["shardId-000000000000", "shardId-000000000001", "shardId-000000000000", "shardId-000000000001"],
            ]);
            expect(Records.map(({ ErrorCode }) => ErrorCode === undefined)).to.deep.equal([true, true, false, false]);
            // One that is made anew under its name has shards of its own.
            await kinesis.deleteStream({ StreamName: name });
            await stream(name, 1);
            expect((await put(name, "a", "b")).FailedRecordCount).to.equal(1);
        });

        it("stays what it is, and a stream that is not there is refused", async () => {
            const name = await stream("kept");
            expect(
                await errorOf(
                    kinesis.updateShardCount({
                        ...{ StreamName: name, TargetShardCount: 2, ScalingType: "UNIFORM_SCALING" },
                    }),
                ),
            ).to.match(/^InvalidArgumentException: The local Kinesis does not change a stream's shards/);
            expect(await errorOf(put("none", "a"))).to.match(/^ResourceNotFoundException/);
        });
    });

    it("is used by who may: each action on the streams that a policy names", async () => {
        const iam = new IAM(config);
        const name = await stream("own");
        await stream("other");
        const trust = { Effect: "Allow", Principal: { Service: "ecs-tasks.amazonaws.com" }, Action: "sts:AssumeRole" };
        const { Role } = await iam.createRole({
            RoleName: "producer",
            AssumeRolePolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: trust }),
        });
        await iam.putRolePolicy({
            ...{ RoleName: "producer", PolicyName: "put" },
            PolicyDocument: JSON.stringify({
                Version: "2012-10-17",
                Statement: { Effect: "Allow", Action: "kinesis:PutRecords", Resource: streamArn(name) },
            }),
        });
        const accessKeyId = permissions.identities.keyOfRole(Role!.Arn!, "task");
        const producer = new Kinesis({ ...clientConfig(aws.url, { accountId, region, accessKeyId }), maxAttempts: 1 });
        const Records = [{ PartitionKey: "a", Data: Buffer.from("a") }];
        const denied = (action: string, stream: string) =>
            `AccessDeniedException: User: arn:aws:sts::${accountId}:assumed-role/producer/task is not authorized to perform: kinesis:${action} ` +
            `on resource: ${streamArn(stream)} because no identity-based policy allows the kinesis:${action} action`;
        expect(await errorOf(producer.putRecords({ StreamName: name, Records }))).to.equal("none");
        expect(await errorOf(producer.putRecords({ StreamARN: streamArn("other"), Records }))).to.equal(
            denied("PutRecords", "other"),
        );
        expect(await errorOf(producer.getRecords({ StreamARN: streamArn(name), ShardIterator: "x" }))).to.equal(
            denied("GetRecords", name),
        );
        producer.destroy();
        iam.destroy();
    });

    describe("a function that reads it", () => {
        let lambda: Lambda;
        let sqs: SQS;
        let iam: IAM;
        let functions = 0;
        before(() => {
            lambda = new Lambda({ ...config, maxAttempts: 1 });
            sqs = new SQS(config);
            iam = new IAM(config);
        });
        after(() => [lambda, sqs, iam].forEach((client) => client?.destroy()));

        /** Its handler tells of each batch in a queue of its own, and then does what `body` says with `texts`. */
        async function reader(body: string, statements: readonly object[]) {
            const name = `reader-${++functions}`;
            const { QueueUrl } = await sqs.createQueue({ QueueName: `${name}-seen` });
            const { QueueUrl: deadUrl } = await sqs.createQueue({ QueueName: `${name}-dead` });
            const trust = { Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" };
            const document = (Statement: unknown) => JSON.stringify({ Version: "2012-10-17", Statement });
            const { Role } = await iam.createRole({ RoleName: name, AssumeRolePolicyDocument: document(trust) });
            const tell = { Effect: "Allow", Action: "sqs:SendMessage", Resource: queueArn(`${name}-seen`) };
            await iam.putRolePolicy({
                ...{ RoleName: name, PolicyName: "own" },
                PolicyDocument: document([tell, ...statements]),
            });
            const zip = new AdmZip();
            zip.addFile(
                "index.js",
                Buffer.from(`const { SQS } = require("@aws-sdk/client-sqs");
                exports.handler = async ({ Records }) => {
                    const texts = Records.map(({ kinesis }) => Buffer.from(kinesis.data, "base64").toString());
                    await new SQS({}).sendMessage({ QueueUrl: process.env.SEEN, MessageBody: JSON.stringify({ texts, first: Records[0] }) });
                    const failures = (...failed) => ({
                        batchItemFailures: failed.map((text) => ({ itemIdentifier: Records[texts.indexOf(text)].kinesis.sequenceNumber })),
                    });
                    ${body}
                };`),
            );
            await lambda.createFunction({
                FunctionName: name,
                Runtime: "nodejs24.x",
                Handler: "index.handler",
                Role: Role!.Arn!,
                Code: { ZipFile: zip.toBuffer() },
                Timeout: 60,
                Environment: { Variables: { SEEN: QueueUrl! } },
            });
            const seen: { texts: string[]; first: { eventID: string } }[] = [];
            const look = async () => {
                const { Messages = [] } = await sqs.receiveMessage({ QueueUrl, MaxNumberOfMessages: 10 });
                for (const { Body = "", ReceiptHandle } of Messages) {
                    seen.push(JSON.parse(Body) as (typeof seen)[number]);
                    await sqs.deleteMessage({ QueueUrl, ReceiptHandle });
                }
                return seen;
            };
            return { name, look, deadUrl };
        }

        const mayRead = (name: string) => ({
            Effect: "Allow",
            Action: ["DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"].map(
                (action) => `kinesis:${action}`,
            ),
            Resource: streamArn(name),
        });

        it("gets what was there before in batches, in the form that AWS documents, and goes on where it was", async () => {
            const source = await stream("source");
            await put(source, "a", "b", "c");
            const { name, look } = await reader("", [mayRead(source)]);
            const made = await lambda.createEventSourceMapping({
                ...{ FunctionName: name, EventSourceArn: streamArn(source), StartingPosition: "TRIM_HORIZON" },
                BatchSize: 2,
            });
            expect([made.State, made.BatchSize]).to.deep.equal(["Enabled", 2]);
            const seen = await until("all of the stream", async () => {
                const batches = await look();
                return batches.flatMap(({ texts }) => texts).length === 3 && batches;
            });
            expect(seen.map(({ texts }) => texts).sort()).to.deep.equal([["a", "b"], ["c"]]);
            const first = seen.find(({ texts }) => texts[0] === "a")!.first as unknown as Record<string, unknown>;
            const {
                kinesis: record,
                eventID,
                ...rest
            } = first as { kinesis: Record<string, unknown>; eventID: string };
            expect(rest).to.deep.equal({
                eventSource: "aws:kinesis",
                eventVersion: "1.0",
                eventName: "aws:kinesis:record",
                invokeIdentityArn: `arn:aws:iam::${accountId}:role/${name}`,
                awsRegion: region,
                eventSourceARN: streamArn(source),
            });
            expect(eventID).to.equal(`shardId-000000000000:${String(record.sequenceNumber)}`);
            expect(record.data).to.equal(Buffer.from("a").toString("base64"));
            expect(record.partitionKey).to.equal("a");
            expect(record.approximateArrivalTimestamp).to.be.a("number");

            const { UUID } = made;
            await lambda.updateEventSourceMapping({ UUID, Enabled: false });
            expect((await lambda.getEventSourceMapping({ UUID })).State).to.equal("Disabled");
            await put(source, "d");
            await lambda.updateEventSourceMapping({ UUID, Enabled: true });
            const { EventSourceMappings = [] } = await lambda.listEventSourceMappings({ FunctionName: name });
            expect(EventSourceMappings.map(({ State }) => State)).to.deep.equal(["Enabled"]);
            await until("what came meanwhile", async () => (await look()).length === 3);
            expect(seen[2].texts).to.deep.equal(["d"]);
            await lambda.deleteEventSourceMapping({ UUID });
        });

        it("has a record that always fails halved out of its batch and its place told to the destination", async () => {
            const source = await stream("poisoned");
            await put(source, "a", "b", "bad", "c");
            const dead = {
                Effect: "Allow",
                Action: "sqs:SendMessage",
                Resource: queueArn(`reader-${functions + 1}-dead`),
            };
            const { name, look, deadUrl } = await reader(
                `return texts.includes("bad") ? failures("bad") : failures();`,
                [mayRead(source), dead],
            );
            await lambda.createEventSourceMapping({
                ...{ FunctionName: name, EventSourceArn: streamArn(source), StartingPosition: "TRIM_HORIZON" },
                FunctionResponseTypes: ["ReportBatchItemFailures"],
                BisectBatchOnFunctionError: true,
                MaximumRetryAttempts: 1,
                DestinationConfig: { OnFailure: { Destination: dead.Resource } },
            });
            const told = await until("word of the record", async () => {
                const { Messages = [] } = await sqs.receiveMessage({ QueueUrl: deadUrl, WaitTimeSeconds: 5 });
                return Messages[0]?.Body;
            });
            const { requestContext, KinesisBatchInfo: info } = JSON.parse(told) as Record<
                string,
                Record<string, unknown>
            >;
            expect([
                requestContext.condition,
                requestContext.functionArn,
                requestContext.approximateInvokeCount,
            ]).to.deep.equal([
                ...["RetryAttemptsExhausted", `arn:aws:lambda:${region}:${accountId}:function:${name}`, 2],
            ]);
            expect([info.batchSize, info.streamArn, info.shardId]).to.deep.equal([
                ...[1, streamArn(source), "shardId-000000000000"],
            ]);
            const batches = await until("the record after it", async () => {
                const all = await look();
                return all.some(({ texts }) => texts.join() === "c") && all;
            });
            expect(batches.map(({ texts }) => texts.join(" ")).sort()).to.deep.equal([
                ...["a b bad c", "bad", "bad", "bad c", "c"].sort(),
            ]);
        });

        it("reads in the name of its role, which is asked before", async () => {
            const source = await stream("closed");
            const { name } = await reader("", []);
            expect(
                await errorOf(
                    lambda.createEventSourceMapping({
                        ...{ FunctionName: name, EventSourceArn: streamArn(source), StartingPosition: "LATEST" },
                    }),
                ),
            ).to.equal(
                `InvalidParameterValueException: Cannot access stream ${streamArn(source)}. Please ensure the role can perform the ` +
                    "DescribeStream, DescribeStreamSummary, GetRecords, GetShardIterator, ListShards Actions on your stream in IAM.",
            );
        });

        it("has no setting that would be lost", async () => {
            const source = await stream("plain");
            const { name } = await reader("", [mayRead(source)]);
            const refused = { FunctionName: name, EventSourceArn: streamArn(source) };
            expect(
                await errorOf(
                    lambda.createEventSourceMapping({
                        ...{ ...refused, StartingPosition: "LATEST", ParallelizationFactor: 2 },
                    }),
                ),
            ).to.equal(
                "InvalidParameterValueException: The local Lambda does not follow ParallelizationFactor of a stream.",
            );
            expect(await errorOf(lambda.createEventSourceMapping(refused))).to.match(/startingPosition/);
        });
    });
});
