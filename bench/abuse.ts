// What the sidecar of the smallest task takes while clients mean harm, and what honest ones notice meanwhile. `SECONDS=10` for less than a minute each.
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { createProcesses, Processes } from "../local/machine/processes";
import { OpenConnection, Opener, openHttp1, openHttp2, openWebSocket, Served } from "../tests/support/connections";
import { Abuse, abuses } from "./abuses";
import type { Job } from "./attacker";
import { hostname } from "./clients";
import { cpuSeconds, memoryOf } from "./processFigures";
import { Certificate, makeCertificate, startApp, startSidecar } from "./proxyServers";
import { percentile, printTable } from "./table";

const seconds = Number(process.env.SECONDS ?? 60);
/** Between two requests of an honest client. */
const pauseMs = 50;

interface Notice {
    /** Milliseconds of each request that was answered with 200. */
    readonly kept: number[];
    readonly fresh: number[];
    /** Requests that were not, and connections that could not be made. */
    failed: number;
}

export async function abuse(): Promise<void> {
    const chosen = process.env.ABUSES?.split(",") ?? Object.keys(abuses);
    const directory = mkdtempSync(join(tmpdir(), "taskgate-bench-"));
    const processes = createProcesses(directory);
    try {
        const certificate = await makeCertificate();
        const rows = [await rowOf(processes, certificate, undefined)];
        for (const name of chosen) {
            rows.push(await rowOf(processes, certificate, name as Abuse));
        }
        console.log(
            `${seconds} s each, with an Envoy and an app of its own; the attacker has what the others leave of ${cpus().length} cores (SCHED_IDLE).\n` +
                `Honest clients ask every ${pauseMs} ms: over kept connections (HTTP/1.1, HTTP/2, WebSocket), and over a new one each time.`,
        );
        printTable(
            [
                ...["980 clients, or 50 again and again, that", "connections", "most MiB", "of", "CPU"],
                ...["kept p50 ms", "p99", "new p50 ms", "p99", "failed", "restarts"],
            ],
            rows,
        );
    } finally {
        await processes.stop();
        rmSync(directory, { recursive: true });
    }
}

async function rowOf(processes: Processes, certificate: Certificate, name: Abuse | undefined): Promise<string[]> {
    const app = await startApp(processes);
    const sidecar = await startSidecar(processes, app.port, certificate);
    let restarts = 0;
    void sidecar.process.exited.then(() => restarts++);
    const served: Served = { port: sidecar.port, hostname, ca: certificate.ca };
    const notice: Notice = { kept: [], fresh: [], failed: 0 };
    const end = new AbortController();
    const honest = [openHttp1, openHttp2, openWebSocket].map((open) => keep(open, served, notice, end.signal));
    honest.push(comeAgain(served, notice, end.signal));
    await delay(500); // they are there before
    const before = cpuSeconds(sidecar.process.pid);
    const attacker = name && startAttacker({ abuse: name, served });
    await delay(seconds * 1_000);
    const cpu = (cpuSeconds(sidecar.process.pid) - before) / seconds;
    end.abort();
    await Promise.all(honest);
    await attacker?.stop();
    const most = memoryOf(sidecar.process.pid, "VmHWM");
    const died = restarts;
    await Promise.all([sidecar.process.stop(), app.process.stop()]);
    const asked = notice.kept.length + notice.fresh.length + notice.failed;
    return [
        name === undefined ? "(nobody)" : abuses[name].what,
        String(attacker?.opened() ?? 0),
        most.toFixed(0),
        String(sidecar.memory),
        `${(100 * cpu).toFixed(0)} %`,
        ...[notice.kept, notice.fresh].flatMap((times) =>
            [0.5, 0.99].map((share) => percentile(times, share).toFixed(1)),
        ),
        `${notice.failed} of ${asked}`,
        String(died),
    ];
}

/** Who floods from elsewhere takes no CPU of the task: Linux gives it here what others leave, and takes it back at once (SCHED_IDLE). */
const idle = ["chrt", "--idle", "0"];

function startAttacker(job: Job): { readonly opened: () => number; readonly stop: () => Promise<void> } {
    const [execPath, ...words] = [...idle, process.execPath, "-r", "ts-node/register/transpile-only"];
    const attacker = fork(join(__dirname, "attacker.ts"), [JSON.stringify(job)], { execPath, execArgv: words });
    const exited = once(attacker, "exit");
    let opened = 0;
    attacker.on("message", (count: number) => (opened = count));
    return {
        opened: () => opened,
        async stop() {
            attacker.kill("SIGKILL");
            await exited;
        },
    };
}

/** Asks over one connection, and makes another when that is lost. */
async function keep(open: Opener, served: Served, notice: Notice, signal: AbortSignal): Promise<void> {
    let connection: OpenConnection | undefined;
    while (!signal.aborted) {
        try {
            connection ??= await within(open(served));
            const started = performance.now();
            await within(connection.ask());
            notice.kept.push(performance.now() - started);
        } catch {
            notice.failed++;
            connection?.close();
            connection = undefined;
        }
        await delay(pauseMs);
    }
    connection?.close();
}

/** Asks over a new connection each time: its handshake is in the time. */
async function comeAgain(served: Served, notice: Notice, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
        try {
            const started = performance.now();
            const { close } = await within(openHttp1(served));
            notice.fresh.push(performance.now() - started);
            close();
        } catch {
            notice.failed++;
        }
        await delay(pauseMs);
    }
}

/** An honest client has not waited for longer. */
async function within<T>(work: Promise<T>): Promise<T> {
    const patience = new AbortController();
    const gaveUp = delay(10_000, undefined, { signal: patience.signal }).then(() => {
        throw new Error("No answer.");
    });
    gaveUp.catch(() => undefined);
    try {
        return await Promise.race([work, gaveUp]);
    } finally {
        patience.abort();
    }
}
