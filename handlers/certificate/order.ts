import { poll } from "../calls";
import { failure } from "../failure";
import type { HostedZone } from "../hostedZone";
import { load } from "../load";
import { log } from "../log";
import { openAccount } from "./account";
import {
    describeProblem,
    parseDocument,
    readRetryAfter,
    type Answer,
    type Authority,
    type Problem,
    type Refusal,
} from "./authority";
import { checkCaa } from "./caa";
import { challengeRecordName, publishChallenges, type ChallengeValue } from "./challengeRecords";
import { readChain, type Certificate } from "./facts";
import { createKey, createRequest } from "./keys";
import { orderedFor, type PendingOrder } from "./pendingOrder";
import type { CertificateSettings } from "./settings";

/** RFC 8555, section 7.1.3. */
interface Order {
    readonly url: string;
    readonly status: "pending" | "ready" | "processing" | "valid" | "invalid";
    readonly authorizations: readonly string[];
    readonly finalize: string;
    readonly certificate?: string;
    readonly error?: Problem;
}

/** RFC 8555, section 7.1.4. */
interface Authorization {
    readonly status: string;
    readonly identifier: { readonly value: string };
    readonly wildcard?: boolean;
    readonly challenges: readonly {
        readonly type: string;
        readonly url: string;
        readonly token: string;
        readonly status: string;
        readonly error?: Problem;
    }[];
}

/** An authority that asks for more patience between two looks is looked at sooner. */
const PATIENCE_MILLISECONDS = 30_000;

export interface OrderWork {
    readonly authority: Authority;
    readonly settings: CertificateSettings;
    readonly zone: HostedZone;
    /** Left by an earlier run. */
    readonly pending: PendingOrder | undefined;
    /** The certificate that is replaced, as ACME Renewal Information names it. */
    readonly replaces: string | undefined;
    /** Values of earlier runs that may still stand in the zone. */
    readonly stale: readonly ChallengeValue[];
    /** Keeps an order before the next step is taken. */
    readonly keep: (pending: PendingOrder) => Promise<void>;
    /** Is told of values before they are published. */
    readonly expect: (challenges: readonly ChallengeValue[]) => Promise<void>;
}

/**
 * A certificate from the authority, by DNS-01. What an earlier run left is taken up where it was: the authority itself says how far an
 * order is, and its key was kept before it was made.
 */
export async function obtainCertificate(work: OrderWork): Promise<Certificate & { readonly pending: PendingOrder }> {
    const { authority, settings } = work;
    await openAccount(authority, settings);
    const resumed = work.pending && (await resume(work, work.pending));
    const { order: opened, pending } = resumed ?? (await begin(work));
    let order = opened;
    if (order.status === "pending") {
        await meetChallenges(work, order);
        order = await settle(authority, order, "The check of the names by the certificate authority", ["pending"]);
    }
    if (order.status === "ready") {
        order = await finalize(authority, order, await createRequest(settings.names, pending.privateKey));
    }
    if (order.status === "ready" || order.status === "processing") {
        order = await settle(authority, order, "Issuing by the certificate authority", ["ready", "processing"]);
    }
    if (order.status !== "valid" || order.certificate === undefined) {
        throw await refused(authority, order);
    }
    const certificateChain = await download(authority, order.certificate, settings.preferredChain);
    return { certificateChain, privateKey: pending.privateKey, pending };
}

interface Opened {
    readonly order: Order;
    readonly pending: PendingOrder;
}

/** The order of an earlier run; undefined when it is of no use any more. */
async function resume({ authority, settings }: OrderWork, pending: PendingOrder): Promise<Opened | undefined> {
    if (pending.orderedFor !== orderedFor(settings) || pending.url === undefined) {
        return undefined;
    }
    let order: Order;
    try {
        order = await getOrder(authority, pending.url);
    } catch (error) {
        const { name, status = 0 } = error as Refusal;
        if (name === "CertificateAuthorityRefused" && status < 500 && status !== 429) {
            log("warn", "the authority does not know the order of an earlier run any more", { order: pending.url });
            return undefined;
        }
        throw error;
    }
    if (order.status === "invalid") {
        log("warn", "the order of an earlier run was refused", {
            order: order.url,
            reason: describeProblem(order.error),
        });
        return undefined;
    }
    log("info", "an order of an earlier run is taken up", { order: order.url, status: order.status });
    return { order, pending };
}

