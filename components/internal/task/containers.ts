// The containers of a task, as ECS takes them: the app alone, or behind an Envoy with its two helpers.
import { watcher } from "../../../handlers/sessionNames";
import { envoyStopTimeout, lifecycleStopTimeout } from "../envoy/stopTimes";
import { envoyBootstrap, EnvoyBootstrapOptions } from "../envoy/envoyBootstrap";
import { Front } from "../envoy/front";
import { ownRoutes } from "../envoy/routes";
import { served, ServedCertificate } from "../envoy/servedCertificates";
import { sidecarSize } from "../envoy/sidecarSize";
import {
    drainEnvoy,
    drainWatchedEnvoy,
    followCertificate,
    makeCertificate,
    openVolume,
    writeEnd,
    writeFirstCertificate,
    writeGuardedRoutes,
    writeRoutes,
} from "../envoy/scripts";

/** The user's own container. */
export interface AppContainer {
    readonly image: string;
    /** Port on which it serves plain HTTP; without Envoy undefined where nobody connects. */
    readonly containerPort: number | undefined;
    /** How Service Connect knows that port; undefined: not at all. */
    readonly namedPort?: { readonly name: string; readonly appProtocol?: string };
    readonly command?: readonly string[];
    readonly environment?: Readonly<Record<string, string>>;
    /** ARNs of parameters and secrets. */
    readonly secrets?: Readonly<Record<string, string>>;
    readonly healthCheck?: HealthCheck;
    /** Seconds. */
    readonly stopTimeout: number;
}

/** How ECS judges a container; what is left out is ECS's own default. */
export interface HealthCheck {
    readonly command: readonly string[];
    readonly interval?: number;
    readonly timeout?: number;
    readonly retries?: number;
    readonly startPeriod?: number;
}

/** The Envoy in front of it. */
export interface EnvoySidecar {
    readonly image: string;
    /** Of `init` and `lifecycle`: it has a shell and curl, and openssl where a certificate is to be made. */
    readonly helperImage: string;
    readonly bootstrap: Omit<EnvoyBootstrapOptions, "appPort" | "admin" | "hasRsa" | "hot" | "selfSigned">;
    /** Secret with the certificate and its key; undefined: the task makes its own. */
    readonly certificateSecretArn: string | undefined;
    /** Secret with the RSA certificate for clients that know no ECDSA; undefined: there is none. */
    readonly rsaCertificateSecretArn?: string;
    /** Where later certificates are found while the task runs; undefined: it keeps the one that it was started with. */
    readonly sealedCertificateUrl?: string;
    /** The same of the RSA certificate. */
    readonly rsaSealedCertificateUrl?: string;
    /** Seconds that requests may go on after the stop has begun. */
    readonly drainSeconds: number;
    /** Seconds without a request after which the task ends by itself; undefined: it does not. */
    readonly idleSeconds?: number;
    /** Seconds after its start at which the task ends by itself, for tasks that have a domain; undefined: it does not. */
    readonly lifetimeSeconds?: number;
}

/** What the containers of a task are made from. */
export interface TaskContainers {
    readonly app: AppContainer;
    /** undefined: the app is served as it is. */
    readonly envoy: EnvoySidecar | undefined;
    /** Labels of the container that is served. */
    readonly dockerLabels?: Readonly<Record<string, string>>;
    readonly logGroupName: string;
    readonly region: string;
}

export type Container = Readonly<Record<string, unknown>>;

/** Seconds until Traefik has certainly noticed that a task stops: it asks ECS every 10 s, waits 2 s with a change, and ECS may be slow. */
const traefikNotices = 20;

/** "nonroot" of distroless images. The helper that talks to Envoy is the same user, and may use its socket. */
export const nonroot = "65532";

const envoyVolume = { name: "envoy", path: "/run/envoy" } as const;
const tlsVolume = { name: "tls", path: "/run/tls" } as const;

/** Names of the volumes that the containers of a task share. */
export function volumeNames(hasEnvoy: boolean, isSelfSigned: boolean): string[] {
    return hasEnvoy ? [envoyVolume.name, ...(isSelfSigned ? [tlsVolume.name] : [])] : [];
}

/** The containers, in one order of keys and names, so that no preview shows a change where there is none. */
export function containerDefinitions(task: TaskContainers): Container[] {
    const { app, envoy } = task;
    return envoy === undefined
        ? [{ ...appContainer(task), portMappings: servedPorts(app), dockerLabels: task.dockerLabels }]
        : [
              { ...appContainer(task), cpu: sidecarSize(envoy.bootstrap.taskCpu).shares.app },
              initContainer(task, envoy),
              envoyContainer(task, envoy),
              lifecycleContainer(task, envoy),
          ];
}

function servedPorts({ containerPort, namedPort }: AppContainer): Container[] {
    return containerPort === undefined ? [] : portMappings([containerPort]).map((port) => ({ ...port, ...namedPort }));
}

