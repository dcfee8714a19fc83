import { EventEmitter, once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";

import type { Task, TaskDefinition, TaskStopCode } from "@aws-sdk/client-ecs";

import type { Scope } from "../machine/awsClients";
import type { Processes } from "../machine/processes";
import { replaceFile } from "../machine/replaceFile";
import {
    createContainers,
    describeNetwork,
    exitCodeOf,
    healthCheckOf,
    isDependedOnBy,
    isEssential,
    isFulfilled,
    startProcess,
    taskHealth,
} from "./container";
import type { ContainerInside, ContainerSetting, OwnNetwork, RunningContainer } from "./container";
import { startConnectProxy } from "./connectProxy";
import type { CalledNames, ConnectProxy } from "./connectProxy";
import type { ReadCredentials } from "./credentials";
import { watchHealth } from "./containerHealth";
import { portsCalled, startByEngine } from "./engineContainer";
import type { Image } from "./images/images";
import type { PullImage } from "./images/pull";
import type { NetworkInterface, NetworkInterfaces } from "./networkInterfaces";
import { reachResource } from "./reach";
import type { Reach, Sources } from "./reach";
import type { ReadSecret } from "./secrets";
import type { ReadIngress } from "./securityGroups";

/** What the tasks of one local system share. */
export interface TaskHost {
    readonly pullImage: PullImage;
    readonly processes: Processes;
    readonly networkInterfaces: NetworkInterfaces;
    readonly readSecret: ReadSecret;
    readonly readCredentials: ReadCredentials;
    readonly readIngress: ReadIngress;
    /** Who may connect to whom; without it everybody may to what is open. */
    readonly reach?: Reach;
    /** The Envoy that Service Connect adds to tasks. */
    readonly envoy: () => string;
    /** What Node.js apps are told of the network; without it they have the machine's. */
    readonly names?: () => Pick<OwnNetwork, "dnsPort" | "trustedRootsFile">;
    /** @throws with ECS's words when the execution role does not allow what starting a task takes */
    readonly checkExecutionRole?: (scope: Scope, definition: TaskDefinition) => Promise<void>;
    /** Resolves when a task's network interface is there (default: at once): on Fargate, some seconds later than IAM knows a new role. */
    readonly provisioned?: () => Promise<unknown>;
    /** After each change of lastStatus or desiredStatus; each has made a new version. */
    readonly onChange: (scope: Scope, task: Task) => void;
    /** After each change of its healthStatus, which makes no new version. */
    readonly onHealthChange: (scope: Scope, task: Task) => void;
    /** What is to be done before its containers are told to stop; undefined when nothing is. */
    readonly deactivate: (scope: Scope, task: Task) => Promise<unknown> | undefined;
    readonly log: (text: string) => void;
}

export interface TaskInput {
    readonly scope: Scope;
    readonly definition: TaskDefinition;
    /** As RunTask answers it: PROVISIONING, version 1, one attachment. Changed in place from then on. */
    readonly task: Task;
    /** What it may call by Service Connect; undefined: it is not in it. */
    readonly called?: CalledNames;
    readonly network: {
        readonly subnetId: string;
        readonly securityGroupIds: readonly string[];
        readonly isPublic: boolean;
    };
}

export interface RunningTask {
    readonly scope: Scope;
    readonly task: Task;
    /** Its desired status becomes STOPPED at once; its containers end in the reverse order of their dependencies. */
    stop(stopCode: TaskStopCode, reason: string): void;
    /** Its status is STOPPED. */
    readonly stopped: Promise<void>;
}

/** Takes a task through its life: PROVISIONING, PENDING, RUNNING, DEPROVISIONING, STOPPED. */
export function runTask(host: TaskHost, input: TaskInput): RunningTask {
    const { scope, task, definition } = input;
    const taskId = task.taskArn!.slice(task.taskArn!.lastIndexOf("/") + 1);
    const directory = join(host.processes.directory, "tasks", taskId);
    const containers = createContainers(task, definition);
    const changes = new EventEmitter().setMaxListeners(0);
    let endReach: (() => void) | undefined;
    let proxy: ConnectProxy | undefined;

    const isStopping = () => task.desiredStatus === "STOPPED";

    /** Resolves once the condition holds; it is looked at after every change of the task or a container. */
    async function until(condition: () => boolean): Promise<void> {
        while (!condition()) {
            await once(changes, "change");
        }
    }

    function setStatus(lastStatus: string, update: Partial<Task> = {}): void {
        Object.assign(task, update, { lastStatus, version: task.version! + 1 });
        host.onChange(scope, task);
    }

    function stop(stopCode: TaskStopCode, stoppedReason: string): void {
        if (isStopping()) {
            return;
        }
        Object.assign(task, { desiredStatus: "STOPPED", stopCode, stoppedReason, stoppingAt: new Date() });
        const endsByItself = stopCode === "EssentialContainerExited" || stopCode === "TaskFailedToStart";
        if (!endsByItself) {
            setStatus(task.lastStatus!); // one that ends by itself shows DEPROVISIONING next
        }
        changes.emit("change");
    }

    async function live(): Promise<void> {
        await nextTurn(); // until RunTask has answered
        host.onChange(scope, task);
        if (host.provisioned) {
            await Promise.race([host.provisioned(), until(isStopping)]);
        }
        if (!isStopping()) {
            const networkInterface = host.networkInterfaces.create(scope, task.attachments![0].id!, input.network);
            describeNetwork(task, networkInterface);
            setStatus("PENDING", { connectivity: "CONNECTED", connectivityAt: new Date() });
            await startContainers(networkInterface).catch((error: Error) => stop("TaskFailedToStart", error.message));
        }
        if (!isStopping()) {
            setStatus("RUNNING", { startedAt: new Date() });
        }
        await until(isStopping);
        await deactivate();
        await Promise.all(containers.map(stopContainer));
        await proxy?.stop();
        setStatus("DEPROVISIONING", { executionStoppedAt: new Date() });
        endReach?.();
        rmSync(directory, { recursive: true, force: true });
        const [attachment] = task.attachments!;
        host.networkInterfaces.delete(attachment.id!);
        host.reach?.changed();
        attachment.status = "DELETED";
        setStatus("STOPPED", { stoppedAt: new Date(), tags: [] });
    }

    /** Load balancers send it no more requests and wait for those at hand, unless it has ended already. */
    async function deactivate(): Promise<void> {
        const deactivated = host.deactivate(scope, task);
        if (deactivated && task.stopCode !== "EssentialContainerExited") {
            setStatus("DEACTIVATING");
            const hasEnded = until(() =>
                containers.some((one) => isEssential(one) && one.view.lastStatus === "STOPPED"),
            );
            await Promise.race([deactivated, hasEnded]);
            setStatus("STOPPING");
        }
    }

    async function startContainers(networkInterface: NetworkInterface): Promise<void> {
        mkdirSync(directory, { recursive: true });
        await host.checkExecutionRole?.(scope, definition);
        const isOpen = await host.readIngress(scope, networkInterface.securityGroupIds);
        task.pullStartedAt = new Date();
        const images = await Promise.all(containers.map((container) => pull(container, host.pullImage)));
        const credentials = await host.readCredentials(scope, definition.taskRoleArn);
        const secrets = await Promise.all(containers.map(readSecrets));
        const runtimeId = `${taskId}-${parseInt(taskId.slice(0, 8), 16)}`;
        const calledPorts = portsCalled(definition.containerDefinitions!);
        networkInterface.isAnonymous = images.some((image) => image.isAnonymous === true || image.engine !== undefined);
        const reachFileOf = await keepReach(networkInterface);
        proxy = await connectedBy(networkInterface);
        const reachFile = join(directory, "reach.json");
        const ownNetwork = host.names && { ...host.names(), hosts: proxy?.hosts ?? {}, reachFile };
        task.pullStoppedAt = new Date();
        await Promise.all(
            containers.map((container, i) =>
                startInTurn(container, {
                    ...{
                        processes: host.processes,
                        image: images[i],
                        taskId,
                        runtimeId,
                        directory,
                        networkInterface,
                        isOpen,
                        reachFileOf,
                        ownNetwork,
                    },
                    secrets: { ...credentials, ...secrets[i] },
                    portsCalled: calledPorts,
                }).catch((error: Error) => {
                    container.view.reason ??= error.message;
                    stop("TaskFailedToStart", error.message);
                }),
            ),
        );
    }

    async function connectedBy({ address }: NetworkInterface): Promise<ConnectProxy | undefined> {
        const { called } = input;
        return called === undefined || called.names.length === 0
            ? undefined
            : startConnectProxy(
                  {
                      ...{ processes: host.processes, envoy: host.envoy(), address },
                      name: `tasks/${taskId}-service-connect`,
                      directory: join(directory, "service-connect"),
                      newAddress: () => host.networkInterfaces.newAddress(),
                  },
                  called,
              );
    }

    /** Writes who may connect to the ports that are not open to everybody, as long as the task runs. */
    async function keepReach({
        securityGroupIds,
        loopback,
    }: NetworkInterface): Promise<(port: number) => string | undefined> {
        const { reach } = host;
        await reach?.refresh(scope);
        const sourcesOf = (port: number): Sources => reach?.sourcesOf(scope, securityGroupIds, port) ?? "everybody";
        const mappings = definition.containerDefinitions!.flatMap(({ portMappings = [] }) => portMappings);
        const guarded = [...new Set(mappings.map(({ containerPort }) => containerPort!))].filter(
            (port) => sourcesOf(port) !== "everybody",
        );
        const fileOf = (port: number): string => join(directory, `reach-${port}.json`);
        let written: string | undefined;
        const write = (): void => {
            const sources = guarded.map((port): [number, Sources] => [port, sourcesOf(port)]);
            const text = JSON.stringify(Object.fromEntries(sources));
            if (text !== written) {
                written = text;
                sources.forEach(([port, of]) =>
                    replaceFile(fileOf(port), JSON.stringify({ resources: [reachResource(of, loopback)] })),
                );
                replaceFile(join(directory, "reach.json"), text);
            }
        };
        write();
        endReach = guarded.length > 0 ? reach?.onChange(write) : undefined;
        return (port) => (guarded.includes(port) ? fileOf(port) : undefined);
    }

    async function readSecrets({ definition: { secrets = [] } }: RunningContainer): Promise<Record<string, string>> {
        const values = await Promise.all(
            secrets.map(({ valueFrom }) => host.readSecret(scope, valueFrom!, definition.executionRoleArn)),
        );
        return Object.fromEntries(secrets.map(({ name }, i) => [name!, values[i]]));
    }

    async function startInTurn(container: RunningContainer, setting: ContainerSetting): Promise<void> {
        const { dependsOn = [] } = container.definition;
        await until(() => isStopping() || dependsOn.every((dependency) => isFulfilled(dependency, containers)));
        if (isStopping()) {
            return;
        }
        const inside = await start(container, setting);
        changes.emit("change");
        void container.process?.exited.then((exit) => {
            container.ended.abort();
            Object.assign(container.view, { lastStatus: "STOPPED", exitCode: exitCodeOf(exit) });
            if (isEssential(container)) {
                stop("EssentialContainerExited", "Essential container in task exited");
            }
            changes.emit("change");
        });
        const healthCheck = healthCheckOf(container);
        if (healthCheck) {
            const onStatus = (status: "HEALTHY" | "UNHEALTHY") => {
                container.view.healthStatus = status;
                const before = task.healthStatus;
                task.healthStatus = taskHealth(containers);
                if (task.healthStatus !== before) {
                    host.onHealthChange(scope, task);
                }
                changes.emit("change");
            };
            void watchHealth({ healthCheck, ...inside, signal: container.ended.signal, onStatus });
        }
    }

    async function stopContainer(container: RunningContainer): Promise<void> {
        const dependents = containers.filter((other) => isDependedOnBy(container, other));
        await until(() => dependents.every(({ view }) => view.lastStatus === "STOPPED"));
        container.ended.abort();
        await container.process?.stop((container.definition.stopTimeout ?? 30) * 1_000);
        container.view.lastStatus = "STOPPED";
        changes.emit("change");
    }

    return {
        scope,
        task,
        stop,
        stopped: live().catch((error: Error) => host.log(`Task ${taskId}: ${error.stack ?? error.message}`)),
    };
}

/** Starts a container: a process of this machine, or one of the engine. */
async function start(container: RunningContainer, setting: ContainerSetting): Promise<ContainerInside> {
    const { engine } = setting.image;
    const inside = await (
        engine === undefined ? startProcess(container, setting) : startByEngine(container, engine, setting)
    ).catch((error: Error) => {
        throw new Error(`CannotStartContainerError: ${error.message}`, { cause: error });
    });
    Object.assign(container.view, { lastStatus: "RUNNING", runtimeId: setting.runtimeId });
    return inside;
}

async function pull({ definition: { image = "" }, view }: RunningContainer, pullImage: PullImage): Promise<Image> {
    const found = await pullImage(image).catch(({ message }: Error) => {
        view.reason = message;
        throw new Error(message);
    });
    if (!found) {
        view.reason =
            "CannotPullContainerError: pull image manifest has been retried 1 time(s): " +
            `failed to resolve ref ${image}: ${image}: not found`;
        throw new Error(view.reason);
    }
    if (found.digest !== undefined) {
        view.imageDigest = found.digest;
    }
    return found;
}
