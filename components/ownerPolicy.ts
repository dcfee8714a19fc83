import * as pulumi from "@pulumi/pulumi";

import { brings, givesTasksRoles, ofOwner, taggedAtCreation, Tags, tagsOf } from "./internal/ownership";
import { policyDocument, Statement } from "./internal/policies";
import { arnKinds, arnReason, choiceReason, idReason, policyTagKeyReason, tagKeyReason } from "./internal/rules";
import { ArgumentRules, choice, judged, list, plain, text } from "./internal/validation";

/** A service whose resources an owner's policy is about. */
export const OwnedService = {
    /** Clusters, services, task definitions and tasks of ECS. */
    Ecs: "ecs",
    /** Security groups of EC2 and their rules. */
    SecurityGroups: "security-groups",
    /** Load balancers, listeners, their rules, and target groups. */
    LoadBalancing: "load-balancing",
    /** Secrets of Secrets Manager. */
    Secrets: "secrets",
} as const;
export type OwnedService = (typeof OwnedService)[keyof typeof OwnedService];

/** Arguments of {@link ownerPolicy}. */
export interface OwnerPolicyArgs {
    /**
     * Key of the tag that says whose something is.
     * @default "owner"
     */
    readonly tagKey?: string;
    /**
     * Whose it is: the tag's value.
     * @default the value that the role has that the policy is for: `${aws:PrincipalTag/<tagKey>}`
     */
    readonly owner?: pulumi.Input<string>;
    /**
     * Keys of the tags without which nothing is made, beside the owner's.
     * @default none
     */
    readonly requiredTags?: readonly string[];
    /**
     * The services that it is about.
     * @default all
     */
    readonly services?: readonly OwnedService[];
    /**
     * Ids of the VPCs in which security groups may be made.
     * @default none
     */
    readonly vpcIds?: pulumi.Input<pulumi.Input<string>[]>;
    /**
     * ARNs of the roles that tasks may be given, their own and ECS's.
     * @default none
     */
    readonly roleArns?: pulumi.Input<pulumi.Input<string>[]>;
    /**
     * The partition of AWS, such as `aws-cn`.
     * @default "aws"
     */
    readonly partition?: pulumi.Input<string>;
}

/**
 * A policy of IAM, as JSON, for a deployer or a back end: what it may make only with its owner's tag, tag only while it is made, and change, stop and
 * delete only where it is the owner's. It allows nothing else; reading (`Describe…`, `List…`) is given beside it.
 *
 * The condition keys are those of the service authorization reference (docs.aws.amazon.com/service-authorization). Secrets Manager has none that tells
 * a tag at creation from a later one: there the owner may tag what is the owner's, or has no owner yet, and always as the owner's.
 *
 * @throws pulumi.InputPropertiesError naming every refused argument
 */
export function ownerPolicy(args: OwnerPolicyArgs = {}): pulumi.Output<string> {
    const {
        tagKey = "owner",
        requiredTags = [],
        services = Object.values(OwnedService),
        ...inputs
    } = judged("ownerPolicy", args.tagKey ?? "owner", args, ownerPolicyArguments);
    return pulumi
        .output({ owner: `\${aws:PrincipalTag/${tagKey}}`, vpcIds: [], roleArns: [], partition: "aws", ...inputs })
        .apply(({ owner, partition, ...given }) => {
            const whose: Whose = {
                ...given,
                owned: { [tagKey]: owner },
                required: requiredTags,
                arn: (service, ...resources) =>
                    resources.map((resource) => `arn:${partition}:${service}:*:*:${resource}`),
            };
            return policyDocument(services.flatMap((service) => statementsOf[service](whose)));
        });
}

/** What is judged before anything is made. */
export const ownerPolicyArguments: ArgumentRules<OwnerPolicyArgs> = {
    name: () => undefined,
    rules: {
        tagKey: plain(text((value) => tagKeyReason(value) ?? policyTagKeyReason(value))),
        owner: text(),
        requiredTags: plain(
            list(
                text((value) => tagKeyReason(value) ?? policyTagKeyReason(value)),
                { unique: true },
            ),
        ),
        services: plain(list(choice(OwnedService), { least: 1, unique: true })),
        vpcIds: list(
            text((value) => idReason(value, "vpc", "VPC")),
            { unique: true },
        ),
        roleArns: list(
            text((value) => arnReason(value, arnKinds.role)),
            { unique: true },
        ),
        partition: text((value) => choiceReason(value, ["aws", "aws-cn", "aws-us-gov"])),
    },
};

interface Whose {
    readonly owned: Tags;
    readonly required: readonly string[];
    readonly vpcIds: readonly string[];
    readonly roleArns: readonly string[];
    readonly arn: (service: string, ...resources: readonly string[]) => string[];
}

/** Made with the owner's tag and the others that are required. */
function madeAsOwn(
    Sid: string,
    Action: Statement["Action"],
    Resource: string[],
    { owned, required }: Whose,
): Statement {
    return {
        ...{ Sid, Effect: "Allow", Action, Resource },
        Condition: {
            StringEquals: tagsOf("RequestTag", owned),
            ...(required.length > 0 && { Null: brings(required) }),
        },
    };
}

