// The bootstrap of the TLS sidecar, passed to the stock Envoy image by --config-yaml (JSON is YAML).
// Limits follow Envoy's "best practices for edge proxies" (docs/root/configuration/best_practices/edge.rst); docs/design.md says
// where and why they differ.
import { AccessLog, accessLogs } from "./accessLog";
import { authenticationFilters, issuersKeys } from "./authentication";
import { Front, healthFilter, proxyProtocol, withoutForgedHeaders } from "./front";
import { extension, Json } from "./json";
import { HostOptions, httpsRoutes, portInUrl } from "./routes";
import { CertificateOptions, certificateSource } from "./servedCertificates";
import { sidecarSize } from "./sidecarSize";

/** What the bootstrap depends on. */
export interface EnvoyBootstrapOptions extends HostOptions, CertificateOptions {
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
    /** Whether the admin interface is there, on `adminSocket`. */
    readonly admin?: boolean;
    /** Which requests are logged. */
    readonly accessLog: AccessLog;
}

/** The admin interface is a Unix socket: the containers of a task share 127.0.0.1, so the app could reach a port. */
export const adminSocket = "/run/envoy/admin.sock";

const hcm = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";

/** Requests of a connection that are taken from one read. */
const requestsOfOneRead = 8;

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
                        // Not all that came: a burst of HTTP/2 resets cannot starve other connections (CVE-2023-44487). One alone, as Envoy's edge example has it,
                        // costs streams that come together up to a third, and floods notice no difference.
                        http: { max_requests_per_io_cycle: requestsOfOneRead },
                        // A connection is closed when a client gives up half of at least so many requests within a second each, or their headers are too large: what one
                        // read brings is freed only after all of it, and HPACK has a byte copied 3,000 times. Envoy's 500 let a flood have twice the container's memory. Half is
                        // what one read may bring: more, and a second one costs a flood's other clients three times as long.
                        overload: { premature_reset_total_stream_count: 2 * requestsOfOneRead },
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
                    { suffix: "downstream_cx_active" },
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

function listener(name: string, port: number): Json {
    return {
        name,
        address: { socket_address: { address: "0.0.0.0", port_value: port } },
        per_connection_buffer_limit_bytes: 32_768, // with 64 KiB, large answers would cost a tenth less, and streams that nobody reads take more than the container's memory
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
            // More than clients: streams that nobody reads fill the heap, where they are noticed, before they have all places.
            thresholds: [{ max_connections: 1.25 * most, max_pending_requests: most, max_requests: 2 * most }],
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
        buffer_factory_config: { minimum_account_to_track_power_of_two: 10 }, // 1 KiB
        // A thousand WebSockets, which cost the most of what honest clients hold, take 73 % of the heap, and are left alone.
        actions: [
            // HTTP/2 streams that hold the most, fifty a refresh in which the heap has changed, hence no saturation: who reads holds little.
            {
                name: "envoy.overload_actions.reset_high_memory_stream",
                triggers: [{ name: heap, scaled: { scaling_threshold: 0.65, saturation_threshold: 1 } }],
            },
            // Who does not read holds a place at the app for as long as a stream may be idle: less, the fuller the heap.
            {
                name: "envoy.overload_actions.reduce_timeouts",
                triggers: [{ name: heap, scaled: { scaling_threshold: 0.75, saturation_threshold: 0.83 } }],
                typed_config: extension("envoy.config.overload.v3.ScaleTimersOverloadActionConfig", {
                    timer_scale_factors: [
                        { timer: "HTTP_DOWNSTREAM_STREAM_IDLE", min_timeout: "5s" },
                        { timer: "HTTP_DOWNSTREAM_CONNECTION_IDLE", min_timeout: "5s" },
                        { timer: "TRANSPORT_SOCKET_CONNECT", min_timeout: "2s" },
                    ],
                }),
            },
            { name: "envoy.overload_actions.shrink_heap", ...at(0.78) },
            { name: "envoy.overload_actions.disable_http_keepalive", ...at(0.83) },
            { name: "envoy.overload_actions.stop_accepting_requests", ...at(0.86) },
        ],
        // Early, as what was accepted within a refresh still grows: a burst of streams by a third of the heap.
        loadshed_points: [
            { name: "envoy.load_shed_points.tcp_listener_accept", ...at(0.86) },
            { name: "envoy.load_shed_points.http2_server_go_away_on_dispatch", ...at(0.9) },
        ],
    };
}
