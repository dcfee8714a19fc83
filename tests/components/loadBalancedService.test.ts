import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";

import {
    CapacityProvider,
    ClientAddress,
    Failover,
    LoadBalancedService,
    LoadBalancedServiceArgs,
    LoadBalancerType,
    ServiceConnectProtocol,
    Routing,
    Tls,
} from "../../components";
import { omit } from "../../local/machine/omit";
import { metricsOf, sentDashboard, titlesOf } from "../support/dashboard";
import { keepsHouseRules, recordOne, refusalOf, tags } from "../support/houseRules";
import { record, Recording } from "../support/mocks";

const clusterArn = "arn:aws:ecs:eu-west-1:111122223333:cluster/web";
const certificateArn = "arn:aws:acm:eu-west-1:111122223333:certificate/given";
const certificateSecretArn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:certificate-AbCdEf";
const sharedListenerArn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/shared/1/2";
const topicArn = "arn:aws:sns:eu-west-1:111122223333:alerts";
const policy = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09";

const common = {
    image: "docker.io/traefik/whoami:v1.11.0",
    vpcId: "vpc-1",
    subnetIds: ["subnet-1", "subnet-2"],
    clusterArn,
};
const minimal: LoadBalancedServiceArgs = { ...common, loadBalancerSubnetIds: ["subnet-3", "subnet-4"], certificateArn };
const withoutCertificate = omit(minimal, "certificateArn");

const shapes = {
    albTerminate: minimal,
    albEndToEnd: { ...minimal, tls: Tls.EndToEnd },
    nlbTerminate: { ...minimal, loadBalancer: LoadBalancerType.Network },
    nlbPreserved: {
        ...withoutCertificate,
        ...{ loadBalancer: LoadBalancerType.Network, tls: Tls.EndToEnd, certificateSecretArn },
    },
    nlbProxyProtocol: {
        ...withoutCertificate,
        ...{ loadBalancer: LoadBalancerType.Network, tls: Tls.EndToEnd, certificateSecretArn },
        clientAddress: ClientAddress.ProxyProtocol,
    },
    shared: {
        ...common,
        ...{ listenerArn: sharedListenerArn, loadBalancerSecurityGroupId: "sg-shared", hosts: ["a.example.com"] },
        priority: 10,
    },
} satisfies Record<string, LoadBalancedServiceArgs>;

/** Every argument that goes with the others, none at its default. */
const full: LoadBalancedServiceArgs = {
    ...withoutCertificate,
    tls: Tls.EndToEnd,
    domain: "www.example.com",
    hostedZoneId: "Z1",
    hosts: ["www.example.com"],
    paths: ["/a/*", "/b/*"],
    priority: 7,
    oidc: {
        issuer: "https://id.example.com",
        authorizationEndpoint: "https://id.example.com/authorize",
        tokenEndpoint: "https://id.example.com/token",
        userInfoEndpoint: "https://id.example.com/user",
        clientId: "web",
        clientSecret: "hush",
    },
    webAclArn: "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/web/1",
    accessLogsBucket: "logs",
    alarms: { topicArn, errorPercent: 1, latencySeconds: 0.5 },
    dashboard: true,
    autoscaling: {
        minTasks: 2,
        maxTasks: 8,
        cpuPercent: 60,
        memoryPercent: 70,
        requestsPerTarget: 1000,
        schedules: [{ schedule: "cron(0 7 * * ? *)", timezone: "Europe/Dublin", minTasks: 4, maxTasks: 8 }],
    },
    capacityProvider: CapacityProvider.FargateSpot,
    deregistrationDelay: 20,
    targetHealth: { interval: 5, timeout: 2, healthyThreshold: 3, unhealthyThreshold: 2, graceSeconds: 15 },
    healthCheckPath: "/up",
    idleTimeout: 600,
    drainSeconds: 30,
    httpsPort: 8443,
    httpPort: 8080,
    allowedCidrBlocks: ["203.0.113.0/24"],
    dockerLabels: { team: "web" },
    tags,
};

const made = (args: LoadBalancedServiceArgs): Promise<Recording<LoadBalancedService>> =>
    recordOne((options) => new LoadBalancedService("it", args, options));

const tasksAnywhere = ["sg-it-tasks-security-group all to 0.0.0.0/0", "sg-it-tasks-security-group all to ::/0"];
const clients = (port: number): string[] =>
    ["0.0.0.0/0", "::/0"].map((cidr) => `sg-it-security-group ${port} from ${cidr}`);
const connected = (port: number, group = "sg-it-security-group"): string[] => [
    `${group} ${port} to sg-it-tasks-security-group`,
    `sg-it-tasks-security-group ${port} from ${group}`,
];

interface Container {
    readonly name: string;
    readonly portMappings?: readonly { containerPort: number }[];
    readonly dockerLabels?: Record<string, string>;
    readonly image: string;
}

const containersOf = (recording: Recording<unknown>): readonly Container[] =>
    recording.find("it-task").inputs.containerDefinitions as Container[];

