import type {
    DeregisterTaskDefinitionCommandInput,
    DescribeTaskDefinitionCommandInput,
    ListTaskDefinitionsCommandInput,
    RegisterTaskDefinitionCommandInput,
    TaskDefinition,
} from "@aws-sdk/client-ecs";

import { asStored } from "./containerDefinitions";
import { cpuUnits, memoryMiB } from "./sizes";
import { arn, clientError, lastPart, page } from "./state";
import type { EcsState, Operation } from "./state";

export const taskDefinitionOperations: Readonly<Record<string, Operation>> = {
    RegisterTaskDefinition(state, input: RegisterTaskDefinitionCommandInput) {
        const { tags = [], ...given } = input;
        const revisions = state.taskDefinitions.get(given.family!) ?? [];
        const revision = revisions.length + 1;
        const taskDefinition: TaskDefinition = {
            ...given,
            cpu: given.cpu === undefined ? undefined : String(cpuUnits(given.cpu)),
            memory: given.memory === undefined ? undefined : String(memoryMiB(given.memory)),
            containerDefinitions: given.containerDefinitions!.map(asStored),
            volumes: given.volumes ?? [],
            placementConstraints: given.placementConstraints ?? [],
            taskDefinitionArn: arn(state, `task-definition/${given.family}:${revision}`),
            revision,
            status: "ACTIVE",
            compatibilities: given.networkMode === "awsvpc" ? ["EC2", "FARGATE"] : ["EC2"],
            registeredAt: new Date(),
            registeredBy: `arn:aws:iam::${state.scope.accountId}:root`,
        };
        state.taskDefinitions.set(given.family!, [...revisions, taskDefinition]);
        state.tags.set(taskDefinition.taskDefinitionArn!, tags);
        return { taskDefinition, tags };
    },

    DescribeTaskDefinition(state, { taskDefinition: name, include }: DescribeTaskDefinitionCommandInput) {
        const taskDefinition = findTaskDefinition(state, name!);
        if (!taskDefinition) {
            throw clientError("Unable to describe task definition.");
        }
        const tags = state.tags.get(taskDefinition.taskDefinitionArn!) ?? [];
        return include?.includes("TAGS") ? { taskDefinition, tags } : { taskDefinition };
    },

    DeregisterTaskDefinition(state, { taskDefinition: name }: DeregisterTaskDefinitionCommandInput) {
        const taskDefinition = /:\d+$/.test(name!) ? findTaskDefinition(state, name!) : undefined;
        if (!taskDefinition) {
            throw clientError("The specified task definition does not exist.");
        }
        Object.assign(taskDefinition, { status: "INACTIVE", deregisteredAt: new Date() });
        return { taskDefinition };
    },

    ListTaskDefinitions(state, input: ListTaskDefinitionsCommandInput) {
        const { familyPrefix, status = "ACTIVE", sort = "ASC" } = input;
        const found = [...state.taskDefinitions.values()]
            .flat()
            .filter((definition) => definition.status === status)
            .filter(({ family }) => familyPrefix === undefined || family === familyPrefix)
            .map(({ taskDefinitionArn }) => taskDefinitionArn!);
        const { elements, nextToken } = page(sort === "DESC" ? found.reverse() : found, input);
        return { taskDefinitionArns: elements, nextToken };
    },
};

/** By ARN, `family:revision`, or `family`: its latest active revision. */
export function findTaskDefinition(state: EcsState, name: string): TaskDefinition | undefined {
    const [family, revision] = lastPart(name).split(":");
    const revisions = state.taskDefinitions.get(family) ?? [];
    return revision === undefined
        ? revisions.findLast(({ status }) => status === "ACTIVE")
        : revisions.find((definition) => definition.revision === Number(revision));
}
