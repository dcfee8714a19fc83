// What the Envoy behind a load balancer is told: pure functions from its listeners, rules and target groups to xDS resources.
import { createHash } from "node:crypto";

import { reachFilter, reachResource } from "../../tasks/reach";
import type { Sources } from "../../tasks/reach";
import type { KeyPair } from "../acm/overlay";
import { listenerHeaders } from "./defaults";
import { extension, named } from "./envoyTypes";
import type { Json } from "./envoyTypes";
import { jwksCluster, jwtFilter, jwtRoutes } from "./jwtValidation";
import type { JwksSource, JwtValidation } from "./jwtValidation";
import { conditionValues } from "./ruleOperations";
import { forwardedTo, isApplication, listenersOf, rulesOf, targetGroupsOf } from "./state";
import type { Action, BalancerState, Listener, LoadBalancer, RuleCondition, TargetGroup } from "./state";
import { tlsParameters } from "./tlsPolicies";

export interface EnvoyOptions {
    readonly jwks: JwksSource;
    /** Where the resource files are. */
    readonly directory: string;
    /** The port that stands for a listener's: those below 1024 need privileges. */
    readonly portOf: (port: number) => number;
    readonly certificateOf: (arn: string) => KeyPair;
    /** Who may connect to one of a load balancer's ports, by its security groups; without it, everybody. */
    readonly sourcesOf?: (securityGroupIds: readonly string[], port: number) => Sources;
}

/** Files by name, in the order in which they are to be written: what refers comes after what it refers to. */
export function resourceFiles(
    state: BalancerState,
    balancer: LoadBalancer,
    options: EnvoyOptions,
): ReadonlyMap<string, readonly Json[]> {
    const listeners = listenersOf(state, balancer.view.LoadBalancerArn);
    const groups = targetGroupsOf(state, balancer.view.LoadBalancerArn);
    const certificates = new Set(listeners.flatMap(certificatesOf));
    const files = new Map<string, readonly Json[]>();
    groups.forEach((group) => files.set(endpointsFile(group), [endpoints(group)]));
    certificates.forEach((arn) => files.set(secretFile(arn), [secret(arn, options.certificateOf(arn))]));
    if (isApplication(balancer.view)) {
        listeners.forEach((listener) => files.set(routesFile(listener), [routes(state, listener, options)]));
    }
    const tokens = new Map(
        listeners.flatMap((listener) => jwtValidations(state, listener)).map((one) => [JSON.stringify(one), one]),
    );
    for (const { view } of options.sourcesOf ? listeners : []) {
        const { SecurityGroups: groups = [] } = balancer.view;
        const sources = groups.length === 0 ? "everybody" : options.sourcesOf!(groups, Number(view.Port));
        files.set(reachFile(view), [reachResource(sources)]);
    }
    files.set("clusters.json", [
        ...groups.map((group) => cluster(balancer, group, options)),
        ...[...tokens.values()].map((config) => jwksCluster(config, options.jwks)),
    ]);
    files.set(
        "listeners.json",
        listeners.map((listener) => envoyListener(state, balancer, listener, options)),
    );
    return files;
}

function endpointsFile({ view }: TargetGroup): string {
    return `endpoints-${view.TargetGroupName}.json`;
}

function reachFile({ Port }: Listener["view"]): string {
    return `reach-${Port}.json`;
}

function routesFile({ view }: Listener): string {
    return `routes-${view.Port}.json`;
}

function secretFile(certificateArn: string): string {
    return `certificate-${createHash("sha256").update(certificateArn).digest("hex").slice(0, 16)}.json`;
}

function source({ directory }: EnvoyOptions, file: string): Json {
    return { path_config_source: { path: `${directory}/${file}` }, resource_api_version: "V3" };
}

function certificatesOf({ view, certificates }: Listener): string[] {
    const [byDefault] = view.Certificates ?? [];
    return byDefault?.CertificateArn === undefined ? [] : [byDefault.CertificateArn, ...certificates];
}

