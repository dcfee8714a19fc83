import type { EventBridgeClient, PutEventsRequestEntry } from "@aws-sdk/client-eventbridge";
import { call } from "./calls";
import { failure } from "./failure";
import { load } from "./load";

// Telling EventBridge, by the default bus.

const EVENTS_PER_REQUEST = 10;

/** @throws when one is refused; those before it are told, and told again by who tries again */
export async function putEvents(
    events: EventBridgeClient,
    entries: readonly PutEventsRequestEntry[],
    deadline: number,
): Promise<void> {
    const { PutEventsCommand } = load("@aws-sdk/client-eventbridge");
    for (let first = 0; first < entries.length; first += EVENTS_PER_REQUEST) {
        const command = new PutEventsCommand({ Entries: entries.slice(first, first + EVENTS_PER_REQUEST) });
        const { Entries = [] } = await call("events:PutEvents", deadline, () => events.send(command));
        const refused = Entries.find(({ ErrorCode }) => ErrorCode !== undefined);
        if (refused !== undefined) {
            throw failure("NotSent", `events:PutEvents: ${refused.ErrorCode}: ${refused.ErrorMessage}`);
        }
    }
}
