import { setTimeout as delay } from "node:timers/promises";

import type { Tag, Task } from "@aws-sdk/client-ecs";

import type { Scope } from "../../machine/awsClients";
import type { TaskHost } from "../../tasks/runTask";
import type { LoadBalancing } from "../elb/loadBalancing";
import { AwsError, jsonResponse } from "../gateway/overlay";
import type { AwsResponse, Overlay } from "../gateway/overlay";
import { clusterOperations } from "./clusters";
import { serviceOperations } from "./services";
import { namespacesIn } from "./serviceConnect";
import { createServiceScheduler } from "./serviceScheduler";
import { createState } from "./state";
import type { EcsState, Operation } from "./state";
import { tagOperations } from "./tags";
import { findTaskDefinition, taskDefinitionOperations } from "./taskDefinitions";
import { taskOperations } from "./tasks";

export interface Ecs {
    readonly overlay: Overlay;
    /** Of a task, by its ARN; none of what is no task. */
    tagsOf(arn: string): readonly Tag[];
    /** Which roles a task definition gives to its tasks; none of one that is not there. */
    rolesOf(scope: Scope, taskDefinition: string): readonly string[];
    /** Stops all tasks and resolves when they have stopped, or the time is over; nothing starts again. */
    stop(graceMs?: number): Promise<void>;
}

export type EcsOptions = Omit<TaskHost, "onChange" | "onHealthChange" | "deactivate"> & {
    readonly loadBalancing: LoadBalancing;
    /** Publishes a change of a task, in the order they happen. */
    readonly publish: (scope: Scope, task: Task) => void;
    /** Told of a change of a task's health, of which ECS publishes nothing. */
    readonly healthChanged?: (scope: Scope, task: Task) => void;
    /** Whether there is such a namespace of Service Connect (default: yes). */
    readonly hasNamespace?: (scope: Scope, namespace: string) => Promise<boolean>;
    /** Resolves when reads show a change of a task (default: at once). ECS's API is eventually consistent. */
    readonly shown?: () => Promise<unknown>;
};

/** All of ECS: the emulator's own is not asked. */
export function createEcs(options: EcsOptions): Ecs {
    const states = new Map<string, EcsState>();
    const host: TaskHost = {
        ...options,
        onChange(scope, task) {
            showLater(stateOf(scope), task);
            options.publish(scope, task);
            taskChanged(scope, task);
        },
        onHealthChange(scope, task) {
            showLater(stateOf(scope), task);
            options.healthChanged?.(scope, task);
            taskChanged(scope, task);
        },
        deactivate: (scope, task) => services.deregister(stateOf(scope), task),
    };
    const services = createServiceScheduler(host, options.loadBalancing);
    options.loadBalancing.onTargetChange((scope, arn) => services.targetGroupChanged(stateOf(scope), arn));
    const operations: Readonly<Record<string, Operation>> = {
        ...clusterOperations,
        ...taskDefinitionOperations,
        ...taskOperations(host),
        ...serviceOperations(services, options.loadBalancing),
        ...tagOperations,
    };

    function taskChanged(scope: Scope, task: Task): void {
        const state = stateOf(scope);
        state.taskListeners.forEach((listener) => listener());
        services.taskChanged(state, task);
    }

    function showLater({ shownTasks }: EcsState, task: Task): void {
        if (shownTasks && options.shown) {
            const snapshot = structuredClone(task); // the task goes on changing
            void options.shown().then(() => shownTasks.set(task.taskArn!, snapshot));
        }
    }

    function stateOf({ accountId, region }: Scope): EcsState {
        const key = `${accountId} ${region}`;
        const state = states.get(key) ?? createState({ accountId, region }, options.shown !== undefined);
        states.set(key, state);
        return state;
    }

    return {
        tagsOf(arn) {
            const [, , , region, accountId] = arn.split(":");
            return states.get(`${accountId} ${region}`)?.tasks.get(arn)?.task.tags ?? [];
        },
        rolesOf(scope, taskDefinition) {
            const { taskRoleArn, executionRoleArn } = findTaskDefinition(stateOf(scope), taskDefinition) ?? {};
            return [taskRoleArn, executionRoleArn].filter((role) => role !== undefined);
        },
        overlay: {
            service: "ecs",
            async handle(request) {
                const operation = operations[request.operation ?? ""];
                if (!operation) {
                    throw new AwsError(
                        "UnknownOperationException",
                        `The local ECS has no ${request.operation}; it has ${Object.keys(operations).sort().join(", ")}.`,
                    );
                }
                const input = JSON.parse(request.body.toString() || "{}") as never;
                for (const namespace of namespacesIn(input)) {
                    if ((await options.hasNamespace?.(request, namespace)) === false) {
                        throw new AwsError("NamespaceNotFoundException", "The specified namespace wasn't found.");
                    }
                }
                return ecsResponse(operation(stateOf(request), input));
            },
        },
        async stop(graceMs = 5_000) {
            services.stop();
            const running = [...states.values()].flatMap(({ tasks }) => [...tasks.values()]);
            running.forEach((task) => task.stop("UserInitiated", "The local system is shutting down"));
            const timeOver = delay(graceMs, undefined, { ref: false });
            await Promise.race([Promise.all(running.map(({ stopped }) => stopped)), timeOver]);
        },
    };
}

/** The JSON protocol carries points in time as seconds since 1970. */
function ecsResponse(output: object): AwsResponse {
    const text = JSON.stringify(output, function (this: Record<string, unknown>, key, value: unknown) {
        const original = this[key];
        return original instanceof Date ? original.getTime() / 1_000 : value;
    });
    return { ...jsonResponse({}), body: Buffer.from(text) };
}
