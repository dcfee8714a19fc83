// By which private subnets reach AWS's services without the internet.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { policyDocument, Statement } from "./policies";
import { allowIn } from "./securityGroups";

/** Services of AWS that tasks reach by an endpoint in their VPC. */
export const Endpoint = {
    /** Amazon S3: layers of the images in ECR, and the account's buckets. By a gateway, which costs nothing. */
    S3: "s3",
    /** API of ECR: where images are. */
    EcrApi: "ecr.api",
    /** Registry of ECR: the images. */
    EcrDkr: "ecr.dkr",
    /** CloudWatch Logs. */
    Logs: "logs",
    /** Secrets Manager. */
    SecretsManager: "secretsmanager",
    /** Parameters of Systems Manager. */
    Ssm: "ssm",
    /** Key Management Service, for secrets under keys of one's own. */
    Kms: "kms",
} as const;
export type Endpoint = (typeof Endpoint)[keyof typeof Endpoint];

/** Without these no task on Fargate starts (docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html). */
export const neededEndpoints: readonly Endpoint[] = [Endpoint.S3, Endpoint.EcrApi, Endpoint.EcrDkr, Endpoint.Logs];

const pull = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"];

/** What may be asked by each, besides what its caller's own policies say. */
const actions: Readonly<Record<Endpoint, readonly string[]>> = {
    [Endpoint.S3]: ["s3:DeleteObject", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:PutObject"],
    [Endpoint.EcrApi]: ["ecr:GetAuthorizationToken", ...pull],
    [Endpoint.EcrDkr]: pull,
    [Endpoint.Logs]: ["logs:CreateLogStream", "logs:PutLogEvents"],
    [Endpoint.SecretsManager]: ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
    [Endpoint.Ssm]: ["ssm:GetParameter", "ssm:GetParameters", "ssm:GetParametersByPath"],
    [Endpoint.Kms]: ["kms:Decrypt", "kms:DescribeKey", "kms:GenerateDataKey"],
};

export interface EndpointsArgs {
    readonly vpcId: pulumi.Input<string>;
    /** Where interface endpoints stand. */
    readonly subnetIds: pulumi.Input<pulumi.Input<string>[]>;
    /** By which gateway endpoints are found. */
    readonly routeTableIds: pulumi.Input<pulumi.Input<string>[]>;
    /** Of the VPC: whoever is in it may connect. */
    readonly cidrBlock: string;
    readonly tags: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
}

/** Makes `${name}-endpoint-<service>` for each, and `${name}-endpoints-security-group` for the interface endpoints. */
export function vpcEndpoints(
    name: string,
    endpoints: readonly Endpoint[],
    { vpcId, subnetIds, routeTableIds, cidrBlock, tags }: EndpointsArgs,
    parent: pulumi.Resource,
): void {
    const options = { parent };
    const { region } = aws.getRegionOutput({}, options);
    const { accountId } = aws.getCallerIdentityOutput({}, options);
    const { partition } = aws.getPartitionOutput({}, options);
    const securityGroup =
        endpoints.some((endpoint) => endpoint !== Endpoint.S3) &&
        new aws.ec2.SecurityGroup(
            `${name}-endpoints-security-group`,
            { vpcId, description: "The VPC to endpoints of AWS services", tags },
            options,
        );
    if (securityGroup) {
        const rule = { securityGroupId: securityGroup.id, port: 443, peer: { cidr: cidrBlock }, tags };
        allowIn(`${name}-endpoints-from-vpc`, rule, parent);
    }
    for (const endpoint of endpoints) {
        const policy = pulumi
            .all([accountId, region, partition])
            .apply(([account, here, ofPartition]) => endpointPolicy(endpoint, account, here, ofPartition));
        new aws.ec2.VpcEndpoint(
            `${name}-endpoint-${endpoint}`,
            {
                vpcId,
                serviceName: pulumi.interpolate`com.amazonaws.${region}.${endpoint}`,
                policy,
                ...(securityGroup && endpoint !== Endpoint.S3
                    ? {
                          vpcEndpointType: "Interface",
                          subnetIds,
                          securityGroupIds: [securityGroup.id],
                          privateDnsEnabled: true,
                      }
                    : { vpcEndpointType: "Gateway", routeTableIds }),
                tags,
            },
            options,
        );
    }
}

/** Callers of this account alone, and to S3 with its own buckets alone: nobody carries anything out by another's credentials. */
function endpointPolicy(endpoint: Endpoint, account: string, region: string, partition: string): string {
    const ownAccount: Statement = {
        Sid: "OwnAccount",
        Effect: "Allow",
        Principal: "*",
        Action: actions[endpoint],
        Resource: "*",
        Condition: {
            StringEquals: {
                "aws:PrincipalAccount": account,
                ...(endpoint === Endpoint.S3 ? { "aws:ResourceAccount": account } : {}),
            },
        },
    };
    // ECR's own bucket, from which Fargate reads by signed addresses (docs.aws.amazon.com/AmazonECR, "Minimum Amazon S3 bucket permissions").
    const imageLayers: Statement = {
        Sid: "ImageLayers",
        Effect: "Allow",
        Principal: "*",
        Action: "s3:GetObject",
        Resource: `arn:${partition}:s3:::prod-${region}-starport-layer-bucket/*`,
    };
    return policyDocument(endpoint === Endpoint.S3 ? [ownAccount, imageLayers] : [ownAccount]);
}
