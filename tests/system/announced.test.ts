import { ListResourceRecordSetsCommand, Route53Client } from "@aws-sdk/client-route-53";
import { expect } from "chai";

import { eventually, hostnameOf, runTasks } from "../../local/internet/caller";
import { listenFor } from "../../local/internet/listener";
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
        const scope = { accountId: system.accountId, region };
        const received = await listenFor(system.gatewayUrl, scope, "announced", "Task Name Live");
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
        const event = await eventually("an event", received);
        expect(event.detail).to.include({ taskArn });
        expect(JSON.stringify(event.detail)).to.include(hostnameOf(caller, taskArn));

        await runOperation(system, "destroy", options);
        expect(await recordsOf("CAA")).to.deep.equal([]);
    });
});
