// A back end that starts tasks, and an operator who looks after them: both only call AWS.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import {
    DescribeTasksCommand,
    ECSClient,
    ListTasksCommand,
    RunTaskCommand,
    StopTaskCommand,
    Task,
} from "@aws-sdk/client-ecs";
import { InvokeCommand, LambdaClient } from "@aws-sdk/client-lambda";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";

import type { RenewalEvent, RenewalResult } from "../../handlers/renewCertificate";
import { clientConfig } from "../machine/awsClients";
import { SystemFile } from "../machine/systemFile";

/** What the stack says about one region (index.ts, `regions`). */
export interface RegionOutputs {
    readonly domain: string;
    readonly clusterArn: string;
    readonly runTaskInput: string;
    readonly certificateSecretArn: string;
    readonly renewalFunctionName: string;
    /** Empty where there is no RSA certificate beside the first. */
    readonly rsaRenewalFunctionName: string;
    readonly dnsFunctionName: string;
    readonly alertTopicArn: string;
}

/** One region of a stack that is up, and the clients to call it with. */
export interface Caller {
    readonly system: SystemFile;
    readonly region: string;
    readonly outputs: RegionOutputs;
    readonly ecs: ECSClient;
    readonly lambda: LambdaClient;
    readonly secrets: SecretsManagerClient;
}

/** What the secret holds (handlers/renewCertificate.ts). */
export interface DeliveredCertificate {
    readonly certificateChain: string;
    readonly privateKey: string;
    readonly names: string[];
    readonly keyType: string;
    readonly notBefore: string;
    readonly notAfter: string;
}

export function callerOf(system: SystemFile, region: string, outputs: RegionOutputs, customUserAgent?: string): Caller {
    const scope = { accountId: system.accountId, region };
    const config = { ...clientConfig(system.gatewayUrl, scope), customUserAgent };
    return {
        system,
        region,
        outputs,
        ecs: new ECSClient(config),
        lambda: new LambdaClient(config),
        secrets: new SecretsManagerClient(config),
    };
}

/** Asks again until there is an answer; rejects when there is none in the end. */
export type Eventually = <T>(what: string, ask: () => Promise<T | undefined>) => Promise<T>;

/** Asks so often, for so long. */
export function patient(seconds: number, pollMs: number): Eventually {
    return async (what, ask) => {
        const deadline = Date.now() + seconds * 1_000;
        for (;;) {
            const answer = await ask();
            if (answer !== undefined) {
                return answer;
            }
            if (Date.now() > deadline) {
                throw new Error(`${what}: not within ${seconds} s.`);
            }
            await delay(pollMs);
        }
    };
}

/** Longer than anything takes here, on a busy machine too. */
export const eventually = patient(180, 25);

export function taskIdOf(taskArn: string): string {
    return taskArn.slice(taskArn.lastIndexOf("/") + 1);
}

export function hostnameOf({ outputs }: Caller, taskArn: string): string {
    return `${taskIdOf(taskArn)}.${outputs.domain}`;
}

export function urlOf(caller: Caller, taskArn: string): string {
    return `https://${hostnameOf(caller, taskArn)}:${caller.system.httpsPort}/`;
}

/** Starts tasks as the stack's output says; up to ten at once, as RunTask allows. */
/** What one RunTask starts at most. */
const tasksPerCall = 10;

/** @throws with ECS's own reasons, and how many were started, when it starts fewer than asked for */
export async function runTasks({ ecs, outputs }: Pick<Caller, "ecs" | "outputs">, count = 1): Promise<string[]> {
    const input = JSON.parse(outputs.runTaskInput) as { taskDefinition: string };
    const taskArns: string[] = [];
    while (taskArns.length < count) {
        const some = Math.min(tasksPerCall, count - taskArns.length);
        const { tasks = [], failures = [] } = await ecs.send(new RunTaskCommand({ ...input, count: some }));
        taskArns.push(...tasks.map(({ taskArn = "" }) => taskArn));
        if (tasks.length !== some) {
            throw new Error(`RunTask started ${taskArns.length} of ${count} tasks: ${JSON.stringify(failures)}`);
        }
    }
    return taskArns;
}

