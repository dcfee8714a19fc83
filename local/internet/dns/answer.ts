import type { ResourceRecordSet } from "@aws-sdk/client-route-53";
import type { SoaData } from "dns-packet";

import { isBelowOrEqual, normalizeName, toAnswers, withoutDot } from "./records";
import type { Answer, ZoneContent } from "./records";
import { regionNear } from "./regions";
import { choose } from "./routing";
import type { View } from "./routing";

export interface DnsAnswer {
    readonly rcode: "NOERROR" | "NXDOMAIN" | "REFUSED";
    readonly authoritative: boolean;
    readonly answers: readonly Answer[];
    readonly authorities: readonly Answer[];
}

const maxChain = 8;

/** Of somebody of whom nothing is known, where everything is well. */
const anybody: View = { region: regionNear(undefined), isHealthy: () => true, random: Math.random };

/** What an authoritative server of these zones says to a question. */
export function answerQuestion(
    zones: readonly ZoneContent[],
    question: string,
    type: string,
    view: View = anybody,
): DnsAnswer {
    const answers: Answer[] = [];
    let owner = question;
    for (let hop = 0; hop <= maxChain; hop++) {
        const name = normalizeName(owner);
        const zone = zoneOf(zones, name);
        if (!zone) {
            // Nothing known about the name itself; of an alias into a foreign zone at least the alias.
            return { rcode: hop ? "NOERROR" : "REFUSED", authoritative: hop > 0, answers, authorities: [] };
        }
        const delegation = delegationOf(zone, name);
        if (delegation) {
            const authorities = toAnswers(delegation, delegation.Name ?? "");
            return { rcode: "NOERROR", authoritative: hop > 0, answers, authorities };
        }
        const sets = setsAt(zone, name);
        if (!sets) {
            return { rcode: "NXDOMAIN", authoritative: true, answers, authorities: startOfAuthority(zone) };
        }
        const found = choose(
            sets.filter((set) => set.Type === type),
            view,
        );
        if (sets.some((set) => set.Type === type)) {
            answers.push(
                ...found.flatMap((set) => (set.AliasTarget ? aliased(zones, set, owner, view) : toAnswers(set, owner))),
            );
            const authorities = answers.length > 0 ? [] : startOfAuthority(zone);
            return { rcode: "NOERROR", authoritative: true, answers, authorities };
        }
        const [alias] = choose(
            sets.filter((set) => set.Type === "CNAME"),
            view,
        );
        if (!alias) {
            return { rcode: "NOERROR", authoritative: true, answers, authorities: startOfAuthority(zone) };
        }
        answers.push(...toAnswers(alias, owner));
        owner = alias.ResourceRecords?.[0]?.Value ?? "";
    }
    return { rcode: "NOERROR", authoritative: true, answers, authorities: [] };
}

function zoneOf(zones: readonly ZoneContent[], name: string): ZoneContent | undefined {
    return zones
        .filter((zone) => isBelowOrEqual(name, zone.name))
        .reduce<ZoneContent | undefined>(
            (best, zone) => (best && best.name.length >= zone.name.length ? best : zone),
            undefined,
        );
}

/** The NS record set, below the top of the zone, that hands this name to other servers. */
function delegationOf(zone: ZoneContent, name: string): ResourceRecordSet | undefined {
    return [name, ...parentsOf(name)]
        .filter((candidate) => candidate.endsWith(`.${zone.name}`))
        .reverse()
        .flatMap((candidate) => zone.sets.get(candidate) ?? [])
        .find((set) => set.Type === "NS");
}

/** The record sets of a name, or of the wildcard that stands for it; undefined if the name does not exist. */
function setsAt(zone: ZoneContent, name: string): readonly ResourceRecordSet[] | undefined {
    if (exists(zone, name)) {
        return zone.sets.get(name) ?? [];
    }
    const closest = parentsOf(name).find((parent) => parent === zone.name || exists(zone, parent));
    return zone.sets.get(`*.${closest}`);
}

/** A name exists when it has records or a name below it has. */
function exists(zone: ZoneContent, name: string): boolean {
    return zone.sets.has(name) || [...zone.sets.keys()].some((other) => other.endsWith(`.${name}`));
}

function parentsOf(name: string): string[] {
    const labels = name.split(".");
    return labels.slice(1, -1).map((_, index) => labels.slice(index + 1).join("."));
}

function aliased(zones: readonly ZoneContent[], set: ResourceRecordSet, owner: string, view: View): Answer[] {
    const { answers } = answerQuestion(zones, set.AliasTarget?.DNSName ?? "", set.Type ?? "", view);
    return answers.filter(({ type }) => type === set.Type).map((answer) => ({ ...answer, name: withoutDot(owner) }));
}

/** How long "no" may be remembered: the smaller of the SOA's TTL and its last field (RFC 2308). */
function startOfAuthority(zone: ZoneContent): Answer[] {
    return (zone.sets.get(zone.name) ?? [])
        .filter((set) => set.Type === "SOA")
        .flatMap((set) => toAnswers(set, zone.name))
        .map((soa) => ({ ...soa, ttl: Math.min(soa.ttl ?? 0, (soa.data as SoaData).minimum ?? 0) }));
}
