// Arguments of components at random: all that their documentation allows, at its edges too.
import * as pulumi from "@pulumi/pulumi";
import * as fc from "fast-check";

import { taskSizes } from "../../components/internal/task/taskSize";
import { logRetentionDays } from "../../components/internal/rules";

/** Stands for an output of that value, which is made when the program runs. */
class Late {
    constructor(
        readonly value: unknown,
        readonly isSecret: boolean,
    ) {}
}

/** What stands in every secret of these arguments, and nowhere else. */
export const hush = "hush-5ecre7";

/** The arguments as a program gives them. */
export function given(args: unknown): unknown {
    if (args instanceof Late) {
        const value = given(args.value);
        return args.isSecret ? pulumi.secret(value) : pulumi.output(value);
    }
    if (Array.isArray(args)) {
        return args.map(given);
    }
    return typeof args === "object" && args !== null
        ? Object.fromEntries(Object.entries(args).map(([key, value]) => [key, given(value)]))
        : args;
}

type Any = fc.Arbitrary<unknown>;
type Args = Record<string, unknown>;

const maybe = (of: Any): Any => fc.option(of, { nil: undefined });
/** Now and then known only later. */
const late = (of: Any): Any =>
    fc.oneof({ weight: 3, arbitrary: of }, { weight: 1, arbitrary: of.map((value) => new Late(value, false)) });
const all = (members: Record<string, Any>): fc.Arbitrary<Args> => fc.record(members);
const optional = (members: Record<string, Any>): Record<string, Any> =>
    Object.fromEntries(Object.entries(members).map(([key, of]) => [key, maybe(of)]));
const characters = (of: string, minLength: number, maxLength: number): fc.Arbitrary<string> =>
    fc.string({ unit: fc.constantFrom(...of), minLength, maxLength, size: "max" });

const lower = "abcdefghijklmnopqrstuvwxyz";
const digits = "0123456789";
const letters = `${lower}${lower.toUpperCase()}`;

/** A component's name of up to that length; often just that. */
export function anyName(longest: number): fc.Arbitrary<string> {
    const inner = fc
        .tuple(fc.constantFrom(...lower), characters(`${lower}${digits}-`, 0, longest - 2), fc.constantFrom(...lower))
        .map((parts) => parts.join(""));
    return fc.oneof(
        inner.map((name) => name.padEnd(longest, "z")),
        inner,
        fc.constantFrom("aws", "ssm"),
    );
}

const hex = (length: number) => characters("0123456789abcdef", length, length);
const port = fc.integer({ min: 1, max: 65_535 });
const whole = (min: number, max: number) => fc.oneof(fc.constantFrom(min, max), fc.integer({ min, max }));
const account = "111122223333";
const arn = (service: string, resource: string) => `arn:aws:${service}:eu-west-1:${account}:${resource}`;

const tagText = fc.constantFrom(..."aZ9 äé漢_.:/=+-@");
const tags = fc.dictionary(
    fc
        .string({ unit: tagText, minLength: 1, maxLength: 128, size: "max" })
        .filter((key) => !/^(aws:|__proto__)/i.test(key)),
    fc.oneof(fc.string({ unit: tagText, maxLength: 256, size: "max" }), fc.integer(), fc.boolean()),
    { maxKeys: 5 },
);
const latin = (of: Args): Args =>
    Object.fromEntries(Object.entries(of).map(([key, value]) => [key.replace(/[^\x20-\xff]/g, "ÿ"), value]));
const retention = fc.constantFrom(...logRetentionDays);
const common = { tags: late(tags), logRetentionDays: late(retention) };

/** Below example.com, which the hosted zone holds. */
const domain = (labels: number, longest: number) =>
    fc
        .array(
            characters(`${lower}${digits}-`, 1, 63).map((label) => label.replace(/^-|-$/g, "x")),
            { minLength: 1, maxLength: labels, size: "max" },
        )
        .map((parts) => `${parts.join(".")}.example.com`)
        .filter((name) => name.length <= longest);
const spelt = (of: fc.Arbitrary<string>) =>
    of.chain((name) =>
        fc.constantFrom(
            name,
            `${name}.`,
            name.replace(/[a-f]/g, (letter) => letter.toUpperCase()),
        ),
    );
