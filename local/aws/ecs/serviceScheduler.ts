import type { Service, Task } from "@aws-sdk/client-ecs";

import type { RunningTask, TaskHost } from "../../tasks/runTask";
import type { LoadBalancing } from "../elb/loadBalancing";
import { createServiceTargets } from "./serviceTargets";
import { findCluster, newId } from "./state";
import type { EcsState } from "./state";
import { findTaskDefinition } from "./taskDefinitions";
import { startTask } from "./tasks";

/** The longest pause before a service's task that keeps failing is started again. */
const longestPauseMs = 10_000;

export interface ServiceScheduler {
    /** Brings a service one step nearer to what it should be, after each change that could matter. */
    reconcile(state: EcsState, service: Service): void;
    /** To be told of each change of a task: its service may have to start another one. */
    taskChanged(state: EcsState, task: Task): void;
    /** To be told of each target group whose targets have changed their states. */
    targetGroupChanged(state: EcsState, targetGroupArn: string): void;
    /** Takes a task that stops out of its service's target groups; undefined when it is in none. */
    deregister(state: EcsState, task: Task): Promise<unknown> | undefined;
    /** Starts nothing any more. */
    stop(): void;
}

/** Keeps the desired count of each service running, and rolls a new deployment out within its limits. */
export function createServiceScheduler(host: TaskHost, loadBalancing: LoadBalancing): ServiceScheduler {
    const targets = createServiceTargets(loadBalancing);
    const pauses = new Map<string, NodeJS.Timeout>();
    const graces = new Set<NodeJS.Timeout>();
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
        const isHealthy = (running: RunningTask) => isServing(state, running);
        const failing = current.filter(({ task }) => failureOf(state, service, task) !== undefined);
        const sound = current.filter((running) => !failing.includes(running));
        const { maximumPercent = 200, minimumHealthyPercent = 100 } = service.deploymentConfiguration ?? {};

        const room = Math.max(Math.floor((desired * maximumPercent) / 100) - active.length, 0);
        const lacking = Math.max(desired - sound.length, 0);
        const wanted = Math.min(lacking, room);
        if (wanted > 0 && service.status === "ACTIVE" && primary.rolloutState !== "FAILED") {
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
        const notHealthyFirst = [...sound].sort((one, other) => Number(isHealthy(one)) - Number(isHealthy(other)));
        const tooMany = [
            ...old.filter((running) => !isHealthy(running)),
            ...old.filter(isHealthy).slice(0, spare),
            ...notHealthyFirst.slice(0, Math.max(sound.length - desired, 0)),
        ];
        tooMany.forEach((running) => running.stop("ServiceSchedulerInitiated", reason));
        // One that fails is stopped once its replacement serves, or when there is no room for one beside it.
        const isReplaced = sound.filter(isHealthy).length >= desired;
        failing
            .slice(0, isReplaced ? failing.length : Math.max(lacking - wanted, 0))
            .forEach((running) =>
                running.stop("ServiceSchedulerInitiated", failureOf(state, service, running.task) ?? reason),
            );
        settle(state, service);
    }

    /** Runs, is healthy as far as its containers are checked, and gets requests if it is a target. */
    function isServing(state: EcsState, { task }: RunningTask): boolean {
        return isSound(state, task) && targets.isServing(state.scope, task);
    }

    /** Why a running task is to be replaced; nothing is held against it within the grace period. */
    function failureOf(state: EcsState, service: Service, task: Task): string | undefined {
        const graceMs = (service.healthCheckGracePeriodSeconds ?? 0) * 1_000;
        if (task.lastStatus !== "RUNNING" || Date.now() < task.startedAt!.getTime() + graceMs) {
            return undefined;
        }
        const targetGroupArn = targets.unhealthyIn(state.scope, task);
        if (targetGroupArn !== undefined) {
            return `Task failed ELB health checks in (target-group ${targetGroupArn})`;
        }
        return task.healthStatus === "UNHEALTHY" ? "Task failed container health checks" : undefined;
    }

    /** A deployment is complete, and the ones before it forgotten, once its tasks serve and theirs have ended. */
    function settle(state: EcsState, service: Service): void {
        const [primary] = service.deployments!;
        const running = tasksOf(state, service).filter(({ task }) => task.lastStatus !== "STOPPED");
        const isSteady =
            running.every(({ task }) => task.startedBy === primary.id) &&
            running.filter((one) => isServing(state, one)).length === service.desiredCount;
        if (service.status === "DRAINING" && running.length === 0) {
            service.status = "INACTIVE";
            service.deployments = [];
        } else if (isSteady && (primary.rolloutState === "IN_PROGRESS" || service.deployments!.length > 1)) {
            Object.assign(primary, {
                rolloutState: "COMPLETED",
                rolloutStateReason: `ECS deployment ${primary.id} completed.`,
                updatedAt: new Date(),
            });
            service.deployments = [primary];
            addEvent(service, "has reached a steady state.");
        }
    }

    /** Gives a deployment up that does not get its tasks to run; with rollback, the one before takes its place again. */
    function breakCircuit(service: Service): void {
        const [primary, ...others] = service.deployments!;
        const { enable, rollback } = service.deploymentConfiguration?.deploymentCircuitBreaker ?? {};
        const threshold = Math.min(Math.max(Math.ceil(service.desiredCount! / 2), 3), 200);
        if (!enable || primary.rolloutState !== "IN_PROGRESS" || primary.failedTasks! < threshold) {
            return;
        }
        const now = new Date();
        Object.assign(primary, {
            rolloutState: "FAILED",
            rolloutStateReason: "ECS deployment circuit breaker: tasks failed to start.",
            updatedAt: now,
        });
        addEvent(service, `(deployment ${primary.id}) deployment failed: tasks failed to start.`);
        const last = others.find(({ rolloutState }) => rolloutState === "COMPLETED");
        if (rollback && last) {
            Object.assign(primary, { status: "ACTIVE", desiredCount: 0 });
            Object.assign(last, {
                status: "PRIMARY",
                desiredCount: service.desiredCount,
                failedTasks: 0,
                rolloutState: "IN_PROGRESS",
                rolloutStateReason: `ECS deployment circuit breaker: rolling back to deploymentId ${last.id}.`,
                updatedAt: now,
            });
            service.taskDefinition = last.taskDefinition;
            service.deployments = [last, primary, ...others.filter((other) => other !== last)];
            addEvent(service, `rolling back to deployment ${last.id}.`);
        }
    }

    /** Starts again at once after a task that ran, and later and later after tasks that failed in a row. */
    function pauseAfterFailure(state: EcsState, service: Service, task: Task): void {
        const [primary] = service.deployments!;
        if (primary?.id !== task.startedBy) {
            return;
        }
        const isJudgedFailed = /^Task failed (ELB|container) health checks/.test(task.stoppedReason ?? "");
        const hasEnded = task.stopCode === "TaskFailedToStart" || task.stopCode === "EssentialContainerExited";
        if (hasEnded || isJudgedFailed) {
            primary.failedTasks = (primary.failedTasks ?? 0) + 1;
            addEvent(service, `was unable to keep a task running: ${task.stoppedReason}`);
            breakCircuit(service);
        }
        if (!hasEnded || pauses.has(service.serviceArn!)) {
            return;
        }
        const pauseMs = Math.min(100 * 2 ** primary.failedTasks!, longestPauseMs);
        pauses.set(
            service.serviceArn!,
            setTimeout(() => {
                pauses.delete(service.serviceArn!);
                reconcile(state, service);
            }, pauseMs),
        );
    }

    /** Registers a task that runs; when its grace period is over, its health is looked at anew. */
    function serve(state: EcsState, service: Service, task: Task): void {
        if (!targets.register(state.scope, service, task)) {
            return;
        }
        const groups = service.loadBalancers!.map(({ targetGroupArn }) => targetGroupArn);
        addEvent(service, `registered 1 targets in (target-group ${groups.join(", ")})`);
        const timer = setTimeout(
            () => {
                graces.delete(timer);
                reconcile(state, service);
            },
            (service.healthCheckGracePeriodSeconds ?? 0) * 1_000,
        );
        graces.add(timer);
    }

    return {
        reconcile,
        taskChanged(state, task) {
            const service = serviceOf(state, task);
            if (!service || service.status === "INACTIVE") {
                return;
            }
            if (task.lastStatus === "RUNNING" && task.desiredStatus === "RUNNING") {
                serve(state, service, task);
            }
            if (task.lastStatus === "STOPPED") {
                pauseAfterFailure(state, service, task);
            }
            reconcileSoon(state, service);
        },
        targetGroupChanged(state, targetGroupArn) {
            [...state.services.values()]
                .filter(({ loadBalancers }) => loadBalancers?.some((one) => one.targetGroupArn === targetGroupArn))
                .forEach((service) => reconcileSoon(state, service));
        },
        deregister(state, task) {
            const deregistered = targets.deregister(state.scope, task.taskArn!);
            const service = serviceOf(state, task);
            if (deregistered && service) {
                addEvent(service, `has begun draining connections on 1 tasks.`);
            }
            return deregistered;
        },
        stop() {
            hasStopped = true;
            [...pauses.values(), ...graces].forEach((timer) => clearTimeout(timer));
        },
    };
}

