// The shop: says which task of which version answers, after `?wait=50ms` or `?wait=2s` if that is asked for.
import { createServer } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

const server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url, "http://localhost");
    const [, amount = 0, unit = "ms"] = /^(\d+)(ms|s)$/.exec(searchParams.get("wait") ?? "") ?? [];
    await delay(Number(amount) * { ms: 1, s: 1000 }[unit]);
    if (!server.listening) {
        response.setHeader("connection", "close"); // stopping: the next request is another task's
    }
    response.setHeader("content-type", "text/plain; charset=utf-8");
    response.end(
        pathname === "/health" ? "" : `Name: shop ${process.env.VERSION}\nHostname: ${process.env.HOSTNAME}\n`,
    );
});

// The load balancer keeps idle connections for 60 s: it must not find one closed when it sends a request.
server.keepAliveTimeout = 75_000;
server.listen(8080, process.env.HOST);

// Requests under way may end.
process.once("SIGTERM", () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
});
