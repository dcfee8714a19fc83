import { readFileSync } from "node:fs";
import { join } from "node:path";

import { runSimulation } from "@cloud-copilot/iam-simulate";
import { expect } from "chai";

import { root } from "../support/plugin";

const account = "111122223333";
const text = readFileSync(join(root, "docs/ci.md"), "utf8");

/** The policies below a heading, up to the next one. */
function policiesBelow(heading: string): object[] {
    const [, section = ""] = text.split(`### ${heading}\n`);
    const blocks = section.split("\n### ")[0].matchAll(/```json\n([^]+?)```/g);
    return [...blocks].map(([, json]) => JSON.parse(json) as object);
}

const policies = {
    deploy: policiesBelow("Permissions of `taskgate-deploy`"),
    preview: policiesBelow("Permissions of `taskgate-preview`"),
};

type Request = readonly [action: string, resource: string, context?: Record<string, string>];

const nameOf = ([action, resource]: Request) => `${action} ${resource}`;

/** By whom it may be done, of the two. */
async function mayDo(role: keyof typeof policies, [action, resource, context = {}]: Request): Promise<boolean> {
    const result = await runSimulation(
        {
            request: {
                principal: `arn:aws:iam::${account}:role/taskgate-${role}`,
                action,
                resource: { resource, accountId: account },
                contextVariables: { "aws:SecureTransport": "true", "aws:PrincipalAccount": account, ...context },
            },
            identityPolicies: policies[role].map((policy, index) => ({ name: `${role}-${index}`, policy })),
            serviceControlPolicies: [],
            resourceControlPolicies: [],
        },
        {},
    );
    if (result.resultType === "error") {
        throw new Error(`${action} ${resource}: ${JSON.stringify(result.errors)}`);
    }
    return result.overallResult === "Allowed";
}

const arn = (service: string, resource: string): string => `arn:aws:${service}:eu-west-1:${account}:${resource}`;
const role = `arn:aws:iam::${account}:role/tasks-eu-west-1-certificate-renewal-role-0ecf19e`;
const passedTo = (service: string): Request => [
    "iam:PassRole",
    role,
    { "iam:PassedToService": `${service}.amazonaws.com` },
];
const linked = (service: string): Request => [
    "iam:CreateServiceLinkedRole",
    `arn:aws:iam::${account}:role/aws-service-role/${service}/AWSServiceRoleFor`,
    { "iam:AWSServiceName": service },
];

/** What the stack asks for from its first `up` on a fresh account to its `destroy`, one row for each kind of thing. */
const asked: Request[] = [
    linked("ecs.amazonaws.com"),
    ["lambda:TagResource", arn("lambda", "event-source-mapping:6a1b2c3d-0000-0000-0000-000000000000")],
    ["lambda:CreateEventSourceMapping", "*"],
    ["lambda:CreateFunction", arn("lambda", "function:tasks-eu-west-1-dns-sync-dbb9c69")],
    ["lambda:InvokeFunction", arn("lambda", "function:tasks-eu-west-1-dns-sync-dbb9c69")],
    ["lambda:DeleteFunction", arn("lambda", "function:tasks-eu-west-1-dns-sync-dbb9c69")],
    ["cloudwatch:DescribeAlarms", "*"],
    ["cloudwatch:PutMetricAlarm", arn("cloudwatch", "alarm:tasks-eu-west-1-dns-sync-errors-1a2b3c4")],
    ["cloudwatch:DeleteAlarms", arn("cloudwatch", "alarm:tasks-eu-west-1-dns-sync-errors-1a2b3c4")],
    ["dynamodb:CreateTable", arn("dynamodb", "table/tasks-eu-west-1-dns-registry-1a2b3c4")],
    ["dynamodb:DeleteTable", arn("dynamodb", "table/tasks-eu-west-1-dns-registry-1a2b3c4")],
    ["ecs:CreateCluster", "*"],
    ["ecs:PutClusterCapacityProviders", arn("ecs", "cluster/tasks-eu-west-1-cluster-3cd0456")],
    ["ecs:RegisterTaskDefinition", "*"],
    ["ecs:DeregisterTaskDefinition", "*"],
    ["ecs:CreateService", arn("ecs", "service/tasks-eu-west-1-cluster-3cd0456/tasks-eu-west-1-task-service-1")],
    ["ecs:TagResource", arn("ecs", "task-definition/tasks-eu-west-1-task:1")],
    ["ecs:DeleteCluster", arn("ecs", "cluster/tasks-eu-west-1-cluster-3cd0456")],
    ["ec2:CreateVpc", arn("ec2", "vpc/*")],
    ["ec2:CreateTags", arn("ec2", "vpc/vpc-1")],
    ["ec2:ModifySubnetAttribute", arn("ec2", "subnet/subnet-1")],
    ["ec2:AttachInternetGateway", arn("ec2", "internet-gateway/igw-1")],
    ["ec2:AssociateRouteTable", arn("ec2", "route-table/rtb-1")],
    ["ec2:AuthorizeSecurityGroupIngress", arn("ec2", "security-group/sg-1")],
    ["ec2:RevokeSecurityGroupEgress", arn("ec2", "security-group/sg-1")],
    ["ec2:DescribeNetworkInterfaces", "*"],
    ["events:PutRule", arn("events", "rule/tasks-eu-west-1-dns-rule-1a2b3c4")],
    ["events:PutTargets", arn("events", "rule/tasks-eu-west-1-dns-rule-1a2b3c4")],
    [
        "scheduler:CreateSchedule",
        arn("scheduler", "schedule/default/tasks-eu-west-1-certificate-renewal-0ecf19e-12345678"),
    ],
    ["sqs:CreateQueue", arn("sqs", "tasks-eu-west-1-dns-queue-1a2b3c4")],
    ["sns:CreateTopic", arn("sns", "tasks-eu-west-1-certificate-alerts-8f08d7e")],
    ["secretsmanager:CreateSecret", arn("secretsmanager", "secret:tasks-eu-west-1-certificate-secret-2c61ded-AbCdEf")],
    ["s3:CreateBucket", "arn:aws:s3:::tasks-eu-west-1-certificate-history-3f14a97"],
    ["s3:DeleteObjectVersion", "arn:aws:s3:::tasks-eu-west-1-certificate-history-3f14a97/a.pem"],
    ["logs:CreateLogGroup", arn("logs", "log-group:tasks-eu-west-1-task-logs-d64b5b0")],
    ["logs:DescribeLogGroups", "*"],
    ["iam:CreateRole", role],
    ["iam:PutRolePolicy", role],
    ["iam:DeleteRole", role],
    passedTo("lambda"),
    passedTo("ecs-tasks"),
    passedTo("scheduler"),
    ["route53:GetHostedZone", "arn:aws:route53:::hostedzone/Z123"],
    ["s3:PutObject", "arn:aws:s3:::example-pulumi-state/.pulumi/stacks/taskgate/prod.json"],
];

