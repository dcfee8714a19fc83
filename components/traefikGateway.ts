import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import {
    allowedCidrBlocks,
    desiredCount,
    domain,
    hostedZoneId as hostedZoneIdRule,
    integer,
    logRetentionDays,
    placement,
    port,
    secretArn,
    secretReference,
    subnetIds,
    tags,
} from "./internal/arguments";
import { zoneHolding } from "./internal/hostedZone";
import { imageReason } from "./internal/imageName";
import { redeployOnRenewal } from "./internal/functions/redeployment";
import { aliasRecord, connectTasks, loadBalancer } from "./internal/loadBalancing/loadBalancer";
import { traefikContainers, traefikLabels, traefikPorts, TraefikRoute } from "./internal/loadBalancing/traefik";
import { outputsOf } from "./internal/outputs";
import { Statement } from "./internal/policies";
import { nameReason } from "./internal/rules";
import { allowOutAnywhere, anywhere } from "./internal/securityGroups";
import { appDefaults, appRules, CpuArchitecture } from "./internal/task/appTask";
import { FargateTask, fargateTask } from "./internal/task/fargateTask";
import { Rotation, RotationArgs, rotationFaults, rotationRules } from "./internal/task/rotation";
import { cpuReason, memoryReason } from "./internal/task/taskSize";
import {
    ArgumentRules,
    choice,
    Combination,
    faultOf,
    flag,
    given,
    judged,
    number,
    plain,
    required,
    text,
    together,
} from "./internal/validation";

export { traefikLabels };
export type { TraefikRoute };

/** A target group's name has 32 characters, of which "-https" and Pulumi take 14. */
const longestName = 18;

/** Arguments of {@link TraefikGateway}. */
export interface TraefikGatewayArgs extends RotationArgs {
    /** Id of the VPC in which Traefik runs. */
    readonly vpcId: pulumi.Input<string>;
    /** Ids of the subnets in which Traefik runs, in two Availability Zones or more: private ones with a way out, or public ones with `assignPublicIp`. */
    readonly subnetIds: pulumi.Input<pulumi.Input<string>[]>;
    /** Ids of the load balancer's subnets: public ones, or private ones when it is internal. */
    readonly loadBalancerSubnetIds: pulumi.Input<pulumi.Input<string>[]>;
    /** ARN of the ECS cluster in which Traefik runs, and whose tasks it routes to. */
    readonly clusterArn: pulumi.Input<string>;
    /** ARN of a Secrets Manager secret with `certificateChain` and `privateKey` (PEM), such as WildcardCertificate's. */
    readonly certificateSecretArn: pulumi.Input<string>;
    /**
     * Every name below it, `*.<domain>`, gets a record that points at the load balancer; goes with `hostedZoneId`.
     * @default none
     */
    readonly domain?: pulumi.Input<string>;
    /**
     * Id of the public Route 53 hosted zone that holds `domain`.
     * @default none
     */
    readonly hostedZoneId?: pulumi.Input<string>;
    /**
     * Whether the load balancer is reached from within the VPC alone.
     * @default false
     */
    readonly internal?: boolean;
    /**
     * Whether tasks of Traefik get public addresses: their way out in public subnets. Nobody but the load balancer may connect to them in any case.
     * @default false
     */
    readonly assignPublicIp?: pulumi.Input<boolean>;
    /**
     * Traefiks to keep running, 0 to 5000.
     * @default 2
     */
    readonly desiredCount?: pulumi.Input<number>;
    /**
     * Host of Traefik's dashboard; goes with `dashboardUsersSecretArn`.
     * @default there is no dashboard
     */
    readonly dashboardHost?: string;
    /**
     * ARN of a secret or parameter with who may see the dashboard: lines of `name:hash` as `htpasswd -B` writes them.
     * @default there is no dashboard
     */
    readonly dashboardUsersSecretArn?: pulumi.Input<string>;
    /**
     * ARNs of KMS keys of your own under which these secrets are encrypted: ECS may decrypt with them what it reads. A key's own policy has to let the
     * account's IAM policies decide.
     * @default none: AWS's own key of each service, which needs no permission
     */
    readonly secretKeyArns?: pulumi.Input<pulumi.Input<string>[]>;
    /**
     * CPU units of each Traefik, 1024 being one vCPU.
     * @default 256
     */
    readonly cpu?: pulumi.Input<number>;
    /**
     * Memory of each Traefik in MiB.
     * @default 512
     */
    readonly memory?: pulumi.Input<number>;
    /**
     * Processor architecture of Traefik.
     * @default "X86_64"
     */
    readonly cpuArchitecture?: pulumi.Input<CpuArchitecture>;
    /**
     * Traefik's image: version 3, with a shell.
     * @default "public.ecr.aws/docker/library/traefik:v3.7.15"
     */
    readonly traefikImage?: pulumi.Input<string>;
    /**
     * Image of the container that looks for later certificates with the rotation `hot`: one with a shell and curl.
     * @default "public.ecr.aws/docker/library/buildpack-deps:trixie-curl"
     */
    readonly helperImage?: pulumi.Input<string>;
    /**
     * Seconds for which requests under way may go on when a Traefik stops, 0 to 110.
     * @default 20
     */
    readonly drainSeconds?: number;
    /**
     * Seconds for which a Traefik keeps its connections after it was taken from the load balancer and before it is stopped, 0 to 3600.
     * @default 30
     */
    readonly deregistrationDelay?: number;
    /**
     * Port on which clients find HTTPS.
     * @default 443
     */
    readonly httpsPort?: pulumi.Input<number>;
    /**
     * Port on which plain HTTP is redirected to HTTPS.
     * @default 80
     */
    readonly httpPort?: pulumi.Input<number>;
    /**
     * Networks whose clients may connect, IPv4 or IPv6. How many there are is decided before the deployment.
     * @default ["0.0.0.0/0", "::/0"], the whole internet
     */
    readonly allowedCidrBlocks?: string[];
    /**
     * How long logs are kept, in days.
     * @default 30
     */
    readonly logRetentionDays?: pulumi.Input<number>;
    /**
     * Tags of everything that can have tags.
     * @default none
     */
    readonly tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

const defaults = {
    cpu: 256,
    memory: 512,
    cpuArchitecture: CpuArchitecture.X86,
    traefikImage: "public.ecr.aws/docker/library/traefik:v3.7.15",
    desiredCount: 2,
    drainSeconds: 20,
    deregistrationDelay: 30,
    httpsPort: 443,
    httpPort: 80,
    logRetentionDays: 30,
} as const;

/**
 * Traefik behind one Network Load Balancer, in front of all tasks of a cluster that say by their labels (`traefikLabels`) which hosts and paths
 * are theirs. It ends TLS with the wildcard certificate, and looks every 10 seconds which tasks are healthy; nothing else is exposed. After
 * a renewal of the certificate its tasks are replaced, or take it up while they run (`rotation`).
 */
export class TraefikGateway extends pulumi.ComponentResource {
    /** Name of the gateway, as labels of tasks name it. */
    public readonly gatewayName: pulumi.Output<string>;
    /** DNS name that AWS gave the load balancer. */
    public readonly loadBalancerDnsName: pulumi.Output<string>;
    /** Route 53 zone of that name, for alias records. */
    public readonly loadBalancerZoneId: pulumi.Output<string>;
    /** Id of Traefik's security group: tasks let its members connect. */
    public readonly securityGroupId: pulumi.Output<string>;
    /** Where the dashboard is; empty without one. */
    public readonly dashboardUrl: pulumi.Output<string>;
    /** Name of the service. */
    public readonly serviceName: pulumi.Output<string>;
    /** Name of Traefik's log group. */
    public readonly logGroupName: pulumi.Output<string>;

