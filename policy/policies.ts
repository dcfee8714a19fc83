// The rules. What components judge of their arguments already, they judge by the same functions (components/internal/rules.ts).
import type { ResourceValidationPolicy } from "@pulumi/policy";

import { logRetentionReason, Reason, tagKeyReason, tagValueReason, widthOf } from "../components/internal/rules";
import { Exception, Judged, rule, texts } from "./rule";
import { isTaggable } from "./taggable";
import { ListedReason, listedReasons, policiesOf, wildcardsOf } from "./wildcards";

const requiredTags = rule<{ readonly tags: readonly string[] }>({
    name: "required-tags",
    description: "Whatever takes tags has these: by them it is told whose it is, and policies of IAM decide.",
    remediation: "Give `tags` to the component or resource, or `defaultTags` to its provider",
    properties: { tags: texts() },
    judge: ({ type, props }, { tags: required }) => {
        if (!isTaggable(type)) {
            return [];
        }
        // A provider with default tags has put them into tagsAll.
        const tags = { ...(props.tagsAll as Tags), ...(props.tags as Tags) };
        const missing = required.filter((key) => !Object.hasOwn(tags, key));
        return [
            ...missing.map((key) => `It has no tag ${key}`),
            ...(required.length === 0 && Object.keys(tags).length === 0 ? ["It has no tag"] : []),
            ...required
                .filter((key) => Object.hasOwn(tags, key))
                .map((key) => tagKeyReason(key) ?? tagValueReason(tags[key]) ?? emptyReason(key, tags[key])),
        ];
    },
});

type Tags = Readonly<Record<string, string>> | undefined;

function emptyReason(key: string, value: string): Reason {
    return value === "" ? `Its tag ${key} is empty` : undefined;
}

/** One rule of a security group about what comes in, however it was written. */
interface Ingress {
    readonly protocol: string;
    readonly from: number;
    readonly to: number;
    readonly cidrs: readonly string[];
}

const openPorts = rule<{ readonly ports: readonly number[] }>({
    name: "open-ports",
    description: "To the internet, security groups are open on the served ports alone.",
    remediation:
        "Allow the security group or the network of those who connect, or add the port to `ports` if it is served",
    properties: {
        ports: { type: "array", items: { type: "integer", minimum: 1, maximum: 65_535 }, default: [80, 443] },
    },
    judge: (resource, { ports }) =>
        ingressOf(resource).flatMap(({ protocol, from, to, cidrs }) => {
            const isServed =
                ["tcp", "6"].includes(protocol) && [...range(from, to)].every((port) => ports.includes(port));
            const what = protocol === "-1" ? "everything" : `${protocol} ${from === to ? from : `${from}-${to}`}`;
            return isServed ? [] : cidrs.filter(isOpen).map((cidr) => `It lets ${cidr} connect to ${what}`);
        }),
});

function ingressOf({ type, props }: Judged): Ingress[] {
    const inline = (written: Props): Ingress => ({
        protocol: String(written.protocol),
        from: Number(written.fromPort),
        to: Number(written.toPort),
        cidrs: [...((written.cidrBlocks as string[]) ?? []), ...((written.ipv6CidrBlocks as string[]) ?? [])],
    });
    switch (type) {
        case "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule":
            return [
                {
                    protocol: String(props.ipProtocol),
                    from: Number(props.fromPort),
                    to: Number(props.toPort ?? props.fromPort),
                    cidrs: [props.cidrIpv4, props.cidrIpv6].filter((cidr) => cidr !== undefined) as string[],
                },
            ];
        case "aws:ec2/securityGroupRule:SecurityGroupRule":
            return props.type === "ingress" ? [inline(props)] : [];
        case "aws:ec2/securityGroup:SecurityGroup":
        case "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup":
            return ((props.ingress as Props[] | undefined) ?? []).map(inline);
        default:
            return [];
    }
}

type Props = Readonly<Record<string, unknown>>;

/** The internet, or so much of it that it is nobody's own network. */
function isOpen(cidr: string): boolean {
    return widthOf(cidr) < (cidr.includes(":") ? 16 : 8);
}

/** Nothing when it is so wide that no list of ports could hold it. */
function* range(from: number, to: number): Iterable<number> {
    if (!(from >= 1 && to - from < 100)) {
        yield NaN;
        return;
    }
    for (let port = from; port <= to; port++) {
        yield port;
    }
}

/**
 * Load balancers' policies of TLS 1.2 and 1.3 whose ciphers all have forward secrecy
 * (docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html: those of TLS_ and ECDHE_ only).
 */
