import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { SQSClient, SendMessageCommand } from "@aws-sdk/client-sqs";

import { clientConfig } from "../../machine/awsClients";
import type { Scope } from "../../machine/awsClients";

/** Sends to the target of a rule or a schedule, as whoever has the access key: the account, when it is left out. */
export async function sendToTarget(
    gatewayUrl: string,
    scope: Scope,
    target: { readonly arn: string; readonly messageGroupId?: string },
    text: string,
    accessKeyId?: string,
): Promise<void> {
    const config = clientConfig(gatewayUrl, { ...scope, accessKeyId });
    const [, , service, , account, name] = target.arn.split(":");
    if (service === "sqs") {
        const client = new SQSClient(config);
        const QueueUrl = `${gatewayUrl}/${account}/${name}`;
        await client.send(
            new SendMessageCommand({ QueueUrl, MessageBody: text, MessageGroupId: target.messageGroupId }),
        );
    } else if (service === "lambda") {
        await new LambdaClient(config).send(
            new InvokeCommand({ FunctionName: target.arn, InvocationType: "Event", Payload: Buffer.from(text) }),
        );
    } else {
        throw new Error(
            `${target.arn} is neither an SQS queue nor a Lambda function: nothing else is delivered to here.`,
        );
    }
}
