// The policies in force, as the emulator keeps them.
import type { AwsRequest, Forward } from "../gateway/overlay";
import { parseXml } from "../models/request";

export interface NamedPolicy {
    readonly name: string;
    readonly policy: unknown;
}

export interface Role {
    readonly arn: string;
    readonly trust: unknown;
    readonly policies: readonly NamedPolicy[];
    readonly boundary?: NamedPolicy;
    readonly tags: Readonly<Record<string, string>>;
}

export interface Policies {
    role(accountId: string, name: string): Promise<Role | undefined>;
    /** The names of an account's roles. */
    roles(accountId: string): Promise<readonly string[]>;
    /** Of the resource with this ARN; undefined when it has none, or its service knows none. */
    ofResource(region: string, arn: string): Promise<unknown>;
    /** To be told of each request that was answered: what is remembered may be over. */
    changed(service: string, operation: string, parameters?: Readonly<Record<string, unknown>>): void;
}

/** Reads each policy once, until a request may have changed it; and one of a role until `settled` resolves after that. */
export function createPolicies(forward: Forward, settled?: () => Promise<unknown>): Policies {
    const remembered = new Map<string, Promise<unknown>>();

    function once<T>(service: string, key: string, read: () => Promise<T>): Promise<T> {
        const id = `${service} ${key}`;
        const known = remembered.get(id) ?? read();
        remembered.set(id, known);
        known.catch(() => remembered.delete(id));
        return known as Promise<T>;
    }

    return {
        role: (accountId, name) => once("iam", `${accountId} ${name}`, () => readRole(forward, accountId, name)),
        roles: (accountId) => listRoles(forward, accountId),
        ofResource(region, arn) {
            const service = arn.split(":")[2];
            const read = resourcePolicies[service];
            return read ? once(service, arn, () => read(forward, region, arn)) : Promise.resolve(undefined);
        },
        changed(service, operation, { RoleName } = {}) {
            if (!/^(Get|List|Describe|Head|Receive|Send|Publish$|Invoke$|PutObject$|Query|Scan)/.test(operation)) {
                // One role's are not another's.
                const ofRole = service === "iam" && typeof RoleName === "string" ? ` ${RoleName}` : "";
                const forget = () =>
                    [...remembered.keys()]
                        .filter((id) => id.startsWith(`${service} `) && id.endsWith(ofRole))
                        .forEach((id) => remembered.delete(id));
                if (settled && service === "iam") {
                    void settled().then(forget);
                } else {
                    forget();
                }
            }
        },
    };
}

function askIam(forward: Forward, accountId: string, parameters: Readonly<Record<string, string>>) {
    return query(forward, { service: "iam", region: "us-east-1", accountId, version: "2010-05-08" }, parameters);
}

async function listRoles(forward: Forward, accountId: string): Promise<string[]> {
    const names: string[] = [];
    let after: object = {};
    for (;;) {
        const page = await askIam(forward, accountId, { Action: "ListRoles", ...after });
        names.push(...members(page?.Roles).map((role) => (role as { readonly RoleName: string }).RoleName));
        if (page?.IsTruncated !== "true") {
            return names;
        }
        after = { Marker: page.Marker };
    }
}

async function readRole(forward: Forward, accountId: string, RoleName: string): Promise<Role | undefined> {
    const ask = (parameters: Readonly<Record<string, string>>) => askIam(forward, accountId, parameters);
    const found = await ask({ Action: "GetRole", RoleName });
    if (found === undefined) {
        return undefined;
    }
    const role = found.Role as Record<string, string> & { PermissionsBoundary?: { PermissionsBoundaryArn: string } };
    const managed = async (PolicyArn: string): Promise<NamedPolicy> => {
        const policy = (await ask({ Action: "GetPolicy", PolicyArn }))?.Policy as Record<string, string>;
        const VersionId = policy.DefaultVersionId;
        const version = (await ask({ Action: "GetPolicyVersion", PolicyArn, VersionId }))?.PolicyVersion;
        return { name: PolicyArn, policy: documentOf((version as Record<string, string>).Document) };
    };
    const inline = members((await ask({ Action: "ListRolePolicies", RoleName }))?.PolicyNames) as string[];
    const attached = members((await ask({ Action: "ListAttachedRolePolicies", RoleName }))?.AttachedPolicies);
    const boundary = role.PermissionsBoundary?.PermissionsBoundaryArn;
    const tags = members((await ask({ Action: "ListRoleTags", RoleName }))?.Tags) as { Key: string; Value: string }[];
    return {
        arn: role.Arn,
        trust: documentOf(role.AssumeRolePolicyDocument),
        policies: await Promise.all([
            ...inline.map(async (PolicyName) => {
                const answer = await ask({ Action: "GetRolePolicy", RoleName, PolicyName });
                return { name: PolicyName, policy: documentOf(answer?.PolicyDocument as string) };
            }),
            ...(attached as { PolicyArn: string }[]).map(({ PolicyArn }) => managed(PolicyArn)),
        ]),
        ...(boundary !== undefined && { boundary: await managed(boundary) }),
        tags: Object.fromEntries(tags.map(({ Key, Value }) => [Key, Value])),
    };
}

