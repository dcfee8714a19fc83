import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { ContainerInsights, KeyType, TaskPlatform, TaskPlatformArgs } from "../../components";
import { metricsOf, sentDashboard, titlesOf } from "../support/dashboard";
import { keepsHouseRules, recordOne, refusalOf, tags } from "../support/houseRules";

const clusterArn = "arn:aws:ecs:eu-west-1:111122223333:cluster/it-cluster";
const taskDefinitionArn = "arn:aws:ecs:eu-west-1:111122223333:task-definition/it-task:1";

const minimal: TaskPlatformArgs = {
    domain: "tasks.example.com",
    hostedZoneId: "Z123",
    image: "docker.io/traefik/whoami:v1.11.0",
};

const runTaskInput = (subnets: string[]): object => ({
    cluster: clusterArn,
    taskDefinition: taskDefinitionArn,
    launchType: "FARGATE",
    propagateTags: "TASK_DEFINITION",
    networkConfiguration: {
        awsvpcConfiguration: {
            subnets,
            securityGroups: ["sg-it-task-security-group"],
            assignPublicIp: "ENABLED",
        },
    },
});

describe("TaskPlatform", () => {
    const made = keepsHouseRules((options) => new TaskPlatform("it", { ...minimal, tags }, options));

    it("is of these parts, each with what the others need", () => {
        expect(made().childrenOf("it")).to.deep.equal([
            "it-certificate taskgate:index:WildcardCertificate",
            "it-cluster taskgate:index:Cluster",
            "it-dns taskgate:index:TaskDns",
            "it-network taskgate:index:Network",
            "it-task taskgate:index:EnvoyTask",
        ]);
        const { inputs: certificate } = made().component("it-certificate");
        const { inputs: dns } = made().component("it-dns");
        const { inputs: task } = made().component("it-task");
        expect(made().component("it-network").inputs).to.deep.equal({ tags });
        expect(made().component("it-cluster").inputs).to.deep.equal({ tags });
        expect(certificate).to.deep.equal({
            domain: "tasks.example.com",
            hostedZoneId: "Z123",
            watchedPort: 443,
            tags,
        });
        expect(dns).to.deep.equal({
            clusterArn,
            hostedZoneId: "Z123",
            domain: "tasks.example.com",
            stopTasksOnDestroy: true,
            alarmTopicArn: "arn:aws:sns:eu-west-1:111122223333:it-certificate-alerts",
            tags,
        });
        expect(task).to.deep.equal({
            image: "docker.io/traefik/whoami:v1.11.0",
            vpcId: "vpc-it-network",
            subnetIds: ["subnet-it-network-public-1", "subnet-it-network-public-2"],
            clusterArn,
            certificateSecretArn: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:it-certificate-secret-AbCdEf",
            domain: "tasks.example.com",
            tags,
        });
    });

    it("stops tasks and takes names away before it destroys what a task holds: the names' part is made last", () => {
        const order = made().resources.map(({ name, type }) => `${name} ${type}`);
        const dns = made()
            .childrenOf("it-dns")
            .map((child) => order.indexOf(child));
        const task = made()
            .childrenOf("it-task")
            .map((child) => order.indexOf(child));
        expect(Math.min(...dns)).to.be.greaterThan(Math.max(...task));
        expect(made().component("it-dns").dependsOn).to.include.members(["it-task-security-group", "it-task"]);
    });

    it("gives all that a caller and an operator need", () => {
        const { runTaskCommand, ...outputs } = made().component("it").outputs ?? {};
        expect(outputs).to.deep.equal({
            vpcId: "vpc-it-network",
            subnetIds: ["subnet-it-network-public-1", "subnet-it-network-public-2"],
            clusterArn,
            taskDefinitionArn,
            securityGroupId: "sg-it-task-security-group",
            taskRoleArn: "arn:aws:iam::111122223333:role/it-task-task-role",
            logGroupName: "it-task-logs",
            serviceName: "",
            certificateArn: "",
            certificateArns: {},
            certificateSecretArn: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:it-certificate-secret-AbCdEf",
            renewalFunctionName: "it-certificate-renewal",
            rsaCertificateSecretArn: "",
            rsaRenewalFunctionName: "",
            dnsFunctionName: "it-dns-sync",
            executionRoleArn: "arn:aws:iam::111122223333:role/it-task-execution-role",
            namesTableName: "it-dns-registry",
            alertTopicArn: "arn:aws:sns:eu-west-1:111122223333:it-certificate-alerts",
            runTaskInput: runTaskInput(["subnet-it-network-public-1", "subnet-it-network-public-2"]),
        });
        expect(runTaskCommand).to.be.a("string");
    });

    it("has a dashboard on request, of the service, too, where there is one", async () => {
        const dashboardOf = async (more: Partial<TaskPlatformArgs>) => {
            const args = { ...minimal, dashboard: true, ...more };
            const other = await recordOne((options) => new TaskPlatform("it", args, options));
            return sentDashboard(other.find("it-dashboard"));
        };
        const withService = await dashboardOf({ desiredCount: 1 });
        expect(withService.dashboardName).to.equal("it-cluster");
        const ofNames = [
            ...["Names and tasks", "Event to accepted by Route 53, and to in sync (ms)", "Made and removed"],
            ...["In the way", "To be mended", "Functions and queue"],
        ];
        const ofCertificate = [
            "Certificate: lifetime left (%), and whether renewals fail",
            "Runs of the renewal, its errors and its time (ms)",
        ];
        const ofService = "CPU and memory of the service's tasks (%)";
        expect(titlesOf(withService)).to.deep.equal([...ofNames, ...ofCertificate, ofService]);
        const renewal = ["FunctionName", "it-certificate-renewal"];
        const service = ["ClusterName", "it-cluster", "ServiceName", "it-task-service"];
        expect(metricsOf(withService).slice(-12)).to.deep.equal([
            ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", "it-dns-queue", { stat: "Maximum" }],
            ["AWS/Lambda", "Errors", "FunctionName", "it-dns-sync", { stat: "Sum" }],
            ["AWS/Lambda", "Errors", "FunctionName", "it-dns-sweep", { stat: "Sum" }],
            ["taskgate/certificate", "LifetimeLeft", ...renewal, { stat: "Minimum" }],
            ["taskgate/certificate", "Failing", ...renewal, { stat: "Maximum" }],
            ["AWS/Lambda", "Invocations", ...renewal, { stat: "Sum" }],
            ["AWS/Lambda", "Errors", ...renewal, { stat: "Sum" }],
            ["AWS/Lambda", "Duration", ...renewal, { stat: "Maximum" }],
            ["AWS/ECS", "CPUUtilization", ...service, { stat: "Average" }],
            ["AWS/ECS", "CPUUtilization", ...service, { stat: "Maximum" }],
            ["AWS/ECS", "MemoryUtilization", ...service, { stat: "Average" }],
            ["AWS/ECS", "MemoryUtilization", ...service, { stat: "Maximum" }],
        ]);
        const places = withService.dashboardBody.widgets.map(({ x, y, width, height }) => [x, y, width, height]);
        expect(places.slice(0, 3)).to.deep.equal([
            [0, 0, 12, 6],
            [12, 0, 12, 6],
            [0, 6, 12, 6],
        ]);
        expect(titlesOf(await dashboardOf({}))).to.deep.equal([...ofNames, ...ofCertificate]);
    });

    it("hands every argument to the part that takes it", async () => {
        const kmsKeyArn = "arn:aws:kms:eu-west-1:111122223333:key/12345678-1234-1234-1234-123456789012";
        const args: TaskPlatformArgs = {
            ...minimal,
            acmeDirectory: "letsencrypt-staging",
            acmeEmail: "acme@example.com",
            acmeProfile: "shortlived",
            rotation: "hot",
            acmeProfileRequired: true,
            acmePreferredChain: "Root X2",
            acmeExternalAccount: { keyId: "kid-1", keyArn: "arn:aws:ssm:eu-west-1:111122223333:parameter/hmac" },
            challengeDelegation: { recordName: "tasks.acme.example.net", hostedZoneId: "Z9" },
            kmsKeyArn,
            includeApex: true,
            importToAcm: false,
            keyType: KeyType.P384,
            notificationEmail: "ops@example.com",
            recordTtl: 60,
            publishAt: "RUNNING",
            negativeTtl: 30,
            caaIssuer: "letsencrypt.org",
            announceNames: true,
            containerInsights: ContainerInsights.Enabled,
            vpcId: "vpc-1",
            subnetIds: ["subnet-1"],
            desiredCount: 3,
            containerPort: 3000,
            command: ["serve"],
            environment: { A: "b" },
            secrets: { C: "arn:aws:ssm:eu-west-1:111122223333:parameter/c" },
            cpu: 512,
            memory: 1024,
            cpuArchitecture: "ARM64",
            healthCheck: { command: ["CMD", "true"] },
            healthCheckPath: "/health",
            taskPolicyArns: ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"],
            stopTimeout: 60,
            httpsPort: 8443,
            httpPort: 8080,
            allowedCidrBlocks: ["203.0.113.0/24"],
            envoyImage: "envoy:1",
            accessLog: "all",
            authentication: { issuer: "https://id.example.com", audiences: ["boards"] },
            logRetentionDays: 7,
        };
        const other = await recordOne((options) => new TaskPlatform("it", args, options));
        expect(other.childrenOf("it").map((child) => child.split(" ")[0])).to.deep.equal([
            "it-certificate",
            "it-cluster",
            "it-dns",
            "it-task",
        ]);
        const parts = ["it-certificate", "it-cluster", "it-dns", "it-task"].map((part) => other.component(part).inputs);
        const received = Object.assign({}, ...parts) as Record<string, unknown>;
        const { alarmTopicArn, clusterArn: cluster, certificateSecretArn, stopTasksOnDestroy, ...rest } = received;
        const { sealedCopy, sealedCertificateUrl, secretKeyArns, watchedPort, ...given } = rest;
        expect(watchedPort).to.equal(args.httpsPort ?? 443);
        expect(secretKeyArns).to.deep.equal([kmsKeyArn]);
        expect([sealedCopy, sealedCertificateUrl]).to.deep.equal([
            true,
            "https://it-certificate-sealed.s3.eu-west-1.amazonaws.com/certificate.json",
        ]);
        expect(given).to.deep.equal(args);
        expect(stopTasksOnDestroy).to.equal(true);
        expect([alarmTopicArn, cluster, certificateSecretArn]).not.to.include(undefined);
        expect(other.component("it").outputs).to.deep.include({
            vpcId: "vpc-1",
            subnetIds: ["subnet-1"],
            serviceName: "it-task-service",
            runTaskInput: runTaskInput(["subnet-1"]),
        });
    });

    describe("the command that starts a task", () => {
        let directory: string;
        before(() => {
            directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
        });
        after(() => rmSync(directory, { recursive: true }));

        it("hands RunTask its input, unharmed by the shell, and prints the task's URL", () => {
            const aws = join(directory, "aws");
            const arn = `arn:aws:ecs:eu-west-1:111122223333:task/it-cluster/${"0123456789abcdef".repeat(2)}`;
            writeFileSync(aws, `#!/bin/sh\nprintf '%s\\n' "$@" > ${directory}/arguments\necho ${arn}\n`);
            chmodSync(aws, 0o755);
            const command = made().component("it").outputs?.runTaskCommand as string;
            const printed = execFileSync("sh", ["-c", command], {
                env: { PATH: `${directory}:${process.env.PATH ?? ""}` },
                encoding: "utf8",
            });
            expect(printed).to.equal(`https://${"0123456789abcdef".repeat(2)}.tasks.example.com/\n`);
            expect(readFileSync(join(directory, "arguments"), "utf8").trimEnd().split("\n")).to.deep.equal([
                ...["ecs", "run-task", "--region", "eu-west-1", "--cli-input-json"],
                JSON.stringify(runTaskInput(["subnet-it-network-public-1", "subnet-it-network-public-2"])),
                ...["--query", "tasks[0].taskArn", "--output", "text"],
            ]);
        });
    });

    describe("with an RSA certificate beside the first", () => {
        const args: TaskPlatformArgs = { ...minimal, rsaKeyType: "RSA-2048", notificationEmail: "ops@example.com" };

        it("makes another, of the same account and with the same alerts, and shows tasks both", async () => {
            const kept = { ...args, rotation: "hot", importToAcm: true, acmeEmail: "acme@example.com" } as const;
            const other = await recordOne((options) => new TaskPlatform("it", kept, options));
            const inputs = other.component("it-rsa-certificate").inputs;
            expect(inputs).to.deep.equal({
                domain: "tasks.example.com",
                hostedZoneId: minimal.hostedZoneId,
                acmeEmail: "acme@example.com",
                keyType: "RSA-2048",
                sealedCopy: true,
                watchedPort: 443,
                accountKeyParameterName: "/taskgate/it-certificate-secret/acme-account-key",
                alertTopicArn: "arn:aws:sns:eu-west-1:111122223333:it-certificate-alerts",
            });
            const rsaCertificateSecretArn = other.component("it-rsa-certificate").outputs?.secretArn;
            expect(other.component("it-task").inputs).to.deep.include({
                rsaCertificateSecretArn,
                rsaSealedCertificateUrl:
                    "https://it-rsa-certificate-sealed.s3.eu-west-1.amazonaws.com/certificate.json",
            });
            expect(other.component("it").outputs).to.deep.include({
                rsaCertificateSecretArn,
                rsaRenewalFunctionName: "it-rsa-certificate-renewal",
            });
        });

        it("refuses one beside RSA, another kind, and a name that is too long for it", async () => {
            const refusal = (more: object, name = "it") =>
                refusalOf((options) => new TaskPlatform(name, { ...args, ...more }, options));
            expect(await refusal({ keyType: "RSA-3072" })).to.deep.equal({
                rsaKeyType: "stands beside an ECDSA key, and keyType is RSA-3072: leave one of them out",
            });
            expect(await refusal({ rsaKeyType: "P-256" })).to.deep.equal({
                rsaKeyType: '"P-256" is not one of RSA-2048, RSA-3072, RSA-4096',
            });
            expect(Object.values(await refusal({}, "n".repeat(24))).join()).to.include("23");
        });
    });

    it("refuses what any part would refuse, before it makes the first", async () => {
        const args: TaskPlatformArgs = {
            ...minimal,
            domain: "example",
            image: "",
            keyType: "P-521" as KeyType,
            acmeDirectory: "zerossl",
            acmeProfileRequired: "yes" as unknown as boolean,
            acmeExternalAccount: { keyId: "kid-1", keyArn: "c2VjcmV0" },
            challengeDelegation: { recordName: "tasks.acme.example.net", hostedZoneId: "" },
            acmeEmail: "nobody",
            notificationEmail: "somebody",
            recordTtl: 0,
            cidrBlock: "10.0.0.0/8",
            numberOfAvailabilityZones: 0,
            containerInsights: "on" as ContainerInsights,
            desiredCount: 1.5,
            idleTimeout: 86_401,
            maxLifetime: 59,
            authentication: { issuer: "https://id.example.com", audiences: [] },
            cpu: 300,
            logRetentionDays: 2,
            vpcId: "vpc-1",
        };
        const refusal = await refusalOf((options) => new TaskPlatform("it", args, options));
        expect(Object.keys(refusal).sort()).to.deep.equal([
            "acmeDirectory",
            "acmeEmail",
            "acmeExternalAccount.keyArn",
            "acmeProfileRequired",
            "authentication.audiences",
            "challengeDelegation.hostedZoneId",
            "cidrBlock",
            "containerInsights",
            "cpu",
            "desiredCount",
            "domain",
            "idleTimeout",
            "image",
            "keyType",
            "logRetentionDays",
            "maxLifetime",
            "notificationEmail",
            "numberOfAvailabilityZones",
            "recordTtl",
            "subnetIds",
        ]);
        const profile = { ...minimal, acmeProfile: "longlived", acmeDirectory: "letsencrypt" };
        expect(await refusalOf((options) => new TaskPlatform("it", profile, options))).to.deep.equal({
            acmeProfile: '"longlived" is not one of classic, tlsserver, shortlived',
        });
        const days = { ...minimal, acmeProfile: "shortlived" };
        expect(await refusalOf((options) => new TaskPlatform("it", days, options))).to.deep.equal({
            rotation:
                'is to be "hot" where certificates live for days: a task that was started on demand keeps what it was started with, and could outlive it',
        });
        const zeroSsl = { ...minimal, acmeDirectory: "https://acme.zerossl.com/v2/DV90" };
        const { acmeExternalAccount } = await refusalOf((options) => new TaskPlatform("it", zeroSsl, options));
        expect(acmeExternalAccount).to.match(/^acme\.zerossl\.com takes only accounts that it knows already/);
        expect(refusal.subnetIds).to.equal(
            "is missing: vpcId and subnetIds go together, give both, or neither to have a VPC made",
        );
    });
});
