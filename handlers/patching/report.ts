import { type Due, duesOf, isAgainst, newerDigest, type Reason, type TaskSight } from "./baseline";
import { type PatchingState, type PlanSettings, type Sight, stopTimeOf } from "./plan";
import type { Openings } from "../maintenanceWindows";

// What stands against which task, for people and programs. Instants are texts of ISO 8601.

export interface PatchReport {
    readonly at: string;
    readonly clusterArn: string;
    readonly window: {
        readonly isOpen: boolean;
        /** Of the window that is open, or of the next one; none when the schedule has no more. */
        readonly opensAt?: string;
        readonly startsUntil?: string;
        readonly closesAt?: string;
        /** Services whose redeployments failed in the window that was open last. */
        readonly failed: readonly string[];
    };
    readonly tasks: readonly TaskReport[];
    /** Services that are being redeployed, and since when. */
    readonly redeployments: Readonly<Record<string, string>>;
    readonly retirements: readonly { readonly id: string; readonly at: string }[];
}

export interface TaskReport {
    readonly taskArn: string;
    readonly service?: string;
    /** As Systems Manager calls it: whether nothing stands against it. */
    readonly status: "COMPLIANT" | "NON_COMPLIANT";
    /** Whether something should have been gone by now. */
    readonly isOverdue: boolean;
    readonly startedAt: string;
    readonly ageDays: number;
    readonly platformVersion?: string;
    readonly containers: readonly ContainerReport[];
    readonly reasons: readonly ReasonReport[];
    /** When its service's next window opens, or when it is stopped if no service keeps it. */
    readonly next?: string;
}

export interface ContainerReport {
    readonly name: string;
    readonly image: string;
    readonly digest?: string;
    readonly imagePushedAt?: string;
    readonly imageAgeDays?: number;
    readonly newerDigest?: string;
    /** By severity; unknown when left out. */
    readonly findings?: Readonly<Record<string, number>>;
}

export interface ReasonReport {
    readonly reason: Reason;
    readonly container?: string;
    readonly detail: string;
    readonly by?: string;
    readonly blocked?: string;
}

const DAY = 86_400_000;

export function reportOf(
    clusterArn: string,
    state: PatchingState,
    sight: Sight,
    settings: PlanSettings,
    openings: Openings,
    now: number,
): PatchReport {
    const open = openings.at(now);
    const next = open ?? openings.after(now);
    const later = openings.after(now);
    const lines = sight.tasks.map((task): TaskReport => {
        const told = state.told[task.taskArn];
        const stops =
            settings.stopTasks && told !== undefined
                ? stopTimeOf(task, { since: told.at, stopBy: told.stopBy })
                : undefined;
        const dues = duesOf(task, settings.baseline, sight.retirements, now);
        return taskReport(task, dues, task.service === undefined ? stops : (later?.opensAt ?? undefined), now);
    });
    return {
        at: iso(now),
        clusterArn,
        window: {
            isOpen: open !== undefined,
            ...(next && {
                opensAt: iso(next.opensAt),
                startsUntil: iso(next.startsUntil),
                closesAt: iso(next.closesAt),
            }),
            failed: state.opening?.failed ?? [],
        },
        tasks: lines.sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1)),
        redeployments: Object.fromEntries(
            Object.entries(state.redeployments).map(([service, { since }]) => [service, iso(since)]),
        ),
        retirements: sight.retirements.map(({ id, at }) => ({ id, at: iso(at) })),
    };
}

function taskReport(task: TaskSight, dues: readonly Due[], next: number | undefined, now: number): TaskReport {
    const { taskArn, service, startedAt, platformVersion } = task;
    const against = dues.filter((due) => isAgainst(due, now));
    return {
        taskArn,
        ...(service !== undefined && { service }),
        status: against.length === 0 ? "COMPLIANT" : "NON_COMPLIANT",
        isOverdue: against.some(({ by, blocked }) => by !== undefined && blocked === undefined),
        startedAt: iso(startedAt),
        ageDays: days(now - startedAt),
        ...(platformVersion !== undefined && { platformVersion }),
        containers: task.containers.map((container): ContainerReport => {
            const { name, image, digest, pushedAt, findings } = container;
            const newer = newerDigest(task, container);
            return {
                ...{ name, image },
                ...(digest !== undefined && { digest }),
                ...(pushedAt !== undefined && { imagePushedAt: iso(pushedAt), imageAgeDays: days(now - pushedAt) }),
                ...(newer !== undefined && { newerDigest: newer }),
                ...(findings !== undefined && { findings }),
            };
        }),
        reasons: dues.map(({ by, ...due }) => ({ ...due, ...(by !== undefined && { by: iso(by) }) })),
        ...(next !== undefined && { next: iso(next) }),
    };
}

function keyOf({ service, taskArn }: TaskReport): string {
    return `${service ?? "~"} ${taskArn}`;
}

/** Of a day, one tenth. */
function days(milliseconds: number): number {
    return Math.round((milliseconds / DAY) * 10) / 10;
}

export function iso(instant: number): string {
    return new Date(instant).toISOString();
}