function appContainer(task: TaskContainers): Container {
    const { image, command, environment = {}, secrets = {}, healthCheck, stopTimeout } = task.app;
    return {
        name: "app",
        image,
        essential: true,
        command,
        environment: sortedEntries(environment).map(([name, value]) => ({ name, value })),
        secrets: sortedEntries(secrets).map(([name, valueFrom]) => ({ name, valueFrom })),
        healthCheck: healthCheck && {
            command: healthCheck.command,
            interval: healthCheck.interval ?? 30,
            timeout: healthCheck.timeout ?? 5,
            retries: healthCheck.retries ?? 3,
            startPeriod: healthCheck.startPeriod || undefined, // ECS does not keep a 0
        },
        stopTimeout,
        logConfiguration: logConfiguration(task, "app"),
    };
}

/** Prepares the volumes and ends: Envoy starts after it. */
function initContainer(task: TaskContainers, envoy: EnvoySidecar): Container {
    const { helperImage, certificateSecretArn, lifetimeSeconds, bootstrap } = envoy;
    const { domain, authentication } = bootstrap;
    const sunset = lifetimeSeconds !== undefined;
    const variables = [...new Set(Object.values(authentication?.requiredClaims ?? {}))].sort();
    const { environment = {} } = task.app;
    const isSelfSigned = certificateSecretArn === undefined;
    return {
        name: "init",
        image: helperImage,
        essential: false,
        entryPoint: ["/bin/sh", "-c"],
        command: [
            [
                openVolume,
                ...(isSelfSigned ? [makeCertificate] : []),
                ...(isHot(envoy)
                    ? certificatesOf(envoy).map(({ certificate }) => writeFirstCertificate(certificate))
                    : []),
                ...(domain === undefined
                    ? []
                    : [...(sunset ? [writeEnd] : []), variables.length === 0 ? writeRoutes : writeGuardedRoutes]),
            ].join("\n"),
        ],
        environment:
            domain === undefined
                ? undefined
                : [
                      { name: "ROUTES", value: JSON.stringify(ownRoutes(domain, { ...bootstrap, sunset })) },
                      ...(sunset ? [{ name: "LIFETIME_SECONDS", value: String(lifetimeSeconds) }] : []),
                      ...(variables.length === 0 ? [] : [{ name: "REQUIRED_VARIABLES", value: variables.join(" ") }]),
                      ...variables
                          .filter((name) => Object.hasOwn(environment, name))
                          .map((name) => ({ name, value: environment[name] })),
                  ],
        mountPoints: [mount(envoyVolume), ...(isSelfSigned ? [mount(tlsVolume)] : [])],
        ...confined("0"), // root owns the volumes
        logConfiguration: logConfiguration(task, "init"),
    };
}

function envoyContainer(task: TaskContainers, envoy: EnvoySidecar): Container {
    const { app } = task;
    const { bootstrap } = envoy;
    const isSelfSigned = envoy.certificateSecretArn === undefined;
    const ports = [bootstrap.httpsPort, ...(bootstrap.httpPort === undefined ? [] : [bootstrap.httpPort])];
    const { concurrency, shares, memory } = sidecarSize(bootstrap.taskCpu);
    const config = envoyBootstrap({
        ...bootstrap,
        appPort: app.containerPort!,
        selfSigned: isSelfSigned,
        hasRsa: envoy.rsaCertificateSecretArn !== undefined,
        hot: isHot(envoy),
        admin: true,
    });
    return {
        name: "envoy",
        image: envoy.image,
        essential: true,
        command: [
            ...["--config-yaml", JSON.stringify(config)],
            ...["--concurrency", String(concurrency)],
            "--disable-hot-restart",
            ...["--drain-time-s", String(envoy.drainSeconds)], // listeners go on accepting for as long
            ...["--log-level", "warning"],
        ],
        cpu: shares.envoy,
        memory,
        dependsOn: [
            { containerName: "init", condition: "SUCCESS" },
            { containerName: "app", condition: app.healthCheck ? "HEALTHY" : "START" },
        ],
        portMappings: portMappings(ports),
        secrets: certificatesOf(envoy).flatMap(({ certificate: { variables }, secretArn }) => [
            { name: variables.chain, valueFrom: `${secretArn}:certificateChain::` },
            { name: variables.key, valueFrom: `${secretArn}:privateKey::` },
            ...(isHot(envoy) ? [{ name: variables.password, valueFrom: `${secretArn}:keyPassword::` }] : []),
        ]),
        mountPoints: [mount(envoyVolume), ...(isSelfSigned ? [mount(tlsVolume, true)] : [])],
        dockerLabels: task.dockerLabels,
        ...confined(nonroot),
        // Lets a process without privileges listen on ports below 1024.
        systemControls: ports.some((port) => port < 1024)
            ? [{ namespace: "net.ipv4.ip_unprivileged_port_start", value: "0" }]
            : undefined,
        stopTimeout: envoyStopTimeout,
        logConfiguration: logConfiguration(task, "envoy"),
    };
}

