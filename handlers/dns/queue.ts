import type { Message, SQSClient } from "@aws-sdk/client-sqs";
import { call } from "../calls";
import { failure } from "../failure";
import { load } from "../load";
import type { Malformed, QueueMessage, SweepMessage } from "./taskEvents";

// What the functions do to the queue beyond what Lambda does for them.

const ENTRIES_PER_REQUEST = 10;
/** Seconds until a message comes back, by how often it was received. Left alone it would be the queue's visibility timeout. */
const LONGEST_DELAY = 30;

/** What one run works on; the event source's batch has no more. */
const MESSAGES_PER_RUN = 500;
const REQUESTS_AT_ONCE = 5;
/** Milliseconds. */
const LONGEST_TAKING = 1_000;

/**
 * What waits in the queue besides: Lambda hands over as few as it likes, and what ten messages cost here, five hundred cost too. Not asked for where
 * there were too few for more to be waiting. What is taken is the caller's to delete.
 */
export async function takeMore(
    sqs: SQSClient,
    queueUrl: string,
    known: number,
    deadline: number,
): Promise<QueueMessage[]> {
    const { ReceiveMessageCommand } = load("@aws-sdk/client-sqs");
    const taken: QueueMessage[] = [];
    const until = Math.min(deadline, Date.now() + LONGEST_TAKING);
    let isEmpty = known < ENTRIES_PER_REQUEST;
    while (!isEmpty && known + taken.length < MESSAGES_PER_RUN && Date.now() < until) {
        const receive = async (): Promise<Message[]> => {
            const command = new ReceiveMessageCommand({
                QueueUrl: queueUrl,
                MaxNumberOfMessages: ENTRIES_PER_REQUEST,
                MessageSystemAttributeNames: ["ApproximateReceiveCount", "SentTimestamp"],
            });
            const { Messages = [] } = await call(
                `sqs:ReceiveMessage of ${queueUrl}`,
                until,
                () => sqs.send(command),
                "once",
            );
            return Messages;
        };
        const answers = await Promise.all(
            // What cannot be taken is handed over by Lambda, in time.
            Array.from({ length: REQUESTS_AT_ONCE }, () => receive().catch((): Message[] => [])),
        );
        taken.push(...answers.flat().map(toQueueMessage));
        isEmpty = answers.some(({ length }) => length === 0);
    }
    return taken;
}

function toQueueMessage({ MessageId = "", ReceiptHandle = "", Body = "", Attributes = {} }: Message): QueueMessage {
    const { ApproximateReceiveCount = "1", SentTimestamp = "0" } = Attributes;
    return {
        messageId: MessageId,
        receiptHandle: ReceiptHandle,
        body: Body,
        attributes: { ApproximateReceiveCount, SentTimestamp },
    };
}

/** Deletes messages that were taken and are done with. One that cannot be deleted comes back, and needs nothing then. */
export async function deleteMessages(
    sqs: SQSClient,
    queueUrl: string,
    messages: readonly QueueMessage[],
    deadline: number,
): Promise<void> {
    const { DeleteMessageBatchCommand } = load("@aws-sdk/client-sqs");
    await inTens(messages, async (some) => {
        const Entries = some.map(({ receiptHandle }, index) => ({ Id: String(index), ReceiptHandle: receiptHandle }));
        const command = new DeleteMessageBatchCommand({ QueueUrl: queueUrl, Entries });
        await call(`sqs:DeleteMessage of ${queueUrl}`, deadline, () => sqs.send(command));
    });
}

/** The seconds after which a message that was received so often is to come back. */
export function comebackDelay(receiveCount: number): number {
    return Math.min(LONGEST_DELAY, 2 ** Math.max(0, receiveCount - 1));
}

/** Has messages come back after seconds. One that cannot be told so comes back later, after the queue's visibility timeout. */
export async function comeBackSoon(
    sqs: SQSClient,
    queueUrl: string,
    messages: readonly QueueMessage[],
    deadline: number,
): Promise<void> {
    const { ChangeMessageVisibilityBatchCommand } = load("@aws-sdk/client-sqs");
    await inTens(messages, async (some) => {
        const Entries = some.map(({ receiptHandle, attributes }, index) => ({
            Id: String(index),
            ReceiptHandle: receiptHandle,
            VisibilityTimeout: comebackDelay(Number(attributes.ApproximateReceiveCount)),
        }));
        const command = new ChangeMessageVisibilityBatchCommand({ QueueUrl: queueUrl, Entries });
        await call(`sqs:ChangeMessageVisibility of ${queueUrl}`, deadline, () => sqs.send(command));
    });
}

/** Puts messages that nobody can read where a person can look at them. */
export async function setAside(
    sqs: SQSClient,
    queueUrl: string,
    malformed: readonly Malformed[],
    deadline: number,
): Promise<void> {
    const bodies = malformed.map(({ message }) => message.body);
    await send(sqs, queueUrl, bodies, deadline);
}

const TASKS_PER_MESSAGE = 100;

/** Asks the queue's function to look at these tasks. */
export async function askToLook(
    sqs: SQSClient,
    queueUrl: string,
    clusterArn: string,
    taskArns: readonly string[],
    deadline: number,
): Promise<void> {
    const bodies: string[] = [];
    for (let first = 0; first < taskArns.length; first += TASKS_PER_MESSAGE) {
        const some = taskArns.slice(first, first + TASKS_PER_MESSAGE);
        const message: SweepMessage = { "taskgate:sweep": { clusterArn, time: Date.now(), taskArns: some } };
        bodies.push(JSON.stringify(message));
    }
    await send(sqs, queueUrl, bodies, deadline);
}

async function send(sqs: SQSClient, queueUrl: string, bodies: readonly string[], deadline: number): Promise<void> {
    const { SendMessageBatchCommand } = load("@aws-sdk/client-sqs");
    await inTens(bodies, async (some) => {
        const Entries = some.map((MessageBody, index) => ({ Id: String(index), MessageBody }));
        const command = new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries });
        const { Failed = [] } = await call(`sqs:SendMessage of ${queueUrl}`, deadline, () => sqs.send(command));
        if (Failed.length > 0) {
            throw failure("NotSent", `sqs:SendMessage of ${queueUrl}: ${Failed[0].Code}: ${Failed[0].Message}`);
        }
    });
}

/** Ten at a time, some requests at once. */
async function inTens<T>(all: readonly T[], work: (some: readonly T[]) => Promise<void>): Promise<void> {
    const tens: (readonly T[])[] = [];
    for (let first = 0; first < all.length; first += ENTRIES_PER_REQUEST) {
        tens.push(all.slice(first, first + ENTRIES_PER_REQUEST));
    }
    for (let first = 0; first < tens.length; first += REQUESTS_AT_ONCE) {
        await Promise.all(tens.slice(first, first + REQUESTS_AT_ONCE).map(work));
    }
}
