import { createHash } from "node:crypto";
import { json, type FakeRequest, type FakeService } from "../fakeAws";
import { createRegistryTable, type RegistryTable, type TransactInput } from "./registryTable";

// DynamoDB and SQS over HTTP, for a handler with the SDK's real clients.

export interface FakeRegistry extends FakeService {
    readonly table: RegistryTable;
}

export function createFakeRegistry(): FakeRegistry {
    const table = createRegistryTable(Date.now, () => 0);
    const answer = ({ operation, body }: FakeRequest): object => {
        const input = JSON.parse(body) as TransactInput & Parameters<RegistryTable["batchGetItem"]>[0];
        switch (operation) {
            case "TransactWriteItems":
                return table.transactWriteItems(input);
            case "BatchGetItem":
                return table.batchGetItem(input);
            case "PutItem":
                return table.putItem(input as object);
            case "DeleteItem":
                return table.deleteItem(input as object);
            default:
                return table.query();
        }
    };
    return {
        service: "dynamodb",
        table,
        answer(request) {
            try {
                return json(answer(request));
            } catch (error) {
                const { name, message, ...more } = error as Error & object;
                return json({ __type: name, message, ...more }, 400);
            }
        },
    };
}

export interface FakeQueues extends FakeService {
    /** Bodies, by queue URL. */
    readonly sent: Record<string, string[]>;
    /** Messages that wait in the queue besides those that a handler is given, and the receipt handles of those it has deleted. */
    readonly waiting: { readonly id: string; readonly body: string }[];
    readonly deleted: string[];
    /** Seconds until a message comes back, by its receipt handle. */
    readonly comebacks: Record<string, number>;
}

export function createFakeQueues(): FakeQueues {
    const queues: FakeQueues = {
        service: "sqs",
        sent: {},
        waiting: [],
        deleted: [],
        comebacks: {},
        answer({ operation, body }) {
            if (operation === "ReceiveMessage") {
                const Messages = queues.waiting.splice(0, 10).map(({ id, body: Body }) => ({
                    MessageId: id,
                    ReceiptHandle: id,
                    Body,
                    MD5OfBody: createHash("md5").update(Body).digest("hex"),
                    Attributes: { ApproximateReceiveCount: "1", SentTimestamp: String(Date.now()) },
                }));
                return json({ Messages });
            }
            if (operation === "SendMessage") {
                const { QueueUrl, MessageBody } = JSON.parse(body) as { QueueUrl: string; MessageBody: string };
                (queues.sent[QueueUrl] ??= []).push(MessageBody);
                return json({
                    MessageId: "m",
                    MD5OfMessageBody: createHash("md5").update(MessageBody).digest("hex"),
                });
            }
            const { QueueUrl, Entries } = JSON.parse(body) as {
                QueueUrl: string;
                Entries: { Id: string; MessageBody?: string; ReceiptHandle: string; VisibilityTimeout: number }[];
            };
            for (const { MessageBody, ReceiptHandle, VisibilityTimeout } of Entries) {
                if (operation === "SendMessageBatch" && MessageBody !== undefined) {
                    (queues.sent[QueueUrl] ??= []).push(MessageBody);
                } else if (operation === "DeleteMessageBatch") {
                    queues.deleted.push(ReceiptHandle);
                } else {
                    queues.comebacks[ReceiptHandle] = VisibilityTimeout;
                }
            }
            const Successful = Entries.map(({ Id, MessageBody = "" }) => ({
                Id,
                MessageId: Id,
                MD5OfMessageBody: createHash("md5").update(MessageBody).digest("hex"),
            }));
            return json({ Successful, Failed: [] });
        },
    };
    return queues;
}

/** What the functions of the task DNS find in their environment. */
export function taskDnsEnvironment(clusterArn: string) {
    const queue = "https://sqs.eu-west-1.amazonaws.com/111122223333";
    return {
        HOSTED_ZONE_ID: "Z1",
        ZONE_ROLE_ARN: "",
        DOMAIN: "example.test",
        NAME_TEMPLATE: "{taskId}",
        RECORD_TTL: "15",
        CLUSTER_ARN: clusterArn,
        TABLE_NAME: "registry",
        QUEUE_URL: `${queue}/queue`,
        DEAD_LETTER_QUEUE_URL: `${queue}/dead-letters`,
        PUBLISH_AT: "PENDING",
        IPV6: "false",
        TASK_FILTER: "{}",
    };
}