/** Made in, or from, what is the owner's already. */
function madeInOwn(Sid: string, Action: Statement["Action"], Resource: string[], whose: Whose): Statement {
    const { Condition, ...made } = madeAsOwn(Sid, Action, Resource, whose);
    const StringEquals = { ...Condition!.StringEquals, ...tagsOf("ResourceTag", whose.owned) };
    return { ...made, Condition: { ...Condition, StringEquals } };
}

const statementsOf: Readonly<Record<OwnedService, (whose: Whose) => Statement[]>> = {
    ecs: (whose) => {
        const [clusters, services, definitions, tasks] = whose.arn(
            "ecs",
            ...["cluster/*", "service/*", "task-definition/*", "task/*"],
        );
        const make = ["ecs:CreateCluster", "ecs:CreateService", "ecs:RegisterTaskDefinition"];
        const createdBy = [...make, "ecs:RunTask"].map((action) => action.replace("ecs:", ""));
        const all = [clusters, services, definitions, tasks];
        return [
            madeAsOwn("MakeForEcs", make, [clusters, services, definitions], whose),
            madeInOwn("RunOwnTasks", "ecs:RunTask", [definitions], whose),
            taggedAtCreation("TagForEcs", "ecs:TagResource", all, { "ecs:CreateAction": createdBy }, whose.owned),
            ofOwner(
                "EndOwnOfEcs",
                [
                    ...["ecs:DeleteCluster", "ecs:DeleteService", "ecs:DeleteTaskDefinitions", "ecs:StopTask"],
                    ...["ecs:UpdateCluster", "ecs:UpdateService"],
                ],
                all,
                whose.owned,
            ),
            ...(whose.roleArns.length > 0 ? [givesTasksRoles(whose.roleArns)] : []),
        ];
    },
    "security-groups": (whose) => {
        const [groups, rules] = whose.arn("ec2", "security-group/*", "security-group-rule/*");
        const open = ["ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress"];
        const createdBy = [...open, "ec2:CreateSecurityGroup"].map((action) => action.replace("ec2:", ""));
        return [
            madeAsOwn("MakeSecurityGroups", "ec2:CreateSecurityGroup", [groups], whose),
            ...(whose.vpcIds.length === 0
                ? []
                : [
                      {
                          Sid: "MakeThemInVpcs",
                          Effect: "Allow" as const,
                          Action: "ec2:CreateSecurityGroup",
                          Resource: whose.arn("ec2", ...whose.vpcIds.map((id) => `vpc/${id}`)),
                      },
                  ]),
            madeAsOwn("MakeRules", open, [rules], whose),
            taggedAtCreation(
                "TagForEc2",
                "ec2:CreateTags",
                [groups, rules],
                { "ec2:CreateAction": createdBy },
                whose.owned,
            ),
            ofOwner("OpenOwnSecurityGroups", open, [groups], whose.owned),
            ofOwner(
                "EndOwnSecurityGroups",
                [
                    ...["ec2:DeleteSecurityGroup", "ec2:ModifySecurityGroupRules"],
                    ...["ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"],
                ],
                [groups, rules],
                whose.owned,
            ),
        ];
    },
    "load-balancing": (whose) => {
        const of = (...actions: readonly string[]): string[] =>
            actions.map((action) => `elasticloadbalancing:${action}`);
        const arns = (...kinds: readonly string[]): string[] =>
            whose.arn("elasticloadbalancing", ...kinds.map((kind) => `${kind}/*`));
        const createdBy = ["CreateListener", "CreateLoadBalancer", "CreateRule", "CreateTargetGroup"];
        const all = arns("listener", "listener-rule", "loadbalancer", "targetgroup");
        return [
            madeAsOwn(
                "MakeLoadBalancers",
                of("CreateLoadBalancer", "CreateTargetGroup"),
                arns("loadbalancer", "targetgroup"),
                whose,
            ),
            madeInOwn("MakeListeners", of("CreateListener", "CreateRule"), arns("listener", "loadbalancer"), whose),
            taggedAtCreation(
                "TagForLoadBalancing",
                "elasticloadbalancing:AddTags",
                all,
                { "elasticloadbalancing:CreateAction": createdBy },
                whose.owned,
            ),
            ofOwner(
                "EndOwnOfLoadBalancing",
                of(
                    ...["DeleteListener", "DeleteLoadBalancer", "DeleteRule", "DeleteTargetGroup", "DeregisterTargets"],
                    ...["ModifyListener", "ModifyLoadBalancerAttributes", "ModifyRule", "ModifyTargetGroup"],
                    ...["ModifyTargetGroupAttributes", "RegisterTargets", "SetSecurityGroups", "SetSubnets"],
                ),
                all,
                whose.owned,
            ),
        ];
    },
    secrets: (whose) => {
        const secrets = whose.arn("secretsmanager", "secret:*");
        return [
            madeAsOwn("MakeSecrets", "secretsmanager:CreateSecret", secrets, whose),
            {
                Sid: "TagOwnSecrets",
                Effect: "Allow",
                Action: "secretsmanager:TagResource",
                Resource: secrets,
                Condition: {
                    StringEquals: tagsOf("RequestTag", whose.owned),
                    StringEqualsIfExists: tagsOf("ResourceTag", whose.owned),
                },
            },
            ofOwner(
                "EndOwnSecrets",
                [
                    ...["secretsmanager:DeleteSecret", "secretsmanager:PutSecretValue"],
                    ...["secretsmanager:RestoreSecret", "secretsmanager:UpdateSecret"],
                ],
                secrets,
                whose.owned,
            ),
        ];
    },
};
