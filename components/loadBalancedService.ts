import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { AppArgs, appDefaults, appFaults, appTask, portClashes, SidecarArgs } from "./internal/appTask";
import { sidecarIdleTimeout, spotReason, targetHealthReasons } from "./internal/drainTimes";
import { Front, sidecarHealthPath } from "./internal/envoyBootstrap";
import { claimPriorities, claimReason } from "./internal/listenerClaims";
import { splitConditions } from "./internal/listenerRules";
import {
    aliasRecord,
    allowSignIn,
    connectTasks,
    httpsListener,
    LoadBalancer,
    loadBalancer,
    loadBalancerArnOf,
    longestName,
    metricNameOf,
    redirectListener,
    sslPolicy,
    validatedCertificate,
} from "./internal/loadBalancer";
import { domainReason, integerReason, Reason } from "./internal/rules";
import { allowOutAnywhere, anywhere } from "./internal/securityGroups";
import { serviceAlarms, ServiceAlarmsArgs } from "./internal/serviceAlarms";
import { AutoscalingArgs, autoscalingFaults, ScheduledTasksArgs, scaleService } from "./internal/serviceScaling";
import { CognitoSignInArgs, forwardActions, JwtValidationArgs, OidcSignInArgs } from "./internal/signIn";
import { Fault, faults, isPlain, refuse } from "./internal/validation";

export type {
    AutoscalingArgs,
    CognitoSignInArgs,
    JwtValidationArgs,
    OidcSignInArgs,
    ScheduledTasksArgs,
    ServiceAlarmsArgs,
};

/** What stands in front of the tasks. */
export const LoadBalancerType = {
    /** Application Load Balancer: HTTP, with rules, sign-in and a web application firewall. */
    Application: "application",
    /** Network Load Balancer: connections, with the fewest moving parts. */
    Network: "network",
} as const;
export type LoadBalancerType = (typeof LoadBalancerType)[keyof typeof LoadBalancerType];

/** Where TLS ends. */
export const Tls = {
    /** At the load balancer; within the VPC it is plain HTTP. */
    Terminate: "terminate",
    /** In the task, at an Envoy beside the app: an Application Load Balancer encrypts anew, a Network Load Balancer passes on. */
    EndToEnd: "endToEnd",
} as const;
export type Tls = (typeof Tls)[keyof typeof Tls];

/** How a task behind a Network Load Balancer learns the client's address. */
export const ClientAddress = {
    /** The connection seems to come from it. */
    Preserved: "preserved",
    /** By proxy protocol version 2, which Envoy reads. */
    ProxyProtocol: "proxyProtocol",
} as const;
export type ClientAddress = (typeof ClientAddress)[keyof typeof ClientAddress];

/** What tasks run on. */
export const CapacityProvider = {
    /** Capacity that stays. */
    Fargate: "FARGATE",
    /** Spare capacity, up to 70 % cheaper, which AWS takes back with two minutes' notice. */
    FargateSpot: "FARGATE_SPOT",
} as const;
export type CapacityProvider = (typeof CapacityProvider)[keyof typeof CapacityProvider];

/** How the load balancer judges whether a task is healthy. */
export interface TargetHealthArgs {
    /**
     * Seconds between two checks, 5 to 300.
     * @default 10
     */
    readonly interval?: number;
    /**
     * Seconds after which a check has failed, 2 to 120, below the interval.
     * @default 5
     */
    readonly timeout?: number;
    /**
     * Passed checks in a row that make a task healthy, 2 to 10.
     * @default 2
     */
    readonly healthyThreshold?: number;
    /**
     * Failed checks in a row that make a task unhealthy, 2 to 10.
     * @default 3
     */
    readonly unhealthyThreshold?: number;
    /**
     * Seconds for which a new task is not stopped for being unhealthy.
     * @default 60
     */
    readonly graceSeconds?: number;
}

