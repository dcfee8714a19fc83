import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { dashboard } from "./internal/dashboard";
import { sidecarIdleTimeout } from "./internal/envoy/stopTimes";
import { Front } from "./internal/envoy/front";
import { redeployOnRenewal } from "./internal/functions/redeployment";
import { zoneHolding } from "./internal/hostedZone";
import {
    aliasRecord,
    allowSignIn,
    connectTasks,
    LoadBalancer,
    loadBalancer,
    loadBalancerArnOf,
    metricNameOf,
} from "./internal/loadBalancing/loadBalancer";
import { serviceAlarms, ServiceAlarms } from "./internal/loadBalancing/serviceAlarms";
import { Failover, LatencyRouting, Routing, RoutingHealthCheck } from "./internal/loadBalancing/routing";
import { servicePlots } from "./internal/loadBalancing/serviceDashboard";
import {
    CapacityProvider,
    ClientAddress,
    idleTimeoutOf,
    isEndToEnd,
    LoadBalancedServiceArgs,
    LoadBalancerType,
    servedPort,
    serviceDefaults,
    sidecarPorts,
    signIns,
    TargetHealth,
    tasksRedirect,
    Tls,
    typeOf,
} from "./internal/loadBalancing/serviceArgs";
import { Rotation } from "./internal/task/rotation";
import { loadBalancedServiceRules } from "./internal/loadBalancing/serviceFaults";
import {
    applicationListeners,
    httpTargets,
    Listening,
    networkListeners,
    tcpTargets,
} from "./internal/loadBalancing/serviceListeners";
import { claimRecord, routed } from "./internal/loadBalancing/serviceRecord";
import { Autoscaling, ScheduledTasks, scaleService } from "./internal/loadBalancing/serviceScaling";
import { CognitoSignIn, JwtValidation, OidcSignIn } from "./internal/loadBalancing/signIn";
import { outputsOf } from "./internal/outputs";
import { allowIn, allowOutAnywhere, anywhere } from "./internal/securityGroups";
import { appTask, SidecarArgs } from "./internal/task/appTask";
import { ecsService } from "./internal/task/ecsService";
import { FargateTask } from "./internal/task/fargateTask";
import {
    namedPortOf,
    ServiceConnect,
    serviceConnectConfiguration,
    ServiceConnectProtocol,
} from "./internal/task/serviceConnect";
import { judged } from "./internal/validation";

