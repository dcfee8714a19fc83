// What listens for a load-balanced service, and to what it sends: target groups, listeners and their rules.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { sidecarHealthPath } from "../envoy/front";
import { claimPriorities } from "./listenerClaims";
import { splitConditions } from "./listenerRules";
import { httpsListener, LoadBalancer, redirectListener, sslPolicy, validatedCertificate } from "./loadBalancer";
import { setIdentifierOf } from "./serviceRecord";
import {
    ClientAddress,
    idleTimeoutOf,
    isEndToEnd,
    LoadBalancedServiceArgs,
    servedPort,
    serviceDefaults,
    sidecarPorts,
} from "./serviceArgs";
import { forwardActions } from "./signIn";

/** Targets of an Application Load Balancer. Their certificates are not checked, whoever signed them. */
export function httpTargets(name: string, args: LoadBalancedServiceArgs, parent: pulumi.Resource): aws.lb.TargetGroup {
    const protocol = isEndToEnd(args) ? "HTTPS" : "HTTP";
    return new aws.lb.TargetGroup(
        `${name}-tg`,
        {
            vpcId: args.vpcId,
            targetType: "ip",
            protocol,
            port: servedPort(args),
            deregistrationDelay: args.deregistrationDelay ?? serviceDefaults.deregistrationDelay,
            healthCheck: { ...targetHealth(args), protocol, matcher: "200" },
            tags: args.tags,
        },
        { parent },
    );
}

/** Targets of a Network Load Balancer, on one of their ports. */
export function tcpTargets(
    name: string,
    args: LoadBalancedServiceArgs,
    port: pulumi.Input<number>,
    parent: pulumi.Resource,
): aws.lb.TargetGroup {
    const isPreserved = args.clientAddress !== ClientAddress.ProxyProtocol;
    return new aws.lb.TargetGroup(
        name,
        {
            vpcId: args.vpcId,
            targetType: "ip",
            protocol: "TCP",
            port,
            preserveClientIp: String(isPreserved),
            proxyProtocolV2: !isPreserved,
            deregistrationDelay: args.deregistrationDelay ?? serviceDefaults.deregistrationDelay,
            healthCheck: {
                ...targetHealth(args),
                protocol: isEndToEnd(args) ? "HTTPS" : "HTTP",
                port: pulumi.interpolate`${servedPort(args)}`,
                matcher: "200",
            },
            tags: args.tags,
        },
        { parent },
    );
}

/** Envoy answers for the app, whose health it knows. */
function targetHealth(args: LoadBalancedServiceArgs): aws.types.input.lb.TargetGroupHealthCheck {
    const { interval, timeout, healthyThreshold, unhealthyThreshold } = {
        ...serviceDefaults.targetHealth,
        ...args.targetHealth,
    };
    return {
        ...{ interval, timeout, healthyThreshold, unhealthyThreshold },
        path: isEndToEnd(args) ? sidecarHealthPath : (args.healthCheckPath ?? serviceDefaults.healthCheckPath),
    };
}

/** What a service needs to be there before it can register its tasks. */
export interface Listening {
    readonly listenerArn: pulumi.Output<string>;
    readonly targets: readonly { readonly targetGroupArn: pulumi.Input<string>; readonly port: pulumi.Input<number> }[];
    readonly dependsOn: readonly pulumi.Resource[];
}

