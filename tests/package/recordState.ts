// The state of a stack that a released version has made. `npm run record-state` records that of this version.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { runOperation } from "../../local/pulumi/operation";
import { readState } from "../../local/pulumi/state";
import { startSystem } from "../../local/system";
import { root, version } from "../support/plugin";

export const states = join(__dirname, "states");
export const stack = "recorded";

/** Nothing of the local system that made it but the zone: a later one has other ports. Nobody answers at that directory. */
export const config = {
    "aws:region": "eu-west-1",
    domain: "tasks.example.test",
    acmeDirectory: "https://127.0.0.1:1/directory",
    notificationEmail: "platform@example.test",
    desiredCount: "0",
};

async function record(): Promise<void> {
    const system = await startSystem({ name: `record-${process.pid}` });
    try {
        const { hostedZoneId } = system.file;
        await runOperation(system.file, "up", { stack, config: { ...config, hostedZoneId } });
        mkdirSync(states, { recursive: true });
        const { text } = readState(system.file, stack);
        writeFileSync(join(states, `${version}.golden.json`), text.replaceAll(root, "."));
    } finally {
        await system.stop();
    }
}

if (require.main === module) {
    void record();
}