export { CapacityProvider, ClientAddress, Failover, LoadBalancerType, ServiceConnectProtocol, Tls };
export type {
    Autoscaling,
    CognitoSignIn,
    JwtValidation,
    LatencyRouting,
    LoadBalancedServiceArgs,
    OidcSignIn,
    Routing,
    RoutingHealthCheck,
    ScheduledTasks,
    ServiceAlarms,
    ServiceConnect,
    TargetHealth,
};

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
        args = judged("LoadBalancedService", name, args, loadBalancedServiceRules(name));
        super("taskgate:index:LoadBalancedService", name, args, opts);
        const { domain, hostedZoneId, tags } = args;
        const isApplication = typeOf(args) === LoadBalancerType.Application;

        const namedPort = namedPortOf(args.serviceConnect);
        const task = appTask(`${name}-task`, args, sidecarOf(args), this, { namedPort });
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
        const made = service(name, args, task, tasksSecurityGroup.id, listening, this);
        if (args.autoscaling !== undefined) {
            const resourceLabel = pulumi
                .all([front.arn, targetGroup.arn])
                .apply((arns) => arns.map(metricNameOf).join("/"));
            const scaled = { clusterArn: args.clusterArn, serviceName: made.name, resourceLabel, tags };
            scaleService(name, args.autoscaling, scaled, this);
        }
        if (args.certificateSecretArn !== undefined) {
            redeployOnRenewal(
                name,
                {
                    clusterArn: args.clusterArn,
                    serviceName: made.name,
                    serviceArn: made.arn,
                    certificateSecretArn: args.certificateSecretArn,
                    rsaCertificateSecretArn: args.rsaCertificateSecretArn,
                    onlyIncomplete: args.rotation === Rotation.Hot,
                    logRetentionDays: args.logRetentionDays ?? serviceDefaults.logRetentionDays,
                    topicArn: args.alarms?.topicArn,
                    tags,
                },
                this,
            );
        }
        const watched = {
            type: typeOf(args),
            loadBalancer: front.arn.apply(metricNameOf),
            targetGroup: targetGroup.arn.apply(metricNameOf),
            tags,
        };
        if (args.alarms !== undefined) {
            serviceAlarms(name, args.alarms, watched, this);
        }
        if (args.dashboard === true) {
            const clusterName = pulumi.output(args.clusterArn).apply((arn) => arn.slice(arn.lastIndexOf("/") + 1));
            const plots = servicePlots(watched, clusterName, made.name);
            dashboard(name, { dashboardName: made.name, plots }, this);
        }
        if (domain !== undefined && hostedZoneId !== undefined) {
            claimRecord(name, args);
            aliasRecord(
                `${name}-record`,
                domain,
                zoneHolding(`LoadBalancedService "${name}"`, { domain, hostedZoneId }, this),
                front,
                this,
                routed(name, args, front.dnsName, this),
            );
        }

        this.url = pulumi
            .all([domain ?? args.hosts?.[0] ?? front.dnsName, args.httpsPort ?? serviceDefaults.httpsPort])
            .apply(([host, port]) => `https://${host}${port === 443 ? "" : `:${port}`}/`);
        this.loadBalancerArn = front.arn;
        this.loadBalancerDnsName = front.dnsName;
        this.loadBalancerSecurityGroupId = front.securityGroupId;
        this.listenerArn = listening.listenerArn;
        this.targetGroupArn = targetGroup.arn;
        this.securityGroupId = tasksSecurityGroup.id;
        this.serviceName = made.name;
        this.taskDefinitionArn = task.taskDefinitionArn;
        this.taskRoleArn = task.taskRoleArn;
        this.logGroupName = task.logGroupName;
        this.registerOutputs(outputsOf(this));
    }
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
        publicHttpsPort: args.httpsPort ?? serviceDefaults.httpsPort,
        healthCheckPath: args.healthCheckPath ?? serviceDefaults.healthCheckPath,
        idleTimeout: sidecarIdleTimeout(type, idleTimeoutOf(args)),
        certificateSecretArn: args.certificateSecretArn,
        rsaCertificateSecretArn: args.rsaCertificateSecretArn,
        sealedCertificateUrl: args.sealedCertificateUrl,
        rsaSealedCertificateUrl: args.rsaSealedCertificateUrl,
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
        httpsPort: https = serviceDefaults.httpsPort,
        httpPort: http = serviceDefaults.httpPort,
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
            allowedCidrBlocks: args.allowedCidrBlocks ?? (args.clientSecurityGroupIds === undefined ? anywhere : []),
            clientSecurityGroupIds: args.clientSecurityGroupIds ?? [],
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
    (args.allowedSecurityGroupIds ?? []).forEach((securityGroupId, index) => {
        const rule = { securityGroupId: tasksSecurityGroupId, port: servedPort(args), peer: { securityGroupId }, tags };
        allowIn(`${name}-from-group-${index + 1}`, rule, parent);
    });
    if (signIns(args).length > 0) {
        allowSignIn(name, loadBalancerSecurityGroupId, tags, parent);
    }
}

function service(
    name: string,
    args: LoadBalancedServiceArgs,
    task: FargateTask,
    securityGroupId: pulumi.Input<string>,
    listening: Listening,
    parent: pulumi.Resource,
): aws.ecs.Service {
    const { autoscaling, serviceConnect, subnetIds, clusterArn, tags } = args;
    return ecsService(
        name,
        {
            ...{ clusterArn, subnetIds, securityGroupId, tags, taskDefinitionArn: task.taskDefinitionArn },
            desiredCount: autoscaling?.minTasks ?? args.desiredCount ?? serviceDefaults.desiredCount,
            isScaled: autoscaling !== undefined,
            capacityProvider: args.capacityProvider ?? serviceDefaults.capacityProvider,
            assignPublicIp: args.assignPublicIp ?? false,
            loadBalancers: listening.targets.map(({ targetGroupArn, port }) => ({
                targetGroupArn,
                containerName: isEndToEnd(args) ? "envoy" : "app",
                containerPort: port,
            })),
            healthCheckGracePeriodSeconds: args.targetHealth?.graceSeconds ?? serviceDefaults.targetHealth.graceSeconds,
            serviceConnect:
                serviceConnect &&
                serviceConnectConfiguration(
                    serviceConnect,
                    { containerPort: servedPort(args), logGroupName: task.logGroupName },
                    parent,
                ),
            dependsOn: listening.dependsOn,
        },
        parent,
    );
}
