// Everything up, one task with its URL, then a list of tasks that stays true until Ctrl-C.
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

import { createLogUpdate } from "log-update";

import {
    Caller,
    deliveredCertificate,
    eventually,
    hostnameOf,
    runTasks,
    untilRunning,
    urlOf,
} from "../internet/caller";
import { resolve, visit } from "../internet/visitor";
import { runOperation } from "../pulumi/operation";
import { localConfig, platformsOf } from "../pulumi/platforms";
import { RunningSystem, startSystem } from "../system";
import { countOf, runSteps } from "./progress";
import { tableOf, taskLines } from "./taskTable";

interface Up {
    /** Settles when it has come up, or could not. */
    starting?: Promise<RunningSystem>;
    system?: RunningSystem;
    callers: Caller[];
    taskArn?: string;
}

export async function stayUp(name?: string): Promise<void> {
    const signal = untilAsked();
    const up: Up = { callers: [] };
    const asked = once(signal, "abort");
    try {
        await Promise.race([bringUp(up, signal, name), asked]);
        if (!signal.aborted && up.taskArn !== undefined) {
            const welcome = await welcomeOf(up.callers[0], up.taskArn);
            console.log(welcome);
            await liveList(up.callers, signal, welcome.split("\n"));
        }
    } finally {
        console.log("\nStopping …");
        const system = await up.starting?.catch(() => undefined);
        await system?.stop();
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

async function bringUp(up: Up, signal: AbortSignal, name?: string): Promise<void> {
    await runSteps(up, [
        {
            title: "start the local AWS, certificate authority and DNS",
            task: async (_, step) => {
                up.starting = startSystem({ name, onStep: (text) => (step.output = text) });
                up.system = await up.starting;
            },
        },
        {
            title: "pulumi up",
            task: async (_, step) => {
                const { file } = started(up);
                const onProgress = countOf((text) => (step.output = text));
                const options = { config: localConfig(file), signal, onProgress };
                up.callers = platformsOf(file, (await runOperation(file, "up", options)).outputs);
            },
        },
        {
            title: "the first certificate is issued",
            task: async () => {
                await eventually("first certificate", () => deliveredCertificate(up.callers[0]));
            },
        },
        {
            title: "a task starts and gets its name",
            task: async () => {
                const [caller] = up.callers;
                [up.taskArn] = await runTasks(caller);
                await untilRunning(caller, up.taskArn);
                const hostname = hostnameOf(caller, up.taskArn);
                await eventually(`${hostname} answering`, () => visit(caller.system, hostname).catch(() => undefined));
            },
        },
    ]);
}

function started({ system }: Up): RunningSystem {
    if (system === undefined) {
        throw new Error("The local system does not run.");
    }
    return system;
}

async function welcomeOf(caller: Caller, taskArn: string): Promise<string> {
    const { system } = caller;
    const hostname = hostnameOf(caller, taskArn);
    const [address] = await resolve(system, hostname);
    return `
  ${urlOf(caller, taskArn)}

  curl --cacert ${system.acme.rootFile} --resolve ${hostname}:${system.httpsPort}:${address} ${urlOf(caller, taskArn)}
  dig @${system.dns.address} -p ${system.dns.port} ${hostname}

  In another terminal: npm run local -- run | stop | status | logs | renew | preview | up | destroy
  AWS_ENDPOINT_URL=${system.gatewayUrl} AWS_ACCESS_KEY_ID=${system.accountId} AWS_SECRET_ACCESS_KEY=local AWS_REGION=${caller.region} aws ecs list-clusters
  Ctrl-C ends everything.
`;
}

/** The tasks, their names and states: redrawn on a terminal below what stands there, otherwise printed when something changed. */
async function liveList(callers: readonly Caller[], signal: AbortSignal, above: readonly string[]): Promise<void> {
    const update = createLogUpdate(process.stdout);
    let shown = "";
    while (!signal.aborted) {
        const tasks = await taskLines(callers);
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
