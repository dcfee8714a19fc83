// What somebody does to resources in the console, behind Pulumi's back: each type of the local provider changed once, and deleted.
import type { PutMetricAlarmInput } from "@aws-sdk/client-cloudwatch";

import type { Aws } from "../../local/aws/resources/sdk";
import type { State } from "../../local/pulumi/providers/server";

type Hand = (aws: Aws, state: Texts) => Promise<unknown>;

/** A resource's state; what is used here of its arguments and outputs is texts. */
interface Texts {
    readonly id: string;
    readonly inputs: Readonly<Record<string, string>>;
    readonly outputs: Readonly<Record<string, string>>;
}

export interface ByHand {
    /** The argument that is otherwise afterwards, or why there is none. */
    readonly change: { readonly of: string; readonly by: Hand } | { readonly impossible: string };
    readonly remove: Hand | { readonly impossible: string };
}

/** As the tests have states. */
export function textsOf(state: State): Texts {
    return state as unknown as Texts;
}

const aPolicy =
    (...Action: string[]) =>
    (Resource: string) =>
        JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Deny", Principal: "*", Action, Resource }] });
const thereOrNot = { impossible: "it is there or not: there is nothing in it that could be otherwise" };

/** A queue's document. */
function documentOf(name: "Policy" | "RedrivePolicy" | "RedriveAllowPolicy", of: string, other: string): ByHand {
    return {
        change: {
            of,
            by: ({ sqs }, { id }) => sqs.setQueueAttributes({ QueueUrl: id, Attributes: { [name]: other } }),
        },
        remove: ({ sqs }, { id }) => sqs.setQueueAttributes({ QueueUrl: id, Attributes: { [name]: "" } }),
    };
}

function topicPolicy(TopicArn: string, AttributeValue: string) {
    return { TopicArn, AttributeName: "Policy", AttributeValue };
}

const aTag = { Key: "by", Value: "hand" };

function taggedCache(remove: Hand): ByHand {
    return {
        change: {
            of: "tagsAll",
            by: ({ elasticache }, { outputs }) =>
                elasticache.addTagsToResource({ ResourceName: outputs.arn, Tags: [aTag] }),
        },
        remove,
    };
}

async function recordSetOf({ route53 }: Aws, { inputs, outputs }: Texts) {
    const { ResourceRecordSets = [] } = await route53.listResourceRecordSets({ HostedZoneId: inputs.zoneId });
    return ResourceRecordSets.find(({ Name, Type }) => Name === `${outputs.fqdn}.` && Type === inputs.type)!;
}