/** Arguments of {@link LoadBalancedService}. */
export interface LoadBalancedServiceArgs extends AppArgs {
    /** Id of the VPC in which tasks run. */
    readonly vpcId: pulumi.Input<string>;
    /** Ids of the subnets in which tasks run, in two Availability Zones or more: private ones with a way out, or public ones with `assignPublicIp`. */
    readonly subnetIds: pulumi.Input<pulumi.Input<string>[]>;
    /** ARN of the ECS cluster in which tasks run. */
    readonly clusterArn: pulumi.Input<string>;
    /**
     * Kind of the load balancer.
     * @default "application"
     */
    readonly loadBalancer?: LoadBalancerType;
    /**
     * Where TLS ends.
     * @default "terminate"
     */
    readonly tls?: Tls;
    /**
     * Ids of the subnets of a load balancer of its own: public ones, or private ones when it is internal.
     * @default none: the service joins the load balancer of `listenerArn`
     */
    readonly loadBalancerSubnetIds?: pulumi.Input<pulumi.Input<string>[]>;
    /**
     * Whether the load balancer of its own is reached from within the VPC alone.
     * @default false
     */
    readonly internal?: boolean;
    /**
     * ARN of the HTTPS listener of an Application Load Balancer that the service joins, such as another service's `listenerArn`.
     * @default none: the service makes a load balancer of its own
     */
    readonly listenerArn?: pulumi.Input<string>;
    /**
     * Id of the security group of that load balancer; goes with `listenerArn`.
     * @default that of the load balancer of its own
     */
    readonly loadBalancerSecurityGroupId?: pulumi.Input<string>;
    /**
     * Hosts whose requests are for the service; `*` and `?` stand for any characters and any one.
     * @default any
     */
    readonly hosts?: string[];
    /**
     * Paths whose requests are for the service; `*` and `?` stand for any characters and any one.
     * @default any
     */
    readonly paths?: string[];
    /**
     * Priority of the first rule for `hosts` and `paths`, 1 to 50000, with which they go; a rule takes five of them, the next rules follow.
     * @default none
     */
    readonly priority?: number;
    /**
     * ARN of an ACM certificate for the listener.
     * @default one for `domain` is made
     */
    readonly certificateArn?: pulumi.Input<string>;
    /**
     * Name of the service: it gets a record that points at the load balancer and, without `certificateArn`, a certificate; goes with `hostedZoneId`.
     * @default none
     */
    readonly domain?: pulumi.Input<string>;
    /**
     * Id of the public Route 53 hosted zone that holds `domain`.
     * @default none
     */
    readonly hostedZoneId?: pulumi.Input<string>;
    /**
     * End to end: ARN of a Secrets Manager secret with the certificate that Envoy shows, such as WildcardCertificate's. Behind a Network Load
     * Balancer it is the one that clients see.
     * @default behind an Application Load Balancer, each task makes a certificate for itself
     */
    readonly certificateSecretArn?: pulumi.Input<string>;
    /**
     * How a task behind a Network Load Balancer learns the client's address.
     * @default "preserved"
     */
    readonly clientAddress?: ClientAddress;
    /**
     * Tasks to keep running; with `autoscaling`, that decides.
     * @default 2
     */
    readonly desiredCount?: number;
    /**
     * Follows the load with the number of tasks.
     * @default the number stays
     */
    readonly autoscaling?: AutoscalingArgs;
    /**
     * What tasks run on.
     * @default "FARGATE"
     */
    readonly capacityProvider?: CapacityProvider;
    /**
     * Whether tasks get public addresses: their way out in public subnets. Nobody but the load balancer may connect to them in any case.
     * @default false
     */
    readonly assignPublicIp?: pulumi.Input<boolean>;
    /**
     * Path on which the app answers 200 when it can serve.
     * @default "/"
     */
    readonly healthCheckPath?: pulumi.Input<string>;
    /**
     * How the load balancer judges whether a task is healthy.
     * @default every 10 s; healthy after 2 passed checks, unhealthy after 3 failed ones
     */
    readonly targetHealth?: TargetHealthArgs;
    /**
     * Seconds for which a task keeps its requests after it was taken from the load balancer and before it is stopped, 0 to 3600.
     * @default 30
     */
    readonly deregistrationDelay?: number;
    /**
     * Seconds after which an idle connection is closed: 1 to 4000 at an Application Load Balancer, 60 to 6000 at a Network Load Balancer that
     * passes TLS on. WebSockets have to send something within it.
     * @default 60, or 350 at a Network Load Balancer
     */
    readonly idleTimeout?: number;
    /**
     * Sign-in of users by Amazon Cognito.
     * @default none
     */
    readonly cognito?: CognitoSignInArgs;
    /**
     * Sign-in of users by an OpenID Connect provider.
     * @default none
     */
    readonly oidc?: OidcSignInArgs;
    /**
     * Bearer tokens of programs.
     * @default none
     */
    readonly jwt?: JwtValidationArgs;
    /**
     * ARN of a regional WAF web ACL that judges each request first.
     * @default none
     */
    readonly webAclArn?: pulumi.Input<string>;
    /**
     * Name of a bucket in which the load balancer may log each request; its policy lets `logdelivery.elasticloadbalancing.amazonaws.com` put objects.
     * @default none
     */
    readonly accessLogsBucket?: pulumi.Input<string>;
    /**
     * Alarms for unhealthy tasks, errors and latency.
     * @default none
     */
    readonly alarms?: ServiceAlarmsArgs;
}

