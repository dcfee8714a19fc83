// What the policies of sessions allow and what not, as IAM judges it.
import { ECS } from "@aws-sdk/client-ecs";
import { IAM } from "@aws-sdk/client-iam";
import { expect } from "chai";

import { policyDocument, Statement } from "../../../../components/internal/policies";
import { SessionArns, sessionStatements, tenantStatements } from "../../../../components/internal/sessions/policies";
import { createPermissions } from "../../../../local/aws/permissions/permissions";
import { clientConfig } from "../../../../local/machine/awsClients";
import { accountId, Emulator, startEmulator } from "../../../support/emulator";

const region = "eu-west-1";
const scope = { accountId, region };
const arn = (resource: string): string => `arn:aws:ecs:${region}:${accountId}:${resource}`;

const arns: SessionArns = {
    owner: "sessions-1",
    table: `arn:aws:dynamodb:${region}:${accountId}:table/sessions-1`,
    namesTable: `arn:aws:dynamodb:${region}:${accountId}:table/names`,
    cluster: arn("cluster/tasks"),
    taskDefinition: arn("task-definition/app:7"),
    roles: [],
    tagKeys: ["project"],
};

const complete: Readonly<Record<string, string>> = {
    "taskgate:sessions": "sessions-1",
    "taskgate:session": "42",
    "taskgate:tenant": "42",
    "taskgate:fence": "fence",
    project: "boards",
};

/** Tasks that are there, by their last part. */
const running: Readonly<Record<string, Record<string, string>>> = {
    own: complete,
    "of-another-tenant": { ...complete, "taskgate:tenant": "7" },
    "of-other-sessions": { ...complete, "taskgate:sessions": "sessions-2" },
    untagged: {},
};

describe("the policies of sessions", () => {
    const permissions = createPermissions({
        tagsOf: (resource) =>
            Object.entries(running[resource.slice(resource.lastIndexOf("/") + 1)] ?? {}).map(([key, value]) => ({
                key,
                value,
            })),
    });
    let emulator: Emulator;
    let iam: IAM;

    before(async () => {
        emulator = await startEmulator({ overlays: [], permissions });
        iam = new IAM(clientConfig(emulator.url, scope));
    });
    after(() => emulator?.stop());

    async function ecsOf(RoleName: string, statements: readonly Statement[]): Promise<ECS> {
        const { Role } = await iam.createRole({
            RoleName,
            AssumeRolePolicyDocument: policyDocument([
                {
                    Sid: "Assume",
                    Effect: "Allow",
                    Principal: { Service: "lambda.amazonaws.com" },
                    Action: "sts:AssumeRole",
                },
            ]),
        });
        await iam.putRolePolicy({ RoleName, PolicyName: "own", PolicyDocument: policyDocument(statements) });
        const accessKeyId = permissions.identities.keyOfRole(Role!.Arn!, "session");
        return new ECS({ ...clientConfig(emulator.url, { ...scope, accessKeyId }), maxAttempts: 1 });
    }

    /** "denied", or not: there is no such task definition here, which is found out only afterwards. */
    const verdict = (call: Promise<unknown>): Promise<string> =>
        call.then(
            () => "allowed",
            (error: Error) => (error.name === "AccessDeniedException" ? "denied" : "allowed"),
        );

    const run = (ecs: ECS, tags: Readonly<Record<string, string>>, taskDefinition = "task-definition/app:7") =>
        verdict(
            ecs.runTask({
                cluster: arns.cluster,
                taskDefinition: arn(taskDefinition),
                tags: Object.entries(tags).map(([key, value]) => ({ key, value })),
            }),
        );
    const without = (key: string): Record<string, string> =>
        Object.fromEntries(Object.entries(complete).filter(([name]) => name !== key));

    it("let the functions start tasks with all of their tags and no others, of their definition and in their cluster", async () => {
        const ecs = await ecsOf(
            "functions",
            sessionStatements({ ...arns, roles: [`arn:aws:iam::${accountId}:role/task`] }),
        );
        expect(await run(ecs, complete)).to.equal("allowed");
        expect({
            untagged: await run(ecs, {}),
            ...Object.fromEntries(
                await Promise.all(
                    ["taskgate:sessions", "taskgate:session", "taskgate:tenant", "taskgate:fence"].map(
                        async (key) => [`without ${key}`, await run(ecs, without(key))] as const,
                    ),
                ),
            ),
            "as another's": await run(ecs, { ...complete, "taskgate:sessions": "sessions-2" }),
            "with another tag": await run(ecs, { ...complete, admin: "yes" }),
            "of another definition": await run(ecs, complete, "task-definition/other:1"),
        }).to.deep.equal({
            untagged: "denied",
            "without taskgate:sessions": "denied",
            "without taskgate:session": "denied",
            "without taskgate:tenant": "denied",
            "without taskgate:fence": "denied",
            "as another's": "denied",
            "with another tag": "denied",
            "of another definition": "denied",
        });
    });

    const stopAll = async (ecs: ECS): Promise<Record<string, string>> =>
        Object.fromEntries(
            await Promise.all(
                Object.keys(running).map(
                    async (name) =>
                        [
                            name,
                            await verdict(ecs.stopTask({ cluster: arns.cluster, task: arn(`task/tasks/${name}`) })),
                        ] as const,
                ),
            ),
        );

    it("let the functions stop their own tasks alone, and change no tag afterwards", async () => {
        const ecs = await ecsOf(
            "stopping",
            sessionStatements({ ...arns, roles: [`arn:aws:iam::${accountId}:role/task`] }),
        );
        expect(await stopAll(ecs)).to.deep.equal({
            own: "allowed",
            "of-another-tenant": "allowed", // they serve all tenants
            "of-other-sessions": "denied",
            untagged: "denied",
        });
        const resourceArn = arn("task/tasks/own");
        expect(
            await verdict(ecs.tagResource({ resourceArn, tags: [{ key: "taskgate:tenant", value: "7" }] })),
        ).to.equal("denied");
        expect(await verdict(ecs.untagResource({ resourceArn, tagKeys: ["taskgate:tenant"] }))).to.equal("denied");
    });

    it("the policy of a tenant names the tenant of whoever calls, in each statement about tasks", () => {
        const about = tenantStatements({ ...arns, roles: ["role"] }).filter(({ Sid }) => Sid !== "GiveTasksTheirRoles");
        for (const { Sid, Condition } of about) {
            const { StringEquals } = Condition as { StringEquals: Record<string, string> };
            const kind = Sid === "StartTaggedTasks" || Sid === "TagTasksAtCreation" ? "RequestTag" : "ResourceTag";
            expect(StringEquals[`aws:${kind}/taskgate:tenant`], Sid).to.equal("${aws:PrincipalTag/taskgate:tenant}");
            expect(StringEquals[`aws:${kind}/taskgate:sessions`], Sid).to.equal("sessions-1");
        }
    });
});
