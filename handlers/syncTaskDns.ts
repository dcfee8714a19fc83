import type { SQSBatchResponse, SQSEvent } from "aws-lambda";
import type { LambdaContext } from "./calls";
import { openReach } from "./dns/reach";
import { readTaskDnsSettings } from "./dns/settings";
import { syncBatch } from "./dns/syncBatch";

/** Takes a batch of the queue: events of tasks, and tasks that the sweep asks for. */
export async function syncTaskDns(event: SQSEvent, context: LambdaContext): Promise<SQSBatchResponse> {
    return syncBatch(openReach(readTaskDnsSettings(), context.getRemainingTimeInMillis()), event.Records);
}
