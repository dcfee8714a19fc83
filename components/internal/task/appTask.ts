// The user's app: what may be said about it, what is wrong with that, and the task that it becomes.
import * as pulumi from "@pulumi/pulumi";

import { drainReason, stopTimeoutReason } from "../envoy/drainTimes";
import { AccessLog, certificateVariables, Front } from "../envoy/envoyBootstrap";
import { choiceReason, cidrReason, integerReason, logRetentionReason, portReason, Reason } from "../rules";
import { Fault, faults, isPlain, listFaults } from "../validation";
import { containerDefinitions, volumeNames } from "./containers";
import { FargateTask, fargateTask } from "./fargateTask";
import { builtImage, ImageBuild, imageFaults } from "./imageBuild";
import { cpuReason, memoryReason } from "./taskSize";

export { AccessLog };
export type { ImageBuild };

/** Processor architectures of Fargate. */
export const CpuArchitecture = {
    /** 64-bit Intel or AMD. */
    X86: "X86_64",
    /** 64-bit Arm: a fifth cheaper; the image must be built for it. */
    Arm: "ARM64",
} as const;
export type CpuArchitecture = (typeof CpuArchitecture)[keyof typeof CpuArchitecture];

/** How ECS judges whether the app's container is healthy. */
export interface ContainerHealthCheck {
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
    /**
     * Image of the app's container, from any registry; one in ECR may be pulled without further permissions.
     * @default the one of `build`
     */
    readonly image?: pulumi.Input<string>;
    /**
     * Builds the image and keeps it in an ECR repository of its own.
     * @default the image is `image`
     */
    readonly build?: ImageBuild;
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
     * CPU units of the task, 1024 being one vCPU; Envoy takes 64 of them where it is.
     * @default 256
     */
    readonly cpu?: pulumi.Input<number>;
    /**
     * Memory of the task in MiB; Envoy and its helper take 160 of them where they are.
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
    readonly healthCheck?: pulumi.Input<ContainerHealthCheck>;
    /**
     * Path on which the app answers 200 when it can serve; Envoy asks it every 5 seconds. While it cannot, a load balancer is told so; without
     * one, Envoy answers 503 itself.
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
     * Seconds for which requests under way may go on when a task behind Envoy stops, 0 to 115; WebSockets too.
     * @default 20
     */
    readonly drainSeconds?: pulumi.Input<number>;
    /**
     * Docker labels of the container that is served, such as those of `traefikLabels`.
     * @default none
     */
    readonly dockerLabels?: pulumi.Input<Record<string, pulumi.Input<string>>>;
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
     * Ids of security groups whose members may connect to tasks besides, such as TraefikGateway's. How many there are is decided before the
     * deployment.
     * @default none
     */
    readonly allowedSecurityGroupIds?: pulumi.Input<string>[];
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

/** What an app is when nothing else is said. */
export const appDefaults = {
    containerPort: 8080,
    cpu: 256,
    memory: 512,
    cpuArchitecture: CpuArchitecture.X86,
    stopTimeout: 30,
    drainSeconds: 20,
    httpsPort: 443,
    httpPort: 80,
    envoyImage: "docker.io/envoyproxy/envoy:distroless-v1.37.5",
    accessLog: AccessLog.Errors,
    logRetentionDays: 30,
} as const;

/** The Envoy in front of the app. */
export interface SidecarArgs {
    /** What stands in front of Envoy; undefined: nothing. */
    readonly front?: Front;
    readonly httpsPort: pulumi.Input<number>;
    /** undefined: no redirect. */
    readonly httpPort?: pulumi.Input<number>;
    /** Where the redirect sends clients; undefined: to `httpsPort`. */
    readonly publicHttpsPort?: pulumi.Input<number>;
    /** Tasks answer to `<taskId>.<domain>` alone; undefined: to every name. */
    readonly domain?: pulumi.Input<string>;
    readonly healthCheckPath?: pulumi.Input<string>;
    readonly idleTimeout?: pulumi.Input<number>;
    /** undefined: each task makes its own certificate. */
    readonly certificateSecretArn: pulumi.Input<string> | undefined;
}

/** Makes the task of an app, behind an Envoy or, without one, as it is. */
export function appTask(
    name: string,
    args: AppArgs,
    sidecar: SidecarArgs | undefined,
    parent: pulumi.Resource,
): FargateTask {
    const { secrets = {}, envoyImage = appDefaults.envoyImage } = args;
    const certificateSecretArn = sidecar?.certificateSecretArn;
    const isSelfSigned = sidecar !== undefined && certificateSecretArn === undefined;
    const cpuArchitecture = args.cpuArchitecture ?? appDefaults.cpuArchitecture;
    const image =
        args.build === undefined
            ? (args.image ?? "")
            : builtImage(name, args.build, cpuArchitecture, args.tags, parent);
    return fargateTask(
        name,
        {
            images: [image, ...(sidecar === undefined ? [] : [envoyImage])],
            secretArns: pulumi
                .all([secrets, certificateSecretArn === undefined ? [] : [certificateSecretArn]])
                .apply(([ofApp, ofEnvoy]) => [...ofEnvoy, ...Object.values(ofApp)]),
            volumes: volumeNames(sidecar !== undefined, isSelfSigned),
            containers: (logGroupName, region) => containers(args, image, sidecar, logGroupName, region),
            cpu: args.cpu ?? appDefaults.cpu,
            memory: args.memory ?? appDefaults.memory,
            cpuArchitecture,
            taskPolicyArns: args.taskPolicyArns,
            logRetentionDays: args.logRetentionDays ?? appDefaults.logRetentionDays,
            tags: args.tags,
        },
        parent,
    );
}

function containers(
    args: AppArgs,
    image: pulumi.Input<string>,
    sidecar: SidecarArgs | undefined,
    logGroupName: pulumi.Output<string>,
    region: pulumi.Output<string>,
): pulumi.Output<string> {
    const { certificateSecretArn, ...bootstrap } = sidecar ?? {};
    return pulumi
        .output({
            app: {
                image,
                containerPort: args.containerPort ?? appDefaults.containerPort,
                command: args.command,
                environment: args.environment,
                secrets: args.secrets,
                healthCheck: args.healthCheck,
                stopTimeout: args.stopTimeout ?? appDefaults.stopTimeout,
            },
            bootstrap: { ...bootstrap, accessLog: args.accessLog ?? appDefaults.accessLog },
            envoyImage: args.envoyImage ?? appDefaults.envoyImage,
            drainSeconds: args.drainSeconds ?? appDefaults.drainSeconds,
            certificateSecretArn,
            dockerLabels: args.dockerLabels,
            logGroupName,
            region,
        })
        .apply(({ app, dockerLabels, logGroupName: logs, region: here, bootstrap: { httpsPort, ...rest }, ...envoy }) =>
            JSON.stringify(
                containerDefinitions({
                    app,
                    envoy:
                        httpsPort === undefined
                            ? undefined
                            : {
                                  image: envoy.envoyImage,
                                  bootstrap: { ...rest, httpsPort },
                                  certificateSecretArn: envoy.certificateSecretArn,
                                  drainSeconds: envoy.drainSeconds,
                              },
                    dockerLabels,
                    logGroupName: logs,
                    region: here,
                }),
            ),
        );
}

/** Every fault of what is said about an app. */
export function appFaults(args: AppArgs): Fault[] {
    const { cpu = appDefaults.cpu, memory = appDefaults.memory } = args;
    const { containerPort = appDefaults.containerPort } = args;
    return [
        ...imageFaults(args.image, args.build),
        ...faults("containerPort", containerPort, portReason),
        ...faults("httpsPort", args.httpsPort, portReason),
        ...faults("httpPort", args.httpPort, portReason),
        ...faults("cpu", cpu, cpuReason),
        ...(isPlain(cpu) ? faults("memory", memory, (value) => memoryReason(cpu, value)) : []),
        ...faults("cpuArchitecture", args.cpuArchitecture, (value) =>
            choiceReason(value, Object.values(CpuArchitecture)),
        ),
        ...faults("accessLog", args.accessLog, (value) => choiceReason(value, Object.values(AccessLog))),
        ...faults("stopTimeout", args.stopTimeout, stopTimeoutReason),
        ...faults("drainSeconds", args.drainSeconds, drainReason),
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
    ];
}

/** The containers of a task share one set of ports. */
export function portClashes(ports: Record<string, pulumi.Input<number>>): Fault[] {
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
