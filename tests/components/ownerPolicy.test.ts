import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";

import { OwnedService, ownerPolicy, OwnerPolicyArgs } from "../../components";
import { isAllowed, Need } from "../support/iam";
import { accountId, record, region, valueOf } from "../support/mocks";

const arn = (service: string, resource: string): string => `arn:aws:${service}:${region}:${accountId}:${resource}`;

async function documentOf(args: OwnerPolicyArgs = {}): Promise<{ Statement: object[] }> {
    const { result } = await record(() => ownerPolicy(args));
    return JSON.parse(await valueOf(result)) as { Statement: object[] };
}

describe("ownerPolicy", () => {
    it("is exactly this for ECS, of an owner that the role's own tag names", async () => {
        const own = "${aws:PrincipalTag/owner}";
        const arns = (...kinds: string[]): string[] => kinds.map((kind) => `arn:aws:ecs:*:*:${kind}/*`);
        const roleArns = [
            `arn:aws:iam::${accountId}:role/app`,
            pulumi.output(`arn:aws:iam::${accountId}:role/execution`),
        ];
        expect(
            await documentOf({ services: [OwnedService.Ecs], requiredTags: ["cost-centre"], roleArns }),
        ).to.deep.equal({
            Version: "2012-10-17",
            Statement: [
                {
                    Sid: "MakeForEcs",
                    Effect: "Allow",
                    Action: ["ecs:CreateCluster", "ecs:CreateService", "ecs:RegisterTaskDefinition"],
                    Resource: arns("cluster", "service", "task-definition"),
                    Condition: {
                        StringEquals: { "aws:RequestTag/owner": own },
                        Null: { "aws:RequestTag/cost-centre": "false" },
                    },
                },
                {
                    Sid: "RunOwnTasks",
                    Effect: "Allow",
                    Action: "ecs:RunTask",
                    Resource: arns("task-definition"),
                    Condition: {
                        StringEquals: { "aws:RequestTag/owner": own, "aws:ResourceTag/owner": own },
                        Null: { "aws:RequestTag/cost-centre": "false" },
                    },
                },
                {
                    Sid: "TagForEcs",
                    Effect: "Allow",
                    Action: "ecs:TagResource",
                    Resource: arns("cluster", "service", "task-definition", "task"),
                    Condition: {
                        StringEquals: {
                            "ecs:CreateAction": ["CreateCluster", "CreateService", "RegisterTaskDefinition", "RunTask"],
                            "aws:RequestTag/owner": own,
                        },
                    },
                },
                {
                    Sid: "EndOwnOfEcs",
                    Effect: "Allow",
                    Action: [
                        ...["ecs:DeleteCluster", "ecs:DeleteService", "ecs:DeleteTaskDefinitions", "ecs:StopTask"],
                        ...["ecs:UpdateCluster", "ecs:UpdateService"],
                    ],
                    Resource: arns("cluster", "service", "task-definition", "task"),
                    Condition: { StringEquals: { "aws:ResourceTag/owner": own } },
                },
                {
                    Sid: "GiveTasksTheirRoles",
                    Effect: "Allow",
                    Action: "iam:PassRole",
                    Resource: [`arn:aws:iam::${accountId}:role/app`, `arn:aws:iam::${accountId}:role/execution`],
                    Condition: { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
                },
            ],
        });
    });

    it("is of the partition, the VPCs, the tag and the owner that are given", async () => {
        const { Statement } = await documentOf({
            ...{ tagKey: "team", owner: pulumi.output("red"), services: [OwnedService.SecurityGroups] },
            ...{ vpcIds: ["vpc-1"], partition: "aws-cn" },
        });
        const groups = "arn:aws-cn:ec2:*:*:security-group/*";
        expect(Statement.slice(0, 2)).to.deep.equal([
            {
                Sid: "MakeSecurityGroups",
                Effect: "Allow",
                Action: "ec2:CreateSecurityGroup",
                Resource: [groups],
                Condition: { StringEquals: { "aws:RequestTag/team": "red" } },
            },
            {
                Sid: "MakeThemInVpcs",
                Effect: "Allow",
                Action: "ec2:CreateSecurityGroup",
                Resource: ["arn:aws-cn:ec2:*:*:vpc/vpc-1"],
            },
        ]);
    });

    it("fits into a managed policy with all services", async () => {
        expect(JSON.stringify(await documentOf({ requiredTags: ["cost-centre"] })).length).to.be.below(6144);
    });

    it("refuses what is none of its words, all at once", async () => {
        const wrong = {
            tagKey: "aws:owner",
            services: ["s3" as OwnedService],
            vpcIds: ["subnet-1"],
            roleArns: ["app"],
        };
        const { result } = await record(() => {
            try {
                ownerPolicy(wrong);
            } catch (error) {
                return error;
            }
            return undefined;
        });
        const { errors = [] } = result as pulumi.InputPropertiesError;
        expect(Object.fromEntries(errors.map(({ propertyPath, reason }) => [propertyPath, reason]))).to.deep.equal({
            tagKey: "begins with aws:, which AWS keeps for itself: give the tag another name",
            "services[0]": '"s3" is not one of ecs, security-groups, load-balancing, secrets',
            "vpcIds[0]": '"subnet-1" is not the id of a VPC, e.g. vpc-0123456789abcdef0',
            "roleArns[0]": '"app" is not the ARN of an IAM role, e.g. arn:aws:iam::111122223333:role/apps',
        });
    });

    describe("as IAM evaluates it", () => {
        const roleArns = [`arn:aws:iam::${accountId}:role/app`];
        let policy: object;

        before(async () => {
            policy = await documentOf({ requiredTags: ["cost-centre"], vpcIds: ["vpc-1"], roleArns });
        });

        /** Whether the red team may. */
        const may = (action: string, resource: string, context: Need["context"] = {}): Promise<boolean> =>
            isAllowed([policy], { action, resource, context: { "aws:PrincipalTag/owner": "red", ...context } });
        const tagged = {
            "aws:RequestTag/owner": "red",
            "aws:RequestTag/cost-centre": "17",
            "aws:TagKeys": ["owner", "cost-centre"],
        };
        const of = (owner: string) => ({ "aws:ResourceTag/owner": owner });

        /** What is made, by which action, and by what it is told that a tag is given while it is. */
        const made = [
            ["ecs:CreateCluster", arn("ecs", "cluster/c")],
            ["ecs:CreateService", arn("ecs", "service/c/s")],
            ["ecs:RegisterTaskDefinition", arn("ecs", "task-definition/d:1")],
            ["ecs:RunTask", arn("ecs", "task-definition/d:1"), "in its own"],
            ["ec2:CreateSecurityGroup", arn("ec2", "security-group/sg-1")],
            ["ec2:AuthorizeSecurityGroupIngress", arn("ec2", "security-group-rule/sgr-1")],
            ["ec2:AuthorizeSecurityGroupEgress", arn("ec2", "security-group-rule/sgr-1")],
            ["elasticloadbalancing:CreateLoadBalancer", arn("elasticloadbalancing", "loadbalancer/app/l/1")],
            ["elasticloadbalancing:CreateTargetGroup", arn("elasticloadbalancing", "targetgroup/t/1")],
            ["elasticloadbalancing:CreateListener", arn("elasticloadbalancing", "loadbalancer/app/l/1"), "in its own"],
            ["elasticloadbalancing:CreateRule", arn("elasticloadbalancing", "listener/app/l/1/2"), "in its own"],
            ["secretsmanager:CreateSecret", arn("secretsmanager", "secret:s-AbCdEf")],
        ];

        for (const [action, resource, inOwn] of made) {
            it(`lets ${action} be with the owner's tag and those that are required, and not without`, async () => {
                const where = inOwn === undefined ? {} : of("red");
                expect(await may(action, resource, { ...tagged, ...where })).to.equal(true);
                expect(await may(action, resource, { ...tagged, ...where, "aws:RequestTag/owner": "blue" })).to.equal(
                    false,
                );
                expect(await may(action, resource, where)).to.equal(false);
                const { "aws:RequestTag/cost-centre": left, ...without } = tagged;
                expect([left, await may(action, resource, { ...without, ...where })]).to.deep.equal(["17", false]);
                if (inOwn !== undefined) {
                    expect(await may(action, resource, { ...tagged, ...of("blue") })).to.equal(false);
                    expect(await may(action, resource, tagged)).to.equal(false);
                }
            });
        }

        it("lets security groups be made in the VPCs that are given", async () => {
            expect(await may("ec2:CreateSecurityGroup", arn("ec2", "vpc/vpc-1"))).to.equal(true);
            expect(await may("ec2:CreateSecurityGroup", arn("ec2", "vpc/vpc-2"))).to.equal(false);
        });

        const tags = [
            ...[
                ["CreateCluster", "cluster/c"],
                ["CreateService", "service/c/s"],
                ["RegisterTaskDefinition", "task-definition/d:1"],
                ["RunTask", "task/c/t"],
            ].map(([by, made]) => ["ecs:TagResource", arn("ecs", made), "ecs:CreateAction", by]),
            ...[
                ["CreateSecurityGroup", "security-group/sg-1"],
                ["AuthorizeSecurityGroupIngress", "security-group-rule/sgr-1"],
                ["AuthorizeSecurityGroupEgress", "security-group-rule/sgr-2"],
            ].map(([by, made]) => ["ec2:CreateTags", arn("ec2", made), "ec2:CreateAction", by]),
            // The simulator knows the action for load balancers alone.
            ...["CreateLoadBalancer", "CreateListener", "CreateRule", "CreateTargetGroup"].map((by) => [
                ...["elasticloadbalancing:AddTags", arn("elasticloadbalancing", "loadbalancer/app/l/1")],
                ...["elasticloadbalancing:CreateAction", by],
            ]),
        ];
        for (const [action, resource, key, by] of tags) {
            it(`lets ${action} be of ${resource.split(":")[5]} while ${by} makes it, and never again, not even by its owner`, async () => {
                expect(await may(action, resource, { ...tagged, [key]: by })).to.equal(true);
                expect(await may(action, resource, { ...tagged, [key]: by, "aws:RequestTag/owner": "blue" })).to.equal(
                    false,
                );
                expect(await may(action, resource, tagged)).to.equal(false);
                expect(await may(action, resource, { ...tagged, ...of("red") })).to.equal(false);
            });
        }

        it("lets secrets be tagged as one's own, and nobody's be taken", async () => {
            const [action, secret] = ["secretsmanager:TagResource", arn("secretsmanager", "secret:s-AbCdEf")];
            expect(await may(action, secret, tagged)).to.equal(true); // while it is made: it has none yet
            expect(await may(action, secret, { ...tagged, ...of("red") })).to.equal(true);
            expect(await may(action, secret, { ...tagged, ...of("blue") })).to.equal(false);
            expect(await may(action, secret, { ...of("red"), "aws:RequestTag/owner": "blue" })).to.equal(false);
        });

        it("lets no tag be taken away", async () => {
            for (const [action, resource] of [
                ["ecs:UntagResource", arn("ecs", "task/c/t")],
                ["ec2:DeleteTags", arn("ec2", "security-group/sg-1")],
                ["elasticloadbalancing:RemoveTags", arn("elasticloadbalancing", "loadbalancer/app/l/1")],
                ["secretsmanager:UntagResource", arn("secretsmanager", "secret:s-AbCdEf")],
            ]) {
                expect(await may(action, resource, of("red")), action).to.equal(false);
            }
        });

        const ended = [
            ["ecs:StopTask", arn("ecs", "task/c/t")],
            ["ecs:UpdateService", arn("ecs", "service/c/s")],
            ["ecs:DeleteService", arn("ecs", "service/c/s")],
            ["ecs:UpdateCluster", arn("ecs", "cluster/c")],
            ["ecs:DeleteCluster", arn("ecs", "cluster/c")],
            ["ecs:DeleteTaskDefinitions", arn("ecs", "task-definition/d:1")],
            ["ec2:AuthorizeSecurityGroupIngress", arn("ec2", "security-group/sg-1")],
            ["ec2:AuthorizeSecurityGroupEgress", arn("ec2", "security-group/sg-1")],
            ["ec2:RevokeSecurityGroupIngress", arn("ec2", "security-group/sg-1")],
            ["ec2:RevokeSecurityGroupEgress", arn("ec2", "security-group/sg-1")],
            ["ec2:ModifySecurityGroupRules", arn("ec2", "security-group-rule/sgr-1")],
            ["ec2:DeleteSecurityGroup", arn("ec2", "security-group/sg-1")],
            ...["DeleteLoadBalancer", "ModifyLoadBalancerAttributes", "SetSecurityGroups", "SetSubnets"].map(
                (action) => [`elasticloadbalancing:${action}`, arn("elasticloadbalancing", "loadbalancer/app/l/1")],
            ),
            ...["DeleteListener", "ModifyListener"].map((action) => [
                `elasticloadbalancing:${action}`,
                arn("elasticloadbalancing", "listener/app/l/1/2"),
            ]),
            ...["DeleteRule", "ModifyRule"].map((action) => [
                `elasticloadbalancing:${action}`,
                arn("elasticloadbalancing", "listener-rule/app/l/1/2/3"),
            ]),
            ...[
                ...["DeleteTargetGroup", "DeregisterTargets", "ModifyTargetGroup"],
                ...["ModifyTargetGroupAttributes", "RegisterTargets"],
            ].map((action) => [`elasticloadbalancing:${action}`, arn("elasticloadbalancing", "targetgroup/t/1")]),
            ...["DeleteSecret", "PutSecretValue", "RestoreSecret", "UpdateSecret"].map((action) => [
                `secretsmanager:${action}`,
                arn("secretsmanager", "secret:s-AbCdEf"),
            ]),
        ];
        for (const [action, resource] of ended) {
            it(`lets ${action} be by the owner, and by nobody else`, async () => {
                expect(await may(action, resource, of("red"))).to.equal(true);
                expect(await may(action, resource, of("blue"))).to.equal(false);
                expect(await may(action, resource)).to.equal(false);
                const byNobody = { action, resource, context: of("${aws:PrincipalTag/owner}") };
                expect(await isAllowed([policy], byNobody)).to.equal(false);
            });
        }

        it("is tried with each action that it has", () => {
            const { Statement } = policy as { readonly Statement: readonly { readonly Action: string | string[] }[] };
            const tried = [...made, ...tags, ...ended].map(([action]) => action);
            expect(new Set(Statement.flatMap(({ Action }) => Action))).to.deep.equal(
                new Set([...tried, "secretsmanager:TagResource", "iam:PassRole"]), // above, and below
            );
        });

        it("lets tasks be given their roles, other services none, and secrets not be read", async () => {
            const to = (service: string) => ({ "iam:PassedToService": service });
            expect(await may("iam:PassRole", roleArns[0], to("ecs-tasks.amazonaws.com"))).to.equal(true);
            expect(await may("iam:PassRole", roleArns[0], to("ec2.amazonaws.com"))).to.equal(false);
            const admin = `arn:aws:iam::${accountId}:role/admin`;
            expect(await may("iam:PassRole", admin, to("ecs-tasks.amazonaws.com"))).to.equal(false);
            const secret = arn("secretsmanager", "secret:s-AbCdEf");
            expect(await may("secretsmanager:GetSecretValue", secret, of("red"))).to.equal(false);
        });
    });
});
