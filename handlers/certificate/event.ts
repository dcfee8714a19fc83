import { call, clientSettings } from "../calls";
import { failure } from "../failure";
import { load } from "../load";
import { EVENT_SOURCE } from "../certificateNames";
import type { CertificateFacts } from "./facts";

/** Tells the account's default event bus of a new certificate: what it is for and where it is, and no part of its key. */
export async function tellEventBus(secretArn: string, facts: CertificateFacts, deadline: number): Promise<void> {
    const { EventBridgeClient, PutEventsCommand } = load("@aws-sdk/client-eventbridge");
    const events = new EventBridgeClient(clientSettings());
    const command = new PutEventsCommand({
        Entries: [
            {
                Source: EVENT_SOURCE,
                DetailType: "Certificate Issued",
                Resources: [secretArn],
                Detail: JSON.stringify({ secretArn, ...facts }),
            },
        ],
    });
    const { FailedEntryCount, Entries } = await call("events:PutEvents", deadline, () => events.send(command));
    if (FailedEntryCount) {
        const { ErrorCode = "Failed", ErrorMessage = "" } = Entries?.[0] ?? {};
        throw failure(ErrorCode, `events:PutEvents: ${ErrorMessage}`);
    }
}
