// The application of the local tasks: answers like traefik/whoami, and echoes WebSockets.
import { createServer } from "node:http";
import { hostname } from "node:os";
import { parseArgs } from "node:util";

import { WebSocketServer } from "ws";

const { values } = parseArgs({
    options: { port: { type: "string" }, name: { type: "string" }, verbose: { type: "boolean" } },
});
const port = Number(values.port ?? process.env.WHOAMI_PORT_NUMBER ?? 80);
const host = process.env.HOST ?? "0.0.0.0";
const name = values.name ?? process.env.WHOAMI_NAME;
let healthStatus = 200;

const server = createServer(async (request, response) => {
    const url = new URL(request.url, "http://localhost");
    const wait = waitMs(url);
    if (wait > 0) {
        await new Promise((resolve) => setTimeout(resolve, wait)); // at least 1 ms, whatever is asked for
    }
    if (!server.listening) {
        response.setHeader("connection", "close"); // ending: the client is not to send another one here
    }
    if (url.pathname === "/health" && request.method === "POST") {
        let body = "";
        for await (const chunk of request) {
            body += chunk;
        }
        healthStatus = Number(body);
        response.end();
    } else if (url.pathname === "/health") {
        response.writeHead(healthStatus).end();
    } else if (url.pathname === "/api") {
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify(describe(request)));
    } else {
        const about = describe(request);
        response.setHeader("content-type", "text/plain; charset=utf-8");
        response.end(
            [
                ...(name === undefined ? [] : [`Name: ${name}`]),
                `Hostname: ${about.hostname}`,
                ...about.ip.map((address) => `IP: ${address}`),
                `RemoteAddr: ${request.socket.remoteAddress}:${request.socket.remotePort}`,
                `${request.method} ${request.url} HTTP/${request.httpVersion}`,
                ...Object.entries(about.headers).map(([header, value]) => `${capitalize(header)}: ${value}`),
                "",
            ].join("\n"),
        );
    }
});

server.keepAliveTimeout = 0; // none, as in Go: a load balancer may use a connection that it has

/** `?wait=500ms` and `?wait=5s` as whoami has it, and `/slow?seconds=5`. */
function waitMs(url) {
    const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m)$/.exec(url.searchParams.get("wait") ?? "") ?? [];
    if (amount !== undefined) {
        return Number(amount) * { ms: 1, s: 1_000, m: 60_000 }[unit];
    }
    return url.pathname === "/slow" ? Number(url.searchParams.get("seconds") ?? 1) * 1_000 : 0;
}

function describe(request) {
    return {
        ...(name === undefined ? {} : { name }),
        hostname: process.env.HOSTNAME ?? hostname(),
        ip: [host],
        headers: request.headers,
        url: request.url,
        host: request.headers.host,
        method: request.method,
        remoteAddr: `${request.socket.remoteAddress}:${request.socket.remotePort}`,
        environment: Object.keys(process.env).sort(),
    };
}

function capitalize(header) {
    return header.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase());
}

const webSockets = new WebSocketServer({ server, path: "/echo" }).on("connection", (socket) =>
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
);

// Stops accepting, finishes the requests at hand and ends.
process.once("SIGTERM", () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    webSockets.clients.forEach((socket) => socket.close(1001)); // going away
});

server.listen(port, host, () => console.log(`Starting up on ${host}:${port}`));
