import { expect } from "chai";
import fc from "fast-check";
import type { SQSEvent } from "aws-lambda";
import { syncTaskDns } from "../../handlers/syncTaskDns";
import { awsEnvironment, setEnvironment, startFakeAws, xmlError, type FakeAws } from "../support/fakeAws";
import { captureLog, lambdaContext, type LogLine } from "../support/fakeLambda";
import { createFakeRoute53, type FakeRoute53, type FakeRoute53Options } from "../support/fakeRoute53";
import { createFakeTasks, type FakeTasks } from "../support/fakeTasks";

const CLUSTER_ARN = "arn:aws:ecs:eu-west-1:111122223333:cluster/tasks";
const DOMAIN = "tasks.example.test";

/** Events from before the minute in which ECS may not know a task yet. */
const EARLIER = () => new Date(Date.now() - 120_000);

interface World {
    readonly tasks: FakeTasks;
    readonly route53: FakeRoute53;
    readonly aws: FakeAws;
    close(): Promise<void>;
}

async function createWorld(options: Partial<FakeRoute53Options> = {}): Promise<World> {
    const tasks = createFakeTasks(CLUSTER_ARN, EARLIER);
    const route53 = createFakeRoute53({ zoneId: "Z1", zoneName: "example.test", ...options });
    const aws = await startFakeAws([...tasks.services, route53]);
    const restore = setEnvironment({
        ...awsEnvironment(aws.url),
        HOSTED_ZONE_ID: "Z1",
        DOMAIN,
        RECORD_TTL: "15",
        CLUSTER_ARN,
    });
    return {
        tasks,
        route53,
        aws,
        async close() {
            restore();
            await aws.stop();
        },
    };
}

/** The messages m0, m1, … of one batch; a string is a body as it is. */
function batch(events: readonly (object | string)[]): SQSEvent {
    const records = events.map((event, index) => ({
        messageId: `m${index}`,
        body: typeof event === "string" ? event : JSON.stringify(event),
    }));
    return { Records: records } as unknown as SQSEvent;
}

/** Invokes the handler; answers the ids of the messages that go back to the queue. */
async function deliver(events: readonly (object | string)[], milliseconds?: number): Promise<string[]> {
    const { batchItemFailures } = await syncTaskDns(batch(events), lambdaContext(milliseconds));
    return batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);
}

