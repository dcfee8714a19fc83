import { DynamoDB } from "@aws-sdk/client-dynamodb";
import { expect } from "chai";

import { openRegistry, openSights } from "../../../handlers/sessions/registry";
import type { Registry, Session } from "../../../handlers/sessions/session";
import { clientConfig } from "../../../local/machine/awsClients";
import { accountId, startEmulator, type Emulator } from "../../support/emulator";

describe("the registry of sessions, in DynamoDB", () => {
    const limits = { total: 3, perTenant: 2 };
    const TableName = "sessions";
    let emulator: Emulator;
    let dynamodb: DynamoDB;
    let registry: Registry;

    before(async () => {
        emulator = await startEmulator({ overlays: [] });
        dynamodb = new DynamoDB(clientConfig(emulator.url, { accountId, region: "eu-west-1" }));
    });
    after(() => emulator.stop());
    beforeEach(async () => {
        await dynamodb.createTable({
            TableName,
            BillingMode: "PAY_PER_REQUEST",
            KeySchema: [{ AttributeName: "id", KeyType: "HASH" }],
            AttributeDefinitions: ["id", "open", "openFor"].map((name) => ({
                AttributeName: name,
                AttributeType: "S",
            })),
            GlobalSecondaryIndexes: [
                ["open", "open"],
                ["tenant", "openFor"],
            ].map(([IndexName, AttributeName]) => ({
                IndexName,
                KeySchema: [{ AttributeName, KeyType: "HASH" }],
                Projection: { ProjectionType: "ALL" },
            })),
        });
        registry = openRegistry(dynamodb, TableName, Date.now() + 60_000);
    });
    afterEach(() => dynamodb.deleteTable({ TableName }));

    function session(key: string, fields: Partial<Session> = {}): Session {
        return {
            key,
            tenant: key.split(".")[0],
            state: "STARTING",
            fence: `fence of ${key}`,
            revision: 1,
            since: 1_800_000_000_000,
            request: { taskDefinition: "app:1", environment: { TEAM_ID: "42" }, tags: { a: "b" } },
            leasedUntil: 1_800_000_015_000,
            taskArn: undefined,
            endsAt: undefined,
            warnedOf: undefined,
            reason: undefined,
            idleSince: undefined,
            ...fields,
        };
    }

    const open = (key: string) => registry.write({ before: undefined, after: session(key) }, limits);
    const counts = async (): Promise<Record<string, string | undefined>> => {
        const { Items = [] } = await dynamodb.scan({ TableName, ConsistentRead: true });
        return Object.fromEntries(
            Items.filter(({ count }) => count !== undefined).map(({ id, count }) => [id.S!, count.N]),
        );
    };

    it("gives back what was written, and nothing for what never was", async () => {
        const ends = { endsAt: 5, warnedOf: 4, reason: "because", idleSince: 3 };
        const full = session("42", { state: "STARTED", taskArn: "arn:task", ...ends });
        expect(await registry.write({ before: undefined, after: full }, limits)).to.equal("written");
        expect(await registry.read("42")).to.deep.equal(full);
        expect(await registry.read("7")).to.equal(undefined);
    });

    it("keeps what was seen of a task, and lets one of many look who have read the same", async () => {
        const sights = openSights(dynamodb, TableName, Date.now() + 60_000);
        const claims = (before: Awaited<ReturnType<typeof sights.read>>, at: number) =>
            Promise.all(Array.from({ length: 10 }, () => sights.claim("arn:task", before, at)));
        const oneOfTen = [...Array<boolean>(9).fill(false), true];
        expect(await sights.read("arn:task")).to.equal(undefined);
        expect((await claims(undefined, 1_000)).sort()).to.deep.equal(oneOfTen);
        expect(await sights.read("arn:task")).to.deep.equal({ at: 1_000 });
        const seen = { at: 1_000, sight: { phase: "running", status: "RUNNING", healthy: true } } as const;
        await sights.write("arn:task", seen);
        expect(await sights.read("arn:task")).to.deep.equal(seen);
        expect((await claims(seen, 4_000)).sort()).to.deep.equal(oneOfTen);
        expect(await sights.read("arn:task")).to.deep.equal({ ...seen, at: 4_000 });
        expect(await registry.listOpen()).to.deep.equal([]);
    });

    it("lets one of many openers through", async () => {
        const writes = await Promise.all(Array.from({ length: 10 }, () => open("42")));
        expect(writes.sort()).to.deep.equal([...Array<string>(9).fill("overtaken"), "written"]);
        expect(await counts()).to.deep.equal({ count: "1", "count/42": "1" });
    });

    it("refuses a write upon what is no longer there, by revision and by fence", async () => {
        await open("42");
        const before = session("42");
        const after = { ...before, revision: 2, leasedUntil: 7 };
        expect(await registry.write({ before, after }, limits)).to.equal("written");
        expect(await registry.write({ before, after }, limits)).to.equal("overtaken");
        const other = { ...after, fence: "another" };
        expect(await registry.write({ before: other, after: { ...other, revision: 3 } }, limits)).to.equal("overtaken");
        expect(await registry.read("42")).to.deep.equal(after);
    });

    it("counts in the same step: no more than are allowed, and again once one has ended", async () => {
        expect([await open("42"), await open("42.a"), await open("42.b")]).to.deep.equal([
            "written",
            "written",
            "tenant limit",
        ]);
        expect([await open("7"), await open("8")]).to.deep.equal(["written", "total limit"]);
        expect(await counts()).to.deep.equal({ count: "3", "count/42": "2", "count/7": "1" });
        const before = session("42");
        const ended = { ...before, state: "ENDED" as const, revision: 2 };
        expect(await registry.write({ before, after: ended }, limits)).to.equal("written");
        expect(await registry.write({ before, after: ended }, limits)).to.equal("overtaken"); // and is counted once
        expect(await counts()).to.deep.equal({ count: "2", "count/42": "1", "count/7": "1" });
        const again = session("42", { fence: "new", revision: 3 });
        expect(await registry.write({ before: ended, after: again }, limits)).to.equal("written");
        expect(await counts()).to.deep.equal({ count: "3", "count/42": "2", "count/7": "1" });
    });

    it("lists the open ones, of all and of a tenant, and lets DynamoDB forget the others after two days", async () => {
        await open("42");
        await open("42.a");
        await open("7");
        const before = session("42");
        await registry.write({ before, after: { ...before, state: "ENDED", revision: 2 } }, limits);
        const keysOf = (sessions: Session[]): string[] => sessions.map(({ key }) => key).sort();
        expect(keysOf(await registry.listOpen())).to.deep.equal(["42.a", "7"]);
        expect(keysOf(await registry.listOf("42"))).to.deep.equal(["42.a"]);
        const { Item } = await dynamodb.getItem({ TableName, Key: { id: { S: "session/42" } } });
        expect(Item?.expires?.N).to.equal(String(1_800_000_000 + 48 * 3_600));
    });

    it("takes all who come at once, though they count in the same item", async () => {
        const many = { total: 100, perTenant: 100 };
        const writes = await Promise.all(
            Array.from({ length: 40 }, (_, number) =>
                registry.write({ before: undefined, after: session(`team-${number}`) }, many),
            ),
        );
        expect(new Set(writes)).to.deep.equal(new Set(["written"]));
        expect((await counts()).count).to.equal("40");
    });
});
