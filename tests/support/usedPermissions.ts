// No role has a permission that nothing asks for, but for those with a reason.
import { expect } from "chai";

import type { PermissionsUsed } from "../../local/commands/steps";

/** What no life comes to, or not each, and why it is allowed all the same. */
const rare: readonly (readonly [permission: RegExp, reason: string])[] = [
    [/\bdns-sweep-role /, "the sweep runs by its schedule, and mends only what is amiss"],
    [/\bdns-sync-role sqs:(ChangeMessageVisibility|SendMessage)$/, "messages that Route 53 throttles are put off"],
    [
        /\bdns-sync-role (dynamodb:|route53:ListResourceRecordSets)/,
        "records that are not as they were written are looked up",
    ],
    [
        /\bcertificate-renewal-role (s3:ListBucket|ssm:DeleteParameter)$/,
        "S3 asks for it when an object is not there; an order ends",
    ],
    [
        /\bcertificate-import-role (acm:DeleteCertificate|ssm:DeleteParameter)$/,
        "the imported certificate goes with the stack",
    ],
    [
        /^sessions-reconcile-role (dynamodb:GetItem|ecs:|events:PutEvents|iam:PassRole)/,
        "the comparison of sessions with tasks mends only what is amiss",
    ],
    [/^sessions-serve-role dynamodb:Query$/, "a list of all sessions of a tenant, for which not every life asks"],
    [/^refresh ec2:/, "Lambda makes the interfaces of a function in a VPC; local functions have none"],
];

/** Allowed twice on purpose. */
const twice: readonly (readonly [permission: RegExp, reason: string])[] = [
    [
        /\bcertificate-import-role acm:ImportCertificate$/,
        "a new certificate by the tag that it is given, one that is there by its own",
    ],
];

/** Denied, and no harm. */
const refused: readonly (readonly [permission: RegExp, reason: string])[] = [
    [/^sessions-(serve|reconcile)-role ecs:StopTask$/, "a task has no tags any more once it has stopped"],
];

/** Those that no row excuses. */
export function withoutReason(
    { surplus, spared, missing }: PermissionsUsed = { surplus: ["nothing was told"], spared: [], missing: [] },
): PermissionsUsed {
    const others = (permissions: readonly string[], rows: typeof rare) =>
        permissions.filter((permission) => !rows.some(([pattern]) => pattern.test(permission)));
    return { surplus: others(surplus, rare), spared: others(spared, twice), missing: others(missing, refused) };
}

/** Of a life's roles: each permission was used, none could be taken away by hand unnoticed, none was missing. */
export function expectAllUsed(told: PermissionsUsed | undefined): void {
    expect(withoutReason(told)).to.deep.equal({ surplus: [], spared: [], missing: [] });
}
