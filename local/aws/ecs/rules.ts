import type {
    ContainerDefinition,
    CreateClusterRequest,
    RegisterTaskDefinitionRequest,
    RunTaskRequest,
    StopTaskRequest,
} from "@aws-sdk/client-ecs";

import type { Rule, Rules } from "../models/rule";
import { cpuUnits, fargateSizes, memoryMiB } from "./sizes";

const reference = "https://docs.aws.amazon.com/AmazonECS/latest/APIReference";
const guide = "https://docs.aws.amazon.com/AmazonECS/latest/developerguide";

function ofDefinition(page: string, fault: (input: RegisterTaskDefinitionRequest) => string | undefined): Rule {
    return { source: page, code: "ClientException", fault };
}

/** For each container of a task definition. */
function ofContainers(
    page: string,
    fault: (container: ContainerDefinition, input: RegisterTaskDefinitionRequest) => string | undefined,
): Rule {
    return ofDefinition(page, (input) =>
        (input.containerDefinitions ?? [])
            .map((container) => fault(container, input))
            .find((text) => text !== undefined),
    );
}

function onFargate(page: string, fault: (input: RegisterTaskDefinitionRequest) => string | undefined): Rule {
    return ofDefinition(page, (input) =>
        input.requiresCompatibilities?.includes("FARGATE") ? fault(input) : undefined,
    );
}

/** A number of a container, and between what it lies. */
function inRange(
    page: string,
    what: string,
    [least, most]: readonly [number, number],
    valueOf: (container: ContainerDefinition) => number | undefined,
): Rule {
    return ofContainers(page, (container) => {
        const value = valueOf(container);
        return value !== undefined && (value < least || value > most)
            ? `${what} of container '${container.name}' is ${value}: it must be between ${least} and ${most}.`
            : undefined;
    });
}

const definition = `${reference}/API_RegisterTaskDefinition.html`;
const container = `${reference}/API_ContainerDefinition.html`;
const healthCheck = `${reference}/API_HealthCheck.html`;
const fargate = `${guide}/fargate-tasks-services.html`;

const taskDefinitionRules: readonly Rule[] = [
    ofDefinition(definition, ({ family = "" }) =>
        /^[a-zA-Z0-9_-]{1,255}$/.test(family)
            ? undefined
            : "Invalid family name. Up to 255 letters (uppercase and lowercase), numbers, hyphens, and underscores are allowed.",
    ),
    ofDefinition(`${guide}/service-quotas.html`, (input) => {
        const length = Buffer.byteLength(JSON.stringify(input));
        return length > 65_536 ? `Actual length: '${length}'. Max allowed length is '65536' bytes.` : undefined;
    }),
    ofDefinition(definition, ({ containerDefinitions = [] }) =>
        containerDefinitions.length === 0 ? "Container list cannot be empty." : undefined,
    ),
    ofDefinition(container, ({ containerDefinitions = [] }) =>
        containerDefinitions.some(({ essential }) => essential !== false)
            ? undefined
            : "At least one container in the task definition must be essential.",
    ),
    ofDefinition(container, ({ containerDefinitions = [] }) => {
        const names = containerDefinitions.map(({ name }) => name);
        const twice = names.find((name, i) => names.indexOf(name) !== i);
        return twice === undefined ? undefined : `Duplicate container name '${twice}'.`;
    }),
    ofContainers(container, ({ name, image }) =>
        name && /^[a-zA-Z0-9_-]{1,255}$/.test(name) && image
            ? undefined
            : `Container.name and Container.image must be given; the name is '${name}', the image '${image}'.`,
    ),
    ofContainers(`${reference}/API_PortMapping.html`, ({ portMappings = [] }, { networkMode }) =>
        networkMode === "awsvpc" &&
        portMappings.some(({ containerPort, hostPort }) => hostPort && hostPort !== containerPort)
            ? "When networkMode=awsvpc, the host ports and container ports in port mappings must match."
            : undefined,
    ),
    ofContainers(`${reference}/API_Secret.html`, ({ secrets = [] }, { executionRoleArn }) =>
        secrets.length > 0 && !executionRoleArn
            ? "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'."
            : undefined,
    ),
    ofContainers(`${guide}/secrets-envvar-secrets-manager.html`, ({ secrets = [], environment = [] }) => {
        const shared = secrets.find((secret) => environment.some((variable) => variable.name === secret.name));
        return shared === undefined
            ? undefined
            : `The secret name must be unique and not shared with any new or existing environment variables set on the container, such as '${shared.name}'.`;
    }),
    ofContainers(`${reference}/API_MountPoint.html`, ({ mountPoints = [] }, { volumes = [] }) => {
        const unknown = mountPoints.find(({ sourceVolume }) => !volumes.some(({ name }) => name === sourceVolume));
        return unknown === undefined ? undefined : `Unknown volume '${unknown.sourceVolume}'.`;
    }),
    inRange(container, "stopTimeout", [0, 120], ({ stopTimeout }) => stopTimeout),
    inRange(healthCheck, "healthCheck.interval", [5, 300], ({ healthCheck: check }) => check?.interval),
    inRange(healthCheck, "healthCheck.timeout", [2, 60], ({ healthCheck: check }) => check?.timeout),
    inRange(healthCheck, "healthCheck.retries", [1, 10], ({ healthCheck: check }) => check?.retries),
    inRange(healthCheck, "healthCheck.startPeriod", [0, 300], ({ healthCheck: check }) => check?.startPeriod),
    ofDefinition(`${reference}/API_ContainerDependency.html`, ({ containerDefinitions = [] }) =>
        dependencyFault(containerDefinitions),
    ),
    onFargate(fargate, ({ networkMode }) =>
        networkMode === "awsvpc" ? undefined : "Fargate only supports network mode ‘awsvpc’.",
    ),
    onFargate(fargate, ({ cpu, memory }) =>
        cpu === undefined || memory === undefined
            ? `Fargate requires that '${cpu === undefined ? "cpu" : "memory"}' be defined at the task level.`
            : undefined,
    ),
    onFargate(`${guide}/task_definition_parameters.html`, ({ cpu = "", memory = "" }) =>
        fargateSizes[cpuUnits(cpu)]?.includes(memoryMiB(memory))
            ? undefined
            : `No Fargate configuration exists for given values: ${cpuUnits(cpu)} CPU, ${memoryMiB(memory)} memory. ` +
              "See the Amazon ECS documentation for the valid values.",
    ),
    onFargate(container, ({ cpu = "", memory = "", containerDefinitions = [] }) => {
        const asked = {
            cpu: containerDefinitions.reduce((sum, { cpu: own = 0 }) => sum + own, 0),
            memory: containerDefinitions.reduce(
                (sum, { memoryReservation, memory: limit = 0 }) => sum + (memoryReservation ?? limit),
                0,
            ),
        };
        return asked.cpu > cpuUnits(cpu) || asked.memory > memoryMiB(memory)
            ? `The containers ask for ${asked.cpu} CPU and ${asked.memory} MiB of memory together, the task has ${cpuUnits(cpu)} CPU and ${memoryMiB(memory)} MiB.`
            : undefined;
    }),
    onFargate(`${guide}/using_awslogs.html`, ({ executionRoleArn, containerDefinitions = [] }) =>
        !executionRoleArn && containerDefinitions.some(({ logConfiguration: log }) => log?.logDriver === "awslogs")
            ? "Fargate requires task definition to have execution role ARN to support log driver awslogs."
            : undefined,
    ),
];

