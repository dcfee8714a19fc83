import type { Change, Route53Client } from "@aws-sdk/client-route-53";
import { call, poll } from "../calls";
import { load } from "../load";

// The TXT records that answer DNS-01 challenges, in a hosted zone that others may write too.

export interface ChallengeZone {
    readonly route53: Route53Client;
    readonly hostedZoneId: string;
}

/** The value that the certificate authority wants to see under a name. */
export interface ChallengeValue {
    readonly recordName: string;
    readonly value: string;
}

interface TxtRecord {
    readonly name: string;
    readonly ttl: number;
    /** In double quotes, as Route 53 holds them. */
    readonly values: readonly string[];
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

/** Publishes the values beside those that others have there, and waits until every name server of Route 53 shows them. */
export async function publishChallenges(
    zone: ChallengeZone,
    challenges: readonly ChallengeValue[],
    deadline: number,
): Promise<void> {
    const changes: Change[] = [];
    for (const [name, ours] of groupByRecord(challenges)) {
        const { ttl, values } = (await readRecord(zone, name, deadline)) ?? { ttl: TTL_SECONDS, values: [] };
        changes.push(change("UPSERT", { name, ttl, values: [...new Set([...values, ...ours])] }));
    }
    const changeId = await send(zone, changes, deadline);
    await awaitInSync(zone, changeId, deadline);
}

/** Takes the values away again and leaves what others have there by now. */
export async function removeChallenges(
    zone: ChallengeZone,
    challenges: readonly ChallengeValue[],
    deadline: number,
): Promise<void> {
    for (let tries = 1; ; tries++) {
        const changes: Change[] = [];
        for (const [name, ours] of groupByRecord(challenges)) {
            const present = await readRecord(zone, name, deadline);
            const others = present?.values.filter((value) => !ours.includes(value)) ?? [];
            if (present !== undefined && others.length < present.values.length) {
                const rest = { ...present, values: others };
                changes.push(others.length === 0 ? change("DELETE", present) : change("UPSERT", rest));
            }
        }
        try {
            await (changes.length > 0 && send(zone, changes, deadline));
            return;
        } catch (error) {
            // A deletion must match: another writer changed the record since it was read.
            if ((error as Error).name !== "InvalidChangeBatch" || tries === 3) {
                throw error;
            }
        }
    }
}

async function readRecord(
    { route53, hostedZoneId }: ChallengeZone,
    name: string,
    deadline: number,
): Promise<TxtRecord | undefined> {
    const { ListResourceRecordSetsCommand } = load("@aws-sdk/client-route-53");
    const command = new ListResourceRecordSetsCommand({
        HostedZoneId: hostedZoneId,
        StartRecordName: name,
        StartRecordType: "TXT",
        MaxItems: 1,
    });
    const page = await call(`route53:ListResourceRecordSets of ${hostedZoneId}`, deadline, () => route53.send(command));
    // A listing begins at the name asked for or, where there is none, at the next.
    const set = page.ResourceRecordSets?.find((each) => each.Name === name && each.Type === "TXT");
    return (
        set && {
            name,
            ttl: set.TTL ?? TTL_SECONDS,
            values: (set.ResourceRecords ?? []).map(({ Value }) => Value ?? ""),
        }
    );
}

function change(Action: "UPSERT" | "DELETE", { name, ttl, values }: TxtRecord): Change {
    const ResourceRecords = values.map((Value) => ({ Value }));
    return { Action, ResourceRecordSet: { Name: name, Type: "TXT", TTL: ttl, ResourceRecords } };
}

/** One request for all records; answers the id of the change. */
async function send({ route53, hostedZoneId }: ChallengeZone, changes: Change[], deadline: number): Promise<string> {
    const { ChangeResourceRecordSetsCommand } = load("@aws-sdk/client-route-53");
    const command = new ChangeResourceRecordSetsCommand({
        HostedZoneId: hostedZoneId,
        ChangeBatch: { Comment: "ACME DNS-01", Changes: changes },
    });
    const { ChangeInfo } = await call(`route53:ChangeResourceRecordSets of ${hostedZoneId}`, deadline, () =>
        route53.send(command),
    );
    return ChangeInfo?.Id ?? "";
}

async function awaitInSync({ route53 }: ChallengeZone, changeId: string, deadline: number): Promise<void> {
    const { GetChangeCommand } = load("@aws-sdk/client-route-53");
    const command = new GetChangeCommand({ Id: changeId });
    await poll(`Publishing the challenge records in Route 53 (${changeId})`, deadline, async () => {
        const { ChangeInfo } = await call(`route53:GetChange of ${changeId}`, deadline, () => route53.send(command));
        return ChangeInfo?.Status === "INSYNC" || undefined;
    });
}
