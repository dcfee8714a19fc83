import { randomBytes, randomUUID } from "node:crypto";

import type {
    CreateCacheSubnetGroupMessage,
    CreateReplicationGroupMessage,
    CreateUserGroupMessage,
    CreateUserMessage,
    ReplicationGroup,
    Tag,
    User,
    UserGroup,
} from "@aws-sdk/client-elasticache";

import type { TlsFiles } from "../../internet/authorities/tlsCertificate";
import type { Scope } from "../../machine/awsClients";
import type { Processes } from "../../machine/processes";
import type { ReadIngress } from "../../tasks/securityGroups";
import { AwsError, escapeXml, xmlResponse } from "../gateway/overlay";
import type { AwsRequest, AwsResponse, Overlay } from "../gateway/overlay";
import type { Permissions } from "../permissions/permissions";
import { startCache } from "./cache";
import type { Cache } from "./cache";
import { readToken } from "./token";

export interface ElastiCacheOptions {
    readonly root: string;
    readonly processes: Processes;
    /** Of a network interface. */
    readonly newAddress: () => string;
    /** A certificate for an address. */
    readonly issue: (address: string) => Promise<Omit<TlsFiles, "ca">>;
    readonly readIngress: ReadIngress;
    readonly permissions?: Pick<Permissions, "permits">;
    readonly log: (text: string) => void;
}

export interface ElastiCache {
    readonly overlay: Overlay;
    /** Whether a cache keeps a security group or subnet from being deleted. */
    readonly uses: (id: string) => boolean;
    readonly stop: () => Promise<void>;
}

interface KeptGroup {
    readonly view: ReplicationGroup & { readonly ReplicationGroupId: string };
    readonly securityGroupIds: readonly string[];
    readonly subnetGroup: string;
    readonly started: Promise<Cache>;
}

interface SubnetGroup {
    readonly name: string;
    readonly description: string;
    readonly subnetIds: readonly string[];
}

const port = 6379;
/** What nothing here follows. */
const notFollowed = ["AuthToken", "NodeGroupConfiguration", "NumNodeGroups", "GlobalReplicationGroupId"] as const;

/**
 * Caches of nodes, cluster mode disabled: real Valkey servers behind an address with TLS, whose users authenticate by IAM. The endpoint is an
 * address and no name, since tasks and functions ask the machine's own resolver.
 */
