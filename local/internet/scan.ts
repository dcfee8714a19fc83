// TLS as an outsider sees it: each protocol version, cipher suite and key exchange is offered by itself, and what is taken is noted.
import { connect, getCiphers } from "node:tls";
import type { ConnectionOptions, SecureVersion } from "node:tls";

import { resolve } from "./visitor";
import type { Visited } from "./visitor";

export interface TlsScan {
    /** Protocol versions that are spoken. */
    readonly versions: readonly SecureVersion[];
    /** Cipher suites that are taken with TLS 1.2, by OpenSSL's names. */
    readonly tls12Ciphers: readonly string[];
    /** Cipher suites that are taken with TLS 1.3. */
    readonly tls13Ciphers: readonly string[];
    /** Key exchanges that are taken with TLS 1.3. */
    readonly groups: readonly string[];
    /** What is chosen of HTTP/2 and HTTP/1.1. */
    readonly application: string;
}

const versions: readonly SecureVersion[] = ["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];
const groups = ["X25519MLKEM768", "SecP256r1MLKEM768", "X25519", "P-256", "P-384", "P-521"];

/** Looks at the HTTPS port of a host, and trusts nothing that it finds there. */
export async function scanTls(system: Visited, hostname: string): Promise<TlsScan> {
    const [host] = await resolve(system, hostname);
    const offer = (options: ConnectionOptions): Promise<string | undefined> =>
        new Promise((done) => {
            const socket = connect(
                { host, port: system.httpsPort, servername: hostname, rejectUnauthorized: false, ...options },
                () => {
                    done(String(socket.alpnProtocol));
                    socket.destroy();
                },
            );
            socket.once("error", () => done(undefined)).once("close", () => done(undefined));
        });
    const taken = async <T>(offers: readonly T[], options: (one: T) => ConnectionOptions): Promise<T[]> => {
        const answers: T[] = [];
        for (const one of offers) {
            if ((await offer(options(one))) !== undefined) {
                answers.push(one);
            }
        }
        return answers;
    };
    const only = (version: SecureVersion): ConnectionOptions => ({ minVersion: version, maxVersion: version });
    const known = getCiphers().map((name) => name.toUpperCase());
    return {
        // Security level 0: our own OpenSSL would rather not offer what is old.
        versions: await taken(versions, (version) => ({ ...only(version), ciphers: "ALL:@SECLEVEL=0" })),
        tls12Ciphers: await taken(
            known.filter((name) => !name.startsWith("TLS_")),
            (name) => ({ ...only("TLSv1.2"), ciphers: `${name}:@SECLEVEL=0` }),
        ),
        tls13Ciphers: await taken(
            known.filter((name) => name.startsWith("TLS_")),
            (name) => ({ ...only("TLSv1.3"), ciphers: name }),
        ),
        groups: await taken(groups, (group) => ({ ...only("TLSv1.3"), ecdhCurve: group })),
        application: (await offer({ ALPNProtocols: ["h2", "http/1.1"] })) ?? "",
    };
}
