// What a proxy in front of the app costs: requests per second, latency and CPU time of each, side by side; and the memory of our sidecar.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";

import autocannon from "autocannon";

import { sidecarSize } from "../components/internal/envoy/sidecarSize";
import { createProcesses, Processes } from "../local/machine/processes";
import { openConnections, openHttp1, openHttp2, openWebSocket } from "../tests/support/connections";
import {
    Certificate,
    hostname,
    makeCertificate,
    MeasuredServer,
    startApp,
    startPlainEnvoy,
    startSidecar,
    shapes,
    startTraefik,
} from "./proxyServers";
import { median, printTable, spread } from "./table";

const envoyLimits = sidecarSize(256);
const rounds = 9;
const connections = 50;
const saturatedSeconds = 4;
const lonelySeconds = 2;

interface Figures {
    readonly requestsPerSecond: number;
    /** Seconds of the server's processes for 1,000 requests. */
    readonly cpu: number;
    /** Milliseconds, of one client alone. */
    readonly p50: number;
    readonly p99: number;
}

export async function proxy(): Promise<void> {
    const directory = mkdtempSync(join(tmpdir(), "taskgate-bench-"));
    const processes = createProcesses(directory);
    try {
        const certificate = await makeCertificate();
        await throughput(processes, certificate);
        await memory(processes, certificate);
    } finally {
        await processes.stop();
        rmSync(directory, { recursive: true });
    }
}

async function throughput(processes: Processes, certificate: Certificate): Promise<void> {
    const app = await startApp(processes);
    const servers = [
        app,
        await startPlainEnvoy(processes, app.port, certificate),
        ...(await inTurn(Object.keys(shapes), (name) => startSidecar(processes, app.port, certificate, name))),
        await startTraefik(processes, app.port, certificate),
    ];
    const measured = new Map<MeasuredServer, Figures[]>(servers.map((server) => [server, []]));
    for (const server of servers) {
        await saturate(server, 2); // warm
    }
    for (let round = 0; round < rounds; round++) {
        for (const server of servers) {
            measured.get(server)!.push({ ...(await saturate(server, saturatedSeconds)), ...(await lonely(server)) });
        }
    }
    await Promise.all(servers.map((server) => server.process.stop()));

    console.log(
        `${rounds} rounds, each server in turn; median (least–most). ${connections} kept connections over HTTP/1.1, TLS 1.3 before each proxy.\n` +
            `The load tool, the proxy and the app share ${cpus().length} cores, so requests per second say less than CPU time does.\n` +
            `Latency as one client sees it that asks again and again, with nobody else there.`,
    );
    const of = (server: MeasuredServer, figure: keyof Figures): number[] =>
        measured.get(server)!.map((figures) => figures[figure]);
    const plain = servers[1];
    printTable(
        ["", "requests/s", "of app", "CPU s/1,000", "of plain", "p50 ms", "p99 ms"],
        servers.map((server) => [
            server.name,
            spread(of(server, "requestsPerSecond")),
            ratio(of(server, "requestsPerSecond"), of(app, "requestsPerSecond")),
            spread(of(server, "cpu"), 3),
            ratio(of(server, "cpu"), of(plain, "cpu")),
            spread(of(server, "p50"), 2),
            spread(of(server, "p99"), 2),
        ]),
    );
}

async function inTurn<T, R>(values: readonly T[], work: (value: T) => Promise<R>): Promise<R[]> {
    const results: R[] = [];
    for (const value of values) {
        results.push(await work(value));
    }
    return results;
}

function ratio(values: readonly number[], base: readonly number[]): string {
    return (median(values) / median(base)).toFixed(2);
}

/** As many requests as the server takes. */
async function saturate(server: MeasuredServer, seconds: number): Promise<Pick<Figures, "requestsPerSecond" | "cpu">> {
    const before = cpuSeconds(server.process.pid);
    const { requests, times } = await ask(server, { duration: seconds });
    const cpu = cpuSeconds(server.process.pid) - before;
    return { requestsPerSecond: requests / times.seconds, cpu: (cpu / requests) * 1_000 };
}

