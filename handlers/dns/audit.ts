import { log } from "../log";
import { listRecords, type RecordSet } from "../hostedZone";
import { keyOf } from "./changeBatches";
import { changeRecords } from "./changeRecords";
import { TASK_ID } from "./names";
import { readRows } from "./registry";
import type { Reach } from "./settleTasks";
import { lookAtTasks } from "./tasks";
import type { TaskHint } from "./taskEvents";

export interface Audited {
    /** Address records of the zone whose names have the form of a task's. */
    readonly records: number;
    /** Those of no task, and in no row: left from before the registry, or from one that was lost. */
    readonly orphans: number;
    readonly deleted: number;
}

/**
 * Reads the zone, which nothing else does, for records that nobody answers for. Only names that are a task's id are judged. Deletes them on
 * request, after ECS has said of each that it does not run; else they are only told.
 */
export async function audit(reach: Reach, deletes: boolean): Promise<Audited> {
    const { settings, zone, registry } = reach;
    const suffix = `.${settings.domain}.`;
    const idOf = ({ name }: RecordSet) => name.slice(0, -suffix.length);
    const records = (await listRecords(zone, ["A", "AAAA"])).filter(
        (record) => record.name.endsWith(suffix) && TASK_ID.test(idOf(record)),
    );
    const rows = await readRows(registry, [...new Set(records.map(idOf))], reach.deadline);
    // A row that is GONE says that nothing stands: what does is none of its.
    const unknown = records.filter((record) => (rows.get(idOf(record))?.state ?? "GONE") === "GONE");
    const asked = [...new Set(unknown.map(idOf))].map((taskId) => ({
        hint: hintOf(taskId, settings.clusterArn),
        row: undefined,
    }));
    const truths = await lookAtTasks(reach.ecs, settings, asked, reach.deadline);
    const orphans = unknown.filter((record) => {
        const state = truths.get(idOf(record))?.state;
        return state === "missing" || state === "stopping";
    });
    orphans.forEach(({ name, type, values }) => log("warn", "a record of no task", { name, type, values, deletes }));
    let deleted = 0;
    if (deletes && orphans.length > 0) {
        const changes = orphans.map((record) => ({ ...record, action: "DELETE" as const }));
        const { results } = await changeRecords(reach, changes, () => true);
        deleted = changes.filter((change) => results.get(keyOf(change))?.outcome === "done").length;
    }
    return { records: records.length, orphans: orphans.length, deleted };
}

function hintOf(taskId: string, clusterArn: string): TaskHint {
    const taskArn = `${clusterArn.replace(":cluster/", ":task/")}/${taskId}`;
    return { taskArn, taskId, stopping: false, version: 0, time: 0, messages: [], swept: true };
}
