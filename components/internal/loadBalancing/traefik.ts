// Traefik's configuration: flags, the file beside them, its containers, and the labels by which tasks are routed.
import { port as portRule } from "../arguments";
import { Reason } from "../rules";
import { confined, Container, logConfiguration, mount, nonroot, portMappings } from "../task/containers";
import { faultOf, flag, given, judged, list, plain, required, Rules, text } from "../validation";

/** What a task wants of a TraefikGateway. */
export interface TraefikRoute {
    /** Name of the TraefikGateway. */
    readonly gateway: string;
    /** Name of the route; tasks of the same route share its requests. */
    readonly name: string;
    /** Hosts whose requests are for the task. */
    readonly hosts: readonly string[];
    /**
     * Beginnings of the paths whose requests are for the task.
     * @default any path
     */
    readonly paths?: readonly string[];
    /**
     * Port on which the task serves: EnvoyTask's `httpsPort`, 8443 of a LoadBalancedService end to end, or the app's own.
     * @default 443
     */
    readonly port?: number;
    /**
     * Whether the task serves HTTPS; its certificate is not checked.
     * @default true
     */
    readonly https?: boolean;
}

/** Hosts and paths of one route: more are easier to read as two. */
const mostMatchers = 10;

function wordReason(thing: string): (value: string) => Reason {
    return (value) =>
        /^[a-zA-Z0-9-]+$/.test(value)
            ? undefined
            : `"${value}" is no name of a ${thing}: use letters, digits and hyphens`;
}

