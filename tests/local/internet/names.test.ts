import { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { EC2Client } from "@aws-sdk/client-ec2";
import { ECSClient } from "@aws-sdk/client-ecs";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { Route53Client } from "@aws-sdk/client-route-53";
import { expect } from "chai";

import { namesTable } from "../../../local/commands/dns";
import { compare, readNames } from "../../../local/internet/names";
import { json, type FakeService } from "../../support/fakeAws";
import { taskDnsEnvironment } from "../../support/taskDns/fakeServices";
import { CLUSTER_ARN, createWorld, deliver, DOMAIN, type World } from "../../support/taskDns/world";

describe("the names of tasks, as ECS, the registry and the zone know them", () => {
    let world: World;

    beforeEach(async () => {
        const Variables = { ...taskDnsEnvironment(CLUSTER_ARN), DOMAIN };
        const lambda: FakeService = {
            service: "lambda",
            answer: ({ operation }) =>
                json(
                    operation === "GET /2015-03-31/functions/sync/configuration" ? { Environment: { Variables } } : {},
                ),
        };
        world = await createWorld({}, [lambda]);
    });

    afterEach(() => world.close());

    const read = async () =>
        compare(
            await readNames(
                {
                    lambda: new LambdaClient(),
                    ecs: new ECSClient(),
                    ec2: new EC2Client(),
                    dynamodb: new DynamoDBClient(),
                    route53: new Route53Client(),
                },
                "sync",
            ),
        );

    async function published(number: number) {
        const { id } = world.tasks.create(number);
        expect(await deliver(world.tasks.run(id))).to.deep.equal([]);
        return world.tasks.get(id);
    }

    it("agree: nothing differs, and what has stopped is no matter", async () => {
        const { id, address } = await published(1);
        const stopped = await published(2);
        await deliver([world.tasks.move(stopped.id, { desiredStatus: "STOPPED" })]);
        world.route53.put({ name: `www.${DOMAIN}.`, type: "A", ttl: 60, values: ["192.0.2.1"] });
        const [line, ...others] = await read();
        expect(others).to.deep.equal([]);
        expect({ ...line, since: undefined }).to.deep.equal({
            id,
            task: "ready",
            registry: "LIVE",
            since: undefined,
            name: `${id}.${DOMAIN}.`,
            addresses: { task: [address], registry: [address], zone: [address] },
            difference: undefined,
        });
        expect(namesTable("eu-west-1", [line], 200, line.since)).to.deep.equal([
            "eu-west-1: 1 task, nothing differs",
            `  TASK${" ".repeat(30)}ECS SAYS  ADDRESS     REGISTRY  FOR  ADDRESS     ZONE`,
            `  ${id}  ready     ${address}  LIVE      0 s  ${address}  ${address}`,
        ]);
        expect(world.aws.requests.filter(({ operation }) => /Change|Transact|Send/.test(operation))).to.have.length(
            4 + 2,
            "what the deliveries wrote, and nothing else",
        );
    });

    it("differ: each difference in its own words, first of all", async () => {
        const record = (name: string, value: string) => ({ name, type: "A" as const, ttl: 15, values: [value] });
        const nameOf = (id: string) => `${id}.${DOMAIN}.`;
        const fine = await published(1);
        const unnamed = world.tasks.create(2);
        world.tasks.run(unnamed.id);
        const lost = await published(3);
        world.route53.remove(record(nameOf(lost.id), lost.address));
        const changed = await published(4);
        world.route53.put(record(nameOf(changed.id), "192.0.2.4"));
        const orphan = await published(5);
        world.tasks.move(orphan.id, { lastStatus: "STOPPED", desiredStatus: "STOPPED" });
        const stranger = "0123456789abcdef".repeat(2);
        world.route53.put(record(nameOf(stranger), "192.0.2.6"));
        const occupied = world.tasks.create(7);
        world.tasks.run(occupied.id);
        world.route53.put(record(nameOf(occupied.id), "192.0.2.7"));
        const half = await published(8);
        Object.assign(world.registry.table.rows.get(half.id)!, { state: { S: "NAMING" } });
        const going = await published(9);
        Object.assign(world.registry.table.rows.get(going.id)!, {
            state: { S: "REMOVING" },
            until: { N: String(Date.now() + 60_000) },
        });
        const hidden = world.tasks.create(10);
        world.tasks.hideAddress(hidden.id);
        world.tasks.run(hidden.id);
        const early = world.tasks.create(11);
        const moved = await published(12);
        Object.assign(world.registry.table.rows.get(moved.id)!, { ipv4: { S: "192.0.2.12" } });
        world.route53.put(record(nameOf(moved.id), "192.0.2.12"));

        const lines = await read();
        const differences = new Map(lines.map(({ id, difference }) => [id, difference]));
        expect(Object.fromEntries(differences)).to.deep.equal({
            [fine.id]: undefined,
            [unnamed.id]: "has no name yet",
            [lost.id]: "the zone has no record of it",
            [changed.id]: "the zone's record is another",
            [orphan.id]: "the task is gone and its name is not",
            [stranger]: "a record in no row",
            [occupied.id]: "somebody else's record is in the way",
            [half.id]: "is half named",
            [going.id]: "is being removed",
            [hidden.id]: "has no public address",
            [early.id]: undefined,
            [moved.id]: "the task has another address",
        });
        expect(lines.slice(-2).map(({ id }) => id)).to.have.members([fine.id, early.id]);
        const [head, , first] = namesTable("eu-west-1", lines, 100);
        expect(head).to.equal("eu-west-1: 12 tasks, 10 differences");
        expect(first).to.match(/^ {2}[0-9a-f]{8} {2}\S/);
    });
});