function secret(arn: string, { chain, privateKey }: KeyPair): Json {
    return extension("envoy.extensions.transport_sockets.tls.v3.Secret", {
        name: arn,
        tls_certificate: {
            certificate_chain: { inline_string: chain },
            private_key: { inline_string: privateKey },
        },
    });
}

/** Requests go to healthy targets; to all of them when none is healthy; to draining and new ones never. */
function endpoints({ view, targets }: TargetGroup): Json {
    const all = [...targets.values()];
    const isFailingOpen = !all.some(({ state }) => state === "healthy");
    return extension("envoy.config.endpoint.v3.ClusterLoadAssignment", {
        cluster_name: view.TargetGroupName,
        endpoints: [
            {
                lb_endpoints: all.map(({ id, port, state }) => ({
                    endpoint: { address: { socket_address: { address: id, port_value: port } } },
                    health_status:
                        state === "healthy" || (state === "unhealthy" && isFailingOpen)
                            ? "HEALTHY"
                            : state === "draining"
                              ? "DRAINING"
                              : "UNHEALTHY",
                })),
            },
        ],
    });
}

const algorithms: Readonly<Record<string, string>> = {
    round_robin: "ROUND_ROBIN",
    least_outstanding_requests: "LEAST_REQUEST",
    weighted_random: "RANDOM",
};

function cluster(
    { address, attributes, view: balancer }: LoadBalancer,
    group: TargetGroup,
    options: EnvoyOptions,
): Json {
    const { view } = group;
    const unlimited = 1_000_000;
    const idle = attributes["idle_timeout.timeout_seconds"];
    const isHttp2 = view.ProtocolVersion === "HTTP2" || view.ProtocolVersion === "GRPC";
    const httpOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    return extension("envoy.config.cluster.v3.Cluster", {
        name: view.TargetGroupName,
        type: "EDS",
        eds_cluster_config: { eds_config: source(options, endpointsFile(group)) },
        connect_timeout: "10s",
        lb_policy: algorithms[group.attributes["load_balancing.algorithm.type"] ?? "round_robin"],
        common_lb_config: { healthy_panic_threshold: { value: 0 } },
        circuit_breakers: {
            thresholds: [
                {
                    max_connections: unlimited,
                    max_pending_requests: unlimited,
                    max_requests: unlimited,
                },
            ],
        },
        upstream_bind_config: { source_address: { address, port_value: 0 } },
        transport_socket: upstreamSocket(group),
        ...(isApplication(balancer)
            ? {
                  typed_extension_protocol_options: {
                      [httpOptions]: extension(httpOptions, {
                          common_http_protocol_options: { idle_timeout: `${idle}s` },
                          explicit_http_config: isHttp2
                              ? { http2_protocol_options: {} }
                              : { http_protocol_options: {} },
                      }),
                  },
              }
            : {}),
    });
}

/** Targets' certificates are not verified, as on AWS: a self-signed or expired one will do. */
function upstreamSocket({ view, attributes }: TargetGroup): Json | undefined {
    const isSecure = view.Protocol === "HTTPS" || view.Protocol === "TLS";
    const isHttp2 = view.ProtocolVersion === "HTTP2" || view.ProtocolVersion === "GRPC";
    const tls = named("envoy.transport_sockets.tls", "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", {
        common_tls_context: isHttp2 ? { alpn_protocols: ["h2"] } : {},
    });
    const plain = named(
        "envoy.transport_sockets.raw_buffer",
        "envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer",
    );
    if (attributes["proxy_protocol_v2.enabled"] === "true") {
        return named(
            "envoy.transport_sockets.upstream_proxy_protocol",
            "envoy.extensions.transport_sockets.proxy_protocol.v3.ProxyProtocolUpstreamTransport",
            { config: { version: "V2" }, transport_socket: isSecure ? tls : plain },
        );
    }
    return isSecure ? tls : undefined;
}

