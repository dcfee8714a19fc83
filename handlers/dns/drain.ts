import type { Task } from "@aws-sdk/client-ecs";
import { call, sleep } from "../calls";
import { failure } from "../failure";
import { log } from "../log";
import { load } from "../load";
import { readOpenRows } from "./registry";
import { settleTasks, type Reach } from "./settleTasks";
import { taskIdOf, type TaskHint } from "./taskEvents";

export interface Drained {
    readonly stoppedTasks: number;
    readonly removedRecords: number;
}

const PAUSE_MILLISECONDS = 2_000;

/**
 * Takes every record away, for good, and on request stops the tasks that no service keeps: a hosted zone goes only when it is empty, a security
 * group and a cluster only when no task holds them. `reachNow` gives each round a lease of its own.
 */
export async function drain(reachNow: () => Reach, stopsTasks: boolean, until: number): Promise<Drained> {
    const stopped = new Set<string>();
    const removed = new Set<string>();
    for (;;) {
        const reach = reachNow();
        const tasks = await unfinishedTasks(reach);
        const onDemand = stopsTasks ? tasks.filter(({ group = "" }) => !group.startsWith("service:")) : [];
        for (const { taskArn = "" } of onDemand.filter(({ desiredStatus }) => desiredStatus !== "STOPPED")) {
            await stopTask(reach, taskArn);
            stopped.add(taskArn);
        }
        const rows = await readOpenRows(reach.registry, reach.deadline);
        const taskArns = new Set([...tasks, ...rows].map(({ taskArn = "" }) => taskArn));
        // Also a task without a record is remembered as gone, so that no run that is still under way gives it one.
        const hints = [...taskArns].map((taskArn): TaskHint => ({
            taskArn,
            taskId: taskIdOf(taskArn)!,
            stopping: true,
            version: 0,
            time: 0,
            messages: [],
            swept: false,
        }));
        const { unsettled, removed: now } = await settleTasks(reach, hints);
        now.forEach(({ taskId }) => removed.add(taskId));
        if (rows.length === 0 && unsettled.size === 0 && onDemand.length === 0) {
            return { stoppedTasks: stopped.size, removedRecords: removed.size };
        }
        log("info", "draining", { tasks: onDemand.length, rows: rows.length, unsettled: unsettled.size });
        if (Date.now() + PAUSE_MILLISECONDS > until) {
            const [reason] = [...unsettled.values()].map((one) => one.reason);
            throw failure(
                "NotDrained",
                `${onDemand.length} tasks are not stopped yet and ${rows.length} records not removed${reason ? `: ${reason}` : ""}. Destroy again.`,
            );
        }
        await sleep(PAUSE_MILLISECONDS);
    }
}

/** The cluster's tasks that are not STOPPED yet. */
async function unfinishedTasks({ settings: { clusterArn: cluster }, ecs, deadline }: Reach): Promise<Task[]> {
    const { DescribeTasksCommand, ListTasksCommand } = load("@aws-sdk/client-ecs");
    const unfinished: Task[] = [];
    for (const desiredStatus of ["RUNNING", "STOPPED"] as const) {
        let nextToken: string | undefined;
        do {
            const list = new ListTasksCommand({ cluster, desiredStatus, nextToken });
            const page = await call(`ecs:ListTasks of ${cluster}`, deadline, () => ecs.send(list));
            const taskArns = (page.taskArns ?? []).filter((taskArn) => taskIdOf(taskArn) !== undefined);
            if (taskArns.length > 0) {
                const describe = new DescribeTasksCommand({ cluster, tasks: taskArns });
                const { tasks = [] } = await call(`ecs:DescribeTasks of ${cluster}`, deadline, () =>
                    ecs.send(describe),
                );
                unfinished.push(...tasks.filter(({ lastStatus }) => lastStatus !== "STOPPED"));
            }
            nextToken = page.nextToken;
        } while (nextToken);
    }
    return unfinished;
}

async function stopTask({ settings: { clusterArn: cluster }, ecs, deadline }: Reach, task: string): Promise<void> {
    const { StopTaskCommand } = load("@aws-sdk/client-ecs");
    const command = new StopTaskCommand({ cluster, task, reason: "The stack is being destroyed" });
    await call(`ecs:StopTask of ${task}`, deadline, () => ecs.send(command));
}
