import type { Route53Client } from "@aws-sdk/client-route-53";
import { call } from "../calls";
import { describeError } from "../failure";
import { load } from "../load";
import { batches, refusals, type RecordChange, type Refusal } from "./recordChanges";

/** A hosted zone and the time left to work on it. */
export interface Zone {
    readonly route53: Route53Client;
    readonly hostedZoneId: string;
    readonly deadline: number;
}

const RECORDS_PER_PAGE = 300;

/**
 * Makes every change in as few requests as possible; a name that could not be settled is put into `failed`, with the reason.
 * A batch is made as a whole or not at all, so those it is refused for are mended or taken out, and the rest is sent again.
 */
export async function changeRecords(
    zone: Zone,
    changes: readonly RecordChange[],
    failed: Map<string, string>,
): Promise<void> {
    const readBack = new Set<string>();
    const queue = batches(changes);
    for (let batch = queue.shift(); batch !== undefined; batch = queue.shift()) {
        try {
            await sendBatch(zone, batch);
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
    zone: Zone,
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
    return [...(await deletions(zone, differing, failed)), ...again];
}

/** The exact deletions of the A records under these names; one that could not be asked for is put into `failed`. */
export async function deletions(
    zone: Zone,
    names: readonly string[],
    failed: Map<string, string>,
): Promise<RecordChange[]> {
    const { ListResourceRecordSetsCommand } = load("@aws-sdk/client-route-53");
    const found: RecordChange[] = [];
    const open = [...names].sort((a, b) => (zoneOrder(a) < zoneOrder(b) ? -1 : 1));
    while (open.length > 0) {
        const command = new ListResourceRecordSetsCommand({
            HostedZoneId: zone.hostedZoneId,
            StartRecordName: open[0],
            StartRecordType: "A",
            MaxItems: open.length === 1 ? 1 : RECORDS_PER_PAGE,
        });
        try {
            const page = await call(`route53:ListResourceRecordSets of ${zone.hostedZoneId}`, zone.deadline, () =>
                zone.route53.send(command),
            );
            // A page answers for every name before the one that the next page begins with.
            const end = page.IsTruncated ? zoneOrder(page.NextRecordName ?? "") : "\uffff";
            do {
                const name = open.shift();
                // A listing begins at the name asked for or, where there is none, at the next: only an equal name is meant.
                const record = page.ResourceRecordSets?.find((set) => set.Name === name && set.Type === "A");
                if (name !== undefined && record?.ResourceRecords) {
                    const values = record.ResourceRecords.map(({ Value }) => Value ?? "");
                    found.push({ action: "DELETE", name, ttl: record.TTL ?? 0, values });
                }
            } while (open.length > 0 && zoneOrder(open[0]) < end);
        } catch (error) {
            failed.set(open.shift() as string, describeError(error));
        }
    }
    return found;
}

/** Route 53 lists a zone by the labels of the names from the right. */
function zoneOrder(name: string): string {
    return name.split(".").reverse().join("\0");
}

async function sendBatch({ route53, hostedZoneId, deadline }: Zone, batch: readonly RecordChange[]): Promise<void> {
    const { ChangeResourceRecordSetsCommand } = load("@aws-sdk/client-route-53");
    const command = new ChangeResourceRecordSetsCommand({
        HostedZoneId: hostedZoneId,
        ChangeBatch: {
            Changes: batch.map(({ action, name, ttl, values }) => ({
                Action: action,
                ResourceRecordSet: {
                    Name: name,
                    Type: "A",
                    TTL: ttl,
                    ResourceRecords: values.map((Value) => ({ Value })),
                },
            })),
        },
    });
    await call(`route53:ChangeResourceRecordSets of ${hostedZoneId}`, deadline, () => route53.send(command));
}