const zoneId = late(
    fc.constantFrom(
        "Z1",
        "Z0123456789ABCDEFGHIJ",
        "/hostedzone/Z0123456789ABCDEFGHIJ",
        "arn:aws:route53:::hostedzone/Z9",
    ),
);

const subnets = fc.uniqueArray(hex(17), { minLength: 2, maxLength: 4 }).map((ids) => ids.map((id) => `subnet-${id}`));
const vpcId = late(hex(17).map((id) => `vpc-${id}`));
const groupId = hex(17).map((id) => `sg-${id}`);
const clusterArn = late(characters(`${letters}${digits}_-`, 1, 255).map((cluster) => arn("ecs", `cluster/${cluster}`)));
const placement = { vpcId, subnetIds: late(subnets), clusterArn };
const secretArn = characters(`${letters}${digits}/_+=.@-`, 1, 200).map((secret) =>
    arn("secretsmanager", `secret:${secret}-AbCdEf`),
);
const reference = fc.oneof(
    secretArn,
    secretArn.map((secret) => `${secret}:password::`),
    secretArn.map((secret) => secret.replace(/-AbCdEf$/, "")),
    characters(`${letters}${digits}/_.-`, 1, 200).map((parameter) => arn("ssm", `parameter/${parameter}`)),
);
const keyArns = fc.uniqueArray(hex(8), { maxLength: 2 }).map((keys) => keys.map((key) => arn("kms", `key/${key}`)));
const topicArn = late(fc.constant(arn("sns", "alerts")));
const image = fc.constantFrom(
    ...["nginx", "docker.io/traefik/whoami:v1.11", `${account}.dkr.ecr.eu-west-1.amazonaws.com/apps/web:1`],
    ...[`${account}.dkr-ecr.eu-west-1.on.aws/a`, `localhost:5000/a/b@sha256:${"a1".repeat(32)}`],
);
const cidrs = fc.subarray(["0.0.0.0/0", "::/0", "203.0.113.0/24", "2001:db8::/32", "10.0.0.0/8", "192.0.2.1/32"]);

/** A text of anything, or a secret one that is known later. */
const value = fc.oneof(
    fc.string({ maxLength: 60 }),
    fc.integer(),
    fc.boolean(),
    fc.constant(new Late(hush, true)),
    fc.constant(new Late("later", false)),
);
const variable = fc.oneof(
    characters(`${letters}${digits}_`, 1, 30),
    fc.constantFrom("valueOf", "constructor", "PATH"),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
);
const isVariable = (key: string): boolean => !/[=\0]|^TLS_|^__proto__$/.test(key);
const words = fc.array(value, { maxLength: 4 });
const checkCommand = fc.oneof(
    fc.array(value, { minLength: 1, maxLength: 3 }).map((line) => ["CMD", ...line]),
    value.map((line) => ["CMD-SHELL", line]),
);
const healthCheck = all({
    command: checkCommand,
    ...optional({
        interval: whole(5, 300),
        timeout: whole(2, 60),
        retries: whole(1, 10),
        startPeriod: whole(0, 300),
    }),
});
const path = characters(`/${letters}${digits}.~%?=&-`, 0, 200).map((rest) => `/${rest}`);
const size = fc
    .constantFrom(...taskSizes)
    .chain(({ cpu, memory }) => all({ cpu: fc.constant(cpu), memory: fc.constantFrom(...memory) }));

const claim = fc.constantFrom("sub", "custom:team", "email");
const ownVariable = characters(`${lower.toUpperCase()}${digits}_`, 0, 30).map((rest) => `CLAIMED_${rest}`);
const claimHeader = characters(`${lower}${digits}`, 1, 20).map((rest) => `x-claim-${rest}`);
const authentication = all({
    issuer: late(fc.constantFrom("https://id.example.com", "https://cognito-idp.eu-west-1.amazonaws.com/pool")),
    audiences: late(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 4 })),
    ...optional({
        jwksUri: late(fc.constant("https://id.example.com/keys")),
        requiredClaims: late(fc.dictionary(claim, ownVariable, { maxKeys: 3 })),
        claimHeaders: late(fc.dictionary(claimHeader, claim, { maxKeys: 3 })),
    }),
});

