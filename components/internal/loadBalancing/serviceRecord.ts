// The record that a service has of its name, where other regions have records of the same name.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { integer } from "../arguments";
import { pathReason, Reason, regionReason } from "../rules";
import { choice, Fault, faultOf, flag, isPlain, number, plain, record, Rule, text } from "../validation";
import { claimsOf } from "./claims";
import { Failover, LatencyRouting, Routing, routingDefaults, RoutingHealthCheck } from "./routing";
import { LoadBalancedServiceArgs, serviceDefaults } from "./serviceArgs";

/** https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html, RequestInterval */
const requestIntervals = [10, 30];

export const routingRule: Rule = plain(
    record<Routing>({
        latency: plain(record<LatencyRouting>({ region: text(regionReason) })),
        failover: plain(choice(Failover)),
        // https://docs.aws.amazon.com/Route53/latest/APIReference/API_ResourceRecordSet.html
        setIdentifier: text((value) =>
            value.length > 128 ? `has ${value.length} characters: Route 53 takes up to 128, give fewer` : undefined,
        ),
        healthCheck: plain(
            record<RoutingHealthCheck>({
                path: text(pathReason),
                requestInterval: plain(
                    number((value) =>
                        requestIntervals.includes(value)
                            ? undefined
                            : `${value} is not allowed: give ${requestIntervals.join(" or ")} seconds`,
                    ),
                ),
                failureThreshold: plain(integer(1, 10)),
            }),
        ),
        inService: plain(flag),
    }),
);

/** What does not go together, whatever other services there are. */
export function routingFaults(args: LoadBalancedServiceArgs): Fault[] {
    const { routing, domain, hosts = [], internal = false } = args;
    if (routing === undefined) {
        return [];
    }
    const policies = (["latency", "failover"] as const).filter((policy) => routing[policy] !== undefined);
    return [
        ...faultOf(
            "routing",
            policies.length === 1
                ? undefined
                : policies.length === 0
                  ? "names no policy: give latency or failover"
                  : "latency and failover cannot go together: Route 53 takes one policy for all records of a name, give one of them",
        ),
        ...faultOf(
            "domain",
            domain === undefined ? "is missing: routing is about its record, give domain and hostedZoneId" : undefined,
        ),
        ...faultOf(
            "routing.healthCheck",
            routing.healthCheck !== undefined && hosts.length > 0
                ? "asks the load balancer by its own name, for which there is no rule beside hosts: leave out one of them"
                : routing.healthCheck !== undefined && internal
                  ? "comes from the internet, which does not reach an internal load balancer: leave it out"
                  : undefined,
        ),
    ];
}

/** The record that a service has of a name. */
export interface RecordClaim {
    readonly service: string;
    readonly routing?: Routing;
}

const claimsOn = claimsOf<RecordClaim>();

function claimsOnName({ domain, hostedZoneId }: Pick<LoadBalancedServiceArgs, "domain" | "hostedZoneId">) {
    return isPlain(domain) && isPlain(hostedZoneId) ? claimsOn(`${hostedZoneId} ${domain}`) : [];
}

/** Why a service cannot have its record beside those that other services of the program have of the name. */
export function recordReason(args: LoadBalancedServiceArgs): Reason {
    const { routing } = args;
    const others = claimsOnName(args);
    const policyOf = (of: Routing | undefined): string =>
        of === undefined ? "none" : of.failover === undefined ? "latency" : "failover";
    const mixed = others.find((other) => policyOf(other.routing) !== policyOf(routing));
    if (mixed !== undefined) {
        return `"${mixed.service}" has a record of the same domain, with routing ${policyOf(mixed.routing)}: Route 53 takes one policy for all records of a name, give the same`;
    }
    const isSame = (one: unknown, other: unknown): boolean => one !== undefined && one === other;
    const same = others.find((other) => isSame(other.routing?.failover, routing?.failover));
    if (same !== undefined) {
        return `"${same.service}" is the ${routing?.failover} of the same domain already: a name has one of each`;
    }
    const identifier = routing?.setIdentifier;
    const alike = others.find((other) => isSame(other.routing?.setIdentifier, identifier));
    return alike !== undefined && isPlain(identifier)
        ? `setIdentifier "${identifier}" is that of "${alike.service}" for the same domain: give another`
        : undefined;
}

/** From now on the name has the service's record. */
export function claimRecord(service: string, args: LoadBalancedServiceArgs): void {
    claimsOnName(args).push({ service, routing: args.routing });
}

/** What tells the records apart: of one region there is one. */
export function setIdentifierOf(routing: Routing, parent: pulumi.Resource): pulumi.Input<string> {
    return routing.setIdentifier ?? aws.getRegionOutput({}, { parent }).region;
}

/** What the service's record has of its routing. */
export function routed(
    name: string,
    args: LoadBalancedServiceArgs,
    dnsName: pulumi.Input<string>,
    parent: pulumi.Resource,
): Partial<aws.route53.RecordArgs> {
    const { routing, tags, healthCheckPath = serviceDefaults.healthCheckPath } = args;
    if (routing === undefined) {
        return {};
    }
    const { latency, failover, healthCheck, inService = true } = routing;
    const region = latency === undefined ? undefined : (latency.region ?? aws.getRegionOutput({}, { parent }).region);
    const looked =
        healthCheck === undefined && inService
            ? undefined
            : new aws.route53.HealthCheck(
                  `${name}-health-check`,
                  {
                      type: "HTTPS",
                      fqdn: dnsName,
                      port: args.httpsPort ?? serviceDefaults.httpsPort,
                      resourcePath: healthCheck?.path ?? healthCheckPath,
                      requestInterval: healthCheck?.requestInterval ?? routingDefaults.requestInterval,
                      failureThreshold: healthCheck?.failureThreshold ?? routingDefaults.failureThreshold,
                      enableSni: true,
                      // What is disabled counts as healthy, and inverted as unhealthy: AWS's way to stop routing to something.
                      disabled: !inService,
                      invertHealthcheck: !inService,
                      tags,
                  },
                  { parent },
              );
    return {
        setIdentifier: setIdentifierOf(routing, parent),
        ...(region === undefined ? {} : { latencyRoutingPolicies: [{ region }] }),
        ...(failover === undefined ? {} : { failoverRoutingPolicies: [{ type: failover }] }),
        ...(looked === undefined ? {} : { healthCheckId: looked.id }),
    };
}