const defaults = {
    ...appDefaults,
    loadBalancer: LoadBalancerType.Application,
    tls: Tls.Terminate,
    clientAddress: ClientAddress.Preserved,
    capacityProvider: CapacityProvider.Fargate,
    desiredCount: 2,
    healthCheckPath: "/",
    targetHealth: { interval: 10, timeout: 5, healthyThreshold: 2, unhealthyThreshold: 3, graceSeconds: 60 },
    deregistrationDelay: 30,
    idleTimeout: { application: 60, network: 350 },
} as const;

/** Ports of Envoy behind a load balancer: above 1024, it needs no privilege for them. */
const sidecarPorts = { https: 8443, http: 8081 } as const;

/**
 * Tasks that an ECS service keeps running behind a load balancer: one of its own, or the shared one of another service. TLS ends at the load
 * balancer or goes on to the task. Nobody but the load balancer can connect to a task; a stop or a deployment cuts no request
 * that ends in time.
 */
export class LoadBalancedService extends pulumi.ComponentResource {
    /** Where clients find the service. */
    public readonly url: pulumi.Output<string>;
    /** ARN of the load balancer. */
    public readonly loadBalancerArn: pulumi.Output<string>;
    /** DNS name that AWS gave the load balancer. */
    public readonly loadBalancerDnsName: pulumi.Output<string>;
    /** Id of the load balancer's security group. */
    public readonly loadBalancerSecurityGroupId: pulumi.Output<string>;
    /** ARN of the listener for TLS; other services can join that of an Application Load Balancer. */
    public readonly listenerArn: pulumi.Output<string>;
    /** ARN of the target group. */
    public readonly targetGroupArn: pulumi.Output<string>;
    /** Id of the tasks' security group: open to the load balancer alone. */
    public readonly securityGroupId: pulumi.Output<string>;
    /** Name of the service. */
    public readonly serviceName: pulumi.Output<string>;
    /** ARN of the task definition, with its revision. */
    public readonly taskDefinitionArn: pulumi.Output<string>;
    /** ARN of the app's role, which has no permissions but those of `taskPolicyArns`. */
    public readonly taskRoleArn: pulumi.Output<string>;
    /** Name of the log group of the containers. */
    public readonly logGroupName: pulumi.Output<string>;

