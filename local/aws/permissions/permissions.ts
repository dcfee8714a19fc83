import { runSimulation } from "@cloud-copilot/iam-simulate";

import type { Scope } from "../../machine/awsClients";
import { AwsError } from "../gateway/overlay";
import type { AwsRequest, Forward } from "../gateway/overlay";
import { passedRoles, passRole, permissionsFor } from "./actions";
import type { Asked, Permission } from "./actions";
import { byWildcards } from "./allowances";
import { createIdentities } from "./identities";
import type { Identities, Identity } from "./identities";
import { createPolicies } from "./policies";
import type { Policies, Role } from "./policies";

/** A permission that was asked for, as often as it was. */
export interface Use {
    readonly action: string;
    readonly resource: string;
    readonly isAllowed: boolean;
    readonly count: number;
}

export interface Permissions {
    readonly identities: Identities;
    /** To be called once, before anything is asked. */
    readPoliciesBy(forward: Forward): void;
    /** @throws AwsError as AWS does, when the caller may not do it, or hands a role to who may not assume it */
    check(request: AwsRequest): Promise<void>;
    /** To be told of each request that was answered. */
    answered(request: AwsRequest): void;
    /** Whether a role may do what no request asks for: what a service does in its name. */
    allows(roleArn: string, region: string, action: string, resource: string): Promise<boolean>;
    /** Whether whoever has this access key may do it. */
    permits(accessKeyId: string, region: string, action: string, resource: string): Promise<boolean>;
    /** Whether a service, or somebody with this ARN, can take on a role; why not, if it cannot. */
    whyNotAssumed(roleArn: string, principal: string): Promise<string | undefined>;
    /** What each caller has asked for, by its principal. */
    uses(): Readonly<Record<string, readonly Use[]>>;
    /** A role with its policies. */
    role: Policies["role"];
    /** The names of an account's roles. */
    roles: Policies["roles"];
}

export interface PermissionsOptions {
    /**
     * Resolves when what was just changed in IAM is known everywhere (default: at once). Until then a new role cannot be
     * assumed, and a role's policies are those of before: IAM is eventually consistent.
     */
    readonly known?: () => Promise<unknown>;
    /** Tags of what is there already, by its ARN, for aws:ResourceTag (default: nothing has any). */
    readonly tagsOf?: (arn: string) => readonly { readonly key?: string; readonly value?: string }[];
    /**
     * Which roles a task definition gives to its tasks (default: none): who runs one hands them on
     * (https://docs.aws.amazon.com/AmazonECS/latest/developerguide/CWE_IAM_role.html).
     */
    readonly rolesOf?: (scope: Scope, taskDefinition: string) => readonly string[];
}

