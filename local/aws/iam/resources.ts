import type { Role } from "@aws-sdk/client-iam";
import type { PolicyArgs, PolicyState } from "@pulumi/aws/iam/policy";
import type { RoleArgs, RoleState } from "@pulumi/aws/iam/role";
import type { RolePolicyArgs, RolePolicyState } from "@pulumi/aws/iam/rolePolicy";
import type { RolePolicyAttachmentArgs, RolePolicyAttachmentState } from "@pulumi/aws/iam/rolePolicyAttachment";
import {
    adapter,
    type Adapters,
    changeTags,
    Gone,
    json,
    service,
    tagList,
    tagsAll,
    tagsOrNone,
} from "../resources/adapter";

const gone = ["NoSuchEntityException", "NoSuchEntity"];

export const iam: Adapters = service("IAM", {
    "iam/role:Role": adapter<RoleArgs, RoleState>({
        taggable: true,
        autoName: { property: "name", maxLength: 64 },
        defaults: { forceDetachPolicies: false, maxSessionDuration: 3600, path: "/" },
        replaceOn: ["name", "path"],
        refuses: ["inlinePolicies", "managedPolicyArns"],
        emptyByDefault: ["description", "permissionsBoundary"],
        gone,
        async create(aws, inputs) {
            const AssumeRolePolicyDocument = json(inputs.assumeRolePolicy);
            const { Role } = await aws.iam.createRole({
                RoleName: inputs.name,
                Path: inputs.path,
                AssumeRolePolicyDocument,
                Description: inputs.description,
                MaxSessionDuration: inputs.maxSessionDuration,
                PermissionsBoundary: inputs.permissionsBoundary,
                Tags: tagsOrNone(inputs.tagsAll),
            });
            return {
                id: inputs.name!,
                arn: Role?.Arn,
                uniqueId: Role?.RoleId,
                createDate: Role?.CreateDate?.toISOString(),
                assumeRolePolicy: AssumeRolePolicyDocument,
            };
        },
        async update(aws, change) {
            const { id: RoleName, inputs, old } = change;
            const PolicyDocument = json(inputs.assumeRolePolicy);
            await aws.iam.updateAssumeRolePolicy({ RoleName, PolicyDocument });
            await aws.iam.updateRole({
                RoleName,
                Description: inputs.description ?? "",
                MaxSessionDuration: inputs.maxSessionDuration,
            });
            if (inputs.permissionsBoundary !== undefined) {
                await aws.iam.putRolePermissionsBoundary({ RoleName, PermissionsBoundary: inputs.permissionsBoundary });
            } else if (old.permissionsBoundary !== undefined) {
                await aws.iam.deleteRolePermissionsBoundary({ RoleName });
            }
            await changeTags(
                change,
                (tags) => aws.iam.tagRole({ RoleName, Tags: tagList(tags) }),
                (TagKeys) => aws.iam.untagRole({ RoleName, TagKeys }),
            );
            return { assumeRolePolicy: PolicyDocument };
        },
        delete: async (aws, { id }) => aws.iam.deleteRole({ RoleName: id }),
        async read(aws, { id }) {
            const { Role: role = {} as Role } = await aws.iam.getRole({ RoleName: id });
            return {
                assumeRolePolicy: decodeURIComponent(role.AssumeRolePolicyDocument!),
                description: role.Description,
                maxSessionDuration: role.MaxSessionDuration,
                permissionsBoundary: role.PermissionsBoundary?.PermissionsBoundaryArn,
                ...tagsAll(role.Tags),
            };
        },
    }),
    "iam/rolePolicy:RolePolicy": adapter<RolePolicyArgs, RolePolicyState>({
        autoName: { property: "name", maxLength: 128 },
        replaceOn: ["name", "role"],
        gone,
        async create(aws, inputs) {
            const PolicyDocument = json(inputs.policy);
            await aws.iam.putRolePolicy({ RoleName: inputs.role, PolicyName: inputs.name, PolicyDocument });
            return { id: `${inputs.role}:${inputs.name}`, policy: PolicyDocument };
        },
        async update(aws, { inputs }) {
            const PolicyDocument = json(inputs.policy);
            await aws.iam.putRolePolicy({ RoleName: inputs.role, PolicyName: inputs.name, PolicyDocument });
            return { policy: PolicyDocument };
        },
        delete: async (aws, { inputs }) => aws.iam.deleteRolePolicy({ RoleName: inputs.role, PolicyName: inputs.name }),
        async read(aws, { inputs }) {
            const read = await aws.iam.getRolePolicy({ RoleName: inputs.role, PolicyName: inputs.name });
            return { policy: decodeURIComponent(read.PolicyDocument!) };
        },
    }),
    "iam/rolePolicyAttachment:RolePolicyAttachment": adapter<RolePolicyAttachmentArgs, RolePolicyAttachmentState>({
        deleteBeforeReplace: true,
        gone,
        async create(aws, inputs) {
            await aws.iam.attachRolePolicy({ RoleName: inputs.role, PolicyArn: inputs.policyArn });
            return { id: `${inputs.role}/${inputs.policyArn}` };
        },
        delete: async (aws, { inputs }) =>
            aws.iam.detachRolePolicy({ RoleName: inputs.role, PolicyArn: inputs.policyArn }),
        async read(aws, { inputs }) {
            const { AttachedPolicies = [] } = await aws.iam.listAttachedRolePolicies({ RoleName: inputs.role });
            if (!AttachedPolicies.some(({ PolicyArn }) => PolicyArn === inputs.policyArn)) {
                throw new Gone(`The role ${inputs.role} has no policy ${inputs.policyArn}.`);
            }
        },
    }),
    "iam/policy:Policy": adapter<PolicyArgs, PolicyState>({
        taggable: true,
        autoName: { property: "name", maxLength: 128 },
        defaults: { path: "/" },
        replaceOn: ["name", "path", "description"],
        gone,
        async create(aws, inputs) {
            const PolicyDocument = json(inputs.policy);
            const { Policy } = await aws.iam.createPolicy({
                PolicyName: inputs.name,
                Path: inputs.path,
                Description: inputs.description,
                PolicyDocument,
                Tags: tagsOrNone(inputs.tagsAll),
            });
            return { id: Policy!.Arn!, arn: Policy?.Arn, policyId: Policy?.PolicyId, policy: PolicyDocument };
        },
        async update(aws, change) {
            const PolicyArn = change.id;
            const PolicyDocument = json(change.inputs.policy);
            if (PolicyDocument !== json(change.old.policy)) {
                const { Policy } = await aws.iam.getPolicy({ PolicyArn });
                await aws.iam.createPolicyVersion({ PolicyArn, PolicyDocument, SetAsDefault: true });
                // Five versions are the most there can be: the one that was in force makes way for the next.
                await aws.iam.deletePolicyVersion({ PolicyArn, VersionId: Policy?.DefaultVersionId });
            }
            await changeTags(
                change,
                (tags) => aws.iam.tagPolicy({ PolicyArn, Tags: tagList(tags) }),
                (TagKeys) => aws.iam.untagPolicy({ PolicyArn, TagKeys }),
            );
            return { policy: PolicyDocument };
        },
        /** As the real provider: with whatever versions somebody else has made. */
        async delete(aws, { id: PolicyArn }) {
            const { Versions = [] } = await aws.iam.listPolicyVersions({ PolicyArn });
            for (const { VersionId } of Versions.filter(({ IsDefaultVersion }) => !IsDefaultVersion)) {
                await aws.iam.deletePolicyVersion({ PolicyArn, VersionId });
            }
            await aws.iam.deletePolicy({ PolicyArn });
        },
        async read(aws, { id: PolicyArn }) {
            const { Policy } = await aws.iam.getPolicy({ PolicyArn });
            const VersionId = Policy?.DefaultVersionId;
            const { PolicyVersion } = await aws.iam.getPolicyVersion({ PolicyArn, VersionId });
            return { policy: decodeURIComponent(PolicyVersion!.Document!), ...tagsAll(Policy?.Tags) };
        },
    }),
});
