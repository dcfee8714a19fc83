// A team's board: what one writes, all who look see at once. It is told whose it is and who asks, by headers that nobody can forge, and keeps all in
// memory: the task is the team's own.
import { createServer } from "node:http";

const { TEAM_ID = "nobody", OPENED_BY = "somebody" } = process.env;
const notes = [];
const watchers = new Set();

const page = (person) => `<!doctype html><html lang="en"><meta charset="utf-8"><title>Board</title>
<h1>Board of team ${escape(TEAM_ID)}</h1><p>Opened by ${escape(OPENED_BY)}. You are ${escape(person)}.</p>
<form><label>Note <input name="note" required maxlength="200"></label> <button>Write</button></form><ul></ul>
<script>
new EventSource("/notes").onmessage = ({ data }) => {
    const item = document.createElement("li");
    item.textContent = JSON.parse(data);
    document.querySelector("ul").append(item);
};
document.forms[0].onsubmit = async (event) => {
    event.preventDefault();
    await fetch("/notes", { method: "POST", body: event.target.note.value });
    event.target.reset();
};
</script></html>`;

const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, "http://localhost");
    if (pathname === "/notes" && request.method === "POST") {
        const chunks = [];
        for await (const chunk of request) {
            chunks.push(chunk);
        }
        const note = `${request.headers["x-person"] ?? "somebody"}: ${Buffer.concat(chunks).toString().slice(0, 200)}`;
        notes.push(note);
        watchers.forEach((watcher) => watcher.write(event(note)));
        response.writeHead(204).end();
    } else if (pathname === "/notes" && request.headers.accept !== "text/event-stream") {
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(notes));
    } else if (pathname === "/notes") {
        response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-store" });
        notes.forEach((note) => response.write(event(note)));
        watchers.add(response);
        response.once("close", () => watchers.delete(response));
    } else {
        response
            .writeHead(200, { "content-type": "text/html; charset=utf-8" })
            .end(page(request.headers["x-person"] ?? "somebody"));
    }
});

function event(note) {
    return `data: ${JSON.stringify(note)}\n\n`;
}

function escape(text) {
    return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

server.listen(8080, process.env.HOST);
process.once("SIGTERM", () => {
    server.close(() => process.exit(0));
    server.closeAllConnections();
});