/** The certificates that come from a secret. */
function certificatesOf({ certificateSecretArn, rsaCertificateSecretArn }: EnvoySidecar): readonly {
    readonly certificate: ServedCertificate;
    readonly secretArn: string;
}[] {
    return [
        ...(certificateSecretArn === undefined ? [] : [{ certificate: served.main, secretArn: certificateSecretArn }]),
        ...(rsaCertificateSecretArn === undefined
            ? []
            : [{ certificate: served.rsa, secretArn: rsaCertificateSecretArn }]),
    ];
}

/** Whether it takes up later certificates while it runs. */
function isHot({ sealedCertificateUrl }: EnvoySidecar): boolean {
    return sealedCertificateUrl !== undefined;
}

/** Seconds after which a task has certainly looked for another certificate; on average it is half of that. */
export const pollSeconds = 60;

/** Proves, as long as the task runs, that a TLS handshake with Envoy succeeds; drains it when the task stops. */
function lifecycleContainer(task: TaskContainers, envoy: EnvoySidecar): Container {
    const { sealedCertificateUrl, rsaSealedCertificateUrl, idleSeconds, lifetimeSeconds } = envoy;
    const { httpsPort, front } = envoy.bootstrap;
    const ends = [idleSeconds, lifetimeSeconds].filter((seconds) => seconds !== undefined);
    const watched = { idle: idleSeconds !== undefined, lifetime: lifetimeSeconds !== undefined };
    const drained = ends.length === 0 ? drainEnvoy : drainWatchedEnvoy(watched);
    // Any status will do: it came through TLS. The proxy protocol's header is expected where a load balancer sends one.
    const probe = ["curl", "--silent", "--insecure", "--output", "/dev/null", "--max-time", "4"];
    const header = front === Front.ProxyProtocol ? ["--haproxy-protocol"] : [];
    return {
        name: watcher.container,
        image: envoy.helperImage,
        essential: true,
        entryPoint: ["/bin/sh", "-c"],
        command: [sealedCertificateUrl === undefined ? drained : [followCertificate, drained].join("\n")],
        environment: [
            { name: "DRAIN_SECONDS", value: String(envoy.drainSeconds) },
            { name: "LEAST_DRAIN_SECONDS", value: String(isRoutedByTraefik(task) ? traefikNotices : 0) },
            ...(sealedCertificateUrl === undefined
                ? []
                : [
                      { name: "CERTIFICATE_URL", value: sealedCertificateUrl },
                      ...(rsaSealedCertificateUrl === undefined
                          ? []
                          : [{ name: "RSA_CERTIFICATE_URL", value: rsaSealedCertificateUrl }]),
                      { name: "POLL_SECONDS", value: String(pollSeconds) },
                  ]),
            ...(idleSeconds === undefined ? [] : [{ name: "IDLE_SECONDS", value: String(idleSeconds) }]),
            ...(ends.length === 0 ? [] : [{ name: "CHECK_SECONDS", value: String(Math.min(10, ...ends)) }]),
        ],
        cpu: sidecarSize(envoy.bootstrap.taskCpu).shares.lifecycle,
        memory: sealedCertificateUrl === undefined ? 32 : 64, // two curls at once
        dependsOn: [{ containerName: "envoy", condition: "START" }],
        healthCheck: {
            command: ["CMD", ...probe, ...header, `https://127.0.0.1:${httpsPort}/`],
            interval: 10,
            timeout: 5,
            retries: 3,
            startPeriod: 10,
        },
        mountPoints: [mount(envoyVolume)],
        ...confined(nonroot),
        stopTimeout: lifecycleStopTimeout(envoy.drainSeconds),
        logConfiguration: logConfiguration(task, "lifecycle"),
    };
}

function isRoutedByTraefik({ dockerLabels }: TaskContainers): boolean {
    return dockerLabels?.["traefik.enable"] === "true";
}

/** Nothing to write to but the volumes, no privileges. ECS keeps an empty `add`: left out, each deployment would replace the task definition. */
export function confined(user: string): Container {
    return { readonlyRootFilesystem: true, user, linuxParameters: { capabilities: { add: [], drop: ["ALL"] } } };
}

export function mount({ name, path }: { readonly name: string; readonly path: string }, readOnly = false): Container {
    return { sourceVolume: name, containerPath: path, readOnly };
}

export function portMappings(ports: readonly number[]): Container[] {
    return ports.map((port) => ({ containerPort: port, hostPort: port, protocol: "tcp" }));
}

export function logConfiguration(
    { logGroupName, region }: Pick<TaskContainers, "logGroupName" | "region">,
    prefix: string,
): Container {
    return {
        logDriver: "awslogs",
        options: {
            "awslogs-group": logGroupName,
            "awslogs-region": region,
            "awslogs-stream-prefix": prefix,
        },
    };
}

function sortedEntries(record: Readonly<Record<string, string>>): [string, string][] {
    return Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
}