    /** @throws pulumi.InputPropertiesError naming every refused argument */
    constructor(name: string, args: TraefikGatewayArgs, opts?: pulumi.ComponentResourceOptions) {
        args = judged("TraefikGateway", name, args, traefikGatewayArguments);
        super("taskgate:index:TraefikGateway", name, args, opts);
        const {
            domain,
            hostedZoneId,
            tags,
            httpsPort: https = defaults.httpsPort,
            httpPort: http = defaults.httpPort,
        } = args;

        const task = traefikTask(name, args, this);
        const securityGroup = new aws.ec2.SecurityGroup(
            `${name}-tasks-security-group`,
            { vpcId: args.vpcId, description: "The load balancer to Traefik", tags },
            { parent: this },
        );
        allowOutAnywhere(`${name}-tasks`, securityGroup.id, tags, this);
        const front = loadBalancer(
            name,
            {
                type: "network",
                vpcId: args.vpcId,
                subnetIds: args.loadBalancerSubnetIds,
                internal: args.internal ?? false,
                ports: { https, http },
                allowedCidrBlocks: args.allowedCidrBlocks ?? anywhere,
                clientSecurityGroupIds: [],
                settings: {},
                tags,
            },
            this,
        );
        for (const [what, port] of Object.entries(traefikPorts)) {
            const groups = {
                loadBalancerSecurityGroupId: front.securityGroupId,
                tasksSecurityGroupId: securityGroup.id,
            };
            connectTasks(`${name}-${what}`, { ...groups, port, tags }, this);
        }
        const listening = [
            listener(`${name}-https`, args, front.arn, https, traefikPorts.https, this),
            listener(`${name}-http`, args, front.arn, http, traefikPorts.http, this),
        ];
        const service = new aws.ecs.Service(
            `${name}-service`,
            {
                cluster: args.clusterArn,
                taskDefinition: task.taskDefinitionArn,
                desiredCount: args.desiredCount ?? defaults.desiredCount,
                launchType: "FARGATE",
                networkConfiguration: {
                    subnets: args.subnetIds,
                    securityGroups: [securityGroup.id],
                    assignPublicIp: args.assignPublicIp ?? false,
                },
                loadBalancers: listening.map(({ targetGroupArn, port }) => ({
                    targetGroupArn,
                    containerName: "traefik",
                    containerPort: port,
                })),
                healthCheckGracePeriodSeconds: 60,
                deploymentMinimumHealthyPercent: 100,
                deploymentMaximumPercent: 200,
                deploymentCircuitBreaker: { enable: true, rollback: true },
                availabilityZoneRebalancing: "ENABLED",
                propagateTags: "SERVICE",
                tags,
            },
            { parent: this, dependsOn: listening.map((one) => one.listener) },
        );
        redeployOnRenewal(
            name,
            {
                clusterArn: args.clusterArn,
                serviceName: service.name,
                serviceArn: service.arn,
                certificateSecretArn: args.certificateSecretArn,
                onlyIncomplete: args.rotation === Rotation.Hot,
                logRetentionDays: args.logRetentionDays ?? defaults.logRetentionDays,
                tags,
            },
            this,
        );
        if (domain !== undefined && hostedZoneId !== undefined) {
            const zoneId = zoneHolding(`TraefikGateway "${name}"`, { domain, hostedZoneId }, this);
            aliasRecord(`${name}-record`, pulumi.interpolate`*.${domain}`, zoneId, front, this);
        }

        this.gatewayName = pulumi.output(name);
        this.loadBalancerDnsName = front.dnsName;
        this.loadBalancerZoneId = front.zoneId;
        this.securityGroupId = securityGroup.id;
        this.dashboardUrl = pulumi
            .output(https)
            .apply((port) =>
                args.dashboardHost === undefined
                    ? ""
                    : `https://${args.dashboardHost}${port === 443 ? "" : `:${port}`}/dashboard/`,
            );
        this.serviceName = service.name;
        this.logGroupName = task.logGroupName;
        this.registerOutputs(outputsOf(this));
    }
}

interface Listening {
    readonly listener: aws.lb.Listener;
    readonly targetGroupArn: pulumi.Output<string>;
    readonly port: number;
}

/** Passes a port's connections on to Traefik, with the clients' addresses, as long as it answers a ping. */
function listener(
    name: string,
    args: TraefikGatewayArgs,
    loadBalancerArn: pulumi.Input<string>,
    port: pulumi.Input<number>,
    traefikPort: number,
    parent: pulumi.Resource,
): Listening {
    const { tags } = args;
    const targetGroup = new aws.lb.TargetGroup(
        name,
        {
            vpcId: args.vpcId,
            targetType: "ip",
            protocol: "TCP",
            port: traefikPort,
            preserveClientIp: "true",
            deregistrationDelay: args.deregistrationDelay ?? defaults.deregistrationDelay,
            healthCheck: {
                protocol: "HTTP",
                port: String(traefikPorts.ping),
                path: "/ping",
                matcher: "200",
                interval: 10,
                timeout: 5,
                healthyThreshold: 2,
                unhealthyThreshold: 3,
            },
            tags,
        },
        { parent },
    );
    const made = new aws.lb.Listener(
        name,
        {
            loadBalancerArn,
            port,
            protocol: "TCP",
            tcpIdleTimeoutSeconds: 350,
            defaultActions: [{ type: "forward", targetGroupArn: targetGroup.arn }],
            tags,
        },
        { parent },
    );
    return { listener: made, targetGroupArn: targetGroup.arn, port: traefikPort };
}

function traefikTask(name: string, args: TraefikGatewayArgs, parent: pulumi.Resource): FargateTask {
    const { dashboardUsersSecretArn: users, traefikImage = defaults.traefikImage } = args;
    return fargateTask(
        `${name}-task`,
        {
            images: [
                traefikImage,
                ...(args.rotation === Rotation.Hot ? [args.helperImage ?? appDefaults.helperImage] : []),
            ],
            secretArns: pulumi.all([args.certificateSecretArn, ...(users === undefined ? [] : [users])]),
            keyArns: args.secretKeyArns,
            volumes: ["dynamic"],
            containers: (logGroupName, region) => containers(name, args, logGroupName, region),
            cpu: args.cpu ?? defaults.cpu,
            memory: args.memory ?? defaults.memory,
            cpuArchitecture: args.cpuArchitecture ?? defaults.cpuArchitecture,
            taskStatements: pulumi.output(args.clusterArn).apply(discoveryStatements),
            logRetentionDays: args.logRetentionDays ?? defaults.logRetentionDays,
            tags: args.tags,
        },
        parent,
    );
}

/** What Traefik asks ECS on Fargate, of the one cluster. Task definitions belong to no cluster. */
function discoveryStatements(clusterArn: string): Statement[] {
    return [
        {
            Sid: "FindTasks",
            Effect: "Allow",
            Action: ["ecs:DescribeTasks", "ecs:ListTasks"],
            Resource: "*",
            Condition: { ArnEquals: { "ecs:cluster": clusterArn } },
        },
        { Sid: "ReadLabels", Effect: "Allow", Action: "ecs:DescribeTaskDefinition", Resource: "*" },
    ];
}

function containers(
    name: string,
    args: TraefikGatewayArgs,
    logGroupName: pulumi.Output<string>,
    region: pulumi.Output<string>,
): pulumi.Output<string> {
    const { helperImage = appDefaults.helperImage } = args;
    return pulumi
        .output({
            gateway: name,
            image: args.traefikImage ?? defaults.traefikImage,
            hot:
                args.sealedCertificateUrl === undefined
                    ? undefined
                    : { sealedCertificateUrl: args.sealedCertificateUrl, helperImage },
            clusterArn: args.clusterArn,
            region,
            certificateSecretArn: args.certificateSecretArn,
            dashboardHost: args.dashboardHost,
            dashboardUsersSecretArn: args.dashboardUsersSecretArn,
            publicHttpsPort: args.httpsPort ?? defaults.httpsPort,
            drainSeconds: args.drainSeconds ?? defaults.drainSeconds,
            logGroupName,
        })
        .apply((given) => JSON.stringify(traefikContainers(given)));
}

const traefikGatewayArguments: ArgumentRules<TraefikGatewayArgs> = {
    name: (name) => nameReason(name, longestName),
    rules: {
        ...placement,
        loadBalancerSubnetIds: required(
            subnetIds(),
            "give the ids of the load balancer's subnets, public ones unless it is internal",
        ),
        certificateSecretArn: required(
            secretArn,
            "give the ARN of the certificate's secret, e.g. WildcardCertificate's secretArn",
        ),
        domain: domain(1),
        hostedZoneId: hostedZoneIdRule,
        internal: plain(flag),
        assignPublicIp: flag,
        desiredCount,
        dashboardHost: plain(domain()),
        dashboardUsersSecretArn: plain(secretReference),
        secretKeyArns: appRules.secretKeyArns,
        cpu: number(cpuReason),
        memory: number(),
        cpuArchitecture: choice(CpuArchitecture),
        traefikImage: text(imageReason),
        helperImage: text(imageReason),
        rotation: rotationRules.rotation,
        sealedCertificateUrl: rotationRules.sealedCertificateUrl,
        drainSeconds: plain(integer(0, 110, "seconds")),
        deregistrationDelay: plain(integer(0, 3600, "seconds")),
        httpsPort: port,
        httpPort: port,
        allowedCidrBlocks,
        logRetentionDays,
        tags,
    },
    combinations: [
        goTogether("domain", "hostedZoneId"),
        goTogether("dashboardHost", "dashboardUsersSecretArn"),
        given(["rotation", "sealedCertificateUrl"], rotationFaults),
        given(["rotation", "helperImage"], ({ rotation, helperImage }) =>
            faultOf(
                "helperImage",
                helperImage !== undefined && rotation !== Rotation.Hot
                    ? 'goes with the rotation "hot": leave it out, or give that'
                    : undefined,
            ),
        ),
        given(["internal"], ({ internal, hostedZoneId }) =>
            faultOf(
                "hostedZoneId",
                internal === true && hostedZoneId !== undefined
                    ? "an internal load balancer has no address on the internet for a public record: make one in a private zone"
                    : undefined,
            ),
        ),
        together(["cpu", "memory"], ({ cpu = defaults.cpu, memory = defaults.memory }) =>
            faultOf("memory", memoryReason(cpu, memory)),
        ),
        together(["httpsPort", "httpPort"], ({ httpsPort = defaults.httpsPort, httpPort = defaults.httpPort }) =>
            faultOf("httpPort", httpsPort === httpPort ? `${httpPort} is httpsPort already: give another` : undefined),
        ),
    ],
};

function goTogether(one: keyof TraefikGatewayArgs, other: keyof TraefikGatewayArgs): Combination<TraefikGatewayArgs> {
    return given([], (args) => {
        const missing = [one, other].filter((key) => args[key] === undefined);
        return faultOf(missing[0], missing.length === 1 ? `is missing: ${one} and ${other} go together` : undefined);
    });
}
