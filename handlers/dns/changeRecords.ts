import { describeError } from "../failure";
import { readRecords, sendChanges, type HostedZone, type RecordChange } from "../hostedZone";
import { batches, refusals, type Refusal } from "./changeBatches";

/**
 * Makes every change in as few requests as possible; a name that could not be settled is put into `failed`, with the reason.
 * A batch is made as a whole or not at all, so those it is refused for are mended or taken out, and the rest is sent again.
 */
export async function changeRecords(
    zone: HostedZone,
    changes: readonly RecordChange[],
    failed: Map<string, string>,
): Promise<void> {
    const readBack = new Set<string>();
    const queue = batches(changes);
    for (let batch = queue.shift(); batch !== undefined; batch = queue.shift()) {
        try {
            await sendChanges(zone, batch);
        } catch (error) {
            const text = describeError(error);
            const blamed = refusals(text, batch);
            if ((error as Error).name === "InvalidChangeBatch" && blamed.size > 0) {
                queue.unshift(...batches(await mend(zone, batch, blamed, readBack, failed)));
            } else if ((error as Error).name === "InvalidChangeBatch" && batch.length > 1) {
                const middle = batch.length >> 1;
                queue.unshift(batch.slice(0, middle), batch.slice(middle));
            } else {
                batch.forEach(({ name }) => failed.set(name, text));
            }
        }
    }
}

/** What to send again of a refused batch. */
async function mend(
    zone: HostedZone,
    batch: readonly RecordChange[],
    blamed: ReadonlyMap<string, Refusal>,
    readBack: Set<string>,
    failed: Map<string, string>,
): Promise<RecordChange[]> {
    const again: RecordChange[] = [];
    const differing: string[] = [];
    for (const change of batch) {
        const refusal = blamed.get(change.name);
        const verdict = refusal && `${change.action} ${refusal.fault}`;
        if (verdict === undefined) {
            again.push(change);
        } else if (verdict === "CREATE exists") {
            again.push({ ...change, action: "UPSERT" });
        } else if (verdict === "DELETE differs" && !readBack.has(change.name)) {
            differing.push(change.name);
            readBack.add(change.name);
        } else if (verdict !== "DELETE not found") {
            failed.set(change.name, refusal!.text);
        }
    }
    return [...(await exactDeletions(zone, differing, failed)), ...again];
}

/** The deletions of the A records under these names, as they stand there, which is how Route 53 wants them. */
export async function exactDeletions(
    zone: HostedZone,
    names: readonly string[],
    failed: Map<string, string>,
): Promise<RecordChange[]> {
    try {
        const records = await readRecords(zone, names, "A");
        return records.map((record) => ({ ...record, action: "DELETE" }));
    } catch (error) {
        names.forEach((name) => failed.set(name, describeError(error)));
        return [];
    }
}
