import { createHash } from "node:crypto";

import type { Scope } from "../../machine/awsClients";

/** Who calls: a role's session, or an AWS service on somebody's behalf. */
export interface Identity {
    /** As AccessDenied names it: `arn:aws:sts::…:assumed-role/<role>/<session>`, or `events.amazonaws.com`. */
    readonly principal: string;
    readonly accountId: string;
    /** Whose policies count; none of a service's own. */
    readonly roleName?: string;
    /** What the service says of the resource it calls for. */
    readonly context?: Readonly<Record<string, string>>;
}

/** The access keys that the local system has handed out. A key that is an account's id is the account itself, which may do all. */
export interface Identities {
    of(accessKeyId: string): Identity | undefined;
    /** For a session of a role, named like what has assumed it. */
    readonly keyOfRole: (roleArn: string, session: string) => string;
    /** For a service that calls for the resource with this ARN. */
    keyOfService(service: string, scope: Scope, sourceArn: string): string;
}

export function createIdentities(): Identities {
    const byKey = new Map<string, Identity>();

    /** The same key for the same identity: functions keep theirs as long as the system runs. */
    function keyOf(identity: Identity): string {
        const digest = createHash("sha256").update(JSON.stringify(identity)).digest("hex");
        const key = `ASIA${digest.slice(0, 16).toUpperCase()}`;
        byKey.set(key, identity);
        return key;
    }

    return {
        of: (accessKeyId) => byKey.get(accessKeyId),
        keyOfRole(roleArn, session) {
            const accountId = roleArn.split(":")[4];
            const roleName = roleArn.slice(roleArn.lastIndexOf("/") + 1);
            const principal = `arn:aws:sts::${accountId}:assumed-role/${roleName}/${session}`;
            return keyOf({ principal, accountId, roleName });
        },
        keyOfService: (service, { accountId }, sourceArn) =>
            keyOf({
                principal: service,
                accountId,
                context: { "aws:SourceArn": sourceArn, "aws:SourceAccount": accountId },
            }),
    };
}
