// Rules of a shared listener: a rule takes five condition values (docs.aws.amazon.com/elasticloadbalancing/latest/application/
// load-balancer-limits.html), so what a service wants is split into as few rules as can hold it; each rule has a priority of its own.
import { integerReason, Reason } from "../rules";

/** Condition values that a rule can have. */
export const valuesPerRule = 5;

/** The last priority of a listener's rules. */
const lastPriority = 50_000;

/** Requests that are for a service: to one of the hosts (any when there is none) and to one of the paths (any when there is none). */
export interface RuleConditions {
    readonly hosts: readonly string[];
    readonly paths: readonly string[];
}

/** The same requests as as few rules as possible, each within the limit. */
export function splitConditions({ hosts, paths }: RuleConditions): RuleConditions[] {
    if (hosts.length === 0 || paths.length === 0) {
        const count = Math.max(hosts.length, paths.length);
        const starts = Array.from({ length: Math.ceil(count / valuesPerRule) }, (_, index) => index * valuesPerRule);
        return starts.map((start) => ({
            hosts: hosts.slice(start, start + valuesPerRule),
            paths: paths.slice(start, start + valuesPerRule),
        }));
    }
    // Each rule holds some hosts and some paths: of all ways to share five values between both, the one of the fewest rules.
    const rules = (hostsPerRule: number): number =>
        Math.ceil(hosts.length / hostsPerRule) * Math.ceil(paths.length / (valuesPerRule - hostsPerRule));
    const [hostsPerRule] = [1, 2, 3, 4].sort((a, b) => rules(a) - rules(b));
    const pathGroups = groupsOf(paths, valuesPerRule - hostsPerRule);
    return groupsOf(hosts, hostsPerRule).flatMap((some) => pathGroups.map((few) => ({ hosts: some, paths: few })));
}

function groupsOf(values: readonly string[], size: number): string[][] {
    const starts = Array.from({ length: Math.ceil(values.length / size) }, (_, index) => index * size);
    return starts.map((start) => values.slice(start, start + size));
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