/** A new order, whose key is kept before it and whose URL right after it. */
async function begin({ authority, settings, zone, pending: left, replaces, keep }: OrderWork): Promise<Opened> {
    const profile = choose(authority, settings);
    const isFor = orderedFor(settings);
    // A key that no order was made for is as good as a fresh one.
    const privateKey =
        left?.orderedFor === isFor && left.url === undefined ? left.privateKey : await createKey(settings.keyType);
    const kept: PendingOrder = { orderedFor: isFor, privateKey };
    await keep(kept);
    if (settings.delegation === undefined) {
        await checkCaa(zone, settings.names, authority);
    }
    const identifiers = settings.names.map((value) => ({ type: "dns", value }));
    const wish = { identifiers, ...(profile && { profile }) };
    const wanted = authority.directory.renewalInfo === undefined ? undefined : replaces;
    let answer: Answer;
    try {
        answer = await authority.post(authority.directory.newOrder, { ...wish, ...(wanted && { replaces: wanted }) });
    } catch (error) {
        const { status = 0, type } = error as Refusal;
        if (wanted === undefined || status < 400 || status === 429 || status === 503) {
            throw error;
        }
        // It was replaced already, is another account's, or is unknown: the order itself is as good without.
        log("warn", "the authority does not take the order as a replacement", { replaces: wanted, type });
        answer = await authority.post(authority.directory.newOrder, wish);
    }
    const order = readOrder(answer, answer.headers.location ?? "");
    const pending = { ...kept, url: order.url };
    await keep(pending);
    return { order, pending };
}

/** The profile to ask for. Without a wish it is the one that the authorities made their default, by name: an authority may choose any. */
function choose({ directory }: Authority, { profile, profileRequired }: CertificateSettings): string | undefined {
    const offered = Object.keys(directory.meta?.profiles ?? {});
    const wanted = profile ?? "classic";
    if (offered.includes(wanted)) {
        return wanted;
    }
    if (profile === undefined) {
        return undefined;
    }
    const said = `The authority offers ${offered.length > 0 ? `the profiles ${offered.join(", ")}` : "no profiles"} and not ${profile}`;
    if (profileRequired) {
        throw failure(
            "ProfileNotOffered",
            `${said}. Choose one of them, or let acmeProfile be preferred and not required.`,
        );
    }
    log("warn", "the profile is left to the authority", { reason: said });
    return undefined;
}

interface Challenge extends ChallengeValue {
    readonly url: string;
    readonly authorizationUrl: string;
}

/** Publishes what is asked for, every value in its record and all in one change, and only then lets the authority look. */
async function meetChallenges({ authority, settings, zone, stale, expect }: OrderWork, order: Order): Promise<void> {
    const challenges: Challenge[] = [];
    for (const url of order.authorizations) {
        const { status, identifier, challenges: offered } = await getAuthorization(authority, url);
        if (status === "valid") {
            continue; // an authority may remember that a name is ours
        }
        const challenge = offered.find(({ type }) => type === "dns-01");
        if (challenge === undefined || status !== "pending") {
            const types = offered.map(({ type }) => type).join(", ");
            throw failure(
                "ChallengeRefused",
                `The authorization of ${identifier.value} is ${status} and offers ${types || "no challenge"}; a pending dns-01 is needed.`,
            );
        }
        challenges.push({
            recordName: settings.delegation?.recordName ?? challengeRecordName(identifier.value),
            value: await authority.challengeValue(challenge.token),
            url: challenge.url,
            authorizationUrl: url,
        });
    }
    if (challenges.length === 0) {
        return;
    }
    const values = challenges.map(({ recordName, value }) => ({ recordName, value }));
    await expect(values);
    const isWanted = ({ value }: ChallengeValue) => values.some((each) => each.value === value);
    await publishChallenges(
        zone,
        values,
        stale.filter((left) => !isWanted(left)),
    );
    for (const challenge of challenges) {
        await answer(authority, challenge);
    }
}

