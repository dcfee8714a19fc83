import type { GetPolicyDocumentArgs } from "@pulumi/aws/iam/getPolicyDocument";
import type { Aws } from "./sdk";
import type { Properties } from "./values";

/** Data sources, by token. Their answers have the names of @pulumi/aws. */
export const invokes: Readonly<Record<string, (aws: Aws, args: Properties) => Promise<Properties>>> = {
    "aws:index/getRegion:getRegion": ({ region }) =>
        Promise.resolve({
            id: region,
            name: region,
            region,
            endpoint: `ec2.${region}.amazonaws.com`,
            description: region,
        }),

    "aws:index/getPartition:getPartition": () =>
        Promise.resolve({
            id: "aws",
            partition: "aws",
            dnsSuffix: "amazonaws.com",
            reverseDnsPrefix: "com.amazonaws",
        }),

    "aws:index/getCallerIdentity:getCallerIdentity": async (aws) => {
        const { Account, Arn, UserId } = await aws.sts.getCallerIdentity({});
        return { id: Account, accountId: Account, arn: Arn, userId: UserId };
    },

    "aws:index/getAvailabilityZones:getAvailabilityZones": async (aws, args) => {
        const { AvailabilityZones = [] } = await aws.ec2.describeAvailabilityZones({});
        const zones = AvailabilityZones.filter((zone) => args.state === undefined || zone.State === args.state).sort(
            (a, b) => (a.ZoneName! < b.ZoneName! ? -1 : 1),
        );
        return {
            id: aws.region,
            region: aws.region,
            names: zones.map((zone) => zone.ZoneName),
            zoneIds: zones.map((zone) => zone.ZoneId),
            groupNames: [aws.region],
        };
    },

    "aws:ecr/getAuthorizationToken:getAuthorizationToken": async (aws, { registryId }) => {
        const { authorizationData = [] } = await aws.ecr.getAuthorizationToken({});
        const { authorizationToken = "", expiresAt, proxyEndpoint } = authorizationData[0];
        const [userName, password] = Buffer.from(authorizationToken, "base64").toString().split(":");
        return {
            ...{
                id: aws.region,
                region: aws.region,
                registryId,
                authorizationToken,
                userName,
                password,
                proxyEndpoint,
            },
            expiresAt: expiresAt?.toISOString(),
        };
    },

    "aws:route53/getZone:getZone": async (aws, args) => {
        const id = typeof args.zoneId === "string" ? args.zoneId : await findZone(aws, args);
        const { HostedZone: zone, DelegationSet } = await aws.route53
            .getHostedZone({ Id: id })
            .catch((error: Error) => fail(`reading Route 53 Hosted Zone (${id}): ${error.name}: ${error.message}`));
        const nameServers = DelegationSet?.NameServers ?? [];
        const zoneId = zone!.Id!.replace("/hostedzone/", "");
        return {
            id: zoneId,
            zoneId,
            arn: `arn:aws:route53:::hostedzone/${zoneId}`,
            name: withoutDot(zone?.Name),
            callerReference: zone?.CallerReference,
            comment: zone?.Config?.Comment ?? "",
            privateZone: zone?.Config?.PrivateZone ?? false,
            resourceRecordSetCount: zone?.ResourceRecordSetCount ?? 0,
            nameServers,
            primaryNameServer: nameServers[0] ?? "",
            tags: {},
        };
    },

    "aws:lb/getLoadBalancer:getLoadBalancer": async (aws, { arn, name }) => {
        const { LoadBalancers = [] } = await aws.elb.describeLoadBalancers(
            typeof arn === "string" ? { LoadBalancerArns: [arn] } : { Names: [String(name)] },
        );
        const balancer = onlyOne("ELBv2 Load Balancer", LoadBalancers);
        return {
            id: balancer.LoadBalancerArn,
            arn: balancer.LoadBalancerArn,
            arnSuffix: balancer.LoadBalancerArn?.split(":loadbalancer/")[1],
            name: balancer.LoadBalancerName,
            dnsName: balancer.DNSName,
            zoneId: balancer.CanonicalHostedZoneId,
            internal: balancer.Scheme === "internal",
            loadBalancerType: balancer.Type,
            securityGroups: balancer.SecurityGroups ?? [],
            subnets: (balancer.AvailabilityZones ?? []).map(({ SubnetId }) => SubnetId),
            vpcId: balancer.VpcId,
        };
    },

    "aws:ec2/getVpc:getVpc": async (aws, args) => {
        const { Vpcs = [] } = await aws.ec2.describeVpcs({
            VpcIds: typeof args.id === "string" ? [args.id] : undefined,
            Filters: [
                ...filters(args),
                ...(args.default === undefined
                    ? []
                    : [{ Name: "is-default", Values: [args.default ? "true" : "false"] }]),
                ...(args.cidrBlock === undefined ? [] : [{ Name: "cidr", Values: [args.cidrBlock as string] }]),
            ],
        });
        const vpc = onlyOne("EC2 VPC", Vpcs);
        return {
            id: vpc.VpcId,
            arn: aws.arn("ec2", `vpc/${vpc.VpcId}`),
            cidrBlock: vpc.CidrBlock,
            default: vpc.IsDefault ?? false,
            dhcpOptionsId: vpc.DhcpOptionsId,
            instanceTenancy: vpc.InstanceTenancy,
            ownerId: vpc.OwnerId,
            region: aws.region,
            state: vpc.State,
            tags: tags(vpc.Tags),
        };
    },

    "aws:ec2/getSubnets:getSubnets": async (aws, args) => {
        const { Subnets = [] } = await aws.ec2.describeSubnets({ Filters: filters(args) });
        const ids = Subnets.map((subnet) => subnet.SubnetId!).sort();
        return { id: aws.region, ids, region: aws.region, tags: args.tags ?? {} };
    },

    "aws:iam/getPolicyDocument:getPolicyDocument": (_, args) => {
        const document = policyDocument(args);
        return Promise.resolve({
            id: String(document.Version),
            json: JSON.stringify(document, undefined, 2),
            minifiedJson: JSON.stringify(document),
        });
    },
};

