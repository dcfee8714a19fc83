import { type Caller, clientConfig, type Scope } from "../../machine/awsClients";

/** The SDK's clients. Each is loaded when it is first asked for: a preview needs hardly any. */
const clientClasses = {
    acm: async () => (await import("@aws-sdk/client-acm")).ACM,
    apigatewayv2: async () => (await import("@aws-sdk/client-apigatewayv2")).ApiGatewayV2,
    cloudwatch: async () => (await import("@aws-sdk/client-cloudwatch")).CloudWatch,
    cloudwatchLogs: async () => (await import("@aws-sdk/client-cloudwatch-logs")).CloudWatchLogs,
    dynamodb: async () => (await import("@aws-sdk/client-dynamodb")).DynamoDB,
    ec2: async () => (await import("@aws-sdk/client-ec2")).EC2,
    ecr: async () => (await import("@aws-sdk/client-ecr")).ECR,
    ecs: async () => (await import("@aws-sdk/client-ecs")).ECS,
    elasticache: async () => (await import("@aws-sdk/client-elasticache")).ElastiCache,
    elb: async () => (await import("@aws-sdk/client-elastic-load-balancing-v2")).ElasticLoadBalancingV2,
    eventbridge: async () => (await import("@aws-sdk/client-eventbridge")).EventBridge,
    iam: async () => (await import("@aws-sdk/client-iam")).IAM,
    kinesis: async () => (await import("@aws-sdk/client-kinesis")).Kinesis,
    lambda: async () => (await import("@aws-sdk/client-lambda")).Lambda,
    route53: async () => (await import("@aws-sdk/client-route-53")).Route53,
    s3: async () => (await import("@aws-sdk/client-s3")).S3,
    scheduler: async () => (await import("@aws-sdk/client-scheduler")).Scheduler,
    secretsManager: async () => (await import("@aws-sdk/client-secrets-manager")).SecretsManager,
    serviceDiscovery: async () => (await import("@aws-sdk/client-servicediscovery")).ServiceDiscovery,
    sns: async () => (await import("@aws-sdk/client-sns")).SNS,
    sqs: async () => (await import("@aws-sdk/client-sqs")).SQS,
    ssm: async () => (await import("@aws-sdk/client-ssm")).SSM,
    sts: async () => (await import("@aws-sdk/client-sts")).STS,
};

type ClientClasses = typeof clientClasses;
type Clients = { readonly [Name in keyof ClientClasses]: InstanceType<Awaited<ReturnType<ClientClasses[Name]>>> };

/** AWS as one account sees it in one region: `await aws.sqs.createQueue({…})`. */
export interface Aws extends Clients, Scope {
    arn(service: string, resource: string): string;
    /** Of what belongs to no region: IAM, Route 53. */
    globalArn(service: string, resource: string): string;
}

/** What clients are made with. */
export interface AwsConfig extends Partial<ReturnType<typeof clientConfig>> {
    readonly region: string;
    readonly forcePathStyle?: boolean;
}

export function createAws(gatewayUrl: string, scope: Caller): Aws {
    return awsBy({ ...clientConfig(gatewayUrl, scope), forcePathStyle: true }, scope);
}

/** With clients that are made of this: AWS itself, when it has no endpoint. */
export function awsBy(config: AwsConfig, scope: Scope): Aws {
    const clients = Object.entries(clientClasses).map(([name, load]) => [
        name,
        loadedOnUse(async () => new (await load())(config)),
    ]);
    return {
        ...(Object.fromEntries(clients) as Clients),
        ...scope,
        arn: (service, resource) => `arn:aws:${service}:${scope.region}:${scope.accountId}:${resource}`,
        globalArn: (service, resource) => `arn:aws:${service}::${scope.accountId}:${resource}`,
    };
}

/** Stands for a client all of whose methods are asynchronous anyway. */
function loadedOnUse(load: () => Promise<object>): object {
    let client: Promise<object> | undefined;
    return new Proxy(
        {},
        {
            get(_, method) {
                return async (...args: unknown[]): Promise<unknown> => {
                    client ??= load();
                    const loaded = (await client) as Record<PropertyKey, (...args: unknown[]) => unknown>;
                    return loaded[method](...args);
                };
            },
        },
    );
}
