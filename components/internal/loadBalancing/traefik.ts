// Traefik's configuration: flags, the file beside them, its containers, and the labels by which tasks are routed.
import { SEALED, SEALED_OBJECTS } from "../../../handlers/certificateNames";
import { port as portRule } from "../arguments";
import { Reason } from "../rules";
import { confined, Container, logConfiguration, mount, nonroot, pollSeconds, portMappings } from "../task/containers";
import { faultOf, flag, given, judged, list, plain, required, Rules, text } from "../validation";

/** What a task wants of a TraefikGateway. */
export interface TraefikRoute {
    /** Name of the TraefikGateway. */
    readonly gateway: string;
    /** Name of the route; tasks of the same route share its requests. */
    readonly name: string;
    /** Hosts whose requests are for the task; with `paths`, ten at most. */
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
    password: SEALED.passwordVariable,
    users: "DASHBOARD_USERS",
} as const;

const volume = { name: "dynamic", path: "/etc/traefik/dynamic" } as const;
const traefikFile = `${volume.path}/taskgate.yaml`;
/** With the rotation `hot`: the certificate has a file of its own, in whose place later ones are moved. */
const certificateFile = `${volume.path}/certificate.yaml`;

export interface TraefikOptions {
    /** Name of the gateway, for which tasks say that they are. */
    readonly gateway: string;
    readonly clusterArn: string;
    readonly region: string;
    /** Port to which plain HTTP is redirected. */
    readonly publicHttpsPort: number;
    readonly drainSeconds: number;
    readonly hasDashboard: boolean;
    /** Whether it takes up later certificates while it runs. */
    readonly isHot?: boolean;
}

/** Seconds for which Traefik goes on accepting when it stops: its load balancer has let go of it already. */
const acceptSeconds = 5;

/** Beyond accepting and draining, Traefik needs a moment to end. */
const stopMargin = 5;

export function traefikStopTimeout(drainSeconds: number): number {
    return acceptSeconds + drainSeconds + stopMargin;
}

export interface TraefikContainers extends Omit<TraefikOptions, "hasDashboard" | "isHot"> {
    readonly image: string;
    readonly certificateSecretArn: string;
    /** Where later certificates are found, and the image of who looks there; undefined: it keeps the one that it was started with. */
    readonly hot?: { readonly sealedCertificateUrl: string; readonly helperImage: string };
    readonly dashboardHost?: string;
    readonly dashboardUsersSecretArn?: string;
    readonly logGroupName: string;
}

/**
 * Traefik, and before it a container of the same image, which has a shell, that writes its file: the volume is root's, and Traefik is not root. One that
 * takes up later certificates has a helper beside it.
 */
export function traefikContainers(task: TraefikContainers): Container[] {
    const { certificateSecretArn, dashboardUsersSecretArn, dashboardHost, hot } = task;
    const isHot = hot !== undefined;
    const secrets = {
        [traefikVariables.chain]: `${certificateSecretArn}:certificateChain::`,
        [traefikVariables.key]: `${certificateSecretArn}:privateKey::`,
        ...(isHot && { [traefikVariables.password]: `${certificateSecretArn}:keyPassword::` }),
        ...(dashboardUsersSecretArn !== undefined && { [traefikVariables.users]: dashboardUsersSecretArn }),
    };
    return [
        {
            name: "init",
            image: task.image,
            essential: false,
            entryPoint: ["/bin/sh", "-c"],
            command: [
                [`printf %s "$DYNAMIC_CONFIGURATION" > ${traefikFile}`, ...(isHot ? [writeFirstCertificate] : [])].join(
                    "\n",
                ),
            ],
            environment: [{ name: "DYNAMIC_CONFIGURATION", value: traefikDynamicFile(dashboardHost, isHot) }],
            mountPoints: [mount(volume)],
            ...confined("0"),
            logConfiguration: logConfiguration(task, "init"),
        },
        {
            name: "traefik",
            image: task.image,
            essential: true,
            command: traefikFlags({ ...task, hasDashboard: dashboardHost !== undefined, isHot }),
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
        ...(isHot
            ? [
                  {
                      name: "follow",
                      image: hot.helperImage,
                      essential: true,
                      entryPoint: ["/bin/sh", "-c"],
                      command: [followCertificate],
                      environment: [
                          // It lies beside Envoy's, whose address is given.
                          {
                              name: "CERTIFICATE_URL",
                              value: new URL(SEALED_OBJECTS.traefik, hot.sealedCertificateUrl).href,
                          },
                          { name: "POLL_SECONDS", value: String(pollSeconds) },
                      ],
                      memory: 64,
                      dependsOn: [{ containerName: "init", condition: "SUCCESS" }],
                      mountPoints: [mount(volume)],
                      ...confined(nonroot),
                      logConfiguration: logConfiguration(task, "follow"),
                  },
              ]
            : []),
    ];
}

/** Traefik's flags. */
export function traefikFlags(options: TraefikOptions): string[] {
    const { https, http, ping } = traefikPorts;
    const { isHot = false } = options;
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
        isHot ? `--providers.file.directory=${volume.path}` : `--providers.file.filename=${traefikFile}`,
        `--providers.file.watch=${isHot}`,
        `--providers.ecs.region=${options.region}`,
        `--providers.ecs.clusters=${options.clusterArn}`,
        "--providers.ecs.exposedByDefault=false",
        "--providers.ecs.healthyTasksOnly=true",
        "--providers.ecs.refreshSeconds=10",
        `--providers.ecs.constraints=Label(\`${gatewayLabel}\`, \`${options.gateway}\`)`,
    ];
}

