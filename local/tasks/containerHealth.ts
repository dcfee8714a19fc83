import { spawn } from "node:child_process";
import { Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

import type { HealthCheck } from "@aws-sdk/client-ecs";

import type { ContainerInside } from "./container";
import { standIn } from "./images/images";
import { translateHealthCheck } from "./translate";

export type HealthStatus = "HEALTHY" | "UNHEALTHY";

export interface HealthCheckOptions extends ContainerInside {
    readonly healthCheck: HealthCheck;
    readonly onStatus: (status: HealthStatus) => void;
    /** Ends the checks. */
    readonly signal: AbortSignal;
}

const curlProgram = standIn("curl");

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

async function passes({ healthCheck, signal, ...inside }: HealthCheckOptions): Promise<boolean> {
    const { translation, programs, exec = [], env, cwd } = inside;
    const [kind, ...words] = (healthCheck.command ?? []).map((word) =>
        translation === undefined ? word : translateHealthCheck(word, translation),
    );
    const [program, ...args] = [...exec, ...(kind === "CMD-SHELL" ? ["/bin/sh", "-c", ...words] : words)];
    const timeoutMs = (healthCheck.timeout ?? 5) * 1_000;
    const [, script, ...fixed] = Object.hasOwn(programs, program) ? programs[program] : [];
    if (script === curlProgram) {
        // Without a process of its own: those of a hundred tasks would take a core.
        const { curl } = await import("./programs/curl.mjs");
        const ends = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
        const stdout = new Writable({ write: (_chunk, _encoding, done) => done() });
        const tell = (): void => {};
        return (await curl([...fixed, ...args], { cwd, stdout, tell, signal: ends }).catch(() => 1)) === 0;
    }
    return new Promise((resolve) => {
        const child = spawn(program, args, {
            env,
            cwd,
            stdio: "ignore",
            timeout: timeoutMs,
            killSignal: "SIGKILL",
            signal,
        });
        child.once("error", () => resolve(false));
        child.once("exit", (code) => resolve(code === 0));
    });
}
