// One program for all four: says who it is, and what those say whom it calls. Without a PORT it is a worker, which nobody can ask.
import { createServer } from "node:http";
import { setInterval } from "node:timers/promises";

const { NAME: name, VERSION: version, HOSTNAME: task, HOST, PORT, CALLS = "{}" } = process.env;

/** What is said there, or why nothing is. */
async function call(url) {
    try {
        const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) });
        return answer.ok ? await answer.json() : `status ${answer.status}`;
    } catch (error) {
        return (error.cause ?? error).code ?? error.name;
    }
}

async function callAll() {
    const called = Object.entries(JSON.parse(CALLS)).map(async ([of, url]) => [of, await call(url)]);
    return Object.fromEntries(await Promise.all(called));
}

if (PORT === undefined) {
    for await (const _ of setInterval(5_000)) {
        console.log(JSON.stringify(await callAll()));
    }
}

const server = createServer(async (request, response) => {
    const calls = request.url === "/health" ? {} : await callAll();
    const isWhole = Object.values(calls).every((said) => typeof said === "object");
    if (!server.listening) {
        response.setHeader("connection", "close"); // stopping: the next request is another task's
    }
    response.writeHead(isWhole ? 200 : 502, { "content-type": "application/json" });
    response.end(JSON.stringify({ name, version, task, calls }));
});

// Load balancers and proxies keep idle connections for 60 s: they must not find one closed when they send a request.
server.keepAliveTimeout = 75_000;
server.listen(PORT, HOST);

// Requests under way may end.
process.once("SIGTERM", () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
});
