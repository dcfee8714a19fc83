// What a proxy in front of the app costs: CPU time of each shape, side by side; its rates and latency; and the memory of our sidecar.
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";

import { sidecarSize } from "../components/internal/envoy/sidecarSize";
import { taskSizes } from "../components/internal/task/taskSize";
import { createProcesses, Processes } from "../local/machine/processes";
import { openConnections, openHttp1, openHttp2, openWebSocket } from "../tests/support/connections";
import { Client, hostname, OpenClient, overHttp1, overHttp2, overNewConnections, overWebSockets } from "./clients";
import { cpuSeconds, memoryOf, proportionalMemoryOf } from "./processFigures";
import {
    Certificate,
    makeCertificate,
    MeasuredServer,
    shapes,
    startApp,
    startHaProxy,
    startNginx,
    startPlainEnvoy,
    startPlainTraefik,
    startSidecar,
    startTraefik,
    withPrograms,
} from "./proxyServers";
import { median, percentile, printTable, spread } from "./table";

const rounds = Number(process.env.ROUNDS ?? 9);
/**
 * A round asks each server for a part of its load in turn, so often: what else the machine does meets all alike, and
 * each is asked again before ours closes idle connections to the app (4 s).
 */
const turns = 6;
const lonelyRequests = 1_000;

interface Load {
    readonly name: string;
    /** How many requests, connections or messages a round has. */
    readonly count: number;
    readonly open: OpenClient;
}

const loads: readonly Load[] = [
    { name: "HTTP/1.1", count: 6_000, open: overHttp1(50) },
    { name: "HTTP/2", count: 6_000, open: overHttp2(5, 10) },
    { name: "1 MiB", count: 60, open: overHttp1(10, "/large") },
    { name: "connection", count: 240, open: overNewConnections(10) },
    { name: "message", count: 6_000, open: overWebSockets(10) },
];

/** Of one load in one round. */
interface Figures {
    /** CPU milliseconds of the server for a thousand. */
    readonly cpu: number;
    readonly perSecond: number;
}

interface Row {
    readonly server: MeasuredServer;
    /** Whose figures of the same round are 1.00. */
    readonly plain: MeasuredServer;
    /** By load, over connections that are kept from round to round. */
    readonly clients: ReadonlyMap<Load, Client>;
    readonly lonely: Client;
    readonly figures: ReadonlyMap<Load, Figures[]>;
    /** Milliseconds that one client alone waits, each round's. */
    readonly p50: number[];
    readonly p99: number[];
}

export async function proxy(): Promise<void> {
    const directory = mkdtempSync(join(tmpdir(), "taskgate-bench-"));
    const processes = createProcesses(directory);
    try {
        const certificate = await makeCertificate();
        await costs(processes, certificate);
        await memory(processes, certificate);
    } finally {
        await processes.stop();
        rmSync(directory, { recursive: true });
    }
}

async function costs(processes: Processes, certificate: Certificate): Promise<void> {
    const app = await startApp(processes);
    let rows: Row[] = [];
    for (let round = 0; round < rounds; round++) {
        rows = await startAll(processes, app.port, certificate, rows);
        for (const { clients } of rows) {
            for (const [{ count }, { ask }] of clients) {
                await ask(count / turns); // warm
            }
        }
        for (const load of loads) {
            for (const [row, figures] of await inTurns(rows, load)) {
                row.figures.get(load)!.push(figures);
            }
        }
        for (const { lonely, p50, p99 } of rows) {
            const times = await lonely.ask(lonelyRequests);
            p50.push(percentile(times, 0.5));
            p99.push(percentile(times, 0.99));
        }
        rows.forEach(({ clients, lonely }) => [...clients.values(), lonely].forEach(({ close }) => close()));
        await Promise.all(rows.map(({ server }) => server.process.stop()));
    }
    await app.process.stop();

    console.log(
        `${rounds} rounds, each load in ${turns} parts with each server in turn; median (least–most), and the median of the rounds' ratios to plain Envoy. TLS 1.3. A round has ${loads
            .map(({ name, count }) => `${count} × ${name}`)
            .join(", ")}:\n` +
            `requests of 1 kB over 50 kept connections, and over 5 with 10 at once; 1 MiB over 10; new connections with a request each, 10 at once; WebSocket messages there and back over 10.\n` +
            `Load, proxy and app share ${cpus().length} cores. CPU milliseconds of the proxy for 1,000:`,
    );
    printTable(
        ["", ...loads.flatMap(({ name }) => [name, "of plain"])],
        rows.map((row) => [
            row.server.name,
            ...loads.flatMap((load) => [spread(of(row, load, "cpu")), ratio(rows, row, (any) => of(any, load, "cpu"))]),
        ]),
    );
    console.log("\nA second, and milliseconds of one client alone that asks again and again over HTTP/1.1:");
    printTable(
        ["", ...loads.map(({ name }) => `${name}/s`), "p50 ms", "of plain", "p99 ms", "of plain"],
        rows.map((row) => [
            row.server.name,
            ...loads.map((load) => median(of(row, load, "perSecond")).toFixed(0)),
            ...[spread(row.p50, 2), ratio(rows, row, (any) => any.p50)],
            ...[spread(row.p99, 2), ratio(rows, row, (any) => any.p99)],
        ]),
    );
}

