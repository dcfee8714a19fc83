import { log } from "../log";
import { listRecords, type RecordSet } from "../hostedZone";
import { keyOf } from "./changeBatches";
import { changeRecords } from "./changeRecords";
import { recordsOf, TASK_ID } from "./names";
import { readOpenRows, readRows, writeRows, type Row, type RowWrite } from "./registry";
import type { Reach } from "./settleTasks";
import { lookAtTasks } from "./tasks";
import type { TaskHint } from "./taskEvents";

export interface Audited {
    /** Address records of the zone whose names have the form of a task's. */
    readonly records: number;
    /** Those of no task, and in no row: left from before the registry, or from one that was lost. */
    readonly orphans: number;
    readonly deleted: number;
    /** LIVE rows whose records do not stand as they were made: somebody has changed the zone. They are made again. */
    readonly missing: number;
}

/** An index is behind its table by less. */
const INDEX_LAG_MILLISECONDS = 10_000;

/**
 * Reads the zone, which nothing else does, for records that nobody answers for, and for those that somebody has taken away. Only names that are a task's id are judged. Deletes them on
 * request, after ECS has said of each that it does not run; else they are only told.
 */
export async function audit(reach: Reach, deletes: boolean): Promise<Audited> {
    const { settings, zone, registry } = reach;
    const began = Date.now();
    const suffix = `.${settings.domain}.`;
    const idOf = ({ name }: RecordSet) => name.slice(0, -suffix.length);
    const standing = await listRecords(zone, ["A", "AAAA"]);
    const missing = await makeAgain(reach, standing, began);
    const records = standing.filter((record) => record.name.endsWith(suffix) && TASK_ID.test(idOf(record)));
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
    return { records: records.length, orphans: orphans.length, deleted, missing };
}

/** Marks the rows as half made, which the next sweep has the queue's function take up. */
async function makeAgain(
    { registry, deadline }: Reach,
    standing: readonly RecordSet[],
    before: number,
): Promise<number> {
    const valuesOf = new Map(standing.map((record) => [keyOf(record), String(record.values)]));
    const rows = (await readOpenRows(registry, deadline)).filter(
        (row) =>
            row.state === "LIVE" &&
            row.since < before - INDEX_LAG_MILLISECONDS &&
            recordsOf(row).some((record) => valuesOf.get(keyOf(record)) !== String(record.values)),
    );
    rows.forEach(({ taskArn, name }) => log("warn", "a name without its record: made again", { taskArn, name }));
    const marks = rows.map((row): RowWrite => {
        const after: Row = { ...row, state: "NAMING", since: Date.now(), until: 0 };
        return { taskId: row.taskId, before: row, after };
    });
    const overtaken = await writeRows(registry, marks, deadline);
    return rows.length - overtaken.size;
}

function hintOf(taskId: string, clusterArn: string): TaskHint {
    const taskArn = `${clusterArn.replace(":cluster/", ":task/")}/${taskId}`;
    return { taskArn, taskId, stopping: false, version: 0, time: 0, messages: [], swept: true };
}
