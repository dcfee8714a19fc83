// What the container `init` does for Envoy, in a folder of the test's own.
import { execFileSync } from "node:child_process";
import { dirname } from "node:path";

import { ownRoutes, RouteOptions, routesFile } from "../../components/internal/envoy/routes";
import { openVolume, writeEnd, writeGuardedRoutes, writeRoutes } from "../../components/internal/envoy/scripts";

/** Where the volume is instead. */
export function inFolder(text: string, directory: string): string {
    return text.replaceAll(dirname(routesFile), directory);
}

/** What `init` knows of a task. */
export interface OwnTask {
    /** undefined: ECS does not tell. */
    readonly taskId?: string;
    readonly options?: RouteOptions;
    /** Of the container, beside what taskgate gives it. */
    readonly variables?: Readonly<Record<string, string>>;
    /** After which it ends. */
    readonly lifetimeSeconds?: number;
}

/** Writes the routes of a task by the real script. */
export function writeOwnRoutes(
    directory: string,
    domain: string,
    { taskId, options = { httpsPort: 443 }, variables, lifetimeSeconds }: OwnTask = {},
): void {
    const { authentication } = options;
    const sunset = lifetimeSeconds !== undefined;
    const routes = authentication === undefined ? writeRoutes : writeGuardedRoutes;
    const script = [openVolume, ...(sunset ? [writeEnd] : []), routes].join("\n");
    execFileSync("/bin/sh", ["-c", inFolder(script, directory)], {
        env: {
            PATH: process.env.PATH,
            ROUTES: JSON.stringify(ownRoutes(domain, { ...options, sunset })),
            ...(sunset && { LIFETIME_SECONDS: String(lifetimeSeconds) }),
            ...(authentication && { REQUIRED_VARIABLES: Object.values(authentication.requiredClaims).join(" ") }),
            ...variables,
            ...(taskId !== undefined && {
                ECS_CONTAINER_METADATA_URI_V4: `http://169.254.170.2/v4/${taskId}-1234567890`,
            }),
        },
        stdio: "pipe",
    });
}
