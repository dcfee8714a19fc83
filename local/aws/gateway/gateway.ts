import { randomUUID } from "node:crypto";
import { Agent, createServer as createHttpServer, request as httpRequest } from "node:http";
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import { createServer as createHttp2Server } from "node:http2";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

import { judgeAnswer } from "../models/answer";
import { misfitsOf } from "../models/misfits";
import { explain, refusalOf } from "../models/refusal";
import { readCall, UnknownCall } from "../models/request";
import { brokenRule } from "../models/rule";
import type { Rules } from "../models/rule";
import { AwsError, escapeXml, jsonResponse, xmlResponse } from "./overlay";
import type { AwsRequest, AwsResponse, Forward, Overlay } from "./overlay";

/** Who knows callers by their access keys and what they may do: local/aws/permissions. */
export interface Doorkeeper {
    readonly identities: {
        of(accessKeyId: string): { readonly accountId: string; readonly principal: string } | undefined;
    };
    readPoliciesBy(forward: Forward): void;
    check(request: AwsRequest): Promise<void>;
    answered(request: AwsRequest): void;
}

export interface GatewayOptions {
    /** 0 = a free one. */
    readonly port?: number;
    /** The emulator behind the gateway, on 127.0.0.1. */
    readonly emulatorPort: number;
    /** Whose calls those are whose access key id is not a 12-digit account id. */
    readonly accountId: string;
    readonly overlays: readonly Overlay[];
    /** What AWS's documents say beyond its models, by signing name (default: nothing). */
    readonly rules?: Readonly<Record<string, Rules>>;
    /** Who may do what; without it everybody may do everything. */
    readonly permissions?: Doorkeeper;
    readonly log: (text: string) => void;
    readonly watch?: GatewayWatch;
}

/** Somebody who looks on, and may disturb. */
export interface GatewayWatch {
    /** Told of every call once it is answered. */
    answered(request: AwsRequest, response: AwsResponse, milliseconds: number): void;
    /** What a call is refused with, before anything else is asked. */
    refusal(request: AwsRequest): AwsError | undefined;
}

export interface Gateway {
    readonly url: string;
    stop(): Promise<void>;
}

/**
 * The one endpoint of everybody: what AWS's own models do not allow is refused, what no overlay answers goes to the
 * emulator, byte for byte.
 */