function envoyListener(state: BalancerState, balancer: LoadBalancer, listener: Listener, options: EnvoyOptions): Json {
    const { view } = listener;
    const filter = isApplication(balancer.view)
        ? httpConnections(state, balancer, listener, options)
        : tcpProxy(listener);
    const reach = options.sourcesOf ? [reachFilter(`${options.directory}/${reachFile(view)}`)] : [];
    return extension("envoy.config.listener.v3.Listener", {
        name: `listener-${view.Port}`,
        address: { socket_address: { address: balancer.address, port_value: options.portOf(Number(view.Port)) } },
        filter_chains: [
            { filters: [...reach, filter], transport_socket: downstreamSocket(balancer, listener, options) },
        ],
    });
}

const alpnPolicies: Readonly<Record<string, readonly string[]>> = {
    HTTP1Only: ["http/1.1"],
    HTTP2Only: ["h2"],
    HTTP2Optional: ["http/1.1", "h2"],
    HTTP2Preferred: ["h2", "http/1.1"],
    None: [],
};

function downstreamSocket(balancer: LoadBalancer, listener: Listener, options: EnvoyOptions): Json | undefined {
    const { Protocol, SslPolicy, AlpnPolicy = [] } = listener.view;
    if (Protocol !== "HTTPS" && Protocol !== "TLS") {
        return undefined;
    }
    const http2 = balancer.attributes["routing.http2.enabled"] === "true" ? "HTTP2Preferred" : "HTTP1Only";
    return named("envoy.transport_sockets.tls", "envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext", {
        // The certificate is chosen by SNI; for a name that none of them has, it is the default one.
        common_tls_context: {
            alpn_protocols: alpnPolicies[Protocol === "HTTPS" ? http2 : (AlpnPolicy[0] ?? "None")],
            tls_params: tlsParameters(SslPolicy!),
            tls_certificate_sds_secret_configs: certificatesOf(listener).map((arn) => ({
                name: arn,
                sds_config: source(options, secretFile(arn)),
            })),
        },
    });
}

function tcpProxy({ view, attributes }: Listener): Json {
    const [{ arn }] = (view.DefaultActions ?? []).flatMap(forwardedTo);
    return named("envoy.filters.network.tcp_proxy", "envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", {
        stat_prefix: `listener-${view.Port}`,
        cluster: groupName(arn),
        idle_timeout: `${attributes["tcp.idle_timeout.seconds"]}s`,
    });
}

function httpConnections(
    state: BalancerState,
    { attributes }: LoadBalancer,
    listener: Listener,
    options: EnvoyOptions,
): Json {
    const { view } = listener;
    const dropsInvalid = attributes["routing.http.drop_invalid_header_fields.enabled"] === "true";
    return named(
        "envoy.filters.network.http_connection_manager",
        "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        {
            stat_prefix: `listener-${view.Port}`,
            codec_type: "AUTO",
            use_remote_address: true, // appends the client to x-forwarded-for and sets x-forwarded-proto
            server_header_transformation: "PASS_THROUGH",
            generate_request_id: false,
            access_log: [accessLog()],
            stream_idle_timeout: `${attributes["idle_timeout.timeout_seconds"]}s`,
            common_http_protocol_options: {
                idle_timeout: `${attributes["client_keep_alive.seconds"]}s`,
                headers_with_underscores_action: dropsInvalid ? "DROP_HEADER" : "ALLOW",
            },
            upgrade_configs: [{ upgrade_type: "websocket" }],
            http2_protocol_options: { allow_connect: true },
            rds: { route_config_name: `listener-${view.Port}`, config_source: source(options, routesFile(listener)) },
            // A target that does not answer is a 502 or 504 here, where Envoy by itself says 503.
            local_reply_config: {
                mappers: [
                    { filter: { response_flag_filter: { flags: ["UF", "UC", "UPE"] } }, status_code: 502 },
                    { filter: { response_flag_filter: { flags: ["UT"] } }, status_code: 504 },
                ],
            },
            http_filters: [
                ...jwtFilter(jwtValidations(state, listener)),
                named(sessions, "envoy.extensions.filters.http.stateful_session.v3.StatefulSession"),
                named("envoy.filters.http.router", "envoy.extensions.filters.http.router.v3.Router", {
                    suppress_envoy_headers: true,
                }),
            ],
        },
    );
}

