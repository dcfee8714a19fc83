/** What a request is refused with: "Problem Details for HTTP APIs", RFC 9457. */
export interface Problem {
    readonly status: number;
    /** A short name, which clients tell it by; the end of `type`. */
    readonly kind: ProblemKind;
    /** What is wrong with this request, and what to do. */
    readonly detail: string;
    /** Seconds after which asking again may help. */
    readonly retryAfter?: number;
}

const titles = {
    "bad-request": "The request is not understood",
    "no-token": "A token is needed",
    "not-yours": "This session is not yours",
    "no-session": "There is no such session",
    "not-started": "The session could not be started",
    "too-many-sessions": "Too many sessions are open",
    busy: "The session cannot be changed at the moment",
} as const;
export type ProblemKind = keyof typeof titles;

/** Thrown by what finds out. A plain object: a class would be no class any more in a serialised function. */
export function problem(
    status: number,
    kind: ProblemKind,
    detail: string,
    more: Pick<Problem, "retryAfter"> = {},
): Error & { readonly problem: Problem } {
    return Object.assign(new Error(detail), { name: kind, problem: { status, kind, detail, ...more } });
}

export function problemOf(error: unknown): Problem | undefined {
    return (error as { problem?: Problem }).problem;
}

/** Its JSON, for `application/problem+json`. */
export function problemJson({ status, kind, detail, retryAfter }: Problem): string {
    return JSON.stringify({
        type: `urn:taskgate:problem:${kind}`,
        title: titles[kind],
        status,
        detail,
        ...(retryAfter !== undefined && { retryAfter }),
    });
}

export function problemTitle({ kind }: Problem): string {
    return titles[kind];
}
