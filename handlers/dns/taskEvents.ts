import type { SQSRecord } from "aws-lambda";
import { failure } from "../failure";
import { TASK_ID } from "./names";

// The queue's messages: "ECS Task State Change" events, duplicated, reordered, and only hints of what is true by now; and the sweep's lists of
// tasks to look at.

/** A message, as Lambda hands it over or as it is taken from the queue. */
export type QueueMessage = Pick<SQSRecord, "messageId" | "receiptHandle" | "body"> & {
    readonly attributes: Pick<SQSRecord["attributes"], "ApproximateReceiveCount" | "SentTimestamp">;
};

/** What the messages of one batch say about one task. */
export interface TaskHint {
    readonly taskArn: string;
    readonly taskId: string;
    /** Some event says the task is on its way out. Nothing leads back from there. */
    readonly stopping: boolean;
    /** The highest version of the task that an event was about. */
    readonly version: number;
    /** When the youngest event was made, in milliseconds since the epoch. */
    readonly time: number;
    /** The messages that ride on this task: they succeed or come back together. None if it is the sweep alone that asks, which asks again. */
    readonly messages: readonly QueueMessage[];
    /** The sweep asks to compare what stands with what runs. */
    readonly swept: boolean;
}

export interface Malformed {
    readonly message: QueueMessage;
    readonly reason: string;
}

export interface TaskMessages {
    readonly hints: readonly TaskHint[];
    readonly malformed: readonly Malformed[];
    /** How many messages were about other clusters, or out of date, and need nothing. */
    readonly passed: number;
}

/** What the sweep sends. */
export interface SweepMessage {
    readonly "taskgate:sweep": { readonly clusterArn: string; readonly time: number; readonly taskArns: string[] };
}

/** The next sweep has come by then, and asks anew for what is still open. */
export const SWEEP_MILLISECONDS = 60_000;

/** The parts of an ECS task, in an event or from DescribeTasks, that say where it is. */
export interface TaskStatus {
    readonly desiredStatus?: string;
    readonly lastStatus?: string;
}

interface Attachment {
    readonly type?: string;
    readonly details?: readonly { readonly name?: string; readonly value?: string }[];
}

/** Stopping is told by either status: a task that ends by itself, or a Spot warning, shows only one of them. */
export function isStopping(task: TaskStatus): boolean {
    const goingDown = ["DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED", "DELETED"];
    return task.desiredStatus === "STOPPED" || goingDown.includes(task.lastStatus ?? "");
}

/** The task's network interface. Other attachments may come first. */
export function networkInterfaceId(attachments: readonly Attachment[] | undefined): string | undefined {
    const eni = attachments?.find(({ type }) => type === "ElasticNetworkInterface" || type === "eni");
    return eni?.details?.find(({ name }) => name === "networkInterfaceId")?.value;
}

/** The id at the end of a task's ARN; undefined where that does not look like one. */
export function taskIdOf(taskArn: string): string | undefined {
    const id = /:task\/(?:[^/]+\/)?([^/]+)$/.exec(taskArn)?.[1];
    return id !== undefined && TASK_ID.test(id) ? id : undefined;
}

export function readTaskMessages(records: readonly QueueMessage[], clusterArn: string, now: number): TaskMessages {
    const hints = new Map<string, TaskHint>();
    const malformed: Malformed[] = [];
    let passed = 0;
    for (const message of records) {
        try {
            const found = readMessage(message, clusterArn, now);
            passed += found.length === 0 ? 1 : 0;
            for (const hint of found) {
                const seen = hints.get(hint.taskId);
                hints.set(hint.taskId, seen ? merge(seen, hint) : hint);
            }
        } catch (error) {
            malformed.push({ message, reason: (error as Error).message });
        }
    }
    return { hints: [...hints.values()], malformed, passed };
}

function readMessage(message: QueueMessage, clusterArn: string, now: number): TaskHint[] {
    const body = JSON.parse(message.body) as (Partial<SweepMessage> & Partial<EventBody>) | null;
    const sweep = body?.["taskgate:sweep"];
    if (sweep === undefined) {
        return readTaskEvent(message, body, clusterArn);
    }
    if (sweep.clusterArn !== clusterArn || now - sweep.time > SWEEP_MILLISECONDS) {
        return [];
    }
    return sweep.taskArns.map((taskArn) => ({
        taskArn,
        taskId: taskIdOf(taskArn)!,
        stopping: false,
        version: 0,
        time: 0,
        messages: [],
        swept: true,
    }));
}

interface EventBody {
    readonly time: string;
    readonly detail: TaskStatus & Record<string, unknown>;
}

/** What one event says; nothing when it is about another cluster. */
function readTaskEvent(message: QueueMessage, event: Partial<EventBody> | null, clusterArn: string): TaskHint[] {
    const { taskArn, clusterArn: cluster, desiredStatus, lastStatus, version } = event?.detail ?? {};
    for (const [name, value] of Object.entries({ taskArn, clusterArn: cluster, desiredStatus, lastStatus })) {
        if (typeof value !== "string") {
            throw failure("MalformedEvent", `no "ECS Task State Change" event: detail.${name} is no string`);
        }
    }
    if (cluster !== clusterArn) {
        return [];
    }
    const taskId = taskIdOf(taskArn as string);
    if (taskId === undefined) {
        throw failure("MalformedEvent", `"${taskArn as string}" does not end in the id of a task`);
    }
    return [
        {
            taskArn: taskArn as string,
            taskId,
            stopping: isStopping({ desiredStatus, lastStatus }),
            version: typeof version === "number" ? version : 0,
            time: Date.parse(event?.time ?? "") || 0,
            messages: [message],
            swept: false,
        },
    ];
}

function merge(a: TaskHint, b: TaskHint): TaskHint {
    return {
        ...a,
        stopping: a.stopping || b.stopping,
        version: Math.max(a.version, b.version),
        time: Math.max(a.time, b.time),
        messages: [...a.messages, ...b.messages],
        swept: a.swept || b.swept,
    };
}