/** What a task may end by itself for: not one of a service. */
const ownEnds = fc.oneof(
    all({ desiredCount: maybe(whole(0, 5000)) }),
    all({ idleTimeout: maybe(late(whole(60, 86_400))), maxLifetime: maybe(late(whole(60, 2_592_000))) }),
);

/** What only tasks with a domain may have. */
const guarded = all({ authentication: maybe(late(authentication)), ends: ownEnds });

/** All that may be said of an app; what goes with what is settled by `app`. */
const appMembers: Record<string, Any> = {
    image: late(image),
    ...optional({
        containerPort: late(port),
        command: late(words),
        variables: fc.dictionary(
            variable.filter(isVariable),
            fc.oneof(
                value,
                reference.map((from) => ({ from })),
            ),
            {
                maxKeys: 6,
            },
        ),
        secretKeyArns: late(keyArns),
        size,
        cpuArchitecture: late(fc.constantFrom("X86_64", "ARM64")),
        healthCheck: late(healthCheck),
        healthCheckPath: late(path),
        taskPolicyArns: fc.constantFrom([], ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]),
        stopTimeout: whole(2, 120),
        drainSeconds: whole(0, 115),
        dockerLabels: late(
            fc.dictionary(
                fc.string({ minLength: 1 }).filter((key) => key !== "__proto__"),
                value,
                { maxKeys: 3 },
            ),
        ),
        allowedCidrBlocks: cidrs,
        allowedSecurityGroupIds: fc.array(late(groupId), { maxLength: 2 }),
        envoyImage: late(image),
        helperImage: late(image),
        accessLog: late(fc.constantFrom("off", "errors", "all")),
        ...common,
    }),
};

/** A variable's value is given or read: ECS takes a name once. */
function app({ variables = {}, size: sized, ...args }: Args): Args {
    const entries = Object.entries(variables as Args);
    const isRead = (item: unknown): item is { readonly from: string } =>
        typeof item === "object" && item !== null && "from" in item;
    return {
        ...args,
        ...(sized as Args | undefined),
        environment: Object.fromEntries(entries.filter(([, item]) => !isRead(item))),
        secrets: Object.fromEntries(entries.flatMap(([key, item]) => (isRead(item) ? [[key, item.from]] : []))),
    };
}

/** The ports of a task that clients find, besides the app's own. */
const ports = fc
    .uniqueArray(port, { minLength: 3, maxLength: 3 })
    .map(([containerPort, httpsPort, httpPort]) => ({ containerPort, httpsPort, httpPort }));

const certificateMembers = {
    hostedZoneId: zoneId,
    ...optional({
        acmeDirectory: late(fc.constantFrom("letsencrypt", "letsencrypt-staging", "https://ca.example.com/directory")),
        acmeEmail: late(fc.constant("ops@example.com")),
        keyType: late(fc.constantFrom("P-256", "P-384", "RSA-2048", "RSA-3072", "RSA-4096")),
        notificationEmail: late(fc.constant("ops@example.com")),
    }),
};

const publishing = {
    recordTtl: late(whole(1, 3600)),
    publishAt: late(fc.constantFrom("PENDING", "RUNNING", "HEALTHY")),
};

/** The rule of a listener: five values and five wildcards at most go into one. */
const rule = all({
    hosts: fc.subarray([
        "a.example.com",
        "*.example.com",
        "b?.example.org",
        "*.*.example.net",
        "www.example.com",
        "x.io",
    ]),
    paths: fc.subarray(["/a", "/b/*", "/c/?/d", "/$~\"'@:+&", "*"]),
    priority: fc.integer({ min: 1, max: 49_000 }),
}).map((members) =>
    (members.hosts as unknown[]).length + (members.paths as unknown[]).length === 0
        ? { ...members, hosts: ["a.example.com"] }
        : members,
);

