import { describeError } from "../failure";
import { openZone, readTaskNames, type HostedZone } from "../hostedZone";
import { load } from "../load";
import { log } from "../log";
import { tellLook, type Look } from "./metrics";
import type { Run } from "./run";

// What tasks show to whoever connects to them: a certificate that is renewed is of no use before they do.

/** How many of the tasks are looked at, at most. */
const NAMES = 20;
/** A task that does not answer in time, or lets nobody in from here, is not counted. */
const PATIENCE_MILLISECONDS = 5_000;

/** The most that a look may take. */
const LOOK_MILLISECONDS = 30_000;
/** As the alarm on the certificate itself has it. */
const LEAST_LIFETIME_LEFT = 0.2;
/** Signature algorithms of a client that knows no ECDSA, as OpenSSL names them. */
const RSA_ALONE = "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pkcs1_sha256";

/** What a task shows. */
interface Shown {
    readonly serialNumber: string;
    readonly validFromDate: Date;
    readonly validToDate: Date;
}

/**
 * Looks from outside what some tasks show, and tells CloudWatch. Those that take certificates up while they run are to show the newest; others show
 * what they were started with, and that may not be at its end.
 */
export async function lookFromOutside({ settings, deadline, delivered, context }: Run): Promise<void> {
    const { watchedPort, hostedZoneId, names, keyType, sealedBucketName } = settings;
    if (watchedPort === undefined || delivered?.state !== "usable") {
        return;
    }
    const { serialNumber } = delivered.facts;
    const isStale = (shown: Shown): boolean => {
        const [from, to] = [shown.validFromDate, shown.validToDate].map((date) => date.getTime());
        return sealedBucketName !== undefined
            ? shown.serialNumber !== serialNumber
            : to - Date.now() < (to - from) * LEAST_LIFETIME_LEFT;
    };
    try {
        const limit = Math.min(deadline, Date.now() + LOOK_MILLISECONDS);
        const domain = names[0].replace(/^\*\./, "");
        const isRsa = keyType.startsWith("RSA");
        const seen = await lookAtTasks(openZone(hostedZoneId, limit), domain, watchedPort, isRsa, isStale);
        tellLook(context.functionName, seen, new Date());
    } catch (error) {
        log("warn", "tasks are not looked at", { reason: describeError(error) });
    }
}

/**
 * Connects to some of the tasks that the zone names below a domain, by the address that it gives, others each time. For an RSA certificate as a client that
 * knows no ECDSA, where there is something for such.
 */
async function lookAtTasks(
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
