// Ad events: taken at once by collectors that know core data by heart, stored by way of a stream; core data pushed to every collector.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Cluster, LoadBalancedService, NatGateways, Network } from "taskgate";

import { bundle, writeWhole } from "./bundle";

const config = new pulumi.Config();
const domain = config.require("domain");
const tags = { project: pulumi.getProject() };
const { region } = aws.getRegionOutput();
const encrypted = { encryptionType: "KMS", kmsKeyId: "alias/aws/kinesis" };

const network = new Network("network", { natGateways: NatGateways.Single, tags });
const cluster = new Cluster("cluster", { tags });

const events = new aws.kinesis.Stream("events", { shardCount: config.requireNumber("shards"), ...encrypted, tags });
const updates = new aws.kinesis.Stream("updates", { shardCount: 1, retentionPeriod: 168, ...encrypted, tags });
const table = new aws.dynamodb.Table("events", {
    billingMode: "PAY_PER_REQUEST",
    hashKey: "id",
    attributes: [{ name: "id", type: "S" }],
    pointInTimeRecovery: { enabled: true },
    deletionProtectionEnabled: true,
    tags,
});
/** Where records are told of that could not be worked off. */
const failures = new aws.sqs.Queue("failures", { messageRetentionSeconds: 14 * 86_400, tags });

// The cache: two nodes, in reach of the collectors and of the function that writes to it, each by IAM as a user of its own.
const cacheSecurityGroup = new aws.ec2.SecurityGroup("cache", {
    vpcId: network.vpcId,
    description: "Collectors and the refreshing function to Valkey",
    tags,
});
const user = (name: string, accessString: string): aws.elasticache.User => {
    const userId = `campaigns-${pulumi.getStack()}-${name}`;
    return new aws.elasticache.User(name, {
        ...{ userId, userName: userId, engine: "valkey", accessString, tags },
        authenticationMode: { type: "iam" },
    });
};
const reader = user("collector", "on ~campaign:* resetchannels &campaigns -@all +get +subscribe +ping");
const writer = user("refresher", "on ~campaign:* resetchannels &campaigns -@all +eval +get +set +publish +ping");
const users = new aws.elasticache.UserGroup("campaigns", {
    userGroupId: `campaigns-${pulumi.getStack()}`,
    engine: "valkey",
    userIds: [reader.userId, writer.userId],
    tags,
});
const cacheSubnets = new aws.elasticache.SubnetGroup("campaigns", { subnetIds: network.privateSubnetIds, tags });
const cache = new aws.elasticache.ReplicationGroup("campaigns", {
    description: "Core data",
    engine: "valkey",
    engineVersion: "8.0",
    nodeType: "cache.t4g.micro",
    numCacheClusters: 2,
    automaticFailoverEnabled: true,
    multiAzEnabled: true,
    atRestEncryptionEnabled: true,
    transitEncryptionEnabled: true,
    subnetGroupName: cacheSubnets.name,
    securityGroupIds: [cacheSecurityGroup.id],
    userGroupIds: [users.userGroupId],
    tags,
});
const cacheOf = (cacheUser: aws.elasticache.User): Record<string, pulumi.Input<string>> => ({
    CACHE_HOST: cache.primaryEndpointAddress,
    CACHE_ID: cache.id,
    CACHE_USER: cacheUser.userId,
});
const connect = (cacheUser: aws.elasticache.User): Statement => ({
    Effect: "Allow",
    Action: "elasticache:Connect",
    Resource: [cache.arn, cacheUser.arn],
});

/** A statement of a policy of IAM. */
interface Statement {
    readonly Effect: "Allow";
    readonly Action: string | string[];
    readonly Resource: pulumi.Input<string> | pulumi.Input<string>[];
}
const policyOf = (...statements: Statement[]): pulumi.Output<string> =>
    pulumi.jsonStringify({ Version: "2012-10-17", Statement: statements });

// The collectors.
writeWhole("collector/build/server.js", bundle("collector/server.ts"));
const collectorPolicy = new aws.iam.Policy("collector", {
    policy: policyOf({ Effect: "Allow", Action: "kinesis:PutRecords", Resource: events.arn }, connect(reader)),
    tags,
});
const collector = new LoadBalancedService("collector", {
    build: { context: "collector" },
    environment: { ...cacheOf(reader), STREAM_NAME: events.name, AWS_REGION: region },
    taskPolicyArns: [collectorPolicy.arn],
    healthCheckPath: "/health",
    vpcId: network.vpcId,
    subnetIds: network.privateSubnetIds,
    loadBalancerSubnetIds: network.publicSubnetIds,
    clusterArn: cluster.clusterArn,
    domain: `events.${domain}`,
    hostedZoneId: config.require("hostedZoneId"),
    httpsPort: config.requireNumber("httpsPort"),
    httpPort: config.requireNumber("httpPort"),
    autoscaling: { minTasks: 2, maxTasks: 20, requestsPerTarget: 60_000 },
    tags,
});

