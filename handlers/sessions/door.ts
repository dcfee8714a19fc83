import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import { sleep } from "../calls";
import { describeError } from "../failure";
import { load } from "../load";
import { log } from "../log";
import { LINK_PARAMETER } from "../sessionNames";
import type { Claims } from "./access";
import { open, type Desk, type SessionView } from "./api";
import { problemPage, signInPage, STEPS, waitingPage, type Page } from "./page";
import { problem, problemJson, problemOf, type Problem } from "./problem";
import { verifyToken } from "./token";

// The door: https://<door>/<key>/<path> leads to the session's task, once there is one.

type Answer = APIGatewayProxyStructuredResultV2;

/** Only this host's, only by HTTPS, not to be read by a script; a browser sends it when a link leads here, and with nothing that is embedded. */
const COOKIE = "__Host-taskgate";
/** Milliseconds for which a client that shows no page is kept waiting; API Gateway gives an answer 30 s. */
const PATIENCE_MILLISECONDS = 20_000;

const unseen = { "cache-control": "no-store", "referrer-policy": "no-referrer", "x-content-type-options": "nosniff" };

/** GET /<key> and below. */
export async function door(desk: Desk, event: APIGatewayProxyEventV2): Promise<Answer> {
    const wants = kindOf(event.headers.accept ?? "");
    const nonce = load("node:crypto").randomBytes(16).toString("base64");
    try {
        const [, key, path] = /^\/([^/]+)(\/.*)?$/.exec(event.rawPath) ?? [];
        if (key === undefined || event.requestContext.http.method !== "GET") {
            throw problem(404, "no-session", "There is nothing here: sessions are at /<key>/, by GET.");
        }
        const token = tokenOf(event);
        const claims = token === undefined ? undefined : await claimsOf(desk, token);
        if (token === undefined || claims === undefined) {
            return wants === "page"
                ? pageAnswer(401, signInPage(desk.settings.signInUrl, addressOf(event), nonce))
                : problemAnswer(noToken());
        }
        const view = await awaited(desk, claims, key, wants === "other");
        const location = view.url === undefined ? undefined : locationOf(desk, view.url + (path ?? "/"), event, token);
        if (wants === "json") {
            return json(200, { ...progressOf(view), ...(location && { location }) });
        }
        if (location !== undefined) {
            return { statusCode: 302, headers: { ...unseen, location } };
        }
        return wants === "page"
            ? pageAnswer(200, waitingPage(key, progressOf(view).step, view.state === "ending", nonce))
            : // Asked again: what follows redirects, as curl -L does, arrives in the end.
              { statusCode: 307, headers: { ...unseen, location: pathOf(event) } };
    } catch (error) {
        const found = problemOf(error);
        if (found === undefined) {
            throw error;
        }
        return wants === "page" ? pageAnswer(found.status, problemPage(found, nonce)) : problemAnswer(found);
    }
}

/** POST /_enter: takes a token in a form's body, keeps it in a cookie and leads on. */
export async function enter(desk: Desk, event: APIGatewayProxyEventV2): Promise<Answer> {
    const body = Buffer.from(event.body ?? "", event.isBase64Encoded ? "base64" : "utf8").toString();
    const form = new URLSearchParams(body);
    const [token, to] = [form.get("token") ?? "", form.get("to") ?? ""];
    const claims = await claimsOf(desk, token);
    // A path of this host and of a key, and nothing that a browser could take for another host.
    if (claims === undefined || !/^\/[A-Za-z0-9][\x21-\x5b\x5d-\x7e]*$/.test(to)) {
        return problemAnswer(claims === undefined ? noToken() : badTarget());
    }
    const seconds = Math.max(0, Math.floor((claims.exp as number) - Date.now() / 1_000));
    return {
        statusCode: 303,
        headers: { ...unseen, location: to },
        cookies: [`${COOKIE}=${token}; Path=/; Max-Age=${seconds}; Secure; HttpOnly; SameSite=Lax`],
    };
}

/** The session as it is; for a client that shows no page, once it runs or its patience is over. */
async function awaited(desk: Desk, claims: Claims, key: string, isPatient: boolean): Promise<SessionView> {
    const end = Date.now() + PATIENCE_MILLISECONDS;
    for (;;) {
        const view = await open(desk, claims, key);
        if (!isPatient || view.url !== undefined || Date.now() >= end) {
            return view;
        }
        await sleep(1_000);
    }
}

/** How far it is, as an index of STEPS. */
function progressOf({ state, status, url }: SessionView): { readonly step: number; readonly words: string } {
    const step =
        url !== undefined ? 3 : status === "RUNNING" ? 2 : status === "PENDING" || status === "ACTIVATING" ? 1 : 0;
    const words = state === "ending" ? "The one before is ending. A new one starts when it has." : STEPS[step];
    return { step: state === "ending" ? 0 : step, words };
}

function tokenOf({ headers, cookies = [] }: APIGatewayProxyEventV2): string | undefined {
    const bearer = /^Bearer +(\S+)$/i.exec(headers.authorization ?? "")?.[1];
    const cookie = cookies.find((one) => one.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1);
    return bearer ?? (cookie || undefined);
}

async function claimsOf({ settings }: Desk, token: string): Promise<Claims | undefined> {
    try {
        return await verifyToken(token, settings.token);
    } catch (error) {
        if ((error as Error).name !== "TokenRefused") {
            throw error;
        }
        log("info", "token refused", { reason: describeError(error) });
        return undefined;
    }
}

/** Where the task answers the same path and query. */
function locationOf(
    { settings }: Desk,
    url: string,
    { rawQueryString }: APIGatewayProxyEventV2,
    token: string,
): string {
    const query = [rawQueryString, settings.handsOnToken ? `${LINK_PARAMETER}=${token}` : ""];
    const search = query.filter((part) => part !== "").join("&");
    return `${url}${search && `?${search}`}`;
}

function pathOf({ rawPath, rawQueryString }: APIGatewayProxyEventV2): string {
    return `${rawPath}${rawQueryString && `?${rawQueryString}`}`;
}

function addressOf(event: APIGatewayProxyEventV2): string {
    return `https://${event.headers.host ?? event.requestContext.domainName}${pathOf(event)}`;
}

/** A browser asks for HTML, the page's own script for JSON, and others for anything. */
function kindOf(accept: string): "page" | "json" | "other" {
    return accept.includes("text/html") ? "page" : accept.startsWith("application/json") ? "json" : "other";
}

function noToken(): Problem {
    return problemOf(
        problem(401, "no-token", "Send a token of the issuer that is good: as Authorization: Bearer …, or sign in."),
    )!;
}

function badTarget(): Problem {
    return problemOf(problem(400, "bad-request", 'to must be a path of this host, as in "/42/notes?page=2".'))!;
}

function pageAnswer(statusCode: number, { html, headers }: Page): Answer {
    return { statusCode, headers: { ...unseen, ...headers }, body: html };
}

function json(statusCode: number, body: object): Answer {
    return { statusCode, headers: { ...unseen, "content-type": "application/json" }, body: JSON.stringify(body) };
}

export function problemAnswer(found: Problem): Answer {
    const headers: Record<string, string> = { ...unseen, "content-type": "application/problem+json" };
    if (found.retryAfter !== undefined) {
        headers["retry-after"] = String(found.retryAfter);
    }
    if (found.status === 401) {
        headers["www-authenticate"] = "Bearer";
    }
    return { statusCode: found.status, headers, body: problemJson(found) };
}
