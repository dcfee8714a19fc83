// ECS Service Connect: what a service is told of it, and which tasks answer at a name.
import type { Service, ServiceConnectConfiguration, Task, TaskDefinition } from "@aws-sdk/client-ecs";

import type { CalledName } from "../../tasks/connectProxy";
import { isSound, tasksOf } from "./serviceScheduler";
import { findCluster, invalid } from "./state";
import type { EcsState } from "./state";
import { findTaskDefinition } from "./taskDefinitions";

/** The namespaces that a request names. */
export function namespacesIn({
    serviceConnectConfiguration,
    serviceConnectDefaults,
}: {
    readonly serviceConnectConfiguration?: ServiceConnectConfiguration;
    readonly serviceConnectDefaults?: { readonly namespace?: string };
}): string[] {
    return [serviceConnectConfiguration?.namespace, serviceConnectDefaults?.namespace].filter(
        (namespace) => namespace !== undefined,
    );
}

/**
 * By docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceConnectService.html.
 * @throws AwsError as ECS does
 */
export function checkServiceConnect(
    state: EcsState,
    service: Service,
    definition: TaskDefinition,
    connection: ServiceConnectConfiguration | undefined,
): void {
    if (!connection?.enabled) {
        return;
    }
    const namespace = namespaceOf(state, service, connection);
    const taken = connected(state, namespace)
        .filter((other) => other.service.serviceArn !== service.serviceArn)
        .map(({ discoveryName }) => discoveryName);
    for (const { portName, discoveryName = portName, clientAliases = [] } of connection.services ?? []) {
        if (mappingOf(definition, portName) === undefined) {
            throw invalid(`portName(${portName}) does not refer to any named PortMapping in the task definition.`);
        }
        if (clientAliases.length > 1) {
            throw invalid("Only one client alias can be specified for each Service Connect service.");
        }
        if (taken.includes(discoveryName)) {
            throw invalid(`discoveryName(${discoveryName}) is already used in the namespace.`);
        }
    }
}

/** What the tasks of a new deployment can call: the names of the other services that are there now. */
export function namesFor(state: EcsState, service: Service, connection: ServiceConnectConfiguration): CalledName[] {
    return connected(state, namespaceOf(state, service, connection))
        .filter((other) => other.service.serviceArn !== service.serviceArn)
        .flatMap(({ service: called, portName, clientAliases = [], timeout }) =>
            clientAliases.flatMap(({ dnsName, port }) => {
                const definition = findTaskDefinition(state, called.taskDefinition!)!;
                return dnsName === undefined
                    ? []
                    : {
                          name: dnsName,
                          port: port!,
                          protocol: mappingOf(definition, portName)?.appProtocol,
                          timeoutSeconds: timeout?.perRequestTimeoutSeconds ?? 15,
                          endpoints: () => endpointsOf(state, called, portName),
                      };
            }),
        );
}

function namespaceOf(state: EcsState, service: Service, { namespace }: ServiceConnectConfiguration): string {
    const found = namespace ?? findCluster(state, service.clusterArn).serviceConnectDefaults?.namespace;
    if (found === undefined) {
        throw invalid("A namespace is required: neither the service nor its cluster has one.");
    }
    return found;
}

/** What can be called in a namespace, and the services that it belongs to. */
function connected(state: EcsState, namespace: string) {
    return [...state.services.values()].flatMap((service) => {
        const connection = service.deployments?.[0]?.serviceConnectConfiguration;
        return service.status === "ACTIVE" &&
            connection?.enabled &&
            namespaceOf(state, service, connection) === namespace
            ? (connection.services ?? []).map((one) => ({ discoveryName: one.portName, ...one, service }))
            : [];
    });
}

function mappingOf(definition: TaskDefinition, portName: string | undefined) {
    return definition
        .containerDefinitions!.flatMap(({ portMappings = [] }) => portMappings)
        .find(({ name }) => name === portName);
}

/** The tasks that are healthy, each at the port that its own definition gives the name. */
function endpointsOf(
    state: EcsState,
    service: Service,
    portName: string | undefined,
): ReturnType<CalledName["endpoints"]> {
    return tasksOf(state, service)
        .filter(({ task }) => isSound(state, task))
        .flatMap(({ task }) => {
            const address = addressOf(task);
            const port = mappingOf(findTaskDefinition(state, task.taskDefinitionArn!)!, portName)?.containerPort;
            return address === undefined || port === undefined ? [] : [{ address, port }];
        });
}

function addressOf({ attachments = [] }: Task): string | undefined {
    return attachments.flatMap(({ details = [] }) => details).find(({ name }) => name === "privateIPv4Address")?.value;
}
