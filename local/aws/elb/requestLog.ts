import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A request as a load balancer logged it once it was over. */
export interface LoggedRequest {
    /** Milliseconds since 1970. */
    readonly began: number;
    /** Address of the target that it was sent to; undefined when it was sent to none. */
    readonly target: string | undefined;
    /** What it was answered. */
    readonly status: number;
    /** Why, if Envoy answered by itself: https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage */
    readonly flags: string | undefined;
}

interface Line {
    readonly request_creation_time: string;
    readonly trace_id: string | null;
    readonly target: string | null;
    readonly elb_status_code: number;
    readonly flags: string | null;
}

/** What the load balancers of a local system have logged, by trace id. */
export function loggedRequests(directory: string): ReadonlyMap<string, LoggedRequest> {
    const requests = new Map<string, LoggedRequest>();
    for (const file of globSync(join(directory, "logs/balancers/*.log"))) {
        for (const text of readFileSync(file, "utf8").split("\n")) {
            if (text.startsWith("{") && text.endsWith("}")) {
                const { request_creation_time, trace_id, target, elb_status_code, flags } = JSON.parse(text) as Line;
                requests.set(trace_id ?? "", {
                    began: Number(request_creation_time),
                    target: target?.replace(/:\d+$/, ""),
                    status: elb_status_code,
                    flags: flags ?? undefined,
                });
            }
        }
    }
    return requests;
}
