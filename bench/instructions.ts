// What a request costs an Envoy in instructions of its own, which no other work on the machine changes. Counted by Valgrind's callgrind; what
// the kernel does for it is not in it.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { sidecarSize } from "../components/internal/envoy/sidecarSize";
import { createProcesses, Processes } from "../local/machine/processes";
import { handshakes, OpenClient, overHttp1, overHttp2 } from "./clients";
import {
    Certificate,
    makeCertificate,
    MeasuredServer,
    shapes,
    startApp,
    startPlainEnvoy,
    startSidecar,
} from "./proxyServers";
import { printTable } from "./table";

const requests = 300;
const largeAnswers = 20;
const connections = 60;
/** Enough for the kernel to spread them evenly over four threads. */
const spreadHandshakes = 600;

export async function instructions(): Promise<void> {
    if (!isInstalled("valgrind")) {
        console.log("Skipped: valgrind is not installed.");
        return;
    }
    const directory = mkdtempSync(join(tmpdir(), "taskgate-bench-"));
    const processes = createProcesses(directory);
    try {
        const certificate = await makeCertificate();
        const app = await startApp(processes);
        const names = [undefined, ...Object.keys(shapes)];
        const counts: number[][] = [];
        for (const name of names) {
            counts.push(await countsOf(processes, app.port, certificate, name));
        }
        console.log(
            `Instructions of the worker thread for one request over one kept connection, for 1 MiB over HTTP/1.1, and for one connection (TLS 1.3, full handshake); ${requests}, ${largeAnswers} and ${connections} of them.`,
        );
        printTable(
            ["", ...["HTTP/1.1", "HTTP/2", "1 MiB", "connection"].flatMap((column) => [column, "of plain"])],
            counts.map((row, index) => [
                names[index] ?? "Envoy, plain default",
                ...row.flatMap((count, column) => [String(count), (count / counts[0][column]).toFixed(3)]),
            ]),
        );

        const sizes = [1024, 4096];
        const spreads: number[][] = [];
        for (const taskCpu of sizes) {
            spreads.push(await handshakesOf(processes, app.port, certificate, taskCpu));
        }
        const busiest = spreads.map((workers) => Math.max(...workers));
        console.log(
            `\n${spreadHandshakes} handshakes by the size of the task, in millions of instructions of each worker thread. Threads work at once: the busiest one is who ends last.`,
        );
        printTable(
            ["", "all", "a handshake", "each thread", "handshakes a second, of 1 vCPU"],
            spreads.map((workers, index) => {
                const all = workers.reduce((sum, value) => sum + value, 0);
                return [
                    `${sizes[index] / 1024} vCPU`,
                    millions(all),
                    millions(all / spreadHandshakes, 2),
                    workers.map((worker) => millions(worker)).join(", "),
                    (busiest[0] / busiest[index]).toFixed(2),
                ];
            }),
        );
    } finally {
        await processes.stop();
        rmSync(directory, { recursive: true });
    }
}

function isInstalled(program: string): boolean {
    try {
        execFileSync(program, ["--version"], { stdio: "pipe" });
        return true;
    } catch {
        return false;
    }
}

const millions = (value: number, digits = 0): string => (value / 1e6).toFixed(digits);

type Start = (wrapper: readonly string[]) => Promise<MeasuredServer>;

interface Counted {
    /** Instructions of each thread for so many, the most first. */
    readonly count: (open: OpenClient, times: number) => Promise<number[]>;
    readonly stop: () => Promise<void>;
}

/** Starts a server under Valgrind. */
async function counted(processes: Processes, start: Start): Promise<Counted> {
    const results = mkdtempSync(join(processes.directory, "counts-"));
    const callgrind = ["valgrind", "--tool=callgrind", "--separate-threads=yes", "--instr-atstart=no"];
    const { url, process } = await start([...callgrind, `--callgrind-out-file=${join(results, "count")}`]);
    const tell = (...command: string[]): unknown =>
        execFileSync("vgdb", [`--pid=${process.pid}`, ...command], { stdio: "pipe" });
    tell("instrumentation", "on");
    return {
        async count(open, times) {
            const client = await open(Number(new URL(url).port));
            await client.ask(Math.ceil(times / 10)); // warm
            tell("zero");
            await client.ask(times);
            readdirSync(results).forEach((file) => rmSync(join(results, file)));
            tell("dump");
            client.close();
            const totals = readdirSync(results).map((file) =>
                Number(/^totals: (\d+)/m.exec(readFileSync(join(results, file), "utf8"))?.[1] ?? 0),
            );
            return totals.sort((one, other) => other - one);
        },
        stop: () => process.stop(),
    };
}

/** One Envoy for all loads, as it takes long to start under Valgrind. */
async function countsOf(
    processes: Processes,
    appPort: number,
    certificate: Certificate,
    shape: string | undefined,
): Promise<number[]> {
    const { count, stop } = await counted(processes, (wrapper) =>
        shape === undefined
            ? startPlainEnvoy(processes, appPort, certificate, { wrapper })
            : startSidecar(processes, appPort, certificate, { name: shape, wrapper }),
    );
    const counts: number[] = [];
    for (const [open, times] of [
        [overHttp1(1), requests],
        [overHttp2(1, 1), requests],
        [overHttp1(1, "/large"), largeAnswers],
        [handshakes, connections],
    ] as const) {
        const [worker] = await count(open, times); // other threads do next to nothing
        counts.push(Math.round(worker / times));
    }
    await stop();
    return counts;
}

/** What each worker of a task's Envoy does for as many handshakes. */
async function handshakesOf(
    processes: Processes,
    appPort: number,
    certificate: Certificate,
    taskCpu: number,
): Promise<number[]> {
    const { count, stop } = await counted(processes, (wrapper) =>
        startSidecar(processes, appPort, certificate, { taskCpu, wrapper }),
    );
    const threads = await count(handshakes, spreadHandshakes);
    await stop();
    return threads.slice(0, sidecarSize(taskCpu).concurrency);
}
