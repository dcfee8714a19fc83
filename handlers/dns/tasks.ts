import type { DescribeTasksCommandOutput, ECSClient, Task } from "@aws-sdk/client-ecs";
import { call } from "../calls";
import { describeError } from "../failure";
import { load } from "../load";
import { nameOf, type Named } from "./names";
import type { Row } from "./registry";
import type { TaskDnsSettings } from "./settings";
import { isStopping, networkInterfaceId, type TaskHint } from "./taskEvents";

/** What ECS says about a task, which is what counts. */
export interface TaskTruth {
    /** `early`: on its way up, or not for us. `ready`: it is to have its name. `missing`: ECS does not know it any more. */
    readonly state: "early" | "ready" | "stopping" | "missing" | "unclear";
    readonly version: number;
    /** Why it is unclear. */
    readonly reason?: string;
    readonly networkInterfaceId?: string;
    /** It is in RUNNING, since then: what it has no address by now it will not get. */
    readonly runningSince?: number;
    readonly name?: string;
}

/** A read may be older than the event that asked for it: so young, a task that ECS does not know may be one it does not know yet. */
const YOUNG_MILLISECONDS = 60_000;
const TASKS_PER_CALL = 100;

/** What we know of a task that ECS is asked for. */
export interface Asked {
    readonly hint: TaskHint;
    readonly row: Row | undefined;
}

/** Looks at every task once; what stays unclear is looked at again when its message comes back. */
export async function lookAtTasks(
    ecs: ECSClient,
    settings: TaskDnsSettings,
    asked: readonly Asked[],
    deadline: number,
): Promise<Map<string, TaskTruth>> {
    const { DescribeTasksCommand } = load("@aws-sdk/client-ecs");
    const { clusterArn } = settings;
    const truths = new Map<string, TaskTruth>();
    for (let first = 0; first < asked.length; first += TASKS_PER_CALL) {
        const some = asked.slice(first, first + TASKS_PER_CALL);
        const tasks = some.map(({ hint }) => hint.taskArn);
        try {
            const command = new DescribeTasksCommand({ cluster: clusterArn, tasks, include: ["TAGS"] });
            const answer = await call(`ecs:DescribeTasks of ${clusterArn}`, deadline, () => ecs.send(command));
            some.forEach((one) => truths.set(one.hint.taskId, readTask(one, answer, settings)));
        } catch (error) {
            const reason = describeError(error);
            some.forEach(({ hint }) => truths.set(hint.taskId, { state: "unclear", version: 0, reason }));
        }
    }
    return truths;
}

function readTask({ hint, row }: Asked, answer: DescribeTasksCommandOutput, settings: TaskDnsSettings): TaskTruth {
    const task = answer.tasks?.find(({ taskArn }) => taskArn === hint.taskArn);
    const version = task?.version ?? 0;
    const unclear = (reason: string): TaskTruth => ({ state: "unclear", version, reason });
    if (task === undefined) {
        const reason = answer.failures?.find(({ arn }) => arn === hint.taskArn)?.reason ?? "no answer";
        const isYoung = Date.now() - Math.max(hint.time, row?.since ?? 0) < YOUNG_MILLISECONDS;
        return reason === "MISSING" && !isYoung
            ? { state: "missing", version }
            : unclear(`ecs:DescribeTasks says ${reason}`);
    }
    const known = Math.max(hint.version, row?.version ?? 0);
    if (version < known) {
        return unclear(`ecs:DescribeTasks shows version ${version}, older than ${known}, which was seen`);
    }
    if (isStopping(task)) {
        return { state: "stopping", version };
    }
    const named = toNamed(hint.taskId, task);
    if (!isDue(task, settings) || !isWanted(named, settings)) {
        return { state: "early", version };
    }
    return {
        state: "ready",
        version,
        networkInterfaceId: networkInterfaceId(task.attachments),
        runningSince: task.lastStatus === "RUNNING" ? (task.startedAt?.getTime() ?? 0) : undefined,
        ...nameOf(settings.nameTemplate, settings.domain, named),
    };
}

function toNamed(taskId: string, { taskDefinitionArn = "", group = "", tags = [] }: Task): Named {
    return {
        taskId,
        family: /:task-definition\/([^:]+)/.exec(taskDefinitionArn)?.[1],
        service: group.startsWith("service:") ? group.slice("service:".length) : undefined,
        tags: new Map(tags.map(({ key = "", value = "" }) => [key, value])),
    };
}

function isDue({ lastStatus, healthStatus }: Task, { publishAt }: TaskDnsSettings): boolean {
    switch (publishAt) {
        case "PENDING":
            return lastStatus === "PENDING" || lastStatus === "ACTIVATING" || lastStatus === "RUNNING";
        case "RUNNING":
            return lastStatus === "RUNNING";
        case "HEALTHY":
            return lastStatus === "RUNNING" && healthStatus === "HEALTHY";
    }
}

function isWanted({ family = "", service = "", tags }: Named, { filter }: TaskDnsSettings): boolean {
    return (
        (filter.families.length === 0 || filter.families.includes(family)) &&
        (filter.services.length === 0 || filter.services.includes(service)) &&
        Object.entries(filter.tags).every(([key, value]) => tags.get(key) === value)
    );
}
