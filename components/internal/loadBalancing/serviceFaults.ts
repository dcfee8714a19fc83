// What is wrong with the arguments of a load-balanced service.
import {
    allowedSecurityGroupIds,
    desiredCount,
    domain,
    hostedZoneId,
    integer,
    placement,
    secretArn,
    securityGroupId,
    subnetIds,
    topicArn,
} from "../arguments";
import { spotReason, targetHealthReasons } from "../envoy/stopTimes";
import {
    acmDomainReason,
    arnKinds,
    arnReason,
    bucketReason,
    httpsReason,
    integerReason,
    nameReason,
    rangeReason,
    Reason,
    scheduleReason,
    timezoneReason,
} from "../rules";
import { containerCombinations, appRules, portClashes } from "../task/appTask";
import { Rotation, rotationFaults, rotationRules } from "../task/rotation";
import { serviceConnectFaults, serviceConnectRule } from "../task/serviceConnect";
import {
    ArgumentRules,
    choice,
    Fault,
    faultOf,
    flag,
    given,
    isPlain,
    list,
    number,
    plain,
    plainRecord,
    record,
    required,
    Rule,
    secret,
    text,
    together,
} from "../validation";
import { claimReason } from "./listenerClaims";
import { hostReason, pathPatternReason, splitConditions } from "./listenerRules";
import { ServiceAlarms } from "./serviceAlarms";
import {
    CapacityProvider,
    ClientAddress,
    isEndToEnd,
    LoadBalancedServiceArgs,
    LoadBalancerType,
    serviceDefaults,
    sidecarPorts,
    signIns,
    TargetHealth,
    tasksRedirect,
    Tls,
    typeOf,
} from "./serviceArgs";
import { recordReason, routingFaults, routingRule } from "./serviceRecord";
import { Autoscaling, autoscalingFaults, ScheduledTasks } from "./serviceScaling";
import { CognitoSignIn, JwtValidation, OidcSignIn } from "./signIn";

type Key = keyof LoadBalancedServiceArgs;

/** A target group's name has 32 characters, of which "-http" and Pulumi take 13. */
const longestName = 19;

const percent = integer(1, 100, "percent");
const endpoint = (what: string): Rule => required(text(httpsReason), `give ${what}`);

export const autoscalingRule = plainRecord<Autoscaling>({
    minTasks: required(desiredCount, "give the fewest tasks"),
    maxTasks: required(desiredCount, "give the most tasks"),
    cpuPercent: percent,
    memoryPercent: percent,
    requestsPerTarget: integer(1, 1_000_000),
    schedules: list(
        plainRecord<ScheduledTasks>({
            schedule: required(text(scheduleReason), "give it, e.g. cron(0 7 * * ? *)"),
            timezone: text(timezoneReason),
            minTasks: required(desiredCount, "give the fewest tasks"),
            maxTasks: required(desiredCount, "give the most tasks"),
        }),
    ),
});

