// What is wrong with the arguments of a load-balanced service.
import { spotReason, targetHealthReasons } from "../envoy/drainTimes";
import { domainReason, integerReason, Reason } from "../rules";
import { appFaults, portClashes } from "../task/appTask";
import { Fault, faults, isPlain } from "../validation";
import { claimReason } from "./listenerClaims";
import { splitConditions } from "./listenerRules";
import { nameReason } from "./loadBalancer";
import {
    CapacityProvider,
    ClientAddress,
    isEndToEnd,
    LoadBalancedServiceArgs,
    LoadBalancerType,
    serviceDefaults,
    sidecarPorts,
    signIns,
    tasksRedirect,
    typeOf,
} from "./serviceArgs";
import { autoscalingFaults } from "./serviceScaling";

type Key = keyof LoadBalancedServiceArgs;

export function loadBalancedServiceFaults(name: string, args: LoadBalancedServiceArgs): Fault[] {
    const { containerPort = serviceDefaults.containerPort } = args;
    return [
        ...appFaults(args),
        ...faults("name", name, nameReason),
        ...(isEndToEnd(args)
            ? portClashes({ "Envoy's": sidecarPorts.https, "Envoy's for HTTP": sidecarPorts.http, containerPort })
            : []),
        ...combinationFaults(args),
        ...certificateFaults(args),
        ...ruleFaults(name, args),
        ...timeFaults(args),
        ...autoscalingFaults(args.autoscaling),
        ...faults("domain", args.domain, domainReason),
        ...faults("desiredCount", args.desiredCount, (count) => integerReason(count, 0, 5000, "tasks")),
    ];
}

/** Arguments that go with others, or do not. */
function combinationFaults(args: LoadBalancedServiceArgs): Fault[] {
    const isShared = args.listenerArn !== undefined;
    const isNetwork = typeOf(args) === LoadBalancerType.Network;
    const given = (keys: readonly Key[]): Key[] => keys.filter((key) => args[key] !== undefined);
    const refused = (keys: readonly Key[], reason: string): Fault[] =>
        given(keys).map((propertyPath) => ({ propertyPath, reason }));
    const when = (condition: boolean, found: Fault[]): Fault[] => (condition ? found : []);
    return [
        ...when(!isShared, [
            ...when(args.loadBalancerSubnetIds === undefined, [
                {
                    propertyPath: "loadBalancerSubnetIds",
                    reason: "is missing: give the load balancer's subnets, or the listenerArn of one to join",
                },
            ]),
            ...refused(["loadBalancerSecurityGroupId"], "goes with listenerArn: give both, or neither"),
        ]),
        ...when(isShared, [
            ...when(args.loadBalancerSecurityGroupId === undefined, [
                { propertyPath: "loadBalancerSecurityGroupId", reason: "is missing: it goes with listenerArn" },
            ]),
            ...refused(
                [
                    "loadBalancerSubnetIds",
                    "internal",
                    "webAclArn",
                    "accessLogsBucket",
                    "idleTimeout",
                    "allowedCidrBlocks",
                    "httpPort",
                ],
                "belongs to the service that makes the load balancer: leave it out with listenerArn",
            ),
            ...when(isNetwork, [
                {
                    propertyPath: "listenerArn",
                    reason: "a Network Load Balancer has no rules by which services could share it",
                },
            ]),
        ]),
        ...when(
            isNetwork,
            refused(
                ["cognito", "oidc", "jwt", "webAclArn", "hosts", "paths"],
                "a Network Load Balancer sees connections, no requests: use an Application Load Balancer",
            ),
        ),
        ...when(isNetwork && args.autoscaling?.requestsPerTarget !== undefined, [
            {
                propertyPath: "autoscaling.requestsPerTarget",
                reason: "a Network Load Balancer sees connections, no requests: follow cpuPercent or memoryPercent",
            },
        ]),
        ...when(
            isNetwork && isEndToEnd(args),
            refused(["accessLogsBucket"], "a Network Load Balancer logs nothing of the TLS that it passes on"),
        ),
        ...when(isNetwork && !isEndToEnd(args), [
            ...refused(["idleTimeout"], "is always 350 s where a Network Load Balancer ends TLS"),
            ...refused(
                ["httpPort"],
                "a Network Load Balancer that ends TLS cannot redirect: use tls endToEnd, or an Application Load Balancer",
            ),
        ]),
        ...when(
            !isNetwork,
            refused(["clientAddress"], "is for a Network Load Balancer: an application one sends x-forwarded-for"),
        ),
        ...when(!isEndToEnd(args), [
            ...when(args.clientAddress === ClientAddress.ProxyProtocol, [
                { propertyPath: "clientAddress", reason: "proxyProtocol is read by Envoy: use it with tls endToEnd" },
            ]),
            ...refused(
                ["certificateSecretArn", "drainSeconds", "envoyImage", "accessLog"],
                "is for Envoy: use it with tls endToEnd",
            ),
        ]),
        ...when(
            !isEndToEnd(args) && isPlain(args.dockerLabels) && args.dockerLabels["traefik.enable"] === "true",
            args.healthCheck === undefined
                ? [
                      {
                          propertyPath: "healthCheck",
                          reason: "is missing: Traefik routes to tasks only that ECS found healthy",
                      },
                  ]
                : [],
        ),
        ...when(
            args.internal === true,
            refused(
                ["hostedZoneId"],
                "an internal load balancer has no address on the internet for a public record: give certificateArn, and a record in a private zone",
            ),
        ),
        ...when(
            signIns(args).length > 1,
            signIns(args).map((propertyPath) => ({
                propertyPath,
                reason: `${signIns(args).join(" and ")} cannot go together: give one of them`,
            })),
        ),
        ...when(
            args.autoscaling !== undefined,
            refused(["desiredCount"], "autoscaling decides it: give autoscaling.minTasks"),
        ),
    ];
}

