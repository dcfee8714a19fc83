import type { ResourceRecordSet } from "@aws-sdk/client-route-53";

import { escapeName, isBelowOrEqual, normalizeName, parseValue } from "../../internet/dns/records";
import type { ZoneContent } from "../../internet/dns/records";
import { policyOf } from "../../internet/dns/routing";
import type { Policy } from "../../internet/dns/routing";

export interface Change {
    readonly action: "CREATE" | "DELETE" | "UPSERT";
    readonly set: ResourceRecordSet;
}

export type BatchOutcome = { readonly content: ZoneContent } | { readonly faults: readonly string[] };

const maxRecords = 1_000;
const maxCharacters = 32_000;
const maxValuesPerSet = 400;

/** All changes or none: what the zone holds after them, or everything that is wrong with them in Route 53's words. */
export function applyBatch(zone: ZoneContent, changes: readonly Change[]): BatchOutcome {
    const tooMuch = limitFaults(changes);
    if (tooMuch.length > 0) {
        return { faults: tooMuch };
    }
    const invalid = [...repeatedSets(changes), ...changes.flatMap(({ set }) => setFaults(zone, set))];
    if (invalid.length > 0) {
        return { faults: invalid };
    }
    const sets = new Map(zone.sets);
    const faults = changes.flatMap((change) => applyChange(zone.name, sets, change) ?? []);
    return faults.length > 0 ? { faults } : { content: { name: zone.name, sets } };
}

/** What a batch takes from the budget of changes: an UPSERT counts as the DELETE and the CREATE it stands for. */
export function batchCost(changes: readonly Change[]): number {
    return changes.reduce((sum, { action }) => sum + (action === "UPSERT" ? 2 : 1), 0);
}

function limitFaults(changes: readonly Change[]): string[] {
    let records = 0;
    let characters = 0;
    for (const { action, set } of changes) {
        const times = action === "UPSERT" ? 2 : 1;
        const values = (set.ResourceRecords ?? []).map(({ Value = "" }) => Value);
        records += times * values.length;
        characters += times * values.reduce((sum, value) => sum + value.length, 0);
    }
    return [
        ...(records > maxRecords ? [`Number of records limit of ${maxRecords} exceeded.`] : []),
        ...(characters > maxCharacters ? [`Number of characters limit of ${maxCharacters} exceeded.`] : []),
    ];
}

/** One change a set, or a DELETE with the CREATE that replaces it. */
function repeatedSets(changes: readonly Change[]): string[] {
    const actions = new Map<string, { readonly set: ResourceRecordSet; text: string }>();
    for (const { action, set } of changes) {
        const seen = actions.get(keyOf(set));
        actions.set(keyOf(set), { set, text: seen ? `${seen.text} ${action}` : action });
    }
    return [...actions.values()]
        .filter(({ text }) => !["CREATE", "DELETE", "UPSERT", "DELETE CREATE"].includes(text))
        .map(
            ({ set }) =>
                `The request contains an invalid set of changes for a resource record set '${set.Type} ${nameOf(set)}'`,
        );
}

function setFaults(zone: ZoneContent, set: ResourceRecordSet): string[] {
    if (!isBelowOrEqual(set.Name ?? "", zone.name)) {
        return [`RRSet with DNS name ${nameOf(set)} is not permitted in zone ${zone.name}`];
    }
    if (set.Type === "CNAME" && set.Name === zone.name) {
        return [`RRSet of type CNAME with DNS name ${zone.name} is not permitted at apex in zone ${zone.name}`];
    }
    const described = `RRSet with DNS name ${nameOf(set)}, type ${set.Type}`;
    if (set.AliasTarget) {
        return set.TTL === undefined && !set.ResourceRecords
            ? []
            : [`Invalid request: ${described}: an alias has neither TTL nor ResourceRecords.`];
    }
    if (set.TTL === undefined || !(set.TTL >= 0 && set.TTL <= 2_147_483_647)) {
        return [`Invalid request: ${described}: expected a TTL from 0 to 2147483647 seconds, or an AliasTarget.`];
    }
    const values = (set.ResourceRecords ?? []).map(({ Value = "" }) => Value);
    const most = set.Type === "CNAME" || set.Type === "SOA" ? 1 : maxValuesPerSet;
    if (values.length === 0 || values.length > most) {
        const expected = most === 1 ? "1 value" : `1 to ${most} values`;
        return [`Invalid request: ${described}: expected ${expected}, got ${values.length}.`];
    }
    const repeated = values.filter((value, index) => values.indexOf(value) !== index);
    return [
        ...repeated.map((value) => `Duplicate Resource Record: '${value}'`),
        ...values.flatMap((value) => valueFaults(set.Type ?? "", value)),
    ];
}

function valueFaults(type: string, value: string): string[] {
    try {
        parseValue(type, value);
        return [];
    } catch (error) {
        return [`Invalid Resource Record: '${(error as Error).message}'`];
    }
}

