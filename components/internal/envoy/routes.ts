// Which requests go to the app, by the name that they ask for.
import { EnvoyAuthentication, guarded, guardedRoutes } from "./authentication";
import { FrontOptions, healthRoute } from "./front";
import { extension, Json } from "./json";

/** The routes of a task that has a domain, which its `init` container writes. */
export const routesFile = "/run/envoy/routes.json";

/** Stands in `ownRoutes` for the id that only the task knows. */
export const ownIdPlaceholder = "OWN_TASK_ID";

/** Stands in `ownRoutes` for the date at which the task ends. */
export const sunsetPlaceholder = "SUNSET_DATE";

const routesName = "https";

/** What the routes of a name depend on. */
export interface HostOptions extends FrontOptions {
    /** Port on which HTTPS is served. */
    readonly httpsPort: number;
    /** Whose token a request must have, for tasks that have a domain. Undefined: nobody's. */
    readonly authentication?: EnvoyAuthentication;
}

/** What the routes of a task that has a domain depend on. */
export interface RouteOptions extends HostOptions {
    /** Whether the task's answers tell when it ends, in `sunset` (RFC 8594): `sunsetPlaceholder` stands for the date. */
    readonly sunset?: boolean;
}

/** Every name: to the app. The task's own name alone: by a file, as Envoy cannot know the task's id from its bootstrap. */
export function httpsRoutes(options: HostOptions & { readonly domain?: string }): Json {
    return options.domain === undefined
        ? { route_config: routeConfiguration([appHost("*", options)]) }
        : {
              rds: {
                  route_config_name: routesName,
                  config_source: { resource_api_version: "V3", path_config_source: { path: routesFile } },
              },
          };
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

function appHost(name: string, options: HostOptions): Json {
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

/** URLs leave out the port of their scheme. */
export function portInUrl(httpsPort: number): number | undefined {
    return httpsPort === 443 ? undefined : httpsPort;
}
