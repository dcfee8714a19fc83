import { required } from "../environment";
import type { Baseline } from "./baseline";
import type { PlanSettings } from "./plan";
import type { WindowSettings } from "../maintenanceWindows";

export interface PatchingSettings extends PlanSettings {
    readonly clusterArn: string;
    readonly bucketName: string;
    /** All of the cluster when empty. */
    readonly services: readonly string[];
    readonly window: WindowSettings;
    readonly stopAtTag: string;
}

interface MaintenanceWindow extends WindowSettings {
    readonly maxConcurrency: number;
    readonly maxErrors: number;
}

export function readPatchingSettings(): PatchingSettings {
    const { maxConcurrency, maxErrors, ...window } = JSON.parse(required("MAINTENANCE_WINDOW")) as MaintenanceWindow;
    return {
        clusterArn: required("CLUSTER_ARN"),
        bucketName: required("BUCKET_NAME"),
        services: JSON.parse(required("SERVICES")) as string[],
        window,
        baseline: JSON.parse(required("BASELINE")) as Baseline,
        maxConcurrency,
        maxErrors,
        stopTasks: required("STOP_TASKS") === "true",
        noticePeriod: Number(required("NOTICE_HOURS")),
        stopAtTag: required("STOP_AT_TAG"),
    };
}
