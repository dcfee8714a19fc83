import {
    createServer as createHttpServer,
    request as httpRequest,
    type IncomingMessage,
    type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer, request as httpsRequest } from "node:https";
import type { AddressInfo } from "node:net";
import { createTlsCertificate } from "../../local/internet/authorities/tlsCertificate";

// A tap on the way to a server, with a hand on it: each request is seen, and can be failed, lost, or changed.

export interface TappedRequest {
    readonly method: string;
    readonly path: string;
    readonly headers: IncomingMessage["headers"];
    readonly body: string;
    /** What the server itself answered, if it was asked. */
    status?: number;
}

export interface TappedAnswer {
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
}

export interface Tap {
    readonly url: string;
    /** Of its own TLS, when it is one. */
    readonly ca: string | undefined;
    /** Every request since the start or the last `requests.length = 0`. */
    readonly requests: TappedRequest[];
    /**
     * Answers in place of the server; undefined passes the request on, "lose the answer" lets the server work and then hangs up. A function
     * changes the server's answer.
     */
    interfere?: (
        request: TappedRequest,
    ) => TappedAnswer | "lose the answer" | ((answer: TappedAnswer) => TappedAnswer) | undefined;
    stop(): Promise<void>;
}

/** Listens on 127.0.0.1 and passes on to `target`, by TLS when that is one; the name that it was called by goes along. */
export async function startTap(target: string, targetCa?: string): Promise<Tap> {
    const { protocol, hostname, port } = new URL(target);
    const isTls = protocol === "https:";
    const requests: TappedRequest[] = [];
    const listener = (incoming: IncomingMessage, outgoing: ServerResponse) => {
        void serve(incoming, outgoing).catch(() => outgoing.destroy());
    };
    const tls = isTls ? await createTlsCertificate("tap") : undefined;
    const server = tls
        ? createHttpsServer({ key: tls.privateKey, cert: tls.certificate }, listener)
        : createHttpServer(listener);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));

    async function serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
        const body = await read(incoming);
        const { method = "", url: path = "", headers } = incoming;
        const request: TappedRequest = { method, path, headers, body: body.toString() };
        requests.push(request);
        const instead = tap.interfere?.(request);
        const answer = typeof instead === "object" ? instead : await pass(request, body);
        if (instead === "lose the answer") {
            outgoing.destroy();
            return;
        }
        const { status, headers: answered, body: text } = typeof instead === "function" ? instead(answer) : answer;
        outgoing.writeHead(status, answered).end(text);
    }

    async function pass(request: TappedRequest, body: Buffer): Promise<TappedAnswer> {
        const { method, path, headers } = request;
        const options = { method, path, headers, hostname, port, agent: false as const };
        const incoming = await new Promise<IncomingMessage>((resolve, reject) => {
            const open = isTls ? httpsRequest({ ...options, ca: targetCa }, resolve) : httpRequest(options, resolve);
            open.once("error", reject).end(body);
        });
        const { statusCode = 0, headers: answered } = incoming;
        delete answered["transfer-encoding"];
        delete answered.connection;
        const text = await read(incoming);
        request.status = statusCode;
        // What is changed has another length.
        delete answered["content-length"];
        return { status: statusCode, headers: answered as Record<string, string>, body: text.toString() };
    }

    const tap: Tap = {
        url: `${protocol}//127.0.0.1:${(server.address() as AddressInfo).port}`,
        ca: tls?.ca,
        requests,
        async stop() {
            server.closeAllConnections();
            await new Promise((resolve) => server.close(resolve));
        },
    };
    return tap;
}

async function read(incoming: IncomingMessage): Promise<Buffer> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) {
        chunks.push(chunk as Buffer);
    }
    return Buffer.concat(chunks);
}