export function createElastiCache(options: ElastiCacheOptions): ElastiCache {
    const users = new Map<string, User>();
    const userGroups = new Map<string, UserGroup>();
    const subnetGroups = new Map<string, SubnetGroup>();
    const groups = new Map<string, KeptGroup>();
    const tags = new Map<string, Tag[]>();

    type Handlers = Readonly<Record<string, (request: AwsRequest) => object | Promise<object>>>;
    const handlers: Handlers = {
        CreateUser(request) {
            const {
                UserId = "",
                UserName,
                Engine,
                AccessString,
                AuthenticationMode,
                Tags,
            } = given<CreateUserMessage>(request);
            if (AuthenticationMode?.Type !== "iam") {
                throw refused(
                    "InvalidParameterValue",
                    "The local ElastiCache knows users who authenticate by IAM alone.",
                );
            }
            if (UserName !== UserId) {
                throw refused(
                    "InvalidParameterValue",
                    "UserId and UserName must be the same for users with IAM authentication.",
                );
            }
            const user: User = {
                ...{ UserId, UserName, Engine, AccessString, Status: "active", UserGroupIds: [] },
                Authentication: { Type: "iam" },
                ARN: arn(request, `user:${UserId}`),
            };
            create(users, request, UserId, user, "UserAlreadyExists");
            tags.set(user.ARN!, Tags ?? []);
            return user;
        },
        DescribeUsers: (request) => ({
            Users: described(users, request, given<{ UserId?: string }>(request).UserId, "UserNotFound"),
        }),
        DeleteUser(request) {
            const user = taken(users, request, given<{ UserId: string }>(request).UserId, "UserNotFound");
            return { ...user, Status: "deleting" };
        },
        CreateUserGroup(request) {
            const { UserGroupId = "", Engine, UserIds = [], Tags } = given<CreateUserGroupMessage>(request);
            UserIds.forEach((id) => described(users, request, id, "UserNotFound"));
            const group: UserGroup = {
                ...{ UserGroupId, Engine, UserIds, Status: "active", ReplicationGroups: [] },
                ARN: arn(request, `usergroup:${UserGroupId}`),
            };
            create(userGroups, request, UserGroupId, group, "UserGroupAlreadyExists");
            tags.set(group.ARN!, Tags ?? []);
            return group;
        },
        DescribeUserGroups: (request) => ({
            UserGroups: described(
                userGroups,
                request,
                given<{ UserGroupId?: string }>(request).UserGroupId,
                "UserGroupNotFound",
            ),
        }),
        DeleteUserGroup(request) {
            const { UserGroupId } = given<{ UserGroupId: string }>(request);
            return { ...taken(userGroups, request, UserGroupId, "UserGroupNotFound"), Status: "deleting" };
        },
        CreateCacheSubnetGroup(request) {
            const input = given<CreateCacheSubnetGroupMessage>(request);
            const {
                CacheSubnetGroupName: name = "",
                CacheSubnetGroupDescription: description = "",
                SubnetIds = [],
            } = input;
            create(
                subnetGroups,
                request,
                name,
                { name, description, subnetIds: SubnetIds },
                "CacheSubnetGroupAlreadyExists",
            );
            tags.set(arn(request, `subnetgroup:${name}`), input.Tags ?? []);
            return { CacheSubnetGroup: subnetGroupView(request, subnetGroups.get(keyOf(request, name))!) };
        },
        DescribeCacheSubnetGroups(request) {
            const { CacheSubnetGroupName } = given<{ CacheSubnetGroupName?: string }>(request);
            const found = described(subnetGroups, request, CacheSubnetGroupName, "CacheSubnetGroupNotFoundFault");
            return { CacheSubnetGroups: found.map((one) => subnetGroupView(request, one)) };
        },
        DeleteCacheSubnetGroup(request) {
            const { CacheSubnetGroupName: name } = given<{ CacheSubnetGroupName: string }>(request);
            if ([...groups.values()].some(({ subnetGroup }) => subnetGroup === keyOf(request, name))) {
                throw refused("CacheSubnetGroupInUse", `Cache subnet group ${name} is currently in use by a cache.`);
            }
            taken(subnetGroups, request, name, "CacheSubnetGroupNotFoundFault");
            return {};
        },
        CreateReplicationGroup: (request) => ({ ReplicationGroup: createGroup(request) }),
        DescribeReplicationGroups(request) {
            const { ReplicationGroupId } = given<{ ReplicationGroupId?: string }>(request);
            const found = described(groups, request, ReplicationGroupId, "ReplicationGroupNotFoundFault");
            return { ReplicationGroups: found.map(({ view }) => view) };
        },
        async DeleteReplicationGroup(request) {
            const { ReplicationGroupId } = given<{ ReplicationGroupId: string }>(request);
            const group = taken(groups, request, ReplicationGroupId, "ReplicationGroupNotFoundFault");
            await (await group.started).stop();
            return { ReplicationGroup: { ...group.view, Status: "deleting" } };
        },
        ListTagsForResource: (request) => ({
            TagList: tags.get(given<{ ResourceName: string }>(request).ResourceName) ?? [],
        }),
        AddTagsToResource(request) {
            const { ResourceName, Tags } = given<{ ResourceName: string; Tags: Tag[] }>(request);
            const others = (tags.get(ResourceName) ?? []).filter(({ Key }) => Tags.every((tag) => tag.Key !== Key));
            tags.set(ResourceName, [...others, ...Tags]);
            return { TagList: tags.get(ResourceName) };
        },
        RemoveTagsFromResource(request) {
            const { ResourceName, TagKeys } = given<{ ResourceName: string; TagKeys: string[] }>(request);
            tags.set(
                ResourceName,
                (tags.get(ResourceName) ?? []).filter(({ Key }) => !TagKeys.includes(Key!)),
            );
            return { TagList: tags.get(ResourceName) };
        },
    };

    function createGroup(request: AwsRequest): ReplicationGroup {
        const input = given<CreateReplicationGroupMessage>(request);
        const unknown = notFollowed.find((name) => input[name] !== undefined);
        if (unknown !== undefined) {
            throw refused("InvalidParameterValue", `The local ElastiCache does not follow ${unknown}.`);
        }
        const { ReplicationGroupId: id = "", NumCacheClusters: nodes = 1, UserGroupIds = [] } = input;
        if (input.Engine !== "valkey" || input.TransitEncryptionEnabled !== true || UserGroupIds.length !== 1) {
            throw refused(
                "InvalidParameterCombination",
                "The local ElastiCache has Valkey with transit encryption and one user group: without, anybody could read along.",
            );
        }
        if (input.AutomaticFailoverEnabled === true && nodes < 2) {
            throw refused(
                "InvalidParameterCombination",
                "Automatic failover needs at least two nodes: NumCacheClusters is 1.",
            );
        }
        const [userGroup] = described(userGroups, request, UserGroupIds[0], "UserGroupNotFound");
        const subnetGroup = keyOf(request, input.CacheSubnetGroupName ?? "default");
        described(subnetGroups, request, input.CacheSubnetGroupName, "CacheSubnetGroupNotFoundFault");
        const address = options.newAddress();
        const endpoint = { Address: address, Port: port };
        const members = Array.from({ length: nodes }, (_, index) => `${id}-00${index + 1}`);
        const view = {
            ...{ ReplicationGroupId: id, Description: input.ReplicationGroupDescription, Status: "creating" },
            ...{
                Engine: "valkey",
                CacheNodeType: input.CacheNodeType,
                ClusterEnabled: false,
                ClusterMode: "disabled" as const,
            },
            AutomaticFailover: input.AutomaticFailoverEnabled === true ? ("enabled" as const) : ("disabled" as const),
            MultiAZ: input.MultiAZEnabled === true ? ("enabled" as const) : ("disabled" as const),
            ...{ AuthTokenEnabled: false, TransitEncryptionEnabled: true, TransitEncryptionMode: "required" as const },
            AtRestEncryptionEnabled: input.AtRestEncryptionEnabled ?? true,
            SnapshotRetentionLimit: input.SnapshotRetentionLimit ?? 0,
            MemberClusters: members,
            NodeGroups: [
                {
                    ...{
                        NodeGroupId: "0001",
                        Status: "available",
                        PrimaryEndpoint: endpoint,
                        ReaderEndpoint: endpoint,
                    },
                    NodeGroupMembers: members.map((CacheClusterId, index) => ({
                        ...{ CacheClusterId, CacheNodeId: "0001", CurrentRole: index === 0 ? "primary" : "replica" },
                        ReadEndpoint: endpoint,
                    })),
                },
            ],
            ...{ UserGroupIds, ARN: arn(request, `replicationgroup:${id}`) },
        };
        const securityGroupIds = input.SecurityGroupIds ?? [];
        const scope: Scope = { accountId: request.accountId, region: request.region };
        const started = options.issue(address).then((tls) =>
            startCache({
                ...{ root: options.root, processes: options.processes, log: options.log },
                ...{ id, nodes, address, port, tls },
                users: (userGroup.UserIds ?? []).map((userId) => ({
                    id: userId,
                    accessString: users.get(keyOf(request, userId))!.AccessString!,
                })),
                secret: randomBytes(24).toString("hex"),
                isOpen: async () => (await options.readIngress(scope, securityGroupIds))(port),
                mayConnect: (user, token) => mayConnect(scope, id, user, token),
            }),
        );
        create(
            groups,
            request,
            id,
            { view, securityGroupIds, subnetGroup, started },
            "ReplicationGroupAlreadyExistsFault",
        );
        tags.set(view.ARN, input.Tags ?? []);
        const answered = { ...view };
        void started.then(
            () => (view.Status = "available"),
            (error: Error) => {
                view.Status = "create-failed";
                options.log(`Cache ${id}: ${error.message}`);
            },
        );
        return answered;
    }

    /** A token of whoever IAM lets connect to the cache, as that user. */
    async function mayConnect(scope: Scope, id: string, user: string, text: string): Promise<boolean> {
        const token = readToken(text, id, user, Date.now());
        if (token === undefined || token.region !== scope.region) {
            return false;
        }
        for (const resource of [`replicationgroup:${id}`, `user:${user}`]) {
            const isAllowed = await options.permissions?.permits(
                ...([token.accessKeyId, scope.region, "elasticache:Connect", arn(scope, resource)] as const),
            );
            if (isAllowed === false) {
                return false;
            }
        }
        return true;
    }

    return {
        overlay: {
            service: "elasticache",
            async handle(request) {
                const { operation = "" } = request;
                const handler = handlers[operation];
                if (handler === undefined) {
                    throw refused("InvalidAction", `The local ElastiCache does not know ${operation}.`);
                }
                return answer(operation, await handler(request));
            },
        },
        uses: (id) =>
            [...groups.values()].some(
                ({ securityGroupIds, subnetGroup }) =>
                    securityGroupIds.includes(id) || subnetGroups.get(subnetGroup)?.subnetIds.includes(id) === true,
            ),
        async stop() {
            const started = await Promise.allSettled([...groups.values()].map((group) => group.started));
            await Promise.all(started.flatMap((one) => (one.status === "fulfilled" ? [one.value.stop()] : [])));
        },
    };
}

