import {
    awaitInSync,
    readRecords,
    sendChanges,
    type HostedZone,
    type RecordChange,
    type RecordSet,
} from "../hostedZone";

// The TXT records that answer DNS-01 challenges, in a hosted zone that others may write too.

/** The value that the certificate authority wants to see under a name. */
export interface ChallengeValue {
    readonly recordName: string;
    readonly value: string;
}

const TTL_SECONDS = 30;

/** The name below which a name's challenge is answered: the same for a domain and its wildcard. */
export function challengeRecordName(name: string): string {
    return `_acme-challenge.${name.replace(/^\*\./, "").toLowerCase()}.`;
}

/** The quoted values by record name. A domain and its wildcard have two values under one name, and a record holds them all or loses one. */
export function groupByRecord(challenges: readonly ChallengeValue[]): Map<string, string[]> {
    const groups = new Map<string, string[]>();
    for (const { recordName, value } of challenges) {
        const values = groups.get(recordName) ?? [];
        groups.set(recordName, [...new Set([...values, `"${value}"`])]);
    }
    return groups;
}

/** Publishes the values beside those that others have there, and waits until every name server shows them. */
export async function publishChallenges(zone: HostedZone, challenges: readonly ChallengeValue[]): Promise<void> {
    const groups = groupByRecord(challenges);
    const present = await readPresent(zone, groups);
    const changes = [...groups].map(([name, ours]): RecordChange => {
        const { ttl, values } = present.get(name) ?? { ttl: TTL_SECONDS, values: [] };
        return { action: "UPSERT", name, type: "TXT", ttl, values: [...new Set([...values, ...ours])] };
    });
    await awaitInSync(zone, await sendChanges(zone, changes));
}

/** Takes the values away again and leaves what others have there by now. */
export async function removeChallenges(zone: HostedZone, challenges: readonly ChallengeValue[]): Promise<void> {
    const groups = groupByRecord(challenges);
    for (let tries = 1; ; tries++) {
        const changes: RecordChange[] = [];
        for (const record of (await readPresent(zone, groups)).values()) {
            const others = record.values.filter((value) => !groups.get(record.name)?.includes(value));
            if (others.length === 0) {
                changes.push({ ...record, action: "DELETE" });
            } else if (others.length < record.values.length) {
                changes.push({ ...record, action: "UPSERT", values: others });
            }
        }
        try {
            await (changes.length > 0 && sendChanges(zone, changes));
            return;
        } catch (error) {
            // A deletion must match: another writer changed the record since it was read.
            if ((error as Error).name !== "InvalidChangeBatch" || tries === 3) {
                throw error;
            }
        }
    }
}

async function readPresent(zone: HostedZone, groups: ReadonlyMap<string, unknown>): Promise<Map<string, RecordSet>> {
    const records = await readRecords(zone, [...groups.keys()], "TXT");
    return new Map(records.map((record) => [record.name, record]));
}