const secretForward = /^ELBSecurityPolicy-(TLS13-1-3|TLS13-1-2(-Res|-Ext0)?|FS-1-2(-Res)?)(-FIPS)?(-PQ)?-\d{4}-\d{2}$/;

const tls = rule<object>({
    name: "tls",
    description:
        "What is served over TLS is served by version 1.2 or newer with forward secrecy; plain HTTP only leads there.",
    remediation:
        "Give ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09 or another policy of TLS 1.2 and newer with ECDHE alone (a domain of API Gateway: TLS_1_2; a distribution: TLSv1.2_2021), and let a listener of plain HTTP redirect to HTTPS",
    properties: {},
    judge: ({ type, props }) => {
        switch (type) {
            case "aws:lb/listener:Listener":
            case "aws:alb/listener:Listener":
                return [listenerReason(props)];
            case "aws:apigatewayv2/domainName:DomainName":
                return [versionReason((props.domainNameConfiguration as Props).securityPolicy, /^TLS_1_[23]$/)];
            case "aws:apigateway/domainName:DomainName":
                return [versionReason(props.securityPolicy, /^TLS_1_[23]$/)];
            case "aws:cloudfront/distribution:Distribution":
                return [
                    versionReason(
                        (props.viewerCertificate as Props).minimumProtocolVersion,
                        /^TLSv1\.(2_20(19|21)|3_20\d\d)$/,
                    ),
                ];
            default:
                return [];
        }
    },
});

function listenerReason(props: Props): Reason {
    const { protocol, sslPolicy = "ELBSecurityPolicy-2016-08" } = props;
    if (protocol === "HTTPS" || protocol === "TLS") {
        return secretForward.test(String(sslPolicy))
            ? undefined
            : `Its sslPolicy ${String(sslPolicy)} takes TLS older than 1.2, or ciphers without forward secrecy`;
    }
    const actions = props.defaultActions as Props[];
    const leadsOn = actions.every(({ redirect }) => (redirect as Props | undefined)?.protocol === "HTTPS");
    return protocol === "HTTP" && !leadsOn ? "It serves plain HTTP" : undefined;
}

function versionReason(version: unknown, allowed: RegExp): Reason {
    return allowed.test(String(version)) ? undefined : `It takes TLS by ${shown(version, "the oldest policy")}`;
}

function shown(value: unknown, absent: string): string {
    return value === undefined ? absent : typeof value === "string" ? value : JSON.stringify(value);
}

/** An argument, and what it has to be. */
interface Wanted {
    readonly argument: string;
    readonly is: (value: unknown) => boolean;
}

/** By type. */
type WantedOf = Readonly<Record<string, Wanted>>;

/** What a resource's argument is instead of what is wanted of its type; undefined when it is that, or nothing is wanted. */
function otherThan(wantedOf: WantedOf, { type, props }: Judged): Reason {
    const wanted = Object.hasOwn(wantedOf, type) ? wantedOf[type] : undefined;
    const value: unknown = wanted && props[wanted.argument];
    return wanted === undefined || wanted.is(value) ? undefined : `${wanted.argument} is ${shown(value, "not set")}`;
}

/** Where encryption is not AWS's own default, or can be switched off. */
const encrypted: WantedOf = {
    ...of(
        { argument: "storageEncrypted", is: (value) => value === true },
        "aws:rds/cluster:Cluster",
        "aws:rds/instance:Instance",
        "aws:docdb/cluster:Cluster",
        "aws:neptune/cluster:Cluster",
    ),
    ...of(
        { argument: "encrypted", is: (value) => value === true || value === "true" },
        "aws:efs/fileSystem:FileSystem",
        "aws:ebs/volume:Volume",
        "aws:redshift/cluster:Cluster",
    ),
    ...of(
        { argument: "atRestEncryptionEnabled", is: (value) => value === true || value === "true" },
        "aws:elasticache/replicationGroup:ReplicationGroup",
    ),
    ...of({ argument: "encryptionType", is: (value) => value === "KMS" }, "aws:kinesis/stream:Stream"),
};

function of<Value>(value: Value, ...types: readonly string[]): Record<string, Value> {
    return Object.fromEntries(types.map((type) => [type, value]));
}

