import { call } from "../calls";
import { load } from "../load";
import { askToLook } from "./queue";
import { readOpenRows, type Row } from "./registry";
import type { Reach } from "./settleTasks";
import { isStopping, taskIdOf } from "./taskEvents";

export interface Swept {
    /** Rows that are LIVE. */
    readonly live: number;
    /** Tasks that run or are on their way up. */
    readonly tasks: number;
    /** Tasks without a row: mostly not yet running, or without a public address. */
    readonly unnamed: number;
    /** LIVE rows without a task: an event was lost, or is late. */
    readonly orphans: number;
    /** Steps that a run left half taken. */
    readonly stuck: number;
}

/** Compares what runs with what stands, and has the queue's function look at every difference. */
export async function sweep(reach: Reach): Promise<Swept> {
    const { settings, sqs, registry, deadline } = reach;
    const taskArns = await listTasks(reach);
    // The index may be behind, but not by what comes after: what it does not show yet is looked at for nothing.
    const rows = await readOpenRows(registry, deadline);
    const { toLook, ...swept } = differences(taskArns, rows, Date.now());
    await askToLook(sqs, settings.queueUrl, settings.clusterArn, toLook, deadline);
    return swept;
}

export function differences(
    taskArns: readonly string[],
    rows: readonly Row[],
    now: number,
): Swept & { readonly toLook: readonly string[] } {
    const known = new Set(rows.map(({ taskId }) => taskId));
    const running = new Set(taskArns.map((taskArn) => taskIdOf(taskArn)));
    const unnamed = taskArns.filter((taskArn) => !known.has(taskIdOf(taskArn)!));
    const orphans = rows.filter(({ state, taskId }) => state === "LIVE" && !running.has(taskId));
    const stuck = rows.filter(({ state, until }) => state !== "LIVE" && until <= now);
    return {
        live: rows.filter(({ state }) => state === "LIVE").length,
        tasks: taskArns.length,
        unnamed: unnamed.length,
        orphans: orphans.length,
        stuck: stuck.length,
        // What may lead to a stranger goes first.
        toLook: [...orphans, ...stuck].map(({ taskArn }) => taskArn).concat(unnamed),
    };
}

/** Every task of the cluster that is not on its way out. ECS lists what is wanted, also where a task has begun to end by itself. */
export async function listTasks({
    settings: { clusterArn: cluster },
    ecs,
    deadline,
}: Pick<Reach, "settings" | "ecs" | "deadline">): Promise<string[]> {
    const { DescribeTasksCommand, ListTasksCommand } = load("@aws-sdk/client-ecs");
    const running: string[] = [];
    let nextToken: string | undefined;
    do {
        const list = new ListTasksCommand({ cluster, desiredStatus: "RUNNING", nextToken });
        const page = await call(`ecs:ListTasks of ${cluster}`, deadline, () => ecs.send(list));
        const taskArns = (page.taskArns ?? []).filter((taskArn) => taskIdOf(taskArn) !== undefined);
        if (taskArns.length > 0) {
            const describe = new DescribeTasksCommand({ cluster, tasks: taskArns });
            const { tasks = [] } = await call(`ecs:DescribeTasks of ${cluster}`, deadline, () => ecs.send(describe));
            running.push(...tasks.filter((task) => !isStopping(task)).map(({ taskArn = "" }) => taskArn));
        }
        nextToken = page.nextToken;
    } while (nextToken);
    return running;
}
