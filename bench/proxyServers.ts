// What is measured: the app alone, and proxies in front of it that end TLS with the same certificate.
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { AccessLog } from "../components/internal/envoy/accessLog";
import { Front } from "../components/internal/envoy/front";
import { served } from "../components/internal/envoy/servedCertificates";
import { traefikContainers, traefikDynamicFile, traefikPorts } from "../components/internal/loadBalancing/traefik";
import { containerDefinitions, EnvoySidecar } from "../components/internal/task/containers";
import { createAuthority } from "../local/internet/authorities/tlsCertificate";
import { accepts, freePort, ManagedProcess, Processes } from "../local/machine/processes";
import { envoyBinary } from "../local/tasks/images/images";
import { inFolder, writeOwnRoutes } from "../tests/support/initEnvoy";
import { domain, hostname, overHttp1, taskId } from "./clients";

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

/** The shapes whose Envoy is measured: what differs in its bootstrap. */
export const shapes: Readonly<Record<string, Partial<EnvoySidecar["bootstrap"]>>> = {
    "Envoy, direct": { domain },
    "Envoy behind an ALB": { front: Front.ApplicationLoadBalancer, idleTimeout: 120 },
    "Envoy behind an NLB": { front: Front.NetworkLoadBalancer },
};
const root = join(__dirname, "..");
const traefikBinary = join(root, ".tools/python/bin/traefik");

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

export interface SidecarOptions {
    /** One of `shapes`. */
    readonly name?: string;
    readonly taskCpu?: number;
    /** Command that runs it. */
    readonly wrapper?: readonly string[];
}

