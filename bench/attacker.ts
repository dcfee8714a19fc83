// A process of its own that means harm: `node attacker.ts <job as JSON>`. It tells its parent once a second how many connections it has made.
import { setTimeout as delay } from "node:timers/promises";

import type { Served } from "../tests/support/connections";
import { Abuse, abuses } from "./abuses";

export interface Job {
    readonly abuse: Abuse;
    readonly served: Served;
}

async function attack({ abuse, served }: Job): Promise<void> {
    process.once("disconnect", () => process.exit()); // its parent is gone
    const { connections, flood, again, perSecond } = abuses[abuse];
    let [opened, allowed] = [0, 0];
    setInterval(() => (allowed = Math.min(allowed + perSecond / 50, perSecond)), 20);
    setInterval(() => process.send!(opened), 1_000);
    const slot = async (): Promise<void> => {
        for (;;) {
            while (allowed < 1) {
                await delay(20);
            }
            allowed--;
            const socket = await flood(served);
            opened++;
            if (again === "when it is closed") {
                await new Promise((resolve) => (socket.closed ? resolve(undefined) : socket.once("close", resolve)));
            } else {
                socket.destroy();
            }
        }
    };
    await Promise.all(Array.from({ length: connections }, slot));
}

void attack(JSON.parse(process.argv[2]) as Job);
