import { jsonResponse } from "../gateway/overlay";
import type { Overlay } from "../gateway/overlay";
import { type Allowance, allowances, covers } from "./allowances";
import type { Role } from "./policies";
import type { Permissions, Use } from "./permissions";

/** What one role may do, and what this run has made of it. */
export interface RoleReport {
    readonly role: string;
    /** By its policies. */
    readonly allowed: readonly Allowance[];
    readonly used: readonly Use[];
    /** Allowed, and asked for by nothing. */
    readonly surplus: readonly Allowance[];
    /** Asked for, and denied. */
    readonly missing: readonly Use[];
}

/** Of every role of the accounts that anybody has worked in, also of one that nobody has been; and of those that are gone. */
export async function reportPermissions(permissions: Permissions): Promise<readonly RoleReport[]> {
    const uses = Object.entries(permissions.uses());
    const accounts = [...new Set(uses.flatMap(([principal]) => /^arn:aws:\w+::(\d+):/.exec(principal)?.[1] ?? []))];
    const reports = accounts.map(async (accountId) => {
        const byRole = new Map<string, Use[]>();
        for (const [principal, some] of uses) {
            const [, account, name] = /^arn:aws:sts::(\d+):assumed-role\/([^/]+)/.exec(principal) ?? [];
            if (account === accountId) {
                byRole.set(name, [...(byRole.get(name) ?? []), ...some]);
            }
        }
        const names = new Set([...(await permissions.roles(accountId)), ...byRole.keys()]);
        return Promise.all(
            [...names].map(async (name) =>
                reportRole(name, await permissions.role(accountId, name), byRole.get(name) ?? []),
            ),
        );
    });
    return (await Promise.all(reports)).flat().sort((one, other) => (one.role < other.role ? -1 : 1));
}

export function reportRole(name: string, role: Role | undefined, uses: readonly Use[]): RoleReport {
    const used = uses.filter(({ isAllowed }) => isAllowed);
    const allowed = (role?.policies ?? []).flatMap(allowances);
    return {
        role: name,
        allowed,
        used,
        surplus: allowed.filter((allowance) => !used.some((use) => covers(allowance, use))),
        missing: uses.filter(({ isAllowed }) => !isAllowed),
    };
}

/** What could be taken away by hand, and nothing that this run did would be denied: another statement allows all of it, too. */
export function sparedBy({ allowed, used }: Pick<RoleReport, "allowed" | "used">): readonly Allowance[] {
    return allowed.filter((allowance) => {
        const others = allowed.filter((other) => other !== allowance);
        const own = used.filter((use) => covers(allowance, use));
        return own.length > 0 && own.every((use) => others.some((other) => covers(other, use)));
    });
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
