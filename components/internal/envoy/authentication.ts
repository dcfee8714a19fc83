// Only a task's own people: the sidecar checks a JSON Web Token before the app sees a request.
import { LINK_PARAMETER } from "../../../handlers/sessionNames";
import { extension, Json } from "./json";

/** Whose tokens are taken, and what the app is told of them. */
export interface EnvoyAuthentication {
    readonly issuer: string;
    readonly audiences: readonly string[];
    readonly jwksUri: string;
    /** Environment variables of the task, by the claims that must equal them. */
    readonly requiredClaims: Readonly<Record<string, string>>;
    /** Claims, by the headers in which the app gets them. */
    readonly claimHeaders: Readonly<Record<string, string>>;
}

/** Only this host's, only by HTTPS, not to be read by a script; a browser sends it with nothing that another site embeds or opens as a WebSocket. */
const cookie = "__Host-taskgate";
/** Headers of the sidecar's own: no client's come in, none reaches the app. */
const ownPrefix = "x-taskgate-";
/** The token of a link, and, once it is verified, its issuer. */
const [linkHeader, goodLinkHeader] = [`${ownPrefix}link`, `${ownPrefix}good-link`];
const claimHeader = (index: number): string => `${ownPrefix}claim-${index}`;

const requirement = "people";
const filterName = "envoy.filters.http.jwt_authn";
const jwksCluster = "jwks";
const metadata = { namespace: "taskgate", cookie: "cookie" } as const;

/** Where Debian has the certificates of the authorities that are trusted, as Envoy's distroless images do. */
export const trustedAuthorities = "/etc/ssl/certs/ca-certificates.crt";

/** Stands in the routes for the value of an environment variable, which only the task knows. */
const valueOf = (variable: string): string => `<${variable}>`;

/** Headers that no client can bring: what the app is told, and what the sidecar tells itself. */
export function forgeable({ claimHeaders }: EnvoyAuthentication): Json[] {
    return [{ prefix: ownPrefix }, ...Object.keys(claimHeaders).map((exact) => ({ exact: exact.toLowerCase() }))];
}

/** A link's token is taken off before anything else sees it, then one of the tokens must be good; the app gets none. */
export function authenticationFilters(authentication: EnvoyAuthentication): Json[] {
    return [
        headerMutation("link", {
            request_mutations: [append(linkHeader, `%QUERY_PARAM(${LINK_PARAMETER})%`)],
            query_parameter_mutations: [{ remove: LINK_PARAMETER }],
        }),
        {
            name: filterName,
            typed_config: extension("envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication", {
                // Each its own: of several tokens for one provider, all would have to be good, and a new link would not help whose cookie is old.
                providers: {
                    link: provider(authentication, { from_headers: [{ name: linkHeader }], forward: true }, [
                        { header_name: goodLinkHeader, claim_name: "iss" },
                    ]),
                    bearer: provider(authentication, {
                        from_headers: [{ name: "Authorization", value_prefix: "Bearer " }],
                    }),
                    cookie: provider(authentication, { from_cookies: [cookie] }),
                },
                requirement_map: {
                    [requirement]: {
                        requires_any: {
                            requirements: ["link", "bearer", "cookie"].map((provider_name) => ({ provider_name })),
                        },
                    },
                },
            }),
        },
        {
            name: "envoy.filters.http.header_to_metadata",
            typed_config: extension("envoy.extensions.filters.http.header_to_metadata.v3.Config", {
                request_rules: [
                    {
                        header: "cookie",
                        on_header_present: {
                            metadata_namespace: metadata.namespace,
                            key: metadata.cookie,
                            type: "STRING",
                            regex_value_rewrite: {
                                pattern: { regex: `^${cookie}=[^;]*(; *|$)|; *${cookie}=[^;]*` },
                                substitution: "",
                            },
                        },
                        remove: true,
                    },
                ],
            }),
        },
        headerMutation("cookie", {
            request_mutations: [append("cookie", `%DYNAMIC_METADATA(${metadata.namespace}:${metadata.cookie})%`)],
        }),
    ];
}

