import type {
    ListResourceRecordSetsCommand,
    ListResourceRecordSetsCommandInput,
    ListResourceRecordSetsCommandOutput,
    Route53Client,
} from "@aws-sdk/client-route-53";
import { call, clientSettings, poll } from "./calls";
import { load } from "./load";

/** A Route 53 hosted zone and the time left to work on it. */
export interface HostedZone {
    readonly route53: Route53Client;
    readonly id: string;
    /** Milliseconds since the epoch. */
    readonly deadline: number;
}

export interface RecordSet {
    /** As Route 53 writes it: lower case, with the trailing dot. */
    readonly name: string;
    readonly type: "A" | "AAAA" | "CAA" | "TXT";
    /** Seconds. */
    readonly ttl: number;
    /** A TXT value stands in double quotes. */
    readonly values: readonly string[];
}

export interface RecordChange extends RecordSet {
    readonly action: "CREATE" | "UPSERT" | "DELETE";
}

/** What Route 53 puts on a page at most. */
const RECORDS_PER_PAGE = 300;

/** Opens a zone, as another role when it is another account's. */
export function openZone(id: string, deadline: number, roleArn?: string): HostedZone {
    const { Route53Client } = load("@aws-sdk/client-route-53");
    const credentials = roleArn === undefined ? {} : { credentials: () => assumeRole(roleArn, deadline) };
    return { route53: new Route53Client({ ...clientSettings(), ...credentials }), id, deadline };
}

async function assumeRole(roleArn: string, deadline: number) {
    const { AssumeRoleCommand, STSClient } = load("@aws-sdk/client-sts");
    const sts = new STSClient(clientSettings());
    const command = new AssumeRoleCommand({ RoleArn: roleArn, RoleSessionName: "taskgate-certificate" });
    const { Credentials } = await call(`sts:AssumeRole of ${roleArn}`, deadline, () => sts.send(command));
    const { AccessKeyId = "", SecretAccessKey = "", SessionToken, Expiration } = Credentials ?? {};
    return {
        accessKeyId: AccessKeyId,
        secretAccessKey: SecretAccessKey,
        sessionToken: SessionToken,
        expiration: Expiration,
    };
}

/** The record sets of a type that stand under these names, in as few requests as the size of the zone allows. */
export async function readRecords(
    { route53, id, deadline }: HostedZone,
    names: readonly string[],
    type: RecordSet["type"],
): Promise<RecordSet[]> {
    const { ListResourceRecordSetsCommand } = load("@aws-sdk/client-route-53");
    const wanted = new Set(names);
    const found: RecordSet[] = [];
    let open = [...names].sort((a, b) => (zoneOrder(a) < zoneOrder(b) ? -1 : 1));
    while (open.length > 0) {
        const command = new ListResourceRecordSetsCommand({
            HostedZoneId: id,
            StartRecordName: open[0],
            StartRecordType: type,
            MaxItems: open.length === 1 ? 1 : RECORDS_PER_PAGE,
        });
        const page = await call(`route53:ListResourceRecordSets of ${id}`, deadline, () => route53.send(command));
        for (const { Name = "", Type, TTL = 0, ResourceRecords } of page.ResourceRecordSets ?? []) {
            // A page begins at the name asked for or, where there is none, at the next: only an equal name is meant.
            if (Type === type && ResourceRecords && wanted.delete(Name)) {
                found.push({ name: Name, type, ttl: TTL, values: ResourceRecords.map(({ Value = "" }) => Value) });
            }
        }
        // It answers for every name before the one that the next page begins with.
        const next = page.IsTruncated ? zoneOrder(page.NextRecordName ?? "") : undefined;
        open = open.slice(1).filter((name) => next !== undefined && zoneOrder(name) >= next);
    }
    return found;
}

/** The zone's own name, which stands first in it. */
export async function readZoneName({ route53, id, deadline }: HostedZone): Promise<string> {
    const { ListResourceRecordSetsCommand } = load("@aws-sdk/client-route-53");
    const command = new ListResourceRecordSetsCommand({ HostedZoneId: id, MaxItems: 1 });
    const { ResourceRecordSets = [] } = await call(`route53:ListResourceRecordSets of ${id}`, deadline, () =>
        route53.send(command),
    );
    return ResourceRecordSets[0]?.Name ?? "";
}

