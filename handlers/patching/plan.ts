import { type Baseline, type Due, duesOf, type Retirement, type TaskSight } from "./baseline";
import { LOOK_MINUTES, LOOK_SECONDS } from "../patchingNames";
import type { Opening, Openings } from "../maintenanceWindows";

// What one look does, by what it sees and what the looks before it left. Nothing here asks AWS or the clock.

export interface DeploymentSight {
    readonly id: string;
    readonly isPrimary: boolean;
    /** `COMPLETED`, `IN_PROGRESS`, `FAILED`; a service without rolling updates has none. */
    readonly rolloutState?: string;
    readonly createdAt: number;
}

export interface ServiceSight {
    readonly name: string;
    readonly deployments: readonly DeploymentSight[];
    /** Whether ECS itself deploys it: others are not deployed by UpdateService. */
    readonly isRolling: boolean;
}

export interface Sight {
    readonly services: readonly ServiceSight[];
    readonly tasks: readonly TaskSight[];
    readonly retirements: readonly Retirement[];
}

export interface PlanSettings {
    readonly baseline: Baseline;
    /** Services at a time. */
    readonly maxConcurrency: number;
    /** Failed redeployments that a window takes before nothing more is begun in it. */
    readonly maxErrors: number;
    /** Whether tasks that no service keeps are stopped, or only told of. */
    readonly stopTasks: boolean;
    /** Hours from the telling to the stop. */
    readonly noticePeriod: number;
}

/** A redeployment of ours that has not come to its end. */
export interface Redeployment {
    /** The service's deployment before it. */
    readonly before: string;
    /** Ours, once ECS has told its id. */
    readonly deployment?: string;
    readonly since: number;
    /** It should have ended by then. */
    readonly until: number;
    /** The window that it was begun in; none for one that could not wait. */
    readonly opensAt?: number;
    readonly isLate?: boolean;
}

export interface PatchingState {
    /** What became of the window that was open last. */
    readonly opening?: {
        readonly opensAt: number;
        readonly tried: readonly string[];
        readonly failed: readonly string[];
    };
    readonly redeployments: Readonly<Record<string, Redeployment>>;
    /** Services whose last redeployment failed, and how many before that did. */
    readonly failures: Readonly<Record<string, { readonly count: number; readonly at: number }>>;
    /** Tasks that no service keeps whose owners were told: first when, and until when they may run. */
    readonly told: Readonly<Record<string, { readonly at: number; readonly stopBy: number }>>;
    /** Digests of images of which it was told that they must be built anew. */
    readonly rebuilds: readonly string[];
}

export const noState: PatchingState = { redeployments: {}, failures: {}, told: {}, rebuilds: [] };

export interface TaskNotice {
    readonly task: TaskSight;
    readonly stopBy: number;
    readonly dues: readonly Due[];
    readonly since: number;
}

/** An image that stands against tasks as long as its tag names no other. */
export interface Rebuild {
    readonly digest: string;
    readonly image: string;
    readonly dues: readonly Due[];
}

export interface Plan {
    /** With what is about to be begun: it is kept before, so that no other run begins it too. */
    readonly state: PatchingState;
    readonly redeploy: readonly { readonly service: string; readonly dues: readonly Due[] }[];
    readonly tell: readonly TaskNotice[];
    readonly stop: readonly { readonly taskArn: string; readonly dues: readonly Due[] }[];
    /** Images that must be built anew, of which nobody was told yet. */
    readonly rebuild: readonly Rebuild[];
    /** Services whose redeployments failed since the last look. */
    readonly failed: readonly string[];
}

const HOUR = 3_600_000;
/** Before a deadline that is another's: two looks fit in. */
const MARGIN = 2 * LOOK_MINUTES * 60_000;

export function planOf(
    before: PatchingState,
    sight: Sight,
    settings: PlanSettings,
    openings: Openings,
    now: number,
): Plan {
    const { state: ended, failed } = settled(before, sight, now);
    const opening = openings.at(now);
    const state =
        opening === undefined || ended.opening?.opensAt === opening.opensAt
            ? ended
            : { ...ended, opening: { opensAt: opening.opensAt, tried: [], failed: [] } };
    const dues = (task: TaskSight) => duesOf(task, settings.baseline, sight.retirements, now);
    const redeploy = begun(state, sight, settings, openings, now, dues);
    const { told, tell, stop } = notices(state, sight, settings, now, dues);
    const isWindows = opening !== undefined && now < opening.startsUntil;
    const entries = redeploy.map(({ service, before: deployment }): [string, Redeployment] => [
        service,
        isWindows
            ? { before: deployment, since: now, until: opening.closesAt, opensAt: opening.opensAt }
            : { before: deployment, since: now, until: now + HOUR },
    ]);
    const needed = rebuildsOf(sight.tasks, dues);
    return {
        state: {
            ...state,
            told,
            rebuilds: state.rebuilds.filter((digest) => needed.some((each) => each.digest === digest)),
            redeployments: { ...state.redeployments, ...Object.fromEntries(entries) },
            ...(isWindows &&
                state.opening && {
                    opening: {
                        ...state.opening,
                        tried: [...state.opening.tried, ...redeploy.map(({ service }) => service)],
                    },
                }),
        },
        redeploy: redeploy.map(({ service, dues: why }) => ({ service, dues: why })),
        tell,
        stop,
        rebuild: needed.filter(({ digest }) => !state.rebuilds.includes(digest)),
        failed,
    };
}

