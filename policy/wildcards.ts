// Wildcards in the policies of IAM and of resources.
import type { Statement } from "../components/internal/policies";
import type { Judged } from "./rule";

/** Actions that may be allowed of all resources, or by their beginning, and why. */
export interface ListedReason {
    readonly actions: readonly string[];
    readonly reason: string;
}

/** Listed whatever is configured: what taskgate's own roles need. */
export const listedReasons: readonly ListedReason[] = [
    {
        actions: ["ec2:DescribeNetworkInterfaces", "ecr:GetAuthorizationToken", "ecs:DescribeTaskDefinition"],
        reason: "IAM knows no resource of these",
    },
    {
        actions: ["ecs:ListServices", "ecs:ListTasks", "ecs:DescribeTasks"],
        reason: "the cluster is a condition: a list has no task yet",
    },
    {
        actions: ["ecr:DescribeImageScanFindings", "ecr:DescribeImages"],
        reason: "what a cluster's tasks run is in whatever repository they name; no image can be read by these",
    },
    {
        actions: [
            ...["ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface"],
            ...["ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses"],
        ],
        reason: "Lambda makes the interfaces of a function in a VPC by its role, and asks for all",
    },
    { actions: ["route53:GetChange"], reason: "a change has its id only when it is made" },
];

/** A policy, and whether its resources are what it protects (a bucket's, a queue's). */
export interface Written {
    readonly document: string;
    readonly ofResource: boolean;
}

/** By type, the arguments that hold a policy. */
const policyArguments: Readonly<Record<string, { readonly ofResource: boolean; readonly argument: string }>> = {
    "aws:iam/policy:Policy": { ofResource: false, argument: "policy" },
    "aws:iam/rolePolicy:RolePolicy": { ofResource: false, argument: "policy" },
    "aws:iam/userPolicy:UserPolicy": { ofResource: false, argument: "policy" },
    "aws:iam/groupPolicy:GroupPolicy": { ofResource: false, argument: "policy" },
    "aws:iam/role:Role": { ofResource: true, argument: "assumeRolePolicy" },
    "aws:ecr/repositoryPolicy:RepositoryPolicy": { ofResource: true, argument: "policy" },
    "aws:s3/bucketPolicy:BucketPolicy": { ofResource: true, argument: "policy" },
    "aws:secretsmanager/secretPolicy:SecretPolicy": { ofResource: true, argument: "policy" },
    "aws:sns/topicPolicy:TopicPolicy": { ofResource: true, argument: "policy" },
    "aws:sqs/queuePolicy:QueuePolicy": { ofResource: true, argument: "policy" },
};

/** AWS's own policies that allow everything, or everything of a service. */
const wideManaged = /^arn:[^:]+:iam::aws:policy\/(.*\/)?(AdministratorAccess|PowerUserAccess|.*FullAccess)$/;

/** All policies that a resource has, as documents; and the managed ones that it is given. */
export function policiesOf({ type, props }: Pick<Judged, "type" | "props">): (Written | string)[] {
    const held = Object.hasOwn(policyArguments, type) ? policyArguments[type] : undefined;
    const own = held === undefined ? [] : [{ ...held, document: props[held.argument] as string | undefined }];
    const inline =
        type === "aws:iam/role:Role" ? ((props.inlinePolicies as { policy?: string }[] | undefined) ?? []) : [];
    const managed = type === "aws:iam/role:Role" ? ((props.managedPolicyArns as string[] | undefined) ?? []) : [];
    const attached = /^aws:iam\/(role|user|group)PolicyAttachment:/.test(type) ? [props.policyArn as string] : [];
    return [
        ...[...own, ...inline.map(({ policy }) => ({ ofResource: false, document: policy }))].flatMap(
            ({ ofResource, document }) => (document === undefined ? [] : [{ ofResource, document }]),
        ),
        ...managed,
        ...attached,
    ];
}

/** What a policy allows by wildcards, each without a listed reason. */
export function wildcardsOf(policy: Written | string, listed: readonly ListedReason[]): string[] {
    if (typeof policy === "string") {
        return wideManaged.test(policy) ? [`It is given ${policy}, which allows by wildcards`] : [];
    }
    const { Statement: written } = JSON.parse(policy.document) as { Statement: Foreign | Foreign[] };
    const allowing = [written].flat().filter(({ Effect }) => Effect === "Allow");
    const mayDo = new Set(listed.flatMap(({ actions }) => actions));
    return allowing.flatMap((statement, index) => {
        const where = `Statement ${statement.Sid ?? index + 1}`;
        const actions = many(statement.Action);
        const inverted = ["NotAction", "NotResource", "NotPrincipal"].filter((key) => key in statement);
        const wide = actions.filter((action) => action.includes("*") && !mayDo.has(action));
        const unlisted = actions.filter((action) => !mayDo.has(action));
        const isNamed = policy.ofResource || isByTag(statement);
        const whole = isNamed ? [] : many(statement.Resource).filter(namesNothing);
        const isPublic = policy.ofResource && isAnybody(statement.Principal) && statement.Condition === undefined;
        return [
            ...inverted.map((key) => `${where} allows by ${key}, which is all but what it names`),
            ...wide.map((action) => `${where} allows the actions ${action}`),
            ...(unlisted.length === 0 ? [] : whole.map((arn) => `${where} allows ${unlisted.join(", ")} on ${arn}`)),
            ...(isPublic ? [`${where} allows anybody`] : []),
        ];
    });
}

/** A statement as anybody may have written it. */
type Foreign = Omit<Partial<Statement>, "Principal"> & { readonly Principal?: unknown };

function many(value: string | readonly string[] | undefined): string[] {
    return value === undefined ? [] : [value].flat();
}

/** Whether it is all of a kind: `*`, or an ARN that names no more than a kind, such as `certificate/*`. */
function namesNothing(arn: string): boolean {
    const [, partition = "*", service = "*", , , ...rest] = arn.split(":");
    const resource = rest.join(":");
    // What these have is named without its kind.
    const isKind = !["s3", "sns", "sqs"].includes(service) && /^[a-z-]+[:/]\*$/.test(resource);
    return [partition, service, resource].includes("*") || isKind;
}

/** Whether it names what it allows by tags, whose values must be these: of what is there, or of what is made. */
function isByTag({ Condition = {} }: Foreign): boolean {
    return Object.keys(Condition.StringEquals ?? {}).some((key) => /^aws:(Request|Resource)Tag\//.test(key));
}

function isAnybody(principal: unknown): boolean {
    return principal === "*" || many((principal as { AWS?: string | string[] } | undefined)?.AWS).includes("*");
}