export function tasksOf(state: EcsState, { clusterArn, serviceName }: Service): RunningTask[] {
    return [...state.tasks.values()].filter(
        ({ task }) => task.clusterArn === clusterArn && task.group === `service:${serviceName}`,
    );
}

function serviceOf(state: EcsState, task: Task): Service | undefined {
    return [...state.services.values()].find(
        ({ clusterArn, serviceName }) => clusterArn === task.clusterArn && task.group === `service:${serviceName}`,
    );
}

/** Runs, and is healthy as far as its containers are checked. */
export function isSound(state: EcsState, task: Task): boolean {
    const isRunning = task.lastStatus === "RUNNING" && task.desiredStatus === "RUNNING";
    return isRunning && (hasHealthCheck(state, task) ? task.healthStatus === "HEALTHY" : true);
}

function hasHealthCheck(state: EcsState, { taskDefinitionArn = "" }: Task): boolean {
    const { containerDefinitions = [] } = findTaskDefinition(state, taskDefinitionArn) ?? {};
    return containerDefinitions.some(({ essential, healthCheck }) => essential !== false && healthCheck !== undefined);
}

function addEvent(service: Service, message: string): void {
    const event = { id: newId(), createdAt: new Date(), message: `(service ${service.serviceName}) ${message}` };
    service.events = [event, ...(service.events ?? [])].slice(0, 100);
}

function taskTags(state: EcsState, service: Service) {
    return service.propagateTags === "SERVICE" ? state.tags.get(service.serviceArn!) : [];
}
