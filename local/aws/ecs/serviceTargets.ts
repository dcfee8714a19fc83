import type { LoadBalancer, Service, Task, TaskDefinition } from "@aws-sdk/client-ecs";

import type { Scope } from "../../machine/awsClients";
import type { LoadBalancing, TargetAddress } from "../elb/loadBalancing";
import { invalid } from "./state";

/** The tasks of services as targets of load balancers. */
export interface ServiceTargets {
    /** Registers a running task with the service's target groups, once; says whether it did. */
    register(scope: Scope, service: Service, task: Task): boolean;
    /** Resolves when none of its targets has requests any more; undefined when it is no target. */
    deregister(scope: Scope, taskArn: string): Promise<unknown> | undefined;
    /** The load balancers send requests to it. */
    isServing(scope: Scope, task: Task): boolean;
    /** The target group in which it is unhealthy. */
    unhealthyIn(scope: Scope, task: Task): string | undefined;
}

export function createServiceTargets(loadBalancing: LoadBalancing): ServiceTargets {
    const registered = new Map<string, readonly TargetAddress[]>();

    const targetsOf = ({ taskArn = "" }: Task): readonly TargetAddress[] => registered.get(taskArn) ?? [];

    return {
        register(scope, { loadBalancers = [] }, task) {
            if (loadBalancers.length === 0 || registered.has(task.taskArn!)) {
                return false;
            }
            const address = task.containers![0].networkInterfaces![0].privateIpv4Address!;
            const targets = loadBalancers.map(({ targetGroupArn = "", containerPort = 0 }) => ({
                targetGroupArn,
                address,
                port: containerPort,
            }));
            registered.set(task.taskArn!, targets);
            targets.forEach((target) => loadBalancing.register(scope, target));
            return true;
        },
        deregister(scope, taskArn) {
            const targets = registered.get(taskArn);
            registered.delete(taskArn);
            return targets && Promise.all(targets.map((target) => loadBalancing.deregister(scope, target)));
        },
        isServing: (scope, task) =>
            targetsOf(task).every((target) => ["healthy", "unused"].includes(loadBalancing.stateOf(scope, target))),
        unhealthyIn: (scope, task) =>
            targetsOf(task).find((target) => loadBalancing.stateOf(scope, target) === "unhealthy")?.targetGroupArn,
    };
}

/** @throws as CreateService does for a target group or a container that cannot be served */
export function checkLoadBalancers(
    loadBalancing: LoadBalancing,
    scope: Scope,
    { containerDefinitions = [] }: TaskDefinition,
    loadBalancers: readonly LoadBalancer[] = [],
): void {
    for (const { targetGroupArn = "", containerName, containerPort } of loadBalancers) {
        if (!loadBalancing.isInUse(scope, targetGroupArn)) {
            throw invalid(
                `The target group with targetGroupArn ${targetGroupArn} does not have an associated load balancer.`,
            );
        }
        const container = containerDefinitions.find(({ name }) => name === containerName);
        if (!container) {
            throw invalid(`The container ${containerName} does not exist in the task definition.`);
        }
        if (!container.portMappings?.some((mapping) => mapping.containerPort === containerPort)) {
            throw invalid(`The container ${containerName} did not have a container port ${containerPort} defined.`);
        }
    }
}
