import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";

import { AccessLog, CpuArchitecture, EnvoyTask, EnvoyTaskArgs } from "../../components";
import { envoyBootstrap, EnvoyBootstrapOptions } from "../../components/internal/envoy/envoyBootstrap";
import { ownRoutes } from "../../components/internal/envoy/routes";
import { served } from "../../components/internal/envoy/servedCertificates";
import {
    drainEnvoy,
    drainWatchedEnvoy,
    followCertificate,
    openVolume,
    writeEnd,
    writeFirstCertificate,
    writeGuardedRoutes,
    writeRoutes,
} from "../../components/internal/envoy/scripts";
import { keepsHouseRules, recordOne, refusalOf, tags } from "../support/houseRules";
import { Recording } from "../support/mocks";
import { assumedBy, documentOf, forThisAccount, writesLogs } from "../support/policies";
import { unhandledDuring } from "../support/rejection";

const clusterArn = "arn:aws:ecs:eu-west-1:111122223333:cluster/tasks";
const certificateSecretArn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:certificate-AbCdEf";
const databaseSecretArn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:database-GhIjKl";
const parameterArn = "arn:aws:ssm:eu-west-1:111122223333:parameter/token";

const minimal: EnvoyTaskArgs = {
    image: "docker.io/traefik/whoami:v1.11.0",
    vpcId: "vpc-1",
    subnetIds: ["subnet-1", "subnet-2"],
    clusterArn,
    certificateSecretArn,
};

/** Every argument, none at its default. */
const full: EnvoyTaskArgs = {
    ...minimal,
    image: "444455556666.dkr.ecr.eu-west-1.amazonaws.com/team/app:1.2",
    containerPort: 3000,
    command: ["serve", "--verbose"],
    environment: { ZONE: "b", LEVEL: "info" },
    secrets: { TOKEN: parameterArn, PASSWORD: `${databaseSecretArn}:password::` },
    cpu: 1024,
    memory: 3072,
    cpuArchitecture: CpuArchitecture.Arm,
    healthCheck: { command: ["CMD", "/app", "check"], interval: 10 },
    healthCheckPath: "/health",
    taskPolicyArns: ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess", "arn:aws:iam::111122223333:policy/own"],
    stopTimeout: 120,
    drainSeconds: 115,
    dockerLabels: { team: "red" },
    httpsPort: 8443,
    httpPort: 8080,
    allowedCidrBlocks: ["203.0.113.0/24", "2001:db8::/32"],
    envoyImage: "444455556666.dkr.ecr.eu-west-1.amazonaws.com/envoy:1.40",
    accessLog: AccessLog.All,
    logRetentionDays: 7,
    domain: "tasks.example.com",
    desiredCount: 2,
    allowedSecurityGroupIds: ["sg-gateway"],
    tags,
};

const assumedByTasks = assumedBy("ecs-tasks", forThisAccount);
const writeLogs = writesLogs("it-logs");

