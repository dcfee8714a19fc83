// What is measured: the app alone, and three proxies in front of it that end TLS with the same certificate.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { AccessLog, certificateVariables, Front } from "../components/internal/envoy/envoyBootstrap";
import { containerDefinitions, EnvoySidecar } from "../components/internal/task/containers";
import { createAuthority } from "../local/internet/authorities/tlsCertificate";
import { accepts, freePort, ManagedProcess, Processes } from "../local/machine/processes";
import { envoyBinary } from "../local/tasks/images/images";
import { inFolder, writeOwnRoutes } from "../tests/support/initEnvoy";

export interface MeasuredServer {
    readonly name: string;
    readonly url: string;
    readonly process: ManagedProcess;
}

export interface Certificate {
    readonly ca: string;
    readonly certificate: string;
    readonly privateKey: string;
}

const domain = "example.test";
const taskId = "0123456789abcdef".repeat(2);
export const hostname = `${taskId}.${domain}`;

/** The shapes whose Envoy is measured: what differs in its bootstrap. */
export const shapes: Readonly<Record<string, Partial<EnvoySidecar["bootstrap"]>>> = {
    "Envoy, direct": { domain },
    "Envoy behind an ALB": { front: Front.ApplicationLoadBalancer, idleTimeout: 120 },
    "Envoy behind an NLB": { front: Front.NetworkLoadBalancer },
};
const root = join(__dirname, "..");

export async function makeCertificate(): Promise<Certificate> {
    const { ca, issue } = await createAuthority("Benchmark CA");
    return { ca, ...(await issue([hostname])) };
}

export async function startApp(processes: Processes): Promise<MeasuredServer & { readonly port: number }> {
    const port = await freePort();
    const process_ = await processes.start({
        name: "app",
        command: process.execPath,
        args: [join(__dirname, "app.mjs"), String(port)],
        env: {},
        ready: accepts(port),
    });
    return { name: "app alone, without TLS", url: `http://127.0.0.1:${port}`, process: process_, port };
}

/** The container "envoy" of an EnvoyTask, as ECS would run it. `memory`: MiB that it may use. */
export async function startSidecar(
    processes: Processes,
    appPort: number,
    { certificate, privateKey }: Certificate,
    name = Object.keys(shapes)[0],
    wrapper: readonly string[] = [],
): Promise<MeasuredServer & { readonly port: number; readonly memory: number }> {
    const httpsPort = await freePort();
    const containers = containerDefinitions({
        app: { image: "app", containerPort: appPort, stopTimeout: 30 },
        envoy: {
            image: "envoy",
            helperImage: "helper",
            bootstrap: {
                httpsPort,
                taskCpu: 256,
                healthCheckPath: "/health",
                accessLog: AccessLog.Errors,
                ...shapes[name],
            },
            certificateSecretArn: "secret",
            drainSeconds: 20,
        },
        logGroupName: "logs",
        region: "eu-west-1",
    });
    const { command, memory } = containers.find(({ name }) => name === "envoy") as {
        readonly command: readonly string[];
        readonly memory: number;
    };
    const volume = join(processes.directory, `volume-${httpsPort}`);
    mkdirSync(volume);
    const options = { httpsPort, ...shapes[name] };
    writeOwnRoutes(volume, domain, { taskId, options });
    const args = command.map((word) => inFolder(word, volume).replaceAll('"0.0.0.0"', '"127.0.0.1"'));
    const { chain, key } = certificateVariables;
    const [program, ...words] = [...wrapper, envoyBinary(root), ...args];
    const started = await startProxy(processes, name, httpsPort, program, words, {
        [chain]: certificate,
        [key]: privateKey,
    });
    return { ...started, port: httpsPort, memory };
}

/** The smallest bootstrap that Envoy's documentation shows for TLS in front of one cluster (start/quick-start/securing). */
export async function startPlainEnvoy(
    processes: Processes,
    appPort: number,
    { certificate, privateKey }: Certificate,
    wrapper: readonly string[] = [],
): Promise<MeasuredServer> {
    const port = await freePort();
    const type = "type.googleapis.com/envoy.extensions";
    const bootstrap = {
        static_resources: {
            listeners: [
                {
                    address: { socket_address: { address: "127.0.0.1", port_value: port } },
                    filter_chains: [
                        {
                            transport_socket: {
                                name: "envoy.transport_sockets.tls",
                                typed_config: {
                                    "@type": `${type}.transport_sockets.tls.v3.DownstreamTlsContext`,
                                    common_tls_context: {
                                        alpn_protocols: ["h2", "http/1.1"],
                                        tls_certificates: [
                                            {
                                                certificate_chain: { inline_string: certificate },
                                                private_key: { inline_string: privateKey },
                                            },
                                        ],
                                    },
                                },
                            },
                            filters: [
                                {
                                    name: "envoy.filters.network.http_connection_manager",
                                    typed_config: {
                                        "@type": `${type}.filters.network.http_connection_manager.v3.HttpConnectionManager`,
                                        stat_prefix: "ingress_http",
                                        http_filters: [
                                            {
                                                name: "envoy.filters.http.router",
                                                typed_config: { "@type": `${type}.filters.http.router.v3.Router` },
                                            },
                                        ],
                                        route_config: {
                                            virtual_hosts: [
                                                {
                                                    name: "app",
                                                    domains: ["*"],
                                                    routes: [{ match: { prefix: "/" }, route: { cluster: "app" } }],
                                                },
                                            ],
                                        },
                                    },
                                },
                            ],
                        },
                    ],
                },
            ],
            clusters: [
                {
                    name: "app",
                    load_assignment: {
                        cluster_name: "app",
                        endpoints: [
                            {
                                lb_endpoints: [
                                    {
                                        endpoint: {
                                            address: { socket_address: { address: "127.0.0.1", port_value: appPort } },
                                        },
                                    },
                                ],
                            },
                        ],
                    },
                },
            ],
        },
    };
    // One worker, as ours has: it is the bootstraps that are compared.
    const args = ["--config-yaml", JSON.stringify(bootstrap), "--concurrency", "1", "--disable-hot-restart"];
    const [program, ...words] = [...wrapper, envoyBinary(root), ...args, "--log-level", "warning"];
    return startProxy(processes, "Envoy, plain default", port, program, words);
}

export async function startTraefik(
    processes: Processes,
    appPort: number,
    { certificate, privateKey }: Certificate,
): Promise<MeasuredServer> {
    const port = await freePort();
    const file = join(processes.directory, "routes.yaml"); // JSON is YAML
    const certificates = [{ certFile: certificate, keyFile: privateKey }];
    const dynamic = {
        http: {
            routers: { app: { rule: "PathPrefix(`/`)", service: "app", tls: {} } },
            services: { app: { loadBalancer: { servers: [{ url: `http://127.0.0.1:${appPort}` }] } } },
        },
        tls: { certificates },
    };
    writeFileSync(file, JSON.stringify(dynamic), { mode: 0o600 });
    return startProxy(processes, "Traefik", port, join(root, ".tools/python/bin/traefik"), [
        `--entryPoints.https.address=127.0.0.1:${port}`,
        `--providers.file.filename=${file}`,
        "--log.level=ERROR",
    ]);
}

async function startProxy(
    processes: Processes,
    name: string,
    port: number,
    command: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
): Promise<MeasuredServer> {
    const started = await processes.start({
        name: name.replaceAll(/\W+/g, "-"),
        command,
        args,
        env,
        cwd: processes.directory,
        ready: accepts(port),
    });
    return { name, url: `https://127.0.0.1:${port}`, process: started };
}
