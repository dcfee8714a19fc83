import type { DynamoDBClient } from "@aws-sdk/client-dynamodb";
import { call } from "../calls";
import { load } from "../load";
import type { Sight } from "./session";

// Where a task is reached: by the name that TaskDns gave it, as its registry says.

export interface Names {
    readonly dynamodb: DynamoDBClient;
    readonly tableName: string;
    readonly httpsPort: number;
    /** Milliseconds since the epoch. */
    readonly deadline: number;
}

/** Route 53 shows a change everywhere "within 60 seconds" and mostly in a few: whoever asks before is told that there is no such name, and keeps that. */
const SPREAD_MILLISECONDS = 5_000;
const PROBE_MILLISECONDS = 2_000;

/** `https://<name>` once the name is there for everybody and something answers TLS behind it. */
export async function taskAddress(names: Names, taskArn: string, { healthy }: Sight): Promise<string | undefined> {
    const { dynamodb, tableName, httpsPort, deadline } = names;
    const { GetItemCommand } = load("@aws-sdk/client-dynamodb");
    const command = new GetItemCommand({
        TableName: tableName,
        Key: { taskId: { S: taskArn.slice(taskArn.lastIndexOf("/") + 1) } },
        ConsistentRead: true,
    });
    const { Item } = await call(`dynamodb:GetItem of ${tableName}`, deadline, () => dynamodb.send(command));
    const name = Item?.name?.S?.replace(/\.$/, "");
    const since = Number(Item?.since?.N);
    if (name === undefined || Item?.state?.S !== "LIVE" || !(Date.now() - since >= SPREAD_MILLISECONDS)) {
        return undefined;
    }
    const address = Item.ipv4?.S ?? Item.ipv6?.S;
    const answers = healthy === true || (address !== undefined && (await answersTls(address, httpsPort, name)));
    return answers ? `https://${name}${httpsPort === 443 ? "" : `:${httpsPort}`}` : undefined;
}

/** Whether somebody speaks TLS there. Who it is, the visitor's browser judges. */
function answersTls(host: string, port: number, servername: string): Promise<boolean> {
    return new Promise((resolve) => {
        const socket = load("node:tls").connect({ host, port, servername, rejectUnauthorized: false });
        const end = (answers: boolean) => {
            socket.destroy();
            resolve(answers);
        };
        socket
            .setTimeout(PROBE_MILLISECONDS, () => end(false))
            .once("secureConnect", () => end(true))
            .once("error", () => end(false));
    });
}
