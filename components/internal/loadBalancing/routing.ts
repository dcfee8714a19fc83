// Which of several regions answers for a service's one name: by Route 53's routing policies.
import * as pulumi from "@pulumi/pulumi";

/** Which of the two records of a name that fails over. */
export const Failover = {
    /** Answers as long as it is healthy. */
    Primary: "PRIMARY",
    /** Answers while the primary is not healthy and this one is. */
    Secondary: "SECONDARY",
} as const;
export type Failover = (typeof Failover)[keyof typeof Failover];

/** A latency record: of the regions that have one, a visitor gets the one to which the latency is lowest. */
export interface LatencyRouting {
    /**
     * Region that latencies are measured to.
     * @default the provider's region
     */
    readonly region?: pulumi.Input<string>;
}

/** A look at the load balancer by Route 53's health checkers, from outside the region. */
export interface RoutingHealthCheck {
    /**
     * Path that answers 2xx or 3xx when visitors can be served.
     * @default the service's `healthCheckPath`
     */
    readonly path?: pulumi.Input<string>;
    /**
     * Seconds between the looks of each checker: 10 or 30. Checkers look from several regions, so there are several requests a second at worst.
     * @default 30
     */
    readonly requestInterval?: number;
    /**
     * Looks in a row that change its status, 1 to 10.
     * @default 3
     */
    readonly failureThreshold?: number;
}

/** How one name leads to the regions that have the service: give `latency` or `failover`, the same in each of them. */
export interface Routing {
    /**
     * Active-active: each region serves those who are near.
     * @default none
     */
    readonly latency?: LatencyRouting;
    /**
     * Active-standby: one region is the primary, one the secondary.
     * @default none
     */
    readonly failover?: Failover;
    /**
     * What tells the records of the name apart, up to 128 characters.
     * @default the provider's region
     */
    readonly setIdentifier?: pulumi.Input<string>;
    /**
     * A look from outside, beside what the load balancer says of its targets. Both have to be well.
     * @default none: a region is out when its load balancer has no healthy target
     */
    readonly healthCheck?: RoutingHealthCheck;
    /**
     * Whether the region is to get visitors. `false` takes it out while everything in it keeps running: its record counts as unhealthy.
     * @default true
     */
    readonly inService?: boolean;
}

export const routingDefaults = { requestInterval: 30, failureThreshold: 3 } as const;
