import { expect } from "chai";

import { serveSessions } from "../../../handlers/serveSessions";
import {
    awsEnvironment,
    type FakeAws,
    type FakeResponse,
    json,
    jsonError,
    setEnvironment,
    startFakeAws,
} from "../../support/fakeAws";
import { captureLog, lambdaContext } from "../../support/fakeLambda";

describe("the API of sessions, as API Gateway calls it", () => {
    const taskArn = "arn:aws:ecs:eu-west-1:111122223333:task/tasks/0123";
    /** Conditions of a transaction that are not met: of the row, of the count in all, of the tenant's. */
    let unmet: readonly boolean[];
    let aws: FakeAws;
    let restore: () => void;
    let log: ReturnType<typeof captureLog>;

    before(async () => {
        aws = await startFakeAws([
            { service: "ecs", answer: () => json({ tasks: [{ taskArn }] }) },
            {
                service: "dynamodb",
                answer: ({ operation }) =>
                    operation === "TransactWriteItems" && unmet.includes(true)
                        ? {
                              ...json({
                                  __type: "TransactionCanceledException",
                                  CancellationReasons: unmet.map((is) => ({
                                      Code: is ? "ConditionalCheckFailed" : "None",
                                  })),
                              }),
                              status: 400,
                          }
                        : json(operation === "Query" ? { Items: [] } : {}),
            },
        ]);
    });
    after(() => aws.stop());
    beforeEach(() => {
        unmet = [];
        aws.requests.length = 0;
        log = captureLog();
        restore = setEnvironment({
            ...awsEnvironment(aws.url),
            ...{ SESSIONS_NAME: "boards", TABLE_NAME: "boards", NAMES_TABLE_NAME: "names", TASK_TAGS: "{}" },
            RUN_TASK_INPUT: JSON.stringify({ cluster: "tasks", taskDefinition: "app:1", launchType: "FARGATE" }),
            ...{ HTTPS_PORT: "443", MAX_SESSIONS: "10", MAX_SESSIONS_PER_TENANT: "2", START_WITHIN_SECONDS: "600" },
            ...{ ISSUER: "https://id.example.com", AUDIENCES: '["boards"]', JWKS_URI: "https://id.example.com/keys" },
            ...{ TENANT_CLAIM: "team", CLAIM_VARIABLES: '{"TEAM_ID":"team","LEVEL":"level"}', BODY_VARIABLES: "{}" },
            HANDS_ON_TOKEN: "false",
        });
    });
    afterEach(() => {
        restore();
        log.restore();
    });

    const byToken = { jwt: { claims: { team: "42", level: "7" } } };
    const byIam = { iam: { accountId: "111122223333", userArn: "arn:aws:sts::111122223333:assumed-role/back-end/x" } };

    async function ask(
        routeKey: string,
        authorizer: object,
        pathParameters: object,
        body?: string,
        instead: Readonly<Record<string, FakeResponse>> = {},
    ) {
        aws.interfere = ({ operation }) => instead[operation];
        const event = { routeKey, pathParameters, body, rawPath: "/", requestContext: { authorizer } };
        const { statusCode, headers, body: text } = await serveSessions(event as never, lambdaContext());
        return { statusCode, headers, body: JSON.parse(text ?? "{}") as Record<string, unknown> };
    }

    interface Run {
        readonly tags: readonly { readonly key: string; readonly value: string }[];
        readonly overrides: { readonly containerOverrides: readonly { readonly environment: readonly object[] }[] };
    }
    const runs = (): Run[] =>
        aws.requests.filter(({ operation }) => operation === "RunTask").map(({ body }) => JSON.parse(body) as Run);
    const told = ({ overrides }: Run) => overrides.containerOverrides[0].environment;

    it("opens a session for the tenant of the token's claim", async () => {
        const answer = await ask("PUT /sessions/{key}", byToken, { key: "42.notebook" });
        expect([answer.statusCode, answer.headers!["retry-after"]]).to.deep.equal([202, "2"]);
        expect(answer.body).to.include({ key: "42.notebook", state: "starting", status: "REQUESTED" });
        const [run] = runs();
        expect(run.tags).to.deep.include({ key: "taskgate:tenant", value: "42" });
        expect(told(run)).to.deep.equal([
            { name: "TEAM_ID", value: "42" },
            { name: "LEVEL", value: "7" },
            { name: "SESSION_KEY", value: "42.notebook" },
            { name: "SESSION_TENANT", value: "42" },
        ]);
    });

    it("opens one for the tenant in the path of whom IAM let through, who has no other claims", async () => {
        const answer = await ask("PUT /_tenants/{tenant}/sessions/{key}", byIam, { tenant: "42", key: "42" });
        expect(answer.statusCode).to.equal(202);
        const [run] = runs();
        expect(run.tags).to.deep.include({ key: "taskgate:tenant", value: "42" });
        expect(told(run)).to.deep.equal([
            { name: "TEAM_ID", value: "42" },
            { name: "SESSION_KEY", value: "42" },
            { name: "SESSION_TENANT", value: "42" },
        ]);
        const list = await ask("GET /_tenants/{tenant}/sessions", byIam, { tenant: "42" });
        expect([list.statusCode, list.body]).to.deep.equal([200, { sessions: [] }]);
    });

    const refusals: [string, Parameters<typeof ask>, number, string][] = [
        ["another tenant's by token", ["PUT /sessions/{key}", byToken, { key: "7" }], 403, "not-yours"],
        [
            "another tenant's below one's own path",
            ["DELETE /_tenants/{tenant}/sessions/{key}", byIam, { tenant: "42", key: "7" }],
            403,
            "not-yours",
        ],
        [
            "a tenant that climbs out of its path",
            ["PUT /_tenants/{tenant}/sessions/{key}", byIam, { tenant: "42%2F..%2F7", key: "7" }],
            403,
            "not-yours",
        ],
        [
            "a signature where a token is asked for",
            ["PUT /sessions/{key}", byIam, { key: "42", tenant: "42" }],
            401,
            "no-token",
        ],
        ["a caller of whom nothing is known", ["GET /sessions", {}, {}], 401, "no-token"],
        ["what is no JSON", ["PUT /sessions/{key}", byToken, { key: "42" }, "{"], 400, "bad-request"],
        [
            "a variable that is not allowed",
            ["PUT /sessions/{key}", byToken, { key: "42" }, '{"environment":{"TEAM_ID":"7"}}'],
            400,
            "bad-request",
        ],
        [
            "more life where no end is set",
            ["PATCH /sessions/{key}", byToken, { key: "42" }, '{"lastSeconds":60}'],
            400,
            "bad-request",
        ],
        ["what is not open", ["GET /sessions/{key}", byToken, { key: "42" }], 404, "no-session"],
    ];
    refusals.forEach(([what, asked, status, kind]) =>
        it(`refuses ${what}, as RFC 9457 says, and starts nothing`, async () => {
            const { statusCode, headers, body } = await ask(...asked);
            expect([statusCode, headers!["content-type"]]).to.deep.equal([status, "application/problem+json"]);
            expect(body).to.include({ type: `urn:taskgate:problem:${kind}`, status });
            expect(runs()).to.deep.equal([]);
        }),
    );

    describe("closing one that is closing already", () => {
        const item = {
            ...{ id: { S: "session/42" }, key: { S: "42" }, tenant: { S: "42" }, state: { S: "CLOSING" } },
            ...{ fence: { S: "fence-1" }, revision: { N: "3" }, since: { N: "1" }, leasedUntil: { N: "0" } },
            ...{ request: { S: "{}" }, taskArn: { S: taskArn }, reason: { S: "Closed" } },
        };
        const denied = jsonError(400, "AccessDeniedException", "User: x is not authorized to perform: ecs:StopTask");
        const closing = (lastStatus: string) =>
            ask("DELETE /sessions/{key}", byToken, { key: "42" }, undefined, {
                GetItem: json({ Item: item }),
                StopTask: denied,
                DescribeTasks: json({ tasks: [{ taskArn, lastStatus, desiredStatus: "STOPPED" }] }),
            });

        it("is not told of a task that has stopped meanwhile, and has no tags any more by which IAM knows it", async () => {
            const { statusCode, body } = await closing("STOPPED");
            expect([statusCode, body.state]).to.deep.equal([202, "ending"]);
        });

        it("is told of one that runs and may not be stopped", async () => {
            expect((await closing("RUNNING")).statusCode).to.equal(503);
        });
    });

    const limits: [string, readonly boolean[], string][] = [
        ["a tenant", [false, false, true], '2 sessions of "42" are open, and no more are allowed: close one.'],
        ["all", [false, true, false], "10 sessions are open, and no more are allowed: try again later."],
    ];
    limits.forEach(([whose, conditions, detail]) =>
        it(`refuses more than the limit of ${whose}, and says when to ask again`, async () => {
            unmet = conditions;
            const { statusCode, headers, body } = await ask("PUT /sessions/{key}", byToken, { key: "42" });
            expect([statusCode, headers!["retry-after"], headers!["content-type"]]).to.deep.equal([
                ...[429, "30", "application/problem+json"],
            ]);
            expect(body).to.deep.equal({
                type: "urn:taskgate:problem:too-many-sessions",
                title: "Too many sessions are open",
                status: 429,
                detail,
                retryAfter: 30,
            });
            expect(runs()).to.deep.equal([]);
        }),
    );
});
