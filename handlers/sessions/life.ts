import { describeError, failure } from "../failure";
import { log } from "../log";
import { isOpen, type Limits, type Place, type Registry, type Session, type Sight, type StartRequest } from "./session";

// The life of a session, step by step, so that any step may be the last that its caller takes (docs/sessions.md has the states).

/** What the steps reach, and the clock they go by. */
export interface Reach {
    readonly registry: Registry;
    readonly place: Place;
    readonly limits: Limits;
    /** Milliseconds after which a task that does not run yet is given up. */
    readonly startWithin: number;
    /** Milliseconds that a session may last unless it is extended; as long as it likes, where undefined. */
    readonly lifetime?: number;
    /** Milliseconds after which its task ends, whoever extends it. */
    readonly taskLifetime?: number;
    /** Who is to hear of an end that is nearer than so many milliseconds. */
    readonly warning?: { readonly before: number; tell(session: Session): Promise<void> };
    /** Counts what was saved: sessions that ended since nobody used them, and how long until they were opened again. */
    count(metric: "IdleEnds" | "SecondsSaved", value: number): void;
    now(): number;
    newFence(): string;
}

export interface Seen {
    readonly session: Session;
    readonly sight: Sight;
}

/** What is to be opened. */
export interface Wanted {
    readonly key: string;
    readonly tenant: string;
    /** What its task is started with, by the fence. */
    readonly request: (fence: string) => StartRequest;
}

export type Refused = { readonly refused: "total limit" | "tenant limit" };

/** Longer than a RunTask takes: who has not written down its answer by then has crashed or lost it. */
const LEASE_MILLISECONDS = 15_000;
/** How often a write may be overtaken by others before it is given up. */
const ROUNDS = 10;

const requested: Sight = { phase: "starting", status: "REQUESTED" };

/** The session of a key: the one that is there, or a new one. */
export async function openSession(reach: Reach, { key, tenant, request }: Wanted): Promise<Seen | Refused> {
    const { registry, limits } = reach;
    for (let round = 0; round < ROUNDS; round++) {
        const before = await registry.read(key);
        if (isOpen(before)) {
            const seen = await look(reach, before);
            if (isOpen(seen.session)) {
                return seen;
            }
            continue;
        }
        const fence = reach.newFence();
        const since = reach.now();
        const session: Session = {
            key,
            tenant,
            state: "STARTING",
            fence,
            revision: (before?.revision ?? 0) + 1,
            since,
            request: request(fence),
            leasedUntil: since + LEASE_MILLISECONDS,
            endsAt: earliest(reach.lifetime === undefined ? undefined : since + reach.lifetime, lastEnd(reach, since)),
        };
        const written = await registry.write({ before, after: session }, limits);
        if (written === "written") {
            if (before?.idleSince !== undefined) {
                const until = earliest(since, before.endsAt)!;
                reach.count("SecondsSaved", Math.max(0, Math.round((until - before.idleSince) / 1_000)));
            }
            return start(reach, session);
        }
        if (written !== "overtaken") {
            return { refused: written };
        }
    }
    throw busy(key);
}

function earliest(...times: readonly (number | undefined)[]): number | undefined {
    const known = times.filter((time) => time !== undefined);
    return known.length === 0 ? undefined : Math.min(...known);
}

/** When the task of a session ends that was opened then, whoever extends it. */
function lastEnd({ taskLifetime }: Reach, since: number): number | undefined {
    return taskLifetime === undefined ? undefined : since + taskLifetime;
}

/** The session as it is by now, with its task: a start that was left half done goes on, and an end is noticed. */
export async function look(reach: Reach, session: Session): Promise<Seen> {
    switch (session.state) {
        case "STARTING":
            return goOn(reach, session);
        case "STARTED":
        case "CLOSING":
            return settle(reach, session, (await reach.place.look([session])).get(session.taskArn!) ?? unclear);
        case "ENDED":
            return { session, sight: stopped(session) };
    }
}

const unclear: Sight = { phase: "unclear", status: "UNKNOWN" };

function stopped({ reason }: Session): Sight {
    return { phase: "stopped", status: "STOPPED", reason };
}

/** Asks for the task again once whoever was at it must have given up. The fence is the same, and so is the task. */
async function goOn(reach: Reach, session: Session): Promise<Seen> {
    const now = reach.now();
    if (now >= session.since + reach.startWithin) {
        return change(reach, session, { state: "ENDED", reason: "its task could not be started in time" });
    }
    if (now < session.leasedUntil) {
        return { session, sight: requested };
    }
    const leased = advanced(session, { leasedUntil: now + LEASE_MILLISECONDS });
    return (await isWritten(reach, session, leased)) ? start(reach, leased) : asItIs(reach, session);
}