async function findZone(aws: Aws, args: Properties): Promise<string> {
    const name = withoutDot(args.name as string);
    const wantsPrivate = args.privateZone === true;
    const matches = [];
    let Marker: string | undefined;
    do {
        const page = await aws.route53.listHostedZones({ Marker });
        matches.push(
            ...(page.HostedZones ?? []).filter(
                (zone) => withoutDot(zone.Name) === name && (zone.Config?.PrivateZone ?? false) === wantsPrivate,
            ),
        );
        Marker = page.NextMarker;
    } while (Marker !== undefined);
    return onlyOne("Route 53 Hosted Zone", matches).Id!.replace("/hostedzone/", "");
}

function onlyOne<T>(what: string, matches: readonly T[]): T {
    if (matches.length === 0) {
        return fail(`no matching ${what} found`);
    }
    if (matches.length > 1) {
        return fail(`multiple ${what}s matched; use additional constraints to reduce matches to a single ${what}`);
    }
    return matches[0];
}

function fail(message: string): never {
    throw new Error(message);
}

function withoutDot(name = ""): string {
    return name.replace(/\.$/, "");
}

function filters(args: Properties): { Name: string; Values: string[] }[] {
    const given = (args.filters ?? []) as { name: string; values: string[] }[];
    const byTag = Object.entries((args.tags ?? {}) as Record<string, string>);
    return [
        ...given.map(({ name, values }) => ({ Name: name, Values: values })),
        ...byTag.map(([key, value]) => ({ Name: `tag:${key}`, Values: [value] })),
    ];
}

function tags(list: readonly { Key?: string; Value?: string }[] = []): Record<string, string> {
    return Object.fromEntries(list.map(({ Key, Value }) => [Key!, Value!]));
}

/** Built the way the real data source does: single values bare, `&{…}` for IAM's own variables. */
function policyDocument(args: GetPolicyDocumentArgs): Properties {
    if (args.sourcePolicyDocuments ?? args.overridePolicyDocuments) {
        fail("getPolicyDocument: the local system does not merge policy documents; put the statements into one");
    }
    const Statement = (args.statements ?? []).map((statement) => ({
        Sid: statement.sid,
        Effect: statement.effect ?? "Allow",
        Action: oneOrMany(statement.actions),
        NotAction: oneOrMany(statement.notActions),
        Resource: oneOrMany(statement.resources),
        NotResource: oneOrMany(statement.notResources),
        Principal: principals(statement.principals),
        NotPrincipal: principals(statement.notPrincipals),
        Condition: conditions(statement.conditions),
    }));
    return { Version: args.version ?? "2012-10-17", Id: args.policyId, Statement };
}

function oneOrMany(values: readonly string[] = []): string | string[] | undefined {
    const texts = values.map((value) => value.replaceAll("&{", "${"));
    return texts.length > 1 ? texts : texts[0];
}

function principals(list: readonly { type: string; identifiers: string[] }[] = []) {
    if (list.length === 0) {
        return undefined;
    }
    const [{ type, identifiers }] = list;
    return type === "*" && identifiers[0] === "*"
        ? "*"
        : Object.fromEntries(list.map((principal) => [principal.type, oneOrMany(principal.identifiers)]));
}

function conditions(list: readonly { test: string; variable: string; values: string[] }[] = []) {
    const byTest: Record<string, Record<string, string | string[] | undefined>> = {};
    for (const { test, variable, values } of list) {
        byTest[test] = { ...byTest[test], [variable]: oneOrMany(values) };
    }
    return list.length > 0 ? byTest : undefined;
}
