// `npm start`: everything up, one task with its URL, then a list of tasks that stays true until Ctrl-C.
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

import { createLogUpdate } from "log-update";

import {
    Caller,
    deliveredCertificate,
    eventually,
    hostnameOf,
    listTasks,
    runTasks,
    untilRunning,
    urlOf,
} from "../internet/caller";
import { resolve, visit } from "../internet/visitor";
import { runOperation } from "../pulumi/operation";
import { localConfig, platformsOf } from "../pulumi/platforms";
import { RunningSystem, startSystem } from "../system";
import { runSteps } from "./progress";

interface Up {
    system?: RunningSystem;
    callers: Caller[];
    taskArn?: string;
}

export async function stayUp(name?: string): Promise<void> {
    const stopping = new AbortController();
    const up: Up = { callers: [] };
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
        process.once(signal, () => stopping.abort());
    }
    const ended = once(stopping.signal, "abort");
    try {
        await Promise.race([bringUp(up, name), ended]);
        if (!stopping.signal.aborted && up.system !== undefined && up.taskArn !== undefined) {
            await printWelcome(up.callers[0], up.taskArn);
            await liveList(up.callers, stopping.signal);
        }
    } finally {
        console.log("\nStopping …");
        await up.system?.stop();
    }
}

async function bringUp(up: Up, name?: string): Promise<void> {
    await runSteps(up, [
        {
            title: "start the local AWS, certificate authority and DNS",
            task: async (_, step) => {
                up.system = await startSystem({ name, onStep: (text) => (step.output = text) });
            },
        },
        {
            title: "pulumi up",
            task: async () => {
                const { file } = started(up);
                up.callers = platformsOf(file, (await runOperation(file, "up", { config: localConfig(file) })).outputs);
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

async function printWelcome(caller: Caller, taskArn: string): Promise<void> {
    const { system } = caller;
    const hostname = hostnameOf(caller, taskArn);
    const [address] = await resolve(system, hostname);
    console.log(`
  ${urlOf(caller, taskArn)}

  curl --cacert ${system.acme.rootFile} --resolve ${hostname}:${system.httpsPort}:${address} ${urlOf(caller, taskArn)}
  dig @${system.dns.address} -p ${system.dns.port} ${hostname}

  In another terminal: npm run local -- run | stop | status | logs | renew | preview | up | destroy
  AWS_ENDPOINT_URL=${system.gatewayUrl} AWS_ACCESS_KEY_ID=${system.accountId} AWS_SECRET_ACCESS_KEY=local AWS_REGION=${caller.region} aws ecs list-clusters
  Ctrl-C ends everything.
`);
}

/** The tasks, their names and states: redrawn on a terminal, otherwise printed when something changed. */
async function liveList(callers: readonly Caller[], signal: AbortSignal): Promise<void> {
    const update = createLogUpdate(process.stdout);
    let shown = "";
    while (!signal.aborted) {
        const text = (await Promise.all(callers.map(taskLines))).flat().join("\n");
        if (text !== shown) {
            if (process.stdout.isTTY) {
                update(text);
            } else {
                console.log(text);
            }
            shown = text;
        }
        await delay(500, undefined, { signal }).catch(() => undefined);
    }
    update.done();
}

async function taskLines(caller: Caller): Promise<string[]> {
    const tasks = await listTasks(caller);
    return Promise.all(
        tasks.map(async (task) => {
            const taskArn = task.taskArn ?? "";
            const [address = "no record"] = await resolve(caller.system, hostnameOf(caller, taskArn));
            return `  ${(task.lastStatus ?? "").padEnd(14)} ${urlOf(caller, taskArn)}  ${address}`;
        }),
    );
}
