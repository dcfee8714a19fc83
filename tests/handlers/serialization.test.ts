import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";
import { importCertificate } from "../../handlers/importCertificate";
import { redeployService } from "../../handlers/redeployService";
import { renewCertificate } from "../../handlers/renewCertificate";
import { sweepTaskDns } from "../../handlers/sweepTaskDns";
import { syncTaskDns } from "../../handlers/syncTaskDns";
import { projectRoot } from "../../local/machine/projectRoot";
import { awsEnvironment, startFakeAws } from "../support/fakeAws";
import { createFakeRoute53 } from "../support/fakeRoute53";
import { createFakeTasks } from "../support/fakeTasks";
import { createFakeQueues, createFakeRegistry, taskDnsEnvironment } from "../support/taskDns/fakeServices";
import { startCertificateWorld } from "./certificateWorld";

// Each handler as Lambda gets it: Pulumi's text of the function and the packages it names, alone in a folder, with nothing else
// to be found but the AWS SDK.

const { dependencies } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as {
    dependencies: object;
};

describe("a serialised handler", () => {
    let directory: string;
    let folder: string;
    /** Where Lambda's own SDK is found, and nothing else. */
    let sdk: string;

    beforeEach(() => {
        directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
        [folder, sdk] = ["function", "sdk"].map((name) => join(directory, name));
        mkdirSync(folder);
        mkdirSync(sdk);
        symlinkSync(join(projectRoot, "node_modules", "@aws-sdk"), join(sdk, "@aws-sdk"));
    });

    afterEach(() => rmSync(directory, { recursive: true }));

    it("syncTaskDns runs in a folder of its own, and is small", async () => {
        const clusterArn = "arn:aws:ecs:eu-west-1:111122223333:cluster/tasks";
        const tasks = createFakeTasks(clusterArn);
        const route53 = createFakeRoute53({ zoneId: "Z1", zoneName: "example.test" });
        const aws = await startFakeAws([...tasks.services, route53, createFakeRegistry(), createFakeQueues()]);
        const { id, address } = tasks.create(1);
        const [, event] = tasks.run(id);
        const size = await install(syncTaskDns, []);
        const answer = await invoke(
            {
                Records: [JSON.stringify(event), "{"].map((body, index) => ({
                    messageId: `m${index}`,
                    receiptHandle: `r${index}`,
                    body,
                    attributes: { ApproximateReceiveCount: "1", SentTimestamp: String(Date.now()) },
                })),
            },
            { ...awsEnvironment(aws.url), ...taskDnsEnvironment(clusterArn) },
        ).finally(() => aws.stop());
        expect(answer).to.deep.equal({ batchItemFailures: [] });
        expect(route53.records()).to.deep.equal([
            { name: `${id}.example.test.`, type: "A", ttl: 15, values: [address] },
        ]);
        expect(readdirSync(folder)).to.deep.equal(["__index.js"]);
        expect(size).to.be.below(100_000);
    });

    it("sweepTaskDns runs in a folder of its own, and asks for a look at a task without a name", async () => {
        const clusterArn = "arn:aws:ecs:eu-west-1:111122223333:cluster/tasks";
        const tasks = createFakeTasks(clusterArn);
        const queues = createFakeQueues();
        const aws = await startFakeAws([...tasks.services, createFakeRegistry(), queues]);
        const { id, arn } = tasks.create(1);
        tasks.run(id);
        const size = await install(sweepTaskDns, []);
        const environment = { ...awsEnvironment(aws.url), ...taskDnsEnvironment(clusterArn) };
        const answer = await invoke({}, environment).finally(() => aws.stop());
        expect(answer).to.deep.equal({ live: 0, tasks: 1, unnamed: 1, orphans: 0, stuck: 0 });
        const [body] = queues.sent[environment.QUEUE_URL];
        expect(JSON.parse(body)).to.have.nested.property("taskgate:sweep.taskArns").that.deep.equals([arn]);
        expect(size).to.be.below(100_000);
    });

    it("renewCertificate runs in a folder of its own, and issues a certificate", async () => {
        const world = await startCertificateWorld();
        await world.prepare();
        await install(renewCertificate, ["acme-client"]);
        try {
            const answer = await invoke({}, { ...world.environment, NODE_EXTRA_CA_CERTS: world.tlsCaFile });
            expect(answer).to.include({ outcome: "issued", reason: "there is no certificate yet" });
            expect(await world.secret()).to.include({ keyType: "P-256" });
        } finally {
            world.tidy();
            await world.stop();
        }
    });

    it("redeployService and importCertificate run in folders of their own", async () => {
        const json = (value: object) => ({ type: "application/x-amz-json-1.1", body: JSON.stringify(value) }) as const;
        const secretArn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:certificate-AbCdEf";
        const secret = { certificateChain: "", privateKey: "", serialNumber: "1" };
        const answers: Record<string, object> = {
            DescribeSecret: { LastChangedDate: 60 },
            DescribeServices: { services: [{ deployments: [{ status: "PRIMARY", createdAt: 120 }] }] },
            GetParameter: { Parameter: { Value: JSON.stringify({ certificateArn: "arn", serialNumber: "1" }) } },
            GetSecretValue: { SecretString: JSON.stringify(secret) },
        };
        const aws = await startFakeAws(
            ["ecs", "secretsmanager", "ssm"].map((service) => ({
                service,
                answer: ({ operation = "" }) => json(answers[operation]),
            })),
        );
        const environment = {
            ...awsEnvironment(aws.url),
            ...{ CLUSTER_ARN: "tasks", SERVICE_NAME: "web", SECRET_ARN: secretArn, IMPORT_PARAMETER: "/import" },
        };
        try {
            expect(await install(redeployService, [])).to.be.below(100_000);
            expect(await invoke({}, environment)).to.deep.equal({
                redeployed: false,
                reason: "certificate of 1970-01-01T00:01:00.000Z, deployment of 1970-01-01T00:02:00.000Z",
            });
            expect(await install(importCertificate, [])).to.be.below(100_000);
            expect(await invoke({}, environment)).to.deep.equal({ certificateArn: "arn", imported: false });
            expect(readdirSync(folder)).to.deep.equal(["__index.js"]);
        } finally {
            await aws.stop();
        }
    });

    /** Writes what the function's archive would hold; answers the length of its text. */
    async function install(handler: (...args: never[]) => unknown, packages: readonly string[]): Promise<number> {
        const { text } = await pulumi.runtime.serializeFunction(handler, { allowSecrets: true });
        writeFileSync(join(folder, "__index.js"), text);
        const extraExcludePackages = Object.keys(dependencies).filter((name) => !packages.includes(name));
        const paths = await pulumi.runtime.computeCodePaths({ extraExcludePackages });
        for (const [path, archive] of paths) {
            cpSync(join(projectRoot, await (archive as pulumi.asset.FileArchive).path), join(folder, path), {
                recursive: true,
            });
        }
        return text.length;
    }

    /** Runs the function as Lambda's Node does, with nothing inherited. */
    async function invoke(event: object, environment: Readonly<Record<string, string | undefined>>): Promise<unknown> {
        const script = `
            const { handler } = require("./__index.js");
            const context = { functionName: "f", awsRequestId: "r", getRemainingTimeInMillis: () => 300_000 };
            handler(${JSON.stringify(event)}, context).then((answer) => console.log(JSON.stringify({ answer })));`;
        const options = { cwd: folder, env: { ...environment, NODE_PATH: sdk } };
        const { stdout } = await promisify(execFile)(process.execPath, ["-e", script], options);
        return (JSON.parse(stdout.trim().split("\n").at(-1)!) as { answer: unknown }).answer;
    }
});
