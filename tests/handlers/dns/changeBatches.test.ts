import { expect } from "chai";
import fc from "fast-check";
import { nextBatch, refusals } from "../../../handlers/dns/changeBatches";
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

describe("nextBatch", () => {
    it("takes what one request of Route 53 can hold, in order, and no more than it is told to", () => {
        fc.assert(
            fc.property(
                fc.array(anyChange, { minLength: 1, maxLength: 700, size: "max" }),
                fc.integer({ min: 1, max: 800 }),
                (changes, most) => {
                    const batch = nextBatch(changes, most);
                    expect(batch).to.deep.equal(changes.slice(0, batch.length));
                    expect(elements(batch)).to.be.within(1, 1_000);
                    expect(characters(batch)).to.be.at.most(32_000);
                    const withNext = changes.slice(0, batch.length + 1);
                    const isWhole = batch.length === changes.length || batch.length === most;
                    expect(isWhole || elements(withNext) > 1_000 || characters(withNext) > 32_000).to.be.true;
                },
            ),
            { numRuns: 50, seed: 1 },
        );
    });

    it("puts 1000 creations, but only 500 overwritings, of one address each into a request", () => {
        const size = (action: RecordChange["action"]) =>
            nextBatch(
                Array.from({ length: 1_001 }, (_, number) => change(action, `t${number}`)),
                Infinity,
            ).length;
        expect(size("CREATE")).to.equal(1_000);
        expect(size("DELETE")).to.equal(1_000);
        expect(size("UPSERT")).to.equal(500);
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
            "A a.example.test.": "exists",
            "A b.example.test.": "not found",
            "A c.example.test.": "differs",
            "A d.example.test.": "invalid",
            "A e.example.test.": "invalid",
            "A g.example.test.": "invalid",
        });
    });

    it("blames the record set that is meant of a name that has two, and both where no type is told", () => {
        const both = [change("CREATE", "a"), { ...change("CREATE", "a"), type: "AAAA" as const }];
        const existing =
            "[Tried to create resource record set [name='a.example.test.', type='AAAA'] but it already exists]";
        expect(blamed(existing, ...both)).to.deep.equal({ "AAAA a.example.test.": "exists" });
        const twice = "[The request contains an invalid set of changes for a resource record set 'A a.example.test.']";
        expect(blamed(twice, ...both)).to.deep.equal({ "A a.example.test.": "invalid" });
        expect(blamed("[RRSet with DNS name a.example.test. is not permitted in zone b.test.]", ...both)).to.deep.equal(
            {
                "A a.example.test.": "invalid",
                "AAAA a.example.test.": "invalid",
            },
        );
    });

    it("blames nobody for a name that only ends like another", () => {
        const text = "[Tried to create resource record set [name='x.a.example.test.', type='A'] but it already exists]";
        expect(blamed(text, change("CREATE", "a"))).to.deep.equal({});
    });
});
