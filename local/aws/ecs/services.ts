import { randomInt } from "node:crypto";

import type {
    CreateServiceCommandInput,
    DeleteServiceCommandInput,
    Deployment,
    DescribeServicesCommandInput,
    ListServicesCommandInput,
    Service,
    ServiceConnectConfiguration,
    Task,
    UpdateServiceCommandInput,
} from "@aws-sdk/client-ecs";

import { omit } from "../../machine/omit";
import type { LoadBalancing } from "../elb/loadBalancing";
import { AwsError } from "../gateway/overlay";
import { checkServiceConnect, namesFor } from "./serviceConnect";
import { ServiceScheduler, tasksOf } from "./serviceScheduler";
import { checkLoadBalancers } from "./serviceTargets";
import { arn, findCluster, invalid, lastPart, missing, page } from "./state";
import type { EcsState, Operation } from "./state";
import { capacityOf, findActiveDefinition } from "./tasks";

/** What the API says and takes of services; the scheduler sees to the rest. */
export function serviceOperations(
    scheduler: ServiceScheduler,
    loadBalancing: LoadBalancing,
): Readonly<Record<string, Operation>> {
    return {
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
                ...omit(input, "tags", "clientToken", "cluster", "serviceConnectConfiguration"),
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
            checkLoadBalancers(loadBalancing, state.scope, definition, input.loadBalancers);
            const { serviceConnectConfiguration: connection } = input;
            checkServiceConnect(state, service, definition, connection);
            deploy(state, service, connection);
            state.services.set(serviceArn, service);
            state.tags.set(serviceArn, input.tags ?? []);
            scheduler.reconcile(state, service);
            return { service: shown(state, service) };
        },

        UpdateService(state, input: UpdateServiceCommandInput) {
            const service = findService(state, input.cluster, input.service!);
            if (service.status !== "ACTIVE") {
                throw new AwsError("ServiceNotActiveException", "Service was not ACTIVE.");
            }
            const { forceNewDeployment, taskDefinition } = input;
            const [{ serviceConnectConfiguration: connectedSoFar }] = service.deployments!;
            const { serviceConnectConfiguration: connection = connectedSoFar } = input;
            const before = deployed(service, connectedSoFar);
            const definition = findActiveDefinition(state, taskDefinition ?? service.taskDefinition!);
            checkServiceConnect(state, service, definition, connection);
            Object.assign(
                service,
                omit(
                    input,
                    ...(["cluster", "service", "forceNewDeployment", "taskDefinition"] as const),
                    "serviceConnectConfiguration",
                ),
            );
            if (taskDefinition !== undefined) {
                service.taskDefinition = definition.taskDefinitionArn;
            }
            if (forceNewDeployment || deployed(service, connection) !== before) {
                deploy(state, service, connection);
            }
            service.deployments![0].desiredCount = service.desiredCount;
            scheduler.reconcile(state, service);
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
            scheduler.reconcile(state, service);
            return { service: shown(state, service) };
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

/** What a change of makes a new deployment. */
function deployed(
    { taskDefinition, networkConfiguration, capacityProviderStrategy, platformVersion, loadBalancers }: Service,
    connection: ServiceConnectConfiguration | undefined,
) {
    return JSON.stringify([
        taskDefinition,
        networkConfiguration,
        capacityProviderStrategy,
        platformVersion,
        loadBalancers,
        connection,
    ]);
}

function deploy(state: EcsState, service: Service, connection: ServiceConnectConfiguration | undefined): void {
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
        serviceConnectConfiguration: connection,
        rolloutState: "IN_PROGRESS",
        rolloutStateReason: "ECS deployment in progress.",
    };
    if (connection?.enabled) {
        state.calledNames.set(deployment.id!, namesFor(state, service, connection));
    }
    service.deployments = [
        deployment,
        ...(service.deployments ?? []).map((before) => ({ ...before, status: "ACTIVE", desiredCount: 0 })),
    ];
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
