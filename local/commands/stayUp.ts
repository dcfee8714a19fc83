// Everything up, one task with its URL, then a list of tasks that stays true until Ctrl-C.
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

import type { ListrTask } from "listr2";
import { createLogUpdate } from "log-update";

import {
    Caller,
    callerOf,
    deliveredCertificate,
    describeTask,
    eventually,
    hostnameOf,
    runTasks,
    stopTask,
    untilRunning,
    urlOf,
} from "../internet/caller";
import { resolve, visit } from "../internet/visitor";
import { ours } from "../machine/projectRoot";
import { runOperation } from "../pulumi/operation";
import { localConfig } from "../pulumi/platforms";
import { chosenProgram, rememberDeployed } from "../pulumi/program";
import type { Config } from "../pulumi/workspace";
import { RunningSystem, startSystem } from "../system";
import type { Engine } from "../tasks/images/engine";
import { appImage, type LocalApp } from "../tasks/images/images";
import { onFileChange } from "./app";
import { stackCallers } from "./chosen";
import { writeAddress } from "./console";
import { createActions } from "./console/actions";
import { createFeed, type Feed } from "./console/feed";
import { createRecords, type Records, userAgent } from "./console/records";
import { type Console, startConsole } from "./console/server";
import { watch } from "./console/watch";
import { openTask } from "./open";
import { countOf, runSteps } from "./progress";
import { noteOf, tableOf, taskLines } from "./taskTable";

interface Up {
    /** Settles when it has come up, or could not. */
    starting?: Promise<RunningSystem>;
    system?: RunningSystem;
    console?: Console;
    readonly stack?: string;
    readonly config: Config;
    taskArn?: string;
}

export interface StayOptions {
    /** Of the running copy. */
    readonly name?: string;
    /** Whose Pulumi.<stack>.yaml is used. */
    readonly stack?: string;
    /** Laid over it. */
    readonly config?: Config;
    /** Whether the stack is brought up and a task is run (default true). */
    readonly deploy?: boolean;
    /** What the tasks run instead of the configured image. */
    readonly app?: LocalApp;
    /** What runs images that nothing here stands for. */
    readonly engine?: Engine;
}

export async function stayUp(options: StayOptions): Promise<void> {
    const { stack, config: given = {}, deploy = true, app } = options;
    const signal = untilAsked();
    const config = { ...(app && { image: `${appImage}:local`, command: [], containerPort: app.port }), ...given };
    const up: Up = { stack, config };
    const asked = once(signal, "abort");
    const running = runSteps(up, [systemStarted(up, options), ...(deploy ? deployedSteps(up, signal) : [])]);
    try {
        await Promise.race([running, asked]);
        if (!signal.aborted && !deploy) {
            await asked;
        }
        if (!signal.aborted && up.taskArn !== undefined) {
            const welcome = await welcomeOf(up, callersNow(up)[0], up.taskArn);
            console.log(welcome);
            if (app !== undefined) {
                onFileChange(app.folder, signal, () => replaceTask(up));
            }
            await liveList(() => callersNow(up), signal, welcome.split("\n"));
        }
    } finally {
        console.log("\nStopping …");
        await up.console?.stop();
        const system = await up.starting?.catch(() => undefined);
        await system?.stop();
        await running.catch(() => undefined); // it has shown its last
        console.log("Everything has ended.");
    }
}

/**
 * Aborts at the first Ctrl-C, SIGTERM or SIGHUP; the next Ctrl-C ends the process at once (its children with it).
 *
 * The handlers stay: packages that put the terminal in order end the process themselves when they are the only ones to listen.
 */
function untilAsked(): AbortSignal {
    const stopping = new AbortController();
    let first = 0;
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
        process.on(signal, () => {
            first ||= Date.now();
            stopping.abort();
            // npm hands on the Ctrl-C that the terminal has sent already: that is no second one.
            if (signal === "SIGINT" && Date.now() - first > 1000) {
                process.exit(130);
            }
        });
    }
    process.stdout.on("error", () => undefined); // the terminal may be gone
    return stopping.signal;
}

function systemStarted(up: Up, { name, app, engine }: StayOptions): ListrTask<Up> {
    return {
        title: "start the local AWS, certificate authority and DNS",
        task: async (_, step) => {
            const feed = createFeed();
            const records = createRecords(feed);
            up.starting = startSystem({ name, app, engine, watch: records, onStep: (text) => (step.output = text) });
            up.system = await up.starting;
            up.console = await consoleOf(up, up.system, records, feed);
            step.title = `the console: ${up.console.url}`;
        },
    };
}

function deployedSteps(up: Up, signal: AbortSignal): ListrTask<Up>[] {
    return [
        {
            title: "pulumi up",
            task: async (_, step) => {
                await deploy(up, "up", (text) => (step.output = text), signal);
            },
        },
        {
            title: "the first certificate is issued",
            task: async () => {
                const issued = eventually("first certificate", () => deliveredCertificate(firstCaller(up)));
                await unlessAborted(signal, issued);
            },
        },
        {
            title: "a task starts and gets its name",
            task: async () => {
                up.taskArn = await unlessAborted(signal, reachableTask(firstCaller(up)));
            },
        },
    ];
}

