// How long the stop of a task and the start of the next one may take. ECS ends a task behind a load balancer in this order: the target is
// deregistered and keeps its requests for the deregistration delay; then its containers get SIGTERM in the reverse order of their
// dependencies, each with its own stop time-out: `lifecycle` drains Envoy, then `envoy` ends, then `app`.
import { integerReason, Reason } from "../rules";

/** The longest stop time-out that Fargate gives a container, in seconds. */
const longestStopTimeout = 120;

/** What Fargate Spot leaves a task from its warning to its end, in seconds. */
const spotWarning = 120;

/** Beyond its drain, `lifecycle` needs a moment to end. */
const lifecycleMargin = 5;

/** Stop time-out of `envoy`: it is drained already when it is told to stop, and ends at once. */
export const envoyStopTimeout = 5;

/** Stop time-out of the container that drains Envoy. */
export function lifecycleStopTimeout(drainSeconds: number): number {
    return drainSeconds + lifecycleMargin;
}

/** Seconds for which requests may go on after the stop has begun. */
export function drainReason(drainSeconds: number): Reason {
    return integerReason(drainSeconds, 0, longestStopTimeout - lifecycleMargin, "seconds");
}

export function stopTimeoutReason(seconds: number): Reason {
    return integerReason(seconds, 2, longestStopTimeout, "seconds");
}

/** What a stop consists of, in seconds. */
export interface StopTimes {
    /** 0 without a load balancer. */
    readonly deregistrationDelay: number;
    /** undefined without Envoy. */
    readonly drainSeconds: number | undefined;
    /** The app's own. */
    readonly stopTimeout: number;
}

/** The longest that a stop can take. */
export function stopSeconds({ deregistrationDelay, drainSeconds, stopTimeout }: StopTimes): number {
    const envoy = drainSeconds === undefined ? 0 : lifecycleStopTimeout(drainSeconds) + envoyStopTimeout;
    return deregistrationDelay + envoy + stopTimeout;
}

/** Why Fargate Spot cannot give a task the time to stop. */
export function spotReason(times: StopTimes): Reason {
    const needed = stopSeconds(times);
    if (needed <= spotWarning) {
        return undefined;
    }
    const drain =
        times.drainSeconds === undefined ? "" : ` + ${needed - times.deregistrationDelay - times.stopTimeout} s drain`;
    const parts = `${times.deregistrationDelay} s deregistration${drain} + ${times.stopTimeout} s stopTimeout`;
    return `Fargate Spot ends a task ${spotWarning} s after its warning, and this one needs ${needed} s (${parts}): lower some of them`;
}

/** How a load balancer judges a target. */
export interface HealthCheckTimes {
    readonly interval: number;
    readonly timeout: number;
    readonly healthyThreshold: number;
    readonly unhealthyThreshold: number;
    /** Seconds for which ECS does not stop a new task for being unhealthy. */
    readonly graceSeconds: number;
}

/** Why a new task could be stopped before it had the time to be found healthy, or a check could overlap the next one. */
export function targetHealthReasons(
    health: HealthCheckTimes,
): { readonly property: keyof HealthCheckTimes; readonly reason: string }[] {
    const { interval, timeout, healthyThreshold, unhealthyThreshold, graceSeconds } = health;
    const leastGrace = interval * healthyThreshold;
    const reasons: [keyof HealthCheckTimes, Reason][] = [
        ["interval", integerReason(interval, 5, 300, "seconds")],
        [
            "timeout",
            integerReason(timeout, 2, 120, "seconds") ??
                (timeout < interval
                    ? undefined
                    : `${timeout} s are not below the interval of ${interval} s: give less`),
        ],
        ["healthyThreshold", integerReason(healthyThreshold, 2, 10, "checks")],
        ["unhealthyThreshold", integerReason(unhealthyThreshold, 2, 10, "checks")],
        [
            "graceSeconds",
            integerReason(graceSeconds, 0, 7200, "seconds") ??
                (graceSeconds >= leastGrace
                    ? undefined
                    : `${graceSeconds} s are too few: a healthy task is found healthy after ${healthyThreshold} checks, one in ${interval} s: give at least ${leastGrace}`),
        ],
    ];
    return reasons.flatMap(([property, reason]) => (reason === undefined ? [] : [{ property, reason }]));
}

/**
 * Seconds after which Envoy closes an idle connection. An Application Load Balancer may use one as long as its own idle time-out, so Envoy
 * keeps it for longer; a Network Load Balancer forgets it silently, so Envoy closes it before.
 */
export function sidecarIdleTimeout(type: "application" | "network", idleTimeout: number): number {
    return type === "application" ? Math.max(300, idleTimeout + 60) : Math.min(300, idleTimeout - 30);
}
