import type {
    Cluster,
    ClusterConfiguration,
    RegisterTaskDefinitionCommandInput,
    UpdateServiceCommandInput,
} from "@aws-sdk/client-ecs";
import { whyNoImage } from "../../tasks/images/images";
import type { ClusterArgs, ClusterState } from "@pulumi/aws/ecs/cluster";
import type {
    ClusterCapacityProvidersArgs,
    ClusterCapacityProvidersState,
} from "@pulumi/aws/ecs/clusterCapacityProviders";
import type { ServiceArgs, ServiceState } from "@pulumi/aws/ecs/service";
import type { TaskDefinitionArgs, TaskDefinitionState } from "@pulumi/aws/ecs/taskDefinition";
import { areEquivalent } from "./containerDefinitions";
import { adapter, type Adapters, changeTags, fields, Gone, type Inputs, service, tagsAll } from "../resources/adapter";
import type { Aws } from "../resources/sdk";

const gone = ["ClusterNotFoundException", "ServiceNotFoundException", "ServiceNotActiveException"];

export const ecs: Adapters = service("ECS", {
    "ecs/cluster:Cluster": adapter<ClusterArgs, ClusterState>({
        taggable: true,
        autoName: { property: "name", maxLength: 255 },
        replaceOn: ["name"],
        gone,
        async create(aws, inputs) {
            const { cluster } = await aws.ecs.createCluster({
                clusterName: inputs.name,
                settings: inputs.settings as CreateSettings,
                configuration: inputs.configuration as ClusterConfiguration,
                serviceConnectDefaults: inputs.serviceConnectDefaults,
                tags: tagList(inputs.tagsAll),
            });
            return { id: cluster!.clusterArn!, arn: cluster?.clusterArn };
        },
        async update(aws, change) {
            await aws.ecs.updateCluster({
                cluster: change.id,
                settings: change.inputs.settings as CreateSettings,
                configuration: change.inputs.configuration as ClusterConfiguration,
                serviceConnectDefaults: change.inputs.serviceConnectDefaults,
            });
            await changeEcsTags(aws, change.id, change);
        },
        delete: (aws, { id }) => aws.ecs.deleteCluster({ cluster: id }),
        async read(aws, { id }) {
            const cluster = await describeCluster(aws, id);
            const { settings, configuration, serviceConnectDefaults, tags } = cluster;
            return { settings, configuration, serviceConnectDefaults, ...tagsAll(tags) };
        },
    }),
    "ecs/clusterCapacityProviders:ClusterCapacityProviders": adapter<
        ClusterCapacityProvidersArgs,
        ClusterCapacityProvidersState
    >({
        replaceOn: ["clusterName"],
        gone,
        async create(aws, inputs) {
            await putCapacityProviders(aws, inputs.clusterName, inputs);
            return { id: inputs.clusterName };
        },
        update: (aws, { id, inputs }) => putCapacityProviders(aws, id, inputs),
        delete: (aws, { id }) => putCapacityProviders(aws, id, {}),
        async read(aws, { id }) {
            const { capacityProviders, defaultCapacityProviderStrategy } = await describeCluster(aws, id);
            return { capacityProviders, defaultCapacityProviderStrategies: defaultCapacityProviderStrategy };
        },
    }),
    "ecs/taskDefinition:TaskDefinition": adapter<TaskDefinitionArgs, TaskDefinitionState>({
        taggable: true,
        defaults: { skipDestroy: false, trackLatest: false },
        // A revision cannot be changed: everything but its tags makes a new one.
        replaceOn: [
            "containerDefinitions",
            "cpu",
            "enableFaultInjection",
            "ephemeralStorage",
            "executionRoleArn",
            "family",
            "ipcMode",
            "memory",
            "networkMode",
            "pidMode",
            "placementConstraints",
            "proxyConfiguration",
            "requiresCompatibilities",
            "runtimePlatform",
            "taskRoleArn",
            "volumes",
        ],
        judge: ({ containerDefinitions }) => unknownImages(containerDefinitions),
        isSame: {
            containerDefinitions: (read, sent, { networkMode }) => areEquivalent(read, sent, networkMode === "awsvpc"),
        },
        async create(aws, inputs) {
            const { taskDefinition } = await aws.ecs.registerTaskDefinition({
                ...taskDefinitionOf(inputs),
                tags: tagList(inputs.tagsAll),
            });
            const arn = taskDefinition!.taskDefinitionArn!;
            return {
                id: inputs.family,
                arn,
                arnWithoutRevision: arn.slice(0, arn.lastIndexOf(":")),
                revision: taskDefinition?.revision,
                containerDefinitions: JSON.stringify(taskDefinition?.containerDefinitions),
            };
        },
        async update(aws, change) {
            await changeEcsTags(aws, change.outputs.arn, change);
            return storedDefinition(aws, change.outputs.arn);
        },
        delete: async (aws, { inputs, outputs }) =>
            inputs.skipDestroy || aws.ecs.deregisterTaskDefinition({ taskDefinition: outputs.arn }),
        async read(aws, { outputs }) {
            const { tags } = await aws.ecs.listTagsForResource({ resourceArn: outputs.arn });
            return { ...(await storedDefinition(aws, outputs.arn)), ...tagsAll(tags) };
        },
    }),
    "ecs/service:Service": adapter<ServiceArgs, ServiceState>({
        taggable: true,
        autoName: { property: "name", maxLength: 255 },
        defaults: {
            deploymentMaximumPercent: 200,
            deploymentMinimumHealthyPercent: 100,
            enableEcsManagedTags: false,
            enableExecuteCommand: false,
            schedulingStrategy: "REPLICA",
            waitForSteadyState: false,
        },
        replaceOn: ["name", "cluster", "launchType", "schedulingStrategy", "iamRole"],
        gone,
        async create(aws, inputs) {
            const { service: created } = await aws.ecs.createService({
                ...serviceSettings(inputs),
                serviceName: inputs.name,
                cluster: inputs.cluster,
                launchType: inputs.launchType as "FARGATE" | undefined,
                schedulingStrategy: inputs.schedulingStrategy as "REPLICA",
                desiredCount: inputs.desiredCount ?? 0,
                tags: tagList(inputs.tagsAll),
            });
            const arn = created!.serviceArn!;
            await waitUntilSteady(aws, inputs);
            return { id: arn, arn, cluster: created?.clusterArn };
        },
        async update(aws, change) {
            const { inputs, old } = change;
            await aws.ecs.updateService({
                ...serviceSettings(inputs),
                service: change.id,
                cluster: inputs.cluster,
                // Who leaves the count open, leaves it to autoscaling.
                desiredCount: inputs.desiredCount === old.desiredCount ? undefined : inputs.desiredCount,
                forceNewDeployment: inputs.forceNewDeployment,
            });
            await changeEcsTags(aws, change.id, change);
            await waitUntilSteady(aws, inputs);
        },
        async delete(aws, { id, inputs }) {
            const { waitUntilServicesInactive } = await import("@aws-sdk/client-ecs");
            const { cluster } = inputs;
            await aws.ecs.updateService({ service: id, cluster, desiredCount: 0 });
            await aws.ecs.deleteService({ service: id, cluster, force: inputs.forceDelete });
            await waitUntilServicesInactive({ client: aws.ecs, ...patience }, { services: [id], cluster });
        },
        async read(aws, { id, inputs }) {
            const { services = [] } = await aws.ecs.describeServices({
                ...{ services: [id], cluster: inputs.cluster, include: ["TAGS"] },
            });
            expectActive(services[0]?.status);
            const found = services[0];
            const deployment = found.deploymentConfiguration;
            const network = found.networkConfiguration?.awsvpcConfiguration;
            return {
                ...fields(
                    found,
                    "availabilityZoneRebalancing",
                    "desiredCount",
                    "enableExecuteCommand",
                    "loadBalancers",
                ),
                ...fields(found, "healthCheckGracePeriodSeconds", "platformVersion", "propagateTags"),
                taskDefinition: isArn(inputs.taskDefinition) ? found.taskDefinition : inputs.taskDefinition,
                deploymentMaximumPercent: deployment?.maximumPercent,
                deploymentMinimumHealthyPercent: deployment?.minimumHealthyPercent,
                deploymentCircuitBreaker: deployment?.deploymentCircuitBreaker,
                enableEcsManagedTags: found.enableECSManagedTags,
                capacityProviderStrategies: found.capacityProviderStrategy,
                networkConfiguration: network && { ...network, assignPublicIp: network.assignPublicIp === "ENABLED" },
                serviceRegistries: found.serviceRegistries?.[0],
                ...tagsAll(found.tags),
            };
        },
    }),
});