// The functions, each reading one stream.
interface Reading {
    readonly stream: aws.kinesis.Stream;
    readonly statements: Statement[];
    readonly environment: Record<string, pulumi.Input<string>>;
    readonly batching: { readonly batchSize: number; readonly maximumBatchingWindowInSeconds?: number };
    readonly vpcConfig?: {
        readonly subnetIds: pulumi.Input<string[]>;
        readonly securityGroupIds: pulumi.Input<string>[];
    };
}
function reading(name: string, { stream, statements, environment, batching, vpcConfig }: Reading): void {
    const logs = new aws.cloudwatch.LogGroup(name, { retentionInDays: 30, tags });
    const role = new aws.iam.Role(name, {
        assumeRolePolicy: JSON.stringify({
            Version: "2012-10-17",
            Statement: { Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" },
        }),
        tags,
    });
    const policy = new aws.iam.RolePolicy(name, {
        role: role.name,
        policy: policyOf(
            ...statements,
            {
                Effect: "Allow",
                Action: [
                    ...["kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords"],
                    ...["kinesis:GetShardIterator", "kinesis:ListShards"],
                ],
                Resource: stream.arn,
            },
            { Effect: "Allow", Action: "sqs:SendMessage", Resource: failures.arn },
            {
                Effect: "Allow",
                Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
                Resource: pulumi.interpolate`${logs.arn}:*`,
            },
        ),
    });
    const lambda = new aws.lambda.Function(
        name,
        {
            code: new pulumi.asset.AssetArchive({
                "index.js": new pulumi.asset.StringAsset(bundle(`functions/${name}.ts`, ["@aws-sdk/client-*"])),
            }),
            handler: "index.handler",
            runtime: aws.lambda.Runtime.NodeJS24dX,
            architectures: ["arm64"],
            role: role.arn,
            timeout: 60,
            memorySize: 512,
            environment: { variables: environment },
            loggingConfig: { logFormat: "Text", logGroup: logs.name },
            vpcConfig,
            tags,
        },
        { dependsOn: [policy] },
    );
    new aws.lambda.EventSourceMapping(name, {
        eventSourceArn: stream.arn,
        functionName: lambda.name,
        startingPosition: "TRIM_HORIZON",
        ...batching,
        functionResponseTypes: ["ReportBatchItemFailures"],
        bisectBatchOnFunctionError: true,
        maximumRetryAttempts: 8,
        destinationConfig: { onFailure: { destinationArn: failures.arn } },
        tags,
    });
}
reading("persist", {
    stream: events,
    statements: [{ Effect: "Allow", Action: "dynamodb:BatchWriteItem", Resource: table.arn }],
    environment: { TABLE_NAME: table.name },
    batching: { batchSize: 500, maximumBatchingWindowInSeconds: 1 },
});
const refreshSecurityGroup = new aws.ec2.SecurityGroup("refresh", {
    vpcId: network.vpcId,
    description: "The refreshing function to Valkey",
    tags,
});
reading("refresh", {
    stream: updates,
    statements: [
        connect(writer),
        {
            Effect: "Allow",
            Action: [
                ...["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"],
                ...["ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses"],
            ],
            Resource: "*", // what Lambda wants of a function in a VPC
        },
    ],
    environment: cacheOf(writer),
    batching: { batchSize: 100 },
    vpcConfig: { subnetIds: network.privateSubnetIds, securityGroupIds: [refreshSecurityGroup.id] },
});

// Who reaches the cache, and that nobody else does.
const valkey = { ipProtocol: "tcp", fromPort: 6379, toPort: 6379, tags };
for (const [name, groupId] of Object.entries({
    collector: collector.securityGroupId,
    refresh: refreshSecurityGroup.id,
})) {
    new aws.vpc.SecurityGroupIngressRule(`cache-from-${name}`, {
        ...valkey,
        securityGroupId: cacheSecurityGroup.id,
        referencedSecurityGroupId: groupId,
    });
}
new aws.vpc.SecurityGroupEgressRule("refresh-to-cache", {
    ...valkey,
    securityGroupId: refreshSecurityGroup.id,
    referencedSecurityGroupId: cacheSecurityGroup.id,
});

export const url = collector.url;
export const updatesStream = updates.name;
export const eventsTable = table.name;
export const failuresUrl = failures.url;
