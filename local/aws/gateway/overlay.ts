import type { IncomingHttpHeaders } from "node:http";

import { AwsError } from "../models/awsError";

export { AwsError };

/** A call to AWS as it came in, with what its signature says about it. */
export interface AwsRequest {
    readonly method: string;
    /** As sent: not decoded. */
    readonly path: string;
    /** As sent, without the "?": S3 tells `?versions` from `?versions=`. */
    readonly query: string;
    readonly headers: IncomingHttpHeaders;
    readonly body: Buffer;
    /** Of the credential scope, e.g. "ecs"; "" when the request is not signed. */
    readonly service: string;
    readonly region: string;
    readonly accountId: string;
    readonly accessKeyId: string;
    /** Whose key it is: a role's session or a service; undefined for the account itself. */
    readonly principal?: string;
    /** As AWS's model names it; undefined when the request is not signed. */
    readonly operation?: string;
    /** By the model's names and types, whatever the protocol; undefined when the request is not signed. */
    readonly parameters?: Readonly<Record<string, unknown>>;
}

export interface AwsResponse {
    readonly status: number;
    readonly headers: Readonly<Record<string, string | string[]>>;
    readonly body: Buffer;
}

/** Sends a request to the emulator and gives its answer. */
export type Forward = (request: AwsRequest) => Promise<AwsResponse>;

/** What the gateway adds to one service of the emulator. */
export interface Overlay {
    readonly service: string;
    /** Requests below this path come here too, signed or not. */
    readonly pathPrefix?: string;
    /** undefined = pass the request on unchanged. An AwsError becomes an error answer in the service's own protocol. */
    handle(request: AwsRequest, forward: Forward): Promise<AwsResponse | undefined>;
}

export function jsonResponse(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): AwsResponse {
    return {
        status,
        headers: { "content-type": "application/x-amz-json-1.1", ...headers },
        body: Buffer.from(JSON.stringify(body)),
    };
}

export function xmlResponse(body: string, status = 200): AwsResponse {
    return {
        status,
        headers: { "content-type": "text/xml" },
        body: Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${body}`),
    };
}

export function escapeXml(text: string): string {
    return text.replace(/[<>&'"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
