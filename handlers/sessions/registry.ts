import type { AttributeValue, DynamoDBClient, TransactWriteItem } from "@aws-sdk/client-dynamodb";
import { backoff, call, sleep } from "../calls";
import { failure } from "../failure";
import { load } from "../load";
import { OPEN_INDEX, TENANT_INDEX } from "../sessionNames";
import { fieldsOf, query, transact } from "../tables";
import type { Seen, Sights } from "./looks";
import { isOpen, type Limits, type Registry, type Session, type SessionWrite } from "./session";

// The registry in DynamoDB: an item a session, and one that counts the open ones, in all and for each tenant.

/** An ended session is remembered for longer than ECS keeps its client token. */
const REMEMBERED_MILLISECONDS = 48 * 3_600_000;

/** Until `deadline`, in milliseconds since the epoch. */
export function openRegistry(dynamodb: DynamoDBClient, tableName: string, deadline: number): Registry {
    const table = { dynamodb, tableName };
    const list = async (index: string, attribute: string, value: string): Promise<Session[]> =>
        (await query(table, index, [attribute, value], deadline)).map(fromItem);

    return {
        async read(key) {
            const { GetItemCommand } = load("@aws-sdk/client-dynamodb");
            const command = new GetItemCommand({
                TableName: tableName,
                Key: { id: { S: sessionId(key) } },
                ConsistentRead: true,
            });
            const { Item } = await call(`dynamodb:GetItem of ${tableName}`, deadline, () => dynamodb.send(command));
            return Item && fromItem(Item);
        },
        listOpen: () => list(OPEN_INDEX, "open", "yes"),
        listOf: (tenant) => list(TENANT_INDEX, "openFor", tenant),
        async write(write, limits) {
            const items = transaction(tableName, write, limits);
            for (let tries = 0; ; tries++) {
                const reasons = await transact(table, items, deadline);
                const [row, total, tenant] = reasons.map((reason) => reason === "ConditionalCheckFailed");
                if (reasons.length === 0) {
                    return "written";
                }
                if (row) {
                    return "overtaken";
                }
                if (total || tenant) {
                    return total ? "total limit" : "tenant limit";
                }
                // Another transaction was at the same items.
                const wait = backoff(tries) / 4;
                if (Date.now() + wait >= deadline) {
                    throw failure("OutOfTime", `dynamodb:TransactWriteItems of ${tableName}: ${reasons.join(", ")}`);
                }
                await sleep(wait);
            }
        },
    };
}

/** A sight is of no use to anybody after this. */
const SIGHT_REMEMBERED_SECONDS = 3_600;

/** What was seen of tasks, in the same table: an item a task. */
export function openSights(dynamodb: DynamoDBClient, tableName: string, deadline: number): Sights {
    const keyOf = (taskArn: string) => ({ id: { S: `sight/${taskArn}` } });
    async function update(
        taskArn: string,
        { at, sight }: Seen,
        before?: { readonly seen: Seen | undefined },
    ): Promise<void> {
        const { UpdateItemCommand } = load("@aws-sdk/client-dynamodb");
        const command = new UpdateItemCommand({
            TableName: tableName,
            Key: keyOf(taskArn),
            UpdateExpression: `SET seenAt = :at, expires = :expires${sight ? ", sight = :sight" : ""}`,
            ...(before && {
                ConditionExpression: before.seen ? "seenAt = :before" : "attribute_not_exists(seenAt)",
            }),
            ExpressionAttributeValues: {
                ":at": { N: String(at) },
                ":expires": { N: String(Math.ceil(at / 1_000) + SIGHT_REMEMBERED_SECONDS) },
                ...(sight && { ":sight": { S: JSON.stringify(sight) } }),
                ...(before?.seen && { ":before": { N: String(before.seen.at) } }),
            },
        });
        await call(`dynamodb:UpdateItem of ${tableName}`, deadline, () => dynamodb.send(command));
    }

    return {
        async read(taskArn) {
            const { GetItemCommand } = load("@aws-sdk/client-dynamodb");
            const command = new GetItemCommand({ TableName: tableName, Key: keyOf(taskArn), ConsistentRead: true });
            const { Item } = await call(`dynamodb:GetItem of ${tableName}`, deadline, () => dynamodb.send(command));
            return (
                Item && {
                    at: Number(Item.seenAt.N),
                    ...(Item.sight?.S && { sight: JSON.parse(Item.sight.S) as Seen["sight"] }),
                }
            );
        },
        async claim(taskArn, before, at) {
            try {
                await update(taskArn, { at }, { seen: before });
                return true;
            } catch (error) {
                if ((error as Error).name === "ConditionalCheckFailedException") {
                    return false;
                }
                throw error;
            }
        },
        write: update,
    };
}