const https = (what: string) => late(fc.constant(`https://id.example.com/${what}`));
const signIn = fc.constantFrom("cognito", "oidc", "jwt", undefined);
const signIns: Record<string, Any> = {
    cognito: all({
        userPoolArn: fc.constant(arn("cognito-idp", "userpool/eu-west-1_AbCdEfGhI")),
        userPoolClientId: fc.constant("client"),
        userPoolDomain: fc.constant("shop"),
    }),
    oidc: all({
        issuer: https("i"),
        authorizationEndpoint: https("a"),
        tokenEndpoint: https("t"),
        userInfoEndpoint: https("u"),
        clientId: fc.constant("web"),
        clientSecret: late(fc.constant(hush)),
    }),
    jwt: all({ issuer: https("i"), jwksEndpoint: https("k") }),
};

const bounds = fc.tuple(whole(1, 5000), whole(1, 5000)).map((both) => both.sort((one, other) => one - other));
const autoscaling = fc
    .tuple(
        bounds,
        all(
            optional({
                cpuPercent: whole(1, 100),
                memoryPercent: whole(1, 100),
                requestsPerTarget: whole(1, 1_000_000),
            }),
        ),
        bounds,
    )
    .map(([[minTasks, maxTasks], follows, [fewest, most]]) => ({
        ...{ minTasks, maxTasks },
        ...follows,
        schedules: [
            { schedule: "cron(0 7 * * ? *)", timezone: "Europe/Dublin", minTasks: fewest, maxTasks: most },
            { schedule: "rate(5 minutes)", minTasks: fewest, maxTasks: most },
        ],
    }));

const targetHealth = all({
    interval: whole(5, 300),
    healthyThreshold: whole(2, 10),
    unhealthyThreshold: whole(2, 10),
}).chain((times) =>
    all({
        ...Object.fromEntries(Object.entries(times).map(([key, time]) => [key, fc.constant(time)])),
        timeout: whole(2, Math.min(120, Number(times.interval) - 1)),
        graceSeconds: whole(Number(times.interval) * Number(times.healthyThreshold), 7200),
    }),
);

const own = characters(`${lower}${digits}`, 1, 40).map((label) => `${label}.example.com`);

/** With a name or without: what goes with one is left out else. */
const serviceConnect = all({
    ...optional({
        namespaceArn: late(
            characters(`${lower}${digits}`, 1, 20).map((id) => arn("servicediscovery", `namespace/ns-${id}`)),
        ),
        name: fc.constantFrom("orders", "a", "x".repeat(63)),
    }),
    protocol: fc.constantFrom("http", "http2", "grpc", "tcp", undefined),
    port: maybe(late(port)),
    requestTimeout: maybe(late(whole(0, 2_147_483))),
}).map(({ protocol, requestTimeout, port: called, ...args }) =>
    args.name === undefined
        ? args
        : { ...args, protocol, port: called, requestTimeout: protocol === "tcp" ? undefined : requestTimeout },
);

const serviceMembers = {
    ...appMembers,
    ...placement,
    type: fc.constantFrom("application", "network"),
    tls: fc.constantFrom("terminate", "endToEnd"),
    front: fc.constantFrom("own", "own", "shared"),
    loadBalancerSubnetIds: late(subnets),
    certificateArn: late(hex(12).map((id) => arn("acm", `certificate/${id}`))),
    certificateSecretArn: late(secretArn),
    isNamed: fc.boolean(),
    domain: late(spelt(own)),
    hostedZoneId: zoneId,
    signIn,
    ...signIns,
    rule: maybe(rule),
    containerPort: late(fc.constantFrom(1, 80, 8080, 65_535)),
    ports,
    idle: fc.record({ application: whole(1, 4000), network: whole(60, 6000) }),
    isHot: fc.boolean(),
    hasRsa: fc.boolean(),
    ...optional({
        internal: fc.boolean(),
        clientSecurityGroupIds: fc.array(late(groupId), { maxLength: 2 }),
        serviceConnect,
        clientAddress: fc.constantFrom("preserved", "proxyProtocol"),
        desiredCount: whole(0, 5000),
        autoscaling,
        capacityProvider: fc.constantFrom("FARGATE", "FARGATE_SPOT"),
        assignPublicIp: late(fc.boolean()),
        targetHealth,
        deregistrationDelay: whole(0, 3600),
        routing: all({
            ...optional({
                setIdentifier: late(fc.constantFrom("eu-west-1", "blue")),
                inService: fc.boolean(),
                healthCheck: all(
                    optional({
                        path: late(fc.constantFrom("/", "/up")),
                        requestInterval: fc.constantFrom(10, 30),
                        failureThreshold: whole(1, 10),
                    }),
                ),
            }),
            policy: fc.constantFrom({ latency: {} }, { latency: { region: "us-east-1" } }, { failover: "PRIMARY" }),
        }).map(({ policy, ...rest }: Args): Args => ({ ...(policy as Args), ...rest })),
        webAclArn: late(fc.constant(arn("wafv2", "regional/webacl/shop/12345678-1234-1234-1234-123456789012"))),
        accessLogsBucket: late(fc.constant("example-logs")),
        alarms: all({ topicArn, ...optional({ errorPercent: whole(1, 100), latencySeconds: whole(1, 300) }) }),
    }),
};

