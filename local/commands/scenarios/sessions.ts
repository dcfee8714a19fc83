// The whole life of examples/sessions: `npm start -- --scenario sessions`.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import {
    CreateRoleCommand,
    DeleteRoleCommand,
    DeleteRolePolicyCommand,
    IAMClient,
    PutRolePolicyCommand,
} from "@aws-sdk/client-iam";
import { InvokeCommand, LambdaClient, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { ListrTask } from "listr2";

import { sessionsClient } from "../../../client";
import type { Session, SessionError, SessionsClient } from "../../../client";
import { END_EVENT, LINK_PARAMETER, tenantTag } from "../../../handlers/sessionNames";
import { TOKEN_FRAGMENT } from "../../../handlers/sessions/page";
import { eventually } from "../../internet/caller";
import { fetchFrom } from "../../internet/fetch";
import type { IdentityProvider } from "../../internet/identityProvider";
import { listenFor } from "../../internet/listener";
import { clientConfig } from "../../machine/awsClients";
import type { SystemFile } from "../../machine/systemFile";
import { goThrough, operations, Running, runningSystem, Stack, StackReport } from "../steps";
import { exampleOptions } from "./example";

/** What `--report` writes. */
export interface SessionsReport extends StackReport {
    /** The first visit of the team, by the door. */
    first?: {
        /** Of the page that is shown meanwhile. */
        page: number;
        /** What it told, in order. */
        words: string[];
        /** Where it went on to, without the task's id, the port and the token. */
        path: string;
        /** What the task answered to the token in that address: it makes a cookie of it, and leads on to the address without. */
        entered: { status: number; path: string; cookie: boolean };
        /** By the cookie. */
        status: number;
        /** The app was told whose it is and who asks. */
        greeted: boolean;
        /** In how many hours its task ends, as it says itself. */
        sunset: number;
        milliseconds: number;
    };
    /** The second of its people: the same task, and what the first wrote. */
    second?: { isSame: boolean; read: boolean; status: number };
    /** Somebody of another team, and somebody without a good token. */
    strangers?: Record<string, number>;
    /** What may not be asked for. */
    refused?: Record<string, string>;
    /** What whoever follows redirects as `curl -L` does gets in the end of a session that did not run yet. */
    followed?: { status: number; isBoard: boolean };
    /** A session that was closed. */
    closed?: { state: string; after: string };
    /** A back end that signs for IAM: its own tenant's session, and what it gets of another's. */
    signed?: { opened: number; listed: string[]; problems: Record<string, string> };
    /** What EventBridge heard of a session whose time is nearly over. */
    warned?: { key: unknown; tenant: unknown; isItsEnd: boolean };
    /** Once nobody had used the task for `idleTimeout`, and at the next visit. */
    idle?: { ended: string; task: string; isAnother: boolean; metrics: string[] };
}

export interface Life extends Running {
    provider?: IdentityProvider;
    apiUrl?: string;
    secretArn?: string;
    callPolicy?: string;
    first?: Session;
    visitor?: (door: AtTheDoor) => Promise<void>;
}

export const audience = "boards";
export const region = "eu-west-1";

/** What somebody needs who comes to the door when no task runs. */
export interface AtTheDoor {
    readonly system: SystemFile;
    /** With the token in its fragment, as whoever signs people in leads there. */
    readonly url: string;
}

/** Runs the whole life; `visitor` makes the last visit. The report holds what was seen, up to a step that failed. */
export async function sessionsLife(
    report: SessionsReport,
    name: string,
    visitor?: (door: AtTheDoor) => Promise<void>,
): Promise<void> {
    const life: Life = { visitor };
    const stack: Stack<Life> = {
        projectName: "sessions",
        options: (system) =>
            exampleOptions("sessions", system, {
                "aws:region": region,
                domain: `boards.${system.domain}`,
                issuer: providerOf(life).issuer,
                audience,
                idleTimeout: "60",
            }),
        onUp: (context, _, { apiUrl, callPolicy, certificateSecretArn }) =>
            Object.assign(context, { apiUrl, callPolicy, secretArn: certificateSecretArn }),
    };
    const steps: ListrTask<Life>[] = [
        peopleSignedIn(),
        ...operations(report, stack),
        certificateAwaited(),
        firstVisit(report),
        secondVisit(report),
        strangersRefused(report),
        wishesRefused(report),
        signed(report),
        warned(report),
        idleEnded(report),
    ];
    await goThrough({ name, life, report, stack }, steps);
}

export function peopleSignedIn(): ListrTask<Life> {
    return {
        title: "start who signs people in",
        task: async (life) => {
            life.provider = await runningSystem(life).startPlainIdentityProvider();
        },
    };
}

export function providerOf({ provider }: Life): IdentityProvider {
    if (provider === undefined) {
        throw new Error("Nobody signs people in yet.");
    }
    return provider;
}

type Claims = Readonly<Record<string, unknown>>;

/** A token of one of a team's people. */
export function tokenOf(life: Life, team: string, claims: Claims = {}): Promise<string> {
    const email = `somebody@${team}.example.com`;
    return providerOf(life).issueToken({ aud: audience, sub: email, email, "custom:team": team, ...claims });
}

export function clientOf(life: Life, team: string, claims?: Claims): SessionsClient {
    const { file } = runningSystem(life);
    return sessionsClient({ apiUrl: life.apiUrl!, token: () => tokenOf(life, team, claims), fetch: fetchFrom(file) });
}

export function certificateAwaited(): ListrTask<Life> {
    return {
        title: "the first certificate is issued",
        task: async (life) => {
            const { file } = runningSystem(life);
            const secrets = new SecretsManagerClient(clientConfig(file.gatewayUrl, scopeOf(file)));
            await eventually("first certificate", async () => {
                const command = new GetSecretValueCommand({ SecretId: life.secretArn });
                const secret = await secrets.send(command).catch((error: Error) => {
                    if (error.name !== "ResourceNotFoundException") {
                        throw error;
                    }
                    return undefined;
                });
                return secret?.SecretString;
            });
        },
    };
}

function scopeOf({ accountId }: SystemFile) {
    return { accountId, region };
}

/** What the door's page asks for, each second or so. */
interface Progress {
    readonly words: string;
    readonly location?: string;
}

function firstVisit(report: SessionsReport): ListrTask<Life> {
    return {
        title: "the first visit starts the team's task",
        task: async (life, step) => {
            const get = fetchFrom(runningSystem(life).file);
            const door = `${life.apiUrl}/42/notes/today?page=2`;
            const authorization = `Bearer ${await tokenOf(life, "42")}`;
            const started = Date.now();
            const page = await get(door, { headers: { authorization, accept: "text/html" } });
            const words: string[] = [];
            const location = await eventually("the session of team 42", async () => {
                const answer = await get(door, { headers: { authorization, accept: "application/json" } });
                const progress = (await answer.json()) as Progress;
                if (words.at(-1) !== progress.words) {
                    words.push(progress.words);
                }
                return progress.location;
            });
            const { origin, pathname, searchParams } = new URL(location);
            const isHandedOn = searchParams.has(LINK_PARAMETER);
            searchParams.delete(LINK_PARAMETER);
            const link = await get(location, { headers: { accept: "text/html" } });
            const cookie = (link.headers.getSetCookie()[0] ?? "").split(";")[0];
            const app = await get(`${origin}/`, { headers: { cookie } });
            const body = await app.text();
            report.first = {
                page: page.status,
                words,
                path: `${pathname}?${searchParams.toString()}`,
                entered: {
                    status: link.status,
                    path: (link.headers.get("location") ?? "").replace(origin, ""),
                    cookie: isHandedOn && cookie.startsWith("__Host-"),
                },
                status: app.status,
                greeted: body.includes("Board of team 42") && body.includes("You are somebody@42.example.com"),
                sunset: Math.round((Date.parse(app.headers.get("sunset") ?? "") - started) / 3_600_000),
                milliseconds: Date.now() - started,
            };
            await get(`${origin}/notes`, { method: "POST", body: "milk", headers: { cookie } });
            step.title = `${step.title}: ${words.join(", ")}; ${origin}${report.first.path} after ${report.first.milliseconds} ms`;
            if (!report.first.greeted || !(await page.text()).includes("Session 42 is starting")) {
                throw new Error(`Not what the first visitor should see: ${JSON.stringify(report.first)} ${body}`);
            }
        },
    };
}

function secondVisit(report: SessionsReport): ListrTask<Life> {
    return {
        title: "the second of the team finds it",
        task: async (life, step) => {
            const get = fetchFrom(runningSystem(life).file);
            const colleague = clientOf(life, "42");
            const session = await colleague.open("42");
            const headers = { authorization: `Bearer ${await tokenOf(life, "42")}` };
            const door = await get(`${life.apiUrl}/42`, { headers });
            const notes = await (await get(`${session.url}/notes`, { headers })).text();
            life.first = session;
            report.second = {
                isSame: new URL(door.headers.get("location") ?? "none:").origin === session.url,
                read: notes.includes("milk"),
                status: door.status,
            };
            const open = await colleague.list();
            step.title = `${step.title}: ${session.url}`;
            if (!report.second.isSame || !report.second.read || open.length !== 1) {
                throw new Error(`Not what the second visitor should find: ${JSON.stringify([report.second, open])}`);
            }
        },
    };
}

function strangersRefused(report: SessionsReport): ListrTask<Life> {
    return {
        title: "nobody else gets in",
        task: async (life, step) => {
            const get = fetchFrom(runningSystem(life).file);
            const bearing = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
            const status = async (path: string, init: RequestInit, origin = life.apiUrl!): Promise<number> =>
                (await get(`${origin}${path}`, init)).status;
            const task = life.first!.url!;
            const forged = { headers: { "x-team": "42", "x-person": "somebody@42.example.com" } };
            const stranger = bearing(await tokenOf(life, "7"));
            const expired = bearing(await tokenOf(life, "42", { exp: 1_700_000_000 }));
            const foreign = bearing(await tokenOf(life, "42", { aud: "another" }));
            const seen = {
                "api, another team": await status("/sessions/42", stranger),
                "api, closing another team's": await status("/sessions/42", { ...stranger, method: "DELETE" }),
                "api, expired": await status("/sessions/42", expired),
                "api, another audience": await status("/sessions/42", foreign),
                "api, no token": await status("/sessions/42", {}),
                "door, another team": await status("/42/", stranger),
                "door, expired": await status("/42/", expired),
                "door, another audience": await status("/42/", foreign),
                "door, no token": await status("/42/", {}),
                "task, another team": await status("/notes", stranger, task),
                "task, expired": await status("/notes", expired, task),
                "task, another audience": await status("/notes", foreign, task),
                "task, no token": await status("/notes", {}, task),
                "task, forged headers": await status("/notes", forged, task),
            };
            report.strangers = seen;
            step.title = `${step.title}: ${Object.values(seen).join(", ")}`;
            if (Object.values(seen).some((one) => one !== 401 && one !== 403)) {
                throw new Error(`Somebody got in: ${JSON.stringify(seen)}`);
            }
        },
    };
}

function wishesRefused(report: SessionsReport): ListrTask<Life> {
    return {
        title: "nobody gets what is not allowed",
        task: async (life) => {
            const client = clientOf(life, "8");
            report.followed = await followed(life, "8");
            await client.open("8.second");
            report.refused = {
                "a variable": await problemOf(() => client.open("8", { environment: { TEAM_ID: "42" } })),
                "a third session": await problemOf(() => client.open("8.third")),
                "a longer life": await problemOf(() => client.extend("8", 9 * 3600)),
                "what is not open": await problemOf(() => client.find("8.fourth")),
            };
            const { state } = await client.close("8");
            await client.close("8.second");
            const after = await eventually("the end of the session", () =>
                client.find("8").then(
                    () => undefined,
                    (error: SessionError) => error.problem,
                ),
            );
            report.closed = { state, after };
            const expected = ["bad-request", "too-many-sessions", "bad-request", "no-session"];
            if (Object.values(report.refused).join() !== expected.join()) {
                throw new Error(`Not what should be refused: ${JSON.stringify(report.refused)}`);
            }
        },
    };
}

/** As `curl -L -H "Authorization: …"`: the header for the first host alone, no cookies, 50 redirects at most. */
async function followed(life: Life, team: string): Promise<{ status: number; isBoard: boolean }> {
    const get = fetchFrom(runningSystem(life).file);
    const authorization = `Bearer ${await tokenOf(life, team)}`;
    const door = new URL(`${life.apiUrl}/${team}/`);
    let url = door;
    for (let redirects = 0; ; redirects++) {
        const headers = { accept: "*/*", ...(url.origin === door.origin && { authorization }) };
        const answer = await get(url, { headers });
        const location = answer.headers.get("location");
        if (location === null || redirects === 50) {
            return { status: answer.status, isBoard: (await answer.text()).includes(`Board of team ${team}`) };
        }
        url = new URL(location, url);
    }
}

/** A role of team 9's back end. The local system looks at who signs, not at the signature. */
function signed(report: SessionsReport): ListrTask<Life> {
    return {
        title: "a back end calls for its own team by IAM",
        task: async (life) => {
            const { file, permissions } = runningSystem(life);
            const iam = new IAMClient(clientConfig(file.gatewayUrl, scopeOf(file)));
            const RoleName = "back-end-of-team-9";
            const trust = { Effect: "Allow", Principal: { Service: "lambda.amazonaws.com" }, Action: "sts:AssumeRole" };
            const AssumeRolePolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: trust });
            const Tags = [{ Key: tenantTag, Value: "9" }];
            const { Role } = await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument, Tags }));
            const named = { RoleName, PolicyName: "calls" };
            await iam.send(new PutRolePolicyCommand({ ...named, PolicyDocument: life.callPolicy }));
            const key = permissions.identities.keyOfRole(Role!.Arn!, "back-end");
            const signing = (accessKeyId: string): typeof fetch => {
                const credential = `${accessKeyId}/20261126/${region}/execute-api/aws4_request`;
                const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=host, Signature=0`;
                return (input, init) =>
                    fetchFrom(file)(input, { ...init, headers: { ...(init?.headers as object), authorization } });
            };
            const clientFor = (tenant: string, by: typeof fetch): SessionsClient =>
                sessionsClient({ apiUrl: `${life.apiUrl}/_tenants/${tenant}`, fetch: by });
            const own = clientFor("9", signing(key));
            const { status } = await signing(key)(`${life.apiUrl}/_tenants/9/sessions/9`, { method: "PUT" });
            report.signed = {
                opened: status,
                listed: (await own.list()).map((one) => one.key),
                problems: {
                    "another team's": await problemOf(() => clientFor("42", signing(key)).list()),
                    "another team's key": await problemOf(() => own.close("42")),
                    "a key that nobody has": await problemOf(() => clientFor("9", signing("AKIANOBODY")).list()),
                    "no signature": await problemOf(() => clientFor("9", fetchFrom(file)).list()),
                    "its signature for a token": await problemOf(() =>
                        sessionsClient({ apiUrl: life.apiUrl!, fetch: signing(key) }).list(),
                    ),
                },
            };
            await own.close("9");
            await iam.send(new DeleteRolePolicyCommand(named));
            await iam.send(new DeleteRoleCommand({ RoleName }));
            if (status !== 202 || Object.values(report.signed.problems).includes("none")) {
                throw new Error(`Not what a back end should get: ${JSON.stringify(report.signed)}`);
            }
        },
    };
}

async function problemOf(ask: () => Promise<unknown>): Promise<string> {
    return ask().then(
        () => "none",
        (error: SessionError) => error.problem,
    );
}

function warned(report: SessionsReport): ListrTask<Life> {
    return {
        title: "EventBridge hears of a session whose time is nearly over",
        task: async (life) => {
            const { file } = runningSystem(life);
            const heard = await listenFor(file.gatewayUrl, scopeOf(file), "endings", END_EVENT.detailType);
            const client = clientOf(life, "42");
            const { endsAt } = await client.extend("42", 240);
            const lambda = new LambdaClient(clientConfig(file.gatewayUrl, scopeOf(file)));
            const { Functions = [] } = await lambda.send(new ListFunctionsCommand({}));
            const reconciles = Functions.find(({ FunctionName }) => FunctionName!.startsWith("sessions-reconcile"));
            // What happens once a minute.
            await lambda.send(
                new InvokeCommand({ FunctionName: reconciles!.FunctionName, Payload: Buffer.from("{}") }),
            );
            const { detail } = await eventually("the event of the session that ends soon", heard);
            report.warned = { key: detail.key, tenant: detail.tenant, isItsEnd: detail.endsAt === endsAt };
            await client.extend("42", 3600);
        },
    };
}

/** What the functions have counted in CloudWatch's embedded metric format. */
function hasCounted({ directory }: SystemFile, metric: string): boolean {
    const folder = join(directory, "logs", "functions");
    return readdirSync(folder)
        .filter((file) => file.startsWith("sessions-"))
        .some((file) => readFileSync(join(folder, file), "utf8").includes(`"Metrics":[{"Name":"${metric}"`));
}

function idleEnded(report: SessionsReport): ListrTask<Life> {
    return {
        title: "nobody uses it, and it ends by itself; the next visit starts another",
        task: async (life, step) => {
            const { file } = runningSystem(life);
            const client = clientOf(life, "42");
            const task = new URL(life.first!.url!).hostname.split(".")[0];
            // Refusals do not keep it.
            const get = fetchFrom(file);
            const ended = await eventually("the end of the session that nobody uses", async () => {
                await get(`${life.first!.url}/notes`).catch(() => undefined);
                await delay(1_000);
                return client.find("42").then(
                    () => undefined,
                    (error: SessionError) => error.problem,
                );
            });
            const log = readFileSync(join(file.directory, "logs", "tasks", `${task}-lifecycle.log`), "utf8");
            await life.visitor?.({
                system: file,
                url: `${life.apiUrl}/42/notes/today?page=2#${TOKEN_FRAGMENT}=${await tokenOf(life, "42")}`,
            });
            const next = await client.open("42");
            const metrics = ["IdleEnds", "SecondsSaved"];
            await eventually("the metrics", () =>
                Promise.resolve(metrics.every((metric) => hasCounted(file, metric)) || undefined),
            );
            report.idle = { ended, task: log.split("\n")[0], isAnother: next.url !== life.first?.url, metrics };
            step.title = `${step.title}: ${next.url}`;
            if (!report.idle.isAnother || ended !== "no-session") {
                throw new Error(`Not what comes after the end: ${JSON.stringify(report.idle)}`);
            }
        },
    };
}