type CreateSettings = { name: "containerInsights"; value: string }[] | undefined;

/** In seconds. The first look is at once. */
const patience = { minDelay: 0.2, maxDelay: 2, maxWaitTime: 600 };

function tagList(tags: Readonly<Record<string, string>> = {}): { key: string; value: string }[] {
    return Object.entries(tags).map(([key, value]) => ({ key, value }));
}

function changeEcsTags(aws: Aws, resourceArn: string | undefined, change: Parameters<typeof changeTags>[0]) {
    return changeTags(
        change,
        (tags) => aws.ecs.tagResource({ resourceArn, tags: tagList(tags) }),
        (tagKeys) => aws.ecs.untagResource({ resourceArn, tagKeys }),
    );
}

async function describeCluster(aws: Aws, id: string): Promise<Cluster> {
    const { clusters = [] } = await aws.ecs.describeClusters({
        ...{ clusters: [id], include: ["CONFIGURATIONS", "SETTINGS", "TAGS"] },
    });
    expectActive(clusters[0]?.status);
    return clusters[0];
}

function isArn(text = ""): boolean {
    return text.startsWith("arn:");
}

function expectActive(status: string | undefined): void {
    if (status === undefined || status === "INACTIVE") {
        throw new Gone();
    }
}

/** What ECS has made of the container definitions it was sent. */
async function storedDefinition(aws: Aws, arn: string | undefined): Promise<{ containerDefinitions: string }> {
    const { taskDefinition } = await aws.ecs.describeTaskDefinition({ taskDefinition: arn });
    expectActive(taskDefinition?.status);
    return { containerDefinitions: JSON.stringify(taskDefinition?.containerDefinitions) };
}

