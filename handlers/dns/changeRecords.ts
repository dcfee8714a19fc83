import { backoff, isFateUnknown, sleep } from "../calls";
import { describeError } from "../failure";
import { readRecords, sendChanges, type HostedZone, type RecordChange, type RecordSet } from "../hostedZone";
import { keyOf, nextBatch, refusals, type Refusal } from "./changeBatches";
import type { Registry } from "./registry";
import { inTurn } from "./turns";

/**
 * What became of a change. `done`: it stands, or is gone. `occupied`: something else stands there, which is none of ours to touch.
 * `refused`: Route 53 does not take it. `open`: it could not be sent, or nobody knows whether it was made.
 */
export interface ChangeResult {
    readonly outcome: "done" | "occupied" | "refused" | "open";
    readonly reason: string;
    /** Some request for it was not answered, and may be made yet. */
    readonly mayComeYet?: boolean;
}

/** Requests to Route 53 and what came of them, for the metrics. */
export interface ChangeCount {
    requests: number;
    throttled: number;
    refused: number;
    offenders: number;
    largest: number;
}

export interface ChangeResults {
    /** By key. */
    readonly results: ReadonlyMap<string, ChangeResult>;
    readonly count: ChangeCount;
    /** The ids of the changes that were accepted. */
    readonly changeIds: readonly string[];
}

/**
 * Makes every change in as few requests as possible. A batch is made as a whole or not at all, so those it is refused for are taken out, and the
 * rest is sent again; a throttled one is sent in smaller parts, since there may be less left of the account's budget than it costs.
 * `isOurs` says whether a record that stands where one is to be created may have been made by us: then an equal one is taken for it.
 */
export async function changeRecords(
    { zone, registry }: { readonly zone: HostedZone; readonly registry: Registry },
    changes: readonly RecordChange[],
    isOurs: (change: RecordChange) => boolean,
): Promise<ChangeResults> {
    const results = new Map<string, ChangeResult>();
    const count: ChangeCount = { requests: 0, throttled: 0, refused: 0, offenders: 0, largest: 0 };
    const changeIds: string[] = [];
    /** The changes of requests that were not answered. (Pulumi's serialization takes what is declared after its use for a module's.) */
    const unanswered = new Set<string>();
    const settle = (some: readonly RecordChange[], outcome: ChangeResult["outcome"], reason = "") =>
        some.forEach((change) =>
            results.set(keyOf(change), { outcome, reason, mayComeYet: unanswered.has(keyOf(change)) }),
        );
    /** To compare with what stands: a creation of what exists, a deletion of what differs. */
    const doubtful: RecordChange[] = [];
    /** Parts that are still to be sent. */
    let parts: readonly RecordChange[][] = [[...changes]];
    // One offender among N costs 2 log2 N refusals that name nobody. If there are more of them, the others are left for another run.
    let nameless = 2 * Math.ceil(Math.log2(changes.length + 1)) + 2;
    let most = Infinity;
    let patience = 0;
    let faults = 0;
    while (parts.length > 0) {
        const [part, ...others] = parts;
        const batch = nextBatch(part, most);
        const rest = [part.slice(batch.length), ...others].filter(({ length }) => length > 0);
        try {
            count.requests++;
            changeIds.push(await inTurn(registry, zone.deadline, () => sendChanges(zone, batch, "once")));
            count.largest = Math.max(count.largest, batch.length);
            settle(batch, "done");
            most *= 2;
            patience = 0;
            parts = rest;
        } catch (error) {
            const { name } = error as Error;
            const text = describeError(error);
            const blamed = name === "InvalidChangeBatch" ? refusals(text, batch) : new Map<string, Refusal>();
            count.refused += name === "InvalidChangeBatch" ? 1 : 0;
            count.offenders += blamed.size;
            if (name === "Throttling" || name === "PriorRequestNotComplete") {
                count.throttled += name === "Throttling" ? 1 : 0;
                most = name === "Throttling" ? Math.max(1, Math.ceil(batch.length / 2)) : most;
                const wait = pause(name, patience++);
                if (Date.now() + wait >= zone.deadline) {
                    settle(parts.flat(), "open", text);
                    break;
                }
                await sleep(wait);
            } else if (blamed.size > 0) {
                const verdictOf = (change: RecordChange) => verdict(change, blamed.get(keyOf(change)));
                settle(
                    batch.filter((change) => verdictOf(change) === "done"),
                    "done",
                );
                doubtful.push(...batch.filter((change) => verdictOf(change) === "doubtful"));
                batch
                    .filter((change) => verdictOf(change) === "refused")
                    .forEach((change) => settle([change], "refused", blamed.get(keyOf(change))!.text));
                const again = batch.filter((change) => verdictOf(change) === "again");
                parts = [again, ...rest].filter(({ length }) => length > 0);
            } else if (name === "InvalidChangeBatch" && nameless-- === 0) {
                settle(parts.flat(), "open", text);
                break;
            } else if (name === "InvalidChangeBatch" && batch.length > 1) {
                const middle = batch.length >> 1;
                parts = [batch.slice(0, middle), batch.slice(middle), ...rest];
            } else if (isFateUnknown(error) && faults < 3 && Date.now() + LONGEST_BACKOFF < zone.deadline) {
                batch.forEach((change) => unanswered.add(keyOf(change)));
                await sleep(backoff(faults++));
            } else {
                if (isFateUnknown(error)) {
                    batch.forEach((change) => unanswered.add(keyOf(change)));
                }
                settle(batch, name === "InvalidChangeBatch" ? "refused" : "open", text);
                parts = rest;
            }
        }
    }
    const exact = await compare(zone, doubtful, isOurs, settle);
    if (exact.length > 0) {
        // What stands differs in its TTL alone: somebody changed that, and Route 53 deletes by the exact record set.
        const again = await changeRecords({ zone, registry }, exact, isOurs);
        again.results.forEach((result, key) => results.set(key, result));
        changeIds.push(...again.changeIds);
        count.requests += again.count.requests;
    }
    return { results, count, changeIds };
}

