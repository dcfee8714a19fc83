// The bootstrap of the TLS sidecar, passed to the stock Envoy image by --config-yaml (JSON is YAML).
// Limits follow Envoy's "best practices for edge proxies" (docs/root/configuration/best_practices/edge.rst); docs/design.md says
// where and why they differ.
import { dirname } from "node:path";

import { SEALED, secretOf } from "../../../handlers/certificateNames";
import {
    authenticationFilters,
    EnvoyAuthentication,
    forgeable,
    guarded,
    guardedRoutes,
    issuersKeys,
} from "./authentication";
import { extension, Json } from "./json";
import { sidecarSize } from "./sidecarSize";

/** Which requests the sidecar logs, one JSON line each on its standard output. */
export const AccessLog = {
    /** None. */
    Off: "off",
    /** Failed ones (status 500 and up) and those that took a second or longer. */
    Errors: "errors",
    /** Every one; costs about a tenth of the throughput. */
    All: "all",
} as const;
export type AccessLog = (typeof AccessLog)[keyof typeof AccessLog];

/** What stands between the clients and the sidecar: it decides whom the sidecar believes about the client's address. */
export const Front = {
    /** An Application Load Balancer, which appends the client's address to x-forwarded-for. */
    ApplicationLoadBalancer: "applicationLoadBalancer",
    /** A Network Load Balancer that preserves the client's address. */
    NetworkLoadBalancer: "networkLoadBalancer",
    /** A Network Load Balancer that sends the client's address by proxy protocol. */
    ProxyProtocol: "proxyProtocol",
} as const;
export type Front = (typeof Front)[keyof typeof Front];

/** What the bootstrap depends on. */
export interface EnvoyBootstrapOptions {
    /** What stands between the clients and the sidecar. Undefined: nothing, they connect directly. */
    readonly front?: Front;
    /** Port on which HTTPS is served. */
    readonly httpsPort: number;
    /** Port on which plain HTTP is redirected to HTTPS; none when undefined. */
    readonly httpPort?: number;
    /** Port to which the redirect sends clients, when a load balancer serves another one than `httpsPort`. */
    readonly publicHttpsPort?: number;
    /** CPU units of the task: its memory, connections and threads go by them. */
    readonly taskCpu: number;
    /** Port of the app on the task's loopback. */
    readonly appPort: number;
    /** Tasks are `<taskId>.<domain>`: requests for any other name are refused. Undefined: every name is served. */
    readonly domain?: string;
    /** Path on which the app answers 200 when it can serve; undefined: the app is taken as healthy. */
    readonly healthCheckPath?: string;
    /** Seconds after which an idle connection is closed; longer than the load balancer's own, which may use it until then. Undefined: 300. */
    readonly idleTimeout?: number;
    /** Whether the certificate is in `selfSignedFiles`. Undefined: it is in the variables of `served.main`. */
    readonly selfSigned?: boolean;
    /** Whether there is an RSA certificate beside it, in the variables of `served.rsa`, for clients that know no ECDSA. */
    readonly hasRsa?: boolean;
    /** Whether later certificates are taken up while it runs: what stands in the files of `served` is served. */
    readonly hot?: boolean;
    /** Whether the admin interface is there, on `adminSocket`. */
    readonly admin?: boolean;
    /** Which requests are logged. */
    readonly accessLog: AccessLog;
    /** Whose token a request must have, for tasks that have a domain. Undefined: nobody's. */
    readonly authentication?: EnvoyAuthentication;
}

/** How a certificate comes to Envoy. */
export interface ServedCertificate {
    /** Environment variables that carry it into the Envoy container, and into no other; the password is that of later ones. */
    readonly variables: { readonly chain: string; readonly key: string; readonly password: string };
    /** Where it is in a task that takes up later ones. Alone in its folder: Envoy looks at what is moved into it. */
    readonly file: string;
}

/** The certificate, and the one that clients get which know no ECDSA, if there is one. */
export const served: Readonly<Record<"main" | "rsa", ServedCertificate>> = {
    main: {
        variables: {
            chain: "TLS_CERTIFICATE_CHAIN",
            key: "TLS_PRIVATE_KEY",
            password: SEALED.passwordVariable,
        },
        file: "/run/envoy/certificate/current.json",
    },
    rsa: {
        variables: {
            chain: "TLS_RSA_CERTIFICATE_CHAIN",
            key: "TLS_RSA_PRIVATE_KEY",
            password: "TLS_RSA_KEY_PASSWORD",
        },
        file: "/run/envoy/rsa-certificate/current.json",
    },
};

