// What the container `init` does for Envoy, in a folder of the test's own.
import { execFileSync } from "node:child_process";
import { dirname } from "node:path";

import { ownRoutes, routesFile } from "../../components/internal/envoy/envoyBootstrap";
import { openVolume, writeRoutes } from "../../components/internal/envoy/scripts";

/** Where the volume is instead. */
export function inFolder(text: string, directory: string): string {
    return text.replaceAll(dirname(routesFile), directory);
}

/** Writes the routes of a task by the real script. Without an id: as where ECS tells none. */
export function writeOwnRoutes(directory: string, domain: string, taskId?: string): void {
    execFileSync("/bin/sh", ["-c", inFolder([openVolume, writeRoutes].join("\n"), directory)], {
        env: {
            PATH: process.env.PATH,
            ROUTES: JSON.stringify(ownRoutes(domain)),
            ...(taskId !== undefined && {
                ECS_CONTAINER_METADATA_URI_V4: `http://169.254.170.2/v4/${taskId}-1234567890`,
            }),
        },
        stdio: "pipe",
    });
}
