import { createHash } from "node:crypto";
import type { PolicyArgs, PolicyState } from "@pulumi/aws/appautoscaling/policy";
import type { ScheduledActionArgs, ScheduledActionState } from "@pulumi/aws/appautoscaling/scheduledAction";
import type { TargetArgs, TargetState } from "@pulumi/aws/appautoscaling/target";
import { type Adapters, service } from "../resources/adapter";
import { kept } from "../resources/kept";

const identity = ["resourceId", "scalableDimension", "serviceNamespace"] as const;

/** The emulator has no Application Auto Scaling: services keep the count they are given. */
export const appautoscaling: Adapters = service("Application Auto Scaling", {
    "appautoscaling/target:Target": kept<TargetArgs, TargetState>({
        taggable: true,
        id: (_, inputs) => inputs.resourceId,
        replaceOn: identity,
        outputs: (aws, inputs) => ({
            arn: aws.arn("application-autoscaling", `scalable-target/${inputs.resourceId}`),
        }),
    }),
    "appautoscaling/policy:Policy": kept<PolicyArgs, PolicyState>({
        id: (_, inputs) => inputs.name!,
        autoName: { property: "name", maxLength: 255 },
        defaults: { policyType: "StepScaling" },
        replaceOn: [...identity, "name"],
        outputs: (aws, inputs) => ({
            arn: aws.arn(
                "autoscaling",
                `scalingPolicy:${uuidOf(inputs.name!)}:resource/${inputs.serviceNamespace}/${inputs.resourceId}:policyName/${inputs.name}`,
            ),
            alarmArns: [],
        }),
    }),
    "appautoscaling/scheduledAction:ScheduledAction": kept<ScheduledActionArgs, ScheduledActionState>({
        id: (_, inputs) => `${inputs.name}-${inputs.serviceNamespace}-${inputs.resourceId}`,
        autoName: { property: "name", maxLength: 255 },
        replaceOn: [...identity, "name"],
        outputs: (aws, inputs) => ({
            arn: aws.arn("autoscaling", `scheduledAction:${inputs.resourceId}:scheduledActionName/${inputs.name}`),
        }),
    }),
});

function uuidOf(origin: string): string {
    const hex = createHash("sha256").update(origin).digest("hex");
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, "$1-$2-$3-$4-$5");
}
