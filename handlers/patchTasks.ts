import { call, clientSettings, isFateUnknown, type LambdaContext } from "./calls";
import { describeError } from "./failure";
import { putEvents } from "./events";
import { load } from "./load";
import { log } from "./log";
import { writeMetrics } from "./metrics";
import { IMAGE_EVENT, TASK_EVENT } from "./patchingNames";
import { lookAround } from "./patching/look";
import type { Due } from "./patching/baseline";
import {
    type PatchingState,
    type Plan,
    planOf,
    type Sight,
    type TaskNotice,
    withFailure,
    without,
} from "./patching/plan";
import { iso, type PatchReport, reportOf } from "./patching/report";
import { type HealthEvent, retirementOf } from "./patching/retirement";
import { type PatchingSettings, readPatchingSettings } from "./patching/settings";
import { openStore, type Store } from "./patching/store";
import { openingsOf } from "./maintenanceWindows";

/** By the schedule, by AWS Health, or by who wants to know how things stand, which changes nothing. */
export interface PatchEvent extends HealthEvent {
    readonly report?: boolean;
}

/**
 * Looks at what runs in the cluster and begins what is due: redeployments of services in maintenance windows, or out of them for what Fargate
 * retires before the next; notices to the owners of other tasks, and the ends of these. Answers with the report that it leaves in the bucket.
 */
export async function patchTasks(event: PatchEvent, context: LambdaContext): Promise<PatchReport> {
    const settings = readPatchingSettings();
    const deadline = Date.now() + context.getRemainingTimeInMillis() - 5_000;
    const openings = openingsOf(settings.window);
    const store = await openStore(settings.bucketName, deadline);
    const notice = retirementOf(event, settings.clusterArn);
    if (notice !== undefined) {
        await store.note(notice);
        log("info", "Fargate is going to stop tasks", notice);
    }
    const around = await lookAround(settings, deadline);
    const retirements = [...store.retirements.filter(({ id }) => id !== notice?.id), ...(notice ? [notice] : [])];
    const sight: Sight = { ...around, retirements: retirements.filter((each) => isOpen(each, around)) };
    const now = Date.now();
    const report = (state: PatchingState): PatchReport =>
        reportOf(settings.clusterArn, state, sight, settings, openings, now);
    if (event.report === true) {
        return report(store.state);
    }
    const plan = planOf(store.state, sight, settings, openings, now);
    if (!(await isKept(store, plan.state))) {
        return report(store.state);
    }
    const { state, faults, failed } = await carryOut(plan, settings, store, now, deadline);
    const done = report(state);
    await store.publish(done);
    const of = (value: number) => ({ unit: "Count" as const, values: [value] });
    writeMetrics(
        { FunctionName: context.functionName },
        {
            FailedRedeployments: of(failed.length),
            OverdueTasks: of(done.tasks.filter(({ isOverdue }) => isOverdue).length),
            NonCompliantTasks: of(done.tasks.filter(({ status }) => status === "NON_COMPLIANT").length),
            RebuildsDue: of(state.rebuilds.length),
        },
    );
    if (faults.length > 0) {
        throw new Error(`${faults.length} of what was due could not be done: ${faults.join("; ")}`);
    }
    return done;
}

/** False when the state is not the one any more that this run has read or kept: another one goes on from that. Scheduler may invoke twice, and AWS Health when it wants. */
async function isKept(store: Store, state: PatchingState): Promise<boolean> {
    try {
        await store.keep(state);
        return true;
    } catch (error) {
        if (/^(PreconditionFailed|ConditionalRequestConflict)$/.test((error as Error).name)) {
            log("info", "another run is at it", { reason: describeError(error) });
            return false;
        }
        throw error;
    }
}

/** Whether a notice is still about something that runs. */
function isOpen(
    { toldAt, services, taskArns }: Sight["retirements"][number],
    { tasks }: Pick<Sight, "tasks">,
): boolean {
    return tasks.some(
        ({ taskArn, service = "", startedAt }) =>
            startedAt < toldAt && (services.includes(service) || taskArns.includes(taskArn)),
    );
}

