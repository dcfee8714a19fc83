import { backoff, sleep } from "../calls";
import { awaitInSync, readRecords, sendChanges, type HostedZone, type RecordChange } from "../hostedZone";

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

/**
 * Publishes the values beside those that others have there, takes away those that an earlier run left, and waits until every name
 * server shows it.
 */
export async function publishChallenges(
    zone: HostedZone,
    challenges: readonly ChallengeValue[],
    stale: readonly ChallengeValue[] = [],
): Promise<void> {
    const [ours, left] = [groupByRecord(challenges), groupByRecord(stale)];
    const changeId = await editRecords(
        zone,
        [...ours.keys(), ...left.keys()],
        (name, values) => [
            ...new Set([...values.filter((value) => !left.get(name)?.includes(value)), ...(ours.get(name) ?? [])]),
        ],
        // Values that stand there already may not be on every name server yet: only a change can be waited for.
        true,
    );
    await (changeId && awaitInSync(zone, changeId));
}

/** Takes the values away again and leaves what others have there by now. */
export async function removeChallenges(zone: HostedZone, challenges: readonly ChallengeValue[]): Promise<void> {
    const groups = groupByRecord(challenges);
    await editRecords(zone, [...groups.keys()], (name, values) =>
        values.filter((value) => !groups.get(name)?.includes(value)),
    );
}

/**
 * Gives each record the values that `edit` makes of those that it has. A record is deleted as it was read and created anew in one batch,
 * which Route 53 refuses as a whole when another writer was there in between: then it is read again.
 */
async function editRecords(
    zone: HostedZone,
    names: readonly string[],
    edit: (name: string, values: readonly string[]) => readonly string[],
    always = false,
): Promise<string | undefined> {
    for (let tries = 1; ; tries++) {
        const records = await readRecords(zone, [...new Set(names)], "TXT");
        const changes = [...new Set(names)].flatMap((name): RecordChange[] => {
            const record = records.find((each) => each.name === name);
            const before = record?.values ?? [];
            const values = edit(name, before);
            const isSame = values.length === before.length && values.every((value) => before.includes(value));
            if (isSame && !(always && record)) {
                return [];
            }
            const set = { name, type: "TXT" as const, ttl: record?.ttl ?? TTL_SECONDS };
            return [
                ...(record ? [{ ...record, action: "DELETE" as const }] : []),
                ...(values.length > 0 ? [{ ...set, action: "CREATE" as const, values }] : []),
            ];
        });
        if (changes.length === 0) {
            return undefined;
        }
        try {
            return await sendChanges(zone, changes);
        } catch (error) {
            const { name, message } = error as Error;
            const isOutdated = /not found|do not match|already exists/.test(message) && !/CNAME/.test(message);
            if (name !== "InvalidChangeBatch" || !isOutdated || tries === 8) {
                throw error;
            }
            // Two writers that met once are not to meet again.
            await sleep(backoff(tries));
        }
    }
}
