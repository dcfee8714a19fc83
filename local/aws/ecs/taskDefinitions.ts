import type {
    ContainerDefinition,
    DeregisterTaskDefinitionCommandInput,
    DescribeTaskDefinitionCommandInput,
    ListTaskDefinitionsCommandInput,
    RegisterTaskDefinitionCommandInput,
    TaskDefinition,
} from "@aws-sdk/client-ecs";

import { asStored } from "./containerDefinitions";
import { arn, clientError, lastPart, page } from "./state";
import type { EcsState, Operation } from "./state";

export const taskDefinitionOperations: Readonly<Record<string, Operation>> = {
    RegisterTaskDefinition(state, input: RegisterTaskDefinitionCommandInput) {
        checkTaskDefinition(input);
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

/** Memory in MiB that Fargate offers, by CPU units. */
const fargateSizes: Readonly<Record<number, readonly number[]>> = {
    256: [512, 1024, 2048],
    512: range(1024, 4096, 1024),
    1024: range(2048, 8192, 1024),
    2048: range(4096, 16384, 1024),
    4096: range(8192, 30720, 1024),
    8192: range(16384, 61440, 4096),
    16384: range(32768, 122880, 8192),
    32768: [61440, 122880, 249856],
};

function range(from: number, to: number, step: number): readonly number[] {
    return Array.from({ length: (to - from) / step + 1 }, (_, i) => from + i * step);
}

/** `256` or `.25 vCPU` */
function cpuUnits(cpu: string): number {
    const [, amount, unit] = /^(\d*\.?\d+)\s*(vcpu)?$/i.exec(cpu.trim()) ?? [];
    if (amount === undefined) {
        throw clientError(`Invalid 'cpu' setting for task: ${cpu}`);
    }
    return Number(amount) * (unit ? 1024 : 1);
}

/** `512` or `0.5 GB` */
function memoryMiB(memory: string): number {
    const [, amount, unit] = /^(\d*\.?\d+)\s*(gb)?$/i.exec(memory.trim()) ?? [];
    if (amount === undefined) {
        throw clientError(`Invalid 'memory' setting for task: ${memory}`);
    }
    return Number(amount) * (unit ? 1024 : 1);
}

function checkTaskDefinition(input: RegisterTaskDefinitionCommandInput): void {
    const { family = "", containerDefinitions = [], requiresCompatibilities = [] } = input;
    if (!/^[a-zA-Z0-9_-]{1,255}$/.test(family)) {
        throw clientError(
            "Invalid family name. Up to 255 letters (uppercase and lowercase), numbers, hyphens, and underscores are allowed.",
        );
    }
    const length = Buffer.byteLength(JSON.stringify(input));
    if (length > 65_536) {
        throw clientError(`Actual length: '${length}'. Max allowed length is '65536' bytes.`);
    }
    if (containerDefinitions.length === 0) {
        throw clientError("Container list cannot be empty.");
    }
    if (!containerDefinitions.some(({ essential }) => essential !== false)) {
        throw clientError("At least one container in the task definition must be essential.");
    }
    const names = containerDefinitions.map(({ name }) => name);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice !== undefined) {
        throw clientError(`Duplicate container name '${twice}'.`);
    }
    containerDefinitions.forEach((container) => checkContainer(container, input));
    checkDependencies(containerDefinitions);
    if (requiresCompatibilities.includes("FARGATE")) {
        checkFargate(input);
    }
}

function checkContainer(container: ContainerDefinition, input: RegisterTaskDefinitionCommandInput): void {
    const { name, image, portMappings = [], secrets = [], environment = [], mountPoints = [], healthCheck } = container;
    if (!name || !/^[a-zA-Z0-9_-]{1,255}$/.test(name) || !image) {
        throw clientError(
            `Container.name and Container.image must be given; the name is '${name}', the image '${image}'.`,
        );
    }
    if (input.networkMode === "awsvpc") {
        const other = portMappings.find(({ containerPort, hostPort }) => hostPort && hostPort !== containerPort);
        if (other) {
            throw clientError(
                "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
            );
        }
    }
    if (secrets.length > 0 && !input.executionRoleArn) {
        throw clientError(
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
        );
    }
    const shared = secrets.find((secret) => environment.some((variable) => variable.name === secret.name));
    if (shared) {
        throw clientError(
            `The secret name must be unique and not shared with any new or existing environment variables set on the container, such as '${shared.name}'.`,
        );
    }
    const unknown = mountPoints.find(
        ({ sourceVolume }) => !input.volumes?.some((volume) => volume.name === sourceVolume),
    );
    if (unknown) {
        throw clientError(`Unknown volume '${unknown.sourceVolume}'.`);
    }
    checkRange(container.stopTimeout, 0, 120, "stopTimeout", name);
    checkRange(healthCheck?.interval, 5, 300, "healthCheck.interval", name);
    checkRange(healthCheck?.timeout, 2, 60, "healthCheck.timeout", name);
    checkRange(healthCheck?.retries, 1, 10, "healthCheck.retries", name);
    checkRange(healthCheck?.startPeriod, 0, 300, "healthCheck.startPeriod", name);
}

function checkRange(value: number | undefined, least: number, most: number, what: string, container: string): void {
    if (value !== undefined && (value < least || value > most)) {
        throw clientError(`${what} of container '${container}' is ${value}: it must be between ${least} and ${most}.`);
    }
}

function checkDependencies(containers: readonly ContainerDefinition[]): void {
    const byName = new Map(containers.map((container) => [container.name, container]));
    const finished = new Set<ContainerDefinition>();

    function visit(container: ContainerDefinition, path: readonly ContainerDefinition[]): void {
        if (path.includes(container)) {
            throw clientError(
                `Task definition contains a dependency cycle: ${[...path, container].map(({ name }) => name).join(" -> ")}.`,
            );
        }
        if (finished.has(container)) {
            return;
        }
        for (const { containerName, condition } of container.dependsOn ?? []) {
            const dependency = byName.get(containerName);
            if (!dependency) {
                throw clientError(`Container '${container.name}' depends on '${containerName}', which does not exist.`);
            }
            if (condition === "HEALTHY" && !dependency.healthCheck) {
                throw clientError(
                    `Container '${container.name}' depends on '${containerName}' being HEALTHY, which has no health check.`,
                );
            }
            if ((condition === "SUCCESS" || condition === "COMPLETE") && dependency.essential !== false) {
                throw clientError(
                    `A container with the dependency condition ${condition} cannot be essential: '${containerName}'.`,
                );
            }
            visit(dependency, [...path, container]);
        }
        finished.add(container);
    }

    containers.forEach((container) => visit(container, []));
}

function checkFargate(input: RegisterTaskDefinitionCommandInput): void {
    if (input.networkMode !== "awsvpc") {
        throw clientError("Fargate only supports network mode ‘awsvpc’.");
    }
    if (input.cpu === undefined || input.memory === undefined) {
        throw clientError(
            `Fargate requires that '${input.cpu === undefined ? "cpu" : "memory"}' be defined at the task level.`,
        );
    }
    const [cpu, memory] = [cpuUnits(input.cpu), memoryMiB(input.memory)];
    if (!fargateSizes[cpu]?.includes(memory)) {
        throw clientError(
            `No Fargate configuration exists for given values: ${cpu} CPU, ${memory} memory. See the Amazon ECS documentation for the valid values.`,
        );
    }
    const containers = input.containerDefinitions!;
    const containerCpu = containers.reduce((sum, container) => sum + (container.cpu ?? 0), 0);
    const containerMemory = containers.reduce(
        (sum, { memoryReservation, memory: limit = 0 }) => sum + (memoryReservation ?? limit),
        0,
    );
    if (containerCpu > cpu || containerMemory > memory) {
        throw clientError(
            `The containers ask for ${containerCpu} CPU and ${containerMemory} MiB of memory together, the task has ${cpu} CPU and ${memory} MiB.`,
        );
    }
    if (
        !input.executionRoleArn &&
        containers.some(({ logConfiguration }) => logConfiguration?.logDriver === "awslogs")
    ) {
        throw clientError("Fargate requires task definition to have execution role ARN to support log driver awslogs.");
    }
}
