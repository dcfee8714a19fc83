// Follows the load with the number of tasks.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { integerReason } from "../rules";
import { Fault, faultOf } from "../validation";

/** A change of the bounds at a time. */
export interface ScheduledTasks {
    /** When: `cron(…)`, `rate(…)` or `at(…)`, as Application Auto Scaling takes it. */
    readonly schedule: string;
    /**
     * Time zone of `schedule`.
     * @default "UTC"
     */
    readonly timezone?: string;
    /** Fewest tasks from then on, 0 to 5000. */
    readonly minTasks: number;
    /** Most tasks from then on, up to 5000. */
    readonly maxTasks: number;
}

/** Autoscaling: it owns the number of tasks, which is `minTasks` at first. */
export interface Autoscaling {
    /** Fewest tasks, 0 to 5000. */
    readonly minTasks: number;
    /** Most tasks, 1 to 5000. */
    readonly maxTasks: number;
    /**
     * Average CPU use to keep, in percent, 1 to 100.
     * @default not followed
     */
    readonly cpuPercent?: number;
    /**
     * Average memory use to keep, in percent, 1 to 100.
     * @default not followed
     */
    readonly memoryPercent?: number;
    /**
     * Requests that each task is to have in a minute, 1 to 1000000; with an Application Load Balancer.
     * @default not followed
     */
    readonly requestsPerTarget?: number;
    /**
     * Other bounds at certain times.
     * @default none
     */
    readonly schedules?: ScheduledTasks[];
}

/** Bounds that contradict each other, and nothing to follow. */
export function autoscalingFaults(args: Autoscaling | undefined): Fault[] {
    if (args === undefined) {
        return [];
    }
    const { minTasks, maxTasks, cpuPercent, memoryPercent, requestsPerTarget, schedules = [] } = args;
    const follows = [cpuPercent, memoryPercent, requestsPerTarget].some((value) => value !== undefined);
    return [
        ...faultOf("autoscaling.maxTasks", integerReason(maxTasks, Math.max(minTasks, 1), 5000, "tasks")),
        ...schedules.flatMap((at, index) =>
            faultOf(`autoscaling.schedules[${index}].maxTasks`, integerReason(at.maxTasks, at.minTasks, 5000, "tasks")),
        ),
        ...faultOf(
            "autoscaling",
            follows || schedules.length > 0
                ? undefined
                : "nothing to follow: give cpuPercent, memoryPercent, requestsPerTarget or schedules",
        ),
    ];
}

export interface ScaledService {
    readonly clusterArn: pulumi.Input<string>;
    readonly serviceName: pulumi.Input<string>;
    /** `<load balancer>/<target group>`, as the requests' metric names them; undefined: there is no load balancer. */
    readonly resourceLabel?: pulumi.Input<string>;
    readonly tags: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
}

export function scaleService(name: string, args: Autoscaling, service: ScaledService, parent: pulumi.Resource): void {
    const target = new aws.appautoscaling.Target(
        `${name}-scaling`,
        {
            serviceNamespace: "ecs",
            scalableDimension: "ecs:service:DesiredCount",
            resourceId: pulumi
                .all([service.clusterArn, service.serviceName])
                .apply(([clusterArn, serviceName]) => `service/${clusterArn.split("/")[1]}/${serviceName}`),
            minCapacity: args.minTasks,
            maxCapacity: args.maxTasks,
            tags: service.tags,
        },
        { parent },
    );
    const scaled = {
        serviceNamespace: target.serviceNamespace,
        scalableDimension: target.scalableDimension,
        resourceId: target.resourceId,
    };
    const followed = {
        cpu: { targetValue: args.cpuPercent, predefinedMetricType: "ECSServiceAverageCPUUtilization" },
        memory: { targetValue: args.memoryPercent, predefinedMetricType: "ECSServiceAverageMemoryUtilization" },
        requests: {
            targetValue: args.requestsPerTarget,
            predefinedMetricType: "ALBRequestCountPerTarget",
            resourceLabel: service.resourceLabel,
        },
    };
    for (const [what, { targetValue, ...predefinedMetricSpecification }] of Object.entries(followed)) {
        if (targetValue !== undefined) {
            new aws.appautoscaling.Policy(
                `${name}-scaling-by-${what}`,
                {
                    ...scaled,
                    policyType: "TargetTrackingScaling",
                    targetTrackingScalingPolicyConfiguration: { targetValue, predefinedMetricSpecification },
                },
                { parent },
            );
        }
    }
    (args.schedules ?? []).forEach(({ schedule, timezone = "UTC", minTasks, maxTasks }, index) => {
        new aws.appautoscaling.ScheduledAction(
            `${name}-scaling-schedule-${index + 1}`,
            {
                ...scaled,
                schedule,
                timezone,
                scalableTargetAction: { minCapacity: minTasks, maxCapacity: maxTasks },
            },
            { parent },
        );
    });
}
