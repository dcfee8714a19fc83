import { createHash } from "node:crypto";

import { AwsError, escapeXml, xmlResponse } from "../gateway/overlay";
import type { Overlay } from "../gateway/overlay";
import type { Permissions } from "../permissions/permissions";

/** A session of a role, for whom the role's trust policy lets assume it. Its key is good for as long as the system runs. */
export function stsOverlay(permissions: Permissions): Overlay {
    return {
        service: "sts",
        async handle({ operation, parameters, accountId, principal }) {
            if (operation !== "AssumeRole") {
                return undefined;
            }
            const { RoleArn, RoleSessionName, DurationSeconds } = parameters as {
                readonly RoleArn: string;
                readonly RoleSessionName: string;
                readonly DurationSeconds?: number;
            };
            const caller = principal ?? `arn:aws:iam::${accountId}:root`;
            const reason = await permissions.whyNotAssumed(RoleArn, caller);
            if (reason !== undefined) {
                const user = `User: ${caller} is not authorized to perform: sts:AssumeRole`;
                throw new AwsError("AccessDenied", `${user} on resource: ${RoleArn} (${reason})`, 403);
            }
            const [, , , , owner, path] = RoleArn.split(":");
            const name = path.slice(path.lastIndexOf("/") + 1);
            const assumed = (await permissions.role(owner, name))!;
            const sessionArn = `arn:aws:sts::${owner}:assumed-role/${name}/${RoleSessionName}`;
            const id = createHash("sha256").update(assumed.arn).digest("hex").slice(0, 17).toUpperCase();
            const expiration = new Date(Date.now() + (DurationSeconds ?? 3_600) * 1_000).toISOString();
            return xmlResponse(
                `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>` +
                    `<AssumedRoleUser><AssumedRoleId>AROA${id}:${escapeXml(RoleSessionName)}</AssumedRoleId><Arn>${escapeXml(sessionArn)}</Arn></AssumedRoleUser>` +
                    `<Credentials><AccessKeyId>${permissions.identities.keyOfRole(RoleArn, RoleSessionName)}</AccessKeyId><SecretAccessKey>local</SecretAccessKey>` +
                    `<SessionToken>local</SessionToken><Expiration>${expiration}</Expiration></Credentials>` +
                    `</AssumeRoleResult></AssumeRoleResponse>`,
            );
        },
    };
}
