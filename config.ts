// The stack's configuration, typed and judged as a whole: every fault is named at once, before any resource.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import {
    AccessLog,
    AcmeExternalAccount,
    ChallengeDelegation,
    ContainerInsights,
    CpuArchitecture,
    KeyType,
    Rotation,
    RsaKeyType,
} from "./components";
import { imageReason } from "./components/internal/imageName";
import {
    acmeDirectoryReason,
    acmeProfileReason,
    caaIssuerReason,
    choiceReason,
    domainForm,
    domainReason,
    emailReason,
    externalAccountReason,
    hostedZoneForm,
    hostedZoneReason,
    idReason,
    integerReason,
    logRetentionReason,
    mostLabelsReason,
    pathReason,
    portReason,
    Reason,
    rootCertificatesReason,
    secretReferenceReason,
    trustedDirectoryReason,
    vpcCidrReason,
    zoneReason,
} from "./components/internal/rules";
import { cpuReason, memoryReason } from "./components/internal/task/taskSize";
import { unknownReason } from "./components/internal/validation";

/** What a stack is made of; Pulumi.yaml describes each key and its default. */
export interface StackConfig {
    readonly domain: string;
    readonly hostedZoneId: string | undefined;
    readonly hostedZoneName: string;
    readonly regions: readonly string[];
    /** All of the stack's `aws:` configuration but the region: each region's provider takes it over. */
    readonly provider: Omit<aws.ProviderArgs, "region">;
    /** What each region's TaskPlatform takes as it is. */
    readonly platform: {
        readonly acmeDirectory: string;
        readonly acmeRootCertificates: string | undefined;
        readonly acmeEmail: string | undefined;
        readonly acmeProfile: string | undefined;
        readonly acmeProfileRequired: true | undefined;
        readonly acmePreferredChain: string | undefined;
        readonly acmeExternalAccount: AcmeExternalAccount | undefined;
        readonly challengeDelegation: ChallengeDelegation | undefined;
        readonly notificationEmail: string | undefined;
        readonly keyType: KeyType;
        readonly rsaKeyType: RsaKeyType | undefined;
        readonly image: string;
        readonly command: string[] | undefined;
        readonly containerPort: number;
        readonly healthCheckPath: string | undefined;
        readonly cpu: number;
        readonly memory: number;
        readonly cpuArchitecture: CpuArchitecture;
        readonly desiredCount: number | undefined;
        readonly httpsPort: number;
        readonly httpPort: number;
        readonly accessLog: AccessLog;
        readonly rotation: Rotation;
        readonly recordTtl: number;
        readonly negativeTtl: number | undefined;
        readonly caaIssuer: string | undefined;
        readonly logRetentionDays: number;
        readonly containerInsights: ContainerInsights;
        readonly announceNames: true | undefined;
        readonly dashboard: true | undefined;
        readonly cidrBlock: string;
        readonly numberOfAvailabilityZones: number;
        readonly vpcId: string | undefined;
        readonly subnetIds: string[] | undefined;
    };
}

