import { randomUUID } from "node:crypto";

import type {
    CapacityProviderStrategyItem,
    Cluster,
    DescribeTasksCommandInput,
    ListTasksCommandInput,
    NetworkConfiguration,
    RunTaskCommandInput,
    StopTaskCommandInput,
    Tag,
    Task,
    TaskDefinition,
} from "@aws-sdk/client-ecs";

import { runTask } from "../../tasks/runTask";
import type { RunningTask, TaskHost } from "../../tasks/runTask";
import { AwsError } from "../gateway/overlay";
import { arn, findCluster, invalid, lastPart, missing, newId, page } from "./state";
import type { EcsState, Operation } from "./state";
import { findTaskDefinition } from "./taskDefinitions";

/** How long AWS shows a stopped task at least. */
const stoppedTasksStayMs = 3_600_000;

export function taskOperations(host: TaskHost): Readonly<Record<string, Operation>> {
    return {
        RunTask(state, input: RunTaskCommandInput) {
            const { count = 1, clientToken } = input;
            const cluster = findCluster(state, input.cluster);
            const before = clientToken === undefined ? undefined : state.clientTokens.get(clientToken);
            if (before) {
                return { tasks: before.map((taskArn) => shown(state.tasks.get(taskArn)!)), failures: [] };
            }
            const definition = findActiveDefinition(state, input.taskDefinition!);
            const started = Array.from({ length: count }, () => startTask(host, state, cluster, definition, input));
            if (clientToken !== undefined) {
                state.clientTokens.set(
                    clientToken,
                    started.map(({ task }) => task.taskArn!),
                );
            }
            return { tasks: started.map((running) => shown(running)), failures: [] };
        },

        StopTask(state, input: StopTaskCommandInput) {
            const running = state.tasks.get(taskArn(state, findCluster(state, input.cluster), input.task!));
            if (!running) {
                throw invalid("The referenced task was not found.");
            }
            running.stop("UserInitiated", input.reason ?? "Task stopped by user");
            return { task: shown(running) };
        },

        DescribeTasks(state, input: DescribeTasksCommandInput) {
            const cluster = findCluster(state, input.cluster);
            const { tasks = [], include } = input;
            if (tasks.length === 0 || tasks.length > 100) {
                throw invalid(`tasks names ${tasks.length} tasks: DescribeTasks takes between 1 and 100.`);
            }
            forgetStoppedTasks(state);
            const arns = tasks.map((name) => taskArn(state, cluster, name));
            return {
                tasks: arns
                    .map((name) => readTask(state, name))
                    .filter((task) => task !== undefined)
                    .map((task) => shown({ task }, include?.includes("TAGS"))),
                failures: arns.filter((name) => !readTask(state, name)).map(missing),
            };
        },

        ListTasks(state, input: ListTasksCommandInput) {
            const cluster = findCluster(state, input.cluster);
            const { desiredStatus = "RUNNING", family, serviceName, startedBy, launchType } = input;
            forgetStoppedTasks(state);
            const found = [...state.tasks.keys()]
                .flatMap((name) => readTask(state, name) ?? [])
                .filter((task) => task.clusterArn === cluster.clusterArn && task.desiredStatus === desiredStatus)
                .filter((task) => family === undefined || familyOf(task) === family)
                .filter((task) => serviceName === undefined || task.group === `service:${lastPart(serviceName)}`)
                .filter((task) => startedBy === undefined || task.startedBy === startedBy)
                .filter((task) => launchType === undefined || task.launchType === launchType);
            const { elements, nextToken } = page(found, input);
            return { taskArns: elements.map((task) => task.taskArn), nextToken };
        },
    };
}

/** What a task is started from: RunTask's own input, or a service's. */
export interface TaskStart {
    readonly launchType?: string;
    readonly capacityProviderStrategy?: readonly CapacityProviderStrategyItem[];
    readonly networkConfiguration?: NetworkConfiguration;
    readonly platformVersion?: string;
    readonly group?: string;
    readonly startedBy?: string;
    readonly tags?: readonly Tag[];
    readonly propagateTags?: string;
    readonly enableECSManagedTags?: boolean;
    readonly enableExecuteCommand?: boolean;
    readonly overrides?: Task["overrides"];
}

