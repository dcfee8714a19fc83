import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { ManagedProcess, Processes } from "../../machine/processes";

/** The Envoy that carries a load balancer's traffic, configured by files. */
export interface Proxy {
    /** Makes these its configuration; what has not changed is left alone. */
    configure(files: ReadonlyMap<string, readonly object[]>): void;
    /** What a target has at hand; undefined until Envoy knows that it is draining. */
    loadAt(cluster: string, address: string, port: number): Promise<TargetLoad | undefined>;
    /** Whether it has said anything lately: one that is held says nothing, whoever asks. */
    answers(): boolean;
    stop(): Promise<void>;
}

export interface TargetLoad {
    /** Requests, or connections, under way. */
    readonly active: number;
    /** All that it ever got, connections that are only being opened among them. */
    readonly total: number;
}

export interface ProxyOptions {
    readonly processes: Processes;
    readonly envoy: string;
    readonly name: string;
    readonly directory: string;
    readonly log: (text: string) => void;
}

export function processName(loadBalancerName: string): string {
    return `balancers/${loadBalancerName}`;
}

/** How often it is looked at, in milliseconds, and how many looks in a row without an answer make it silent. */
const [lookEveryMs, silentLooks] = [5_000, 2];

export function startProxy({ processes, envoy, name, directory, log }: ProxyOptions): Proxy {
    const socketPath = join(directory, "admin.sock");
    const written = new Map<string, string>();
    mkdirSync(directory, { recursive: true });
    configure(
        new Map([
            ["clusters.json", []],
            ["listeners.json", []],
        ]),
    );

    /** Envoy notices a file when it is moved into place, and never sees half of one. */
    function configure(files: ReadonlyMap<string, readonly object[]>): void {
        for (const [file, resources] of files) {
            const text = JSON.stringify({ resources });
            if (written.get(file) !== text) {
                const temporary = join(directory, `${file}.new`);
                writeFileSync(temporary, text, { mode: 0o600 });
                renameSync(temporary, join(directory, file));
                written.set(file, text);
            }
        }
    }

    const source = (file: string) => ({
        path_config_source: { path: join(directory, file) },
        resource_api_version: "V3",
    });
    const bootstrap = {
        node: { id: name, cluster: "load-balancers" },
        admin: { address: { pipe: { path: socketPath } } },
        dynamic_resources: { cds_config: source("clusters.json"), lds_config: source("listeners.json") },
    };
    const started: Promise<ManagedProcess | undefined> = processes
        .start({
            name: processName(name),
            command: envoy,
            args: [
                ...["--config-yaml", JSON.stringify(bootstrap)],
                ...["--concurrency", "1"],
                "--disable-hot-restart",
                ...["--log-level", "warning"],
                ...["--file-flush-interval-msec", "100"],
            ],
            env: {},
            cwd: directory,
            ready: () => ask(socketPath, "/ready").then(Boolean),
        })
        .catch((error: Error) => {
            log(`Load balancer ${name}: ${error.message}`);
            return undefined;
        });

    const looks = { silent: 0, ended: new AbortController() };
    const lookAtIt = async (): Promise<void> => {
        const { signal } = looks.ended;
        while (!signal.aborted) {
            const answer = await Promise.race([
                ask(socketPath, "/ready"),
                delay(lookEveryMs, undefined, { ref: false }),
            ]);
            looks.silent = answer === undefined ? looks.silent + 1 : 0;
            await delay(lookEveryMs, undefined, { signal, ref: false }).catch(() => undefined);
        }
    };
    void started.then(lookAtIt);

    return {
        configure,
        answers: () => looks.silent < silentLooks,
        async loadAt(cluster, address, port) {
            const text = await ask(socketPath, "/clusters?format=json");
            const { cluster_statuses = [] } = JSON.parse(text ?? "{}") as { cluster_statuses?: ClusterStatus[] };
            const host = cluster_statuses
                .find((status) => status.name === cluster)
                ?.host_statuses?.find(
                    ({ address: { socket_address: at } }) => at.address === address && at.port_value === port,
                );
            if (host?.health_status.eds_health_status !== "DRAINING") {
                return undefined;
            }
            const count = (name: string) => Number(host.stats.find((stat) => stat.name === name)?.value ?? 0);
            return { active: count("rq_active"), total: count("rq_total") + count("cx_total") };
        },
        async stop() {
            looks.ended.abort();
            await (await started)?.stop(0);
            rmSync(directory, { recursive: true, force: true });
        },
    };
}

interface ClusterStatus {
    readonly name: string;
    readonly host_statuses?: readonly {
        readonly address: { readonly socket_address: { readonly address: string; readonly port_value: number } };
        readonly health_status: { readonly eds_health_status: string };
        readonly stats: readonly { readonly name: string; readonly value?: string }[];
    }[];
}

/** undefined when there is no answer, or it is not 200. */
export function ask(socketPath: string, path: string): Promise<string | undefined> {
    return new Promise((resolve) => {
        request({ socketPath, path }, (response) => {
            const chunks: Buffer[] = [];
            response.on("data", (chunk: Buffer) => chunks.push(chunk));
            response.once("end", () =>
                resolve(response.statusCode === 200 ? Buffer.concat(chunks).toString() : undefined),
            );
        })
            .once("error", () => resolve(undefined))
            .end();
    });
}