/** Has the task of a fresh fence made, and writes down which it is. */
async function start(reach: Reach, session: Session): Promise<Seen> {
    let answer: Awaited<ReturnType<Place["start"]>>;
    try {
        answer = await reach.place.start(session);
    } catch (error) {
        const { key, fence } = session;
        log("warn", "start without an answer: it is asked for again", { key, fence, reason: describeError(error) });
        return { session, sight: requested };
    }
    if ("refused" in answer) {
        return change(reach, session, { state: "ENDED", reason: answer.refused });
    }
    return adopt(reach, session, answer.taskArn);
}

/** Writes down the task of a session; stops it where the session has gone on without it. */
async function adopt(reach: Reach, session: Session, taskArn: string): Promise<Seen> {
    let current: Session | undefined = session;
    for (let round = 0; round < ROUNDS && current?.fence === session.fence && current.state === "STARTING"; round++) {
        const after = advanced(current, { state: "STARTED", taskArn });
        if (await isWritten(reach, current, after)) {
            return { session: after, sight: requested };
        }
        current = await reach.registry.read(session.key);
    }
    if (current === undefined || current.taskArn !== taskArn) {
        await reach.place.stop(taskArn, "Its session has ended");
    }
    return current === undefined ? { session, sight: unclear } : seenAs(current);
}

/** Writes down what the sight of its task means for a session. */
export async function settle(reach: Reach, session: Session, sight: Sight): Promise<Seen> {
    const now = reach.now();
    if (sight.phase === "stopped") {
        return ended(reach, session, sight);
    }
    if (session.state === "CLOSING") {
        if (sight.phase !== "stopping") {
            await reach.place.stop(session.taskArn!, session.reason ?? "Closed");
        }
        return { session, sight };
    }
    if (sight.phase === "stopping") {
        return { ...(await change(reach, session, { state: "CLOSING", reason: sight.reason })), sight };
    }
    if (session.endsAt !== undefined && now >= session.endsAt) {
        return closeSession(reach, session, "its time was over");
    }
    if (sight.phase === "starting" && now >= session.since + reach.startWithin) {
        return closeSession(reach, session, "its task did not run in time");
    }
    return { session, sight };
}

/** Hears that the task of a session is told to stop or has stopped, however late or often it is told. */
export async function noteSight(
    reach: Reach,
    key: string,
    taskArn: string,
    sight: Sight,
): Promise<Session | undefined> {
    const session = await reach.registry.read(key);
    return isOpen(session) && session.taskArn === taskArn ? (await settle(reach, session, sight)).session : undefined;
}

/** Its task has stopped: the key is free. Whoever writes that down counts it. */
async function ended(reach: Reach, session: Session, { reason, isIdle = false }: Sight): Promise<Seen> {
    const after = advanced(session, {
        state: "ENDED",
        reason: session.reason ?? reason,
        ...(isIdle && { idleSince: reach.now() }),
    });
    if (!(await isWritten(reach, session, after))) {
        return asItIs(reach, session);
    }
    if (isIdle) {
        reach.count("IdleEnds", 1);
    }
    return seenAs(after);
}

/** Ends a session that still is as it was read: its task is told to stop, and its key is free when it has. */
export async function closeSession(reach: Reach, session: Session, reason: string): Promise<Seen> {
    // Whoever is starting a task finds that its fence counts no more, and stops it.
    const seen =
        session.state === "STARTING"
            ? await change(reach, session, { state: "ENDED", reason })
            : session.state === "STARTED"
              ? await change(reach, session, { state: "CLOSING", reason })
              : seenAs(session);
    const { state, taskArn } = seen.session;
    if (state === "CLOSING" && taskArn !== undefined) {
        await reach.place.stop(taskArn, reason);
    }
    return seen;
}

/** Ends the session of a key, whatever happens to it meanwhile; `undefined` where there is none. */
export async function closeKey(reach: Reach, key: string, reason: string): Promise<Seen | undefined> {
    for (let round = 0; round < ROUNDS; round++) {
        const session = await reach.registry.read(key);
        if (!isOpen(session)) {
            return undefined;
        }
        const seen = await closeSession(reach, session, reason);
        if (seen.session.state === "CLOSING" || seen.session.state === "ENDED") {
            return seen;
        }
    }
    throw busy(key);
}

/** Lets a session last until then, or until its task ends. */
export async function extendSession(reach: Reach, session: Session, until: number): Promise<Session> {
    const after = advanced(session, { endsAt: earliest(until, lastEnd(reach, session.since)) });
    if (!(await isWritten(reach, session, after))) {
        throw busy(session.key);
    }
    return after;
}