/** The state with this redeployment failed. */
export function withFailure(state: PatchingState, service: string, now: number): PatchingState {
    const { opening } = state;
    const isOfWindow = opening !== undefined && state.redeployments[service]?.opensAt === opening.opensAt;
    return {
        ...state,
        failures: {
            ...state.failures,
            [service]: { count: (state.failures[service]?.count ?? 0) + 1, at: now },
        },
        ...(isOfWindow && { opening: { ...opening, failed: [...opening.failed, service] } }),
    };
}

export function without<T>(record: Readonly<Record<string, T>>, key: string): Record<string, T> {
    return Object.fromEntries(Object.entries(record).filter(([each]) => each !== key));
}

/** What became of the redeployments that were under way. */
function settled(before: PatchingState, sight: Sight, now: number): { state: PatchingState; failed: string[] } {
    let state = before;
    const failed: string[] = [];
    for (const [service, redeployment] of Object.entries(before.redeployments)) {
        const end = endOf(
            redeployment,
            sight.services.find(({ name }) => name === service),
            now,
        );
        const isLate = end === "under way" && now >= redeployment.until;
        if ((end === "failed" || isLate) && redeployment.isLate !== true) {
            state = withFailure(state, service, now);
            failed.push(service);
        }
        if (end === "under way") {
            // It keeps its place: never more are replaced at once than may be.
            const kept = isLate ? { ...redeployment, isLate } : redeployment;
            state = { ...state, redeployments: { ...state.redeployments, [service]: kept } };
        } else {
            state = { ...state, redeployments: without(state.redeployments, service) };
        }
        if (end === "done") {
            state = { ...state, failures: without(state.failures, service) };
        }
    }
    return { state, failed };
}

/** `superseded`: somebody deployed the service since, or deleted it. */
function endOf(
    { before, deployment, since }: Redeployment,
    service: ServiceSight | undefined,
    now: number,
): "done" | "failed" | "superseded" | "under way" {
    const primary = service?.deployments.find(({ isPrimary }) => isPrimary);
    if (service === undefined || primary === undefined) {
        return "superseded";
    }
    // Nobody told the id when the function ended in between.
    const ours = deployment ?? (primary.id === before ? undefined : primary.id);
    const found = service.deployments.find(({ id }) => id === ours);
    if (deployment === undefined && primary.id === before && now < since + LOOK_SECONDS * 1_000) {
        return "under way"; // the look that planned it may be about to begin it
    }
    if (primary.id === before || found?.rolloutState === "FAILED") {
        return "failed"; // never begun, or rolled back
    }
    if (found === undefined || !found.isPrimary) {
        return "superseded";
    }
    return found.rolloutState === "COMPLETED" ? "done" : "under way";
}

interface Begun {
    readonly service: string;
    readonly before: string;
    readonly dues: readonly Due[];
}

