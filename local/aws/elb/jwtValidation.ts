// The action `jwt-validation`: docs.aws.amazon.com/elasticloadbalancing/latest/application/listener-verify-jwt.html
import { createHash } from "node:crypto";

import { AwsError } from "../gateway/overlay";
import { extension, named } from "./envoyTypes";
import type { Json } from "./envoyTypes";
import type { Action } from "./state";

export type JwtValidation = NonNullable<Action["JwtValidationConfig"]>;

/** Where the keys that tokens are signed with are fetched. */
export interface JwksSource {
    /** Whether a host's name is in a zone of the local DNS server, which is the only one that knows it. */
    readonly isLocal: (hostname: string) => boolean;
    /** Of the local DNS server, on 127.0.0.1. */
    readonly dnsPort: number;
    /** Roots that the endpoints' certificates may lead to. */
    readonly trustedRootsFile: string;
    /** Of a local host, the port that stands for another one. */
    readonly portOf: (port: number) => number;
}

const filter = "envoy.filters.http.jwt_authn";
const jwtAuthn = "envoy.extensions.filters.http.jwt_authn.v3";

/** @throws ValidationError */
export function checkJwtValidation({ JwksEndpoint = "", AdditionalClaims = [] }: JwtValidation): void {
    if (!/^https:\/\/[^/]+\/./.test(JwksEndpoint)) {
        throw new AwsError("ValidationError", `JwksEndpoint '${JwksEndpoint}' must be a URL: https, domain and path`);
    }
    const known = ["single-string", "string-array", "space-separated-values"];
    const unknown = AdditionalClaims.find(({ Format = "" }) => !known.includes(Format));
    if (unknown) {
        throw new AwsError("ValidationError", `Claim format '${unknown.Format}' must be one of '${known.join(", ")}'`);
    }
}

/** The filter that looks at tokens, where a route requires it; a request without a good one is answered 401. */
export function jwtFilter(configs: readonly JwtValidation[]): Json[] {
    if (configs.length === 0) {
        return [];
    }
    const byName = (of: (config: JwtValidation) => Json): Json =>
        Object.fromEntries(configs.map((config) => [nameOf(config), of(config)]));
    return [
        named(filter, `${jwtAuthn}.JwtAuthentication`, {
            providers: byName(provider),
            requirement_map: byName((config) => ({ provider_name: nameOf(config) })),
        }),
    ];
}

function provider(config: JwtValidation): Json {
    const { Issuer, JwksEndpoint, AdditionalClaims = [] } = config;
    return {
        issuer: Issuer,
        require_expiration: true,
        from_headers: [{ name: "Authorization", value_prefix: "Bearer " }],
        forward: true,
        remote_jwks: {
            http_uri: { uri: JwksEndpoint, cluster: nameOf(config), timeout: "5s" },
            retry_policy: { num_retries: 1 },
        },
        payload_in_metadata: nameOf(config),
        header_in_metadata: headerOf(config),
        normalize_payload_in_metadata: {
            space_delimited_claims: AdditionalClaims.filter(({ Format }) => Format === "space-separated-values").map(
                ({ Name }) => Name,
            ),
        },
        clear_route_cache: true, // the route is chosen again, by the token's claims
    };
}

/**
 * The routes of what asks for a token. One with all that is required takes the first; the second is where Envoy starts from, and ends with one
 * whose signature is good and whose claims are not.
 */
export function jwtRoutes(config: JwtValidation, match: Json, action: Json): Json[] {
    const required = { [filter]: extension(`${jwtAuthn}.PerRouteConfig`, { requirement_name: nameOf(config) }) };
    return [
        {
            ...action,
            match: { ...match, dynamic_metadata: requirements(config) },
            typed_per_filter_config: { ...(action.typed_per_filter_config as Json), ...required },
        },
        { match, direct_response: { status: 401 }, typed_per_filter_config: required },
    ];
}

/** A list has to hold all of a claim's values. AWS does not say whether one would do. */
function requirements(config: JwtValidation): Json[] {
    const at = (part: string, key: string, value: Json): Json => ({ filter, path: [{ key: part }, { key }], value });
    const exactly = (value: string): Json => ({ string_match: { exact: value } });
    return [
        at(headerOf(config), "alg", exactly("RS256")), // the only one that AWS takes
        ...(config.AdditionalClaims ?? []).flatMap(({ Format, Name = "", Values = [] }) =>
            Format === "single-string"
                ? [at(nameOf(config), Name, { or_match: { value_matchers: Values.map(exactly) } })]
                : Values.map((value) => at(nameOf(config), Name, { list_match: { one_of: exactly(value) } })),
        ),
    ];
}

/** Where the keys come from. */
export function jwksCluster(config: JwtValidation, source: JwksSource): Json {
    const { hostname, port } = new URL(config.JwksEndpoint!);
    const isLocal = source.isLocal(hostname);
    const endpoint = {
        address: hostname,
        port_value: isLocal ? source.portOf(Number(port || 443)) : Number(port || 443),
    };
    return extension("envoy.config.cluster.v3.Cluster", {
        name: nameOf(config),
        type: "STRICT_DNS",
        dns_lookup_family: "V4_PREFERRED",
        ...(isLocal && { typed_dns_resolver_config: localResolver(source.dnsPort) }),
        load_assignment: {
            cluster_name: nameOf(config),
            endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: endpoint } } }] }],
        },
        transport_socket: named(
            "envoy.transport_sockets.tls",
            "envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            {
                sni: hostname,
                common_tls_context: {
                    validation_context: {
                        trusted_ca: { filename: source.trustedRootsFile },
                        match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: hostname } }],
                    },
                },
            },
        ),
    });
}

function localResolver(port: number): Json {
    return named(
        "envoy.network.dns_resolver.cares",
        "envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
        { resolvers: [{ socket_address: { address: "127.0.0.1", port_value: port } }] },
    );
}

/** Of its provider, requirement and cluster, and of the claims in Envoy's metadata. */
function nameOf(config: JwtValidation): string {
    return `jwt-${createHash("sha256").update(JSON.stringify(config)).digest("hex").slice(0, 16)}`;
}

function headerOf(config: JwtValidation): string {
    return `${nameOf(config)}-header`;
}
