// What requests are called in IAM: their actions, resources and condition keys
// (https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html).
import type { PutEventsRequestEntry } from "@aws-sdk/client-eventbridge";

import type { Scope } from "../../machine/awsClients";
import { modelOf } from "../models/model";

/** What a caller must be allowed, for one request. */
export interface Permission {
    readonly action: string;
    readonly resource: string;
    readonly context: Readonly<Record<string, string | string[]>>;
}

/** A request by its model. */
export interface Asked extends Scope {
    readonly service: string;
    readonly operation: string;
    readonly parameters: Readonly<Record<string, unknown>>;
}

// Most parameters that name resources are texts; a row says where they are not.
type Parameters = Readonly<Partial<Record<string, string>>>;
type Row = (parameters: Parameters, at: Place) => readonly Needed[];
type Needed = Partial<Permission> & { readonly resource: string };

interface Place extends Scope {
    readonly operation: string;
    readonly arn: (service: string, resource: string) => string;
    readonly globalArn: (service: string, resource: string) => string;
}

interface Service {
    /** In IAM; the service's signing name unless said. */
    readonly prefix?: string;
    /** Where an operation is not called as its action. */
    readonly actions?: Readonly<Record<string, string>>;
    /** The first whose operations fit. */
    readonly rows: readonly (readonly [operations: RegExp, row: Row])[];
}

/**
 * The permissions a request needs; undefined when no row knows it. None are needed for what AWS allows everybody.
 */
export function permissionsFor(asked: Asked): readonly Permission[] | undefined {
    const service = services[asked.service];
    const row = service?.rows.find(([operations]) => operations.test(asked.operation))?.[1];
    if (!row) {
        return undefined;
    }
    const { accountId, region, operation } = asked;
    const place: Place = {
        accountId,
        region,
        operation,
        arn: (name, resource) => `arn:aws:${name}:${region}:${accountId}:${resource}`,
        globalArn: (name, resource) => `arn:aws:${name}::${accountId}:${resource}`,
    };
    const prefix = service.prefix ?? asked.service;
    const action = service.actions?.[asked.operation] ?? asked.operation;
    const own = row(asked.parameters as Parameters, place).map(({ action: other, resource, context = {} }) => ({
        action: other ?? `${prefix}:${action}`,
        resource,
        context,
    }));
    return [...own, ...passedRoles(asked).map(passRole)];
}

/** A role that a request hands to a service. */
export interface PassedRole {
    readonly roleArn: string;
    readonly service: string;
}

interface TaskRoles {
    readonly taskRoleArn?: string;
    readonly executionRoleArn?: string;
    readonly overrides?: TaskRoles;
}

/** The roles that a request hands over, which its caller must be allowed to pass and the service to assume. */
export function passedRoles({ service, operation, parameters }: Asked): readonly PassedRole[] {
    const passed = (to: string, ...arns: readonly (string | undefined)[]) =>
        arns.filter((arn) => arn !== undefined).map((roleArn) => ({ roleArn, service: to }));
    const { Role, Target, RoleArn } = parameters as { Role?: string; Target?: { RoleArn?: string }; RoleArn?: string };
    switch (`${service} ${operation}`) {
        case "lambda CreateFunction":
        case "lambda UpdateFunctionConfiguration":
            return passed("lambda.amazonaws.com", Role);
        case "scheduler CreateSchedule":
        case "scheduler UpdateSchedule":
            return passed("scheduler.amazonaws.com", Target?.RoleArn);
        case "events PutRule":
            return passed("events.amazonaws.com", RoleArn);
        case "ecs RegisterTaskDefinition":
        case "ecs RunTask": {
            const { overrides, taskRoleArn, executionRoleArn } = parameters as TaskRoles;
            const all = [taskRoleArn, executionRoleArn, overrides?.taskRoleArn, overrides?.executionRoleArn];
            return passed("ecs-tasks.amazonaws.com", ...all);
        }
        default:
            return [];
    }
}

/** What whoever hands a role on must be allowed. */
export function passRole({ roleArn, service }: PassedRole): Permission {
    return { action: "iam:PassRole", resource: roleArn, context: { "iam:PassedToService": service } };
}

const anything: Row = () => [{ resource: "*" }];
/** What AWS allows everybody who is somebody. */
const nothing: Row = () => [];