/** Nobody waits any longer for what will not come. */
function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
    const aborted = (signal.aborted ? Promise.resolve() : once(signal, "abort")).then(() => {
        throw new Error("stopped");
    });
    return Promise.race([work, aborted]);
}

/** Runs another task and, once it answers, stops the one before: it has the files as they are now. */
async function replaceTask(up: Up): Promise<void> {
    const caller = firstCaller(up);
    const before = up.taskArn;
    try {
        up.taskArn = await reachableTask(caller);
        if (before !== undefined) {
            await stopTask(caller, before);
        }
        console.log(`\nThe app has changed: ${urlOf(caller, up.taskArn)}`);
    } catch (error) {
        console.log(`\nThe app has changed, but does not run: ${(error as Error).message}`); // the one before goes on
    }
}

async function reachableTask(caller: Caller): Promise<string> {
    const [taskArn] = await runTasks(caller);
    await untilRunning(caller, taskArn);
    const hostname = hostnameOf(caller, taskArn);
    await eventually(`${hostname} answering`, async () => {
        const task = await describeTask(caller, taskArn);
        if (task?.desiredStatus === "STOPPED") {
            throw new Error(`Task ${taskArn} stopped: ${noteOf(task, undefined)}`);
        }
        const page = await visit(caller.system, hostname).catch(() => undefined);
        return page !== undefined && page.status < 500 ? page : undefined;
    });
    return taskArn;
}

/** One for each platform that the stack has at the moment. */
function callersNow({ system }: Up): Caller[] {
    return system === undefined ? [] : stackCallers(system.file);
}

function firstCaller(up: Up): Caller {
    const [caller] = callersNow(up);
    if (caller === undefined) {
        throw new Error("The stack has no TaskPlatform, so no task is run. Its resources are up.");
    }
    return caller;
}

/** Runs an operation on the stack. */
async function deploy(
    up: Up,
    kind: "up" | "destroy",
    tell: (text: string) => void,
    signal?: AbortSignal,
): Promise<void> {
    const { file } = started(up);
    const { program, projectName, stack } = chosenProgram(up.stack);
    rememberDeployed(file, { program, projectName, stack });
    const config = { ...localConfig(file), ...up.config };
    await runOperation(file, kind, { program, stack, config, signal, onProgress: countOf(tell) });
}

/** The console of a system, with all that it shows and does. */
async function consoleOf(up: Up, system: RunningSystem, records: Records, feed: Feed): Promise<Console> {
    const { name, gatewayUrl, directory } = system.file;
    feed.set("about", "system", { name, gatewayUrl });
    const stopWatching = watch(system, records, feed);
    const actions = createActions({
        ...{ system, records, feed, open: openTask },
        callers: () => callersNow(up),
        operate: (kind, tell) => deploy(up, kind, tell),
    });
    const served = await startConsole(feed, actions);
    writeAddress(directory, served.url);
    return {
        url: served.url,
        stop: () => {
            stopWatching();
            return served.stop();
        },
    };
}

function started({ system }: Up): RunningSystem {
    if (system === undefined) {
        throw new Error("The local system does not run.");
    }
    return system;
}

async function welcomeOf(up: Up, caller: Caller, taskArn: string): Promise<string> {
    const { system } = caller;
    const hostname = hostnameOf(caller, taskArn);
    const [address] = await resolve(system, hostname);
    return `
  ${urlOf(caller, taskArn)}
  Console: ${up.console?.url}

  curl --cacert ${system.acme.rootFile} --resolve ${hostname}:${system.httpsPort}:${address} ${urlOf(caller, taskArn)}
  dig @${system.dns.address} -p ${system.dns.port} ${hostname}

  In another terminal: ${ours} run | stop | status | logs | open | renew | preview | up | destroy
  AWS_ENDPOINT_URL=${system.gatewayUrl} AWS_ACCESS_KEY_ID=${system.accountId} AWS_SECRET_ACCESS_KEY=local AWS_REGION=${caller.region} aws ecs list-clusters
  Ctrl-C ends everything.
`;
}

/** The tasks, their names and states: redrawn on a terminal below what stands there, otherwise printed when something changed. */
async function liveList(
    callers: () => readonly Caller[],
    signal: AbortSignal,
    above: readonly string[],
): Promise<void> {
    const update = createLogUpdate(process.stdout);
    let shown = "";
    while (!signal.aborted) {
        // Not of those whose requests the console shows.
        const looking = callers().map(({ system, region, outputs }) => callerOf(system, region, outputs, userAgent));
        const tasks = await taskLines(looking);
        if (process.stdout.isTTY) {
            update(tableOf(tasks, { ...roomBelow(above), stoppedFor: 60 }).join("\n"));
        } else {
            const text = tasks
                .map(({ url, status, address, note }) =>
                    `  ${status.padEnd(14)} ${url}  ${address ?? "no record"}  ${note}`.trimEnd(),
                )
                .join("\n");
            if (text !== shown) {
                console.log(text);
                shown = text;
            }
        }
        await delay(500, undefined, { signal }).catch(() => undefined);
    }
    update.done();
}

/** What a terminal has left below these lines, which it wraps; some rows in any case. */
function roomBelow(above: readonly string[]): { columns: number; rows: number } {
    const { columns, rows } = process.stdout;
    const taken = above.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 1);
    return { columns, rows: Math.max(6, rows - taken - 1) };
}
