import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { reconcileSessions } from "../handlers/reconcileSessions";
import { serveSessions } from "../handlers/serveSessions";
import { OPEN_INDEX, TENANT_INDEX, TENANT_PATH } from "../handlers/sessionNames";
import { alarm } from "./internal/alarm";
import { integer, logRetentionDays, port, tags, topicArn } from "./internal/arguments";
import { callbackFunction } from "./internal/functions/callback";
import { invokedByEvents } from "./internal/functions/eventRule";
import { scheduled } from "./internal/functions/schedule";
import { outputsOf } from "./internal/outputs";
import { policyDocument } from "./internal/policies";
import {
    arnKinds,
    arnReason,
    httpsReason,
    issuerReason,
    keysUri,
    nameReason,
    originReason,
    patternReason,
    policyTagKeyReason,
    runTaskInputReason,
    variableReason,
} from "./internal/rules";
import {
    callStatements,
    reconcileStatements,
    SessionArns,
    sessionStatements,
    tenantStatements,
} from "./internal/sessions/policies";
import {
    ArgumentRules,
    faultOf,
    flag,
    given,
    judged,
    list,
    map,
    plain,
    required,
    text,
    together,
} from "./internal/validation";

/** Arguments of {@link Sessions}. */
export interface SessionsArgs {
    /** What ECS's RunTask takes, as JSON: TaskPlatform's or EnvoyTask's `runTaskInput`. */
    readonly runTaskInput: pulumi.Input<string>;
    /** ARN of the tasks' own role: TaskPlatform's `taskRoleArn`. */
    readonly taskRoleArn: pulumi.Input<string>;
    /** ARN of the role by which ECS starts the tasks: TaskPlatform's `executionRoleArn`. */
    readonly executionRoleArn: pulumi.Input<string>;
    /** Name of the table that says which task has which name: TaskPlatform's `namesTableName`. */
    readonly namesTableName: pulumi.Input<string>;
    /**
     * Port on which tasks serve HTTPS.
     * @default 443
     */
    readonly httpsPort?: pulumi.Input<number>;
    /** The OpenID issuer whose tokens are taken, such as a Cognito user pool: `https://cognito-idp.<region>.amazonaws.com/<id>`. */
    readonly issuer: pulumi.Input<string>;
    /** Whom a token must be for: its `aud` or, where it has none, its `client_id` is one of these. */
    readonly audiences: pulumi.Input<pulumi.Input<string>[]>;
    /**
     * Where the issuer's keys are.
     * @default `<issuer>/.well-known/jwks.json`
     */
    readonly jwksUri?: pulumi.Input<string>;
    /**
     * The claim that says whose people somebody is of, such as `custom:team`. Its value, letters, digits and inner `-` and `_`, is the key of their
     * session; `<value>.<name>` are the keys of more.
     * @default "sub": everybody for themselves
     */
    readonly tenantClaim?: pulumi.Input<string>;
    /**
     * Environment variables of the tasks' containers `app` and `init`, by the claims of whoever opens a session: `{ TEAM_ID: "custom:team" }`.
     * `SESSION_KEY` and `SESSION_TENANT` are there without.
     * @default none
     */
    readonly claimVariables?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /**
     * Environment variables that whoever opens a session may ask for, by the regular expression that the whole value must match.
     * @default none
     */
    readonly bodyVariables?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /**
     * How many sessions may be open at once, 1 to 5000.
     * @default 100
     */
    readonly maxSessions?: pulumi.Input<number>;
    /**
     * How many of one tenant may be open at once, 1 to 5000.
     * @default 5
     */
    readonly maxSessionsPerTenant?: pulumi.Input<number>;
    /**
     * Seconds for which a session lasts unless it is extended, 60 to 2592000.
     * @default until it is closed or its task ends
     */
    readonly maxLifetime?: pulumi.Input<number>;
    /**
     * Seconds after which a session ends, whoever extends it, 60 to 2592000: those after which its task ends by itself, TaskPlatform's `maxLifetime`.
     * @default none: it may be extended for ever
     */
    readonly taskLifetime?: pulumi.Input<number>;
    /**
     * Seconds before a session's end at which an event tells of it (docs/sessions.md), 60 to 86400. Goes with `maxLifetime` or `taskLifetime`.
     * @default 300
     */
    readonly endWarning?: pulumi.Input<number>;
    /**
     * Seconds after which a task that does not run yet is given up, 60 to 3600.
     * @default 600
     */
    readonly startTimeout?: pulumi.Input<number>;
    /**
     * An https URL to which a browser without a good token is sent, with the parameter `return`. It sends the browser back there, with the token in the
     * fragment `#taskgate-token=…`.
     * @default the page says to come by the link of the application
     */
    readonly signInUrl?: pulumi.Input<string>;
    /**
     * Whether the door hands the token on to the task, in the link that leads there: for tasks that ask for it (TaskPlatform's `authentication`).
     * @default false
     */
    readonly handsOnToken?: pulumi.Input<boolean>;
    /**
     * Whether the API takes requests signed for IAM as well, at `<apiUrl>/_tenants/<tenant>/sessions`, from those whose policies allow it
     * (`callPolicy`).
     * @default false
     */
    readonly iamAuthorization?: boolean;
    /**
     * Origins of the web pages that may call the API from a browser, such as `https://app.example.com`.
     * @default none
     */
    readonly allowedOrigins?: pulumi.Input<pulumi.Input<string>[]>;
    /**
     * Tags of every task, beside `taskgate:sessions`, `taskgate:session` (the key), `taskgate:tenant` and `taskgate:fence`.
     * @default those of `tags`
     */
    readonly taskTags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /**
     * ARN of an SNS topic that hears of alarms.
     * @default the alarms tell nobody
     */
    readonly alarmTopicArn?: pulumi.Input<string>;
    /**
     * How long the functions' logs are kept, in days.
     * @default 30
     */
    readonly logRetentionDays?: pulumi.Input<number>;
    /**
     * Tags of everything that can have tags.
     * @default none
     */
    readonly tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/** A role's name has 64 characters, of which the longest ending and Pulumi take 32. */
const longestName = 32;

/**
 * A task for each key, such as a team's: started by the first visit, found by all later ones, open to its own people. An API and a door, behind
 * tokens of one's own issuer, open, find, extend and close sessions; a table says which is open, and a conditional write in it decides who
 * starts a task.
 */
export class Sessions extends pulumi.ComponentResource {
    /** Address of the API, `<apiUrl>/sessions`, and of the door, `<apiUrl>/<key>/…`. */
    public readonly apiUrl: pulumi.Output<string>;
    /** Name of the DynamoDB table of sessions; the tag `taskgate:sessions` of every task of theirs. */
    public readonly tableName: pulumi.Output<string>;
    /** Name of the Lambda function behind the API and the door. */
    public readonly functionName: pulumi.Output<string>;
    /** Name of the Lambda function that keeps sessions and tasks in line. */
    public readonly reconcileFunctionName: pulumi.Output<string>;
    /**
     * A policy, as JSON, for a back end of one's own that runs tasks itself: it may start and stop tasks of the tenant that its role's tag
     * `taskgate:tenant` names, and no others. These are no sessions: the registry does not know them.
     */
    public readonly tenantPolicy: pulumi.Output<string>;
    /**
     * A policy, as JSON, for a back end that calls the API by IAM: for the tenant that its role's tag `taskgate:tenant` names, and no others. Empty without
     * `iamAuthorization`.
     */
    public readonly callPolicy: pulumi.Output<string>;

