import { failure } from "../failure";
import { load } from "../load";
import { parseDocument, readRetryAfter, type Authority } from "./authority";
import { elements } from "./der";

// ACME Renewal Information (RFC 9773): when the authority would have a certificate renewed.

/** What is kept of an authority's answer. Dates are texts of ISO 8601. */
export interface RenewalInfo {
    readonly certificateId: string;
    readonly start: string;
    readonly end: string;
    /** A page that says why, meant for people. */
    readonly explanationUrl?: string;
    /** The instant in the window that was drawn for this certificate. */
    readonly chosen: string;
    /** When to ask again. */
    readonly askAgain: string;
}

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
/** The longest that an authority is not asked again. */
export const LONGEST_SILENCE = 24 * HOUR;
/** How far apart runs are: the instant is drawn so that the run after it is still inside the window. */
const SCHEDULE = 65 * MINUTE;

/** The name of a certificate in ACME Renewal Information: its issuer's key and its serial number, as its DER has them. */
export function certificateId(pem: string): string | undefined {
    const { X509Certificate } = load("node:crypto");
    const [certificate] = elements(new X509Certificate(pem).raw);
    const parts = elements(elements(certificate.content)[0].content);
    // The serial number's bytes keep the leading zero of a number whose first bit is set; X509Certificate.serialNumber drops it.
    const serialNumber = parts.find(({ tag }) => tag === 0x02);
    const extensions = parts.find(({ tag }) => tag === 0xa3);
    const authorityKeyIdentifier = extensions
        ? elements(elements(extensions.content)[0].content)
              .map(({ content }) => elements(content))
              .find(([identifier]) => identifier.content.toString("hex") === "551d23")
        : undefined;
    const keyIdentifier = authorityKeyIdentifier
        ? elements(elements(authorityKeyIdentifier.at(-1)!.content)[0].content).find(({ tag }) => tag === 0x80)
        : undefined;
    // One that does not name its issuer's key has no such name.
    return (
        serialNumber &&
        keyIdentifier &&
        `${keyIdentifier.content.toString("base64url")}.${serialNumber.content.toString("base64url")}`
    );
}

/** Asks the authority; undefined when it has no such service. */
export async function askRenewalInfo(
    { directory, get }: Pick<Authority, "directory" | "get">,
    id: string,
    before: RenewalInfo | undefined,
    now: number,
): Promise<RenewalInfo | undefined> {
    if (directory.renewalInfo === undefined) {
        return undefined;
    }
    const url = `${directory.renewalInfo.replace(/\/$/, "")}/${id}`;
    const { text, headers } = await get(url);
    const answer = parseDocument<{ suggestedWindow?: { start?: string; end?: string }; explanationURL?: string }>(
        text,
        url,
    );
    const [start, end] = [answer.suggestedWindow?.start, answer.suggestedWindow?.end].map((date) =>
        Date.parse(date ?? ""),
    );
    // Also when one is no date at all.
    if (!(end > start)) {
        throw failure("CertificateAuthorityRefused", `${url} answered with a window that ends before it begins.`);
    }
    const isSame = before?.certificateId === id && Date.parse(before.start) === start && Date.parse(before.end) === end;
    const pause = (readRetryAfter(headers["retry-after"], now) ?? now + 6 * HOUR) - now;
    return {
        certificateId: id,
        start: new Date(start).toISOString(),
        end: new Date(end).toISOString(),
        ...(answer.explanationURL && { explanationUrl: answer.explanationURL }),
        chosen: isSame ? before.chosen : new Date(drawInstant(start, end)).toISOString(),
        askAgain: new Date(now + Math.min(Math.max(pause, MINUTE), LONGEST_SILENCE)).toISOString(),
    };
}

/** Any instant of the window with the same chance, but for its end, where no run would come any more. */
export function drawInstant(start: number, end: number, random = Math.random): number {
    const width = end - start;
    return Math.floor(start + random() * (width - Math.min(SCHEDULE, width / 2)));
}
