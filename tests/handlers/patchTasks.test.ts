import { expect } from "chai";

import { type PatchEvent, patchTasks } from "../../handlers/patchTasks";
import type { PatchingState } from "../../handlers/patching/plan";
import type { PatchReport } from "../../handlers/patching/report";
import { omit } from "../../local/machine/omit";
import { awsEnvironment, type FakeAws, jsonError, setEnvironment, startFakeAws, xml } from "../support/fakeAws";
import { captureLog, type Metrics } from "../support/fakeLambda";
import {
    createFakePatching,
    type FakePatching,
    patchingClusterArn,
    patchingEnvironment,
} from "../support/fakePatching";

const context = { functionName: "patch", awsRequestId: "r", getRemainingTimeInMillis: () => 240_000 };
const DAY = 86_400;
const [one, other] = ["1", "2"].map((digit) => `sha256:${digit.repeat(64)}`);
const image = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop:main";
const taskArn = (id: string): string => `arn:aws:ecs:eu-west-1:111122223333:task/apps/${id}`;
const seconds = Math.floor(Date.now() / 1_000);

describe("patchTasks", () => {
    let world: FakePatching;
    let aws: FakeAws;
    let restore: () => void;
    let metrics: Metrics;

    beforeEach(async () => {
        world = createFakePatching();
        aws = await startFakeAws(world.services);
        restore = setEnvironment({ ...awsEnvironment(aws.url), ...patchingEnvironment() });
        for (const serviceName of ["api", "web"]) {
            const deployment = { id: `${serviceName}-old`, status: "PRIMARY", rolloutState: "COMPLETED" };
            world.cluster.services.push({
                serviceName,
                deployments: [{ ...deployment, createdAt: seconds - 2 * DAY }],
            });
            world.cluster.tasks.push(running(serviceName, { group: `service:${serviceName}` }));
        }
        const pushed = { imageDigest: one, imagePushedAt: seconds - 40 * DAY };
        Object.assign(world.images, { [`shop@${one}`]: pushed, "shop:main": pushed });
    });
    afterEach(async () => {
        restore();
        await aws.stop();
    });

    function running(id: string, more: object = {}): object {
        return {
            ...{ taskArn: taskArn(id), lastStatus: "RUNNING", desiredStatus: "RUNNING", platformVersion: "1.4.0" },
            ...{ startedAt: seconds - 2 * DAY, group: "family:app" },
            containers: [{ name: "app", image, imageDigest: one }],
            ...more,
        };
    }

    async function run(event: PatchEvent = {}): Promise<PatchReport> {
        aws.requests.length = 0;
        const log = captureLog();
        try {
            return await patchTasks(event, context);
        } finally {
            log.restore();
            metrics = omit(log.metrics[0] ?? {}, "_aws");
        }
    }

    /** What was asked that changes something, beside the bucket. */
    const asked = (): string[] =>
        aws.requests.flatMap(({ operation, body }) => {
            const input = (body.startsWith("{") ? JSON.parse(body) : {}) as Record<string, unknown>;
            switch (operation) {
                case "UpdateService":
                    return [`redeploy ${String(input.service)}`];
                case "StopTask":
                    return [`stop ${String(input.task).split("/").at(-1)}`];
                case "PutEvents":
                    return (input.Entries as { DetailType: string }[]).map(({ DetailType }) => DetailType);
                default:
                    return [];
            }
        });

    it("begins anew when somebody broke what a run has left, and takes no notice of a notice that says nothing", async () => {
        world.objects["state.json"] = "{";
        world.objects["retirements/r.json"] = "null";
        const report = await run();
        expect(report.tasks).to.have.length(2);
        expect(JSON.parse(world.objects["state.json"])).to.be.an("object");
    });

    it("begins nothing when nothing is due, and leaves a report", async () => {
        world.findings[`shop@${one}`] = { MEDIUM: 3 };
        const report = await run();
        expect(asked()).to.deep.equal([]);
        expect(JSON.parse(world.objects["report.json"])).to.deep.equal(report);
        expect(report.tasks[0]).to.deep.include({
            ...{ taskArn: taskArn("api"), service: "api", status: "COMPLIANT", isOverdue: false, ageDays: 2 },
            platformVersion: "1.4.0",
            containers: [
                {
                    ...{ name: "app", image, digest: one, findings: { MEDIUM: 3 }, imageAgeDays: 40 },
                    imagePushedAt: new Date((seconds - 40 * DAY) * 1_000).toISOString(),
                },
            ],
        });
        expect(report.window.isOpen).to.equal(true);
        expect(Date.parse(report.tasks[0].next!)).to.equal(Date.parse(report.window.opensAt!) + DAY * 1_000);
        expect(metrics).to.deep.equal({
            ...{ FunctionName: "patch", FailedRedeployments: [0], OverdueTasks: [0] },
            ...{ NonCompliantTasks: [0], RebuildsDue: [0] },
        });
    });

    it("redeploys services whose image has findings that a newer one under its tag may not have, one at a time", async () => {
        world.findings[`shop@${one}`] = { HIGH: 1 };
        world.images["shop:main"] = { imageDigest: other, imagePushedAt: seconds - 60 };
        expect((await run()).redeployments).to.have.all.keys(["api"]);
        expect(asked()).to.deep.equal(["redeploy api"]);
        const update = aws.requests.find(({ operation }) => operation === "UpdateService");
        expect(JSON.parse(update?.body ?? "{}")).to.deep.equal({
            cluster: patchingClusterArn,
            service: "api",
            forceNewDeployment: true,
        });
        await run();
        expect(asked()).to.deep.equal([]); // as long as that is under way
        Object.assign(world.cluster.services[0], {
            deployments: [{ id: "api-new", status: "PRIMARY", rolloutState: "COMPLETED" }],
        });
        world.cluster.tasks[0] = running("api-2", {
            ...{ group: "service:api", startedAt: seconds },
            containers: [{ name: "app", image, imageDigest: other }],
        });
        await run();
        expect(asked()).to.deep.equal(["redeploy web"]);
    });

    it("stops at the first failure, and tells of it", async () => {
        world.findings[`shop@${one}`] = { CRITICAL: 1 };
        world.images["shop:main"] = { imageDigest: other, imagePushedAt: seconds - 60 };
        await run();
        Object.assign(world.cluster.services[0], {
            deployments: [{ id: "api-old", status: "PRIMARY", rolloutState: "IN_PROGRESS" }], // rolled back
        });
        const report = await run();
        expect([asked(), report.window.failed, report.redeployments]).to.deep.equal([[], ["api"], {}]);
        expect(metrics).to.deep.include({ FailedRedeployments: [1], NonCompliantTasks: [2] });
    });

    it("counts a redeployment that ECS refuses as failed", async () => {
        world.findings[`shop@${one}`] = { CRITICAL: 1 };
        world.images["shop:main"] = { imageDigest: other, imagePushedAt: seconds - 60 };
        aws.interfere = ({ operation }) =>
            operation === "UpdateService" ? jsonError(400, "AccessDeniedException", "No.") : undefined;
        const report = await run();
        expect([report.window.failed, report.redeployments]).to.deep.equal([["api"], {}]);
        expect(metrics).to.deep.include({ FailedRedeployments: [1] });
    });

    it("tells once of an image that has to be built anew", async () => {
        world.findings[`shop@${one}`] = { HIGH: 1 };
        expect((await run()).tasks.map(({ status }) => status)).to.deep.equal(["NON_COMPLIANT", "NON_COMPLIANT"]);
        expect(asked()).to.deep.equal(["Image Rebuild Due"]);
        const { body } = aws.requests.find(({ operation }) => operation === "PutEvents")!;
        const [{ Source, Detail }] = (JSON.parse(body) as { Entries: { Source: string; Detail: string }[] }).Entries;
        expect([Source, JSON.parse(Detail)]).to.deep.equal([
            "taskgate",
            {
                ...{ clusterArn: patchingClusterArn, image, digest: one },
                reasons: [{ reason: "Findings", container: "app", detail: "1 HIGH" }],
            },
        ]);
        expect(metrics).to.deep.include({ RebuildsDue: [1] });
        await run();
        expect(asked()).to.deep.equal([]);
    });

    it("notes what Fargate retires, of this cluster alone, and acts when no window comes before", async () => {
        const window = JSON.parse(process.env.MAINTENANCE_WINDOW!) as object;
        // A window far away: in half a year.
        const month = ((new Date().getUTCMonth() + 6) % 12) + 1;
        process.env.MAINTENANCE_WINDOW = JSON.stringify({ ...window, schedule: `cron(0 2 1 ${month} ? *)` });
        const event = (resource: string, days: number) => ({
            ...{ id: `e-${days}`, source: "aws.health", "detail-type": "AWS Health Event" },
            time: new Date().toISOString(),
            resources: [resource],
            detail: {
                eventTypeCode: "AWS_ECS_TASK_PATCHING_RETIREMENT",
                startTime: new Date(Date.now() + days * DAY * 1_000).toUTCString(),
            },
        });
        await run(event("others|web", 1));
        expect([asked(), Object.keys(world.objects)]).to.deep.equal([[], ["state.json", "report.json"]]);
        await run(event("apps|web", 400));
        expect(asked()).to.deep.equal([]); // that is after the window
        const report = await run(event("apps|web", 0.5));
        expect(asked()).to.deep.equal(["redeploy web"]);
        expect(report.retirements.map(({ id }) => id).sort()).to.deep.equal(["e-0.5", "e-400"]);
        expect(report.tasks.map(({ reasons }) => reasons[0].reason)).to.deep.equal(["TaskAge", "Retirement"]);
    });

    it("tells the owner of a task that no service keeps, and stops it when its time has come", async () => {
        world.cluster.services.length = 0;
        world.cluster.tasks = [running("own", { startedAt: seconds - 29.5 * DAY })];
        const report = await run();
        expect(asked()).to.deep.equal(["Task Replacement Due"]);
        const { body } = aws.requests.find(({ operation }) => operation === "PutEvents")!;
        const [{ Detail }] = (JSON.parse(body) as { Entries: { Detail: string }[] }).Entries;
        const stopBy = new Date((seconds + 0.5 * DAY - 600) * 1_000).toISOString();
        expect(JSON.parse(Detail)).to.deep.equal({
            ...{ taskArn: taskArn("own"), clusterArn: patchingClusterArn, stopBy, isStopped: true },
            stopAtTag: "taskgate:stop-at",
            reasons: [{ reason: "TaskAge", detail: "more than 30 days old from then on" }],
        });
        expect(report.tasks[0].next).to.equal(stopBy);
        await run();
        expect(asked()).to.deep.equal([]);
        const { told } = JSON.parse(world.objects["state.json"]) as PatchingState;
        const stopAt = new Date(told[taskArn("own")].at).toISOString();
        world.cluster.tasks = [
            running("own", { startedAt: seconds - 29.5 * DAY, tags: [{ key: "taskgate:stop-at", value: stopAt }] }),
        ];
        await run();
        expect(asked()).to.deep.equal(["stop own"]);
        const stop = aws.requests.find(({ operation }) => operation === "StopTask");
        expect(JSON.parse(stop?.body ?? "{}")).to.deep.equal({
            ...{ cluster: patchingClusterArn, task: taskArn("own"), reason: "taskgate: TaskAge" },
        });
    });

    it("changes nothing when it is asked for the report, and gives way to another run", async () => {
        world.findings[`shop@${one}`] = { HIGH: 1 };
        world.images["shop:main"] = { imageDigest: other, imagePushedAt: seconds - 60 };
        const report = await run({ report: true });
        expect([asked(), world.objects, report.tasks.length]).to.deep.equal([[], {}, 2]);
        aws.interfere = ({ operation }) =>
            operation.startsWith("PUT ")
                ? xml("<Error><Code>PreconditionFailed</Code><Message>It changed.</Message></Error>", 412)
                : undefined;
        await run();
        expect([asked(), world.objects]).to.deep.equal([[], {}]);
    });

    it("ends well when another run goes on from what it has planned, and both begin it once", async () => {
        world.findings[`shop@${one}`] = { HIGH: 1 };
        world.images["shop:main"] = { imageDigest: other, imagePushedAt: seconds - 60 };
        aws.interfere = async ({ operation }) => {
            if (operation === "UpdateService") {
                aws.interfere = undefined;
                await patchTasks({}, context);
            }
            return undefined;
        };
        await run();
        expect([asked(), metrics.FailedRedeployments]).to.deep.equal([["redeploy api"], [0]]);
        const { redeployments, window } = await run();
        expect([asked(), Object.keys(redeployments), window.failed]).to.deep.equal([[], ["api"], []]);
    });

    it("does the rest when something cannot be done, and fails", async () => {
        world.findings[`shop@${one}`] = { HIGH: 1 };
        world.images["shop:main"] = { imageDigest: other, imagePushedAt: seconds - 60 };
        world.cluster.tasks.push(running("own"));
        aws.interfere = ({ operation }) =>
            operation === "PutEvents" ? jsonError(400, "AccessDeniedException", "No.") : undefined;
        const refusal = await run().catch((error: Error) => error);
        expect((refusal as Error).message).to.equal(
            "1 of what was due could not be done: AccessDeniedException: events:PutEvents: No.",
        );
        expect(asked()).to.include("redeploy api");
        expect(JSON.parse(world.objects["state.json"])).to.deep.include({ told: {} }); // it is told again
    });
});
