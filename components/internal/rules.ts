// What makes a value acceptable, as pure functions: each gives the reason why a value is refused, or undefined.
// A reason says what was given, what is allowed and what to do. Shared by components and config.ts.
import { X509Certificate } from "node:crypto";
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
        return `${given} that leaves room for the name in front: it has ${value.length} characters, ${longest} are allowed, give a shorter one`;
    }
    return undefined;
}

/** A domain as it is used: Route 53 and others end names with a dot, and DNS knows no upper case (RFC 4343). */
export function domainForm(value: string): string {
    return value.toLowerCase().replace(/\.$/, "");
}

/** A domain for which ACM makes the certificate (docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html: 64 octets). */
export function acmDomainReason(value: string): Reason {
    return value.length <= longestAcmName
        ? undefined
        : `"${value}" has ${value.length} characters: ACM takes names of up to ${longestAcmName}, give a shorter one or a certificate of your own`;
}

const longestAcmName = 64;

/** Why a zone cannot hold a domain. */
export function zoneReason(zone: string, domain: string): Reason {
    return `.${domain}`.endsWith(`.${zone}`)
        ? undefined
        : `"${zone}" does not hold ${domain}: give the zone of that domain or of one above it`;
}

/** A hosted zone's id as it is used: Route 53's API prints `/hostedzone/Z…`, and an ARN ends so. */
export function hostedZoneForm(value: string): string {
    return value.replace(/^(arn:aws[a-z-]*:route53:::|\/)?hostedzone\//, "");
}

/** Id of a hosted zone (docs.aws.amazon.com/Route53/latest/APIReference/API_HostedZone.html: up to 32 characters). */
export function hostedZoneReason(value: string): Reason {
    return /^Z[0-9A-Z]{1,31}$/.test(value)
        ? undefined
        : `"${value}" is not the id of a hosted zone, e.g. Z0123456789ABCDEFGHIJ: aws route53 list-hosted-zones shows it`;
}

/** Id of something of EC2's, such as `vpc-0123456789abcdef0`. */
export function idReason(value: string, prefix: string, thing: string): Reason {
    return new RegExp(`^${prefix}-[0-9a-zA-Z-]+$`).test(value)
        ? undefined
        : `"${value}" is not the id of a ${thing}, e.g. ${prefix}-0123456789abcdef0`;
}

/** What an ARN is of. */
export interface ArnKind {
    readonly thing: string;
    readonly service: string;
    readonly resource: RegExp;
    /** The end of an example. */
    readonly example: string;
}

/** An ARN of one of these kinds (docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html). */
export function arnReason(value: string, ...kinds: readonly ArnKind[]): Reason {
    const [arn, partition, service, region, account, ...rest] = value.split(":");
    const isArn =
        arn === "arn" &&
        /^aws(-[a-z-]+)?$/.test(partition) &&
        /^[a-z0-9-]*$/.test(region) &&
        /^(\d{12}|aws|)$/.test(account) &&
        kinds.some((kind) => kind.service === service && kind.resource.test(rest.join(":")));
    if (isArn) {
        return undefined;
    }
    const [{ example }] = kinds;
    return `"${value}" is not the ARN of ${kinds.map(({ thing }) => thing).join(" or ")}, e.g. arn:aws:${example}`;
}

/** The kinds of things that arguments name by their ARN. */
export const arnKinds = {
    cluster: {
        ...{ thing: "an ECS cluster", service: "ecs", resource: /^cluster\/[\w-]{1,255}$/ },
        example: "ecs:eu-west-1:111122223333:cluster/apps",
    },
    secret: {
        ...{ thing: "a Secrets Manager secret", service: "secretsmanager", resource: /^secret:[\w/+=.@-]{1,519}$/ },
        example: "secretsmanager:eu-west-1:111122223333:secret:apps-AbCdEf",
    },
    secretReference: {
        ...{ thing: "a Secrets Manager secret", service: "secretsmanager" },
        // With nothing, or with `:jsonKey:stage:version`, of which each may be empty (docs.aws.amazon.com/AmazonECS, secrets-envvar-secrets-manager).
        resource: /^secret:[\w/+=.@-]{1,519}(:[^:]*:[^:]*:[^:]*)?$/,
        example: "secretsmanager:eu-west-1:111122223333:secret:apps-AbCdEf",
    },
    parameter: {
        ...{ thing: "an SSM parameter", service: "ssm", resource: /^parameter\/[\w/.-]+$/ },
        example: "ssm:eu-west-1:111122223333:parameter/apps/token",
    },
    namespace: {
        ...{ thing: "a Cloud Map namespace", service: "servicediscovery", resource: /^namespace\/ns-[a-z0-9]{1,64}$/ },
        example: "servicediscovery:eu-west-1:111122223333:namespace/ns-0123456789abcdef",
    },
    policy: {
        ...{ thing: "an IAM policy", service: "iam", resource: /^policy\/[\w+=,.@/-]+$/ },
        example: "iam::aws:policy/AmazonS3ReadOnlyAccess",
    },
    role: {
        ...{ thing: "an IAM role", service: "iam", resource: /^role\/[\w+=,.@/-]+$/ },
        example: "iam::111122223333:role/apps",
    },
    key: {
        ...{ thing: "a KMS key", service: "kms", resource: /^key\/[0-9a-zA-Z-]+$/ },
        example: "kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
    },
    topic: {
        ...{ thing: "an SNS topic", service: "sns", resource: /^[\w-]{1,256}(\.fifo)?$/ },
        example: "sns:eu-west-1:111122223333:alerts",
    },
    certificate: {
        ...{ thing: "an ACM certificate", service: "acm", resource: /^certificate\/[\w-]+$/ },
        example: "acm:eu-west-1:111122223333:certificate/12345678-1234-1234-1234-123456789012",
    },
    serverCertificate: {
        ...{ thing: "an IAM server certificate", service: "iam", resource: /^server-certificate\/[\w+=,.@/-]+$/ },
        example: "iam::111122223333:server-certificate/apps",
    },
    applicationListener: {
        thing: "a listener of an Application Load Balancer",
        ...{ service: "elasticloadbalancing", resource: /^listener\/app\/[\w-]+\/[\w-]+\/[\w-]+$/ },
        example: "elasticloadbalancing:eu-west-1:111122223333:listener/app/apps/1234567890abcdef/1234567890abcdef",
    },
    webAcl: {
        ...{ thing: "a regional WAF web ACL", service: "wafv2", resource: /^regional\/webacl\/[\w-]+\/[\w-]+$/ },
        example: "wafv2:eu-west-1:111122223333:regional/webacl/apps/12345678-1234-1234-1234-123456789012",
    },
    userPool: {
        ...{ thing: "a Cognito user pool", service: "cognito-idp", resource: /^userpool\/[\w-]+$/ },
        example: "cognito-idp:eu-west-1:111122223333:userpool/eu-west-1_AbCdEfGhI",
    },
} as const satisfies Record<string, ArnKind>;

/** A path of HTTP, which a target group takes too (docs.aws.amazon.com/elasticloadbalancing: 1024 characters). */
export function pathReason(value: string): Reason {
    return /^\/[\x21-\x7e]{0,1023}$/.test(value)
        ? undefined
        : `"${value}" is not a path: begin it with /, without spaces, up to 1024 characters`;
}

/** An https URL. */
export function httpsReason(value: string): Reason {
    return URL.canParse(value) && new URL(value).protocol === "https:"
        ? undefined
        : `"${value}" is not an https:// URL, e.g. https://id.example.com`;
}

/** An OpenID issuer, or what is read from it: https, as API Gateway demands, or plain http on the machine itself, where nobody is between. */
export function issuerReason(value: string): Reason {
    const { protocol, hostname, search, hash } = URL.canParse(value) ? new URL(value) : new URL("none:");
    const isPrivate = protocol === "http:" && /^127\./.test(hostname);
    return (protocol === "https:" || isPrivate) && search === "" && hash === ""
        ? undefined
        : `"${value}" is not an https:// URL without query and fragment, e.g. https://id.example.com`;
}

/** Where an issuer's keys are, unless it says otherwise: Cognito's, and most others'. */
export function keysUri(issuer: string): string {
    return `${issuer.replace(/\/$/, "")}/.well-known/jwks.json`;
}

/** What the scripts that write a task's routes use themselves. */
const scriptVariables = ["IFS", "LC_ALL", "LIFETIME_SECONDS", "PATH", "REQUIRED_VARIABLES", "ROUTES"];

/** An environment variable that a token's claim is compared with, by a shell script. */
export function comparedVariableReason(name: string): Reason {
    const others = `${scriptVariables.slice(0, -1).join(", ")} and ${scriptVariables.at(-1)}`;
    return /^[A-Z][A-Z0-9_]{0,127}$/.test(name) && !scriptVariables.includes(name)
        ? undefined
        : `"${name}" is no variable to compare with: use up to 128 of A-Z, 0-9 and _, begin with a letter, and leave ${others} alone`;
}

/** A header that tells the app a claim. */
export function claimHeaderReason(name: string): Reason {
    return /^x-[a-z0-9]+(-[a-z0-9]+)*$/.test(name) && !/^x-(envoy|forwarded|real|request|taskgate)(-|$)/.test(name)
        ? undefined
        : `"${name}" is no header for a claim: begin it with x-, use a-z, 0-9 and inner hyphens, and leave x-envoy-, x-forwarded-, x-real-, x-request- and x-taskgate- alone`;
}

/** The origin of a web page (RFC 6454): scheme, host and port. */
export function originReason(value: string): Reason {
    return URL.canParse(value) && new URL(value).origin === value
        ? undefined
        : `"${value}" is not an origin: give scheme, host and, if need be, port, e.g. https://app.example.com`;
}

/** Name of an environment variable that is not taken by AWS, ECS or taskgate. */
export function variableReason(name: string): Reason {
    if (!/^[A-Za-z_][A-Za-z0-9_]{0,127}$/.test(name)) {
        return "is no name of an environment variable: use up to 128 letters, digits and _, and begin with no digit";
    }
    return /^(AWS_|ECS_|TLS_|SESSION_)/i.test(name)
        ? "begins with AWS_, ECS_, TLS_ or SESSION_, which are taken: give another name"
        : undefined;
}

/** A regular expression of JavaScript. */
export function patternReason(value: string): Reason {
    try {
        new RegExp(`^(?:${value})$`);
        return undefined;
    } catch (error) {
        return `"${value}" is not a regular expression, e.g. red|blue: ${(error as Error).message}`;
    }
}

/** What EnvoyTask and TaskPlatform give as `runTaskInput`. */
export function runTaskInputReason(value: string): Reason {
    const refused =
        "is not what RunTask takes, as JSON with cluster and taskDefinition as ARNs: give a component's runTaskInput";
    try {
        const { cluster, taskDefinition } = JSON.parse(value) as { cluster?: unknown; taskDefinition?: unknown };
        const isComplete =
            arnReason(String(cluster), arnKinds.cluster) === undefined &&
            /^arn:[^:]+:ecs:[^:]+:\d{12}:task-definition\/[^:]+:\d+$/.test(String(taskDefinition));
        return isComplete ? undefined : refused;
    } catch {
        return refused;
    }
}

/** Key of a tag (docs.aws.amazon.com/tag-editor/latest/userguide/best-practices-and-strats.html). */
export function tagKeyReason(key: string): Reason {
    if (/^aws:/i.test(key)) {
        return "begins with aws:, which AWS keeps for itself: give the tag another name";
    }
    return key.length >= 1 && key.length <= 128 && taggable.test(key)
        ? undefined
        : "is no key of a tag: use 1 to 128 letters, digits, spaces and _ . : / = + - @";
}

/** Value of a tag. */
export function tagValueReason(value: string): Reason {
    return value.length <= 256 && taggable.test(value)
        ? undefined
        : `"${value}" is no value of a tag: use up to 256 letters, digits, spaces and _ . : / = + - @`;
}

/** Key of a tag that a policy names, which takes characters up to ÿ (docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html). */
export function policyTagKeyReason(key: string): Reason {
    return /^[\x20-\xff]*$/.test(key)
        ? undefined
        : "is in a policy of IAM's, which takes no characters beyond Latin-1: give the tag another name";
}

const taggable = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;

/** A number within bounds, the lower one excluded. */
export function rangeReason(value: number, above: number, most: number, unit: string): Reason {
    return value > above && value <= most
        ? undefined
        : `${value} is not allowed: give a number above ${above}, up to ${most} ${unit}`;
}

/** Name of a bucket (docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html). */
export function bucketReason(value: string): Reason {
    return /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(value)
        ? undefined
        : `"${value}" is not the name of a bucket: give 3 to 63 of a-z, 0-9, hyphens and dots, no ARN`;
}

/** When Application Auto Scaling does something (docs.aws.amazon.com/autoscaling/application/userguide/scheduled-scaling-using-cron-expressions.html). */
export function scheduleReason(value: string): Reason {
    return /^(cron\(\S+( \S+){5}\)|rate\(\d+ (minutes?|hours?|days?)\)|at\(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\))$/.test(
        value,
    )
        ? undefined
        : `"${value}" is not a schedule: give cron(minute hour day month weekday year), rate(5 minutes) or at(2030-01-31T07:00:00)`;
}

/** A time zone's name, as Node.js knows them (IANA). */
export function timezoneReason(value: string): Reason {
    try {
        new Intl.DateTimeFormat("en", { timeZone: value });
        return undefined;
    } catch {
        return `"${value}" is not a time zone, e.g. Europe/Dublin`;
    }
}

/** What names of load balancers (`internal-`) and buckets may not begin with (docs.aws.amazon.com/AmazonS3, bucketnamingrules). */
const reserved = ["internal-", "xn--", "sthree-", "amzn-s3-demo-"];

/**
 * Name of a component. Pulumi and taskgate add to it for each thing that is made, and each kind of thing in AWS has its own rule: these names
 * fit all of them. `longest` is what the thing with the least room leaves.
 */
export function nameReason(name: string, longest: number): Reason {
    if (typeof name !== "string" || !/^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(name)) {
        return `"${String(name)}" does not fit all that AWS names by it: use a-z, 0-9 and inner hyphens, and begin with a letter`;
    }
    const start = reserved.find((each) => name.startsWith(each));
    if (start !== undefined) {
        return `"${name}" begins with ${start}, which AWS keeps for itself: give another name`;
    }
    return name.length <= longest
        ? undefined
        : `"${name}" has ${name.length} characters: AWS limits the names that are made of it, give up to ${longest}`;
}

/** An e-mail address, as far as it can be judged without sending to it. */
export function emailReason(value: string): Reason {
    return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(value)
        ? undefined
        : `"${value}" is not an e-mail address, e.g. ops@example.com`;
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
        ? networkReason(value)
        : `"${value}" is not an IPv4 network of 16 to 28 bits, e.g. 10.0.0.0/16`;
}

/** What ECS takes of a task definition, in bytes, and what all in it but the containers may need. */
const [longestDefinition, besideContainers] = [65_536, 1_536];

/** The length of a task definition's containers: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html */
export function containersReason(json: string): Reason {
    const [length, most] = [Buffer.byteLength(json), longestDefinition - besideContainers];
    return length > most
        ? `take ${length} bytes as JSON, and ECS has room for ${most}: give less environment, dockerLabels or command, or let the app read it from elsewhere`
        : undefined;
}

/** The name of a region. */
export function regionReason(value: string): Reason {
    return /^[a-z]{2,3}(-[a-z]+)+-\d$/.test(value)
        ? undefined
        : `"${value}" is not the name of a region, e.g. us-east-1`;
}

/** The name of an Availability Zone or a Local Zone: its region and a letter. */
export function availabilityZoneReason(value: string): Reason {
    return /^[a-z]{2,3}(-[a-z]+)+-\d(-[a-z]{3,4}-\d)?[a-z]$/.test(value)
        ? undefined
        : `"${value}" is not the name of an Availability Zone, e.g. eu-west-1a`;
}

/** A CIDR block of either family, for a security group rule. */
export function cidrReason(value: string): Reason {
    const { address, bits } = cidrParts(value);
    return (isIPv4(address) && bits <= 32) || (isIPv6(address) && bits <= 128)
        ? networkReason(value)
        : `"${value}" is not a CIDR block, e.g. 203.0.113.0/24 or 2001:db8::/32`;
}

/** EC2 keeps a network in one form, and each deployment would find another one changed. */
function networkReason(value: string): Reason {
    const { address, bits } = cidrParts(value);
    const isV4 = isIPv4(address);
    const parts = isV4 ? address.split(".").map(Number) : groupsOf(address);
    const width = isV4 ? 8 : 16;
    const masked = parts.map((part, index) => {
        const kept = Math.min(Math.max(bits - index * width, 0), width);
        return part & (((1 << kept) - 1) << (width - kept));
    });
    const network = isV4
        ? masked.join(".")
        : new URL(`http://[${masked.map((part) => part.toString(16)).join(":")}]`).hostname.slice(1, -1);
    return network === address ? undefined : `"${value}" is not how AWS writes it: give ${network}/${bits}`;
}

/** The eight groups of an IPv6 address. */
function groupsOf(address: string): number[] {
    const written = new URL(`http://[${address}]`).hostname.slice(1, -1);
    const [head, tail] = written.split("::").map((part) => (part === "" ? [] : part.split(":")));
    const zeros = tail === undefined ? 0 : 8 - head.length - tail.length;
    return [...head, ...Array<string>(zeros).fill("0"), ...(tail ?? [])].map((group) => parseInt(group, 16));
}

/** How many bits of a network's addresses are fixed: 0 is all of the internet. */
export function widthOf(cidr: string): number {
    return cidrParts(cidr).bits;
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

/** PEM of roots; they are in the function's environment, of which Lambda takes 4 KB in all (docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html). */
export function rootCertificatesReason(value: string): Reason {
    const most = 2_048;
    const blocks = value.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
    const isRoot = (pem: string): boolean => {
        try {
            return new X509Certificate(pem).ca;
        } catch {
            return false;
        }
    };
    if (blocks.length === 0 || !blocks.every(isRoot)) {
        return "this is not PEM of certificates that may issue others: give the root that the directory's own HTTPS certificate chains to";
    }
    return Buffer.byteLength(value) > most
        ? `these have ${Buffer.byteLength(value)} bytes: Lambda's environment has room for ${most}, give the one root that the directory's own HTTPS certificate chains to`
        : undefined;
}

/** Roots are for a directory that is given as its URL: those with a name chain to public ones. */
export function trustedDirectoryReason(directory: string, hasRoots: boolean): Reason {
    return hasRoots && Object.hasOwn(acmeDirectories, directory)
        ? `${directory} chains to public roots: leave it out, or give the https:// URL of a directory of your own as acmeDirectory`
        : undefined;
}

/** Let's Encrypt takes names of up to ten labels (github.com/letsencrypt/boulder, policy: maxLabels). */
export function mostLabelsReason(name: string, directory: string): Reason {
    const labels = name.split(".").length;
    const isLetsEncrypt = (Object.values(acmeDirectories) as string[]).includes(acmeDirectoryUrl(directory));
    return isLetsEncrypt && labels > 10
        ? `${name} has ${labels} labels: Let's Encrypt takes up to 10, give a domain with fewer`
        : undefined;
}

/** Directories that take only accounts that they know already, by the hosts of their URLs (the authorities' own documentation, 2026-11). */
const knowsItsCustomers = [
    /^acme\.zerossl\.com$/,
    /(^|\.)acme-v02\.(test-)?api\.pki\.goog$/,
    /^acme\.ssl\.com$/,
    /^acm-acme-enroll\.[a-z0-9-]+\.api\.aws$/,
];

/** A directory and whether an external account is given for it. */
export function externalAccountReason(directory: string, isGiven: boolean): Reason {
    const url = acmeDirectoryUrl(directory);
    const host = URL.canParse(url) ? new URL(url).hostname : "";
    return isGiven || !knowsItsCustomers.some((name) => name.test(host))
        ? undefined
        : `${host} takes only accounts that it knows already: give acmeExternalAccount, the key id and the ARN of the key that it shows to its customers`;
}

/** The profiles of Let's Encrypt (letsencrypt.org/docs/profiles, 2026-07). Other authorities are asked when a certificate is ordered. */
const letsEncryptProfiles = ["classic", "tlsserver", "shortlived"];

/** A profile, and the directory that should offer it. */
export function acmeProfileReason(profile: string, directory: string): Reason {
    return acmeDirectoryUrl(directory).endsWith(".api.letsencrypt.org/directory")
        ? choiceReason(profile, letsEncryptProfiles)
        : undefined;
}

/** An ARN of a secret in Secrets Manager or of a parameter in SSM. */
export function secretReferenceReason(value: string): Reason {
    return /^arn:aws[a-z-]*:(secretsmanager:[^:]*:\d{12}:secret:|ssm:[^:]*:\d{12}:parameter\/)\S+$/.test(value)
        ? undefined
        : // Not what was given: it may be the key itself.
          "this is not the ARN of a secret in Secrets Manager or of a parameter in SSM: keep the key there, and out of the program";
}

/** Name of a parameter in SSM, in a hierarchy (docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html). */
export function parameterNameReason(value: string): Reason {
    return /^(\/[\w.-]+){1,15}$/.test(value)
        ? undefined
        : `"${value}" is not the name of an SSM parameter in a hierarchy, e.g. /apps/acme-account-key`;
}

/** The URL of a directory given by name or as a URL. */
export function acmeDirectoryUrl(directory: string): string {
    return acmeDirectories[directory as keyof typeof acmeDirectories] ?? directory;
}

/** What a task's name is made of: one DNS label once each placeholder is replaced, and not the same for all tasks. */
export function nameTemplateReason(value: string): Reason {
    const placeholders = [...value.matchAll(/\{([^{}]*)\}/g)].map(([, placeholder]) => placeholder);
    const unknown = placeholders.find((one) => !/^(taskId|family|service|tag:.+)$/.test(one));
    if (placeholders.length === 0 || unknown !== undefined) {
        return `"${value}" is not a template of names${unknown === undefined ? "" : `: {${unknown}} is unknown`}: use {taskId}, {family}, {service} and {tag:<key>}, at least one`;
    }
    const rest = value.replace(/\{[^{}]*\}/g, "x");
    return label.test(rest)
        ? undefined
        : `"${value}" is not a template of names: around the placeholders, use a-z, 0-9 and inner hyphens, one DNS label`;
}

/** What an `issuewild` of a CAA record may hold (RFC 8659, 4.2): an authority's domain, and parameters. */
export function caaIssuerReason(value: string): Reason {
    return /^[a-z0-9-]+(\.[a-z0-9-]+)+( *; *[a-zA-Z0-9-]+=[\x21\x23-\x3a\x3c-\x7e]*)*$/.test(value)
        ? undefined
        : `"${value}" is not what names an authority in CAA records: give its domain, e.g. letsencrypt.org, and parameters after semicolons, if any`;
}

/** Name of a service in Service Connect, which is its port's, and a host's for those who call it. */
export function discoveryNameReason(value: string): Reason {
    return /^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$/.test(value)
        ? undefined
        : `"${value}" is no name of a service: use a letter and up to 62 lower-case letters, digits and hyphens, e.g. orders`;
}

/** Name of an HTTP namespace, a part of which its services are called by (docs.aws.amazon.com/cloud-map/latest/api/API_CreateHttpNamespace.html). */
export function namespaceReason(value: string): Reason {
    return /^[a-z0-9]([a-z0-9.-]{0,252}[a-z0-9])?$/.test(value)
        ? undefined
        : `"${value}" is no name of a namespace: use up to 254 lower-case letters, digits, dots and hyphens, e.g. shop`;
}
