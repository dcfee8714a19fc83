// A service of ECS that replaces its tasks without a gap.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

/** What tasks run on. */
export const CapacityProvider = {
    /** Capacity that stays. */
    Fargate: "FARGATE",
    /** Spare capacity, up to 70 % cheaper, which AWS takes back with two minutes' notice. */
    FargateSpot: "FARGATE_SPOT",
} as const;
export type CapacityProvider = (typeof CapacityProvider)[keyof typeof CapacityProvider];

export interface EcsServiceArgs {
    readonly clusterArn: pulumi.Input<string>;
    readonly taskDefinitionArn: pulumi.Input<string>;
    readonly desiredCount: number;
    /** Whether something else owns the number of tasks once the service is there. */
    readonly isScaled: boolean;
    readonly capacityProvider: CapacityProvider;
    readonly subnetIds: pulumi.Input<pulumi.Input<string>[]>;
    readonly securityGroupId: pulumi.Input<string>;
    readonly assignPublicIp: pulumi.Input<boolean>;
    readonly loadBalancers?: aws.types.input.ecs.ServiceLoadBalancer[];
    readonly healthCheckGracePeriodSeconds?: number;
    readonly serviceConnect?: aws.types.input.ecs.ServiceServiceConnectConfiguration;
    readonly dependsOn?: readonly pulumi.Resource[];
    readonly tags: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
}

/** Makes `${name}-service`. */
export function ecsService(name: string, args: EcsServiceArgs, parent: pulumi.Resource): aws.ecs.Service {
    const { capacityProvider } = args;
    return new aws.ecs.Service(
        `${name}-service`,
        {
            cluster: args.clusterArn,
            taskDefinition: args.taskDefinitionArn,
            desiredCount: args.desiredCount,
            // Any cluster has the launch type; a capacity provider has to be attached to it first.
            ...(capacityProvider === CapacityProvider.Fargate
                ? { launchType: capacityProvider }
                : { capacityProviderStrategies: [{ capacityProvider, weight: 1 }] }),
            networkConfiguration: {
                subnets: args.subnetIds,
                securityGroups: [args.securityGroupId],
                assignPublicIp: args.assignPublicIp,
            },
            loadBalancers: args.loadBalancers,
            healthCheckGracePeriodSeconds: args.healthCheckGracePeriodSeconds,
            serviceConnectConfiguration: args.serviceConnect,
            // New tasks are healthy before old ones go; a version that does not get healthy is taken back.
            deploymentMinimumHealthyPercent: 100,
            deploymentMaximumPercent: 200,
            deploymentCircuitBreaker: { enable: true, rollback: true },
            availabilityZoneRebalancing: "ENABLED",
            propagateTags: "SERVICE",
            tags: args.tags,
        },
        {
            parent,
            dependsOn: [...(args.dependsOn ?? [])],
            // Autoscaling owns the number of tasks once the service is there.
            ignoreChanges: args.isScaled ? ["desiredCount"] : [],
        },
    );
}