async function putCapacityProviders(
    aws: Aws,
    cluster: string,
    inputs: Partial<Inputs<ClusterCapacityProvidersArgs>>,
): Promise<void> {
    await aws.ecs.putClusterCapacityProviders({
        cluster,
        capacityProviders: inputs.capacityProviders ?? [],
        defaultCapacityProviderStrategy: inputs.defaultCapacityProviderStrategies ?? [],
    });
}

function taskDefinitionOf(inputs: Inputs<TaskDefinitionArgs>): RegisterTaskDefinitionCommandInput {
    return {
        family: inputs.family,
        containerDefinitions: JSON.parse(
            inputs.containerDefinitions,
        ) as RegisterTaskDefinitionCommandInput["containerDefinitions"],
        cpu: inputs.cpu,
        memory: inputs.memory,
        networkMode: inputs.networkMode as "awsvpc",
        requiresCompatibilities: inputs.requiresCompatibilities as ["FARGATE"],
        executionRoleArn: inputs.executionRoleArn,
        taskRoleArn: inputs.taskRoleArn,
        ephemeralStorage: inputs.ephemeralStorage && { sizeInGiB: inputs.ephemeralStorage.sizeInGib },
        runtimePlatform: inputs.runtimePlatform as RegisterTaskDefinitionCommandInput["runtimePlatform"],
        pidMode: inputs.pidMode as "task" | undefined,
        ipcMode: inputs.ipcMode as "task" | undefined,
        enableFaultInjection: inputs.enableFaultInjection,
        volumes: inputs.volumes?.map(({ name, hostPath, configureAtLaunch, efsVolumeConfiguration }) => ({
            name,
            configuredAtLaunch: configureAtLaunch,
            host: hostPath === undefined ? undefined : { sourcePath: hostPath },
            efsVolumeConfiguration: efsVolumeConfiguration as NonNullable<
                RegisterTaskDefinitionCommandInput["volumes"]
            >[number]["efsVolumeConfiguration"],
        })),
    };
}

