// A year of renewals without waiting for it: the real decisions by a clock of our own, before an authority that counts orders as Let's Encrypt does.
import { failedAttempt } from "../../handlers/certificate/attempts";
import { decide, type Delivered } from "../../handlers/certificate/decision";
import type { CertificateFacts } from "../../handlers/certificate/facts";
import { drawInstant, type RenewalInfo } from "../../handlers/certificate/renewalInfo";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export interface YearOptions {
    /** Of each certificate, in milliseconds. */
    readonly lifetime: number;
    /** When the authority answers nothing, as pairs of milliseconds since the year began. */
    readonly outages?: readonly (readonly [number, number])[];
    /** `ours`, or the rule of many a script: once a day, when less than thirty days are left. */
    readonly rule: "ours" | "thirty days";
    /** From 0 to 1, as Math.random gives them. */
    readonly random?: () => number;
}

export interface Year {
    readonly certificates: number;
    /** Of the renewals, how many fell into the window that the authority suggested. */
    readonly inWindow: number;
    /** Of those, by how many orders the limit of a set of names was passed: the authority refuses them. */
    readonly refused: number;
    /** Attempts that the authority did not answer. */
    readonly unanswered: number;
    /** How long clients were shown a certificate that had expired. */
    readonly expiredHours: number;
    /** The least share of a lifetime that was left, in percent. */
    readonly leastLeft: number;
}

/** Let's Encrypt (2026-08): five certificates a set of names, of which one comes back every 34 hours; renewals by its own wish are free. */
const LIMIT = { certificates: 5, refill: 34 * HOUR };

/** Boulder's window: two per cent of the lifetime around two thirds of it, or around half when it is shorter than ten days. */
function suggested({ notBefore, notAfter }: CertificateFacts): { readonly start: number; readonly end: number } {
    const lifetime = notAfter.getTime() - notBefore.getTime();
    const middle = notBefore.getTime() + lifetime * (lifetime < 10 * DAY ? 1 / 2 : 2 / 3);
    return { start: middle - lifetime / 100, end: middle + lifetime / 100 };
}

export function simulateYear({ lifetime, outages = [], rule, random = Math.random }: YearOptions): Year {
    const year = { certificates: 0, inWindow: 0, refused: 0, unanswered: 0, expiredHours: 0, leastLeft: 100 };
    const isDown = (now: number) => outages.some(([from, to]) => now >= from && now < to);
    let facts: CertificateFacts | undefined;
    let renewalInfo: RenewalInfo | undefined;
    let state: { failures?: number; nextAttempt?: string } = {};
    let allowed: number = LIMIT.certificates;
    const interval = rule === "ours" ? HOUR : DAY;
    const wanted = { names: ["*.example.test"], keyType: "P-256", directoryUrl: "https://ca.example.test/dir" };

    for (let now = Math.floor(random() * interval); now < 365 * DAY; now += interval) {
        allowed = Math.min(LIMIT.certificates, allowed + interval / LIMIT.refill);
        if (facts !== undefined) {
            const left = facts.notAfter.getTime() - now;
            year.leastLeft = Math.min(year.leastLeft, Math.max(0, (100 * left) / lifetime));
            year.expiredHours += left < 0 ? interval / HOUR : 0;
        }
        if (rule === "ours" && facts !== undefined && renewalInfo === undefined && !isDown(now)) {
            const { start, end } = suggested(facts);
            const [from, to] = [start, end].map((date) => new Date(date).toISOString());
            const chosen = new Date(drawInstant(start, end, random)).toISOString();
            renewalInfo = { certificateId: "", start: from, end: to, chosen, askAgain: to };
        }
        const delivered: Delivered =
            facts === undefined ? { state: "none" } : { state: "usable", facts, certificateChain: "" };
        const isDue =
            rule === "ours"
                ? decide(delivered, wanted, new Date(now), { renewalInfo }).action !== "keep" &&
                  !(Date.parse(state.nextAttempt ?? "") > now)
                : facts === undefined || facts.notAfter.getTime() - now < 30 * DAY;
        if (!isDue) {
            continue;
        }
        if (isDown(now)) {
            year.unanswered++;
            state = failedAttempt(state, new Error(), now);
            continue;
        }
        const window = facts && suggested(facts);
        const isInWindow = window !== undefined && now >= window.start && now <= window.end;
        const isFree = rule === "ours" && isInWindow;
        if (!isFree && allowed < 1) {
            year.refused++;
            continue;
        }
        allowed -= isFree ? 0 : 1;
        year.certificates++;
        year.inWindow += isInWindow ? 1 : 0;
        const [notBefore, notAfter] = [new Date(now), new Date(now + lifetime)];
        facts = { ...wanted, serialNumber: String(year.certificates), notBefore, notAfter };
        renewalInfo = undefined;
        state = {};
    }
    return year;
}
