import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { AccessLog } from "../../../../components/internal/envoy/accessLog";
import {
    adminSocket,
    envoyBootstrap,
    EnvoyBootstrapOptions,
} from "../../../../components/internal/envoy/envoyBootstrap";
import { Front } from "../../../../components/internal/envoy/front";
import { ownRoutes, routesFile } from "../../../../components/internal/envoy/routes";
import { selfSignedFiles } from "../../../../components/internal/envoy/servedCertificates";
import { envoyVersion, oldestEnvoyVersion } from "../../../../components/internal/envoy/envoyVersion";
import { projectRoot } from "../../../../local/machine/projectRoot";
import { envoyBinary } from "../../../../local/tasks/images/images";
import { writeOwnRoutes } from "../../../support/initEnvoy";
import { rsa, selfSignedWildcard } from "../../../support/wildcard";

const domain = "tasks.example.com";
const minimal: EnvoyBootstrapOptions = { httpsPort: 443, appPort: 8080, taskCpu: 256, accessLog: AccessLog.Errors };

/** What Envoy gets (JSON knows no undefined), or the value at a path deep inside, such as `static_resources.listeners.0.name`. */
function bootstrapOf(options: Partial<EnvoyBootstrapOptions>, path = ""): unknown {
    const bootstrap: unknown = JSON.parse(JSON.stringify(envoyBootstrap({ ...minimal, ...options })));
    const keys = path.split(".").filter((key) => key !== "");
    return keys.reduce((value, key) => (value as Record<string, unknown>)?.[key], bootstrap);
}

const listener = "static_resources.listeners.0";
const connections = `${listener}.filter_chains.0.filters.0.typed_config`;
const redirect = "static_resources.listeners.1";

