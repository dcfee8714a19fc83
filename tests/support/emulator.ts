import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startEmulator as startMiniStack } from "../../local/aws/gateway/emulator";
import { startGateway } from "../../local/aws/gateway/gateway";
import type { Overlay } from "../../local/aws/gateway/overlay";
import type { Permissions } from "../../local/aws/permissions/permissions";
import { rules } from "../../local/aws/rules";
import { createProcesses } from "../../local/machine/processes";
import { projectRoot } from "../../local/machine/projectRoot";

export const accountId = "111122223333";

export interface EmulatorOptions {
    /** Under test. */
    readonly overlays: readonly Overlay[];
    /** Without them everybody may do everything. */
    readonly permissions?: Permissions;
    /** A free one if left out. */
    readonly gatewayPort?: number;
}

export interface Emulator {
    /** Of the gateway. */
    readonly url: string;
    readonly directory: string;
    stop(): Promise<void>;
}

/** The emulator behind a gateway, with a directory of its own. */
export async function startEmulator({ overlays, permissions, gatewayPort }: EmulatorOptions): Promise<Emulator> {
    const directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
    const processes = createProcesses(directory);
    const { port: emulatorPort } = await startMiniStack(processes, { root: projectRoot, accountId });
    const faults: string[] = [];
    const log = (text: string) => faults.push(text);
    const gateway = await startGateway({
        port: gatewayPort,
        emulatorPort,
        accountId,
        overlays,
        rules,
        permissions,
        log,
    });
    return {
        url: gateway.url,
        directory,
        async stop() {
            await gateway.stop();
            await processes.stop();
            rmSync(directory, { recursive: true, force: true });
            if (faults.length > 0) {
                throw new Error(`The gateway reported faults:\n${faults.join("\n")}`);
            }
        },
    };
}
