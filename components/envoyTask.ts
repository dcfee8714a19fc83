import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { AccessLog, certificateVariables, envoyBootstrap, envoyLimits } from "./internal/envoyBootstrap";
import { fargateTask } from "./internal/fargateTask";
import {
    choiceReason,
    cidrReason,
    domainReason,
    integerReason,
    logRetentionReason,
    portReason,
    Reason,
} from "./internal/rules";
import { allowIn, allowOutAnywhere, anywhere } from "./internal/securityGroups";
import { cpuReason, memoryReason } from "./internal/taskSize";
import { Fault, faults, isPlain, listFaults, refuse } from "./internal/validation";

export { AccessLog };

/** Processor architectures of Fargate. */
export const CpuArchitecture = {
    /** 64-bit Intel or AMD. */
    X86: "X86_64",
    /** 64-bit Arm: a fifth cheaper; the image must be built for it. */
    Arm: "ARM64",
} as const;
export type CpuArchitecture = (typeof CpuArchitecture)[keyof typeof CpuArchitecture];

/** How ECS judges whether the app's container is healthy. */
export interface ContainerHealthCheckArgs {
    /** `["CMD", …]` or `["CMD-SHELL", "…"]`, run inside the container; exit code 0 is healthy. */
    readonly command: pulumi.Input<pulumi.Input<string>[]>;
    /**
     * Seconds between two checks, 5 to 300.
     * @default 30
     */
    readonly interval?: pulumi.Input<number>;
    /**
     * Seconds after which a check has failed, 2 to 60.
     * @default 5
     */
    readonly timeout?: pulumi.Input<number>;
    /**
     * Failed checks in a row that make the container unhealthy, 1 to 10.
     * @default 3
     */
    readonly retries?: pulumi.Input<number>;
    /**
     * Seconds in which failures do not count yet, 0 to 300.
     * @default 0
     */
    readonly startPeriod?: pulumi.Input<number>;
}

/** What runs in a task, beside the Envoy that taskgate puts in front of it. */
export interface AppArgs {
    /** Image of the app's container, from any registry; one in ECR may be pulled without further permissions. */
    readonly image: pulumi.Input<string>;
    /**
     * Port on which the app serves plain HTTP inside the task.
     * @default 8080
     */
    readonly containerPort?: pulumi.Input<number>;
    /**
     * Arguments of the image's entry point.
     * @default the image's own
     */
    readonly command?: pulumi.Input<pulumi.Input<string>[]>;
    /**
     * Environment variables of the app.
     * @default none
     */
    readonly environment?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /**
     * Environment variables whose values ECS reads when a task starts: the ARN of an SSM parameter, or of a Secrets Manager secret
     * (`arn`, or `arn:jsonKey:stage:version`). Only these ARNs may be read.
     * @default none
     */
    readonly secrets?: pulumi.Input<Record<string, pulumi.Input<string>>>;
    /**
     * CPU units of the task, 1024 being one vCPU; Envoy takes 64 of them.
     * @default 256
     */
    readonly cpu?: pulumi.Input<number>;
    /**
     * Memory of the task in MiB; Envoy takes 128 of them.
     * @default 512
     */
    readonly memory?: pulumi.Input<number>;
    /**
     * Processor architecture of the task.
     * @default "X86_64"
     */
    readonly cpuArchitecture?: pulumi.Input<CpuArchitecture>;
    /**
     * How ECS judges whether the app is healthy; Envoy starts once it is.
     * @default not judged
     */
    readonly healthCheck?: pulumi.Input<ContainerHealthCheckArgs>;
    /**
     * Path on which the app answers 200 when it can serve; Envoy asks it every 5 seconds and answers 503 itself while it cannot.
     * @default not asked
     */
    readonly healthCheckPath?: pulumi.Input<string>;
    /**
     * ARNs of IAM policies for the app. Whether and how many there are is decided before the deployment.
     * @default none: the task has no privileges at all
     */
    readonly taskPolicyArns?: pulumi.Input<string>[];
    /**
     * Seconds from SIGTERM to SIGKILL when a task stops, 2 to 120.
     * @default 30
     */
    readonly stopTimeout?: pulumi.Input<number>;
    /**
     * Port on which tasks serve HTTPS.
     * @default 443
     */
    readonly httpsPort?: pulumi.Input<number>;
    /**
     * Port on which tasks redirect plain HTTP to HTTPS.
     * @default 80
     */
    readonly httpPort?: pulumi.Input<number>;
    /**
     * Networks whose clients may connect, IPv4 or IPv6. How many there are is decided before the deployment.
     * @default ["0.0.0.0/0", "::/0"], the whole internet
     */
    readonly allowedCidrBlocks?: string[];
    /**
     * Envoy's image: a distroless one of Envoy 1.37 or newer.
     * @default "docker.io/envoyproxy/envoy:distroless-v1.37.5"
     */
    readonly envoyImage?: pulumi.Input<string>;
    /**
     * Which requests Envoy logs.
     * @default "errors"
     */
    readonly accessLog?: pulumi.Input<AccessLog>;
    /**
     * How long the containers' logs are kept, in days.
     * @default 30
     */
    readonly logRetentionDays?: pulumi.Input<number>;
    /**
     * Tags of everything that can have tags.
     * @default none
     */
    readonly tags?: pulumi.Input<Record<string, pulumi.Input<string>>>;
}

