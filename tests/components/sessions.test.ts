import { expect } from "chai";

import { Sessions, SessionsArgs } from "../../components";
import { keepsHouseRules, recordOne, refusalOf, tags } from "../support/houseRules";
import { operationsIn, type Recording, valueOf } from "../support/mocks";
import { documentOf, writesLogs } from "../support/policies";

const clusterArn = "arn:aws:ecs:eu-west-1:111122223333:cluster/tasks";
const tasks = "arn:aws:ecs:eu-west-1:111122223333:task/tasks/*";
const taskDefinition = "arn:aws:ecs:eu-west-1:111122223333:task-definition/app:7";
const tableArn = "arn:aws:dynamodb:eu-west-1:111122223333:table/it-table";
const runTaskInput = JSON.stringify({ cluster: clusterArn, taskDefinition, launchType: "FARGATE" });

const minimal: SessionsArgs = {
    runTaskInput,
    taskRoleArn: "arn:aws:iam::111122223333:role/task",
    executionRoleArn: "arn:aws:iam::111122223333:role/execution",
    namesTableName: "names",
    issuer: "https://issuer.example",
    audiences: ["boards"],
};

/** What starts tasks: only with all of their tags, and no others. */
function starting(whose: object, needed: readonly string[], tagKeys: readonly string[]): unknown[] {
    return [
        {
            Sid: "StartTaggedTasks",
            Effect: "Allow",
            Action: "ecs:RunTask",
            Resource: taskDefinition,
            Condition: {
                ArnEquals: { "ecs:cluster": clusterArn },
                StringEquals: whose,
                Null: Object.fromEntries(needed.map((key) => [`aws:RequestTag/${key}`, "false"])),
                "ForAllValues:StringEquals": { "aws:TagKeys": tagKeys },
            },
        },
        {
            Sid: "TagTasksAtCreation",
            Effect: "Allow",
            Action: "ecs:TagResource",
            Resource: tasks,
            Condition: { StringEquals: { "ecs:CreateAction": "RunTask", ...whose } },
        },
        {
            Sid: "GiveTasksTheirRoles",
            Effect: "Allow",
            Action: "iam:PassRole",
            Resource: ["arn:aws:iam::111122223333:role/execution", "arn:aws:iam::111122223333:role/task"],
            Condition: { StringEquals: { "iam:PassedToService": "ecs-tasks.amazonaws.com" } },
        },
    ];
}

const ofSession = ["taskgate:fence", "taskgate:session", "taskgate:sessions", "taskgate:tenant"];

const serving = [
    {
        Sid: "ReadAndWriteSessions",
        Effect: "Allow",
        Action: ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"],
        Resource: tableArn,
    },
    { Sid: "ListSessions", Effect: "Allow", Action: "dynamodb:Query", Resource: `${tableArn}/index/*` },
    {
        Sid: "ReadNames",
        Effect: "Allow",
        Action: "dynamodb:GetItem",
        Resource: "arn:aws:dynamodb:eu-west-1:111122223333:table/names",
    },
    ...starting(
        { "aws:RequestTag/taskgate:sessions": "it-table" },
        ["taskgate:session", "taskgate:tenant", "taskgate:fence"],
        [...ofSession, "team"],
    ),
    {
        Sid: "StopOwnTasks",
        Effect: "Allow",
        Action: "ecs:StopTask",
        Resource: tasks,
        Condition: { StringEquals: { "aws:ResourceTag/taskgate:sessions": "it-table" } },
    },
    { Sid: "ReadTasks", Effect: "Allow", Action: "ecs:DescribeTasks", Resource: tasks },
];

