import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { EC2 } from "@aws-sdk/client-ec2";
import * as ecs from "@aws-sdk/client-ecs";
import { EventBridgeClient, PutRuleCommand, PutTargetsCommand } from "@aws-sdk/client-eventbridge";
import { GetHostedZoneCommand, Route53Client } from "@aws-sdk/client-route-53";
import { CreateScheduleCommand, SchedulerClient } from "@aws-sdk/client-scheduler";
import { CreateSecretCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import {
    CreateQueueCommand,
    DeleteMessageCommand,
    ReceiveMessageCommand,
    SetQueueAttributesCommand,
    SQSClient,
} from "@aws-sdk/client-sqs";
import { expect } from "chai";

import type { AwsEvent } from "../../local/aws/events/overlay";
import { resolve, visit } from "../../local/internet/visitor";
import { clientConfig } from "../../local/machine/awsClients";
import { findSystemFile } from "../../local/machine/systemFile";
import type { SystemFile } from "../../local/machine/systemFile";
import { startSystem } from "../../local/system";
import type { RunningSystem } from "../../local/system";
import { newRole, policyOf } from "../support/roles";
import { until } from "../support/until";

const project = join(__dirname, "..", "..");
const region = "eu-west-1";

/** An Envoy that passes TCP on from `port` to the app. */
function bootstrap(port: number) {
    const address = (host: string, port_value: number) => ({ socket_address: { address: host, port_value } });
    const tcpProxy = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy",
        stat_prefix: "app",
        cluster: "app",
    };
    return {
        admin: { address: { pipe: { path: "/run/envoy/admin.sock" } } },
        static_resources: {
            listeners: [
                {
                    name: "http",
                    address: address("0.0.0.0", port),
                    filter_chains: [{ filters: [{ name: "envoy.filters.network.tcp_proxy", typed_config: tcpProxy }] }],
                },
            ],
            clusters: [
                {
                    name: "app",
                    type: "STATIC",
                    connect_timeout: "2s",
                    load_assignment: {
                        cluster_name: "app",
                        endpoints: [{ lb_endpoints: [{ endpoint: { address: address("127.0.0.1", 8080) } }] }],
                    },
                },
            ],
        },
    };
}

/** A folder to run in, with the project's tools: two test runs never meet. */
function newRoot(): string {
    const root = mkdtempSync(join(tmpdir(), "taskgate-test-"));
    symlinkSync(join(project, ".tools"), join(root, ".tools"));
    return root;
}

/** The processes that run in, or from, a folder. */
function processesOf(root: string): string[] {
    return readdirSync("/proc")
        .filter((entry) => /^\d+$/.test(entry))
        .map((pid) => {
            try {
                return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
            } catch {
                return "";
            }
        })
        .filter((command) => command.includes(root));
}