function serviceSettings(inputs: Inputs<ServiceArgs>): Omit<UpdateServiceCommandInput, "service"> {
    const network = inputs.networkConfiguration;
    return {
        taskDefinition: inputs.taskDefinition,
        platformVersion: inputs.platformVersion,
        capacityProviderStrategy: inputs.capacityProviderStrategies,
        enableECSManagedTags: inputs.enableEcsManagedTags,
        enableExecuteCommand: inputs.enableExecuteCommand,
        propagateTags: inputs.propagateTags as "SERVICE" | undefined,
        healthCheckGracePeriodSeconds: inputs.healthCheckGracePeriodSeconds,
        availabilityZoneRebalancing: inputs.availabilityZoneRebalancing as "ENABLED" | undefined,
        loadBalancers: inputs.loadBalancers?.map(({ elbName, containerName, containerPort, targetGroupArn }) => ({
            loadBalancerName: elbName,
            containerName,
            containerPort,
            targetGroupArn,
        })),
        serviceRegistries: inputs.serviceRegistries && [inputs.serviceRegistries],
        serviceConnectConfiguration: serviceConnectOf(inputs.serviceConnectConfiguration),
        deploymentConfiguration: {
            maximumPercent: inputs.deploymentMaximumPercent,
            minimumHealthyPercent: inputs.deploymentMinimumHealthyPercent,
            deploymentCircuitBreaker: inputs.deploymentCircuitBreaker,
            alarms: inputs.alarms,
        },
        networkConfiguration: network && {
            awsvpcConfiguration: {
                subnets: network.subnets,
                securityGroups: network.securityGroups,
                assignPublicIp: network.assignPublicIp ? "ENABLED" : "DISABLED",
            },
        },
    };
}

function serviceConnectOf(
    inputs: Inputs<ServiceArgs>["serviceConnectConfiguration"],
): UpdateServiceCommandInput["serviceConnectConfiguration"] {
    return (
        inputs && {
            enabled: inputs.enabled,
            namespace: inputs.namespace,
            logConfiguration: inputs.logConfiguration && {
                ...inputs.logConfiguration,
                logDriver: inputs.logConfiguration.logDriver as "awslogs",
            },
            services: inputs.services?.map(
                ({ clientAlias = [], portName, discoveryName, timeout, ingressPortOverride }) => ({
                    ...{ portName, discoveryName, ingressPortOverride, timeout },
                    clientAliases: clientAlias.map(({ port, dnsName }) => ({ port, dnsName })),
                }),
            ),
        }
    );
}

async function waitUntilSteady(aws: Aws, inputs: Inputs<ServiceArgs>): Promise<void> {
    if (inputs.waitForSteadyState) {
        const { waitUntilServicesStable } = await import("@aws-sdk/client-ecs");
        await waitUntilServicesStable(
            { client: aws.ecs, ...patience },
            { services: [inputs.name!], cluster: inputs.cluster },
        );
    }
}

/** Images that nothing stands for here: a task with one could only stop. */
function unknownImages(definitions: string | undefined): { property: string; reason: string }[] {
    const containers = JSON.parse(definitions ?? "[]") as { readonly name: string; readonly image?: string }[];
    return containers.flatMap(({ name, image }) => {
        const reason = image === undefined ? undefined : whyNoImage(name, image);
        return reason === undefined ? [] : [{ property: "containerDefinitions", reason }];
    });
}
