// What carries the tag of a run, asked of each service by its own lists, and how it goes. It stands in an order that AWS accepts.
import { ACMClient } from "@aws-sdk/client-acm";
import type { ResourceRecordSet } from "@aws-sdk/client-route-53";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SSMClient } from "@aws-sdk/client-ssm";

import type { Aws, AwsConfig } from "../../aws/resources/sdk";
import { findLeftovers, removeLeftover } from "../../internet/leftovers";
import { tagKey } from "./projects";

/** Something that is there. */
export interface Found {
    readonly what: string;
    /** Rejects while something else uses it. What takes a while may still be found afterwards. */
    readonly remove: () => Promise<unknown>;
}

/** Whose things are looked for. */
export interface Wanted {
    /** Of the tag `taskgate:stack`. */
    readonly value: string;
    readonly clientConfig: (region: string) => AwsConfig;
    /** Records have no tags: they are known by what they lead to, or by being below the run's own domain. */
    readonly hostedZoneId: string;
    readonly domain: string;
}

interface Tag {
    readonly Key?: string;
    readonly Value?: string;
    readonly key?: string;
    readonly value?: string;
}

type Tags = readonly Tag[] | Readonly<Record<string, string>>;

/** All of it in one region, and what belongs to none. */
export async function tagged(aws: Aws, wanted: Wanted): Promise<Found[]> {
    const isOurs = (tags: Tags = []): boolean =>
        isList(tags)
            ? tags.some(({ Key, key, Value, value }) => (Key ?? key) === tagKey && (Value ?? value) === wanted.value)
            : tags[tagKey] === wanted.value;
    const roles = await rolesOf(aws, isOurs);
    const loadBalancers = await loadBalancersOf(aws, isOurs);
    const certificates = await certificatesOf(aws, isOurs);
    const found = [
        await schedules(aws, new Set(roles.map(({ arn }) => arn))),
        await rules(aws, isOurs),
        await functions(aws, isOurs),
        await clusters(aws, isOurs),
        await taskDefinitions(aws, isOurs),
        await records(aws, wanted, loadBalancers, certificates),
        loadBalancers.map(({ arn }) => one(arn, () => aws.elb.deleteLoadBalancer({ LoadBalancerArn: arn }))),
        await targetGroups(aws, isOurs),
        await secrets(aws, wanted, isOurs),
        certificates.map(({ arn }) => one(arn, () => aws.acm.deleteCertificate({ CertificateArn: arn }))),
        await repositories(aws, isOurs),
        await tables(aws, isOurs),
        await queues(aws, isOurs),
        await topics(aws, isOurs),
        await alarms(aws, isOurs),
        await logGroups(aws, isOurs),
        await buckets(aws, isOurs),
        roles,
        await network(aws, wanted, isOurs),
    ];
    return found.flat();
}

function isList(tags: Tags): tags is readonly Tag[] {
    return Array.isArray(tags);
}

/** What has gone in between is as wanted. */
function one(what: string, remove: () => Promise<unknown>): Found {
    return { what, remove: () => unlessGone(remove()) };
}

/** Every page of a list. */
async function all<T>(
    page: (token: string | undefined) => Promise<readonly [items: readonly T[] | undefined, next: string | undefined]>,
): Promise<T[]> {
    const items: T[] = [];
    let token: string | undefined;
    do {
        const [some = [], next] = await page(token);
        items.push(...some);
        token = next === "" ? undefined : next;
    } while (token !== undefined);
    return items;
}

/** Those of which this says yes, asked one after another: the lists' own limits are low. */
async function those<T>(items: readonly T[], is: (item: T) => Promise<boolean>): Promise<T[]> {
    const kept: T[] = [];
    for (const item of items) {
        if (await is(item)) {
            kept.push(item);
        }
    }
    return kept;
}

/** What was listed may go before it is asked for. */
async function unlessGone<T>(ask: Promise<T>): Promise<T | undefined> {
    return ask.catch((error: Error) => {
        if (/NotFound|NoSuch|NonExistent|DoesNotExist/.test(error.name)) {
            return undefined;
        }
        throw error;
    });
}

type IsOurs = (tags?: Tags) => boolean;

