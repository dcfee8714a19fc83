import { mkdirSync, writeFileSync } from "node:fs";
import { get } from "node:https";
import { join } from "node:path";

import { freePort } from "../../machine/processes";
import type { Processes } from "../../machine/processes";
import { home } from "../../machine/projectRoot";
import type { SystemFile } from "../../machine/systemFile";
import { createTlsCertificate } from "./tlsCertificate";

export interface PebbleOptions {
    /** Of the DNS server that validation asks, on 127.0.0.1. */
    readonly dnsPort: number;
    /** Its files are kept in `<directory>/acme`. */
    readonly directory: string;
    /**
     * Lifetime of the certificates of each profile, in days. Pebble takes one at random for an order that names none,
     * so by default all last as long.
     */
    readonly profiles?: Readonly<Record<string, number>>;
    /**
     * Percentage of orders that find their names already authorized (default 0: as good as each one is validated by DNS;
     * Pebble 2.10 rounds up, to one in a hundred).
     */
    readonly authorizationReuse?: number;
    /** Accounts that it knows already, HMAC keys (base64url) by their ids; given, it takes no others. */
    readonly externalAccounts?: Readonly<Record<string, string>>;
    /** How many roots it has besides the first, each with a chain of its own. */
    readonly alternateRoots?: number;
}

export type Pebble = SystemFile["acme"] & {
    /** One of its roots (PEM); 0 is the one that it prefers. */
    root(index: number): Promise<string>;
    stop(): Promise<void>;
};

const executable = join(home, ".tools", "bin", "pebble");
const defaultProfiles = { classic: 90, tlsserver: 90, shortlived: 90 };
const secondsPerDay = 86_400;

/** Where the CA of Pebble's own HTTPS API is found once Pebble runs (NODE_EXTRA_CA_CERTS). */
export function tlsCaFile(directory: string): string {
    return join(directory, "acme", "tls-ca.pem");
}

/** An ACME server in the manner of Let's Encrypt, with a root of its own at each start. */
export async function startPebble(processes: Processes, options: PebbleOptions): Promise<Pebble> {
    const tls = await createTlsCertificate("taskgate local ACME server");
    const write = (file: string, text: string, mode = 0o644) => {
        const path = join(options.directory, "acme", file);
        writeFileSync(path, text, { mode });
        return path;
    };
    mkdirSync(join(options.directory, "acme"), { recursive: true });
    writeFileSync(tlsCaFile(options.directory), tls.ca);
    const [port, managementPort] = [await freePort(), await freePort()];
    const config = {
        pebble: {
            listenAddress: `127.0.0.1:${port}`,
            managementListenAddress: `127.0.0.1:${managementPort}`,
            certificate: write("tls.pem", tls.certificate),
            privateKey: write("tls.key", tls.privateKey, 0o600),
            keyAlgorithm: "ecdsa",
            ...(options.externalAccounts && {
                externalAccountBindingRequired: true,
                externalAccountMACKeys: options.externalAccounts,
            }),
            profiles: Object.fromEntries(
                Object.entries(options.profiles ?? defaultProfiles).map(([name, days]) => [
                    name,
                    { description: `Lasts ${days} days`, validityPeriod: days * secondsPerDay },
                ]),
            ),
        },
    };
    const directoryUrl = `https://127.0.0.1:${port}/dir`;
    const managementUrl = `https://127.0.0.1:${managementPort}`;
    const pebble = await processes.start({
        name: "pebble",
        command: executable,
        args: [
            "-config",
            write("pebble.json", JSON.stringify(config, undefined, 4)),
            "-dnsserver",
            `127.0.0.1:${options.dnsPort}`,
            "-strict",
        ],
        env: {
            PEBBLE_VA_NOSLEEP: "1",
            PEBBLE_WFE_NONCEREJECT: "5", // per cent: a client must take a refused nonce in its stride
            PEBBLE_AUTHZREUSE: String(options.authorizationReuse ?? 0),
            PEBBLE_ALTERNATE_ROOTS: String(options.alternateRoots ?? 0),
        },
        ready: async () => {
            const answers = [fetchText(directoryUrl, tls.ca), fetchText(managementUrl + "/roots/0", tls.ca)];
            return (await Promise.allSettled(answers)).every(({ status }) => status === "fulfilled");
        },
    });
    return {
        directoryUrl,
        managementUrl,
        tlsCaFile: tlsCaFile(options.directory),
        rootFile: write("root.pem", await fetchText(`${managementUrl}/roots/0`, tls.ca)),
        root: (index) => fetchText(`${managementUrl}/roots/${index}`, tls.ca),
        stop: () => pebble.stop(),
    };
}

function fetchText(url: string, ca: string): Promise<string> {
    return new Promise((resolve, reject) => {
        // RFC 8555 wants every client to name itself, and Pebble refuses one that does not.
        get(url, { ca, agent: false, headers: { "user-agent": "taskgate" } }, (response) => {
            const chunks: Buffer[] = [];
            response.on("data", (chunk: Buffer) => chunks.push(chunk));
            response.once("error", reject);
            response.once("end", () =>
                response.statusCode === 200
                    ? resolve(Buffer.concat(chunks).toString())
                    : reject(new Error(`${url} answered ${response.statusCode}.`)),
            );
        }).once("error", reject);
    });
}
