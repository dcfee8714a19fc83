// What the policies of sessions allow and what not, as IAM judges it.
import { ECS } from "@aws-sdk/client-ecs";
import { IAM } from "@aws-sdk/client-iam";
import { expect } from "chai";

import { policyDocument, Statement } from "../../../../components/internal/policies";
import {
    callStatements,
    SessionArns,
    sessionStatements,
    tenantStatements,
} from "../../../../components/internal/sessions/policies";
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
    bus: `arn:aws:events:${region}:${accountId}:event-bus/default`,
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

    /** The access key of a session of a new role. */
    async function keyOf(
        RoleName: string,
        statements: readonly Statement[],
        tags: Readonly<Record<string, string>> = {},
    ): Promise<string> {
        const { Role } = await iam.createRole({
            RoleName,
            Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })),
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
        return permissions.identities.keyOfRole(Role!.Arn!, "session");
    }

    async function ecsOf(...role: Parameters<typeof keyOf>): Promise<ECS> {
        const accessKeyId = await keyOf(...role);
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

    it("let a back end start and stop tasks of the tenant that its role names, with all of their tags, and no others", async () => {
        const roles = [`arn:aws:iam::${accountId}:role/task`];
        const ofTeam = await ecsOf("back-end", tenantStatements({ ...arns, roles }), { "taskgate:tenant": "42" });
        const whole = without("taskgate:fence"); // its tasks are no sessions
        expect({
            "its own": await run(ofTeam, whole),
            "another tenant's": await run(ofTeam, { ...whole, "taskgate:tenant": "7" }),
            "nobody's": await run(ofTeam, without("taskgate:tenant")),
            "of other sessions": await run(ofTeam, { ...whole, "taskgate:sessions": "sessions-2" }),
            untagged: await run(ofTeam, {}),
            "with another tag": await run(ofTeam, { ...whole, admin: "yes" }),
            "of another definition": await run(ofTeam, whole, "task-definition/other:1"),
        }).to.deep.equal({
            "its own": "allowed",
            "another tenant's": "denied",
            "nobody's": "denied",
            "of other sessions": "denied",
            untagged: "denied",
            "with another tag": "denied",
            "of another definition": "denied",
        });
        expect(await stopAll(ofTeam)).to.deep.equal({
            own: "allowed",
            "of-another-tenant": "denied",
            "of-other-sessions": "denied",
            untagged: "denied",
        });
        const tags = [{ key: "taskgate:tenant", value: "42" }];
        expect(await verdict(ofTeam.tagResource({ resourceArn: arn("task/tasks/of-another-tenant"), tags }))).to.equal(
            "denied",
        );
        // A role without the tag is no tenant's.
        const untold = await ecsOf("untold", tenantStatements({ ...arns, roles }));
        expect([await run(untold, whole), await stopAll(untold)]).to.deep.equal([
            "denied",
            { own: "denied", "of-another-tenant": "denied", "of-other-sessions": "denied", untagged: "denied" },
        ]);
    });

    it("let a back end call the API for the tenant that its role names, by each method, and for no other", async () => {
        const api = `arn:aws:execute-api:${region}:${accountId}:api-1`;
        const key = await keyOf("caller", callStatements(api), { "taskgate:tenant": "42" });
        const may = (path: string) => permissions.permits(key, region, "execute-api:Invoke", `${api}/$default/${path}`);
        const asked = {
            "GET/_tenants/42/sessions": true,
            "PUT/_tenants/42/sessions/42": true,
            "PATCH/_tenants/42/sessions/42.b": true,
            "DELETE/_tenants/42/sessions/42": true,
            "POST/_tenants/42/sessions": false,
            "GET/_tenants/7/sessions": false,
            "DELETE/_tenants/7/sessions/7": false,
            "DELETE/_tenants/421/sessions/421": false,
            "GET/_tenants/7/sessions/_tenants/42/": false,
            "GET/sessions": false,
        };
        const judged = await Promise.all(Object.keys(asked).map(async (path) => [path, await may(path)] as const));
        expect(Object.fromEntries(judged)).to.deep.equal(asked);
        expect(await permissions.permits(key, region, "execute-api:Invoke", `${api.replace("api-1", "api-2")}/$default/GET/_tenants/42/sessions`)).to.equal(false); // prettier-ignore
    });
});
