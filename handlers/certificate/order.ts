import type { Authorization, Client, Order } from "acme-client";
import { poll } from "../calls";
import { describeError, failure } from "../failure";
import type { HostedZone } from "../hostedZone";
import { load } from "../load";
import { log } from "../log";
import { describeProblem, type Problem } from "./authority";
import { challengeRecordName, publishChallenges, removeChallenges, type ChallengeValue } from "./challengeRecords";
import type { Certificate } from "./facts";
import type { CertificateSettings, KeyType } from "./settings";

interface Challenge extends ChallengeValue {
    readonly authorizationUrl: string;
    readonly answer: () => Promise<unknown>;
}

/**
 * A new certificate from the certificate authority, by DNS-01. acme-client's own `auto()` writes the records of a domain and its
 * wildcard one over the other, so the steps are taken here: every value in its record, all records in one change, and only then the answers.
 */
export async function orderCertificate(
    client: Client,
    zone: HostedZone,
    { names, keyType }: CertificateSettings,
    cleanUpDeadline: number,
): Promise<Certificate> {
    const { privateKey, request } = await createRequest(names, keyType);
    const identifiers = names.map((value) => ({ type: "dns", value }));
    const order = await client.createOrder({ identifiers });
    const challenges = await openChallenges(client, order);
    if (challenges.length > 0) {
        try {
            await publishChallenges(zone, challenges);
            for (const { answer } of challenges) {
                await answer();
            }
            await awaitAuthorizations(client, order, challenges, zone.deadline);
        } finally {
            await removeChallenges({ ...zone, deadline: cleanUpDeadline }, challenges).catch((error: unknown) => {
                const records = [...new Set(challenges.map(({ recordName }) => recordName))];
                const fields = { records, reason: describeError(error) };
                log("error", "challenge records are left behind: delete these TXT records by hand", fields);
            });
        }
    }
    await client.finalizeOrder(order, request);
    const done = await poll("Issuing by the certificate authority", zone.deadline, async () => {
        const now = await client.getOrder(order);
        return now.status === "valid" || now.status === "invalid" ? now : undefined;
    });
    if (done.status === "invalid") {
        throw failure("OrderRefused", `The certificate authority refused the order: ${describeProblem(done.error)}.`);
    }
    return { certificateChain: await client.getCertificate(done), privateKey };
}

/** A fresh key, and the request for a certificate of all names. It has no common name: newer profiles know none. */
async function createRequest(
    names: readonly string[],
    keyType: KeyType,
): Promise<{ privateKey: string; request: Buffer }> {
    const { crypto } = load("acme-client");
    const key =
        keyType === "P-256" || keyType === "P-384"
            ? await crypto.createPrivateEcdsaKey(keyType)
            : await crypto.createPrivateRsaKey(Number(keyType.replace("RSA-", "")));
    const [, request] = await crypto.createCsr({ altNames: [...names] }, key);
    return { privateKey: key.toString(), request };
}

/** The challenges still to be met: an authority may remember that a name is ours. */
async function openChallenges(client: Client, order: Order): Promise<Challenge[]> {
    const challenges: Challenge[] = [];
    for (const authorizationUrl of order.authorizations) {
        const authorization = await getAuthorization(client, order, authorizationUrl);
        const { identifier, status } = authorization;
        if (status === "valid") {
            continue;
        }
        const challenge = authorization.challenges.find(({ type }) => type === "dns-01");
        if (challenge === undefined || status !== "pending") {
            const offered = authorization.challenges.map(({ type }) => type).join(", ");
            throw failure(
                "ChallengeRefused",
                `The authorization of ${identifier.value} is ${status} and offers ${offered || "no challenge"}; a pending dns-01 is needed.`,
            );
        }
        challenges.push({
            authorizationUrl,
            recordName: challengeRecordName(identifier.value),
            value: await client.getChallengeKeyAuthorization(challenge),
            answer: () => client.completeChallenge(challenge),
        });
    }
    return challenges;
}

/** Waits for the verdict on every name; an error tells all that were refused, and why. */
async function awaitAuthorizations(
    client: Client,
    order: Order,
    challenges: readonly Challenge[],
    deadline: number,
): Promise<void> {
    const refused: string[] = [];
    for (const { authorizationUrl, recordName } of challenges) {
        const {
            identifier,
            wildcard,
            status,
            challenges: outcomes,
        } = await poll(`The check of ${recordName} by the certificate authority`, deadline, async () => {
            const authorization = await getAuthorization(client, order, authorizationUrl);
            return authorization.status === "pending" ? undefined : authorization;
        });
        if (status !== "valid") {
            const problem = outcomes.find(({ error }) => error !== undefined)?.error as Problem | undefined;
            refused.push(`${wildcard ? "*." : ""}${identifier.value} (TXT ${recordName}): ${describeProblem(problem)}`);
        }
    }
    if (refused.length > 0) {
        throw failure(
            "ChallengeRefused",
            `The certificate authority refused ${refused.join("; ")}. Check that the hosted zone is public and that its parent ` +
                "delegates to its name servers, and that no CAA record forbids this authority.",
        );
    }
}

/** One at a time: a certificate authority allows only a few requests at once. */
async function getAuthorization(client: Client, order: Order, url: string): Promise<Authorization> {
    const [authorization] = await client.getAuthorizations({ ...order, authorizations: [url] });
    return authorization;
}