describe("The bootstrap of Envoy", () => {
    it("takes TLS 1.2 with forward secrecy and AEAD, and TLS 1.3; its certificate is in the environment", () => {
        expect(bootstrapOf({}, `${listener}.filter_chains.0.transport_socket`)).to.deep.equal({
            name: "envoy.transport_sockets.tls",
            typed_config: {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                common_tls_context: {
                    alpn_protocols: ["h2", "http/1.1"],
                    tls_params: {
                        tls_minimum_protocol_version: "TLSv1_2",
                        tls_maximum_protocol_version: "TLSv1_3",
                        ecdh_curves: ["X25519MLKEM768", "X25519", "P-256"],
                        cipher_suites: [
                            "[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]",
                            "[ECDHE-RSA-AES128-GCM-SHA256|ECDHE-RSA-CHACHA20-POLY1305]",
                            "ECDHE-ECDSA-AES256-GCM-SHA384",
                            "ECDHE-RSA-AES256-GCM-SHA384",
                        ],
                    },
                    tls_certificates: [
                        {
                            certificate_chain: { environment_variable: "TLS_CERTIFICATE_CHAIN" },
                            private_key: { environment_variable: "TLS_PRIVATE_KEY" },
                        },
                    ],
                },
            },
        });
    });

    it("has no admin interface and no listener but those asked for", () => {
        const at = (path: string): unknown => bootstrapOf({ httpPort: 80 }, path);
        expect(Object.keys(at("") as object)).to.deep.equal([
            "node",
            "static_resources",
            "stats_config",
            "overload_manager",
            "layered_runtime",
        ]);
        const addressOf = (port_value: number): unknown => ({ socket_address: { address: "0.0.0.0", port_value } });
        expect(at("static_resources.listeners")).to.have.length(2);
        expect(at(`${listener}.address`)).to.deep.equal(addressOf(443));
        expect(at(`${redirect}.address`)).to.deep.equal(addressOf(80));
        expect(bootstrapOf({}, "static_resources.listeners")).to.have.length(1);
    });

    it("refuses work before its container is out of memory", () => {
        const heap = (value: number): unknown => [{ name: "envoy.resource_monitors.fixed_heap", threshold: { value } }];
        expect(bootstrapOf({}, "overload_manager")).to.deep.equal({
            refresh_interval: "0.02s",
            resource_monitors: [
                {
                    name: "envoy.resource_monitors.fixed_heap",
                    typed_config: {
                        "@type": "type.googleapis.com/envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig",
                        max_heap_size_bytes: 83_886_080,
                    },
                },
                {
                    name: "envoy.resource_monitors.global_downstream_max_connections",
                    typed_config: {
                        "@type":
                            "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig",
                        max_active_downstream_connections: 1000,
                    },
                },
            ],
            buffer_factory_config: { minimum_account_to_track_power_of_two: 10 },
            actions: [
                {
                    name: "envoy.overload_actions.reset_high_memory_stream",
                    triggers: [
                        {
                            name: "envoy.resource_monitors.fixed_heap",
                            scaled: { scaling_threshold: 0.65, saturation_threshold: 1 },
                        },
                    ],
                },
                {
                    name: "envoy.overload_actions.reduce_timeouts",
                    triggers: [
                        {
                            name: "envoy.resource_monitors.fixed_heap",
                            scaled: { scaling_threshold: 0.75, saturation_threshold: 0.83 },
                        },
                    ],
                    typed_config: {
                        "@type": "type.googleapis.com/envoy.config.overload.v3.ScaleTimersOverloadActionConfig",
                        timer_scale_factors: [
                            { timer: "HTTP_DOWNSTREAM_STREAM_IDLE", min_timeout: "5s" },
                            { timer: "HTTP_DOWNSTREAM_CONNECTION_IDLE", min_timeout: "5s" },
                            { timer: "TRANSPORT_SOCKET_CONNECT", min_timeout: "2s" },
                        ],
                    },
                },
                { name: "envoy.overload_actions.shrink_heap", triggers: heap(0.78) },
                { name: "envoy.overload_actions.disable_http_keepalive", triggers: heap(0.83) },
                { name: "envoy.overload_actions.stop_accepting_requests", triggers: heap(0.86) },
            ],
            loadshed_points: [
                { name: "envoy.load_shed_points.tcp_listener_accept", triggers: heap(0.86) },
                { name: "envoy.load_shed_points.http2_server_go_away_on_dispatch", triggers: heap(0.9) },
            ],
        });
    });

    it("limits what one client can take", () => {
        const at = (path: string): unknown => bootstrapOf({ httpPort: 80 }, path);
        expect(at(`${listener}.per_connection_buffer_limit_bytes`)).to.equal(32_768);
        expect(at("static_resources.clusters.0.circuit_breakers.thresholds")).to.deep.equal([
            { max_connections: 1_250, max_pending_requests: 1_000, max_requests: 2_000 },
        ]);
        expect(bootstrapOf({ front: Front.ProxyProtocol }, `${listener}.listener_filters_timeout`)).to.equal("5s");
        expect(at(`${listener}.filter_chains.0.transport_socket_connect_timeout`)).to.equal("10s");
        expect(at(connections)).to.deep.include({
            use_remote_address: true,
            normalize_path: true,
            merge_slashes: true,
            path_with_escaped_slashes_action: "UNESCAPE_AND_REDIRECT",
            request_headers_timeout: "10s",
            request_timeout: "300s",
            stream_idle_timeout: "300s",
            max_request_headers_kb: 60,
            common_http_protocol_options: {
                idle_timeout: "300s",
                max_headers_count: 100,
                headers_with_underscores_action: "REJECT_REQUEST",
            },
            http2_protocol_options: {
                max_concurrent_streams: 32,
                initial_stream_window_size: 65_536,
                initial_connection_window_size: 1_048_576,
                allow_connect: true,
                connection_keepalive: { interval: "60s", timeout: "10s" },
            },
        });
        expect(at(`${redirect}.filter_chains.0.filters.0.typed_config`)).to.deep.include({
            codec_type: "HTTP1",
            use_remote_address: true,
            request_headers_timeout: "5s",
            request_timeout: "10s",
            stream_idle_timeout: "15s",
            max_request_headers_kb: 16,
            common_http_protocol_options: { idle_timeout: "30s", headers_with_underscores_action: "REJECT_REQUEST" },
        });
        expect(at("layered_runtime.layers.0.static_layer")).to.deep.equal({
            http: { max_requests_per_io_cycle: 8 },
            overload: { premature_reset_total_stream_count: 16 },
        });
    });

    it("never cuts an answer that takes long, and gives up an idle one after an hour", () => {
        const routes = [{ match: { prefix: "/" }, route: { cluster: "app", timeout: "0s", idle_timeout: "3600s" } }];
        const hosts = bootstrapOf({}, `${connections}.route_config.virtual_hosts`);
        expect(hosts).to.deep.equal([{ name: "app", domains: ["*"], routes }]);
        const [{ virtual_hosts }] = ownRoutes(domain, minimal).resources as [{ virtual_hosts: object[] }];
        expect(virtual_hosts[0]).to.deep.equal({ name: "app", domains: [`OWN_TASK_ID.${domain}`], routes });
    });

    it("takes the routes of a task that has a domain from a file, and needs no script", () => {
        expect(bootstrapOf({ domain }, `${connections}.rds`)).to.deep.equal({
            route_config_name: "https",
            config_source: { resource_api_version: "V3", path_config_source: { path: "/run/envoy/routes.json" } },
        });
        expect(bootstrapOf({ domain }, `${connections}.http_filters`)).to.deep.equal([
            {
                name: "envoy.filters.http.router",
                typed_config: {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
                    suppress_envoy_headers: true,
                    dynamic_stats: false,
                },
            },
        ]);
    });

    it("keeps the statistics that lifecycle and the health check read, and no others", () => {
        expect(bootstrapOf({}, "stats_config")).to.deep.equal({
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
        });
    });

    it("tells clients the id of a request where each is logged", () => {
        const told = (accessLog: AccessLog): unknown =>
            bootstrapOf({ accessLog }, `${connections}.always_set_request_id_in_response`);
        expect(Object.values(AccessLog).map(told)).to.deep.equal([false, false, true]);
    });

    it("passes on no address or name that a client forged, but what an Application Load Balancer adds", () => {
        const dropped = (front?: Front): unknown =>
            bootstrapOf({ front }, `${connections}.early_header_mutation_extensions`);
        const dropping = (...matchers: object[]): unknown => [
            {
                name: "envoy.http.early_header_mutation.header_mutation",
                typed_config: {
                    "@type":
                        "type.googleapis.com/envoy.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation",
                    mutations: matchers.map((key_matcher) => ({ remove_on_match: { key_matcher } })),
                },
            },
        ];
        for (const front of [undefined, Front.NetworkLoadBalancer, Front.ProxyProtocol]) {
            expect(dropped(front)).to.deep.equal(dropping({ contains: "forwarded" }, { exact: "x-real-ip" }));
        }
        expect(dropped(Front.ApplicationLoadBalancer)).to.deep.equal(
            dropping({ exact: "forwarded" }, { exact: "x-forwarded-host" }, { exact: "x-real-ip" }),
        );
    });

    it("takes little of a task definition's 64 KiB", () => {
        const options = { httpPort: 80, domain, healthCheckPath: "/health", accessLog: AccessLog.All };
        expect(JSON.stringify(bootstrapOf(options)).length).to.be.lessThan(10 * 1024);
    });

    describe("is accepted by Envoy", () => {
        let directory: string;
        before(() => {
            directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
        });
        after(() => rmSync(directory, { recursive: true }));

        // Envoy takes 0.3 s to look at a bootstrap: it gets the listeners and clusters of all combinations in one.
        const versions = { python: envoyVersion, "oldest-envoy": oldestEnvoyVersion };
        const cases = Object.entries(versions).flatMap(([tools, version]) =>
            [false, true].map((admin) => ({ tools, version, admin })),
        );
        for (const { tools, version, admin } of cases) {
            it(`${version} in every combination of options, ${admin ? "with" : "without"} an admin interface`, async () => {
                const { certificate, privateKey } = await selfSignedWildcard(domain);
                const ofRsa = await selfSignedWildcard(domain, undefined, rsa);
                const place = (path: string): string => join(directory, path.replaceAll("/", "-"));
                writeFileSync(place(selfSignedFiles.chain), certificate);
                writeFileSync(place(selfSignedFiles.key), privateKey);
                writeOwnRoutes(directory, domain, { options: { httpsPort: 443, front: Front.ProxyProtocol } });
                const all = combinations().map((options, index) =>
                    [selfSignedFiles.chain, selfSignedFiles.key, adminSocket].reduce(
                        (text, path) => text.replaceAll(path, place(path)),
                        withNamesOfItsOwn(JSON.stringify(envoyBootstrap({ ...options, admin })), index).replaceAll(
                            routesFile,
                            join(directory, "routes.json"),
                        ),
                    ),
                );
                const bootstraps = all.map((text) => JSON.parse(text) as Bootstrap);
                expect(bootstraps).to.have.length(4 * 3 * 2 * 2 * 2 * 2 * 2);
                const file = join(directory, "bootstrap.json");
                const joined = {
                    ...bootstraps[0],
                    static_resources: {
                        listeners: bootstraps.flatMap(({ static_resources: { listeners } }) => listeners),
                        clusters: bootstraps.flatMap(({ static_resources: { clusters } }) => clusters),
                    },
                };
                writeFileSync(file, JSON.stringify(joined));
                execFileSync(
                    envoyBinary(projectRoot, tools),
                    ["--mode", "validate", "--concurrency", "1", "--log-level", "warning", "-c", file],
                    {
                        env: {
                            PATH: process.env.PATH ?? "",
                            TLS_CERTIFICATE_CHAIN: certificate,
                            TLS_PRIVATE_KEY: privateKey,
                            TLS_RSA_CERTIFICATE_CHAIN: ofRsa.certificate,
                            TLS_RSA_PRIVATE_KEY: ofRsa.privateKey,
                        },
                        stdio: "pipe", // what Envoy says is in the error
                    },
                );
            });
        }
    });
});

interface Bootstrap {
    readonly static_resources: { readonly listeners: readonly unknown[]; readonly clusters: readonly unknown[] };
}

function combinations(): EnvoyBootstrapOptions[] {
    const choices = {
        front: [undefined, ...Object.values(Front)],
        accessLog: Object.values(AccessLog),
        httpPort: [undefined, 80],
        domain: [undefined, domain],
        healthCheckPath: [undefined, "/health"],
        idleTimeout: [undefined, 120],
        selfSigned: [undefined, true],
    };
    const all = Object.entries(choices).reduce<EnvoyBootstrapOptions[]>(
        (some, [key, values]) => some.flatMap((options) => values.map((value) => ({ ...options, [key]: value }))),
        [minimal],
    );
    return all.map((options, index) => ({
        ...options,
        hasRsa: options.idleTimeout !== undefined,
        httpsPort: 1024 + index,
        httpPort: options.httpPort && 10_000 + index,
    }));
}

function withNamesOfItsOwn(bootstrap: string, index: number): string {
    return bootstrap
        .replaceAll(/"(name|cluster|cluster_name)":"(app|https|http)"/g, `"$1":"$2-${index}"`)
        .replaceAll('"app":{', `"app-${index}":{`);
}