/** What IAM knows of the tags that a request gives. */
function requestTags(given: readonly (readonly [key: string, value: string])[]) {
    return {
        ...Object.fromEntries(given.map(([key, value]) => [`aws:RequestTag/${key}`, value])),
        ...(given.length > 0 && { "aws:TagKeys": given.map(([key]) => key) }),
    };
}

/** Of ARNs that the request names, all of them; else of anything. */
function named(...keys: readonly string[]): Row {
    return (parameters) => {
        const arns = keys.flatMap((key) => (parameters[key] as string | readonly string[] | undefined) ?? []);
        return arns.length === 0 ? [{ resource: "*" }] : arns.map((resource) => ({ resource }));
    };
}

function healthCheckArn(id = ""): string {
    return `arn:aws:route53:::healthcheck/${id}`;
}

/** The one that a cache gets; the engine's own when it names none. */
function parameterGroup({ CacheParameterGroupName, Engine = "redis", EngineVersion = "" }: Parameters): string {
    return CacheParameterGroupName ?? `default.${Engine}${EngineVersion.split(".")[0]}`;
}

function isArn(text: string): boolean {
    return text.startsWith("arn:");
}

function last(nameOrArn: string): string {
    return nameOrArn.slice(nameOrArn.lastIndexOf("/") + 1);
}

function inCluster(kind: string, keys: readonly string[]): Row {
    return (parameters, { arn }) => {
        const cluster = last(parameters.cluster ?? "default");
        const names = keys.flatMap((key) => (parameters[key] as string | readonly string[] | undefined) ?? []);
        return names.map((name) => ({
            resource: isArn(name) ? name : arn("ecs", `${kind}/${cluster}/${name}`),
            context: { "ecs:cluster": arn("ecs", `cluster/${cluster}`) },
        }));
    };
}

const lambdaFunction: Row = ({ FunctionName = "" }, { arn }) => {
    const parts = FunctionName.split(":");
    const name = parts[parts.indexOf("function") + 1];
    return [{ resource: arn("lambda", `function:${parts.length === 2 ? parts[0] : name}`) }];
};

const bucketOf: Row = ({ Bucket }) => [{ resource: `arn:aws:s3:::${Bucket as string}` }];
const objectOf: Row = ({ Bucket, Key }) => [{ resource: `arn:aws:s3:::${Bucket as string}/${Key as string}` }];
/** A version has actions of its own. */
const versionOf =
    (action: string): Row =>
    ({ VersionId, ...parameters }, place) =>
        objectOf(parameters, place).map((needed) => ({
            ...needed,
            action: VersionId === undefined ? action : `${action}Version`,
        }));

const zoneOf: Row = ({ HostedZoneId, Id }) => [
    { resource: `arn:aws:route53:::hostedzone/${last(HostedZoneId ?? Id ?? "")}` },
];

interface Change {
    readonly Action: string;
    readonly ResourceRecordSet: { readonly Name: string; readonly Type: string };
}