async function rolesOf({ iam }: Aws, isOurs: IsOurs): Promise<(Found & { readonly arn: string })[]> {
    const roles = await all(async (Marker) => {
        const answer = await iam.listRoles({ Marker });
        return [answer.Roles, answer.Marker];
    });
    const ours = await those(roles, async ({ RoleName }) =>
        isOurs((await unlessGone(iam.listRoleTags({ RoleName })))?.Tags),
    );
    return ours.map(({ RoleName, Arn: arn = "" }) => ({
        arn,
        ...one(arn, async () => {
            const { PolicyNames = [] } = await iam.listRolePolicies({ RoleName });
            for (const PolicyName of PolicyNames) {
                await iam.deleteRolePolicy({ RoleName, PolicyName });
            }
            const { AttachedPolicies = [] } = await iam.listAttachedRolePolicies({ RoleName });
            for (const { PolicyArn } of AttachedPolicies) {
                await iam.detachRolePolicy({ RoleName, PolicyArn });
            }
            await iam.deleteRole({ RoleName });
        }),
    }));
}

/** A schedule has no tags: it is known by the role that it takes on. */
async function schedules({ scheduler }: Aws, roles: ReadonlySet<string>): Promise<Found[]> {
    const list = await all(async (NextToken) => {
        const answer = await scheduler.listSchedules({ NextToken });
        return [answer.Schedules, answer.NextToken];
    });
    const ours = await those(list, async ({ Name, GroupName }) => {
        const schedule = await unlessGone(scheduler.getSchedule({ Name, GroupName }));
        return roles.has(schedule?.Target?.RoleArn ?? "");
    });
    return ours.map(({ Name, GroupName, Arn = "" }) => one(Arn, () => scheduler.deleteSchedule({ Name, GroupName })));
}

async function rules({ eventbridge }: Aws, isOurs: IsOurs): Promise<Found[]> {
    const list = await all(async (NextToken) => {
        const answer = await eventbridge.listRules({ NextToken });
        return [answer.Rules, answer.NextToken];
    });
    const ours = await those(list, async ({ Arn: ResourceARN }) =>
        isOurs((await unlessGone(eventbridge.listTagsForResource({ ResourceARN })))?.Tags),
    );
    return ours.map(({ Name, Arn = "" }) =>
        one(Arn, async () => {
            const { Targets = [] } = await eventbridge.listTargetsByRule({ Rule: Name });
            if (Targets.length > 0) {
                await eventbridge.removeTargets({ Rule: Name, Ids: Targets.map(({ Id = "" }) => Id) });
            }
            await eventbridge.deleteRule({ Name });
        }),
    );
}

async function functions({ lambda }: Aws, isOurs: IsOurs): Promise<Found[]> {
    const list = await all(async (Marker) => {
        const answer = await lambda.listFunctions({ Marker });
        return [answer.Functions, answer.NextMarker];
    });
    const ours = await those(list, async ({ FunctionArn: Resource }) =>
        isOurs((await unlessGone(lambda.listTags({ Resource })))?.Tags),
    );
    return ours.map(({ FunctionName, FunctionArn = "" }) =>
        one(FunctionArn, async () => {
            const { EventSourceMappings = [] } = await lambda.listEventSourceMappings({ FunctionName });
            for (const { UUID } of EventSourceMappings) {
                await one("", () => lambda.deleteEventSourceMapping({ UUID })).remove();
            }
            await lambda.deleteFunction({ FunctionName });
        }),
    );
}

/** What was started by hand, which no service starts anew. */
export async function stopTasks({ ecs }: Aws, cluster: string): Promise<void> {
    const arns = await unlessGone(
        all(async (nextToken) => {
            const answer = await ecs.listTasks({ cluster, nextToken, desiredStatus: "RUNNING" });
            return [answer.taskArns, answer.nextToken];
        }),
    );
    for (const task of arns ?? []) {
        await one(task, () => ecs.stopTask({ cluster, task, reason: "its acceptance run is over" })).remove();
    }
}

