import { expect } from "chai";

import { AccessLog } from "../../../../components/internal/envoy/accessLog";
import {
    adminSocket,
    envoyBootstrap,
    EnvoyBootstrapOptions,
} from "../../../../components/internal/envoy/envoyBootstrap";
import { Front, sidecarHealthPath } from "../../../../components/internal/envoy/front";

const common: EnvoyBootstrapOptions = { httpsPort: 8443, appPort: 8080, taskCpu: 256, accessLog: AccessLog.Errors };

interface Named {
    readonly name: string;
    readonly disabled?: boolean;
    readonly typed_config: { readonly headers?: unknown; readonly cluster_min_healthy_percentages?: unknown };
}

interface Connections {
    readonly use_remote_address: boolean;
    readonly common_http_protocol_options: { readonly idle_timeout: string };
    readonly http_filters: readonly Named[];
    readonly route_config: {
        readonly virtual_hosts: readonly { routes: readonly { redirect: { port_redirect?: number } }[] }[];
    };
}

interface Listener {
    readonly listener_filters?: readonly Named[];
    readonly filter_chains: readonly { readonly filters: readonly { readonly typed_config: Connections }[] }[];
}

interface Bootstrap {
    readonly admin?: unknown;
    readonly static_resources: { readonly listeners: readonly Listener[] };
}

function bootstrapOf(options: Partial<EnvoyBootstrapOptions>): Bootstrap {
    return JSON.parse(JSON.stringify(envoyBootstrap({ ...common, ...options }))) as Bootstrap;
}

function listenersOf(options: Partial<EnvoyBootstrapOptions>): readonly Listener[] {
    return bootstrapOf(options).static_resources.listeners;
}

const filterNames = (listener: Listener): string[] => (listener.listener_filters ?? []).map(({ name }) => name);
const connectionsOf = (listener: Listener): Connections => listener.filter_chains[0].filters[0].typed_config;

describe("Envoy's bootstrap", () => {
    it("behind an Application Load Balancer believes the last x-forwarded-for and no other", () => {
        const [https] = listenersOf({ front: Front.ApplicationLoadBalancer, idleTimeout: 120 });
        expect(connectionsOf(https).use_remote_address).to.equal(true);
        expect(connectionsOf(https)).to.have.property("xff_num_trusted_hops", 1);
        expect(connectionsOf(https).common_http_protocol_options.idle_timeout).to.equal("120s");
        expect(filterNames(https)).to.deep.equal([]);
    });

    it("elsewhere believes nobody's x-forwarded-for", () => {
        for (const front of [undefined, Front.NetworkLoadBalancer, Front.ProxyProtocol]) {
            const [https] = listenersOf({ front });
            expect(connectionsOf(https).use_remote_address).to.equal(true);
            expect(connectionsOf(https)).not.to.have.property("xff_num_trusted_hops");
        }
    });

    it("reads proxy protocol before anything else, on each listener, where a load balancer sends it and nowhere else", () => {
        const behind = listenersOf({ front: Front.ProxyProtocol, httpPort: 8081 });
        expect(behind.map(filterNames)).to.deep.equal([
            ["envoy.filters.listener.proxy_protocol"],
            ["envoy.filters.listener.proxy_protocol"],
        ]);
        const preserved = listenersOf({ front: Front.NetworkLoadBalancer, httpPort: 8081 });
        expect(preserved.map(filterNames)).to.deep.equal([[], []]);
    });

    it("answers a load balancer's health check itself, with the app's health when it asks for it", () => {
        const [https] = listenersOf({ front: Front.NetworkLoadBalancer, healthCheckPath: "/up" });
        const [health] = connectionsOf(https).http_filters;
        expect(health.name).to.equal("envoy.filters.http.health_check");
        expect(health.disabled).to.equal(true); // but on its route: it costs other requests nothing
        expect(health.typed_config.headers).to.deep.equal([
            { name: ":path", string_match: { exact: sidecarHealthPath } },
        ]);
        expect(health.typed_config.cluster_min_healthy_percentages).to.deep.equal({ app: { value: 1 } });
        const [route, toApp] = connectionsOf(https).route_config.virtual_hosts[0].routes;
        expect(route).to.deep.equal({
            match: { path: sidecarHealthPath },
            direct_response: { status: 404 },
            typed_per_filter_config: {
                [health.name]: { "@type": "type.googleapis.com/envoy.config.route.v3.FilterConfig", config: {} },
            },
        });
        expect(toApp).to.have.property("match").that.deep.equals({ prefix: "/" });
        const [direct] = listenersOf({});
        expect(connectionsOf(direct).http_filters.map(({ name }) => name)).to.deep.equal(["envoy.filters.http.router"]);
    });

    it("redirects to the port that clients see", () => {
        const portOf = (options: Partial<EnvoyBootstrapOptions>): unknown => {
            const [, http] = listenersOf({ httpPort: 8081, ...options });
            return connectionsOf(http).route_config.virtual_hosts[0].routes[0].redirect.port_redirect;
        };
        expect(portOf({})).to.equal(8443);
        expect(portOf({ publicHttpsPort: 443 })).to.be.undefined;
        expect(portOf({ publicHttpsPort: 444 })).to.equal(444);
    });

    it("has an admin interface only when asked, as a socket, and of it only what a probe and a drain need", () => {
        expect(bootstrapOf({})).not.to.have.property("admin");
        expect(bootstrapOf({ admin: true }).admin).to.deep.equal({
            address: { pipe: { path: adminSocket, mode: 384 } },
            ignore_global_conn_limit: true,
            allow_paths: [
                { exact: "/ready" },
                { exact: "/certs" },
                { prefix: "/stats" },
                { prefix: "/healthcheck/" },
                { prefix: "/drain_listeners" },
            ],
        });
    });
});
