// What a collector answers. An event is answered with 202 once it is checked and in memory, before the stream has it: a task that is
// told to stop sends what it holds, one that dies takes at most `mostEntries` events with it.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";

import type { CoreData } from "./coreData";
import type { Outbox } from "./outbox";

export interface CollectorOptions {
    readonly coreData: CoreData;
    readonly outbox: Outbox;
    /** Of the task, told in answers. */
    readonly name: string;
}

/** What an event has; the collector adds when it came. */
export interface AdEvent {
    readonly id: string;
    readonly campaign: string;
    readonly kind: (typeof kinds)[number];
    readonly receivedAt: string;
}

const kinds = ["impression", "click"] as const;
const longest = 16_384;
/** Seconds, for those who find it full or its store away. */
const retryAfter = "1";

export function createCollector({ coreData, outbox, name }: CollectorOptions): Server {
    async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
        const body = await bodyOf(request);
        if (body === undefined) {
            return refuse(response, 413, `An event has at most ${longest} bytes.`);
        }
        const event = readEvent(body);
        if (typeof event === "string") {
            return refuse(response, 400, event);
        }
        const campaign = await coreData.find(event.campaign).catch(() => null);
        if (campaign === null) {
            return refuse(response, 503, "The campaign cannot be looked up now.");
        }
        if (campaign?.active !== true) {
            return refuse(response, 422, `There is no active campaign ${event.campaign}.`);
        }
        if (!outbox.add({ key: event.id, data: Buffer.from(JSON.stringify(event)) })) {
            return refuse(response, 503, "More events are waiting than there is room for.");
        }
        answer(response, 202, { id: event.id });
    }

    async function show(id: string, response: ServerResponse): Promise<void> {
        const campaign = await coreData.find(id).catch(() => null);
        if (campaign === null) {
            return refuse(response, 503, "The campaign cannot be looked up now.");
        }
        answer(response, campaign === undefined ? 404 : 200, { collector: name, campaign });
    }

    function refuse(response: ServerResponse, status: number, detail: string): void {
        if (status === 503) {
            response.setHeader("retry-after", retryAfter);
        }
        answer(response, status, { detail });
    }

    function answer(response: ServerResponse, status: number, body: object): void {
        if (!server.listening) {
            response.setHeader("connection", "close"); // stopping: the next request is another task's
        }
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    }

    const server = createServer((request, response) => {
        const { pathname } = new URL(request.url ?? "/", "http://localhost");
        const [, id] = /^\/campaigns\/([\w-]{1,64})$/.exec(pathname) ?? [];
        const done =
            request.method === "POST" && pathname === "/events"
                ? take(request, response)
                : request.method === "GET" && id !== undefined
                  ? show(id, response)
                  : Promise.resolve(
                        pathname === "/health"
                            ? answer(response, 200, {})
                            : refuse(response, 404, "There are POST /events and GET /campaigns/<id>."),
                    );
        done.catch((error: Error) => {
            console.error("request:", error.message);
            response.destroy();
        });
    });
    server.keepAliveTimeout = 75_000; // longer than the load balancer keeps idle connections
    return server;
}

/** undefined: it is too long. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of request as AsyncIterable<Buffer>) {
        length += chunk.length;
        if (length <= longest) {
            chunks.push(chunk); // the rest is read and forgotten, so that the answer is heard
        }
    }
    return length > longest ? undefined : Buffer.concat(chunks).toString();
}

/** The event, or what is wrong with it. */
function readEvent(body: string): AdEvent | string {
    let given: Partial<AdEvent> | null;
    try {
        given = JSON.parse(body) as Partial<AdEvent> | null;
    } catch {
        return "The body is no JSON.";
    }
    const { id = randomUUID(), campaign, kind } = given ?? {};
    if (typeof id !== "string" || !/^[\w-]{8,64}$/.test(id)) {
        return "id has 8 to 64 letters, digits, _ and -; left out, it is made here. Who sends an event again gives it the same one.";
    }
    if (typeof campaign !== "string" || !/^[\w-]{1,64}$/.test(campaign)) {
        return "campaign has 1 to 64 letters, digits, _ and -.";
    }
    if (kind === undefined || !kinds.includes(kind)) {
        return `kind is one of ${kinds.join(", ")}.`;
    }
    return { id, campaign, kind, receivedAt: new Date().toISOString() };
}