/** @throws pulumi.RunError naming every faulty key, what it got and what is allowed */
export function readConfig(): StackConfig {
    const config = new pulumi.Config();
    const awsConfig = new pulumi.Config("aws");
    const known = new Set<string>();
    const get = (key: string): string | undefined => {
        known.add(key);
        return config.get(key);
    };
    const found: string[] = [];
    const refuse = (key: string, reason: Reason): void => {
        if (reason !== undefined) {
            found.push(`${key}: ${reason}`);
        }
    };

    /** A word, in the form in which it is used; empty counts as missing. */
    const text = (
        key: string,
        judge: (value: string) => Reason = () => undefined,
        form = (value: string): string => value,
    ): string | undefined => {
        const given = get(key) || undefined;
        const value = given && form(given);
        refuse(`${config.name}:${key}`, value && judge(value));
        return value;
    };
    const needed = (
        key: string,
        example: string,
        judge?: (value: string) => Reason,
        form?: (value: string) => string,
    ): string => {
        const value = text(key, judge, form);
        refuse(
            `${config.name}:${key}`,
            value === undefined ? `is missing: pulumi config set ${config.name}:${key} ${example}` : undefined,
        );
        return value ?? "";
    };
    const choice = <T extends string>(key: string, words: Readonly<Record<string, T>>): T =>
        needed(key, Object.values(words)[0], (value) => choiceReason(value, Object.values(words))) as T;
    const integer = (key: string, judge: (value: number) => Reason): number => {
        const given = get(key) ?? "";
        const value = /^-?\d+$/.test(given) ? Number(given) : NaN;
        refuse(`${config.name}:${key}`, Number.isNaN(value) ? `"${given}" is not a whole number` : judge(value));
        return value;
    };
    /** True or not there. */
    const flag = (key: string): true | undefined => {
        const given = get(key) || "false";
        refuse(`${config.name}:${key}`, choiceReason(given, ["true", "false"]));
        return given === "true" || undefined;
    };
    /** Values that go together, each with its key; all or none are given. */
    const group = <Needed extends string, Other extends string = never>(
        needed: Record<Needed, readonly [key: string, value: string | undefined]>,
        others = {} as Record<Other, readonly [key: string, value: string | undefined]>,
    ): (Record<Needed, string> & Partial<Record<Other, string>>) | undefined => {
        type Entry = [string, readonly [string, string | undefined]];
        const all: Entry[] = Object.entries({ ...needed, ...others });
        const given = all.filter(([, [, value]]) => value !== undefined);
        const missing = (Object.entries(needed) as Entry[]).filter(([, [, value]]) => value === undefined);
        if (given.length === 0) {
            return undefined;
        }
        missing.forEach(([, [key]]) => refuse(`${config.name}:${key}`, `is missing: it goes with ${given[0][1][0]}`));
        return Object.fromEntries(given.map(([name, [, value]]) => [name, value])) as Record<Needed, string> &
            Partial<Record<Other, string>>;
    };
    const list = (key: string): string[] => {
        const given = get(key) ?? "[]";
        const words = listOfWords(given);
        refuse(`${config.name}:${key}`, words ? undefined : `${given} is not a list of words, e.g. ["one", "two"]`);
        return words ?? [];
    };

    const domain = needed(
        "domain",
        "tasks.example.com",
        (value) => domainReason(value, longestNameInFront),
        domainForm,
    );
    const regions = regionsOf(list("regions"), awsConfig.get("region"), refuse);
    const cpu = integer("cpu", cpuReason);
    const ports = {
        containerPort: integer("containerPort", portReason),
        httpsPort: integer("httpsPort", portReason),
        httpPort: integer("httpPort", portReason),
    };
    Object.entries(ports).forEach(([key, port], index, all) => {
        const clash = all.slice(0, index).find(([, other]) => other === port);
        refuse(`${config.name}:${key}`, clash && `${port} is ${clash[0]} already: give another port`);
    });
    const command = list("command");
    const vpcId = text("vpcId", (value) => idReason(value, "vpc", "VPC"));
    const subnetIds = list("subnetIds");
    subnetIds.forEach((value) => refuse(`${config.name}:subnetIds`, idReason(value, "subnet", "subnet")));
    refuse(`${config.name}:vpcId`, vpcReason(vpcId, subnetIds, regions));

    const read: StackConfig = {
        domain,
        regions,
        hostedZoneId: text("hostedZoneId", hostedZoneReason, hostedZoneForm),
        hostedZoneName:
            text(
                "hostedZoneName",
                (zone) => domainReason(zone) ?? (domain === "" ? undefined : zoneReason(zone, domain)),
                domainForm,
            ) ?? domain,
        provider: providerConfig(refuse),
        platform: {
            acmeDirectory: needed(
                "acmeDirectory",
                "letsencrypt-staging",
                (directory) =>
                    acmeDirectoryReason(directory) ??
                    (domainReason(domain, longestNameInFront) === undefined
                        ? mostLabelsReason(`*.${regions[0]}.${domain}`, directory)
                        : undefined),
            ),
            acmeRootCertificates: text(
                "acmeRootCertificates",
                (roots) => rootCertificatesReason(roots) ?? trustedDirectoryReason(get("acmeDirectory") ?? "", true),
            ),
            acmeEmail: text("acmeEmail", emailReason),
            acmeProfile: text("acmeProfile", (profile) => acmeProfileReason(profile, get("acmeDirectory") ?? "")),
            acmeProfileRequired: flag("acmeProfileRequired"),
            acmePreferredChain: text("acmePreferredChain"),
            acmeExternalAccount: group({
                keyId: ["acmeExternalAccountKeyId", text("acmeExternalAccountKeyId")],
                keyArn: ["acmeExternalAccountKeyArn", text("acmeExternalAccountKeyArn", secretReferenceReason)],
            }),
            challengeDelegation: group(
                {
                    recordName: ["challengeRecordName", text("challengeRecordName")],
                    hostedZoneId: [
                        "challengeHostedZoneId",
                        text("challengeHostedZoneId", hostedZoneReason, hostedZoneForm),
                    ],
                },
                { roleArn: ["challengeRoleArn", text("challengeRoleArn")] },
            ),
            notificationEmail: text("notificationEmail", emailReason),
            keyType: choice("keyType", KeyType),
            rsaKeyType: text("rsaKeyType", (kind) => choiceReason(kind, Object.values(RsaKeyType))) as
                RsaKeyType | undefined,
            image: needed("image", "docker.io/traefik/whoami:v1.11.0", imageReason),
            command: command.length > 0 ? command : undefined,
            ...ports,
            healthCheckPath: text("healthCheckPath", pathReason),
            cpu,
            memory: integer("memory", (memory) => memoryReason(cpu, memory)),
            cpuArchitecture: choice("cpuArchitecture", CpuArchitecture),
            desiredCount: integer("desiredCount", (count) => integerReason(count, 0, 5000, "tasks")) || undefined,
            accessLog: choice("accessLog", AccessLog),
            rotation: choice("rotation", Rotation),
            recordTtl: integer("recordTtl", (ttl) => integerReason(ttl, 1, 3600, "seconds")),
            negativeTtl:
                integer("negativeTtl", (ttl) => (ttl === 0 ? undefined : integerReason(ttl, 1, 86_400, "seconds"))) ||
                undefined,
            caaIssuer: text("caaIssuer", caaIssuerReason),
            logRetentionDays: integer("logRetentionDays", logRetentionReason),
            containerInsights: choice("containerInsights", ContainerInsights),
            announceNames: flag("announceNames"),
            dashboard: flag("dashboard"),
            cidrBlock: needed("cidrBlock", "10.0.0.0/16", vpcCidrReason),
            numberOfAvailabilityZones: integer("numberOfAvailabilityZones", (count) => integerReason(count, 1, 6)),
            vpcId,
            subnetIds: vpcId === undefined ? undefined : subnetIds,
        },
    };
    const { acmeDirectory: directory, acmeExternalAccount: account } = read.platform;
    refuse(`${config.name}:acmeDirectory`, externalAccountReason(directory, account !== undefined));
    const keys = Object.keys(pulumi.runtime.allConfig());
    const ours = keys
        .filter((key) => key.startsWith(`${config.name}:`))
        .map((key) => key.slice(config.name.length + 1));
    ours.filter((key) => !known.has(key)).forEach((key) =>
        refuse(`${config.name}:${key}`, unknownReason(key, [...known])),
    );
    if (found.length > 0) {
        const count = found.length === 1 ? "a fault" : `${found.length} faults`;
        throw new pulumi.RunError(
            `The configuration of stack ${pulumi.getStack()} has ${count}; nothing was changed.\n` +
                found.map((fault) => `  ${fault}`).join("\n"),
        );
    }
    return read;
}