/** The container "envoy" of an EnvoyTask, as ECS would run it. `memory`: MiB that it may use. */
export async function startSidecar(
    processes: Processes,
    appPort: number,
    { certificate, privateKey }: Certificate,
    { name = Object.keys(shapes)[0], taskCpu = 256, wrapper = [] }: SidecarOptions = {},
): Promise<MeasuredServer & { readonly port: number; readonly memory: number }> {
    const httpsPort = await freePort();
    const containers = containerDefinitions({
        app: { image: "app", containerPort: appPort, stopTimeout: 30 },
        envoy: {
            image: "envoy",
            helperImage: "helper",
            bootstrap: {
                httpsPort,
                taskCpu,
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
    const { chain, key } = served.main.variables;
    const [program, ...words] = [...wrapper, envoyBinary(root), ...args];
    const started = await startProxy(processes, name, httpsPort, program, words, {
        [chain]: certificate,
        [key]: privateKey,
    });
    return { ...started, port: httpsPort, memory };
}

/** The smallest bootstrap that Envoy's documentation shows for TLS in front of one cluster (start/quick-start/securing), and WebSockets. */
export async function startPlainEnvoy(
    processes: Processes,
    appPort: number,
    { certificate, privateKey }: Certificate,
    { wrapper = [], concurrency = 1 }: { readonly wrapper?: readonly string[]; readonly concurrency?: number } = {},
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
                                        upgrade_configs: [{ upgrade_type: "websocket" }], // or there were none to compare
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
    // As many workers as ours has: it is the bootstraps that are compared.
    const args = ["--config-yaml", JSON.stringify(bootstrap), "--concurrency", String(concurrency)];
    args.push("--disable-hot-restart");
    const [program, ...words] = [...wrapper, envoyBinary(root), ...args, "--log-level", "warning"];
    return startProxy(processes, "Envoy, plain default", port, program, words);
}

/** The Traefik of a TraefikGateway, as ECS would run it; what it would learn from ECS about the app is in a file. */
export async function startTraefik(
    processes: Processes,
    appPort: number,
    { certificate, privateKey }: Certificate,
): Promise<MeasuredServer> {
    const [, { command }] = traefikContainers({
        ...{ image: "traefik", gateway: "gateway", clusterArn: "cluster", region: "eu-west-1", logGroupName: "logs" },
        ...{ certificateSecretArn: "secret", publicHttpsPort: 443, drainSeconds: 20 },
    }) as { readonly command: readonly string[] }[];
    const [port, folder] = [await freePort(), mkdtempSync(join(processes.directory, "traefik-"))];
    const ports: Record<number, number> = { [traefikPorts.https]: port, [traefikPorts.http]: await freePort() };
    ports[traefikPorts.ping] = await freePort();
    const args = command
        .filter((word) => !word.startsWith("--providers.ecs."))
        .map((word) => word.replace(/^(--providers\.file\.)filename=.*/, `$1directory=${folder}`))
        .map((word) => word.replace(/0\.0\.0\.0:(\d+)$/, (_all, known: string) => `127.0.0.1:${ports[Number(known)]}`));
    writeFileSync(join(folder, "taskgate.yaml"), traefikDynamicFile(undefined));
    const route = {
        routers: { app: { rule: `Host(\`${hostname}\`)`, entryPoints: ["websecure"], service: "app" } },
        services: { app: { loadBalancer: { servers: [{ url: `http://127.0.0.1:${appPort}` }] } } },
    };
    writeFileSync(join(folder, "task.yaml"), JSON.stringify({ http: route })); // JSON is YAML
    const env = { TLS_CERTIFICATE_CHAIN: certificate, TLS_PRIVATE_KEY: privateKey };
    return startProxy(processes, "Traefik, TraefikGateway's", port, traefikBinary, args, env);
}

/** What its documentation shows: a router, a service, a certificate. */
export async function startPlainTraefik(
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
    return startProxy(processes, "Traefik, plain default", port, traefikBinary, [
        `--entryPoints.https.address=127.0.0.1:${port}`,
        `--providers.file.filename=${file}`,
        "--log.level=ERROR",
    ]);
}

/** Debian has servers where a user's PATH may not lead. */
export const withPrograms = { PATH: `${process.env.PATH}:/usr/sbin` };

const tls12Ciphers = [
    ...["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-AES128-GCM-SHA256"],
    ...["ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384"],
].join(":");

/** Debian's nginx with our sidecar's TLS, but for the post-quantum key agreement, and our sidecar's limits. */
export async function startNginx(
    processes: Processes,
    appPort: number,
    { certificate, privateKey }: Certificate,
): Promise<MeasuredServer> {
    const [port, folder] = [await freePort(), mkdtempSync(join(processes.directory, "nginx-"))];
    writeFileSync(join(folder, "certificate.pem"), certificate);
    writeFileSync(join(folder, "key.pem"), privateKey, { mode: 0o600 });
    const tls = `listen 127.0.0.1:${port} ssl http2`;
    const file = join(folder, "nginx.conf");
    writeFileSync(
        file,
        `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr error;
events { worker_connections 2000; }
http {
    access_log off;
    ${["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder};`).join(" ")}
    ssl_certificate ${folder}/certificate.pem; ssl_certificate_key ${folder}/key.pem;
    ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:P-256; ssl_ciphers ${tls12Ciphers};
    keepalive_timeout 300s; keepalive_requests 1000000; http2_max_concurrent_streams 32;
    client_header_timeout 10s; client_body_timeout 300s; send_timeout 300s; client_max_body_size 0; large_client_header_buffers 4 15k;
    merge_slashes on; underscores_in_headers off;
    upstream app { server 127.0.0.1:${appPort}; keepalive 100; keepalive_timeout 4s; }
    map $http_upgrade $connection_header { default upgrade; "" ""; }
    server { ${tls} default_server; return 421; }
    server {
        ${tls}; server_name ${hostname};
        location / {
            proxy_pass http://app; proxy_http_version 1.1; proxy_connect_timeout 2s; proxy_read_timeout 3600s;
            proxy_set_header Host $host; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_header;
            proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto https; proxy_set_header X-Request-Id $request_id;
            proxy_set_header Forwarded ""; proxy_set_header X-Forwarded-Host ""; proxy_set_header X-Real-Ip "";
            add_header Strict-Transport-Security max-age=31536000;
        }
    }
}
`,
    );
    return startProxy(processes, "nginx", port, "nginx", ["-c", file, "-p", folder], withPrograms);
}

/** Debian's HAProxy, likewise. */
export async function startHaProxy(
    processes: Processes,
    appPort: number,
    { certificate, privateKey }: Certificate,
): Promise<MeasuredServer> {
    const [port, folder] = [await freePort(), mkdtempSync(join(processes.directory, "haproxy-"))];
    writeFileSync(join(folder, "both.pem"), `${certificate}\n${privateKey}`, { mode: 0o600 });
    const file = join(folder, "haproxy.cfg");
    writeFileSync(
        file,
        `global
    nbthread 1
    maxconn 1000
    tune.h2.max-concurrent-streams 32
    tune.h2.initial-window-size 65536
defaults
    mode http
    timeout connect 2s
    timeout http-request 10s
    timeout http-keep-alive 300s
    timeout client 300s
    timeout server 3600s
    timeout tunnel 3600s
frontend https
    bind 127.0.0.1:${port} ssl crt ${folder}/both.pem alpn h2,http/1.1 ssl-min-ver TLSv1.2 curves X25519:P-256 ciphers ${tls12Ciphers}
    http-request return status 421 unless { req.hdr(host),field(1,:) -i ${hostname} }
    http-request del-header x-forwarded -m beg
    http-request del-header forwarded
    http-request del-header x-real-ip
    option forwardfor
    http-request set-header x-forwarded-proto https
    http-request set-header x-request-id %[uuid()]
    http-response set-header strict-transport-security max-age=31536000 unless { res.hdr(strict-transport-security) -m found }
    default_backend app
backend app
    server app 127.0.0.1:${appPort}
`,
    );
    return startProxy(processes, "HAProxy", port, "haproxy", ["-db", "-f", file], withPrograms);
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
        ready: () => serves(port),
    });
    return { name, url: `https://127.0.0.1:${port}`, process: started };
}

/** Some accept connections before they know what to do with them. */
async function serves(port: number): Promise<boolean> {
    const client = await overHttp1(1)(port);
    try {
        await client.ask(1);
        return true;
    } catch {
        return false;
    } finally {
        client.close();
    }
}
