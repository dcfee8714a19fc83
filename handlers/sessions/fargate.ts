import type { ECSClient, RunTaskCommandInput, RunTaskCommandOutput, Task } from "@aws-sdk/client-ecs";
import { call, isThrottling } from "../calls";
import { isStopping } from "../dns/taskEvents";
import { load } from "../load";
import type { Found, Place, Session, Sight } from "./session";
import { fenceTag, keyTag, watcher } from "../sessionNames";

// Sessions as tasks of ECS on Fargate.

/** Where tasks are started: what RunTask takes, but for what each session brings. */
export type RunTaskInput = Pick<RunTaskCommandInput, "cluster" | "launchType" | "capacityProviderStrategy"> &
    Pick<RunTaskCommandInput, "networkConfiguration" | "platformVersion">;

export interface FargateOptions {
    readonly ecs: ECSClient;
    readonly runTaskInput: RunTaskInput;
    /** What all our tasks are started by. */
    readonly startedBy: string;
    /** Milliseconds since the epoch. */
    readonly deadline: number;
    /** Where a running task is reached, once it is. */
    readonly address: Place["address"];
}

const TASKS_PER_CALL = 100;
/** ECS may not know yet a task that it has just started. */
const YOUNG_MILLISECONDS = 60_000;

export function fargatePlace({ ecs, runTaskInput, startedBy, deadline, address }: FargateOptions): Place {
    const { cluster } = runTaskInput;

    async function describe(tasks: readonly string[]): Promise<Task[]> {
        const { DescribeTasksCommand } = load("@aws-sdk/client-ecs");
        const seen: Task[] = [];
        for (let first = 0; first < tasks.length; first += TASKS_PER_CALL) {
            const some = tasks.slice(first, first + TASKS_PER_CALL);
            const command = new DescribeTasksCommand({ cluster, tasks: some, include: ["TAGS"] });
            const answer = await call(`ecs:DescribeTasks of ${cluster}`, deadline, () => ecs.send(command));
            seen.push(...(answer.tasks ?? []));
        }
        return seen;
    }

    return {
        address,
        async start({ fence, request }) {
            const { RunTaskCommand } = load("@aws-sdk/client-ecs");
            const environment = Object.entries(request.environment).map(([name, value]) => ({ name, value }));
            const command = new RunTaskCommand({
                ...runTaskInput,
                taskDefinition: request.taskDefinition,
                // What writes Envoy's routes is told as well: it knows whose the task is.
                overrides: { containerOverrides: ["app", "init"].map((name) => ({ name, environment })) },
                tags: Object.entries(request.tags).map(([key, value]) => ({ key, value })),
                startedBy,
                clientToken: fence,
                count: 1,
            });
            return call(`ecs:RunTask of ${request.taskDefinition}`, deadline, async () => {
                try {
                    return started(await ecs.send(command));
                } catch (error) {
                    return refusal(error);
                }
            });
        },
        async look(sessions) {
            const tasks = await describe(sessions.map(({ taskArn = "" }) => taskArn));
            const now = Date.now();
            const sightFor = ({ taskArn, since }: Session): Sight => {
                const task = tasks.find((one) => one.taskArn === taskArn);
                if (task) {
                    return sightOf(task);
                }
                return now - since < YOUNG_MILLISECONDS
                    ? { phase: "unclear", status: "UNKNOWN" }
                    : { phase: "stopped", status: "STOPPED", reason: "ECS does not know its task any more" };
            };
            return new Map(sessions.map((session) => [session.taskArn!, sightFor(session)]));
        },
        async stop(task, reason) {
            const { StopTaskCommand } = load("@aws-sdk/client-ecs");
            const command = new StopTaskCommand({ cluster, task, reason });
            try {
                await call(`ecs:StopTask of ${task}`, deadline, () => ecs.send(command));
            } catch (error) {
                // Once it has stopped it has no tags, and by these IAM knows what we may stop.
                const [found] = await describe([task]);
                if (found?.lastStatus !== "STOPPED") {
                    throw error;
                }
            }
        },
        async list() {
            const { ListTasksCommand } = load("@aws-sdk/client-ecs");
            const taskArns: string[] = [];
            let nextToken: string | undefined;
            do {
                const command = new ListTasksCommand({ cluster, startedBy, nextToken });
                const page = await call(`ecs:ListTasks of ${cluster}`, deadline, () => ecs.send(command));
                taskArns.push(...(page.taskArns ?? []));
                nextToken = page.nextToken;
            } while (nextToken);
            return (await describe(taskArns)).flatMap(found);
        },
    };
}

type Started = Awaited<ReturnType<Place["start"]>>;

function started({ tasks = [], failures = [] }: RunTaskCommandOutput): Started {
    const taskArn = tasks[0]?.taskArn;
    const reasons = failures.map(({ reason, detail }) => [reason, detail].filter(Boolean).join(": "));
    return taskArn === undefined ? { refused: `ECS started no task: ${reasons.join("; ")}` } : { taskArn };
}

/** @throws what says nothing of whether there is a task now */
function refusal(error: unknown): Started {
    const { name, message, resourceIds, $metadata } = error as Error & {
        resourceIds?: string[];
        $metadata?: { httpStatusCode?: number };
    };
    // The same fence was asked for something else: a session's network changed between two tries. Its task is there.
    if (name === "ConflictException" && resourceIds?.[0] !== undefined) {
        return { taskArn: resourceIds[0] };
    }
    if ($metadata?.httpStatusCode === 400 && !isThrottling(error)) {
        return { refused: `${name}: ${message}` };
    }
    throw error;
}

/** Of a task, as ECS describes it or its event tells of it. */
export function sightOf(task: Task): Sight {
    const { lastStatus: status = "UNKNOWN", healthStatus } = task;
    if (isStopping(task)) {
        const phase = status === "STOPPED" || status === "DELETED" ? "stopped" : "stopping";
        const isIdle = ownEnd(task) === watcher.idle;
        return { phase, status, reason: reasonOf(task), ...(isIdle && { isIdle }) };
    }
    return status === "RUNNING"
        ? { phase: "running", status, healthy: healthStatus === "HEALTHY" }
        : { phase: "starting", status };
}

/** By which the container that watches its Envoy ended the task; undefined where it was not that one. */
function ownEnd({ stopCode, containers = [] }: Task): number | undefined {
    return stopCode === "EssentialContainerExited"
        ? containers.find(({ name }) => name === watcher.container)?.exitCode
        : undefined;
}

function reasonOf(task: Task): string | undefined {
    const end = ownEnd(task);
    return end === watcher.idle
        ? "nobody used it"
        : end === watcher.lifetime
          ? "its task's time was over"
          : task.stoppedReason;
}

/** What is told to stop needs nothing more, though the list may still show it. */
function found(task: Task): Found[] {
    const tag = (name: string) => task.tags?.find(({ key }) => key === name)?.value;
    const [key, fence] = [tag(keyTag), tag(fenceTag)];
    return key === undefined || fence === undefined || isStopping(task)
        ? []
        : [{ taskArn: task.taskArn!, key, fence, sight: sightOf(task) }];
}