/** What of these goes together, as LoadBalancedService's documentation says. */
function service(of: Args): Args {
    const { type, front, isNamed, signIn: kind, rule: conditions, ports: clients, idle, isHot, hasRsa, ...rest } = of;
    const args: Args = { ...app(rest), loadBalancer: type, ...(conditions as Args | undefined) };
    const leaveOut = (...keys: string[]): void => keys.forEach((key) => delete args[key]);
    const [isNetwork, isEndToEnd, isShared] = [type === "network", args.tls === "endToEnd", front === "shared"];
    args.httpsPort = (clients as Args).httpsPort;
    args.httpPort = (clients as Args).httpPort;
    args.idleTimeout = (idle as Args)[type as string];
    leaveOut(...["cognito", "oidc", "jwt"].filter((each) => each !== kind));
    if (isNamed !== true) {
        leaveOut("domain", "hostedZoneId");
    } else if (args.internal !== true) {
        leaveOut("certificateArn");
    }
    if (args.domain === undefined) {
        leaveOut("routing");
    }
    if (isShared && !isNetwork) {
        args.listenerArn = arn("elasticloadbalancing", "listener/app/shared/1234567890abcdef/1234567890abcdef");
        args.loadBalancerSecurityGroupId = "sg-1";
        Object.assign(args, conditions ?? { hosts: ["a.example.com"], priority: 1 });
        leaveOut("loadBalancerSubnetIds", "internal", "webAclArn", "accessLogsBucket", "idleTimeout");
        leaveOut("clientSecurityGroupIds");
        leaveOut("allowedCidrBlocks", "httpPort");
    }
    if (isNetwork) {
        leaveOut("cognito", "oidc", "jwt", "webAclArn", "hosts", "paths", "priority");
        args.autoscaling &&= { ...(args.autoscaling as Args), requestsPerTarget: undefined };
        leaveOut(...(isEndToEnd ? ["accessLogsBucket", "certificateArn"] : ["idleTimeout", "httpPort"]));
    } else {
        leaveOut("clientAddress");
    }
    if (!isEndToEnd) {
        leaveOut("certificateSecretArn", "drainSeconds", "envoyImage", "accessLog");
        args.clientAddress &&= "preserved";
    }
    if (isEndToEnd && isHot === true) {
        Object.assign(args, { rotation: "hot", sealedCertificateUrl: "https://sealed.example.com/certificate.json" });
    }
    if (isEndToEnd && args.serviceConnect !== undefined) {
        args.serviceConnect = {};
    }
    if (isEndToEnd && hasRsa === true) {
        const url = "https://rsa-sealed.example.com/certificate.json";
        args.rsaCertificateSecretArn = arn("secretsmanager", "secret:rsa-AbCdE1");
        Object.assign(args, isHot === true ? { rsaSealedCertificateUrl: url } : {});
    }
    if (args.autoscaling !== undefined) {
        leaveOut("desiredCount");
    }
    if ((args.hosts !== undefined || args.internal === true) && args.routing !== undefined) {
        args.routing = { ...(args.routing as Args), healthCheck: undefined };
    }
    if (args.capacityProvider === "FARGATE_SPOT") {
        Object.assign(args, { deregistrationDelay: 30, stopTimeout: 30 }, isEndToEnd ? { drainSeconds: 20 } : {});
    }
    return args;
}

