import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { tags } from "./internal/arguments";
import { outputsOf } from "./internal/outputs";
import { nameReason, namespaceReason } from "./internal/rules";
import { ArgumentRules, choice, judged, plain, text } from "./internal/validation";

/** What CloudWatch Container Insights collects; more of it costs more. */
export const ContainerInsights = {
    /** Nothing. */
    Disabled: "disabled",
    /** Metrics of the cluster and its services. */
    Enabled: "enabled",
    /** Metrics of each task and container too. */
    Enhanced: "enhanced",
} as const;
export type ContainerInsights = (typeof ContainerInsights)[keyof typeof ContainerInsights];

/** A cluster's name has 255 characters, of which Pulumi takes 8. */
const longestName = 247;

/** Arguments of {@link Cluster}. */
export interface ClusterArgs {
    /**
     * What CloudWatch Container Insights collects.
     * @default "disabled"
     */
    readonly containerInsights?: pulumi.Input<ContainerInsights>;
    /**
     * Name of a Cloud Map namespace to make, in which services with `serviceConnect` find each other; it costs nothing.
     * @default none
     */
    readonly serviceConnectNamespace?: string;
    /**
     * Tags of everything that can have tags.
     * @default none
     */
    readonly tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/** An ECS cluster for Fargate and Fargate Spot. It costs nothing by itself: without tasks it is empty. */
export class Cluster extends pulumi.ComponentResource {
    /** ARN of the cluster, known once both capacity providers are attached. */
    public readonly clusterArn: pulumi.Output<string>;
    /** Name of the cluster. */
    public readonly clusterName: pulumi.Output<string>;

    /** @throws pulumi.InputPropertiesError naming every refused argument */
    constructor(name: string, args: ClusterArgs = {}, opts?: pulumi.ComponentResourceOptions) {
        args = judged("Cluster", name, args, clusterArguments);
        super("taskgate:index:Cluster", name, args, opts);
        const { containerInsights = ContainerInsights.Disabled, serviceConnectNamespace, tags } = args;

        const namespace =
            serviceConnectNamespace === undefined
                ? undefined
                : new aws.servicediscovery.HttpNamespace(
                      `${name}-namespace`,
                      { name: serviceConnectNamespace, description: "Services that find each other", tags },
                      { parent: this },
                  );
        const cluster = new aws.ecs.Cluster(
            name,
            {
                settings: [{ name: "containerInsights", value: containerInsights }],
                serviceConnectDefaults: namespace && { namespace: namespace.arn },
                tags,
            },
            { parent: this },
        );
        const capacityProviders = new aws.ecs.ClusterCapacityProviders(
            `${name}-capacity-providers`,
            {
                clusterName: cluster.name,
                capacityProviders: ["FARGATE", "FARGATE_SPOT"],
                defaultCapacityProviderStrategies: [{ capacityProvider: "FARGATE", weight: 1 }],
            },
            { parent: this },
        );

        this.clusterArn = pulumi.all([cluster.arn, capacityProviders.id]).apply(([arn]) => arn);
        this.clusterName = cluster.name;
        this.registerOutputs(outputsOf(this));
    }
}

/** What is judged before anything is made. */
export const clusterArguments: ArgumentRules<ClusterArgs> = {
    name: (name) => nameReason(name, longestName),
    rules: {
        containerInsights: choice(ContainerInsights),
        serviceConnectNamespace: plain(text(namespaceReason)),
        tags,
    },
};