describe("LoadBalancedService", () => {
    describe("with everything", () => {
        const all = keepsHouseRules((options) => new LoadBalancedService("it", full, options));

        it("joins hosts and paths in rules behind a sign-in, and serves nothing else", () => {
            const { inputs } = all().find("it-https");
            expect(inputs.defaultActions).to.deep.equal([
                {
                    type: "fixed-response",
                    fixedResponse: {
                        contentType: "text/plain",
                        messageBody: "Nothing is served here.\n",
                        statusCode: "404",
                    },
                },
            ]);
            expect(omit(all().find("it-rule-at-7").inputs, "actions")).to.deep.equal({
                listenerArn: "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/it-https/1/2",
                priority: 7,
                conditions: [
                    { hostHeader: { values: ["www.example.com"] } },
                    { pathPattern: { values: ["/a/*", "/b/*"] } },
                ],
                tags,
            });
        });

        it("asks who somebody is before it forwards, by a secret that is encrypted in the state", () => {
            const { actions } = all().find("it-rule-at-7").inputs;
            expect(actions).to.deep.include({ [pulumi.runtime.specialSigKey]: pulumi.runtime.specialSecretSig });
            expect((actions as { value: unknown }).value).to.deep.equal([
                { type: "authenticate-oidc", authenticateOidc: full.oidc, order: 1 },
                {
                    type: "forward",
                    targetGroupArn: "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/it-tg/3",
                    order: 2,
                },
            ]);
        });

        it("reaches the identity provider, and nobody else on the internet", () => {
            expect(all().securityGroupRules()).to.deep.equal(
                [
                    "sg-it-security-group 443 to 0.0.0.0/0",
                    "sg-it-security-group 443 to ::/0",
                    "sg-it-security-group 8080 from 203.0.113.0/24",
                    "sg-it-security-group 8443 from 203.0.113.0/24",
                    ...connected(8443),
                    ...tasksAnywhere,
                ].sort(),
            );
        });

        it("has a certificate and a name in the zone", () => {
            expect(all().find("it-certificate").inputs).to.deep.equal({
                domainName: "www.example.com",
                validationMethod: "DNS",
                keyAlgorithm: "EC_prime256v1",
                tags,
            });
            expect(all().find("it-certificate-validation").inputs).to.deep.equal({
                zoneId: "Z1",
                name: "_validation.www.example.com",
                type: "CNAME",
                records: ["_value.acm-validations.aws"],
                ttl: 60,
                allowOverwrite: true,
            });
            expect(all().find("it-record").inputs).to.deep.equal({
                zoneId: "Z1",
                name: "www.example.com",
                type: "A",
                aliases: [{ name: "it.elb.amazonaws.com", zoneId: "Z-elb", evaluateTargetHealth: true }],
            });
            expect(all().component("it").outputs?.url).to.equal("https://www.example.com:8443/");
        });

        it("leaves the number of tasks to autoscaling", () => {
            expect(all().find("it-service").inputs.desiredCount).to.equal(2);
            expect(all().find("it-scaling").inputs).to.deep.include({
                serviceNamespace: "ecs",
                scalableDimension: "ecs:service:DesiredCount",
                resourceId: "service/web/it-service",
                minCapacity: 2,
                maxCapacity: 8,
            });
            const followed = (what: string): unknown =>
                all().find(`it-scaling-by-${what}`).inputs.targetTrackingScalingPolicyConfiguration;
            expect(followed("cpu")).to.deep.equal({
                targetValue: 60,
                predefinedMetricSpecification: { predefinedMetricType: "ECSServiceAverageCPUUtilization" },
            });
            expect(followed("memory")).to.deep.equal({
                targetValue: 70,
                predefinedMetricSpecification: { predefinedMetricType: "ECSServiceAverageMemoryUtilization" },
            });
            expect(followed("requests")).to.deep.equal({
                targetValue: 1000,
                predefinedMetricSpecification: {
                    predefinedMetricType: "ALBRequestCountPerTarget",
                    resourceLabel: "app/it/1/targetgroup/it-tg/3",
                },
            });
            expect(all().find("it-scaling-schedule-1").inputs).to.deep.include({
                schedule: "cron(0 7 * * ? *)",
                timezone: "Europe/Dublin",
                scalableTargetAction: { minCapacity: 4, maxCapacity: 8 },
            });
        });

        it("tells of unhealthy tasks, errors and latency", () => {
            const dimensions = { LoadBalancer: "app/it/1", TargetGroup: "targetgroup/it-tg/3" };
            expect(all().find("it-unhealthy-targets").inputs).to.deep.include({
                namespace: "AWS/ApplicationELB",
                metricName: "UnHealthyHostCount",
                statistic: "Maximum",
                threshold: 0,
                dimensions,
                alarmActions: [topicArn],
            });
            expect(all().find("it-errors").inputs).to.deep.include({ threshold: 1, alarmActions: [topicArn] });
            expect(all().find("it-latency").inputs).to.deep.include({
                metricName: "TargetResponseTime",
                extendedStatistic: "p99",
                threshold: 0.5,
                dimensions,
            });
        });

        it("shows requests, answers, targets and tasks in a dashboard", () => {
            const shown = sentDashboard(all().find("it-dashboard"));
            expect(shown.dashboardName).to.equal("it-service");
            expect(titlesOf(shown)).to.deep.equal([
                "Requests, and those answered 4xx and 5xx by the tasks",
                "Time to the answer (s)",
                "Answered by the load balancer itself, and tasks not reached",
                "Tasks that get requests, and those that do not",
                "CPU and memory of the service's tasks (%)",
            ]);
            const targets = ["LoadBalancer", "app/it/1", "TargetGroup", "targetgroup/it-tg/3"];
            const tasks = ["ClusterName", "web", "ServiceName", "it-service"];
            expect(metricsOf(shown)).to.deep.equal([
                ["AWS/ApplicationELB", "RequestCount", ...targets, { stat: "Sum" }],
                ["AWS/ApplicationELB", "HTTPCode_Target_4XX_Count", ...targets, { stat: "Sum" }],
                ["AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", ...targets, { stat: "Sum" }],
                ["AWS/ApplicationELB", "TargetResponseTime", ...targets, { stat: "p50" }],
                ["AWS/ApplicationELB", "TargetResponseTime", ...targets, { stat: "p90" }],
                ["AWS/ApplicationELB", "TargetResponseTime", ...targets, { stat: "p99" }],
                ["AWS/ApplicationELB", "HTTPCode_ELB_5XX_Count", ...targets.slice(0, 2), { stat: "Sum" }],
                ["AWS/ApplicationELB", "TargetConnectionErrorCount", ...targets, { stat: "Sum" }],
                ["AWS/ApplicationELB", "HealthyHostCount", ...targets, { stat: "Minimum" }],
                ["AWS/ApplicationELB", "UnHealthyHostCount", ...targets, { stat: "Maximum" }],
                ["AWS/ECS", "CPUUtilization", ...tasks, { stat: "Average" }],
                ["AWS/ECS", "CPUUtilization", ...tasks, { stat: "Maximum" }],
                ["AWS/ECS", "MemoryUtilization", ...tasks, { stat: "Average" }],
                ["AWS/ECS", "MemoryUtilization", ...tasks, { stat: "Maximum" }],
            ]);
        });

        it("gives Envoy its idle time, drain and labels", () => {
            const containers = JSON.stringify(containersOf(all()));
            expect(containers).to.contain('idle_timeout\\":\\"660s');
            expect(containers).to.contain('{"name":"DRAIN_SECONDS","value":"30"}');
            expect(containersOf(all()).map(({ name, dockerLabels }) => [name, dockerLabels])).to.deep.equal([
                ["app", undefined],
                ["init", undefined],
                ["envoy", { team: "web" }],
                ["lifecycle", undefined],
            ]);
        });
    });

    describe("at an Application Load Balancer", () => {
        let terminate: Recording<LoadBalancedService>;
        let endToEnd: Recording<LoadBalancedService>;
        before(async () => {
            terminate = await made(shapes.albTerminate);
            endToEnd = await made(shapes.albEndToEnd);
        });

        it("is set as AWS recommends, not as its API defaults", () => {
            for (const one of [terminate, endToEnd]) {
                expect(one.find("it").inputs).to.deep.equal({
                    loadBalancerType: "application",
                    internal: false,
                    subnets: ["subnet-3", "subnet-4"],
                    securityGroups: ["sg-it-security-group"],
                    idleTimeout: 60,
                    dropInvalidHeaderFields: true,
                });
                const loadBalancerArn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/it/1";
                const targetGroupArn = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/it-tg/3";
                expect(one.find("it-https").inputs).to.deep.equal({
                    loadBalancerArn,
                    port: 443,
                    protocol: "HTTPS",
                    sslPolicy: policy,
                    certificateArn,
                    defaultActions: [{ type: "forward", targetGroupArn }],
                    routingHttpResponseStrictTransportSecurityHeaderValue: "max-age=31536000",
                    routingHttpResponseServerEnabled: false,
                });
                expect(one.find("it-http").inputs).to.deep.equal({
                    loadBalancerArn,
                    port: 80,
                    protocol: "HTTP",
                    defaultActions: [
                        { type: "redirect", redirect: { protocol: "HTTPS", port: "443", statusCode: "HTTP_301" } },
                    ],
                });
            }
        });

        it("is open on the served ports, and tasks to it alone", () => {
            const open = [...clients(443), ...clients(80), ...tasksAnywhere];
            expect(terminate.securityGroupRules()).to.deep.equal([...open, ...connected(8080)].sort());
            expect(endToEnd.securityGroupRules()).to.deep.equal([...open, ...connected(8443)].sort());
        });

        it("speaks plain HTTP with the app, or HTTPS with Envoy, and asks the one it speaks with for its health", () => {
            const target = { vpcId: "vpc-1", targetType: "ip", deregistrationDelay: 30 };
            const health = { interval: 10, timeout: 5, healthyThreshold: 2, unhealthyThreshold: 3, matcher: "200" };
            expect(terminate.find("it-tg").inputs).to.deep.equal({
                ...target,
                protocol: "HTTP",
                port: 8080,
                healthCheck: { ...health, protocol: "HTTP", path: "/" },
            });
            expect(endToEnd.find("it-tg").inputs).to.deep.equal({
                ...target,
                protocol: "HTTPS",
                port: 8443,
                healthCheck: { ...health, protocol: "HTTPS", path: "/.well-known/taskgate/health" },
            });
        });

        it("is served by the app alone, or by Envoy with a certificate of the task's own", () => {
            const names = (one: Recording<unknown>): string[] => containersOf(one).map(({ name }) => name);
            expect(names(terminate)).to.deep.equal(["app"]);
            expect(terminate.find("it-task").inputs).not.to.have.property("volumes");
            expect(names(endToEnd)).to.deep.equal(["app", "init", "envoy", "lifecycle"]);
            expect(endToEnd.find("it-task").inputs.volumes).to.deep.equal([{ name: "envoy" }, { name: "tls" }]);
            expect(containersOf(endToEnd)[1].image).to.equal(
                "public.ecr.aws/docker/library/buildpack-deps:trixie-curl",
            );
            expect(containersOf(endToEnd).map(({ portMappings }) => portMappings?.length)).to.deep.equal([
                ...[undefined, undefined, 1, undefined],
            ]);
        });

        it("asks for a capacity provider for Spot alone: any cluster has the launch type", async () => {
            const spot = await made({
                ...minimal,
                capacityProvider: CapacityProvider.FargateSpot,
            });
            const { launchType, capacityProviderStrategies } = spot.find("it-service").inputs;
            expect({ launchType, capacityProviderStrategies }).to.deep.equal({
                launchType: undefined,
                capacityProviderStrategies: [{ capacityProvider: "FARGATE_SPOT", weight: 1 }],
            });
        });

        it("keeps two tasks in private, replaces them without a gap and takes back what does not get healthy", () => {
            expect(terminate.find("it-service").inputs).to.deep.equal({
                cluster: clusterArn,
                taskDefinition: "arn:aws:ecs:eu-west-1:111122223333:task-definition/it-task:1",
                desiredCount: 2,
                launchType: "FARGATE",
                networkConfiguration: {
                    subnets: ["subnet-1", "subnet-2"],
                    securityGroups: ["sg-it-tasks-security-group"],
                    assignPublicIp: false,
                },
                loadBalancers: [
                    {
                        targetGroupArn: "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/it-tg/3",
                        containerName: "app",
                        containerPort: 8080,
                    },
                ],
                healthCheckGracePeriodSeconds: 60,
                deploymentMinimumHealthyPercent: 100,
                deploymentMaximumPercent: 200,
                deploymentCircuitBreaker: { enable: true, rollback: true },
                availabilityZoneRebalancing: "ENABLED",
                propagateTags: "SERVICE",
            });
            expect(terminate.find("it-service").dependsOn).to.include("it-https");
        });
    });

    describe("inside the VPC", () => {
        const ofGroups = (group: string, port: number): string[] =>
            ["sg-web", "sg-worker"].map((peer) => `${group} ${port} from ${peer}`);

        it("is reached by members of the groups that are named, and by nobody else", async () => {
            const args = { ...minimal, internal: true, clientSecurityGroupIds: ["sg-web", "sg-worker"] };
            const internal = await made(args);
            expect(internal.find("it").inputs).to.include({ internal: true, loadBalancerType: "application" });
            expect(internal.securityGroupRules()).to.deep.equal(
                [
                    ...[443, 80].flatMap((port) => ofGroups("sg-it-security-group", port)),
                    ...[...connected(8080), ...tasksAnywhere],
                ].sort(),
            );
            const both = await made({ ...args, allowedCidrBlocks: ["10.1.0.0/16"] });
            expect(both.securityGroupRules()).to.deep.equal(
                [
                    ...[443, 80].flatMap((port) => [
                        ...ofGroups("sg-it-security-group", port),
                        `sg-it-security-group ${port} from 10.1.0.0/16`,
                    ]),
                    ...[...connected(8080), ...tasksAnywhere],
                ].sort(),
            );
        });

        it("has its name in a private zone, by the certificate that it is given", async () => {
            const internal = await made({ ...minimal, internal: true, domain: "api.example.com", hostedZoneId: "Z1" });
            expect(omit(internal.find("it-record").inputs, "aliases")).to.deep.equal({
                ...{ zoneId: "Z1", name: "api.example.com", type: "A" },
            });
            expect(internal.resources.filter(({ type }) => type.startsWith("aws:acm/"))).to.deep.equal([]);
        });
    });

    describe("in Service Connect", () => {
        const namespaceArn = "arn:aws:servicediscovery:eu-west-1:111122223333:namespace/ns-1";
        const logConfiguration = {
            logDriver: "awslogs",
            options: {
                "awslogs-group": "it-task-logs",
                "awslogs-region": "eu-west-1",
                "awslogs-stream-prefix": "service-connect",
            },
        };
        const connect = (one: Recording<unknown>): unknown => one.find("it-service").inputs.serviceConnectConfiguration;
        const ports = (one: Recording<unknown>): unknown => containersOf(one)[0].portMappings;

        it("calls others and is called by nobody", async () => {
            const client = await made({ ...minimal, serviceConnect: {} });
            expect(connect(client)).to.deep.equal({ enabled: true, logConfiguration });
            expect(ports(client)).to.deep.equal([{ containerPort: 8080, hostPort: 8080, protocol: "tcp" }]);
        });

        it("is called by its name at its port, by the groups that may connect to tasks", async () => {
            const served = await made({
                ...minimal,
                serviceConnect: { name: "orders", namespaceArn },
                allowedSecurityGroupIds: ["sg-web"],
            });
            expect(connect(served)).to.deep.equal({
                ...{ enabled: true, namespace: namespaceArn, logConfiguration },
                services: [
                    { portName: "orders", discoveryName: "orders", clientAlias: [{ dnsName: "orders", port: 8080 }] },
                ],
            });
            expect(ports(served)).to.deep.equal([
                ...[{ containerPort: 8080, hostPort: 8080, protocol: "tcp", name: "orders", appProtocol: "http" }],
            ]);
            expect(served.securityGroupRules()).to.include("sg-it-tasks-security-group 8080 from sg-web");
        });

        it("says what it speaks, where, and for how long", async () => {
            const timed = await made({
                ...minimal,
                containerPort: 9000,
                serviceConnect: { name: "orders", port: 80, protocol: ServiceConnectProtocol.Grpc, requestTimeout: 0 },
            });
            expect(connect(timed)).to.have.deep.property("services", [
                {
                    ...{ portName: "orders", discoveryName: "orders" },
                    clientAlias: [{ dnsName: "orders", port: 80 }],
                    timeout: { perRequestTimeoutSeconds: 0 },
                },
            ]);
            expect(ports(timed)).to.deep.equal([
                ...[{ containerPort: 9000, hostPort: 9000, protocol: "tcp", name: "orders", appProtocol: "grpc" }],
            ]);
            const tcp = { name: "cache", protocol: ServiceConnectProtocol.Tcp };
            expect(ports(await made({ ...minimal, serviceConnect: tcp }))).to.deep.equal([
                ...[{ containerPort: 8080, hostPort: 8080, protocol: "tcp", name: "cache" }],
            ]);
        });
    });

    describe("at a Network Load Balancer", () => {
        const recordings = new Map<string, Recording<LoadBalancedService>>();
        before(async () => {
            for (const shape of ["nlbTerminate", "nlbPreserved", "nlbProxyProtocol"] as const) {
                recordings.set(shape, await made(shapes[shape]));
            }
        });
        const of = (shape: string): Recording<LoadBalancedService> => {
            const recording = recordings.get(shape);
            if (recording === undefined) {
                throw new Error(`${shape} was not recorded`);
            }
            return recording;
        };

        it("has a security group, and its tasks are open to it alone", () => {
            expect(of("nlbTerminate").securityGroupRules()).to.deep.equal(
                [...clients(443), ...connected(8080), ...tasksAnywhere].sort(),
            );
            for (const shape of ["nlbPreserved", "nlbProxyProtocol"]) {
                expect(of(shape).securityGroupRules()).to.deep.equal(
                    [...clients(443), ...clients(80), ...connected(8443), ...connected(8081), ...tasksAnywhere].sort(),
                );
            }
        });

        it("ends TLS, or passes it on", () => {
            const listener = (shape: string): unknown =>
                omit(of(shape).find("it-https").inputs, "loadBalancerArn", "defaultActions");
            expect(listener("nlbTerminate")).to.deep.equal({
                port: 443,
                protocol: "TLS",
                sslPolicy: policy,
                certificateArn,
            });
            for (const shape of ["nlbPreserved", "nlbProxyProtocol"]) {
                expect(listener(shape)).to.deep.equal({ port: 443, protocol: "TCP", tcpIdleTimeoutSeconds: 350 });
            }
        });

        it("preserves the client's address, or sends it by proxy protocol, on all ports", () => {
            const addresses = (shape: string): unknown =>
                of(shape)
                    .resources.filter(({ type }) => type === "aws:lb/targetGroup:TargetGroup")
                    .map(({ name, inputs }) => [name, inputs.preserveClientIp, inputs.proxyProtocolV2, inputs.port]);
            expect(addresses("nlbTerminate")).to.deep.equal([["it-tg", "true", false, 8080]]);
            expect(addresses("nlbPreserved")).to.deep.equal([
                ["it-tg", "true", false, 8443],
                ["it-http", "true", false, 8081],
            ]);
            expect(addresses("nlbProxyProtocol")).to.deep.equal([
                ["it-tg", "false", true, 8443],
                ["it-http", "false", true, 8081],
            ]);
        });

        it("lets Envoy alone read the certificate that clients see", () => {
            const secrets = (shape: string): unknown =>
                containersOf(of(shape)).map(({ name, ...rest }) => [name, (rest as { secrets?: unknown[] }).secrets]);
            expect(secrets("nlbPreserved")).to.deep.equal([
                ["app", []],
                ["init", undefined],
                [
                    "envoy",
                    [
                        { name: "TLS_CERTIFICATE_CHAIN", valueFrom: `${certificateSecretArn}:certificateChain::` },
                        { name: "TLS_PRIVATE_KEY", valueFrom: `${certificateSecretArn}:privateKey::` },
                    ],
                ],
                ["lifecycle", undefined],
            ]);
        });

        it("lets them take up later certificates while they run, where the rotation is hot", async () => {
            const sealedCertificateUrl = "https://sealed.s3.eu-west-1.amazonaws.com/certificate.json";
            const hot = await made({ ...shapes.nlbPreserved, rotation: "hot", sealedCertificateUrl });
            const [, , envoy, lifecycle] = containersOf(hot) as unknown as Record<string, unknown>[];
            expect(envoy.secrets).to.deep.include({
                name: "TLS_KEY_PASSWORD",
                valueFrom: `${certificateSecretArn}:keyPassword::`,
            });
            expect(lifecycle.environment).to.deep.include({ name: "CERTIFICATE_URL", value: sealedCertificateUrl });
            const { environment } = hot.find("it-redeploy").inputs as { environment: { variables: object } };
            expect(environment.variables).to.have.property("ONLY_INCOMPLETE", "true");
        });

        it("tells who is told of the service when its tasks could not be replaced after a renewal", async () => {
            const told = await made({ ...shapes.nlbPreserved, alarms: { topicArn } });
            expect(told.find("it-redeploy-errors").inputs).to.deep.include({
                alarmActions: [topicArn],
                okActions: [topicArn],
            });
        });

        it("has a dashboard of connections and tasks on request", async () => {
            const watched = await made({ ...shapes.nlbPreserved, dashboard: true });
            expect(titlesOf(sentDashboard(watched.find("it-dashboard")))).to.deep.equal([
                "Connections, new and open",
                "Connections reset by clients, tasks and the load balancer",
                "Tasks that get requests, and those that do not",
                "CPU and memory of the service's tasks (%)",
            ]);
        });

        it("closes idle connections before the load balancer forgets them", () => {
            expect(JSON.stringify(containersOf(of("nlbPreserved")))).to.contain('idle_timeout\\":\\"300s');
        });
    });

    describe("at a shared load balancer", () => {
        let shared: Recording<LoadBalancedService>;
        before(async () => {
            shared = await made({ ...shapes.shared, paths: ["/1", "/2", "/3", "/4", "/5"] });
        });

        it("adds rules and makes no load balancer", () => {
            expect(shared.resources.filter(({ type }) => /lb\/(listener|loadBalancer):/.test(type))).to.deep.equal([]);
            const rules = ["it-rule-at-10", "it-rule-at-11"].map((rule) => shared.find(rule));
            expect(rules.map(({ inputs }) => [inputs.listenerArn, inputs.priority, inputs.conditions])).to.deep.equal([
                [
                    sharedListenerArn,
                    10,
                    [
                        { hostHeader: { values: ["a.example.com"] } },
                        { pathPattern: { values: ["/1", "/2", "/3", "/4"] } },
                    ],
                ],
                [
                    sharedListenerArn,
                    11,
                    [{ hostHeader: { values: ["a.example.com"] } }, { pathPattern: { values: ["/5"] } }],
                ],
            ]);
        });

        it("opens the way between the load balancer and its tasks alone", () => {
            expect(shared.securityGroupRules()).to.deep.equal(
                [...connected(8080, "sg-shared"), ...tasksAnywhere].sort(),
            );
        });

        it("knows the load balancer by its listener", () => {
            expect(shared.component("it").outputs).to.deep.include({
                url: "https://a.example.com/",
                loadBalancerArn: "arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/shared/1",
                loadBalancerDnsName: "shared.elb.amazonaws.com",
                loadBalancerSecurityGroupId: "sg-shared",
                listenerArn: sharedListenerArn,
            });
        });

        it("adds its certificate to the listener", async () => {
            const { resources } = await made({ ...shapes.shared, certificateArn });
            const added = resources.filter(({ type }) => type === "aws:lb/listenerCertificate:ListenerCertificate");
            expect(added.map(({ inputs }) => inputs)).to.deep.equal([
                { listenerArn: sharedListenerArn, certificateArn },
            ]);
        });

        it("is refused a priority that another service of the program has, whichever made the listener", async () => {
            const both = await record(() => {
                const owner = new LoadBalancedService("shop", {
                    ...minimal,
                    hosts: ["shop.example.com"],
                    priority: 10,
                });
                const joins = {
                    ...common,
                    listenerArn: owner.listenerArn,
                    loadBalancerSecurityGroupId: owner.loadBalancerSecurityGroupId,
                };
                new LoadBalancedService("blog", { ...joins, hosts: ["blog.example.com"], priority: 11 });
                try {
                    new LoadBalancedService("wiki", { ...joins, hosts: ["wiki.example.com"], priority: 10 });
                } catch (error) {
                    return (error as pulumi.InputPropertiesError).message;
                }
                return "";
            });
            expect(both.result).to.equal(
                'LoadBalancedService "wiki" cannot be made: priority: 10 is taken: "shop" has 10 on this listener; give another priority',
            );
        });
    });

    it("has a rule for each priority, which keeps it: one that moved could meet another that has not gone yet", async () => {
        const rulesAt = async (priority: number): Promise<string[][]> => {
            const hosts = ["a", "b", "c", "d", "e", "f"].map((host) => `${host}.example.com`);
            const { resources } = await made({ ...minimal, hosts, priority });
            const rules = resources.filter(({ type }) => type === "aws:lb/listenerRule:ListenerRule");
            return rules.map(({ name, inputs, aliases }) => [name, String(inputs.priority), ...aliases]).sort();
        };
        expect(await rulesAt(10)).to.deep.equal([
            ["it-rule-at-10", "10", "it-rule-1"],
            ["it-rule-at-11", "11", "it-rule-2"],
        ]);
        expect(await rulesAt(11)).to.deep.equal([
            ["it-rule-at-11", "11", "it-rule-1"],
            ["it-rule-at-12", "12", "it-rule-2"],
        ]);
    });

    describe("in several regions", () => {
        const named = { ...withoutCertificate, domain: "www.example.com", hostedZoneId: "Z1" };
        const alias = [{ name: "it.elb.amazonaws.com", zoneId: "Z-elb", evaluateTargetHealth: true }];
        const recordOf = async (routing: Routing): Promise<unknown> =>
            (await made({ ...named, routing })).find("it-record").inputs;
        const common = { zoneId: "Z1", name: "www.example.com", type: "A", aliases: alias };

        it("has one of the records of its name, told apart by the region", async () => {
            expect(await recordOf({ latency: {} })).to.deep.equal({
                ...common,
                setIdentifier: "eu-west-1",
                latencyRoutingPolicies: [{ region: "eu-west-1" }],
            });
            expect(await recordOf({ latency: { region: "eu-west-2" }, setIdentifier: "blue" })).to.deep.equal({
                ...common,
                setIdentifier: "blue",
                latencyRoutingPolicies: [{ region: "eu-west-2" }],
            });
            for (const type of Object.values(Failover)) {
                expect(await recordOf({ failover: type })).to.deep.equal({
                    ...common,
                    setIdentifier: "eu-west-1",
                    failoverRoutingPolicies: [{ type }],
                });
            }
        });

        it("has a certificate of its own, whose record does not go with another region's", async () => {
            const recording = await made({ ...named, routing: { latency: {} } });
            expect(recording.find("it-certificate-validation").inputs).to.deep.equal({
                ...{ zoneId: "Z1", name: "_validation.www.example.com", type: "CNAME", ttl: 60, allowOverwrite: true },
                records: ["_value.acm-validations.aws"],
                setIdentifier: "eu-west-1",
                weightedRoutingPolicies: [{ weight: 1 }],
            });
        });

        it("is judged by its load balancer's targets alone, and from outside on request", async () => {
            const { resources } = await made({ ...named, routing: { latency: {} } });
            expect(resources.filter(({ type }) => type.includes("HealthCheck"))).to.deep.equal([]);
            const looked = await made({
                ...{ ...named, httpsPort: 8443, healthCheckPath: "/up", tags },
                routing: { failover: "PRIMARY", healthCheck: {} },
            });
            expect(looked.find("it-health-check").inputs).to.deep.equal({
                ...{ type: "HTTPS", fqdn: "it.elb.amazonaws.com", port: 8443, resourcePath: "/up", enableSni: true },
                ...{ requestInterval: 30, failureThreshold: 3, disabled: false, invertHealthcheck: false, tags },
            });
            expect(looked.find("it-record").inputs.healthCheckId).to.equal("it-health-check-id");
            const healthCheck = { path: "/deep", requestInterval: 10, failureThreshold: 2 };
            const often = await made({ ...named, routing: { latency: {}, healthCheck } });
            expect(often.find("it-health-check").inputs).to.include({
                ...{ resourcePath: "/deep", requestInterval: 10, failureThreshold: 2 },
            });
        });

        it("is taken out of service by a check that is not made and counts as failed", async () => {
            const recording = await made({ ...named, routing: { latency: {}, inService: false } });
            expect(recording.find("it-health-check").inputs).to.deep.equal({
                ...{ type: "HTTPS", fqdn: "it.elb.amazonaws.com", port: 443, resourcePath: "/", enableSni: true },
                ...{ requestInterval: 30, failureThreshold: 3, disabled: true, invertHealthcheck: true },
            });
            expect(recording.find("it-record").inputs).to.include({ healthCheckId: "it-health-check-id" });
            expect(recording.find("it-service").inputs.desiredCount).to.equal(2);
        });

        /** What a second service of the program is refused for. */
        async function second(one: Partial<LoadBalancedServiceArgs>, other: Partial<LoadBalancedServiceArgs>) {
            const { result } = await record(() => {
                new LoadBalancedService("one", { ...named, ...one });
                try {
                    new LoadBalancedService("two", { ...named, ...other });
                } catch (error) {
                    return (error as pulumi.InputPropertiesError).message;
                }
                return "";
            });
            return result.replace('LoadBalancedService "two" cannot be made: routing: ', "");
        }

        it("is refused what Route 53 would refuse beside another service's record of the name", async () => {
            const primary = { routing: { failover: Failover.Primary } };
            expect(await second({ routing: { latency: {} } }, { routing: { latency: {} } })).to.equal("");
            expect(await second(primary, { routing: { failover: Failover.Secondary } })).to.equal("");
            expect(await second(primary, { routing: { latency: {} }, domain: "other.example.com" })).to.equal("");
            expect(await second(primary, primary)).to.equal(
                '"one" is the PRIMARY of the same domain already: a name has one of each',
            );
            expect(await second(primary, { routing: { latency: {} } })).to.equal(
                '"one" has a record of the same domain, with routing failover: Route 53 takes one policy for all records of a name, give the same',
            );
            expect(await second({}, { routing: { latency: {} } })).to.equal(
                '"one" has a record of the same domain, with routing none: Route 53 takes one policy for all records of a name, give the same',
            );
            const blue = { routing: { latency: {}, setIdentifier: "blue" } };
            expect(await second(blue, blue)).to.equal(
                'setIdentifier "blue" is that of "one" for the same domain: give another',
            );
        });
    });

    describe("refuses", () => {
        const refused = (args: Partial<LoadBalancedServiceArgs>, name = "it"): Promise<Record<string, string>> =>
            refusalOf((options) => new LoadBalancedService(name, { ...minimal, ...args }, options));

        it("names that leave no room for what AWS and Pulumi add", async () => {
            expect(await refused({}, "a-name-of-20-letters")).to.deep.equal({
                name: `"a-name-of-20-letters" has 20 characters: AWS limits the names that are made of it, give up to 19`,
            });
            expect(await refused({}, "internal-web")).to.have.all.keys("name");
        });

        it("TLS without a certificate, and certificates where nobody would show them", async () => {
            expect(await refused({ certificateArn: undefined })).to.deep.equal({
                certificateArn:
                    "is missing: there is no TLS without a certificate; give it, or domain and hostedZoneId",
            });
            const sealedCertificateUrl = "https://sealed.s3.eu-west-1.amazonaws.com/certificate.json";
            expect(await refused({ tls: Tls.EndToEnd, rotation: "hot", sealedCertificateUrl })).to.deep.equal({
                rotation: "each task makes a certificate for itself: give certificateSecretArn, or leave it out",
            });
            expect(await refused({ rotation: "hot", sealedCertificateUrl })).to.deep.equal({
                rotation: "is for Envoy: use it with tls endToEnd",
            });
            expect(await refused({ certificateSecretArn })).to.deep.equal({
                certificateSecretArn: "is for Envoy: use it with tls endToEnd",
            });
            expect(await refused({ loadBalancer: LoadBalancerType.Network, tls: Tls.EndToEnd })).to.deep.equal({
                certificateSecretArn: "is missing: clients see the certificate that Envoy shows",
                certificateArn: "the load balancer passes TLS on: give certificateSecretArn for Envoy",
            });
            expect(await refused({ domain: "www.example.com" })).to.deep.equal({
                hostedZoneId: "is missing: domain and hostedZoneId go together",
            });
        });

        it("a routing that says nothing, two things, or nothing of a name", async () => {
            const zoned = { domain: "www.example.com", hostedZoneId: "Z1" };
            expect(await refused({ ...zoned, routing: {} })).to.deep.equal({
                routing: "names no policy: give latency or failover",
            });
            expect(await refused({ ...zoned, routing: { latency: {}, failover: "PRIMARY" } })).to.deep.equal({
                routing:
                    "latency and failover cannot go together: Route 53 takes one policy for all records of a name, give one of them",
            });
            expect(await refused({ routing: { latency: {} } })).to.deep.equal({
                domain: "is missing: routing is about its record, give domain and hostedZoneId",
            });
            const healthCheck = {};
            const inside = { internal: true, ...zoned };
            expect(await refused({ ...inside, routing: { latency: {}, healthCheck } })).to.deep.equal({
                "routing.healthCheck":
                    "comes from the internet, which does not reach an internal load balancer: leave it out",
            });
            const hosts = { hosts: ["www.example.com"], priority: 1 };
            expect(await refused({ ...zoned, ...hosts, routing: { latency: {}, healthCheck } })).to.deep.equal({
                "routing.healthCheck":
                    "asks the load balancer by its own name, for which there is no rule beside hosts: leave out one of them",
            });
        });

        it("an internal load balancer that ACM would have to look up in a private zone", async () => {
            const named = { domain: "www.example.com", hostedZoneId: "Z1", certificateArn: undefined };
            expect(await refused({ internal: true, ...named })).to.deep.equal({
                hostedZoneId:
                    "an internal load balancer has its record in a private zone, where ACM cannot validate a certificate: give certificateArn too",
            });
        });

        it("a name in Service Connect where Envoy serves, and what goes with a name where there is none", async () => {
            expect(await refused({ tls: Tls.EndToEnd, serviceConnect: { name: "orders" } })).to.deep.equal({
                "serviceConnect.name":
                    "Service Connect's proxy stands before the app, where Envoy is end to end: leave it out, or use tls terminate",
            });
            const noName = "goes with serviceConnect.name: without it nobody calls the service";
            const nameless = { port: 80, protocol: ServiceConnectProtocol.Grpc, requestTimeout: 5 };
            expect(await refused({ serviceConnect: nameless })).to.deep.equal({
                "serviceConnect.port": noName,
                "serviceConnect.protocol": noName,
                "serviceConnect.requestTimeout": noName,
            });
            const tcp = { name: "orders", protocol: ServiceConnectProtocol.Tcp, requestTimeout: 5 };
            expect(await refused({ serviceConnect: tcp })).to.deep.equal({
                "serviceConnect.requestTimeout": "tcp knows no requests: leave it out, or give another protocol",
            });
            expect(await refused({ serviceConnect: { name: "Orders_1", namespaceArn: "shop" } })).to.deep.equal({
                "serviceConnect.name":
                    '"Orders_1" is no name of a service: use a letter and up to 62 lower-case letters, digits and hyphens, e.g. orders',
                "serviceConnect.namespaceArn":
                    '"shop" is not the ARN of a Cloud Map namespace, e.g. arn:aws:servicediscovery:eu-west-1:111122223333:namespace/ns-0123456789abcdef',
            });
        });

        it("what a Network Load Balancer cannot do", async () => {
            const noRequests =
                "a Network Load Balancer sees connections, no requests: use an Application Load Balancer";
            expect(
                await refused({
                    loadBalancer: LoadBalancerType.Network,
                    jwt: { issuer: "https://id.example.com", jwksEndpoint: "https://id.example.com/jwks" },
                    webAclArn: "arn:aws:wafv2:eu-west-1:111122223333:regional/webacl/web/1",
                    hosts: ["a.example.com"],
                    priority: 1,
                    idleTimeout: 100,
                    httpPort: 80,
                    clientAddress: ClientAddress.ProxyProtocol,
                    autoscaling: { minTasks: 1, maxTasks: 2, requestsPerTarget: 100 },
                }),
            ).to.deep.equal({
                jwt: noRequests,
                webAclArn: noRequests,
                hosts: noRequests,
                idleTimeout: "is always 350 s where a Network Load Balancer ends TLS",
                httpPort:
                    "a Network Load Balancer that ends TLS cannot redirect: use tls endToEnd, or an Application Load Balancer",
                clientAddress: "proxyProtocol is read by Envoy: use it with tls endToEnd",
                "autoscaling.requestsPerTarget":
                    "a Network Load Balancer sees connections, no requests: follow cpuPercent or memoryPercent",
            });
        });

        it("to share without rules, or to change what is another's", async () => {
            const { listenerArn } = shapes.shared;
            expect(await refused({ listenerArn, internal: true, clientSecurityGroupIds: ["sg-web"] })).to.deep.equal({
                loadBalancerSecurityGroupId: "is missing: it goes with listenerArn",
                loadBalancerSubnetIds:
                    "belongs to the service that makes the load balancer: leave it out with listenerArn",
                clientSecurityGroupIds:
                    "belongs to the service that makes the load balancer: leave it out with listenerArn",
                internal: "belongs to the service that makes the load balancer: leave it out with listenerArn",
                hosts: "is missing: a service that joins a listener says which hosts or paths are its own",
            });
            expect(await refused({ hosts: ["a.example.com"] })).to.deep.equal({
                priority: "is missing: hosts and paths need one",
            });
            expect(await refused({ priority: 1 })).to.deep.equal({ priority: "goes with hosts or paths" });
        });

        it("times that do not fit together", async () => {
            expect(
                await refused({
                    capacityProvider: CapacityProvider.FargateSpot,
                    tls: Tls.EndToEnd,
                    deregistrationDelay: 61,
                    targetHealth: { interval: 30, graceSeconds: 30 },
                    idleTimeout: 4001,
                }),
            ).to.deep.equal({
                capacityProvider:
                    "Fargate Spot ends a task 120 s after its warning, and this one needs 121 s (61 s deregistration + 30 s drain + 30 s stopTimeout): lower some of them",
                "targetHealth.graceSeconds":
                    "30 s are too few: a healthy task is found healthy after 2 checks, one in 30 s: give at least 60",
                idleTimeout: "4001 is not allowed: give a whole number from 1 to 4000 seconds",
            });
        });

        it("two ways to sign in, two owners of the number of tasks, nothing to follow, ports of Envoy", async () => {
            const jwt = { issuer: "https://id.example.com", jwksEndpoint: "https://id.example.com/jwks" };
            const cognito = {
                userPoolArn: "arn:aws:cognito-idp:eu-west-1:111122223333:userpool/eu-west-1_AbCdEfGhI",
                userPoolClientId: "web",
                userPoolDomain: "web",
            };
            expect(
                await refused({
                    ...{ jwt, cognito, desiredCount: 2, autoscaling: { minTasks: 3, maxTasks: 2 } },
                    ...{ tls: Tls.EndToEnd, containerPort: 8443 },
                }),
            ).to.deep.equal({
                cognito: "cognito and jwt cannot go together: give one of them",
                jwt: "cognito and jwt cannot go together: give one of them",
                desiredCount: "autoscaling decides it: give autoscaling.minTasks",
                autoscaling: "nothing to follow: give cpuPercent, memoryPercent, requestsPerTarget or schedules",
                "autoscaling.maxTasks": "2 is not allowed: give a whole number from 3 to 5000 tasks",
                containerPort: "8443 is Envoy's already: the containers of a task share its ports, give another",
            });
        });
    });
});