/** Arguments of {@link EnvoyTask}. */
export interface EnvoyTaskArgs extends AppArgs {
    /** Id of the VPC in which tasks run. */
    readonly vpcId: pulumi.Input<string>;
    /** Ids of the subnets in which tasks run: public ones when clients connect directly. */
    readonly subnetIds: pulumi.Input<pulumi.Input<string>[]>;
    /** ARN of the ECS cluster in which tasks run. */
    readonly clusterArn: pulumi.Input<string>;
    /** ARN of a Secrets Manager secret with `certificateChain` and `privateKey` (PEM), such as WildcardCertificate's. */
    readonly certificateSecretArn: pulumi.Input<string>;
    /**
     * Tasks are `<taskId>.<domain>`: each answers to its own name alone.
     * @default every name is served
     */
    readonly domain?: pulumi.Input<string>;
    /**
     * Tasks that an ECS service keeps running; the service exists when this is given, even as 0.
     * @default no service: tasks are started on demand, by RunTask
     */
    readonly desiredCount?: number;
}

const defaults = {
    containerPort: 8080,
    cpu: 256,
    memory: 512,
    cpuArchitecture: CpuArchitecture.X86,
    stopTimeout: 30,
    httpsPort: 443,
    httpPort: 80,
    envoyImage: "docker.io/envoyproxy/envoy:distroless-v1.37.5",
    accessLog: AccessLog.Errors,
    logRetentionDays: 30,
} as const;

/**
 * A Fargate task definition of two containers: the app, and an Envoy that ends TLS in front of it; with its roles, its security group
 * and its log group. The certificate's key reaches Envoy alone, through the execution role. Tasks are started on demand, or kept running
 * by a service.
 */
export class EnvoyTask extends pulumi.ComponentResource {
    /** ARN of the task definition, with its revision. */
    public readonly taskDefinitionArn: pulumi.Output<string>;
    /** Id of the security group: open on the two served ports, to the allowed networks. */
    public readonly securityGroupId: pulumi.Output<string>;
    /** ARN of the app's role, which has no permissions but those of `taskPolicyArns`. */
    public readonly taskRoleArn: pulumi.Output<string>;
    /** ARN of the role by which ECS pulls images, reads secrets and writes logs. */
    public readonly executionRoleArn: pulumi.Output<string>;
    /** Name of the log group of both containers. */
    public readonly logGroupName: pulumi.Output<string>;
    /** Name of the service; empty without one. */
    public readonly serviceName: pulumi.Output<string>;
    /** What ECS's RunTask takes to start a task, as JSON (`aws ecs run-task --cli-input-json`). */
    public readonly runTaskInput: pulumi.Output<string>;

