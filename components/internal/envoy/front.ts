// What stands between the clients and the sidecar: whom it believes about the client, and what a load balancer asks of it.
import { EnvoyAuthentication, forgeable } from "./authentication";
import { extension, Json } from "./json";

/** What there may be. */
export const Front = {
    /** An Application Load Balancer, which appends the client's address to x-forwarded-for. */
    ApplicationLoadBalancer: "applicationLoadBalancer",
    /** A Network Load Balancer that preserves the client's address. */
    NetworkLoadBalancer: "networkLoadBalancer",
    /** A Network Load Balancer that sends the client's address by proxy protocol. */
    ProxyProtocol: "proxyProtocol",
} as const;
export type Front = (typeof Front)[keyof typeof Front];

export interface FrontOptions {
    /** What stands between the clients and the sidecar. Undefined: nothing, they connect directly. */
    readonly front?: Front;
}

/** Reads the client's address from the header that the load balancer puts in front of each connection. */
export function proxyProtocol({ front }: FrontOptions): Json {
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

/**
 * Drops what a client says about proxies before it: an app that reads the first address of x-forwarded-for, as many do, would believe it.
 * Envoy then says who connects itself; what an Application Load Balancer says stays.
 */
export function withoutForgedHeaders({
    front,
    authentication,
}: FrontOptions & { readonly authentication?: EnvoyAuthentication }): Json {
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

/** Answered by the sidecar itself: 200 while it serves and the app is healthy, 503 while it drains or the app is not. */
export const sidecarHealthPath = "/.well-known/taskgate/health";

const healthFilterName = "envoy.filters.http.health_check";

/** A load balancer asks Envoy itself: it knows whether the app is healthy, and a drain shows there. */
export function healthFilter({ front, healthCheckPath }: FrontOptions & { readonly healthCheckPath?: string }): Json[] {
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
export function healthRoute({ front }: FrontOptions): Json[] {
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
