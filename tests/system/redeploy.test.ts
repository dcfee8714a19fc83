// The certificate of a service is renewed while requests, HTTP/2 streams and WebSockets go to its tasks, which are replaced one after the other; and then
// with the rotation hot, with which none is. Then both are patched.
import { join } from "node:path";

import { ECRClient, CreateRepositoryCommand } from "@aws-sdk/client-ecr";
import {
    type Deployment,
    DescribeServicesCommand,
    DescribeTasksCommand,
    ECSClient,
    RegisterTaskDefinitionCommand,
    RunTaskCommand,
    type Service,
    StopTaskCommand,
} from "@aws-sdk/client-ecs";
import { InvokeCommand, LambdaClient, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { expect } from "chai";

import type { PatchReport, TaskReport } from "../../handlers/patching/report";
import { reportPermissions } from "../../local/aws/permissions/report";
import { askRenewal, eventually } from "../../local/internet/caller";
import { type HeardEvent, listenFor } from "../../local/internet/listener";
import { type Load, startLoad } from "../../local/internet/load";
import { visit } from "../../local/internet/visitor";
import { clientConfig } from "../../local/machine/awsClients";
import { projectRoot } from "../../local/machine/projectRoot";
import type { SystemFile } from "../../local/machine/systemFile";
import { type OperationOptions, runOperation } from "../../local/pulumi/operation";
import { localConfig } from "../../local/pulumi/platforms";
import { rememberDeployed } from "../../local/pulumi/program";
import type { RunningSystem } from "../../local/system";
import { pushImage } from "../../local/tasks/images/registry";
import { taskgate } from "../support/commandLine";
import { localSystem } from "../support/localSystem";

interface Outputs {
    readonly renewalFunctionName: string;
    readonly patchFunctionName: string;
    readonly serviceName: string;
    readonly hotServiceName: string;
    readonly clusterArn: string;
}

const region = "eu-west-1";
const domain = "rotated.tasks.example.test";
const hostnames = [`app.${domain}`, `hot.${domain}`];
const program = join(projectRoot, "tests/support/rotatedProgram/index.ts");
const repositoryName = "rotated";
const HOUR = 3_600_000;

describe("services whose tasks are replaced under load", () => {
    let running: RunningSystem;
    let system: SystemFile;
    let outputs: Outputs;
    let ecs: ECSClient;
    let lambda: LambdaClient;
    let image: string;
    let digest: string;

    before(async () => {
        running = await localSystem();
        system = running.file;
        const config = clientConfig(system.gatewayUrl, { accountId: system.accountId, region });
        [ecs, lambda] = [new ECSClient(config), new LambdaClient(config)];
        const imageScanningConfiguration = { scanOnPush: true };
        await new ECRClient(config).send(new CreateRepositoryCommand({ repositoryName, imageScanningConfiguration }));
        image = `${system.accountId}.dkr.ecr.${region}.amazonaws.com/${repositoryName}:main`;
        digest = await push("1");
        outputs = (await runOperation(system, "up", options(12))).outputs as unknown as Outputs;
    });
    after(() => runOperation(system, "destroy", options(12)));

    /** Windows open each day, of which one is so many hours from now. */
    function options(hours: number): OperationOptions {
        const opens = new Date(Date.now() + hours * HOUR);
        const schedule = `cron(${opens.getUTCMinutes()} ${opens.getUTCHours()} ? * * *)`;
        const config = { "aws:region": region, ...localConfig(system), domain, image, schedule };
        return { stack: "rotated", program, config };
    }

    /** Pushes an image under the tag that the service goes by, and gives its digest. */
    function push(version: string): Promise<string> {
        const config = { Env: [`VERSION=${version}`] };
        const built = { base: "docker.io/traefik/whoami:v1.11.0", config, files: new Map() };
        return pushImage(system.gatewayUrl, image, built, "amd64");
    }

    async function describe(service: string): Promise<Service & { readonly deployments: Deployment[] }> {
        const command = new DescribeServicesCommand({ cluster: outputs.clusterArn, services: [service] });
        const [found] = (await ecs.send(command)).services!;
        return { ...found, deployments: found.deployments! };
    }

    /** A service's only deployment, once it has come to its end. */
    function steady(service: string, not?: string): Promise<string> {
        return eventually("a steady service", async () => {
            const { deployments, runningCount } = await describe(service);
            const [only] = deployments;
            const isSteady = deployments.length === 1 && only.rolloutState === "COMPLETED" && runningCount === 2;
            return isSteady && only.id !== not ? only.id : undefined;
        });
    }

    async function serial(hostname: string): Promise<string | undefined> {
        const page = await visit(system, hostname).catch(() => undefined);
        return page?.status === 200 && page.authorized ? page.certificate.serialNumber : undefined;
    }

    /** Once both names are answered: a load balancer knows of healthy targets a moment after ECS does. */
    async function startLoads(): Promise<Load[]> {
        await Promise.all(hostnames.map((each) => eventually("an answer", () => serial(each))));
        return hostnames.map((each) => startLoad(system, each, { requestsPerSecond: 10, streamsPerSecond: 10 }));
    }

    function goOn(loads: readonly Load[]): Promise<unknown> {
        const from = loads.map((load) => load.counts());
        return eventually("load of all kinds", () => {
            const isMore = loads.every((load, index) => {
                const { requests, streams, webSockets } = load.counts();
                const then = from[index];
                return (
                    requests > then.requests + 20 &&
                    streams.answered > then.streams.answered + 20 &&
                    webSockets.echoed > then.webSockets.echoed + 5
                );
            });
            return Promise.resolve(isMore || undefined);
        });
    }

    async function expectNothingLost(loads: readonly Load[]): Promise<void> {
        for (const load of loads) {
            const counts = await load.stop();
            expect([load.failures, load.streamFailures, load.webSocketFailures]).to.deep.equal([[], [], []]);
            expect(counts.webSockets.opened).to.be.at.least(4);
        }
    }

    it("when a certificate is renewed, or have them take it up while they run: no request, stream or WebSocket fails", async () => {
        const { serviceName, hotServiceName } = outputs;
        const [first, ofHot] = [await steady(serviceName), await steady(hotServiceName)];
        const before = await Promise.all(hostnames.map((each) => eventually("an answer", () => serial(each))));
        const loads = await startLoads();
        await goOn(loads);
        const { serialNumber } = await askRenewal(lambda, outputs.renewalFunctionName, { force: true });
        expect(before).to.deep.equal([before[0], before[0]]);
        expect(serialNumber).to.not.equal(before[0]);
        const { Functions = [] } = await lambda.send(new ListFunctionsCommand({}));
        for (const [prefix, isReplaced] of [
            ["app-redeploy-", true],
            ["hot-redeploy-", false],
        ] as const) {
            const { FunctionName } = Functions.find((each) => each.FunctionName!.startsWith(prefix))!;
            // As its schedule does every five minutes.
            const answer = await lambda.send(new InvokeCommand({ FunctionName, Payload: Buffer.from("{}") }));
            expect(Buffer.from(answer.Payload!).toString()).to.include(`"redeployed":${isReplaced}`);
        }
        await steady(serviceName, first);
        for (const hostname of hostnames) {
            // Ten in a row, since there are two tasks.
            await eventually("the new serial at each handshake", async () => {
                for (let handshake = 0; handshake < 10; handshake++) {
                    if ((await serial(hostname)) !== serialNumber) {
                        return undefined;
                    }
                }
                return true;
            });
        }
        expect(await steady(hotServiceName)).to.equal(ofHot);
        await goOn(loads);
        await expectNothingLost(loads);
        // The tasks of one were replaced: its connection of streams told so. That of the other went on.
        expect(loads[0].counts().streams.connections).to.be.at.least(2);
        expect(loads[1].counts().streams.connections).to.equal(1);
    });

    /** As the schedule does every five minutes. */
    async function look(): Promise<PatchReport> {
        const FunctionName = outputs.patchFunctionName;
        const answer = await lambda.send(new InvokeCommand({ FunctionName, Payload: Buffer.from("{}") }));
        const text = Buffer.from(answer.Payload!).toString();
        expect(answer.FunctionError, text).to.equal(undefined);
        return JSON.parse(text) as PatchReport;
    }

    /** What an event says; a look that another one was in the way of is made again. */
    async function heard(next: () => Promise<HeardEvent | undefined>): Promise<HeardEvent["detail"]> {
        const event = await eventually("an event", async () => {
            const told = await next();
            await (told ?? look());
            return told;
        });
        return event.detail;
    }

    async function primary(service: string): Promise<string> {
        return (await describe(service)).deployments.find(({ status }) => status === "PRIMARY")!.id!;
    }

    /** A task that no service keeps, once it runs. */
    async function startJob(): Promise<string> {
        const { taskDefinition } = await ecs.send(
            new RegisterTaskDefinitionCommand({
                family: "job",
                ...{ networkMode: "awsvpc", requiresCompatibilities: ["FARGATE"], cpu: "256", memory: "512" },
                containerDefinitions: [
                    {
                        name: "job",
                        image: "docker.io/library/node:24-alpine",
                        command: ["node", "-e", "setInterval(() => undefined, 60_000)"],
                    },
                ],
            }),
        );
        const { networkConfiguration } = await describe(outputs.serviceName);
        const { tasks } = await ecs.send(
            new RunTaskCommand({
                ...{ cluster: outputs.clusterArn, launchType: "FARGATE", networkConfiguration },
                taskDefinition: taskDefinition!.taskDefinitionArn,
            }),
        );
        const { taskArn } = tasks![0];
        await eventually("a job that runs", async () => (await jobAt(taskArn!)).lastStatus === "RUNNING" || undefined);
        return taskArn!;
    }

    async function jobAt(taskArn: string) {
        const command = new DescribeTasksCommand({ cluster: outputs.clusterArn, tasks: [taskArn] });
        const [{ lastStatus, stoppedReason }] = (await ecs.send(command)).tasks!;
        return { lastStatus, stoppedReason };
    }

    it("when their image has findings, in a window, and when Fargate retires them, before it: no request, stream or WebSocket fails", async () => {
        const { serviceName, hotServiceName, clusterArn } = outputs;
        const rebuilds = await listenFor(system.gatewayUrl, { ...system, region }, "rebuilds", "Image Rebuild Due");
        const notices = await listenFor(system.gatewayUrl, { ...system, region }, "notices", "Task Replacement Due");
        const [first, ofHot] = [await steady(serviceName), await steady(hotServiceName)];
        const began = Date.now();
        const job = await startJob();
        const loads = await startLoads();
        try {
            await goOn(loads);
            running.setFindings(region, repositoryName, digest, { HIGH: 1 });
            await look();
            expect(await heard(rebuilds)).to.deep.equal({
                ...{ clusterArn, image, digest },
                reasons: [{ reason: "Findings", container: "app", detail: "1 HIGH" }],
            });

            // It is built anew, and waits for its window. What is retired before that does not.
            const next = await push("2");
            await look();
            const affected = [`${clusterArn.split("/")[1]}|${hotServiceName}`, job];
            const at = Math.floor(Date.now() / 1_000) * 1_000 + 300_000;
            await running.announce(region, {
                ...{ source: "aws.health", "detail-type": "AWS Health Event", resources: affected },
                detail: {
                    ...{ service: "ECS", eventTypeCode: "AWS_ECS_TASK_PATCHING_RETIREMENT" },
                    startTime: new Date(at).toUTCString(),
                    affectedEntities: affected.map((entityValue) => ({ entityValue })),
                },
            });
            const { reasons, ...notice } = await heard(notices);
            expect(notice).to.deep.equal({
                ...{ taskArn: job, clusterArn, isStopped: true, stopAtTag: "taskgate:stop-at" },
                stopBy: new Date(at - 600_000).toISOString(),
            });
            expect((reasons as TaskReport["reasons"]).map(({ reason }) => reason)).to.deep.equal(["Retirement"]);
            expect(await primary(serviceName)).to.equal(first);
            expect(await primary(hotServiceName)).to.not.equal(ofHot);

            await runOperation(system, "up", options(-1));
            const report = await eventually("a look that no other one is in the way of", async () => {
                const seen = await look();
                return (await primary(serviceName)) === first ? undefined : seen;
            });
            expect([report.window.isOpen, report.window.failed]).to.deep.equal([true, []]);
            const begun = [await primary(serviceName), await primary(hotServiceName)];
            expect(await Promise.all([steady(serviceName, first), steady(hotServiceName, ofHot)])).to.deep.equal(begun);
            const stopped = await eventually("the job's end", async () => {
                const { lastStatus, stoppedReason } = await jobAt(job);
                return lastStatus === "STOPPED" ? stoppedReason : undefined;
            });
            expect(stopped).to.equal("taskgate: Retirement");
            await goOn(loads);
            await expectNothingLost(loads);

            rememberDeployed(system, { program, projectName: "rotatedProgram", stack: "rotated" });
            const { code, stderr, patching } = await eventually("a report of nothing under way", async () => {
                await look();
                const shown = await taskgate("--system", system.name, "patches", "--json");
                const told = JSON.parse(shown.stdout) as { readonly patching: PatchReport };
                return Object.keys(told.patching.redeployments).length === 0 ? { ...shown, ...told } : undefined;
            });
            expect([code, stderr]).to.deep.equal([0, ""]);
            expect(await Promise.all([primary(serviceName), primary(hotServiceName)])).to.deep.equal(begun);
            const { tasks, retirements } = patching;
            expect(retirements).to.deep.equal([]);
            const seen = tasks.map(({ service, status, isOverdue, platformVersion, startedAt, containers }) => {
                const { digest: runs, newerDigest, findings } = containers.find(({ name }) => name === "app")!;
                const isNew = Date.parse(startedAt) > began;
                return { service, status, isOverdue, platformVersion, isNew, runs, newerDigest, findings };
            });
            const well = { status: "COMPLIANT", isOverdue: false, platformVersion: "1.4.0", isNew: true };
            const ofApp = { ...well, service: serviceName, runs: next, newerDigest: undefined, findings: {} };
            const unknown = { runs: undefined, newerDigest: undefined, findings: undefined };
            const ofOther = { ...well, service: hotServiceName, ...unknown };
            expect(seen).to.deep.equal([ofApp, ofApp, ofOther, ofOther]);
            expect((await taskgate("--system", system.name, "patches")).stdout).to.match(
                /^patching: 4 tasks, all compliant; looked \d+ (s|min) ago\n {2}window open since /,
            );

            const roles = (await reportPermissions(running.permissions)).filter(({ role }) => /^patching-/.test(role));
            expect(roles.map(({ surplus, missing }) => [surplus, missing])).to.deep.equal([
                [[], []],
                [[], []],
            ]);
        } finally {
            await Promise.all(loads.map((load) => load.stop()));
            await ecs.send(new StopTaskCommand({ cluster: clusterArn, task: job }));
        }
    });
});
