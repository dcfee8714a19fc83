// What the container `init` does for Envoy, in a folder of the test's own.
import { execFileSync } from "node:child_process";
import { dirname } from "node:path";

import { ownRoutes, RouteGuard, routesFile } from "../../components/internal/envoy/envoyBootstrap";
import { openVolume, writeEnd, writeGuardedRoutes, writeRoutes } from "../../components/internal/envoy/scripts";

/** Where the volume is instead. */
export function inFolder(text: string, directory: string): string {
    return text.replaceAll(dirname(routesFile), directory);
}

/** Whose a task is. */
export interface Guarded {
    readonly guard: RouteGuard;
    readonly variables: Readonly<Record<string, string>>;
}

/** Writes the routes of a task by the real script. Without an id: as where ECS tells none. */
export function writeOwnRoutes(
    directory: string,
    domain: string,
    taskId?: string,
    guarded?: Guarded,
    lifetimeSeconds?: number,
): void {
    const sunset = lifetimeSeconds !== undefined;
    const routes = guarded === undefined ? writeRoutes : writeGuardedRoutes;
    const script = [openVolume, ...(sunset ? [writeEnd] : []), routes].join("\n");
    execFileSync("/bin/sh", ["-c", inFolder(script, directory)], {
        env: {
            PATH: process.env.PATH,
            ROUTES: JSON.stringify(ownRoutes(domain, { guard: guarded?.guard, sunset })),
            ...(sunset && { LIFETIME_SECONDS: String(lifetimeSeconds) }),
            ...(guarded && {
                REQUIRED_VARIABLES: Object.values(guarded.guard.authentication.requiredClaims).join(" "),
                ...guarded.variables,
            }),
            ...(taskId !== undefined && {
                ECS_CONTAINER_METADATA_URI_V4: `http://169.254.170.2/v4/${taskId}-1234567890`,
            }),
        },
        stdio: "pipe",
    });
}
