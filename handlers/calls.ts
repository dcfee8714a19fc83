import { failure } from "./failure";

// How this project calls AWS: no call hangs, throttling is waited out as long as there is time, and an error says what was asked.

/** What a handler needs to know of Lambda's context. */
export interface LambdaContext {
    readonly functionName: string;
    readonly awsRequestId: string;
    getRemainingTimeInMillis(): number;
}

/** Settings of every SDK client. The SDK's own retries know no deadline, so `call` does them. */
export function clientSettings() {
    return {
        maxAttempts: 1,
        requestHandler: { connectionTimeout: 3_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
    };
}

export async function sleep(milliseconds: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** A time to wait before try number `tries` (from 0): exponential, capped, with full jitter so that writers do not march in step. */
export function backoff(tries: number): number {
    return Math.random() * Math.min(5_000, 200 * 2 ** tries);
}

export function isThrottling(error: unknown): boolean {
    const { name } = error as Error;
    return (
        /Throttl|TooManyRequests|RequestLimitExceeded|ThroughputExceeded|SlowDown/.test(name) ||
        // Route 53 takes one change at a time in a zone.
        name === "PriorRequestNotComplete"
    );
}

/** A fault of the way there or of the service, not of the request. */
function isPassing(error: unknown): boolean {
    const { code, $metadata } = error as { code?: string; $metadata?: { httpStatusCode?: number } };
    const status = $metadata?.httpStatusCode;
    return status === undefined
        ? code !== undefined || /Timeout/.test((error as Error).name)
        : status >= 500 || status === 429;
}

/**
 * Sends a request until it is answered: a throttled one for as long as `deadline` (milliseconds since the epoch) allows, one that met a passing
 * fault four times; or `once`, for a caller that would rather change what it asks. `what` is the IAM action and the thing it was asked of.
 */
export async function call<T>(
    what: string,
    deadline: number,
    send: () => Promise<T>,
    how: "patiently" | "once" = "patiently",
): Promise<T> {
    for (let tries = 0; ; tries++) {
        if (Date.now() >= deadline) {
            throw failure("OutOfTime", `${what}: the function's time is over`);
        }
        try {
            return await inTime(deadline, send());
        } catch (error) {
            const wait = backoff(tries);
            const again = isThrottling(error) || (isPassing(error) && tries < 3);
            if (how === "once" || !again || Date.now() + wait >= deadline) {
                throw explained(what, error);
            }
            await sleep(wait);
        }
    }
}

/** A request may take longer than there is time; then nobody knows what became of it. */
async function inTime<T>(deadline: number, request: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const end = new Promise<never>((_, reject) => {
        const late = () => reject(failure("TimeoutError", "no answer within the function's time"));
        timer = setTimeout(late, Math.max(0, deadline - Date.now()));
    });
    try {
        return await Promise.race([request, end]);
    } finally {
        clearTimeout(timer);
    }
}

/**
 * Asks until there is an answer, at first quickly and then with patience. `atLeast` gives the shortest time to wait next, in milliseconds,
 * for who was told one.
 */
export async function poll<T>(
    what: string,
    deadline: number,
    ask: () => Promise<T | undefined>,
    atLeast: () => number = () => 0,
): Promise<T> {
    for (let pause = 100; ; pause = Math.min(2 * pause, 5_000)) {
        const answer = await ask();
        if (answer !== undefined) {
            return answer;
        }
        const wait = Math.max(pause, atLeast());
        if (Date.now() + wait >= deadline) {
            throw failure("OutOfTime", `${what} took longer than the function has time.`);
        }
        await sleep(wait);
    }
}

/** A fresh error without the request and the response that the SDK hangs on its own (they may hold a secret). */
function explained(what: string, error: unknown): Error {
    const { name, message, messages } = error as Error & { messages?: string[] };
    const explained = failure(name, `${what}: ${[message, ...(messages ?? [])].join(" ").trim()}`);
    return Object.assign(explained, { isFateUnknown: isPassing(error) });
}

/** Whether nobody knows what became of the request that ended so: it may have been made, or be made yet. */
export function isFateUnknown(error: unknown): boolean {
    return (error as { isFateUnknown?: boolean }).isFateUnknown === true;
}
