import type { SQSBatchResponse, SQSEvent, SQSRecord } from "aws-lambda";
import { call, clientSettings, type LambdaContext } from "./calls";
import { announce, type Accepted } from "./dns/announcements";
import { comeBackSoon } from "./dns/queue";
import { openReach } from "./dns/reach";
import { readRows } from "./dns/registry";
import { readTaskDnsSettings } from "./dns/settings";
import type { Reach } from "./dns/settleTasks";
import { required } from "./environment";
import { describeError, failure } from "./failure";
import { load } from "./load";
import { log } from "./log";
import { writeMetrics } from "./metrics";

/** Asks once of each change that was accepted whether Route 53 has spread it, and sends an event of each name of it that still stands. */
export async function announceNames(event: SQSEvent, context: LambdaContext): Promise<SQSBatchResponse> {
    const settings = readTaskDnsSettings();
    const reach = openReach(settings, context.getRemainingTimeInMillis());
    const back: SQSRecord[] = [];
    const times: number[] = [];
    let announced = 0;
    for (const record of event.Records) {
        try {
            const accepted = JSON.parse(record.body) as Accepted;
            announced += await announceChange(reach, accepted);
            times.push(Date.now() - accepted.acceptedAt);
        } catch (error) {
            log("warn", "not announced yet", { reason: describeError(error) });
            back.push(record);
        }
    }
    await comeBackSoon(reach.sqs, required("ACCEPTED_QUEUE_URL"), back, reach.end).catch((error: unknown) =>
        log("warn", "messages come back late", { reason: describeError(error) }),
    );
    log("info", "names announced", { changes: event.Records.length, announced, returned: back.length });
    writeMetrics({ Registry: settings.tableName }, { AcceptedToInSync: { unit: "Milliseconds", values: times } });
    return { batchItemFailures: back.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

async function announceChange(reach: Reach, { changeId, taskIds }: Accepted): Promise<number> {
    const { zone, registry, deadline } = reach;
    const { GetChangeCommand } = load("@aws-sdk/client-route-53");
    const { EventBridgeClient } = load("@aws-sdk/client-eventbridge");
    const command = new GetChangeCommand({ Id: changeId });
    const what = `route53:GetChange of ${changeId}`;
    const { ChangeInfo } = await call(what, zone.deadline, () => zone.route53.send(command), "once");
    if (ChangeInfo?.Status !== "INSYNC") {
        throw failure("NotInSync", `${what} says ${ChangeInfo?.Status}`);
    }
    const rows = await readRows(registry, taskIds, deadline);
    const live = [...rows.values()].filter(({ state }) => state === "LIVE");
    await announce(new EventBridgeClient(clientSettings()), live, deadline);
    return live.length;
}
