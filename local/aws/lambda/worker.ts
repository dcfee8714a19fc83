import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../../machine/projectRoot";

export interface FunctionError {
    readonly errorType: string;
    readonly errorMessage: string;
    readonly trace?: readonly string[];
}

/** What a handler is called with. */
export interface Order {
    readonly requestId: string;
    /** JSON. */
    readonly payload: string;
    readonly invokedFunctionArn: string;
    /** Milliseconds since 1970. */
    readonly deadline: number;
}

/** JSON, or what went wrong; a final answer is the last one that the process gives. */
export type Answer =
    | { readonly payload: string; readonly maxMemoryMb: number }
    | { readonly error: FunctionError; readonly isFinal: boolean; readonly maxMemoryMb?: number };

/** One process that runs one invocation after the other. */
export interface Worker {
    /** Resolves when the handler is loaded, with what prevented it if something did. */
    readonly ready: Promise<FunctionError | undefined>;
    readonly exited: Promise<void>;
    isAlive(): boolean;
    invoke(order: Order): Promise<Answer>;
    /** What it has written since it was last asked. */
    takeOutput(): string;
    kill(): void;
}

export interface WorkerOptions {
    /** Of the unpacked archive. */
    readonly folder: string;
    /** In MB; the heap may have nine tenths of it. */
    readonly memorySize: number;
    /** The whole environment. */
    readonly environment: Readonly<Record<string, string>>;
}

type Message =
    | { readonly type: "ready"; readonly error?: FunctionError }
    | { readonly type: "log"; readonly text: string }
    | ({ readonly type: "result" } & Answer);

/** Lambda's Node.js 24, whatever runs the local system itself. */
const ownNode = join(projectRoot, "node_modules", ".bin", "node");
const node = existsSync(ownNode) ? ownNode : process.execPath;
const bootstrap = join(__dirname, "bootstrap.mjs");

export function startWorker(options: WorkerOptions, adopt: (child: ChildProcess & { pid: number }) => void): Worker {
    let alive = true;
    let output = "";
    let onAnswer: (answer: Answer) => void = () => undefined;

    const child = spawn(node, [`--max-old-space-size=${Math.floor(options.memorySize * 0.9)}`, bootstrap], {
        cwd: options.folder,
        env: { ...options.environment, LAMBDA_TASK_ROOT: options.folder },
        detached: true, // a group of its own, to end it with all that it started
        stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    if (hasPid(child)) {
        adopt(child);
    }
    // Only what does not pass through the runtime: the last words of Node.js itself.
    child.stdout?.on("data", (chunk: Buffer) => (output += chunk.toString()));
    child.stderr?.on("data", (chunk: Buffer) => (output += chunk.toString()));

    const ready = new Promise<FunctionError | undefined>((resolve) => {
        child.on("message", (message: Message) => {
            if (message.type === "log") {
                output += message.text;
            } else if (message.type === "ready") {
                resolve(message.error);
            } else {
                onAnswer(message);
            }
        });
        child.once("error", (error) => resolve(exitError(error.message)));
        child.once("close", () => resolve(exitError(describeExit(child))));
    });
    const exited = new Promise<void>((resolve) => {
        const end = (reason: string) => {
            alive = false;
            onAnswer({ error: exitError(reason), isFinal: true });
            resolve();
        };
        child.on("error", (error) => end(error.message));
        child.once("close", () => end(describeExit(child))); // later than "exit": after the last of its output
    });

    return {
        ready,
        exited,
        isAlive: () => alive,
        invoke: (order) =>
            new Promise((resolve) => {
                onAnswer = resolve;
                if (alive) {
                    child.send(order);
                } else {
                    resolve({ error: exitError(describeExit(child)), isFinal: true });
                }
            }),
        takeOutput() {
            const taken = output;
            output = "";
            return taken;
        },
        kill() {
            if (alive && hasPid(child)) {
                killGroup(child.pid);
            }
        },
    };
}

/** Without one it could not be started: "error" says why. */
function hasPid(child: ChildProcess): child is ChildProcess & { pid: number } {
    return child.pid !== undefined;
}

function killGroup(pid: number): void {
    try {
        process.kill(-pid, "SIGKILL");
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ESRCH") {
            throw error;
        }
    }
}

function exitError(reason: string): FunctionError {
    return { errorType: "Runtime.ExitError", errorMessage: `Runtime exited with error: ${reason}` };
}

function describeExit({ exitCode, signalCode }: ChildProcess): string {
    return signalCode ? `signal: ${signalCode === "SIGKILL" ? "killed" : signalCode}` : `exit status ${exitCode}`;
}
