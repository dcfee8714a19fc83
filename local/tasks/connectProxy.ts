// The proxy that ECS Service Connect adds to a task: an Envoy, by which it calls other services at their names.
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { accepts } from "../machine/processes";
import type { ManagedProcess, Processes } from "../machine/processes";
import { replaceFile } from "../machine/replaceFile";
import type { NetworkInterface } from "./networkInterfaces";
import { reachResource } from "./reach";

/** A name that a task may call, and who answers there. */
export interface CalledName {
    readonly name: string;
    readonly port: number;
    /** "http", "http2" or "grpc"; undefined: connections are passed on. */
    readonly protocol: string | undefined;
    /** For a whole request; 0: as long as it takes. */
    readonly timeoutSeconds: number;
    readonly endpoints: () => readonly { readonly address: string; readonly port: number }[];
}

export interface CalledNames {
    readonly names: readonly CalledName[];
    /** Is told whenever endpoints may have changed; gives what ends that. */
    readonly onChange: (listener: () => void) => () => void;
}

export interface ConnectProxy {
    /** The task's own names, each with the address at which the proxy stands for it; on AWS in its /etc/hosts. */
    readonly hosts: Readonly<Record<string, string>>;
    stop(): Promise<void>;
}

export interface ConnectProxyOptions {
    readonly processes: Processes;
    readonly envoy: string;
    /** Of the process. */
    readonly name: string;
    readonly directory: string;
    /** Of the task: nobody else uses its proxy, and whom it calls sees this address. */
    readonly address: NetworkInterface["address"];
    readonly newAddress: () => string;
}

type Json = Readonly<Record<string, unknown>>;

/** Resolves once it takes connections. */
export async function startConnectProxy(
    { processes, envoy, name, directory, address, newAddress }: ConnectProxyOptions,
    { names, onChange }: CalledNames,
): Promise<ConnectProxy> {
    const hosts = Object.fromEntries(
        [...new Set(names.map((called) => called.name))].map((one) => [one, newAddress()]),
    );
    mkdirSync(directory, { recursive: true });
    const fileOf = (called: CalledName): string => join(directory, `${clusterOf(called)}.json`);
    const written = new Map<CalledName, string>();
    const write = (): void =>
        names.forEach((called) => {
            const text = JSON.stringify({ resources: [assignment(called)] });
            if (written.get(called) !== text) {
                written.set(called, text);
                replaceFile(fileOf(called), text);
            }
        });
    write();
    const bootstrap = {
        node: { id: name, cluster: "service-connect" },
        static_resources: {
            listeners: names.map((called) => listener(called, hosts[called.name], address)),
            clusters: names.map((called) => cluster(called, fileOf(called), address)),
        },
    };
    const [{ name: first, port }] = names;
    const started = await processes.start({
        ...{ name, command: envoy, env: {}, cwd: directory },
        args: [
            ...["--config-yaml", JSON.stringify(bootstrap)],
            ...["--concurrency", "1"],
            "--disable-hot-restart",
            ...["--log-level", "warning"],
        ],
        ready: accepts(port, hosts[first]),
    });
    const end = onChange(write);
    return { hosts, stop: () => stop(started, end) };
}

async function stop(started: ManagedProcess, end: () => void): Promise<void> {
    end();
    await started.stop(0);
}

function clusterOf({ name, port }: CalledName): string {
    return `${name}-${port}`;
}

function typed(type: string, config: Json): Json {
    return { "@type": `type.googleapis.com/${type}`, ...config };
}

function at(address: string, port_value: number): Json {
    return { socket_address: { address, port_value } };
}

function assignment(called: CalledName): Json {
    const lb_endpoints = called.endpoints().map(({ address, port }) => ({ endpoint: { address: at(address, port) } }));
    return typed("envoy.config.endpoint.v3.ClusterLoadAssignment", {
        cluster_name: clusterOf(called),
        endpoints: [{ lb_endpoints }],
    });
}

function cluster(called: CalledName, path: string, address: string): Json {
    const type = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
    const isHttp2 = called.protocol === "http2" || called.protocol === "grpc";
    return {
        name: clusterOf(called),
        type: "EDS",
        eds_cluster_config: { eds_config: { path_config_source: { path }, resource_api_version: "V3" } },
        connect_timeout: "5s",
        lb_policy: "ROUND_ROBIN",
        upstream_bind_config: { source_address: { address, port_value: 0 } },
        ...(isHttp2 && {
            typed_extension_protocol_options: {
                [type]: typed(type, { explicit_http_config: { http2_protocol_options: {} } }),
            },
        }),
    };
}

function listener(called: CalledName, host: string, address: string): Json {
    const { name: filter, typed_config } = reachResource([`${address}/32`]);
    const onlyTheTask = { name: filter, typed_config };
    return {
        name: clusterOf(called),
        address: at(host, called.port),
        filter_chains: [
            { filters: [onlyTheTask, called.protocol === undefined ? connections(called) : requests(called)] },
        ],
    };
}

function connections(called: CalledName): Json {
    return {
        name: "envoy.filters.network.tcp_proxy",
        typed_config: typed("envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy", {
            stat_prefix: clusterOf(called),
            cluster: clusterOf(called),
        }),
    };
}

/** As AWS says: two more attempts where no connection comes about, at other tasks (AmazonECS/latest/developerguide/service-connect-concepts.html). */
function requests(called: CalledName): Json {
    const route = {
        cluster: clusterOf(called),
        timeout: `${called.timeoutSeconds}s`,
        retry_policy: {
            retry_on: "connect-failure,refused-stream",
            num_retries: 2,
            retry_host_predicate: [
                {
                    name: "envoy.retry_host_predicates.previous_hosts",
                    typed_config: typed("envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate", {}),
                },
            ],
            host_selection_retry_max_attempts: 3,
        },
    };
    return {
        name: "envoy.filters.network.http_connection_manager",
        typed_config: typed("envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager", {
            stat_prefix: clusterOf(called),
            route_config: {
                virtual_hosts: [{ name: called.name, domains: ["*"], routes: [{ match: { prefix: "/" }, route }] }],
            },
            upgrade_configs: [{ upgrade_type: "websocket" }],
            http_filters: [
                {
                    name: "envoy.filters.http.router",
                    typed_config: typed("envoy.extensions.filters.http.router.v3.Router", {}),
                },
            ],
        }),
    };
}
