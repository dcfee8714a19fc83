import type { Task } from "@aws-sdk/client-ecs";
import type { LambdaContext } from "./calls";
import { log } from "./log";
import { KEY_VARIABLE } from "./sessions/access";
import { sightOf } from "./sessions/fargate";
import { noteSight, reconcile, type Reach, type Reconciled } from "./sessions/life";
import { openReach } from "./sessions/reach";
import { readSessionSettings } from "./sessions/settings";

/** The part of an "ECS Task State Change" that says which session's task goes, and why. */
interface TaskStateChange {
    readonly detail?: Pick<Task, "taskArn" | "lastStatus" | "stoppedReason" | "stopCode" | "containers" | "overrides">;
}

/**
 * Keeps registry and tasks in line: of one session, by the event that tells that its task stops, and of all, once a minute. A lost event costs a
 * minute.
 */
export async function reconcileSessions(
    event: TaskStateChange,
    context: LambdaContext,
): Promise<Reconciled | undefined> {
    const reach = openReach(readSessionSettings(), context.getRemainingTimeInMillis());
    if (event.detail?.taskArn !== undefined) {
        await noteStop(reach, event.detail);
        return undefined;
    }
    const seen = await reconcile(reach);
    log(seen.failed > 0 ? "error" : "info", "sessions compared with tasks", seen);
    if (seen.failed > 0) {
        throw new Error(`${seen.failed} of ${seen.open} sessions could not be settled: the log says why.`);
    }
    return seen;
}

/** A task that is told to stop does not come back: the event counts, whatever ECS still shows. */
async function noteStop(reach: Reach, detail: TaskStateChange["detail"] & object): Promise<void> {
    const variables = detail.overrides?.containerOverrides?.flatMap(({ environment = [] }) => environment) ?? [];
    const key = variables.find(({ name }) => name === KEY_VARIABLE)?.value;
    const sight = sightOf({ ...detail, desiredStatus: "STOPPED" });
    const after = key === undefined ? undefined : await noteSight(reach, key, detail.taskArn!, sight);
    if (after !== undefined) {
        log("info", "session's task stops", { key, state: after.state, reason: sight.reason });
    }
}