    /** @throws pulumi.InputPropertiesError naming every refused argument */
    constructor(name: string, args: EnvoyTaskArgs, opts?: pulumi.ComponentResourceOptions) {
        super("taskgate:index:EnvoyTask", name, args, opts);
        refuse("EnvoyTask", name, envoyTaskFaults(args));
        const { allowedCidrBlocks = anywhere, tags } = args;
        const options = { parent: this };

        const task = fargateTask(
            name,
            {
                images: [args.image, args.envoyImage ?? defaults.envoyImage],
                secretArns: pulumi
                    .all([args.certificateSecretArn, args.secrets ?? {}])
                    .apply(([certificateSecretArn, secrets]) => [certificateSecretArn, ...Object.values(secrets)]),
                volumes: [],
                containers: (logGroupName, region) => containerDefinitions(args, logGroupName, region),
                cpu: args.cpu ?? defaults.cpu,
                memory: args.memory ?? defaults.memory,
                cpuArchitecture: args.cpuArchitecture ?? defaults.cpuArchitecture,
                taskPolicyArns: args.taskPolicyArns,
                logRetentionDays: args.logRetentionDays ?? defaults.logRetentionDays,
                tags,
            },
            this,
        );
        const securityGroup = servedPorts(name, args, allowedCidrBlocks, this);
        const network = {
            subnets: args.subnetIds,
            securityGroups: [securityGroup.id],
        };
        const service =
            args.desiredCount === undefined
                ? undefined
                : new aws.ecs.Service(
                      `${name}-service`,
                      {
                          cluster: args.clusterArn,
                          taskDefinition: task.taskDefinitionArn,
                          desiredCount: args.desiredCount,
                          launchType: "FARGATE",
                          networkConfiguration: { ...network, assignPublicIp: true },
                          deploymentCircuitBreaker: { enable: true, rollback: true },
                          deploymentMinimumHealthyPercent: 100,
                          deploymentMaximumPercent: 200,
                          propagateTags: "SERVICE",
                          tags,
                      },
                      options,
                  );

        this.taskDefinitionArn = task.taskDefinitionArn;
        this.securityGroupId = securityGroup.id;
        this.taskRoleArn = task.taskRoleArn;
        this.executionRoleArn = task.executionRoleArn;
        this.logGroupName = task.logGroupName;
        this.serviceName = service?.name ?? pulumi.output("");
        this.runTaskInput = pulumi.jsonStringify({
            cluster: args.clusterArn,
            taskDefinition: task.taskDefinitionArn,
            launchType: "FARGATE",
            propagateTags: "TASK_DEFINITION",
            networkConfiguration: { awsvpcConfiguration: { ...network, assignPublicIp: "ENABLED" } },
        });
        this.registerOutputs({
            taskDefinitionArn: this.taskDefinitionArn,
            securityGroupId: this.securityGroupId,
            taskRoleArn: this.taskRoleArn,
            executionRoleArn: this.executionRoleArn,
            logGroupName: this.logGroupName,
            serviceName: this.serviceName,
            runTaskInput: this.runTaskInput,
        });
    }
}

