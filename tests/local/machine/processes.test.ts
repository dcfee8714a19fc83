import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { accepts, createProcesses, freePort } from "../../../local/machine/processes";
import type { Processes } from "../../../local/machine/processes";
import { projectRoot } from "../../../local/machine/projectRoot";
import { until } from "../../support/until";

const env = { PATH: "/usr/bin:/bin" };

function isAlive(pid: number): boolean {
    try {
        return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
    } catch {
        return false;
    }
}

async function rejection(promise: Promise<unknown>): Promise<string> {
    return promise.then(
        () => "resolved",
        (error: Error) => error.message,
    );
}

describe("processes of the local system", () => {
    let directory: string;
    let processes: Processes;

    beforeEach(() => {
        directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
        processes = createProcesses(directory);
    });
    afterEach(async () => {
        expect(await processes.stop()).to.equal(0);
        rmSync(directory, { recursive: true });
    });

    it("are started with nothing but the environment given, and log into a file of their name", async () => {
        const shell = await processes.start({
            name: "deep/shell",
            command: "/bin/sh",
            args: ["-c", "/usr/bin/env | grep -v '^PWD='; echo oops >&2; exit 4"],
            env: { GREETING: "hello" },
        });

        expect(await shell.exited).to.deep.equal({ code: 4, signal: null });
        const lines = readFileSync(join(directory, "logs", "deep", "shell.log"), "utf8")
            .trim()
            .split("\n");
        expect(lines.filter((line) => !/^(SHLVL|_|OLDPWD)=/.test(line))).to.deep.equal(["GREETING=hello", "oops"]);
    });

    it("are waited for until they are ready", async () => {
        const port = await freePort();
        const script = `setTimeout(() => require("node:net").createServer().listen(${port}, "127.0.0.1"), 100)`;
        const server = await processes.start({
            name: "server",
            command: process.execPath,
            args: ["-e", script],
            env,
            ready: accepts(port),
        });

        expect(await accepts(port)()).to.equal(true);
        await server.stop();
        expect(await accepts(port)()).to.equal(false);
    });

    it("that end before they are ready are reported with their last words", async () => {
        const message = await rejection(
            processes.start({
                name: "server",
                command: "/bin/sh",
                args: ["-c", "echo 'no such option' >&2; exit 2"],
                env,
                ready: () => Promise.resolve(false),
            }),
        );

        expect(message).to.equal(
            `server ended before it was ready (exit code 2). Its last words:\nno such option\nIts log: ${directory}/logs/server.log`,
        );
    });

    it("that do not get ready in time are ended and reported", async () => {
        const message = await rejection(
            processes.start({
                name: "server",
                command: "/bin/sh",
                args: ["-c", "echo busy; sleep 60"],
                env,
                ready: async () => {
                    await until("its first word", () => readFileSync(join(directory, "logs", "server.log"), "utf8"));
                    return false;
                },
                readyTimeoutMs: 300,
            }),
        );

        expect(message).to.equal(
            `server was not ready within 0.3 s. Its last words:\nbusy\nIts log: ${directory}/logs/server.log`,
        );
    });

    it("that do not exist are reported", async () => {
        const message = await rejection(processes.start({ name: "x", command: "/no/such/program", args: [], env }));

        expect(message).to.equal("x could not be started: spawn /no/such/program ENOENT");
    });

    it("that ignore SIGTERM are killed, with all they started", async () => {
        const shell = await processes.start({
            name: "shell",
            command: "/bin/sh",
            args: ["-c", "trap '' TERM; sleep 60 & echo $!; wait; sleep 60"],
            env,
        });
        const log = join(directory, "logs", "shell.log");
        const sleeping = Number(
            await until("the shell has started a process", () => readFileSync(log, "utf8").trim() || undefined),
        );
        expect(isAlive(sleeping)).to.equal(true);
        await shell.stop(100);

        expect(await shell.exited).to.deep.equal({ code: null, signal: "SIGKILL" });
        await until("its child has ended", () => !isAlive(sleeping));
    });

    it("end when the main process is killed", async () => {
        const program = `
            const { createProcesses } = require(${JSON.stringify(join(projectRoot, "local/machine/processes.ts"))});
            const processes = createProcesses(${JSON.stringify(directory)});
            const shell = (name) => processes.start({
                name, command: "/bin/sh", args: ["-c", "trap '' TERM HUP; sleep 60 & wait; sleep 60"], env: { PATH: "/usr/bin:/bin" },
            });
            Promise.all([shell("one"), shell("two")]).then((all) => console.log(JSON.stringify(all.map(({ pid }) => pid))));
        `;
        const main = spawn(process.execPath, ["-r", "ts-node/register/transpile-only", "-e", program], {
            stdio: ["ignore", "pipe", "inherit"],
        });
        const output = await new Promise<string>((resolve) =>
            main.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString())),
        );
        const pids = JSON.parse(output) as number[];
        expect(pids.map(isAlive)).to.deep.equal([true, true]);
        main.kill("SIGKILL");

        await until("both have ended", () => !pids.some(isAlive));
    });

    it("get ports that nobody has", async () => {
        const port = await freePort();
        const server = createServer();
        await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
        await new Promise((resolve) => server.close(resolve));
    });
});
