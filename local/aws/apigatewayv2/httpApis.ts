import { request as httpRequest } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";

import type { ResourceRecordSet } from "@aws-sdk/client-route-53";

import { omit } from "../../machine/omit";
import type { ZoneContent } from "../../internet/dns/records";
import type { AwsRequest, AwsResponse, Overlay } from "../gateway/overlay";
import { hostOf } from "./endpoint";

export interface HttpApiOptions {
    /** The emulator's, on 127.0.0.1: it knows routes, authorizers and integrations. */
    readonly emulatorPort: () => number;
    /** Of every API, at an address of its own. */
    readonly httpsPort: number;
    readonly newAddress: () => string;
    /** As Amazon's own authority signs them. */
    readonly issue: (hostname: string) => Promise<{ readonly certificate: string; readonly privateKey: string }>;
}

export interface HttpApis {
    readonly overlay: Overlay;
    /** Their host names. */
    zones(): readonly ZoneContent[];
    stop(): Promise<void>;
}

interface Front {
    readonly hostname: string;
    readonly address: string;
    readonly server: Server;
}

/** HTTP APIs are the emulator's. What it lacks is their place on the internet: a host name each, served by HTTPS. */
export function createHttpApis(options: HttpApiOptions): HttpApis {
    const fronts = new Map<string, Front>();

    async function open(apiId: string, region: string): Promise<void> {
        const hostname = hostOf(apiId, region);
        const { certificate, privateKey } = await options.issue(hostname);
        const server = createServer(
            { cert: certificate, key: privateKey, minVersion: "TLSv1.2" },
            (incoming, outgoing) => passOn(incoming, outgoing, apiId, options.emulatorPort()),
        );
        const address = options.newAddress();
        await new Promise<void>((resolve, reject) =>
            server.once("error", reject).listen(options.httpsPort, address, resolve),
        );
        fronts.set(apiId, { hostname, address, server });
    }

    async function close(apiId: string): Promise<void> {
        const front = fronts.get(apiId);
        fronts.delete(apiId);
        if (front) {
            const closed = new Promise((resolve) => front.server.close(resolve));
            front.server.closeAllConnections();
            await closed;
        }
    }

    return {
        overlay: {
            service: "apigateway",
            async handle(request, forward) {
                const response = await forward(request);
                if (response.status < 300 && request.operation === "CreateApi") {
                    await open(apiIdOf(response), request.region);
                }
                if (response.status < 300 && request.operation === "DeleteApi") {
                    await close(apiIdIn(request));
                }
                return response;
            },
        },
        zones: () =>
            [...fronts.values()].map(({ hostname, address }) => {
                const name = `${hostname}.`;
                const set: ResourceRecordSet = {
                    Name: name,
                    Type: "A",
                    TTL: 60,
                    ResourceRecords: [{ Value: address }],
                };
                return { name, sets: new Map([[name, [set]]]) };
            }),
        async stop() {
            await Promise.all([...fronts.keys()].map(close));
        },
    };
}

function apiIdOf(response: AwsResponse): string {
    return (JSON.parse(response.body.toString()) as { apiId: string }).apiId;
}

function apiIdIn({ path }: AwsRequest): string {
    return /\/apis\/([^/]+)/.exec(path)?.[1] ?? "";
}

/** By the emulator's own path for an API's stage, with all that the client sent. */
function passOn(incoming: IncomingMessage, outgoing: ServerResponse, apiId: string, port: number): void {
    const inner = httpRequest(
        {
            host: "127.0.0.1",
            port,
            method: incoming.method,
            path: `/_aws/execute-api/${apiId}/$default${incoming.url}`,
            headers: incoming.headers,
        },
        (answer) => {
            outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
            answer.pipe(outgoing);
        },
    );
    inner.once("error", () => outgoing.writeHead(502).end());
    incoming.pipe(inner);
}

/**
 * An event as API Gateway makes it (payload format 2.0): cookies stand in a list of their own, which the emulator leaves out.
 * docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function withCookies(payload: string): string {
    const event = JSON.parse(payload) as {
        version?: string;
        requestContext?: { apiId?: string };
        headers?: Record<string, string>;
    } | null;
    const cookie = event?.headers?.cookie;
    if (event?.version !== "2.0" || event.requestContext?.apiId === undefined || cookie === undefined) {
        return payload;
    }
    return JSON.stringify({ ...event, headers: omit(event.headers!, "cookie"), cookies: cookie.split("; ") });
}
