import { load } from "./load";

// Maintenance windows, as Systems Manager has them (docs.aws.amazon.com/systems-manager/latest/APIReference/API_CreateMaintenanceWindow.html):
// from a schedule in a time zone, of a duration, with a cut-off before the end. Instants are milliseconds since the epoch.

/** When windows are open. */
export interface WindowSettings {
    /** `cron(minute hour day month weekday year)`, of which day or weekday is `?`. */
    readonly schedule: string;
    /** Name of a time zone (IANA). */
    readonly scheduleTimezone: string;
    /** Hours. They pass: a window is as long on the day when clocks change. */
    readonly duration: number;
    /** Hours before the end from which on nothing is begun. */
    readonly cutoff: number;
}

/** One time that a window is open. */
export interface Opening {
    readonly opensAt: number;
    /** From then on nothing is begun. */
    readonly startsUntil: number;
    readonly closesAt: number;
}

export interface Openings {
    /** The one that an instant is in. */
    at(now: number): Opening | undefined;
    /** The first that opens after an instant; none when the schedule has no more. */
    after(now: number): Opening | undefined;
}

const HOUR = 3_600_000;

/** @throws TypeError for a schedule that cannot be read */
export function openingsOf({ schedule, scheduleTimezone, duration, cutoff }: WindowSettings): Openings {
    const { Cron } = load("croner");
    const fields = schedule.slice("cron(".length, -1).replaceAll("?", "*");
    // AWS counts weekdays from 1, Sunday, and begins steps anywhere (0/15).
    const syntax = { mode: "7-part", alternativeWeekdays: true, sloppyRanges: true } as const;
    const cron = new Cron(`0 ${fields}`, { ...syntax, timezone: scheduleTimezone });
    const next = (after: number): number | undefined => cron.nextRun(new Date(after))?.getTime();
    const opening = (opensAt: number): Opening => {
        const closesAt = opensAt + duration * HOUR;
        return { opensAt, startsUntil: closesAt - cutoff * HOUR, closesAt };
    };
    // A schedule knows whole seconds, and gives what comes after the one that it is asked about.
    const following = (now: number) => next(Math.floor(now / 1_000) * 1_000);
    return {
        at(now) {
            const opensAt = following(now - duration * HOUR);
            return opensAt !== undefined && opensAt <= now ? opening(opensAt) : undefined;
        },
        after(now) {
            const opensAt = following(now);
            return opensAt === undefined ? undefined : opening(opensAt);
        },
    };
}