/** A line for each request once it is over, by the names that AWS has in its own logs. Times are in milliseconds. */
function accessLog(): Json {
    return named("envoy.access_loggers.stdout", "envoy.extensions.access_loggers.stream.v3.StdoutAccessLog", {
        log_format: {
            json_format: {
                request_creation_time: "%START_TIME(%s%3f)%",
                trace_id: "%REQ(X-AMZN-TRACE-ID)%",
                request: "%REQ(:METHOD)% %REQ(:PATH)%",
                target: "%UPSTREAM_HOST%",
                elb_status_code: "%RESPONSE_CODE%",
                flags: "%RESPONSE_FLAGS%",
                duration: "%DURATION%",
            },
        },
    });
}

function routes(state: BalancerState, { view, attributes }: Listener, options: EnvoyOptions): Json {
    const rules = rulesOf(state, view.ListenerArn).flatMap((rule) =>
        matches(rule.view.Conditions ?? []).flatMap((match) => routesOf(state, match, rule.view.Actions, options)),
    );
    return extension("envoy.config.route.v3.RouteConfiguration", {
        name: `listener-${view.Port}`,
        virtual_hosts: [
            {
                name: "all",
                domains: ["*"],
                routes: [...rules, ...routesOf(state, { prefix: "/" }, view.DefaultActions, options)],
            },
        ],
        request_headers_to_add: [header("x-forwarded-port", view.Port!)],
        response_headers_to_add: Object.entries(attributes)
            .filter(([key, value]) => key in listenerHeaders && value !== "")
            .map(([key, value]) => header(listenerHeaders[key], value)),
    });
}

function jwtValidations(state: BalancerState, { view }: Listener): JwtValidation[] {
    const actions = [...rulesOf(state, view.ListenerArn).map((rule) => rule.view.Actions), view.DefaultActions];
    return actions.flatMap((some = []) => some.flatMap(({ JwtValidationConfig }) => JwtValidationConfig ?? []));
}

function routesOf(state: BalancerState, match: Json, actions: readonly Action[] = [], options: EnvoyOptions): Json[] {
    const [group, ...others] = actions.flatMap(forwardedTo).map(({ arn }) => state.targetGroups.get(arn)!);
    const action = {
        ...routeAction(actions, options),
        ...(group && others.length === 0 && { typed_per_filter_config: stickiness(group) }),
    };
    const token = actions.find(({ JwtValidationConfig }) => JwtValidationConfig)?.JwtValidationConfig;
    return token === undefined ? [{ match, ...action }] : jwtRoutes(token, match, action);
}

const sessions = "envoy.filters.http.stateful_session";

/** A client comes back to its target while that is healthy. The cookie lasts from the first answer of a target, on AWS from the last one. */
function stickiness({ attributes }: TargetGroup): Json {
    if (attributes["stickiness.enabled"] !== "true") {
        return {};
    }
    const cookie = { name: "AWSALB", path: "/", ttl: `${attributes["stickiness.lb_cookie.duration_seconds"]}s` };
    const session_state = named(
        "envoy.http.stateful_session.cookie",
        "envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState",
        { cookie },
    );
    return {
        [sessions]: extension("envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute", {
            stateful_session: { session_state },
        }),
    };
}

function header(key: string, value: string): Json {
    return { header: { key, value }, append_action: "OVERWRITE_IF_EXISTS_OR_ADD" };
}

/** What a rule's conditions, all of which must hold, match; one alternative for each query string, which Envoy cannot "or". */
function matches(conditions: readonly RuleCondition[]): Json[] {
    const paths = conditions.filter(({ Field }) => Field === "path-pattern").flatMap(textValues);
    const headers = conditions.flatMap((condition) => {
        const values = textValues(condition);
        switch (condition.Field) {
            case "host-header":
                return [regexHeader(":authority", `(?i)(?:${patterns(values)})(?::\\d+)?`)];
            case "http-header":
                return [regexHeader(condition.HttpHeaderConfig!.HttpHeaderName!, `(?i)(?:${patterns(values)})`)];
            case "http-request-method":
                return [regexHeader(":method", values.join("|"))];
            case undefined:
            default:
                return [];
        }
    });
    const path = paths.length === 0 ? { prefix: "/" } : { safe_regex: { regex: patterns(paths) } };
    const queries = conditions.flatMap(({ QueryStringConfig }) => QueryStringConfig?.Values ?? []);
    if (queries.length === 0) {
        return [{ ...path, headers }];
    }
    return queries.map(({ Key, Value = "*" }) => ({
        ...path,
        headers,
        query_parameters: [{ name: Key, string_match: { safe_regex: { regex: patterns([Value]) } } }],
    }));
}

