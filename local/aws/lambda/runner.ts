import { randomBytes, randomUUID } from "node:crypto";
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import AdmZip from "adm-zip";

import type { Processes } from "../../machine/processes";
import { isAlive } from "../../machine/systemFile";
import type { Permissions } from "../permissions/permissions";
import { startWorker } from "./worker";
import type { Answer, FunctionError, Worker } from "./worker";

/** A function as it is deployed: code and configuration. */
export interface LambdaFunction {
    /** Without a version. */
    readonly arn: string;
    readonly name: string;
    /** `<file>.<export>` */
    readonly handler: string;
    /** Seconds. */
    readonly timeout: number;
    /** MB. */
    readonly memorySize: number;
    readonly logGroup: string;
    /** Its execution role. */
    readonly role: string;
    readonly environment: Readonly<Record<string, string>>;
    /** The archive. */
    readonly zip: Buffer;
}

export interface Invocation {
    /** JSON. */
    readonly payload: string;
    readonly requestId?: string;
    /** With the version or alias it was invoked by. */
    readonly invokedFunctionArn?: string;
}

export interface InvocationResult {
    /** JSON: what the handler returned, or the error as Lambda describes it. */
    readonly payload: string;
    readonly isError: boolean;
    /** The log of this invocation. */
    readonly log: string;
}

export interface RunnerOptions {
    /** AWS_ENDPOINT_URL of every function. */
    readonly gatewayUrl: string;
    /** Logs are written to `<directory>/logs/functions/<function>.log`. */
    readonly directory: string;
    /** NODE_EXTRA_CA_CERTS of every function; read when a process starts. */
    readonly caFile?: string;
    /** As whom functions call AWS, and what their roles let Lambda do; without it they are the account itself. */
    readonly permissions?: Pick<Permissions, "identities" | "allows">;
    /** Sees to it that no function outlives this process, however that ends. */
    readonly processes: Pick<Processes, "adopt">;
    /** How many run at a time, of all functions; more wait their turn (default 10). */
    readonly concurrency?: number;
}

export interface Runner {
    readonly gatewayUrl: string;
    has(arn: string): boolean;
    /** A new function, or new code or configuration of one: running invocations end as they began. */
    deploy(definition: LambdaFunction): void;
    remove(arn: string): void;
    invoke(arn: string, invocation: Invocation): Promise<InvocationResult>;
    /** Ends every process and removes the unpacked archives. */
    stop(): Promise<void>;
}

interface Deployment {
    readonly definition: LambdaFunction;
    readonly folder: string;
    readonly logStream: string;
    readonly idle: Worker[];
    retired: boolean;
}

/** The folder of the SDK's packages. */
const sdk = dirname(dirname(require.resolve("@aws-sdk/client-lambda/package.json")));
const maxInitMs = 10_000;

