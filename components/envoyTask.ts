import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import {
    AccessLog,
    AppArgs,
    appDefaults,
    appFaults,
    ContainerHealthCheckArgs,
    CpuArchitecture,
    portClashes,
} from "./internal/appTask";
import { certificateVariables, envoyBootstrap, envoyLimits } from "./internal/envoyBootstrap";
import { fargateTask } from "./internal/fargateTask";
import { domainReason, integerReason } from "./internal/rules";
import { allowIn, allowOutAnywhere, anywhere } from "./internal/securityGroups";
import { Fault, faults, refuse } from "./internal/validation";

export { AccessLog, CpuArchitecture };
export type { AppArgs, ContainerHealthCheckArgs };

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
                images: [args.image, args.envoyImage ?? appDefaults.envoyImage],
                secretArns: pulumi
                    .all([args.certificateSecretArn, args.secrets ?? {}])
                    .apply(([certificateSecretArn, secrets]) => [certificateSecretArn, ...Object.values(secrets)]),
                volumes: [],
                containers: (logGroupName, region) => containerDefinitions(args, logGroupName, region),
                cpu: args.cpu ?? appDefaults.cpu,
                memory: args.memory ?? appDefaults.memory,
                cpuArchitecture: args.cpuArchitecture ?? appDefaults.cpuArchitecture,
                taskPolicyArns: args.taskPolicyArns,
                logRetentionDays: args.logRetentionDays ?? appDefaults.logRetentionDays,
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
    const { containerPort = appDefaults.containerPort } = args;
    const { httpsPort = appDefaults.httpsPort, httpPort = appDefaults.httpPort } = args;
    return [
        ...appFaults(args),
        ...portClashes({ containerPort, httpsPort, httpPort }),
        ...faults("domain", args.domain, (value) => domainReason(value, 32)),
        ...faults("desiredCount", args.desiredCount, (value) => integerReason(value, 0, 5000, "tasks")),
    ];
}

/** In on the two served ports, from the allowed networks; out to anywhere, for images, secrets, logs and whatever the app calls. */
function servedPorts(
    name: string,
    args: EnvoyTaskArgs,
    allowed: readonly string[],
    parent: pulumi.Resource,
): aws.ec2.SecurityGroup {
    const { httpsPort = appDefaults.httpsPort, httpPort = appDefaults.httpPort, tags } = args;
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
            containerPort: args.containerPort ?? appDefaults.containerPort,
            stopTimeout: args.stopTimeout ?? appDefaults.stopTimeout,
            httpsPort: args.httpsPort ?? appDefaults.httpsPort,
            httpPort: args.httpPort ?? appDefaults.httpPort,
            envoyImage: args.envoyImage ?? appDefaults.envoyImage,
            accessLog: args.accessLog ?? appDefaults.accessLog,
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
