import { clientSettings } from "../calls";
import { EVENT_SOURCE } from "../certificateNames";
import { putEvents } from "../events";
import { load } from "../load";
import type { CertificateFacts } from "./facts";

/** Tells the account's default event bus of a new certificate: what it is for and where it is, and no part of its key. */
export async function tellEventBus(secretArn: string, facts: CertificateFacts, deadline: number): Promise<void> {
    const { EventBridgeClient } = load("@aws-sdk/client-eventbridge");
    const entry = {
        Source: EVENT_SOURCE,
        DetailType: "Certificate Issued",
        Resources: [secretArn],
        Detail: JSON.stringify({ secretArn, ...facts }),
    };
    await putEvents(new EventBridgeClient(clientSettings()), [entry], deadline);
}