    /** @throws pulumi.InputPropertiesError naming every refused argument */
    constructor(name: string, args: SessionsArgs, opts?: pulumi.ComponentResourceOptions) {
        args = judged("Sessions", name, args, sessionsArguments);
        super("taskgate:index:Sessions", name, args, opts);
        const { logRetentionDays = 30, alarmTopicArn, taskTags = args.tags ?? {} } = args;
        const common = { packages: [], memory: 256, logRetentionDays, tags: args.tags };

        const table = sessionTable(name, args.tags, this);
        const arns = arnsOf(args, table, taskTags, this);
        const environment = registryEnvironment(args, table, taskTags);
        const warning: Record<string, pulumi.Input<string>> = hasEnds(args)
            ? { WARN_SECONDS: pulumi.interpolate`${args.endWarning ?? 300}` }
            : {};
        const reconcile = callbackFunction(
            `${name}-reconcile`,
            {
                ...common,
                handler: reconcileSessions,
                description: "Keeps sessions and their tasks in line",
                statements: arns.apply((known) => [
                    ...sessionStatements(known),
                    ...reconcileStatements(known, hasEnds(args)),
                ]),
                environment: { ...environment, ...warning },
                timeout: 50,
            },
            this,
        );
        scheduled(
            `${name}-reconcile`,
            { invoked: reconcile, rate: "1 minute", description: "Compares sessions with tasks", tags: args.tags },
            this,
        );
        whenTasksStop(name, args, table, reconcile, this);
        const serve = callbackFunction(
            `${name}-serve`,
            {
                ...common,
                handler: serveSessions,
                description: "Opens sessions and leads to them",
                statements: arns.apply(sessionStatements),
                environment: { ...environment, ...doorEnvironment(args) },
                timeout: 29, // API Gateway waits for 30 s
            },
            this,
        );
        const api = httpApi(name, args, serve, this);
        alarms(name, { reconcile, serve }, { topicArn: alarmTopicArn, tags: args.tags }, this);

        this.apiUrl = api.apiEndpoint;
        this.tableName = table.name;
        this.functionName = serve.name;
        this.reconcileFunctionName = reconcile.name;
        this.tenantPolicy = arns.apply((known) => policyDocument(tenantStatements(known)));
        this.callPolicy =
            args.iamAuthorization === true
                ? api.executionArn.apply((executionArn) => policyDocument(callStatements(executionArn)))
                : pulumi.output("");
        this.registerOutputs(outputsOf(this));
    }
}

const words = text();
const variables = (judge: (value: string) => string | undefined) => map(text(judge), variableReason);
const role = (whose: string) =>
    required(
        text((value) => arnReason(value, arnKinds.role)),
        `give the ARN of ${whose}`,
    );

/** What is judged before anything is made. */
export const sessionsArguments: ArgumentRules<SessionsArgs> = {
    name: (name) => nameReason(name, longestName),
    rules: {
        runTaskInput: required(text(runTaskInputReason), "give what RunTask takes, e.g. TaskPlatform's runTaskInput"),
        taskRoleArn: role("the tasks' own role, e.g. TaskPlatform's taskRoleArn"),
        executionRoleArn: role("the role by which ECS starts tasks, e.g. TaskPlatform's executionRoleArn"),
        namesTableName: required(words, "give the name of the table of names, e.g. TaskPlatform's namesTableName"),
        httpsPort: port,
        issuer: required(text(issuerReason), "give the issuer of the tokens, e.g. a Cognito user pool's"),
        audiences: required(list(words, { least: 1, unique: true }), "say whom the tokens are for, e.g. a client's id"),
        jwksUri: text(issuerReason),
        tenantClaim: words,
        claimVariables: variables(() => undefined),
        bodyVariables: variables(patternReason),
        maxSessions: integer(1, 5000, "sessions"),
        maxSessionsPerTenant: integer(1, 5000, "sessions"),
        maxLifetime: integer(60, 2_592_000, "seconds"),
        taskLifetime: integer(60, 2_592_000, "seconds"),
        endWarning: integer(60, 86_400, "seconds"),
        startTimeout: integer(60, 3600, "seconds"),
        signInUrl: text(httpsReason),
        handsOnToken: flag,
        iamAuthorization: plain(flag),
        allowedOrigins: list(text(originReason), { unique: true }),
        taskTags: tags,
        alarmTopicArn: topicArn,
        logRetentionDays,
        tags,
    },
    combinations: [
        together(["tags", "taskTags"], ({ tags: ofAll = {}, taskTags }) =>
            Object.keys(taskTags ?? ofAll).flatMap((key) =>
                faultOf(`${taskTags ? "taskTags" : "tags"}.${key}`, policyTagKeyReason(key)),
            ),
        ),
        given([], (args) =>
            faultOf(
                "endWarning",
                args.endWarning !== undefined && !hasEnds(args)
                    ? "goes with maxLifetime or taskLifetime: without them no session has an end to tell of"
                    : undefined,
            ),
        ),
        together(["claimVariables", "bodyVariables"], ({ claimVariables = {}, bodyVariables = {} }) =>
            Object.keys(bodyVariables).flatMap((variable) =>
                faultOf(
                    `bodyVariables.${variable}`,
                    Object.hasOwn(claimVariables, variable)
                        ? "is one of claimVariables too: what a claim says is not asked for, give it another name"
                        : undefined,
                ),
            ),
        ),
    ],
};

type Tags = SessionsArgs["tags"];

/** Whether sessions end at a time that is known before. */
function hasEnds({ maxLifetime, taskLifetime }: Pick<SessionsArgs, "maxLifetime" | "taskLifetime">): boolean {
    return maxLifetime !== undefined || taskLifetime !== undefined;
}

function sessionTable(name: string, tags: Tags, parent: pulumi.Resource): aws.dynamodb.Table {
    return new aws.dynamodb.Table(
        `${name}-table`,
        {
            billingMode: "PAY_PER_REQUEST",
            hashKey: "id",
            attributes: ["id", "open", "openFor"].map((attribute) => ({ name: attribute, type: "S" })),
            globalSecondaryIndexes: [
                { name: OPEN_INDEX, hashKey: "open", projectionType: "ALL" },
                { name: TENANT_INDEX, hashKey: "openFor", projectionType: "ALL" },
            ],
            ttl: { attributeName: "expires", enabled: true },
            tags,
        },
        { parent },
    );
}

/** The parts of `runTaskInput` that are needed here. */
interface RunTaskParts {
    readonly cluster: string;
    readonly taskDefinition: string;
}

function arnsOf(
    args: SessionsArgs,
    table: aws.dynamodb.Table,
    taskTags: NonNullable<Tags>,
    parent: pulumi.Resource,
): pulumi.Output<SessionArns> {
    const { partition } = aws.getPartitionOutput({}, { parent });
    return pulumi
        .output({
            input: args.runTaskInput,
            owner: table.name,
            table: table.arn,
            namesTableName: args.namesTableName,
            roles: [args.taskRoleArn, args.executionRoleArn],
            taskTags,
            partition,
        })
        .apply(({ input, owner, table: tableArn, namesTableName, roles, taskTags: ofTasks, partition: aws }) => {
            const { cluster, taskDefinition } = JSON.parse(input) as RunTaskParts;
            const [, , , region, account] = cluster.split(":");
            return {
                owner,
                table: tableArn,
                bus: `arn:${aws}:events:${region}:${account}:event-bus/default`,
                namesTable: `arn:${aws}:dynamodb:${region}:${account}:table/${namesTableName}`,
                cluster,
                taskDefinition,
                roles,
                tagKeys: Object.keys(ofTasks),
            };
        });
}

function registryEnvironment(
    args: SessionsArgs,
    table: aws.dynamodb.Table,
    taskTags: NonNullable<Tags>,
): Record<string, pulumi.Input<string>> {
    const { httpsPort = 443, maxSessions = 100, maxSessionsPerTenant = 5, startTimeout = 600 } = args;
    const { maxLifetime, taskLifetime } = args;
    return {
        SESSIONS_NAME: table.name,
        TABLE_NAME: table.name,
        NAMES_TABLE_NAME: args.namesTableName,
        RUN_TASK_INPUT: args.runTaskInput,
        TASK_TAGS: pulumi.jsonStringify(taskTags),
        HTTPS_PORT: pulumi.interpolate`${httpsPort}`,
        MAX_SESSIONS: pulumi.interpolate`${maxSessions}`,
        MAX_SESSIONS_PER_TENANT: pulumi.interpolate`${maxSessionsPerTenant}`,
        START_WITHIN_SECONDS: pulumi.interpolate`${startTimeout}`,
        ...(maxLifetime !== undefined && { LIFETIME_SECONDS: pulumi.interpolate`${maxLifetime}` }),
        ...(taskLifetime !== undefined && { TASK_LIFETIME_SECONDS: pulumi.interpolate`${taskLifetime}` }),
    };
}

function doorEnvironment(args: SessionsArgs): Record<string, pulumi.Input<string>> {
    const { issuer, jwksUri, tenantClaim = "sub", signInUrl, claimVariables = {}, bodyVariables = {} } = args;
    return {
        ISSUER: issuer,
        AUDIENCES: pulumi.jsonStringify(args.audiences),
        JWKS_URI: jwksUri ?? pulumi.output(issuer).apply(keysUri),
        TENANT_CLAIM: tenantClaim,
        CLAIM_VARIABLES: pulumi.jsonStringify(claimVariables),
        BODY_VARIABLES: pulumi.jsonStringify(bodyVariables),
        HANDS_ON_TOKEN: pulumi.interpolate`${args.handsOnToken ?? false}`,
        ...(signInUrl !== undefined && { SIGN_IN_URL: signInUrl }),
    };
}

/** The function hears of each task of these sessions that is to stop: its key is free as soon as it has. */
function whenTasksStop(
    name: string,
    args: SessionsArgs,
    table: aws.dynamodb.Table,
    reconcile: aws.lambda.Function,
    parent: pulumi.Resource,
): void {
    const clusterArn = pulumi.output(args.runTaskInput).apply((input) => (JSON.parse(input) as RunTaskParts).cluster);
    const eventPattern = pulumi.jsonStringify({
        source: ["aws.ecs"],
        "detail-type": ["ECS Task State Change"],
        detail: { clusterArn: [clusterArn], startedBy: [table.name], desiredStatus: ["STOPPED"] },
    });
    const description = "Tasks of sessions that are to stop";
    invokedByEvents(name, { description, eventPattern, tags: args.tags }, reconcile, parent);
}

/** Where API Gateway asks who calls. */
const apiRoutes = {
    list: "GET /sessions",
    open: "PUT /sessions/{key}",
    look: "GET /sessions/{key}",
    extend: "PATCH /sessions/{key}",
    close: "DELETE /sessions/{key}",
} as const;
/** The door takes cookies, too: the function looks at them itself. */
const doorRoutes = { enter: "POST /_enter", door: "$default" } as const;

function httpApi(
    name: string,
    { issuer, audiences, allowedOrigins, iamAuthorization, tags }: SessionsArgs,
    serve: aws.lambda.Function,
    parent: pulumi.Resource,
): aws.apigatewayv2.Api {
    const options = { parent };
    const api = new aws.apigatewayv2.Api(
        `${name}-api`,
        {
            protocolType: "HTTP",
            description: "Opens sessions and leads to them",
            ...(allowedOrigins !== undefined && {
                corsConfiguration: {
                    allowOrigins: allowedOrigins,
                    allowMethods: ["DELETE", "GET", "PATCH", "PUT"],
                    allowHeaders: ["authorization", "content-type"],
                    maxAge: 3600,
                },
            }),
            tags,
        },
        options,
    );
    const authorizer = new aws.apigatewayv2.Authorizer(
        `${name}-authorizer`,
        {
            apiId: api.id,
            name: "token",
            authorizerType: "JWT",
            identitySources: ["$request.header.Authorization"],
            jwtConfiguration: { issuer, audiences },
        },
        options,
    );
    const integration = new aws.apigatewayv2.Integration(
        `${name}-integration`,
        {
            apiId: api.id,
            integrationType: "AWS_PROXY",
            integrationUri: serve.arn,
            payloadFormatVersion: "2.0",
        },
        options,
    );
    const target = pulumi.interpolate`integrations/${integration.id}`;
    const route = (suffix: string, routeKey: string, authorization: Partial<aws.apigatewayv2.RouteArgs>) =>
        new aws.apigatewayv2.Route(
            `${name}-route-${suffix}`,
            { apiId: api.id, routeKey, target, ...authorization },
            options,
        );
    const byToken = { authorizationType: "JWT", authorizerId: authorizer.id };
    const made = [
        ...Object.entries(apiRoutes).map(([suffix, routeKey]) => route(suffix, routeKey, byToken)),
        ...Object.entries(doorRoutes).map(([suffix, routeKey]) =>
            route(suffix, routeKey, { authorizationType: "NONE" }),
        ),
        ...Object.entries(iamAuthorization === true ? apiRoutes : {}).map(([suffix, routeKey]) =>
            route(`iam-${suffix}`, routeKey.replace(" ", ` ${TENANT_PATH}`), { authorizationType: "AWS_IAM" }),
        ),
    ];
    new aws.apigatewayv2.Stage(
        `${name}-stage`,
        { apiId: api.id, name: "$default", autoDeploy: true, tags },
        { ...options, dependsOn: made },
    );
    new aws.lambda.Permission(
        `${name}-api-invokes`,
        {
            function: serve.name,
            action: "lambda:InvokeFunction",
            principal: "apigateway.amazonaws.com",
            sourceArn: pulumi.interpolate`${api.executionArn}/*/*`,
        },
        options,
    );
    return api;
}

interface Watched {
    readonly reconcile: aws.lambda.Function;
    readonly serve: aws.lambda.Function;
}

function alarms(
    name: string,
    { reconcile, serve }: Watched,
    common: { readonly topicArn: SessionsArgs["alarmTopicArn"]; readonly tags: Tags },
    parent: pulumi.Resource,
): void {
    const errors = (suffix: string, watched: aws.lambda.Function, description: string): void => {
        alarm(
            `${name}-${suffix}`,
            {
                ...{ topicArn: common.topicArn, tags: common.tags, description },
                ...{ namespace: "AWS/Lambda", metricName: "Errors", dimensions: { FunctionName: watched.name } },
                ...{ statistic: "Sum", threshold: 0 },
            },
            parent,
        );
    };
    errors(
        "reconcile-errors",
        reconcile,
        "Sessions and tasks cannot be compared: a key may stay locked, a task may go on for nobody. The function's log says why; it is tried again each minute.",
    );
    errors("serve-errors", serve, "Requests for sessions fail. The function's log says why.");
}