const encryption = rule<object>({
    name: "encryption-at-rest",
    description: "What is stored is encrypted.",
    remediation: "Switch its encryption on (a new one is made where AWS cannot encrypt what is there)",
    properties: {},
    judge: (resource) => {
        const { type, props } = resource;
        if (type === "aws:sqs/queue:Queue") {
            return [
                props.sqsManagedSseEnabled === false && props.kmsMasterKeyId === undefined
                    ? "Its messages are stored in the clear: sqsManagedSseEnabled is false"
                    : undefined,
            ];
        }
        const other = otherThan(encrypted, resource);
        return [other && `It stores in the clear: ${other}`];
    },
});

const wildcards = rule<{ readonly reasons: readonly ListedReason[] }>({
    name: "no-wildcards",
    description: "Policies name what they allow: no action or resource is a wildcard without a listed reason.",
    remediation: "Name the actions and the resources, or list the actions under `reasons` and say why they need it",
    properties: {
        reasons: {
            type: "array",
            default: [],
            items: {
                type: "object",
                properties: {
                    actions: { type: "array", items: { type: "string" }, minItems: 1 },
                    reason: { type: "string", minLength: 1 },
                },
                required: ["actions", "reason"],
                additionalProperties: false,
            },
        },
    },
    judge: (resource, { reasons }) =>
        policiesOf(resource).flatMap((policy) => wildcardsOf(policy, [...listedReasons, ...reasons])),
});

const logRetention = rule<{ readonly shortest: number; readonly longest: number }>({
    name: "log-retention",
    description: "Logs are kept for a time that was decided, not for ever.",
    remediation: "Give retentionInDays (components: logRetentionDays)",
    properties: {
        shortest: { type: "integer", minimum: 1, default: 1 },
        longest: { type: "integer", minimum: 1, default: 3653 },
    },
    judge: ({ type, props }, { shortest, longest }) => {
        if (type !== "aws:cloudwatch/logGroup:LogGroup") {
            return [];
        }
        const days = Number(props.retentionInDays ?? 0);
        if (days === 0) {
            return ["Its logs are kept for ever"];
        }
        const isBetween = days >= shortest && days <= longest;
        return [
            logRetentionReason(days) ??
                (isBetween ? undefined : `Its logs are kept for ${days} days, not for ${shortest} to ${longest}`),
        ];
    },
});

/** What keeps data from being deleted with what holds them. */
const guarded: WantedOf = {
    ...of(
        { argument: "deletionProtection", is: (value) => value === true },
        "aws:rds/cluster:Cluster",
        "aws:rds/instance:Instance",
        "aws:docdb/cluster:Cluster",
        "aws:neptune/cluster:Cluster",
    ),
    ...of({ argument: "deletionProtectionEnabled", is: (value) => value === true }, "aws:dynamodb/table:Table"),
    ...of({ argument: "deletionProtection", is: (value) => value === "ACTIVE" }, "aws:cognito/userPool:UserPool"),
    ...of(
        { argument: "forceDestroy", is: (value) => value !== true },
        "aws:s3/bucket:Bucket",
        "aws:s3/bucketV2:BucketV2",
    ),
    ...of({ argument: "recoveryWindowInDays", is: (value) => value !== 0 }, "aws:secretsmanager/secret:Secret"),
    ...of({ argument: "protect", is: () => false }, "aws:efs/fileSystem:FileSystem"),
};

/** Of taskgate's own, what a deployment makes anew. */
const madeAnew: readonly Exception[] = [
    {
        urn: "taskgate:index:TaskDns$aws:dynamodb/table:Table",
        reason: "the registry of names, which the sweep makes anew from the tasks that run",
    },
    {
        urn: "taskgate:index:Sessions$aws:dynamodb/table:Table",
        reason: "the sessions that are open: their tasks go with the stack, too",
    },
    {
        urn: "taskgate:index:WildcardCertificate$aws:s3/bucket:Bucket",
        reason: "the history of a certificate that the next deployment orders anew",
    },
    {
        urn: "taskgate:index:Patching$aws:s3/bucket:Bucket",
        reason: "a report that the next look writes anew",
    },
];

const deletionProtection = rule<object>({
    name: "deletion-protection",
    description: "Where data live, nobody deletes them by the way.",
    remediation: "Switch its deletion protection on, or give the resource option protect: true",
    properties: {},
    exceptions: madeAnew,
    judge: (resource) => {
        const other = resource.opts.protect ? undefined : otherThan(guarded, resource);
        return [other && `Its data go with it: ${other}`];
    },
});

/** All of the policy pack's rules. */
export const policies: readonly ResourceValidationPolicy[] = [
    requiredTags,
    openPorts,
    tls,
    encryption,
    wildcards,
    logRetention,
    deletionProtection,
];
