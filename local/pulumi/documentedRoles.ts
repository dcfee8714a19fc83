// The roles that docs/ci.md gives to who previews and who deploys, with its policies as they stand there.
import { readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";

import { createAws } from "../aws/resources/sdk";
import { eventually } from "../internet/caller";
import { isPackage, projectRoot } from "../machine/projectRoot";
import type { SystemFile } from "../machine/systemFile";

export interface Policy {
    readonly Version: string;
    readonly Statement: readonly Statement[];
}

interface Statement {
    readonly Effect: string;
    readonly Action: string | readonly string[];
    readonly Resource: string | readonly string[];
    readonly Condition?: object;
}

export type DocumentedRole = "taskgate-preview" | "taskgate-deploy";

/**
 * How the names begin of what each example makes, which stand in its policies where the stack's say `tasks-`.
 * tests/package/deployRole.test.ts sees that they are those of its components.
 */
export const namesOfExamples: Readonly<Record<string, readonly string[]>> = {
    alb: ["api", "cluster", "network", "shop"],
    components: ["certificate", "dns", "large", "notebooks", "small"],
    "end-to-end-tls": ["certificate", "cluster", "network", "records"],
    internal: ["api", "cluster", "network", "stock", "web", "worker"],
    nlb: ["certificate", "cluster", "live", "network"],
    reactive: [
        ...["cache", "campaigns", "cluster", "collector", "events", "failures"],
        ...["network", "persist", "refresh", "updates"],
    ],
    sandbox: ["sandboxes", "sessions"],
    sessions: ["boards", "sessions"],
    traefik: ["certificate", "cluster", "edge", "invoices", "network", "orders"],
    "two-regions": ["cluster", "desk", "network", "shop"],
    typescript: ["previews"],
    yaml: ["games"],
};

/** The policies below a heading of docs/ci.md, up to the next one. */
export function policiesBelow(heading: string): Policy[] {
    const text = readFileSync(join(projectRoot, "docs/ci.md"), "utf8");
    const [, section = ""] = text.split(`### ${heading}\n`);
    const blocks = section.split("\n### ")[0].matchAll(/```json\n([^]+?)```/g);
    return [...blocks].map(([, json]) => JSON.parse(json) as Policy);
}

/** With names of a program's own where they say `tasks-`, as the document tells to. */
export function named(policies: readonly Policy[], names: readonly string[]): Policy[] {
    const isOurs = (value: unknown): value is string => typeof value === "string" && value.includes("tasks-");
    const ofNames = (value: unknown): unknown => {
        if (isOurs(value)) {
            return names.map((name) => value.replace("tasks-", name));
        }
        if (Array.isArray(value)) {
            return value.flatMap(ofNames);
        }
        return value !== null && typeof value === "object"
            ? Object.fromEntries(Object.entries(value).map(([key, each]) => [key, ofNames(each)]))
            : value;
    };
    return policies.map((policy) => ofNames(policy) as Policy);
}

/** What a role may do: the stack's own, or an example's, in the zone of this id. */
export function documentedPolicies(role: DocumentedRole, example: string | undefined, zoneId: string): Policy[] {
    const own = policiesBelow(`Permissions of \`${role}\``);
    const more = policiesBelow(
        role === "taskgate-deploy"
            ? "Permissions for programs of your own"
            : "More permissions of `taskgate-preview`, for programs of your own",
    );
    const policies = example === undefined ? own : named([...own, ...more], namesOfExamples[example]);
    return JSON.parse(JSON.stringify(policies).replaceAll("ZONE-ID", zoneId)) as Policy[];
}

/** The statements in as few managed policies as hold them (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html). */
export function managedPolicies(policies: readonly Policy[]): Policy[] {
    const managed: Statement[][] = [[]];
    const toPolicy = (statements: readonly Statement[]): Policy => ({ Version: "2012-10-17", Statement: statements });
    for (const statement of policies.flatMap(({ Statement }) => Statement)) {
        const last = managed[managed.length - 1];
        if (last.length > 0 && JSON.stringify(toPolicy([...last, statement])).length > 6_144) {
            managed.push([statement]);
        } else {
            last.push(statement);
        }
    }
    return managed.map(toPolicy);
}

/** A program of this checkout: undefined when it is neither the stack's nor an example's; else the example's name, if it is one. */
function documented(program: string): { readonly example?: string } | undefined {
    const [folder, example] = relative(projectRoot, program).split(sep);
    if (isPackage || (folder === "examples" && namesOfExamples[example] === undefined)) {
        return undefined;
    }
    return folder === "examples" ? { example } : folder === "index.ts" ? {} : undefined;
}

/** Of this process, by system and by name: it is made again as it was by every other, which changes nothing. */
const made = new WeakMap<SystemFile, Map<string, Promise<string>>>();

/**
 * The access key of a session of the role that docs/ci.md documents for this program; the role is made when it is not there.
 * Undefined for a program that is not of this checkout: nobody says what its deployer may do.
 */
export async function documentedSession(
    system: SystemFile,
    role: DocumentedRole,
    program: string,
): Promise<string | undefined> {
    const found = documented(program);
    if (found === undefined) {
        return undefined;
    }
    const name = found.example === undefined ? role : `${role}-${found.example}`;
    const ofSystem = made.get(system) ?? new Map<string, Promise<string>>();
    made.set(system, ofSystem);
    const arn =
        ofSystem.get(name) ?? makeRole(system, name, documentedPolicies(role, found.example, system.hostedZoneId));
    ofSystem.set(name, arn);
    arn.catch(() => ofSystem.delete(name));
    return sessionOf(system, await arn);
}

/** Makes a role with these policies, which the account itself may assume; gives its ARN. */
export async function makeRole(system: SystemFile, RoleName: string, policies: readonly Policy[]): Promise<string> {
    const aws = createAws(system.gatewayUrl, { accountId: system.accountId, region: "us-east-1" });
    const unlessThere = (making: Promise<unknown>): Promise<unknown> =>
        making.catch((error: Error) => {
            if (error.name !== "EntityAlreadyExistsException") {
                throw error;
            }
        });
    const documents = managedPolicies(policies).map((policy, index) => ({
        name: `${RoleName}-${index + 1}`,
        document: JSON.stringify(policy),
    }));
    const trust = { Effect: "Allow", Principal: { AWS: aws.globalArn("iam", "root") }, Action: "sts:AssumeRole" };
    const AssumeRolePolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [trust] });
    await Promise.all([
        unlessThere(aws.iam.createRole({ RoleName, AssumeRolePolicyDocument })),
        ...documents.map(({ name: PolicyName, document: PolicyDocument }) =>
            unlessThere(aws.iam.createPolicy({ PolicyName, PolicyDocument })),
        ),
    ]);
    for (const { name } of documents) {
        await aws.iam.attachRolePolicy({ RoleName, PolicyArn: aws.globalArn("iam", `policy/${name}`) });
    }
    return aws.globalArn("iam", `role/${RoleName}`);
}

/** The access key of a session. A role that was just made is not known everywhere at once. */
export async function sessionOf(system: SystemFile, RoleArn: string): Promise<string> {
    const { sts } = createAws(system.gatewayUrl, { accountId: system.accountId, region: "us-east-1" });
    const { Credentials } = await eventually(`the role ${RoleArn} being known`, () =>
        sts.assumeRole({ RoleArn, RoleSessionName: "pulumi" }).catch((error: Error) => {
            if (!error.message.includes("not known everywhere yet")) {
                throw error;
            }
            return undefined;
        }),
    );
    return Credentials!.AccessKeyId!;
}
