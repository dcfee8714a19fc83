import type { SQSRecord } from "aws-lambda";
import { failure } from "../failure";

// "ECS Task State Change" events as they come out of the queue: duplicated, reordered, and only hints of what is true by now.

/** What the events of one batch say about one task. */
export interface TaskHint {
    readonly taskArn: string;
    readonly taskId: string;
    /** Some event says the task is on its way out. Nothing leads back from there. */
    readonly stopping: boolean;
    /** The highest version of the task that an event was about. */
    readonly version: number;
    /** When the youngest event was made, in milliseconds since the epoch. */
    readonly time: number;
    readonly networkInterfaceId?: string;
    /** The messages that ride on this task: they succeed or come back together. */
    readonly messageIds: readonly string[];
}

export interface TaskEvents {
    readonly hints: readonly TaskHint[];
    readonly malformed: readonly { readonly messageId: string; readonly reason: string }[];
    /** How many events were about other clusters, and need nothing. */
    readonly elsewhere: number;
}

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

export function isRunning(task: TaskStatus): boolean {
    return task.desiredStatus === "RUNNING" && task.lastStatus === "RUNNING";
}

/** The task's network interface. Other attachments may come first, and an event and DescribeTasks spell the type differently. */
export function networkInterfaceId(attachments: readonly Attachment[] | undefined): string | undefined {
    const eni = attachments?.find(({ type }) => type === "eni" || type === "ElasticNetworkInterface");
    return eni?.details?.find(({ name }) => name === "networkInterfaceId")?.value;
}

export function readTaskEvents(records: readonly SQSRecord[], clusterArn: string): TaskEvents {
    const hints = new Map<string, TaskHint>();
    const malformed: { messageId: string; reason: string }[] = [];
    let elsewhere = 0;
    for (const { messageId, body } of records) {
        try {
            const hint = readTaskEvent(messageId, body, clusterArn);
            if (hint === undefined) {
                elsewhere++;
            } else {
                const seen = hints.get(hint.taskArn);
                hints.set(hint.taskArn, seen ? merge(seen, hint) : hint);
            }
        } catch (error) {
            malformed.push({ messageId, reason: (error as Error).message });
        }
    }
    return { hints: [...hints.values()], malformed, elsewhere };
}

/** What one message says; undefined when it is about another cluster. */
function readTaskEvent(messageId: string, body: string, clusterArn: string): TaskHint | undefined {
    const event = JSON.parse(body) as { time?: string; detail?: TaskStatus & Record<string, unknown> } | null;
    const { taskArn, clusterArn: cluster, desiredStatus, lastStatus, version, attachments } = event?.detail ?? {};
    for (const [name, value] of Object.entries({ taskArn, clusterArn: cluster, desiredStatus, lastStatus })) {
        if (typeof value !== "string") {
            throw failure("MalformedEvent", `no "ECS Task State Change" event: detail.${name} is no string`);
        }
    }
    if (cluster !== clusterArn) {
        return undefined;
    }
    const taskId = /:task\/(?:[^/]+\/)?([A-Za-z0-9-]{1,63})$/.exec(taskArn as string)?.[1];
    if (taskId === undefined) {
        throw failure("MalformedEvent", `"${taskArn as string}" is no task's ARN`);
    }
    return {
        taskArn: taskArn as string,
        taskId: taskId.toLowerCase(),
        stopping: isStopping({ desiredStatus, lastStatus }),
        version: typeof version === "number" ? version : 0,
        time: Date.parse(event?.time ?? "") || 0,
        networkInterfaceId: networkInterfaceId(attachments as Attachment[] | undefined),
        messageIds: [messageId],
    };
}

function merge(a: TaskHint, b: TaskHint): TaskHint {
    return {
        ...a,
        stopping: a.stopping || b.stopping,
        version: Math.max(a.version, b.version),
        time: Math.max(a.time, b.time),
        networkInterfaceId: a.networkInterfaceId ?? b.networkInterfaceId,
        messageIds: [...a.messageIds, ...b.messageIds],
    };
}
