// The console: a page on loopback that shows the running system and acts on it.
import { randomBytes, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";

import type { Feed } from "./feed";
import { limits } from "./feed";

/** What the page may ask for, by its name; what is thrown is shown. */
export type Actions = Readonly<Record<string, (input: Readonly<Record<string, string>>) => unknown>>;

export interface Console {
    /** With the token that lets a page in, behind the #, which browsers keep to themselves. */
    readonly url: string;
    stop(): Promise<void>;
}

/** A file beside the main one of a package. */
function beside(name: string, file: string): string {
    return join(dirname(require.resolve(name)), file);
}

/** Files that the page is made of: what they are called, and where they are. None of them is a secret. */
const files: Readonly<Record<string, readonly [path: string, type: string]>> = {
    "/console.mjs": [join(__dirname, "page/console.mjs"), "text/javascript"],
    "/parts.mjs": [join(__dirname, "page/parts.mjs"), "text/javascript"],
    "/console.css": [join(__dirname, "page/console.css"), "text/css"],
    "/preact.mjs": [beside("preact", "preact.mjs"), "text/javascript"],
    "/htm.mjs": [beside("htm", "htm.mjs"), "text/javascript"],
    "/uPlot.mjs": [beside("uplot", "uPlot.esm.js"), "text/javascript"],
    "/uPlot.css": [beside("uplot", "uPlot.min.css"), "text/css"],
};

const headers = {
    "content-security-policy":
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
};

/** Serves it on 127.0.0.1 alone, to who was given its address. */
export async function startConsole(feed: Feed, actions: Actions): Promise<Console> {
    const token = randomBytes(32).toString("base64url");
    let origin = "";

    async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const { pathname } = new URL(request.url ?? "/", "http://console");
        // Names that others let lead here, and pages of other sites.
        if (request.headers.host !== origin.slice("http://".length) || (request.headers.origin ?? origin) !== origin) {
            return end(response, 403, "This console answers to its own address only.");
        }
        if (pathname === "/" && request.method === "GET") {
            return end(response, 200, readFileSync(join(__dirname, "page/index.html")), "text/html; charset=utf-8");
        }
        if (Object.hasOwn(files, pathname) && request.method === "GET") {
            const [path, type] = files[pathname];
            return end(response, 200, readFileSync(path), `${type}; charset=utf-8`);
        }
        if (!isToken(request.headers.authorization, token)) {
            return end(response, 401, "Open the console by the address that `npm start` printed.");
        }
        if (pathname === "/stream" && request.method === "GET") {
            return stream(response);
        }
        const [, action] = /^\/actions\/(\w+)$/.exec(pathname) ?? [];
        if (action !== undefined && Object.hasOwn(actions, action) && request.method === "POST") {
            const input = JSON.parse((await bodyOf(request)) || "{}") as Record<string, string>;
            const result = await actions[action](input);
            return end(response, 200, JSON.stringify(result ?? null), "application/json");
        }
        end(response, 404, "There is nothing here.");
    }

    /** A line of JSON for each change, at most some a second; a client that does not read is waited for. */
    function stream(response: ServerResponse): void {
        response.writeHead(200, { ...headers, "content-type": "application/x-ndjson" });
        let version = 0;
        let timer: NodeJS.Timeout | undefined;
        let isFull = false;
        const tell = () => {
            timer = undefined;
            const changes = feed.since(version);
            version = changes.version;
            if (changes.entries.length > 0) {
                isFull = !response.write(JSON.stringify(changes.entries) + "\n");
            }
        };
        const soon = () => {
            if (!isFull) {
                timer ??= setTimeout(tell, 150);
            }
        };
        response.write(JSON.stringify({ limits }) + "\n");
        tell();
        const ended = feed.onChange(soon);
        response.on("drain", () => {
            isFull = false;
            soon();
        });
        response.once("close", () => {
            ended();
            clearTimeout(timer);
        });
    }

    const server = createServer((request, response) => {
        answer(request, response).catch((error: Error) => end(response, 500, error.message));
    });
    await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return {
        url: `${origin}/#${token}`,
        async stop() {
            const closed = new Promise((resolve) => server.close(resolve));
            server.closeAllConnections();
            await closed;
        },
    };
}

function isToken(authorization: string | undefined, token: string): boolean {
    const [given, wanted] = [Buffer.from(authorization ?? ""), Buffer.from(`Bearer ${token}`)];
    return given.length === wanted.length && timingSafeEqual(given, wanted);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
        length += chunk.length;
        if (length > 65_536) {
            throw new Error("That is more than an action takes.");
        }
        chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString();
}

function end(
    response: ServerResponse,
    status: number,
    body: string | Buffer,
    type = "text/plain; charset=utf-8",
): void {
    if (response.headersSent) {
        response.destroy();
        return;
    }
    response.writeHead(status, { ...headers, "content-type": type }).end(body);
}
