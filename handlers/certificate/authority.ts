import type { IncomingHttpHeaders } from "node:http";
import type { Client } from "acme-client";
import { sleep } from "../calls";
import { failure } from "../failure";
import { load } from "../load";
import type { CertificateSettings } from "./settings";

// How an ACME server is talked to (RFC 8555, section 6). acme-client signs; the way there is ours: faults that pass are waited out, a nonce of
// an answer serves the next request, and a refusal keeps its type.

/** An error document (RFC 8555, section 6.7; RFC 9457). */
export interface Problem {
    readonly type?: string;
    readonly detail?: string;
    readonly subproblems?: readonly (Problem & { readonly identifier?: { readonly value?: string } })[];
}

/** What an error of the authority tells besides its message. */
export interface Refusal extends Error {
    /** Such as "urn:ietf:params:acme:error:rateLimited". */
    readonly type?: string;
    readonly status?: number;
    /** Milliseconds since the epoch before which it is no use to ask again, if it said so. */
    readonly retryAt?: number;
}

/** What the authority offers and wants (RFC 8555, section 7.1.1; RFC 9773; draft-ietf-acme-profiles). */
export interface Directory {
    readonly newNonce: string;
    readonly newAccount: string;
    readonly newOrder: string;
    readonly revokeCert: string;
    readonly keyChange: string;
    readonly renewalInfo?: string;
    readonly meta?: {
        readonly externalAccountRequired?: boolean;
        readonly caaIdentities?: readonly string[];
        readonly profiles?: Readonly<Record<string, string>>;
    };
}

export interface Answer {
    readonly status: number;
    readonly headers: IncomingHttpHeaders;
    readonly text: string;
}

/** An ACME server and who asks it. */
export interface Authority {
    readonly directory: Directory;
    /** Who signs by the account's key; its code is loaded when there is something to sign, which is not so when nothing is due. */
    readonly client: () => Client;
    /** Milliseconds since the epoch. */
    readonly deadline: number;
    /** Where the account is, once it was opened. */
    accountUrl: string | undefined;
    /** What a TXT record has to say to answer a dns-01 challenge (RFC 8555, section 8.4). */
    readonly challengeValue: (token: string) => Promise<string>;
    /** A signed request; without a payload it only reads ("POST-as-GET"). */
    readonly post: (url: string, payload?: object) => Promise<Answer>;
    readonly get: (url: string) => Promise<Answer>;
}

/** The most that a request is waited for. */
const REQUEST_MILLISECONDS = 20_000;
/** A longer Retry-After is for the next run. */
const PATIENCE_MILLISECONDS = 15_000;
/** How often a request is tried when what is wrong may pass. */
const TRIES = 5;
/** A refused nonce comes with the next one, so trying again is cheap. */
const NONCE_TRIES = 30;

export async function openAuthority(
    { directoryUrl, rootCertificates }: Pick<CertificateSettings, "directoryUrl" | "rootCertificates">,
    accountKey: string,
    deadline: number,
): Promise<Authority> {
    const asking: Asking = { deadline, nonces: [], rootCertificates };
    const { nonces } = asking;
    let opened: Client | undefined;
    const client = () => (opened ??= new (load("acme-client").Client)({ directoryUrl, accountKey }));
    const ask = (method: string, url: string, body?: () => Promise<string>) => request(method, url, body, asking);
    const { text } = await ask("GET", directoryUrl);
    const directory = parseDocument<Directory>(text, directoryUrl);
    const authority: Authority = {
        directory,
        client,
        deadline,
        accountUrl: undefined,
        challengeValue: (token) =>
            client().getChallengeKeyAuthorization({ type: "dns-01", token, url: "", status: "pending" }),
        get: (url) => ask("GET", url),
        post: (url, payload) =>
            ask("POST", url, async () => {
                if (nonces.length === 0) {
                    await ask("HEAD", directory.newNonce);
                }
                const nonce = nonces.pop() ?? "";
                const signed = signerOf(client()).createSignedBody(url, payload, { nonce, kid: authority.accountUrl });
                return JSON.stringify(signed);
            }),
    };
    return authority;
}

/** What acme-client signs requests with (RFC 8555, section 6.2). Its types leave it out; its own calls give no nonce and lose a problem's type. */
interface Signer {
    getJwk(): object;
    createSignedBody(
        url: string,
        payload?: object,
        header?: { readonly nonce?: string; readonly kid?: string },
    ): object;
    createSignedHmacBody(hmacKey: string, url: string, payload: object, header: { readonly kid: string }): object;
}

function signerOf(client: Client): Signer {
    return (client as unknown as { readonly http: Signer }).http;
}

/** Binds an account's key to an account that the authority knows already (RFC 8555, section 7.3.4). */
export function bindExternalAccount(
    { client, directory }: Authority,
    { keyId, hmacKey }: { readonly keyId: string; readonly hmacKey: string },
): object {
    const signer = signerOf(client());
    return signer.createSignedHmacBody(hmacKey, directory.newAccount, signer.getJwk(), { kid: keyId });
}

/** The wish that another key be the account's, signed by that key (RFC 8555, section 7.3.5); the account signs what it is sent in. */
export function signKeyChange({ client, directory, accountUrl }: Authority, next: string): object {
    const { Client } = load("acme-client");
    const newer = new Client({ directoryUrl: directory.keyChange, accountKey: next });
    const wish = { account: accountUrl, oldKey: signerOf(client()).getJwk() };
    return signerOf(newer).createSignedBody(directory.keyChange, wish);
}

