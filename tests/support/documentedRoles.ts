// The policies that docs/ci.md gives to who deploys and who previews.
import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { IAM } from "@aws-sdk/client-iam";

import { projectRoot } from "../../local/machine/projectRoot";

/** The policies below a heading of docs/ci.md, up to the next one. */
export function policiesBelow(heading: string): Policy[] {
    const text = readFileSync(join(projectRoot, "docs/ci.md"), "utf8");
    const [, section = ""] = text.split(`### ${heading}\n`);
    const blocks = section.split("\n### ")[0].matchAll(/```json\n([^]+?)```/g);
    return [...blocks].map(([, json]) => JSON.parse(json) as Policy);
}

export interface Policy {
    readonly Version: string;
    readonly Statement: readonly { readonly Action: string | readonly string[] }[];
}

/** Makes a role of the document in the local IAM, without an action of it if one is named; gives its ARN. */
export async function makeRole(
    iam: IAM,
    name: "taskgate-preview" | "taskgate-deploy",
    without?: string,
): Promise<string> {
    const RoleName = without === undefined ? name : `${name}-without-${without.replace(":", "-")}`;
    const trust = { Effect: "Allow", Principal: { AWS: "*" }, Action: "sts:AssumeRole" };
    const { Role } = await iam.createRole({
        RoleName,
        AssumeRolePolicyDocument: JSON.stringify({ Version: "2012-10-17", Statement: [trust] }),
    });
    for (const [index, policy] of policiesBelow(`Permissions of \`${name}\``).entries()) {
        const Statement = policy.Statement.map((statement) => ({
            ...statement,
            Action: [statement.Action].flat().filter((action) => action !== without),
        })).filter(({ Action }) => Action.length > 0);
        const PolicyDocument = JSON.stringify({ ...policy, Statement });
        await iam.putRolePolicy({ RoleName, PolicyName: `documented-${index}`, PolicyDocument });
    }
    return Role!.Arn!;
}