    /** @throws pulumi.InputPropertiesError naming every refused argument */
    constructor(name: string, args: LoadBalancedServiceArgs, opts?: pulumi.ComponentResourceOptions) {
        super("taskgate:index:LoadBalancedService", name, args, opts);
        refuse("LoadBalancedService", name, loadBalancedServiceFaults(name, args));
        const { domain, hostedZoneId, tags } = args;
        const isApplication = typeOf(args) === LoadBalancerType.Application;

        const task = appTask(`${name}-task`, args, sidecarOf(args), this);
        const tasksSecurityGroup = new aws.ec2.SecurityGroup(
            `${name}-tasks-security-group`,
            { vpcId: args.vpcId, description: "The load balancer to tasks", tags },
            { parent: this },
        );
        allowOutAnywhere(`${name}-tasks`, tasksSecurityGroup.id, tags, this);
        const front =
            args.listenerArn === undefined ? ownLoadBalancer(name, args, this) : sharedLoadBalancer(args, this);
        connectPorts(name, args, front.securityGroupId, tasksSecurityGroup.id, this);
        const targetGroup = isApplication
            ? httpTargets(name, args, this)
            : tcpTargets(`${name}-tg`, args, servedPort(args), this);
        const listening = isApplication
            ? applicationListeners(name, args, front, targetGroup, this)
            : networkListeners(name, args, front, targetGroup, this);
        const service = ecsService(name, args, task.taskDefinitionArn, tasksSecurityGroup.id, listening, this);
        if (args.autoscaling !== undefined) {
            const resourceLabel = pulumi
                .all([front.arn, targetGroup.arn])
                .apply((arns) => arns.map(metricNameOf).join("/"));
            const scaled = { clusterArn: args.clusterArn, serviceName: service.name, resourceLabel, tags };
            scaleService(name, args.autoscaling, scaled, this);
        }
        if (args.alarms !== undefined) {
            const watched = {
                type: typeOf(args),
                loadBalancer: front.arn.apply(metricNameOf),
                targetGroup: targetGroup.arn.apply(metricNameOf),
                tags,
            };
            serviceAlarms(name, args.alarms, watched, this);
        }
        if (domain !== undefined && hostedZoneId !== undefined) {
            aliasRecord(`${name}-record`, domain, hostedZoneId, front, this);
        }

        this.url = pulumi
            .all([domain ?? args.hosts?.[0] ?? front.dnsName, args.httpsPort ?? defaults.httpsPort])
            .apply(([host, port]) => `https://${host}${port === 443 ? "" : `:${port}`}/`);
        this.loadBalancerArn = front.arn;
        this.loadBalancerDnsName = front.dnsName;
        this.loadBalancerSecurityGroupId = front.securityGroupId;
        this.listenerArn = listening.listenerArn;
        this.targetGroupArn = targetGroup.arn;
        this.securityGroupId = tasksSecurityGroup.id;
        this.serviceName = service.name;
        this.taskDefinitionArn = task.taskDefinitionArn;
        this.taskRoleArn = task.taskRoleArn;
        this.logGroupName = task.logGroupName;
        this.registerOutputs({
            url: this.url,
            loadBalancerArn: this.loadBalancerArn,
            loadBalancerDnsName: this.loadBalancerDnsName,
            loadBalancerSecurityGroupId: this.loadBalancerSecurityGroupId,
            listenerArn: this.listenerArn,
            targetGroupArn: this.targetGroupArn,
            securityGroupId: this.securityGroupId,
            serviceName: this.serviceName,
            taskDefinitionArn: this.taskDefinitionArn,
            taskRoleArn: this.taskRoleArn,
            logGroupName: this.logGroupName,
        });
    }
}

function typeOf({ loadBalancer: type = defaults.loadBalancer }: LoadBalancedServiceArgs): LoadBalancerType {
    return type;
}

function isEndToEnd({ tls = defaults.tls }: LoadBalancedServiceArgs): boolean {
    return tls === Tls.EndToEnd;
}

function idleTimeoutOf(args: LoadBalancedServiceArgs): number {
    return args.idleTimeout ?? defaults.idleTimeout[typeOf(args)];
}

/** The port of a task to which requests go. */
function servedPort(args: LoadBalancedServiceArgs): pulumi.Input<number> {
    return isEndToEnd(args) ? sidecarPorts.https : (args.containerPort ?? defaults.containerPort);
}

/** Whether tasks redirect plain HTTP: where the load balancer itself cannot. */
function tasksRedirect(args: LoadBalancedServiceArgs): boolean {
    return typeOf(args) === LoadBalancerType.Network && isEndToEnd(args);
}

function sidecarOf(args: LoadBalancedServiceArgs): SidecarArgs | undefined {
    if (!isEndToEnd(args)) {
        return undefined;
    }
    const type = typeOf(args);
    return {
        front: frontOf(args),
        httpsPort: sidecarPorts.https,
        httpPort: tasksRedirect(args) ? sidecarPorts.http : undefined,
        publicHttpsPort: args.httpsPort ?? defaults.httpsPort,
        healthCheckPath: args.healthCheckPath ?? defaults.healthCheckPath,
        idleTimeout: sidecarIdleTimeout(type, idleTimeoutOf(args)),
        certificateSecretArn: args.certificateSecretArn,
    };
}

