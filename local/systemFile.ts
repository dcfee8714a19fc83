import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** What everybody needs to know about one running copy of the local system: `.local/<name>/system.json`. */
export interface SystemFile {
    readonly name: string;
    /** The process that holds everything. */
    readonly pid: number;
    /** Absolute path of `.local/<name>`. */
    readonly directory: string;
    /** Also the access key id to sign with: the emulator takes a 12-digit key id as the account. */
    readonly accountId: string;
    /** The one endpoint of everybody: AWS_ENDPOINT_URL. */
    readonly gatewayUrl: string;
    readonly dns: { readonly address: "127.0.0.1"; readonly port: number };
    readonly acme: {
        readonly directoryUrl: string;
        readonly managementUrl: string;
        /** PEM: what the ACME server's own HTTPS API chains to (NODE_EXTRA_CA_CERTS). */
        readonly tlsCaFile: string;
        /** PEM: the root of the certificates it issues. */
        readonly rootFile: string;
    };
    /** The port every task serves HTTPS on; each task has its own address. */
    readonly httpsPort: number;
    /** The same for the redirect to HTTPS. */
    readonly httpPort: number;
    readonly domain: string;
    /** The zone of `domain` in the emulated Route 53, made at start. */
    readonly hostedZoneId: string;
}

export function systemFilePath(directory: string): string {
    return join(directory, "system.json");
}

export function writeSystemFile(file: SystemFile): void {
    writeFileSync(systemFilePath(file.directory), JSON.stringify(file, undefined, 4) + "\n");
}

/** Reads the file of a running copy; one whose process has gone is no running copy. */
export function readSystemFile(directory: string): SystemFile {
    let text: string;
    try {
        text = readFileSync(systemFilePath(directory), "utf8");
    } catch {
        throw new Error(
            `No local system in ${directory}: ${systemFilePath(directory)} is missing. Start one with "npm start".`,
        );
    }
    const file = JSON.parse(text) as SystemFile;
    if (!isAlive(file.pid)) {
        throw new Error(
            `The local system "${file.name}" has ended (process ${file.pid} is gone). Start it with "npm start".`,
        );
    }
    return file;
}

function isAlive(pid: number): boolean {
    try {
        process.kill(pid, 0);
        return true;
    } catch (error) {
        return (error as NodeJS.ErrnoException).code === "EPERM";
    }
}