/** The records of some tasks below a domain, each `<taskId>.<domain>`: of those that come after a name chosen at random, then of the first ones. */
export async function readTaskNames(
    { route53, id, deadline }: HostedZone,
    domain: string,
    most: number,
): Promise<RecordSet[]> {
    const { ListResourceRecordSetsCommand } = load("@aws-sdk/client-route-53");
    const found = new Map<string, RecordSet>();
    const somewhere = `${load("node:crypto").randomBytes(16).toString("hex")}.${domain}.`;
    for (const StartRecordName of [somewhere, `${domain}.`]) {
        const command = new ListResourceRecordSetsCommand({ HostedZoneId: id, StartRecordName });
        const page = await call(`route53:ListResourceRecordSets of ${id}`, deadline, () => route53.send(command));
        for (const { Name = "", Type, TTL = 0, ResourceRecords = [] } of page.ResourceRecordSets ?? []) {
            const [label, ...rest] = Name.split(".");
            if (Type === "A" && /^[0-9a-f]{32}$/.test(label) && rest.join(".") === `${domain}.` && found.size < most) {
                const values = ResourceRecords.map(({ Value = "" }) => Value);
                found.set(Name, { name: Name, type: "A", ttl: TTL, values });
            }
        }
    }
    return [...found.values()];
}

/** Every record set of these types in the zone: a request for each 300 record sets of any type. */
export async function listRecords(
    { route53, id, deadline }: HostedZone,
    types: readonly RecordSet["type"][],
): Promise<RecordSet[]> {
    const sdk = load("@aws-sdk/client-route-53");
    const found: RecordSet[] = [];
    let next: Partial<ListResourceRecordSetsCommandInput> = {};
    do {
        const command: ListResourceRecordSetsCommand = new sdk.ListResourceRecordSetsCommand({
            HostedZoneId: id,
            ...next,
        });
        const page: ListResourceRecordSetsCommandOutput = await call(
            `route53:ListResourceRecordSets of ${id}`,
            deadline,
            () => route53.send(command),
        );
        for (const { Name = "", Type, TTL = 0, ResourceRecords } of page.ResourceRecordSets ?? []) {
            const type = types.find((candidate) => candidate === Type);
            if (type !== undefined && ResourceRecords) {
                found.push({ name: Name, type, ttl: TTL, values: ResourceRecords.map(({ Value = "" }) => Value) });
            }
        }
        next = {
            StartRecordName: page.NextRecordName,
            StartRecordType: page.NextRecordType,
            StartRecordIdentifier: page.NextRecordIdentifier,
        };
    } while (next.StartRecordName);
    return found;
}

/** Makes all changes or none, in one request; answers the id of the change. */
export async function sendChanges(
    zone: HostedZone,
    changes: readonly RecordChange[],
    how?: "patiently" | "once",
): Promise<string> {
    const { ChangeResourceRecordSetsCommand } = load("@aws-sdk/client-route-53");
    const command = new ChangeResourceRecordSetsCommand({
        HostedZoneId: zone.id,
        ChangeBatch: {
            Changes: changes.map(({ action, name, type, ttl, values }) => ({
                Action: action,
                ResourceRecordSet: {
                    Name: name,
                    Type: type,
                    TTL: ttl,
                    ResourceRecords: values.map((Value) => ({ Value })),
                },
            })),
        },
    });
    const what = `route53:ChangeResourceRecordSets of ${zone.id}`;
    const { ChangeInfo } = await call(what, zone.deadline, () => zone.route53.send(command), how);
    return ChangeInfo?.Id ?? "";
}

/** Waits until every name server of Route 53 shows a change. */
export async function awaitInSync({ route53, deadline }: HostedZone, changeId: string): Promise<void> {
    const { GetChangeCommand } = load("@aws-sdk/client-route-53");
    const command = new GetChangeCommand({ Id: changeId });
    await poll(`Publishing by Route 53 (${changeId})`, deadline, async () => {
        const { ChangeInfo } = await call(`route53:GetChange of ${changeId}`, deadline, () => route53.send(command));
        return ChangeInfo?.Status === "INSYNC" || undefined;
    });
}

/** Route 53 lists a zone by the labels of the names from the right. */
function zoneOrder(name: string): string {
    return name.split(".").reverse().join("\0");
}
