import { BatchWriteItemCommand, DynamoDBClient } from "@aws-sdk/client-dynamodb";
import type { BatchWriteItemCommandOutput, WriteRequest } from "@aws-sdk/client-dynamodb";
import type { KinesisStreamRecord } from "aws-lambda";
import { expect } from "chai";

import { handler } from "../../../examples/reactive/functions/persist";

const event = (id: string) => ({ id, campaign: "on", kind: "click", receivedAt: "2026-11-26T12:00:00.000Z" });

function record(number: number, data: unknown): KinesisStreamRecord {
    const kinesis = {
        ...{ kinesisSchemaVersion: "1.0", partitionKey: "key", sequenceNumber: String(number) },
        ...{ approximateArrivalTimestamp: 0, data: Buffer.from(JSON.stringify(data)).toString("base64") },
    };
    return { kinesis, eventID: `shard:${number}` } as KinesisStreamRecord;
}

describe("the function that persists events", () => {
    const send = Object.getOwnPropertyDescriptor(DynamoDBClient.prototype, "send");
    /** Sizes of the calls. */
    let calls: number[] = [];
    let table = new Map<string, object>();
    /** Ids that the table does not take so many times more. */
    let refused = new Map<string, number>();

    before(() => {
        process.env.TABLE_NAME = "events";
        DynamoDBClient.prototype.send = ({ input }: BatchWriteItemCommand) => {
            const requests = input.RequestItems!.events;
            calls.push(requests.length);
            const left = requests.filter(({ PutRequest }) => {
                const id = PutRequest!.Item!.id.S!;
                const times = refused.get(id) ?? 0;
                refused.set(id, times - 1);
                if (times <= 0) {
                    table.set(id, PutRequest!.Item!);
                }
                return times > 0;
            });
            const UnprocessedItems: Record<string, WriteRequest[]> = left.length === 0 ? {} : { events: left };
            return Promise.resolve({ UnprocessedItems } as BatchWriteItemCommandOutput);
        };
    });
    after(() => {
        delete process.env.TABLE_NAME;
        delete (DynamoDBClient.prototype as Partial<DynamoDBClient>).send;
        if (send !== undefined) {
            Object.defineProperty(DynamoDBClient.prototype, "send", send);
        }
    });
    beforeEach(() => {
        [calls, table, refused] = [[], new Map<string, object>(), new Map<string, number>()];
    });

    const failuresOf = async (Records: KinesisStreamRecord[]): Promise<string[]> =>
        (await handler({ Records })).batchItemFailures.map(({ itemIdentifier }) => itemIdentifier);

    it("stores each event once, in calls of 25, whichever comes again", async () => {
        const records = Array.from({ length: 60 }, (_, i) => record(i, event(`event-${i % 50}`)));
        expect(await failuresOf(records)).to.deep.equal([]);
        expect(calls).to.deep.equal([25, 25]);
        expect(await failuresOf(records.slice(0, 10))).to.deep.equal([]);
        expect([...table.keys()].sort()).to.deep.equal(Array.from({ length: 50 }, (_, i) => `event-${i}`).sort());
        expect(table.get("event-0")).to.deep.equal({
            ...{ id: { S: "event-0" }, campaign: { S: "on" }, kind: { S: "click" } },
            receivedAt: { S: "2026-11-26T12:00:00.000Z" },
        });
    });

    it("sends again what the table did not take, and names what it never takes, each record of it", async () => {
        refused = new Map([
            ["event-1", 2],
            ["event-2", 1_000],
        ]);
        const records = [1, 2, 3, 2].map((id, number) => record(number, event(`event-${id}`)));
        expect(await failuresOf(records)).to.deep.equal(["1", "3"]);
        expect([...table.keys()].sort()).to.deep.equal(["event-1", "event-3"]);
        expect(calls).to.deep.equal([3, 2, 2, 1, 1]);
    });

    it("names what is no event, and stores the rest", async () => {
        const records = [event("event-1"), { id: "event-2" }, "text", event("event-3")].map((data, i) =>
            record(i, data),
        );
        expect(await failuresOf(records)).to.deep.equal(["1", "2"]);
        expect([...table.keys()].sort()).to.deep.equal(["event-1", "event-3"]);
    });
});
