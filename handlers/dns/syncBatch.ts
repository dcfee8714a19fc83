import type { SQSBatchResponse } from "aws-lambda";
import { describeError } from "../failure";
import { log } from "../log";
import { writeMetrics } from "../metrics";
import { leaveWord } from "./announcements";
import { comeBackSoon, deleteMessages, setAside, takeMore } from "./queue";
import type { TaskDnsSettings } from "./settings";
import { settleTasks, type Reach, type Settled } from "./settleTasks";
import { type QueueMessage, readTaskMessages, SWEEP_MILLISECONDS, type TaskHint } from "./taskEvents";

/**
 * Brings the hosted zone in line with the tasks that a batch of messages is about: a record for a task that is wanted and on its way up, none
 * for one that is stopping or gone. A message only says where to look. What ECS says counts, except that a stop is final; so
 * duplicates, any order and any retry end in the same zone.
 */
export async function syncBatch(reach: Reach, records: readonly QueueMessage[]): Promise<SQSBatchResponse> {
    const { settings, sqs, end } = reach;
    const taken = await takeMore(sqs, settings.queueUrl, records.length, reach.deadline);
    const messages = [...records, ...taken];
    const { hints, malformed, passed } = readTaskMessages(messages, settings.clusterArn, Date.now());
    const settled = await settleTasks(reach, hints);

    const back = new Set<QueueMessage>();
    let left = 0;
    for (const { taskArn, taskId, messages: ridden } of hints) {
        const unsettled = settled.unsettled.get(taskId);
        if (unsettled === undefined) {
            continue;
        }
        // What only time settles, the sweep asks again every minute: a message need not go round for longer than that.
        const returned = ridden.filter((message) => unsettled.trouble || ageOf(message) < SWEEP_MILLISECONDS);
        returned.forEach((message) => back.add(message));
        left += returned.length === 0 ? 1 : 0;
        const { reason } = unsettled;
        log(
            "warn",
            returned.length > 0 ? "task not settled: its messages come back" : "task not settled: left to the sweep",
            {
                taskArn,
                reason,
            },
        );
    }
    malformed.forEach(({ message, reason }) =>
        log("error", "malformed message: put aside", { messageId: message.messageId, reason }),
    );
    try {
        await setAside(sqs, settings.deadLetterQueueUrl, malformed, end);
        await comeBackSoon(sqs, settings.queueUrl, [...back], end);
    } catch (error) {
        log("error", "messages come back late", { reason: describeError(error) });
        malformed.forEach(({ message }) => back.add(message));
    }
    const done = taken.filter((message) => !back.has(message));
    await deleteMessages(sqs, settings.queueUrl, done, end).catch((error: unknown) =>
        log("warn", "messages come back, and need nothing then", { reason: describeError(error) }),
    );
    if (settings.acceptedQueueUrl !== undefined) {
        await leaveWord(sqs, settings.acceptedQueueUrl, settled).catch((error: unknown) =>
            log("warn", "names are not announced", { reason: describeError(error) }),
        );
    }
    report(settings, messages.length, hints, settled, {
        malformed: malformed.length,
        passed,
        returned: back.size,
        left,
    });
    // Lambda knows of those alone that it has handed over: of any other it would take all for failed.
    const failed = records.filter((message) => back.has(message));
    return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

function ageOf({ attributes }: QueueMessage): number {
    return Date.now() - Number(attributes.SentTimestamp);
}

interface Counts {
    readonly malformed: number;
    readonly passed: number;
    readonly returned: number;
    readonly left: number;
}

function report(
    { tableName }: TaskDnsSettings,
    messages: number,
    hints: readonly TaskHint[],
    { published, removed, occupied, changes }: Settled,
    counts: Counts,
): void {
    const now = Date.now();
    log("info", "batch done", {
        messages,
        tasks: hints.length,
        published: published.length,
        removed: removed.length,
        occupied,
        ...counts,
        ...changes,
    });
    const times = new Map(hints.map(({ taskId, time }) => [taskId, time]));
    const delays = [...published, ...removed]
        .map(({ taskId }) => times.get(taskId) ?? 0)
        .filter((time) => time > 0)
        .map((time) => Math.max(0, now - time));
    const count = (value: number) => ({ unit: "Count" as const, values: [value] });
    writeMetrics(
        { Registry: tableName },
        {
            BatchSize: count(messages),
            Published: count(published.length),
            Removed: count(removed.length),
            Returned: count(counts.returned),
            Malformed: count(counts.malformed),
            Occupied: count(occupied),
            EventToAccepted: { unit: "Milliseconds", values: delays },
            ...(changes && {
                ChangeRequests: count(changes.requests),
                Throttled: count(changes.throttled),
                RefusedBatches: count(changes.refused),
                Offenders: count(changes.offenders),
            }),
        },
    );
}
