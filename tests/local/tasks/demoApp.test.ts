import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import { WebSocket } from "ws";

import { accepts, createProcesses, freePort } from "../../../local/machine/processes";
import type { ManagedProcess, Processes } from "../../../local/machine/processes";
import { until } from "../../support/until";

const host = "127.0.0.1";

describe("the demo app", () => {
    let directory: string;
    let processes: Processes;
    let app: ManagedProcess;
    let port: number;

    before(() => {
        directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
        processes = createProcesses(directory);
    });
    beforeEach(async () => {
        port = await freePort();
        app = await processes.start({
            name: "app",
            command: process.execPath,
            args: [join(__dirname, "../../../local/tasks/demoApp.mjs"), "--port", String(port), "--name", "demo"],
            env: { HOST: host, SECRET: "s" },
            ready: accepts(port),
        });
    });
    afterEach(() => app.stop());
    after(async () => {
        await processes.stop();
        rmSync(directory, { recursive: true });
    });

    const url = (path: string) => `http://${host}:${port}${path}`;

    it("answers like whoami", async () => {
        const lines = (await (await fetch(url("/"), { headers: { "x-request-id": "7" } })).text()).split("\n");

        expect(lines[0]).to.equal("Name: demo");
        expect(lines[1]).to.match(/^Hostname: /);
        expect(lines[2]).to.equal("IP: 127.0.0.1");
        expect(lines).to.include("GET / HTTP/1.1").and.include("X-Request-Id: 7").and.include(`Host: ${host}:${port}`);
    });

    it("keeps idle connections for as long as its clients do", async () => {
        expect((await fetch(url("/"))).headers.get("keep-alive")).to.equal(null); // Node's own says "timeout=5"
    });

    it("answers in JSON, with the names of its environment variables and none of their values", async () => {
        const about = (await (await fetch(url("/api?x=1"))).json()) as Record<string, unknown>;

        expect(about).to.deep.include({
            name: "demo",
            ip: [host],
            url: "/api?x=1",
            method: "GET",
            environment: ["HOST", "SECRET"],
        });
    });

    it("is as healthy as it is told to be", async () => {
        expect((await fetch(url("/health"))).status).to.equal(200);
        await fetch(url("/health"), { method: "POST", body: "503" });
        expect((await fetch(url("/health"))).status).to.equal(503);
    });

    it("echoes WebSocket messages, and takes leave when it is told to end", async () => {
        const socket = new WebSocket(url("/echo"));
        await new Promise((resolve) => socket.once("open", resolve));
        const echo = new Promise<string>((resolve) =>
            socket.once("message", (data: Buffer) => resolve(data.toString())),
        );
        socket.send("hello");

        expect(await echo).to.equal("hello");
        const closed = new Promise<number>((resolve) => socket.once("close", resolve));
        await app.stop();
        expect(await closed).to.equal(1001);
        expect(await app.exited).to.deep.equal({ code: 0, signal: null });
    });

    it("finishes the request at hand when it is told to end, and accepts no other", async () => {
        const slow = fetch(url("/?wait=500ms")).then((response) => response.text());
        await fetch(url("/"));
        const stopped = app.stop();
        await until("it accepts no more", async () => !(await accepts(port)()));

        expect(await slow).to.match(/^Name: demo\n/);
        await stopped;
        expect(await app.exited).to.deep.equal({ code: 0, signal: null });
    });
});
