import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { announceNames } from "../../handlers/announceNames";
import { importCertificate } from "../../handlers/importCertificate";
import { patchTasks } from "../../handlers/patchTasks";
import { redeployService } from "../../handlers/redeployService";
import { reconcileSessions } from "../../handlers/reconcileSessions";
import { renewCertificate } from "../../handlers/renewCertificate";
import { serveSessions } from "../../handlers/serveSessions";
import { sweepTaskDns } from "../../handlers/sweepTaskDns";
import { syncTaskDns } from "../../handlers/syncTaskDns";
import { awsEnvironment, json, startFakeAws, type FakeService } from "../support/fakeAws";
import { createFakePatching, patchingEnvironment } from "../support/fakePatching";
import { createFakeRoute53 } from "../support/fakeRoute53";
import { createFakeTasks } from "../support/fakeTasks";
import { handlerFolder, invoke, type HandlerFolder } from "../support/handlerProcess";
import { createFakeQueues, createFakeRegistry, taskDnsEnvironment } from "../support/taskDns/fakeServices";
import { startCertificateWorld } from "../support/certificateWorld";

describe("a serialised handler", () => {
    const folders: HandlerFolder[] = [];

    afterEach(() => folders.splice(0).forEach((folder) => folder.remove()));

    async function install(handler: (...args: never[]) => unknown, ...packages: string[]): Promise<HandlerFolder> {
        const folder = await handlerFolder(handler, packages);
        folders.push(folder);
        return folder;
    }

    async function answerOf(...invocation: Parameters<typeof invoke>): Promise<unknown> {
        const end = await invoke(...invocation).end;
        expect(end?.error, end?.log).to.equal(undefined);
        return end?.answer;
    }

    it("syncTaskDns runs in a folder of its own, and is small", async () => {
        const clusterArn = "arn:aws:ecs:eu-west-1:111122223333:cluster/tasks";
        const tasks = createFakeTasks(clusterArn);
        const route53 = createFakeRoute53({ zoneId: "Z1", zoneName: "example.test" });
        const aws = await startFakeAws([...tasks.services, route53, createFakeRegistry(), createFakeQueues()]);
        const { id, address } = tasks.create(1);
        const [, event] = tasks.run(id);
        const folder = await install(syncTaskDns);
        const Records = [JSON.stringify(event), "{"].map((body, index) => ({
            messageId: `m${index}`,
            receiptHandle: `r${index}`,
            body,
            attributes: { ApproximateReceiveCount: "1", SentTimestamp: String(Date.now()) },
        }));
        const environment = { ...awsEnvironment(aws.url), ...taskDnsEnvironment(clusterArn) };
        const answer = await answerOf(folder, environment, { Records }).finally(() => aws.stop());
        expect(answer).to.deep.equal({ batchItemFailures: [] });
        expect(route53.records()).to.deep.equal([
            { name: `${id}.example.test.`, type: "A", ttl: 15, values: [address] },
        ]);
        expect(readdirSync(folder.directory)).to.deep.equal(["__index.js"]);
        expect(folder.size).to.be.below(100_000);
    });

    it("syncTaskDns takes a cold batch of 500 with half of the memory that it is given", async () => {
        const clusterArn = "arn:aws:ecs:eu-west-1:111122223333:cluster/tasks";
        const tasks = createFakeTasks(clusterArn);
        const route53 = createFakeRoute53({ zoneId: "Z1", zoneName: "example.test" });
        const aws = await startFakeAws([...tasks.services, route53, createFakeRegistry(), createFakeQueues()]);
        const Records = Array.from({ length: 500 }, (_, index) => {
            const [, event] = tasks.run(tasks.create(index).id);
            return {
                messageId: `m${index}`,
                receiptHandle: `r${index}`,
                body: JSON.stringify(event),
                attributes: { ApproximateReceiveCount: "1", SentTimestamp: String(Date.now()) },
            };
        });
        const folder = await install(syncTaskDns);
        // What the process itself had at most: process.resourceUsage() counts what the one before it had, too.
        const script = `
            const fs = require("node:fs");
            const context = { functionName: "f", awsRequestId: "r", getRemainingTimeInMillis: () => 30_000 };
            require("node:stream/consumers").json(process.stdin)
                .then((event) => require("./__index.js").handler(event, context))
                .then(() => console.log(/VmHWM: *(\\d+) kB/.exec(fs.readFileSync("/proc/self/status", "utf8").replaceAll("\\t", " "))[1]));`;
        try {
            // Node collects its garbage when it has to: it is given a heap that leaves room for what else is in half of the memory.
            const heap = ["--max-old-space-size=128", "--max-semi-space-size=8"];
            const child = spawn(process.execPath, [...heap, "-e", script], {
                cwd: folder.directory,
                env: { ...awsEnvironment(aws.url), ...taskDnsEnvironment(clusterArn), ...folder.environment },
                stdio: ["pipe", "pipe", "inherit"],
            });
            child.stdin.end(JSON.stringify({ Records }));
            const kibibytes = Number((await text(child.stdout)).trim().split("\n").at(-1));
            expect(route53.records()).to.have.length(500);
            expect(kibibytes / 1_024).to.be.within(30, 512 / 2);
        } finally {
            await aws.stop();
        }
    });

    it("patchTasks runs in a folder of its own, with the package that reads schedules", async () => {
        const world = createFakePatching();
        const aws = await startFakeAws(world.services);
        const folder = await install(patchTasks, "croner");
        const environment = { ...awsEnvironment(aws.url), ...patchingEnvironment() };
        const answer = await answerOf(folder, environment).finally(() => aws.stop());
        expect(answer).to.deep.include({ tasks: [], redeployments: {}, retirements: [] });
        expect(JSON.parse(world.objects["report.json"])).to.deep.equal(answer);
        expect(folder.size).to.be.below(100_000);
    });

    it("sweepTaskDns runs in a folder of its own, and asks for a look at a task without a name", async () => {
        const clusterArn = "arn:aws:ecs:eu-west-1:111122223333:cluster/tasks";
        const tasks = createFakeTasks(clusterArn);
        const queues = createFakeQueues();
        const aws = await startFakeAws([...tasks.services, createFakeRegistry(), queues]);
        const { id, arn } = tasks.create(1);
        tasks.run(id);
        const folder = await install(sweepTaskDns);
        const environment = { ...awsEnvironment(aws.url), ...taskDnsEnvironment(clusterArn) };
        const answer = await answerOf(folder, environment).finally(() => aws.stop());
        expect(answer).to.deep.equal({ live: 0, tasks: 1, unnamed: 1, orphans: 0, stuck: 0 });
        const [body] = queues.sent[environment.QUEUE_URL];
        expect(JSON.parse(body)).to.have.nested.property("taskgate:sweep.taskArns").that.deep.equals([arn]);
        expect(folder.size).to.be.below(100_000);
    });

    it("sweepTaskDns audits and drains there, too, and announceNames announces", async () => {
        const clusterArn = "arn:aws:ecs:eu-west-1:111122223333:cluster/tasks";
        const tasks = createFakeTasks(clusterArn);
        const route53 = createFakeRoute53({ zoneId: "Z1", zoneName: "example.test" });
        const sent: string[] = [];
        const events: FakeService = {
            service: "events",
            answer({ body }) {
                sent.push(body);
                return json({ FailedEntryCount: 0, Entries: [{ EventId: "e" }] });
            },
        };
        const queues = createFakeQueues();
        const aws = await startFakeAws([...tasks.services, route53, createFakeRegistry(), queues, events]);
        const environment = {
            ...awsEnvironment(aws.url),
            ...taskDnsEnvironment(clusterArn),
            ACCEPTED_QUEUE_URL: "accepted",
        };
        const recordOf = (body: string) => ({
            messageId: "m",
            receiptHandle: "r",
            body,
            attributes: { ApproximateReceiveCount: "1", SentTimestamp: String(Date.now()) },
        });
        try {
            const { id, arn } = tasks.create(1);
            const event = JSON.stringify(tasks.run(id)[1]);
            await answerOf(await install(syncTaskDns), environment, { Records: [recordOf(event)] });

            const announcing = await install(announceNames);
            const accepted = { Records: queues.sent.accepted.map(recordOf) };
            expect(await answerOf(announcing, environment, accepted)).to.deep.equal({ batchItemFailures: [] });
            expect(sent).to.have.length(1);
            expect(sent[0]).to.include(arn);
            expect(announcing.size).to.be.below(100_000);

            const sweeping = await install(sweepTaskDns);
            const audited = { records: 1, orphans: 0, deleted: 0, missing: 0 };
            expect(await answerOf(sweeping, environment, { audit: true })).to.deep.equal(audited);
            const drained = { stoppedTasks: 0, removedRecords: 1 };
            expect(await answerOf(sweeping, environment, { tf: { action: "delete" } })).to.deep.equal(drained);
            expect(route53.records()).to.deep.equal([]);
        } finally {
            await aws.stop();
        }
    });

    it("renewCertificate runs in a folder of its own, and issues a certificate", async () => {
        const world = await startCertificateWorld();
        await world.prepare();
        const folder = await install(renewCertificate, "acme-client");
        try {
            const roots = { ACME_ROOT_CERTIFICATES: readFileSync(world.tlsCaFile, "utf8") };
            const answer = await answerOf(folder, { ...world.environment, ...roots });
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
            const redeploys = await install(redeployService);
            const imports = await install(importCertificate);
            expect(await answerOf(redeploys, environment)).to.deep.equal({
                redeployed: false,
                reason: "certificate of 1970-01-01T00:01:00.000Z, deployment of 1970-01-01T00:02:00.000Z",
            });
            expect(await answerOf(imports, environment)).to.deep.equal({ certificateArn: "arn", imported: false });
            for (const { directory, size } of [redeploys, imports]) {
                expect(readdirSync(directory)).to.deep.equal(["__index.js"]);
                expect(size).to.be.below(100_000);
            }
        } finally {
            await aws.stop();
        }
    });

    it("serveSessions and reconcileSessions run in folders of their own: one opens a session, the other compares", async () => {
        const answers: Record<string, object> = {
            RunTask: { tasks: [{ taskArn: "arn:aws:ecs:eu-west-1:111122223333:task/tasks/0123" }] },
            ListTasks: { taskArns: [] },
            Query: { Items: [] },
        };
        const aws = await startFakeAws(
            ["ecs", "dynamodb"].map((service) => ({
                service,
                answer: ({ operation = "" }) => json(answers[operation] ?? {}),
            })),
        );
        const environment = {
            ...awsEnvironment(aws.url),
            ...{ SESSIONS_NAME: "boards", TABLE_NAME: "boards", NAMES_TABLE_NAME: "names", TASK_TAGS: "{}" },
            RUN_TASK_INPUT: JSON.stringify({ cluster: "tasks", taskDefinition: "app:1", launchType: "FARGATE" }),
            ...{ HTTPS_PORT: "443", MAX_SESSIONS: "10", MAX_SESSIONS_PER_TENANT: "2", START_WITHIN_SECONDS: "600" },
            ...{ ISSUER: "https://id.example.com", AUDIENCES: '["boards"]', JWKS_URI: "https://id.example.com/keys" },
            ...{ TENANT_CLAIM: "team", CLAIM_VARIABLES: '{"TEAM_ID":"team"}', BODY_VARIABLES: "{}" },
            HANDS_ON_TOKEN: "false",
        };
        const opening = {
            routeKey: "PUT /sessions/{key}",
            pathParameters: { key: "42" },
            requestContext: { authorizer: { jwt: { claims: { team: "42" } } } },
        };
        const visit = {
            ...{ routeKey: "$default", rawPath: "/42/", rawQueryString: "", headers: { accept: "text/html" } },
            requestContext: { http: { method: "GET" }, domainName: "door.example.com" },
        };
        try {
            const [serves, reconciles] = [await install(serveSessions), await install(reconcileSessions)];
            const opened = (await answerOf(serves, environment, opening)) as { statusCode: number; body: string };
            expect(opened.statusCode).to.equal(202);
            expect(JSON.parse(opened.body)).to.include({ key: "42", state: "starting", status: "REQUESTED" });
            const started = JSON.parse(aws.requests.find(({ operation }) => operation === "RunTask")!.body) as {
                overrides: { containerOverrides: readonly { name: string }[] };
            };
            expect(started.overrides.containerOverrides.map(({ name }) => name)).to.deep.equal(["app", "init"]);
            expect(await answerOf(serves, environment, visit)).to.include({ statusCode: 401 });
            expect(await answerOf(reconciles, environment)).to.deep.equal({
                ...{ open: 0, tasks: 0, orphans: 0, looked: 0, warned: 0, failed: 0 },
            });
            for (const { directory, size } of [serves, reconciles]) {
                expect(readdirSync(directory)).to.deep.equal(["__index.js"]);
                expect(size).to.be.below(100_000);
            }
        } finally {
            await aws.stop();
        }
    });
});