/** Changes `sets`, or gives what forbids it. */
function applyChange(
    zoneName: string,
    sets: Map<string, readonly ResourceRecordSet[]>,
    { action, set }: Change,
): string | undefined {
    const name = set.Name ?? "";
    const atName = sets.get(name) ?? [];
    const current = atName.find((other) => keyOf(other) === keyOf(set));
    const others = atName.filter((other) => other !== current);
    const described = `resource record set [name='${nameOf(set)}', type='${set.Type}'${
        set.SetIdentifier === undefined ? "" : `, set identifier='${set.SetIdentifier}'`
    }]`;
    if (action === "DELETE") {
        if (!current) {
            return `Tried to delete ${described} but it was not found`;
        }
        if (fingerprint(current) !== fingerprint(set)) {
            return `Tried to delete ${described} but the values provided do not match the current values`;
        }
        if (name === zoneName && (set.Type === "SOA" || set.Type === "NS")) {
            return set.Type === "SOA"
                ? "A HostedZone must contain exactly one SOA record."
                : "A HostedZone must contain at least one NS record for the zone itself.";
        }
        if (others.length > 0) {
            sets.set(name, others);
        } else {
            sets.delete(name);
        }
        return undefined;
    }
    if (action === "CREATE" && current) {
        return `Tried to create ${described} but it already exists`;
    }
    if (set.Type === "CNAME" && others.some(({ Type }) => Type !== "CNAME")) {
        return `RRSet of type CNAME with DNS name ${nameOf(set)} is not permitted as it conflicts with other records with the same DNS name in zone ${zoneName}`;
    }
    if (set.Type !== "CNAME" && others.some(({ Type }) => Type === "CNAME")) {
        return `RRSet of type ${set.Type} with DNS name ${nameOf(set)} is not permitted because a conflicting RRSet of type CNAME with the same DNS name already exists in zone ${zoneName}`;
    }
    const refusal = routingFault(
        set,
        others.filter(({ Type }) => Type === set.Type),
    );
    if (refusal === undefined) {
        sets.set(name, [...others, set]);
    }
    return refusal;
}

const policyWords: Readonly<Record<Policy, string>> = {
    Weight: "weighted",
    Region: "latency",
    Failover: "failover",
    GeoLocation: "geolocation",
    MultiValueAnswer: "multivalue answer",
};

/** Most weighted sets, or of a multivalue answer, of one name and type. */
const mostOfOneName = 100;

/**
 * What forbids a set beside the others of its name and type.
 * https://docs.aws.amazon.com/Route53/latest/APIReference/API_ResourceRecordSet.html; the words, as far as they are known, from
 * https://github.com/hashicorp/terraform-provider-aws/issues/1668, https://github.com/kubernetes-sigs/external-dns/issues/4345 and 2362,
 * and https://github.com/aws/aws-sdk-go-v2/issues/518
 */
function routingFault(set: ResourceRecordSet, others: readonly ResourceRecordSet[]): string | undefined {
    const policy = policyOf(set);
    const described = `RRSet with DNS name ${nameOf(set)}, type ${set.Type}`;
    if (policy === undefined) {
        return others.length > 0
            ? `${described} cannot be created as other RRSets exist with the same name and type.`
            : undefined;
    }
    const words = policyWords[policy];
    const identified = `${described}, SetIdentifier ${set.SetIdentifier}`;
    if (others.some((other) => policyOf(other) !== policy)) {
        return `${identified} cannot be created as a non-${words} set exists with the same name and type.`;
    }
    if (policy === "Region" && others.some(({ Region }) => Region === set.Region)) {
        return `${identified}, and Region Name=${set.Region} cannot be created because a latency RRSet with the same name, type and region already exists.`;
    }
    if (policy === "Failover" && others.some(({ Failover }) => Failover === set.Failover)) {
        return `${identified}, and Failover=${set.Failover} cannot be created because a failover RRSet with the same name, type and failover already exists.`;
    }
    if (set.Failover === "PRIMARY" && set.AliasTarget === undefined && set.HealthCheckId === undefined) {
        return "A non-alias primary ResourceRecordSet must have an associated health check. No changes made.";
    }
    if (policy === "Weight" && !set.AliasTarget && others.some(({ TTL }) => TTL !== undefined && TTL !== set.TTL)) {
        return `${identified} cannot be created as weighted sets must contain the same TTL.`;
    }
    return (policy === "Weight" || policy === "MultiValueAnswer") && others.length >= mostOfOneName
        ? `${identified} cannot be created as there are ${mostOfOneName} ${words} sets with the same name and type.`
        : undefined;
}

/** The order of values and of fields is of no account. */
function fingerprint(set: ResourceRecordSet): string {
    const values = (set.ResourceRecords ?? []).map(({ Value }) => Value).sort();
    const alias = set.AliasTarget && normalizeName(set.AliasTarget.DNSName ?? "");
    const fields = { ...set, ResourceRecords: values, AliasTarget: [alias, set.AliasTarget?.HostedZoneId] };
    return JSON.stringify(Object.entries(fields).sort(([one], [other]) => (one < other ? -1 : 1)));
}

function keyOf(set: ResourceRecordSet): string {
    return `${set.Type} ${set.Name} ${set.SetIdentifier ?? ""}`;
}

function nameOf(set: ResourceRecordSet): string {
    return escapeName(set.Name ?? "");
}
