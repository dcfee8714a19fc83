// What a request costs an Envoy in instructions of its own, which no other work on the machine changes. Counted by Valgrind's callgrind; what
// the kernel does for it is not in it.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import * as http2 from "node:http2";
import { Agent, get } from "node:https";
import type { LookupFunction } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";

import { createProcesses, Processes } from "../local/machine/processes";
import {
    Certificate,
    hostname,
    makeCertificate,
    shapes,
    startApp,
    startPlainEnvoy,
    startSidecar,
} from "./proxyServers";
import { printTable } from "./table";

const requests = 300;
const handshakes = 60;

type Load = (port: number, count: number) => Promise<void>;

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
            `Instructions of the worker thread for one request over one kept connection, and for one connection (TLS 1.3, full handshake); ${requests} and ${handshakes} of them.`,
        );
        printTable(
            ["", "HTTP/1.1", "of plain", "HTTP/2", "of plain", "connection", "of plain"],
            counts.map((row, index) => [
                names[index] ?? "Envoy, plain default",
                ...row.flatMap((count, column) => [String(count), (count / counts[0][column]).toFixed(3)]),
            ]),
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

/** One Envoy for all three, as it takes long to start under Valgrind. */
async function countsOf(
    processes: Processes,
    appPort: number,
    certificate: Certificate,
    shape: string | undefined,
): Promise<number[]> {
    const results = mkdtempSync(join(processes.directory, "counts-"));
    const wrapper = ["valgrind", "--tool=callgrind", "--separate-threads=yes", "--instr-atstart=no"];
    wrapper.push(`--callgrind-out-file=${join(results, "count")}`);
    const { url, process } =
        shape === undefined
            ? await startPlainEnvoy(processes, appPort, certificate, { wrapper })
            : await startSidecar(processes, appPort, certificate, { name: shape, wrapper });
    const port = Number(new URL(url).port);
    const tell = (...command: string[]): unknown => execFileSync("vgdb", [`--pid=${process.pid}`, ...command]);
    tell("instrumentation", "on");
    const counts: number[] = [];
    for (const [load, count] of [
        [http1, requests],
        [overHttp2, requests],
        [connections, handshakes],
    ] as const satisfies readonly (readonly [Load, number])[]) {
        await load(port, count / 10); // warm
        tell("zero");
        await load(port, count);
        readdirSync(results).forEach((file) => rmSync(join(results, file)));
        tell("dump");
        const all = readdirSync(results).map((file) =>
            Number(/^totals: (\d+)/m.exec(readFileSync(join(results, file), "utf8"))?.[1] ?? 0),
        );
        counts.push(Math.round(Math.max(...all) / count)); // the worker: other threads do next to nothing
    }
    await process.stop();
    return counts;
}

const headers = {
    "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    accept: "text/html,application/xhtml+xml",
    "accept-language": "en",
    "accept-encoding": "gzip, deflate, br",
    cookie: "session=0123456789abcdef",
};

const trust = { servername: hostname, rejectUnauthorized: false }; // a server of ours on the loopback

const http1: Load = async (port, count) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1, ...trust });
    for (let index = 0; index < count; index++) {
        await new Promise<void>((resolve, reject) => {
            const options = {
                host: "127.0.0.1",
                port,
                path: "/bench?a=b",
                agent,
                headers: { host: hostname, ...headers },
            };
            get(options, (response) => {
                response.resume().once("end", resolve);
                if (response.statusCode !== 200) {
                    reject(new Error(`status ${response.statusCode}`));
                }
            }).once("error", reject);
        });
    }
    agent.destroy();
};

const overHttp2: Load = async (port, count) => {
    const lookup: LookupFunction = (_name, _options, callback) => callback(null, [{ address: "127.0.0.1", family: 4 }]);
    const session = http2.connect(`https://${hostname}:${port}`, { ...trust, lookup });
    for (let index = 0; index < count; index++) {
        await new Promise<void>((resolve, reject) => {
            const stream = session.request({ ":path": "/bench?a=b", ...headers });
            stream.once("response", ({ ":status": status }) => {
                if (status !== 200) {
                    reject(new Error(`status ${status}`));
                }
            });
            stream.resume().once("end", resolve).once("error", reject);
        });
    }
    await new Promise<void>((resolve) => session.close(resolve));
};

const connections: Load = async (port, count) => {
    for (let index = 0; index < count; index++) {
        await new Promise<void>((resolve, reject) => {
            const socket = connect({ host: "127.0.0.1", port, ...trust, ALPNProtocols: ["http/1.1"] }, () =>
                socket.end(),
            );
            socket.resume().once("close", resolve).once("error", reject);
        });
    }
};