/** Where the certificate is that a task has made for itself. */
export const selfSignedFiles = { chain: "/run/tls/certificate.pem", key: "/run/tls/key.pem" } as const;

/** The admin interface is a Unix socket: the containers of a task share 127.0.0.1, so the app could reach a port. */
export const adminSocket = "/run/envoy/admin.sock";

/** The routes of a task that has a domain, which its `init` container writes. */
export const routesFile = "/run/envoy/routes.json";

/** When a task ends by itself that has a lifetime, in seconds since the epoch; its `init` container writes that, too. */
export const endFile = "/run/envoy/end";

/** The first content of its file: the certificate that the task was started with. */
export function firstCertificate(certificate: ServedCertificate): string {
    return secretOf(fromVariables(certificate));
}

/** Stands in `ownRoutes` for the id that only the task knows. */
export const ownIdPlaceholder = "OWN_TASK_ID";

/** Stands in `ownRoutes` for the date at which the task ends. */
export const sunsetPlaceholder = "SUNSET_DATE";

const routesName = "https";

/** Answered by the sidecar itself: 200 while it serves and the app is healthy, 503 while it drains or the app is not. */
export const sidecarHealthPath = "/.well-known/taskgate/health";

const hcm = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/** The whole bootstrap; JSON.stringify it for --config-yaml. */
export function envoyBootstrap(options: EnvoyBootstrapOptions): Json {
    const listeners = [httpsListener(options)];
    if (options.httpPort !== undefined) {
        listeners.push(redirectListener(options, options.httpPort));
    }
    return {
        node: { id: "envoy", cluster: "taskgate" }, // Envoy reads no file of routes or secrets without
        ...(options.admin && { admin: adminInterface() }),
        static_resources: {
            listeners,
            clusters: [
                appCluster(options),
                ...(options.authentication === undefined ? [] : [issuersKeys(options.authentication)]),
            ],
        },
        stats_config: readStatistics(),
        overload_manager: overloadManager(options),
        layered_runtime: {
            layers: [
                {
                    name: "static",
                    static_layer: {
                        // Of one read: a burst of HTTP/2 resets cannot starve other connections (CVE-2023-44487). One alone, as Envoy's edge example has it,
                        // costs streams that come together up to a third, and floods notice no difference.
                        http: { max_requests_per_io_cycle: 8 },
                        // A connection is closed when a client gives up half of at least so many requests within a second each, or their headers are too large: what one
                        // read brings is freed only after all of it, and HPACK has a byte copied 3,000 times. Envoy's 500 let a flood have twice the container's memory.
                        overload: { premature_reset_total_stream_count: 20 },
                    },
                },
            ],
        },
    };
}

/** Those that somebody reads, `lifecycle` (./scripts) and the filter that answers health checks: Envoy has hundreds, and each request raises some twenty. */
function readStatistics(): Json {
    return {
        use_all_default_tags: false,
        stats_matcher: {
            inclusion_list: {
                patterns: [
                    { suffix: "downstream_rq_active" },
                    { prefix: "cluster.app.upstream_rq_active" },
                    { prefix: "cluster.app.upstream_rq_total" },
                    { prefix: "cluster.app.membership_" },
                ],
            },
        },
    };
}

/** What a probe and a drain need, and nothing more; also when there are too many connections. */
function adminInterface(): Json {
    return {
        address: { pipe: { path: adminSocket, mode: 0o600 } },
        ignore_global_conn_limit: true,
        allow_paths: [
            { exact: "/ready" },
            { exact: "/certs" },
            { prefix: "/stats" },
            { prefix: "/healthcheck/" },
            { prefix: "/drain_listeners" },
        ],
    };
}

function httpsListener(options: EnvoyBootstrapOptions): Json {
    return {
        ...listener("https", options.httpsPort),
        ...proxyProtocol(options),
        filter_chains: [
            {
                transport_socket_connect_timeout: "10s",
                transport_socket: {
                    name: "envoy.transport_sockets.tls",
                    typed_config: extension("envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", {
                        common_tls_context: tlsContext(options),
                    }),
                },
                filters: [
                    {
                        name: "envoy.filters.network.http_connection_manager",
                        typed_config: extension(hcm, httpsConnections(options)),
                    },
                ],
            },
        ],
    };
}