export function startTask(
    host: TaskHost,
    state: EcsState,
    cluster: Cluster,
    definition: TaskDefinition,
    input: TaskStart,
): RunningTask {
    const capacity = capacityOf(cluster, definition, input);
    const network = networkOf(definition, input);
    const task = newTask(state, cluster, definition, input, capacity, network.subnetId);
    const names = state.calledNames.get(input.startedBy ?? "");
    const running = runTask(host, {
        ...{ scope: state.scope, definition, task, network },
        called: names && {
            names,
            onChange(listener) {
                state.taskListeners.add(listener);
                return () => state.taskListeners.delete(listener);
            },
        },
    });
    state.tasks.set(task.taskArn!, running);
    return running;
}

export function findActiveDefinition(state: EcsState, name: string): TaskDefinition {
    const definition = findTaskDefinition(state, name);
    if (!definition) {
        throw invalid("TaskDefinition not found.");
    }
    if (definition.status !== "ACTIVE") {
        throw invalid("TaskDefinition is inactive");
    }
    return definition;
}

/** Where the task runs; only Fargate has room here. */
export function capacityOf(
    cluster: Cluster,
    definition: TaskDefinition,
    { launchType, capacityProviderStrategy = [] }: TaskStart,
): { readonly launchType: "FARGATE"; readonly capacityProviderName?: string } {
    if (launchType !== undefined && capacityProviderStrategy.length > 0) {
        throw invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.",
        );
    }
    const strategy =
        capacityProviderStrategy.length > 0
            ? capacityProviderStrategy
            : launchType === undefined
              ? (cluster.defaultCapacityProviderStrategy ?? [])
              : [];
    const provider = [...strategy].sort(
        (a, b) => (b.base ?? 0) - (a.base ?? 0) || (b.weight ?? 0) - (a.weight ?? 0),
    )[0];
    if (provider && !cluster.capacityProviders?.includes(provider.capacityProvider!)) {
        throw invalid(
            `The specified capacity provider ${provider.capacityProvider} is not associated with the cluster ${cluster.clusterName}.`,
        );
    }
    if (!provider && launchType !== "FARGATE") {
        throw invalid("No Container Instances were found in your cluster.");
    }
    if (!definition.requiresCompatibilities?.includes("FARGATE")) {
        throw invalid("Task definition does not support launch_type FARGATE.");
    }
    return { launchType: "FARGATE", capacityProviderName: provider?.capacityProvider };
}

function networkOf(definition: TaskDefinition, { networkConfiguration }: TaskStart) {
    const vpc = networkConfiguration?.awsvpcConfiguration;
    if (definition.networkMode === "awsvpc" && !vpc) {
        throw invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.");
    }
    const { subnets = [], securityGroups = [], assignPublicIp = "DISABLED" } = vpc ?? {};
    if (subnets.length < 1 || subnets.length > 16) {
        throw invalid(subnets.length === 0 ? "subnets can not be empty." : "subnets can have at most 16 items.");
    }
    if (securityGroups.length > 5) {
        throw invalid("securityGroups can have at most 5 items.");
    }
    const subnetId = subnets[Math.floor(Math.random() * subnets.length)];
    return { subnetId, securityGroupIds: securityGroups, isPublic: assignPublicIp === "ENABLED" };
}