describe("syncTaskDns", () => {
    let world: World;
    let lines: LogLine[];
    let restoreLog: () => void;

    beforeEach(async () => {
        world = await createWorld();
        ({ lines, restore: restoreLog } = captureLog());
    });

    afterEach(async () => {
        restoreLog();
        await world.close();
    });

    const zone = () => world.route53.records().map(({ name, type, ttl, values }) => [name, type, ttl, ...values]);
    const recordOf = (id: string, address: string) => [`${id}.${DOMAIN}.`, "A", 15, address];
    const asked = (operation: string) => world.aws.requests.filter((request) => request.operation.includes(operation));

    function running(number: number) {
        const { id } = world.tasks.create(number);
        const events = world.tasks.run(id);
        return { ...world.tasks.get(id), events };
    }

    /** A task that has been published, with the requests it took forgotten. */
    async function published(number: number) {
        const task = running(number);
        expect(await deliver(task.events)).to.deep.equal([]);
        world.aws.requests.length = 0;
        return task;
    }

    describe("a start", () => {
        it("publishes the public address of a running task under its id, by one CREATE", async () => {
            const { id, address, events } = running(1);
            expect(await deliver([events[1]])).to.deep.equal([]);
            expect(zone()).to.deep.equal([recordOf(id, address)]);
            expect(world.route53.accepted).to.deep.equal([[`CREATE ${id}.${DOMAIN}. A`]]);
            // Nothing waits for the change to spread: that would cost requests that changes need.
            expect(asked("/change/")).to.deep.equal([]);
        });

        it("waits for a task that is still on its way up", async () => {
            const { id } = world.tasks.create(1);
            expect(await deliver([world.tasks.move(id, { lastStatus: "PENDING" })])).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
        });

        it("overwrites what stands there when the event comes again after the address or the TTL changed", async () => {
            const { id, address, events } = running(1);
            world.route53.put({ name: `${id}.${DOMAIN}.`, type: "A", ttl: 300, values: ["192.0.2.1"] });
            expect(await deliver([events[1]])).to.deep.equal([]);
            expect(zone()).to.deep.equal([recordOf(id, address)]);
        });

        it("never publishes by an old RUNNING event: the task has stopped since (or Spot gave notice)", async () => {
            const { id, events } = running(1);
            world.tasks.move(id, { desiredStatus: "STOPPED" });
            expect(await deliver([events[1]])).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
        });

        it("never publishes a task that ECS has forgotten, and does not crash (MISSING has no tasks[0])", async () => {
            const { id, events } = running(1);
            world.tasks.forget(id);
            expect(await deliver([events[1]])).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
        });

        it("looks again, then gives the message back, when ECS does not know so young a task yet", async () => {
            const { id } = running(1);
            const young = world.tasks.event(id, { time: new Date().toISOString() });
            world.tasks.forget(id);
            expect(await deliver([young])).to.deep.equal(["m0"]);
            expect(asked("DescribeTasks")).to.have.length(3);
            expect(lines[0].reason).to.equal("ecs:DescribeTasks says MISSING");
        });

        it("looks again when DescribeTasks is older than the event", async () => {
            const { id, address, events } = running(1);
            world.tasks.lag(id, 1, 1);
            expect(await deliver([events[1]])).to.deep.equal([]);
            expect(zone()).to.deep.equal([recordOf(id, address)]);
        });

        it("gives the message back when DescribeTasks stays older than the event, and settles the others", async () => {
            const late = running(1);
            const good = running(2);
            world.tasks.lag(late.id, 1, 99);
            expect(await deliver([late.events[1], good.events[1]])).to.deep.equal(["m0"]);
            expect(zone()).to.deep.equal([recordOf(good.id, good.address)]);
            expect(lines[0].reason).to.equal("ecs:DescribeTasks shows version 1, older than the event's 3");
        });

        it("settles, with a warning, a task that has no public address", async () => {
            const { id, arn, events } = running(1);
            world.tasks.hideAddress(id);
            expect(await deliver([events[1]])).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
            expect(lines[0]).to.deep.include({ level: "warn", taskArn: arn });
            expect(lines[0].message).to.include("assignPublicIp ENABLED");
        });
    });

    describe("a stop", () => {
        it("takes the record away while the task still runs, before its address can become another's", async () => {
            const { id } = await published(1);
            expect(await deliver([world.tasks.move(id, { desiredStatus: "STOPPED" })])).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
        });

        it("needs neither DescribeTasks nor a listing of the zone as long as the interface is there", async () => {
            const { id } = await published(1);
            await deliver([world.tasks.move(id, { desiredStatus: "STOPPED" })]);
            expect(world.aws.requests.map(({ operation }) => operation)).to.deep.equal([
                "DescribeNetworkInterfaces",
                "POST /2013-04-01/hostedzone/Z1/rrset",
            ]);
        });

        it("is seen in a task that ends by itself, which may show DEPROVISIONING first", async () => {
            const { id } = await published(1);
            expect(await deliver([world.tasks.move(id, { lastStatus: "DEPROVISIONING" })])).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
        });

        it("takes the record away when the interface is gone: one listing of one record, not of the zone", async () => {
            const { id } = await published(1);
            expect(
                await deliver([world.tasks.move(id, { desiredStatus: "STOPPED", lastStatus: "STOPPED" })]),
            ).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
            const [listing, ...more] = asked("GET /2013-04-01/hostedzone/Z1/rrset");
            expect(more).to.deep.equal([]);
            expect(Object.fromEntries(listing.query)).to.deep.include({
                name: `${id}.${DOMAIN}.`,
                type: "A",
                maxitems: "1",
            });
        });

        it("never takes the next record of the zone, which is what a listing shows when there is none of the name", async () => {
            const { id } = world.tasks.create(1);
            const next = { name: `zz.${DOMAIN}.`, type: "A", ttl: 15, values: ["192.0.2.9"] };
            world.route53.put(next);
            expect(
                await deliver([world.tasks.move(id, { desiredStatus: "STOPPED", lastStatus: "STOPPED" })]),
            ).to.deep.equal([]);
            expect(world.route53.records()).to.deep.equal([next]);
            expect(world.route53.accepted).to.deep.equal([]);
        });

        it("takes a record away whose TTL is from before the setting changed", async () => {
            const { id, address } = running(1);
            world.route53.put({ name: `${id}.${DOMAIN}.`, type: "A", ttl: 300, values: [address] });
            expect(await deliver([world.tasks.move(id, { desiredStatus: "STOPPED" })])).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
        });

        it("is done when the record is gone already, and what shares its batch is made", async () => {
            const stopped = running(1);
            const other = running(2);
            const stop = world.tasks.move(stopped.id, { desiredStatus: "STOPPED" });
            expect(await deliver([stop, stop, ...other.events])).to.deep.equal([]);
            expect(zone()).to.deep.equal([recordOf(other.id, other.address)]);
        });

        it("wins over a start in the same batch, in any order", async () => {
            const { id, events } = running(1);
            const stop = world.tasks.move(id, { desiredStatus: "STOPPED" });
            expect(await deliver([stop, ...events])).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
        });

        it("wins when it comes between the look at a task and the writing of its record", async () => {
            const { id, events } = running(1);
            let back: string[] | undefined;
            world.aws.interfere = async ({ body }) => {
                if (body.includes("<Action>CREATE</Action>") && back === undefined) {
                    back = [];
                    back = await deliver([world.tasks.move(id, { desiredStatus: "STOPPED" })]);
                }
                return undefined;
            };
            expect(await deliver([events[1]])).to.deep.equal([]);
            expect(back).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
        });

        it("of many tasks whose interfaces are gone reads the zone by pages", async () => {
            const ids = [];
            for (let number = 0; number < 40; number++) {
                ids.push(running(number).id);
            }
            await deliver(ids.map((id) => world.tasks.event(id)));
            world.route53.put({ name: `other.${DOMAIN}.`, type: "A", ttl: 15, values: ["192.0.2.9"] });
            world.aws.requests.length = 0;
            const stops = ids.map((id) => world.tasks.move(id, { desiredStatus: "STOPPED", lastStatus: "STOPPED" }));
            expect(await deliver(stops)).to.deep.equal([]);
            expect(zone()).to.deep.equal([[`other.${DOMAIN}.`, "A", 15, "192.0.2.9"]]);
            expect(asked("GET /2013-04-01/hostedzone/Z1/rrset")).to.have.length(1);
            expect(asked("POST /2013-04-01/hostedzone/Z1/rrset")).to.have.length(1);
        });
    });

    describe("one interface that is gone", () => {
        it("does not fail the look-up of the others (asking by id would)", async () => {
            const gone = await published(1);
            const there = running(2);
            const stop = world.tasks.move(gone.id, { desiredStatus: "STOPPED", lastStatus: "STOPPED" });
            world.tasks.lag(gone.id, 3, 1);
            expect(await deliver([gone.events[1], there.events[1]])).to.deep.equal(["m0"]);
            expect(await deliver([gone.events[1], stop])).to.deep.equal([]);
            expect(zone()).to.deep.equal([recordOf(there.id, there.address)]);
        });
    });

    describe("one record that Route 53 refuses", () => {
        it("is given back with Route 53's words, and the rest of its batch is made", async () => {
            const [bad, good] = [running(1), running(2)];
            world.route53.put({ name: `${bad.id}.${DOMAIN}.`, type: "CNAME", ttl: 60, values: ["elsewhere.test."] });
            expect(await deliver([bad.events[1], good.events[1]])).to.deep.equal(["m0"]);
            expect(zone()).to.deep.include(recordOf(good.id, good.address));
            expect(lines[0].reason).to.equal(
                `RRSet of type A with DNS name ${bad.id}.${DOMAIN}. is not permitted because a conflicting RRSet of type CNAME with the same DNS name already exists in zone example.test.`,
            );
        });

        it("is found by halving the batch when Route 53 names nobody: 64 records cost 13 requests", async () => {
            const tasks = Array.from({ length: 64 }, (_, number) => running(number));
            world.aws.interfere = ({ operation, body }) =>
                operation.startsWith("POST") && body.includes(tasks[3].id)
                    ? xmlError(400, "InvalidChangeBatch", "[A resource record set protection forbids this change]")
                    : undefined;
            expect(await deliver(tasks.map(({ events }) => events[1]))).to.deep.equal(["m3"]);
            expect(zone()).to.have.length(63);
            expect(asked("POST /2013-04-01/hostedzone/Z1/rrset")).to.have.length(13);
        });
    });

    describe("trouble", () => {
        it("never loses a throttled change: it is tried as long as there is time, then given back", async () => {
            const { events } = running(1);
            world.aws.interfere = ({ operation }) =>
                operation.startsWith("POST /2013") ? xmlError(400, "Throttling", "Rate exceeded") : undefined;
            expect(await deliver([events[1]], 2_600)).to.deep.equal(["m0"]);
            expect(asked("POST /2013").length).to.be.greaterThan(1);
            expect(lines[0].reason).to.equal("Throttling: route53:ChangeResourceRecordSets of Z1: Rate exceeded");
        });

        it("waits for a prior change of the zone", async () => {
            const { id, address, events } = running(1);
            let refusals = 2;
            world.aws.interfere = ({ operation }) =>
                operation.startsWith("POST /2013") && refusals-- > 0
                    ? xmlError(400, "PriorRequestNotComplete", "still processing a prior request")
                    : undefined;
            expect(await deliver([events[1]])).to.deep.equal([]);
            expect(zone()).to.deep.equal([recordOf(id, address)]);
        });

        it("settles a change whose answer was lost", async () => {
            const { id, address, events } = running(1);
            let lost = false;
            world.aws.interfere = ({ operation }) => {
                const lose = !lost && operation.startsWith("POST /2013");
                lost ||= lose;
                return lose ? "lose the answer" : undefined;
            };
            expect(await deliver([events[1]])).to.deep.equal([]);
            expect(zone()).to.deep.equal([recordOf(id, address)]);
            expect(world.route53.refused).to.deep.equal({ InvalidChangeBatch: 1 });
        });

        it("gives everything back, with the action to allow, when a permission is missing", async () => {
            const { events } = running(1);
            world.aws.interfere = ({ operation }) =>
                operation.startsWith("POST /2013") ? xmlError(403, "AccessDenied", "not authorized") : undefined;
            expect(await deliver([events[1]])).to.deep.equal(["m0"]);
            expect(asked("POST /2013")).to.have.length(1);
            expect(lines[0].reason).to.equal("AccessDenied: route53:ChangeResourceRecordSets of Z1: not authorized");
        });

        it("still takes records away when EC2 does not answer, and gives the starts back", async () => {
            const stopped = await published(1);
            const started = running(2);
            world.aws.interfere = ({ service }) =>
                service === "ec2" ? xmlError(403, "UnauthorizedOperation", "not authorized") : undefined;
            const stop = world.tasks.move(stopped.id, { desiredStatus: "STOPPED" });
            expect(await deliver([stop, started.events[1]])).to.deep.equal(["m1"]);
            expect(zone()).to.deep.equal([]);
        });

        it("does nothing, and gives everything back, when there is no time", async () => {
            const { events } = running(1);
            expect(await deliver([events[1]], 1_000)).to.deep.equal(["m0"]);
            expect(world.aws.requests).to.deep.equal([]);
        });

        it("says which setting is missing", async () => {
            const restore = setEnvironment({ HOSTED_ZONE_ID: undefined });
            const error = await syncTaskDns(batch([]), lambdaContext()).catch((thrown: Error) => thrown);
            restore();
            expect(error).to.include({
                name: "SettingsInvalid",
                message: "The environment variable HOSTED_ZONE_ID is not set: deploy the function anew.",
            });
        });
    });

    describe("messages", () => {
        it("gives back what is no task event, each with its reason, and settles the rest", async () => {
            const { id, address, events } = running(1);
            const detail = { taskArn: "x", clusterArn: CLUSTER_ARN, lastStatus: "RUNNING", desiredStatus: "RUNNING" };
            const bodies = [
                "{",
                "null",
                "[]",
                "7",
                { detail: null },
                { detail: { ...detail, taskArn: 1 } },
                { detail },
            ];
            const odd = { ...detail, taskArn: `${CLUSTER_ARN.replace("cluster", "task")}/a`, attachments: [null] };
            expect(await deliver([...bodies, { detail: odd }, events[1]])).to.deep.equal([
                "m0",
                "m1",
                "m2",
                "m3",
                "m4",
                "m5",
                "m6",
                "m7",
            ]);
            expect(zone()).to.deep.equal([recordOf(id, address)]);
            expect(lines[6]).to.deep.equal({
                level: "error",
                message: "malformed message",
                messageId: "m6",
                reason: '"x" is no task\'s ARN',
            });
        });

        it("passes over another cluster's tasks", async () => {
            const { id } = running(1);
            const other = world.tasks.event(id, { clusterArn: `${CLUSTER_ARN}-2` });
            expect(await deliver([other])).to.deep.equal([]);
            expect(world.aws.requests).to.deep.equal([]);
        });

        it("writes one line of what was done", async () => {
            const { events } = running(1);
            await deliver([...events, "{"]);
            const { oldestEventMilliseconds, ...line } = lines.at(-1)!;
            expect(line).to.deep.equal({
                level: "info",
                message: "batch done",
                messages: 3,
                tasks: 1,
                elsewhere: 0,
                published: 1,
                removed: 0,
                returned: 1,
            });
            expect(oldestEventMilliseconds).to.be.within(120_000, 125_000);
        });
    });

    describe("a burst of 1000 tasks, with Route 53's own two buckets", () => {
        it("costs one change request for all starts and one for all stops, and loses none", async () => {
            const tasks = Array.from({ length: 1_000 }, (_, number) => running(number));
            expect(await deliver(tasks.map(({ events }) => events[1]))).to.deep.equal([]);
            expect(zone()).to.have.length(1_000);
            expect(world.aws.requests.filter(({ service }) => service === "route53")).to.have.length(1);
            expect(asked("DescribeTasks")).to.have.length(20);

            world.route53.refill();
            world.aws.requests.length = 0;
            const stops = tasks.map(({ id }) => world.tasks.move(id, { desiredStatus: "STOPPED" }));
            expect(await deliver(stops)).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
            expect(world.aws.requests.filter(({ service }) => service === "route53")).to.have.length(1);
        });
    });

    it("ends with the zone equal to the running tasks, whatever the order, duplication and redelivery of events", async () => {
        const foreign = { name: `www.${DOMAIN}.`, type: "A", ttl: 60, values: ["192.0.2.1"] };
        await fc.assert(
            fc.asyncProperty(fc.array(anyStep, { minLength: 5, maxLength: 30 }), async (steps) => {
                const { tasks, route53, ...started } = await createWorld({ changeMilliseconds: 1 });
                route53.put(foreign);
                await play(tasks, steps).finally(() => started.close());
                const expected = tasks
                    .all()
                    .filter(({ desiredStatus, lastStatus }) => desiredStatus === "RUNNING" && lastStatus === "RUNNING")
                    .map(({ id, address }) => ({ name: `${id}.${DOMAIN}.`, type: "A", ttl: 15, values: [address] }));
                expect(route53.records()).to.have.deep.members([foreign, ...expected]);
            }),
            { numRuns: 25, seed: 20_260_101 },
        );
    });
});

