import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { CloudWatch } from "@aws-sdk/client-cloudwatch";
import { Lambda } from "@aws-sdk/client-lambda";
import type { CreateFunctionCommandInput, InvokeCommandInput } from "@aws-sdk/client-lambda";
import { S3 } from "@aws-sdk/client-s3";
import { SQS } from "@aws-sdk/client-sqs";
import AdmZip from "adm-zip";
import { expect } from "chai";

import { lambdaOverlay } from "../../../../local/aws/lambda/overlay";
import { createRunner } from "../../../../local/aws/lambda/runner";
import type { Runner } from "../../../../local/aws/lambda/runner";
import { clientConfig } from "../../../../local/machine/awsClients";
import { createProcesses, freePort } from "../../../../local/machine/processes";
import type { Processes } from "../../../../local/machine/processes";
import { accountId, startEmulator } from "../../../support/emulator";
import type { Emulator } from "../../../support/emulator";

function zipOf(code: string): Buffer {
    const zip = new AdmZip();
    zip.addFile("index.js", Buffer.from(code));
    return zip.toBuffer();
}

const echo = `exports.handler = async (event, context) => ({ event, arn: context.invokedFunctionArn });`;

describe("Lambda of the local system", () => {
    let directory: string;
    let aws: Emulator;
    let processes: Processes;
    let runner: Runner;
    let lambda: Lambda;
    let config: ReturnType<typeof clientConfig>;
    let functions = 0;

    before(async () => {
        directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
        const port = await freePort();
        processes = createProcesses(directory);
        runner = createRunner({ gatewayUrl: `http://127.0.0.1:${port}`, directory, processes });
        aws = await startEmulator({ overlays: [lambdaOverlay(runner)], gatewayPort: port });
        config = clientConfig(aws.url, { accountId, region: "eu-west-1" });
        lambda = new Lambda({ ...config, maxAttempts: 1 });
    });

    after(async () => {
        lambda.destroy();
        await runner.stop();
        await processes.stop();
        await aws.stop();
        rmSync(directory, { recursive: true });
    });

    async function create(code: string, options: Partial<CreateFunctionCommandInput> = {}): Promise<string> {
        const FunctionName = `function-${++functions}`;
        await lambda.createFunction({
            FunctionName,
            Runtime: "nodejs24.x",
            Handler: "index.handler",
            Role: `arn:aws:iam::${accountId}:role/any`,
            Code: { ZipFile: zipOf(code) },
            ...options,
        });
        return FunctionName;
    }

    async function invoke(FunctionName: string, event?: unknown, options: Partial<InvokeCommandInput> = {}) {
        const Payload = event === undefined ? undefined : JSON.stringify(event);
        const answer = await lambda.invoke({ FunctionName, Payload, ...options });
        return {
            status: answer.StatusCode,
            error: answer.FunctionError,
            version: answer.ExecutedVersion,
            log: answer.LogResult && Buffer.from(answer.LogResult, "base64").toString(),
            payload: JSON.parse(answer.Payload?.transformToString() || "null") as unknown,
        };
    }

    const arn = (name: string) => `arn:aws:lambda:eu-west-1:${accountId}:function:${name}`;

    it("invokes a function with the event as it was sent", async () => {
        const name = await create(echo);
        const event = { text: "Zoë & <co>", list: [1.5, null, true] };
        expect(await invoke(name, event)).to.deep.equal({
            status: 200,
            error: undefined,
            version: "$LATEST",
            log: undefined,
            payload: { event, arn: arn(name) },
        });
        expect((await invoke(arn(name))).payload).to.deep.equal({ event: {}, arn: arn(name) });
    });

    it("answers a failure with its own type and message, and the tail of the log when asked", async () => {
        const name = await create(
            `exports.handler = async () => { console.log("before"); throw new TypeError("no"); };`,
        );
        const { status, error, log, payload } = await invoke(name, {}, { LogType: "Tail" });
        expect([status, error]).to.deep.equal([200, "Unhandled"]);
        expect(payload).to.include({ errorType: "TypeError", errorMessage: "no" });
        expect(log).to.match(/^START RequestId: [^]*\tINFO\tbefore\n[^]*\nREPORT RequestId: /);
    });

    it("leaves to the emulator what it checks before a function runs", async () => {
        const refused = (name: string, options = {}) => invoke(name, {}, options).catch((error: Error) => error.name);
        const name = await create(echo);
        expect(await refused("function-x")).to.equal("ResourceNotFoundException");
        expect(await refused(name, { Qualifier: "nothing" })).to.equal("ResourceNotFoundException");
        expect(await refused(name, { Payload: "{" })).to.equal("InvalidRequestContentException");
        expect((await invoke(name, {}, { InvocationType: "DryRun" })).status).to.equal(204);
        await lambda.putFunctionConcurrency({ FunctionName: name, ReservedConcurrentExecutions: 0 });
        expect(await refused(name)).to.equal("TooManyRequestsException");
    });

    it("shows the function's own environment and none of its devices", async () => {
        const plain = await create(echo);
        const coloured = await create(echo, { Environment: { Variables: { COLOUR: "blue" } } });
        const environments = async () => {
            const { Functions = [] } = await lambda.listFunctions({});
            return [
                (await lambda.getFunction({ FunctionName: coloured })).Configuration?.Environment,
                (await lambda.getFunctionConfiguration({ FunctionName: plain })).Environment,
                Functions.find(({ FunctionName }) => FunctionName === coloured)?.Environment,
            ];
        };
        const blue = { Variables: { COLOUR: "blue" } };
        expect(await environments()).to.deep.equal([blue, undefined, blue]);
        const updated = await lambda.updateFunctionConfiguration({
            FunctionName: coloured,
            Environment: { Variables: { COLOUR: "red" } },
        });
        expect(updated.Environment).to.deep.equal({ Variables: { COLOUR: "red" } });
    });

    it("runs new code and new configuration", async () => {
        const name = await create(`exports.handler = async () => [1, process.env.COLOUR];`);
        expect((await invoke(name)).payload).to.deep.equal([1, null]);
        await lambda.updateFunctionCode({
            FunctionName: name,
            ZipFile: zipOf(`exports.handler = async () => [2, process.env.COLOUR]; exports.other = async () => 3;`),
        });
        expect((await invoke(name)).payload).to.deep.equal([2, null]);
        await lambda.updateFunctionConfiguration({ FunctionName: name, Environment: { Variables: { COLOUR: "red" } } });
        expect((await invoke(name)).payload).to.deep.equal([2, "red"]);
        await lambda.updateFunctionConfiguration({ FunctionName: name, Handler: "index.other" });
        expect((await invoke(name)).payload).to.deep.equal(3);
        await lambda.deleteFunction({ FunctionName: name });
        expect(runner.has(arn(name))).to.equal(false);
    });

    it("takes the archive from S3, and says so when it is not there", async () => {
        const s3 = new S3({ ...config, forcePathStyle: true });
        await s3.createBucket({ Bucket: "code" });
        await s3.putObject({ Bucket: "code", Key: "a/b c.zip", Body: zipOf(echo) });
        s3.destroy();
        const name = await create("", { Code: { S3Bucket: "code", S3Key: "a/b c.zip" } });
        expect((await invoke(name, 1)).payload).to.deep.equal({ event: 1, arn: arn(name) });
        const refusal = await create("", { Code: { S3Bucket: "code", S3Key: "none.zip" } }).catch(String);
        expect(refusal).to.equal(
            "InvalidParameterValueException: Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist.",
        );
    });

    it("works off a queue, gives back the messages that failed, and counts errors for alarms", async () => {
        const sqs = new SQS(config);
        const queue = async (QueueName: string) => (await sqs.createQueue({ QueueName })).QueueUrl ?? "";
        const [source, done] = [await queue("source"), await queue("done")];
        await sqs.setQueueAttributes({ QueueUrl: source, Attributes: { VisibilityTimeout: "1" } });
        const name = await create(
            `const { SQS } = require("@aws-sdk/client-sqs");
            const isFirst = ({ attributes }) => attributes.ApproximateReceiveCount === "1";
            exports.handler = async ({ Records }) => {
                if (Records.some((record) => record.body === "throw" && isFirst(record))) {
                    throw new Error("whole batch");
                }
                const failed = Records.filter((record) => record.body === "twice" && isFirst(record));
                const good = Records.filter((record) => !failed.includes(record));
                for (const { body } of good) {
                    await new SQS({}).sendMessage({ QueueUrl: process.env.DONE, MessageBody: body });
                }
                return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
            };`,
            { Timeout: 10, Environment: { Variables: { DONE: done } } },
        );
        const { UUID } = await lambda.createEventSourceMapping({
            FunctionName: name,
            EventSourceArn: `arn:aws:sqs:eu-west-1:${accountId}:source`,
            FunctionResponseTypes: ["ReportBatchItemFailures"],
            Tags: { Environment: "dev" },
        });
        expect(await lambda.getEventSourceMapping({ UUID })).to.include({ UUID }); // AWS's answer has no tags in it
        const bodies = ["once", "twice", "throw"];
        for (const MessageBody of bodies) {
            await sqs.sendMessage({ QueueUrl: source, MessageBody });
        }
        const received = new Set<string>(); // at least once: on a slow machine a message is visible again before it is deleted
        while (received.size < bodies.length) {
            const { Messages = [] } = await sqs.receiveMessage({ QueueUrl: done, WaitTimeSeconds: 5 });
            for (const { Body = "", ReceiptHandle } of Messages) {
                received.add(Body);
                await sqs.deleteMessage({ QueueUrl: done, ReceiptHandle });
            }
        }
        expect(received).to.deep.equal(new Set(bodies));
        expect(await errorCount(name)).to.equal(1);
        sqs.destroy();
    });

    it("tries an asynchronous invocation again and then sends it to the dead letters", async () => {
        const sqs = new SQS(config);
        const { QueueUrl } = await sqs.createQueue({ QueueName: "dead" });
        const name = await create(`exports.handler = async () => { throw new Error("never"); };`, {
            DeadLetterConfig: { TargetArn: `arn:aws:sqs:eu-west-1:${accountId}:dead` },
        });
        await lambda.putFunctionEventInvokeConfig({ FunctionName: name, MaximumRetryAttempts: 1 });
        expect((await invoke(name, { n: 1 }, { InvocationType: "Event" })).status).to.equal(202);
        const { Messages = [] } = await sqs.receiveMessage({ QueueUrl, WaitTimeSeconds: 15 });
        const { requestPayload } = JSON.parse(Messages[0].Body ?? "") as { requestPayload: unknown };
        expect(requestPayload).to.deep.equal({ n: 1 });
        expect(await errorCount(name)).to.equal(2);
        sqs.destroy();
    });

    async function errorCount(name: string): Promise<number | undefined> {
        const cloudwatch = new CloudWatch(config);
        const { Datapoints = [] } = await cloudwatch.getMetricStatistics({
            Namespace: "AWS/Lambda",
            MetricName: "Errors",
            Dimensions: [{ Name: "FunctionName", Value: name }],
            StartTime: new Date(Date.now() - 600_000),
            EndTime: new Date(Date.now() + 600_000),
            Period: 3_600,
            Statistics: ["Sum"],
        });
        cloudwatch.destroy();
        return Datapoints.reduce((sum, { Sum = 0 }) => sum + Sum, 0);
    }
});
