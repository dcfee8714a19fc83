import type { AttributeValue } from "@aws-sdk/client-dynamodb";

// The registry's DynamoDB table, as far as the task DNS uses one: transactions with conditions and tokens, consistent reads, an index that
// is behind.

export type Item = Record<string, AttributeValue>;

export interface TransactInput {
    readonly ClientRequestToken?: string;
    readonly TransactItems?: {
        Put?: { Item?: Item; ConditionExpression?: string; ExpressionAttributeValues?: Item };
        Delete?: { Key?: Item; ConditionExpression?: string; ExpressionAttributeValues?: Item };
    }[];
}

export interface RegistryTable {
    readonly rows: Map<string, Item>;
    /** Whose turn at the zone it is. */
    readonly turns: Map<string, Item>;
    transactWriteItems(input: TransactInput): object;
    batchGetItem(input: { RequestItems?: Record<string, { Keys?: Item[] }> }): object;
    query(): { Items: readonly Item[] };
    /** A turn: put where nobody has one, or whose time is over; deleted by who has it. */
    putItem(input: { Item?: Item; ExpressionAttributeValues?: Item }): object;
    deleteItem(input: { Key?: Item; ExpressionAttributeValues?: Item }): object;
    /** As after the table was deleted and made anew. */
    empty(): void;
}

/** `lag` is by how many milliseconds the index is behind a write. */
export function createRegistryTable(now: () => number, lag: () => number): RegistryTable {
    const rows = new Map<string, Item>();
    const turns = new Map<string, Item>();
    const tokens = new Set<string>();
    let indexed: { readonly at: number; readonly items: readonly Item[] }[] = [{ at: 0, items: [] }];
    return {
        rows,
        turns,
        transactWriteItems({ ClientRequestToken = "", TransactItems = [] }) {
            if (tokens.has(ClientRequestToken)) {
                return {};
            }
            const parts = TransactItems.map(partsOf);
            if (parts.length > 100 || new Set(parts.map(({ key }) => key)).size < parts.length) {
                throw tableError("ValidationException", "at most 100 operations, each on an item of its own");
            }
            const reasons = parts.map(({ key, condition, values }) => {
                const row = rows.get(key);
                const holds =
                    condition === "attribute_not_exists(taskId)"
                        ? row === undefined
                        : condition === "revision = :revision" && row?.revision.N === values?.[":revision"].N;
                return { Code: holds ? "None" : "ConditionalCheckFailed" };
            });
            if (reasons.some(({ Code }) => Code !== "None")) {
                throw tableError("TransactionCanceledException", "Transaction cancelled", {
                    CancellationReasons: reasons,
                });
            }
            for (const { key, put } of parts) {
                if (put) {
                    rows.set(key, put);
                } else {
                    rows.delete(key);
                }
            }
            tokens.add(ClientRequestToken);
            indexed = indexed.filter(({ at }, index) => index === indexed.length - 1 || at > now() - 5_000);
            indexed.push({ at: now() + lag(), items: [...rows.values()].filter(({ open }) => open !== undefined) });
            return {};
        },
        batchGetItem({ RequestItems = {} }) {
            const [[table, { Keys = [] }]] = Object.entries(RequestItems);
            if (Keys.length > 100) {
                throw tableError("ValidationException", "Too many items requested for the BatchGetItem call");
            }
            const found = Keys.map(({ taskId }) => rows.get(taskId.S!)).filter((row) => row !== undefined);
            return { Responses: { [table]: found } };
        },
        query: () => ({ Items: indexed.findLast(({ at }) => at <= now())?.items ?? [] }),
        putItem({ Item = {}, ExpressionAttributeValues = {} }) {
            const before = turns.get(Item.taskId.S!);
            if (before !== undefined && Number(before.until.N) >= Number(ExpressionAttributeValues[":now"].N)) {
                throw tableError("ConditionalCheckFailedException", "The conditional request failed");
            }
            turns.set(Item.taskId.S!, Item);
            return {};
        },
        deleteItem({ Key = {}, ExpressionAttributeValues = {} }) {
            if (turns.get(Key.taskId.S!)?.holder.S !== ExpressionAttributeValues[":holder"].S) {
                throw tableError("ConditionalCheckFailedException", "The conditional request failed");
            }
            turns.delete(Key.taskId.S!);
            return {};
        },
        empty() {
            turns.clear();
            rows.clear();
            indexed = [{ at: 0, items: [] }];
        },
    };
}

function partsOf({ Put, Delete }: NonNullable<TransactInput["TransactItems"]>[number]) {
    const { ConditionExpression: condition, ExpressionAttributeValues: values } = (Put ?? Delete)!;
    return { condition, values, put: Put?.Item, key: (Put?.Item ?? Delete!.Key!).taskId.S! };
}

function tableError(name: string, message: string, more: object = {}): Error {
    return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: 400 }, ...more });
}