/** A JSON document; another text is an error that says where it came from. */
export function parseDocument<T>(text: string, url: string): T {
    try {
        return JSON.parse(text) as T;
    } catch {
        throw failure(
            "CertificateAuthorityRefused",
            `${url} answered with something else than JSON: is it an ACME server?`,
        );
    }
}

/** What all requests of a run have in common. */
interface Asking extends Pick<CertificateSettings, "rootCertificates"> {
    readonly deadline: number;
    /** Of answers, for the next requests. */
    readonly nonces: string[];
}

async function request(
    method: string,
    url: string,
    body: (() => Promise<string>) | undefined,
    { deadline, nonces, rootCertificates }: Asking,
): Promise<Answer> {
    let refusedNonces = 0;
    for (let tries = 1; ; tries++) {
        const text = await body?.();
        const left = deadline - Date.now();
        if (left <= 0) {
            throw failure("OutOfTime", `The function's time was over before ${url} could be asked.`);
        }
        let error: Refusal;
        let isUntrusted = false;
        try {
            const answer = await send(method, url, text, {
                timeout: Math.min(REQUEST_MILLISECONDS, left),
                ca: rootCertificates,
            });
            const nonce = answer.headers["replay-nonce"];
            nonces.push(...(typeof nonce === "string" ? [nonce] : []));
            if (answer.status < 400) {
                return answer;
            }
            error = refusal(url, answer);
            if (error.type === "urn:ietf:params:acme:error:badNonce" && refusedNonces++ < NONCE_TRIES) {
                tries--;
                continue;
            }
        } catch (thrown) {
            const { message, code = "" } = thrown as Error & { code?: string };
            isUntrusted = /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_)/.test(code);
            const reason = isUntrusted
                ? `${url} shows a certificate that chains to no trusted root (${code}): give its root as acmeRootCertificates if that is an authority of your own.`
                : `${url} cannot be reached: ${message || code}.`;
            error = failure("CertificateAuthorityUnreachable", reason);
        }
        const { status = 503, retryAt } = error;
        // Exponential, with jitter: an authority that has just come back is not to be met by all at once.
        const pause =
            retryAt === undefined
                ? (0.5 + Math.random() / 2) * 500 * 2 ** (tries - 1)
                : Math.max(0, retryAt - Date.now());
        const passes = !isUntrusted && [408, 429, 500, 502, 503, 504].includes(status);
        if (!passes || tries === TRIES || pause > PATIENCE_MILLISECONDS || Date.now() + pause >= deadline) {
            throw error;
        }
        await sleep(pause);
    }
}

function send(
    method: string,
    url: string,
    body: string | undefined,
    { timeout, ca }: { readonly timeout: number; readonly ca: string | undefined },
): Promise<Answer> {
    const { request: open } = url.startsWith("http:") ? load("node:http") : load("node:https");
    return new Promise((resolve, reject) => {
        const headers = {
            // RFC 8555 wants every client to name itself.
            "user-agent": "taskgate",
            ...(body !== undefined && {
                "content-type": "application/jose+json",
                "content-length": Buffer.byteLength(body),
            }),
        };
        const outgoing = open(url, { method, headers, ca, signal: AbortSignal.timeout(timeout) }, (incoming) => {
            const chunks: Buffer[] = [];
            incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
            incoming.once("error", reject);
            incoming.once("end", () =>
                resolve({
                    status: incoming.statusCode ?? 0,
                    headers: incoming.headers,
                    text: Buffer.concat(chunks).toString(),
                }),
            );
        });
        outgoing.once("error", (error: Error) =>
            reject(error.name === "AbortError" ? new Error(`no answer within ${Math.round(timeout)} ms`) : error),
        );
        outgoing.end(body);
    });
}

function refusal(url: string, { status, headers, text }: Answer): Refusal {
    let problem: Problem | undefined;
    try {
        problem = JSON.parse(text) as Problem;
    } catch {
        // A proxy in front of the authority answers with a page of its own.
    }
    const retryAfter = headers["retry-after"];
    const retryAt = readRetryAfter(retryAfter, Date.now());
    const later =
        retryAt === undefined
            ? ""
            : ` Try again after ${retryAfter}${/^\d+$/.test(retryAfter ?? "") ? " seconds" : ""}.`;
    const message = `${url} answered ${status}: ${describeProblem(problem)}.${later}`;
    return Object.assign(failure("CertificateAuthorityRefused", message), { type: problem?.type, status, retryAt });
}

/** Seconds or a date (RFC 9110, section 10.2.3), as milliseconds since the epoch; undefined when it is neither. */
export function readRetryAfter(header: string | undefined, now: number): number | undefined {
    const at = /^\d+$/.test(header ?? "") ? now + Number(header) * 1_000 : Date.parse(header ?? "");
    return Number.isNaN(at) ? undefined : at;
}

/** What the authority said, and of which name, in a line. */
export function describeProblem(problem: Problem | undefined): string {
    const parts = (problem?.subproblems ?? []).map((part) => `${part.identifier?.value}: ${describeProblem(part)}`);
    const { detail, type } = problem ?? {};
    return [detail ?? "no reason given", ...(type ? [`(${type})`] : []), ...parts].join(" ");
}