describe("the local system", () => {
    const root = newRoot();
    let system: RunningSystem;
    let file: SystemFile;
    let client: ecs.ECSClient;
    let sqs: SQSClient;
    let awsvpcConfiguration: ecs.AwsVpcConfiguration;

    const config = () => clientConfig(file.gatewayUrl, { accountId: file.accountId, region });

    before(async () => {
        system = await startSystem({ name: "one", root });
        ({ file } = system);
        const ec2 = new EC2(config());
        const { GroupId = "" } = await ec2.createSecurityGroup({ GroupName: "web", Description: "web" });
        const IpPermissions = [{ IpProtocol: "tcp", FromPort: file.httpPort, ToPort: file.httpPort }];
        await ec2.authorizeSecurityGroupIngress({ GroupId, IpPermissions });
        awsvpcConfiguration = { subnets: ["subnet-1"], securityGroups: [GroupId], assignPublicIp: "ENABLED" };
        client = new ecs.ECSClient(config());
        sqs = new SQSClient(config());
        await newRole(config(), "execution", "ecs-tasks.amazonaws.com", {
            Effect: "Allow",
            Action: "secretsmanager:GetSecretValue",
            Resource: `arn:aws:secretsmanager:${region}:${file.accountId}:secret:*`,
        });
        await newRole(config(), "schedule", "scheduler.amazonaws.com", {
            Effect: "Allow",
            Action: "sqs:SendMessage",
            Resource: `arn:aws:sqs:${region}:${file.accountId}:renewals`,
        });
    });
    after(async () => {
        await system.stop();
        rmSync(root, { recursive: true });
    });

    async function newQueue(name: string): Promise<string> {
        return (await sqs.send(new CreateQueueCommand({ QueueName: name }))).QueueUrl!;
    }

    /** Everything that comes into a queue until `count` messages are there. */
    async function receive(queueUrl: string, count: number): Promise<string[]> {
        const bodies: string[] = [];
        await until(`${count} messages in ${queueUrl}`, async () => {
            const { Messages = [] } = await sqs.send(
                new ReceiveMessageCommand({ QueueUrl: queueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: 1 }),
            );
            bodies.push(...Messages.map(({ Body }) => Body!));
            await Promise.all(
                Messages.map(({ ReceiptHandle }) =>
                    sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle })),
                ),
            );
            return bodies.length >= count;
        });
        return bodies;
    }

    it("says in its file where everything is", async () => {
        expect(findSystemFile(file.directory)).to.deep.equal(file);
        expect(file).to.include({
            name: "one",
            pid: process.pid,
            directory: join(root, ".local", "one"),
            accountId: "111122223333",
            domain: "tasks.example.test",
        });
        const zone = await new Route53Client(config()).send(new GetHostedZoneCommand({ Id: file.hostedZoneId }));
        expect(zone.HostedZone!.Name).to.equal("tasks.example.test.");
        expect(readFileSync(file.acme.rootFile, "utf8")).to.match(/^-----BEGIN CERTIFICATE-----/);
    });

    it("runs an app behind Envoy at an address of its own, and tells a queue of every change", async () => {
        const queueUrl = await newQueue("changes");
        const eventBridge = new EventBridgeClient(config());
        await eventBridge.send(
            new PutRuleCommand({
                Name: "changes",
                EventPattern: JSON.stringify({
                    source: ["aws.ecs"],
                    "detail-type": ["ECS Task State Change"],
                    detail: { clusterArn: [{ suffix: "/web" }], lastStatus: ["PENDING", "RUNNING", "STOPPED"] },
                }),
            }),
        );
        const queueArn = `arn:aws:sqs:${region}:${file.accountId}:changes`;
        const Policy = policyOf({
            Effect: "Allow",
            Principal: { Service: "events.amazonaws.com" },
            Action: "sqs:SendMessage",
            Resource: queueArn,
        });
        await sqs.send(new SetQueueAttributesCommand({ QueueUrl: queueUrl, Attributes: { Policy } }));
        await eventBridge.send(new PutTargetsCommand({ Rule: "changes", Targets: [{ Id: "queue", Arn: queueArn }] }));
        const secret = await new SecretsManagerClient(config()).send(
            new CreateSecretCommand({ Name: "tls", SecretString: JSON.stringify({ privateKey: "the key" }) }),
        );
        await client.send(new ecs.CreateClusterCommand({ clusterName: "web" }));
        await client.send(
            new ecs.RegisterTaskDefinitionCommand({
                family: "web",
                networkMode: "awsvpc",
                requiresCompatibilities: ["FARGATE"],
                cpu: "256",
                memory: "512",
                executionRoleArn: "arn:aws:iam::111122223333:role/execution",
                containerDefinitions: [
                    { name: "app", image: "traefik/whoami:v1.11", command: ["--port", "8080"] },
                    {
                        name: "envoy",
                        image: "docker.io/envoyproxy/envoy:distroless-v1.39.1@sha256:1234",
                        command: [
                            "--config-yaml",
                            JSON.stringify(bootstrap(file.httpPort)),
                            "--concurrency",
                            "1",
                            "--disable-hot-restart",
                        ],
                        secrets: [{ name: "TLS_PRIVATE_KEY", valueFrom: `${secret.ARN}:privateKey::` }],
                        dependsOn: [{ containerName: "app", condition: "START" }],
                        stopTimeout: 10,
                    },
                ],
            }),
        );
        const { tasks } = await client.send(
            new ecs.RunTaskCommand({
                cluster: "web",
                taskDefinition: "web",
                launchType: "FARGATE",
                networkConfiguration: { awsvpcConfiguration },
            }),
        );
        const { taskArn, attachments, lastStatus } = tasks![0];
        expect(lastStatus).to.equal("PROVISIONING");
        expect(attachments).to.deep.equal([
            {
                id: attachments![0].id,
                type: "ElasticNetworkInterface",
                status: "PRECREATED",
                details: [{ name: "subnetId", value: "subnet-1" }],
            },
        ]);

        const [pending, running] = (await receive(queueUrl, 2))
            .map((body) => JSON.parse(body) as AwsEvent & { readonly detail: ecs.Task })
            .sort((a, b) => a.detail.version! - b.detail.version!);
        expect([pending, running].map(({ detail }) => [detail.version, detail.lastStatus])).to.deep.equal([
            [2, "PENDING"],
            [3, "RUNNING"],
        ]);
        expect(running).to.include({
            version: "0",
            source: "aws.ecs",
            "detail-type": "ECS Task State Change",
            account: "111122223333",
            region,
        });
        const [attachment] = pending.detail.attachments!;
        expect(attachment).to.include({ type: "eni", status: "ATTACHED" });
        const { NetworkInterfaces } = await new EC2(config()).describeNetworkInterfaces({
            NetworkInterfaceIds: [attachment.details!.find(({ name }) => name === "networkInterfaceId")!.value!],
        });
        const address = NetworkInterfaces![0].Association!.PublicIp!;
        expect(JSON.stringify(running)).not.to.include("publicIp");

        const page = await until("Envoy and the app answer", () =>
            fetch(`http://${address}:${file.httpPort}/`).then(
                (response) => response.text(),
                () => false as const,
            ),
        );
        expect(page).to.include(`Hostname: ip-${address.replaceAll(".", "-")}.eu-west-1.compute.internal\n`);

        await client.send(new ecs.StopTaskCommand({ cluster: "web", task: taskArn }));
        const [stopping, { detail }] = (await receive(queueUrl, 2))
            .map((body) => JSON.parse(body) as { readonly detail: ecs.Task })
            .sort((a, b) => a.detail.version! - b.detail.version!);
        expect(stopping.detail).to.include({ lastStatus: "RUNNING", desiredStatus: "STOPPED", version: 4 });
        expect(detail).to.include({
            lastStatus: "STOPPED",
            desiredStatus: "STOPPED",
            version: 6,
            stopCode: "UserInitiated",
        });
        expect(detail.containers!.map(({ exitCode }) => exitCode)).to.deep.equal([0, 0]);
        expect(existsSync(join(file.directory, "tasks", taskArn!.split("/").at(-1)!))).to.equal(false);
    });

    it("stops a task whose security group does not exist", async () => {
        await client.send(new ecs.CreateClusterCommand({ clusterName: "groups" }));
        await client.send(
            new ecs.RegisterTaskDefinitionCommand({
                family: "groups",
                networkMode: "awsvpc",
                requiresCompatibilities: ["FARGATE"],
                cpu: "256",
                memory: "512",
                containerDefinitions: [{ name: "app", image: "traefik/whoami" }],
            }),
        );
        const securityGroups = ["sg-0fedcba9876543210"];
        const { tasks } = await client.send(
            new ecs.RunTaskCommand({
                cluster: "groups",
                taskDefinition: "groups",
                launchType: "FARGATE",
                networkConfiguration: { awsvpcConfiguration: { subnets: ["subnet-1"], securityGroups } },
            }),
        );
        const stopped = await until("the task has stopped", async () => {
            const described = await client.send(
                new ecs.DescribeTasksCommand({ cluster: "groups", tasks: [tasks![0].taskArn!] }),
            );
            return described.tasks![0].lastStatus === "STOPPED" && described.tasks![0];
        });

        expect(stopped.stoppedReason).to.equal(
            "Unexpected EC2 error while attempting to Create Network Interface: " +
                "InvalidGroup.NotFound: The security group 'sg-0fedcba9876543210' does not exist",
        );
    });

    it("stops a task whose secret has no value, with the words of AWS", async () => {
        await client.send(new ecs.CreateClusterCommand({ clusterName: "secrets" }));
        const valueFrom = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:missing-AbCdEf:privateKey::";
        await client.send(
            new ecs.RegisterTaskDefinitionCommand({
                family: "secrets",
                networkMode: "awsvpc",
                requiresCompatibilities: ["FARGATE"],
                cpu: "256",
                memory: "512",
                executionRoleArn: "arn:aws:iam::111122223333:role/execution",
                containerDefinitions: [{ name: "app", image: "traefik/whoami", secrets: [{ name: "KEY", valueFrom }] }],
            }),
        );
        const { tasks } = await client.send(
            new ecs.RunTaskCommand({
                cluster: "secrets",
                taskDefinition: "secrets",
                launchType: "FARGATE",
                networkConfiguration: { awsvpcConfiguration },
            }),
        );
        const stopped = await until("the task has stopped", async () => {
            const described = await client.send(
                new ecs.DescribeTasksCommand({ cluster: "secrets", tasks: [tasks![0].taskArn!] }),
            );
            return described.tasks![0].lastStatus === "STOPPED" && described.tasks![0];
        });

        expect(stopped.stopCode).to.equal("TaskFailedToStart");
        expect(stopped.stoppedReason).to.equal(
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: " +
                `unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret ${valueFrom} ` +
                "from secrets manager: ResourceNotFoundException: Secrets Manager can't find the specified secret.",
        );
    });

    it("invokes the target of a rate schedule when it is made", async () => {
        const queueUrl = await newQueue("renewals");
        await new SchedulerClient(config()).send(
            new CreateScheduleCommand({
                Name: "renewal",
                ScheduleExpression: "rate(1 day)",
                FlexibleTimeWindow: { Mode: "OFF" },
                Target: {
                    Arn: `arn:aws:sqs:${region}:${file.accountId}:renewals`,
                    RoleArn: "arn:aws:iam::111122223333:role/schedule",
                    Input: '{"renew":true}',
                },
            }),
        );

        expect(await receive(queueUrl, 1)).to.deep.equal(['{"renew":true}']);
    });

    it("starts an identity provider at a name of its own, which it trusts", async () => {
        const { issuer, jwksEndpoint } = await system.startIdentityProvider("id.tasks.example.test");
        const [address] = await resolve(file, "id.tasks.example.test");
        const { authorized, body } = await visit(file, "id.tasks.example.test", "/.well-known/openid-configuration");

        expect(address).to.match(/^127\./);
        expect(authorized).to.equal(true);
        expect(JSON.parse(body)).to.include({ issuer, jwks_uri: jwksEndpoint });
        expect(issuer).to.equal("https://id.tasks.example.test");
        expect(readFileSync(join(file.directory, "trusted-roots.pem"), "utf8")).to.include(
            readFileSync(file.amazonRootFile, "utf8").trim(),
        );
    });

    it("runs beside another one, and not twice under one name", async () => {
        const other = await startSystem({ name: "two", root });
        try {
            expect(other.file.gatewayUrl).not.to.equal(file.gatewayUrl);
            expect(other.file.httpsPort).to.equal(file.httpsPort);
            const again = await startSystem({ name: "two", root }).then(
                () => "started",
                (error: Error) => error.message,
            );
            expect(again).to.equal(
                `The local system "two" is running already, as process ${process.pid}: stop it, or choose another name.`,
            );
        } finally {
            expect(await other.stop()).to.equal(0);
        }
        expect(findSystemFile(other.file.directory)).to.equal(undefined);
    });

    it("leaves no process behind when its own is killed", async () => {
        const program = `
            const { startSystem } = require(${JSON.stringify(join(project, "local", "system.ts"))});
            startSystem({ name: "killed", root: ${JSON.stringify(root)} }).then(({ file }) => console.log(file.pid));
        `;
        const main = spawn(process.execPath, ["-r", "ts-node/register/transpile-only", "-e", program], {
            cwd: project,
            stdio: ["ignore", "pipe", "inherit"],
        });
        await new Promise((resolve) => main.stdout.once("data", resolve));
        const directory = join(root, ".local", "killed");
        expect(findSystemFile(directory)!.pid).to.equal(main.pid);
        expect(processesOf(directory)).to.have.length.greaterThan(0);
        const exited = once(main, "exit");
        main.kill("SIGKILL");

        await exited;
        await until("its processes have ended", () => processesOf(directory).length === 0);
        expect(findSystemFile(directory)).to.equal(undefined);
    });
});