function textValues(condition: RuleCondition): string[] {
    return conditionValues(condition).filter((value) => typeof value === "string");
}

function regexHeader(name: string, regex: string): Json {
    return { name, string_match: { safe_regex: { regex } } };
}

/** `*` stands for any characters, `?` for one. */
function patterns(values: readonly string[]): string {
    return values
        .map((value) =>
            value
                .replace(/[.+^${}()|[\]\\]/g, "\\$&")
                .replaceAll("*", ".*")
                .replaceAll("?", "."),
        )
        .join("|");
}

function routeAction(actions: readonly Action[], options: EnvoyOptions): Json {
    const inOrder = [...actions].sort((one, other) => Number(one.Order ?? 1) - Number(other.Order ?? 1));
    const stopsHere = inOrder.find((action) => signIn(action) !== undefined) ?? inOrder.at(-1)!;
    const { RedirectConfig: redirect, FixedResponseConfig: fixed } = stopsHere;
    const asked = signIn(stopsHere);
    if (asked) {
        return asked;
    }
    if (redirect) {
        const { Protocol = "#{protocol}", Host = "#{host}", Port = "#{port}", Path = "/#{path}", Query } = redirect;
        return {
            redirect: {
                ...(Protocol === "#{protocol}" ? {} : { scheme_redirect: Protocol.toLowerCase() }),
                ...(Host === "#{host}" ? {} : { host_redirect: Host }),
                ...(Port === "#{port}" ? {} : { port_redirect: options.portOf(Number(Port)) }),
                ...(Path === "/#{path}" ? {} : { path_redirect: Path }),
                strip_query: Query === "",
                response_code: redirect.StatusCode === "HTTP_301" ? "MOVED_PERMANENTLY" : "FOUND",
            },
        };
    }
    if (fixed) {
        return {
            direct_response: { status: Number(fixed.StatusCode), body: { inline_string: fixed.MessageBody ?? "" } },
            response_headers_to_add: [header("content-type", fixed.ContentType ?? "text/plain")],
        };
    }
    const clusters = forwardedTo(stopsHere).map(({ arn, weight }) => ({ name: groupName(arn), weight }));
    return {
        route: {
            ...(clusters.length === 1 ? { cluster: clusters[0].name } : { weighted_clusters: { clusters } }),
            timeout: "0s",
        },
    };
}

/** What a visitor who has not signed in is answered; undefined when he may pass. */
function signIn({ AuthenticateOidcConfig: oidc, AuthenticateCognitoConfig: cognito }: Action): Json | undefined {
    const config = oidc ?? cognito;
    if (!config || config.OnUnauthenticatedRequest === "allow") {
        return undefined;
    }
    if (config.OnUnauthenticatedRequest === "deny") {
        return { direct_response: { status: 401 } };
    }
    const endpoint = new URL(oidc?.AuthorizationEndpoint ?? `https://${cognito!.UserPoolDomain}/oauth2/authorize`);
    const clientId = oidc?.ClientId ?? cognito?.UserPoolClientId ?? "";
    const query = new URLSearchParams({ client_id: clientId, response_type: "code", scope: config.Scope ?? "openid" });
    return {
        redirect: {
            https_redirect: true,
            host_redirect: endpoint.hostname,
            port_redirect: Number(endpoint.port || 443),
            path_redirect: `${endpoint.pathname}?${query.toString()}`,
            response_code: "FOUND",
        },
    };
}

/** `arn:…:targetgroup/<name>/<id>` */
function groupName(arn: string): string {
    return arn.split("/")[1];
}