export function envoyTaskFaults(
    args: Omit<EnvoyTaskArgs, "vpcId" | "subnetIds" | "clusterArn" | "certificateSecretArn">,
): Fault[] {
    const { cpu = defaults.cpu, memory = defaults.memory } = args;
    const {
        containerPort = defaults.containerPort,
        httpsPort = defaults.httpsPort,
        httpPort = defaults.httpPort,
    } = args;
    return [
        ...faults("image", args.image, (image): Reason =>
            image === "" ? "an image is needed, e.g. docker.io/traefik/whoami:v1.11" : undefined,
        ),
        ...faults("containerPort", containerPort, portReason),
        ...faults("httpsPort", httpsPort, portReason),
        ...faults("httpPort", httpPort, portReason),
        ...portClashes({ containerPort, httpsPort, httpPort }),
        ...faults("cpu", cpu, cpuReason),
        ...(isPlain(cpu) ? faults("memory", memory, (value) => memoryReason(cpu, value)) : []),
        ...faults("cpuArchitecture", args.cpuArchitecture, (value) =>
            choiceReason(value, Object.values(CpuArchitecture)),
        ),
        ...faults("accessLog", args.accessLog, (value) => choiceReason(value, Object.values(AccessLog))),
        ...faults("stopTimeout", args.stopTimeout, (value) => integerReason(value, 2, 120, "seconds")),
        ...faults("healthCheckPath", args.healthCheckPath, (path): Reason =>
            path.startsWith("/") ? undefined : `"${path}" is not a path: begin it with /`,
        ),
        ...faults("environment", args.environment, certificateVariableReason),
        ...faults("secrets", args.secrets, certificateVariableReason),
        ...secretFaults(args.secrets),
        ...healthCheckFaults(args.healthCheck),
        ...listFaults("allowedCidrBlocks", args.allowedCidrBlocks, (cidr): Reason =>
            args.allowedCidrBlocks?.indexOf(cidr) === args.allowedCidrBlocks?.lastIndexOf(cidr)
                ? cidrReason(cidr)
                : `"${cidr}" is named twice`,
        ),
        ...faults("logRetentionDays", args.logRetentionDays, logRetentionReason),
        ...faults("domain", args.domain, (value) => domainReason(value, 32)),
        ...faults("desiredCount", args.desiredCount, (value) => integerReason(value, 0, 5000, "tasks")),
    ];
}

/** The containers of a task share one set of ports. */
function portClashes(ports: Record<string, pulumi.Input<number>>): Fault[] {
    const known = Object.entries(ports).flatMap(([name, port]) => (isPlain(port) ? [{ name, port }] : []));
    return known.flatMap(({ name, port }, index) => {
        const other = known.slice(0, index).find((earlier) => earlier.port === port);
        const reason = `${port} is ${other?.name} already: the containers of a task share its ports, give another`;
        return other === undefined ? [] : [{ propertyPath: name, reason }];
    });
}

function certificateVariableReason(variables: Record<string, unknown>): Reason {
    const taken = Object.values(certificateVariables).find((name) => name in variables);
    return taken && `${taken} is Envoy's own: the app must not have it, give the variable another name`;
}

/** ECS would take a parameter's bare name too, but no permission to read it could be given. */
function secretFaults(secrets: AppArgs["secrets"]): Fault[] {
    return isPlain(secrets)
        ? Object.entries(secrets).flatMap(([name, reference]) =>
              faults(`secrets.${name}`, reference, (value): Reason =>
                  /^arn:[^:]+:(secretsmanager|ssm):/.test(value)
                      ? undefined
                      : `"${value}" is not the ARN of a Secrets Manager secret or an SSM parameter`,
              ),
          )
        : [];
}

function healthCheckFaults(healthCheck: AppArgs["healthCheck"]): Fault[] {
    if (!isPlain(healthCheck)) {
        return [];
    }
    const bounds = { interval: [5, 300], timeout: [2, 60], retries: [1, 10], startPeriod: [0, 300] } as const;
    return Object.entries(bounds).flatMap(([key, [least, most]]) =>
        faults(`healthCheck.${key}`, healthCheck[key as keyof typeof bounds], (value) =>
            integerReason(value, least, most),
        ),
    );
}

/** In on the two served ports, from the allowed networks; out to anywhere, for images, secrets, logs and whatever the app calls. */
function servedPorts(
    name: string,
    args: EnvoyTaskArgs,
    allowed: readonly string[],
    parent: pulumi.Resource,
): aws.ec2.SecurityGroup {
    const { httpsPort = defaults.httpsPort, httpPort = defaults.httpPort, tags } = args;
    const securityGroup = new aws.ec2.SecurityGroup(
        `${name}-security-group`,
        { vpcId: args.vpcId, description: "HTTPS, and HTTP for the redirect, to tasks", tags },
        { parent },
    );
    for (const [protocol, port] of Object.entries({ https: httpsPort, http: httpPort })) {
        for (const cidr of allowed) {
            const rule = { securityGroupId: securityGroup.id, port, peer: { cidr }, tags };
            allowIn(`${name}-${protocol}-from-${cidr}`, rule, parent);
        }
    }
    allowOutAnywhere(name, securityGroup.id, tags, parent);
    return securityGroup;
}

