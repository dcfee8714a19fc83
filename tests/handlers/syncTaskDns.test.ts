import { expect } from "chai";
import { syncTaskDns } from "../../handlers/syncTaskDns";
import { jsonError, setEnvironment, xmlError, type FakeAws } from "../support/fakeAws";
import { lambdaContext } from "../support/fakeLambda";
import type { FakeTasks } from "../support/fakeTasks";
import {
    batch,
    CLUSTER_ARN,
    createWorld,
    DEAD_LETTER_QUEUE_URL,
    deliver,
    deliverBatch,
    DOMAIN,
    type World,
} from "../support/taskDns/world";

describe("syncTaskDns", () => {
    let world: World;

    beforeEach(async () => {
        world = await createWorld();
    });

    afterEach(() => world.close());

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

    const row = (id: string) => {
        const item = world.registry.table.rows.get(id);
        return item && Object.fromEntries(Object.entries(item).map(([name, { S, N }]) => [name, S ?? Number(N)]));
    };
    /** As if the time had passed for which a run has the row for itself. */
    const letPass = (id: string) => void (world.registry.table.rows.get(id)!.until = { N: "0" });
    const calls = () => world.aws.requests.map(({ operation }) => operation);

    describe("a start", () => {
        it("publishes the public address of a running task under its id, by one CREATE", async () => {
            const { id, address, events } = running(1);
            expect(await deliver([events[1]])).to.deep.equal([]);
            expect(zone()).to.deep.equal([recordOf(id, address)]);
            expect(world.route53.accepted).to.deep.equal([[`CREATE ${id}.${DOMAIN}. A`]]);
            // The row is written before the record, and again after it; nothing waits for the change to spread, and nothing is read of the zone.
            expect(calls()).to.deep.equal([
                "BatchGetItem",
                "DescribeTasks",
                "DescribeNetworkInterfaces",
                "TransactWriteItems",
                "PutItem",
                "POST /2013-04-01/hostedzone/Z1/rrset",
                "DeleteItem",
                "TransactWriteItems",
            ]);
        });

        it("leaves a row that says which task is live, since when, under which name", async () => {
            const { id, arn, address, events } = running(1);
            const before = Date.now();
            await deliver([events[1]]);
            const { since, ...rest } = row(id)!;
            expect(since).to.be.within(before, Date.now());
            expect(rest).to.deep.equal({
                taskId: id,
                taskArn: arn,
                state: "LIVE",
                open: "yes",
                version: 3,
                revision: 2,
                until: 0,
                name: `${id}.${DOMAIN}.`,
                ttl: 15,
                ipv4: address,
            });
        });

        it("publishes a task in PENDING whose address is known, and has nothing left to do when it runs", async () => {
            const { id, address } = world.tasks.create(1);
            expect(await deliver([world.tasks.move(id, { lastStatus: "PENDING" })])).to.deep.equal([]);
            expect(zone()).to.deep.equal([recordOf(id, address)]);
            world.aws.requests.length = 0;
            expect(await deliver([world.tasks.move(id, { lastStatus: "RUNNING" })])).to.deep.equal([]);
            expect(calls()).to.deep.equal(["BatchGetItem"]);
        });

        it("leaves a task in PENDING without an address to its next event, and looks again at one in RUNNING", async () => {
            const { id } = world.tasks.create(1);
            world.tasks.hideAddress(id);
            expect(await deliver([world.tasks.move(id, { lastStatus: "PENDING" })])).to.deep.equal([]);
            const event = world.tasks.move(id, { lastStatus: "RUNNING" });
            expect(await deliver([event])).to.deep.equal(["m0"]);
            expect(world.lines.at(-2)!.reason).to.include("assignPublicIp ENABLED");
            expect(zone()).to.deep.equal([]);
            // After a minute it is the sweep that asks.
            expect(await deliverBatch(batch([event], 7, 61_000))).to.deep.equal([]);
        });

        it("waits for RUNNING, or for HEALTHY, where it is told to", async () => {
            const { id } = world.tasks.create(1);
            let restore = setEnvironment({ PUBLISH_AT: "RUNNING" });
            expect(await deliver([world.tasks.move(id, { lastStatus: "PENDING" })])).to.deep.equal([]);
            restore();
            restore = setEnvironment({ PUBLISH_AT: "HEALTHY" });
            const event = world.tasks.move(id, { lastStatus: "RUNNING" });
            expect(await deliver([event])).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
            world.aws.interfere = inHealth(world, "HEALTHY");
            expect(await deliver([event])).to.deep.equal([]);
            restore();
            expect(zone()).to.have.length(1);
        });

        it("never publishes by an old RUNNING event: the task has stopped since (or Spot gave notice)", async () => {
            const { id, events } = running(1);
            world.tasks.move(id, { desiredStatus: "STOPPED" });
            expect(await deliver([events[1]])).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
            expect(row(id)!.state).to.equal("GONE");
        });

        it("never publishes a task whose stop was seen, even if ECS shows it running again (a read that goes back in time)", async () => {
            const { id, events } = running(1);
            await deliver([world.tasks.move(id, { desiredStatus: "STOPPED" })]);
            world.tasks.lag(id, 3, 99);
            world.aws.requests.length = 0;
            expect(await deliver([events[1]])).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
            expect(calls()).to.deep.equal(["BatchGetItem"]);
        });

        it("never publishes a task that ECS has forgotten, and does not crash (MISSING has no tasks[0])", async () => {
            const { id, events } = running(1);
            world.tasks.forget(id);
            expect(await deliver([events[1]])).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
            expect(row(id)).to.equal(undefined);
        });

        it("gives the message back for some seconds when ECS does not know so young a task yet", async () => {
            const { id } = running(1);
            const young = world.tasks.event(id, { time: new Date().toISOString() });
            world.tasks.forget(id);
            expect(await deliver([young])).to.deep.equal(["m0"]);
            expect(world.lines[0].reason).to.equal("ecs:DescribeTasks says MISSING");
            expect(world.queues.comebacks).to.deep.equal({ r0: 1 });
        });

        it("gives the message back when DescribeTasks is older than the event, and settles the others at once", async () => {
            const late = running(1);
            const good = running(2);
            world.tasks.lag(late.id, 1, 1);
            expect(await deliver([late.events[1], good.events[1]])).to.deep.equal(["m0"]);
            expect(zone()).to.deep.equal([recordOf(good.id, good.address)]);
            expect(world.lines[0].reason).to.equal("ecs:DescribeTasks shows version 1, older than 3, which was seen");
            expect(await deliver([late.events[1]])).to.deep.equal([]);
            expect(zone()).to.have.deep.members([recordOf(late.id, late.address), recordOf(good.id, good.address)]);
        });

        it("whose interface is gone by now holds up no other: asked for by id, it would fail them all", async () => {
            const gone = running(1);
            const good = running(2);
            world.tasks.move(gone.id, { lastStatus: "STOPPED", desiredStatus: "STOPPED" });
            world.tasks.lag(gone.id, 3, 1);
            expect(await deliver([gone.events[1], good.events[1]])).to.deep.equal(["m0"]);
            expect(zone()).to.deep.equal([recordOf(good.id, good.address)]);
        });

        it("has messages come back after 1, 2, 4, 8, 16 and 30 seconds", async () => {
            const { id, events } = running(1);
            world.tasks.lag(id, 1, 99);
            const seconds = [];
            for (let receives = 1; receives <= 7; receives++) {
                await deliverBatch(batch([events[1]], receives));
                seconds.push(world.queues.comebacks.r0);
            }
            expect(seconds).to.deep.equal([1, 2, 4, 8, 16, 30, 30]);
        });
    });

    describe("a name", () => {
        it("with a record of somebody else is never taken over, and given as soon as it is free", async () => {
            const { id, address, events } = running(1);
            const other = { name: `${id}.${DOMAIN}.`, type: "A", ttl: 300, values: ["192.0.2.1"] };
            world.route53.put(other);
            expect(await deliver([events[1]])).to.deep.equal(["m0"]);
            expect(world.route53.records()).to.deep.equal([other]);
            expect(world.lines[0].reason).to.equal(
                `${id}.${DOMAIN}. has a A record of somebody else, which is left alone: 192.0.2.1`,
            );
            expect(row(id)).to.equal(undefined);
            world.route53.remove(other);
            expect(await deliver([events[1]])).to.deep.equal([]);
            expect(zone()).to.deep.equal([recordOf(id, address)]);
        });

        it("that stands already with the task's own address is the task's: the registry is new, or its writing was not marked", async () => {
            const { id, address, events } = running(1);
            world.route53.put({ name: `${id}.${DOMAIN}.`, type: "A", ttl: 300, values: [address] });
            expect(await deliver([events[1]])).to.deep.equal([]);
            expect(row(id)!.state).to.equal("LIVE");
            expect(world.route53.accepted).to.deep.equal([]);
            // Its TTL is another than the row's: Route 53 deletes by the exact record set, which is read for that.
            expect(await deliver([world.tasks.move(id, { desiredStatus: "STOPPED" })])).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
        });

        it("of tags is made by the template, is one task's at a time, and is checked", async () => {
            const restore = setEnvironment({ NAME_TEMPLATE: "s-{tag:session}" });
            const [one, two, odd] = [running(1), running(2), running(3)];
            world.aws.interfere = withTags(world, { [one.id]: "Red", [two.id]: "red", [odd.id]: "a b" });
            expect(await deliver([one.events[1], two.events[1], odd.events[1]])).to.deep.equal(["m1", "m2"]);
            expect(zone()).to.deep.equal([[`s-red.${DOMAIN}.`, "A", 15, one.address]]);
            expect(world.lines.map(({ reason }) => reason)).to.include(
                '"s-a b" is no DNS label: letters, digits and hyphens, 63 at most, no hyphen at either end (s-{tag:session})',
            );
            expect(await deliver([two.events[1]])).to.deep.equal(["m0"]);
            expect(await deliver([world.tasks.move(one.id, { desiredStatus: "STOPPED" })])).to.deep.equal([]);
            expect(await deliver([two.events[1]])).to.deep.equal([]);
            expect(zone()).to.deep.equal([[`s-red.${DOMAIN}.`, "A", 15, two.address]]);
            restore();
        });

        it("is given to the tasks of the filter alone", async () => {
            const [one, two] = [running(1), running(2)];
            world.aws.interfere = withTags(world, { [one.id]: "red", [two.id]: "blue" });
            const restore = setEnvironment({ TASK_FILTER: '{"tags":{"session":"blue"}}' });
            expect(await deliver([one.events[1], two.events[1]])).to.deep.equal([]);
            restore();
            expect(zone()).to.deep.equal([recordOf(two.id, two.address)]);
        });

        it("has an AAAA record, too, where that is asked for; a task without public IPv4 has that alone", async () => {
            const [both, six] = [running(1), running(2)];
            world.tasks.hideAddress(six.id);
            world.tasks.addIpv6(both.id, "2001:db8::1");
            world.tasks.addIpv6(six.id, "2001:db8::2");
            const restore = setEnvironment({ IPV6: "true" });
            expect(await deliver([both.events[1], six.events[1]])).to.deep.equal([]);
            expect(zone()).to.have.deep.members([
                recordOf(both.id, both.address),
                [`${both.id}.${DOMAIN}.`, "AAAA", 15, "2001:db8::1"],
                [`${six.id}.${DOMAIN}.`, "AAAA", 15, "2001:db8::2"],
            ]);
            const stops = [both, six].map(({ id }) => world.tasks.move(id, { desiredStatus: "STOPPED" }));
            expect(await deliver(stops)).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
            restore();
        });
    });

    describe("a stop", () => {
        it("takes the record away while the task still runs, by what the row says: nothing else is asked", async () => {
            const { id } = await published(1);
            expect(await deliver([world.tasks.move(id, { desiredStatus: "STOPPED" })])).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
            expect(calls()).to.deep.equal([
                "BatchGetItem",
                "TransactWriteItems",
                "PutItem",
                "POST /2013-04-01/hostedzone/Z1/rrset",
                "DeleteItem",
                "TransactWriteItems",
            ]);
            const { state, expires, open, since } = row(id)!;
            expect({ state, open }).to.deep.equal({ state: "GONE", open: undefined });
            expect(expires).to.equal(Math.ceil((Number(since) + 48 * 3_600_000) / 1_000));
        });

        it("costs one read when it is told again: ECS tells it up to five times", async () => {
            const { id } = await published(1);
            const stop = world.tasks.move(id, { desiredStatus: "STOPPED" });
            await deliver([stop]);
            world.aws.requests.length = 0;
            const more = ["DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"].map((lastStatus) =>
                world.tasks.move(id, { lastStatus }),
            );
            for (const event of [stop, ...more]) {
                expect(await deliver([event])).to.deep.equal([]);
            }
            expect(new Set(calls())).to.deep.equal(new Set(["BatchGetItem"]));
            expect(calls()).to.have.length(5);
            expect(world.route53.refused).to.deep.equal({});
        });

        it("is seen in a task that ends by itself, which may show DEPROVISIONING first", async () => {
            const { id } = await published(1);
            expect(await deliver([world.tasks.move(id, { lastStatus: "DEPROVISIONING" })])).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
        });

        it("takes the record away when the interface is gone and ECS has forgotten the task", async () => {
            const { id } = await published(1);
            const stop = world.tasks.move(id, { desiredStatus: "STOPPED", lastStatus: "STOPPED" });
            world.tasks.forget(id);
            expect(await deliver([stop])).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
        });

        it("of a task that never had a name is remembered, and touches no record of the zone", async () => {
            const { id } = world.tasks.create(1);
            const next = { name: `zz.${DOMAIN}.`, type: "A", ttl: 15, values: ["192.0.2.9"] };
            world.route53.put(next);
            const stop = world.tasks.move(id, { desiredStatus: "STOPPED", lastStatus: "STOPPED" });
            expect(await deliver([stop])).to.deep.equal([]);
            expect(world.route53.records()).to.deep.equal([next]);
            expect(calls()).to.deep.equal(["BatchGetItem", "TransactWriteItems"]);
            expect(row(id)!.state).to.equal("GONE");
        });

        it("leaves alone what somebody else has put in the record's place", async () => {
            const { id, address } = await published(1);
            const other = { name: `${id}.${DOMAIN}.`, type: "A", ttl: 15, values: ["192.0.2.1"] };
            world.route53.remove({ ...other, values: [address] });
            world.route53.put(other);
            expect(await deliver([world.tasks.move(id, { desiredStatus: "STOPPED" })])).to.deep.equal([]);
            expect(world.route53.records()).to.deep.equal([other]);
            expect(row(id)!.state).to.equal("GONE");
        });

        it("is done when the record is gone already, and what shares its batch is made", async () => {
            const { id, address } = await published(1);
            const other = running(2);
            world.route53.remove({ name: `${id}.${DOMAIN}.`, type: "A", ttl: 15, values: [address] });
            const stop = world.tasks.move(id, { desiredStatus: "STOPPED" });
            expect(await deliver([stop, ...other.events])).to.deep.equal([]);
            expect(zone()).to.deep.equal([recordOf(other.id, other.address)]);
        });

        it("wins over a start in the same batch, in any order", async () => {
            const { id, events } = running(1);
            const stop = world.tasks.move(id, { desiredStatus: "STOPPED" });
            expect(await deliver([stop, ...events])).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
        });

        it("that comes between the look at a task and the writing of its record waits for that, and then takes it away", async () => {
            const { id, events } = running(1);
            let stop: object | undefined;
            let back: string[] | undefined;
            world.aws.interfere = async ({ body }) => {
                if (body.includes("<Action>CREATE</Action>") && stop === undefined) {
                    stop = world.tasks.move(id, { desiredStatus: "STOPPED" });
                    back = await deliver([stop]);
                }
                return undefined;
            };
            expect(await deliver([events[1]])).to.deep.equal([]);
            expect(back).to.deep.equal(["m0"]);
            expect(await deliver([stop!])).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
        });
    });

    describe("the sweep's list", () => {
        const sweepOf = (arns: string[], time = Date.now()) => ({
            "taskgate:sweep": { clusterArn: CLUSTER_ARN, time, taskArns: arns },
        });

        it("gives running tasks their names and takes them from tasks that have gone, whose events were lost", async () => {
            const gone = await published(1);
            const there = running(2);
            const kept = await published(3);
            world.tasks.move(gone.id, { desiredStatus: "STOPPED", lastStatus: "STOPPED" });
            expect(await deliver([sweepOf([gone.arn, there.arn, kept.arn])])).to.deep.equal([]);
            expect(zone()).to.have.deep.members([recordOf(there.id, there.address), recordOf(kept.id, kept.address)]);
        });

        it("takes a half-made name up where a run left it, and a half-removed one", async () => {
            const [made, removed] = [running(1), await published(2)];
            world.aws.interfere = ({ operation }) =>
                operation.startsWith("POST /2013") ? "lose the answer" : undefined;
            const stop = world.tasks.move(removed.id, { desiredStatus: "STOPPED" });
            expect(await deliver([made.events[1], stop], 5_200)).to.deep.equal(["m0", "m1"]);
            world.aws.interfere = undefined;
            expect([row(made.id)!.state, row(removed.id)!.state]).to.deep.equal(["NAMING", "REMOVING"]);
            letPass(made.id);
            letPass(removed.id);
            expect(await deliver([sweepOf([made.arn, removed.arn])])).to.deep.equal([]);
            expect(zone()).to.deep.equal([recordOf(made.id, made.address)]);
            expect([row(made.id)!.state, row(removed.id)!.state]).to.deep.equal(["LIVE", "GONE"]);
        });

        it("is out of date after a minute, when the next one has come", async () => {
            const there = running(1);
            expect(await deliver([sweepOf([there.arn], Date.now() - 61_000)])).to.deep.equal([]);
            expect(world.aws.requests).to.deep.equal([]);
        });

        it("never takes a live name for a MISSING that is younger than a minute", async () => {
            const { id, arn, address } = await published(1);
            world.tasks.forget(id);
            expect(await deliver([sweepOf([arn])])).to.deep.equal([]);
            expect(zone()).to.deep.equal([recordOf(id, address)]);
        });
    });

    describe("one record that Route 53 refuses", () => {
        it("is given back with Route 53's words, and the rest of its batch is made", async () => {
            const [bad, good] = [running(1), running(2)];
            world.route53.put({ name: `${bad.id}.${DOMAIN}.`, type: "CNAME", ttl: 60, values: ["elsewhere.test."] });
            expect(await deliver([bad.events[1], good.events[1]])).to.deep.equal(["m0"]);
            expect(zone()).to.deep.include(recordOf(good.id, good.address));
            expect(world.lines[0].reason).to.equal(
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

        it("costs a number of requests that grows as the logarithm of the batch when Route 53 names nobody and refuses them all", async () => {
            const tasks = Array.from({ length: 100 }, (_, number) => running(number));
            world.aws.interfere = ({ operation }) =>
                operation.startsWith("POST /2013")
                    ? xmlError(400, "InvalidChangeBatch", "[A resource record set protection forbids this change]")
                    : undefined;
            expect(await deliver(tasks.map(({ events }) => events[1]))).to.have.length(100);
            expect(asked("POST /2013-04-01/hostedzone/Z1/rrset").length).to.be.at.most(
                2 * Math.ceil(Math.log2(101)) + 4,
            );
        });
    });

    describe("trouble", () => {
        it("never loses a throttled change: it is tried as long as there is time, then given back", async () => {
            const { events } = running(1);
            world.aws.interfere = ({ operation }) =>
                operation.startsWith("POST /2013") ? xmlError(400, "Throttling", "Rate exceeded") : undefined;
            expect(await deliver([events[1]], 6_500)).to.deep.equal(["m0"]);
            expect(asked("POST /2013").length).to.be.greaterThan(1);
            expect(world.lines[0].reason).to.equal("Throttling: route53:ChangeResourceRecordSets of Z1: Rate exceeded");
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

        it("looks again at a change whose answer was lost, when that request cannot come any more", async () => {
            const { id, address, events } = running(1);
            let lost = false;
            world.aws.interfere = ({ operation }) => {
                const lose = !lost && operation.startsWith("POST /2013");
                lost ||= lose;
                return lose ? "lose the answer" : undefined;
            };
            expect(await deliver([events[1]])).to.deep.equal(["m0"]);
            expect(zone()).to.deep.equal([recordOf(id, address)]);
            expect(row(id)!.state).to.equal("NAMING");
            // Until then nobody goes on: a stop would find nothing to delete, and the request would come after it.
            expect(await deliver([world.tasks.move(id, { desiredStatus: "STOPPED" })])).to.deep.equal(["m0"]);
            letPass(id);
            expect(await deliver([world.tasks.event(id)])).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
        });

        it("settles nothing while the registry cannot be read, and gives everything back", async () => {
            const { events } = running(1);
            world.aws.interfere = ({ service }) =>
                service === "dynamodb" ? jsonError(400, "ResourceNotFoundException", "no such table") : undefined;
            expect(await deliver([events[1]])).to.deep.equal(["m0"]);
            expect(zone()).to.deep.equal([]);
            expect(world.lines[0].reason).to.equal(
                "ResourceNotFoundException: dynamodb:BatchGetItem of registry: no such table",
            );
        });

        it("gives everything back, with the action to allow, when a permission is missing", async () => {
            const { events } = running(1);
            world.aws.interfere = ({ operation }) =>
                operation.startsWith("POST /2013") ? xmlError(403, "AccessDenied", "not authorized") : undefined;
            expect(await deliver([events[1]])).to.deep.equal(["m0"]);
            expect(asked("POST /2013")).to.have.length(1);
            expect(world.lines[0].reason).to.equal(
                "AccessDenied: route53:ChangeResourceRecordSets of Z1: not authorized",
            );
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
            expect(calls()).to.deep.equal(["ChangeMessageVisibilityBatch"]);
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

    describe("a turn at the zone", () => {
        const turns = () => world.registry.table.turns;
        const takenBy = (until: number) =>
            turns().set("zone", { taskId: { S: "zone" }, holder: { S: "another" }, until: { N: String(until) } });

        it("is waited for, and given back: Route 53 may charge what it refuses for another change of the zone", async () => {
            const { id, address, events } = running(1);
            takenBy(Date.now() + 60_000);
            world.aws.interfere = ({ operation }) => {
                if (operation === "PutItem" && asked("PutItem").length === 3) {
                    turns().delete("zone");
                }
                return undefined;
            };
            expect(await deliver([events[1]])).to.deep.equal([]);
            expect(zone()).to.deep.equal([recordOf(id, address)]);
            expect(asked("PutItem")).to.have.length(3);
            expect(asked("rrset")).to.have.length(1);
            expect([...turns().keys()]).to.deep.equal([]);
        });

        it("of a run that was ended is over after some seconds, and is not taken from who has it then", async () => {
            const { id, address, events } = running(1);
            takenBy(Date.now() - 1);
            let holder: string | undefined;
            world.aws.interfere = ({ operation }) => {
                holder ??= operation.includes("rrset") ? turns().get("zone")!.holder.S : undefined;
                if (operation.includes("rrset")) {
                    takenBy(Date.now() + 60_000);
                }
                return undefined;
            };
            expect(await deliver([events[1]])).to.deep.equal([]);
            expect(zone()).to.deep.equal([recordOf(id, address)]);
            expect(holder).to.match(/^[0-9a-f-]{36}$/);
            expect(turns().get("zone")!.holder.S).to.equal("another");
        });

        it("is a courtesy: who cannot ask for one, or has none in the end, works all the same", async () => {
            const [one, other] = [running(1), running(2)];
            world.aws.interfere = ({ operation }) =>
                operation === "PutItem" ? jsonError(400, "AccessDeniedException", "may not") : undefined;
            expect(await deliver([one.events[1]])).to.deep.equal([]);
            expect(world.lines[0]).to.deep.equal({
                level: "warn",
                message: "no turn to be had",
                reason: "AccessDeniedException: dynamodb:PutItem of registry: may not",
            });
            world.aws.interfere = undefined;
            takenBy(Date.now() + 60_000);
            expect(await deliver([other.events[1]], 8_000)).to.deep.equal([]);
            expect(zone()).to.have.deep.members([recordOf(one.id, one.address), recordOf(other.id, other.address)]);
        });
    });

    describe("a batch that Lambda has not filled", () => {
        const some = (first: number, count: number) =>
            Array.from({ length: count }, (_, index) => running(first + index)).map(({ id, events }) => ({
                id,
                body: JSON.stringify(events[1]),
            }));

        it("is filled from the queue: 500 messages cost what ten do, and those that are done are deleted", async () => {
            const handed = some(0, 10);
            const waiting = some(10, 45);
            world.queues.waiting.push(...waiting);
            expect(await deliver(handed.map(({ body }) => body))).to.deep.equal([]);
            expect(zone()).to.have.length(55);
            expect(world.route53.accepted).to.have.length(1);
            expect(world.queues.deleted).to.have.members(waiting.map(({ id }) => id));
            expect(world.queues.comebacks).to.deep.equal({});
        });

        it("answers to Lambda for its own messages alone: what else is not settled comes back by itself", async () => {
            const handed = some(0, 10);
            const [late, good] = some(10, 2);
            world.tasks.lag(late.id, 1, 99);
            world.queues.waiting.push(late, good);
            expect(await deliver(handed.map(({ body }) => body))).to.deep.equal([]);
            expect(zone()).to.have.length(11);
            expect(world.queues.deleted).to.deep.equal([good.id]);
            expect(world.queues.comebacks).to.deep.equal({ [late.id]: 1 });
        });

        it("is left as it is when it holds few messages, or when the queue does not answer", async () => {
            world.queues.waiting.push(...some(20, 1));
            expect(await deliver(some(0, 9).map(({ body }) => body))).to.deep.equal([]);
            expect(asked("ReceiveMessage")).to.have.length(0);
            world.aws.interfere = ({ operation }) =>
                operation === "ReceiveMessage" ? jsonError(500, "InternalFailure", "down") : undefined;
            expect(await deliver(some(30, 10).map(({ body }) => body))).to.deep.equal([]);
            expect(zone()).to.have.length(19);
            expect(world.queues.deleted).to.deep.equal([]);
        });

        it("has no more than 500 messages", async () => {
            world.queues.waiting.push(...some(100, 600));
            expect(await deliver(some(0, 10).map(({ body }) => body))).to.deep.equal([]);
            // Five requests of ten messages at once are the step.
            expect(world.queues.deleted.length).to.be.at.most(540);
            expect(zone()).to.have.length(world.queues.deleted.length + 10);
        });
    });

    describe("messages", () => {
        it("puts aside what is no task event, each with its reason, and settles the rest", async () => {
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
            expect(await deliver([...bodies, events[1]])).to.deep.equal([]);
            expect(zone()).to.deep.equal([recordOf(id, address)]);
            expect(world.queues.sent[DEAD_LETTER_QUEUE_URL]).to.deep.equal(
                bodies.map((body) => (typeof body === "string" ? body : JSON.stringify(body))),
            );
            expect(world.lines[6]).to.deep.equal({
                level: "error",
                message: "malformed message: put aside",
                messageId: "m6",
                reason: '"x" does not end in the id of a task',
            });
        });

        it("takes no odd id for a task's: DescribeTasks would refuse all, and a stop of …/www would take www away", async () => {
            const { id, address, events } = running(1);
            world.route53.put({ name: `www.${DOMAIN}.`, type: "A", ttl: 15, values: ["192.0.2.9"] });
            const odd = (last: string) => ({
                detail: {
                    taskArn: `${CLUSTER_ARN.replace(":cluster/", ":task/")}/${last}`,
                    clusterArn: CLUSTER_ARN,
                    lastStatus: "STOPPED",
                    desiredStatus: "STOPPED",
                },
            });
            expect(await deliver([odd("www"), odd(id.toUpperCase()), odd(`${id}0`), events[1]])).to.deep.equal([]);
            expect(zone()).to.have.deep.members([[`www.${DOMAIN}.`, "A", 15, "192.0.2.9"], recordOf(id, address)]);
            expect(world.queues.sent[DEAD_LETTER_QUEUE_URL]).to.have.length(3);
        });

        it("keeps a malformed message in the queue when it cannot be put aside", async () => {
            world.aws.interfere = ({ service }) =>
                service === "sqs" ? jsonError(400, "AccessDenied", "not authorized") : undefined;
            expect(await deliver(["{"])).to.deep.equal(["m0"]);
        });

        it("passes over another cluster's tasks", async () => {
            const { id } = running(1);
            const other = world.tasks.event(id, { clusterArn: `${CLUSTER_ARN}-2` });
            expect(await deliver([other])).to.deep.equal([]);
            expect(world.aws.requests).to.deep.equal([]);
        });

        it("writes one line of what was done, and metrics in CloudWatch's embedded format", async () => {
            const { events } = running(1);
            await deliver([...events, "{"]);
            expect(world.lines.at(-1)).to.deep.equal({
                level: "info",
                message: "batch done",
                messages: 3,
                tasks: 1,
                published: 1,
                removed: 0,
                occupied: 0,
                malformed: 1,
                passed: 0,
                returned: 0,
                left: 0,
                requests: 1,
                throttled: 0,
                refused: 0,
                offenders: 0,
                largest: 1,
            });
            const [{ _aws, EventToAccepted, ...metrics }, ...others] = world.metrics;
            expect(others).to.deep.equal([]);
            expect(metrics).to.deep.equal({
                Registry: "registry",
                BatchSize: [3],
                Published: [1],
                Removed: [0],
                Returned: [0],
                Malformed: [1],
                Occupied: [0],
                ChangeRequests: [1],
                Throttled: [0],
                RefusedBatches: [0],
                Offenders: [0],
            });
            expect((EventToAccepted as number[])[0]).to.be.within(120_000, 130_000);
            const { Timestamp, CloudWatchMetrics } = _aws as { Timestamp: number; CloudWatchMetrics: object[] };
            expect(Timestamp).to.be.a("number");
            expect(CloudWatchMetrics).to.have.length(1);
            expect(CloudWatchMetrics[0]).to.deep.include({ Namespace: "taskgate", Dimensions: [["Registry"]] });
            expect(CloudWatchMetrics[0]).to.have.property("Metrics").that.deep.includes({
                Name: "EventToAccepted",
                Unit: "Milliseconds",
            });
        });
    });

    describe("a burst of 1000 tasks, with Route 53's own two buckets", () => {
        it("costs one change request for all starts and one for all stops, and loses none", async () => {
            const tasks = Array.from({ length: 1_000 }, (_, number) => running(number));
            expect(await deliver(tasks.map(({ events }) => events[1]))).to.deep.equal([]);
            expect(zone()).to.have.length(1_000);
            expect(world.aws.requests.filter(({ service }) => service === "route53")).to.have.length(1);
            expect(asked("DescribeTasks")).to.have.length(10);

            world.route53.refill();
            world.aws.requests.length = 0;
            const stops = tasks.map(({ id }) => world.tasks.move(id, { desiredStatus: "STOPPED" }));
            expect(await deliver(stops)).to.deep.equal([]);
            expect(zone()).to.deep.equal([]);
            expect(world.aws.requests.filter(({ service }) => service === "route53")).to.have.length(1);
        });
    });
});

/** Lets DescribeTasks say so of each task's health. */
function inHealth({ tasks }: World, healthStatus: string): FakeAws["interfere"] {
    return changing(tasks, (task) => ({ ...task, healthStatus }));
}

/** Lets DescribeTasks show these values of the tag `session`, by task id. */
function withTags({ tasks }: World, sessions: Readonly<Record<string, string>>): FakeAws["interfere"] {
    return changing(tasks, (task) => ({
        ...task,
        tags: [{ key: "session", value: sessions[task.taskArn.split("/").at(-1)!] }],
    }));
}

function changing(tasks: FakeTasks, change: (task: { taskArn: string }) => object): NonNullable<FakeAws["interfere"]> {
    return async (request) => {
        if (request.operation !== "DescribeTasks") {
            return undefined;
        }
        const answer = await tasks.services.find(({ service }) => service === "ecs")!.answer(request);
        const body = JSON.parse(answer.body) as { tasks: { taskArn: string }[] };
        return { ...answer, body: JSON.stringify({ ...body, tasks: body.tasks.map(change) }) };
    };
}
