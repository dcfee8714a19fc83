/**
 * STARTING: somebody has the right to start the task; whether there is one yet is not known. STARTED: this is its task. CLOSING: that task is
 * to stop, or does. ENDED: nothing runs, and the key is free.
 */
export type SessionState = "STARTING" | "STARTED" | "CLOSING" | "ENDED";

/** What a task is started with. Kept as it was first sent: a retry that asks for something else is refused by ECS. */
export interface StartRequest {
    readonly taskDefinition: string;
    readonly environment: Readonly<Record<string, string>>;
    readonly tags: Readonly<Record<string, string>>;
}

/** A row of the registry. Times are milliseconds since the epoch. */
export interface Session {
    readonly key: string;
    /** Whose it is. */
    readonly tenant: string;
    readonly state: SessionState;
    /** Made anew for each start, and the client token of its RunTask: one task a fence, whoever asks for it how often. */
    readonly fence: string;
    /** One more with each write, so that of two that saw the same row one alone goes on. */
    readonly revision: number;
    /** When it was opened. */
    readonly since: number;
    readonly request: StartRequest;
    /** While it is STARTING: until then somebody is at it, after that another may ask for the same task again. */
    readonly leasedUntil: number;
    readonly taskArn?: string;
    /** It is closed then, unless extended. */
    readonly endsAt?: number;
    /** The `endsAt` of which an event has told. */
    readonly warnedOf?: number;
    /** Why it is CLOSING or ENDED. */
    readonly reason?: string;
    /** When it ended because nobody used it. */
    readonly idleSince?: number;
}

/** A session as it is to be, in the place of one as it was read; `undefined` where none was. */
export interface SessionWrite {
    readonly before: Session | undefined;
    readonly after: Session;
}

/** How many sessions may be open at once. */
export interface Limits {
    readonly total: number;
    readonly perTenant: number;
}

export type Written = "written" | "overtaken" | "total limit" | "tenant limit";

/** Where sessions are written down. A write is made as a whole or not at all, and counts the open ones in the same step. */
export interface Registry {
    /** As it was last written. */
    read(key: string): Promise<Session | undefined>;
    /** Those that are not ENDED, as they were a moment ago. */
    listOpen(): Promise<Session[]>;
    /** A tenant's that are not ENDED, as they were a moment ago. */
    listOf(tenant: string): Promise<Session[]>;
    /** Refused where the row is no longer as it was read and, for what opens, where as many are open as are allowed. */
    write(write: SessionWrite, limits: Limits): Promise<Written>;
}

/** A task as its place sees it. */
export interface Sight {
    /** "unclear": the place cannot tell yet. */
    readonly phase: "starting" | "running" | "stopping" | "stopped" | "unclear";
    /** The place's own word, e.g. PENDING. */
    readonly status: string;
    /** Why it stops. */
    readonly reason?: string;
    /** Whether it stops by itself, since nobody used it. */
    readonly isIdle?: boolean;
    /** The place's own checks say that it serves. */
    readonly healthy?: boolean;
}

/** A task that is there and not told to stop, and the session that it was started for. */
export interface Found {
    readonly taskArn: string;
    readonly key: string;
    readonly fence: string;
    readonly sight: Sight;
}

/** Where sessions run: the one seam between what a session is and what it runs on. */
export interface Place {
    /** The task of this fence, made if there is none yet. Throws where it is not known whether there is one. */
    start(session: Session): Promise<{ readonly taskArn: string } | { readonly refused: string }>;
    /** By the task's ARN; as they were a moment ago. */
    look(sessions: readonly Session[]): Promise<ReadonlyMap<string, Sight>>;
    stop(taskArn: string, reason: string): Promise<void>;
    /** Where a running task is reached, as `https://…` without a path, once it is. */
    address(taskArn: string, sight: Sight): Promise<string | undefined>;
    /** All of ours, as they were a moment ago. */
    list(): Promise<Found[]>;
}

export type OpenSession = Session & { readonly state: Exclude<SessionState, "ENDED"> };

export function isOpen(session: Session | undefined): session is OpenSession {
    return session !== undefined && session.state !== "ENDED";
}