function provider(
    { issuer, audiences, jwksUri, requiredClaims, claimHeaders }: EnvoyAuthentication,
    from: Json,
    more: readonly Json[] = [],
): Json {
    return {
        issuer,
        audiences,
        require_expiration: true,
        remote_jwks: {
            http_uri: { uri: jwksUri, cluster: jwksCluster, timeout: "5s" },
            cache_duration: "300s",
            async_fetch: {}, // before the first request, and again without one: an issuer that is away for a while locks nobody out
        },
        ...from,
        claim_to_headers: [
            ...Object.entries(claimHeaders).map(([header_name, claim_name]) => ({ header_name, claim_name })),
            ...Object.keys(requiredClaims).map((claim_name, index) => ({
                header_name: claimHeader(index),
                claim_name,
            })),
            ...more,
        ],
        clear_route_cache: true, // routes look at the claims
    };
}

/** What a virtual host asks for, whichever of its routes is taken. */
export function guarded(): Json {
    return {
        typed_per_filter_config: {
            [filterName]: extension("envoy.extensions.filters.http.jwt_authn.v3.PerRouteConfig", {
                requirement_name: requirement,
            }),
        },
    };
}

/**
 * The routes of those whose token is good: the task's own people get to the app, others nowhere. A browser's link becomes a cookie first, so that no page has the
 * token in its address; who asks for no page, such as curl, may keep no cookies.
 */
export function guardedRoutes(authentication: EnvoyAuthentication, origin: string, toApp: Json): Json[] {
    const variables = Object.values(authentication.requiredClaims);
    const own = variables.map((variable, index) => ({
        name: claimHeader(index),
        string_match: { exact: valueOf(variable) },
    }));
    const isLink = { name: goodLinkHeader, present_match: true };
    const wantsPage = { name: "accept", string_match: { contains: "text/html" } };
    // Envoy makes a location of its own for such an answer, without the port.
    const header = (key: string, value: string): Json => ({
        header: { key, value },
        append_action: "OVERWRITE_IF_EXISTS_OR_ADD",
    });
    return [
        {
            match: { prefix: "/", headers: [...own, isLink, wantsPage] },
            direct_response: { status: 303 },
            response_headers_to_add: [
                header("location", `${origin}%REQ(:PATH)%`),
                header("set-cookie", `${cookie}=%REQ(${linkHeader})%; Path=/; Secure; HttpOnly; SameSite=Lax`),
                header("cache-control", "no-store"),
                header("referrer-policy", "no-referrer"),
            ],
        },
        {
            match: { prefix: "/", headers: own },
            route: toApp,
            request_headers_to_remove: [linkHeader, goodLinkHeader, ...own.map(({ name }) => name)],
        },
        {
            match: { prefix: "/" },
            direct_response: { status: 403, body: { inline_string: "This task is open to its own people only.\n" } },
        },
    ];
}

/** Where the issuer's keys are. */
export function issuersKeys({ jwksUri }: EnvoyAuthentication): Json {
    const { protocol, hostname, port } = new URL(jwksUri);
    const isTls = protocol === "https:";
    return {
        name: jwksCluster,
        type: "STRICT_DNS",
        dns_lookup_family: "V4_PREFERRED",
        connect_timeout: "5s",
        load_assignment: {
            cluster_name: jwksCluster,
            endpoints: [
                {
                    lb_endpoints: [
                        {
                            endpoint: {
                                address: {
                                    socket_address: {
                                        address: hostname,
                                        port_value: port === "" ? (isTls ? 443 : 80) : Number(port),
                                    },
                                },
                            },
                        },
                    ],
                },
            ],
        },
        ...(isTls && {
            transport_socket: {
                name: "envoy.transport_sockets.tls",
                typed_config: extension("envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext", {
                    sni: hostname,
                    common_tls_context: {
                        tls_params: { tls_minimum_protocol_version: "TLSv1_2" },
                        validation_context: {
                            trusted_ca: { filename: trustedAuthorities },
                            match_typed_subject_alt_names: [{ san_type: "DNS", matcher: { exact: hostname } }],
                        },
                    },
                }),
            },
        }),
    };
}

function headerMutation(name: string, mutations: Json): Json {
    return {
        name: `taskgate.${name}`,
        typed_config: extension("envoy.extensions.filters.http.header_mutation.v3.HeaderMutation", { mutations }),
    };
}

function append(key: string, value: string): Json {
    return { append: { header: { key, value }, append_action: "ADD_IF_ABSENT" } };
}
