import type { AttributeValue, DynamoDBClient, TransactWriteItem } from "@aws-sdk/client-dynamodb";
import { call } from "./calls";
import { load } from "./load";

// What both registries ask of their tables in DynamoDB.

export interface Table {
    readonly dynamodb: DynamoDBClient;
    readonly tableName: string;
}

export type Item = Record<string, AttributeValue>;

/** All items of an index with that value. Eventually consistent, as an index is. */
export async function query(
    { dynamodb, tableName }: Table,
    index: string,
    [attribute, value]: readonly [string, string],
    deadline: number,
): Promise<Item[]> {
    const { QueryCommand } = load("@aws-sdk/client-dynamodb");
    const items: Item[] = [];
    let ExclusiveStartKey: Item | undefined;
    do {
        const command = new QueryCommand({
            TableName: tableName,
            IndexName: index,
            KeyConditionExpression: "#attribute = :value",
            ExpressionAttributeNames: { "#attribute": attribute },
            ExpressionAttributeValues: { ":value": { S: value } },
            ExclusiveStartKey,
        });
        const page = await call(`dynamodb:Query of ${tableName}`, deadline, () => dynamodb.send(command));
        items.push(...(page.Items ?? []));
        ExclusiveStartKey = page.LastEvaluatedKey;
    } while (ExclusiveStartKey);
    return items;
}

/** Why a transaction was not made, for each of its items; nothing if it was. */
export async function transact(
    { dynamodb, tableName }: Table,
    TransactItems: TransactWriteItem[],
    deadline: number,
): Promise<readonly string[]> {
    const { TransactWriteItemsCommand } = load("@aws-sdk/client-dynamodb");
    const command = new TransactWriteItemsCommand({
        TransactItems,
        // A try whose answer was lost must not find its own work and take it for another's.
        ClientRequestToken: load("node:crypto").randomUUID(),
    });
    return call(`dynamodb:TransactWriteItems of ${tableName}`, deadline, async () => {
        try {
            await dynamodb.send(command);
            return [];
        } catch (error) {
            const { name, CancellationReasons } = error as Error & { CancellationReasons?: { Code?: string }[] };
            if (name === "TransactionCanceledException" && CancellationReasons) {
                return CancellationReasons.map(({ Code = "None" }) => Code);
            }
            throw error;
        }
    });
}

/** Reads an item's fields by their types. */
export function fieldsOf(item: Item) {
    return {
        text: (name: string) => item[name]?.S,
        number: (name: string) => (item[name]?.N === undefined ? undefined : Number(item[name].N)),
    };
}
