import { expect } from "chai";
import fc from "fast-check";
import { batches, refusals } from "../../../handlers/dns/changeBatches";
import type { RecordChange } from "../../../handlers/hostedZone";

const anyChange: fc.Arbitrary<RecordChange> = fc.record({
    action: fc.constantFrom("CREATE" as const, "UPSERT" as const, "DELETE" as const),
    name: fc.uuid().map((label) => `${label}.example.test.`),
    type: fc.constant("A" as const),
    ttl: fc.nat(300),
    values: fc.array(fc.constantFrom("192.0.2.1", "2001:0db8:0000:0000:0000:0000:0000:0001"), {
        minLength: 1,
        maxLength: 8,
    }),
});

const weight = (batch: readonly RecordChange[], of: (change: RecordChange) => number) =>
    batch.reduce((sum, change) => sum + of(change) * (change.action === "UPSERT" ? 2 : 1), 0);
const elements = (batch: readonly RecordChange[]) => weight(batch, ({ values }) => values.length);
const characters = (batch: readonly RecordChange[]) => weight(batch, ({ values }) => values.join("").length);

const change = (action: RecordChange["action"], label: string): RecordChange => ({
    action,
    name: `${label}.example.test.`,
    type: "A",
    ttl: 15,
    values: ["192.0.2.1"],
});

describe("batches", () => {
    it("keeps every change, in order, within Route 53's limits, and cuts only where the next change would break one", () => {
        fc.assert(
            fc.property(fc.array(anyChange, { maxLength: 700 }), (changes) => {
                const cut = batches(changes);
                expect(cut.flat()).to.deep.equal(changes);
                cut.forEach((batch, index) => {
                    expect(elements(batch)).to.be.within(1, 1_000);
                    expect(characters(batch)).to.be.at.most(32_000);
                    const withNext = [...batch, ...(cut[index + 1]?.slice(0, 1) ?? [])];
                    expect(index === cut.length - 1 || elements(withNext) > 1_000 || characters(withNext) > 32_000).to
                        .be.true;
                });
            }),
            { numRuns: 50, seed: 1 },
        );
    });

    it("puts 1000 creations, but only 500 overwritings, of one address each into a request", () => {
        const sizes = (action: RecordChange["action"]) =>
            batches(Array.from({ length: 1_001 }, (_, number) => change(action, `t${number}`))).map(
                ({ length }) => length,
            );
        expect(sizes("CREATE")).to.deep.equal([1_000, 1]);
        expect(sizes("DELETE")).to.deep.equal([1_000, 1]);
        expect(sizes("UPSERT")).to.deep.equal([500, 500, 1]);
    });
});

describe("refusals", () => {
    const blamed = (text: string, ...changes: RecordChange[]) =>
        Object.fromEntries([...refusals(text, changes)].map(([name, { fault }]) => [name, fault]));

    it("reads who is to blame, and for what, out of Route 53's sentences", () => {
        const text =
            "[Tried to create resource record set [name='a.example.test.', type='A'] but it already exists, " +
            "Tried to delete resource record set [name='B.example.test.', type='A'] but it was not found, " +
            "Tried to delete resource record set [name='c.example.test.', type='A'] but the values provided do not match the current values, " +
            "RRSet with DNS name d.example.test. is not permitted in zone example.org., " +
            "RRSet of type A with DNS name g.example.test. is not permitted because a conflicting RRSet of type CNAME with the same DNS name already exists in zone example.test., " +
            "The request contains an invalid set of changes for a resource record set 'A e.example.test.']";
        const changes = ["a", "b", "c", "d", "e", "f", "g"].map((label) => change("CREATE", label));
        expect(blamed(text, ...changes)).to.deep.equal({
            "a.example.test.": "exists",
            "b.example.test.": "not found",
            "c.example.test.": "differs",
            "d.example.test.": "invalid",
            "e.example.test.": "invalid",
            "g.example.test.": "invalid",
        });
    });

    it("blames nobody for a name that only ends like another", () => {
        const text = "[Tried to create resource record set [name='x.a.example.test.', type='A'] but it already exists]";
        expect(blamed(text, change("CREATE", "a"))).to.deep.equal({});
    });
});
