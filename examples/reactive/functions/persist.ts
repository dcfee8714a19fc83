// Events of the stream into the table: each once, by its id, however often it comes.
import { BatchWriteItemCommand, DynamoDBClient, WriteRequest } from "@aws-sdk/client-dynamodb";
import type { KinesisStreamEvent, KinesisStreamRecord, KinesisStreamBatchResponse } from "aws-lambda";
import { setTimeout as delay } from "node:timers/promises";

/** Of BatchWriteItem. */
const batchItems = 25;
const tries = 5;
/** At a time. */
const batches = 4;

const dynamodb = new DynamoDBClient({});

/** Names what could not be stored: Lambda comes again from the first of them, and halves what fails by itself. */
export async function handler({ Records }: KinesisStreamEvent): Promise<KinesisStreamBatchResponse> {
    const failed = new Set<string>();
    /** By id: one call may not name an item twice. */
    const items = new Map<string, { readonly item: WriteRequest; readonly numbers: string[] }>();
    for (const record of Records) {
        try {
            const { id, item } = read(record);
            const numbers = [...(items.get(id)?.numbers ?? []), record.kinesis.sequenceNumber];
            items.set(id, { item, numbers });
        } catch (error) {
            console.error(`${record.eventID}: ${(error as Error).message}`);
            failed.add(record.kinesis.sequenceNumber);
        }
    }
    const all = [...items.values()];
    const chunks = Array.from({ length: Math.ceil(all.length / batchItems) }, (_, i) =>
        all.slice(i * batchItems, (i + 1) * batchItems),
    );
    const inTurn = async (): Promise<void> => {
        for (let chunk = chunks.pop(); chunk !== undefined; chunk = chunks.pop()) {
            const left = await store(chunk.map(({ item }) => item));
            const leftIds = new Set(left.map(({ PutRequest }) => PutRequest?.Item?.id.S));
            chunk
                .filter(({ item }) => leftIds.has(item.PutRequest?.Item?.id.S))
                .forEach(({ numbers }) => numbers.forEach((number) => failed.add(number)));
        }
    };
    await Promise.all(Array.from({ length: batches }, inTurn));
    return { batchItemFailures: [...failed].map((itemIdentifier) => ({ itemIdentifier })) };
}

/** @throws for what is no event */
function read({ kinesis }: KinesisStreamRecord): { readonly id: string; readonly item: WriteRequest } {
    const event = JSON.parse(Buffer.from(kinesis.data, "base64").toString()) as Record<string, unknown>;
    const { id, campaign, kind, receivedAt } = event;
    if (![id, campaign, kind, receivedAt].every((value) => typeof value === "string" && value !== "")) {
        throw new Error(`no event: ${JSON.stringify(event).slice(0, 200)}`);
    }
    const text = (value: unknown) => ({ S: value as string });
    const Item = { id: text(id), campaign: text(campaign), kind: text(kind), receivedAt: text(receivedAt) };
    return { id: id as string, item: { PutRequest: { Item } } };
}

/** Gives what the table did not take. */
async function store(items: WriteRequest[]): Promise<WriteRequest[]> {
    const table = process.env.TABLE_NAME!;
    let left = items;
    for (let attempt = 0; attempt < tries && left.length > 0; attempt++) {
        if (attempt > 0) {
            await delay(50 * 2 ** attempt);
        }
        const answer = await dynamodb
            .send(new BatchWriteItemCommand({ RequestItems: { [table]: left } }))
            .catch((error: Error) => {
                console.error(`table: ${error.name}: ${error.message}`);
                return { UnprocessedItems: { [table]: left } };
            });
        left = answer.UnprocessedItems?.[table] ?? [];
    }
    return left;
}