/** By the model's names: the gateway has read them. */
function given<Input>({ parameters }: AwsRequest): Input {
    return parameters as Input;
}

function refused(code: string, message: string): AwsError {
    return new AwsError(code, message);
}

function keyOf({ accountId, region }: Scope, id: string): string {
    return `${accountId}/${region}/${id}`;
}

function arn({ accountId, region }: Scope, resource: string): string {
    return `arn:aws:elasticache:${region}:${accountId}:${resource}`;
}

function create<T>(all: Map<string, T>, scope: Scope, id: string, value: T, exists: string): void {
    if (all.has(keyOf(scope, id))) {
        throw refused(exists, `${id} already exists.`);
    }
    all.set(keyOf(scope, id), value);
}

/** The one, or all of the account in the region. */
function described<T>(all: ReadonlyMap<string, T>, scope: Scope, id: string | undefined, missing: string): T[] {
    if (id === undefined) {
        return [...all].filter(([key]) => key.startsWith(keyOf(scope, ""))).map(([, value]) => value);
    }
    const found = all.get(keyOf(scope, id));
    if (found === undefined) {
        throw new AwsError(missing, `${id} not found.`, 404);
    }
    return [found];
}

function taken<T>(all: Map<string, T>, scope: Scope, id: string, missing: string): T {
    const [found] = described(all, scope, id, missing);
    all.delete(keyOf(scope, id));
    return found;
}

