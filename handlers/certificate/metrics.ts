import { log } from "../log";
import type { Delivered } from "./decision";

/** CloudWatch's namespace of what each run tells of the certificate. */
export const NAMESPACE = "taskgate/certificate";

/** What tasks were seen to show. */
export interface Look {
    /** How many showed a certificate. */
    readonly looked: number;
    /** The names of those that showed another one than they should. */
    readonly stale: readonly string[];
}

/** Tells CloudWatch of it. */
export function tellLook(functionName: string, { looked, stale }: Look, now: Date): void {
    const metrics = [
        { Name: "TasksLookedAt", Unit: "Count" },
        { Name: "StaleTasks", Unit: "Count" },
    ];
    log(stale.length > 0 ? "warn" : "info", "tasks looked at", {
        _aws: {
            Timestamp: now.getTime(),
            CloudWatchMetrics: [{ Namespace: NAMESPACE, Dimensions: [["FunctionName"]], Metrics: metrics }],
        },
        FunctionName: functionName,
        TasksLookedAt: looked,
        StaleTasks: stale.length,
        stale,
    });
}

/**
 * Tells CloudWatch how the certificate is, by a line of the log in its embedded metric format
 * (docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html), which takes no permission.
 * Every run does, so that silence is an alarm too.
 */
export function tellMetrics(functionName: string, delivered: Delivered, isFailing: boolean, now: Date): void {
    const facts = delivered.state === "usable" ? delivered.facts : undefined;
    const [from, to] = [facts?.notBefore.getTime() ?? 0, facts?.notAfter.getTime() ?? 0];
    const left = Math.max(0, to - now.getTime());
    const metrics = [
        { Name: "LifetimeLeft", Unit: "Percent" },
        { Name: "DaysToExpiry", Unit: "None" },
        { Name: "Failing", Unit: "Count" },
    ];
    log("info", "certificate", {
        _aws: {
            Timestamp: now.getTime(),
            CloudWatchMetrics: [{ Namespace: NAMESPACE, Dimensions: [["FunctionName"]], Metrics: metrics }],
        },
        FunctionName: functionName,
        // None is as good as one that has expired.
        LifetimeLeft: facts === undefined ? 0 : (100 * left) / (to - from),
        DaysToExpiry: left / 86_400_000,
        Failing: isFailing ? 1 : 0,
    });
}