/** Something happens to a task; or some of the events that wait are delivered, some of them again later. */
type Step =
    | { readonly kind: "move"; readonly task: number; readonly selfExit: boolean }
    | { readonly kind: "deliver"; readonly picks: readonly number[]; readonly twice: boolean };

const anyStep: fc.Arbitrary<Step> = fc.oneof(
    {
        weight: 3,
        arbitrary: fc.record({ kind: fc.constant("move" as const), task: fc.nat(3), selfExit: fc.boolean() }),
    },
    {
        weight: 2,
        arbitrary: fc.record({
            kind: fc.constant("deliver" as const),
            picks: fc.array(fc.nat(20), { minLength: 1, maxLength: 5 }),
            twice: fc.boolean(),
        }),
    },
);

/** Plays the steps with two runs of the handler at a time, as the queue's event source mapping may; then empties the queue. */
async function play(tasks: FakeTasks, steps: readonly Step[]): Promise<void> {
    const ids = [0, 1, 2, 3].map((number) => tasks.create(number).id);
    let queue: object[] = [];
    let runs: Promise<void>[] = [];
    const start = (events: object[]) => {
        queue = queue.filter((event) => !events.includes(event));
        runs.push(deliver(events).then((back) => void queue.push(...back.map((id) => events[Number(id.slice(1))]))));
    };
    for (const step of steps) {
        if (step.kind === "move") {
            queue.push(...moveOn(tasks, ids[step.task], step.selfExit));
        } else {
            const picked = [...new Set(step.picks.filter((pick) => pick < queue.length).map((pick) => queue[pick]))];
            start(picked);
            queue.push(...(step.twice ? picked : []));
            if (runs.length === 2) {
                await Promise.all(runs);
                runs = [];
            }
        }
    }
    while (queue.length > 0 || runs.length > 0) {
        await Promise.all(runs.splice(0));
        start(queue.slice(0, 10));
        start(queue.slice(0, 10));
        await Promise.all(runs.splice(0));
    }
}

/** The next station of a task's life, and the event of it. */
function moveOn(tasks: FakeTasks, id: string, selfExit: boolean): object[] {
    const { desiredStatus, lastStatus } = tasks.get(id);
    if (lastStatus === "STOPPED") {
        tasks.forget(id);
        return [];
    }
    if (lastStatus === "DEPROVISIONING") {
        return [tasks.move(id, { desiredStatus: "STOPPED", lastStatus: "STOPPED" })];
    }
    if (lastStatus === "RUNNING") {
        return [
            desiredStatus === "RUNNING" && !selfExit
                ? tasks.move(id, { desiredStatus: "STOPPED" })
                : tasks.move(id, { lastStatus: "DEPROVISIONING" }),
        ];
    }
    return [tasks.move(id, { lastStatus: lastStatus === "PROVISIONING" ? "PENDING" : "RUNNING" })];
}
