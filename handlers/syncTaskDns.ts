import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import { clientSettings, type LambdaContext } from "./calls";
import { readTaskDnsSettings } from "./dns/settings";
import { recordName, settleTasks, type Reach } from "./dns/settleTasks";
import { readTaskEvents } from "./dns/taskEvents";
import { openZone } from "./hostedZone";
import { load } from "./load";
import { log } from "./log";

/** Time to answer in: what is not settled by then goes back to the queue. */
const RESERVE_MILLISECONDS = 2_000;

/**
 * Brings the hosted zone in line with the tasks that a batch of "ECS Task State Change" events is about: an A record for a task
 * that is wanted and running, none for one that is stopping or gone. An event only says where to look. What ECS says counts,
 * except that a stop is final; so duplicates, any order and any retry end in the same zone.
 */
export async function syncTaskDns(event: SQSEvent, context: LambdaContext): Promise<SQSBatchResponse> {
    const settings = readTaskDnsSettings();
    const { ECSClient } = load("@aws-sdk/client-ecs");
    const { EC2Client } = load("@aws-sdk/client-ec2");
    const reach: Reach = {
        settings,
        ecs: new ECSClient(clientSettings()),
        ec2: new EC2Client(clientSettings()),
        zone: openZone(settings.hostedZoneId, Date.now() + context.getRemainingTimeInMillis() - RESERVE_MILLISECONDS),
    };

    const { hints, malformed, elsewhere } = readTaskEvents(event.Records, settings.clusterArn);
    const { failed, published, removed } = await settleTasks(reach, hints);

    const identifiers = malformed.map(({ messageId }) => messageId);
    malformed.forEach((fault) => log("error", "malformed message", fault));
    for (const hint of hints) {
        const reason = failed.get(recordName(settings, hint));
        if (reason !== undefined) {
            const { taskArn, messageIds } = hint;
            identifiers.push(...messageIds);
            log("warn", "task not settled, its messages come back", { taskArn, messageIds, reason });
        }
    }
    log("info", "batch done", {
        messages: event.Records.length,
        tasks: hints.length,
        elsewhere,
        published,
        removed,
        returned: identifiers.length,
        oldestEventMilliseconds: hints.length > 0 ? Date.now() - Math.min(...hints.map(({ time }) => time)) : 0,
    });
    return { batchItemFailures: identifiers.map((itemIdentifier) => ({ itemIdentifier })) };
}
