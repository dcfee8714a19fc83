/** What is refused for what else is there, and the page that says so. What a request alone breaks: a service's `rules.ts`. */
export interface StateRule {
    /** By which it is refused. */
    readonly operation: string;
    /** AWS's name of the error. */
    readonly code: string;
    readonly when: string;
    readonly source: string;
}

const docs = "https://docs.aws.amazon.com";
const pages: Readonly<Record<string, string>> = {
    acm: `${docs}/acm/latest/APIReference`,
    ec2: `${docs}/AWSEC2/latest/APIReference`,
    ecr: `${docs}/AmazonECR/latest/APIReference`,
    ecs: `${docs}/AmazonECS/latest/APIReference`,
    elasticache: `${docs}/AmazonElastiCache/latest/APIReference`,
    elasticloadbalancing: `${docs}/elasticloadbalancing/latest/APIReference`,
    iam: `${docs}/IAM/latest/APIReference`,
    kinesis: `${docs}/kinesis/latest/APIReference`,
    route53: `${docs}/Route53/latest/APIReference`,
    s3: `${docs}/AmazonS3/latest/API`,
    secretsmanager: `${docs}/secretsmanager/latest/apireference`,
    sns: `${docs}/sns/latest/api`,
    sts: `${docs}/STS/latest/APIReference`,
};

/** `operation code when`, each on the operation's own page. */
function rows(service: string, ...texts: readonly string[]): readonly StateRule[] {
    return texts.map((text) => {
        const [, operation, code, when] = /^(\w+) ([\w.]+): (.*)$/.exec(text)!;
        return { operation, code, when, source: `${pages[service]}/API_${operation}.html` };
    });
}

/** By signing name. An overlay enforces each, or the emulator where there is none. */
export const stateRules: Readonly<Record<string, readonly StateRule[]>> = {
    acm: rows("acm", "DeleteCertificate ResourceInUseException: a listener uses it, or did seconds ago"),
    ec2: rows(
        "ec2",
        "DeleteSecurityGroup DependencyViolation: a network interface has it, or another group's rule names it",
        "DeleteSubnet DependencyViolation: a network interface or a NAT gateway is in it",
        "DeleteRouteTable DependencyViolation: it is a subnet's, or the main one",
        "DeleteInternetGateway DependencyViolation: it is attached to a VPC",
        "DeleteVpc DependencyViolation: a subnet, a group or a gateway is in it",
        "DescribeNetworkInterfaces InvalidNetworkInterfaceID.NotFound: there is none",
    ),
    ecr: rows(
        "ecr",
        "DescribeImageScanFindings ImageNotFoundException: the repository has none of this digest or tag",
        "DescribeImageScanFindings ScanNotFoundException: the image was not scanned",
    ),
    ecs: rows(
        "ecs",
        "DeleteCluster ClusterContainsServicesException: it has services that are not deleted",
        "DeleteCluster ClusterContainsTasksException: a task runs in it",
        "RunTask ClusterNotFoundException: there is none that is active",
        "CreateService NamespaceNotFoundException: its Service Connect names one that is not there",
        "UpdateService ServiceNotActiveException: it was deleted",
        "UpdateService ServiceNotFoundException: there is none",
    ),
    elasticache: rows(
        "elasticache",
        "DeleteCacheSubnetGroup CacheSubnetGroupInUse: a cache is in it",
        "CreateUser UserAlreadyExists: there is one of the same id",
        "CreateUserGroup UserGroupAlreadyExists: there is one of the same id",
    ),
    elasticloadbalancing: rows(
        "elasticloadbalancing",
        "CreateListener CertificateNotFound: ACM has none of this ARN",
        "CreateListener DuplicateListener: another one has the port",
        "CreateListener SSLPolicyNotFound: there is none",
        "CreateLoadBalancer DuplicateLoadBalancerName: another one has the name",
        "CreateTargetGroup DuplicateTargetGroupName: another one has the name",
        "CreateRule InvalidLoadBalancerAction: its target group is not for this kind of load balancer",
        "CreateRule PriorityInUse: another rule of the listener has it",
        "CreateRule TargetGroupAssociationLimit: another load balancer uses the target group",
        "DeleteLoadBalancer OperationNotPermitted: it is protected",
        "DeleteTargetGroup ResourceInUse: a listener or a rule sends to it, or did seconds ago",
    ),
    iam: rows(
        "iam",
        "DeleteRole DeleteConflict: it has policies of its own, or attached ones",
        "DeletePolicy DeleteConflict: it is attached to a role",
    ),
    kinesis: rows(
        "kinesis",
        "PutRecord ProvisionedThroughputExceededException: a shard has taken 1,000 records or 1 MiB within this second",
    ),
    route53: rows(
        "route53",
        "ChangeResourceRecordSets InvalidChangeBatch: a change does not fit the records that are there",
        "ChangeResourceRecordSets NoSuchHealthCheck: a record names one that is not there",
        "ChangeResourceRecordSets NoSuchHostedZone: there is none of this account",
        "ChangeResourceRecordSets PriorRequestNotComplete: another change of the zone is in hand",
        "ChangeResourceRecordSets Throttling: more than five requests a second, or too many changes",
        "CreateHealthCheck HealthCheckAlreadyExists: another one was made by the same reference",
        "DeleteHostedZone HostedZoneNotEmpty: it has records of its own",
        "UpdateHealthCheck HealthCheckVersionMismatch: somebody changed it in between",
    ).map((rule) =>
        rule.code === "Throttling"
            ? { ...rule, source: `${docs}/Route53/latest/DeveloperGuide/DNSLimitations.html` }
            : rule,
    ),
    s3: rows("s3", "DeleteBucket BucketNotEmpty: it has objects, or versions").map((rule) => ({
        ...rule,
        source: `${docs}/AmazonS3/latest/API/ErrorResponses.html`,
    })),
    secretsmanager: rows(
        "secretsmanager",
        "CreateSecret InvalidRequestException: one of the same name is deleted, and its recovery window is open",
        "GetSecretValue InvalidRequestException: it is deleted",
        "GetSecretValue ResourceNotFoundException: it has no value yet, or is not there",
    ),
    sns: rows("sns", "Publish AuthorizationError: the policy of who listens does not let this topic in"),
    sts: rows("sts", "AssumeRole AccessDenied: the role's trust policy does not let the caller"),
};
