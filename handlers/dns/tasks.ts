import type { DescribeTasksCommandOutput, ECSClient } from "@aws-sdk/client-ecs";
import { backoff, call, sleep } from "../calls";
import { describeError } from "../failure";
import { load } from "../load";
import { isRunning, isStopping, networkInterfaceId, type TaskHint } from "./taskEvents";

/** What ECS says about a task, which is what counts. */
export interface TaskTruth {
    readonly state: "starting" | "running" | "stopping" | "unclear";
    readonly networkInterfaceId?: string;
    /** Why a task is unclear. */
    readonly reason?: string;
}

/** A read may be older than the event that asked for it: so young, a task that ECS does not know may be one it does not know yet. */
const YOUNG_MILLISECONDS = 60_000;
const TASKS_PER_CALL = 100;
const LOOKS = 3;

/** Looks at every task; at those that stay unclear three times in all, since most answers catch up within a second. */
export async function lookAtTasks(
    ecs: ECSClient,
    clusterArn: string,
    hints: readonly TaskHint[],
    deadline: number,
): Promise<Map<string, TaskTruth>> {
    const truths = new Map<string, TaskTruth>();
    let open = hints;
    for (let looks = 0; looks < LOOKS && open.length > 0 && Date.now() < deadline; looks++) {
        await sleep(looks === 0 ? 0 : backoff(looks));
        for (let first = 0; first < open.length; first += TASKS_PER_CALL) {
            await lookOnce(ecs, clusterArn, open.slice(first, first + TASKS_PER_CALL), deadline, truths);
        }
        open = open.filter(({ taskArn }) => truths.get(taskArn)?.state === "unclear");
    }
    return truths;
}

async function lookOnce(
    ecs: ECSClient,
    clusterArn: string,
    hints: readonly TaskHint[],
    deadline: number,
    truths: Map<string, TaskTruth>,
): Promise<void> {
    const { DescribeTasksCommand } = load("@aws-sdk/client-ecs");
    const tasks = hints.map(({ taskArn }) => taskArn);
    try {
        const command = new DescribeTasksCommand({ cluster: clusterArn, tasks });
        const answer = await call(`ecs:DescribeTasks of ${clusterArn}`, deadline, () => ecs.send(command));
        for (const hint of hints) {
            truths.set(hint.taskArn, readTask(hint, answer));
        }
    } catch (error) {
        for (const { taskArn } of hints) {
            truths.set(taskArn, { state: "unclear", reason: describeError(error) });
        }
    }
}

function readTask(hint: TaskHint, answer: DescribeTasksCommandOutput): TaskTruth {
    const task = answer.tasks?.find(({ taskArn }) => taskArn === hint.taskArn);
    if (task === undefined) {
        const reason = answer.failures?.find(({ arn }) => arn === hint.taskArn)?.reason ?? "no answer";
        const young = Date.now() - hint.time < YOUNG_MILLISECONDS;
        return reason === "MISSING" && !young
            ? { state: "stopping" }
            : { state: "unclear", reason: `ecs:DescribeTasks says ${reason}` };
    }
    if ((task.version ?? 0) < hint.version) {
        const reason = `ecs:DescribeTasks shows version ${task.version}, older than the event's ${hint.version}`;
        return { state: "unclear", reason };
    }
    return {
        state: isStopping(task) ? "stopping" : isRunning(task) ? "running" : "starting",
        networkInterfaceId: networkInterfaceId(task.attachments),
    };
}