export async function startGateway(options: GatewayOptions): Promise<Gateway> {
    const agent = new Agent({ keepAlive: true, timeout: 60_000 });
    const forward = createForward(agent, options.emulatorPort);
    options.permissions?.readPoliciesBy(forward);

    async function answer(incoming: AwsRequest): Promise<AwsResponse> {
        const started = performance.now();
        let request = incoming;
        const told = (response: AwsResponse) => {
            options.watch?.answered(request, response, performance.now() - started);
            return response;
        };
        try {
            request = judged(incoming);
            const broken = brokenRule(
                options.rules?.[request.service],
                request.operation ?? "",
                request.parameters ?? {},
            );
            if (broken) {
                throw broken;
            }
            const refusal = options.watch?.refusal(request);
            if (refusal !== undefined) {
                throw refusal;
            }
            if (request.service !== "") {
                await options.permissions?.check(request);
            }
            const answered = await answerOf(request);
            options.permissions?.answered(request);
            return told(answered);
        } catch (error) {
            if (error instanceof AwsError) {
                return told(errorResponse(request, error));
            }
            const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
            options.log(`${request.service} ${request.operation ?? `${request.method} ${request.path}`}: ${text}`);
            return told(errorResponse(request, new AwsError("InternalFailure", text, 500)));
        }
    }

    async function answerOf(request: AwsRequest): Promise<AwsResponse> {
        for (const overlay of options.overlays.filter((candidate) => concerns(candidate, request))) {
            const response = await overlay.handle(request, forward);
            if (response) {
                requireFit(request, response);
                return response;
            }
        }
        const response = await forward(request);
        // It was answered all the same; whoever looks at the log finds it, as all tests do.
        const found = response.status < 300 ? misfitsOf(request.service, request.operation ?? "", response) : [];
        if (found.length > 0) {
            options.log(
                `The emulator's answer to ${request.service} ${request.operation} does not fit AWS's model: ${explain(found)}`,
            );
        }
        return response;
    }

    function serve(incoming: Incoming, outgoing: Outgoing): void {
        readRequest(incoming, options.accountId, (key) => options.permissions?.identities.of(key))
            .then(answer)
            .then((response) => send(outgoing, incoming, response))
            .catch((error: Error) => {
                options.log(`${incoming.method} ${incoming.url}: ${error.message}`);
                outgoing.destroy();
            });
    }

    const http = createHttpServer(serve);
    http.keepAliveTimeout = 75_000; // longer than any SDK keeps an idle connection, so none is closed under a request
    const http2 = createHttp2Server(serve);
    const sockets = new Set<Socket>();
    // The SDK speaks HTTP/2 with Kinesis, and asks nobody first.
    const server = createServer((socket) => {
        sockets.add(socket);
        socket.once("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
        socket.once("readable", () => {
            const begin = socket.read() as Buffer | null;
            if (begin !== null) {
                socket.unshift(begin);
                (begin.subarray(0, 3).toString() === "PRI" ? http2 : http).emit("connection", socket);
            }
        });
    });
    await new Promise<void>((resolve, reject) =>
        server.once("error", reject).listen(options.port ?? 0, "127.0.0.1", resolve),
    );
    return {
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        async stop() {
            const closed = new Promise((resolve) => server.close(resolve));
            sockets.forEach((socket) => socket.destroy());
            await closed;
            agent.destroy();
        },
    };
}

/** Of either version of HTTP. */
type Incoming = IncomingMessage | Http2ServerRequest;
type Outgoing = (ServerResponse | Http2ServerResponse) & { destroy(): unknown };

/** With what the service's model reads in it. Who signs nothing asks none of AWS's services. */
function judged(request: AwsRequest): AwsRequest {
    if (request.service === "") {
        return request;
    }
    try {
        const call = readCall(request);
        const refusal = refusalOf(call);
        if (refusal) {
            throw refusal;
        }
        return { ...request, operation: call.operation.name, parameters: call.parameters };
    } catch (error) {
        throw error instanceof UnknownCall ? new AwsError("UnknownOperationException", error.message) : error;
    }
}

/** @throws what becomes an InternalFailure: an overlay that does not answer as AWS does is a fault of ours. */
function requireFit({ service, operation = "" }: AwsRequest, answer: AwsResponse): void {
    const misfits = answer.status < 300 ? judgeAnswer(service, operation, answer) : [];
    if (misfits.length > 0) {
        throw new Error(`The answer to ${service} ${operation} does not fit AWS's model: ${explain(misfits)}`);
    }
}

function concerns(overlay: Overlay, request: AwsRequest): boolean {
    return (
        overlay.service === request.service ||
        (overlay.pathPrefix !== undefined && request.path.startsWith(overlay.pathPrefix))
    );
}

async function readRequest(
    incoming: Incoming,
    accountId: string,
    identityOf: Doorkeeper["identities"]["of"],
): Promise<AwsRequest> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) {
        chunks.push(chunk as Buffer);
    }
    const body = Buffer.concat(chunks);
    const [path, query = ""] = (incoming.url ?? "/").split(/\?(.*)/s);
    const headers = headersOf(incoming);
    const bucket = bucketOf(headers, query);
    if (bucket !== undefined) {
        return anonymous(incoming.method, headers, bucket, path, query, body, accountId);
    }
    const scope = credentialScope(headers.authorization, query);
    const { accessKeyId } = scope;
    const identity = identityOf(accessKeyId);
    const owner = identity?.accountId ?? (/^\d{12}$/.test(accessKeyId) ? accessKeyId : accountId);
    return {
        method: incoming.method ?? "GET",
        path,
        query,
        headers,
        body,
        ...scope,
        accountId: owner,
        principal: identity?.principal,
        operation: operationOf(headers, path, body),
    };
}

/** As HTTP/1.1 has them: in HTTP/2 some are a colon's. */
function headersOf({ headers }: Incoming): IncomingHttpHeaders {
    const plain = Object.entries(headers).filter(([name]) => !name.startsWith(":"));
    return { host: headers[":authority"]?.toString(), ...Object.fromEntries(plain) };
}

/** The bucket and region of who signs nothing and asks by the bucket's own name: `<bucket>.s3.<region>.amazonaws.com`. */
function bucketOf(headers: IncomingHttpHeaders, query: string): RegExpExecArray | undefined {
    const isSigned = headers.authorization !== undefined || query.includes("X-Amz-Credential=");
    return isSigned ? undefined : (/^([^/]+)\.s3\.([a-z0-9-]+)\.amazonaws\.com$/.exec(headers.host ?? "") ?? undefined);
}