const routeRules = {
    gateway: plain(required(text(wordReason("TraefikGateway")), "give the name of the TraefikGateway")),
    name: plain(required(text(wordReason("route")), "give the route a name")),
    hosts: plain(
        required(
            list(
                text((host) => (/^[a-z0-9.-]+$/.test(host) ? undefined : `"${host}" is no host name`)),
                { least: 1 },
            ),
            "give at least one host",
        ),
    ),
    paths: plain(list(text((path) => (/^\/[^`]*$/.test(path) ? undefined : `"${path}" is no path: begin it with /`)))),
    port: plain(portRule),
    https: plain(flag),
} satisfies Rules<TraefikRoute>;

/**
 * Docker labels that have a TraefikGateway route requests to a task: the `dockerLabels` of EnvoyTask or LoadBalancedService.
 *
 * @throws pulumi.InputPropertiesError naming every refused argument
 */
export function traefikLabels(route: TraefikRoute): Record<string, string> {
    const {
        name,
        hosts,
        paths = [],
        port = 443,
        https = true,
    } = judged("traefikLabels", String(route?.name), route, {
        name: () => undefined,
        rules: routeRules,
        combinations: [
            given(["hosts", "paths"], ({ hosts: some, paths: few = [] }) =>
                faultOf(
                    "hosts",
                    some.length + few.length > mostMatchers
                        ? `${some.length} hosts and ${few.length} paths are more than ${mostMatchers}: make two routes of them`
                        : undefined,
                ),
            ),
        ],
    });
    const anyOf = (matcher: string, values: readonly string[]): string =>
        `(${values.map((value) => `${matcher}(\`${value}\`)`).join(" || ")})`;
    const service = `traefik.http.services.${name}.loadbalancer`;
    return {
        "traefik.enable": "true",
        [gatewayLabel]: route.gateway,
        [`traefik.http.routers.${name}.entrypoints`]: "websecure",
        [`traefik.http.routers.${name}.rule`]: [
            anyOf("Host", hosts),
            ...(paths.length > 0 ? [anyOf("PathPrefix", paths)] : []),
        ].join(" && "),
        [`traefik.http.routers.${name}.service`]: name,
        [`${service}.server.port`]: String(port),
        ...(https && { [`${service}.server.scheme`]: "https", [`${service}.serverstransport`]: "tasks@file" }),
    };
}

/** Says which gateway a task is for. Traefik's constraints do not see labels of its own. */
const gatewayLabel = "taskgate.gateway";

/** Ports of Traefik: above 1024, it needs no privilege for them. `ping` is for the load balancer alone. */
export const traefikPorts = { https: 8443, http: 8000, ping: 8080 } as const;

/** Environment variables of Traefik, and of no other container. */
const traefikVariables = {
    chain: "TLS_CERTIFICATE_CHAIN",
    key: "TLS_PRIVATE_KEY",
    users: "DASHBOARD_USERS",
} as const;

const traefikFile = "/etc/traefik/dynamic/taskgate.yaml";

export interface TraefikOptions {
    /** Name of the gateway, for which tasks say that they are. */
    readonly gateway: string;
    readonly clusterArn: string;
    readonly region: string;
    /** Port to which plain HTTP is redirected. */
    readonly publicHttpsPort: number;
    readonly drainSeconds: number;
    readonly hasDashboard: boolean;
}

/** Seconds for which Traefik goes on accepting when it stops: its load balancer has let go of it already. */
const acceptSeconds = 5;

/** Beyond accepting and draining, Traefik needs a moment to end. */
const stopMargin = 5;

export function traefikStopTimeout(drainSeconds: number): number {
    return acceptSeconds + drainSeconds + stopMargin;
}

export interface TraefikContainers extends Omit<TraefikOptions, "hasDashboard"> {
    readonly image: string;
    readonly certificateSecretArn: string;
    readonly dashboardHost?: string;
    readonly dashboardUsersSecretArn?: string;
    readonly logGroupName: string;
}

/** Traefik, and before it a container of the same image, which has a shell, that writes its file: the volume is root's, and Traefik is not root. */
export function traefikContainers(task: TraefikContainers): Container[] {
    const volume = { name: "dynamic", path: "/etc/traefik/dynamic" };
    const { certificateSecretArn, dashboardUsersSecretArn } = task;
    const secrets = {
        [traefikVariables.chain]: `${certificateSecretArn}:certificateChain::`,
        [traefikVariables.key]: `${certificateSecretArn}:privateKey::`,
        ...(dashboardUsersSecretArn !== undefined && { [traefikVariables.users]: dashboardUsersSecretArn }),
    };
    return [
        {
            name: "init",
            image: task.image,
            essential: false,
            entryPoint: ["/bin/sh", "-c"],
            command: [`printf %s "$DYNAMIC_CONFIGURATION" > ${traefikFile}`],
            environment: [{ name: "DYNAMIC_CONFIGURATION", value: traefikDynamicFile(task.dashboardHost) }],
            mountPoints: [mount(volume)],
            ...confined("0"),
            logConfiguration: logConfiguration(task, "init"),
        },
        {
            name: "traefik",
            image: task.image,
            essential: true,
            command: traefikFlags({ ...task, hasDashboard: task.dashboardHost !== undefined }),
            dependsOn: [{ containerName: "init", condition: "SUCCESS" }],
            portMappings: portMappings(Object.values(traefikPorts)),
            secrets: Object.entries(secrets).map(([name, valueFrom]) => ({ name, valueFrom })),
            healthCheck: {
                command: [
                    ...["CMD", "traefik", "healthcheck", "--ping"],
                    `--entryPoints.traefik.address=127.0.0.1:${traefikPorts.ping}`,
                ],
                interval: 10,
                timeout: 5,
                retries: 3,
                startPeriod: 10,
            },
            mountPoints: [mount(volume, true)],
            ...confined(nonroot),
            stopTimeout: traefikStopTimeout(task.drainSeconds),
            logConfiguration: logConfiguration(task, "traefik"),
        },
    ];
}

/** Traefik's flags. */
export function traefikFlags(options: TraefikOptions): string[] {
    const { https, http, ping } = traefikPorts;
    const lifeCycle = (entryPoint: string): string[] => [
        `--entryPoints.${entryPoint}.transport.lifeCycle.requestAcceptGraceTimeout=${acceptSeconds}s`,
        `--entryPoints.${entryPoint}.transport.lifeCycle.graceTimeOut=${options.drainSeconds}s`,
    ];
    return [
        "--global.checkNewVersion=false",
        "--global.sendAnonymousUsage=false",
        "--log.level=INFO",
        "--log.format=json",
        "--accessLog=true",
        "--accessLog.format=json",
        "--accessLog.filters.statusCodes=500-599",
        "--accessLog.filters.minDuration=1s",
        `--entryPoints.websecure.address=0.0.0.0:${https}`,
        "--entryPoints.websecure.asDefault=true",
        "--entryPoints.websecure.http.tls=true",
        "--entryPoints.websecure.http.middlewares=hsts@file,retry@file",
        "--entryPoints.websecure.transport.respondingTimeouts.readTimeout=300s",
        ...lifeCycle("websecure"),
        `--entryPoints.web.address=0.0.0.0:${http}`,
        `--entryPoints.web.http.redirections.entryPoint.to=:${options.publicHttpsPort}`,
        "--entryPoints.web.http.redirections.entryPoint.scheme=https",
        `--entryPoints.traefik.address=0.0.0.0:${ping}`,
        "--ping=true",
        ...(options.hasDashboard ? ["--api.dashboard=true"] : []),
        `--providers.file.filename=${traefikFile}`,
        "--providers.file.watch=false",
        `--providers.ecs.region=${options.region}`,
        `--providers.ecs.clusters=${options.clusterArn}`,
        "--providers.ecs.exposedByDefault=false",
        "--providers.ecs.healthyTasksOnly=true",
        "--providers.ecs.refreshSeconds=10",
        `--providers.ecs.constraints=Label(\`${gatewayLabel}\`, \`${options.gateway}\`)`,
    ];
}

/** The file beside the flags. Traefik itself puts the certificate and the users in, which its environment alone has. */
export function traefikDynamicFile(dashboardHost: string | undefined): string {
    const variable = (name: string): string => `{{ env "${name}" | toJson }}`;
    const tls = [
        "tls:",
        "  stores:",
        "    default:",
        "      defaultCertificate:",
        `        certFile: ${variable(traefikVariables.chain)}`,
        `        keyFile: ${variable(traefikVariables.key)}`,
        "  options:",
        "    default:",
        "      minVersion: VersionTLS12",
        "      cipherSuites:", // of TLS 1.2: forward secrecy and AEAD
        ...["ECDHE_ECDSA", "ECDHE_RSA"].flatMap((keys) => [
            `        - TLS_${keys}_WITH_AES_128_GCM_SHA256`,
            `        - TLS_${keys}_WITH_AES_256_GCM_SHA384`,
            `        - TLS_${keys}_WITH_CHACHA20_POLY1305_SHA256`,
        ]),
    ];
    const http = [
        "http:",
        "  serversTransports:",
        "    tasks:",
        "      insecureSkipVerify: true", // a task is known by its address and shows the certificate of another name
        "  middlewares:",
        "    hsts:",
        "      headers:",
        "        stsSeconds: 31536000",
        "    retry:",
        "      retry:",
        "        attempts: 3", // a task that ends meanwhile
        "        initialInterval: 100ms",
    ];
    const dashboard =
        dashboardHost === undefined
            ? []
            : [
                  "    dashboard-users:",
                  "      basicAuth:",
                  `        users: {{ env "${traefikVariables.users}" | trim | splitList "\\n" | toJson }}`,
                  "  routers:",
                  "    dashboard:",
                  `      rule: Host(\`${dashboardHost}\`)`,
                  "      entryPoints: [websecure]",
                  "      middlewares: [dashboard-users]",
                  "      service: api@internal",
              ];
    return [...tls, ...http, ...dashboard, ""].join("\n");
}
