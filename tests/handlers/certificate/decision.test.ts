import { expect } from "chai";
import fc from "fast-check";
import { decide, renewalDueAt, type Delivered } from "../../../handlers/certificate/decision";
import type { CertificateFacts } from "../../../handlers/certificate/facts";

const DAY = 86_400_000;
const START = Date.UTC(2026, 0, 1);
const wanted = { names: ["*.tasks.example.test"], keyType: "P-256", directoryUrl: "https://ca.example.test/dir" };

function facts(lifetime: number, more: Partial<CertificateFacts> = {}): CertificateFacts {
    return {
        ...wanted,
        serialNumber: "01",
        notBefore: new Date(START),
        notAfter: new Date(START + lifetime),
        ...more,
    };
}

const usable = (lifetime: number, more: Partial<CertificateFacts> = {}): Delivered => ({
    state: "usable",
    facts: facts(lifetime, more),
    certificateChain: "",
});
const at = (days: number) => new Date(START + days * DAY);

describe("decide", () => {
    it("renews with a third of the lifetime left, whatever it is (not at a fixed number of days)", () => {
        for (const [lifetime, due] of [
            [90, 60],
            [64, 64 * (2 / 3)],
            [45, 30],
            [10, 10 * (2 / 3)],
        ]) {
            expect(renewalDueAt(facts(lifetime * DAY)).getTime()).to.be.closeTo(at(due).getTime(), 1);
        }
    });

    it("renews with half of it left when it is shorter than ten days", () => {
        expect(renewalDueAt(facts(160 * 3_600_000))).to.deep.equal(new Date(START + 80 * 3_600_000));
    });

    it("keeps a certificate until it is due, and renews it from then on", () => {
        fc.assert(
            fc.property(
                fc.integer({ min: 3_600_000, max: 400 * DAY }),
                fc.double({ min: 0, max: 0.999, noNaN: true }),
                (lifetime, part) => {
                    const now = new Date(START + Math.floor(part * lifetime));
                    const { action, dueAt } = decide(usable(lifetime), wanted, now);
                    expect(action).to.equal(now < dueAt! ? "keep" : "renew");
                    expect(dueAt!.getTime()).to.be.within(START, START + lifetime);
                },
            ),
        );
    });

    it("says until when a certificate is kept, and why it is renewed", () => {
        const reason = (days: number, force = false) => decide(usable(90 * DAY), wanted, at(days), { force }).reason;
        expect(reason(59)).to.equal("not due before 2026-03-02T00:00:00.000Z");
        expect(reason(61)).to.equal("it has been due since 2026-03-02T00:00:00.000Z");
        expect(reason(1, true)).to.equal("it was asked for (force)");
    });

    it("issues when there is nothing that can be used", () => {
        const decision = (delivered: Delivered) => decide(delivered, wanted, at(1));
        expect(decision({ state: "none" })).to.deep.equal({ action: "issue", reason: "there is no certificate yet" });
        expect(decision({ state: "unusable", reason: "no key" }).reason).to.equal(
            "the delivered certificate cannot be used: no key",
        );
        expect(decide(usable(90 * DAY), wanted, at(90))).to.deep.include({
            action: "issue",
            reason: "the delivered certificate expired at 2026-04-01T00:00:00.000Z",
        });
    });

    it("issues when another certificate is wanted, and not because names stand in another order", () => {
        const names = ["a.example.test", "b.example.test"];
        const action = (more: Partial<CertificateFacts>, want: Partial<typeof wanted>) =>
            decide(usable(90 * DAY, more), { ...wanted, ...want }, at(1)).action;
        expect(action({ names }, { names: [...names].reverse() })).to.equal("keep");
        expect(action({ names }, { names: names.slice(1) })).to.equal("issue");
        expect(action({ keyType: "RSA-2048" }, {})).to.equal("issue");
        expect(action({ directoryUrl: "https://staging.example.test/dir" }, {})).to.equal("issue");
    });
});