/** Begins each thing, whatever becomes of the others; a redeployment that ECS refuses is a failed one. */
async function carryOut(
    { state: planned, redeploy, tell, stop, rebuild, failed: ended }: Plan,
    settings: PatchingSettings,
    store: Store,
    now: number,
    deadline: number,
): Promise<{ readonly state: PatchingState; readonly faults: string[]; readonly failed: readonly string[] }> {
    const { ECSClient, StopTaskCommand, UpdateServiceCommand } = load("@aws-sdk/client-ecs");
    const { EventBridgeClient } = load("@aws-sdk/client-eventbridge");
    const ecs = new ECSClient(clientSettings());
    const events = new EventBridgeClient(clientSettings());
    const { clusterArn: cluster } = settings;
    const faults: string[] = [];
    const failed = [...ended];
    let state = planned;
    const attempt = async (step: () => Promise<void>): Promise<void> => {
        try {
            await step();
        } catch (error) {
            faults.push(describeError(error));
        }
    };
    ended.forEach((service) => log("error", "a redeployment failed", { service }));

    for (const { service, dues } of redeploy) {
        try {
            const command = new UpdateServiceCommand({ cluster, service, forceNewDeployment: true });
            const answer = await call(`ecs:UpdateService of ${service}`, deadline, () => ecs.send(command));
            const deployment = answer.service?.deployments?.find(({ status }) => status === "PRIMARY")?.id;
            log("info", "service redeployed", { service, deployment, dues });
            const begun = { ...state.redeployments[service], deployment };
            state = { ...state, redeployments: { ...state.redeployments, [service]: begun } };
        } catch (error) {
            if (isFateUnknown(error)) {
                faults.push(describeError(error)); // the next look shows whether there is a deployment
                continue;
            }
            log("error", "a redeployment failed", { service, reason: describeError(error) });
            failed.push(service);
            state = withFailure(state, service, now);
            state = { ...state, redeployments: without(state.redeployments, service) };
        }
    }
    await attempt(async () => {
        await putEvents(
            events,
            tell.map((notice) => taskEvent(notice, settings)),
            deadline,
        );
        const notices = tell.map(({ task, since, stopBy }) => [task.taskArn, { at: since, stopBy }] as const);
        state = { ...state, told: { ...state.told, ...Object.fromEntries(notices) } };
    });
    await attempt(async () => {
        const entry = { Source: IMAGE_EVENT.source, DetailType: IMAGE_EVENT.detailType, Resources: [cluster] };
        const entries = rebuild.map(({ image, digest, dues }) => ({
            ...entry,
            Detail: JSON.stringify({ clusterArn: cluster, image, digest, reasons: dues.map(told) }),
        }));
        await putEvents(events, entries, deadline);
        state = { ...state, rebuilds: [...state.rebuilds, ...rebuild.map(({ digest }) => digest)] };
    });
    for (const { taskArn: task, dues } of stop) {
        await attempt(async () => {
            const reason = `taskgate: ${[...new Set(dues.map((due) => due.reason))].join(", ")}`;
            const command = new StopTaskCommand({ cluster, task, reason });
            await call(`ecs:StopTask of ${task}`, deadline, () => ecs.send(command));
            log("info", "task stopped", { task, dues });
        });
    }
    await isKept(store, state); // what was told is told again otherwise
    return { state, faults, failed };
}

function taskEvent({ task, stopBy, dues }: TaskNotice, { clusterArn, stopTasks, stopAtTag }: PatchingSettings) {
    return {
        Source: TASK_EVENT.source,
        DetailType: TASK_EVENT.detailType,
        Resources: [task.taskArn],
        Detail: JSON.stringify({
            ...{ taskArn: task.taskArn, clusterArn, stopBy: iso(stopBy), isStopped: stopTasks, stopAtTag },
            reasons: dues.map(told),
        }),
    };
}

/** Of a reason, what others need to know. */
function told({ reason, container, detail }: Due): object {
    return { reason, container, detail };
}
