import type { ResourceRecordSet } from "@aws-sdk/client-route-53";
import { expect } from "chai";
import fc from "fast-check";

import { applyBatch, batchCost } from "../../../../local/aws/route53/changeBatch";
import type { Change } from "../../../../local/aws/route53/changeBatch";
import type { ZoneContent } from "../../../../local/internet/dns/records";
import { recordSet } from "../../../support/recordSet";

const soa = recordSet("SOA", "example.test.", "ns1.example.net. admin.example.net. 1 7200 900 1209600 86400");
const ns = recordSet("NS", "example.test.", "ns1.example.net.");
const a = recordSet("A", "a.example.test.", "192.0.2.1");
const empty: ZoneContent = { name: "example.test.", sets: new Map([["example.test.", [soa, ns]]]) };

const create = (set: ResourceRecordSet): Change => ({ action: "CREATE", set });
const remove = (set: ResourceRecordSet): Change => ({ action: "DELETE", set });
const upsert = (set: ResourceRecordSet): Change => ({ action: "UPSERT", set });

function after(zone: ZoneContent, ...changes: Change[]): ZoneContent {
    const outcome = applyBatch(zone, changes);
    if ("faults" in outcome) {
        throw new Error(outcome.faults.join(", "));
    }
    return outcome.content;
}

function faults(zone: ZoneContent, ...changes: Change[]): readonly string[] {
    const outcome = applyBatch(zone, changes);
    return "faults" in outcome ? outcome.faults : [];
}

function recordsOf({ sets }: ZoneContent): string[] {
    return [...sets.values()]
        .flat()
        .filter((set) => set !== soa && set !== ns)
        .map(
            ({ Name, Type, ResourceRecords = [] }) =>
                `${Name} ${Type} ${ResourceRecords.map(({ Value }) => Value).join()}`,
        );
}