/** One request after another: no queue is measured. */
async function lonely(server: MeasuredServer): Promise<Pick<Figures, "p50" | "p99">> {
    const { times } = await ask(server, { duration: lonelySeconds, connections: 1 });
    const sorted = times.each.sort((one, other) => one - other);
    const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1];
    return { p50: at(0.5), p99: at(0.99) };
}

/** @throws when a request was not answered with 200 */
async function ask(
    { name, url }: MeasuredServer,
    options: Partial<autocannon.Options>,
): Promise<{ requests: number; times: { seconds: number; each: number[] } }> {
    const each: number[] = [];
    const result = await new Promise<autocannon.Result>((resolve, reject) => {
        const running = autocannon(
            {
                url: `${url}/bench`,
                connections,
                servername: hostname,
                headers: { host: hostname },
                ...options,
            },
            (error, done) => (error ? reject(error as Error) : resolve(done)),
        );
        // The tool's own percentiles are whole milliseconds.
        running.on("response", (_client, _status, _bytes, milliseconds) => each.push(milliseconds));
    });
    const { non2xx, errors, timeouts, duration } = result;
    if (non2xx + errors + timeouts > 0) {
        throw new Error(`${name}: ${non2xx} answers were not 2xx, ${errors} errors, ${timeouts} time-outs.`);
    }
    return { requests: result["2xx"], times: { seconds: duration, each } };
}

/** User and system time of a process, by the kernel's 100 ticks a second. */
function cpuSeconds(pid: number): number {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const [user, system] = stat
        .slice(stat.lastIndexOf(")") + 2)
        .split(" ")
        .slice(11, 13)
        .map(Number);
    return (user + system) / 100;
}

const kinds = [
    [envoyLimits.connections - 300, openHttp1],
    [200, openHttp2],
    [100, openWebSocket],
] as const;

async function memory(processes: Processes, certificate: Certificate): Promise<void> {
    const app = await startApp(processes);
    const sidecar = await startSidecar(processes, app.port, certificate);
    const served = { port: sidecar.port, hostname, ca: certificate.ca };
    const rows = [["at rest", ...memoryOf(sidecar.process.pid)]];
    const open = await openConnections(served, kinds);
    rows.push([`${open.length} connections, each served once`, ...memoryOf(sidecar.process.pid)]);
    const oneMore = await openHttp1(served).then(
        () => "is served",
        ({ code, message }: NodeJS.ErrnoException) => `is refused (${code ?? message})`,
    );
    open.forEach(({ close }) => close());

    console.log(
        `\nMemory of our sidecar, MiB of ${sidecar.memory}. ${kinds[0][0]} connections by HTTP/1.1, ${kinds[1][0]} by HTTP/2, ${kinds[2][0]} WebSockets.`,
    );
    printTable(["", "RSS", "most RSS", "PSS", "anonymous"], rows);
    console.log(`Connection ${envoyLimits.connections + 1} ${oneMore}.`);
    const most = statusOf(sidecar.process.pid, "VmHWM");
    console.log(
        most <= sidecar.memory
            ? `Within its limit of ${sidecar.memory} MiB: ${most.toFixed(1)} MiB at most.`
            : `ABOVE its limit of ${sidecar.memory} MiB: ${most.toFixed(1)} MiB.`,
    );
    await Promise.all([sidecar.process.stop(), app.process.stop()]);
}

function memoryOf(pid: number): string[] {
    const pss = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))?.[1];
    const all = [statusOf(pid, "VmRSS"), statusOf(pid, "VmHWM"), Number(pss) / 1024, statusOf(pid, "RssAnon")];
    return all.map((mebibytes) => mebibytes.toFixed(1));
}

/** MiB. */
function statusOf(pid: number, field: string): number {
    const text = readFileSync(`/proc/${pid}/status`, "utf8");
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(text)?.[1]) / 1024;
}