function certificateFaults(args: LoadBalancedServiceArgs): Fault[] {
    const { certificateArn, certificateSecretArn, domain, hostedZoneId } = args;
    const found: [Key, Reason][] = [];
    if ((domain === undefined) !== (hostedZoneId === undefined)) {
        found.push([
            domain === undefined ? "domain" : "hostedZoneId",
            "is missing: domain and hostedZoneId go together",
        ]);
    }
    if (tasksRedirect(args)) {
        if (certificateSecretArn === undefined) {
            found.push(["certificateSecretArn", "is missing: clients see the certificate that Envoy shows"]);
        }
        if (certificateArn !== undefined) {
            found.push(["certificateArn", "the load balancer passes TLS on: give certificateSecretArn for Envoy"]);
        }
    } else if (args.listenerArn === undefined && certificateArn === undefined && hostedZoneId === undefined) {
        found.push([
            "certificateArn",
            "is missing: there is no TLS without a certificate; give it, or domain and hostedZoneId",
        ]);
    }
    return found.map(([propertyPath, reason]) => ({ propertyPath, reason: reason ?? "" }));
}

function ruleFaults(name: string, args: LoadBalancedServiceArgs): Fault[] {
    const { hosts = [], paths = [], priority, listenerArn } = args;
    const count = splitConditions({ hosts, paths }).length;
    const found: [Key, Reason][] = [
        ...hosts.map((host, index): [Key, Reason] => [
            `hosts[${index}]` as Key,
            /^[a-zA-Z0-9.*?-]{1,128}$/.test(host)
                ? undefined
                : `"${host}" is no host: give a name, in which * and ? stand for others`,
        ]),
        ...paths.map((path, index): [Key, Reason] => [
            `paths[${index}]` as Key,
            /^[/*]/.test(path) && path.length <= 128 ? undefined : `"${path}" is no path: begin it with /`,
        ]),
    ];
    if (listenerArn !== undefined && count === 0) {
        found.push(["hosts", "is missing: a service that joins a listener says which hosts or paths are its own"]);
    }
    if (count > 0 && priority === undefined) {
        found.push(["priority", "is missing: hosts and paths need one"]);
    }
    if (count === 0 && priority !== undefined) {
        found.push(["priority", "goes with hosts or paths"]);
    }
    if (count > 0 && priority !== undefined) {
        const claim = { service: name, first: priority, count };
        found.push(["priority", claimReason(listenerArn, claim)]);
    }
    return found.flatMap(([propertyPath, reason]) => (reason === undefined ? [] : [{ propertyPath, reason }]));
}

/** Whether the times of a start and a stop fit together. */
function timeFaults(args: LoadBalancedServiceArgs): Fault[] {
    const { stopTimeout = serviceDefaults.stopTimeout, drainSeconds = serviceDefaults.drainSeconds } = args;
    const { deregistrationDelay = serviceDefaults.deregistrationDelay } = args;
    const health = targetHealthReasons({ ...serviceDefaults.targetHealth, ...args.targetHealth });
    const [leastIdle, mostIdle] = typeOf(args) === LoadBalancerType.Application ? [1, 4000] : [60, 6000];
    const isSpot = args.capacityProvider === CapacityProvider.FargateSpot;
    const spot =
        isSpot && isPlain(stopTimeout) && isPlain(drainSeconds)
            ? spotReason({
                  deregistrationDelay,
                  drainSeconds: isEndToEnd(args) ? drainSeconds : undefined,
                  stopTimeout,
              })
            : undefined;
    return [
        ...health.map(({ property, reason }) => ({ propertyPath: `targetHealth.${property}`, reason })),
        ...faults("deregistrationDelay", deregistrationDelay, (delay) => integerReason(delay, 0, 3600, "seconds")),
        ...faults("idleTimeout", args.idleTimeout, (idle) => integerReason(idle, leastIdle, mostIdle, "seconds")),
        ...(spot === undefined ? [] : [{ propertyPath: "capacityProvider", reason: spot }]),
    ];
}
