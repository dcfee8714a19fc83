import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { closeSync, mkdirSync, openSync, readFileSync, readdirSync } from "node:fs";
import { connect, createServer } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

export interface ProcessExit {
    readonly code: number | null;
    readonly signal: string | null;
}

export interface ManagedProcess {
    readonly pid: number;
    readonly exited: Promise<ProcessExit>;
    /** SIGTERM, and SIGKILL when it still runs `graceMs` later (default 5 s); resolves when it is gone. */
    stop(graceMs?: number): Promise<void>;
}

export interface StartOptions {
    /** Its log is `<directory>/logs/<name>.log`; may hold slashes. */
    readonly name: string;
    readonly command: string;
    readonly args: readonly string[];
    /** The whole environment: nothing is inherited. */
    readonly env: Readonly<Record<string, string>>;
    readonly cwd?: string;
    /** Asked again and again until it says true; without it a process is ready once it has been started. */
    readonly ready?: () => Promise<boolean>;
    /** How long it may take to get ready (default 120 s). */
    readonly readyTimeoutMs?: number;
}

export interface Processes {
    readonly directory: string;
    /** Rejects when the process ends, or the time is over, before it is ready: with its last log lines and the log's path. */
    start(options: StartOptions): Promise<ManagedProcess>;
    /** Sends a signal to the process that was started last under a name, and to all that it started; false = none runs. */
    signal(name: string, signal: NodeJS.Signals): boolean;
    /** The same care for a child started elsewhere; it must lead a process group of its own (`detached`). */
    adopt(child: ChildProcess & { readonly pid: number }): ManagedProcess;
    /** Ends everything that still runs, then the reaper; gives how many processes are left all the same. */
    stop(): Promise<number>;
}

/** Starts child processes, each in a process group of its own, and sees to it that none outlives this process. */
export function createProcesses(directory: string): Processes {
    const running = new Set<ManagedProcess>();
    const named = new Map<string, ManagedProcess>();
    const groups: number[] = [];
    const reaper = spawn(process.execPath, [join(__dirname, "reaper.mjs")], {
        detached: true, // out of reach of the terminal's Ctrl-C
        stdio: ["pipe", "ignore", "ignore"],
        env: {},
    });
    const reaperStarted = new Promise<void>((resolve, reject) => reaper.once("spawn", resolve).once("error", reject));
    reaperStarted.catch(() => undefined); // start() reports it
    const reaperGone = new Promise<void>((resolve) => reaper.once("exit", () => resolve()));

    let hasStopped = false;

    function adopt(child: ChildProcess & { readonly pid: number }): ManagedProcess {
        const { pid } = child;
        groups.push(pid);
        reaper.stdin.write(`+${pid}\n`);
        const exited = new Promise<ProcessExit>((resolve) =>
            child.once("exit", (code, exitSignal) => {
                signal(-pid, "SIGKILL"); // what it started itself ends with it
                running.delete(managed);
                if (reaper.stdin.writable) {
                    reaper.stdin.write(`-${pid}\n`);
                }
                resolve({ code, signal: exitSignal });
            }),
        );
        const managed: ManagedProcess = {
            pid,
            exited,
            async stop(graceMs = 5_000) {
                if (!running.has(managed)) {
                    return; // gone; its id may be another's by now
                }
                signal(pid, "SIGTERM"); // it tells its own children, as process 1 of a container does
                signal(-pid, "SIGCONT"); // one that is held hears nothing
                const timer = setTimeout(() => signal(-pid, "SIGKILL"), graceMs);
                await exited;
                clearTimeout(timer);
            },
        };
        running.add(managed);
        return managed;
    }

    async function start(options: StartOptions): Promise<ManagedProcess> {
        if (hasStopped) {
            throw new Error(`${options.name} is not started: its local system is stopping.`);
        }
        await reaperStarted; // nothing without its guard
        const logFile = join(directory, "logs", `${options.name}.log`);
        mkdirSync(dirname(logFile), { recursive: true });
        const log = openSync(logFile, "a");
        const child = spawn(options.command, options.args, {
            cwd: options.cwd,
            env: options.env,
            detached: true,
            stdio: ["ignore", log, log],
        });
        closeSync(log);
        if (!hasPid(child)) {
            const error = await new Promise<Error>((resolve) => child.once("error", resolve));
            throw new Error(`${options.name} could not be started: ${error.message}`);
        }
        const managed = adopt(child);
        named.set(options.name, managed);
        void managed.exited.then(() => named.get(options.name) === managed && named.delete(options.name));
        if (options.ready) {
            try {
                await untilReady(options.ready, managed.exited, options.readyTimeoutMs ?? 120_000);
            } catch (error) {
                await managed.stop(0);
                throw new Error(
                    `${options.name} ${(error as Error).message}\n${lastLines(logFile)}\nIts log: ${logFile}`,
                );
            }
        }
        return managed;
    }

    async function stop(): Promise<number> {
        hasStopped = true;
        await Promise.all([...running].map((managed) => managed.stop()));
        reaper.stdin.end();
        await reaperStarted.then(
            () => reaperGone,
            () => undefined, // then nothing else was started either
        );
        return countLeft(groups);
    }

    function signalNamed(name: string, what: NodeJS.Signals): boolean {
        const managed = named.get(name);
        if (managed !== undefined) {
            signal(-managed.pid, what);
        }
        return managed !== undefined;
    }

    return { directory, start, adopt, signal: signalNamed, stop };
}