/** What is judged before anything is made. */
export const loadBalancedServiceArguments: ArgumentRules<LoadBalancedServiceArgs> = {
    name: (name) => nameReason(name, longestName),
    rules: {
        ...appRules,
        ...placement,
        loadBalancer: plain(choice(LoadBalancerType)),
        tls: plain(choice(Tls)),
        loadBalancerSubnetIds: subnetIds(),
        internal: plain(flag),
        clientSecurityGroupIds: allowedSecurityGroupIds,
        listenerArn: text((value) => arnReason(value, arnKinds.applicationListener)),
        loadBalancerSecurityGroupId: securityGroupId,
        hosts: plain(list(text(hostReason), { unique: true })),
        paths: plain(list(text(pathPatternReason), { unique: true })),
        priority: plain(number()),
        certificateArn: text((value) => arnReason(value, arnKinds.certificate, arnKinds.serverCertificate)),
        domain: domain(),
        hostedZoneId,
        routing: routingRule,
        certificateSecretArn: secretArn,
        ...rotationRules,
        clientAddress: plain(choice(ClientAddress)),
        serviceConnect: serviceConnectRule,
        desiredCount: plain(desiredCount),
        autoscaling: autoscalingRule,
        capacityProvider: plain(choice(CapacityProvider)),
        assignPublicIp: flag,
        targetHealth: plainRecord<TargetHealth>({
            interval: number(),
            timeout: number(),
            healthyThreshold: number(),
            unhealthyThreshold: number(),
            graceSeconds: number(),
        }),
        deregistrationDelay: plain(integer(0, 3600, "seconds")),
        idleTimeout: plain(number()),
        cognito: plain(
            record<CognitoSignIn>({
                userPoolArn: required(
                    text((value) => arnReason(value, arnKinds.userPool)),
                    "give the user pool's ARN",
                ),
                userPoolClientId: required(text(), "give the client's id"),
                userPoolDomain: required(text(), "give the domain of the user pool's sign-in page"),
            }),
        ),
        oidc: plain(
            record<OidcSignIn>({
                issuer: endpoint("the provider's issuer URL"),
                authorizationEndpoint: endpoint("where users sign in"),
                tokenEndpoint: endpoint("where the load balancer gets tokens"),
                userInfoEndpoint: endpoint("where the load balancer gets what is known about a user"),
                clientId: required(text(), "give the client's id"),
                clientSecret: required(secret(text()), "give the client's secret"),
            }),
        ),
        jwt: plain(
            record<JwtValidation>({
                issuer: endpoint("who issues the tokens"),
                jwksEndpoint: endpoint("where the issuer's keys are"),
            }),
        ),
        webAclArn: text((value) => arnReason(value, arnKinds.webAcl)),
        accessLogsBucket: text(bucketReason),
        dashboard: plain(flag),
        alarms: plain(
            record<ServiceAlarms>({
                topicArn: required(topicArn, "give the ARN of the topic that is told"),
                errorPercent: number((value) => rangeReason(value, 0, 100, "percent")),
                latencySeconds: number((value) => rangeReason(value, 0, 300, "seconds")),
            }),
        ),
    },
    combinations: [
        ...containerCombinations,
        given(["tls"], (args) => {
            const { containerPort = serviceDefaults.containerPort } = args;
            const taken = { "Envoy's": sidecarPorts.https, "Envoy's for HTTP": sidecarPorts.http };
            return isEndToEnd(args) && isPlain(containerPort) ? portClashes({ ...taken, containerPort }) : [];
        }),
        together(["httpsPort", "httpPort"], (args) => {
            const { httpsPort = serviceDefaults.httpsPort, httpPort = serviceDefaults.httpPort } = args;
            return faultOf(
                "httpPort",
                httpsPort === httpPort ? `${httpPort} is httpsPort already: give another` : undefined,
            );
        }),
        together(["loadBalancerSubnetIds", "loadBalancer"], ({ loadBalancerSubnetIds, loadBalancer }) =>
            faultOf(
                "loadBalancerSubnetIds",
                loadBalancer !== LoadBalancerType.Network && loadBalancerSubnetIds?.length === 1
                    ? "is one subnet: an Application Load Balancer needs two or more, each in another Availability Zone"
                    : undefined,
            ),
        ),
        given(["loadBalancer", "tls", "clientAddress", "internal", "autoscaling", "serviceConnect"], combinationFaults),
        given(["loadBalancer", "tls"], certificateFaults),
        given(["routing", "hosts", "internal"], routingFaults),
        given(["routing", "domain", "hostedZoneId"], (args) => faultOf("routing", recordReason(args))),
        given(["rotation", "tls"], (args) => [
            ...rotationFaults(args),
            ...faultOf(
                "rotation",
                args.rotation === Rotation.Hot && isEndToEnd(args) && args.certificateSecretArn === undefined
                    ? "each task makes a certificate for itself: give certificateSecretArn, or leave it out"
                    : undefined,
            ),
            ...faultOf(
                "rsaCertificateSecretArn",
                args.rsaCertificateSecretArn !== undefined &&
                    isEndToEnd(args) &&
                    args.certificateSecretArn === undefined
                    ? "stands beside certificateSecretArn: give that too, or this as that"
                    : undefined,
            ),
        ]),
        together(["domain", "certificateArn", "loadBalancer", "tls"], (args) =>
            faultOf(
                "domain",
                args.domain !== undefined && args.certificateArn === undefined && !tasksRedirect(args)
                    ? acmDomainReason(args.domain)
                    : undefined,
            ),
        ),
        given(["loadBalancer", "tls", "capacityProvider", "targetHealth", "idleTimeout"], timeFaults),
        given(["autoscaling"], ({ autoscaling }) => autoscalingFaults(autoscaling)),
    ],
};

/** Rules of a listener depend on the service's name, which says whose they are. */
export function loadBalancedServiceRules(name: string): ArgumentRules<LoadBalancedServiceArgs> {
    const { combinations = [], ...all } = loadBalancedServiceArguments;
    return {
        ...all,
        combinations: [...combinations, given(["hosts", "paths", "priority"], (args) => ruleFaults(name, args))],
    };
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
                    "clientSecurityGroupIds",
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
                [
                    "certificateSecretArn",
                    "rsaCertificateSecretArn",
                    "rotation",
                    "drainSeconds",
                    "envoyImage",
                    "accessLog",
                ],
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
            args.internal === true && args.certificateArn === undefined && !tasksRedirect(args),
            refused(
                ["hostedZoneId"],
                "an internal load balancer has its record in a private zone, where ACM cannot validate a certificate: give certificateArn too",
            ),
        ),
        ...serviceConnectFaults(args.serviceConnect),
        ...when(isEndToEnd(args) && args.serviceConnect?.name !== undefined, [
            {
                propertyPath: "serviceConnect.name",
                reason: "Service Connect's proxy stands before the app, where Envoy is end to end: leave it out, or use tls terminate",
            },
        ]),
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
    if (count === 0 && hosts.length + paths.length > 0) {
        return faultOf("paths", "have more wildcards than a rule takes beside those of a host: 5 together, give fewer");
    }
    if (listenerArn !== undefined && count === 0) {
        return faultOf("hosts", "is missing: a service that joins a listener says which hosts or paths are its own");
    }
    if (count > 0 !== (priority !== undefined)) {
        return faultOf("priority", count > 0 ? "is missing: hosts and paths need one" : "goes with hosts or paths");
    }
    return priority === undefined
        ? []
        : faultOf("priority", claimReason(listenerArn, { service: name, first: priority, count }));
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
        ...faultOf(
            "idleTimeout",
            args.idleTimeout === undefined
                ? undefined
                : integerReason(args.idleTimeout, leastIdle, mostIdle, "seconds"),
        ),
        ...faultOf("capacityProvider", spot),
    ];
}