/** With the services and tasks in them, whoever made those. */
async function clusters(aws: Aws, isOurs: IsOurs): Promise<Found[]> {
    const { ecs } = aws;
    const arns = await all(async (nextToken) => {
        const answer = await ecs.listClusters({ nextToken });
        return [answer.clusterArns, answer.nextToken];
    });
    const ours = await those(arns, async (arn) => {
        const { clusters: [cluster] = [] } = await ecs.describeClusters({ clusters: [arn], include: ["TAGS"] });
        return cluster !== undefined && cluster.status !== "INACTIVE" && isOurs(cluster.tags);
    });
    return ours.map((cluster) =>
        one(cluster, async () => {
            const services = await all(async (nextToken) => {
                const answer = await ecs.listServices({ cluster, nextToken });
                return [answer.serviceArns, answer.nextToken];
            });
            for (const service of services) {
                await one(service, () => ecs.deleteService({ cluster, service, force: true })).remove();
            }
            await stopTasks(aws, cluster);
            await ecs.deleteCluster({ cluster });
        }),
    );
}

async function taskDefinitions({ ecs }: Aws, isOurs: IsOurs): Promise<Found[]> {
    const arns = await all(async (nextToken) => {
        const answer = await ecs.listTaskDefinitions({ nextToken, status: "ACTIVE" });
        return [answer.taskDefinitionArns, answer.nextToken];
    });
    const ours = await those(arns, async (taskDefinition) =>
        isOurs((await unlessGone(ecs.describeTaskDefinition({ taskDefinition, include: ["TAGS"] })))?.tags),
    );
    return ours.map((taskDefinition) => one(taskDefinition, () => ecs.deregisterTaskDefinition({ taskDefinition })));
}

/** The ARNs among these that are tagged; ELB tells the tags of twenty at once. */
async function balancedOurs({ elb }: Aws, arns: readonly string[], isOurs: IsOurs): Promise<ReadonlySet<string>> {
    const ours = new Set<string>();
    for (let from = 0; from < arns.length; from += 20) {
        const { TagDescriptions = [] } = await elb.describeTags({ ResourceArns: arns.slice(from, from + 20) });
        TagDescriptions.filter(({ Tags }) => isOurs(Tags)).forEach(({ ResourceArn = "" }) => ours.add(ResourceArn));
    }
    return ours;
}

interface LoadBalancer {
    readonly arn: string;
    readonly dnsName: string;
}

async function loadBalancersOf(aws: Aws, isOurs: IsOurs): Promise<LoadBalancer[]> {
    const list = await all(async (Marker) => {
        const answer = await aws.elb.describeLoadBalancers({ Marker });
        return [answer.LoadBalancers, answer.NextMarker];
    });
    const arns = list.map(({ LoadBalancerArn: arn = "" }) => arn);
    const ours = await balancedOurs(aws, arns, isOurs);
    return list
        .map(({ LoadBalancerArn: arn = "", DNSName: dnsName = "" }) => ({ arn, dnsName }))
        .filter(({ arn }) => ours.has(arn));
}

async function targetGroups(aws: Aws, isOurs: IsOurs): Promise<Found[]> {
    const list = await all(async (Marker) => {
        const answer = await aws.elb.describeTargetGroups({ Marker });
        return [answer.TargetGroups, answer.NextMarker];
    });
    const ours = await balancedOurs(aws, list.map(({ TargetGroupArn: arn = "" }) => arn), isOurs); // prettier-ignore
    return [...ours].map((arn) => one(arn, () => aws.elb.deleteTargetGroup({ TargetGroupArn: arn })));
}

interface Certificate {
    readonly arn: string;
    /** Of the records that prove its names. */
    readonly validation: readonly string[];
}

async function certificatesOf({ acm }: Aws, isOurs: IsOurs): Promise<Certificate[]> {
    const list = await all(async (NextToken) => {
        const answer = await acm.listCertificates({ NextToken });
        return [answer.CertificateSummaryList, answer.NextToken];
    });
    const ours = await those(list, async ({ CertificateArn }) =>
        isOurs((await unlessGone(acm.listTagsForCertificate({ CertificateArn })))?.Tags),
    );
    const certificates: Certificate[] = [];
    for (const { CertificateArn: arn = "" } of ours) {
        const options = (await unlessGone(acm.describeCertificate({ CertificateArn: arn })))?.Certificate;
        const names = (options?.DomainValidationOptions ?? []).map(({ ResourceRecord }) => ResourceRecord?.Name ?? "");
        certificates.push({ arn, validation: names });
    }
    return certificates;
}