/** `<taskId>.<region>.`: 32 hexadecimal digits, and the longest region name with its dots. */
const longestNameInFront = 32 + 1 + Math.max(...Object.values(aws.Region).map((region) => region.length));

function regionsOf(
    listed: readonly string[],
    fallback: string | undefined,
    refuse: (key: string, reason: Reason) => void,
): string[] {
    const known: readonly string[] = Object.values(aws.Region);
    const judge = (region: string): Reason =>
        known.includes(region) ? undefined : `"${region}" is not an AWS region, e.g. eu-west-1`;
    if (listed.length > 0) {
        listed.forEach((region, index) => {
            const isRepeated = listed.indexOf(region) < index;
            refuse("taskgate:regions", isRepeated ? `"${region}" is named twice` : judge(region));
        });
        return [...listed];
    }
    refuse("aws:region", fallback ? judge(fallback) : "is missing: pulumi config set aws:region eu-west-1");
    return [fallback ?? ""];
}

/** A list as configuration holds it; numbers and booleans are words too. */
function listOfWords(json: string): string[] | undefined {
    const value = parsed(json);
    const isWord = (item: unknown): boolean => ["string", "number", "boolean"].includes(typeof item);
    return Array.isArray(value) && value.every(isWord) ? value.map(String) : undefined;
}