export async function describeTask({ ecs, outputs }: Caller, taskArn: string): Promise<Task | undefined> {
    const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster: outputs.clusterArn, tasks: [taskArn] }));
    return tasks[0];
}

/** @throws with ECS's own reason when the task stops instead */
export async function untilRunning(caller: Caller, taskArn: string): Promise<Task> {
    return eventually(`task ${taskIdOf(taskArn)} running`, async () => {
        const task = await describeTask(caller, taskArn);
        if (task?.desiredStatus === "STOPPED") {
            throw new Error(`Task ${taskIdOf(taskArn)} stopped: ${task.stoppedReason ?? "no reason given"}`);
        }
        return task?.lastStatus === "RUNNING" ? task : undefined;
    });
}

export async function stopTask({ ecs, outputs }: Caller, task: string): Promise<void> {
    await ecs.send(new StopTaskCommand({ cluster: outputs.clusterArn, task, reason: "Stopped by its user" }));
}

/** Every task that ECS still knows, running ones first. */
export async function listTasks({ ecs, outputs }: Caller): Promise<Task[]> {
    const cluster = outputs.clusterArn;
    const arns: string[] = [];
    for (const desiredStatus of ["RUNNING", "STOPPED"] as const) {
        let nextToken: string | undefined;
        do {
            const page = await ecs.send(new ListTasksCommand({ cluster, desiredStatus, nextToken }));
            arns.push(...(page.taskArns ?? []));
            nextToken = page.nextToken;
        } while (nextToken !== undefined);
    }
    const tasks: Task[] = [];
    for (let from = 0; from < arns.length; from += 100) {
        const page = await ecs.send(new DescribeTasksCommand({ cluster, tasks: arns.slice(from, from + 100) }));
        tasks.push(...(page.tasks ?? []));
    }
    return tasks;
}

/** The certificate that tasks get; undefined until the first one is issued. */
export async function deliveredCertificate({ secrets, outputs }: Caller): Promise<DeliveredCertificate | undefined> {
    try {
        const { SecretString } = await secrets.send(
            new GetSecretValueCommand({ SecretId: outputs.certificateSecretArn }),
        );
        return SecretString === undefined ? undefined : (JSON.parse(SecretString) as DeliveredCertificate);
    } catch (error) {
        if ((error as Error).name === "ResourceNotFoundException") {
            return undefined;
        }
        throw error;
    }
}

/** Runs the renewal function now. @throws with the function's own error when it fails */
export function renew({ lambda, outputs }: Caller, force = false): Promise<RenewalResult> {
    return askRenewal(lambda, outputs.renewalFunctionName, force ? { force } : {});
}

/** @throws with the function's own error when it fails */
export async function askRenewal(
    lambda: LambdaClient,
    FunctionName: string,
    event: RenewalEvent,
): Promise<RenewalResult> {
    const command = new InvokeCommand({ FunctionName, Payload: Buffer.from(JSON.stringify(event)) });
    const { FunctionError, Payload } = await lambda.send(command);
    const answer = JSON.parse(Buffer.from(Payload ?? []).toString()) as RenewalResult & Record<string, string>;
    if (FunctionError !== undefined) {
        throw new Error(`The renewal failed: ${answer.errorType}: ${answer.errorMessage}`);
    }
    return answer;
}

/** How long a function's last run took, as its log says, in milliseconds. */
export function lastDuration({ system }: Caller, functionName: string): number | undefined {
    const log = join(system.directory, "logs/functions", `${functionName}.log`);
    const text = existsSync(log) ? readFileSync(log, "utf8") : "";
    const durations = [...text.matchAll(/^REPORT .*?Duration: ([\d.]+) ms/gm)];
    return durations.length > 0 ? Math.round(Number(durations.at(-1)?.[1])) : undefined;
}