function newTask(
    state: EcsState,
    cluster: Cluster,
    definition: TaskDefinition,
    input: TaskStart,
    capacity: { readonly launchType: "FARGATE"; readonly capacityProviderName?: string },
    subnetId: string,
): Task {
    const taskId = newId();
    const newArn = arn(state, `task/${cluster.clusterName}/${taskId}`);
    const definitionTags = state.tags.get(definition.taskDefinitionArn!) ?? [];
    const unknown = input.overrides?.containerOverrides?.find(
        ({ name }) => !definition.containerDefinitions!.some((container) => container.name === name),
    );
    if (unknown) {
        throw invalid(`Override for container named ${unknown.name} is not a container in the TaskDefinition.`);
    }
    return {
        taskArn: newArn,
        clusterArn: cluster.clusterArn,
        taskDefinitionArn: definition.taskDefinitionArn,
        group: input.group ?? `family:${definition.family}`,
        startedBy: input.startedBy,
        ...capacity,
        platformVersion: "1.4.0",
        platformFamily: definition.runtimePlatform?.operatingSystemFamily ?? "Linux",
        availabilityZone: `${state.scope.region}a`,
        lastStatus: "PROVISIONING",
        desiredStatus: "RUNNING",
        healthStatus: "UNKNOWN",
        version: 1,
        createdAt: new Date(),
        cpu: definition.cpu,
        memory: definition.memory,
        ephemeralStorage: definition.ephemeralStorage ?? { sizeInGiB: 20 },
        enableExecuteCommand: input.enableExecuteCommand ?? false,
        attributes: [
            {
                name: "ecs.cpu-architecture",
                value: (definition.runtimePlatform?.cpuArchitecture ?? "X86_64").toLowerCase(),
            },
        ],
        attachments: [
            {
                id: randomUUID(),
                type: "ElasticNetworkInterface",
                status: "PRECREATED",
                details: [{ name: "subnetId", value: subnetId }],
            },
        ],
        containers: definition.containerDefinitions!.map((container) => ({
            containerArn: arn(state, `container/${cluster.clusterName}/${taskId}/${randomUUID()}`),
            taskArn: newArn,
            name: container.name,
            image: container.image,
            lastStatus: "PENDING",
            networkBindings: [],
            networkInterfaces: [],
            healthStatus: "UNKNOWN",
            cpu: String(container.cpu ?? 0),
            memory: container.memory === undefined ? undefined : String(container.memory),
            memoryReservation:
                container.memoryReservation === undefined ? undefined : String(container.memoryReservation),
        })),
        overrides: {
            inferenceAcceleratorOverrides: [],
            ...input.overrides,
            containerOverrides: containerOverrides(definition, input),
        },
        tags: [...(input.propagateTags === "TASK_DEFINITION" ? definitionTags : []), ...(input.tags ?? [])],
    };
}

/** Every container is named in a task's overrides, those without any as well. */
function containerOverrides(definition: TaskDefinition, { overrides }: TaskStart) {
    return definition.containerDefinitions!.map(
        ({ name }) => overrides?.containerOverrides?.find((override) => override.name === name) ?? { name },
    );
}

/** A task as reads show it. */
function readTask({ tasks, shownTasks }: EcsState, name: string): Task | undefined {
    return shownTasks ? shownTasks.get(name) : tasks.get(name)?.task;
}

function shown({ task }: Pick<RunningTask, "task">, withTags = true): Task {
    return { ...task, tags: withTags ? task.tags : [] };
}

function familyOf(task: Task): string {
    return lastPart(task.taskDefinitionArn!).replace(/:\d+$/, "");
}

function taskArn(state: EcsState, cluster: Cluster, name: string): string {
    if (!name.startsWith("arn:")) {
        return arn(state, `task/${cluster.clusterName}/${name}`);
    }
    if (!name.includes(`:task/${cluster.clusterName}/`)) {
        throw new AwsError(
            "InvalidParameterException",
            `Invalid identifier: Unexpected ARN ${name}: the cluster is ${cluster.clusterName}.`,
        );
    }
    return name;
}

function forgetStoppedTasks(state: EcsState): void {
    const before = Date.now() - stoppedTasksStayMs;
    for (const [name, { task }] of state.tasks) {
        if (task.stoppedAt && task.stoppedAt.getTime() < before) {
            state.tasks.delete(name);
            state.shownTasks?.delete(name);
        }
    }
}
