// The user's app: what may be said about it, what is wrong with that, and the task that it becomes.
import * as pulumi from "@pulumi/pulumi";

import {
    allowedCidrBlocks,
    allowedSecurityGroupIds,
    integer,
    logRetentionDays,
    port,
    secretReference,
    tags,
} from "../arguments";
import { drainReason, stopTimeoutReason } from "../envoy/stopTimes";
import { AccessLog } from "../envoy/accessLog";
import { Front } from "../envoy/front";
import { served } from "../envoy/servedCertificates";
import { envoyImage } from "../envoy/envoyVersion";
import { imageReason } from "../imageName";
import { arnKinds, arnReason, pathReason, Reason } from "../rules";
import { Authentication, whole } from "./authentication";
import {
    choice,
    Combination,
    Fault,
    faultOf,
    given,
    isPlain,
    list,
    map,
    number,
    plain,
    record,
    required,
    Rules,
    text,
    together,
    word,
} from "../validation";
import { AppContainer, containerDefinitions, volumeNames } from "./containers";
import { FargateTask, fargateTask } from "./fargateTask";
import { buildRule, builtImage, ImageBuild, imageFaults } from "./imageBuild";
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

/** What runs in a task, and as what. */
export interface ContainerArgs {
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
     * ARNs of KMS keys of your own under which `secrets` and the certificate's secret are encrypted: ECS may decrypt with them what it reads. A key's
     * own policy has to let the account's IAM policies decide.
     * @default none: AWS's own key of each service, which needs no permission
     */
    readonly secretKeyArns?: pulumi.Input<pulumi.Input<string>[]>;
    /**
     * CPU units of the task, 1024 being one vCPU. Where Envoy is, it gets a quarter of them and its helper a sixteenth while the app needs all the rest.
     * @default 256
     */
    readonly cpu?: pulumi.Input<number>;
    /**
     * Memory of the task in MiB. Where Envoy is, it may take 64 and 96 more for each vCPU begun, and its helper 32, or 64 with the rotation `hot`.
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

/** What runs in a task, beside the Envoy that taskgate puts in front of it. */
export interface AppArgs extends ContainerArgs {
    /**
     * Port on which the app serves plain HTTP inside the task.
     * @default 8080
     */
    readonly containerPort?: pulumi.Input<number>;
    /**
     * Path on which the app answers 200 when it can serve; Envoy asks it every 5 seconds. While it cannot, a load balancer is told so; without
     * one, Envoy answers 503 itself.
     * @default not asked
     */
    readonly healthCheckPath?: pulumi.Input<string>;
    /**
     * Seconds for which requests under way may go on when a task behind Envoy stops, 0 to 115; WebSockets too. A connection that is only kept open stays for five of them.
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
     * @default "docker.io/envoyproxy/envoy:distroless-v1.39.1"
     */
    readonly envoyImage?: pulumi.Input<string>;
    /**
     * Image of the containers that help Envoy: one with a shell and curl, and with openssl where tasks make their own certificate.
     * @default "public.ecr.aws/docker/library/buildpack-deps:trixie-curl"
     */
    readonly helperImage?: pulumi.Input<string>;
    /**
     * Which requests Envoy logs.
     * @default "errors"
     */
    readonly accessLog?: pulumi.Input<AccessLog>;
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
    envoyImage,
    // Of Debian's, kept by Docker at AWS: pulls by tasks are not limited there.
    helperImage: "public.ecr.aws/docker/library/buildpack-deps:trixie-curl",
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
    /** Seconds without a request after which the task ends by itself; undefined: it does not. */
    readonly idleSeconds?: pulumi.Input<number>;
    /** Seconds after its start at which the task ends by itself; undefined: it does not. */
    readonly lifetimeSeconds?: pulumi.Input<number>;
    /** undefined: each task makes its own certificate. */
    readonly certificateSecretArn: pulumi.Input<string> | undefined;
    /** undefined: there is no RSA certificate beside it. */
    readonly rsaCertificateSecretArn?: pulumi.Input<string>;
    /** Whose requests reach the app; undefined: everybody's. */
    readonly authentication?: pulumi.Input<Authentication>;
    /** undefined: a task keeps the certificate that it was started with. */
    readonly sealedCertificateUrl?: pulumi.Input<string>;
    readonly rsaSealedCertificateUrl?: pulumi.Input<string>;
}

/** How an app without an Envoy of its own is connected to. */
export interface AppPort {
    /** Nobody connects to it: it has no port. @default false */
    readonly isClosed?: boolean;
    /** How Service Connect knows it; undefined: not at all. */
    readonly namedPort?: NonNullable<AppContainer["namedPort"]>;
}

/** Makes the task of an app, behind an Envoy or, without one, as it is. */
export function appTask(
    name: string,
    args: AppArgs,
    sidecar: SidecarArgs | undefined,
    parent: pulumi.Resource,
    appPort: AppPort = {},
): FargateTask {
    const { secrets = {} } = args;
    const { certificateSecretArn, rsaCertificateSecretArn } = sidecar ?? {};
    const isSelfSigned = sidecar !== undefined && certificateSecretArn === undefined;
    const cpuArchitecture = args.cpuArchitecture ?? appDefaults.cpuArchitecture;
    const image =
        args.build === undefined
            ? (args.image ?? "")
            : builtImage(name, args.build, cpuArchitecture, args.tags, parent);
    return fargateTask(
        name,
        {
            images: [image, ...(sidecar === undefined ? [] : helpers(args))],
            secretArns: pulumi
                .all([secrets, [certificateSecretArn, rsaCertificateSecretArn].filter((arn) => arn !== undefined)])
                .apply(([ofApp, ofEnvoy]) => [...ofEnvoy, ...Object.values(ofApp)]),
            keyArns: args.secretKeyArns,
            volumes: volumeNames(sidecar !== undefined, isSelfSigned),
            containers: (logGroupName, region) => containers(args, image, sidecar, appPort, logGroupName, region),
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

/** The images beside the app's. */
function helpers({
    envoyImage: envoy = appDefaults.envoyImage,
    helperImage = appDefaults.helperImage,
}: AppArgs): pulumi.Input<string>[] {
    return [envoy, helperImage];
}

function containers(
    args: AppArgs,
    image: pulumi.Input<string>,
    sidecar: SidecarArgs | undefined,
    { isClosed = false, namedPort }: AppPort,
    logGroupName: pulumi.Output<string>,
    region: pulumi.Output<string>,
): pulumi.Output<string> {
    const {
        certificateSecretArn,
        rsaCertificateSecretArn,
        sealedCertificateUrl,
        rsaSealedCertificateUrl,
        idleSeconds,
        lifetimeSeconds,
        ...bootstrap
    } = sidecar ?? {};
    return pulumi
        .output({
            app: {
                image,
                containerPort: isClosed ? undefined : (args.containerPort ?? appDefaults.containerPort),
                namedPort,
                command: args.command,
                environment: args.environment,
                secrets: args.secrets,
                healthCheck: args.healthCheck,
                stopTimeout: args.stopTimeout ?? appDefaults.stopTimeout,
            },
            bootstrap: {
                ...bootstrap,
                taskCpu: args.cpu ?? appDefaults.cpu,
                accessLog: args.accessLog ?? appDefaults.accessLog,
            },
            envoyImage: args.envoyImage ?? appDefaults.envoyImage,
            helperImage: args.helperImage ?? appDefaults.helperImage,
            drainSeconds: args.drainSeconds ?? appDefaults.drainSeconds,
            idleSeconds,
            lifetimeSeconds,
            sealedCertificateUrl,
            rsaSealedCertificateUrl,
            certificateSecretArn,
            rsaCertificateSecretArn,
            dockerLabels: args.dockerLabels,
            logGroupName,
            region,
        })
        .apply(({ app, dockerLabels, logGroupName: logs, region: here, bootstrap: known, ...envoy }) => {
            const { httpsPort, authentication, ...rest } = known;
            return JSON.stringify(
                containerDefinitions({
                    app,
                    envoy:
                        httpsPort === undefined
                            ? undefined
                            : {
                                  image: envoy.envoyImage,
                                  helperImage: envoy.helperImage,
                                  bootstrap: {
                                      ...rest,
                                      httpsPort,
                                      authentication: authentication && whole(authentication),
                                  },
                                  certificateSecretArn: envoy.certificateSecretArn,
                                  rsaCertificateSecretArn: envoy.rsaCertificateSecretArn,
                                  sealedCertificateUrl: envoy.sealedCertificateUrl,
                                  rsaSealedCertificateUrl: envoy.rsaSealedCertificateUrl,
                                  drainSeconds: envoy.drainSeconds,
                                  idleSeconds: envoy.idleSeconds,
                                  lifetimeSeconds: envoy.lifetimeSeconds,
                              },
                    dockerLabels,
                    logGroupName: logs,
                    region: here,
                }),
            );
        });
}

/** What may be said about what runs in a task. */
export const containerRules: Rules<ContainerArgs> = {
    image: text(imageReason),
    build: buildRule,
    command: list(word()),
    environment: map(word(), variableReason),
    secrets: map(required(secretReference, "give the ARN of a secret or a parameter"), variableReason),
    secretKeyArns: list(
        text((value) => arnReason(value, arnKinds.key)),
        { unique: true },
    ),
    cpu: number(cpuReason),
    memory: number(),
    cpuArchitecture: choice(CpuArchitecture),
    healthCheck: record<ContainerHealthCheck>({
        command: required(list(word(), { least: 1 }), 'give it, e.g. ["CMD", "/app", "--check"]'),
        interval: integer(5, 300, "seconds"),
        timeout: integer(2, 60, "seconds"),
        retries: integer(1, 10),
        startPeriod: integer(0, 300, "seconds"),
    }),
    taskPolicyArns: plain(
        list(
            text((value) => arnReason(value, arnKinds.policy)),
            { unique: true },
        ),
    ),
    stopTimeout: number(stopTimeoutReason),
    logRetentionDays,
    tags,
};

/** What may be said about an app. */
export const appRules: Rules<AppArgs> = {
    ...containerRules,
    containerPort: port,
    healthCheckPath: text(pathReason),
    drainSeconds: number(drainReason),
    dockerLabels: map(word()),
    httpsPort: port,
    httpPort: port,
    allowedCidrBlocks,
    allowedSecurityGroupIds,
    envoyImage: text(imageReason),
    helperImage: text(imageReason),
    accessLog: choice(AccessLog),
};

/** What is to be said about several of them together. */
export const containerCombinations: readonly Combination<ContainerArgs>[] = [
    given(["build"], imageFaults),
    together(["cpu", "memory"], ({ cpu = appDefaults.cpu, memory = appDefaults.memory }) =>
        faultOf("memory", memoryReason(cpu, memory)),
    ),
    given([], ({ environment, secrets }) =>
        isPlain(environment) && isPlain(secrets) ? namedTwice(environment, secrets) : [],
    ),
    together(["environment", "secrets"], ({ environment = {}, secrets = {} }) => namedTwice(environment, secrets)),
    together(["healthCheck"], ({ healthCheck }) =>
        faultOf("healthCheck.command[0]", healthCheck && checkCommandReason(healthCheck.command)),
    ),
];

/** ECS takes a name once, wherever its value is from. */
function namedTwice(environment: object, secrets: object): Fault[] {
    return Object.keys(secrets)
        .filter((name) => Object.hasOwn(environment, name))
        .map((name) => ({ propertyPath: `secrets.${name}`, reason: "is in environment too: give it in one of them" }));
}

/** The forms of docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html. */
function checkCommandReason([kind, ...rest]: readonly string[]): Reason {
    return ["CMD", "CMD-SHELL"].includes(kind) && rest.length > 0
        ? undefined
        : `"${kind}" is no beginning of a health check: give ["CMD", "program", "argument"…] or ["CMD-SHELL", "line"]`;
}

/** The containers of a task share one set of ports. */
export function portClashes(ports: Readonly<Record<string, number>>): Fault[] {
    const all = Object.entries(ports);
    return all.flatMap(([name, value], index) => {
        const other = all.slice(0, index).find(([, earlier]) => earlier === value);
        const reason = `${value} is ${other?.[0]} already: the containers of a task share its ports, give another`;
        return faultOf(name, other && reason);
    });
}

/** Name of an environment variable. */
function variableReason(name: string): Reason {
    if (Object.values(served.main.variables).includes(name)) {
        return "is Envoy's own: the app must not have it, give the variable another name";
    }
    return /^[^=\0]+$/.test(name) ? undefined : `"${name}" is no name of a variable: leave out =`;
}