function frontOf(args: LoadBalancedServiceArgs): Front {
    if (typeOf(args) === LoadBalancerType.Application) {
        return Front.ApplicationLoadBalancer;
    }
    return args.clientAddress === ClientAddress.ProxyProtocol ? Front.ProxyProtocol : Front.NetworkLoadBalancer;
}

function ownLoadBalancer(name: string, args: LoadBalancedServiceArgs, parent: pulumi.Resource): LoadBalancer {
    const {
        accessLogsBucket: bucket,
        httpsPort: https = defaults.httpsPort,
        httpPort: http = defaults.httpPort,
    } = args;
    const isApplication = typeOf(args) === LoadBalancerType.Application;
    const front = loadBalancer(
        name,
        {
            type: typeOf(args),
            vpcId: args.vpcId,
            subnetIds: args.loadBalancerSubnetIds ?? [],
            internal: args.internal ?? false,
            ports: isApplication || tasksRedirect(args) ? { https, http } : { https },
            allowedCidrBlocks: args.allowedCidrBlocks ?? anywhere,
            settings: {
                idleTimeout: isApplication ? idleTimeoutOf(args) : undefined,
                dropInvalidHeaderFields: isApplication ? true : undefined,
                accessLogs: bucket === undefined ? undefined : { enabled: true, bucket },
            },
            tags: args.tags,
        },
        parent,
    );
    if (args.webAclArn !== undefined) {
        new aws.wafv2.WebAclAssociation(
            `${name}-web-acl`,
            { resourceArn: front.arn, webAclArn: args.webAclArn },
            { parent },
        );
    }
    return front;
}

function sharedLoadBalancer(args: LoadBalancedServiceArgs, parent: pulumi.Resource): LoadBalancer {
    const arn = pulumi.output(args.listenerArn ?? "").apply(loadBalancerArnOf);
    const { dnsName, zoneId } = aws.lb.getLoadBalancerOutput({ arn }, { parent });
    return { arn, dnsName, zoneId, securityGroupId: pulumi.output(args.loadBalancerSecurityGroupId ?? "") };
}

/** The load balancer may reach what tasks serve, and whom it has to ask who somebody is. */
function connectPorts(
    name: string,
    args: LoadBalancedServiceArgs,
    loadBalancerSecurityGroupId: pulumi.Input<string>,
    tasksSecurityGroupId: pulumi.Input<string>,
    parent: pulumi.Resource,
): void {
    const { tags } = args;
    const groups = { loadBalancerSecurityGroupId, tasksSecurityGroupId };
    connectTasks(name, { ...groups, port: servedPort(args), tags }, parent);
    if (tasksRedirect(args)) {
        connectTasks(`${name}-http`, { ...groups, port: sidecarPorts.http, tags }, parent);
    }
    if (signIns(args).length > 0) {
        allowSignIn(name, loadBalancerSecurityGroupId, tags, parent);
    }
}

/** Targets of an Application Load Balancer. Their certificates are not checked, whoever signed them. */
function httpTargets(name: string, args: LoadBalancedServiceArgs, parent: pulumi.Resource): aws.lb.TargetGroup {
    const protocol = isEndToEnd(args) ? "HTTPS" : "HTTP";
    return new aws.lb.TargetGroup(
        `${name}-tg`,
        {
            vpcId: args.vpcId,
            targetType: "ip",
            protocol,
            port: servedPort(args),
            deregistrationDelay: args.deregistrationDelay ?? defaults.deregistrationDelay,
            healthCheck: { ...targetHealth(args), protocol, matcher: "200" },
            tags: args.tags,
        },
        { parent },
    );
}

/** Targets of a Network Load Balancer, on one of their ports. */
function tcpTargets(
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
            deregistrationDelay: args.deregistrationDelay ?? defaults.deregistrationDelay,
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
        ...defaults.targetHealth,
        ...args.targetHealth,
    };
    return {
        ...{ interval, timeout, healthyThreshold, unhealthyThreshold },
        path: isEndToEnd(args) ? sidecarHealthPath : (args.healthCheckPath ?? defaults.healthCheckPath),
    };
}

/** What a service needs to be there before it can register its tasks. */
interface Listening {
    readonly listenerArn: pulumi.Output<string>;
    readonly targets: readonly { readonly targetGroupArn: pulumi.Input<string>; readonly port: pulumi.Input<number> }[];
    readonly dependsOn: readonly pulumi.Resource[];
}

