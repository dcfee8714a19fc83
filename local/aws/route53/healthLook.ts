// One look of one of Route 53's health checkers at an endpoint.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html
import { request as httpRequest, STATUS_CODES } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";

import type { HealthCheckConfig } from "@aws-sdk/client-route-53";

/** Where an endpoint is on this machine. */
export interface Place {
    readonly host: string;
    readonly port: number;
}

export interface Seen {
    readonly isHealthy: boolean;
    /** As GetHealthCheckStatus tells it. */
    readonly status: string;
}

/** Milliseconds for a connection, for an answer after that, and for a connection that is all that is asked for. */
const patience = { connection: 4_000, answer: 2_000, tcp: 10_000 };

/** Of the body, how much is searched. */
const searchedBytes = 5_120;

export async function look(config: HealthCheckConfig, place: Place | undefined, id: string): Promise<Seen> {
    if (place === undefined) {
        return { isHealthy: false, status: "Failure: DNS resolution failed: Rcode NXDOMAIN(3)" };
    }
    try {
        if (config.Type === "TCP") {
            await connected(place);
            return { isHealthy: true, status: "Success: TCP connection established" };
        }
        return judge(config, await answerOf(config, place, id), place);
    } catch (error) {
        return { isHealthy: false, status: `Failure: ${(error as Error).message}. Resolved IP: ${place.host}` };
    }
}

interface Answer {
    readonly code: number;
    readonly body: string;
}

function judge({ SearchString }: HealthCheckConfig, { code, body }: Answer, { host }: Place): Seen {
    const status = `HTTP Status Code ${code}, ${STATUS_CODES[code] ?? ""}. Resolved IP: ${host}`;
    if (code < 200 || code >= 400) {
        return { isHealthy: false, status: `Failure: ${status}` };
    }
    return SearchString === undefined || body.includes(SearchString)
        ? { isHealthy: true, status: `Success: ${status}` }
        : { isHealthy: false, status: `Failure: The response body did not contain the search string. ${status}` };
}

function connected({ host, port }: Place): Promise<void> {
    return new Promise((resolve, reject) => {
        const socket = connect({ host, port }, () => {
            socket.destroy();
            resolve();
        });
        socket.setTimeout(patience.tcp, () => socket.destroy(new Error("Connection timed out")));
        socket.once("error", reject);
    });
}

/** No certificate is checked: neither does Route 53. */
function answerOf(config: HealthCheckConfig, place: Place, id: string): Promise<Answer> {
    const { Type = "HTTP", FullyQualifiedDomainName: name, Port, ResourcePath: path = "/", EnableSNI } = config;
    const isTls = Type.startsWith("HTTPS");
    const host = name ?? config.IPAddress ?? "";
    const isUsual = Port === undefined || Port === (isTls ? 443 : 80);
    return new Promise((resolve, reject) => {
        const sent = (isTls ? httpsRequest : httpRequest)({
            ...place,
            path,
            agent: false,
            headers: {
                host: isUsual ? host : `${host}:${Port}`,
                "user-agent": `Amazon-Route53-Health-Check-Service (ref ${id})`,
                connection: "close",
            },
            ...(isTls ? { rejectUnauthorized: false, servername: EnableSNI === false ? "" : name } : {}),
        });
        const within = (milliseconds: number, what: string): NodeJS.Timeout =>
            setTimeout(() => sent.destroy(new Error(what)), milliseconds);
        let timer = within(patience.connection, "Connection timed out");
        sent.once("socket", (socket) =>
            socket.once(isTls ? "secureConnect" : "connect", () => {
                clearTimeout(timer);
                timer = within(patience.answer, "The endpoint did not answer in time");
            }),
        )
            .once("response", (response) => {
                let body = "";
                response
                    .setEncoding("latin1")
                    .on("data", (chunk: string) => (body = (body + chunk).slice(0, searchedBytes)))
                    .once("end", () => resolve({ code: response.statusCode ?? 0, body }))
                    .once("error", reject);
            })
            .once("error", reject)
            .once("close", () => clearTimeout(timer))
            .end();
    });
}