function of({ figures }: Row, load: Load, figure: keyof Figures): number[] {
    return figures.get(load)!.map((each) => each[figure]);
}

/** Of what both had in the same round: what else the machine did then, it did to both. */
function ratio(rows: readonly Row[], row: Row, figuresOf: (row: Row) => number[]): string {
    const base = figuresOf(rows.find(({ server }) => server === row.plain)!);
    return median(figuresOf(row).map((value, round) => value / base[round])).toFixed(2);
}

/** Anew in each round, as where a process has its memory makes some percent; `earlier`: the rows of the round before, whose figures they go on with. */
async function startAll(
    processes: Processes,
    appPort: number,
    certificate: Certificate,
    earlier: readonly Row[],
): Promise<Row[]> {
    const rows: Row[] = [];
    const add = async (server: MeasuredServer, plain = server): Promise<MeasuredServer> => {
        const port = Number(new URL(server.url).port);
        const clients = await Promise.all(loads.map(async (load) => [load, await load.open(port)] as const));
        const none = { figures: new Map(loads.map((load) => [load, []])), p50: [], p99: [] };
        const { figures, p50, p99 } = earlier[rows.length] ?? none;
        rows.push({
            ...{ server, plain, clients: new Map(clients), lonely: await overHttp1(1)(port) },
            ...{ figures, p50, p99 },
        });
        return server;
    };
    const plain = await add(await startPlainEnvoy(processes, appPort, certificate));
    for (const name of Object.keys(shapes)) {
        await add(await startSidecar(processes, appPort, certificate, { name }), plain);
    }
    const two = await startPlainEnvoy(processes, appPort, certificate, { concurrency: 2 });
    await add({ ...two, name: `${two.name}, 2 threads` });
    const direct = await startSidecar(processes, appPort, certificate, { taskCpu: 2048 });
    await add({ ...direct, name: `${direct.name}, 2 threads` }, rows.at(-1)!.server);
    await add(await startPlainTraefik(processes, appPort, certificate), plain);
    await add(await startTraefik(processes, appPort, certificate), plain);
    for (const [program, start] of Object.entries({ nginx: startNginx, haproxy: startHaProxy })) {
        if (spawnSync(program, ["-v"], { env: withPrograms }).error === undefined) {
            await add(await start(processes, appPort, certificate), plain);
        } else {
            console.log(`Skipped: ${program} is not installed (Debian's packages nginx-light and haproxy).`);
        }
    }
    return rows;
}

/** Who comes after itself, or after its like, finds the processor's caches warm: nobody does more often than others. */
function shuffled(rows: readonly Row[]): Row[] {
    return rows
        .map((row) => ({ row, order: Math.random() }))
        .sort((one, other) => one.order - other.order)
        .map(({ row }) => row);
}

/** One round of a load. */
async function inTurns(rows: readonly Row[], load: Load): Promise<Map<Row, Figures>> {
    const had = new Map(rows.map((row) => [row, { cpu: 0, wall: 0 }]));
    for (let turn = 0; turn < turns; turn++) {
        for (const row of shuffled(rows)) {
            const { pid } = row.server.process;
            const [cpu, started, sums] = [cpuSeconds(pid), performance.now(), had.get(row)!];
            await row.clients.get(load)!.ask(load.count / turns);
            sums.wall += (performance.now() - started) / 1_000;
            sums.cpu += cpuSeconds(pid) - cpu;
        }
    }
    return new Map(
        Array.from(had, ([row, { cpu, wall }]) => [
            row,
            { cpu: (cpu / load.count) * 1e6, perSecond: load.count / wall },
        ]),
    );
}

/** A thousand connections at the smallest and the largest size that a task can have. */
async function memory(processes: Processes, certificate: Certificate): Promise<void> {
    const kinds = [
        [700, openHttp1],
        [200, openHttp2],
        [100, openWebSocket],
    ] as const;
    const rows: string[][] = [];
    for (const { cpu: taskCpu } of [taskSizes[0], taskSizes[taskSizes.length - 1]]) {
        const app = await startApp(processes);
        const sidecar = await startSidecar(processes, app.port, certificate, { taskCpu });
        const { pid } = sidecar.process;
        const size = `${taskCpu / 1024} vCPU, ${sidecarSize(taskCpu).concurrency} threads`;
        const add = (state: string): unknown =>
            rows.push([
                `${size}, ${state}`,
                ...[
                    memoryOf(pid, "VmRSS"),
                    memoryOf(pid, "VmHWM"),
                    proportionalMemoryOf(pid),
                    memoryOf(pid, "RssAnon"),
                ].map((mebibytes) => mebibytes.toFixed(1)),
                String(sidecar.memory),
            ]);
        add("at rest");
        const served = { port: sidecar.port, hostname, ca: certificate.ca };
        const open = await openConnections(served, kinds);
        add(`${open.length} connections`);
        open.forEach(({ close }) => close());
        await Promise.all([sidecar.process.stop(), app.process.stop()]);
    }
    console.log(
        `\nMemory of our sidecar, MiB. Of 1,000 connections ${kinds[0][0]} by HTTP/1.1, ${kinds[1][0]} by HTTP/2, ${kinds[2][0]} WebSockets, each served once.`,
    );
    printTable(["", "RSS", "most RSS", "PSS", "anonymous", "container"], rows);
}