/** Reads the client's address from the header that the load balancer puts in front of each connection. */
function proxyProtocol({ front }: EnvoyBootstrapOptions): Json {
    return front === Front.ProxyProtocol
        ? {
              listener_filters_timeout: "5s",
              listener_filters: [
                  {
                      name: "envoy.filters.listener.proxy_protocol",
                      typed_config: extension("envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol"),
                  },
              ],
          }
        : {};
}

/** The certificate that ECS puts into the container's environment. */
function fromVariables({ variables }: ServedCertificate): Json {
    return {
        certificate_chain: { environment_variable: variables.chain },
        private_key: { environment_variable: variables.key },
    };
}

function fromFile({ file }: ServedCertificate): Json {
    const path_config_source = { path: file, watched_directory: { path: dirname(file) } };
    return { name: SEALED.secretName, sds_config: { resource_api_version: "V3", path_config_source } };
}

/** Of two, Envoy shows RSA to those clients alone that know no ECDSA. */
function certificateSource({ selfSigned = false, hasRsa = false, hot = false }: EnvoyBootstrapOptions): Json {
    if (selfSigned) {
        const { chain, key } = selfSignedFiles;
        return { tls_certificates: [{ certificate_chain: { filename: chain }, private_key: { filename: key } }] };
    }
    const certificates = hasRsa ? [served.main, served.rsa] : [served.main];
    return hot
        ? { tls_certificate_sds_secret_configs: certificates.map(fromFile) }
        : { tls_certificates: certificates.map(fromVariables) };
}

function tlsContext(options: EnvoyBootstrapOptions): Json {
    return {
        alpn_protocols: ["h2", "http/1.1"],
        tls_params: {
            tls_minimum_protocol_version: "TLSv1_2",
            tls_maximum_protocol_version: "TLSv1_3",
            // Post-quantum key agreement first; clients without it take X25519.
            ecdh_curves: ["X25519MLKEM768", "X25519", "P-256"],
            // For TLS 1.2 only: forward secrecy and AEAD.
            cipher_suites: [
                "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]",
                "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]",
                "ECDHE-ECDSA-AES256-GCM-SHA384",
                "ECDHE-RSA-AES256-GCM-SHA384",
            ],
        },
        ...certificateSource(options),
    };
}

function httpsConnections(options: EnvoyBootstrapOptions): Json {
    return {
        ...connections("https", options),
        codec_type: "AUTO",
        early_header_mutation_extensions: [withoutForgedHeaders(options)],
        strip_trailing_host_dot: true,
        generate_request_id: true,
        // In answers only where each has its line in the log: a value that is always new costs HTTP/2 three times what it costs the app.
        always_set_request_id_in_response: options.accessLog === AccessLog.All,
        request_headers_timeout: "10s",
        request_timeout: "300s", // for the request's body; over once the response starts, so event streams live on
        stream_idle_timeout: "300s",
        delayed_close_timeout: "1s",
        max_request_headers_kb: 60,
        common_http_protocol_options: {
            idle_timeout: `${options.idleTimeout ?? 300}s`,
            max_headers_count: 100,
            headers_with_underscores_action: "REJECT_REQUEST",
        },
        http2_protocol_options: {
            max_concurrent_streams: 32, // each may hold two buffers whose content nobody reads
            initial_stream_window_size: 65_536,
            initial_connection_window_size: 1_048_576,
            allow_connect: true, // WebSocket over HTTP/2, RFC 8441
            connection_keepalive: { interval: "60s", timeout: "10s" },
        },
        upgrade_configs: [{ upgrade_type: "websocket" }],
        http_filters: [
            ...healthFilter(options),
            ...(options.authentication === undefined ? [] : authenticationFilters(options.authentication)),
            router(),
        ],
        ...httpsRoutes(options),
    };
}

/** Every name: to the app. The task's own name alone: by a file, as Envoy cannot know the task's id from its bootstrap. */
function httpsRoutes(options: EnvoyBootstrapOptions): Json {
    return options.domain === undefined
        ? { route_config: routeConfiguration([appHost("*", options)]) }
        : {
              rds: {
                  route_config_name: routesName,
                  config_source: { resource_api_version: "V3", path_config_source: { path: routesFile } },
              },
          };
}

