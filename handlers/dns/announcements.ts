import type { EventBridgeClient } from "@aws-sdk/client-eventbridge";
import type { SQSClient } from "@aws-sdk/client-sqs";
import { call } from "../calls";
import { putEvents } from "../events";
import { load } from "../load";
import { NAME_EVENT } from "../taskDnsNames";
import type { Row } from "./registry";
import type { Settled } from "./settleTasks";

// Telling that names are live: that every name server of Route 53 answers them, which is some time after it has accepted them.

/** What the function that writes the records leaves for the one that announces them. */
export interface Accepted {
    readonly changeId: string;
    /** Milliseconds since the epoch. */
    readonly acceptedAt: number;
    readonly taskIds: readonly string[];
}

/** Nothing waits for an announcement. */
const LONGEST_MILLISECONDS = 1_000;

/** Leaves word of the names that a run has made. Its last change is asked about: Route 53 makes a zone's changes one after the other. */
export async function leaveWord(
    sqs: SQSClient,
    queueUrl: string,
    { published, changeIds }: Pick<Settled, "published" | "changeIds">,
): Promise<void> {
    const changeId = changeIds.at(-1);
    if (published.length === 0 || changeId === undefined) {
        return;
    }
    const { SendMessageCommand } = load("@aws-sdk/client-sqs");
    const now = Date.now();
    const accepted: Accepted = { changeId, acceptedAt: now, taskIds: published.map(({ taskId }) => taskId) };
    const command = new SendMessageCommand({ QueueUrl: queueUrl, MessageBody: JSON.stringify(accepted) });
    await call(`sqs:SendMessage of ${queueUrl}`, now + LONGEST_MILLISECONDS, () => sqs.send(command), "once");
}

/** An event for each name. */
export async function announce(events: EventBridgeClient, live: readonly Row[], deadline: number): Promise<void> {
    const entries = live.map(({ taskId, taskArn, name, ipv4, ipv6, since }) => ({
        Source: NAME_EVENT.source,
        DetailType: NAME_EVENT.detailType,
        Resources: [taskArn],
        Detail: JSON.stringify({
            taskId,
            taskArn,
            name: name?.replace(/\.$/, ""),
            ipv4,
            ipv6,
            acceptedAt: new Date(since).toISOString(),
        }),
    }));
    await putEvents(events, entries, deadline);
}
