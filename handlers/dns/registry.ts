import type {
    AttributeValue,
    BatchGetItemCommand,
    BatchGetItemCommandOutput,
    TransactWriteItem,
} from "@aws-sdk/client-dynamodb";
import { backoff, call, sleep } from "../calls";
import { load } from "../load";
import { fieldsOf, query, transact, type Table } from "../tables";

// The registry: a row for each task that has or had a name, written before Route 53 is asked for anything (docs/dns.md).

/**
 * NAMING: a run makes the record, which may stand or not. LIVE: it stands. REMOVING: a run takes it away. GONE: the task has stopped,
 * nothing stands, and nothing will.
 */
export type RowState = "NAMING" | "LIVE" | "REMOVING" | "GONE";

export interface Row {
    readonly taskId: string;
    readonly taskArn: string;
    readonly state: RowState;
    /** The highest version of the task that was seen: what shows an older one is out of date. */
    readonly version: number;
    /** One more with each write, so that of two runs that saw the same row one alone goes on. */
    readonly revision: number;
    /** When the state began, in milliseconds since the epoch, as every time here. */
    readonly since: number;
    /** The run that is NAMING or REMOVING has it for itself until then. 0: nobody has. */
    readonly until: number;
    /** The record's name, with the trailing dot, its TTL in seconds and its addresses; none, if the task never had a name. */
    readonly name?: string;
    readonly ttl?: number;
    readonly ipv4?: string;
    readonly ipv6?: string;
}

export type Registry = Table;

/** A row as it is to be, or `undefined` for none, in the place of one as it was read. */
export interface RowWrite {
    readonly taskId: string;
    readonly before: Row | undefined;
    readonly after: Row | undefined;
}

/** The sparse index of all rows that are not GONE. */
export const OPEN_INDEX = "open";

const KEYS_PER_READ = 100;
const WRITES_PER_TRANSACTION = 100;
/** A stopped task is remembered for longer than ECS does (an hour) and than an event can be late (EventBridge tries for 24 hours). */
const REMEMBERED_MILLISECONDS = 48 * 3_600_000;

/** The rows of these tasks, read consistently. */
export async function readRows(
    { dynamodb, tableName }: Registry,
    taskIds: readonly string[],
    deadline: number,
): Promise<Map<string, Row>> {
    const sdk = load("@aws-sdk/client-dynamodb");
    const rows = new Map<string, Row>();
    for (let first = 0; first < taskIds.length; first += KEYS_PER_READ) {
        let keys: Record<string, AttributeValue>[] | undefined = taskIds
            .slice(first, first + KEYS_PER_READ)
            .map((taskId) => ({ taskId: { S: taskId } }));
        for (let tries = 0; keys && keys.length > 0; tries++) {
            await sleep(tries === 0 ? 0 : backoff(tries));
            const command: BatchGetItemCommand = new sdk.BatchGetItemCommand({
                RequestItems: { [tableName]: { Keys: keys, ConsistentRead: true } },
            });
            const answer: BatchGetItemCommandOutput = await call(
                `dynamodb:BatchGetItem of ${tableName}`,
                deadline,
                () => dynamodb.send(command),
            );
            for (const item of answer.Responses?.[tableName] ?? []) {
                const row = fromItem(item);
                rows.set(row.taskId, row);
            }
            keys = answer.UnprocessedKeys?.[tableName]?.Keys;
        }
    }
    return rows;
}

/** Every row that is not GONE, as it was a moment ago. */
export async function readOpenRows(registry: Registry, deadline: number): Promise<Row[]> {
    return (await query(registry, OPEN_INDEX, ["open", "yes"], deadline)).map(fromItem);
}

/** Writes each row that still is as it was read; answers the tasks whose row is not. */
export async function writeRows(
    registry: Registry,
    writes: readonly RowWrite[],
    deadline: number,
): Promise<Set<string>> {
    const overtaken = new Set<string>();
    for (let first = 0; first < writes.length; first += WRITES_PER_TRANSACTION) {
        let open = writes.slice(first, first + WRITES_PER_TRANSACTION);
        // A transaction is made as a whole or not at all: those it was refused for are taken out, and the rest is sent again.
        for (let tries = 0; open.length > 0; tries++) {
            await sleep(tries === 0 ? 0 : backoff(tries) / 4);
            const items = open.map((write) => toWrite(registry.tableName, write));
            const reasons = await transact(registry, items, deadline);
            const refused = open.filter((_, index) => reasons[index] === "ConditionalCheckFailed");
            refused.forEach(({ taskId }) => overtaken.add(taskId));
            open = reasons.length === 0 ? [] : open.filter((write) => !refused.includes(write));
        }
    }
    return overtaken;
}

/** Forgets that these tasks are gone: they run, and only a drain had said so. */
export async function reopen(registry: Registry, taskIds: readonly string[], deadline: number): Promise<void> {
    const rows = [...(await readRows(registry, taskIds, deadline)).values()].filter(({ state }) => state === "GONE");
    const writes = rows.map((row): RowWrite => ({ taskId: row.taskId, before: row, after: undefined }));
    await writeRows(registry, writes, deadline);
}

function toWrite(TableName: string, { taskId, before, after }: RowWrite): TransactWriteItem {
    const condition = before
        ? {
              ConditionExpression: "revision = :revision",
              ExpressionAttributeValues: { ":revision": { N: String(before.revision) } },
          }
        : { ConditionExpression: "attribute_not_exists(taskId)" };
    return after
        ? { Put: { TableName, Item: toItem({ ...after, revision: (before?.revision ?? 0) + 1 }), ...condition } }
        : { Delete: { TableName, Key: { taskId: { S: taskId } }, ...condition } };
}

function toItem(row: Row): Record<string, AttributeValue> {
    const fields = Object.entries(row).filter(([, value]) => value !== undefined);
    const written = fields.map(([name, value]): [string, AttributeValue] => [
        name,
        typeof value === "number" ? { N: String(value) } : { S: String(value) },
    ]);
    const end: Record<string, AttributeValue> =
        row.state === "GONE"
            ? { expires: { N: String(Math.ceil((row.since + REMEMBERED_MILLISECONDS) / 1_000)) } }
            : { open: { S: "yes" } };
    return { ...Object.fromEntries(written), ...end };
}

function fromItem(item: Record<string, AttributeValue>): Row {
    const { text, number } = fieldsOf(item);
    return {
        taskId: text("taskId")!,
        taskArn: text("taskArn") ?? "",
        state: (text("state") ?? "GONE") as RowState,
        version: number("version") ?? 0,
        revision: number("revision") ?? 0,
        since: number("since") ?? 0,
        until: number("until") ?? 0,
        name: text("name"),
        ttl: number("ttl"),
        ipv4: text("ipv4"),
        ipv6: text("ipv6"),
    };
}
