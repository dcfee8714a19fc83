import { createServer, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

// A small AWS on loopback for tests of the handlers, which make their own SDK clients: one HTTP server, told apart by the
// service in the request's signature.

export interface FakeRequest {
    /** As in the signature: "ecs", "route53". */
    readonly service: string;
    readonly region: string;
    /** "DescribeTasks"; for Route 53, which is REST, "POST /2013-04-01/hostedzone/Z1/rrset". */
    readonly operation: string;
    readonly query: URLSearchParams;
    readonly headers: IncomingHttpHeaders;
    readonly body: string;
}

export interface FakeResponse {
    readonly status?: number;
    readonly type: "application/x-amz-json-1.1" | "text/xml";
    readonly headers?: Readonly<Record<string, string>>;
    readonly body: string;
}

export interface FakeService {
    readonly service: string;
    answer(request: FakeRequest): Promise<FakeResponse> | FakeResponse;
}

export type Interference = FakeResponse | "lose the answer" | undefined;

export interface FakeAws {
    readonly url: string;
    /** Every request since the start or the last `requests.length = 0`. */
    readonly requests: FakeRequest[];
    /** Answers in place of a service; undefined lets the service answer, "lose the answer" lets it work and then hangs up. */
    interfere?: (request: FakeRequest) => Interference | Promise<Interference>;
    stop(): Promise<void>;
}

export async function startFakeAws(services: readonly FakeService[]): Promise<FakeAws> {
    const requests: FakeRequest[] = [];
    const server = createServer((incoming, outgoing) => {
        void readRequest(incoming).then(async (request) => {
            requests.push(request);
            const service = services.find((candidate) => candidate.service === request.service);
            const instead = await aws.interfere?.(request);
            const response =
                typeof instead === "object"
                    ? instead
                    : ((await service?.answer(request)) ??
                      xmlError(404, "NoSuchService", `This fake has no service "${request.service}".`));
            if (instead === "lose the answer") {
                outgoing.destroy();
            } else {
                const headers = { "content-type": response.type, ...response.headers };
                outgoing.writeHead(response.status ?? 200, headers).end(response.body);
            }
        });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const aws: FakeAws = {
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        requests,
        async stop() {
            server.closeAllConnections();
            await new Promise((resolve) => server.close(resolve));
        },
    };
    return aws;
}

async function readRequest(incoming: IncomingMessage): Promise<FakeRequest> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) {
        chunks.push(chunk as Buffer);
    }
    const body = Buffer.concat(chunks).toString();
    const { pathname, searchParams } = new URL(incoming.url ?? "/", "http://fake");
    const target = incoming.headers["x-amz-target"] as string | undefined;
    const action = target?.split(".").at(-1) ?? new URLSearchParams(body).get("Action");
    const [, region = "", service = ""] =
        /Credential=[^/]+\/\d+\/([^/]+)\/([^/]+)\//.exec(incoming.headers.authorization ?? "") ?? [];
    return {
        service,
        region,
        operation: action ?? `${incoming.method} ${pathname}`,
        query: searchParams,
        headers: incoming.headers,
        body,
    };
}

export function json(body: object, status = 200): FakeResponse {
    return { status, type: "application/x-amz-json-1.1", body: JSON.stringify(body) };
}

export function xml(body: string, status = 200): FakeResponse {
    return { status, type: "text/xml", body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}` };
}

export function jsonError(status: number, name: string, message: string): FakeResponse {
    return json({ __type: name, message }, status);
}

export function xmlError(status: number, code: string, message: string): FakeResponse {
    const error = `<Error><Type>Sender</Type><Code>${code}</Code><Message>${escapeXml(message)}</Message></Error>`;
    return xml(`<ErrorResponse>${error}<RequestId>fake</RequestId></ErrorResponse>`, status);
}

export function escapeXml(text: string): string {
    return text.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Sets environment variables (undefined removes one) and returns what puts them back. */
export function setEnvironment(variables: Readonly<Record<string, string | undefined>>): () => void {
    const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
    const set = (entries: Iterable<readonly [string, string | undefined]>) => {
        for (const [name, value] of entries) {
            if (value === undefined) {
                delete process.env[name];
            } else {
                process.env[name] = value;
            }
        }
    };
    set(Object.entries(variables));
    return () => set(before);
}

/** What a function finds in its environment to reach `url` as AWS. */
export function awsEnvironment(url: string): Record<string, string> {
    return {
        AWS_ENDPOINT_URL: url,
        AWS_REGION: "eu-west-1",
        AWS_ACCESS_KEY_ID: "111122223333",
        AWS_SECRET_ACCESS_KEY: "test",
    };
}
