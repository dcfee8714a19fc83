import type {
    Cluster,
    CreateClusterCommandInput,
    DeleteClusterCommandInput,
    DescribeCapacityProvidersCommandInput,
    DescribeClustersCommandInput,
    ListClustersCommandInput,
    PutClusterCapacityProvidersCommandInput,
    UpdateClusterCommandInput,
} from "@aws-sdk/client-ecs";

import { AwsError } from "../gateway/overlay";
import { arn, findCluster, invalid, lastPart, missing, page } from "./state";
import type { EcsState, Operation } from "./state";

const fargateProviders = ["FARGATE", "FARGATE_SPOT"];

export const clusterOperations: Readonly<Record<string, Operation>> = {
    CreateCluster(state, input: CreateClusterCommandInput) {
        const { clusterName = "default", capacityProviders = [], defaultCapacityProviderStrategy = [] } = input;
        checkProviders(capacityProviders);
        const existing = state.clusters.get(clusterName);
        if (existing?.status === "ACTIVE") {
            return { cluster: shown(state, existing) };
        }
        const cluster: Cluster = {
            clusterArn: arn(state, `cluster/${clusterName}`),
            clusterName,
            status: "ACTIVE",
            settings: input.settings ?? [{ name: "containerInsights", value: "disabled" }],
            configuration: input.configuration,
            capacityProviders,
            defaultCapacityProviderStrategy,
            serviceConnectDefaults: input.serviceConnectDefaults,
        };
        state.clusters.set(clusterName, cluster);
        state.tags.set(cluster.clusterArn!, input.tags ?? []);
        return { cluster: shown(state, cluster) };
    },

    DescribeClusters(state, { clusters = ["default"] }: DescribeClustersCommandInput) {
        const found = clusters.map((name) => state.clusters.get(lastPart(name)));
        return {
            clusters: found.filter((cluster) => cluster !== undefined).map((cluster) => shown(state, cluster)),
            failures: clusters
                .filter((_, i) => !found[i])
                .map((name) => missing(arn(state, `cluster/${lastPart(name)}`))),
        };
    },

    ListClusters(state, input: ListClustersCommandInput) {
        const active = [...state.clusters.values()].filter(({ status }) => status === "ACTIVE");
        const { elements, nextToken } = page(active, input);
        return { clusterArns: elements.map(({ clusterArn }) => clusterArn), nextToken };
    },

    UpdateCluster: updateCluster,
    UpdateClusterSettings: updateCluster,

    PutClusterCapacityProviders(state, input: PutClusterCapacityProvidersCommandInput) {
        const cluster = findCluster(state, input.cluster);
        checkProviders(input.capacityProviders ?? []);
        const outside = input.defaultCapacityProviderStrategy?.find(
            ({ capacityProvider }) => !input.capacityProviders?.includes(capacityProvider!),
        );
        if (outside) {
            throw invalid(
                `The default capacity provider strategy contains ${outside.capacityProvider}, which is not a capacity provider of the cluster.`,
            );
        }
        cluster.capacityProviders = input.capacityProviders;
        cluster.defaultCapacityProviderStrategy = input.defaultCapacityProviderStrategy;
        return { cluster: shown(state, cluster) };
    },

    DescribeCapacityProviders(state, { capacityProviders = fargateProviders }: DescribeCapacityProvidersCommandInput) {
        const names = capacityProviders.map(lastPart);
        return {
            capacityProviders: names
                .filter((name) => fargateProviders.includes(name))
                .map((name) => ({
                    capacityProviderArn: arn(state, `capacity-provider/${name}`),
                    name,
                    status: "ACTIVE",
                    type: name,
                })),
            failures: names.filter((name) => !fargateProviders.includes(name)).map(missing),
        };
    },

    DeleteCluster(state, input: DeleteClusterCommandInput) {
        const cluster = findCluster(state, input.cluster);
        const { activeServicesCount, runningTasksCount, pendingTasksCount } = shown(state, cluster);
        if (activeServicesCount! > 0) {
            throw new AwsError(
                "ClusterContainsServicesException",
                "The Cluster cannot be deleted while Services are active.",
            );
        }
        if (runningTasksCount! + pendingTasksCount! > 0) {
            throw new AwsError(
                "ClusterContainsTasksException",
                "The Cluster cannot be deleted while Tasks are active.",
            );
        }
        cluster.status = "INACTIVE";
        return { cluster: shown(state, cluster) };
    },
};

function updateCluster(state: EcsState, input: UpdateClusterCommandInput): object {
    const cluster = findCluster(state, input.cluster);
    cluster.settings = input.settings ?? cluster.settings;
    cluster.configuration = input.configuration ?? cluster.configuration;
    cluster.serviceConnectDefaults = input.serviceConnectDefaults ?? cluster.serviceConnectDefaults;
    return { cluster: shown(state, cluster) };
}

function checkProviders(names: readonly string[]): void {
    if (names.some((name) => !fargateProviders.includes(name))) {
        throw invalid("The specified capacity provider was not found. Specify a valid name or ARN and try again.");
    }
}

function shown(state: EcsState, cluster: Cluster): Cluster {
    const { clusterArn } = cluster;
    const tasks = [...state.tasks.values()].map(({ task }) => task).filter((task) => task.clusterArn === clusterArn);
    const services = [...state.services.values()].filter(
        (service) => service.clusterArn === clusterArn && service.status !== "INACTIVE",
    );
    return {
        ...cluster,
        registeredContainerInstancesCount: 0,
        runningTasksCount: tasks.filter(({ lastStatus }) => lastStatus === "RUNNING").length,
        pendingTasksCount: tasks.filter(({ lastStatus }) => lastStatus === "PROVISIONING" || lastStatus === "PENDING")
            .length,
        activeServicesCount: services.length,
        tags: state.tags.get(clusterArn!) ?? [],
    };
}