/** The write of the row and, where a session opens or ends, those of the two counts, in this order. */
function transaction(TableName: string, { before, after }: SessionWrite, limits: Limits): TransactWriteItem[] {
    const condition = before
        ? {
              ConditionExpression: "revision = :revision AND fence = :fence",
              ExpressionAttributeValues: {
                  ":revision": { N: String(before.revision) },
                  ":fence": { S: before.fence },
              },
          }
        : { ConditionExpression: "attribute_not_exists(id)" };
    const count = (id: string, most: number): TransactWriteItem => ({
        Update: {
            TableName,
            Key: { id: { S: id } },
            UpdateExpression: "ADD #count :change",
            ExpressionAttributeNames: { "#count": "count" },
            ...(isOpen(after)
                ? {
                      ConditionExpression: "attribute_not_exists(#count) OR #count < :most",
                      ExpressionAttributeValues: { ":change": { N: "1" }, ":most": { N: String(most) } },
                  }
                : { ExpressionAttributeValues: { ":change": { N: "-1" } } }),
        },
    });
    const counts = isOpen(before) === isOpen(after) ? [] : [count("count", limits.total)];
    return [
        { Put: { TableName, Item: toItem(after), ...condition } },
        ...counts.flatMap((total) => [total, count(`count/${after.tenant}`, limits.perTenant)]),
    ];
}

function sessionId(key: string): string {
    return `session/${key}`;
}

function toItem(session: Session): Record<string, AttributeValue> {
    const text = (value: string | undefined) => (value === undefined ? undefined : { S: value });
    const number = (value: number | undefined) => (value === undefined ? undefined : { N: String(value) });
    const fields: Record<string, AttributeValue | undefined> = {
        id: text(sessionId(session.key)),
        key: text(session.key),
        tenant: text(session.tenant),
        state: text(session.state),
        fence: text(session.fence),
        revision: number(session.revision),
        since: number(session.since),
        request: text(JSON.stringify(session.request)),
        leasedUntil: number(session.leasedUntil),
        taskArn: text(session.taskArn),
        endsAt: number(session.endsAt),
        warnedOf: number(session.warnedOf),
        reason: text(session.reason),
        idleSince: number(session.idleSince),
        ...(isOpen(session)
            ? { open: text("yes"), openFor: text(session.tenant) }
            : { expires: number(Math.ceil((session.since + REMEMBERED_MILLISECONDS) / 1_000)) }),
    };
    return Object.fromEntries(
        Object.entries(fields).filter((entry): entry is [string, AttributeValue] => entry[1] !== undefined),
    );
}

function fromItem(item: Record<string, AttributeValue>): Session {
    const { text, number } = fieldsOf(item);
    return {
        key: text("key")!,
        tenant: text("tenant")!,
        state: text("state") as Session["state"],
        fence: text("fence")!,
        revision: number("revision")!,
        since: number("since")!,
        request: JSON.parse(text("request")!) as Session["request"],
        leasedUntil: number("leasedUntil")!,
        taskArn: text("taskArn"),
        endsAt: number("endsAt"),
        warnedOf: number("warnedOf"),
        reason: text("reason"),
        idleSince: number("idleSince"),
    };
}
