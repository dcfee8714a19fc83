import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { answers, freePort } from "../../machine/processes";
import type { ManagedProcess, Processes } from "../../machine/processes";

/** Starts MiniStack, the AWS emulator behind the gateway, on 127.0.0.1. */
export async function startEmulator(
    processes: Processes,
    options: { readonly root: string; readonly accountId: string },
): Promise<ManagedProcess & { readonly port: number }> {
    const port = await freePort();
    const bin = join(options.root, ".tools/python/bin");
    const temporary = join(processes.directory, "emulator");
    mkdirSync(temporary, { recursive: true });
    const managed = await processes.start({
        name: "emulator",
        command: join(bin, "python"),
        args: [join(__dirname, "emulator.py")],
        env: {
            PATH: `${bin}:/usr/local/bin:/usr/bin:/bin`,
            HOME: temporary,
            TMPDIR: temporary,
            BIND_HOST: "127.0.0.1",
            GATEWAY_PORT: String(port),
            IOT_MTLS_ENABLED: "0",
            SFTP_ENABLED: "0",
            MINISTACK_ACCOUNT_ID: options.accountId,
            LOG_LEVEL: "WARNING",
        },
        cwd: temporary,
        ready: answers(`http://127.0.0.1:${port}/_ministack/health`),
    });
    return { ...managed, port };
}