function subnetGroupView(scope: Scope, { name, description, subnetIds }: SubnetGroup) {
    return {
        CacheSubnetGroupName: name,
        CacheSubnetGroupDescription: description,
        Subnets: subnetIds.map((SubnetIdentifier) => ({ SubnetIdentifier })),
        ARN: arn(scope, `subnetgroup:${name}`),
    };
}

/** What the elements of a list are called; others are a `member`. */
const elements: Readonly<Record<string, string>> = {
    CacheSubnetGroups: "CacheSubnetGroup",
    MemberClusters: "ClusterId",
    NodeGroupMembers: "NodeGroupMember",
    NodeGroups: "NodeGroup",
    ReplicationGroups: "ReplicationGroup",
    Subnets: "Subnet",
    TagList: "Tag",
};

function answer(operation: string, result: object): AwsResponse {
    return xmlResponse(
        `<${operation}Response xmlns="http://elasticache.amazonaws.com/doc/2015-02-02/"><${operation}Result>${xml(result)}</${operation}Result>` +
            `<ResponseMetadata><RequestId>${randomUUID()}</RequestId></ResponseMetadata></${operation}Response>`,
    );
}

function xml(value: unknown, name = ""): string {
    if (Array.isArray(value)) {
        const element = elements[name] ?? "member";
        return value.map((one) => `<${element}>${xml(one)}</${element}>`).join("");
    }
    if (typeof value === "object" && value !== null) {
        return Object.entries(value)
            .filter(([, inner]) => inner !== undefined)
            .map(([key, inner]) => `<${key}>${xml(inner, key)}</${key}>`)
            .join("");
    }
    return escapeXml(String(value));
}
