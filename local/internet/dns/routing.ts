// Which record sets of a name answer, where there are several of one type: Route 53's routing policies.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/routing-policy.html
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/health-checks-how-route-53-chooses-records.html
import type { ResourceRecordSet } from "@aws-sdk/client-route-53";

import { distance } from "./regions";

/** Who asks, and what is known of the records. */
export interface View {
    /** The region near which the resolver is. */
    readonly region: string;
    /** By its health check, and by its target where it is an alias that is to know. */
    readonly isHealthy: (set: ResourceRecordSet) => boolean;
    /** From 0 up to 1, as Math.random. */
    readonly random: () => number;
}

/** The routing policies, by the member that a record set of one has. */
export const policies = ["Weight", "Region", "Failover", "GeoLocation", "MultiValueAnswer"] as const;
export type Policy = (typeof policies)[number];

export function policyOf(set: ResourceRecordSet): Policy | undefined {
    return policies.find((policy) => set[policy] !== undefined);
}

/** Most records of a multivalue answer. */
const mostValues = 8;

/** Of sets of one name, type and policy, those that answer. Where none is healthy, all count as healthy. */
export function choose(sets: readonly ResourceRecordSet[], view: View): readonly ResourceRecordSet[] {
    const [first] = sets;
    const policy = first && policyOf(first);
    if (policy === undefined) {
        return sets;
    }
    const healthy = sets.filter(view.isHealthy);
    const usable = healthy.length > 0 ? healthy : sets;
    switch (policy) {
        case "Failover": {
            // The primary, too, where neither is healthy.
            const [primary] = sets.filter(({ Failover }) => Failover === "PRIMARY");
            const [secondary] = sets.filter(({ Failover }) => Failover === "SECONDARY");
            const fails = primary !== undefined && !view.isHealthy(primary) && healthy.includes(secondary);
            return [fails ? secondary : (primary ?? secondary)];
        }
        case "Region":
            return [nearest(usable, view.region)];
        case "Weight":
            return [byWeight(usable, view.random)];
        case "MultiValueAnswer":
            return usable.slice(0, mostValues);
        case "GeoLocation":
            // A loopback address is in no country: as on AWS, the default record answers, or none.
            return usable.filter(({ GeoLocation }) => GeoLocation?.CountryCode === "*");
    }
}

function nearest(sets: readonly ResourceRecordSet[], from: string): ResourceRecordSet {
    const far = ({ Region }: ResourceRecordSet): number => distance(from, Region ?? "");
    return [...sets].sort((one, other) => far(one) - far(other))[0];
}

/** Those of weight 0 only where there are no others. */
function byWeight(sets: readonly ResourceRecordSet[], random: View["random"]): ResourceRecordSet {
    const hasWeights = sets.some(({ Weight = 0 }) => Weight > 0);
    const weights = sets.map(({ Weight = 0 }) => (hasWeights ? Weight : 1));
    let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
    const index = weights.findIndex((weight) => (left -= weight) < 0);
    return sets[index] ?? sets[sets.length - 1];
}
