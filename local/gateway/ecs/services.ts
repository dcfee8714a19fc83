import { randomInt } from "node:crypto";

import type {
    CreateServiceCommandInput,
    DeleteServiceCommandInput,
    Deployment,
    DescribeServicesCommandInput,
    ListServicesCommandInput,
    Service,
    Task,
    UpdateServiceCommandInput,
} from "@aws-sdk/client-ecs";

import { omit } from "../../omit";
import type { RunningTask, TaskHost } from "../../tasks/runTask";
import { AwsError } from "../overlay";
import { arn, findCluster, invalid, lastPart, missing, newId, page } from "./state";
import type { EcsState, Operation } from "./state";
import { capacityOf, findActiveDefinition, startTask } from "./tasks";
import { findTaskDefinition } from "./taskDefinitions";

/** The longest pause before a service's task that keeps failing is started again. */
const longestPauseMs = 10_000;

export interface ServiceScheduler {
    readonly operations: Readonly<Record<string, Operation>>;
    /** To be told of each change of a task: its service may have to start another one. */
    taskChanged(state: EcsState, task: Task): void;
    /** Starts nothing any more. */
    stop(): void;
}

/** Keeps the desired count of each service running, and rolls a new deployment out within its limits. */
export function createServiceScheduler(host: TaskHost): ServiceScheduler {
    const pauses = new Map<string, NodeJS.Timeout>();
    const due = new Set<Service>();
    let hasStopped = false;

    /** Not at once: stopping a task is a change, too. */
    function reconcileSoon(state: EcsState, service: Service): void {
        if (!due.has(service)) {
            due.add(service);
            setImmediate(() => {
                due.delete(service);
                reconcile(state, service);
            });
        }
    }

    /** Brings a service one step nearer to what it should be. Runs after each change that could matter, so steps add up. */
    function reconcile(state: EcsState, service: Service): void {
        if (hasStopped || service.status === "INACTIVE" || pauses.has(service.serviceArn!)) {
            return;
        }
        const [primary] = service.deployments!;
        const desired = service.desiredCount!;
        const active = tasksOf(state, service).filter(({ task }) => task.desiredStatus === "RUNNING");
        const current = active.filter(({ task }) => task.startedBy === primary.id);
        const old = active.filter(({ task }) => task.startedBy !== primary.id);
        const { maximumPercent = 200, minimumHealthyPercent = 100 } = service.deploymentConfiguration ?? {};

        const room = Math.max(Math.floor((desired * maximumPercent) / 100) - active.length, 0);
        const wanted = Math.min(Math.max(desired - current.length, 0), room);
        if (wanted > 0 && service.status === "ACTIVE") {
            const cluster = findCluster(state, service.clusterArn);
            const definition = findTaskDefinition(state, primary.taskDefinition!)!;
            const input = {
                ...service,
                startedBy: primary.id,
                group: `service:${service.serviceName}`,
                tags: taskTags(state, service),
            };
            Array.from({ length: wanted }, () => startTask(host, state, cluster, definition, input));
        }

        const reason = `Scaling activity initiated by (deployment ${primary.id})`;
        const healthy = active.filter(isHealthy);
        const spare = Math.max(healthy.length - Math.ceil((desired * minimumHealthyPercent) / 100), 0);
        const notHealthy = old.filter((running) => !isHealthy(running));
        const tooMany = [
            ...notHealthy,
            ...old.filter(isHealthy).slice(0, spare),
            ...current.slice(0, Math.max(current.length - desired, 0)),
        ];
        tooMany.forEach((running) => running.stop("ServiceSchedulerInitiated", reason));
        current
            .filter(({ task }) => task.healthStatus === "UNHEALTHY")
            .forEach((running) => running.stop("ServiceSchedulerInitiated", "Task failed container health checks"));
        settle(state, service);
    }

    /** A deployment is complete, and the ones before it forgotten, once its tasks run and theirs have ended. */
    function settle(state: EcsState, service: Service): void {
        const [primary] = service.deployments!;
        const running = tasksOf(state, service).filter(({ task }) => task.lastStatus !== "STOPPED");
        const isSteady =
            running.every(({ task }) => task.startedBy === primary.id) &&
            running.filter(isHealthy).length === service.desiredCount;
        if (service.status === "DRAINING" && running.length === 0) {
            service.status = "INACTIVE";
            service.deployments = [];
        } else if (isSteady && primary.rolloutState !== "COMPLETED") {
            service.deployments = [
                {
                    ...primary,
                    rolloutState: "COMPLETED",
                    rolloutStateReason: `ECS deployment ${primary.id} completed.`,
                    updatedAt: new Date(),
                },
            ];
            addEvent(service, `(service ${service.serviceName}) has reached a steady state.`);
        }
    }

    /** Starts again at once after a task that ran, and later and later after tasks that failed in a row. */
    function pauseAfterFailure(state: EcsState, service: Service, task: Task): void {
        const [primary] = service.deployments!;
        if (primary?.id !== task.startedBy) {
            return;
        }
        const hasFailed = task.stopCode === "TaskFailedToStart" || task.stopCode === "EssentialContainerExited";
        primary.failedTasks = hasFailed ? (primary.failedTasks ?? 0) + 1 : primary.failedTasks;
        if (!hasFailed || pauses.has(service.serviceArn!)) {
            return;
        }
        addEvent(service, `(service ${service.serviceName}) was unable to keep a task running: ${task.stoppedReason}`);
        const pauseMs = Math.min(100 * 2 ** primary.failedTasks!, longestPauseMs);
        pauses.set(
            service.serviceArn!,
            setTimeout(() => {
                pauses.delete(service.serviceArn!);
                reconcile(state, service);
            }, pauseMs),
        );
    }

    const operations: Readonly<Record<string, Operation>> = {
        CreateService(state, input: CreateServiceCommandInput) {
            const cluster = findCluster(state, input.cluster);
            const serviceArn = arn(state, `service/${cluster.clusterName}/${input.serviceName}`);
            if (!/^[a-zA-Z0-9_-]{1,255}$/.test(input.serviceName ?? "")) {
                throw invalid(
                    `Invalid service name "${input.serviceName}": letters, digits, hyphens and underscores, at most 255.`,
                );
            }
            const existing = state.services.get(serviceArn);
            if (existing && existing.status !== "INACTIVE") {
                throw invalid("Creation of service was not idempotent.");
            }
            const definition = findActiveDefinition(state, input.taskDefinition!);
            const { launchType, capacityProviderName } = capacityOf(cluster, definition, input);
            if (definition.networkMode === "awsvpc" && !input.networkConfiguration?.awsvpcConfiguration) {
                throw invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.");
            }
            const service: Service = {
                ...omit(input, "tags", "clientToken", "cluster"),
                serviceArn,
                clusterArn: cluster.clusterArn,
                status: "ACTIVE",
                desiredCount: input.desiredCount ?? 0,
                launchType: capacityProviderName === undefined ? launchType : undefined,
                taskDefinition: definition.taskDefinitionArn,
                platformVersion: input.platformVersion ?? "LATEST",
                platformFamily: "Linux",
                schedulingStrategy: "REPLICA",
                propagateTags: input.propagateTags ?? "NONE",
                deploymentConfiguration: {
                    maximumPercent: 200,
                    minimumHealthyPercent: 100,
                    ...input.deploymentConfiguration,
                },
                loadBalancers: input.loadBalancers ?? [],
                serviceRegistries: input.serviceRegistries ?? [],
                createdAt: new Date(),
                createdBy: `arn:aws:iam::${state.scope.accountId}:root`,
                events: [],
                deployments: [],
            };
            deploy(service);
            state.services.set(serviceArn, service);
            state.tags.set(serviceArn, input.tags ?? []);
            reconcile(state, service);
            return { service: shown(state, service) };
        },

        UpdateService(state, input: UpdateServiceCommandInput) {
            const service = findService(state, input.cluster, input.service!);
            if (service.status !== "ACTIVE") {
                throw new AwsError("ServiceNotActiveException", "Service was not ACTIVE.");
            }
            const { forceNewDeployment, taskDefinition } = input;
            const before = deployed(service);
            Object.assign(service, omit(input, "cluster", "service", "forceNewDeployment", "taskDefinition"));
            if (taskDefinition !== undefined) {
                service.taskDefinition = findActiveDefinition(state, taskDefinition).taskDefinitionArn;
            }
            if (forceNewDeployment || deployed(service) !== before) {
                deploy(service);
            }
            service.deployments![0].desiredCount = service.desiredCount;
            reconcile(state, service);
            return { service: shown(state, service) };
        },

        DescribeServices(state, { cluster, services = [], include }: DescribeServicesCommandInput) {
            if (services.length === 0 || services.length > 10) {
                throw invalid(`services names ${services.length} services: DescribeServices takes between 1 and 10.`);
            }
            const { clusterName } = findCluster(state, cluster);
            const arns = services.map((name) => arn(state, `service/${clusterName}/${lastPart(name)}`));
            return {
                services: arns
                    .map((name) => state.services.get(name))
                    .filter((service) => service !== undefined)
                    .map((service) => shown(state, service, include?.includes("TAGS"))),
                failures: arns.filter((name) => !state.services.has(name)).map(missing),
            };
        },

        ListServices(state, input: ListServicesCommandInput) {
            const { clusterArn } = findCluster(state, input.cluster);
            const found = [...state.services.values()].filter(
                (service) => service.clusterArn === clusterArn && service.status !== "INACTIVE",
            );
            const { elements, nextToken } = page(found, { maxResults: 10, ...input });
            return { serviceArns: elements.map(({ serviceArn }) => serviceArn), nextToken };
        },

        DeleteService(state, input: DeleteServiceCommandInput) {
            const service = findService(state, input.cluster, input.service!);
            if (service.desiredCount! > 0 && !input.force) {
                throw invalid("The service cannot be stopped while it is scaled above 0.");
            }
            Object.assign(service, { status: "DRAINING", desiredCount: 0 });
            reconcile(state, service);
            return { service: shown(state, service) };
        },
    };

    return {
        operations,
        taskChanged(state, task) {
            const service = [...state.services.values()].find(({ clusterArn, serviceName }) => {
                return clusterArn === task.clusterArn && task.group === `service:${serviceName}`;
            });
            if (!service || service.status === "INACTIVE") {
                return;
            }
            if (task.lastStatus === "STOPPED") {
                pauseAfterFailure(state, service, task);
            }
            reconcileSoon(state, service);
        },
        stop() {
            hasStopped = true;
            pauses.forEach((timer) => clearTimeout(timer));
        },
    };
}

