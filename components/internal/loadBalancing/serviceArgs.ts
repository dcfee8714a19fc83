// What may be said about a load-balanced service, and what follows from it before anything is made.
import * as pulumi from "@pulumi/pulumi";

import { AppArgs, appDefaults } from "../task/appTask";
import { CapacityProvider } from "../task/ecsService";
import { RotationsArgs } from "../task/rotation";
import { ServiceConnect } from "../task/serviceConnect";
import { Routing } from "./routing";
import { ServiceAlarms } from "./serviceAlarms";
import { Autoscaling } from "./serviceScaling";
import { CognitoSignIn, JwtValidation, OidcSignIn } from "./signIn";

export { CapacityProvider };

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

/** How the load balancer judges whether a task is healthy. */
export interface TargetHealth {
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
     * Seconds for which a new task is not stopped for being unhealthy, 0 to 7200; as long as `healthyThreshold` checks at least.
     * @default 60
     */
    readonly graceSeconds?: number;
}

/** Arguments of {@link LoadBalancedService}. */
export interface LoadBalancedServiceArgs extends AppArgs, RotationsArgs {
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
     * Ids of security groups whose members may connect to the load balancer of its own, such as another service's `securityGroupId`. With them, and
     * without `allowedCidrBlocks`, nobody else may. How many there are is decided before the deployment.
     * @default none
     */
    readonly clientSecurityGroupIds?: pulumi.Input<string>[];
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
     * Id of the public Route 53 hosted zone that holds `domain`; of a private one for an internal load balancer with `certificateArn`.
     * @default none
     */
    readonly hostedZoneId?: pulumi.Input<string>;
    /**
     * Which of several regions answers for `domain`, where each has the service: docs/regions.md.
     * @default this region alone
     */
    readonly routing?: Routing;
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
     * ECS Service Connect: other services are called by their names, without a load balancer; with a name, this one is called so besides, by members of
     * `allowedSecurityGroupIds`.
     * @default none
     */
    readonly serviceConnect?: ServiceConnect;
    /**
     * Tasks to keep running, 0 to 5000; with `autoscaling`, that decides.
     * @default 2
     */
    readonly desiredCount?: number;
    /**
     * Follows the load with the number of tasks.
     * @default the number stays
     */
    readonly autoscaling?: Autoscaling;
    /**
     * What tasks run on. Fargate Spot needs a cluster with that capacity provider, such as Cluster's.
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
    readonly targetHealth?: TargetHealth;
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
    readonly cognito?: CognitoSignIn;
    /**
     * Sign-in of users by an OpenID Connect provider.
     * @default none
     */
    readonly oidc?: OidcSignIn;
    /**
     * Bearer tokens of programs.
     * @default none
     */
    readonly jwt?: JwtValidation;
    /**
     * ARN of a regional WAF web ACL that judges each request first.
     * @default none
     */
    readonly webAclArn?: pulumi.Input<string>;
    /**
     * Name of a bucket in which the load balancer may log each request. Its policy lets the load balancer in, each type by a principal of its own:
     * docs/shapes.md has both.
     * @default none
     */
    readonly accessLogsBucket?: pulumi.Input<string>;
    /**
     * Alarms for unhealthy tasks, errors and latency.
     * @default none
     */
    readonly alarms?: ServiceAlarms;
    /**
     * Whether there is a CloudWatch dashboard of requests, their answers and times, targets and tasks. One costs $3 a month beyond an account's first three.
     * @default false
     */
    readonly dashboard?: boolean;
}

/** What a service is when nothing else is said. */
export const serviceDefaults = {
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
export const sidecarPorts = { https: 8443, http: 8081 } as const;

export function typeOf({
    loadBalancer: type = serviceDefaults.loadBalancer,
}: Pick<LoadBalancedServiceArgs, "loadBalancer">): LoadBalancerType {
    return type;
}

export function isEndToEnd({ tls = serviceDefaults.tls }: Pick<LoadBalancedServiceArgs, "tls">): boolean {
    return tls === Tls.EndToEnd;
}

export function idleTimeoutOf(args: LoadBalancedServiceArgs): number {
    return args.idleTimeout ?? serviceDefaults.idleTimeout[typeOf(args)];
}

/** The port of a task to which requests go. */
export function servedPort(args: LoadBalancedServiceArgs): pulumi.Input<number> {
    return isEndToEnd(args) ? sidecarPorts.https : (args.containerPort ?? serviceDefaults.containerPort);
}

/** Whether tasks redirect plain HTTP: where the load balancer itself cannot. */
export function tasksRedirect(args: Pick<LoadBalancedServiceArgs, "loadBalancer" | "tls">): boolean {
    return typeOf(args) === LoadBalancerType.Network && isEndToEnd(args);
}

/** The kinds of sign-in that were asked for. */
export function signIns(args: LoadBalancedServiceArgs): ("cognito" | "oidc" | "jwt")[] {
    return (["cognito", "oidc", "jwt"] as const).filter((kind) => args[kind] !== undefined);
}