/** What the routes of a task that has a domain depend on. */
export interface RouteOptions extends Pick<EnvoyBootstrapOptions, "httpsPort" | "front" | "authentication"> {
    /** Whether the task's answers tell when it ends, in `sunset` (RFC 8594): `sunsetPlaceholder` stands for the date. */
    readonly sunset?: boolean;
}

/**
 * The content of `routesFile`, with `ownIdPlaceholder` for the task's id: its own name leads to the app, every other one is answered with 421
 * (RFC 9110, section 15.5.20). All tasks share the wildcard certificate and AWS hands a freed address to the next task, so without this a
 * stale DNS answer would show one customer another's app.
 */
export function ownRoutes(domain: string, options: RouteOptions): Json {
    const misdirected = { status: 421, body: { inline_string: "This is not the task of that name.\n" } };
    const others = {
        name: "others",
        domains: ["*"],
        routes: [...healthRoute(options), { match: { prefix: "/" }, direct_response: misdirected }],
    };
    const own = appHost(`${ownIdPlaceholder}.${domain}`, options);
    const header = { key: "sunset", value: sunsetPlaceholder };
    const told = { response_headers_to_add: [{ header, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" }] };
    const routes = routeConfiguration([options.sunset ? { ...own, ...told } : own, others]);
    return { resources: [extension("envoy.config.route.v3.RouteConfiguration", routes)] };
}

function routeConfiguration(virtual_hosts: readonly Json[]): Json {
    return {
        name: routesName,
        response_headers_to_add: [
            {
                header: { key: "strict-transport-security", value: "max-age=31536000" },
                append_action: "ADD_IF_ABSENT",
            },
        ],
        virtual_hosts,
    };
}

function appHost(name: string, options: RouteOptions): Json {
    const toApp = {
        cluster: "app",
        timeout: "0s", // Envoy's 15 s would cut slow answers and event streams
        idle_timeout: "3600s",
    };
    const all = { name: "app", domains: [name] };
    const { authentication, httpsPort } = options;
    if (authentication === undefined) {
        return { ...all, routes: [...healthRoute(options), { match: { prefix: "/" }, route: toApp }] };
    }
    const port = portInUrl(httpsPort);
    const origin = `https://%REQ(:AUTHORITY)%${port === undefined ? "" : `:${port}`}`;
    const routes = [...healthRoute(options), ...guardedRoutes(authentication, origin, toApp)];
    return { ...all, ...guarded(), routes };
}

/**
 * Drops what a client says about proxies before it: an app that reads the first address of x-forwarded-for, as many do, would believe it.
 * Envoy then says who connects itself; what an Application Load Balancer says stays.
 */
function withoutForgedHeaders({ front, authentication }: EnvoyBootstrapOptions): Json {
    // By matchers: for a removal by name, Envoy first makes a table of all headers.
    const headers: Json[] =
        front === Front.ApplicationLoadBalancer
            ? [{ exact: "forwarded" }, { exact: "x-forwarded-host" }, { exact: "x-real-ip" }]
            : [{ contains: "forwarded" }, { exact: "x-real-ip" }];
    headers.push(...(authentication === undefined ? [] : forgeable(authentication)));
    return {
        name: "envoy.http.early_header_mutation.header_mutation",
        typed_config: extension("envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation", {
            mutations: headers.map((key_matcher) => ({ remove_on_match: { key_matcher } })),
        }),
    };
}

const healthFilterName = "envoy.filters.http.health_check";

/** A load balancer asks Envoy itself: it knows whether the app is healthy, and a drain shows there. */
function healthFilter({ front, healthCheckPath }: EnvoyBootstrapOptions): Json[] {
    if (front === undefined) {
        return [];
    }
    return [
        {
            name: healthFilterName,
            disabled: true, // but on its own route: it would be made for each request, 2 % of one
            typed_config: extension("envoy.extensions.filters.http.health_check.v3.HealthCheck", {
                pass_through_mode: false,
                cluster_min_healthy_percentages: healthCheckPath === undefined ? undefined : { app: { value: 1 } },
                headers: [{ name: ":path", string_match: { exact: sidecarHealthPath } }],
            }),
        },
    ];
}

/** Where that filter is. A load balancer asks by the task's address: no name is compared first. */
function healthRoute({ front }: RouteOptions): Json[] {
    if (front === undefined) {
        return [];
    }
    return [
        {
            match: { path: sidecarHealthPath },
            direct_response: { status: 404 }, // what the filter leaves: the path with a query
            typed_per_filter_config: {
                [healthFilterName]: extension("envoy.config.route.v3.FilterConfig", { config: {} }),
            },
        },
    ];
}

function hostNames({ domain }: EnvoyBootstrapOptions): string[] {
    return domain === undefined ? ["*"] : [`*.${domain}`];
}

function redirectListener(options: EnvoyBootstrapOptions, port: number): Json {
    return {
        ...listener("http", port),
        ...proxyProtocol(options),
        filter_chains: [
            {
                filters: [
                    {
                        name: "envoy.filters.network.http_connection_manager",
                        typed_config: extension(hcm, {
                            ...connections("http", options),
                            codec_type: "HTTP1",
                            request_headers_timeout: "5s",
                            request_timeout: "10s",
                            stream_idle_timeout: "15s",
                            max_request_headers_kb: 16,
                            common_http_protocol_options: {
                                idle_timeout: "30s",
                                headers_with_underscores_action: "REJECT_REQUEST",
                            },
                            http_filters: [router()],
                            route_config: {
                                name: "redirect",
                                virtual_hosts: [
                                    {
                                        name: "redirect",
                                        domains: hostNames(options), // own names only: no open redirect by Host
                                        routes: [
                                            {
                                                match: { prefix: "/" },
                                                redirect: {
                                                    https_redirect: true,
                                                    port_redirect: portInUrl(
                                                        options.publicHttpsPort ?? options.httpsPort,
                                                    ),
                                                    response_code: "PERMANENT_REDIRECT", // 308 keeps the method
                                                },
                                            },
                                        ],
                                    },
                                ],
                            },
                        }),
                    },
                ],
            },
        ],
    };
}

/** URLs leave out the port of their scheme. */
function portInUrl(httpsPort: number): number | undefined {
    return httpsPort === 443 ? undefined : httpsPort;
}

function listener(name: string, port: number): Json {
    return {
        name,
        address: { socket_address: { address: "0.0.0.0", port_value: port } },
        per_connection_buffer_limit_bytes: 65_536, // 32 KiB would cost large answers a tenth
        max_connections_to_accept_per_socket_event: 1,
    };
}

/** What both listeners' connection managers have in common. */
function connections(name: string, { front, accessLog, authentication }: EnvoyBootstrapOptions): Json {
    return {
        stat_prefix: name,
        server_header_transformation: "PASS_THROUGH",
        use_remote_address: true, // the client is who connects, whatever x-forwarded-for says
        ...(front === Front.ApplicationLoadBalancer && { xff_num_trusted_hops: 1 }), // but what the load balancer appends
        normalize_path: true,
        merge_slashes: true,
        path_with_escaped_slashes_action: "UNESCAPE_AND_REDIRECT",
        strip_any_host_port: true,
        access_log: accessLogs(accessLog, authentication !== undefined),
    };
}

function router(): Json {
    return {
        name: "envoy.filters.http.router",
        typed_config: extension("envoy.extensions.filters.http.router.v3.Router", {
            suppress_envoy_headers: true,
            dynamic_stats: false, // counters by status that nobody reads: 6 % of a request
        }),
    };
}

function appCluster({ front, taskCpu, appPort, healthCheckPath }: EnvoyBootstrapOptions): Json {
    const { connections: most } = sidecarSize(taskCpu);
    return {
        name: "app",
        type: "STATIC",
        connect_timeout: "2s",
        per_connection_buffer_limit_bytes: 32_768,
        // With its only host unhealthy, Envoy "panics" and passes requests on: until a load balancer has noticed, the app may still serve
        // them. Without one, nobody notices but the client, who is told at once.
        ...(front === undefined && { common_lb_config: { healthy_panic_threshold: { value: 0 } } }),
        circuit_breakers: {
            thresholds: [{ max_connections: most, max_pending_requests: most, max_requests: 2 * most }],
        },
        health_checks: healthCheckPath === undefined ? [] : [appHealthCheck(healthCheckPath)],
        typed_extension_protocol_options: {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": extension(
                "envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                {
                    // Below the 5 s after which Node closes idle connections: none is used that the app is just closing.
                    common_http_protocol_options: { idle_timeout: "4s" },
                    explicit_http_config: { http_protocol_options: {} },
                },
            ),
        },
        load_assignment: {
            cluster_name: "app",
            endpoints: [
                {
                    lb_endpoints: [
                        { endpoint: { address: { socket_address: { address: "127.0.0.1", port_value: appPort } } } },
                    ],
                },
            ],
        },
    };
}

function appHealthCheck(path: string): Json {
    return {
        timeout: "2s",
        interval: "5s",
        unhealthy_interval: "2s",
        no_traffic_interval: "5s",
        unhealthy_threshold: 3,
        healthy_threshold: 1,
        http_health_check: { path, host: "localhost" },
    };
}

function overloadManager({ taskCpu }: EnvoyBootstrapOptions): Json {
    const { heapBytes, connections: most } = sidecarSize(taskCpu);
    const heap = "envoy.resource_monitors.fixed_heap";
    const at = (value: number): Json => ({ triggers: [{ name: heap, threshold: { value } }] });
    return {
        refresh_interval: "0.02s",
        resource_monitors: [
            {
                name: heap,
                typed_config: extension("envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig", {
                    max_heap_size_bytes: heapBytes,
                }),
            },
            {
                name: "envoy.resource_monitors.global_downstream_max_connections",
                typed_config: extension(
                    "envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                    { max_active_downstream_connections: most },
                ),
            },
        ],
        // Early, as what was accepted within a refresh still grows: a burst of streams by a third of the heap.
        actions: [
            // Who does not read holds a place at the app, of which there are as many as connections, for as long as a stream may be idle: less, the fewer are left.
            {
                name: "envoy.overload_actions.reduce_timeouts",
                triggers: [{ name: heap, scaled: { scaling_threshold: 0.45, saturation_threshold: 0.6 } }],
                typed_config: extension("envoy.config.overload.v3.ScaleTimersOverloadActionConfig", {
                    timer_scale_factors: [
                        { timer: "HTTP_DOWNSTREAM_STREAM_IDLE", min_timeout: "5s" },
                        { timer: "HTTP_DOWNSTREAM_CONNECTION_IDLE", min_timeout: "5s" },
                        { timer: "TRANSPORT_SOCKET_CONNECT", min_timeout: "2s" },
                    ],
                }),
            },
            { name: "envoy.overload_actions.shrink_heap", ...at(0.75) },
            { name: "envoy.overload_actions.disable_http_keepalive", ...at(0.85) },
            { name: "envoy.overload_actions.stop_accepting_requests", ...at(0.9) },
        ],
        loadshed_points: [
            { name: "envoy.load_shed_points.tcp_listener_accept", ...at(0.9) },
            { name: "envoy.load_shed_points.http2_server_go_away_on_dispatch", ...at(0.95) },
        ],
    };
}

function accessLogs(accessLog: AccessLog, hidesQueries: boolean): Json[] {
    if (accessLog === AccessLog.Off) {
        return [];
    }
    const atLeast = (default_value: number, runtime_key: string): Json => ({
        comparison: { op: "GE", value: { default_value, runtime_key } },
    });
    const failedOrSlow = {
        or_filter: {
            filters: [
                { status_code_filter: atLeast(500, "access_log.least_status") },
                { duration_filter: atLeast(1000, "access_log.least_milliseconds") },
            ],
        },
    };
    return [
        {
            name: "envoy.access_loggers.stdout",
            filter: accessLog === AccessLog.Errors ? failedOrSlow : undefined,
            typed_config: extension("envoy.extensions.access_loggers.stream.v3.StdoutAccessLog", {
                log_format: {
                    // A request that is refused early still has the token of its link.
                    json_format: hidesQueries ? { ...logFormat, path: "%PATH(NQ:ORIG_OR_PATH)%" } : logFormat,
                },
            }),
        },
    ];
}

const logFormat = {
    time: "%START_TIME%",
    method: "%REQ(:METHOD)%",
    host: "%REQ(:AUTHORITY)%",
    path: "%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%",
    protocol: "%PROTOCOL%",
    status: "%RESPONSE_CODE%",
    details: "%RESPONSE_CODE_DETAILS%",
    flags: "%RESPONSE_FLAGS%",
    bytes_in: "%BYTES_RECEIVED%",
    bytes_out: "%BYTES_SENT%",
    duration_ms: "%DURATION%",
    client: "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
    user_agent: "%REQ(USER-AGENT)%",
    request_id: "%REQ(X-REQUEST-ID)%",
    tls_version: "%DOWNSTREAM_TLS_VERSION%",
    tls_cipher: "%DOWNSTREAM_TLS_CIPHER%",
};