/** IAM: who may do what, by the policies that the emulator keeps. */
export function createPermissions(options: PermissionsOptions = {}): Permissions {
    const { known: settled, tagsOf = () => [], rolesOf = () => [] } = options;
    const identities = createIdentities();
    const usesOf = new Map<string, Map<string, Use>>();
    const fresh = new Set<string>();
    /** Account and service of the roles by which services work for an account; the first use of each makes it. */
    const linked = new Set<string>();
    let policies: Policies | undefined;

    function known(): Policies {
        if (!policies) {
            throw new Error("Nobody has said by what policies are read: call readPoliciesBy first.");
        }
        return policies;
    }

    function note(principal: string, { action, resource }: Permission, isAllowed: boolean): void {
        const uses = usesOf.get(principal) ?? new Map<string, Use>();
        usesOf.set(principal, uses);
        const key = `${action} ${resource} ${isAllowed}`;
        uses.set(key, { action, resource, isAllowed, count: (uses.get(key)?.count ?? 0) + 1 });
    }

    /** Those of what is there already. */
    function resourceTags(resource: string): Record<string, string> {
        return Object.fromEntries(
            tagsOf(resource).map(({ key = "", value = "" }) => [`aws:ResourceTag/${key}`, value]),
        );
    }

    /** To hand on the roles of the definition that is run. */
    function handedOn({ parameters, ...scope }: Asked): Permission[] {
        const roles = rolesOf(scope, String(parameters.taskDefinition));
        return roles.map((roleArn) => passRole({ roleArn, service: "ecs-tasks.amazonaws.com" }));
    }

    /** Undefined when it is allowed; else what denies it. */
    async function denial(identity: Identity, permission: Permission, region: string): Promise<string | undefined> {
        const { principal, accountId, roleName } = identity;
        const role = roleName === undefined ? undefined : await known().role(accountId, roleName);
        if (roleName !== undefined && !role) {
            return "because the role does not exist any more";
        }
        const result = await runSimulation(
            {
                request: {
                    principal,
                    action: permission.action,
                    resource: { resource: permission.resource, accountId },
                    contextVariables: {
                        "aws:SecureTransport": "true", // the gateway stands for AWS's TLS endpoints
                        "aws:PrincipalAccount": accountId,
                        "aws:RequestedRegion": region,
                        ...(role && { "aws:PrincipalArn": role.arn, ...principalTags(role) }),
                        ...identity.context,
                        ...permission.context,
                        ...resourceTags(permission.resource),
                    },
                },
                identityPolicies: [...(role?.policies ?? [])],
                permissionBoundaryPolicies: role?.boundary && [role.boundary],
                resourcePolicy: await known().ofResource(region, permission.resource),
                serviceControlPolicies: [],
                resourceControlPolicies: [],
            },
            {},
        );
        if (result.resultType === "error" && JSON.stringify(result.errors).includes("no.resource.types")) {
            return told(principal, permission, byWildcards(role?.policies ?? [], permission)); // as with API Gateway's HTTP APIs
        }
        if (result.resultType === "error") {
            throw new Error(
                `IAM cannot judge ${permission.action} on ${permission.resource}: ${JSON.stringify(result.errors)}`,
            );
        }
        return told(principal, permission, result.overallResult);
    }

    /** Notes an answer, and says what denies it. */
    function told(principal: string, permission: Permission, answer: string): string | undefined {
        note(principal, permission, answer === "Allowed");
        if (answer === "Allowed") {
            return undefined;
        }
        return answer === "ExplicitlyDenied"
            ? "with an explicit deny in a policy"
            : `because no ${principal.startsWith("arn:") ? "identity" : "resource"}-based policy allows the ${permission.action} action`;
    }

    /** Who signs nothing may do what a resource's policy allows everybody. */
    async function checkEverybody({ region, ...asked }: Asked): Promise<void> {
        const needed = permissionsFor({ region, ...asked });
        if (needed === undefined) {
            throw new AwsError("AccessDenied", "Access Denied", 403);
        }
        for (const { action, resource, context } of needed) {
            // Somebody of another account, whose own policies allow everything: so the resource's policy decides.
            const result = await runSimulation(
                {
                    request: {
                        principal: "arn:aws:iam::000000000000:user/anybody",
                        action,
                        resource: { resource, accountId: asked.accountId },
                        contextVariables: { "aws:SecureTransport": "true", ...context },
                    },
                    identityPolicies: [{ name: "all", policy: everything }],
                    resourcePolicy: await known().ofResource(region, resource),
                    serviceControlPolicies: [],
                    resourceControlPolicies: [],
                },
                {},
            );
            if (result.resultType === "error" || result.overallResult !== "Allowed") {
                throw new AwsError("AccessDenied", "Access Denied", 403);
            }
        }
    }

    async function whyNotAssumed(roleArn: string, principal: string): Promise<string | undefined> {
        const accountId = roleArn.split(":")[4];
        const role = await known().role(accountId, roleArn.slice(roleArn.lastIndexOf("/") + 1));
        if (!role) {
            return "it does not exist";
        }
        if (fresh.has(role.arn)) {
            return "it is not known everywhere yet";
        }
        const result = await runSimulation(
            {
                request: {
                    principal,
                    action: "sts:AssumeRole",
                    resource: { resource: role.arn, accountId },
                    contextVariables: { "aws:SourceAccount": accountId },
                },
                // Where the trust policy leaves it to an account, somebody's own policies decide: they were asked before.
                identityPolicies: principal.startsWith("arn:") ? [{ name: "own", policy: everything }] : [],
                resourcePolicy: role.trust,
                serviceControlPolicies: [],
                resourceControlPolicies: [],
            },
            {},
        );
        const isAllowed = result.resultType !== "error" && result.overallResult === "Allowed";
        return isAllowed ? undefined : `its trust policy does not let ${principal} assume it`;
    }

    return {
        identities,
        readPoliciesBy(forward) {
            policies = createPolicies(forward, settled);
        },

        whyNotAssumed,
        role: (accountId, name) => known().role(accountId, name),
        roles: (accountId) => known().roles(accountId),
        async allows(roleArn, region, action, resource) {
            const roleName = roleArn.slice(roleArn.lastIndexOf("/") + 1);
            const accountId = roleArn.split(":")[4];
            const principal = `arn:aws:sts::${accountId}:assumed-role/${roleName}`;
            const identity = { principal: `${principal}/service`, accountId, roleName };
            return (await denial(identity, { action, resource, context: {} }, region)) === undefined;
        },
        async permits(accessKeyId, region, action, resource) {
            const identity = identities.of(accessKeyId);
            return identity === undefined
                ? accessKeyId === resource.split(":")[4]
                : (await denial(identity, { action, resource, context: {} }, region)) === undefined;
        },
        async check(request) {
            const { service, operation = "", parameters = {}, region, accountId, accessKeyId } = request;
            const asked: Asked = { service, operation, parameters, region, accountId };
            const identity = identities.of(accessKeyId);
            if (accessKeyId === "") {
                await checkEverybody(asked);
                return;
            }
            if (!identity && accessKeyId !== accountId) {
                throw new AwsError("UnrecognizedClientException", "The security token included in the request is invalid.", 403); // prettier-ignore
            }
            const linkedService = linkedServices[`${service} ${operation}`];
            const isFirstUse = linkedService !== undefined && !linked.has(`${accountId} ${linkedService}`);
            const own = permissionsFor(asked)?.concat(
                service === "ecs" && operation === "RunTask" ? handedOn(asked) : [],
            );
            const needed = isFirstUse ? own?.concat(makeLinkedRole(accountId, linkedService)) : own;
            if (identity) {
                if (!needed) {
                    const text = `The local IAM does not know what ${service} ${operation} is called: add a row to local/aws/permissions/actions.ts.`; // prettier-ignore
                    throw accessDenied(service, text);
                }
                for (const permission of needed) {
                    const reason = await denial(identity, permission, region);
                    if (reason !== undefined) {
                        const { action, resource } = permission;
                        const user = `User: ${identity.principal} is not authorized to perform: ${action}`;
                        throw accessDenied(service, `${user} on resource: ${resource} ${reason}`);
                    }
                }
            } else {
                needed?.forEach((permission) => note(`arn:aws:iam::${accountId}:root`, permission, true));
            }
            // ECS looks at a definition's roles when a task starts.
            const taken = operation === "RegisterTaskDefinition" ? [] : passedRoles(asked);
            for (const { roleArn, service: taker } of taken) {
                const reason = await whyNotAssumed(roleArn, taker);
                if (reason !== undefined) {
                    throw notAssumed(service, roleArn, reason);
                }
            }
        },
        answered({ service, operation = "", accountId, parameters }) {
            linked.add(`${accountId} ${linkedServices[`${service} ${operation}`]}`);
            known().changed(service, operation, parameters);
            if (settled && service === "iam" && operation === "CreateRole") {
                const { RoleName, Path = "/" } = parameters as { RoleName: string; Path?: string };
                const arn = `arn:aws:iam::${accountId}:role${Path}${RoleName}`;
                fresh.add(arn);
                void settled().then(() => fresh.delete(arn));
            }
        },
        uses: () => Object.fromEntries([...usesOf].map(([principal, uses]) => [principal, [...uses.values()]])),
    };
}

