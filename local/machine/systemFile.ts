import { existsSync, globSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

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
    /** PEM: the root of the certificates that the emulated ACM issues. */
    readonly amazonRootFile: string;
    /** The port every task serves HTTPS on; each task has its own address. */
    readonly httpsPort: number;
    /** The same for the redirect to HTTPS. */
    readonly httpPort: number;
    readonly domain: string;
    /** The zone of `domain` in the emulated Route 53, made at start. */
    readonly hostedZoneId: string;
    /** Whether images run as what they are, by the machine's container engine. */
    readonly runsImages: boolean;
}

export function systemFilePath(directory: string): string {
    return join(directory, "system.json");
}

export function writeSystemFile(file: SystemFile): void {
    writeFileSync(systemFilePath(file.directory), JSON.stringify(file, undefined, 4) + "\n");
}

export function removeSystemFile(directory: string): void {
    rmSync(systemFilePath(directory), { force: true });
}

/** The file of a running copy; undefined when there is none, or its process has gone. */
export function findSystemFile(directory: string): SystemFile | undefined {
    if (!existsSync(systemFilePath(directory))) {
        return undefined;
    }
    const file = JSON.parse(readFileSync(systemFilePath(directory), "utf8")) as SystemFile;
    return isAlive(file.pid) ? file : undefined;
}

/** Every copy that runs below a folder (`.local`). */
export function runningSystems(folder: string): SystemFile[] {
    return globSync("*/system.json", { cwd: folder })
        .map((path) => findSystemFile(join(folder, dirname(path))))
        .filter((file) => file !== undefined);
}

export function isAlive(pid: number): boolean {
    try {
        process.kill(pid, 0);
        return true;
    } catch (error) {
        return (error as NodeJS.ErrnoException).code === "EPERM";
    }
}