/** What cannot be kept of the order in which containers wait for one another. */
function dependencyFault(containers: readonly ContainerDefinition[]): string | undefined {
    const byName = new Map(containers.map((each) => [each.name, each]));
    const finished = new Set<ContainerDefinition>();

    function visit(each: ContainerDefinition, path: readonly ContainerDefinition[]): string | undefined {
        if (path.includes(each)) {
            return `Task definition contains a dependency cycle: ${[...path, each].map(({ name }) => name).join(" -> ")}.`;
        }
        if (finished.has(each)) {
            return undefined;
        }
        for (const { containerName, condition } of each.dependsOn ?? []) {
            const dependency = byName.get(containerName);
            if (!dependency) {
                return `Container '${each.name}' depends on '${containerName}', which does not exist.`;
            }
            if (condition === "HEALTHY" && !dependency.healthCheck) {
                return `Container '${each.name}' depends on '${containerName}' being HEALTHY, which has no health check.`;
            }
            if ((condition === "SUCCESS" || condition === "COMPLETE") && dependency.essential !== false) {
                return `A container with the dependency condition ${condition} cannot be essential: '${containerName}'.`;
            }
            const fault = visit(dependency, [...path, each]);
            if (fault !== undefined) {
                return fault;
            }
        }
        finished.add(each);
        return undefined;
    }

    return containers.map((each) => visit(each, [])).find((fault) => fault !== undefined);
}

function refused<Request>(page: string, fault: (input: Request) => string | undefined): Rule {
    return { source: `${reference}/${page}.html`, code: "InvalidParameterException", fault };
}

export const ecsRules: Rules = {
    RegisterTaskDefinition: taskDefinitionRules,
    CreateCluster: [
        refused("API_CreateCluster", ({ clusterName = "default" }: CreateClusterRequest) =>
            /^[a-zA-Z0-9_-]{1,255}$/.test(clusterName)
                ? undefined
                : `Invalid cluster name "${clusterName}": letters, digits, hyphens and underscores, at most 255.`,
        ),
    ],
    RunTask: [
        refused("API_RunTask", ({ count = 1 }: RunTaskRequest) =>
            count < 1 || count > 10 ? `count is ${count}: RunTask starts between 1 and 10 tasks.` : undefined,
        ),
        refused("API_RunTask", ({ startedBy = "" }: RunTaskRequest) =>
            startedBy.length > 128
                ? `startedBy has ${startedBy.length} characters: at most 128 are allowed.`
                : undefined,
        ),
        refused("API_AwsVpcConfiguration", ({ networkConfiguration }: RunTaskRequest) => {
            const { subnets, securityGroups = [] } = networkConfiguration?.awsvpcConfiguration ?? {};
            return subnets && (subnets.length < 1 || subnets.length > 16)
                ? subnets.length === 0
                    ? "subnets can not be empty."
                    : "subnets can have at most 16 items."
                : securityGroups.length > 5
                  ? "securityGroups can have at most 5 items."
                  : undefined;
        }),
    ],
    StopTask: [
        refused("API_StopTask", ({ reason = "" }: StopTaskRequest) =>
            reason.length > 1024 ? `reason has ${reason.length} characters: at most 1024 are allowed.` : undefined,
        ),
    ],
};