function principalTags({ tags }: Role): Record<string, string> {
    return Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:PrincipalTag/${key}`, value]));
}

const everything = { Version: "2012-10-17", Statement: { Effect: "Allow", Action: "*", Resource: "*" } };

/** Whose own role the first of these in an account makes, in its caller's name (each service's guide, "Using service-linked roles"). */
const linkedServices: Readonly<Record<string, string>> = {
    "ecs CreateCluster": "ecs.amazonaws.com",
    "elasticloadbalancing CreateLoadBalancer": "elasticloadbalancing.amazonaws.com",
};

const linkedRoles: Readonly<Record<string, string>> = {
    "ecs.amazonaws.com": "AWSServiceRoleForECS",
    "elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing",
};

function makeLinkedRole(accountId: string, service: string): Permission {
    return {
        action: "iam:CreateServiceLinkedRole",
        resource: `arn:aws:iam::${accountId}:role/aws-service-role/${service}/${linkedRoles[service]}`,
        context: { "iam:AWSServiceName": service },
    };
}

/** What each service calls a refusal; the others call it AccessDeniedException. */
const deniedCodes: Readonly<Record<string, string>> = {
    ec2: "UnauthorizedOperation",
    elasticache: "AccessDenied",
    elasticloadbalancing: "AccessDenied",
    iam: "AccessDenied",
    monitoring: "AccessDenied",
    route53: "AccessDenied",
    s3: "AccessDenied",
    sns: "AuthorizationError",
    sts: "AccessDenied",
};

function accessDenied(service: string, message: string): AwsError {
    const code = deniedCodes[service] ?? "AccessDeniedException";
    const isJson = [
        "acm",
        "dynamodb",
        "ecr",
        "ecs",
        "events",
        "kinesis",
        "kms",
        "logs",
        "secretsmanager",
        "sqs",
        "ssm",
    ].includes(service);
    return new AwsError(code, message, isJson ? 400 : 403);
}

/** As the services word it when they cannot take on a role they are given. */
function notAssumed(service: string, roleArn: string, reason: string): AwsError {
    switch (service) {
        case "lambda":
            return new AwsError(
                "InvalidParameterValueException",
                `The role defined for the function cannot be assumed by Lambda. (${roleArn}: ${reason})`,
            );
        case "scheduler":
            return new AwsError(
                "ValidationException",
                `The execution role you provide must allow AWS EventBridge Scheduler to assume the role. (${roleArn}: ${reason})`,
            );
        default:
            return new AwsError(
                "ClientException",
                `ECS was unable to assume the role '${roleArn}' that was provided for this task. Please verify that the role being ` +
                    `passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role. (${reason})`,
            );
    }
}
