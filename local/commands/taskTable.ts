// Tasks as one reads them: a line each, as wide as the terminal.
import type { Task } from "@aws-sdk/client-ecs";

import { Caller, hostnameOf, listTasks, taskIdOf, urlOf } from "../internet/caller";
import { resolve } from "../internet/visitor";
import { age } from "./values";

/** What `status --json` prints of a task. */
export interface TaskLine {
    readonly id: string;
    readonly region: string;
    /** Of ECS: PROVISIONING, PENDING, RUNNING, DEPROVISIONING, STOPPED, … */
    readonly status: string;
    /** When it got there: made, started or stopped. */
    readonly since: Date | undefined;
    readonly health: string | undefined;
    readonly url: string;
    /** What DNS says. */
    readonly address: string | undefined;
    /** What it waits for, or why it stopped. */
    readonly note: string;
}

export async function taskLines(callers: readonly Caller[]): Promise<TaskLine[]> {
    const ofCaller = async (caller: Caller) =>
        Promise.all((await tasksOf(caller)).map(async (task) => taskLine(caller, task, await addressOf(caller, task))));
    return (await Promise.all(callers.map(ofCaller))).flat();
}

/** None once its stack was destroyed, and the cluster with it. */
async function tasksOf(caller: Caller): Promise<Task[]> {
    try {
        return await listTasks(caller);
    } catch (error) {
        if ((error as Error).name === "ClusterNotFoundException") {
            return [];
        }
        throw error;
    }
}

async function addressOf(caller: Caller, task: Task): Promise<string | undefined> {
    const [address] = await resolve(caller.system, hostnameOf(caller, task.taskArn ?? "")).catch(() => []);
    return address;
}

function taskLine(caller: Caller, task: Task, address: string | undefined): TaskLine {
    const { taskArn = "", lastStatus: status = "" } = task;
    return {
        id: taskIdOf(taskArn),
        region: caller.region,
        status,
        since: task.stoppedAt ?? (status === "STOPPED" ? undefined : (task.startedAt ?? task.createdAt)),
        health: task.healthStatus === "UNKNOWN" ? undefined : task.healthStatus,
        url: urlOf(caller, taskArn),
        address,
        note: noteOf(task, address),
    };
}

/** What a task waits for, or why it stopped, as ECS tells it. */
export function noteOf(task: Task, address: string | undefined): string {
    const { lastStatus, desiredStatus, containers = [] } = task;
    if (desiredStatus === "STOPPED" || lastStatus === "STOPPED") {
        const failed = containers.filter(({ exitCode, reason }) => (exitCode ?? 0) !== 0 || reason !== undefined);
        const ends = failed.map(({ name, exitCode, reason }) => `${name}: ${reason ?? `exit code ${exitCode}`}`);
        return [task.stoppedReason ?? "stops", ...ends].join("; ");
    }
    if (lastStatus === "RUNNING") {
        return address === undefined ? "waits for its name in DNS" : "";
    }
    const waiting = containers.filter((container) => container.lastStatus !== "RUNNING").map(({ name }) => name);
    return lastStatus === "PENDING" && waiting.length > 0 ? `waits for ${waiting.join(", ")}` : "";
}

export interface TableOptions {
    /** Lines are cut there; default: never. */
    readonly columns?: number;
    /** At most so many lines; default: all. */
    readonly rows?: number;
    /** What stopped longer ago than this is counted only, in seconds; default: everything is shown. */
    readonly stoppedFor?: number;
    readonly now?: Date;
}

/** The lines of a table of tasks: those that run first, and what is left out told in the last line. */
export function tableOf(tasks: readonly TaskLine[], options: TableOptions = {}): string[] {
    const { columns = Infinity, rows = Infinity, stoppedFor = Infinity, now = new Date() } = options;
    if (tasks.length === 0) {
        return ["no tasks"];
    }
    const past = (task: TaskLine) =>
        task.status === "STOPPED" && now.getTime() - (task.since?.getTime() ?? 0) > stoppedFor * 1000;
    const current = tasks.filter((task) => !past(task)).sort((one, other) => rank(one) - rank(other));
    const room = current.length + 1 > rows || current.length < tasks.length ? Math.max(0, rows - 2) : current.length;
    const shown = current.slice(0, room);
    const whole = lines(shown, now, 32);
    const fits = whole.every((line) => line.length <= columns);
    const left = [
        ...(shown.length < current.length ? [`${current.length - shown.length} more`] : []),
        ...(current.length < tasks.length ? [`${tasks.length - current.length} stopped earlier`] : []),
    ];
    return [...(fits ? whole : lines(shown, now, 8)), ...(left.length > 0 ? [`… and ${left.join(", ")}`] : [])].map(
        (line) => cut(line, columns),
    );
}

function rank({ status }: TaskLine): number {
    return status === "STOPPED" ? 1 : 0;
}

function lines(tasks: readonly TaskLine[], now: Date, idLength: number): string[] {
    const heads = ["TASK", "STATUS", "FOR", "HEALTH", "ADDRESS", ""];
    const cells = tasks.map((task) => [
        task.id.slice(0, idLength),
        task.status,
        age(task.since, now),
        task.health?.toLowerCase() ?? "",
        task.address ?? "",
        task.note,
    ]);
    return layOut(heads, cells);
}

/** Rows below their heads, in columns; beyond the third, a column without a cell is left out. */
export function layOut(heads: readonly string[], cells: readonly (readonly string[])[]): string[] {
    const widths = heads.map((head, at) => Math.max(head.length, ...cells.map((row) => row[at].length)));
    const used = widths.map((width, at) => (cells.some((row) => row[at] !== "") || at < 3 ? width : 0));
    return [heads, ...cells].map((row) =>
        row
            .map((cell, at) => cell.padEnd(used[at]))
            .filter((_, at) => used[at] > 0 || at === row.length - 1)
            .join("  ")
            .trimEnd(),
    );
}

export function cut(line: string, columns: number): string {
    return line.length <= columns ? line : `${line.slice(0, Math.max(0, columns - 1))}…`;
}