describe("Sessions", () => {
    const made = keepsHouseRules((options) => new Sessions("it", { ...minimal, tags }, options));
    const inputsOf = (name: string): Record<string, unknown> => made().find(name).inputs;

    it("makes these and nothing else", () => {
        expect(made().childrenOf("it")).to.deep.equal([
            "it-api aws:apigatewayv2/api:Api",
            "it-api-invokes aws:lambda/permission:Permission",
            "it-authorizer aws:apigatewayv2/authorizer:Authorizer",
            "it-integration aws:apigatewayv2/integration:Integration",
            "it-reconcile aws:lambda/function:Function",
            "it-reconcile-errors aws:cloudwatch/metricAlarm:MetricAlarm",
            "it-reconcile-logs aws:cloudwatch/logGroup:LogGroup",
            "it-reconcile-policy aws:iam/rolePolicy:RolePolicy",
            "it-reconcile-role aws:iam/role:Role",
            "it-reconcile-schedule aws:scheduler/schedule:Schedule",
            "it-reconcile-schedule-policy aws:iam/rolePolicy:RolePolicy",
            "it-reconcile-schedule-role aws:iam/role:Role",
            "it-route-close aws:apigatewayv2/route:Route",
            "it-route-door aws:apigatewayv2/route:Route",
            "it-route-enter aws:apigatewayv2/route:Route",
            "it-route-extend aws:apigatewayv2/route:Route",
            "it-route-list aws:apigatewayv2/route:Route",
            "it-route-look aws:apigatewayv2/route:Route",
            "it-route-open aws:apigatewayv2/route:Route",
            "it-rule aws:cloudwatch/eventRule:EventRule",
            "it-rule-invokes aws:lambda/permission:Permission",
            "it-serve aws:lambda/function:Function",
            "it-serve-errors aws:cloudwatch/metricAlarm:MetricAlarm",
            "it-serve-logs aws:cloudwatch/logGroup:LogGroup",
            "it-serve-policy aws:iam/rolePolicy:RolePolicy",
            "it-serve-role aws:iam/role:Role",
            "it-stage aws:apigatewayv2/stage:Stage",
            "it-table aws:dynamodb/table:Table",
            "it-target aws:cloudwatch/eventTarget:EventTarget",
        ]);
    });

    it("lets the API start tasks with their tags alone, tag them then alone, and stop its own alone", () => {
        expect(inputsOf("it-serve-policy").policy).to.deep.equal(documentOf(...serving, writesLogs("it-serve-logs")));
    });

    it("lets what compares sessions with tasks list those of the cluster, too", () => {
        expect(inputsOf("it-reconcile-policy").policy).to.deep.equal(
            documentOf(
                ...serving,
                {
                    Sid: "ListTasks",
                    Effect: "Allow",
                    Action: "ecs:ListTasks",
                    Resource: "*",
                    Condition: { ArnEquals: { "ecs:cluster": clusterArn } },
                },
                writesLogs("it-reconcile-logs"),
            ),
        );
    });

    it("offers a policy for a back end of one tenant: its own tasks and no others", async () => {
        const whose = (kind: string) => ({
            [`aws:${kind}/taskgate:sessions`]: "it-table",
            [`aws:${kind}/taskgate:tenant`]: "${aws:PrincipalTag/taskgate:tenant}",
        });
        expect(JSON.parse(await valueOf(made().result.tenantPolicy))).to.deep.equal(
            documentOf(
                ...starting(whose("RequestTag"), ["taskgate:session"], [...ofSession, "team"]),
                {
                    Sid: "StopOwnTasks",
                    Effect: "Allow",
                    Action: "ecs:StopTask",
                    Resource: tasks,
                    Condition: { StringEquals: whose("ResourceTag") },
                },
                {
                    Sid: "ReadTasks",
                    Effect: "Allow",
                    Action: "ecs:DescribeTasks",
                    Resource: tasks,
                    Condition: { StringEquals: whose("ResourceTag") },
                },
            ),
        );
    });

    it("calls in AWS what its policies allow", async () => {
        expect(await operationsIn(inputsOf("it-serve").code)).to.deep.equal([
            "DescribeTasks",
            "GetItem",
            "ListTasks", // reached by the reconciliation alone
            "PutEvents", // so, too
            "Query",
            "RunTask",
            "StopTask",
            "TransactWriteItems",
            "UpdateItem",
        ]);
    });

    it("asks for a token at each route of the API; the door asks itself, since a token may be in a cookie", () => {
        const routes = ["list", "open", "look", "extend", "close", "enter", "door"].map((name) => {
            const { routeKey, authorizationType, authorizerId, target } = inputsOf(`it-route-${name}`);
            return [routeKey, authorizationType, authorizerId, target];
        });
        const [authorizer, target] = ["it-authorizer-id", "integrations/it-integration-id"];
        expect(routes).to.deep.equal([
            ["GET /sessions", "JWT", authorizer, target],
            ["PUT /sessions/{key}", "JWT", authorizer, target],
            ["GET /sessions/{key}", "JWT", authorizer, target],
            ["PATCH /sessions/{key}", "JWT", authorizer, target],
            ["DELETE /sessions/{key}", "JWT", authorizer, target],
            ["POST /_enter", "NONE", undefined, target],
            ["$default", "NONE", undefined, target],
        ]);
        expect(inputsOf("it-authorizer")).to.deep.equal({
            apiId: "it-api-id",
            name: "token",
            authorizerType: "JWT",
            identitySources: ["$request.header.Authorization"],
            jwtConfiguration: { issuer: "https://issuer.example", audiences: ["boards"] },
        });
    });

    describe("where it takes signatures of IAM", () => {
        const signed = keepsHouseRules(
            (options) => new Sessions("it", { ...minimal, tags, iamAuthorization: true }, options),
        );

        it("has each route of the API below the tenant's path as well, for whom IAM allows it", () => {
            const routes = ["list", "open", "look", "extend", "close"].map((name) => {
                const { routeKey, authorizationType, authorizerId } = signed().find(`it-route-iam-${name}`).inputs;
                return [routeKey, authorizationType, authorizerId];
            });
            expect(routes).to.deep.equal([
                ["GET /_tenants/{tenant}/sessions", "AWS_IAM", undefined],
                ["PUT /_tenants/{tenant}/sessions/{key}", "AWS_IAM", undefined],
                ["GET /_tenants/{tenant}/sessions/{key}", "AWS_IAM", undefined],
                ["PATCH /_tenants/{tenant}/sessions/{key}", "AWS_IAM", undefined],
                ["DELETE /_tenants/{tenant}/sessions/{key}", "AWS_IAM", undefined],
            ]);
            const names = (component: Recording<Sessions>) => component.childrenOf("it");
            const more = names(signed()).filter((child) => !names(made()).includes(child));
            expect(more).to.have.length(5);
        });

        it("offers a policy to call for one's own tenant and no other", async () => {
            const api = "arn:aws:execute-api:eu-west-1:111122223333:it-api/$default";
            const own = "_tenants/${aws:PrincipalTag/taskgate:tenant}/*";
            expect(JSON.parse(await valueOf(signed().result.callPolicy))).to.deep.equal(
                documentOf({
                    Sid: "CallForOwnTenant",
                    Effect: "Allow",
                    Action: "execute-api:Invoke",
                    Resource: ["DELETE", "GET", "PATCH", "PUT"].map((method) => `${api}/${method}/${own}`),
                }),
            );
            expect(await valueOf(made().result.callPolicy)).to.equal("");
        });
    });

    it("lets its API and its rule call their functions, and nobody else", () => {
        const permissionOf = (name: string) => {
            const { action, principal, sourceArn } = made().find(name).inputs;
            return [action, principal, sourceArn];
        };
        expect(permissionOf("it-api-invokes")).to.deep.equal([
            "lambda:InvokeFunction",
            "apigateway.amazonaws.com",
            "arn:aws:execute-api:eu-west-1:111122223333:it-api/*/*",
        ]);
        expect(permissionOf("it-rule-invokes")).to.deep.equal([
            "lambda:InvokeFunction",
            "events.amazonaws.com",
            "arn:aws:events:eu-west-1:111122223333:rule/it-rule",
        ]);
    });

    it("tells of ends where there are any: what compares sessions with tasks may put that event on the bus, and no other", async () => {
        const limits = { maxLifetime: 3600, taskLifetime: 7200, endWarning: 600 };
        const ending = await recordOne((options) => new Sessions("it", { ...minimal, ...limits }, options));
        const { Statement } = ending.find("it-reconcile-policy").inputs.policy as { Statement: { Sid: string }[] };
        expect(Statement.filter(({ Sid }) => Sid === "TellOfEnds")).to.deep.equal([
            {
                Sid: "TellOfEnds",
                Effect: "Allow",
                Action: "events:PutEvents",
                Resource: "arn:aws:events:eu-west-1:111122223333:event-bus/default",
                Condition: {
                    "ForAllValues:StringEquals": {
                        "events:source": ["taskgate"],
                        "events:detail-type": ["Session Ending Soon"],
                    },
                },
            },
        ]);
        const served = ending.find("it-serve-policy").inputs.policy as { Statement: { Sid: string }[] };
        expect(served.Statement.map(({ Sid }) => Sid)).not.to.include("TellOfEnds");
        const variables = (name: string) =>
            (ending.find(name).inputs.environment as { variables: Record<string, unknown> }).variables;
        const times = { LIFETIME_SECONDS: "3600", TASK_LIFETIME_SECONDS: "7200" };
        expect(variables("it-reconcile")).to.deep.include({ ...times, WARN_SECONDS: "600" });
        expect(variables("it-serve")).to.deep.include(times).and.not.to.have.property("WARN_SECONDS");
        const short = await recordOne((options) => new Sessions("it", { ...minimal, taskLifetime: 60 }, options));
        expect(
            (short.find("it-reconcile").inputs.environment as { variables: Record<string, unknown> }).variables,
        ).to.have.property("WARN_SECONDS", "300");
    });

    it("is called from no web page unless one is named", async () => {
        expect(inputsOf("it-api")).not.to.have.property("corsConfiguration");
        const allowedOrigins = ["https://app.example.com"];
        const named = await recordOne((options) => new Sessions("it", { ...minimal, allowedOrigins }, options));
        expect(named.find("it-api").inputs.corsConfiguration).to.deep.equal({
            allowOrigins: allowedOrigins,
            allowMethods: ["DELETE", "GET", "PATCH", "PUT"],
            allowHeaders: ["authorization", "content-type"],
            maxAge: 3600,
        });
    });

    it("hears of its own tasks when they are to stop, and looks at all once a minute", () => {
        expect(inputsOf("it-rule").eventPattern).to.deep.equal({
            source: ["aws.ecs"],
            "detail-type": ["ECS Task State Change"],
            detail: { clusterArn: [clusterArn], startedBy: ["it-table"], desiredStatus: ["STOPPED"] },
        });
        expect(inputsOf("it-reconcile-schedule").scheduleExpression).to.equal("rate(1 minute)");
    });

    it("tells the functions what they go by, and no secrets", () => {
        const registry = {
            SESSIONS_NAME: "it-table",
            TABLE_NAME: "it-table",
            NAMES_TABLE_NAME: "names",
            RUN_TASK_INPUT: runTaskInput,
            TASK_TAGS: '{"team":"red"}',
            HTTPS_PORT: "443",
            MAX_SESSIONS: "100",
            MAX_SESSIONS_PER_TENANT: "5",
            START_WITHIN_SECONDS: "600",
        };
        const texts = (name: string): Record<string, unknown> =>
            Object.fromEntries(
                Object.entries((inputsOf(name).environment as { variables: Record<string, unknown> }).variables).map(
                    ([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)],
                ),
            );
        expect(texts("it-reconcile")).to.deep.equal(registry);
        expect(texts("it-serve")).to.deep.equal({
            ...registry,
            ISSUER: "https://issuer.example",
            AUDIENCES: '["boards"]',
            JWKS_URI: "https://issuer.example/.well-known/jwks.json",
            TENANT_CLAIM: "sub",
            CLAIM_VARIABLES: "{}",
            BODY_VARIABLES: "{}",
            HANDS_ON_TOKEN: "false",
        });
    });

    it("refuses what cannot be, each with a reason", async () => {
        const wrong = {
            runTaskInput: "{}",
            taskRoleArn: "task",
            namesTableName: "",
            issuer: "http://issuer.example",
            audiences: [],
            claimVariables: { AWS_REGION: "region", SIZE: "size" },
            bodyVariables: { "SI-ZE": "s", THEME: "(", SESSION_KEY: ".*" },
            maxSessions: 0,
            maxLifetime: 59,
            taskLifetime: 2_592_001,
            endWarning: 59,
            iamAuthorization: "yes",
            signInUrl: "app.example.com",
            allowedOrigins: ["https://app.example.com/"],
        } as unknown as SessionsArgs;
        const found = await refusalOf((options) => new Sessions("it", wrong, options));
        const taken = "begins with AWS_, ECS_, TLS_ or SESSION_, which are taken: give another name";
        expect(found).to.deep.equal({
            runTaskInput:
                "is not what RunTask takes, as JSON with cluster and taskDefinition as ARNs: give a component's runTaskInput",
            taskRoleArn: '"task" is not the ARN of an IAM role, e.g. arn:aws:iam::111122223333:role/apps',
            executionRoleArn:
                "is missing: give the ARN of the role by which ECS starts tasks, e.g. TaskPlatform's executionRoleArn",
            namesTableName: "is empty: give a value, or leave it out",
            issuer: '"http://issuer.example" is not an https:// URL without query and fragment, e.g. https://id.example.com',
            audiences: "is empty: give at least 1",
            "claimVariables.AWS_REGION": taken,
            "bodyVariables.SI-ZE":
                "is no name of an environment variable: use up to 128 letters, digits and _, and begin with no digit",
            "bodyVariables.THEME": found["bodyVariables.THEME"],
            "bodyVariables.SESSION_KEY": taken,
            maxSessions: "0 is not allowed: give a whole number from 1 to 5000 sessions",
            maxLifetime: "59 is not allowed: give a whole number from 60 to 2592000 seconds",
            taskLifetime: "2592001 is not allowed: give a whole number from 60 to 2592000 seconds",
            endWarning: "59 is not allowed: give a whole number from 60 to 86400 seconds",
            iamAuthorization: found.iamAuthorization,
            signInUrl: '"app.example.com" is not an https:// URL, e.g. https://id.example.com',
            "allowedOrigins[0]":
                '"https://app.example.com/" is not an origin: give scheme, host and, if need be, port, e.g. https://app.example.com',
        });
        expect(found["bodyVariables.THEME"]).to.match(/^"\(" is not a regular expression, e\.g\. red\|blue: /);
        expect(await refusalOf((options) => new Sessions("it", { ...minimal, endWarning: 60 }, options))).to.deep.equal(
            {
                endWarning: "goes with maxLifetime or taskLifetime: without them no session has an end to tell of",
            },
        );
        const variables = { claimVariables: { SIZE: "size" }, bodyVariables: { SIZE: "s|m" } };
        expect(await refusalOf((options) => new Sessions("it", { ...minimal, ...variables }, options))).to.deep.equal({
            "bodyVariables.SIZE":
                "is one of claimVariables too: what a claim says is not asked for, give it another name",
        });
    });
});