/** By type token. */
export const byHand: Readonly<Record<string, ByHand>> = {
    "aws:acm/certificate:Certificate": {
        change: {
            of: "tagsAll",
            by: ({ acm }, { id }) => acm.addTagsToCertificate({ CertificateArn: id, Tags: [aTag] }),
        },
        remove: ({ acm }, { id }) => acm.deleteCertificate({ CertificateArn: id }),
    },
    "aws:acm/certificateValidation:CertificateValidation": {
        change: thereOrNot,
        remove: { impossible: "it goes with its certificate" },
    },
    "aws:apigatewayv2/api:Api": {
        change: {
            of: "description",
            by: ({ apigatewayv2 }, { id }) => apigatewayv2.updateApi({ ApiId: id, Description: "by hand" }),
        },
        remove: ({ apigatewayv2 }, { id }) => apigatewayv2.deleteApi({ ApiId: id }),
    },
    "aws:apigatewayv2/authorizer:Authorizer": {
        change: {
            of: "jwtConfiguration",
            by: ({ apigatewayv2 }, { id, inputs }) =>
                apigatewayv2.updateAuthorizer({
                    ...{ ApiId: inputs.apiId, AuthorizerId: id },
                    JwtConfiguration: { Issuer: "https://other.test/", Audience: ["two"] },
                }),
        },
        remove: ({ apigatewayv2 }, { id, inputs }) =>
            apigatewayv2.deleteAuthorizer({ ApiId: inputs.apiId, AuthorizerId: id }),
    },
    "aws:apigatewayv2/integration:Integration": {
        change: {
            of: "timeoutMilliseconds",
            by: ({ apigatewayv2 }, { id, inputs }) =>
                apigatewayv2.updateIntegration({ ApiId: inputs.apiId, IntegrationId: id, TimeoutInMillis: 5_000 }),
        },
        remove: ({ apigatewayv2 }, { id, inputs }) =>
            apigatewayv2.deleteIntegration({ ApiId: inputs.apiId, IntegrationId: id }),
    },
    "aws:apigatewayv2/route:Route": {
        change: {
            of: "routeKey",
            by: ({ apigatewayv2 }, { id, inputs }) =>
                apigatewayv2.updateRoute({ ApiId: inputs.apiId, RouteId: id, RouteKey: "GET /other" }),
        },
        remove: ({ apigatewayv2 }, { id, inputs }) => apigatewayv2.deleteRoute({ ApiId: inputs.apiId, RouteId: id }),
    },
    "aws:apigatewayv2/stage:Stage": {
        change: {
            of: "description",
            by: ({ apigatewayv2 }, { id, inputs }) =>
                apigatewayv2.updateStage({ ApiId: inputs.apiId, StageName: id, Description: "by hand" }),
        },
        remove: ({ apigatewayv2 }, { id, inputs }) => apigatewayv2.deleteStage({ ApiId: inputs.apiId, StageName: id }),
    },
    "aws:cloudwatch/dashboard:Dashboard": {
        change: {
            of: "dashboardBody",
            by: ({ cloudwatch }, { id }) =>
                cloudwatch.putDashboard({ DashboardName: id, DashboardBody: '{"widgets":[]}' }),
        },
        remove: ({ cloudwatch }, { id }) => cloudwatch.deleteDashboards({ DashboardNames: [id] }),
    },
    "aws:cloudwatch/eventRule:EventRule": {
        change: {
            of: "eventPattern",
            by: ({ eventbridge }, { inputs }) =>
                eventbridge.putRule({ Name: inputs.name, EventPattern: '{"source":["aws.ec2"]}' }),
        },
        remove: ({ eventbridge }, { inputs }) => eventbridge.deleteRule({ Name: inputs.name }),
    },
    "aws:cloudwatch/eventTarget:EventTarget": {
        change: {
            of: "retryPolicy",
            by: ({ eventbridge }, { inputs }) =>
                eventbridge.putTargets({ Rule: inputs.rule, Targets: [{ Id: inputs.targetId, Arn: inputs.arn }] }),
        },
        remove: ({ eventbridge }, { inputs }) =>
            eventbridge.removeTargets({ Rule: inputs.rule, Ids: [inputs.targetId] }),
    },
    "aws:cloudwatch/logGroup:LogGroup": {
        change: {
            of: "retentionInDays",
            by: ({ cloudwatchLogs }, { id }) => cloudwatchLogs.deleteRetentionPolicy({ logGroupName: id }),
        },
        remove: ({ cloudwatchLogs }, { id }) => cloudwatchLogs.deleteLogGroup({ logGroupName: id }),
    },
    "aws:cloudwatch/metricAlarm:MetricAlarm": {
        change: {
            of: "alarmActions",
            by: ({ cloudwatch }, { id }) =>
                cloudwatch.putMetricAlarm({
                    ...{ AlarmName: id, Namespace: "AWS/Lambda", MetricName: "Errors", Statistic: "Sum", Period: 60 },
                    ...{ Threshold: 2, ComparisonOperator: "GreaterThanThreshold", EvaluationPeriods: 1 },
                    Dimensions: [{ Name: "FunctionName", Value: "f" }],
                }),
        },
        remove: ({ cloudwatch }, { id }) => cloudwatch.deleteAlarms({ AlarmNames: [id] }),
    },
    "aws:dynamodb/table:Table": {
        change: {
            of: "pointInTimeRecovery",
            by: ({ dynamodb }, { id }) =>
                dynamodb.updateContinuousBackups({
                    TableName: id,
                    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: false },
                }),
        },
        remove: ({ dynamodb }, { id }) => dynamodb.deleteTable({ TableName: id }),
    },
    "aws:ec2/securityGroup:SecurityGroup": {
        change: {
            of: "ingress",
            by: ({ ec2 }, { id }) =>
                ec2.authorizeSecurityGroupIngress({
                    ...{ GroupId: id, IpProtocol: "tcp", FromPort: 22, ToPort: 22, CidrIp: "0.0.0.0/0" },
                }),
        },
        remove: ({ ec2 }, { id }) => ec2.deleteSecurityGroup({ GroupId: id }),
    },
    "aws:ec2/securityGroupRule:SecurityGroupRule": {
        change: { impossible: "it has no id: what was changed is another rule, and this one is gone" },
        remove: ({ ec2 }, { inputs: { securityGroupId, ...rule } }) =>
            ec2.revokeSecurityGroupIngress({
                GroupId: securityGroupId,
                IpPermissions: [
                    {
                        ...{ IpProtocol: rule.protocol, FromPort: Number(rule.fromPort), ToPort: Number(rule.toPort) },
                        UserIdGroupPairs: [{ GroupId: rule.sourceSecurityGroupId }],
                    },
                ],
            }),
    },
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": {
        change: {
            of: "policy",
            by: ({ ecr }, { id, inputs }) =>
                ecr.putLifecyclePolicy({
                    repositoryName: id,
                    lifecyclePolicyText: inputs.policy.replace(/(?<="countNumber":)\d+/, "1"),
                }),
        },
        remove: ({ ecr }, { id }) => ecr.deleteLifecyclePolicy({ repositoryName: id }),
    },
    "aws:ecr/repository:Repository": {
        change: {
            of: "imageTagMutability",
            by: ({ ecr }, { id }) => ecr.putImageTagMutability({ repositoryName: id, imageTagMutability: "IMMUTABLE" }),
        },
        remove: ({ ecr }, { id }) => ecr.deleteRepository({ repositoryName: id }),
    },
    "aws:ecs/cluster:Cluster": {
        change: {
            of: "tagsAll",
            by: ({ ecs }, { id }) => ecs.tagResource({ resourceArn: id, tags: [{ key: "by", value: "hand" }] }),
        },
        remove: ({ ecs }, { id }) => ecs.deleteCluster({ cluster: id }),
    },
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": {
        change: {
            of: "capacityProviders",
            by: ({ ecs }, { id }) =>
                ecs.putClusterCapacityProviders({
                    ...{ cluster: id, capacityProviders: ["FARGATE"], defaultCapacityProviderStrategy: [] },
                }),
        },
        remove: { impossible: "a cluster always has such a list, which may be empty" },
    },
    "aws:ecs/service:Service": {
        change: {
            of: "enableExecuteCommand",
            by: ({ ecs }, { id, inputs }) =>
                ecs.updateService({ service: id, cluster: inputs.cluster, enableExecuteCommand: false }),
        },
        remove: ({ ecs }, { id, inputs }) => ecs.deleteService({ service: id, cluster: inputs.cluster, force: true }),
    },
    "aws:ecs/taskDefinition:TaskDefinition": {
        change: {
            of: "tagsAll",
            by: ({ ecs }, { outputs }) =>
                ecs.tagResource({ resourceArn: outputs.arn, tags: [{ key: "by", value: "hand" }] }),
        },
        remove: ({ ecs }, { outputs }) => ecs.deregisterTaskDefinition({ taskDefinition: outputs.arn }),
    },
    "aws:elasticache/replicationGroup:ReplicationGroup": taggedCache(({ elasticache }, { id }) =>
        elasticache.deleteReplicationGroup({ ReplicationGroupId: id }),
    ),
    "aws:elasticache/subnetGroup:SubnetGroup": taggedCache(({ elasticache }, { id }) =>
        elasticache.deleteCacheSubnetGroup({ CacheSubnetGroupName: id }),
    ),
    "aws:elasticache/user:User": taggedCache(({ elasticache }, { id }) => elasticache.deleteUser({ UserId: id })),
    "aws:elasticache/userGroup:UserGroup": taggedCache(({ elasticache }, { id }) =>
        elasticache.deleteUserGroup({ UserGroupId: id }),
    ),
    "aws:iam/policy:Policy": {
        change: {
            of: "policy",
            by: ({ iam }, { id }) =>
                iam.createPolicyVersion({ PolicyArn: id, PolicyDocument: aPolicy("iam:*")("*"), SetAsDefault: true }),
        },
        async remove({ iam }, { id: PolicyArn }) {
            const { Versions = [] } = await iam.listPolicyVersions({ PolicyArn });
            for (const { VersionId } of Versions.filter(({ IsDefaultVersion }) => !IsDefaultVersion)) {
                await iam.deletePolicyVersion({ PolicyArn, VersionId });
            }
            await iam.deletePolicy({ PolicyArn });
        },
    },
    "aws:iam/role:Role": {
        change: {
            of: "assumeRolePolicy",
            by: ({ iam }, { id }) =>
                iam.updateAssumeRolePolicy({ RoleName: id, PolicyDocument: aPolicy("sts:AssumeRole")("*") }),
        },
        remove: ({ iam }, { id }) => iam.deleteRole({ RoleName: id }),
    },
    "aws:iam/rolePolicy:RolePolicy": {
        change: {
            of: "policy",
            by: ({ iam }, { inputs }) =>
                iam.putRolePolicy({
                    ...{ RoleName: inputs.role, PolicyName: inputs.name, PolicyDocument: aPolicy("sqs:*")("*") },
                }),
        },
        remove: ({ iam }, { inputs }) => iam.deleteRolePolicy({ RoleName: inputs.role, PolicyName: inputs.name }),
    },
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": {
        change: thereOrNot,
        remove: ({ iam }, { inputs }) => iam.detachRolePolicy({ RoleName: inputs.role, PolicyArn: inputs.policyArn }),
    },
    "aws:kinesis/stream:Stream": {
        change: {
            of: "retentionPeriod",
            by: ({ kinesis }, { inputs }) =>
                kinesis.increaseStreamRetentionPeriod({ StreamName: inputs.name, RetentionPeriodHours: 72 }),
        },
        remove: ({ kinesis }, { inputs }) => kinesis.deleteStream({ StreamName: inputs.name }),
    },
    "aws:lambda/eventSourceMapping:EventSourceMapping": {
        change: {
            of: "batchSize",
            by: ({ lambda }, { id }) => lambda.updateEventSourceMapping({ UUID: id, BatchSize: 1 }),
        },
        remove: ({ lambda }, { id }) => lambda.deleteEventSourceMapping({ UUID: id }),
    },
    "aws:lambda/function:Function": {
        change: {
            of: "environment",
            by: ({ lambda }, { id }) =>
                lambda.updateFunctionConfiguration({
                    FunctionName: id,
                    Environment: { Variables: { KEY: "1", BY: "hand" } },
                }),
        },
        remove: ({ lambda }, { id }) => lambda.deleteFunction({ FunctionName: id }),
    },
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": {
        change: {
            of: "maximumRetryAttempts",
            by: ({ lambda }, { inputs }) =>
                lambda.putFunctionEventInvokeConfig({ FunctionName: inputs.functionName, MaximumRetryAttempts: 2 }),
        },
        remove: ({ lambda }, { inputs }) =>
            lambda.deleteFunctionEventInvokeConfig({ FunctionName: inputs.functionName }),
    },
    "aws:lambda/permission:Permission": {
        change: {
            of: "principal",
            async by({ lambda }, { id, inputs }) {
                const statement = { FunctionName: inputs.function, StatementId: id };
                await lambda.removePermission(statement);
                await lambda.addPermission({ ...statement, Action: inputs.action, Principal: "s3.amazonaws.com" });
            },
        },
        remove: ({ lambda }, { id, inputs }) =>
            lambda.removePermission({ FunctionName: inputs.function, StatementId: id }),
    },
    "aws:lb/listener:Listener": {
        change: {
            of: "defaultActions",
            by: ({ elb }, { id }) =>
                elb.modifyListener({
                    ListenerArn: id,
                    DefaultActions: [{ Type: "fixed-response", FixedResponseConfig: { StatusCode: "503" } }],
                }),
        },
        remove: ({ elb }, { id }) => elb.deleteListener({ ListenerArn: id }),
    },
    "aws:lb/listenerCertificate:ListenerCertificate": {
        change: thereOrNot,
        remove: ({ elb }, { inputs }) =>
            elb.removeListenerCertificates({
                ListenerArn: inputs.listenerArn,
                Certificates: [{ CertificateArn: inputs.certificateArn }],
            }),
    },
    "aws:lb/listenerRule:ListenerRule": {
        change: {
            of: "conditions",
            by: ({ elb }, { id }) =>
                elb.modifyRule({
                    RuleArn: id,
                    Conditions: [{ Field: "path-pattern", PathPatternConfig: { Values: ["/b/*"] } }],
                }),
        },
        remove: ({ elb }, { id }) => elb.deleteRule({ RuleArn: id }),
    },
    "aws:lb/loadBalancer:LoadBalancer": {
        change: {
            of: "idleTimeout",
            by: ({ elb }, { id }) =>
                elb.modifyLoadBalancerAttributes({
                    LoadBalancerArn: id,
                    Attributes: [{ Key: "idle_timeout.timeout_seconds", Value: "5" }],
                }),
        },
        remove: ({ elb }, { id }) => elb.deleteLoadBalancer({ LoadBalancerArn: id }),
    },
    "aws:lb/targetGroup:TargetGroup": {
        change: {
            of: "healthCheck",
            by: ({ elb }, { id }) => elb.modifyTargetGroup({ TargetGroupArn: id, HealthCheckPath: "/by/hand" }),
        },
        remove: ({ elb }, { id }) => elb.deleteTargetGroup({ TargetGroupArn: id }),
    },
    "aws:route53/healthCheck:HealthCheck": {
        change: {
            of: "invertHealthcheck",
            by: ({ route53 }, { id }) => route53.updateHealthCheck({ HealthCheckId: id, Inverted: false }),
        },
        remove: ({ route53 }, { id }) => route53.deleteHealthCheck({ HealthCheckId: id }),
    },
    "aws:route53/record:Record": {
        change: {
            of: "records",
            async by(aws, state) {
                const ResourceRecordSet = {
                    ...(await recordSetOf(aws, state)),
                    ResourceRecords: [{ Value: "192.0.2.1" }],
                };
                await aws.route53.changeResourceRecordSets({
                    HostedZoneId: state.inputs.zoneId,
                    ChangeBatch: { Changes: [{ Action: "UPSERT", ResourceRecordSet }] },
                });
            },
        },
        async remove(aws, state) {
            const ResourceRecordSet = await recordSetOf(aws, state);
            await aws.route53.changeResourceRecordSets({
                HostedZoneId: state.inputs.zoneId,
                ChangeBatch: { Changes: [{ Action: "DELETE", ResourceRecordSet }] },
            });
        },
    },
    "aws:route53/zone:Zone": {
        change: {
            of: "comment",
            by: ({ route53 }, { id }) => route53.updateHostedZoneComment({ Id: id, Comment: "by hand" }),
        },
        remove: ({ route53 }, { id }) => route53.deleteHostedZone({ Id: id }),
    },
    "aws:s3/bucket:Bucket": {
        change: {
            of: "tagsAll",
            by: ({ s3 }, { id }) => s3.putBucketTagging({ Bucket: id, Tagging: { TagSet: [aTag] } }),
        },
        remove: ({ s3 }, { id }) => s3.deleteBucket({ Bucket: id }),
    },
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": {
        change: {
            of: "rules",
            async by({ s3 }, { id }) {
                const { Rules = [] } = await s3.getBucketLifecycleConfiguration({ Bucket: id });
                await s3.putBucketLifecycleConfiguration({
                    Bucket: id,
                    LifecycleConfiguration: { Rules: Rules.map((rule) => ({ ...rule, Expiration: { Days: 1 } })) },
                });
            },
        },
        remove: ({ s3 }, { id }) => s3.deleteBucketLifecycle({ Bucket: id }),
    },
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": {
        change: {
            of: "rule",
            by: ({ s3 }, { id }) =>
                s3.putBucketOwnershipControls({
                    Bucket: id,
                    OwnershipControls: { Rules: [{ ObjectOwnership: "ObjectWriter" }] },
                }),
        },
        remove: ({ s3 }, { id }) => s3.deleteBucketOwnershipControls({ Bucket: id }),
    },
    "aws:s3/bucketPolicy:BucketPolicy": {
        change: {
            of: "policy",
            by: ({ s3 }, { id }) => s3.putBucketPolicy({ Bucket: id, Policy: aPolicy("s3:*")(`arn:aws:s3:::${id}/a`) }),
        },
        remove: ({ s3 }, { id }) => s3.deleteBucketPolicy({ Bucket: id }),
    },
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": {
        change: {
            of: "blockPublicPolicy",
            by: ({ s3 }, { id }) =>
                s3.putPublicAccessBlock({
                    Bucket: id,
                    PublicAccessBlockConfiguration: { BlockPublicAcls: true, BlockPublicPolicy: false },
                }),
        },
        remove: ({ s3 }, { id }) => s3.deletePublicAccessBlock({ Bucket: id }),
    },
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": {
        change: { of: "rules", by: ({ s3 }, { id }) => s3.deleteBucketEncryption({ Bucket: id }) },
        remove: { impossible: "a bucket always encrypts: with S3's own key when nothing is said" },
    },
    "aws:s3/bucketVersioning:BucketVersioning": {
        change: {
            of: "versioningConfiguration",
            by: ({ s3 }, { id }) =>
                s3.putBucketVersioning({ Bucket: id, VersioningConfiguration: { Status: "Enabled" } }),
        },
        remove: { impossible: "versioning that was once enabled can only be suspended" },
    },
    "aws:scheduler/schedule:Schedule": {
        change: {
            of: "target",
            by: ({ scheduler }, { inputs }) =>
                scheduler.updateSchedule({
                    ...{ Name: inputs.name, ScheduleExpression: inputs.scheduleExpression },
                    FlexibleTimeWindow: { Mode: "OFF" },
                    Target: {
                        Arn: (inputs.target as unknown as { readonly arn: string }).arn,
                        RoleArn: (inputs.target as unknown as { readonly roleArn: string }).roleArn,
                        RetryPolicy: { MaximumRetryAttempts: 9 },
                    },
                }),
        },
        remove: ({ scheduler }, { inputs }) => scheduler.deleteSchedule({ Name: inputs.name }),
    },
    "aws:secretsmanager/secret:Secret": {
        change: {
            of: "description",
            by: ({ secretsManager }, { id }) => secretsManager.updateSecret({ SecretId: id, Description: "by hand" }),
        },
        // The console's way: it waits for its deletion.
        remove: ({ secretsManager }, { id }) => secretsManager.deleteSecret({ SecretId: id, RecoveryWindowInDays: 7 }),
    },
    "aws:secretsmanager/secretVersion:SecretVersion": {
        change: { impossible: "a version's value stays: who puts another makes another version" },
        remove: { impossible: "it goes with its secret" },
    },
    "aws:servicediscovery/httpNamespace:HttpNamespace": {
        change: {
            of: "description",
            by: ({ serviceDiscovery }, { id }) =>
                serviceDiscovery.updateHttpNamespace({ Id: id, Namespace: { Description: "by hand" } }),
        },
        remove: ({ serviceDiscovery }, { id }) => serviceDiscovery.deleteNamespace({ Id: id }),
    },
    "aws:sns/topic:Topic": {
        change: {
            of: "displayName",
            by: ({ sns }, { id }) =>
                sns.setTopicAttributes({ TopicArn: id, AttributeName: "DisplayName", AttributeValue: "By hand" }),
        },
        remove: ({ sns }, { id }) => sns.deleteTopic({ TopicArn: id }),
    },
    "aws:sns/topicPolicy:TopicPolicy": {
        change: {
            of: "policy",
            by: ({ sns }, { id }) => sns.setTopicAttributes(topicPolicy(id, aPolicy("sns:Publish")(id))),
        },
        // A topic always has one: that it was made with.
        async remove({ sns }, { id }) {
            const { TopicArn } = await sns.createTopic({ Name: "untouched" });
            const { Attributes } = await sns.getTopicAttributes({ TopicArn });
            await sns.setTopicAttributes(topicPolicy(id, Attributes!.Policy.replaceAll(TopicArn!, id)));
        },
    },
    "aws:sns/topicSubscription:TopicSubscription": {
        change: {
            of: "rawMessageDelivery",
            by: ({ sns }, { id }) =>
                sns.setSubscriptionAttributes({
                    ...{ SubscriptionArn: id, AttributeName: "RawMessageDelivery", AttributeValue: "false" },
                }),
        },
        remove: ({ sns }, { id }) => sns.unsubscribe({ SubscriptionArn: id }),
    },
    "aws:sqs/queue:Queue": {
        change: {
            of: "delaySeconds",
            by: ({ sqs }, { id }) => sqs.setQueueAttributes({ QueueUrl: id, Attributes: { DelaySeconds: "9" } }),
        },
        remove: ({ sqs }, { id }) => sqs.deleteQueue({ QueueUrl: id }),
    },
    "aws:sqs/queuePolicy:QueuePolicy": documentOf("Policy", "policy", aPolicy("sqs:SendMessage")("*")),
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy": documentOf(
        ...(["RedriveAllowPolicy", "redriveAllowPolicy", '{"redrivePermission":"denyAll"}'] as const),
    ),
    "aws:sqs/redrivePolicy:RedrivePolicy": {
        ...documentOf("RedrivePolicy", "redrivePolicy", ""),
        change: {
            of: "redrivePolicy",
            by: ({ sqs }, { id, inputs }) =>
                sqs.setQueueAttributes({
                    QueueUrl: id,
                    Attributes: { RedrivePolicy: inputs.redrivePolicy.replace(/(?<="maxReceiveCount":)\d+/, "1") },
                }),
        },
    },
    "aws:ssm/parameter:Parameter": {
        change: {
            of: "value",
            by: ({ ssm }, { id }) =>
                ssm.putParameter({ Name: id, Type: "SecureString", Value: "by hand", Overwrite: true }),
        },
        remove: ({ ssm }, { id }) => ssm.deleteParameter({ Name: id }),
    },
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {
        change: {
            of: "toPort",
            by: ({ ec2 }, { id, inputs }) =>
                ec2.modifySecurityGroupRules({
                    GroupId: inputs.securityGroupId,
                    SecurityGroupRules: [
                        {
                            SecurityGroupRuleId: id,
                            SecurityGroupRule: {
                                ...{ IpProtocol: "tcp", FromPort: Number(inputs.fromPort), ToPort: 9_999 },
                                CidrIpv6: inputs.cidrIpv6,
                            },
                        },
                    ],
                }),
        },
        remove: ({ ec2 }, { id, inputs }) =>
            ec2.revokeSecurityGroupIngress({ GroupId: inputs.securityGroupId, SecurityGroupRuleIds: [id] }),
    },
};

