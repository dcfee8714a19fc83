import { IAM } from "@aws-sdk/client-iam";
import { GetFunctionConfigurationCommand, UpdateFunctionConfigurationCommand } from "@aws-sdk/client-lambda";
import {
    ListResourceRecordSetsCommand,
    Route53Client,
    CreateHostedZoneCommand,
    DeleteHostedZoneCommand,
} from "@aws-sdk/client-route-53";
import { SubscribeCommand, SNSClient } from "@aws-sdk/client-sns";
import {
    CreateQueueCommand,
    DeleteMessageCommand,
    GetQueueAttributesCommand,
    ReceiveMessageCommand,
    SetQueueAttributesCommand,
    SQSClient,
} from "@aws-sdk/client-sqs";
import { expect } from "chai";

import { Caller, deliveredCertificate, renew } from "../../local/internet/caller";
import { clientConfig } from "../../local/machine/awsClients";
import { issuedCertificate, localStack } from "../support/localSystem";
import { policyOf } from "../support/roles";
import { until } from "../support/until";

describe("renewal of the certificate", () => {
    let caller: Caller;
    let queueUrl: string;
    let sqs: SQSClient;
    let route53: Route53Client;
    let iam: IAM;

    before(async () => {
        caller = await localStack();
        await issuedCertificate(caller);
        // The run that issued it tells so after that: nobody listens before it has ended.
        await until("the first run's end", async () => (await renew(caller)).outcome === "not due" || undefined);
        const { system, region } = caller;
        const config = clientConfig(system.gatewayUrl, { accountId: system.accountId, region });
        sqs = new SQSClient(config);
        route53 = new Route53Client(config);
        iam = new IAM(config);
        const { alertTopicArn } = caller.outputs;
        const { QueueUrl = "" } = await sqs.send(new CreateQueueCommand({ QueueName: "alerts" }));
        const { Attributes } = await sqs.send(
            new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ["QueueArn"] }),
        );
        const Policy = policyOf({
            ...{ Effect: "Allow", Principal: { Service: "sns.amazonaws.com" } },
            ...{ Action: "sqs:SendMessage", Resource: Attributes?.QueueArn },
            Condition: { ArnEquals: { "aws:SourceArn": alertTopicArn } },
        });
        await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { Policy } }));
        await new SNSClient(config).send(
            new SubscribeCommand({ TopicArn: alertTopicArn, Protocol: "sqs", Endpoint: Attributes?.QueueArn }),
        );
        queueUrl = QueueUrl;
    });

    /** Of the renewal itself: alarms are told by the same topic, whenever their metrics are looked at. */
    async function nextAlert(): Promise<{ Subject: string; Message: string }> {
        return until("an alert", async () => {
            const { Messages = [] } = await sqs.send(
                new ReceiveMessageCommand({ QueueUrl: queueUrl, WaitTimeSeconds: 1 }),
            );
            for (const { Body = "", ReceiptHandle } of Messages) {
                await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }));
                const told = JSON.parse(Body) as { Subject: string; Message: string };
                if (!/^(ALARM|OK|INSUFFICIENT_DATA):/.test(told.Subject)) {
                    return told;
                }
            }
            return undefined;
        });
    }

    /** Runs `test` while the renewal function has other environment variables, and may write to the zones that they name. */
    async function withEnvironment(changed: Record<string, string>, test: () => Promise<void>): Promise<void> {
        const FunctionName = caller.outputs.renewalFunctionName;
        const { Environment, Role = "" } = await caller.lambda.send(
            new GetFunctionConfigurationCommand({ FunctionName }),
        );
        const RoleName = Role.slice(Role.lastIndexOf("/") + 1);
        const PolicyDocument = policyOf({ Effect: "Allow", Action: "route53:*", Resource: "*" });
        await iam.putRolePolicy({ RoleName, PolicyName: "other-names", PolicyDocument });
        const set = (Variables: Record<string, string>): Promise<unknown> =>
            caller.lambda.send(new UpdateFunctionConfigurationCommand({ FunctionName, Environment: { Variables } }));
        await set({ ...Environment?.Variables, ...changed });
        try {
            await test();
        } finally {
            await set({ ...Environment?.Variables });
            await iam.deleteRolePolicy({ RoleName, PolicyName: "other-names" });
        }
    }

    async function challengeRecords(hostedZoneId = caller.system.hostedZoneId): Promise<string[]> {
        const { ResourceRecordSets = [] } = await route53.send(
            new ListResourceRecordSetsCommand({ HostedZoneId: hostedZoneId }),
        );
        return ResourceRecordSets.filter(({ Type }) => Type === "TXT").map(({ Name }) => Name ?? "");
    }

    it("says that it is not due, and changes nothing", async () => {
        const before = await deliveredCertificate(caller);
        const { outcome, names } = await renew(caller);
        expect([outcome, names]).to.deep.equal(["not due", ["*.eu-west-1.tasks.example.test"]]);
        expect(await deliveredCertificate(caller)).to.deep.equal(before);
    });

    it("renews when it is forced, and tells so", async () => {
        const before = await deliveredCertificate(caller);
        const { outcome } = await renew(caller, true);
        const after = await deliveredCertificate(caller);
        expect(outcome).to.equal("renewed");
        expect(after?.privateKey).not.to.equal(before?.privateKey);
        expect((await nextAlert()).Subject).to.match(
            /^New certificate for \*\.eu-west-1\.tasks\.example\.test, valid until /,
        );
        expect(await challengeRecords()).to.deep.equal([]);
    });

    it("issues anew when the names have changed, the apex beside the wildcard", async () => {
        const names = ["*.eu-west-1.tasks.example.test", "eu-west-1.tasks.example.test"];
        await withEnvironment({ CERTIFICATE_NAMES: JSON.stringify(names) }, async () => {
            const result = await renew(caller);
            expect([result.outcome, result.names]).to.deep.equal(["issued", names]);
        });
        await nextAlert();
        expect((await renew(caller)).names).to.deep.equal(["*.eu-west-1.tasks.example.test"]);
        await nextAlert();
        expect(await challengeRecords()).to.deep.equal([]);
    });

    /** Makes a zone for the length of a test. */
    async function withZone(name: string, test: (hostedZoneId: string) => Promise<void>): Promise<void> {
        const { HostedZone } = await route53.send(
            new CreateHostedZoneCommand({ Name: name, CallerReference: `${name} ${Date.now()}` }),
        );
        const Id = HostedZone?.Id ?? "";
        try {
            await test(Id.replace("/hostedzone/", ""));
        } finally {
            await route53.send(new DeleteHostedZoneCommand({ Id }));
        }
    }

    /**
     * A name that the account was never authorized for: Pebble uses an authorization again in one order of a hundred even
     * when told never to, and then nobody looks at the zone.
     */
    const neverAuthorized = (name: string): Record<string, string> => ({
        CERTIFICATE_NAMES: JSON.stringify([`*.${name}.eu-west-1.tasks.example.test`]),
    });

    async function failsAndLeavesEverything(reason: RegExp): Promise<void> {
        const before = await deliveredCertificate(caller);
        const thrown = await renew(caller, true).then(
            () => "nothing",
            (error: Error) => error.message,
        );
        expect(thrown, thrown).to.match(reason);
        const { Subject, Message } = await nextAlert();
        expect(Subject).to.match(/^Certificate NOT renewed/);
        expect(Message).to.match(reason);
        expect(await deliveredCertificate(caller)).to.deep.equal(before);
        expect(await challengeRecords()).to.deep.equal([]);
    }

    /** A run in which nothing is wrong any more says so, once: only then is the next failure news. */
    async function recovers(): Promise<void> {
        expect(await renew(caller)).to.include({ outcome: "not due" });
        expect((await nextAlert()).Subject).to.match(/^Certificate: no trouble any more/);
    }

    it("alerts, throws and leaves everything as it was when the certificate authority is down", async () => {
        await withEnvironment({ ACME_DIRECTORY_URL: "https://127.0.0.1:9/dir" }, () =>
            failsAndLeavesEverything(/ECONNREFUSED/),
        );
        await recovers();
    });

    it("… when the zone does not hold the domain", async () => {
        await withZone("elsewhere.test", (hostedZoneId) =>
            withEnvironment({ ...neverAuthorized("misplaced"), HOSTED_ZONE_ID: hostedZoneId }, async () => {
                await failsAndLeavesEverything(/zone/i);
                expect(await challengeRecords(hostedZoneId)).to.deep.equal([]);
            }),
        );
        await recovers();
    });

    it("… when the challenge is refused", async () => {
        // A zone nearer to the name takes over: what is written to the zone above is not seen by the certificate authority.
        await withZone("eu-west-1.tasks.example.test", () =>
            withEnvironment(neverAuthorized("refused"), () =>
                failsAndLeavesEverything(/unauthorized|_acme-challenge/i),
            ),
        );
        await recovers();
    });
});