const logConfiguration = (prefix: string): unknown => ({
    logDriver: "awslogs",
    options: { "awslogs-group": "it-logs", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": prefix },
});

describe("EnvoyTask", () => {
    const made = keepsHouseRules((options) => new EnvoyTask("it", full, options));
    let plain: Recording<EnvoyTask>;
    before(async () => {
        plain = await recordOne((options) => new EnvoyTask("it", minimal, options));
    });
    const inputsOf = (name: string): Record<string, unknown> => made().find(name).inputs;

    it("makes these and nothing else", () => {
        expect(plain.childrenOf("it")).to.deep.equal([
            "it aws:ecs/taskDefinition:TaskDefinition",
            "it-execution-policy aws:iam/rolePolicy:RolePolicy",
            "it-execution-role aws:iam/role:Role",
            "it-http-from-0.0.0.0/0 aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            "it-http-from-::/0 aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            "it-https-from-0.0.0.0/0 aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            "it-https-from-::/0 aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            "it-logs aws:cloudwatch/logGroup:LogGroup",
            "it-security-group aws:ec2/securityGroup:SecurityGroup",
            "it-task-role aws:iam/role:Role",
            "it-to-0.0.0.0/0 aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
            "it-to-::/0 aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        ]);
        expect(made().childrenOf("it")).to.deep.equal([
            "it aws:ecs/taskDefinition:TaskDefinition",
            "it-execution-policy aws:iam/rolePolicy:RolePolicy",
            "it-execution-role aws:iam/role:Role",
            "it-http-from-2001:db8::/32 aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            "it-http-from-203.0.113.0/24 aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            "it-http-from-group-1 aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            "it-https-from-2001:db8::/32 aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            "it-https-from-203.0.113.0/24 aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            "it-https-from-group-1 aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
            "it-logs aws:cloudwatch/logGroup:LogGroup",
            "it-redeploy aws:lambda/function:Function",
            "it-redeploy-errors aws:cloudwatch/metricAlarm:MetricAlarm",
            "it-redeploy-logs aws:cloudwatch/logGroup:LogGroup",
            "it-redeploy-policy aws:iam/rolePolicy:RolePolicy",
            "it-redeploy-role aws:iam/role:Role",
            "it-redeploy-schedule aws:scheduler/schedule:Schedule",
            "it-redeploy-schedule-policy aws:iam/rolePolicy:RolePolicy",
            "it-redeploy-schedule-role aws:iam/role:Role",
            "it-security-group aws:ec2/securityGroup:SecurityGroup",
            "it-service aws:ecs/service:Service",
            "it-task-policy-1 aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            "it-task-policy-2 aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            "it-task-role aws:iam/role:Role",
            "it-to-0.0.0.0/0 aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
            "it-to-::/0 aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
        ]);
    });

    it("gives what a caller of RunTask needs", () => {
        const outputs = {
            taskDefinitionArn: "arn:aws:ecs:eu-west-1:111122223333:task-definition/it:1",
            securityGroupId: "sg-it-security-group",
            taskRoleArn: "arn:aws:iam::111122223333:role/it-task-role",
            executionRoleArn: "arn:aws:iam::111122223333:role/it-execution-role",
            logGroupName: "it-logs",
            serviceName: "",
            runTaskInput: {
                cluster: clusterArn,
                taskDefinition: "arn:aws:ecs:eu-west-1:111122223333:task-definition/it:1",
                launchType: "FARGATE",
                propagateTags: "TASK_DEFINITION",
                networkConfiguration: {
                    awsvpcConfiguration: {
                        subnets: ["subnet-1", "subnet-2"],
                        securityGroups: ["sg-it-security-group"],
                        assignPublicIp: "ENABLED",
                    },
                },
            },
        };
        expect(plain.component("it").outputs).to.deep.equal(outputs);
        expect(made().component("it").outputs).to.deep.equal({ ...outputs, serviceName: "it-service" });
    });

    describe("the security group", () => {
        const rulesOf = (recording: Recording<EnvoyTask>, direction: "Ingress" | "Egress"): unknown[] =>
            recording.resources
                .filter(({ type }) => type.endsWith(`:SecurityGroup${direction}Rule`))
                .map(({ inputs }) => inputs);
        const common = { securityGroupId: "sg-it-security-group" };

        it("has no rules but those that are resources of their own", () => {
            expect(inputsOf("it-security-group")).to.deep.equal({
                vpcId: "vpc-1",
                description: "HTTPS, and HTTP for the redirect, to tasks",
                tags,
            });
        });

        it("lets the internet in on 443 and 80", () => {
            expect(rulesOf(plain, "Ingress")).to.have.deep.members([
                { ...common, ipProtocol: "tcp", fromPort: 443, toPort: 443, cidrIpv4: "0.0.0.0/0" },
                { ...common, ipProtocol: "tcp", fromPort: 443, toPort: 443, cidrIpv6: "::/0" },
                { ...common, ipProtocol: "tcp", fromPort: 80, toPort: 80, cidrIpv4: "0.0.0.0/0" },
                { ...common, ipProtocol: "tcp", fromPort: 80, toPort: 80, cidrIpv6: "::/0" },
            ]);
        });

        it("lets only the given networks and groups in, on the given ports", () => {
            const group = { referencedSecurityGroupId: "sg-gateway", tags };
            expect(rulesOf(made(), "Ingress")).to.have.deep.members([
                { ...common, ipProtocol: "tcp", fromPort: 8443, toPort: 8443, ...group },
                { ...common, ipProtocol: "tcp", fromPort: 8080, toPort: 8080, ...group },
                { ...common, ipProtocol: "tcp", fromPort: 8443, toPort: 8443, cidrIpv4: "203.0.113.0/24", tags },
                { ...common, ipProtocol: "tcp", fromPort: 8443, toPort: 8443, cidrIpv6: "2001:db8::/32", tags },
                { ...common, ipProtocol: "tcp", fromPort: 8080, toPort: 8080, cidrIpv4: "203.0.113.0/24", tags },
                { ...common, ipProtocol: "tcp", fromPort: 8080, toPort: 8080, cidrIpv6: "2001:db8::/32", tags },
            ]);
        });

        it("lets everything out", () => {
            expect(rulesOf(plain, "Egress")).to.have.deep.members([
                { ...common, ipProtocol: "-1", cidrIpv4: "0.0.0.0/0" },
                { ...common, ipProtocol: "-1", cidrIpv6: "::/0" },
            ]);
        });
    });

    describe("the execution role", () => {
        it("may read the certificate and write logs, for tasks of this account", () => {
            expect(plain.find("it-execution-role").inputs).to.deep.equal({
                description: "Lets ECS pull the images, read the secrets and write the logs of a task",
                assumeRolePolicy: assumedByTasks,
            });
            expect(plain.find("it-execution-policy").inputs).to.deep.equal({
                role: "it-execution-role",
                policy: documentOf(
                    {
                        Sid: "ReadSecrets",
                        Effect: "Allow",
                        Action: "secretsmanager:GetSecretValue",
                        Resource: [certificateSecretArn],
                    },
                    writeLogs,
                ),
            });
        });

        it("may read the app's secrets and pull both images", () => {
            expect(inputsOf("it-execution-policy").policy).to.deep.equal(
                documentOf(
                    {
                        Sid: "ReadSecrets",
                        Effect: "Allow",
                        Action: "secretsmanager:GetSecretValue",
                        Resource: [certificateSecretArn, databaseSecretArn],
                    },
                    { Sid: "ReadParameters", Effect: "Allow", Action: "ssm:GetParameters", Resource: [parameterArn] },
                    { Sid: "SignInToEcr", Effect: "Allow", Action: "ecr:GetAuthorizationToken", Resource: "*" },
                    {
                        Sid: "PullImages",
                        Effect: "Allow",
                        Action: ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
                        Resource: [
                            "arn:aws:ecr:eu-west-1:444455556666:repository/envoy",
                            "arn:aws:ecr:eu-west-1:444455556666:repository/team/app",
                        ],
                    },
                    writeLogs,
                ),
            );
        });
    });

    describe("the task role", () => {
        it("may do nothing", () => {
            expect(plain.find("it-task-role").inputs).to.deep.equal({
                description: "What the app may do in AWS",
                assumeRolePolicy: assumedByTasks,
            });
        });

        it("may do what its policies say", () => {
            expect([inputsOf("it-task-policy-1"), inputsOf("it-task-policy-2")]).to.deep.equal([
                { role: "it-task-role", policyArn: "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" },
                { role: "it-task-role", policyArn: "arn:aws:iam::111122223333:policy/own" },
            ]);
        });
    });

    describe("the task definition", () => {
        it("comes when both roles have their policies", () => {
            expect(made().find("it").dependsOn).to.include.members([
                "it-execution-policy",
                "it-task-policy-1",
                "it-task-policy-2",
            ]);
        });

        it("is of the smallest size", () => {
            const { containerDefinitions, ...inputs } = plain.find("it").inputs;
            expect(containerDefinitions).to.have.length(4);
            expect(inputs).to.deep.equal({
                family: "it",
                requiresCompatibilities: ["FARGATE"],
                networkMode: "awsvpc",
                cpu: "256",
                memory: "512",
                runtimePlatform: { operatingSystemFamily: "LINUX", cpuArchitecture: "X86_64" },
                volumes: [{ name: "envoy" }],
                executionRoleArn: "arn:aws:iam::111122223333:role/it-execution-role",
                taskRoleArn: "arn:aws:iam::111122223333:role/it-task-role",
            });
        });

        it("takes another size, architecture and retention", () => {
            const { cpu, memory, runtimePlatform, tags: given } = inputsOf("it");
            expect({ cpu, memory, runtimePlatform, tags: given }).to.deep.equal({
                cpu: "1024",
                memory: "3072",
                runtimePlatform: { operatingSystemFamily: "LINUX", cpuArchitecture: "ARM64" },
                tags,
            });
            expect(plain.find("it-logs").inputs).to.deep.equal({ retentionInDays: 30 });
            expect(inputsOf("it-logs")).to.deep.equal({ retentionInDays: 7, tags });
        });

        it("runs the app without the certificate", () => {
            const [app] = plain.find("it").inputs.containerDefinitions as unknown[];
            expect(app).to.deep.equal({
                name: "app",
                image: "docker.io/traefik/whoami:v1.11.0",
                essential: true,
                environment: [],
                secrets: [],
                stopTimeout: 30,
                logConfiguration: logConfiguration("app"),
                cpu: 176,
            });
        });

        it("runs the app as it is told, its variables sorted", () => {
            const [app] = inputsOf("it").containerDefinitions as unknown[];
            expect(app).to.deep.equal({
                name: "app",
                image: "444455556666.dkr.ecr.eu-west-1.amazonaws.com/team/app:1.2",
                essential: true,
                command: ["serve", "--verbose"],
                environment: [
                    { name: "LEVEL", value: "info" },
                    { name: "ZONE", value: "b" },
                ],
                secrets: [
                    { name: "PASSWORD", valueFrom: `${databaseSecretArn}:password::` },
                    { name: "TOKEN", valueFrom: parameterArn },
                ],
                healthCheck: {
                    command: ["CMD", "/app", "check"],
                    interval: 10,
                    timeout: 5,
                    retries: 3,
                },
                stopTimeout: 120,
                logConfiguration: logConfiguration("app"),
                cpu: 704,
            });
        });

        const envoyVolume = { sourceVolume: "envoy", containerPath: "/run/envoy", readOnly: false };
        const confined = (user: string): object => ({
            readonlyRootFilesystem: true,
            user,
            linuxParameters: { capabilities: { add: [], drop: ["ALL"] } },
        });
        const envoy = {
            name: "envoy",
            essential: true,
            cpu: 64,
            memory: 172,
            secrets: [
                { name: "TLS_CERTIFICATE_CHAIN", valueFrom: `${certificateSecretArn}:certificateChain::` },
                { name: "TLS_PRIVATE_KEY", valueFrom: `${certificateSecretArn}:privateKey::` },
            ],
            mountPoints: [envoyVolume],
            ...confined("65532"),
            stopTimeout: 5,
            logConfiguration: logConfiguration("envoy"),
        };
        const commandOf = (options: EnvoyBootstrapOptions, drainSeconds: number): string[] => [
            ...["--config-yaml", JSON.stringify(envoyBootstrap({ ...options, admin: true }))],
            ...["--concurrency", "1", "--disable-hot-restart", "--drain-time-s", String(drainSeconds)],
            ...["--log-level", "warning"],
        ];
        const ports = (...published: number[]): unknown[] =>
            published.map((port) => ({ containerPort: port, hostPort: port, protocol: "tcp" }));

        it("runs Envoy with the certificate, without privileges, after the app", () => {
            const [, , container] = plain.find("it").inputs.containerDefinitions as unknown[];
            const options = {
                ...{ httpsPort: 443, httpPort: 80, appPort: 8080, taskCpu: 256 },
                accessLog: AccessLog.Errors,
            };
            expect(container).to.deep.equal({
                ...envoy,
                image: "docker.io/envoyproxy/envoy:distroless-v1.39.1",
                command: commandOf(options, 20),
                dependsOn: [
                    { containerName: "init", condition: "SUCCESS" },
                    { containerName: "app", condition: "START" },
                ],
                portMappings: ports(443, 80),
                systemControls: [{ namespace: "net.ipv4.ip_unprivileged_port_start", value: "0" }],
            });
        });

        it("runs Envoy for the given ports, domain and health check, once the app is healthy", () => {
            const [, , container] = inputsOf("it").containerDefinitions as unknown[];
            const options = {
                httpsPort: 8443,
                httpPort: 8080,
                taskCpu: 1024,
                appPort: 3000,
                domain: "tasks.example.com",
                healthCheckPath: "/health",
                accessLog: AccessLog.All,
            };
            expect(container).to.deep.equal({
                ...envoy,
                cpu: 256,
                image: "444455556666.dkr.ecr.eu-west-1.amazonaws.com/envoy:1.40",
                command: commandOf(options, 115),
                dockerLabels: { team: "red" },
                dependsOn: [
                    { containerName: "init", condition: "SUCCESS" },
                    { containerName: "app", condition: "HEALTHY" },
                ],
                portMappings: ports(8443, 8080),
            });
        });

        it("opens the volume of Envoy's admin socket, and gives it to no other than Envoy and its helpers", () => {
            const [app, init] = plain.find("it").inputs.containerDefinitions as unknown[];
            expect(app).not.to.have.property("mountPoints");
            expect(init).to.deep.equal({
                name: "init",
                image: "public.ecr.aws/docker/library/buildpack-deps:trixie-curl",
                essential: false,
                entryPoint: ["/bin/sh", "-c"],
                command: ["set -eu\nchmod 1777 /run/envoy"],
                mountPoints: [envoyVolume],
                ...confined("0"),
                logConfiguration: logConfiguration("init"),
            });
        });

        it("writes the routes that lead the task's own name to the app, where it has a domain", () => {
            const [, init] = inputsOf("it").containerDefinitions as Record<string, unknown>[];
            expect(init.command).to.deep.equal([`set -eu\nchmod 1777 /run/envoy\n${writeRoutes}`]);
            expect(init.environment).to.deep.equal([
                { name: "ROUTES", value: JSON.stringify(ownRoutes("tasks.example.com", { httpsPort: 443 })) },
            ]);
        });

        it("proves the TLS handshake, and drains Envoy before it and the app are stopped", () => {
            const [, , , lifecycle] = inputsOf("it").containerDefinitions as unknown[];
            expect(lifecycle).to.deep.equal({
                name: "lifecycle",
                image: "public.ecr.aws/docker/library/buildpack-deps:trixie-curl",
                essential: true,
                entryPoint: ["/bin/sh", "-c"],
                command: [drainEnvoy],
                environment: [
                    { name: "DRAIN_SECONDS", value: "115" },
                    { name: "LEAST_DRAIN_SECONDS", value: "0" },
                ],
                cpu: 64,
                memory: 32,
                dependsOn: [{ containerName: "envoy", condition: "START" }],
                healthCheck: {
                    command: [
                        ...["CMD", "curl", "--silent", "--insecure", "--output", "/dev/null", "--max-time", "4"],
                        "https://127.0.0.1:8443/",
                    ],
                    interval: 10,
                    timeout: 5,
                    retries: 3,
                    startPeriod: 10,
                },
                mountPoints: [envoyVolume],
                ...confined("65532"),
                stopTimeout: 120,
                logConfiguration: logConfiguration("lifecycle"),
            });
        });

        it("is the same text whatever the order in which variables are given", async () => {
            const environment = { LEVEL: "info", ZONE: "b" };
            const again = await recordOne((options) => new EnvoyTask("it", { ...full, environment }, options));
            expect(JSON.stringify(again.find("it").inputs)).to.equal(JSON.stringify(inputsOf("it")));
        });
    });

    it("keeps tasks running by a service that gives up a faulty deployment", () => {
        expect(inputsOf("it-service")).to.deep.equal({
            cluster: clusterArn,
            taskDefinition: "arn:aws:ecs:eu-west-1:111122223333:task-definition/it:1",
            desiredCount: 2,
            launchType: "FARGATE",
            networkConfiguration: {
                subnets: ["subnet-1", "subnet-2"],
                securityGroups: ["sg-it-security-group"],
                assignPublicIp: true,
            },
            deploymentCircuitBreaker: { enable: true, rollback: true },
            deploymentMinimumHealthyPercent: 100,
            deploymentMaximumPercent: 200,
            propagateTags: "SERVICE",
            tags,
        });
    });

    it("refuses containers that ECS has no room for", async () => {
        const args = { ...minimal, environment: { LONG: "x".repeat(64_000) } };
        const errors = await unhandledDuring(() =>
            recordOne((options) => new EnvoyTask("it", args, options)).catch(() => undefined),
        );
        expect(errors).to.have.length(1);
        expect(errors[0]).to.match(
            /The containers of the task it take 7\d{4} bytes as JSON, and ECS has room for 64000: give less environment/,
        );
    });

    it("refuses all that is wrong at once", async () => {
        const args: EnvoyTaskArgs = {
            ...minimal,
            image: "",
            containerPort: 70000,
            httpsPort: 8443,
            httpPort: 8443,
            cpu: 256,
            memory: 4096,
            cpuArchitecture: "arm64" as CpuArchitecture,
            accessLog: "some" as AccessLog,
            stopTimeout: 121,
            drainSeconds: 116,
            healthCheckPath: "health",
            healthCheck: { command: ["CMD", "true"], interval: 1, timeout: 61, retries: 0, startPeriod: 301 },
            environment: { TLS_PRIVATE_KEY: "mine" },
            secrets: { NAME: "/token", TOKEN: parameterArn },
            allowedCidrBlocks: ["10.0.0.0/8", "anywhere", "10.0.0.0/8"],
            logRetentionDays: 2,
            domain: "tasks_example.com",
            idleTimeout: 59,
            maxLifetime: 2_592_001,
            desiredCount: -1,
        };
        expect(await refusalOf((options) => new EnvoyTask("it", args, options))).to.deep.equal({
            image: "is empty: give a value, or leave it out",
            containerPort: "70000 is not allowed: give a whole number from 1 to 65535",
            memory: "Fargate has no task of 256 CPU units with 4096 MiB: give one of 512, 1024, 2048",
            cpuArchitecture: '"arm64" is not one of X86_64, ARM64',
            accessLog: '"some" is not one of off, errors, all',
            stopTimeout: "121 is not allowed: give a whole number from 2 to 120 seconds",
            drainSeconds: "116 is not allowed: give a whole number from 0 to 115 seconds",
            healthCheckPath: '"health" is not a path: begin it with /, without spaces, up to 1024 characters',
            "environment.TLS_PRIVATE_KEY": "is Envoy's own: the app must not have it, give the variable another name",
            "secrets.NAME":
                '"/token" is not the ARN of a Secrets Manager secret or an SSM parameter, e.g. arn:aws:secretsmanager:eu-west-1:111122223333:secret:apps-AbCdEf',
            "healthCheck.interval": "1 is not allowed: give a whole number from 5 to 300 seconds",
            "healthCheck.timeout": "61 is not allowed: give a whole number from 2 to 60 seconds",
            "healthCheck.retries": "0 is not allowed: give a whole number from 1 to 10",
            "healthCheck.startPeriod": "301 is not allowed: give a whole number from 0 to 300 seconds",
            "allowedCidrBlocks[1]": '"anywhere" is not a CIDR block, e.g. 203.0.113.0/24 or 2001:db8::/32',
            "allowedCidrBlocks[2]": '"10.0.0.0/8" is named twice: give it once',
            logRetentionDays:
                "2 is not a retention of CloudWatch Logs: give one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653 days",
            domain: '"tasks_example.com" is not a domain: use at least two labels of a-z, 0-9 and inner hyphens, each up to 63 characters, e.g. tasks.example.com',
            idleTimeout: "59 is not allowed: give a whole number from 60 to 86400 seconds",
            maxLifetime: "2592001 is not allowed: give a whole number from 60 to 2592000 seconds",
            desiredCount: "-1 is not allowed: give a whole number from 0 to 5000 tasks",
        });
    });

    it("ends no task of a service by itself, and none whose health check would keep it", async () => {
        const ending = { ...minimal, idleTimeout: 600, maxLifetime: 3600 };
        expect(await refusalOf((options) => new EnvoyTask("it", ending, options))).to.deep.equal({
            idleTimeout: "needs domain: without one the health check's requests reach the app, and it is never idle",
            maxLifetime: "needs domain: only its own routes tell when a task ends",
        });
        const kept = { ...ending, domain: "tasks.example.com", desiredCount: 1 };
        expect(await refusalOf((options) => new EnvoyTask("it", kept, options))).to.deep.equal({
            idleTimeout: "goes without desiredCount: a service would start another task at once",
            maxLifetime: "goes without desiredCount: a service would start another task at once",
        });
    });

    it("lets what drains Envoy watch it, too, where tasks end when they are idle", async () => {
        const args = { ...minimal, domain: "tasks.example.com", idleTimeout: 600 };
        const made = await recordOne((options) => new EnvoyTask("it", args, options));
        const [, , , lifecycle] = made.find("it").inputs.containerDefinitions as Record<string, unknown>[];
        expect(lifecycle.command).to.deep.equal([drainWatchedEnvoy({ idle: true, lifetime: false })]);
        expect(lifecycle.environment).to.deep.equal([
            { name: "DRAIN_SECONDS", value: "20" },
            { name: "LEAST_DRAIN_SECONDS", value: "0" },
            { name: "IDLE_SECONDS", value: "600" },
            { name: "CHECK_SECONDS", value: "10" },
        ]);
    });

    it("says when a task ends, in its routes and to what drains Envoy, where its time is limited", async () => {
        const args = { ...minimal, domain: "tasks.example.com", maxLifetime: 3600 };
        const made = await recordOne((options) => new EnvoyTask("it", args, options));
        const [, init, , lifecycle] = made.find("it").inputs.containerDefinitions as Record<string, unknown>[];
        expect(init.command).to.deep.equal([["set -eu\nchmod 1777 /run/envoy", writeEnd, writeRoutes].join("\n")]);
        expect(init.environment).to.deep.equal([
            { name: "ROUTES", value: JSON.stringify(ownRoutes("tasks.example.com", { httpsPort: 443, sunset: true })) },
            { name: "LIFETIME_SECONDS", value: "3600" },
        ]);
        expect(lifecycle.command).to.deep.equal([drainWatchedEnvoy({ idle: false, lifetime: true })]);
        expect(lifecycle.environment).to.deep.equal([
            { name: "DRAIN_SECONDS", value: "20" },
            { name: "LEAST_DRAIN_SECONDS", value: "0" },
            { name: "CHECK_SECONDS", value: "10" },
        ]);
    });

    const authentication = { issuer: "https://id.example.com/pool/", audiences: ["boards"] };

    it("asks for a token of its issuer where it is told to: Envoy checks it, and init says whose the task is", async () => {
        const args: EnvoyTaskArgs = {
            ...minimal,
            domain: "tasks.example.com",
            httpsPort: 8443,
            environment: { TEAM_ID: "42", LEVEL: "info" },
            authentication: {
                ...authentication,
                requiredClaims: { "custom:team": "TEAM_ID", client: "SESSION_TENANT" },
                claimHeaders: { "x-team": "custom:team" },
            },
        };
        const made = await recordOne((options) => new EnvoyTask("it", args, options));
        const [app, init, envoy] = made.find("it").inputs.containerDefinitions as Record<string, unknown>[];
        const ready = {
            ...{ issuer: "https://id.example.com/pool/", audiences: ["boards"] },
            jwksUri: "https://id.example.com/pool/.well-known/jwks.json",
            requiredClaims: { "custom:team": "TEAM_ID", client: "SESSION_TENANT" },
            claimHeaders: { "x-team": "custom:team" },
        };
        expect(init.command).to.deep.equal([`set -eu\nchmod 1777 /run/envoy\n${writeGuardedRoutes}`]);
        const routes = ownRoutes("tasks.example.com", { httpsPort: 8443, authentication: ready });
        expect(init.environment).to.deep.equal([
            { name: "ROUTES", value: JSON.stringify(routes) },
            { name: "REQUIRED_VARIABLES", value: "SESSION_TENANT TEAM_ID" },
            { name: "TEAM_ID", value: "42" },
        ]);
        const bootstrap = envoyBootstrap({
            ...{ httpsPort: 8443, httpPort: 80, appPort: 8080, taskCpu: 256, domain: "tasks.example.com" },
            ...{ accessLog: AccessLog.Errors, authentication: ready, admin: true },
        });
        expect((envoy.command as string[]).slice(0, 2)).to.deep.equal(["--config-yaml", JSON.stringify(bootstrap)]);
        expect(app.environment).to.deep.equal([
            { name: "LEVEL", value: "info" },
            { name: "TEAM_ID", value: "42" },
        ]);
        const size = JSON.stringify(made.find("it").inputs.containerDefinitions).length;
        expect(size).to.be.lessThan(24 * 1024); // a task definition may have 64 KiB
    });

    it("refuses what cannot be checked", async () => {
        const args = {
            ...minimal,
            authentication: {
                issuer: "http://id.example.com",
                audiences: [],
                jwksUri: "keys.json",
                requiredClaims: { "custom:team": "team", plan: "ROUTES" },
                claimHeaders: {
                    authorization: "sub",
                    "x-forwarded-user": "sub",
                    "X-Team": "custom:team",
                    "x-a_b": "sub",
                },
                cookies: "session",
            },
        } as EnvoyTaskArgs;
        const header =
            "is no header for a claim: begin it with x-, use a-z, 0-9 and inner hyphens, and leave x-envoy-, x-forwarded-, x-real-, x-request- and x-taskgate- alone";
        const variable =
            "is no variable to compare with: use up to 128 of A-Z, 0-9 and _, begin with a letter, and leave IFS, LC_ALL, LIFETIME_SECONDS, PATH, REQUIRED_VARIABLES and ROUTES alone";
        expect(await refusalOf((options) => new EnvoyTask("it", args, options))).to.deep.equal({
            authentication: "needs domain: a cookie is for the task's own name alone",
            "authentication.issuer":
                '"http://id.example.com" is not an https:// URL without query and fragment, e.g. https://id.example.com',
            "authentication.audiences": "is empty: give at least 1",
            "authentication.jwksUri":
                '"keys.json" is not an https:// URL without query and fragment, e.g. https://id.example.com',
            "authentication.requiredClaims.custom:team": `"team" ${variable}`,
            "authentication.requiredClaims.plan": `"ROUTES" ${variable}`,
            "authentication.claimHeaders.authorization": `"authorization" ${header}`,
            "authentication.claimHeaders.x-forwarded-user": `"x-forwarded-user" ${header}`,
            "authentication.claimHeaders.X-Team": `"X-Team" ${header}`,
            "authentication.claimHeaders.x-a_b": `"x-a_b" ${header}`,
            "authentication.cookies": "is not known: did you mean issuer?",
        });
        expect(
            await refusalOf((options) => new EnvoyTask("it", { ...minimal, authentication }, options)),
        ).to.deep.equal({ authentication: "needs domain: a cookie is for the task's own name alone" });
    });

    it("lets a helper put later certificates in front of Envoy, which alone can open them, where the rotation is hot", async () => {
        const sealedCertificateUrl = "https://sealed.s3.eu-west-1.amazonaws.com/certificate.json";
        const args: EnvoyTaskArgs = { ...minimal, desiredCount: 1, rotation: "hot", sealedCertificateUrl };
        const hot = await recordOne((options) => new EnvoyTask("it", args, options));
        const [app, init, container, lifecycle] = hot.find("it").inputs.containerDefinitions as Record<
            string,
            unknown
        >[];
        expect(app.mountPoints).to.equal(undefined);
        expect(init.command).to.deep.equal([[openVolume, writeFirstCertificate(served.main)].join("\n")]);
        expect(container.secrets).to.deep.equal([
            { name: "TLS_CERTIFICATE_CHAIN", valueFrom: `${certificateSecretArn}:certificateChain::` },
            { name: "TLS_PRIVATE_KEY", valueFrom: `${certificateSecretArn}:privateKey::` },
            { name: "TLS_KEY_PASSWORD", valueFrom: `${certificateSecretArn}:keyPassword::` },
        ]);
        const [, bootstrap] = container.command as string[];
        expect(bootstrap).to.include(
            '"tls_certificate_sds_secret_configs":[{"name":"certificate","sds_config":{"resource_api_version":"V3",' +
                '"path_config_source":{"path":"/run/envoy/certificate/current.json","watched_directory":{"path":"/run/envoy/certificate"}}}}]',
        );
        expect(lifecycle.command).to.deep.equal([[followCertificate, drainEnvoy].join("\n")]);
        expect(lifecycle.memory).to.equal(64);
        expect(lifecycle.secrets).to.equal(undefined);
        expect(lifecycle.environment).to.deep.equal([
            { name: "DRAIN_SECONDS", value: "20" },
            { name: "LEAST_DRAIN_SECONDS", value: "0" },
            { name: "CERTIFICATE_URL", value: sealedCertificateUrl },
            { name: "POLL_SECONDS", value: "60" },
        ]);
        // What is encrypted is public: no permission is needed to fetch it, and the task gets none.
        expect(hot.find("it-task-role").inputs).to.not.have.property("policy");
        const { environment } = hot.find("it-redeploy").inputs as { environment: { variables: object } };
        expect(environment.variables).to.have.property("ONLY_INCOMPLETE", "true");
    });

    describe("with an RSA certificate beside the first", () => {
        const rsaCertificateSecretArn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:rsa-AbCdE1";
        const sealedCertificateUrl = "https://sealed.s3.eu-west-1.amazonaws.com/certificate.json";
        const rsaSealedCertificateUrl = "https://rsa-sealed.s3.eu-west-1.amazonaws.com/certificate.json";
        type Found = Record<string, unknown>;
        const variables = (arn: string, prefix: string) => [
            { name: `${prefix}CERTIFICATE_CHAIN`, valueFrom: `${arn}:certificateChain::` },
            { name: `${prefix}PRIVATE_KEY`, valueFrom: `${arn}:privateKey::` },
        ];

        it("gives Envoy both, lets ECS read both secrets, and replaces the service's tasks after either's renewal", async () => {
            const args: EnvoyTaskArgs = { ...minimal, desiredCount: 1, rsaCertificateSecretArn };
            const made = await recordOne((options) => new EnvoyTask("it", args, options));
            const [, , container] = made.find("it").inputs.containerDefinitions as Found[];
            expect(container.secrets).to.deep.equal([
                ...variables(certificateSecretArn, "TLS_"),
                ...variables(rsaCertificateSecretArn, "TLS_RSA_"),
            ]);
            expect((container.command as string[])[1]).to.include(
                '"tls_certificates":[{"certificate_chain":{"environment_variable":"TLS_CERTIFICATE_CHAIN"},' +
                    '"private_key":{"environment_variable":"TLS_PRIVATE_KEY"}},' +
                    '{"certificate_chain":{"environment_variable":"TLS_RSA_CERTIFICATE_CHAIN"},' +
                    '"private_key":{"environment_variable":"TLS_RSA_PRIVATE_KEY"}}]',
            );
            const both = [certificateSecretArn, rsaCertificateSecretArn];
            const policy = JSON.stringify(made.find("it-execution-policy").inputs.policy);
            expect(both.filter((arn) => !policy.includes(arn))).to.deep.equal([]);
            const { environment } = made.find("it-redeploy").inputs as { environment: { variables: object } };
            expect(environment.variables).to.include({ SECRET_ARN: both[0], RSA_SECRET_ARN: both[1] });
            const seen = made.find("it-redeploy-policy").inputs.policy as { Statement: Found[] };
            expect(seen.Statement.find(({ Sid }) => Sid === "SeeRenewals")).to.deep.equal({
                Sid: "SeeRenewals",
                Effect: "Allow",
                Action: "secretsmanager:DescribeSecret",
                Resource: both,
            });
        });

        it("lets the helper follow both where the rotation is hot, each with a password of its own", async () => {
            const sealed = { sealedCertificateUrl, rsaSealedCertificateUrl };
            const args: EnvoyTaskArgs = { ...minimal, rotation: "hot", rsaCertificateSecretArn, ...sealed };
            const made = await recordOne((options) => new EnvoyTask("it", args, options));
            const [, init, container, lifecycle] = made.find("it").inputs.containerDefinitions as Found[];
            expect(init.command).to.deep.equal([
                [openVolume, writeFirstCertificate(served.main), writeFirstCertificate(served.rsa)].join("\n"),
            ]);
            expect(container.secrets).to.deep.equal([
                ...variables(certificateSecretArn, "TLS_"),
                { name: "TLS_KEY_PASSWORD", valueFrom: `${certificateSecretArn}:keyPassword::` },
                ...variables(rsaCertificateSecretArn, "TLS_RSA_"),
                { name: "TLS_RSA_KEY_PASSWORD", valueFrom: `${rsaCertificateSecretArn}:keyPassword::` },
            ]);
            expect(lifecycle.command).to.deep.equal([[followCertificate, drainEnvoy].join("\n")]);
            expect(lifecycle.environment).to.deep.include.members([
                { name: "CERTIFICATE_URL", value: sealedCertificateUrl },
                { name: "RSA_CERTIFICATE_URL", value: rsaSealedCertificateUrl },
            ]);
        });

        it("refuses a place of later ones without it, and it without one where the rotation is hot", async () => {
            const refusal = (args: Partial<EnvoyTaskArgs>) =>
                refusalOf((options) => new EnvoyTask("it", { ...minimal, ...args }, options));
            expect(await refusal({ rotation: "hot", sealedCertificateUrl, rsaCertificateSecretArn })).to.deep.equal({
                rsaSealedCertificateUrl:
                    'is missing: tasks with the rotation "hot" look for later ones of rsaCertificateSecretArn too',
            });
            for (const args of [{ rotation: "hot", sealedCertificateUrl } as const, { rsaCertificateSecretArn }]) {
                expect(await refusal({ ...args, rsaSealedCertificateUrl })).to.deep.equal({
                    rsaSealedCertificateUrl:
                        'goes with rsaCertificateSecretArn and the rotation "hot": leave it out, or give both',
                });
            }
        });
    });

    it("refuses a hot rotation from nowhere, and a place that nobody looks at", async () => {
        const refusal = (args: Partial<EnvoyTaskArgs>) =>
            refusalOf((options) => new EnvoyTask("it", { ...minimal, ...args }, options));
        expect(await refusal({ rotation: "hot" })).to.deep.equal({
            sealedCertificateUrl:
                'is missing: tasks with the rotation "hot" need to know where later certificates are, e.g. WildcardCertificate\'s sealedCopyUrl',
        });
        expect(await refusal({ sealedCertificateUrl: "https://example.com/certificate.json" })).to.deep.equal({
            sealedCertificateUrl: 'goes with the rotation "hot": leave it out, or give that',
        });
        expect(await refusal({ environment: { TLS_KEY_PASSWORD: "mine" } })).to.have.property(
            "environment.TLS_KEY_PASSWORD",
        );
    });

    it("judges nothing that is not known yet", async () => {
        const args: EnvoyTaskArgs = {
            ...minimal,
            memory: 513,
        };
        const made = await recordOne(
            (options) => {
                const later = new pulumi.Stash("later", { input: 1 }).output as pulumi.Output<never>;
                return new EnvoyTask(
                    "it",
                    { ...args, image: later, cpu: later, domain: later, secrets: { NAME: later } },
                    options,
                );
            },
            { preview: true },
        );
        expect(made.find("it").type).to.equal("aws:ecs/taskDefinition:TaskDefinition");
    });
});
