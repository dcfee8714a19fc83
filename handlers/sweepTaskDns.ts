import type { LambdaContext } from "./calls";
import { audit, type Audited } from "./dns/audit";
import { drain, type Drained } from "./dns/drain";
import { openReach } from "./dns/reach";
import { reopen } from "./dns/registry";
import { readTaskDnsSettings, type TaskDnsSettings } from "./dns/settings";
import { listTasks, sweep, type Swept } from "./dns/sweep";
import { taskIdOf } from "./dns/taskEvents";
import type { Reach } from "./dns/settleTasks";
import { describeError } from "./failure";
import { log } from "./log";
import { writeMetrics } from "./metrics";

/** What the function is asked for: by its schedules, and by Pulumi when the stack is made, changed or destroyed. */
export interface SweepEvent {
    /** Look through the zone, too. */
    readonly audit?: boolean;
    /** What Pulumi's `aws.lambda.Invocation` adds. */
    readonly tf?: { readonly action: "create" | "update" | "delete" };
}

/** A sweep is over before the next one begins; a drain has as long as the function. */
const SWEEP_MILLISECONDS = 50_000;
/** A round of a drain. */
const ROUND_MILLISECONDS = 30_000;

/** Compares what runs with what stands, in both directions; see {@link SweepEvent} for what else. */
export async function sweepTaskDns(
    event: SweepEvent,
    context: LambdaContext,
): Promise<Swept | Audited | Drained | undefined> {
    const settings = readTaskDnsSettings();
    const remaining = context.getRemainingTimeInMillis();
    if (event.tf?.action === "delete") {
        const until = Date.now() + remaining - ROUND_MILLISECONDS;
        const drained = await drain(
            () => openReach(settings, ROUND_MILLISECONDS),
            process.env.STOP_TASKS === "true",
            until,
        );
        log("info", "drained", drained);
        return drained;
    }
    if (event.audit === true) {
        const audited = await audit(openReach(settings, remaining), process.env.AUDIT === "delete");
        log("info", "audit done", audited);
        count(settings, {
            AuditedRecords: audited.records,
            OrphanRecords: audited.orphans,
            MissingRecords: audited.missing,
        });
        return audited;
    }
    const reach = openReach(settings, Math.min(remaining, SWEEP_MILLISECONDS));
    if (event.tf !== undefined) {
        // IAM may take some seconds until it knows a new role: the schedule's sweep comes soon enough, and no deployment fails for this one.
        return sweepAfterChange(reach, event.tf.action).catch((error: Error) => {
            log("warn", "not swept yet", { reason: describeError(error) });
            return undefined;
        });
    }
    const swept = await sweep(reach);
    log("info", "sweep done", swept);
    count(settings, {
        Sweeps: 1,
        LiveNames: swept.live,
        RunningTasks: swept.tasks,
        UnnamedTasks: swept.unnamed,
        OrphanNames: swept.orphans,
        StuckNames: swept.stuck,
    });
    return swept;
}

async function sweepAfterChange(reach: Reach, action: string): Promise<Swept> {
    if (action === "create") {
        // Drained once, and then not destroyed after all: its tasks get their names back.
        const taskIds = (await listTasks(reach)).map((taskArn) => taskIdOf(taskArn)!);
        await reopen(reach.registry, taskIds, reach.deadline);
    }
    return sweep(reach);
}

function count({ tableName }: TaskDnsSettings, values: Readonly<Record<string, number>>): void {
    writeMetrics(
        { Registry: tableName },
        Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { unit: "Count", values: [value] }])),
    );
}