function applicationListeners(
    name: string,
    args: LoadBalancedServiceArgs,
    front: LoadBalancer,
    targetGroup: aws.lb.TargetGroup,
    parent: pulumi.Resource,
): Listening {
    const { httpsPort = defaults.httpsPort, httpPort = defaults.httpPort, tags } = args;
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
                    `${name}-rule-${index + 1}`,
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
                    { parent },
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

function networkListeners(
    name: string,
    args: LoadBalancedServiceArgs,
    front: LoadBalancer,
    targetGroup: aws.lb.TargetGroup,
    parent: pulumi.Resource,
): Listening {
    const { httpsPort = defaults.httpsPort, httpPort = defaults.httpPort, tags } = args;
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
    { certificateArn, domain, hostedZoneId, tags }: LoadBalancedServiceArgs,
    parent: pulumi.Resource,
): pulumi.Input<string> | undefined {
    return (
        certificateArn ?? (domain && hostedZoneId && validatedCertificate(name, { domain, hostedZoneId, tags }, parent))
    );
}

function ecsService(
    name: string,
    args: LoadBalancedServiceArgs,
    taskDefinitionArn: pulumi.Input<string>,
    securityGroupId: pulumi.Input<string>,
    listening: Listening,
    parent: pulumi.Resource,
): aws.ecs.Service {
    const { autoscaling, capacityProvider = defaults.capacityProvider } = args;
    return new aws.ecs.Service(
        `${name}-service`,
        {
            cluster: args.clusterArn,
            taskDefinition: taskDefinitionArn,
            desiredCount: autoscaling?.minTasks ?? args.desiredCount ?? defaults.desiredCount,
            capacityProviderStrategies: [{ capacityProvider, weight: 1 }],
            networkConfiguration: {
                subnets: args.subnetIds,
                securityGroups: [securityGroupId],
                assignPublicIp: args.assignPublicIp ?? false,
            },
            loadBalancers: listening.targets.map(({ targetGroupArn, port }) => ({
                targetGroupArn,
                containerName: isEndToEnd(args) ? "envoy" : "app",
                containerPort: port,
            })),
            healthCheckGracePeriodSeconds: args.targetHealth?.graceSeconds ?? defaults.targetHealth.graceSeconds,
            // New tasks are healthy before old ones go; a version that does not get healthy is taken back.
            deploymentMinimumHealthyPercent: 100,
            deploymentMaximumPercent: 200,
            deploymentCircuitBreaker: { enable: true, rollback: true },
            availabilityZoneRebalancing: "ENABLED",
            propagateTags: "SERVICE",
            tags: args.tags,
        },
        {
            parent,
            dependsOn: [...listening.dependsOn],
            // Autoscaling owns the number of tasks once the service is there.
            ignoreChanges: autoscaling === undefined ? [] : ["desiredCount"],
        },
    );
}

/** The kinds of sign-in that were asked for. */
function signIns(args: LoadBalancedServiceArgs): ("cognito" | "oidc" | "jwt")[] {
    return (["cognito", "oidc", "jwt"] as const).filter((kind) => args[kind] !== undefined);
}

type Key = keyof LoadBalancedServiceArgs;

function loadBalancedServiceFaults(name: string, args: LoadBalancedServiceArgs): Fault[] {
    const { containerPort = defaults.containerPort } = args;
    return [
        ...appFaults(args),
        ...nameFaults(name),
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

/** Names of load balancers and target groups: 32 letters, digits and inner hyphens, not beginning with `internal-`. */
function nameFaults(name: string): Fault[] {
    const reason =
        name.length > longestName
            ? `"${name}" has ${name.length} characters: a load balancer's name has 32, of which Pulumi and taskgate need ${32 - longestName}; give up to ${longestName}`
            : /^(?!internal-)[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/.test(name)
              ? undefined
              : `"${name}" is no name of a load balancer: use letters, digits and inner hyphens, and do not begin with internal-`;
    return reason === undefined ? [] : [{ propertyPath: "name", reason }];
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
    const { stopTimeout = defaults.stopTimeout, drainSeconds = defaults.drainSeconds } = args;
    const { deregistrationDelay = defaults.deregistrationDelay } = args;
    const health = targetHealthReasons({ ...defaults.targetHealth, ...args.targetHealth });
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