const privateMembers = {
    image: late(image),
    ...placement,
    serving: maybe(
        all({
            containerPort: late(port),
            ...optional({ allowedSecurityGroupIds: fc.array(late(groupId), { maxLength: 2 }), serviceConnect }),
        }),
    ),
    ...optional({
        command: appMembers.command,
        variables: appMembers.variables,
        secretKeyArns: late(keyArns),
        size,
        cpuArchitecture: late(fc.constantFrom("X86_64", "ARM64")),
        healthCheck: late(healthCheck),
        taskPolicyArns: fc.constantFrom([], ["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"]),
        stopTimeout: whole(2, 120),
        desiredCount: whole(0, 5000),
        autoscaling,
        capacityProvider: fc.constantFrom("FARGATE", "FARGATE_SPOT"),
        assignPublicIp: late(fc.boolean()),
        ...common,
    }),
};

/** What of these goes together, as PrivateService's documentation says. */
function privateService({ serving, ...rest }: Args): Args {
    const args = { ...app(rest), ...((serving as Args | undefined) ?? { serviceConnect: {} }) };
    if (args.autoscaling !== undefined) {
        args.autoscaling = { ...(args.autoscaling as Args), requestsPerTarget: undefined };
        delete args.desiredCount;
    }
    return args;
}

const gatewayMembers = {
    ...placement,
    loadBalancerSubnetIds: late(subnets),
    certificateSecretArn: late(secretArn),
    isNamed: fc.boolean(),
    domain: late(spelt(domain(6, 200))),
    hostedZoneId: zoneId,
    hasDashboard: fc.boolean(),
    dashboardHost: own,
    dashboardUsersSecretArn: reference,
    isHot: fc.boolean(),
    ports,
    ...optional({
        internal: fc.boolean(),
        assignPublicIp: late(fc.boolean()),
        desiredCount: late(whole(0, 5000)),
        secretKeyArns: late(keyArns),
        size,
        cpuArchitecture: late(fc.constantFrom("X86_64", "ARM64")),
        traefikImage: late(image),
        drainSeconds: whole(0, 110),
        deregistrationDelay: whole(0, 3600),
        allowedCidrBlocks: cidrs,
        ...common,
    }),
};

function gateway({ isNamed, hasDashboard, isHot, ports: clients, size: sized, ...args }: Args): Args {
    const { httpsPort, httpPort } = clients as Args;
    const made: Args = { ...args, ...(sized as Args | undefined), httpsPort, httpPort };
    if (isHot === true) {
        Object.assign(made, { rotation: "hot", sealedCertificateUrl: "https://sealed.example.com/certificate.json" });
    }
    const left = [
        ...(isNamed === true && made.internal !== true ? [] : ["domain", "hostedZoneId"]),
        ...(hasDashboard === true ? [] : ["dashboardHost", "dashboardUsersSecretArn"]),
    ];
    return Object.fromEntries(Object.entries(made).filter(([key]) => !left.includes(key)));
}

const familyName = characters(`${letters}${digits}_-`, 1, 255);

