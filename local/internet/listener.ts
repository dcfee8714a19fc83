import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { CreateQueueCommand, ReceiveMessageCommand, SetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";

import { clientConfig, type Scope } from "../machine/awsClients";

/** As EventBridge sends it on. */
export interface HeardEvent {
    readonly detail: Readonly<Record<string, unknown>>;
}

/** Listens for taskgate's events of one type by a queue of that name; what it gives waits for up to five seconds for the next one. */
export async function listenFor(
    gatewayUrl: string,
    { accountId, region }: Scope,
    name: string,
    detailType: string,
): Promise<() => Promise<HeardEvent | undefined>> {
    const config = clientConfig(gatewayUrl, { accountId, region });
    const [sqs, eventBridge] = [new SQSClient(config), new EventBridgeClient(config)];
    const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
    const queueArn = `arn:aws:sqs:${region}:${accountId}:${name}`;
    const mayBeSent = {
        Effect: "Allow",
        Principal: { Service: "events.amazonaws.com" },
        Action: "sqs:SendMessage",
        Resource: queueArn,
    };
    const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [mayBeSent] });
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy } }));
    const EventPattern = JSON.stringify({ source: ["taskgate"], "detail-type": [detailType] });
    await eventBridge.send(new PutRuleCommand({ Name: name, EventPattern }));
    await eventBridge.send(new PutTargetsCommand({ Rule: name, Targets: [{ Id: "queue", Arn: queueArn }] }));
    return async () => {
        const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
        return Messages[0] && (JSON.parse(Messages[0].Body!) as HeardEvent);
    };
}