/** As Route 53 writes names for IAM: in lower case, without the last dot, other characters in octal. */
function normalizedName(name: string): string {
    return name
        .toLowerCase()
        .replace(/\.$/, "")
        .replace(/[^a-z0-9_\-.*]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`)
        .replaceAll("*", "\\052");
}

function secretArn(nameOrArn: string, { arn }: Place): string {
    // By a name alone nobody knows the six characters at an ARN's end.
    return isArn(nameOrArn) ? nameOrArn : arn("secretsmanager", `secret:${nameOrArn}-??????`);
}

function parameterArn(name: string, { arn }: Place): string {
    return isArn(name) ? name : arn("ssm", `parameter/${name.replace(/^\//, "")}`);
}

const roleOf: Row = ({ RoleName }, { globalArn }) => [{ resource: globalArn("iam", `role/${RoleName as string}`) }];

const tableOf: Row = ({ TableName = "", IndexName }, { arn }) => {
    const table = isArn(TableName) ? TableName : arn("dynamodb", `table/${TableName}`);
    return [{ resource: IndexName === undefined ? table : `${table}/index/${IndexName}` }];
};

interface TransactItem {
    readonly [kind: string]: { readonly TableName: string };
}

const transactActions: Readonly<Record<string, string>> = {
    ConditionCheck: "dynamodb:ConditionCheckItem",
    Delete: "dynamodb:DeleteItem",
    Get: "dynamodb:GetItem",
    Put: "dynamodb:PutItem",
    Update: "dynamodb:UpdateItem",
};

function dashboards(name: string | undefined, names: unknown): readonly string[] | undefined {
    return name === undefined ? (names as readonly string[] | undefined) : [name];
}

const logGroupOf: Row = ({ logGroupName, logStreamName }, { arn }) => [
    {
        resource: arn("logs", `log-group:${logGroupName as string}:${logStreamName === undefined ? "*" : `log-stream:${logStreamName}`}`), // prettier-ignore
    },
];

/** API Gateway's actions are the methods of HTTP, and its resources what is in the paths (docs.aws.amazon.com/apigateway, security-iam). */
const apiPath: Row = (parameters, { region, operation }) => {
    const { method, requestUri } = modelOf("apigateway")!.operations[operation].http;
    const path = requestUri.replace(/^\/v2/, "").replace(/\{([\w-]+)\+?\}/g, (_, label: string) => {
        const member = label.replace(/(^|-)[a-z]/g, (start) => start.replace("-", "").toUpperCase());
        return encodeURIComponent(parameters[member] ?? "*");
    });
    return [{ action: `apigateway:${method}`, resource: `arn:aws:apigateway:${region}::${path}` }];
};

const services: Readonly<Record<string, Service>> = {
    acm: {
        rows: [
            [/^(List|RequestCertificate$)/, anything],
            [
                /^ImportCertificate$/,
                ({ CertificateArn, Tags }, { arn }) => {
                    const given = (Tags ?? []) as unknown as readonly {
                        readonly Key: string;
                        readonly Value: string;
                    }[];
                    const context = requestTags(given.map(({ Key, Value }) => [Key, Value]));
                    return [{ resource: CertificateArn ?? arn("acm", "certificate/*"), context }];
                },
            ],
            [/./, named("CertificateArn")],
        ],
    },
    apigateway: { rows: [[/./, apiPath]] },
    "application-autoscaling": { rows: [[/./, anything]] },
    dynamodb: {
        rows: [
            [/^ListTables$/, anything],
            [
                /^Transact/,
                ({ TransactItems }, place) =>
                    (TransactItems as unknown as readonly TransactItem[]).flatMap((item) =>
                        Object.entries(item).map(([kind, { TableName }]) => ({
                            action: transactActions[kind],
                            resource: tableOf({ TableName }, place)[0].resource,
                        })),
                    ),
            ],
            [
                /^Batch/,
                ({ RequestItems }, place) =>
                    Object.keys(RequestItems as unknown as object).flatMap((TableName) =>
                        tableOf({ TableName }, place),
                    ),
            ],
            [/Resource|Tags/, named("ResourceArn")],
            [/./, tableOf],
        ],
    },
    ec2: { rows: [[/./, anything]] },
    ecr: {
        rows: [
            [/^GetAuthorizationToken$/, anything],
            [/Resource/, named("resourceArn")],
            [
                /./,
                ({ repositoryName, repositoryNames }, { arn }) =>
                    ((repositoryNames as unknown as readonly string[] | undefined) ?? [repositoryName]).map((name) => ({
                        resource: name === undefined ? "*" : arn("ecr", `repository/${name}`),
                    })),
            ],
        ],
    },
    ecs: {
        rows: [
            [/^(ListClusters|.*CapacityProvider|DescribeCapacityProviders)$/, anything],
            [
                /^CreateCluster$/,
                ({ clusterName = "default" }, { arn }) => [{ resource: arn("ecs", `cluster/${clusterName}`) }],
            ],
            [
                /^RegisterTaskDefinition$/,
                ({ family }, { arn }) => [{ resource: arn("ecs", `task-definition/${family}:*`) }],
            ],
            [/TaskDefinition/, anything],
            [
                /^RunTask$/,
                (parameters, { arn }) => {
                    const { taskDefinition = "", cluster = "default", tags } = parameters as Record<string, string>;
                    const given = (tags ?? []) as unknown as readonly {
                        readonly key: string;
                        readonly value: string;
                    }[];
                    const tagContext = requestTags(given.map(({ key, value }) => [key, value]));
                    const context = { "ecs:cluster": arn("ecs", `cluster/${last(cluster)}`), ...tagContext };
                    const own = isArn(taskDefinition)
                        ? taskDefinition
                        : arn("ecs", `task-definition/${taskDefinition}`);
                    const tagged = {
                        action: "ecs:TagResource",
                        resource: arn("ecs", `task/${last(cluster)}/*`),
                        context: { "ecs:CreateAction": "RunTask", ...tagContext },
                    };
                    return [{ resource: own, context }, ...(tags === undefined ? [] : [tagged])];
                },
            ],
            [/^(StopTask|DescribeTasks|ExecuteCommand)$/, inCluster("task", ["task", "tasks"])],
            [
                /^(ListTasks|ListServices)$/,
                ({ cluster = "default" }, { arn }) => [
                    { resource: "*", context: { "ecs:cluster": arn("ecs", `cluster/${last(cluster)}`) } },
                ],
            ],
            [/Services?$/, inCluster("service", ["service", "services", "serviceName"])],
            [/Resource/, named("resourceArn")],
            [
                /./,
                (parameters, { arn }) => {
                    const { cluster, clusters } = parameters as { cluster?: string; clusters?: readonly string[] };
                    return (clusters ?? [cluster ?? "default"]).map((name) => ({
                        resource: isArn(name) ? name : arn("ecs", `cluster/${name}`),
                    }));
                },
            ],
        ],
    },
    elasticache: {
        rows: [
            [/TagsToResource|TagsFromResource|ListTagsForResource/, named("ResourceName")],
            [
                /./,
                (parameters, { arn, operation }) => {
                    const {
                        UserIds = [],
                        UserGroupIds = [],
                        ...one
                    } = parameters as Record<string, string> & {
                        UserIds?: readonly string[];
                        UserGroupIds?: readonly string[];
                    };
                    const kinds = { replicationgroup: one.ReplicationGroupId, subnetgroup: one.CacheSubnetGroupName };
                    const all = { ...kinds, user: one.UserId, usergroup: one.UserGroupId };
                    const resources = [
                        ...Object.entries(all).flatMap(([kind, id]) => (id === undefined ? [] : [`${kind}:${id}`])),
                        ...UserIds.map((id) => `user:${id}`),
                        ...UserGroupIds.map((id) => `usergroup:${id}`),
                        ...(operation === "CreateReplicationGroup" ? [`parametergroup:${parameterGroup(one)}`] : []),
                    ];
                    return resources.length === 0
                        ? [{ resource: "*" }]
                        : resources.map((resource) => ({ resource: arn("elasticache", resource) }));
                },
            ],
        ],
    },
    elasticloadbalancing: {
        rows: [
            [/^Describe/, anything],
            [
                /^CreateLoadBalancer$/,
                ({ Name, Type = "application" }, { arn }) => {
                    const kind = { application: "app", network: "net", gateway: "gwy" }[Type];
                    return [{ resource: arn("elasticloadbalancing", `loadbalancer/${kind}/${Name}/*`) }];
                },
            ],
            [
                /^CreateTargetGroup$/,
                ({ Name }, { arn }) => [{ resource: arn("elasticloadbalancing", `targetgroup/${Name}/*`) }],
            ],
            [
                /^SetRulePriorities$/,
                ({ RulePriorities }) =>
                    (RulePriorities as unknown as readonly { readonly RuleArn: string }[]).map(({ RuleArn }) => ({
                        resource: RuleArn,
                    })),
            ],
            [/./, named("LoadBalancerArn", "ListenerArn", "RuleArn", "TargetGroupArn", "ResourceArns")],
        ],
    },
    events: {
        rows: [
            [/^(List(Rules|EventBuses)|TestEventPattern)$/, anything],
            [/Resource/, named("ResourceARN")],
            [
                /^PutEvents$/,
                ({ Entries }, { arn }) =>
                    (Entries as unknown as readonly PutEventsRequestEntry[]).map((entry) => ({
                        resource: arn("events", `event-bus/${last(entry.EventBusName ?? "default")}`),
                        context: {
                            "events:source": [entry.Source ?? ""],
                            "events:detail-type": [entry.DetailType ?? ""],
                        },
                    })),
            ],
            [/./, ({ Name, Rule: rule }, { arn }) => [{ resource: arn("events", `rule/${(Name ?? rule) as string}`) }]],
        ],
    },
    iam: {
        rows: [
            [/^(List(Roles|Policies)|CreateServiceLinkedRole)$/, anything],
            [
                /^(AttachRolePolicy|DetachRolePolicy)$/,
                (parameters, place) =>
                    roleOf(parameters, place).map(({ resource }) => ({
                        resource,
                        context: { "iam:PolicyARN": parameters.PolicyArn as string },
                    })),
            ],
            [/Role/, roleOf],
            [
                /Policy/,
                ({ PolicyArn, PolicyName }, { globalArn }) => [
                    { resource: PolicyArn ?? globalArn("iam", `policy/${PolicyName as string}`) },
                ],
            ],
        ],
    },
    kinesis: {
        rows: [
            [/^(ListStreams|DescribeLimits|DescribeAccountSettings)$/, anything],
            [/^(TagResource|UntagResource|ListTagsForResource|.*ResourcePolicy)$/, named("ResourceARN")],
            [
                /./,
                // Of an iterator alone nobody here knows the stream: name it, too.
                ({ StreamARN, StreamName, ConsumerARN }, { arn }) => [
                    {
                        resource:
                            ConsumerARN ??
                            StreamARN ??
                            (StreamName === undefined ? "*" : arn("kinesis", `stream/${StreamName}`)),
                    },
                ],
            ],
        ],
    },
    kms: { rows: [[/./, ({ KeyId }, { arn }) => [{ resource: isArn(KeyId ?? "") ? KeyId! : arn("kms", `key/${KeyId}`) }]]] }, // prettier-ignore
    lambda: {
        actions: { Invoke: "InvokeFunction", InvokeWithResponseStream: "InvokeFunction" },
        rows: [
            [/^List(Functions|EventSourceMappings)$/, anything],
            [/EventSourceMapping$/, anything],
            [/([Tt]agResource|ListTags)$/, named("Resource")],
            [/./, lambdaFunction],
        ],
    },
    logs: {
        rows: [
            [/^DescribeLogGroups$/, anything],
            [/Resource/, named("resourceArn")],
            [/./, logGroupOf],
        ],
    },
    monitoring: {
        prefix: "cloudwatch",
        rows: [
            [
                /^PutMetricData$/,
                ({ Namespace }) => [{ resource: "*", context: { "cloudwatch:namespace": Namespace! } }],
            ],
            [/^(GetMetric|ListMetrics|DescribeAlarms)/, anything],
            [/Resource/, named("ResourceARN")],
            [
                /./,
                ({ AlarmName, AlarmNames, DashboardName, DashboardNames }, { arn, globalArn }) =>
                    dashboards(DashboardName, DashboardNames)?.map((name) => ({
                        resource: globalArn("cloudwatch", `dashboard/${name}`),
                    })) ??
                    ((AlarmNames as unknown as readonly string[] | undefined) ?? [AlarmName]).map((name) => ({
                        resource: name === undefined ? "*" : arn("cloudwatch", `alarm:${name}`),
                    })),
            ],
        ],
    },
    route53: {
        rows: [
            [
                /^(ListHostedZones|ListHostedZonesByName|CreateHostedZone|GetHostedZoneCount|CreateHealthCheck)$/,
                anything,
            ],
            [/^(Delete|Get|Update)HealthCheck$/, ({ HealthCheckId }) => [{ resource: healthCheckArn(HealthCheckId) }]],
            [/^GetChange$/, ({ Id }) => [{ resource: `arn:aws:route53:::change/${last(Id ?? "")}` }]],
            [
                /^ChangeResourceRecordSets$/,
                (parameters, place) => {
                    const { Changes } = parameters.ChangeBatch as unknown as { readonly Changes: readonly Change[] };
                    const all = (of: (change: Change) => string) => [...new Set(Changes.map(of))];
                    const key = (name: string) => `route53:ChangeResourceRecordSets${name}`;
                    const context = {
                        [key("NormalizedRecordNames")]: all(({ ResourceRecordSet: { Name } }) => normalizedName(Name)),
                        [key("RecordTypes")]: all(({ ResourceRecordSet: { Type } }) => Type),
                        [key("Actions")]: all(({ Action }) => Action),
                    };
                    return zoneOf(parameters, place).map(({ resource }) => ({ resource, context }));
                },
            ],
            [
                /Tags/,
                ({ ResourceType, ResourceId = "" }) => [
                    {
                        resource:
                            ResourceType === "healthcheck"
                                ? healthCheckArn(ResourceId)
                                : `arn:aws:route53:::hostedzone/${last(ResourceId)}`,
                    },
                ],
            ],
            [/./, zoneOf],
        ],
    },
    s3: {
        actions: {
            CompleteMultipartUpload: "PutObject",
            CopyObject: "PutObject",
            CreateMultipartUpload: "PutObject",
            DeleteBucketEncryption: "PutEncryptionConfiguration",
            DeleteBucketLifecycle: "PutLifecycleConfiguration",
            DeleteBucketOwnershipControls: "PutBucketOwnershipControls",
            DeleteBucketTagging: "PutBucketTagging",
            DeletePublicAccessBlock: "PutBucketPublicAccessBlock",
            GetBucketEncryption: "GetEncryptionConfiguration",
            GetBucketLifecycleConfiguration: "GetLifecycleConfiguration",
            GetPublicAccessBlock: "GetBucketPublicAccessBlock",
            HeadBucket: "ListBucket",
            ListBuckets: "ListAllMyBuckets",
            ListMultipartUploads: "ListBucketMultipartUploads",
            ListObjects: "ListBucket",
            ListObjectsV2: "ListBucket",
            ListObjectVersions: "ListBucketVersions",
            ListParts: "ListMultipartUploadParts",
            PutBucketEncryption: "PutEncryptionConfiguration",
            PutBucketLifecycleConfiguration: "PutLifecycleConfiguration",
            PutPublicAccessBlock: "PutBucketPublicAccessBlock",
            UploadPart: "PutObject",
            UploadPartCopy: "PutObject",
        },
        rows: [
            [/^ListBuckets$/, anything],
            [/^(GetObject|HeadObject)$/, versionOf("s3:GetObject")],
            [/^DeleteObject$/, versionOf("s3:DeleteObject")],
            [
                /^DeleteObjects$/,
                ({ Bucket, Delete }) =>
                    (Delete as unknown as { Objects: readonly { Key: string; VersionId?: string }[] }).Objects.map(
                        ({ Key, VersionId }) => ({
                            action: VersionId === undefined ? "s3:DeleteObject" : "s3:DeleteObjectVersion",
                            resource: `arn:aws:s3:::${Bucket as string}/${Key}`,
                        }),
                    ),
            ],
            [/^List(Object|MultipartUploads)/, bucketOf],
            [/Object|Upload|ListParts/, objectOf],
            [/./, bucketOf],
        ],
    },
    scheduler: {
        rows: [
            [/^ListSchedules$/, anything],
            [
                /./,
                ({ GroupName = "default", Name, ResourceArn }, { arn }) => [
                    { resource: ResourceArn ?? arn("scheduler", `schedule/${GroupName}/${Name as string}`) },
                ],
            ],
        ],
    },
    secretsmanager: {
        rows: [
            [/^ListSecrets$/, anything],
            [/./, ({ SecretId, Name }, place) => [{ resource: secretArn((SecretId ?? Name) as string, place) }]],
        ],
    },
    servicediscovery: {
        rows: [
            [/^(CreateHttpNamespace|ListNamespaces|GetOperation)$|Resource/, anything],
            [/./, ({ Id }, { arn }) => [{ resource: arn("servicediscovery", `namespace/${Id as string}`) }]],
        ],
    },
    sns: {
        actions: { PublishBatch: "Publish" },
        rows: [
            [/^List(Topics|Subscriptions)$/, anything],
            [/^CreateTopic$/, ({ Name }, { arn }) => [{ resource: arn("sns", Name!) }]],
            [/./, named("TopicArn", "SubscriptionArn", "ResourceArn")],
        ],
    },
    sqs: {
        actions: {
            ChangeMessageVisibilityBatch: "ChangeMessageVisibility",
            DeleteMessageBatch: "DeleteMessage",
            SendMessageBatch: "SendMessage",
        },
        rows: [
            [/^ListQueues$/, anything],
            [
                /./,
                ({ QueueUrl, QueueName }, { arn }) => [
                    { resource: arn("sqs", last((QueueUrl ?? QueueName) as string)) },
                ],
            ],
        ],
    },
    ssm: {
        rows: [
            [/^DescribeParameters$/, anything],
            [
                /^(GetParameters|DeleteParameters)$/,
                ({ Names }, place) =>
                    (Names as unknown as readonly string[]).map((name) => ({ resource: parameterArn(name, place) })),
            ],
            [/./, ({ Name, ResourceId }, place) => [{ resource: parameterArn((Name ?? ResourceId) as string, place) }]],
        ],
    },
    sts: {
        rows: [
            [/^GetCallerIdentity$/, nothing],
            [/./, named("RoleArn")],
        ],
    },
};
