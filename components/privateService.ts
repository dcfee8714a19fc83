import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { allowedSecurityGroupIds, desiredCount, placement, port } from "./internal/arguments";
import { autoscalingRule } from "./internal/loadBalancing/serviceFaults";
import { Autoscaling, autoscalingFaults, scaleService } from "./internal/loadBalancing/serviceScaling";
import { outputsOf } from "./internal/outputs";
import { nameReason } from "./internal/rules";
import { allowIn, allowOutAnywhere } from "./internal/securityGroups";
import { appDefaults, appTask, containerCombinations, ContainerArgs, containerRules } from "./internal/task/appTask";
import { CapacityProvider, ecsService } from "./internal/task/ecsService";
import {
    namedPortOf,
    ServiceConnect,
    serviceConnectConfiguration,
    serviceConnectFaults,
    serviceConnectRule,
} from "./internal/task/serviceConnect";
import { ArgumentRules, choice, faultOf, flag, given, judged, plain } from "./internal/validation";

/** A role's name has 64 characters, of which "-task-execution-role" and Pulumi take 28. */
const longestName = 36;

/** Arguments of {@link PrivateService}. */
export interface PrivateServiceArgs extends ContainerArgs {
    /** Id of the VPC in which tasks run. */
    readonly vpcId: pulumi.Input<string>;
    /** Ids of the subnets in which tasks run: private ones with a way out or endpoints, or public ones with `assignPublicIp`. */
    readonly subnetIds: pulumi.Input<pulumi.Input<string>[]>;
    /** ARN of the ECS cluster in which tasks run. */
    readonly clusterArn: pulumi.Input<string>;
    /**
     * Port on which the app serves members of `allowedSecurityGroupIds`.
     * @default none: nobody connects to a task
     */
    readonly containerPort?: pulumi.Input<number>;
    /**
     * Ids of security groups whose members may connect to tasks, such as another service's `securityGroupId`; goes with `containerPort`. How many there are
     * is decided before the deployment.
     * @default none
     */
    readonly allowedSecurityGroupIds?: pulumi.Input<string>[];
    /**
     * ECS Service Connect: other services are called by their names; with a name, this one is called so, by members of `allowedSecurityGroupIds`.
     * @default none
     */
    readonly serviceConnect?: ServiceConnect;
    /**
     * Tasks to keep running, 0 to 5000; with `autoscaling`, that decides.
     * @default 2
     */
    readonly desiredCount?: number;
    /**
     * Follows the load with the number of tasks, by CPU or memory.
     * @default the number stays
     */
    readonly autoscaling?: Autoscaling;
    /**
     * What tasks run on. Fargate Spot needs a cluster with that capacity provider, such as Cluster's.
     * @default "FARGATE"
     */
    readonly capacityProvider?: CapacityProvider;
    /**
     * Whether tasks get public addresses: their way out in public subnets. Nobody on the internet may connect to them in any case.
     * @default false
     */
    readonly assignPublicIp?: pulumi.Input<boolean>;
}

/**
 * Tasks that an ECS service keeps running without a load balancer: called by other services through ECS Service Connect, or by nobody, as a
 * worker that takes its work from a queue.
 */
export class PrivateService extends pulumi.ComponentResource {
    /** Id of the tasks' security group: open to `allowedSecurityGroupIds` on `containerPort`, and to nobody else. */
    public readonly securityGroupId: pulumi.Output<string>;
    /** Name of the service. */
    public readonly serviceName: pulumi.Output<string>;
    /** ARN of the task definition, with its revision. */
    public readonly taskDefinitionArn: pulumi.Output<string>;
    /** ARN of the app's role, which has no permissions but those of `taskPolicyArns`. */
    public readonly taskRoleArn: pulumi.Output<string>;
    /** Name of the log group of the containers. */
    public readonly logGroupName: pulumi.Output<string>;

