import { globSync } from "node:fs";
import { join } from "node:path";

import { ask } from "./proxy";

/** Counters and gauges of all load balancers of a local system, by Envoy's names for them. */
export async function balancerStats(directory: string, filter: string): Promise<Readonly<Record<string, number>>> {
    const sockets = globSync(join(directory, "balancers", "*", "admin.sock"));
    const texts = await Promise.all(sockets.map((path) => ask(path, `/stats?filter=${encodeURIComponent(filter)}`)));
    const lines = texts.flatMap((text) => (text ?? "").split("\n")).filter((line) => line.includes(": "));
    return Object.fromEntries(
        lines.map((line) => {
            const [name, value] = line.split(": ");
            return [name, Number(value)];
        }),
    );
}
