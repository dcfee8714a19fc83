import { randomUUID } from "node:crypto";

import type { Cluster, Failure, Service, Tag, Task, TaskDefinition } from "@aws-sdk/client-ecs";

import type { Scope } from "../../machine/awsClients";
import type { CalledName } from "../../tasks/connectProxy";
import type { RunningTask } from "../../tasks/runTask";
import { AwsError } from "../gateway/overlay";

/** Everything ECS knows of one account in one region. */
export interface EcsState {
    readonly scope: Scope;
    readonly clusters: Map<string, Cluster>;
    /** By family, in the order of their revisions. */
    readonly taskDefinitions: Map<string, TaskDefinition[]>;
    /** By ARN; stopped ones stay for a while. */
    readonly tasks: Map<string, RunningTask>;
    /** By ARN: as reads show them, where these are behind. */
    readonly shownTasks?: Map<string, Task>;
    /** By ARN. */
    readonly services: Map<string, Service>;
    /** By the id of a deployment: the names of Service Connect that its tasks know. */
    readonly calledNames: Map<string, readonly CalledName[]>;
    /** Told of each change of a task. */
    readonly taskListeners: Set<() => void>;
    /** By ARN; a task's own stand in the task. */
    readonly tags: Map<string, Tag[]>;
    /** The tasks a client token of RunTask has started. */
    readonly clientTokens: Map<string, readonly string[]>;
}

export function createState(scope: Scope, isBehind = false): EcsState {
    return {
        scope,
        shownTasks: isBehind ? new Map() : undefined,
        clusters: new Map(),
        taskDefinitions: new Map(),
        tasks: new Map(),
        services: new Map(),
        calledNames: new Map(),
        taskListeners: new Set(),
        tags: new Map(),
        clientTokens: new Map(),
    };
}

/** An operation of the API: its input is what the SDK's command of that name takes. */
export type Operation = (state: EcsState, input: never) => object;

export function arn({ scope }: EcsState, resource: string): string {
    return `arn:aws:ecs:${scope.region}:${scope.accountId}:${resource}`;
}

export function newId(): string {
    return randomUUID().replaceAll("-", "");
}

/** `arn:aws:ecs:…:cluster/name`, or the name itself -> the name */
export function lastPart(nameOrArn: string): string {
    return nameOrArn.slice(nameOrArn.lastIndexOf("/") + 1);
}

export function findCluster(state: EcsState, nameOrArn = "default"): Cluster {
    const cluster = state.clusters.get(lastPart(nameOrArn));
    if (!cluster || cluster.status !== "ACTIVE") {
        throw new AwsError("ClusterNotFoundException", "Cluster not found.");
    }
    return cluster;
}

export function missing(resource: string): Failure {
    return { arn: resource, reason: "MISSING" };
}

export function invalid(message: string): AwsError {
    return new AwsError("InvalidParameterException", message);
}

export function clientError(message: string): AwsError {
    return new AwsError("ClientException", message);
}

/** One page of a list; the token is the place of the next element. */
export function page<T>(
    elements: readonly T[],
    { maxResults = 100, nextToken }: { readonly maxResults?: number; readonly nextToken?: string },
): { readonly elements: readonly T[]; readonly nextToken?: string } {
    if (maxResults < 1 || maxResults > 100) {
        throw invalid(`maxResults is ${maxResults}: it must be between 1 and 100.`);
    }
    const start = nextToken === undefined ? 0 : Number(nextToken);
    if (!Number.isInteger(start) || start < 0) {
        throw invalid("Invalid token.");
    }
    const end = start + maxResults;
    return {
        elements: elements.slice(start, end),
        ...(end < elements.length ? { nextToken: String(end) } : {}),
    };
}
