import { readFileSync } from "node:fs";
import { join } from "node:path";

import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";

import * as components from "../../components";
import { nameRules } from "../support/awsNames";
import { record } from "../support/mocks";
import { rejectionOf, unhandledDuring } from "../support/rejection";

// Each ends in one error that names the argument, what was given and what to do, before anything is made.

type Args = Readonly<Record<string, unknown>>;
type Component = keyof typeof sound;

const secretArn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:it-AbCdEf";
const topicArn = "arn:aws:sns:eu-west-1:111122223333:alerts";
const certificateArn = "arn:aws:acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012";
const place = {
    vpcId: "vpc-1",
    subnetIds: ["subnet-1", "subnet-2"],
    clusterArn: "arn:aws:ecs:eu-west-1:111122223333:cluster/it",
};
const zone = { domain: "tasks.example.com", hostedZoneId: "Z123" };

/** Arguments with which each component is made. */
const sound = {
    Cluster: {},
    Network: {},
    WildcardCertificate: zone,
    TaskDns: { ...zone, clusterArn: place.clusterArn },
    EnvoyTask: { ...place, image: "nginx", certificateSecretArn: secretArn },
    TaskPlatform: { ...zone, image: "nginx" },
    LoadBalancedService: {
        ...place,
        ...{ image: "nginx", loadBalancerSubnetIds: ["subnet-3", "subnet-4"], certificateArn },
    },
    PrivateService: { ...place, image: "nginx" },
    TraefikGateway: { ...place, loadBalancerSubnetIds: ["subnet-3", "subnet-4"], certificateSecretArn: secretArn },
    Sessions: {
        runTaskInput: JSON.stringify({
            cluster: place.clusterArn,
            taskDefinition: "arn:aws:ecs:eu-west-1:111122223333:task-definition/app:7",
        }),
        taskRoleArn: "arn:aws:iam::111122223333:role/task",
        executionRoleArn: "arn:aws:iam::111122223333:role/execution",
        ...{ namesTableName: "names", issuer: "https://id.example.com", audiences: ["boards"] },
    },
} satisfies Record<string, Args>;

function make(component: Component, args: unknown, name = "it"): pulumi.ComponentResource {
    const Made = components[component] as unknown as new (name: string, args: unknown) => pulumi.ComponentResource;
    return new Made(name, args);
}

