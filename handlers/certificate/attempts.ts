import type { Refusal } from "./authority";
import type { RenewalState, Trouble } from "./state";

// What a failure means for the next tries and for people: dates and comparisons, nothing else.

const MINUTE = 60_000;
const DAY = 1_440 * MINUTE;

/** Let's Encrypt's advice: after 1, 10 and 100 minutes, then once a day. */
const PAUSES = [1, 10, 100, 1_440].map((minutes) => minutes * MINUTE);
/** A longer wish of the authority is not followed: a certificate would be lost for it. */
export const LONGEST_PAUSE = 7 * DAY;
/** People are told again when so many days are left. */
const TOLD_DAYS = [14, 7, 3, 1, 0];

/** Errors after which another order at once would only use up the authority's limits. All else is tried again by each run. */
export function isAuthoritysRefusal({ name }: Error): boolean {
    return /^(AccountUnusable|CertificateAuthority|CertificateUnusable|ChallengeForbidden|ChallengeRefused|ExternalAccount|OrderRefused|ProfileNotOffered)/.test(
        name,
    );
}

/** What is to be kept of a failure of the authority. */
export function failedAttempt(
    { failures = 0 }: RenewalState,
    { retryAt }: Refusal,
    now: number,
): Pick<RenewalState, "failures" | "nextAttempt"> {
    const pause = PAUSES[Math.min(failures, PAUSES.length - 1)];
    const next = Math.max(now + pause, Math.min(retryAt ?? 0, now + LONGEST_PAUSE));
    return { failures: failures + 1, nextAttempt: new Date(next).toISOString() };
}

/** Whether a date is still to come. One that is further off than it can have been put was put there by a clock that was wrong, and is not waited for. */
export function isAhead(date: string | undefined, most: number, now: number): boolean {
    const left = Date.parse(date ?? "") - now;
    return left > 0 && left <= most;
}

/** The trouble after one more failure, and whether people are to be told: when it begins, and when few days are left. */
export function troubled(
    before: Trouble | undefined,
    error: Refusal,
    expires: Date | undefined,
    now: number,
): { readonly trouble: Trouble; readonly isNews: boolean } {
    const daysLeft = expires === undefined ? Infinity : (expires.getTime() - now) / DAY;
    const reached = TOLD_DAYS.filter((days) => daysLeft <= days).at(-1) ?? TOLD_DAYS[0] + 1;
    const isNews = before === undefined || reached < before.toldDays;
    const trouble: Trouble = {
        since: before?.since ?? new Date(now).toISOString(),
        name: error.name,
        message: error.message,
        ...(error.type && { type: error.type }),
        toldDays: isNews ? reached : before.toldDays,
    };
    return { trouble, isNews };
}