    /** @throws pulumi.InputPropertiesError naming every refused argument */
    constructor(name: string, args: PrivateServiceArgs, opts?: pulumi.ComponentResourceOptions) {
        args = judged("PrivateService", name, args, privateServiceArguments);
        super("taskgate:index:PrivateService", name, args, opts);
        const { clusterArn, containerPort, autoscaling, serviceConnect, subnetIds, tags } = args;

        const task = appTask(`${name}-task`, args, undefined, this, {
            isClosed: containerPort === undefined,
            namedPort: namedPortOf(serviceConnect),
        });
        const securityGroup = new aws.ec2.SecurityGroup(
            `${name}-security-group`,
            { vpcId: args.vpcId, description: "Other services to tasks", tags },
            { parent: this },
        );
        allowOutAnywhere(name, securityGroup.id, tags, this);
        if (containerPort !== undefined) {
            (args.allowedSecurityGroupIds ?? []).forEach((securityGroupId, index) => {
                const rule = {
                    securityGroupId: securityGroup.id,
                    port: containerPort,
                    peer: { securityGroupId },
                    tags,
                };
                allowIn(`${name}-from-group-${index + 1}`, rule, this);
            });
        }
        const service = ecsService(
            name,
            {
                ...{ clusterArn, subnetIds, tags, taskDefinitionArn: task.taskDefinitionArn },
                securityGroupId: securityGroup.id,
                desiredCount: autoscaling?.minTasks ?? args.desiredCount ?? 2,
                isScaled: autoscaling !== undefined,
                capacityProvider: args.capacityProvider ?? CapacityProvider.Fargate,
                assignPublicIp: args.assignPublicIp ?? false,
                serviceConnect:
                    serviceConnect &&
                    serviceConnectConfiguration(
                        serviceConnect,
                        {
                            containerPort: containerPort ?? appDefaults.containerPort,
                            logGroupName: task.logGroupName,
                        },
                        this,
                    ),
            },
            this,
        );
        if (autoscaling !== undefined) {
            scaleService(name, autoscaling, { clusterArn, serviceName: service.name, tags }, this);
        }

        this.securityGroupId = securityGroup.id;
        this.serviceName = service.name;
        this.taskDefinitionArn = task.taskDefinitionArn;
        this.taskRoleArn = task.taskRoleArn;
        this.logGroupName = task.logGroupName;
        this.registerOutputs(outputsOf(this));
    }
}

/** What is judged before anything is made. */
export const privateServiceArguments: ArgumentRules<PrivateServiceArgs> = {
    name: (name) => nameReason(name, longestName),
    rules: {
        ...containerRules,
        ...placement,
        containerPort: port,
        allowedSecurityGroupIds,
        serviceConnect: serviceConnectRule,
        desiredCount: plain(desiredCount),
        autoscaling: autoscalingRule,
        capacityProvider: plain(choice(CapacityProvider)),
        assignPublicIp: flag,
    },
    combinations: [
        ...containerCombinations,
        given(["autoscaling"], ({ autoscaling }) => autoscalingFaults(autoscaling)),
        given(["serviceConnect", "autoscaling"], (args) => [
            ...serviceConnectFaults(args.serviceConnect),
            ...faultOf(
                "containerPort",
                args.containerPort === undefined && args.serviceConnect?.name !== undefined
                    ? "is missing: give the port on which the app serves those who call it by serviceConnect.name"
                    : undefined,
            ),
            ...faultOf(
                "allowedSecurityGroupIds",
                args.containerPort === undefined && args.allowedSecurityGroupIds !== undefined
                    ? "goes with containerPort: give the port to which they connect"
                    : undefined,
            ),
            ...faultOf(
                "autoscaling.requestsPerTarget",
                args.autoscaling?.requestsPerTarget === undefined
                    ? undefined
                    : "is counted by a load balancer, and there is none: follow cpuPercent or memoryPercent",
            ),
            ...faultOf(
                "desiredCount",
                args.autoscaling !== undefined && args.desiredCount !== undefined
                    ? "autoscaling decides it: give autoscaling.minTasks"
                    : undefined,
            ),
        ]),
    ],
};