/** Milliseconds. */
const LONGEST_BACKOFF = 1_000;

/** A time to wait for other writers of the zone, or for the account's budget, which fills by a share a second. */
function pause(name: string, patience: number): number {
    return name === "Throttling"
        ? 200 + Math.random() * Math.min(2_000, 400 * 2 ** patience)
        : 50 + Math.random() * Math.min(1_000, 100 * 2 ** patience);
}

function verdict({ action }: RecordChange, refusal: Refusal | undefined): "again" | "done" | "doubtful" | "refused" {
    switch (refusal && `${action} ${refusal.fault}`) {
        case undefined:
            return "again";
        case "DELETE not found":
            return "done";
        case "CREATE exists":
        case "DELETE differs":
            return "doubtful";
        default:
            return "refused";
    }
}

/** Looks what stands where a change was refused; answers the deletions to be sent again, as exact as Route 53 wants them. */
async function compare(
    zone: HostedZone,
    doubtful: readonly RecordChange[],
    isOurs: (change: RecordChange) => boolean,
    settle: (some: readonly RecordChange[], outcome: ChangeResult["outcome"], reason?: string) => void,
): Promise<RecordChange[]> {
    const standing = new Map<string, RecordSet>();
    try {
        for (const type of ["A", "AAAA"] as const) {
            const names = doubtful.filter((change) => change.type === type).map(({ name }) => name);
            (await readRecords(zone, names, type)).forEach((record) => standing.set(keyOf(record), record));
        }
    } catch (error) {
        settle(doubtful, "open", describeError(error));
        return [];
    }
    const again: RecordChange[] = [];
    for (const change of doubtful) {
        const record = standing.get(keyOf(change));
        const isOurRecord = record !== undefined && isEqual(record, change) && isOurs(change);
        if (record === undefined) {
            settle(
                [change],
                change.action === "DELETE" ? "done" : "open",
                "what stood there went while it was looked at",
            );
        } else if (!isOurRecord) {
            const values = record.values.join(", ");
            settle(
                [change],
                "occupied",
                `${change.name} has a ${change.type} record of somebody else, which is left alone: ${values}`,
            );
        } else if (change.action === "CREATE") {
            settle([change], "done");
        } else if (record.ttl !== change.ttl) {
            again.push({ ...change, ttl: record.ttl });
        } else {
            settle([change], "open", "what stood there changed while it was looked at");
        }
    }
    return again;
}

/** They lead to the same addresses; the TTL is of no account. */
function isEqual(one: RecordSet, other: RecordSet): boolean {
    return String([...one.values].sort()) === String([...other.values].sort());
}