function documentOf(text: string): unknown {
    return JSON.parse(text.startsWith("%7B") ? decodeURIComponent(text) : text) as unknown;
}

function members(list: unknown): unknown[] {
    const { member } = (list || {}) as { member?: unknown };
    return member === undefined ? [] : Array.isArray(member) ? (member as unknown[]) : [member];
}

/** How each service tells its resources' policies. */
const resourcePolicies: Readonly<Record<string, (forward: Forward, region: string, arn: string) => Promise<unknown>>> =
    {
        async s3(forward, region, arn) {
            const bucket = arn.split(":")[5].split("/")[0];
            const answer = await forward(
                requestTo(
                    { service: "s3", region, accountId: "" },
                    { method: "GET", path: `/${bucket}`, query: "policy" },
                ),
            );
            return answer.status === 200 ? documentOf(answer.body.toString()) : undefined;
        },
        async sqs(forward, region, arn) {
            const [, , , , accountId, name] = arn.split(":");
            const at = { service: "sqs", region, accountId };
            const url = await json(forward, at, "AmazonSQS.GetQueueUrl", { QueueName: name });
            const answer =
                url &&
                (await json(forward, at, "AmazonSQS.GetQueueAttributes", { ...url, AttributeNames: ["Policy"] }));
            const policy = (answer?.Attributes as Record<string, string> | undefined)?.Policy;
            return policy ? documentOf(policy) : undefined;
        },
        async sns(forward, region, arn) {
            const at = { service: "sns", region, accountId: arn.split(":")[4], version: "2010-03-31" };
            const answer = await query(forward, at, { Action: "GetTopicAttributes", TopicArn: arn });
            const entries =
                (answer?.Attributes as { entry?: { key: string; value: string }[] } | undefined)?.entry ?? [];
            const policy = entries.find(({ key }) => key === "Policy")?.value;
            return policy ? documentOf(policy) : undefined;
        },
        async lambda(forward, region, arn) {
            const [, , , , accountId, , name] = arn.split(":");
            const at = { service: "lambda", region, accountId };
            const path = `/2015-03-31/functions/${name}/policy`;
            const answer = await forward(requestTo(at, { method: "GET", path }));
            if (answer.status !== 200) {
                return undefined;
            }
            return documentOf((JSON.parse(answer.body.toString()) as { Policy: string }).Policy);
        },
        async secretsmanager(forward, region, arn) {
            const at = { service: "secretsmanager", region, accountId: arn.split(":")[4] };
            const answer = await json(forward, at, "secretsmanager.GetResourcePolicy", { SecretId: arn });
            return typeof answer?.ResourcePolicy === "string" ? documentOf(answer.ResourcePolicy) : undefined;
        },
    };

interface Address {
    readonly service: string;
    readonly region: string;
    readonly accountId: string;
}

type Answer = Record<string, unknown>;

/** The result of a call in the query protocol; undefined when it is refused. */
async function query(
    forward: Forward,
    { version, ...at }: Address & { readonly version: string },
    parameters: Readonly<Record<string, string>>,
): Promise<Answer | undefined> {
    const body = Buffer.from(new URLSearchParams({ ...parameters, Version: version }).toString());
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    const answer = await forward(requestTo(at, { method: "POST", path: "/", headers, body }));
    if (answer.status !== 200) {
        return undefined;
    }
    const result = parseXml(answer.body.toString()) as Answer;
    return (result[`${parameters.Action}Result`] ?? {}) as Answer;
}

async function json(forward: Forward, at: Address, target: string, input: object): Promise<Answer | undefined> {
    const headers = { "content-type": "application/x-amz-json-1.1", "x-amz-target": target };
    const body = Buffer.from(JSON.stringify(input));
    const answer = await forward(requestTo(at, { method: "POST", path: "/", headers, body }));
    return answer.status === 200 ? (JSON.parse(answer.body.toString()) as Answer) : undefined;
}

/** The account's own request to the emulator. */
function requestTo(
    at: Address,
    request: { method: string; path: string; query?: string; headers?: object; body?: Buffer },
): AwsRequest {
    const { accountId, region, service } = at;
    const { headers, query: search = "", body = Buffer.alloc(0), ...rest } = request;
    const credential = `${accountId || "local"}/20260101/${region}/${service}/aws4_request`;
    const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=0`;
    return { ...rest, ...at, query: search, body, accessKeyId: accountId, headers: { ...headers, authorization } };
}
