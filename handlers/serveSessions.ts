import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2 } from "aws-lambda";
import type { LambdaContext } from "./calls";
import { describeError } from "./failure";
import { log } from "./log";
import { TENANT_PATH } from "./sessionNames";
import type { AccessSettings, Claims } from "./sessions/access";
import { close, extend, find, list, open, type Desk } from "./sessions/api";
import { door, enter, problemAnswer } from "./sessions/door";
import { problem, problemOf } from "./sessions/problem";
import { openReach } from "./sessions/reach";
import { readDoorSettings, readSessionSettings } from "./sessions/settings";

type Event = APIGatewayProxyEventV2 & {
    readonly requestContext: {
        readonly authorizer?: { readonly jwt?: { readonly claims: Claims }; readonly iam?: object };
    };
};
type Answer = APIGatewayProxyStructuredResultV2;

/** The API of sessions and their door, behind an HTTP API of API Gateway (payload format 2.0). */
export async function serveSessions(event: Event, context: LambdaContext): Promise<Answer> {
    try {
        const settings = { ...readSessionSettings(), ...readDoorSettings() };
        return await route({ reach: openReach(settings, context.getRemainingTimeInMillis()), settings }, event);
    } catch (error) {
        const found = problemOf(error);
        if (found !== undefined) {
            return problemAnswer(found);
        }
        log("error", "request failed", { route: event.routeKey, reason: describeError(error) });
        const detail = "It could not be done just now. Ask again.";
        return problemAnswer(problemOf(problem(503, "busy", detail, { retryAfter: 2 }))!);
    }
}

async function route(desk: Desk, event: Event): Promise<Answer> {
    const routeKey = event.routeKey.replace(TENANT_PATH, "");
    if (routeKey === "POST /_enter") {
        return enter(desk, event);
    }
    if (routeKey === "$default") {
        return door(desk, event);
    }
    const claims = claimsIn(event, desk.settings);
    if (claims === undefined) {
        throw problem(401, "no-token", "Send a token of the issuer that is good: as Authorization: Bearer ….");
    }
    const key = decodeURIComponent(event.pathParameters?.key ?? "");
    switch (routeKey) {
        case "PUT /sessions/{key}": {
            const { environment } = bodyOf(event);
            const view = await open(desk, claims, key, environment);
            return view.state === "running" ? json(200, view) : json(202, view, { "retry-after": "2" });
        }
        case "GET /sessions/{key}":
            return json(200, await find(desk, claims, key));
        case "GET /sessions":
            return json(200, { sessions: await list(desk, claims) });
        case "PATCH /sessions/{key}":
            return json(200, await extend(desk, claims, key, bodyOf(event).lastSeconds));
        case "DELETE /sessions/{key}":
            return json(202, await close(desk, claims, key));
        default:
            throw problem(404, "bad-request", `There is nothing at ${event.rawPath}.`);
    }
}

/** What API Gateway has verified: a token's claims, or that who signed may call for the tenant in the path. */
function claimsIn(
    { routeKey, requestContext, pathParameters }: Event,
    { tenantClaim }: AccessSettings,
): Claims | undefined {
    const { jwt, iam } = requestContext.authorizer ?? {};
    return iam !== undefined && routeKey.includes(TENANT_PATH)
        ? { [tenantClaim]: decodeURIComponent(pathParameters?.tenant ?? "") }
        : jwt?.claims;
}

function bodyOf({ body = "", isBase64Encoded }: Event): Readonly<Record<string, unknown>> {
    const text = isBase64Encoded ? Buffer.from(body, "base64").toString() : body;
    try {
        const value: unknown = text === "" ? {} : JSON.parse(text);
        if (typeof value === "object" && value !== null && !Array.isArray(value)) {
            return value as Record<string, unknown>;
        }
    } catch {
        // answered below
    }
    throw problem(400, "bad-request", "The body must be a JSON object, or empty.");
}

function json(statusCode: number, body: object, headers: Readonly<Record<string, string>> = {}): Answer {
    return {
        statusCode,
        headers: { "content-type": "application/json", "cache-control": "no-store", ...headers },
        body: JSON.stringify(body),
    };
}
