// The stack's configuration, typed and judged as a whole: every fault is named at once, before any resource.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { AccessLog, ContainerInsights, CpuArchitecture, KeyType } from "./components";
import {
    acmeDirectoryReason,
    choiceReason,
    domainReason,
    emailReason,
    integerReason,
    logRetentionReason,
    portReason,
    Reason,
    vpcCidrReason,
} from "./components/internal/rules";
import { cpuReason, memoryReason } from "./components/internal/task/taskSize";

/** What a stack is made of; Pulumi.yaml describes each key and its default. */
export interface StackConfig {
    readonly domain: string;
    readonly hostedZoneId: string | undefined;
    readonly hostedZoneName: string;
    readonly regions: readonly string[];
    /** What each region's provider takes over from the stack's `aws:` configuration. */
    readonly provider: Pick<aws.ProviderArgs, "profile" | "assumeRoles" | "allowedAccountIds">;
    /** What each region's TaskPlatform takes as it is. */
    readonly platform: {
        readonly acmeDirectory: string;
        readonly acmeEmail: string | undefined;
        readonly notificationEmail: string | undefined;
        readonly keyType: KeyType;
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
        readonly recordTtl: number;
        readonly logRetentionDays: number;
        readonly containerInsights: ContainerInsights;
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
    const found: string[] = [];
    const refuse = (key: string, reason: Reason): void => {
        if (reason !== undefined) {
            found.push(`${key}: ${reason}`);
        }
    };

    /** A word; empty counts as missing. */
    const text = (key: string, judge: (value: string) => Reason = () => undefined): string | undefined => {
        const value = config.get(key) || undefined;
        refuse(config.name + ":" + key, value === undefined ? undefined : judge(value));
        return value;
    };
    const needed = (key: string, example: string, judge?: (value: string) => Reason): string => {
        const value = text(key, judge);
        refuse(
            `${config.name}:${key}`,
            value === undefined ? `is missing: pulumi config set ${config.name}:${key} ${example}` : undefined,
        );
        return value ?? "";
    };
    const choice = <T extends string>(key: string, words: Readonly<Record<string, T>>): T =>
        needed(key, Object.values(words)[0], (value) => choiceReason(value, Object.values(words))) as T;
    const integer = (key: string, judge: (value: number) => Reason): number => {
        const given = config.get(key) ?? "";
        const value = /^-?\d+$/.test(given) ? Number(given) : NaN;
        refuse(`${config.name}:${key}`, Number.isNaN(value) ? `"${given}" is not a whole number` : judge(value));
        return value;
    };
    const list = (key: string): string[] => {
        const given = config.get(key) ?? "[]";
        const words = listOfWords(given);
        refuse(`${config.name}:${key}`, words ? undefined : `${given} is not a list of words, e.g. ["one", "two"]`);
        return words ?? [];
    };

    const domain = needed("domain", "tasks.example.com", (value) => domainReason(value, longestNameInFront));
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
    const vpcId = text("vpcId");
    const subnetIds = list("subnetIds");
    refuse(`${config.name}:vpcId`, vpcReason(vpcId, subnetIds, regions));

    const read: StackConfig = {
        domain,
        regions,
        hostedZoneId: text("hostedZoneId"),
        hostedZoneName: text("hostedZoneName", (zone) => domainReason(zone) ?? zoneReason(zone, domain)) ?? domain,
        provider: {
            profile: awsConfig.get("profile"),
            assumeRoles: awsConfig.getObject("assumeRoles"),
            allowedAccountIds: awsConfig.getObject("allowedAccountIds"),
        },
        platform: {
            acmeDirectory: needed("acmeDirectory", "letsencrypt-staging", acmeDirectoryReason),
            acmeEmail: text("acmeEmail", emailReason),
            notificationEmail: text("notificationEmail", emailReason),
            keyType: choice("keyType", KeyType),
            image: needed("image", "docker.io/traefik/whoami:v1.11.0"),
            command: command.length > 0 ? command : undefined,
            ...ports,
            healthCheckPath: text("healthCheckPath", (path) =>
                path.startsWith("/") ? undefined : `"${path}" is not a path: begin it with /`,
            ),
            cpu,
            memory: integer("memory", (memory) => memoryReason(cpu, memory)),
            cpuArchitecture: choice("cpuArchitecture", CpuArchitecture),
            desiredCount: integer("desiredCount", (count) => integerReason(count, 0, 5000, "tasks")) || undefined,
            accessLog: choice("accessLog", AccessLog),
            recordTtl: integer("recordTtl", (ttl) => integerReason(ttl, 1, 3600, "seconds")),
            logRetentionDays: integer("logRetentionDays", logRetentionReason),
            containerInsights: choice("containerInsights", ContainerInsights),
            cidrBlock: needed("cidrBlock", "10.0.0.0/16", vpcCidrReason),
            numberOfAvailabilityZones: integer("numberOfAvailabilityZones", (count) => integerReason(count, 1, 6)),
            vpcId,
            subnetIds: vpcId === undefined ? undefined : subnetIds,
        },
    };
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

function listOfWords(json: string): string[] | undefined {
    let value: unknown;
    try {
        value = JSON.parse(json);
    } catch {
        return undefined;
    }
    return Array.isArray(value) && value.every((item) => typeof item === "string") ? value : undefined;
}

function zoneReason(zone: string, domain: string): Reason {
    return domain === "" || `.${domain}`.endsWith(`.${zone}`)
        ? undefined
        : `"${zone}" does not hold ${domain}: give the zone of that domain or of one above it`;
}

function vpcReason(vpcId: string | undefined, subnetIds: readonly string[], regions: readonly string[]): Reason {
    if ((vpcId === undefined) !== (subnetIds.length === 0)) {
        return "goes with taskgate:subnetIds: give both, or neither to have a VPC made";
    }
    return vpcId !== undefined && regions.length > 1
        ? `"${vpcId}" cannot serve ${regions.length} regions: use one stack a region, or have the VPCs made`
        : undefined;
}