/** Tells of an end that is near, once for each end; again, should the note of it be lost. */
async function warn(reach: Reach, key: string): Promise<void> {
    const session = await reach.registry.read(key); // the list may be behind
    if (session !== undefined && isToBeWarned(reach, session)) {
        await reach.warning!.tell(session);
        await isWritten(reach, session, advanced(session, { warnedOf: session.endsAt }));
    }
}

function isToBeWarned(reach: Reach, { state, endsAt, warnedOf }: Session): boolean {
    const [now, before] = [reach.now(), reach.warning?.before];
    const isNear = endsAt !== undefined && before !== undefined && now < endsAt && now >= endsAt - before;
    return isNear && state === "STARTED" && warnedOf !== endsAt;
}

export interface Reconciled {
    readonly open: number;
    readonly tasks: number;
    /** Tasks that no session counts: stopped. */
    readonly orphans: number;
    /** Sessions that were looked at, for they were not plainly in order. */
    readonly looked: number;
    /** Sessions whose end was told of. */
    readonly warned: number;
    readonly failed: number;
}

/** Compares what is written down with what runs, and mends every difference: whoever crashed, and whatever event was lost. */
export async function reconcile(reach: Reach): Promise<Reconciled> {
    const { registry, place } = reach;
    const found = await place.list();
    const open = await registry.listOpen();
    const now = reach.now();
    let failed = 0;
    const attempt = async (what: string, key: string, step: () => Promise<unknown>): Promise<void> => {
        try {
            await step();
        } catch (error) {
            failed++;
            log("error", `${what} failed: it is tried again`, { key, reason: describeError(error) });
        }
    };

    const sessions = new Map(open.map((session) => [session.key, session]));
    const inOrder = new Set<string>();
    let orphans = 0;
    for (const task of found) {
        const { key, fence, taskArn, sight } = task;
        const listed = sessions.get(key);
        if (listed?.fence === fence && listed.taskArn === taskArn && listed.state === "STARTED") {
            const isLate = sight.phase === "starting" && now >= listed.since + reach.startWithin;
            const isOver = listed.endsAt !== undefined && now >= listed.endsAt;
            if (!isLate && !isOver) {
                inOrder.add(key);
            }
            continue;
        }
        await attempt("looking at a task", key, async () => {
            // The list may be behind, this is not. A fence is written down before its task is asked for, so another one there is a newer one.
            const session = await registry.read(key);
            if (session?.fence === fence && session.state === "STARTING") {
                await adopt(reach, session, taskArn);
            } else if (!isOpen(session) || session.fence !== fence || session.taskArn !== taskArn) {
                orphans++;
                await place.stop(taskArn, "It belongs to no session");
            }
        });
    }

    const doubtful = open.filter(({ key }) => !inOrder.has(key));
    const sights = await place.look(doubtful.filter(({ taskArn }) => taskArn !== undefined));
    for (const session of doubtful) {
        await attempt("settling a session", session.key, () =>
            session.taskArn === undefined
                ? look(reach, session)
                : settle(reach, session, sights.get(session.taskArn) ?? unclear),
        );
    }
    const ending = open.filter((session) => isToBeWarned(reach, session));
    for (const { key } of ending) {
        await attempt("telling of an end", key, () => warn(reach, key));
    }
    const [looked, warned] = [doubtful.length, ending.length];
    return { open: open.length, tasks: found.length, orphans, looked, warned, failed };
}

async function isWritten(reach: Reach, before: Session, after: Session): Promise<boolean> {
    return (await reach.registry.write({ before, after }, reach.limits)) === "written";
}

/** One write; where another was first, what is there now. */
async function change(reach: Reach, session: Session, fields: Partial<Session>): Promise<Seen> {
    const after = advanced(session, fields);
    return (await isWritten(reach, session, after)) ? seenAs(after) : asItIs(reach, session);
}

async function asItIs(reach: Reach, session: Session): Promise<Seen> {
    return seenAs((await reach.registry.read(session.key)) ?? session);
}

/** Without a look at its task. */
function seenAs(session: Session): Seen {
    const sights: Record<Session["state"], Sight> = {
        STARTING: requested,
        STARTED: requested,
        CLOSING: { phase: "stopping", status: "STOPPING", reason: session.reason },
        ENDED: stopped(session),
    };
    return { session, sight: sights[session.state] };
}

function advanced(session: Session, fields: Partial<Session>): Session {
    return { ...session, ...fields, revision: session.revision + 1 };
}

function busy(key: string): Error {
    return failure("SessionBusy", `The session ${key} is being changed by too many at once: ask again.`);
}
