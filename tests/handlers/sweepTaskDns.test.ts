import { expect } from "chai";
import { sweepTaskDns, type SweepEvent } from "../../handlers/sweepTaskDns";
import { jsonError, xmlError } from "../support/fakeAws";
import { lambdaContext, type Metrics } from "../support/fakeLambda";
import { createWorld, deliver, DOMAIN, type World } from "../support/taskDns/world";

/** What a promise is rejected with, as text. */
const rejectionOf = (promise: Promise<unknown>): Promise<string> =>
    promise.then(
        () => "nothing",
        (error: Error) => String(error),
    );

const QUEUE_URL = "https://sqs.eu-west-1.amazonaws.com/111122223333/queue";

describe("sweepTaskDns", () => {
    let world: World;

    beforeEach(async () => {
        world = await createWorld({}, [], { AUDIT: "report", STOP_TASKS: "false" });
    });

    afterEach(() => world.close());

    const zone = () => world.route53.records().map(({ name, values }) => [name, ...values]);
    const nameOf = (id: string) => `${id}.${DOMAIN}.`;
    const recordOf = ({ id, address }: { id: string; address: string }) => [nameOf(id), address];
    const rowOf = (id: string) => world.registry.table.rows.get(id);
    const stateOf = (id: string) => rowOf(id)?.state.S;
    const put = (name: string, value: string) => world.route53.put({ name, type: "A", ttl: 15, values: [value] });

    async function published(number: number) {
        const { id } = world.tasks.create(number);
        expect(await deliver(world.tasks.run(id))).to.deep.equal([]);
        return world.tasks.get(id);
    }

    /** As if that had been some time ago. */
    const age = (id: string, milliseconds: number) =>
        void (rowOf(id)!.since = { N: String(Number(rowOf(id)!.since.N) - milliseconds) });

    async function run(event: SweepEvent = {}, milliseconds?: number) {
        const before = world.metrics.length;
        try {
            return await sweepTaskDns(event, lambdaContext(milliseconds));
        } finally {
            metrics = Object.assign({}, ...world.metrics.slice(before)) as Metrics;
        }
    }
    let metrics: Metrics;

    /** The ids that the function of the queue was asked to look at. */
    const asked = () =>
        (world.queues.sent[QUEUE_URL] ?? []).flatMap((body) =>
            (JSON.parse(body) as { "taskgate:sweep": { taskArns: string[] } })["taskgate:sweep"].taskArns.map((arn) =>
                arn.split("/").at(-1)!,
            ),
        );

    describe("a sweep", () => {
        it("asks for a look at what runs without a name, stands without a task or is half done; what may lead to a stranger first", async () => {
            await published(1);
            const unnamed = world.tasks.create(2);
            world.tasks.run(unnamed.id);
            const orphan = await published(3);
            world.tasks.move(orphan.id, { desiredStatus: "STOPPED", lastStatus: "STOPPED" });
            const stuck = await published(4);
            rowOf(stuck.id)!.state = { S: "REMOVING" };
            expect(await run()).to.deep.equal({ live: 2, tasks: 3, unnamed: 1, orphans: 1, stuck: 1 });
            expect(asked()).to.deep.equal([orphan.id, stuck.id, unnamed.id]);
            expect(metrics).to.deep.include({
                Sweeps: [1],
                LiveNames: [2],
                RunningTasks: [3],
                UnnamedTasks: [1],
                OrphanNames: [1],
                StuckNames: [1],
            });
        });

        it("fails where it cannot compare: the alarm for its absence hears of that", async () => {
            world.aws.interfere = ({ operation }) =>
                operation === "Query" ? jsonError(400, "ResourceNotFoundException", "no table") : undefined;
            expect(await rejectionOf(run())).to.match(
                /^ResourceNotFoundException: dynamodb:Query of registry: no table/,
            );
            expect(metrics).not.to.have.property("Sweeps");
        });

        it("fails no deployment that has just been allowed to sweep", async () => {
            world.aws.interfere = ({ service }) =>
                service === "ecs" ? jsonError(400, "AccessDeniedException", "not yet") : undefined;
            expect(await run({ tf: { action: "update" } })).to.equal(undefined);
            expect(world.lines.at(-1)).to.include({ level: "warn", message: "not swept yet" });
        });
    });

    describe("an audit", () => {
        it("tells of records of no task, and leaves them", async () => {
            const task = await published(1);
            const stranger = "0123456789abcdef".repeat(2);
            put(nameOf(stranger), "192.0.2.1");
            put(`www.${DOMAIN}.`, "192.0.2.2");
            put(`${stranger}.elsewhere.example.test.`, "192.0.2.3");
            expect(await run({ audit: true })).to.deep.equal({ records: 2, orphans: 1, deleted: 0, missing: 0 });
            expect(zone()).to.have.length(4);
            expect(world.lines.find(({ message }) => message === "a record of no task")).to.deep.equal({
                ...{ level: "warn", message: "a record of no task" },
                ...{ name: nameOf(stranger), type: "A", values: ["192.0.2.1"], deletes: false },
            });
            expect(metrics).to.deep.include({ AuditedRecords: [2], OrphanRecords: [1], MissingRecords: [0] });
            expect(stateOf(task.id)).to.equal("LIVE");
        });

        it("deletes them where it is told to, and none that a task may have made: running, in a row, or not answered for by ECS", async () => {
            process.env.AUDIT = "delete";
            const task = await published(1);
            const lost = world.tasks.create(2);
            world.tasks.run(lost.id);
            put(nameOf(lost.id), lost.address);
            const stopped = await published(3);
            await deliver([world.tasks.move(stopped.id, { desiredStatus: "STOPPED", lastStatus: "STOPPED" })]);
            put(nameOf(stopped.id), stopped.address);
            put(`www.${DOMAIN}.`, "192.0.2.2");
            expect(await run({ audit: true })).to.deep.equal({ records: 3, orphans: 1, deleted: 1, missing: 0 });
            expect(zone()).to.have.deep.members([recordOf(task), recordOf(lost), [`www.${DOMAIN}.`, "192.0.2.2"]]);

            put(nameOf(stopped.id), stopped.address);
            world.aws.interfere = ({ operation }) =>
                operation === "DescribeTasks" ? jsonError(400, "AccessDeniedException", "may not") : undefined;
            expect(await run({ audit: true })).to.deep.include({ orphans: 0, deleted: 0 });
            expect(zone()).to.have.length(4);
        });

        it("has a record made again that somebody has taken away, or changed; but not one that is younger than the index", async () => {
            const [taken, changed, young] = [await published(1), await published(2), await published(3)];
            for (const { id, address } of [taken, young]) {
                world.route53.remove({ name: nameOf(id), type: "A", ttl: 15, values: [address] });
            }
            put(nameOf(changed.id), "192.0.2.9");
            [taken, changed].forEach(({ id }) => age(id, 60_000));
            expect(await run({ audit: true })).to.deep.equal({ records: 1, orphans: 0, deleted: 0, missing: 2 });
            expect([taken, changed, young].map(({ id }) => stateOf(id))).to.deep.equal(["NAMING", "NAMING", "LIVE"]);

            expect(await run()).to.deep.include({ stuck: 2 });
            expect(await deliver(world.queues.sent[QUEUE_URL])).to.deep.equal([]);
            expect(zone()).to.have.deep.members([recordOf(taken), [nameOf(changed.id), "192.0.2.9"]]);
            expect(stateOf(taken.id)).to.equal("LIVE");
            // What stands in the place of the other is left alone; its alarm is that of a name that is taken.
            expect(rowOf(changed.id)).to.equal(undefined);
            expect(
                world.lines.some(({ reason }) => String(reason).includes("of somebody else, which is left alone")),
            ).to.equal(true);
        });
    });

    describe("a drain", () => {
        const destroy: SweepEvent = { tf: { action: "delete" } };

        it("takes all records away, of running tasks, too, and lets nobody make them again", async () => {
            const [one, other] = [await published(1), await published(2)];
            const late = world.tasks.create(3);
            const events = world.tasks.run(late.id);
            put(`www.${DOMAIN}.`, "192.0.2.2");
            expect(await run(destroy)).to.deep.equal({ stoppedTasks: 0, removedRecords: 2 });
            expect(zone()).to.deep.equal([[`www.${DOMAIN}.`, "192.0.2.2"]]);
            expect([one, other, late].map(({ id }) => stateOf(id))).to.deep.equal(["GONE", "GONE", "GONE"]);
            expect(await deliver(events)).to.deep.equal([]);
            expect(zone()).to.have.length(1);
        });

        it("first stops the tasks that no service keeps, where it is told to, and waits for their end", async () => {
            process.env.STOP_TASKS = "true";
            const [one, kept] = [await published(1), await published(2)];
            world.tasks.joinService(kept.id, "web");
            expect(await run(destroy)).to.deep.equal({ stoppedTasks: 1, removedRecords: 2 });
            expect(world.tasks.get(one.id).lastStatus).to.equal("STOPPED");
            expect(world.tasks.get(kept.id).desiredStatus).to.equal("RUNNING");
            expect(zone()).to.deep.equal([]);
        });

        it("says what is left and why when it is not done in time", async () => {
            await published(1);
            world.aws.interfere = ({ operation }) =>
                operation.endsWith("/rrset") ? xmlError(403, "AccessDenied", "may not") : undefined;
            expect(await rejectionOf(run(destroy, 31_000))).to.equal(
                "NotDrained: 0 tasks are not stopped yet and 1 records not removed: " +
                    "AccessDenied: route53:ChangeResourceRecordSets of Z1: may not. Destroy again.",
            );
            world.aws.interfere = undefined;
            expect(await run(destroy)).to.deep.equal({ stoppedTasks: 0, removedRecords: 1 });
            expect(zone()).to.deep.equal([]);
        });

        it("of a stack that is made again after all gives running tasks their names back", async () => {
            const task = await published(1);
            await run(destroy);
            expect(stateOf(task.id)).to.equal("GONE");
            expect(await run({ tf: { action: "create" } })).to.deep.equal({
                ...{ live: 0, tasks: 1, unnamed: 1, orphans: 0, stuck: 0 },
            });
            expect(await deliver(world.queues.sent[QUEUE_URL])).to.deep.equal([]);
            expect(zone()).to.deep.equal([recordOf(task)]);
        });
    });
});