export function applicationListeners(
    name: string,
    args: LoadBalancedServiceArgs,
    front: LoadBalancer,
    targetGroup: aws.lb.TargetGroup,
    parent: pulumi.Resource,
): Listening {
    const { httpsPort = serviceDefaults.httpsPort, httpPort = serviceDefaults.httpPort, tags } = args;
    const { hosts = [], paths = [], priority = 0 } = args;
    const targets = [{ targetGroupArn: targetGroup.arn, port: servedPort(args) }];
    const actions = forwardActions(args, targetGroup.arn);
    const conditions = splitConditions({ hosts, paths });
    const certificateArn = certificateOf(name, args, parent);
    const rules = (listenerArn: pulumi.Input<string>): pulumi.Resource[] => {
        claimPriorities(listenerArn, { service: name, first: priority, count: conditions.length });
        return conditions.map(
            (condition, index) =>
                new aws.lb.ListenerRule(
                    // By its priority: a rule whose priority changed could meet the one that has not given it up yet (PriorityInUse).
                    `${name}-rule-at-${priority + index}`,
                    {
                        listenerArn,
                        priority: priority + index,
                        conditions: [
                            ...(condition.hosts.length > 0 ? [{ hostHeader: { values: [...condition.hosts] } }] : []),
                            ...(condition.paths.length > 0 ? [{ pathPattern: { values: [...condition.paths] } }] : []),
                        ],
                        actions,
                        tags,
                    },
                    { parent, aliases: [{ name: `${name}-rule-${index + 1}` }] },
                ),
        );
    };

    if (args.listenerArn !== undefined) {
        if (certificateArn !== undefined) {
            new aws.lb.ListenerCertificate(
                `${name}-listener-certificate`,
                { listenerArn: args.listenerArn, certificateArn },
                { parent },
            );
        }
        return { listenerArn: pulumi.output(args.listenerArn), targets, dependsOn: rules(args.listenerArn) };
    }
    const notFound = { contentType: "text/plain", messageBody: "Nothing is served here.\n", statusCode: "404" };
    const listener = httpsListener(
        `${name}-https`,
        {
            loadBalancerArn: front.arn,
            port: httpsPort,
            certificateArn: certificateArn ?? "",
            defaultActions: conditions.length === 0 ? actions : [{ type: "fixed-response", fixedResponse: notFound }],
            tags,
        },
        parent,
    );
    redirectListener(`${name}-http`, { loadBalancerArn: front.arn, port: httpPort, tags }, httpsPort, parent);
    return { listenerArn: listener.arn, targets, dependsOn: [listener, ...rules(listener.arn)] };
}

export function networkListeners(
    name: string,
    args: LoadBalancedServiceArgs,
    front: LoadBalancer,
    targetGroup: aws.lb.TargetGroup,
    parent: pulumi.Resource,
): Listening {
    const { httpsPort = serviceDefaults.httpsPort, httpPort = serviceDefaults.httpPort, tags } = args;
    const common = { loadBalancerArn: front.arn, tags };
    const forward = (targets: aws.lb.TargetGroup): { type: string; targetGroupArn: pulumi.Output<string> }[] => [
        { type: "forward", targetGroupArn: targets.arn },
    ];
    const targets = [{ targetGroupArn: targetGroup.arn, port: servedPort(args) }];
    if (!isEndToEnd(args)) {
        const listener = new aws.lb.Listener(
            `${name}-https`,
            {
                ...common,
                port: httpsPort,
                protocol: "TLS",
                sslPolicy,
                certificateArn: certificateOf(name, args, parent),
                defaultActions: forward(targetGroup),
            },
            { parent },
        );
        return { listenerArn: listener.arn, targets, dependsOn: [listener] };
    }
    const passing = { ...common, protocol: "TCP", tcpIdleTimeoutSeconds: idleTimeoutOf(args) };
    const listener = new aws.lb.Listener(
        `${name}-https`,
        { ...passing, port: httpsPort, defaultActions: forward(targetGroup) },
        { parent },
    );
    const redirects = tcpTargets(`${name}-http`, args, sidecarPorts.http, parent);
    const redirecting = new aws.lb.Listener(
        `${name}-http`,
        { ...passing, port: httpPort, defaultActions: forward(redirects) },
        { parent },
    );
    return {
        listenerArn: listener.arn,
        targets: [...targets, { targetGroupArn: redirects.arn, port: sidecarPorts.http }],
        dependsOn: [listener, redirecting],
    };
}

/** The listener's certificate: the one given, or one made for the domain. */
function certificateOf(
    name: string,
    { certificateArn, domain, hostedZoneId, routing, tags }: LoadBalancedServiceArgs,
    parent: pulumi.Resource,
): pulumi.Input<string> | undefined {
    if (certificateArn !== undefined || domain === undefined || hostedZoneId === undefined) {
        return certificateArn;
    }
    const setIdentifier = routing && setIdentifierOf(routing, parent);
    return validatedCertificate(name, { domain, hostedZoneId, setIdentifier, tags }, parent);
}
