import { describeError, failure } from "../failure";
import { readRecords, readZoneName, type HostedZone } from "../hostedZone";
import { log } from "../log";
import type { Authority } from "./authority";

// CAA records (RFC 8659) say which authority may issue, and by RFC 8657 for which account and by which method. They are read before an order
// is made, as far as they stand in the zone itself: what a zone above says, the authority tells.

interface Property {
    readonly tag: string;
    readonly issuer: string;
    readonly parameters: Readonly<Record<string, string>>;
}

/** @throws CaaForbids when the zone forbids a certificate for one of the names */
export async function checkCaa(
    zone: HostedZone,
    names: readonly string[],
    { directory, accountUrl }: Pick<Authority, "directory" | "accountUrl">,
): Promise<void> {
    const identities = directory.meta?.caaIdentities ?? [];
    if (identities.length === 0) {
        return;
    }
    let found: ReadonlyMap<string, readonly string[]>;
    try {
        const apex = await readZoneName(zone);
        const isWithin = (place: string): boolean => place === apex || place.endsWith(`.${apex}`);
        const places = [...new Set(names.flatMap((name) => climb(name.replace(/^\*\./, ""))))].filter(isWithin);
        found = new Map((await readRecords(zone, places, "CAA")).map(({ name, values }) => [name, values]));
    } catch (error) {
        // It would save a failed order, and is no reason not to try one.
        log("warn", "CAA records cannot be read", { reason: describeError(error) });
        return;
    }
    for (const name of names) {
        const place = climb(name.replace(/^\*\./, "")).find((each) => found.has(each));
        const properties = (found.get(place ?? "") ?? []).map(readProperty);
        const wild = properties.filter(({ tag }) => tag === "issuewild");
        const relevant =
            name.startsWith("*.") && wild.length > 0 ? wild : properties.filter(({ tag }) => tag === "issue");
        if (relevant.length > 0 && !relevant.some((property) => allows(property, identities, accountUrl))) {
            const values = (found.get(place ?? "") ?? []).join(", ");
            throw failure(
                "CaaForbids",
                `The CAA record at ${place} does not let this authority issue for ${name}: it says ${values}, and the authority is ` +
                    `${identities.join(" or ")}, the account ${accountUrl}, the method dns-01. Add a value that allows it, or take another authority.`,
            );
        }
    }
}

/** The name and those above it, but for the top level, with the trailing dot. */
function climb(name: string): string[] {
    const labels = name.split(".");
    return labels.slice(0, -1).map((_, index) => `${labels.slice(index).join(".")}.`);
}

/** `0 issue "authority.example; accounturi=https://…; validationmethods=dns-01"` */
function readProperty(text: string): Property {
    const [, tag = "", value = ""] = /^\d+\s+(\S+)\s+"?(.*?)"?$/.exec(text) ?? [];
    const [issuer, ...rest] = value.split(";").map((part) => part.trim());
    return {
        tag: tag.toLowerCase(),
        issuer: issuer.toLowerCase(),
        parameters: Object.fromEntries(rest.map((part) => part.split(/\s*=\s*(.*)/s).slice(0, 2) as [string, string])),
    };
}

function allows(
    { issuer, parameters }: Property,
    identities: readonly string[],
    accountUrl: string | undefined,
): boolean {
    const { accounturi, validationmethods } = parameters;
    return (
        identities.some((identity) => identity.toLowerCase() === issuer) &&
        (accounturi === undefined || accounturi === accountUrl) &&
        (validationmethods === undefined || validationmethods.split(/\s*,\s*/).includes("dns-01"))
    );
}