/** The faults by their paths. Fails when there is none, or another error. */
function faultsOf(component: Component, args: unknown, name?: string): Record<string, string> {
    try {
        make(component, args, name);
    } catch (error) {
        expect(error).to.be.instanceOf(pulumi.InputPropertiesError);
        const { message, errors = [] } = error as pulumi.InputPropertiesError;
        expect(message)
            .to.match(new RegExp(`^${component} "`))
            .and.not.to.match(/undefined|\[object/);
        return Object.fromEntries(errors.map(({ propertyPath, reason }) => [propertyPath, reason]));
    }
    throw new Error(`${component} takes ${JSON.stringify(args)}`);
}

/** A way out is told: what to give, to use, to leave out, or what was meant. */
const remedy =
    /^is missing: |^is for |give|leave out|lower|use |did you mean|e\.g\.|make|begin|one of|belongs to|goes? (with|together)|see|needs|at least|decides/;

describe("wrong arguments", () => {
    interface Property {
        readonly type?: "string" | "number" | "boolean" | "array" | "object";
        readonly $ref?: string;
    }
    interface Schema {
        readonly types: Record<string, { readonly type: Property["type"]; readonly enum?: unknown }>;
        readonly resources: Record<string, { readonly inputProperties: Record<string, Property> }>;
    }
    const schema = JSON.parse(readFileSync(join(__dirname, "../package/schema.golden.json"), "utf8")) as Schema;
    const typeOf = ({ type, $ref }: Property): Property["type"] =>
        type ?? schema.types[$ref?.replace("#/types/", "") ?? ""].type;

    /** What other languages and JavaScript may send in the place of each type. */
    const others: Record<NonNullable<Property["type"]>, readonly unknown[]> = {
        string: [8080, true, {}, ["a"], () => "a", ""],
        number: ["8080", true, {}, [1], () => 1, NaN, 1.5, -1],
        boolean: ["true", 1, {}, []],
        array: ["a", 1, true, {}, [{}], [null], [[]]],
        object: ["a", 1, true, [], { "": { deep: [] } }],
    };

    for (const [token, { inputProperties }] of Object.entries(schema.resources)) {
        const component = token.split(":")[2] as Component;
        const cases = Object.entries(inputProperties).flatMap(([key, property]) =>
            others[typeOf(property) ?? "string"].map((value) => [key, value] as const),
        );
        it(`of another type are refused by ${component}, each by its name: ${cases.length}`, () => {
            for (const [key, value] of cases) {
                const faults = faultsOf(component, { ...sound[component], [key]: value });
                const own = Object.entries(faults).filter(
                    ([path]) => path === key || path.startsWith(`${key}.`) || path.startsWith(`${key}[`),
                );
                expect(own, `${component} ${key}: ${String(value)} gives ${JSON.stringify(faults)}`).not.to.be.empty;
                own.forEach(([, reason]) => expect(reason, key).to.match(remedy));
            }
        });
    }

    type Case = readonly [component: Component, args: Args, path: string, reason: RegExp];
    const all = Object.keys(sound) as Component[];
    const withApp: Component[] = ["EnvoyTask", "TaskPlatform", "LoadBalancedService"];
    const inZone: Component[] = ["WildcardCertificate", "TaskDns", "TaskPlatform"];
    const placed: Component[] = ["EnvoyTask", "LoadBalancedService", "PrivateService", "TraefikGateway"];
    const of = (which: readonly Component[], args: Args, path: string, reason: RegExp): Case[] =>
        which.map((component) => [component, args, path, reason]);
    const shared = {
        loadBalancerSubnetIds: undefined,
        listenerArn: "arn:aws:elasticloadbalancing:eu-west-1:111122223333:listener/app/shared/1/2",
        loadBalancerSecurityGroupId: "sg-1",
    };
    const rule = { hosts: ["a.example.com"], priority: 1 };
    const oidc = {
        issuer: "https://id.example.com",
        authorizationEndpoint: "https://id.example.com/a",
        tokenEndpoint: "https://id.example.com/t",
        userInfoEndpoint: "https://id.example.com/u",
        clientId: "web",
        clientSecret: "hush",
    };
    const table: Case[] = [
        // missing
        ...of(inZone, { domain: undefined }, "domain", /^is missing: give the domain/),
        ...of(inZone, { domain: null }, "domain", /^is missing/),
        ...of(
            inZone,
            { hostedZoneId: undefined },
            "hostedZoneId",
            /^is missing: give the id of the public hosted zone/,
        ),
        ...of(inZone, { hostedZoneId: "" }, "hostedZoneId", /^is empty/),
        ...of(placed, { vpcId: undefined }, "vpcId", /^is missing: give the id of the VPC/),
        ...of(placed, { subnetIds: undefined }, "subnetIds", /^is missing: give the ids/),
        ...of(placed, { subnetIds: [] }, "subnetIds", /^is empty: give at least 1/),
        ...of(placed, { clusterArn: undefined }, "clusterArn", /^is missing: give the ARN/),
        ...of(
            ["EnvoyTask", "TraefikGateway"],
            { certificateSecretArn: undefined },
            "certificateSecretArn",
            /^is missing/,
        ),
        ...of(withApp, { image: undefined }, "image", /^is missing: give an image, e\.g\. .*, or build one/),
        ["TaskDns", { clusterArn: undefined }, "clusterArn", /^is missing/],
        ["TraefikGateway", { loadBalancerSubnetIds: undefined }, "loadBalancerSubnetIds", /^is missing/],
        ["LoadBalancedService", { loadBalancerSubnetIds: undefined }, "loadBalancerSubnetIds", /^is missing/],
        ["LoadBalancedService", { certificateArn: undefined }, "certificateArn", /^is missing: there is no TLS/],
        // unknown
        ...all.map((component): Case => [component, { tag: {} }, "tag", /^is not known: did you mean tags\?$/]),
        ...of(inZone, { hostedZoneID: "Z1" }, "hostedZoneID", /did you mean hostedZoneId\?$/),
        ...of(withApp, { enviroment: {} }, "enviroment", /did you mean environment\?$/),
        [
            "LoadBalancedService",
            { autoscaling: { minTasks: 1, maxTask: 2 } },
            "autoscaling.maxTask",
            /did you mean maxTasks/,
        ],
        // malformed
        ...of(inZone, { domain: "https://tasks.example.com" }, "domain", /leave out the scheme/),
        ...of(inZone, { domain: "*.example.com" }, "domain", /leave out the wildcard/),
        ...of(inZone, { domain: "localhost" }, "domain", /at least two labels/),
        ...of(inZone, { domain: "tasks_1.example.com" }, "domain", /use at least two labels of a-z/),
        ...of(
            ["TaskDns", "TaskPlatform"],
            { domain: `${"a".repeat(60)}.`.repeat(4) + "com" },
            "domain",
            /leaves room for the name in front|at least two/,
        ),
        ...of(inZone, { hostedZoneId: "example.com" }, "hostedZoneId", /"example.com" is not the id of a hosted zone/),
        ...of(placed, { vpcId: "apps" }, "vpcId", /"apps" is not the id of a VPC, e\.g\. vpc-/),
        ...of(placed, { subnetIds: ["subnet-1", "public"] }, "subnetIds[1]", /is not the id of a subnet, e\.g\./),
        ...of(placed, { subnetIds: ["subnet-1", "subnet-1"] }, "subnetIds[1]", /"subnet-1" is named twice/),
        ...of(placed, { clusterArn: "apps" }, "clusterArn", /"apps" is not the ARN of an ECS cluster, e\.g\./),
        ...of(
            ["EnvoyTask", "TraefikGateway"],
            { certificateSecretArn: "my-secret" },
            "certificateSecretArn",
            /is not the ARN of a Sec/,
        ),
        ...of(withApp, { image: "who ami" }, "image", /"who ami" is not the name of an image/),
        ...of(withApp, { image: "https://docker.io/nginx" }, "image", /is not the name of an image/),
        ...of(withApp, { envoyImage: "Envoy" }, "envoyImage", /is not the name of an image/),
        ...of(withApp, { helperImage: "curl:" }, "helperImage", /is not the name of an image/),
        ...of(withApp, { build: {}, image: undefined }, "build.context", /^is missing: give the folder/),
        ...of(
            withApp,
            { build: { context: "no-such-folder" }, image: undefined },
            "build.context",
            /is not a folder: give one/,
        ),
        ...of(
            withApp,
            { taskPolicyArns: ["AmazonS3ReadOnlyAccess"] },
            "taskPolicyArns[0]",
            /is not the ARN of an IAM policy, e\.g\./,
        ),
        ...of(
            withApp,
            { secrets: { TOKEN: "/apps/token" } },
            "secrets.TOKEN",
            /is not the ARN of a Secrets Manager secret or an SSM p/,
        ),
        ...of(withApp, { secrets: { TOKEN: undefined, NAME: null } }, "secrets.NAME", /^is missing: give the ARN/),
        ...of(withApp, { secretKeyArns: ["alias/apps"] }, "secretKeyArns[0]", /is not the ARN of a KMS key/),
        ...of(withApp, { environment: { TLS_PRIVATE_KEY: "x" } }, "environment.TLS_PRIVATE_KEY", /Envoy's own/),
        ...of(withApp, { environment: { "A=B": "x" } }, "environment.A=B", /leave out =/),
        ...of(withApp, { healthCheckPath: "health" }, "healthCheckPath", /begin it with \//),
        ...of(withApp, { healthCheck: {} }, "healthCheck.command", /^is missing: give it/),
        ...of(
            withApp,
            { healthCheck: { command: "curl localhost" } },
            "healthCheck.command",
            /"curl localhost" \(text\).*give a list/,
        ),
        ...of(
            withApp,
            { healthCheck: { command: ["curl", "localhost"] } },
            "healthCheck.command[0]",
            /"curl" is no beginning/,
        ),
        ...of(withApp, { command: "run me" }, "command", /"run me" \(text\) is not allowed: give a list/),
        ...of(withApp, { allowedCidrBlocks: ["10.0.0.0"] }, "allowedCidrBlocks[0]", /is not a CIDR block, e\.g\./),
        ...of(withApp, { allowedCidrBlocks: ["10.1.2.3/8"] }, "allowedCidrBlocks[0]", /give 10\.0\.0\.0\/8$/),
        ...of(
            withApp,
            { allowedSecurityGroupIds: ["web"] },
            "allowedSecurityGroupIds[0]",
            /is not the id of a security group/,
        ),
        ...all.map((component): Case => [
            component,
            { tags: { "aws:team": "red" } },
            "tags.aws:team",
            /give the tag another name/,
        ]),
        ...all.map((component): Case => [component, { tags: { team: "r".repeat(257) } }, "tags.team", /use up to 256/]),
        ...all.map((component): Case => {
            const tags = Object.fromEntries(Array.from({ length: 46 }, (_, index) => [`team-${index}`, "red"]));
            return [component, { tags }, "tags", /^has 46: give at most 45$/];
        }),
        ["TaskDns", { alarmTopicArn: "alerts" }, "alarmTopicArn", /is not the ARN of an SNS topic/],
        ["WildcardCertificate", { acmeDirectory: "zerossl" }, "acmeDirectory", /give letsencrypt/],
        ["WildcardCertificate", { acmeDirectory: "http://ca.example.com" }, "acmeDirectory", /https:\/\/ URL/],
        ["WildcardCertificate", { acmeEmail: "ops" }, "acmeEmail", /"ops" is not an e-mail address/],
        ["TaskPlatform", { notificationEmail: "ops@" }, "notificationEmail", /is not an e-mail address/],
        [
            "LoadBalancedService",
            { certificateArn: "nope" },
            "certificateArn",
            /"nope" is not the ARN of an ACM certificate/,
        ],
        ["LoadBalancedService", { routing: { failover: "primary" } }, "routing.failover", /PRIMARY/],
        [
            "LoadBalancedService",
            { routing: { latency: { region: "Ireland" } } },
            "routing.latency.region",
            /is not the name of a region/,
        ],
        ["LoadBalancedService", { routing: { latency: true } }, "routing.latency", /give an object/],
        ["LoadBalancedService", { routing: { lattency: {} } }, "routing.lattency", /did you mean latency/],
        [
            "LoadBalancedService",
            { routing: { setIdentifier: "x".repeat(129) } },
            "routing.setIdentifier",
            /takes up to 128/,
        ],
        [
            "LoadBalancedService",
            { routing: { healthCheck: { requestInterval: 20 } } },
            "routing.healthCheck.requestInterval",
            /give 10 or 30 seconds/,
        ],
        [
            "LoadBalancedService",
            { routing: { healthCheck: { failureThreshold: 11 } } },
            "routing.healthCheck.failureThreshold",
            /11/,
        ],
        ["LoadBalancedService", { certificateArn: "" }, "certificateArn", /^is empty/],
        ["LoadBalancedService", { webAclArn: "web" }, "webAclArn", /is not the ARN of a regional WAF web ACL/],
        ["LoadBalancedService", { accessLogsBucket: "arn:aws:s3:::logs" }, "accessLogsBucket", /no ARN$/],
        [
            "LoadBalancedService",
            { alarms: { topicArn: "alerts" } },
            "alarms.topicArn",
            /is not the ARN of an SNS topic/,
        ],
        [
            "LoadBalancedService",
            { ...shared, ...rule, listenerArn: "https" },
            "listenerArn",
            /is not the ARN of a listener/,
        ],
        ["LoadBalancedService", { ...rule, hosts: ["localhost"] }, "hosts[0]", /give a name with a dot/],
        ["LoadBalancedService", { ...rule, hosts: ["a_b.example.com"] }, "hosts[0]", /is no host/],
        ["LoadBalancedService", { ...rule, hosts: ["*.*.*.*.*.*.com"] }, "hosts[0]", /has 6 wildcards: a rule takes 5/],
        ["LoadBalancedService", { ...rule, paths: ["/a b"] }, "paths[0]", /is no path: begin it with \//],
        ["LoadBalancedService", { ...rule, paths: ["/a%20b"] }, "paths[0]", /is no path/],
        [
            "LoadBalancedService",
            { oidc: { ...oidc, issuer: "http://id.example.com" } },
            "oidc.issuer",
            /is not an https:\/\/ URL/,
        ],
        ["LoadBalancedService", { oidc: { ...oidc, clientSecret: undefined } }, "oidc.clientSecret", /^is missing/],
        [
            "LoadBalancedService",
            { cognito: { userPoolArn: "pool" } },
            "cognito.userPoolArn",
            /is not the ARN of a Cognito user pool/,
        ],
        ["LoadBalancedService", { jwt: { issuer: "https://id.example.com" } }, "jwt.jwksEndpoint", /^is missing/],
        ["TraefikGateway", { traefikImage: "Traefik" }, "traefikImage", /is not the name of an image/],
        ...all.map((component): Case => [component, { tags: { "": "red" } }, "tags.", /use 1 to 128 letters/]),
        [
            "Sessions",
            { tags: { 組: "red" } },
            "tags.組",
            /takes no characters beyond Latin-1: give the tag another name/,
        ],
        ["Sessions", { taskTags: { ł: "red" } }, "taskTags.ł", /takes no characters beyond Latin-1/],
        ["Sessions", { runTaskInput: "{}" }, "runTaskInput", /give a component's runTaskInput/],
        ["Sessions", { taskRoleArn: "task" }, "taskRoleArn", /"task" is not the ARN of an IAM role, e\.g\./],
        ["Sessions", { issuer: "http://id.example.com" }, "issuer", /is not an https:\/\/ URL/],
        ["Sessions", { audiences: [] }, "audiences", /^is empty: give at least 1/],
        ["Sessions", { bodyVariables: { COLOUR: "(" } }, "bodyVariables.COLOUR", /is not a regular expression/],
        ["Sessions", { claimVariables: { AWS_REGION: "sub" } }, "claimVariables.AWS_REGION", /give another name/],
        ["Sessions", { maxLifetime: 59 }, "maxLifetime", /from 60 to 2592000/],
        ["Sessions", { taskLifetime: 59 }, "taskLifetime", /from 60 to 2592000 seconds/],
        ["Sessions", { maxLifetime: 600, endWarning: 86_401 }, "endWarning", /from 60 to 86400 seconds/],
        ["Sessions", { endWarning: 60 }, "endWarning", /^goes with maxLifetime or taskLifetime/],
        ["Sessions", { iamAuthorization: "no" }, "iamAuthorization", /is not allowed: give true or false/],
        ["Sessions", { iamAuthorization: pulumi.output(true) }, "iamAuthorization", /output/],
        ...(["EnvoyTask", "TaskPlatform"] as const).flatMap((component): Case[] => [
            [component, { domain: "a.example.com", idleTimeout: 59 }, "idleTimeout", /from 60 to 86400 seconds/],
            [component, { domain: "a.example.com", maxLifetime: 59 }, "maxLifetime", /from 60 to 2592000 seconds/],
            [
                component,
                { domain: "a.example.com", desiredCount: 1, maxLifetime: 60 },
                "maxLifetime",
                /^goes without desiredCount/,
            ],
        ]),
        ["EnvoyTask", { maxLifetime: 60 }, "maxLifetime", /^needs domain/],
        [
            "Sessions",
            { claimVariables: { A: "sub" }, bodyVariables: { A: "x" } },
            "bodyVariables.A",
            /is one of claimVariables too/,
        ],
        [
            "TraefikGateway",
            { dashboardHost: "dash board", dashboardUsersSecretArn: secretArn },
            "dashboardHost",
            /is not a domain/,
        ],
        // out of range, not one of the words
        ...of(withApp, { cpu: 300 }, "cpu", /Fargate has no task of 300 CPU units: give one of/),
        ...of(withApp, { memory: 4096 }, "memory", /Fargate has no task of 256 CPU units with 4096 MiB: give one of/),
        ...of(withApp, { containerPort: 0 }, "containerPort", /from 1 to 65535/),
        ...of(withApp, { stopTimeout: 121 }, "stopTimeout", /from 2 to 120/),
        ...of(withApp, { drainSeconds: 116 }, "drainSeconds", /from 0 to 115/),
        ...of(withApp, { healthCheck: { command: ["CMD", "a"], retries: 11 } }, "healthCheck.retries", /from 1 to 10/),
        ...of(withApp, { cpuArchitecture: "arm64" }, "cpuArchitecture", /"arm64" is not one of X86_64, ARM64/),
        ...of(withApp, { accessLog: "some" }, "accessLog", /is not one of off, errors, all/),
        ...of(withApp, { logRetentionDays: 31 }, "logRetentionDays", /give one of/),
        ...of(withApp, { desiredCount: 5001 }, "desiredCount", /from 0 to 5000/),
        ["Network", { numberOfAvailabilityZones: 7 }, "numberOfAvailabilityZones", /from 1 to 6/],
        ["Network", { availabilityZones: [] }, "availabilityZones", /is empty: give at least 1/],
        [
            "Network",
            { availabilityZones: [..."abcdefg"].map((a) => `us-east-1${a}`) },
            "availabilityZones",
            /at most 6/,
        ],
        [
            "Network",
            { availabilityZones: ["use1-az3"] },
            "availabilityZones[0]",
            /is not the name of an Availability Zone/,
        ],
        [
            "Network",
            { availabilityZones: ["eu-west-1a"], numberOfAvailabilityZones: 1 },
            "numberOfAvailabilityZones",
            /give one of the two/,
        ],
        ["Network", { cidrBlock: "10.0.0.0/8" }, "cidrBlock", /16 to 28 bits/],
        ["Network", { natGateways: "two" }, "natGateways", /is not one of none, single, onePerAvailabilityZone/],
        ["Cluster", { containerInsights: "on" }, "containerInsights", /is not one of disabled, enabled, enhanced/],
        ["WildcardCertificate", { keyType: "P-521" }, "keyType", /is not one of P-256/],
        ["TaskDns", { recordTtl: 0 }, "recordTtl", /from 1 to 3600/],
        ["TaskDns", { negativeTtl: 0 }, "negativeTtl", /from 1 to 86400/],
        ["TaskDns", { caaIssuer: 'ca.example"' }, "caaIssuer", /is not what names an authority in CAA records/],
        ["LoadBalancedService", { loadBalancer: "classic" }, "loadBalancer", /is not one of application, network/],
        ["LoadBalancedService", { tls: "none" }, "tls", /is not one of terminate, endToEnd/],
        ["LoadBalancedService", { capacityProvider: "EC2" }, "capacityProvider", /is not one of FARGATE, FARGATE_SPOT/],
        ["LoadBalancedService", { deregistrationDelay: 3601 }, "deregistrationDelay", /from 0 to 3600/],
        ["LoadBalancedService", { idleTimeout: 4001 }, "idleTimeout", /from 1 to 4000/],
        ["LoadBalancedService", { targetHealth: { interval: 4 } }, "targetHealth.interval", /from 5 to 300/],
        ["LoadBalancedService", { ...rule, priority: 50_001 }, "priority", /from 1 to 50000/],
        [
            "LoadBalancedService",
            { alarms: { topicArn, errorPercent: 101 } },
            "alarms.errorPercent",
            /up to 100 percent/,
        ],
        [
            "LoadBalancedService",
            { autoscaling: { minTasks: 1, maxTasks: 2, cpuPercent: 0 } },
            "autoscaling.cpuPercent",
            /from 1 to 100/,
        ],
        ["TraefikGateway", { drainSeconds: 111 }, "drainSeconds", /from 0 to 110/],
        ["TraefikGateway", { memory: 513 }, "memory", /give one of 512, 1024, 2048/],
        // contradictory
        ...of(withApp, { build: { context: "." } }, "image", /does not go with build: give one of them/),
        ...of(
            withApp,
            { environment: { A: "1" }, secrets: { A: secretArn } },
            "secrets.A",
            /is in environment too: give it in one/,
        ),
        ["EnvoyTask", { httpPort: 443 }, "httpPort", /443 is httpsPort already: .*give another/],
        ["EnvoyTask", { containerPort: 80 }, "httpPort", /80 is containerPort already/],
        ["TaskPlatform", { vpcId: "vpc-1" }, "subnetIds", /vpcId and subnetIds go together/],
        ["TaskPlatform", { subnetIds: ["subnet-1"] }, "vpcId", /vpcId and subnetIds go together/],
        [
            "WildcardCertificate",
            { domain: "a.b.c.d.e.f.g.h.example.com" },
            "domain",
            /takes up to 10, give a domain with fewer/,
        ],
        [
            "WildcardCertificate",
            { domain: `${"a".repeat(60)}.example.com`, importToAcm: true },
            "domain",
            /ACM takes names of up to 64/,
        ],
        ["LoadBalancedService", { loadBalancerSubnetIds: ["subnet-1"] }, "loadBalancerSubnetIds", /needs two or more/],
        ["LoadBalancedService", { httpPort: 443 }, "httpPort", /443 is httpsPort already: give another/],
        ["LoadBalancedService", { domain: "www.example.com" }, "hostedZoneId", /go together/],
        [
            "LoadBalancedService",
            { ...zone, certificateArn: undefined, domain: `${"a".repeat(60)}.example.com` },
            "domain",
            /up to 64/,
        ],
        ["LoadBalancedService", { ...shared, hosts: undefined }, "hosts", /^is missing: a service that joins/],
        ["LoadBalancedService", { ...rule, priority: undefined }, "priority", /^is missing: hosts and paths need one/],
        [
            "LoadBalancedService",
            { hosts: ["*.*.*.a.com"], paths: ["/*/*/*"], priority: 1 },
            "paths",
            /5 together, give fewer/,
        ],
        [
            "LoadBalancedService",
            { oidc, jwt: { issuer: "https://a.b", jwksEndpoint: "https://a.b" } },
            "oidc",
            /give one of them/,
        ],
        ["LoadBalancedService", { loadBalancer: "network", oidc }, "oidc", /use an Application Load Balancer/],
        [
            "LoadBalancedService",
            { autoscaling: { minTasks: 3, maxTasks: 2, cpuPercent: 50 } },
            "autoscaling.maxTasks",
            /from 3 to/,
        ],
        ["LoadBalancedService", { clientAddress: "preserved" }, "clientAddress", /is for a Network Load Balancer/],
        [
            "LoadBalancedService",
            { internal: true, certificateArn: undefined, ...zone },
            "hostedZoneId",
            /give certificateArn too/,
        ],
        ["TraefikGateway", { domain: "apps.example.com" }, "hostedZoneId", /go together/],
        ["TraefikGateway", { dashboardHost: "dash.example.com" }, "dashboardUsersSecretArn", /go together/],
        ["TraefikGateway", { httpsPort: 80 }, "httpPort", /give another/],
    ];

    it(`are refused by what they say: ${table.length}`, async () => {
        const { resources } = await record(() => {
            for (const [component, args, path, reason] of table) {
                const faults = faultsOf(component, { ...sound[component], ...args });
                expect(faults, `${component} ${JSON.stringify(args)}`).to.have.property(path);
                expect(faults[path], `${component} ${JSON.stringify(args)}`)
                    .to.match(reason)
                    .and.to.match(remedy);
            }
        });
        expect(resources, "made before the refusal").to.deep.equal([]);
        expect(table.length).to.be.at.least(150);
    });

    it("are all refused when there are none at all", () => {
        for (const component of ["WildcardCertificate", "TaskDns", "TraefikGateway", "EnvoyTask"] as const) {
            for (const nothing of [{}, undefined, null]) {
                const missing = Object.values(faultsOf(component, nothing));
                expect(missing.filter((reason) => /^is missing: /.test(reason))).to.have.length.at.least(2);
            }
            expect(Object.keys(faultsOf(component, "nothing"))).to.deep.equal([""]);
        }
    });

    it("are judged when they are known, where they are outputs", async () => {
        const late: [Component, Args, RegExp][] = [
            ["TaskDns", { domain: pulumi.output("https://tasks.example.com") }, /domain: .*leave out the scheme/],
            [
                "TaskPlatform",
                { hostedZoneId: Promise.resolve("example.com") },
                /hostedZoneId: "example.com" is not the id/,
            ],
            ["EnvoyTask", { image: pulumi.output("who ami") }, /image: "who ami" is not the name/],
            ["EnvoyTask", { cpu: pulumi.output(512) }, /memory: Fargate has no task of 512 CPU units with 512 MiB/],
            ["LoadBalancedService", { certificateArn: pulumi.output("") }, /certificateArn: is empty/],
        ];
        for (const [component, args, message] of late) {
            const [key] = Object.keys(args);
            const errors = await unhandledDuring(async () => {
                const { resources } = await record(() => void make(component, { ...sound[component], ...args }));
                await new Promise((resolve) => setImmediate(resolve));
                expect(
                    resources.map(({ name }) => name),
                    `made in spite of ${key}`,
                ).to.deep.equal([]);
            });
            expect(errors, key).to.have.length(1);
            expect(errors[0]).to.match(message);
        }
    });

    it("are a zone that does not hold the domain, or a private one", async () => {
        const { zoneHolding } = await import("../../components/internal/hostedZone");
        const outcome = async (domain: string): Promise<string> => {
            const { result } = await record(() => {
                const parent = new pulumi.Stash("it", { input: 1 });
                const zoneId = zoneHolding('TaskDns "it"', { domain, hostedZoneId: "Z123" }, parent);
                return rejectionOf(zoneId).then(
                    ({ message }) => message,
                    () => "taken",
                );
            });
            return result;
        };
        expect(await outcome("tasks.example.com")).to.equal("taken");
        expect(await outcome("tasks.example.org")).to.equal(
            'TaskDns "it" cannot be made: hostedZoneId: "example.com" does not hold tasks.example.org: give the zone of that domain or of one above it',
        );
    });
});

describe("names of components", () => {
    const longest: Record<Component, number> = {
        Cluster: 247,
        Network: 200,
        WildcardCertificate: 39,
        TaskDns: 36,
        EnvoyTask: 41,
        TaskPlatform: 27,
        LoadBalancedService: 19,
        PrivateService: 36,
        TraefikGateway: 18,
        Sessions: 32,
    };

    it("have one rule, whatever the component", () => {
        for (const component of Object.keys(sound) as Component[]) {
            for (const name of [
                "Shop",
                "my_shop",
                "my.shop",
                "-shop",
                "shop-",
                "1shop",
                "",
                "internal-shop",
                "xn--shop",
            ]) {
                expect(faultsOf(component, sound[component], name).name, `${component} ${name}`).to.match(remedy);
            }
            const tooLong = "a".repeat(longest[component] + 1);
            expect(faultsOf(component, sound[component], tooLong).name).to.match(
                new RegExp(`has ${tooLong.length} characters: .* give up to ${longest[component]}$`),
            );
        }
    });

    it("leave what is made of them within AWS's limits, and the longest of them none to spare", async () => {
        const exact: Component[] = [
            "WildcardCertificate",
            "TaskDns",
            "EnvoyTask",
            "PrivateService",
            "TaskPlatform",
            "LoadBalancedService",
            "TraefikGateway",
            "Sessions",
        ];
        for (const component of exact) {
            const name = "a".repeat(longest[component]);
            // Behind a Network Load Balancer there is a second target group; else all that can be made.
            const args =
                component === "LoadBalancedService"
                    ? {
                          ...sound[component],
                          ...{ loadBalancer: "network", tls: "endToEnd", certificateSecretArn: secretArn },
                          certificateArn: undefined,
                      }
                    : sound[component];
            const { resources } = await record(() => void make(component, args, name));
            const rooms = resources.flatMap(({ type, name: child, inputs }) => {
                const most = nameRules[type]?.most;
                const given = typeof inputs.name === "string" ? inputs.name.length + 8 : child.length + 8;
                const isExplicit = type === "aws:ecs/taskDefinition:TaskDefinition";
                return most === undefined ? [] : [{ child, room: most - given + (isExplicit ? 8 : 0) }];
            });
            const least = Math.min(...rooms.map(({ room }) => room));
            expect(
                rooms.filter(({ room }) => room < 0),
                component,
            ).to.deep.equal([]);
            expect(least, `${component}: ${JSON.stringify(rooms.filter(({ room }) => room === least))}`).to.be.at.most(
                8,
            );
        }
    });
});
