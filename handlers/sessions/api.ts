import { callerOf, checkKey, environmentFor, type Caller, type Claims } from "./access";
import { closeKey, extendSession, look, openSession, type Reach, type Seen } from "./life";
import { problem } from "./problem";
import { startRequest } from "./reach";
import { isOpen, type Session, type Sight } from "./session";
import type { DoorSettings, SessionSettings } from "./settings";

/** A session as callers see it. */
export interface SessionView {
    readonly key: string;
    /** "starting" until it answers at `url`. */
    readonly state: "starting" | "running" | "ending" | "ended";
    /** What its task does, in ECS's word, e.g. PENDING. */
    readonly status: string;
    /** When it was opened, ISO 8601. */
    readonly since: string;
    /** When it is closed, unless extended; ISO 8601. */
    readonly endsAt?: string;
    /** `https://<name>` once it answers there. */
    readonly url?: string;
    /** Why it ends or ended. */
    readonly reason?: string;
}

/** What the operations work with. */
export interface Desk {
    readonly reach: Reach;
    readonly settings: SessionSettings & DoorSettings;
}

/** Opens the session of a key, or finds it open. */
export async function open(desk: Desk, claims: Claims, asked: string, environment?: unknown): Promise<SessionView> {
    const { reach, settings } = desk;
    const caller = callerOf(claims, settings);
    const key = checkKey(caller, asked);
    const variables = environmentFor(caller, key, environment, settings);
    const { tenant } = caller;
    const seen = await openSession(reach, {
        key,
        tenant,
        request: (fence) => startRequest(settings, { key, tenant }, variables, fence),
    });
    if ("refused" in seen) {
        const detail =
            seen.refused === "tenant limit"
                ? `${settings.limits.perTenant} sessions of "${tenant}" are open, and no more are allowed: close one.`
                : `${settings.limits.total} sessions are open, and no more are allowed: try again later.`;
        throw problem(429, "too-many-sessions", detail, { retryAfter: 30 });
    }
    if (!isOpen(seen.session)) {
        const reason = seen.session.reason ?? "no reason is known";
        throw problem(503, "not-started", `${reason}. Try again.`, { retryAfter: 10 });
    }
    return viewOf(reach, seen);
}

/** The session of a key, without opening it. */
export async function find(desk: Desk, claims: Claims, asked: string): Promise<SessionView> {
    return viewOf(desk.reach, await look(desk.reach, await openOne(desk, claims, asked)));
}

/** The open sessions of the caller's tenant. */
export async function list({ reach, settings }: Desk, claims: Claims): Promise<SessionView[]> {
    const { tenant } = callerOf(claims, settings);
    const sessions = (await reach.registry.listOf(tenant)).sort((a, b) => (a.key < b.key ? -1 : 1));
    const sights = await reach.place.look(sessions.filter(({ taskArn }) => taskArn !== undefined));
    const requested: Sight = { phase: "starting", status: "REQUESTED" };
    return Promise.all(
        sessions.map((session) => viewOf(reach, { session, sight: sights.get(session.taskArn ?? "") ?? requested })),
    );
}

/** Lets a session last for so many seconds from now on, as long as it may last at all. */
export async function extend(desk: Desk, claims: Claims, asked: string, seconds: unknown): Promise<SessionView> {
    const { reach } = desk;
    if (reach.lifetime === undefined) {
        throw problem(
            400,
            "bad-request",
            "These sessions last until they are idle or closed: there is nothing to extend.",
        );
    }
    const most = reach.lifetime / 1_000;
    if (!Number.isInteger(seconds) || (seconds as number) < 1 || (seconds as number) > most) {
        throw problem(400, "bad-request", `lastSeconds must be a whole number from 1 to ${most}.`);
    }
    const session = await openOne(desk, claims, asked);
    const extended = await extendSession(reach, session, reach.now() + (seconds as number) * 1_000);
    return viewOf(reach, await look(reach, extended));
}

/** Ends the session of a key. */
export async function close({ reach, settings }: Desk, claims: Claims, asked: string): Promise<SessionView> {
    const seen = await closeKey(reach, checkKey(callerOf(claims, settings), asked), "Closed by one of its people");
    if (seen === undefined) {
        throw noSession(asked);
    }
    return viewOf(reach, seen);
}

async function openOne({ reach, settings }: Desk, claims: Claims, asked: string): Promise<Session> {
    const caller: Caller = callerOf(claims, settings);
    const session = await reach.registry.read(checkKey(caller, asked));
    if (!isOpen(session)) {
        throw noSession(asked);
    }
    return session;
}

function noSession(key: string): Error {
    return problem(404, "no-session", `No session "${key}" is open. PUT opens it.`);
}

async function viewOf({ place }: Reach, { session, sight }: Seen): Promise<SessionView> {
    const { key, since, endsAt, taskArn, state } = session;
    const url = state === "STARTED" && sight.phase === "running" ? await place.address(taskArn!, sight) : undefined;
    return {
        key,
        state:
            state === "ENDED" || sight.phase === "stopped"
                ? "ended"
                : state === "CLOSING" || sight.phase === "stopping"
                  ? "ending"
                  : url === undefined
                    ? "starting"
                    : "running",
        status: sight.status,
        since: new Date(since).toISOString(),
        ...(endsAt !== undefined && { endsAt: new Date(endsAt).toISOString() }),
        ...(url !== undefined && { url }),
        ...(sight.reason !== undefined && { reason: sight.reason }),
    };
}