function hasPid(child: ChildProcess): child is ChildProcess & { readonly pid: number } {
    return child.pid !== undefined; // without one it could not be started
}

async function untilReady(
    ready: () => Promise<boolean>,
    exited: Promise<ProcessExit>,
    timeoutMs: number,
): Promise<void> {
    const deadline = Date.now() + timeoutMs;
    let exit: ProcessExit | undefined;
    void exited.then((value) => (exit = value));
    for (;;) {
        const isReady = await Promise.race([ready(), exited.then(() => false)]);
        if (exit) {
            throw new Error(`ended before it was ready (${describeExit(exit)}). Its last words:`);
        }
        if (isReady) {
            return;
        }
        if (Date.now() > deadline) {
            throw new Error(`was not ready within ${timeoutMs / 1000} s. Its last words:`);
        }
        await delay(20);
    }
}

export function describeExit(exit: ProcessExit): string {
    return exit.signal ? `signal ${exit.signal}` : `exit code ${exit.code}`;
}

/** Sends to a process, or to the process group `-target`; one that is gone is fine. */
function signal(target: number, name: NodeJS.Signals): void {
    try {
        process.kill(target, name);
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") {
            throw error;
        }
    }
}

/** The processes of these groups; what has been killed may take a moment. */
async function countLeft(groups: readonly number[]): Promise<number> {
    const deadline = Date.now() + 10_000;
    for (;;) {
        const left = readdirSync("/proc").filter(
            (entry) => /^\d+$/.test(entry) && groups.includes(groupOf(entry) ?? 0),
        );
        if (left.length === 0 || Date.now() > deadline) {
            return left.length;
        }
        await delay(20);
    }
}

/** The process group of a process; undefined when it has ended, whether or not its parent has taken note. */
function groupOf(pid: string): number | undefined {
    try {
        const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
        const [state, , group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
        return state === "Z" || state === "X" ? undefined : Number(group);
    } catch {
        return undefined;
    }
}

function lastLines(file: string): string {
    return readFileSync(file, "utf8").trimEnd().split("\n").slice(-15).join("\n");
}

/** Readiness: something listens there. */
export function accepts(port: number, host = "127.0.0.1"): () => Promise<boolean> {
    return () =>
        new Promise((resolve) => {
            const socket = connect({ port, host });
            socket.once("connect", () => socket.destroy() && resolve(true));
            socket.once("error", () => resolve(false));
        });
}

/** Readiness: a GET there is answered with a 2xx status. */
export function answers(url: string): () => Promise<boolean> {
    return async () => {
        try {
            return (await fetch(url, { signal: AbortSignal.timeout(10_000) })).ok;
        } catch {
            return false;
        }
    };
}

const portsGiven = new Set<number>();

/** A TCP port nobody listens on at the moment; below the range that outgoing connections take theirs from. */
export async function freePort(host = "127.0.0.1"): Promise<number> {
    for (;;) {
        const port = randomInt(10_000, 32_768);
        if (!portsGiven.has(port) && (await canListen(port, host))) {
            portsGiven.add(port);
            return port;
        }
    }
}

function canListen(port: number, host: string): Promise<boolean> {
    return new Promise((resolve, reject) => {
        const server = createServer();
        server.once("error", (error: NodeJS.ErrnoException) =>
            error.code === "EADDRINUSE" ? resolve(false) : reject(error),
        );
        server.listen(port, host, () => server.close(() => resolve(true)));
    });
}