/** What somebody sets where the program says nothing, of each type that AWS keeps something empty of. */
export const addedByHand: Readonly<Record<string, readonly { readonly of: string; readonly by: Hand }[]>> = {
    "aws:cloudwatch/metricAlarm:MetricAlarm": [
        {
            of: "okActions",
            async by({ cloudwatch }, { id, inputs }) {
                const { MetricAlarms: [alarm] = [] } = await cloudwatch.describeAlarms({ AlarmNames: [id] });
                const OKActions = [...inputs.alarmActions];
                await cloudwatch.putMetricAlarm({ ...(alarm as PutMetricAlarmInput), OKActions });
            },
        },
    ],
    "aws:cloudwatch/eventRule:EventRule": [
        {
            of: "scheduleExpression",
            by: ({ eventbridge }, { inputs }) =>
                eventbridge.putRule({
                    ...{ Name: inputs.name, EventPattern: inputs.eventPattern, Description: inputs.description },
                    ScheduleExpression: "rate(1 minute)",
                }),
        },
    ],
    "aws:cloudwatch/eventTarget:EventTarget": [
        {
            of: "input",
            async by({ eventbridge }, { inputs }) {
                const { Targets = [] } = await eventbridge.listTargetsByRule({ Rule: inputs.rule });
                await eventbridge.putTargets({ Rule: inputs.rule, Targets: [{ ...Targets[0], Input: "{}" }] });
            },
        },
    ],
    "aws:iam/role:Role": [
        {
            of: "permissionsBoundary",
            by: ({ iam }, { id }) =>
                iam.putRolePermissionsBoundary({
                    ...{ RoleName: id, PermissionsBoundary: "arn:aws:iam::aws:policy/ReadOnlyAccess" },
                }),
        },
    ],
    "aws:lambda/function:Function": [
        {
            of: "description",
            by: ({ lambda }, { id }) =>
                lambda.updateFunctionConfiguration({ FunctionName: id, Description: "by hand" }),
        },
    ],
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": [
        {
            of: "destinationConfig",
            by: ({ lambda }, { inputs }) =>
                lambda.putFunctionEventInvokeConfig({
                    ...{ FunctionName: inputs.functionName, MaximumRetryAttempts: 1 },
                    DestinationConfig: { OnFailure: { Destination: "arn:aws:sqs:eu-west-1:111122223333:other" } },
                }),
        },
    ],
    "aws:lambda/permission:Permission": [
        {
            of: "sourceAccount",
            async by({ lambda }, { id, inputs }) {
                const statement = { FunctionName: inputs.function, StatementId: id };
                await lambda.removePermission(statement);
                await lambda.addPermission({
                    ...{ ...statement, Action: inputs.action, Principal: inputs.principal },
                    SourceAccount: "444455556666",
                });
            },
        },
    ],
    "aws:route53/record:Record": [
        {
            of: "healthCheckId",
            async by(aws, state) {
                const { HealthCheck } = await aws.route53.createHealthCheck({
                    CallerReference: state.id,
                    HealthCheckConfig: { Type: "TCP", IPAddress: "192.0.2.1", Port: 443 },
                });
                const ResourceRecordSet = { ...(await recordSetOf(aws, state)), HealthCheckId: HealthCheck!.Id };
                await aws.route53.changeResourceRecordSets({
                    HostedZoneId: state.inputs.zoneId,
                    ChangeBatch: { Changes: [{ Action: "UPSERT", ResourceRecordSet }] },
                });
            },
        },
    ],
    "aws:scheduler/schedule:Schedule": [
        {
            of: "description",
            async by({ scheduler }, { inputs }) {
                const found = await scheduler.getSchedule({ Name: inputs.name });
                await scheduler.updateSchedule({
                    ...{ Name: inputs.name, ScheduleExpression: found.ScheduleExpression, Target: found.Target },
                    ...{ FlexibleTimeWindow: found.FlexibleTimeWindow, Description: "by hand" },
                });
            },
        },
    ],
    "aws:sns/topic:Topic": [
        {
            of: "kmsMasterKeyId",
            by: ({ sns }, { id }) =>
                sns.setTopicAttributes({
                    ...{ TopicArn: id, AttributeName: "KmsMasterKeyId", AttributeValue: "alias/aws/sns" },
                }),
        },
    ],
    "aws:sns/topicSubscription:TopicSubscription": [
        {
            of: "filterPolicy",
            by: ({ sns }, { id }) =>
                sns.setSubscriptionAttributes({
                    ...{ SubscriptionArn: id, AttributeName: "FilterPolicy", AttributeValue: '{"a":["1"]}' },
                }),
        },
    ],
    "aws:sqs/queue:Queue": [
        {
            of: "kmsMasterKeyId",
            by: ({ sqs }, { id }) =>
                sqs.setQueueAttributes({ QueueUrl: id, Attributes: { KmsMasterKeyId: "alias/aws/sqs" } }),
        },
    ],
};

