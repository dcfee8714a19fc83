import type { SQSClient } from "@aws-sdk/client-sqs";
import type { SQSRecord } from "aws-lambda";
import { call } from "../calls";
import { failure } from "../failure";
import { load } from "../load";
import type { Malformed, SweepMessage } from "./taskEvents";

// What the functions do to the queue beyond what Lambda does for them.

const ENTRIES_PER_REQUEST = 10;
/** Seconds until a message comes back, by how often it was received. Left alone it would be the queue's visibility timeout. */
const LONGEST_DELAY = 30;

/** The seconds after which a message that was received so often is to come back. */
export function comebackDelay(receiveCount: number): number {
    return Math.min(LONGEST_DELAY, 2 ** Math.max(0, receiveCount - 1));
}

/** Has messages come back after seconds. One that cannot be told so comes back later, after the queue's visibility timeout. */
export async function comeBackSoon(
    sqs: SQSClient,
    queueUrl: string,
    messages: readonly SQSRecord[],
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

async function inTens<T>(all: readonly T[], work: (some: readonly T[]) => Promise<void>): Promise<void> {
    for (let first = 0; first < all.length; first += ENTRIES_PER_REQUEST) {
        await work(all.slice(first, first + ENTRIES_PER_REQUEST));
    }
}