/** The services whose turn it is, the most urgent first, as many as may be under way. */
function begun(
    state: PatchingState,
    { services, tasks }: Sight,
    { maxConcurrency, maxErrors }: PlanSettings,
    openings: Openings,
    now: number,
    duesOfTask: (task: TaskSight) => readonly Due[],
): readonly Begun[] {
    const opening = openings.at(now);
    const next = openings.after(now);
    const later = next && openings.after(next.opensAt);
    const { tried = [], failed = [] } = state.opening ?? {};
    const takesMore = opening !== undefined && now < opening.startsUntil && failed.length <= maxErrors;
    // The next window is not the last one before its time: should all fail in that, there is another.
    const isDueNow = ({ by }: Due): boolean => by === undefined || later === undefined || by < later.closesAt;
    const isUrgent = ({ reason, by = 0 }: Due): boolean => reason === "Retirement" && isTooLate(next, by);
    const candidates = services.flatMap((service): (Begun & { readonly by: number })[] => {
        const { name, deployments, isRolling } = service;
        const primary = deployments.find(({ isPrimary }) => isPrimary);
        const own = tasks.filter((task) => task.service === name);
        const dues = own.flatMap((task) => duesOfTask(task)).filter(({ blocked }) => blocked === undefined);
        if (primary === undefined || !isRolling || name in state.redeployments || isBusy(primary, now)) {
            return [];
        }
        const inWindow = takesMore && !tried.includes(name) ? dues.filter(isDueNow) : [];
        const urgent = isRested(state, name, now) ? dues.filter(isUrgent) : [];
        const why = distinct([...inWindow, ...urgent]);
        const by = Math.min(...why.map((due) => due.by ?? Infinity));
        return why.length === 0 ? [] : [{ service: name, before: primary.id, dues: why, by }];
    });
    const places = Math.max(0, maxConcurrency - Object.keys(state.redeployments).length);
    const byName = (one: Begun, other: Begun): number => (one.service < other.service ? -1 : 1);
    return candidates
        .sort((one, other) => (one.by === other.by ? byName(one, other) : one.by - other.by))
        .slice(0, places);
}

function isTooLate(next: Opening | undefined, by: number): boolean {
    return next === undefined || next.closesAt > by;
}

/** Somebody deploys it right now; for an hour at most, since a deployment that never ends must not keep it from ever being patched. */
function isBusy({ rolloutState, createdAt }: DeploymentSight, now: number): boolean {
    return rolloutState === "IN_PROGRESS" && now < createdAt + HOUR;
}

/** What cannot wait for a window is tried again after an hour, after two, and so on. */
function isRested({ failures }: PatchingState, service: string, now: number): boolean {
    const failure = failures[service];
    return failure === undefined || now >= failure.at + Math.min(24, 2 ** (failure.count - 1)) * HOUR;
}

function distinct(dues: readonly Due[]): Due[] {
    const isFirst = (due: Due, index: number): boolean =>
        dues.findIndex(
            ({ reason, container, detail }) =>
                reason === due.reason && container === due.container && detail === due.detail,
        ) === index;
    return dues.filter(isFirst);
}

/** Tasks that no service keeps: their owners are told, and have until `stopBy`. */
function notices(
    state: PatchingState,
    { tasks }: Sight,
    { stopTasks, noticePeriod }: PlanSettings,
    now: number,
    duesOfTask: (task: TaskSight) => readonly Due[],
): Pick<Plan, "tell" | "stop"> & Pick<PatchingState, "told"> {
    const told: Record<string, { readonly at: number; readonly stopBy: number }> = {};
    const tell: TaskNotice[] = [];
    const stop: { readonly taskArn: string; readonly dues: readonly Due[] }[] = [];
    for (const task of tasks.filter(({ service }) => service === undefined)) {
        const before = state.told[task.taskArn];
        const since = before?.at ?? now;
        const stopBys = duesOfTask(task)
            .filter(({ blocked }) => blocked === undefined)
            .map((due) => ({ due, stopBy: due.by === undefined ? since + noticePeriod * HOUR : due.by - MARGIN }))
            .filter(({ stopBy }) => now >= stopBy - noticePeriod * HOUR);
        if (stopBys.length === 0) {
            continue;
        }
        const stopBy = Math.min(...stopBys.map((each) => each.stopBy));
        const dues = stopBys.map(({ due }) => due);
        if (before === undefined || stopBy < before.stopBy) {
            tell.push({ task, stopBy, dues, since });
        }
        if (before !== undefined) {
            told[task.taskArn] = before;
            if (stopTasks && now >= stopTimeOf(task, { since, stopBy })) {
                stop.push({ taskArn: task.taskArn, dues });
            }
        }
    }
    return { told, tell, stop };
}

/** When a task that its owner was told of is stopped: at the owner's time, or when there is no more. */
export function stopTimeOf({ stopAt }: TaskSight, told: { readonly since: number; readonly stopBy: number }): number {
    const owners = Date.parse(stopAt ?? "");
    return owners >= told.since && owners < told.stopBy ? owners : told.stopBy;
}

function rebuildsOf(tasks: readonly TaskSight[], duesOfTask: (task: TaskSight) => readonly Due[]): Rebuild[] {
    const rebuilds: Record<string, Rebuild> = {};
    for (const task of tasks) {
        const blocked = duesOfTask(task).filter((due) => due.blocked !== undefined);
        for (const { name, image, digest } of task.containers) {
            const dues = blocked.filter(({ container }) => container === name);
            if (digest !== undefined && dues.length > 0) {
                rebuilds[digest] = { digest, image, dues };
            }
        }
    }
    return Object.values(rebuilds);
}