/** The certificate's place in a file, up to its two parts. */
const defaultCertificate = ["tls:", "  stores:", "    default:", "      defaultCertificate:"];

const ofEnvironment = [
    ...defaultCertificate,
    `        certFile: {{ env "${traefikVariables.chain}" | toJson }}`,
    `        keyFile: {{ env "${traefikVariables.key}" | toJson }}`,
];

/** One that a task took up, up to its chain: Traefik itself opens the key, and keeps what it had when it cannot. */
const ofCopy = [
    `{{ $key := decryptAES (env "${traefikVariables.password}") "%s" }}`,
    '{{ if not (hasPrefix "-----BEGIN " $key) }}{{ fail "the password of this task does not open the key" }}{{ end }}',
    ...defaultCertificate,
    "        keyFile: {{ $key | toJson }}",
    "        certFile: |",
];

/** Puts the certificate of the environment where another user may put later ones in its place. */
const writeFirstCertificate = `chmod 0777 ${volume.path}
printf %s '${ofEnvironment.join("\n")}' > ${certificateFile}`;

/**
 * Looks at CERTIFICATE_URL every POLL_SECONDS at most, at a random moment, and moves what is new there into the place of what Traefik serves. It cannot read the
 * key in it. What becomes part of a template is base64 and PEM, and nothing that could be a template itself.
 */
const followCertificate = `export LC_ALL=C
trap 'exit 0' TERM
newline='
'
blanks=" $newline"
known=
look() {
    copy=$(curl --silent --show-error --fail --max-time 20 "$CERTIFICATE_URL") || return
    [ "$copy" != "$known" ] || return
    known=$copy
    case $copy in
        *[!A-Za-z0-9+/="$blanks"-]*) wrong=yes ;;
        [!-]*"$newline-----BEGIN CERTIFICATE-----$newline"*"$newline-----END CERTIFICATE-----") wrong= ;;
        *) wrong=yes ;;
    esac
    if [ -n "$wrong" ]; then
        echo "what is at $CERTIFICATE_URL is no sealed certificate"
        return
    fi
    {
        printf '${ofCopy.join("\\n")}\\n' "\${copy%%"$newline"*}"
        printf '%s\\n' "\${copy#*"$newline"}" | sed 's/^/          /'
    } > ${certificateFile}.next
    mv ${certificateFile}.next ${certificateFile}
    echo "took up another certificate"
}
while :; do
    sleep $((1 + $(od -An -N2 -tu2 /dev/urandom) % POLL_SECONDS)) &
    wait $!
    look
done`;

/** The file beside the flags. Traefik itself puts the certificate and the users in, which its environment alone has. */
export function traefikDynamicFile(dashboardHost: string | undefined, isHot = false): string {
    const tls = [
        ...(isHot ? ["tls:"] : ofEnvironment),
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
