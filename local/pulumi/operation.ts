import { fork } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { home, isPackage, ours, projectRoot } from "../machine/projectRoot";
import type { SystemFile } from "../machine/systemFile";
import { containersVariable } from "../tasks/images/images";
import { documentedSession } from "./documentedRoles";
import { compileCache } from "./installProviders";
import { type Config, prepareWorkspace, type Workspace } from "./workspace";

export type Operation = "preview" | "up" | "destroy" | "refresh";

export interface OperationOptions {
    /** Default "local". */
    readonly stack?: string;
    /** Laid over the stack's own configuration; a key without a namespace belongs to the project. */
    readonly config?: Config;
    /** The program's module, in the folder of its Pulumi.yaml; default: this project's index.ts. */
    readonly program?: string;
    /** Folder of a policy pack that judges what is about to be made, and what is configured of its rules. */
    readonly policyPack?: PolicyPackOptions;
    /** Whether `up` first reads what is there, as `pulumi up --refresh` does. @default false */
    readonly refresh?: boolean;
    /**
     * Whether the state is written at the end alone, not after each resource: quicker, and what was made is forgotten
     * when the engine is killed. For systems that go with their stacks.
     * @default false
     */
    readonly stateAtEnd?: boolean;
    /**
     * As whom: the access key of a role's session, or the account's id, which may do all. Default: of the role that docs/ci.md
     * documents for the stack and the examples of this checkout, for a preview `taskgate-preview`, else `taskgate-deploy`; other
     * programs as the account itself.
     */
    readonly accessKeyId?: string;
    /** Whether the lock of an operation that was killed is taken away first. @default false */
    readonly unlock?: boolean;
    /** What the engine prints, as it comes. */
    readonly onOutput?: (text: string) => void;
    /** Told of each resource when its operation is done. */
    readonly onProgress?: (progress: Progress) => void;
    /** Ends the operation where it stands; it is rejected then. */
    readonly signal?: AbortSignal;
}

export interface PolicyPackOptions {
    /** With its PulumiPolicy.yaml. */
    readonly folder: string;
    /** A JSON file: by rule, what is configured. */
    readonly config?: string;
}

export interface Progress {
    /** create, update, same, delete, … */
    readonly op: string;
    readonly type: string;
    readonly name: string;
}

export interface OperationResult {
    /** How many resources by what happens to them: create, update, same, delete, replace. */
    readonly changes: Readonly<Record<string, number>>;
    /** The stack's outputs, secret ones too; a preview has none. */
    readonly outputs: Readonly<Record<string, unknown>>;
    /** The resources the operation had to do with, in the engine's order. */
    readonly resources: readonly { readonly urn: string; readonly type: string; readonly op: string }[];
    readonly stdout: string;
}

/** What a child process is told, and what it answers (runProgram.ts). */
export interface ProgramRequest {
    readonly operation: Operation;
    readonly refresh: boolean;
    readonly unlock: boolean;
    readonly program: string;
    readonly stack: string;
    readonly projectName: string;
    readonly workspace: string;
    /** The folder above bin/pulumi; without it, the CLI on the PATH. */
    readonly pulumiRoot?: string;
    readonly policyPack?: PolicyPackOptions;
    readonly environment: Readonly<Record<string, string>>;
}

export type ProgramAnswer =
    | { readonly kind: "output"; readonly text: string }
    | { readonly kind: "progress"; readonly progress: Progress }
    | { readonly kind: "result"; readonly result: OperationResult }
    | { readonly kind: "failure"; readonly message: string };

/**
 * Runs a Pulumi operation on a program, against the local system. The program is loaded anew each time, in a process
 * of its own whose working directory is the program's folder.
 */
export async function runOperation(
    system: SystemFile,
    operation: Operation,
    options: OperationOptions = {},
): Promise<OperationResult> {
    const stack = options.stack ?? "local";
    const program = resolve(options.program ?? join(projectRoot, "index.ts"));
    if (!existsSync(program)) {
        throw new Error(
            `There is no Pulumi program at ${program}: \`program\` takes the path of its module, as in "examples/x/index.ts".`,
        );
    }
    const workspace = prepareWorkspace(system, program, stack, options.config ?? {});
    const role = operation === "preview" ? "taskgate-preview" : "taskgate-deploy";
    const accessKeyId = options.accessKeyId ?? (await documentedSession(system, role, program));
    const request: ProgramRequest = {
        operation,
        refresh: options.refresh === true,
        unlock: options.unlock === true,
        program,
        stack,
        projectName: workspace.projectName,
        workspace: workspace.directory,
        pulumiRoot: existsSync(join(home, ".tools/bin/pulumi")) ? join(home, ".tools") : undefined,
        policyPack: options.policyPack,
        environment: {
            ...engineEnvironment(system, workspace, accessKeyId),
            ...(options.stateAtEnd === true && { PULUMI_EXPERIMENTAL: "true", PULUMI_SKIP_CHECKPOINTS: "true" }),
        },
    };
    const log = join(system.directory, "logs", "engine.log");
    return operate(request, { ...options, environment: childEnvironment(), log });
}

