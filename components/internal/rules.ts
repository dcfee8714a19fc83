// What makes a value acceptable, as pure functions: each gives the reason why a value is refused, or undefined.
// A reason says what was given, what is allowed and what to do. Shared by components and config.ts.
import { isIPv4, isIPv6 } from "node:net";

/** Why a value is refused; undefined when it is fine. */
export type Reason = string | undefined;

const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/**
 * A DNS name below which names are made: at least two labels, no wildcard, no scheme (RFC 1035, section 2.3.1).
 * `longestLabel` is the label that will be put in front of it; the whole may have 253 characters.
 */
export function domainReason(value: string, longestLabel = 0): Reason {
    const given = `"${value}" is not a domain`;
    if (value.includes("://") || value.includes("/")) {
        return `${given}: leave out the scheme and the path, e.g. tasks.example.com`;
    }
    if (value.includes("*")) {
        return `${given}: leave out the wildcard, taskgate puts it in front itself, e.g. tasks.example.com`;
    }
    if (value.endsWith(".")) {
        return `${given}: leave out the final dot, e.g. tasks.example.com`;
    }
    const labels = value.split(".");
    if (labels.length < 2 || !labels.every((part) => label.test(part)) || isIPv4(value)) {
        return `${given}: use at least two labels of a-z, 0-9 and inner hyphens, each up to 63 characters, e.g. tasks.example.com`;
    }
    const longest = 253 - longestLabel - 1;
    if (value.length > longest) {
        return `${given} that leaves room for the name in front: it has ${value.length} characters, ${longest} are allowed`;
    }
    return undefined;
}

/** An e-mail address, as far as it can be judged without sending to it. */
export function emailReason(value: string): Reason {
    return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value) ? undefined : `"${value}" is not an e-mail address`;
}

/** A whole number within bounds, both included. */
export function integerReason(value: number, least: number, most: number, unit = ""): Reason {
    return Number.isInteger(value) && value >= least && value <= most
        ? undefined
        : `${value} is not allowed: give a whole number from ${least} to ${most}${unit && ` ${unit}`}`;
}

/** A TCP port. */
export function portReason(value: number): Reason {
    return integerReason(value, 1, 65_535);
}

/** One of a list of words. */
export function choiceReason(value: string, choices: readonly string[]): Reason {
    return choices.includes(value) ? undefined : `"${value}" is not one of ${choices.join(", ")}`;
}

/** An IPv4 network of 16 to 28 bits, which is what a VPC takes (docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html). */
export function vpcCidrReason(value: string): Reason {
    const { address, bits } = cidrParts(value);
    return isIPv4(address) && bits >= 16 && bits <= 28
        ? undefined
        : `"${value}" is not an IPv4 network of 16 to 28 bits, e.g. 10.0.0.0/16`;
}

/** A CIDR block of either family, for a security group rule. */
export function cidrReason(value: string): Reason {
    const { address, bits } = cidrParts(value);
    return (isIPv4(address) && bits <= 32) || (isIPv6(address) && bits <= 128)
        ? undefined
        : `"${value}" is not a CIDR block, e.g. 203.0.113.0/24 or 2001:db8::/32`;
}

/** The text before and the digits after the one slash; no address when it is not of that form, or has an IPv6 zone. */
function cidrParts(value: string): { address: string; bits: number } {
    const [, address = "", bits = ""] = /^([^/%]+)\/(\d{1,3})$/.exec(value) ?? [];
    return { address, bits: Number(bits) };
}

/** Days that CloudWatch Logs can keep events (docs.aws.amazon.com/AmazonCloudWatchLogs, PutRetentionPolicy). */
export const logRetentionDays = [
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
] as const;

/** A retention that CloudWatch Logs takes. */
export function logRetentionReason(value: number): Reason {
    return (logRetentionDays as readonly number[]).includes(value)
        ? undefined
        : `${value} is not a retention of CloudWatch Logs: give one of ${logRetentionDays.join(", ")} days`;
}

/** The ACME directories that have a name; any other is given as its https URL. */
export const acmeDirectories = {
    letsencrypt: "https://acme-v02.api.letsencrypt.org/directory",
    "letsencrypt-staging": "https://acme-staging-v02.api.letsencrypt.org/directory",
} as const;

/** A named ACME directory or an https URL. */
export function acmeDirectoryReason(value: string): Reason {
    const isUrl = URL.canParse(value) && new URL(value).protocol === "https:";
    return Object.hasOwn(acmeDirectories, value) || isUrl
        ? undefined
        : `"${value}" is not an ACME directory: give ${Object.keys(acmeDirectories).join(", ")} or a directory's https:// URL`;
}

/** The URL of a directory given by name or as a URL. */
export function acmeDirectoryUrl(directory: string): string {
    return acmeDirectories[directory as keyof typeof acmeDirectories] ?? directory;
}