describe("A change batch of Route 53", () => {
    it("creates, replaces and deletes", () => {
        const zone = after(empty, create(a));
        expect(recordsOf(zone)).to.deep.equal(["a.example.test. A 192.0.2.1"]);
        expect(recordsOf(after(zone, upsert(recordSet("A", "a.example.test.", "192.0.2.2"))))).to.deep.equal([
            "a.example.test. A 192.0.2.2",
        ]);
        expect(recordsOf(after(zone, upsert(recordSet("AAAA", "a.example.test.", "2001:db8::1"))))).to.have.length(2);
        expect(recordsOf(after(zone, remove(a)))).to.deep.equal([]);
        expect(recordsOf(zone)).to.have.length(1);
    });

    it("replaces a set of another type under the same name when the old one goes first", () => {
        const alias = recordSet("CNAME", "a.example.test.", "b.example.test.");
        expect(recordsOf(after(after(empty, create(a)), remove(a), create(alias)))).to.deep.equal([
            "a.example.test. CNAME b.example.test.",
        ]);
    });

    it("names every change that does not fit what is there, and makes none", () => {
        const zone = after(empty, create(a));
        const gone = recordSet("A", "gone.example.test.", "192.0.2.1");
        const changed = recordSet("A", "*.example.test.", "192.0.2.1");
        const star = after(zone, create(recordSet("A", "*.example.test.", "192.0.2.9")));
        expect(faults(star, create(a), remove(gone), remove(changed))).to.deep.equal([
            "Tried to create resource record set [name='a.example.test.', type='A'] but it already exists",
            "Tried to delete resource record set [name='gone.example.test.', type='A'] but it was not found",
            "Tried to delete resource record set [name='\\052.example.test.', type='A'] but the values provided do not match the current values",
        ]);
    });

    it("wants a DELETE to give all that it deletes, but in any order", () => {
        const both = recordSet("A", "a.example.test.", "192.0.2.1", "192.0.2.2");
        const zone = after(empty, create(both));
        const turned = recordSet("A", "a.example.test.", "192.0.2.2", "192.0.2.1");
        expect(recordsOf(after(zone, remove(turned)))).to.deep.equal([]);
        for (const wrong of [a, { ...both, TTL: 61 }]) {
            expect(faults(zone, remove(wrong))).to.deep.equal([
                "Tried to delete resource record set [name='a.example.test.', type='A'] but the values provided do not match the current values",
            ]);
        }
    });

    it("takes a set once in a batch, except to delete it and create it anew", () => {
        const zone = after(empty, create(a));
        const anew = recordSet("A", "a.example.test.", "192.0.2.2");
        expect(recordsOf(after(zone, remove(a), create(anew)))).to.deep.equal(["a.example.test. A 192.0.2.2"]);
        const message = "The request contains an invalid set of changes for a resource record set 'A a.example.test.'";
        expect(faults(zone, upsert(a), upsert(anew))).to.deep.equal([message]);
        expect(faults(zone, remove(a), remove(a))).to.deep.equal([message]);
        expect(faults(zone, create(anew), remove(a))).to.deep.equal([message]);
        const one = { ...a, SetIdentifier: "one", MultiValueAnswer: true };
        expect(faults(empty, create(one), create({ ...one, SetIdentifier: "two" }))).to.deep.equal([]);
    });

    for (const [what, set, fault] of [
        [
            "an A record that is no address",
            recordSet("A", "a.example.test.", "192.0.2.300"),
            "Invalid Resource Record: 'FATAL problem: ARRDATAIllegalIPv4Address (Value is not a valid IPv4 address) encountered with '192.0.2.300''",
        ],
        [
            "an AAAA record that is no address",
            recordSet("AAAA", "a.example.test.", "192.0.2.1"),
            "Invalid Resource Record: 'FATAL problem: AAAARRDATAIllegalIPv6Address (Value is not a valid IPv6 address) encountered with '192.0.2.1''",
        ],
        [
            "TXT without quotation marks",
            recordSet("TXT", "a.example.test.", "token"),
            "Invalid Resource Record: 'FATAL problem: InvalidCharacterString (Value should be enclosed in quotation marks) encountered with 'token''",
        ],
        [
            "TXT of more than 255 characters in one string",
            recordSet("TXT", "a.example.test.", `"${"x".repeat(256)}"`),
            `Invalid Resource Record: 'FATAL problem: CharacterStringTooLong (Value is too long) encountered with '"${"x".repeat(256)}"''`,
        ],
        [
            "a value given twice",
            recordSet("A", "a.example.test.", "192.0.2.1", "192.0.2.1"),
            "Duplicate Resource Record: '192.0.2.1'",
        ],
        [
            "a name outside the zone",
            recordSet("A", "a.notexample.test.", "192.0.2.1"),
            "RRSet with DNS name a.notexample.test. is not permitted in zone example.test.",
        ],
        [
            "a CNAME at the top of the zone",
            recordSet("CNAME", "example.test.", "b.example.net."),
            "RRSet of type CNAME with DNS name example.test. is not permitted at apex in zone example.test.",
        ],
        [
            "a CNAME beside other records",
            recordSet("CNAME", "taken.example.test.", "b.example.net."),
            "RRSet of type CNAME with DNS name taken.example.test. is not permitted as it conflicts with other records with the same DNS name in zone example.test.",
        ],
        [
            "other records beside a CNAME",
            recordSet("A", "alias.example.test.", "192.0.2.1"),
            "RRSet of type A with DNS name alias.example.test. is not permitted because a conflicting RRSet of type CNAME with the same DNS name already exists in zone example.test.",
        ],
        [
            "a set without TTL",
            { ...a, TTL: undefined },
            "Invalid request: RRSet with DNS name a.example.test., type A: expected a TTL from 0 to 2147483647 seconds, or an AliasTarget.",
        ],
        [
            "a CNAME with two values",
            recordSet("CNAME", "a.example.test.", "b.example.net.", "c.example.net."),
            "Invalid request: RRSet with DNS name a.example.test., type CNAME: expected 1 value, got 2.",
        ],
        [
            "a type that is not served",
            recordSet("DS", "a.example.test.", "1 2 3 4"),
            "Invalid Resource Record: 'Records of type DS are not served; those of type A, AAAA, CNAME, NS, PTR, TXT, MX, SRV, CAA, SOA are.'",
        ],
    ] as const) {
        it(`refuses ${what}`, () => {
            const zone = after(
                empty,
                create(recordSet("A", "taken.example.test.", "192.0.2.1")),
                create(recordSet("CNAME", "alias.example.test.", "b.example.net.")),
            );
            expect(faults(zone, create(set))).to.deep.equal([fault]);
            expect(faults(zone, upsert(set))).to.deep.equal([fault]);
        });
    }

    describe("of records with a routing policy", () => {
        const at = (SetIdentifier: string, policy: Partial<ResourceRecordSet>): ResourceRecordSet => ({
            ...a,
            SetIdentifier,
            ...policy,
        });
        const ireland = at("ireland", { Region: "eu-west-1" });
        const primary = at("one", { Failover: "PRIMARY", HealthCheckId: "check" });

        it("takes several of one policy, and other policies for other types and names", () => {
            const virginia = at("virginia", { Region: "us-east-1" });
            const secondary = at("two", { Failover: "SECONDARY" });
            const text = { ...recordSet("TXT", "a.example.test.", '"x"'), SetIdentifier: "t", Weight: 0 };
            const other = { ...primary, Name: "b.example.test." };
            expect(faults(empty, ...[ireland, virginia, text, other].map(create))).to.deep.equal([]);
            expect(faults(empty, ...[primary, secondary].map(create))).to.deep.equal([]);
        });

        it("becomes another policy in one batch, in which the old one goes first", () => {
            const zone = after(empty, create(a));
            expect(faults(zone, remove(a), create(ireland))).to.deep.equal([]);
            expect(faults(after(empty, create(ireland)), remove(ireland), create(primary))).to.deep.equal([]);
        });

        const described = "RRSet with DNS name a.example.test., type A";
        for (const [what, there, set, fault] of [
            [
                "a simple one beside others",
                ireland,
                a,
                `${described} cannot be created as other RRSets exist with the same name and type.`,
            ],
            [
                "a latency record beside a simple one",
                a,
                ireland,
                `${described}, SetIdentifier ireland cannot be created as a non-latency set exists with the same name and type.`,
            ],
            [
                "a weighted record beside a latency record",
                ireland,
                at("w", { Weight: 1 }),
                `${described}, SetIdentifier w cannot be created as a non-weighted set exists with the same name and type.`,
            ],
            [
                "a second latency record of a region",
                ireland,
                at("again", { Region: "eu-west-1" }),
                `${described}, SetIdentifier again, and Region Name=eu-west-1 cannot be created because a latency RRSet with the same name, type and region already exists.`,
            ],
            [
                "a second primary",
                primary,
                at("other", { Failover: "PRIMARY", HealthCheckId: "check" }),
                `${described}, SetIdentifier other, and Failover=PRIMARY cannot be created because a failover RRSet with the same name, type and failover already exists.`,
            ],
            [
                "a primary that nothing judges",
                at("two", { Failover: "SECONDARY" }),
                at("one", { Failover: "PRIMARY" }),
                "A non-alias primary ResourceRecordSet must have an associated health check. No changes made.",
            ],
            [
                "weighted records of different TTL",
                at("v", { Weight: 1 }),
                at("w", { Weight: 1, TTL: 30 }),
                `${described}, SetIdentifier w cannot be created as weighted sets must contain the same TTL.`,
            ],
        ] as const) {
            it(`refuses ${what}`, () => {
                const zone = after(empty, create(there));
                expect(faults(zone, create(set))).to.deep.equal([fault]);
                expect(faults(zone, upsert(set))).to.deep.equal([fault]);
            });
        }

        it("refuses a second one of a set identifier", () => {
            expect(faults(after(empty, create(ireland)), create(ireland))).to.deep.equal([
                "Tried to create resource record set [name='a.example.test.', type='A', set identifier='ireland'] but it already exists",
            ]);
        });
    });

    it("keeps the SOA and NS records of the zone", () => {
        expect(faults(empty, remove(soa), remove(ns))).to.deep.equal([
            "A HostedZone must contain exactly one SOA record.",
            "A HostedZone must contain at least one NS record for the zone itself.",
        ]);
        const shorter = { ...soa, TTL: 15 };
        expect(after(empty, upsert(shorter)).sets.get("example.test.")).to.deep.equal([ns, shorter]);
    });

    it("takes 1000 records in a batch, an UPSERT counted twice", () => {
        const sets = (count: number) =>
            Array.from({ length: count }, (_, n) => recordSet("A", `t${n}.example.test.`, "192.0.2.1"));
        const message = "Number of records limit of 1000 exceeded.";
        expect(faults(empty, ...sets(1_000).map(create))).to.deep.equal([]);
        expect(faults(empty, ...sets(1_001).map(create))).to.deep.equal([message]);
        expect(faults(empty, ...sets(500).map(upsert))).to.deep.equal([]);
        expect(faults(empty, ...sets(501).map(upsert))).to.deep.equal([message]);
    });

    it("takes 32000 characters of values in a batch, an UPSERT counted twice", () => {
        const sets = (count: number) =>
            Array.from({ length: count }, (_, n) => recordSet("TXT", `t${n}.example.test.`, `"${"x".repeat(198)}"`));
        const message = "Number of characters limit of 32000 exceeded.";
        expect(faults(empty, ...sets(160).map(create))).to.deep.equal([]);
        expect(faults(empty, ...sets(161).map(create))).to.deep.equal([message]);
        expect(faults(empty, ...sets(80).map(upsert))).to.deep.equal([]);
        expect(faults(empty, ...sets(81).map(upsert))).to.deep.equal([message]);
    });

    it("costs 1 a CREATE or DELETE and 2 an UPSERT", () => {
        expect(batchCost([create(a), remove(a), upsert(a)])).to.equal(4);
    });

    it("ends, after any changes, in what the accepted batches say, and a refused one changes nothing", () => {
        const change = fc.record({
            action: fc.constantFrom("CREATE" as const, "DELETE" as const, "UPSERT" as const),
            set: fc
                .record({ label: fc.constantFrom("a", "b"), last: fc.constantFrom(1, 2) })
                .map(({ label, last }) => recordSet("A", `${label}.example.test.`, `192.0.2.${last}`)),
        });
        fc.assert(
            fc.property(
                fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { maxLength: 8, size: "max" }),
                (batches) => {
                    let zone = empty;
                    const model = new Map<string, string>();
                    for (const batch of batches) {
                        const outcome = applyBatch(zone, batch);
                        if ("faults" in outcome) {
                            expect(outcome.faults).to.not.deep.equal([]);
                            continue;
                        }
                        zone = outcome.content;
                        for (const { action, set } of batch) {
                            const line = `${set.Name} A ${set.ResourceRecords?.[0].Value}`;
                            if (action === "DELETE") {
                                model.delete(set.Name ?? "");
                            } else {
                                model.set(set.Name ?? "", line);
                            }
                        }
                    }
                    expect(recordsOf(zone).sort()).to.deep.equal([...model.values()].sort());
                },
            ),
        );
    });
});
