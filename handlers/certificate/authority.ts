import type { Client } from "acme-client";
import { sleep } from "../calls";
import { failure } from "../failure";
import { load } from "../load";
import type { CertificateSettings } from "./settings";

/** An error document of an ACME server (RFC 8555, section 6.7). */
export interface Problem {
    readonly type?: string;
    readonly detail?: string;
    readonly subproblems?: readonly (Problem & { readonly identifier?: { readonly value?: string } })[];
}

const REQUEST_MILLISECONDS = 30_000;
const PATIENCE_SECONDS = 10;

/** A client of the certificate authority, with the account that belongs to the key: the one there is, else a new one. */
export async function openAccount(
    settings: CertificateSettings,
    accountKey: string,
    deadline: number,
): Promise<Client> {
    const acme = load("acme-client");
    tameRequests(deadline);
    const client = new acme.Client({ directoryUrl: settings.directoryUrl, accountKey });
    try {
        // Asked for by its key alone: acme-client would follow up a found account with an update that changes nothing, which is refused.
        await client.createAccount({ onlyReturnExisting: true });
    } catch (error) {
        const { type, message } = error as Error & { type?: string };
        if (type === "urn:ietf:params:acme:error:unauthorized") {
            const advice = `Delete the SSM parameter ${settings.accountKeyParameter} to begin with a new account.`;
            throw failure("AccountUnusable", `${message} ${advice}`);
        }
        if (type !== "urn:ietf:params:acme:error:accountDoesNotExist") {
            throw error;
        }
        const contact = settings.email === "" ? undefined : [`mailto:${settings.email}`];
        await client.createAccount({ termsOfServiceAgreed: true, contact });
    }
    return client;
}

/**
 * Gives acme-client's requests a time-out and errors that say what happened. Its own handling of answers, which this replaces, sleeps
 * for as long as a Retry-After says, loses type and status of a problem, and turns every network error into a TypeError.
 */
function tameRequests(deadline: number): void {
    const { axios } = load("acme-client");
    const { request, response } = axios.interceptors;
    request.clear();
    request.use((config) => {
        const left = deadline - Date.now();
        if (left <= 0) {
            throw failure("OutOfTime", `The function's time was over before ${config.url} could be asked.`);
        }
        return { ...config, timeout: Math.min(REQUEST_MILLISECONDS, left) };
    });
    response.clear();
    response.use(
        async (answer) => {
            const { status, headers, config } = answer;
            const problem = answer.data as Problem | undefined;
            // acme-client tries again with another nonce by itself.
            if (status < 400 || problem?.type === "urn:ietf:params:acme:error:badNonce") {
                return answer;
            }
            const retryAfter = String(headers["retry-after"] ?? "");
            const pause = Number(retryAfter);
            if (
                (status === 429 || status === 503) &&
                pause > 0 &&
                pause <= PATIENCE_SECONDS &&
                Date.now() + pause * 1_000 < deadline
            ) {
                await sleep(pause * 1_000);
                return axios.request(config);
            }
            const later = retryAfter === "" ? "" : ` Try again after ${retryAfter}${pause > 0 ? " seconds" : ""}.`;
            const text = `${config.url} answered ${status}: ${describeProblem(problem)}.${later}`;
            throw Object.assign(failure("CertificateAuthorityRefused", text), { type: problem?.type });
        },
        (error: Error & { readonly code?: string; readonly config?: { readonly url?: string } }) => {
            const { name, message, code, config } = error;
            throw name === "OutOfTime"
                ? error
                : failure("CertificateAuthorityUnreachable", `${config?.url} cannot be reached: ${message || code}.`);
        },
    );
}

/** What the authority said, and of which name, in a line. */
export function describeProblem(problem: Problem | undefined): string {
    const parts = (problem?.subproblems ?? []).map((part) => `${part.identifier?.value}: ${describeProblem(part)}`);
    const { detail, type } = problem ?? {};
    return [detail ?? "no reason given", ...(type ? [`(${type})`] : []), ...parts].join(" ");
}