/** What neither may: the key of a certificate, others' roles and things, and more than the stack is about. */
const refused: Request[] = [
    [
        "secretsmanager:GetSecretValue",
        arn("secretsmanager", "secret:tasks-eu-west-1-certificate-secret-2c61ded-AbCdEf"),
    ],
    ["iam:CreateRole", `arn:aws:iam::${account}:role/admin`],
    ["iam:PassRole", role, { "iam:PassedToService": "ec2.amazonaws.com" }],
    ["iam:PassRole", `arn:aws:iam::${account}:role/admin`, { "iam:PassedToService": "lambda.amazonaws.com" }],
    ["iam:CreateUser", `arn:aws:iam::${account}:user/me`],
    linked("ec2.amazonaws.com"),
    ["lambda:UpdateFunctionCode", arn("lambda", "function:others")],
    ["lambda:TagResource", arn("lambda", "function:others")],
    ["dynamodb:DeleteTable", arn("dynamodb", "table/others")],
    ["s3:DeleteBucket", "arn:aws:s3:::others"],
    ["ec2:RunInstances", arn("ec2", "instance/*")],
    ["route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/Z123"],
];

describe("the roles of docs/ci.md", () => {
    it("let the stack be deployed on a fresh account, changed and destroyed", async () => {
        for (const request of asked) {
            expect(await mayDo("deploy", request), nameOf(request)).to.equal(true);
        }
    });

    it("let nothing be done beyond the stack", async () => {
        for (const request of refused) {
            expect(await mayDo("deploy", request), nameOf(request)).to.equal(false);
            expect(await mayDo("preview", request), nameOf(request)).to.equal(false);
        }
    });

    it("let a preview read the state and the zone, and change nothing but the state's lock", async () => {
        const reads: Request[] = [
            ["s3:GetObject", "arn:aws:s3:::example-pulumi-state/.pulumi/stacks/taskgate/dev.json"],
            ["s3:PutObject", "arn:aws:s3:::example-pulumi-state/.pulumi/locks/taskgate/dev/1.json"],
            ["route53:GetHostedZone", "arn:aws:route53:::hostedzone/Z123"],
            ["route53:ListHostedZones", "*"],
            ["route53:ListTagsForResource", "arn:aws:route53:::hostedzone/Z123"],
            ["ec2:DescribeAvailabilityZones", "*"],
        ];
        for (const request of reads) {
            expect(await mayDo("preview", request), request[0]).to.equal(true);
        }
        const writes = asked.filter(([action]) => !/:(Describe|Get|List)/.test(action));
        for (const request of writes) {
            expect(await mayDo("preview", request), nameOf(request)).to.equal(false);
        }
    });
});