/** Runs functions as Lambda does: from their own archive, in processes of their own that stay warm. */
export function createRunner(options: RunnerOptions): Runner {
    const home = makeHome();
    const sdkFolder = join(home, "sdk");
    mkdirSync(sdkFolder);
    symlinkSync(sdk, join(sdkFolder, "@aws-sdk"));
    const logFolder = join(options.directory, "logs", "functions");
    mkdirSync(logFolder, { recursive: true });

    const deployments = new Map<string, Deployment>();
    const workers = new Set<Worker>();
    const queue = createQueue(options.concurrency ?? 10);

    function retire(arn: string): void {
        const deployment = deployments.get(arn);
        deployments.delete(arn);
        if (deployment) {
            deployment.retired = true;
            deployment.idle.splice(0).forEach((worker) => worker.kill());
        }
    }

    function start(deployment: Deployment): Worker {
        const { definition, folder, logStream } = deployment;
        const [, , , region, accountId] = definition.arn.split(":");
        const worker = startWorker(
            {
                folder,
                memorySize: definition.memorySize,
                environment: {
                    ...definition.environment,
                    ...(options.caFile && { NODE_EXTRA_CA_CERTS: options.caFile }),
                    PATH: "/usr/local/bin:/usr/bin:/bin",
                    TZ: ":UTC",
                    NODE_PATH: sdkFolder, // what Lambda's runtime brings along
                    AWS_ENDPOINT_URL: options.gatewayUrl,
                    AWS_REGION: region,
                    AWS_DEFAULT_REGION: region,
                    AWS_ACCESS_KEY_ID:
                        options.permissions?.identities.keyOfRole(definition.role, definition.name) ?? accountId,
                    AWS_SECRET_ACCESS_KEY: "local",
                    AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x",
                    AWS_LAMBDA_FUNCTION_NAME: definition.name,
                    AWS_LAMBDA_FUNCTION_VERSION: "$LATEST",
                    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(definition.memorySize),
                    AWS_LAMBDA_LOG_GROUP_NAME: definition.logGroup,
                    AWS_LAMBDA_LOG_STREAM_NAME: logStream,
                    _HANDLER: definition.handler,
                },
            },
            (child) => options.processes.adopt(child),
        );
        workers.add(worker);
        void worker.exited.then(() => workers.delete(worker));
        return worker;
    }

    async function run(deployment: Deployment, invocation: Invocation): Promise<InvocationResult> {
        const { definition } = deployment;
        const { payload, requestId = randomUUID(), invokedFunctionArn = definition.arn } = invocation;
        const warm = deployment.idle.pop();
        const worker = warm ?? start(deployment);

        const initStarted = performance.now();
        const unready = warm ? undefined : await within(maxInitMs, worker.ready, timedOut(maxInitMs / 1_000));
        const initMs = warm ? undefined : performance.now() - initStarted;

        const started = performance.now();
        const timeoutMs = definition.timeout * 1_000;
        const order = { requestId, payload, invokedFunctionArn, deadline: Date.now() + timeoutMs };
        const answer: Answer = unready
            ? { error: unready, isFinal: true }
            : await within(timeoutMs, worker.invoke(order), { error: timedOut(definition.timeout), isFinal: true });
        const durationMs = performance.now() - started;

        if ("error" in answer && answer.isFinal) {
            worker.kill();
            await worker.exited; // its last words belong to this invocation
        }
        const failure = "error" in answer ? withRequestId(answer.error, requestId) : undefined;
        const log = [
            `START RequestId: ${requestId} Version: $LATEST`,
            worker.takeOutput().trimEnd(),
            failure && isPlatformError(failure) ? `${new Date().toISOString()} ${failure.errorMessage}` : "",
            `END RequestId: ${requestId}`,
            report({ requestId, durationMs, initMs, memorySize: definition.memorySize, answer }),
        ]
            .filter((part) => part !== "")
            .map((part) => `${part}\n`)
            .join("");
        if (await mayWriteLogs(definition)) {
            appendFileSync(join(logFolder, `${definition.name}.log`), log);
        }
        if (deployment.retired) {
            worker.kill();
        } else if (worker.isAlive()) {
            deployment.idle.push(worker);
        }
        return {
            payload: "payload" in answer ? answer.payload : JSON.stringify(failure),
            isError: failure !== undefined,
            log,
        };
    }

    /** Lambda writes them in the name of the function's role. */
    async function mayWriteLogs({ arn, logGroup, role }: LambdaFunction): Promise<boolean> {
        const [, , , region, accountId] = arn.split(":");
        const stream = `arn:aws:logs:${region}:${accountId}:log-group:${logGroup}:log-stream:*`;
        const { permissions } = options;
        return (
            !permissions ||
            ((await permissions.allows(role, region, "logs:CreateLogStream", stream)) &&
                (await permissions.allows(role, region, "logs:PutLogEvents", stream)))
        );
    }

    return {
        gatewayUrl: options.gatewayUrl,
        has: (arn) => deployments.has(arn),
        deploy(definition) {
            const before = deployments.get(definition.arn);
            const folder = before?.definition.zip.equals(definition.zip) ? before.folder : unpack(home, definition);
            retire(definition.arn);
            const day = new Date().toISOString().slice(0, 10).replaceAll("-", "/");
            const logStream = `${day}/[$LATEST]${randomBytes(16).toString("hex")}`;
            deployments.set(definition.arn, { definition, folder, logStream, idle: [], retired: false });
        },
        remove: retire,
        invoke: (arn, invocation) =>
            queue.run(async () => {
                const deployment = deployments.get(arn);
                if (!deployment) {
                    throw new Error(`No function ${arn} is deployed here. Those that are: ${list(deployments)}.`);
                }
                return await run(deployment, invocation);
            }),
        async stop() {
            [...deployments.keys()].forEach(retire);
            const exits = [...workers].map((worker) => worker.exited);
            workers.forEach((worker) => worker.kill());
            await Promise.all(exits);
            await queue.settled();
            rmSync(home, { recursive: true, force: true });
        },
    };
}

