// An agent's sandbox: POST /run takes JavaScript, runs it in a process of its own and answers what it printed. Files stay until the task ends. What keeps
// the code in is the task: a machine of its own, without a permission, a key or a token.
import { spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const folder = mkdtempSync(join(tmpdir(), "sandbox-"));
const longest = 60_000;
const largest = 1_000_000;

const server = createServer((request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    if (pathname !== "/run" || request.method !== "POST") {
        response.writeHead(404).end("POST JavaScript to /run.\n");
        return;
    }
    const code = spawn(process.execPath, ["--input-type=module", "-"], {
        cwd: folder,
        env: { PATH: process.env.PATH },
        stdio: ["pipe", "pipe", "pipe"],
        timeout: longest,
        killSignal: "SIGKILL",
    });
    let output = "";
    const keep = (text) => (output = (output + text).slice(0, largest));
    code.stdout.on("data", keep);
    code.stderr.on("data", keep);
    code.stdin.on("error", () => undefined);
    request.pipe(code.stdin);
    code.once("close", (exitCode) =>
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ exitCode, output })),
    );
});

server.listen(8080, process.env.HOST);
process.once("SIGTERM", () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
});