/** Both containers as JSON, in one order of keys and names, so that no preview shows a change where there is none. */
function containerDefinitions(
    args: EnvoyTaskArgs,
    logGroupName: pulumi.Input<string>,
    region: pulumi.Input<string>,
): pulumi.Output<string> {
    const { domain, healthCheckPath, healthCheck, command } = args;
    return pulumi
        .output({
            image: args.image,
            command,
            environment: args.environment ?? {},
            secrets: args.secrets ?? {},
            healthCheck,
            containerPort: args.containerPort ?? defaults.containerPort,
            stopTimeout: args.stopTimeout ?? defaults.stopTimeout,
            httpsPort: args.httpsPort ?? defaults.httpsPort,
            httpPort: args.httpPort ?? defaults.httpPort,
            envoyImage: args.envoyImage ?? defaults.envoyImage,
            accessLog: args.accessLog ?? defaults.accessLog,
            certificateSecretArn: args.certificateSecretArn,
            domain,
            healthCheckPath,
            logGroupName,
            region,
        })
        .apply((given) => {
            const logConfiguration = (prefix: string): object => ({
                logDriver: "awslogs",
                options: {
                    "awslogs-group": given.logGroupName,
                    "awslogs-region": given.region,
                    "awslogs-stream-prefix": prefix,
                },
            });
            const app = {
                name: "app",
                image: given.image,
                essential: true,
                command: given.command,
                environment: sortedEntries(given.environment).map(([name, value]) => ({ name, value })),
                secrets: sortedEntries(given.secrets).map(([name, valueFrom]) => ({ name, valueFrom })),
                healthCheck: given.healthCheck && {
                    command: given.healthCheck.command,
                    interval: given.healthCheck.interval ?? 30,
                    timeout: given.healthCheck.timeout ?? 5,
                    retries: given.healthCheck.retries ?? 3,
                    startPeriod: given.healthCheck.startPeriod ?? 0,
                },
                stopTimeout: given.stopTimeout,
                logConfiguration: logConfiguration("app"),
            };
            const bootstrap = envoyBootstrap({
                httpsPort: given.httpsPort,
                httpPort: given.httpPort,
                appPort: given.containerPort,
                domain: given.domain,
                healthCheckPath: given.healthCheckPath,
                accessLog: given.accessLog,
            });
            const envoy = {
                name: "envoy",
                image: given.envoyImage,
                essential: true,
                command: [
                    ...["--config-yaml", JSON.stringify(bootstrap)],
                    ...["--concurrency", "1"], // Envoy would start a thread for each of the host's cores
                    "--disable-hot-restart",
                    ...["--log-level", "warning"],
                ],
                cpu: envoyLimits.cpu,
                memory: envoyLimits.memory,
                dependsOn: [{ containerName: "app", condition: given.healthCheck ? "HEALTHY" : "START" }],
                portMappings: [given.httpsPort, given.httpPort].map((port) => ({
                    containerPort: port,
                    hostPort: port,
                    protocol: "tcp",
                })),
                secrets: [
                    { name: certificateVariables.chain, valueFrom: `${given.certificateSecretArn}:certificateChain::` },
                    { name: certificateVariables.key, valueFrom: `${given.certificateSecretArn}:privateKey::` },
                ],
                readonlyRootFilesystem: true,
                user: "65532", // "nonroot" of the distroless image
                linuxParameters: { capabilities: { drop: ["ALL"] } },
                // Lets a process without privileges listen on ports below 1024.
                systemControls: [{ namespace: "net.ipv4.ip_unprivileged_port_start", value: "0" }],
                logConfiguration: logConfiguration("envoy"),
            };
            return JSON.stringify([app, envoy]);
        });
}

function sortedEntries(record: Record<string, string>): [string, string][] {
    return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}
