// What becomes of container definitions on their way: what ECS stores of them, and what the provider calls the same.
import type { ContainerDefinition } from "@aws-sdk/client-ecs";

/**
 * Container definitions as ECS stores and gives them: with its defaults, and lists that were left out as empty ones
 * (https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html; capabilities and
 * startPeriod as reported in pulumi-aws#4576 and #1985).
 */
export function asStored({ healthCheck, linuxParameters, ...container }: ContainerDefinition): ContainerDefinition {
    return {
        ...container,
        cpu: container.cpu ?? 0,
        essential: container.essential ?? true,
        environment: container.environment ?? [],
        mountPoints: container.mountPoints ?? [],
        volumesFrom: container.volumesFrom ?? [],
        portMappings: (container.portMappings ?? []).map((mapping) => ({
            ...mapping,
            hostPort: mapping.hostPort ?? mapping.containerPort,
            protocol: mapping.protocol ?? "tcp",
        })),
        systemControls: container.systemControls ?? [],
        ...(healthCheck && {
            healthCheck: {
                command: healthCheck.command,
                interval: healthCheck.interval ?? 30,
                timeout: healthCheck.timeout ?? 5,
                retries: healthCheck.retries ?? 3,
                ...(healthCheck.startPeriod && { startPeriod: healthCheck.startPeriod }),
            },
        }),
        ...(linuxParameters && {
            linuxParameters: {
                ...linuxParameters,
                ...(linuxParameters.capabilities && {
                    capabilities: {
                        add: linuxParameters.capabilities.add ?? [],
                        drop: linuxParameters.capabilities.drop ?? [],
                    },
                }),
            },
        }),
    };
}

/**
 * Whether the provider takes two texts of container definitions for the same
 * (terraform-provider-aws, internal/service/ecs/task_definition_equivalency.go). What it takes for another one
 * replaces the task definition.
 */
export function areEquivalent(one: string, other: string, isAwsvpc: boolean): boolean {
    return reduced(one, isAwsvpc) === reduced(other, isAwsvpc);
}

type Tree = Record<string, unknown>;

function reduced(text: string, isAwsvpc: boolean): string {
    const containers = JSON.parse(text) as ContainerDefinition[];
    return JSON.stringify(byName(containers).map((container) => sorted(reduce(container, isAwsvpc))));
}

function reduce(container: ContainerDefinition, isAwsvpc: boolean): Tree {
    const { environment, secrets, portMappings, healthCheck, cpu, essential = true } = container;
    const filled: Tree = {
        ...container,
        essential,
        cpu: cpu === 0 ? undefined : cpu,
        environment: environment && byName(environment),
        secrets: secrets && byName(secrets),
        portMappings: portMappings?.map(({ protocol, hostPort, ...mapping }) => ({
            ...mapping,
            protocol: protocol === "tcp" ? undefined : protocol,
            hostPort: isAwsvpc ? (hostPort ?? mapping.containerPort) : hostPort === 0 ? undefined : hostPort,
        })),
        healthCheck: healthCheck && { interval: 30, retries: 3, timeout: 5, ...withoutEmpty(healthCheck) },
    };
    const lists = Object.entries(filled).map(([key, value]) => [
        key,
        Array.isArray(value) ? value.filter((item) => !isWithoutValue(item)) : value,
    ]);
    return Object.fromEntries(lists.filter(([, value]) => !(Array.isArray(value) && value.length === 0))) as Tree;
}

function isWithoutValue(item: unknown): boolean {
    return (
        item === null ||
        (typeof item === "object" && Object.values(item).every((value) => value === undefined || value === null))
    );
}

function byName<T extends { readonly name?: string }>(list: readonly T[]): T[] {
    return [...list].sort(({ name: one = "" }, { name: other = "" }) => (one < other ? -1 : one > other ? 1 : 0));
}

function withoutEmpty(tree: object): Tree {
    return Object.fromEntries(Object.entries(tree).filter(([, value]) => value !== undefined && value !== null));
}

/** With keys in one order and without what is null, all the way down: as a decoded structure. */
function sorted(value: unknown): unknown {
    if (Array.isArray(value)) {
        return value.map(sorted);
    }
    if (typeof value !== "object" || value === null) {
        return value;
    }
    const entries = Object.entries(withoutEmpty(value)).sort(([one], [other]) => (one < other ? -1 : 1));
    return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