interface ProcessOptions extends Pick<OperationOptions, "onOutput" | "onProgress" | "signal"> {
    readonly environment: NodeJS.ProcessEnv;
    readonly log: string;
}

/** Runs an operation in a process of its own, whose working directory is the program's folder. */
export async function operate(request: ProgramRequest, options: ProcessOptions): Promise<OperationResult> {
    const { operation } = request;
    const { log } = options;
    options.signal?.throwIfAborted();
    mkdirSync(dirname(log), { recursive: true });
    const child = fork(require.resolve("./runProgram"), {
        cwd: dirname(request.program),
        execArgv: [
            "-r",
            isPackage ? require.resolve("ts-node/register/transpile-only") : join(projectRoot, "tools/program.cjs"),
        ],
        env: options.environment,
        stdio: ["ignore", "pipe", "pipe", "ipc"],
        detached: true, // out of reach of the terminal's Ctrl-C: it ends when it is told to, or when this process has gone
    });
    const abort = () => child.connected && child.disconnect();
    options.signal?.addEventListener("abort", abort, { once: true });
    const write = (text: string | Buffer) => appendFileSync(log, text);
    child.stdout?.on("data", write);
    child.stderr?.on("data", write);
    return await new Promise((resolve, reject) => {
        let answer: Exclude<ProgramAnswer, { kind: "output" | "progress" }> | undefined;
        child.on("message", (message: ProgramAnswer) => {
            if (message.kind === "output") {
                write(message.text);
                options.onOutput?.(message.text);
            } else if (message.kind === "progress") {
                options.onProgress?.(message.progress);
            } else {
                answer = message;
            }
        });
        const exited = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
        const heard = once(child, "disconnect"); // what the process said may come after its end
        Promise.all([exited, heard]).then(([[code, signal]]) => {
            options.signal?.removeEventListener("abort", abort);
            if (answer?.kind === "result") {
                return resolve(answer.result);
            }
            const reason =
                withRemedy(answer?.message) ?? `the program's process ended early (${signal ?? `exit code ${code}`})`;
            reject(new Error(`pulumi ${operation} failed: ${reason}\nThe whole log: ${log}`));
        }, reject);
        child.send(request);
    });
}

/** What AWS refuses, and a person can help. */
function withRemedy(message: string | undefined): string | undefined {
    return message?.includes("ClusterContainsTasksException")
        ? `${message}\nTasks that were started by hand run in it. Stop them first: ${ours} stop`
        : message;
}

/** Ours without what would lead the program or the engine to a real account or backend. */
function childEnvironment(): NodeJS.ProcessEnv {
    const own = Object.entries(process.env).filter(([name]) => !/^(AWS|PULUMI|TS_NODE)_/.test(name));
    return { ...Object.fromEntries(own), NODE_COMPILE_CACHE: compileCache };
}

/** Where the engine has its things, and where AWS is. */
export function engineEnvironment(
    system: SystemFile,
    workspace: Workspace,
    accessKeyId = system.accountId,
): Record<string, string> {
    return {
        AWS_ENDPOINT_URL: system.gatewayUrl,
        AWS_ACCESS_KEY_ID: accessKeyId,
        AWS_ACCOUNT_ID: system.accountId,
        AWS_SECRET_ACCESS_KEY: "local",
        AWS_SDK_UA_APP_ID: "pulumi",
        NODE_COMPILE_CACHE: compileCache,
        ...(isPackage && { TASKGATE_LOCAL_KEEP: "1" }),
        ...(system.runsImages && { [containersVariable]: "1" }),
        PULUMI_HOME: workspace.pulumiHome,
        PULUMI_BACKEND_URL: workspace.backendUrl,
        PULUMI_CONFIG_PASSPHRASE: "local",
        PULUMI_DIY_BACKEND_DISABLE_CHECKPOINT_BACKUPS: "true",
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
    };
}