/** The run's own names: of its load balancers and certificates, of its tasks, and those by which its certificate is proved. */
async function records(
    { route53 }: Aws,
    { hostedZoneId: HostedZoneId, domain }: Wanted,
    loadBalancers: readonly LoadBalancer[],
    certificates: readonly Certificate[],
): Promise<Found[]> {
    const plain = (name = "") => name.toLowerCase().replace(/\.$/, "");
    const balanced = new Set(loadBalancers.map(({ dnsName }) => plain(dnsName)));
    const proofs = new Set(certificates.flatMap(({ validation }) => validation.map(plain)));
    const isTask = (name: string) => /^[0-9a-f]{32}$/.test(name.slice(0, -domain.length - 1));
    const isBelow = (name: string) => name === plain(domain) || name.endsWith(`.${plain(domain)}`);
    const isOurs = ({ Name, Type, AliasTarget }: ResourceRecordSet): boolean => {
        const name = plain(Name);
        const alias = plain(AliasTarget?.DNSName).replace(/^dualstack\./, "");
        return (
            balanced.has(alias) ||
            (Type === "CNAME" && proofs.has(name)) ||
            (Type === "A" && isBelow(name) && isTask(name)) ||
            (Type === "TXT" && isBelow(name) && name.startsWith("_acme-challenge."))
        );
    };
    const found: ResourceRecordSet[] = [];
    let next: Pick<ResourceRecordSet, "Name" | "Type"> | undefined;
    do {
        const from = { StartRecordName: next?.Name, StartRecordType: next?.Type };
        const answer = await route53.listResourceRecordSets({ HostedZoneId, ...from });
        found.push(...(answer.ResourceRecordSets ?? []).filter(isOurs));
        next = answer.IsTruncated ? { Name: answer.NextRecordName, Type: answer.NextRecordType } : undefined;
    } while (next !== undefined);
    return found.map((ResourceRecordSet) =>
        one(`record ${ResourceRecordSet.Type} ${plain(ResourceRecordSet.Name)}`, () =>
            route53
                .changeResourceRecordSets({
                    HostedZoneId,
                    ChangeBatch: { Changes: [{ Action: "DELETE", ResourceRecordSet }] },
                })
                .catch((error: Error) => {
                    if (error.name !== "InvalidChangeBatch" || !error.message.includes("not found")) {
                        throw error;
                    }
                }),
        ),
    );
}

/** With what the functions of their certificates have made; a secret that waits for its end is ended. */
async function secrets(aws: Aws, { clientConfig }: Wanted, isOurs: IsOurs): Promise<Found[]> {
    const list = await all(async (NextToken) => {
        const answer = await aws.secretsManager.listSecrets({ NextToken, IncludePlannedDeletion: true });
        return [answer.SecretList, answer.NextToken];
    });
    const ours = list.filter(({ Tags }) => isOurs(Tags));
    const names = new Set(ours.map(({ Name = "" }) => Name));
    const clients = {
        ssm: new SSMClient(clientConfig(aws.region)),
        secrets: new SecretsManagerClient(clientConfig(aws.region)),
        acm: (region: string) => new ACMClient(clientConfig(region)),
    };
    const leftovers = names.size === 0 ? [] : await findLeftovers(clients, names);
    return [
        ...leftovers.map((leftover) => one(leftover.name, () => removeLeftover(clients, leftover))),
        ...ours.map(({ ARN: SecretId = "" }) =>
            one(SecretId, () => aws.secretsManager.deleteSecret({ SecretId, ForceDeleteWithoutRecovery: true })),
        ),
    ];
}

async function repositories({ ecr }: Aws, isOurs: IsOurs): Promise<Found[]> {
    const list = await all(async (nextToken) => {
        const answer = await ecr.describeRepositories({ nextToken });
        return [answer.repositories, answer.nextToken];
    });
    const ours = await those(list, async ({ repositoryArn: resourceArn }) =>
        isOurs((await unlessGone(ecr.listTagsForResource({ resourceArn })))?.tags as Tags),
    );
    return ours.map(({ repositoryName, repositoryArn = "" }) =>
        one(repositoryArn, () => ecr.deleteRepository({ repositoryName, force: true })),
    );
}

