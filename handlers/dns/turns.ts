import { call, sleep } from "../calls";
import { describeError } from "../failure";
import { load } from "../load";
import { log } from "../log";
import type { Registry } from "./registry";

// Runs that change the zone one after the other. Route 53 takes one change of a zone at a time, and may charge what it refuses.

/** The key of the row that says whose turn it is; no task's. */
const TURN = "zone";
/** A request to Route 53 is answered sooner; whoever was ended holds up the others no longer. */
const TURN_MILLISECONDS = 5_000;
/** Who waits for longer meets what is no queue any more. */
const LONGEST_WAIT = 10_000;
/** Kept for the work itself. */
const WORK_MILLISECONDS = 2_000;

/**
 * Does the work when nobody else does any. Only a courtesy, on which nothing rests: who has none after a while, or cannot ask for one, works all the
 * same.
 */
export async function inTurn<T>(registry: Registry, deadline: number, work: () => Promise<T>): Promise<T> {
    const holder = load("node:crypto").randomUUID();
    const isMine = await takeTurn(registry, holder, deadline).catch((error: unknown) => {
        log("warn", "no turn to be had", { reason: describeError(error) });
        return false;
    });
    try {
        return await work();
    } finally {
        if (isMine) {
            await endTurn(registry, holder);
        }
    }
}

async function takeTurn({ dynamodb, tableName }: Registry, holder: string, deadline: number): Promise<boolean> {
    const { PutItemCommand } = load("@aws-sdk/client-dynamodb");
    const until = Math.min(deadline - WORK_MILLISECONDS, Date.now() + LONGEST_WAIT);
    for (let now = Date.now(); now < until; now = Date.now()) {
        const command = new PutItemCommand({
            TableName: tableName,
            Item: { taskId: { S: TURN }, holder: { S: holder }, until: { N: String(now + TURN_MILLISECONDS) } },
            ConditionExpression: "attribute_not_exists(taskId) OR #until < :now",
            ExpressionAttributeNames: { "#until": "until" },
            ExpressionAttributeValues: { ":now": { N: String(now) } },
        });
        try {
            await call(`dynamodb:PutItem of ${tableName}`, until, () => dynamodb.send(command), "once");
            return true;
        } catch (error) {
            if ((error as Error).name !== "ConditionalCheckFailedException") {
                throw error;
            }
        }
        await sleep(40 + Math.random() * 80);
    }
    return false;
}

/** Where that fails, the turn ends by itself. */
async function endTurn({ dynamodb, tableName }: Registry, holder: string): Promise<void> {
    const { DeleteItemCommand } = load("@aws-sdk/client-dynamodb");
    const command = new DeleteItemCommand({
        TableName: tableName,
        Key: { taskId: { S: TURN } },
        ConditionExpression: "holder = :holder",
        ExpressionAttributeValues: { ":holder": { S: holder } },
    });
    const until = Date.now() + WORK_MILLISECONDS;
    await call(`dynamodb:DeleteItem of ${tableName}`, until, () => dynamodb.send(command), "once").catch(
        () => undefined,
    );
}