/** Of each component: the longest name that it takes, and its arguments. */
export const anyArguments: Readonly<Record<string, { readonly longest: number; readonly args: fc.Arbitrary<Args> }>> = {
    Cluster: {
        longest: 247,
        args: all(
            optional({
                containerInsights: late(fc.constantFrom("disabled", "enabled", "enhanced")),
                serviceConnectNamespace: fc.constantFrom("shop", "shop.internal", "x"),
                tags: late(tags),
            }),
        ),
    },
    Network: {
        longest: 200,
        args: fc.oneof(
            ...[
                ["numberOfAvailabilityZones", maybe(whole(1, 6))] as const,
                ["availabilityZones", fc.constant(["eu-west-1a", "eu-west-1c"])] as const,
            ].map(([property, zones]) =>
                all({
                    [property]: zones,
                    ...optional({
                        cidrBlock: fc.constantFrom("10.0.0.0/16", "192.168.0.0/20", "172.16.0.0/18"),
                        natGateways: fc.constantFrom("none", "single", "onePerAvailabilityZone"),
                        endpoints: fc
                            .subarray(["secretsmanager", "ssm", "kms"])
                            .map((some) => ["s3", "ecr.api", "ecr.dkr", "logs", ...some]),
                        tags: late(tags),
                    }),
                }),
            ),
        ),
    },
    WildcardCertificate: {
        longest: 35,
        args: fc.boolean().chain((importToAcm) =>
            all({
                ...certificateMembers,
                importToAcm: fc.constant(importToAcm),
                domain: late(spelt(domain(7, importToAcm ? 62 : 251))),
                ...optional({
                    ...(importToAcm && { acmRegions: late(fc.constant(["us-east-1", "ap-southeast-2"])) }),
                    revokeOnDestroy: late(fc.boolean()),
                    watchedPort: late(whole(1, 65_535)),
                    accountKeyParameterName: late(fc.constant("/taskgate/other/acme-account-key")),
                    acmeProfileRequired: late(fc.boolean()),
                    acmePreferredChain: late(fc.constant("ISRG Root X2")),
                    acmeExternalAccount: late(
                        all({
                            keyId: fc.constant(new Late(hush, true)),
                            keyArn: fc.constant(arn("secretsmanager", "secret:eab-AbCdEf")),
                        }),
                    ),
                    challengeDelegation: late(
                        all({
                            recordName: fc.constantFrom("_acme-challenge.Example.org", "a.challenges.example.net."),
                            hostedZoneId: zoneId,
                            roleArn: maybe(fc.constant(`arn:aws:iam::${account}:role/zone`)),
                        }),
                    ),
                    includeApex: late(fc.boolean()),
                    ...common,
                }),
            }),
        ),
    },
    TaskDns: {
        longest: 36,
        args: all({
            clusterArn,
            hostedZoneId: zoneId,
            domain: late(spelt(domain(7, 220))),
            ...optional({
                ...publishing,
                ipv6: late(fc.boolean()),
                nameTemplate: late(fc.constantFrom("{taskId}", "{family}-{tag:team}", "x{service}")),
                families: late(fc.array(familyName, { maxLength: 5 })),
                services: late(fc.array(familyName, { maxLength: 5 })),
                taskTags: late(tags),
                zoneRoleArn: late(fc.constant(`arn:aws:iam::${account}:role/zone`)),
                stopTasksOnDestroy: fc.boolean(),
                orphanRecords: late(fc.constantFrom("report", "delete")),
                dashboard: fc.boolean(),
                alarmTopicArn: topicArn,
                ...common,
            }),
        }),
    },
    EnvoyTask: {
        longest: 33,
        args: all({
            ...appMembers,
            ...placement,
            ports,
            certificateSecretArn: late(secretArn),
            named: maybe(all({ domain: late(spelt(domain(7, 220))), guarded })),
            desiredCount: maybe(whole(0, 5000)),
        }).map(({ ports: numbers, named, ...args }) => {
            const { domain: name, guarded: of } = (named ?? {}) as Args;
            const { ends = { desiredCount: args.desiredCount }, ...rest } = (of ?? {}) as Args;
            return {
                ...app(args),
                ...(numbers as Args),
                domain: name,
                desiredCount: undefined,
                ...(ends as Args),
                ...rest,
            };
        }),
    },
    TaskPlatform: {
        longest: 27,
        args: all({
            ...appMembers,
            ...certificateMembers,
            ports,
            domain: late(spelt(domain(7, 220))),
            guarded,
            isPlaced: fc.boolean(),
            ...{ vpcId, subnetIds: late(subnets) },
            ...optional({
                ...publishing,
                numberOfAvailabilityZones: whole(1, 6),
                containerInsights: fc.constantFrom("disabled", "enabled", "enhanced"),
            }),
        }).map(({ ports: numbers, guarded: of, isPlaced, vpcId: vpc, subnetIds, ...args }) => ({
            ...app(args),
            ...(numbers as Args),
            authentication: (of as Args).authentication,
            ...((of as Args).ends as Args),
            ...(isPlaced === true ? { vpcId: vpc, subnetIds } : {}),
        })),
    },
    LoadBalancedService: { longest: 19, args: all(serviceMembers).map(service) },
    PrivateService: { longest: 36, args: all(privateMembers).map(privateService) },
    TraefikGateway: { longest: 18, args: all(gatewayMembers).map(gateway) },
    Patching: {
        longest: 36,
        args: all({
            clusterArn,
            maintenanceWindow: late(
                all({
                    schedule: fc.constantFrom("cron(0 2 ? * SUN *)", "cron(30 3 * * ? *)", "cron(0 2 ? * 2-6 *)"),
                    duration: late(fc.constant(1)),
                    ...optional({
                        scheduleTimezone: fc.constantFrom("Europe/Dublin", "Asia/Kathmandu"),
                        cutoff: fc.constant(0),
                        maxConcurrency: late(whole(1, 50)),
                        maxErrors: whole(0, 50),
                    }),
                }),
            ),
            ...optional({
                services: late(fc.uniqueArray(familyName, { maxLength: 5 })),
                baseline: late(
                    all(
                        optional({
                            maxTaskAge: late(whole(15, 365)),
                            newerImages: fc.boolean(),
                            maxImageAge: whole(1, 3650),
                            findingSeverity: late(fc.constantFrom("CRITICAL", "HIGH", "MEDIUM", "LOW")),
                            minimumPlatformVersion: fc.constantFrom("1.3.0", "1.4.0"),
                        }),
                    ),
                ),
                stopTasks: fc.boolean(),
                noticePeriod: late(whole(1, 336)),
                stopAtTag: late(fc.constantFrom("stop-at", "Ende der Aufgabe")),
                alarmTopicArn: topicArn,
                ...common,
            }),
        }),
    },
    Sessions: {
        longest: 32,
        args: all({
            runTaskInput: late(
                fc.constant(
                    JSON.stringify({
                        cluster: arn("ecs", "cluster/tasks"),
                        taskDefinition: arn("ecs", "task-definition/app:7"),
                        launchType: "FARGATE",
                    }),
                ),
            ),
            taskRoleArn: late(fc.constant(`arn:aws:iam::${account}:role/task`)),
            executionRoleArn: late(fc.constant(`arn:aws:iam::${account}:role/execution`)),
            namesTableName: late(fc.constant("names")),
            issuer: late(
                fc.constantFrom("https://issuer.example.com", "https://cognito-idp.eu-west-1.amazonaws.com/p"),
            ),
            audiences: late(fc.uniqueArray(fc.string({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 4 })),
            ...optional({
                httpsPort: late(port),
                jwksUri: late(fc.constant("https://issuer.example.com/keys")),
                tenantClaim: late(fc.constantFrom("sub", "custom:team")),
                claimVariables: late(fc.constantFrom({}, { TEAM_ID: "custom:team" })),
                bodyVariables: late(fc.constantFrom({}, { COLOUR: "red|blue" })),
                maxSessions: late(whole(1, 5000)),
                maxSessionsPerTenant: late(whole(1, 5000)),
                ends: all({
                    maxLifetime: late(whole(60, 2_592_000)),
                    ...optional({
                        taskLifetime: late(whole(60, 2_592_000)),
                        endWarning: late(whole(60, 86_400)),
                    }),
                }),
                startTimeout: late(whole(60, 3600)),
                handsOnToken: late(fc.boolean()),
                iamAuthorization: fc.boolean(),
                signInUrl: late(fc.constant("https://app.example.com/sign-in")),
                allowedOrigins: late(fc.subarray(["https://app.example.com", "http://localhost:3000"])),
                alarmTopicArn: topicArn,
                logRetentionDays: late(retention),
            }),
            // Their keys are in policies, which take Latin-1.
            taskTags: late(tags.map(latin)),
            tags: maybe(late(tags)),
        }).map(({ ends, ...args }) => ({ ...args, ...(ends as Args | undefined) })),
    },
};
