// What visitors see of deployments and accidents: our load-balanced service in two shapes, beside the settings of common tutorials.
import { rmSync } from "node:fs";

import { disturbances, disturbancesOf, disturbedService } from "../local/commands/disturbances/disturbances";
import type { Disturbance, Seen, Settings } from "../local/commands/disturbances/disturbances";
import { startSystem } from "../local/system";
import { printTable } from "./table";

const all = ["terminate", "endToEnd", "tutorial"] as const;

export async function deploy(): Promise<void> {
    const system = await startSystem({ name: `bench-${process.pid}` });
    const seen = new Map<string, Seen>();
    try {
        for (const settings of all) {
            const service = await disturbedService(system.file, settings);
            for (const disturbance of disturbancesOf(settings)) {
                console.error(`${settings}: ${disturbances[disturbance]}`);
                seen.set(`${disturbance} ${settings}`, await service.disturb(disturbance));
            }
            await service.destroy();
        }
    } finally {
        await system.stop();
    }
    rmSync(system.file.directory, { recursive: true }); // kept when something failed
    console.log(
        "20 requests a second of 50 ms each, and 12 WebSockets at once of 8 s each.\n" +
            "In flight: sent to the broken task before the load balancer could know; nothing could serve them. Failed and cut: all others.",
    );
    const heading = ["requests", "failed", "in flight", "longest gap", "WebSockets", "cut", "in flight", "noticed"];
    printTable(
        ["", ...heading, "steady", "of tutorial", "why"],
        disturbancesOf("endToEnd").flatMap((disturbance) =>
            all.flatMap((settings) => {
                const one = seen.get(`${disturbance} ${settings}`);
                const base = seen.get(`${disturbance} tutorial`);
                return one === undefined ? [] : [row(disturbance, settings, one, base)];
            }),
        ),
    );
}

function row(disturbance: Disturbance, settings: Settings, seen: Seen, tutorial: Seen | undefined): string[] {
    const { counts, inFlight, lost, noticedMs, steadyMs } = seen;
    return [
        `${disturbances[disturbance]}, ${settings}`,
        String(counts.requests),
        String(lost.requests.length),
        String(inFlight.requests),
        `${counts.longestGapMs} ms`,
        String(counts.webSockets.opened),
        String(lost.webSockets.length),
        String(inFlight.webSockets),
        noticedMs === undefined ? "" : inSeconds(noticedMs),
        inSeconds(steadyMs),
        tutorial === undefined ? "" : (steadyMs / tutorial.steadyMs).toFixed(2),
        [...reasons(counts.reasons), ...reasons(counts.webSockets.reasons).map((text) => `WebSocket ${text}`)].join(
            ", ",
        ),
    ];
}

function reasons(counts: Readonly<Record<string, number>>): string[] {
    return Object.entries(counts).map(([kind, count]) => `${kind} × ${count}`);
}

function inSeconds(milliseconds: number): string {
    return `${(milliseconds / 1_000).toFixed(1)} s`;
}
