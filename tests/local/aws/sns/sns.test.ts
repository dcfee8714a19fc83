import { SNS } from "@aws-sdk/client-sns";
import { SQS } from "@aws-sdk/client-sqs";
import { expect } from "chai";

import { createPermissions } from "../../../../local/aws/permissions/permissions";
import { snsOverlay } from "../../../../local/aws/sns/overlay";
import { clientConfig } from "../../../../local/machine/awsClients";
import { accountId, type Emulator, startEmulator } from "../../../support/emulator";
import { until } from "../../../support/until";

const region = "eu-west-1";

describe("SNS", () => {
    const permissions = createPermissions();
    let emulator: Emulator;

    before(async () => {
        emulator = await startEmulator({ overlays: [snsOverlay(permissions)], permissions });
    });
    after(() => emulator?.stop());

    it("delivers to a queue whose policy lets this topic in, and to no other", async () => {
        const config = clientConfig(emulator.url, { accountId, region });
        const [sns, sqs] = [new SNS({ ...config, maxAttempts: 1 }), new SQS(config)];
        const { TopicArn = "" } = await sns.createTopic({ Name: "news" });
        const { QueueUrl } = await sqs.createQueue({ QueueName: "letters" });
        const Endpoint = `arn:aws:sqs:${region}:${accountId}:letters`;
        await sns.subscribe({ TopicArn, Protocol: "sqs", Endpoint });
        const letIn = (topic: string) => {
            const statement = {
                Effect: "Allow",
                Principal: { Service: "sns.amazonaws.com" },
                Action: "sqs:SendMessage",
                Resource: Endpoint,
                Condition: { ArnEquals: { "aws:SourceArn": topic } },
            };
            const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [statement] });
            return sqs.setQueueAttributes({ QueueUrl, Attributes: { Policy } });
        };
        const refused = () =>
            sns.publish({ TopicArn, Message: "hello" }).then(
                () => "delivered",
                (error: Error) => error.message,
            );
        const words = `sns.amazonaws.com may not sqs:SendMessage on ${Endpoint} for ${TopicArn}: no resource-based policy allows it. AWS would lose the message there.`;

        expect(await refused()).to.equal(words);
        await letIn(`${TopicArn}-other`);
        expect(await refused()).to.equal(words);
        await letIn(TopicArn);
        await sns.publish({ TopicArn, Message: "hello" });
        const received = await until("a message", async () => {
            const { Messages } = await sqs.receiveMessage({ QueueUrl });
            return Messages?.[0]?.Body;
        });
        expect(JSON.parse(received)).to.include({ TopicArn, Message: "hello" });
    });
});
