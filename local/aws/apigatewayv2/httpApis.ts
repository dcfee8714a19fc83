import { request as httpRequest } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";

import type { ResourceRecordSet } from "@aws-sdk/client-route-53";

import { omit } from "../../machine/omit";
import type { ZoneContent } from "../../internet/dns/records";
import type { AwsRequest, AwsResponse, Overlay } from "../gateway/overlay";
import type { Permissions } from "../permissions/permissions";
import { hostOf } from "./endpoint";

export interface HttpApiOptions {
    /** The emulator's, on 127.0.0.1: it knows routes, authorizers and integrations. */
    readonly emulatorPort: () => number;
    /** Of every API, at an address of its own. */
    readonly httpsPort: number;
    readonly newAddress: () => string;
    /** As Amazon's own authority signs them. */
    readonly issue: (hostname: string) => Promise<{ readonly certificate: string; readonly privateKey: string }>;
    readonly permissions: Pick<Permissions, "identities" | "permits">;
}

export interface HttpApis {
    readonly overlay: Overlay;
    /** Their host names. */
    zones(): readonly ZoneContent[];
    /** What a function is invoked with, by what the emulator would invoke it with. */
    delivered(payload: string): string;
    stop(): Promise<void>;
}

interface Route {
    readonly routeKey: string;
    readonly authorizationType: string;
}

interface Front {
    readonly region: string;
    readonly accountId: string;
    readonly hostname: string;
    readonly address: string;
    readonly server: Server;
}

/**
 * HTTP APIs are the emulator's. What it lacks is their place on the internet, a host name each that is served by HTTPS, and IAM: it takes every
 * signature for good.
 */
export function createHttpApis(options: HttpApiOptions): HttpApis {
    const fronts = new Map<string, Front>();
    /** By the API's id and their own. */
    const routes = new Map<string, Map<string, Route>>();
    const iamRoutes = (apiId: string): Route[] =>
        [...(routes.get(apiId)?.values() ?? [])].filter(({ authorizationType }) => authorizationType === "AWS_IAM");

    async function serve(incoming: IncomingMessage, outgoing: ServerResponse, apiId: string): Promise<void> {
        const [path] = (incoming.url ?? "/").split("?");
        const method = incoming.method ?? "GET";
        const { region, accountId } = fronts.get(apiId)!;
        if (iamRoutes(apiId).some(({ routeKey }) => leadsTo(routeKey, method, path))) {
            const resource = `arn:aws:execute-api:${region}:${accountId}:${apiId}/$default/${method}${path}`;
            const key = accessKeyIn(incoming.headers.authorization);
            if (
                key === undefined ||
                !(await options.permissions.permits(key, region, "execute-api:Invoke", resource))
            ) {
                outgoing.writeHead(403, { "content-type": "application/json" }).end('{"message":"Forbidden"}');
                return;
            }
        }
        passOn(incoming, outgoing, apiId, options.emulatorPort());
    }

    function callerOf(authorization: string | undefined): object {
        const accessKey = accessKeyIn(authorization)!;
        const identity = options.permissions.identities.of(accessKey);
        return {
            accessKey,
            accountId: identity?.accountId ?? accessKey,
            userArn: identity?.principal ?? `arn:aws:iam::${accessKey}:root`,
        };
    }

    async function open(apiId: string, { region, accountId }: AwsRequest): Promise<void> {
        const hostname = hostOf(apiId, region);
        const { certificate, privateKey } = await options.issue(hostname);
        const server = createServer(
            { cert: certificate, key: privateKey, minVersion: "TLSv1.2" },
            (incoming, outgoing) =>
                void serve(incoming, outgoing, apiId).catch((error: Error) =>
                    outgoing.writeHead(500).end(error.message),
                ),
        );
        const address = options.newAddress();
        await new Promise<void>((resolve, reject) =>
            server.once("error", reject).listen(options.httpsPort, address, resolve),
        );
        fronts.set(apiId, { hostname, address, server, region, accountId });
    }

    async function close(apiId: string): Promise<void> {
        const front = fronts.get(apiId);
        fronts.delete(apiId);
        routes.delete(apiId);
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
                    await open(apiIdOf(response), request);
                }
                if (response.status < 300 && /^(Create|Update)Route$/.test(request.operation ?? "")) {
                    const { routeId, ...route } = JSON.parse(response.body.toString()) as Route & { routeId: string };
                    const known = routes.get(apiIdIn(request)) ?? new Map<string, Route>();
                    routes.set(apiIdIn(request), known.set(routeId, route));
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
        delivered(payload) {
            const event = JSON.parse(payload) as Event | null;
            const { apiId } = event?.requestContext ?? {};
            if (event?.version !== "2.0" || apiId === undefined) {
                return payload;
            }
            const { cookie, authorization } = event.headers ?? {};
            const isIam = iamRoutes(apiId).some(({ routeKey }) => routeKey === event.routeKey);
            return JSON.stringify({
                ...event,
                ...(cookie !== undefined && { headers: omit(event.headers!, "cookie"), cookies: cookie.split("; ") }),
                ...(isIam && {
                    requestContext: { ...event.requestContext, authorizer: { iam: callerOf(authorization) } },
                }),
            });
        },
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
 * An event as the emulator makes it (payload format 2.0). API Gateway has cookies in a list of their own, and tells who has signed.
 * docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
interface Event {
    readonly version?: string;
    readonly routeKey?: string;
    readonly requestContext?: { readonly apiId?: string };
    readonly headers?: Readonly<Record<string, string>>;
}

/** Of Signature Version 4. */
function accessKeyIn(authorization = ""): string | undefined {
    return /^AWS4-HMAC-SHA256 Credential=([^/]+)\//.exec(authorization)?.[1];
}

/** Whether a request for that path takes a route with path parameters. */
function leadsTo(routeKey: string, method: string, path: string): boolean {
    const [routeMethod, template = ""] = routeKey.split(" ");
    const pattern = template.replace(/\{[^}]+\}/g, "[^/]+");
    return [method, "ANY"].includes(routeMethod) && new RegExp(`^${pattern}$`).test(path);
}
