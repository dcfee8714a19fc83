// What makes a maintenance window acceptable.
import { type Opening, type Openings, openingsOf } from "../../../handlers/maintenanceWindows";
import { type Reason } from "../rules";

/** A schedule of maintenance windows, in AWS's cron syntax (docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html). */
export function windowScheduleReason(value: string): Reason {
    const refused = `"${value}" is not a schedule of windows: give cron(minute hour day month weekday year), e.g. cron(0 2 ? * SUN *)`;
    if (!/^cron\(\S+( \S+){5}\)$/.test(value)) {
        return refused;
    }
    const [, , day, , weekday] = value.slice("cron(".length, -1).split(" ");
    if ((day === "?") === (weekday === "?")) {
        return `"${value}" has to have ? for the day or for the weekday, and for one alone`;
    }
    try {
        openingsOf({ schedule: value, scheduleTimezone: "UTC", duration: 1, cutoff: 0 });
        return undefined;
    } catch (error) {
        return `${refused}: ${(error as Error).message.replace(/^Cron\w+: /, "")}`;
    }
}

/** Version of Fargate's platform (docs.aws.amazon.com/AmazonECS/latest/developerguide/platform-fargate.html). */
export function platformVersionReason(value: string): Reason {
    return /^\d+\.\d+\.\d+$/.test(value)
        ? undefined
        : `"${value}" is not the version of a platform, e.g. 1.4.0: LATEST says nothing of what runs`;
}

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

export interface KnownWindow {
    readonly schedule: string;
    readonly scheduleTimezone?: string;
    readonly duration: number;
    readonly cutoff?: number;
}

/** Why these windows cannot be, or cannot keep tasks as young as they must be; by the year to come. */
export function windowsReason(window: KnownWindow, maxTaskAge: number, now = Date.now()): Reason {
    const { schedule, scheduleTimezone = "UTC", duration, cutoff = 0 } = window;
    if (cutoff >= duration) {
        return `begins nothing in the last ${cutoff} of its ${duration} hours: give a cutoff below the duration`;
    }
    const coming = yearOf(openingsOf({ schedule, scheduleTimezone, duration, cutoff }), now);
    if (coming.length === 0) {
        return `"${schedule}" opens no window within a year: give one that does`;
    }
    const times = [...coming.map(({ opensAt }) => opensAt), ...(coming.length === 1 ? [now + 365 * DAY] : [])];
    const gaps = times.slice(1).map((time, index) => time - times[index]);
    const [shortest, longest] = [Math.min(...gaps), Math.max(...gaps)];
    if (shortest < duration * HOUR) {
        return `is open for ${duration} hours, and opens again after ${shortest / HOUR}: give a shorter duration or a rarer schedule`;
    }
    const needed = Math.ceil((2 * longest + duration * HOUR) / DAY);
    return maxTaskAge < needed
        ? `opens every ${Math.ceil(longest / DAY)} days: should one run fail, tasks would be older than the ${maxTaskAge} days of baseline.maxTaskAge; give a schedule that opens more often, or ${needed} days`
        : undefined;
}

function yearOf(openings: Openings, now: number): Opening[] {
    const found: Opening[] = [];
    for (let next = openings.after(now); next !== undefined; next = openings.after(next.opensAt)) {
        // Those of each minute tell after some what all would.
        if (next.opensAt > now + 365 * DAY || found.length === 400) {
            break;
        }
        found.push(next);
    }
    return found;
}
