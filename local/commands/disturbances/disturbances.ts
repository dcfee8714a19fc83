// What befalls a service in its life, each under a steady load, and what visitors see of it.
import { readdirSync, readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { DescribeServicesCommand, DescribeTasksCommand, ECSClient, ListTasksCommand } from "@aws-sdk/client-ecs";
import { DescribeTargetHealthCommand, ElasticLoadBalancingV2Client } from "@aws-sdk/client-elastic-load-balancing-v2";

import { LoggedRequest, loggedRequests } from "../../aws/elb/requestLog";
import { eventually } from "../../internet/caller";
import { Failure, LoadCounts, newTraceId, startLoad } from "../../internet/load";
import { addressOf, trusted, visit } from "../../internet/visitor";
import { clientConfig } from "../../machine/awsClients";
import { SystemFile } from "../../machine/systemFile";
import { runOperation } from "../../pulumi/operation";

/** Our service with TLS ended at the load balancer or carried to the task, or that of the tutorials. */
export type Settings = "terminate" | "endToEnd" | "tutorial";

export const disturbances = {
    rollout: "a new version is rolled out",
    scaling: "from two tasks to four, and back",
    crash: "the app of one task is killed",
    sickness: "the app of one task answers health checks with 500",
    envoyKilled: "the Envoy of one task is killed",
    envoyHangs: "the Envoy of one task hangs",
} as const;
export type Disturbance = keyof typeof disturbances;

/** Those that break what a request or a WebSocket may be using. */
const breaking: readonly Disturbance[] = ["crash", "envoyKilled", "envoyHangs"];

/** What can befall a service: one without Envoy cannot lose it. */
export function disturbancesOf(settings: Settings): Disturbance[] {
    const all = Object.keys(disturbances) as Disturbance[];
    return all.filter((disturbance) => settings === "endToEnd" || !disturbance.startsWith("envoy"));
}

/** A failure, and what the load balancer knew of it: undefined when it did not come so far. */
export type Lost = Failure & { readonly logged: LoggedRequest | undefined };

/** What visitors saw of one disturbance. */
export interface Seen {
    readonly counts: LoadCounts;
    /** Failed requests, and broken WebSockets, that the load balancer had sent to the broken task before it knew: nothing could serve them. */
    readonly inFlight: { readonly requests: number; readonly webSockets: number };
    /** All others that failed. */
    readonly lost: { readonly requests: readonly Lost[]; readonly webSockets: readonly Lost[] };
    /** From the disturbance until the load balancer sent the task no more requests; undefined when there is no such task. */
    readonly noticedMs: number | undefined;
    /** Why ECS stopped the task. */
    readonly stoppedReason: string | undefined;
    /** From the disturbance until all tasks that there should be serve, and no others are left. */
    readonly steadyMs: number;
}

/** A service that is up. */
export interface DisturbedService {
    readonly disturb: (disturbance: Disturbance) => Promise<Seen>;
    readonly destroy: () => Promise<unknown>;
}

interface Outputs {
    readonly region: string;
    readonly clusterArn: string;
    readonly serviceName: string;
    readonly targetGroupArn: string;
    readonly hostname: string;
}

/** A load balancer knows that a target is to get no more requests, and its parts act on it this much later. */
const propagationMs = 250;

/** Deploys a service and waits until it is steady. */
export async function disturbedService(system: SystemFile, settings: Settings): Promise<DisturbedService> {
    let version = 1;
    const up = (desiredCount: number): ReturnType<typeof runOperation> =>
        runOperation(system, "up", optionsOf(system, settings, `v${version}`, desiredCount));
    const outputs = (await up(2)).outputs as unknown as Outputs;
    const config = clientConfig(system.gatewayUrl, { accountId: system.accountId, region: outputs.region });
    const [ecs, elb] = [new ECSClient(config), new ElasticLoadBalancingV2Client(config)];
    const { clusterArn: cluster, serviceName, hostname } = outputs;

    /** States by address. */
    async function targets(): Promise<ReadonlyMap<string, string | undefined>> {
        const { TargetHealthDescriptions = [] } = await elb.send(
            new DescribeTargetHealthCommand({ TargetGroupArn: outputs.targetGroupArn }),
        );
        return new Map(TargetHealthDescriptions.map(({ Target, TargetHealth }) => [Target!.Id!, TargetHealth!.State]));
    }

    async function isSteady(): Promise<boolean> {
        const { services = [] } = await ecs.send(new DescribeServicesCommand({ cluster, services: [serviceName] }));
        const [{ deployments = [], desiredCount, runningCount }] = services;
        const states = [...(await targets()).values()];
        return (
            deployments.length === 1 &&
            deployments[0].rolloutState === "COMPLETED" &&
            runningCount === desiredCount &&
            states.length === desiredCount &&
            states.every((state) => state === "healthy")
        );
    }

    const steady = (): Promise<unknown> =>
        eventually(`a steady service ${settings}`, async () => ((await isSteady()) ? true : undefined));

    /** The service's first task: its id and the address at which it is a target. */
    async function firstTask(): Promise<{ readonly id: string; readonly address: string }> {
        const { taskArns = [] } = await ecs.send(new ListTasksCommand({ cluster, serviceName }));
        const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
        const [task] = tasks.sort((one, other) => (one.taskArn! < other.taskArn! ? -1 : 1));
        return {
            id: task.taskArn!.split("/").at(-1)!,
            address: task.containers![0].networkInterfaces![0].privateIpv4Address!,
        };
    }

    async function stoppedReasonOf(targetAddress: string): Promise<string | undefined> {
        const { taskArns = [] } = await ecs.send(
            new ListTasksCommand({ cluster, serviceName, desiredStatus: "STOPPED" }),
        );
        const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
        return tasks.find(
            ({ containers }) => containers?.[0].networkInterfaces?.[0].privateIpv4Address === targetAddress,
        )?.stoppedReason;
    }

    async function signal(program: RegExp, name: NodeJS.Signals): Promise<string> {
        const { id, address } = await firstTask();
        process.kill(processOf(id, program), name);
        return address;
    }

    /** Does it, and gives the address of the task that is disturbed by it. */
    const act: Readonly<Record<Disturbance, () => Promise<string | undefined>>> = {
        async rollout() {
            version++;
            await up(2);
            return undefined;
        },
        async scaling() {
            await up(4);
            await steady();
            await up(2);
            return undefined;
        },
        crash: () => signal(/demoApp/, "SIGKILL"),
        async sickness() {
            const traceId = newTraceId();
            await post(system, hostname, "/health", "500", traceId);
            return await eventually("the log's line", () =>
                Promise.resolve(loggedRequests(system.directory).get(traceId)?.target),
            );
        },
        envoyKilled: () => signal(/\/envoy /, "SIGKILL"),
        envoyHangs: () => signal(/\/envoy /, "SIGSTOP"),
    };

    await steady();
    // A load balancer acts on what it says of its targets a moment later.
    await eventually(`${hostname} answers`, async () => {
        const page = await visit(system, hostname).catch(() => undefined);
        return page?.status === 200 ? true : undefined;
    });
    return {
        async disturb(disturbance) {
            const load = startLoad(system, hostname, { webSockets: 12, webSocketSeconds: 8 });
            try {
                await eventually("load", () => Promise.resolve(load.counts().requests > 40 ? true : undefined));
                const began = Date.now();
                const disturbed = await act[disturbance]();
                let noticed: number | undefined;
                if (disturbed !== undefined) {
                    await eventually("the task replaced", async () => {
                        const state = (await targets()).get(disturbed);
                        noticed ??= state === "healthy" ? undefined : Date.now();
                        return state === undefined ? true : undefined;
                    });
                }
                const stoppedReason = disturbed && (await stoppedReasonOf(disturbed));
                await steady();
                const steadyMs = Date.now() - began;
                await delay(1_000); // what came last is seen as well
                const counts = await load.stop();
                const broken = breaking.includes(disturbance) ? disturbed : undefined;
                await delay(500); // the load balancer writes its log now and then
                const logged = loggedRequests(system.directory);
                const withLog = (failure: Failure): Lost => ({ ...failure, logged: logged.get(failure.traceId) });
                const [requests, webSockets] = [load.failures.map(withLog), load.webSocketFailures.map(withLog)];
                const isInFlight = inFlightAt(broken, (noticed ?? began) + propagationMs);
                return {
                    counts,
                    inFlight: {
                        requests: requests.filter(isInFlight).length,
                        webSockets: webSockets.filter(isInFlight).length,
                    },
                    lost: {
                        requests: requests.filter((failure) => !isInFlight(failure)),
                        webSockets: webSockets.filter((failure) => !isInFlight(failure)),
                    },
                    noticedMs: noticed === undefined ? undefined : noticed - began,
                    stoppedReason,
                    steadyMs,
                };
            } finally {
                await load.stop();
            }
        },
        destroy: () => runOperation(system, "destroy", optionsOf(system, settings, `v${version}`, 2)),
    };
}

function optionsOf({ hostedZoneId, domain }: SystemFile, settings: Settings, version: string, desiredCount: number) {
    return {
        stack: settings,
        program: join(__dirname, "disturbedProgram", "index.ts"),
        config: {
            "aws:region": "eu-west-1",
            settings,
            version,
            desiredCount: String(desiredCount),
            domain: `${settings.toLowerCase()}.${domain}`,
            hostedZoneId,
        },
    };
}

/** Whether a request was sent to a target before the load balancer could know that it is disturbed. */
function inFlightAt(target: string | undefined, until: number) {
    return ({ logged }: Lost): boolean => target !== undefined && logged?.target === target && logged.began <= until;
}

/** The process of a container: what its command line says, and its task's id in the environment. */
function processOf(taskId: string, program: RegExp): number {
    const found = readdirSync("/proc")
        .filter((entry) => /^\d+$/.test(entry))
        .filter((pid) => read(`/proc/${pid}/environ`).includes(`/v4/${taskId}-`))
        .find((pid) => program.test(read(`/proc/${pid}/cmdline`)));
    if (found === undefined) {
        throw new Error(`Task ${taskId} has no process ${program.source}.`);
    }
    return Number(found);
}

function read(file: string): string {
    try {
        return readFileSync(file, "utf8").replaceAll("\0", " ");
    } catch {
        return ""; // gone, or another user's
    }
}

/** By the load balancer, which chooses one of the tasks. */
async function post(system: SystemFile, hostname: string, path: string, body: string, traceId: string): Promise<void> {
    const host = await addressOf(system, hostname);
    await new Promise<void>((resolve, reject) => {
        request({
            ...{ host, port: system.httpsPort, servername: hostname, ca: trusted(system), path, method: "POST" },
            headers: { host: hostname, "x-amzn-trace-id": traceId },
        })
            .once("response", (response) => response.resume().once("end", resolve))
            .once("error", reject)
            .end(body);
    });
}
