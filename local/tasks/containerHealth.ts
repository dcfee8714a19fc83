import { spawn } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";

import type { HealthCheck } from "@aws-sdk/client-ecs";

import { translateHealthCheck } from "./translate";
import type { Translation } from "./translate";

export type HealthStatus = "HEALTHY" | "UNHEALTHY";

export interface HealthCheckOptions {
    readonly healthCheck: HealthCheck;
    readonly translation: Translation;
    readonly env: Readonly<Record<string, string>>;
    readonly cwd: string;
    readonly onStatus: (status: HealthStatus) => void;
    /** Ends the checks. */
    readonly signal: AbortSignal;
}

/** How often a container that has not been healthy yet is looked at: nobody wants to wait out AWS's 5 s minimum here. */
const firstChecksEveryMs = 200;

/**
 * Runs a container's health check until `signal` ends it. As on AWS, failures count once startPeriod and the first interval
 * are over, and `retries` of them in a row make it unhealthy.
 */
export async function watchHealth(options: HealthCheckOptions): Promise<void> {
    const { interval = 30, retries = 3, startPeriod = 0 } = options.healthCheck;
    const failuresCountFrom = Date.now() + (startPeriod + interval) * 1_000;
    let wasHealthy = false;
    let failures = 0;
    while (!options.signal.aborted) {
        if (await passes(options)) {
            wasHealthy = true;
            failures = 0;
            options.onStatus("HEALTHY");
        } else if (wasHealthy || Date.now() >= failuresCountFrom) {
            failures++;
            if (failures >= retries) {
                options.onStatus("UNHEALTHY");
            }
        }
        const isStarting = !wasHealthy && Date.now() < failuresCountFrom;
        await delay(isStarting ? firstChecksEveryMs : interval * 1_000, undefined, { signal: options.signal }).catch(
            () => undefined,
        );
    }
}

function passes({ healthCheck, translation, env, cwd, signal }: HealthCheckOptions): Promise<boolean> {
    const [kind, ...words] = (healthCheck.command ?? []).map((word) => translateHealthCheck(word, translation));
    const [program, ...args] = kind === "CMD-SHELL" ? ["/bin/sh", "-c", ...words] : words;
    return new Promise((resolve) => {
        const child = spawn(program, args, {
            env,
            cwd,
            stdio: "ignore",
            timeout: (healthCheck.timeout ?? 5) * 1_000,
            killSignal: "SIGKILL",
            signal,
        });
        child.once("error", () => resolve(false));
        child.once("exit", (code) => resolve(code === 0));
    });
}