function findService(state: EcsState, cluster: string | undefined, name: string): Service {
    const { clusterName } = findCluster(state, cluster);
    const service = state.services.get(arn(state, `service/${clusterName}/${lastPart(name)}`));
    if (!service) {
        throw new AwsError("ServiceNotFoundException", "Service not found.");
    }
    return service;
}

function tasksOf(state: EcsState, { clusterArn, serviceName }: Service): RunningTask[] {
    return [...state.tasks.values()].filter(
        ({ task }) => task.clusterArn === clusterArn && task.group === `service:${serviceName}`,
    );
}

/** Runs, and is not known to be unhealthy or still on its way to being healthy. */
function isHealthy({ task }: RunningTask): boolean {
    return task.lastStatus === "RUNNING" && task.desiredStatus === "RUNNING" && task.healthStatus !== "UNHEALTHY";
}

/** What a change of makes a new deployment. */
function deployed({
    taskDefinition,
    networkConfiguration,
    capacityProviderStrategy,
    platformVersion,
    loadBalancers,
}: Service) {
    return JSON.stringify([
        taskDefinition,
        networkConfiguration,
        capacityProviderStrategy,
        platformVersion,
        loadBalancers,
    ]);
}

function deploy(service: Service): void {
    const now = new Date();
    const deployment: Deployment = {
        id: `ecs-svc/${randomInt(10 ** 14)}`,
        status: "PRIMARY",
        taskDefinition: service.taskDefinition,
        desiredCount: service.desiredCount,
        failedTasks: 0,
        createdAt: now,
        updatedAt: now,
        launchType: service.launchType,
        capacityProviderStrategy: service.capacityProviderStrategy,
        platformVersion: "1.4.0",
        platformFamily: "Linux",
        networkConfiguration: service.networkConfiguration,
        rolloutState: "IN_PROGRESS",
        rolloutStateReason: "ECS deployment in progress.",
    };
    service.deployments = [
        deployment,
        ...(service.deployments ?? []).map((before) => ({ ...before, status: "ACTIVE", desiredCount: 0 })),
    ];
}

function addEvent(service: Service, message: string): void {
    service.events = [{ id: newId(), createdAt: new Date(), message }, ...(service.events ?? [])].slice(0, 100);
}

function taskTags(state: EcsState, service: Service) {
    return service.propagateTags === "SERVICE" ? state.tags.get(service.serviceArn!) : [];
}

function shown(state: EcsState, service: Service, withTags = true): Service {
    const tasks = tasksOf(state, service).map(({ task }) => task);
    const running = tasks.filter(({ lastStatus }) => lastStatus === "RUNNING");
    const pending = tasks.filter(({ lastStatus }) => lastStatus === "PROVISIONING" || lastStatus === "PENDING");
    const by = (deployment: Deployment, among: readonly Task[]) =>
        among.filter(({ startedBy }) => startedBy === deployment.id).length;
    return {
        ...service,
        runningCount: running.length,
        pendingCount: pending.length,
        deployments: service.deployments!.map((deployment) => ({
            ...deployment,
            runningCount: by(deployment, running),
            pendingCount: by(deployment, pending),
        })),
        tags: withTags ? state.tags.get(service.serviceArn!) : undefined,
    };
}