async function tables({ dynamodb, ...aws }: Aws, isOurs: IsOurs): Promise<Found[]> {
    const names = await all(async (ExclusiveStartTableName) => {
        const answer = await dynamodb.listTables({ ExclusiveStartTableName });
        return [answer.TableNames, answer.LastEvaluatedTableName];
    });
    const arnOf = (name: string) => aws.arn("dynamodb", `table/${name}`);
    const ours = await those(names, async (name) =>
        isOurs((await unlessGone(dynamodb.listTagsOfResource({ ResourceArn: arnOf(name) })))?.Tags),
    );
    return ours.map((TableName) => one(arnOf(TableName), () => dynamodb.deleteTable({ TableName })));
}

async function queues({ sqs }: Aws, isOurs: IsOurs): Promise<Found[]> {
    const urls = await all(async (NextToken) => {
        const answer = await sqs.listQueues({ NextToken, MaxResults: 1000 });
        return [answer.QueueUrls, answer.NextToken];
    });
    const ours = await those(urls, async (QueueUrl) =>
        isOurs((await unlessGone(sqs.listQueueTags({ QueueUrl })))?.Tags),
    );
    return ours.map((QueueUrl) => one(QueueUrl, () => sqs.deleteQueue({ QueueUrl })));
}

async function topics({ sns }: Aws, isOurs: IsOurs): Promise<Found[]> {
    const list = await all(async (NextToken) => {
        const answer = await sns.listTopics({ NextToken });
        return [answer.Topics, answer.NextToken];
    });
    const ours = await those(list, async ({ TopicArn: ResourceArn }) =>
        isOurs((await unlessGone(sns.listTagsForResource({ ResourceArn })))?.Tags),
    );
    return ours.map(({ TopicArn = "" }) => one(TopicArn, () => sns.deleteTopic({ TopicArn })));
}

async function alarms({ cloudwatch }: Aws, isOurs: IsOurs): Promise<Found[]> {
    const list = await all(async (NextToken) => {
        const answer = await cloudwatch.describeAlarms({ NextToken });
        return [answer.MetricAlarms, answer.NextToken];
    });
    const ours = await those(list, async ({ AlarmArn: ResourceARN }) =>
        isOurs((await unlessGone(cloudwatch.listTagsForResource({ ResourceARN })))?.Tags),
    );
    return ours.map(({ AlarmName = "", AlarmArn = "" }) =>
        one(AlarmArn, () => cloudwatch.deleteAlarms({ AlarmNames: [AlarmName] })),
    );
}

async function logGroups({ cloudwatchLogs, ...aws }: Aws, isOurs: IsOurs): Promise<Found[]> {
    const list = await all(async (nextToken) => {
        const answer = await cloudwatchLogs.describeLogGroups({ nextToken });
        return [answer.logGroups, answer.nextToken];
    });
    const arnOf = (name = "") => aws.arn("logs", `log-group:${name}`);
    const ours = await those(list, async ({ logGroupName }) =>
        isOurs((await unlessGone(cloudwatchLogs.listTagsForResource({ resourceArn: arnOf(logGroupName) })))?.tags),
    );
    return ours.map(({ logGroupName }) => one(arnOf(logGroupName), () => cloudwatchLogs.deleteLogGroup({ logGroupName }))); // prettier-ignore
}

async function buckets({ s3 }: Aws, isOurs: IsOurs): Promise<Found[]> {
    const { Buckets = [] } = await s3.listBuckets({});
    const ours = await those(Buckets, async ({ Name: Bucket }) =>
        // One of another region answers with a redirection: it is asked there.
        isOurs((await s3.getBucketTagging({ Bucket }).catch(() => undefined))?.TagSet),
    );
    return ours.map(({ Name: Bucket = "" }) =>
        one(`arn:aws:s3:::${Bucket}`, async () => {
            for (;;) {
                const { Versions = [], DeleteMarkers = [] } = await s3.listObjectVersions({ Bucket });
                const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
                if (Objects.length === 0) {
                    break;
                }
                await s3.deleteObjects({ Bucket, Delete: { Objects } });
            }
            await s3.deleteBucket({ Bucket });
        }),
    );
}

