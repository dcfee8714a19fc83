import { readTaskNames, type HostedZone } from "../hostedZone";
import { load } from "../load";

// What tasks show to whoever connects to them: a certificate that is renewed is of no use before they do.

/** How many of the tasks are looked at, at most. */
const NAMES = 20;
/** A task that does not answer in time, or lets nobody in from here, is not counted. */
const PATIENCE_MILLISECONDS = 5_000;

/** Signature algorithms of a client that knows no ECDSA, as OpenSSL names them. */
const RSA_ALONE = "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pkcs1_sha256";

export interface Look {
    /** How many showed a certificate. */
    readonly looked: number;
    /** The names of those that showed another one than they should. */
    readonly stale: readonly string[];
}

/** What a task shows. */
export interface Shown {
    readonly serialNumber: string;
    readonly validFromDate: Date;
    readonly validToDate: Date;
}

/**
 * Connects to some of the tasks that the zone names below a domain, by the address that it gives, others each time. For an RSA certificate as a client that
 * knows no ECDSA, where there is something for such.
 */
export async function lookAtTasks(
    zone: HostedZone,
    domain: string,
    port: number,
    isRsa: boolean,
    isStale: (shown: Shown) => boolean,
): Promise<Look> {
    const tasks = await readTaskNames(zone, domain, NAMES);
    const shown = await Promise.all(
        tasks.map(async ({ name, values: [address] }) => {
            const shown = async (algorithms?: string) => shownBy(name, address, port, algorithms);
            // Who has both shows RSA to nobody that knows better.
            return { name, seen: (isRsa ? await shown(RSA_ALONE) : undefined) ?? (await shown()) };
        }),
    );
    const seen = shown.flatMap(({ name, seen: found }) => (found === undefined ? [] : [{ name, found }]));
    return { looked: seen.length, stale: seen.filter(({ found }) => isStale(found)).map(({ name }) => name) };
}

/** The certificate as it is: whether it is trusted is not asked. */
function shownBy(name: string, host: string, port: number, sigalgs?: string): Promise<Shown | undefined> {
    const { connect } = load("node:tls");
    const servername = name.replace(/\.$/, "");
    const socket = connect({ host, port, servername, sigalgs, rejectUnauthorized: false });
    const shown = new Promise<Shown | undefined>((resolve) => {
        socket.once("secureConnect", () => resolve(socket.getPeerX509Certificate()));
        socket.on("error", () => resolve(undefined));
        socket.setTimeout(PATIENCE_MILLISECONDS, () => resolve(undefined));
    });
    return shown.finally(() => socket.destroy());
}