function parsed(json: string): unknown {
    try {
        return JSON.parse(json) as unknown;
    } catch {
        return undefined;
    }
}

type ProviderKey = keyof Required<Omit<aws.ProviderArgs, "region">>;

/** How each key of the AWS provider is read; the compiler wants all of them. What may hold a key or a password is encrypted in the state. */
const providerKeys: { readonly [Key in ProviderKey]: "text" | "flag" | "number" | "words" | "object" | "objects" } = {
    accessKey: "text",
    allowedAccountIds: "words",
    assumeRoleWithWebIdentity: "object",
    assumeRoles: "objects",
    customCaBundle: "text",
    defaultTags: "object",
    ec2MetadataServiceEndpoint: "text",
    ec2MetadataServiceEndpointMode: "text",
    endpoints: "objects",
    forbiddenAccountIds: "words",
    httpProxy: "text",
    httpsProxy: "text",
    ignoreTags: "object",
    insecure: "flag",
    maxRetries: "number",
    noProxy: "text",
    profile: "text",
    retryMode: "text",
    s3UsEast1RegionalEndpoint: "text",
    s3UsePathStyle: "flag",
    secretKey: "text",
    sharedConfigFiles: "words",
    sharedCredentialsFiles: "words",
    skipCredentialsValidation: "flag",
    skipMetadataApiCheck: "flag",
    skipRegionValidation: "flag",
    skipRequestingAccountId: "flag",
    stsRegion: "text",
    tagPolicyCompliance: "text",
    token: "text",
    tokenBucketRateLimiterCapacity: "number",
    useDualstackEndpoint: "flag",
    useFipsEndpoint: "flag",
    userAgents: "words",
};

const secretProviderKeys: readonly string[] = [
    "accessKey",
    "assumeRoleWithWebIdentity",
    "httpProxy",
    "httpsProxy",
    "secretKey",
    "token",
] satisfies ProviderKey[];

/** A provider of one's own knows nothing of the stack's `aws:` configuration but what it is given. */
function providerConfig(refuse: (key: string, reason: Reason) => void): Omit<aws.ProviderArgs, "region"> {
    const all = Object.entries(pulumi.runtime.allConfig()).filter(([key]) => key.startsWith("aws:"));
    const given = all.map(([key, text]) => [key.slice("aws:".length), text]).filter(([key]) => key !== "region");
    const entries = given.flatMap(([key, text]) => {
        if (!Object.hasOwn(providerKeys, key)) {
            refuse(`aws:${key}`, unknownReason(key, ["region", ...Object.keys(providerKeys)]));
            return [];
        }
        const { value, wanted } = providerValue(providerKeys[key as ProviderKey], text);
        const isSecret = secretProviderKeys.includes(key);
        refuse(`aws:${key}`, value === undefined ? `${isSecret ? "[secret]" : text} is not ${wanted}` : undefined);
        return [[key, isSecret ? pulumi.secret(value) : value] as const];
    });
    return Object.fromEntries(entries);
}

function providerValue(kind: (typeof providerKeys)[ProviderKey], text: string): { value: unknown; wanted: string } {
    const value = parsed(text);
    switch (kind) {
        case "text":
            return { value: text, wanted: "text" };
        case "flag":
            return { value: typeof value === "boolean" ? value : undefined, wanted: "true or false" };
        case "number":
            return { value: typeof value === "number" ? value : undefined, wanted: "a number" };
        case "words":
            return { value: listOfWords(text), wanted: 'a list of words, e.g. ["one", "two"]' };
        case "object":
            return { value: isObject(value) ? value : undefined, wanted: 'an object, e.g. {"key": "value"}' };
        case "objects":
            return {
                value: Array.isArray(value) && value.every(isObject) ? value : undefined,
                wanted: 'a list of objects, e.g. [{"key": "value"}]',
            };
    }
}

function isObject(value: unknown): boolean {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

function vpcReason(vpcId: string | undefined, subnetIds: readonly string[], regions: readonly string[]): Reason {
    if ((vpcId === undefined) !== (subnetIds.length === 0)) {
        return "goes with taskgate:subnetIds: give both, or neither to have a VPC made";
    }
    return vpcId !== undefined && regions.length > 1
        ? `"${vpcId}" cannot serve ${regions.length} regions: use one stack a region, or have the VPCs made`
        : undefined;
}
