import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { ListResourceRecordSetsCommand, Route53Client } from "@aws-sdk/client-route-53";
import { CreateQueueCommand, ReceiveMessageCommand, SetQueueAttributesCommand, SQSClient } from "@aws-sdk/client-sqs";
import { expect } from "chai";

import { eventually, hostnameOf, runTasks } from "../../local/internet/caller";
import { clientConfig } from "../../local/machine/awsClients";
import type { SystemFile } from "../../local/machine/systemFile";
import { runOperation } from "../../local/pulumi/operation";
import { localConfig, platformsOf } from "../../local/pulumi/platforms";
import { issuedCertificate, localSystem } from "../support/localSystem";

const region = "eu-west-1";
const domain = "announced.tasks.example.test";

describe("a platform whose names are announced, and whose zone is told more", () => {
    let system: SystemFile;
    before(async () => {
        system = (await localSystem()).file;
    });

    /** A queue that gets an event of each name. */
    async function listen(): Promise<() => Promise<string | undefined>> {
        const config = clientConfig(system.gatewayUrl, { accountId: system.accountId, region });
        const [sqs, eventBridge] = [new SQSClient(config), new EventBridgeClient(config)];
        const { QueueUrl } = await sqs.send(new CreateQueueCommand({ QueueName: "announced" }));
        const queueArn = `arn:aws:sqs:${region}:${system.accountId}:announced`;
        const mayBeSent = {
            Effect: "Allow",
            Principal: { Service: "events.amazonaws.com" },
            Action: "sqs:SendMessage",
            Resource: queueArn,
        };
        const Policy = JSON.stringify({ Version: "2012-10-17", Statement: [mayBeSent] });
        await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy } }));
        const EventPattern = JSON.stringify({ source: ["taskgate"], "detail-type": ["Task Name Live"] });
        await eventBridge.send(new PutRuleCommand({ Name: "announced", EventPattern }));
        await eventBridge.send(new PutTargetsCommand({ Rule: "announced", Targets: [{ Id: "queue", Arn: queueArn }] }));
        return async () => {
            const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, WaitTimeSeconds: 5 }));
            return Messages[0]?.Body;
        };
    }

    async function recordsOf(type: string): Promise<unknown[]> {
        const route53 = new Route53Client(clientConfig(system.gatewayUrl, { ...system, region: "us-east-1" }));
        const { ResourceRecordSets = [] } = await route53.send(
            new ListResourceRecordSetsCommand({ HostedZoneId: system.hostedZoneId }),
        );
        return ResourceRecordSets.filter(({ Type }) => Type === type).map(({ Name, TTL, ResourceRecords = [] }) => [
            ...[Name, TTL],
            ...ResourceRecords.map(({ Value }) => Value),
        ]);
    }

    it("sends an event of a task's name, has missing names forgotten soon and one authority issue", async () => {
        const received = await listen();
        const chosen = { announceNames: "true", negativeTtl: "60", caaIssuer: "pebble.letsencrypt.org" };
        const options = {
            stack: "announced",
            config: { "aws:region": region, ...localConfig(system), domain, ...chosen },
        };
        const { outputs } = await runOperation(system, "up", options);
        const [caller] = platformsOf(system, outputs);

        expect(await recordsOf("CAA")).to.deep.equal([
            [`${region}.${domain}.`, 300, '0 issue ";"', '0 issuewild "pebble.letsencrypt.org"'],
        ]);
        const [[, ttl, soa]] = (await recordsOf("SOA")) as [string, number, string][];
        expect([ttl, soa]).to.deep.equal([
            60,
            "ns-1.awsdns-1.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 60",
        ]);

        await issuedCertificate(caller);
        const [taskArn] = await runTasks(caller, 1);
        const event = JSON.parse(await eventually("an event", received)) as { detail: Record<string, unknown> };
        expect(event.detail).to.include({ taskArn });
        expect(JSON.stringify(event.detail)).to.include(hostnameOf(caller, taskArn));

        await runOperation(system, "destroy", options);
        expect(await recordsOf("CAA")).to.deep.equal([]);
    });
});
