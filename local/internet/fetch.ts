import type { OutgoingHttpHeaders } from "node:http";
import { request } from "node:https";

import { addressOf, trusted } from "./visitor";
import type { Visited } from "./visitor";

/**
 * `fetch` as a visitor of the local internet: names by its DNS server, certificates by its authorities, and in place of port 443 the one that
 * stands for it. Follows no redirects.
 */
export function fetchFrom(system: Visited): typeof fetch {
    return async (input, init = {}) => {
        const url = new URL(input instanceof Request ? input.url : input);
        const host = await addressOf(system, url.hostname);
        const headers: OutgoingHttpHeaders = Object.fromEntries(new Headers(init.headers));
        return new Promise((resolve, reject) => {
            const outgoing = request(
                {
                    host,
                    port: url.port || system.httpsPort,
                    servername: url.hostname,
                    ca: trusted(system),
                    agent: false,
                    method: init.method ?? "GET",
                    path: url.pathname + url.search,
                    headers: { ...headers, host: url.host },
                    signal: init.signal ?? undefined,
                },
                (answer) => {
                    const chunks: Buffer[] = [];
                    answer
                        .on("data", (chunk: Buffer) => chunks.push(chunk))
                        .once("error", reject)
                        .once("end", () => {
                            const { statusCode: status = 0 } = answer;
                            const pairs = Object.entries(answer.headersDistinct).flatMap(([name, values = []]) =>
                                values.map((value): [string, string] => [name, value]),
                            );
                            const isEmpty = [204, 205, 304].includes(status);
                            resolve(new Response(isEmpty ? null : Buffer.concat(chunks), { status, headers: pairs }));
                        });
                },
            );
            outgoing.once("error", reject).end(init.body as string | undefined);
        });
    };
}
