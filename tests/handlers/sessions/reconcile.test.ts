import type { Task } from "@aws-sdk/client-ecs";
import { expect } from "chai";

import { reconcileSessions } from "../../../handlers/reconcileSessions";
import { sightOf } from "../../../handlers/sessions/fargate";
import { awsEnvironment, type FakeAws, json, setEnvironment, startFakeAws } from "../../support/fakeAws";
import { captureLog, lambdaContext } from "../../support/fakeLambda";

const taskArn = "arn:aws:ecs:eu-west-1:111122223333:task/tasks/0123";

/** A task that has stopped since a container of it had. */
function exited(lifecycle: number, more: Task = {}): Task {
    return {
        ...{ taskArn, lastStatus: "STOPPED", desiredStatus: "STOPPED", stopCode: "EssentialContainerExited" },
        stoppedReason: "Essential container in task exited",
        containers: [
            { name: "app", exitCode: 0 },
            { name: "lifecycle", exitCode: lifecycle },
        ],
        ...more,
    };
}

describe("what ECS tells of a session's task", () => {
    const reason = "Essential container in task exited";
    const stopped = { phase: "stopped", status: "STOPPED" } as const;
    const sights: [string, Task, object][] = [
        ["prepared", { lastStatus: "PENDING" }, { phase: "starting", status: "PENDING" }],
        ["running", { lastStatus: "RUNNING" }, { phase: "running", status: "RUNNING", healthy: false }],
        [
            "running and healthy",
            { lastStatus: "RUNNING", healthStatus: "HEALTHY" },
            { phase: "running", status: "RUNNING", healthy: true },
        ],
        [
            "told to stop",
            { lastStatus: "RUNNING", desiredStatus: "STOPPED", stoppedReason: "Closed" },
            { phase: "stopping", status: "RUNNING", reason: "Closed" },
        ],
        ["ended, for its app has", exited(0), { ...stopped, reason }],
        ["idle", exited(10), { ...stopped, reason: "nobody used it", isIdle: true }],
        ["over its time", exited(11), { ...stopped, reason: "its task's time was over" }],
        [
            "stopped by somebody, just as it was idle",
            exited(10, { stopCode: "UserInitiated", stoppedReason: "Closed" }),
            { ...stopped, reason: "Closed" },
        ],
    ];
    sights.forEach(([what, task, sight]) =>
        it(`is understood: ${what}`, () => expect(sightOf(task)).to.deep.equal(sight)),
    );
});

