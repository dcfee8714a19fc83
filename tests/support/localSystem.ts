// The one local system that the tests of a file share (of a run, where files run one after the other): started when the
// first of them asks, stopped after the last.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { Caller, deliveredCertificate, DeliveredCertificate, eventually } from "../../local/internet/caller";
import { runOperation } from "../../local/pulumi/operation";
import { localConfig, platformsOf } from "../../local/pulumi/platforms";
import { RunningSystem, startSystem } from "../../local/system";

let system: Promise<RunningSystem> | undefined;
let stack: Promise<Caller> | undefined;

export function localSystem(): Promise<RunningSystem> {
    system ??= startSystem({ name: `test-${process.pid}` });
    return system;
}

/** The stack "local", up; its first certificate may still be on its way. */
export function localStack(): Promise<Caller> {
    stack ??= localSystem().then(async ({ file }) => {
        const { outputs } = await runOperation(file, "up", { config: localConfig(file), stateAtEnd: true });
        return platformsOf(file, outputs)[0];
    });
    return stack;
}

export async function issuedCertificate(caller: Caller): Promise<DeliveredCertificate> {
    return eventually("first certificate", () => deliveredCertificate(caller));
}

export const mochaHooks = {
    async afterAll(): Promise<void> {
        const started = system;
        [system, stack] = [undefined, undefined];
        const running = await started;
        await running?.stop();
        const log = running && join(running.file.directory, "logs", "gateway.log");
        const text = log !== undefined && existsSync(log) ? readFileSync(log, "utf8") : "";
        const misfits = text.split("\n").filter((line) => line.includes("does not fit AWS's model"));
        if (misfits.length > 0) {
            throw new Error(`The local AWS does not answer as AWS does:\n${misfits.join("\n")}`);
        }
    },
};