/** From the inside out. */
async function network({ ec2 }: Aws, { value }: Wanted, isOurs: IsOurs): Promise<Found[]> {
    const Filters = [{ Name: `tag:${tagKey}`, Values: [value] }];
    // What goes for good must not hang on whether a filter is understood.
    const ours = <T extends { readonly Tags?: Tag[] }>(some: readonly T[] = []) =>
        some.filter(({ Tags }) => isOurs(Tags));
    const natGateways = ours((await ec2.describeNatGateways({ Filter: Filters })).NatGateways);
    const addresses = ours((await ec2.describeAddresses({ Filters })).Addresses);
    const endpoints = ours((await ec2.describeVpcEndpoints({ Filters })).VpcEndpoints);
    const securityGroups = ours((await ec2.describeSecurityGroups({ Filters })).SecurityGroups);
    const subnets = ours((await ec2.describeSubnets({ Filters })).Subnets);
    const routeTables = ours((await ec2.describeRouteTables({ Filters })).RouteTables);
    const internetGateways = ours((await ec2.describeInternetGateways({ Filters })).InternetGateways);
    const vpcs = ours((await ec2.describeVpcs({ Filters })).Vpcs);
    const isThere = (state: string | undefined) => state !== "deleted" && state !== "deleting";
    return [
        ...natGateways
            .filter(({ State }) => State !== "deleted")
            .map(({ NatGatewayId = "", State }) =>
                one(NatGatewayId, () =>
                    isThere(State)
                        ? ec2.deleteNatGateway({ NatGatewayId })
                        : Promise.reject(new Error("it is being deleted")),
                ),
            ),
        ...addresses.map(({ AllocationId = "" }) => one(AllocationId, () => ec2.releaseAddress({ AllocationId }))),
        ...endpoints
            .filter(({ State }) => isThere(State))
            .map(({ VpcEndpointId = "" }) =>
                one(VpcEndpointId, () => ec2.deleteVpcEndpoints({ VpcEndpointIds: [VpcEndpointId] })),
            ),
        // Groups name each other: first none has rules, then none is named.
        ...securityGroups
            .filter(({ IpPermissions = [] }) => IpPermissions.length > 0)
            .map(({ GroupId = "" }) => one(`${GroupId}'s rules`, () => revokeAll(ec2, GroupId))),
        ...securityGroups.map(({ GroupId = "" }) => one(GroupId, () => ec2.deleteSecurityGroup({ GroupId }))),
        ...subnets.map(({ SubnetId = "" }) => one(SubnetId, () => ec2.deleteSubnet({ SubnetId }))),
        ...routeTables.map(({ RouteTableId = "" }) => one(RouteTableId, () => ec2.deleteRouteTable({ RouteTableId }))),
        ...internetGateways.map(({ InternetGatewayId = "", Attachments = [] }) =>
            one(InternetGatewayId, async () => {
                for (const { VpcId } of Attachments) {
                    await ec2.detachInternetGateway({ InternetGatewayId, VpcId });
                }
                await ec2.deleteInternetGateway({ InternetGatewayId });
            }),
        ),
        ...vpcs.map(({ VpcId = "" }) => one(VpcId, () => ec2.deleteVpc({ VpcId }))),
    ];
}

/** By the rules' ids: what AWS tells of a rule is not always what it knows it by. */
async function revokeAll(ec2: Aws["ec2"], GroupId: string): Promise<unknown> {
    const { SecurityGroupRules = [] } = await ec2.describeSecurityGroupRules({
        Filters: [{ Name: "group-id", Values: [GroupId] }],
    });
    const SecurityGroupRuleIds = SecurityGroupRules.filter(({ IsEgress }) => !IsEgress).map(
        ({ SecurityGroupRuleId = "" }) => SecurityGroupRuleId,
    );
    return ec2.revokeSecurityGroupIngress({ GroupId, SecurityGroupRuleIds });
}