/** Everybody's request, in the form that the emulator knows: the bucket in the path, and the account that it belongs to. */
function anonymous(
    method = "GET",
    headers: IncomingHttpHeaders,
    [, bucket, region]: RegExpExecArray,
    path: string,
    query: string,
    body: Buffer,
    accountId: string,
): AwsRequest {
    const scope = `${accountId}/20000101/${region}/s3/aws4_request`;
    return {
        method,
        path: `/${bucket}${path}`,
        query,
        headers: {
            ...headers,
            host: "localhost",
            authorization: `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=0`,
        },
        body,
        ...{ service: "s3", region, accountId, accessKeyId: "" },
    };
}

/** Who calls which service where: from the Authorization header, or from the query of a presigned URL. */
function credentialScope(authorization: string | undefined, query: string) {
    const credential =
        /Credential=([^,\s]+)/.exec(authorization ?? "")?.[1] ??
        new URLSearchParams(query).get("X-Amz-Credential") ??
        "";
    const [accessKeyId = "", , region = "us-east-1", service = ""] = credential.split("/");
    return { accessKeyId, region, service };
}

function operationOf(headers: IncomingHttpHeaders, path: string, body: Buffer): string | undefined {
    const target = headers["x-amz-target"];
    if (typeof target === "string") {
        return target.slice(target.lastIndexOf(".") + 1);
    }
    if (headers["content-type"]?.startsWith("application/x-www-form-urlencoded")) {
        return new URLSearchParams(body.toString()).get("Action") ?? undefined;
    }
    return /^\/service\/[^/]+\/operation\/([^/]+)$/.exec(path)?.[1];
}

const hopByHop = new Set(["connection", "content-length", "expect", "keep-alive", "transfer-encoding"]);

function createForward(agent: Agent, port: number): Forward {
    return (request) =>
        new Promise((resolve, reject) => {
            const headers = Object.fromEntries(Object.entries(request.headers).filter(([name]) => !hopByHop.has(name)));
            if (/^ASIA/.test(request.accessKeyId)) {
                // The emulator tells accounts by their keys, and knows none of ours.
                headers.authorization = headers.authorization
                    ?.toString()
                    .replace(`Credential=${request.accessKeyId}/`, `Credential=${request.accountId}/`);
            }
            const outgoing = httpRequest({
                agent,
                host: "127.0.0.1",
                port,
                method: request.method,
                path: request.query === "" ? request.path : `${request.path}?${request.query}`,
                headers: { ...headers, "content-length": request.body.length },
            });
            outgoing.once("error", reject);
            outgoing.once("response", (incoming) => {
                const chunks: Buffer[] = [];
                incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
                incoming.once("error", reject);
                incoming.once("end", () =>
                    resolve({
                        status: incoming.statusCode ?? 502,
                        headers: incoming.headers as Record<string, string>,
                        body: Buffer.concat(chunks),
                    }),
                );
            });
            outgoing.end(request.body);
        });
}

function send(outgoing: Outgoing, incoming: Incoming, response: AwsResponse): void {
    for (const [name, value] of Object.entries(response.headers)) {
        if (!hopByHop.has(name)) {
            outgoing.setHeader(name, value);
        }
    }
    // The answer to HEAD tells the length of a body it does not have.
    const length = incoming.method === "HEAD" ? response.headers["content-length"] : String(response.body.length);
    if (length !== undefined && response.status !== 204 && response.status !== 304) {
        outgoing.setHeader("content-length", length);
    }
    outgoing.statusCode = response.status;
    outgoing.end(response.body);
}

/** An error in the protocol the service speaks. */
function errorResponse(request: AwsRequest, error: AwsError): AwsResponse {
    const { code, message, status } = error;
    const requestId = randomUUID();
    const inside = `<Code>${escapeXml(code)}</Code><Message>${escapeXml(message)}</Message>`;
    switch (request.service) {
        case "ec2":
            return xmlResponse(
                `<Response><Errors><Error>${inside}</Error></Errors><RequestID>${requestId}</RequestID></Response>`,
                status,
            );
        case "s3":
            return xmlResponse(`<Error>${inside}<RequestId>${requestId}</RequestId></Error>`, status);
        case "route53":
            return xmlResponse(
                `<ErrorResponse xmlns="https://route53.amazonaws.com/doc/2013-04-01/"><Error><Type>Sender</Type>${inside}</Error>` +
                    `<RequestId>${requestId}</RequestId></ErrorResponse>`,
                status,
            );
        case "iam":
        case "sns":
        case "sts":
        case "elasticache":
        case "elasticloadbalancing":
        case "autoscaling":
        case "monitoring":
            return xmlResponse(
                `<ErrorResponse><Error><Type>Sender</Type>${inside}</Error><RequestId>${requestId}</RequestId></ErrorResponse>`,
                status,
            );
        default:
            return jsonResponse({ __type: code, message, Message: message }, status, { "x-amzn-errortype": code });
    }
}
