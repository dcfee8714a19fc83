import { request as httpRequest } from "node:http";
import type { RequestOptions } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";

import type { Target, TargetGroup } from "./state";

/** How often a new target is looked at: nobody wants to wait out AWS's interval here. */
const firstChecksEveryMs = 200;

/** What a failed check says, as DescribeTargetHealth shows it. */
interface Failure {
    readonly reason: string;
    readonly description: string;
}

/**
 * Judges a target until it is deregistered. As on AWS, one success makes a new target healthy; afterwards it takes the thresholds.
 * Failures count once an interval. Checks come from the load balancer's address.
 */
export async function watchTarget(
    group: TargetGroup,
    target: Target,
    onChange: () => void,
    from: () => string | undefined = () => undefined,
): Promise<void> {
    const { signal } = target.ended;
    let successes = 0;
    let failures = 0;
    let countsFrom = Date.now() + Number(group.view.HealthCheckIntervalSeconds) * 1_000;
    while (!signal.aborted) {
        const { view } = group;
        const intervalMs = Number(view.HealthCheckIntervalSeconds) * 1_000;
        const began = Date.now();
        const failure = await check(group, target, from()).then(
            () => undefined,
            (error: Error): Failure => ("reason" in error ? (error as Error & Failure) : unreachable(error)),
        );
        if (signal.aborted) {
            return;
        }
        const counts = target.state !== "initial" || Date.now() >= countsFrom;
        if (failure === undefined) {
            successes++;
            failures = 0;
        } else if (counts) {
            failures++;
            successes = 0;
            countsFrom = Date.now() + intervalMs;
        }
        const before = target.state;
        if (failure === undefined && (before === "initial" || successes >= Number(view.HealthyThresholdCount))) {
            Object.assign(target, { state: "healthy", reason: undefined, description: undefined });
        } else if (failure !== undefined && failures >= Number(view.UnhealthyThresholdCount)) {
            Object.assign(target, { state: "unhealthy", ...pick(failure) });
        }
        if (target.state !== before) {
            onChange();
        }
        const pauseMs = target.state === "initial" ? firstChecksEveryMs : began + intervalMs - Date.now();
        await delay(Math.max(pauseMs, 0), undefined, { signal }).catch(() => undefined);
    }
}

function pick({ reason, description }: Failure): Failure {
    return { reason, description };
}

function unreachable({ message }: Error): Failure {
    const isTimeout = /timed out/.test(message);
    return isTimeout
        ? { reason: "Target.Timeout", description: "Request timed out" }
        : { reason: "Target.FailedHealthChecks", description: "Health checks failed" };
}

/** Resolves when the target passes. */
async function check(group: TargetGroup, { id, port }: Target, localAddress?: string): Promise<void> {
    const { HealthCheckProtocol, HealthCheckPort, HealthCheckPath, HealthCheckTimeoutSeconds, Matcher } = group.view;
    const host = id;
    const to = { host, localAddress, port: HealthCheckPort === "traffic-port" ? port : Number(HealthCheckPort) };
    const timeout = Number(HealthCheckTimeoutSeconds) * 1_000;
    const socket = await connected(to, timeout, group.attributes["proxy_protocol_v2.enabled"] === "true");
    try {
        if (HealthCheckProtocol === "TCP") {
            return;
        }
        const secured = HealthCheckProtocol === "HTTPS" ? await secure(socket) : socket;
        const status = await get({ ...to, path: HealthCheckPath, createConnection: () => secured });
        if (!isMatch(status, Matcher?.HttpCode ?? Matcher?.GrpcCode ?? "200")) {
            throw Object.assign(new Error(), {
                reason: "Target.ResponseCodeMismatch",
                description: `Health checks failed with these codes: [${status}]`,
            });
        }
    } finally {
        socket.destroy();
    }
}

/** Says "not on behalf of a client": version 2, command LOCAL, no addresses. */
const localProxyHeader = Buffer.from("0d0a0d0a000d0a515549540a20000000", "hex");

function connected(
    to: { host: string; port: number; localAddress?: string },
    timeout: number,
    sendsProxyHeader: boolean,
): Promise<Socket> {
    return new Promise((resolve, reject) => {
        const socket = connect(to, () => {
            if (sendsProxyHeader) {
                socket.write(localProxyHeader);
            }
            resolve(socket);
        });
        socket.setTimeout(timeout, () => socket.destroy(new Error("timed out")));
        socket.on("error", reject);
    });
}

function secure(socket: Socket): Promise<Socket> {
    return new Promise((resolve, reject) => {
        const secured = connectTls({ socket, rejectUnauthorized: false }, () => resolve(secured));
        secured.on("error", reject);
        socket.on("error", reject);
    });
}

function get(options: RequestOptions): Promise<number> {
    return new Promise((resolve, reject) => {
        const headers = { "user-agent": "ELB-HealthChecker/2.0", connection: "close" };
        httpRequest({ ...options, headers }, (response) => {
            response.resume();
            resolve(response.statusCode ?? 0);
        })
            .once("error", reject)
            .end();
    });
}

/** `200`, `200,202` or `200-299` */
function isMatch(status: number, matcher: string): boolean {
    return matcher.split(",").some((range) => {
        const [least, most = least] = range.split("-").map(Number);
        return status >= least && status <= most;
    });
}