/** Lets the authority look. A challenge that it is looking at already, after an answer that was lost, is as wanted. */
async function answer(authority: Authority, { url, authorizationUrl }: Challenge): Promise<void> {
    try {
        await authority.post(url, {});
    } catch (error) {
        if ((error as Refusal).type !== "urn:ietf:params:acme:error:malformed") {
            throw error;
        }
        const { challenges } = await getAuthorization(authority, authorizationUrl);
        if (challenges.find((each) => each.url === url)?.status === "pending") {
            throw error;
        }
    }
}

/** Asks the authority to issue. An answer that was lost, or an order that is further than thought, is seen by looking at the order. */
async function finalize(authority: Authority, order: Order, csr: string): Promise<Order> {
    try {
        return readOrder(await authority.post(order.finalize, { csr }), order.url);
    } catch (error) {
        const { type } = error as Refusal;
        const now = await getOrder(authority, order.url);
        if (type === "urn:ietf:params:acme:error:orderNotReady" && now.status !== "ready" && now.status !== "pending") {
            return now;
        }
        throw error;
    }
}

/** Waits until an order is none of these any more, as patiently as the authority asks. */
async function settle(
    authority: Authority,
    order: Order,
    what: string,
    underWay: readonly Order["status"][],
): Promise<Order> {
    let pause = 0;
    const ask = async () => {
        const answer = await authority.post(order.url);
        const now = readOrder(answer, order.url);
        pause = (readRetryAfter(answer.headers["retry-after"], Date.now()) ?? 0) - Date.now();
        return underWay.includes(now.status) ? undefined : now;
    };
    const settled = await poll(what, authority.deadline, ask, () => Math.min(pause, PATIENCE_MILLISECONDS));
    if (settled.status === "invalid") {
        throw await refused(authority, settled);
    }
    return settled;
}

/** The error for an order that is lost: which names were refused, and why. */
async function refused(authority: Authority, order: Order): Promise<Error> {
    const names: string[] = [];
    const types = new Set<string>();
    for (const url of order.authorizations) {
        const { status, identifier, wildcard, challenges } = await getAuthorization(authority, url);
        if (status === "valid" || status === "pending") {
            continue;
        }
        const problem = challenges.find(({ error }) => error !== undefined)?.error;
        types.add(problem?.type ?? "");
        const name = `${wildcard ? "*." : ""}${identifier.value}`;
        names.push(`${name} (TXT ${challengeRecordName(identifier.value)}): ${describeProblem(problem)}`);
    }
    const [type = order.error?.type] = [...types].filter((each) => each !== "");
    const error =
        names.length > 0
            ? failure(
                  "ChallengeRefused",
                  `The certificate authority refused ${names.join("; ")}. Check that the hosted zone is public and that its parent ` +
                      "delegates to its name servers, and that no CAA record forbids this authority.",
              )
            : failure("OrderRefused", `The certificate authority refused the order: ${describeProblem(order.error)}.`);
    return Object.assign(error, { type });
}

/** The chain (PEM), or the alternate one that ends below the root that is preferred. */
async function download(authority: Authority, url: string, preferred: string | undefined): Promise<string> {
    const { X509Certificate } = load("node:crypto");
    const answer = await authority.post(url);
    const links = [answer.headers.link ?? ""].flat().join(", ");
    const alternates = [...links.matchAll(/<([^>]+)>\s*;\s*rel="?alternate"?/g)].map(([, link]) => link);
    const chainOf = ({ text }: Answer) => readChain(text).join("");
    const chosen = chainOf(answer);
    if (preferred === undefined) {
        return chosen;
    }
    const endsBelow = (chain: string) => {
        const last = readChain(chain).at(-1);
        return last !== undefined && new X509Certificate(last).issuer.split("\n").includes(`CN=${preferred}`);
    };
    for (let chain = chosen; ;) {
        if (endsBelow(chain)) {
            return chain;
        }
        const next = alternates.shift();
        if (next === undefined) {
            log("warn", "no chain of the authority leads to the root that is preferred", { preferred });
            return chosen;
        }
        chain = chainOf(await authority.post(new URL(next, url).href));
    }
}

async function getOrder(authority: Authority, url: string): Promise<Order> {
    return readOrder(await authority.post(url), url);
}

function readOrder({ text }: Answer, url: string): Order {
    return { ...parseDocument<Order>(text, url), url };
}

async function getAuthorization(authority: Authority, url: string): Promise<Authorization> {
    return parseDocument<Authorization>((await authority.post(url)).text, url);
}
