// The app behind the proxies: it answers 1 kB, 1 MiB at /large, echoes WebSockets at /echo, and reads no body. `node app.mjs <port>`
import { createServer } from "node:http";

import { WebSocketServer } from "ws";

const answers = {
    "/large": Buffer.alloc(2 ** 20, "a"),
    "/huge": Buffer.alloc(2 ** 24, "a"),
    other: Buffer.alloc(1_000, "a"),
};

const server = createServer((request, response) => {
    if (request.method === "GET") {
        response.setHeader("content-type", "text/plain");
        response.end(answers[request.url] ?? answers.other);
    }
});
server.keepAliveTimeout = 0; // a proxy may use a connection that it has
new WebSocketServer({ server, path: "/echo" }).on("connection", (socket) =>
    socket.on("error", () => undefined).on("message", (data, isBinary) => socket.send(data, { binary: isBinary })),
);
server.listen(Number(process.argv[2]), "127.0.0.1");
process.once("SIGTERM", () => process.exit());