/**
 * A folder outside the project: a function must not find the project's node_modules above its own. Folders of
 * processes that were killed before they could remove theirs go now.
 */
function makeHome(): string {
    for (const name of readdirSync(tmpdir())) {
        const [, pid] = /^taskgate-lambda-(\d+)-/.exec(name) ?? [];
        if (pid && !isAlive(Number(pid))) {
            rmSync(join(tmpdir(), name), { recursive: true, force: true });
        }
    }
    return mkdtempSync(join(tmpdir(), `taskgate-lambda-${process.pid}-`));
}

function unpack(home: string, { name, zip }: LambdaFunction): string {
    const folder = mkdtempSync(join(home, `${name}-`));
    new AdmZip(zip).extractAllTo(folder);
    return folder;
}

function list(deployments: ReadonlyMap<string, unknown>): string {
    return [...deployments.keys()].join(", ") || "none";
}

/** The value, or `otherwise` when it takes longer. */
async function within<T>(milliseconds: number, value: Promise<T>, otherwise: T): Promise<T> {
    const timer = new AbortController();
    const late = delay(milliseconds, otherwise, { signal: timer.signal }).catch(() => otherwise);
    try {
        return await Promise.race([value, late]);
    } finally {
        timer.abort();
    }
}

function timedOut(seconds: number): FunctionError {
    return { errorType: "Sandbox.Timedout", errorMessage: `Task timed out after ${seconds.toFixed(2)} seconds` };
}

function withRequestId(error: FunctionError, requestId: string): FunctionError {
    return isPlatformError(error)
        ? { ...error, errorMessage: `RequestId: ${requestId} Error: ${error.errorMessage}` }
        : error;
}

/** Reported about the process, and not by it. */
function isPlatformError({ errorType }: FunctionError): boolean {
    return errorType === "Sandbox.Timedout" || errorType === "Runtime.ExitError";
}

interface Report {
    readonly requestId: string;
    readonly durationMs: number;
    readonly initMs?: number;
    readonly memorySize: number;
    readonly answer: Answer;
}

function report({ requestId, durationMs, initMs, memorySize, answer }: Report): string {
    return [
        `REPORT RequestId: ${requestId}`,
        `Duration: ${durationMs.toFixed(2)} ms`,
        `Billed Duration: ${Math.ceil(durationMs + (initMs ?? 0))} ms`,
        `Memory Size: ${memorySize} MB`,
        ...(answer.maxMemoryMb === undefined ? [] : [`Max Memory Used: ${answer.maxMemoryMb} MB`]),
        ...(initMs === undefined ? [] : [`Init Duration: ${initMs.toFixed(2)} ms`]),
    ].join("\t");
}

/** Runs `size` jobs at a time; more wait, first come, first served. */
function createQueue(size: number) {
    const running = new Set<Promise<unknown>>();
    const waiting: (() => void)[] = [];
    return {
        async run<T>(job: () => Promise<T>): Promise<T> {
            while (running.size >= size) {
                await new Promise<void>((resolve) => waiting.push(resolve));
            }
            const done = job().finally(() => {
                running.delete(done);
                waiting.shift()?.();
            });
            running.add(done);
            return done;
        },
        /** Resolves when nothing runs. */
        async settled(): Promise<void> {
            await Promise.allSettled(running);
        },
    };
}