describe("the comparison of sessions with tasks", () => {
    const row = (fields: object = {}) => ({
        ...{ id: { S: "session/42" }, key: { S: "42" }, tenant: { S: "42" }, state: { S: "STARTED" } },
        ...{ fence: { S: "fence-1" }, revision: { N: "2" }, since: { N: String(Date.now()) }, leasedUntil: { N: "0" } },
        ...{ request: { S: "{}" }, taskArn: { S: taskArn }, ...fields },
    });
    let item: object;
    let aws: FakeAws;
    let restore: () => void;

    before(async () => {
        const tags = Object.entries({ "taskgate:session": "42", "taskgate:fence": "fence-1" });
        const task = { taskArn, lastStatus: "RUNNING", tags: tags.map(([key, value]) => ({ key, value })) };
        const answers: Record<string, () => object> = {
            ListTasks: () => ({ taskArns: [taskArn] }),
            DescribeTasks: () => ({ tasks: [task] }),
            Query: () => ({ Items: [item] }),
            GetItem: () => ({ Item: item }),
            PutEvents: () => ({ FailedEntryCount: 0, Entries: [{ EventId: "1" }] }),
        };
        aws = await startFakeAws(
            ["ecs", "dynamodb", "events"].map((service) => ({
                service,
                answer: ({ operation }) => json(answers[operation]?.() ?? {}),
            })),
        );
    });
    after(() => aws.stop());
    beforeEach(() => {
        item = row();
        aws.requests.length = 0;
        restore = setEnvironment({
            ...awsEnvironment(aws.url),
            ...{ SESSIONS_NAME: "boards", TABLE_NAME: "boards", NAMES_TABLE_NAME: "names", TASK_TAGS: "{}" },
            RUN_TASK_INPUT: JSON.stringify({ cluster: "tasks", taskDefinition: "app:1", launchType: "FARGATE" }),
            ...{ HTTPS_PORT: "443", MAX_SESSIONS: "10", MAX_SESSIONS_PER_TENANT: "2", START_WITHIN_SECONDS: "600" },
            ...{ LIFETIME_SECONDS: "3600", WARN_SECONDS: "300" },
        });
    });
    afterEach(() => restore());

    interface Put {
        readonly TransactItems: readonly { readonly Put?: { readonly Item: Record<string, object> } }[];
    }
    const bodies = (name: string): unknown[] =>
        aws.requests.filter(({ operation }) => operation === name).map(({ body }) => JSON.parse(body) as unknown);
    const written = () =>
        (bodies("TransactWriteItems") as Put[]).map(({ TransactItems }) => TransactItems[0].Put!.Item);

    async function run(event: object) {
        const log = captureLog();
        try {
            await reconcileSessions(event, lambdaContext());
            return log.metrics;
        } finally {
            log.restore();
        }
    }

    it("frees the key of a task that ended idle, by the event alone, and counts it in the metrics", async () => {
        const earliest = Date.now();
        const environment = [{ name: "SESSION_KEY", value: "42" }];
        const overrides = { containerOverrides: [{ name: "app", environment }] };
        const [metric, ...others] = await run({ detail: exited(10, { overrides }) });
        expect(others).to.deep.equal([]);
        expect(metric).to.deep.include({ Sessions: "boards", IdleEnds: [1] });
        expect(metric._aws).to.have.nested.property("CloudWatchMetrics[0].Namespace", "taskgate");
        const [{ state, reason, idleSince }] = written();
        expect([state, reason]).to.deep.equal([{ S: "ENDED" }, { S: "nobody used it" }]);
        expect(Number((idleSince as { N: string }).N)).to.be.within(earliest, Date.now());
        expect(bodies("DescribeTasks")).to.deep.equal([]);
    });

    it("counts nothing for a task that ended otherwise", async () => {
        const environment = [{ name: "SESSION_KEY", value: "42" }];
        const overrides = { containerOverrides: [{ name: "app", environment }] };
        expect(await run({ detail: exited(0, { overrides }) })).to.deep.equal([]);
        expect(written()[0])
            .to.deep.include({ state: { S: "ENDED" } })
            .and.not.to.have.property("idleSince");
    });

    it("tells EventBridge of an end that is near, and writes down of which", async () => {
        const endsAt = Date.now() + 250_000; // of 300 s
        item = row({ endsAt: { N: String(endsAt) } });
        await run({});
        const [{ Entries }] = bodies("PutEvents") as { Entries: Record<string, unknown>[] }[];
        expect(
            Entries.map(({ Detail, ...entry }) => ({ ...entry, Detail: JSON.parse(Detail as string) as object })),
        ).to.deep.equal([
            {
                Source: "taskgate",
                DetailType: "Session Ending Soon",
                Resources: [taskArn],
                Detail: {
                    ...{ sessions: "boards", key: "42", tenant: "42", taskArn },
                    endsAt: new Date(endsAt).toISOString(),
                },
            },
        ]);
        expect(written()).to.have.length(1);
        expect(written()[0]).to.deep.include({ warnedOf: { N: String(endsAt) }, state: { S: "STARTED" } });
        item = row({ endsAt: { N: String(endsAt) }, warnedOf: { N: String(endsAt) } });
        await run({});
        item = row({ endsAt: { N: String(Date.now() + 900_000) } });
        await run({});
        expect(bodies("PutEvents")).to.have.length(1);
    });
});