/** Of these nothing can be done by hand: they have happened, and are of no resource that stays. */
export const happened: readonly string[] = ["aws:lambda/invocation:Invocation"];

/** Of these nobody but the provider knows: no request is made for them, so there is nothing that a hand could reach. */
export const kept: readonly string[] = [
    ...["target:Target", "policy:Policy", "scheduledAction:ScheduledAction"].map(
        (type) => `aws:appautoscaling/${type}`,
    ),
    ...["userPool:UserPool", "userPoolClient:UserPoolClient", "userPoolDomain:UserPoolDomain"].map(
        (type) => `aws:cognito/${type}`,
    ),
    ...["vpc:Vpc", "subnet:Subnet", "internetGateway:InternetGateway", "routeTable:RouteTable"].map(
        (type) => `aws:ec2/${type}`,
    ),
    ...["route:Route", "routeTableAssociation:RouteTableAssociation", "eip:Eip", "natGateway:NatGateway"].map(
        (type) => `aws:ec2/${type}`,
    ),
    ...["defaultSecurityGroup:DefaultSecurityGroup", "vpcEndpoint:VpcEndpoint", "flowLog:FlowLog"].map(
        (type) => `aws:ec2/${type}`,
    ),
    "aws:ec2/egressOnlyInternetGateway:EgressOnlyInternetGateway",
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    ...["webAcl:WebAcl", "webAclAssociation:WebAclAssociation"].map((type) => `aws:wafv2/${type}`),
];
