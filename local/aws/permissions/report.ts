import { jsonResponse } from "../gateway/overlay";
import type { Overlay } from "../gateway/overlay";
import type { NamedPolicy, Role } from "./policies";
import type { Permissions, Use } from "./permissions";

/** What a policy allows: one action on one resource, as they stand there, with their wildcards. */
export interface Allowance {
    readonly action: string;
    readonly resource: string;
}

/** What one role may do, and what this run has made of it. */
export interface RoleReport {
    readonly role: string;
    readonly used: readonly Use[];
    /** Allowed, and asked for by nothing. */
    readonly surplus: readonly Allowance[];
    /** Asked for, and denied. */
    readonly missing: readonly Use[];
}

/** Of every role that anybody was in this run. */
export async function reportPermissions(permissions: Permissions): Promise<readonly RoleReport[]> {
    const byRole = new Map<string, { accountId: string; name: string; uses: Use[] }>();
    for (const [principal, uses] of Object.entries(permissions.uses())) {
        const [, accountId, name] = /^arn:aws:sts::(\d+):assumed-role\/([^/]+)/.exec(principal) ?? [];
        if (name !== undefined) {
            const key = `${accountId} ${name}`;
            byRole.set(key, { accountId, name, uses: [...(byRole.get(key)?.uses ?? []), ...uses] });
        }
    }
    const reports = [...byRole.values()].map(async ({ accountId, name, uses }) =>
        reportRole(name, await permissions.role(accountId, name), uses),
    );
    return (await Promise.all(reports)).sort((one, other) => (one.role < other.role ? -1 : 1));
}

export function reportRole(name: string, role: Role | undefined, uses: readonly Use[]): RoleReport {
    const used = uses.filter(({ isAllowed }) => isAllowed);
    const allowed = (role?.policies ?? []).flatMap(allowances);
    return {
        role: name,
        used,
        surplus: allowed.filter((allowance) => !used.some((use) => covers(allowance, use))),
        missing: uses.filter(({ isAllowed }) => !isAllowed),
    };
}

interface Statement {
    readonly Effect: string;
    readonly Action?: string | readonly string[];
    readonly Resource?: string | readonly string[];
}

/** Each action with each resource of the statements that allow. */
export function allowances({ policy }: NamedPolicy): readonly Allowance[] {
    const { Statement: statements } = policy as { readonly Statement: Statement | readonly Statement[] };
    return listOf(statements)
        .filter(({ Effect }) => Effect === "Allow")
        .flatMap(({ Action, Resource }) =>
            listOf(Action).flatMap((action) => listOf(Resource).map((resource) => ({ action, resource }))),
        );
}

function listOf<T>(value: T | readonly T[] | undefined): readonly T[] {
    return value === undefined ? [] : Array.isArray(value) ? (value as readonly T[]) : [value as T];
}

/** Whether that is allowed by this. */
export function covers(allowance: Allowance, use: Allowance): boolean {
    return isLike(allowance.action.toLowerCase(), use.action.toLowerCase()) && isLike(allowance.resource, use.resource);
}

/** By IAM's wildcards. */
function isLike(pattern: string, text: string): boolean {
    const expression = pattern
        .replace(/[.+^$()|[\]{}\\]/g, "\\$&")
        .replaceAll("*", ".*")
        .replaceAll("?", ".");
    return new RegExp(`^${expression}$`, "s").test(text);
}

/** Where `npm run local -- permissions` asks. */
export const reportPath = "/_taskgate/permissions";

export function permissionsOverlay(permissions: Permissions): Overlay {
    return {
        service: "",
        pathPrefix: reportPath,
        handle: async (request) =>
            request.path === reportPath ? jsonResponse(await reportPermissions(permissions)) : undefined,
    };
}
