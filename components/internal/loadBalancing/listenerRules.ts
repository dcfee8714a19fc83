// Rules of a shared listener: a rule takes five condition values (docs.aws.amazon.com/elasticloadbalancing/latest/application/
// load-balancer-limits.html), so what a service wants is split into as few rules as can hold it; each rule has a priority of its own.
import { integerReason, Reason } from "../rules";

/** Condition values that a rule can have. */
export const valuesPerRule = 5;

/** Wildcards that all values of a rule can have together: AWS's pages say 5 or 6. */
const wildcardsPerRule = 5;

/** A host of a rule (docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html). */
export function hostReason(value: string): Reason {
    const isHost = /^[a-zA-Z0-9.*?-]{1,128}$/.test(value) && /\.[a-zA-Z]+$/.test(value);
    return isHost
        ? wildcardReason(value)
        : `"${value}" is no host: give a name with a dot, of letters, digits, hyphens, * and ?, with letters alone after the last dot`;
}

/** A path of a rule. */
export function pathPatternReason(value: string): Reason {
    return /^[/*][a-zA-Z0-9_.$/~"'@:+&*?-]{0,127}$/.test(value)
        ? wildcardReason(value)
        : `"${value}" is no path: begin it with /, and use up to 128 letters, digits and _ - . $ / ~ " ' @ : + & * ?`;
}

function wildcardReason(value: string): Reason {
    return wildcardsIn([value]) <= wildcardsPerRule
        ? undefined
        : `"${value}" has ${wildcardsIn([value])} wildcards: a rule takes ${wildcardsPerRule}, give fewer`;
}

function wildcardsIn(values: readonly string[]): number {
    return values.join("").replace(/[^*?]/g, "").length;
}

/** The last priority of a listener's rules. */
const lastPriority = 50_000;

/** Requests that are for a service: to one of the hosts (any when there is none) and to one of the paths (any when there is none). */
export interface RuleConditions {
    readonly hosts: readonly string[];
    readonly paths: readonly string[];
}

/** What the hosts, or the paths, of a rule may have. */
interface Room {
    readonly values: number;
    readonly wildcards: number;
}

/** The same requests as as few rules as possible, each within the limits. */
export function splitConditions({ hosts, paths }: RuleConditions): RuleConditions[] {
    const all = { values: valuesPerRule, wildcards: wildcardsPerRule };
    if (hosts.length === 0 || paths.length === 0) {
        const ofHosts = (groupsOf(hosts, all) ?? []).map((some) => ({ hosts: some, paths: [] }));
        const ofPaths = (groupsOf(paths, all) ?? []).map((few) => ({ hosts: [], paths: few }));
        return [...ofHosts, ...ofPaths];
    }
    // Each rule holds some hosts and some paths: of all ways to share a rule's room between both, the one of the fewest rules.
    const shares = [1, 2, 3, 4].flatMap((values) =>
        [0, 1, 2, 3, 4, 5].map((wildcards): Room => ({ values, wildcards })),
    );
    const ways = shares.flatMap((room) => {
        const some = groupsOf(hosts, room);
        const rest = { values: all.values - room.values, wildcards: all.wildcards - room.wildcards };
        const few = groupsOf(paths, rest);
        return some && few ? [some.flatMap((of) => few.map((to) => ({ hosts: of, paths: to })))] : [];
    });
    const [fewest = []] = ways.sort((a, b) => a.length - b.length);
    return fewest;
}

/** The values in their order, in groups that have the room; undefined when one of them has not. */
function groupsOf(values: readonly string[], room: Room): string[][] | undefined {
    const fits = (group: readonly string[]): boolean =>
        group.length <= room.values && wildcardsIn(group) <= room.wildcards;
    const groups: string[][] = [];
    for (const value of values) {
        const last = groups.at(-1);
        if (last !== undefined && fits([...last, value])) {
            last.push(value);
        } else {
            groups.push([value]);
        }
    }
    return groups.every(fits) ? groups : undefined;
}

/** Priorities that a service takes on a listener: `first` and the ones after it. */
export interface PriorityClaim {
    readonly service: string;
    readonly first: number;
    readonly count: number;
}

/** Why a service cannot have the priorities it wants, given those of the other services on its listener. */
export function priorityReason(claim: PriorityClaim, others: readonly PriorityClaim[]): Reason {
    const last = claim.first + claim.count - 1;
    const clash = others.find((other) => claim.first < other.first + other.count && other.first <= last);
    const wanted = (one: PriorityClaim): string =>
        one.count === 1 ? `${one.first}` : `${one.first} to ${one.first + one.count - 1}`;
    return (
        integerReason(claim.first, 1, lastPriority - claim.count + 1) ??
        (clash &&
            `${wanted(claim)} is taken: "${clash.service}" has ${wanted(clash)} on this listener; give another priority`)
    );
}
