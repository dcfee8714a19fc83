import type { ReplicationGroup } from "@aws-sdk/client-elasticache";
import type { ReplicationGroupArgs, ReplicationGroupState } from "@pulumi/aws/elasticache/replicationGroup";
import type { SubnetGroupArgs, SubnetGroupState } from "@pulumi/aws/elasticache/subnetGroup";
import type { UserArgs, UserState } from "@pulumi/aws/elasticache/user";
import type { UserGroupArgs, UserGroupState } from "@pulumi/aws/elasticache/userGroup";
import {
    adapter,
    type Adapters,
    type Change,
    changeTags,
    fields,
    service,
    tagList,
    tagsAll,
    tagsOrNone,
} from "../resources/adapter";
import { patiently } from "../resources/patience";
import type { Aws } from "../resources/sdk";

export const elasticache: Adapters = service("ElastiCache", {
    "elasticache/subnetGroup:SubnetGroup": adapter<SubnetGroupArgs, SubnetGroupState>({
        taggable: true,
        autoName: { property: "name", maxLength: 255, lowerCase: true },
        defaults: { description: "Managed by Pulumi" },
        replaceOn: ["name", "description", "subnetIds"],
        gone: ["CacheSubnetGroupNotFoundFault"],
        async create(aws, inputs) {
            await aws.elasticache.createCacheSubnetGroup({
                CacheSubnetGroupName: inputs.name,
                CacheSubnetGroupDescription: inputs.description,
                SubnetIds: inputs.subnetIds,
                Tags: tagsOrNone(inputs.tagsAll),
            });
            return { id: inputs.name!, arn: aws.arn("elasticache", `subnetgroup:${inputs.name}`) };
        },
        update: (aws, change) => retag(aws, change, aws.arn("elasticache", `subnetgroup:${change.id}`)),
        delete: (aws, { id }) =>
            patiently(5, /CacheSubnetGroupInUse/, () =>
                aws.elasticache.deleteCacheSubnetGroup({ CacheSubnetGroupName: id }),
            ),
        async read(aws, { id }) {
            const { CacheSubnetGroups: [found] = [] } = await aws.elasticache.describeCacheSubnetGroups({
                CacheSubnetGroupName: id,
            });
            return {
                description: found?.CacheSubnetGroupDescription,
                subnetIds: found?.Subnets?.map(({ SubnetIdentifier }) => SubnetIdentifier),
                ...(await tagsOf(aws, `subnetgroup:${id}`)),
            };
        },
    }),
    "elasticache/user:User": adapter<UserArgs, UserState>({
        taggable: true,
        replaceOn: ["accessString", "authenticationMode", "engine", "userId", "userName"],
        // A password would be in the state.
        refuses: ["noPasswordRequired", "passwords", "passwordsWo"],
        gone: ["UserNotFoundFault"],
        async create(aws, inputs) {
            await aws.elasticache.createUser({
                UserId: inputs.userId,
                UserName: inputs.userName,
                Engine: inputs.engine,
                AccessString: inputs.accessString,
                AuthenticationMode: { Type: inputs.authenticationMode?.type as "iam" },
                Tags: tagsOrNone(inputs.tagsAll),
            });
            return { id: inputs.userId, arn: aws.arn("elasticache", `user:${inputs.userId}`) };
        },
        update: (aws, change) => retag(aws, change, aws.arn("elasticache", `user:${change.id}`)),
        delete: (aws, { id }) => aws.elasticache.deleteUser({ UserId: id }),
        async read(aws, { id }) {
            const { Users: [found] = [] } = await aws.elasticache.describeUsers({ UserId: id });
            return {
                ...fields(found, "accessString", "engine", "userName"),
                authenticationMode: { type: found?.Authentication?.Type },
                ...(await tagsOf(aws, `user:${id}`)),
            };
        },
    }),
    "elasticache/userGroup:UserGroup": adapter<UserGroupArgs, UserGroupState>({
        taggable: true,
        replaceOn: ["engine", "userGroupId", "userIds"],
        gone: ["UserGroupNotFoundFault"],
        async create(aws, inputs) {
            await aws.elasticache.createUserGroup({
                UserGroupId: inputs.userGroupId,
                Engine: inputs.engine,
                UserIds: inputs.userIds,
                Tags: tagsOrNone(inputs.tagsAll),
            });
            return { id: inputs.userGroupId, arn: aws.arn("elasticache", `usergroup:${inputs.userGroupId}`) };
        },
        update: (aws, change) => retag(aws, change, aws.arn("elasticache", `usergroup:${change.id}`)),
        delete: (aws, { id }) => aws.elasticache.deleteUserGroup({ UserGroupId: id }),
        async read(aws, { id }) {
            const { UserGroups: [found] = [] } = await aws.elasticache.describeUserGroups({ UserGroupId: id });
            return { ...fields(found, "engine", "userIds"), ...(await tagsOf(aws, `usergroup:${id}`)) };
        },
    }),
    "elasticache/replicationGroup:ReplicationGroup": adapter<ReplicationGroupArgs, ReplicationGroupState>({
        taggable: true,
        autoName: { property: "replicationGroupId", maxLength: 40, lowerCase: true },
        refuses: ["authToken", "authTokenWo", "nodeGroupConfigurations", "numNodeGroups", "globalReplicationGroupId"],
        // AWS changes most of these in place; nobody needs that here.
        replaceOn: [
            ...(["replicationGroupId", "engine", "engineVersion", "nodeType", "numCacheClusters"] as const),
            ...(["securityGroupIds", "subnetGroupName", "userGroupIds", "multiAzEnabled"] as const),
        ],
        deleteBeforeReplace: true,
        gone: ["ReplicationGroupNotFoundFault"],
        async create(aws, inputs) {
            const id = inputs.replicationGroupId!;
            await aws.elasticache.createReplicationGroup({
                ReplicationGroupId: id,
                ReplicationGroupDescription: inputs.description,
                Engine: inputs.engine,
                EngineVersion: inputs.engineVersion,
                CacheNodeType: inputs.nodeType,
                NumCacheClusters: inputs.numCacheClusters,
                AutomaticFailoverEnabled: inputs.automaticFailoverEnabled,
                MultiAZEnabled: inputs.multiAzEnabled,
                AtRestEncryptionEnabled: isTrue(inputs.atRestEncryptionEnabled),
                TransitEncryptionEnabled: inputs.transitEncryptionEnabled,
                SnapshotRetentionLimit: inputs.snapshotRetentionLimit,
                CacheSubnetGroupName: inputs.subnetGroupName,
                SecurityGroupIds: inputs.securityGroupIds,
                UserGroupIds: inputs.userGroupIds,
                Tags: tagsOrNone(inputs.tagsAll),
            });
            const group = await patiently(10, /is creating/, () => available(aws, id));
            const { PrimaryEndpoint, ReaderEndpoint } = group.NodeGroups![0];
            return {
                ...{ id, arn: group.ARN, port: PrimaryEndpoint!.Port, memberClusters: group.MemberClusters },
                ...{ primaryEndpointAddress: PrimaryEndpoint!.Address, readerEndpointAddress: ReaderEndpoint!.Address },
            };
        },
        update: (aws, change) => retag(aws, change, aws.arn("elasticache", `replicationgroup:${change.id}`)),
        delete: (aws, { id }) => aws.elasticache.deleteReplicationGroup({ ReplicationGroupId: id }),
        async read(aws, { id }) {
            const { ReplicationGroups: [found] = [] } = await aws.elasticache.describeReplicationGroups({
                ReplicationGroupId: id,
            });
            return {
                description: found?.Description,
                nodeType: found?.CacheNodeType,
                automaticFailoverEnabled: found?.AutomaticFailover === "enabled",
                multiAzEnabled: found?.MultiAZ === "enabled",
                snapshotRetentionLimit: found?.SnapshotRetentionLimit,
                userGroupIds: found?.UserGroupIds,
                ...(await tagsOf(aws, `replicationgroup:${id}`)),
            };
        },
    }),
});

/** Pulumi takes it as a text, too. */
function isTrue(value: boolean | string | undefined): boolean | undefined {
    return value === undefined ? undefined : value === true || value === "true";
}

async function available(aws: Aws, ReplicationGroupId: string): Promise<ReplicationGroup> {
    const { ReplicationGroups } = await aws.elasticache.describeReplicationGroups({ ReplicationGroupId });
    const [group] = ReplicationGroups!;
    if (group.Status !== "available") {
        throw new Error(`${ReplicationGroupId} is ${group.Status}`);
    }
    return group;
}

async function tagsOf(aws: Aws, resource: string): Promise<object> {
    const ResourceName = aws.arn("elasticache", resource);
    const { TagList } = await aws.elasticache.listTagsForResource({ ResourceName });
    return tagsAll(TagList);
}

async function retag(aws: Aws, change: Change<unknown, unknown>, ResourceName: string): Promise<void> {
    await changeTags(
        change,
        (tags) => aws.elasticache.addTagsToResource({ ResourceName, Tags: tagList(tags) }),
        (TagKeys) => aws.elasticache.removeTagsFromResource({ ResourceName, TagKeys }),
    );
}
