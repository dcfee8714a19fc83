import { expect } from "chai";

import { saysTheSame, within } from "../../../../local/aws/resources/values";

describe("local/aws/resources/values: what AWS gives back", () => {
    const same: readonly (readonly [why: string, read: unknown, sent: unknown])[] = [
        ["what is empty is left out", undefined, ""],
        ["what is empty is left out", { rule: { prefix: "" } }, {}],
        ["what is off is left out", undefined, { enabled: false, prefix: "" }],
        ["zero is left out", undefined, 0],
        ["an order is no order", ["b", "a"], ["a", "b"]],
        ["an order is no order", [{ key: "b" }, { key: "a" }], [{ key: "a" }, { key: "b" }]],
        ["numbers and booleans are texts", { ttl: "60", logs: "true" }, { ttl: 60, logs: true }],
        ["off is a text", "false", false],
        ["a document has other spaces and another order", '{ "b": 1, "a": [2] }', '{"a":[2],"b":1}'],
        ["a document was an object", '{"a":[2]}', { a: [2] }],
    ];
    for (const [why, read, sent] of same) {
        it(`says the same: ${why}: ${JSON.stringify(read)} for ${JSON.stringify(sent)}`, () => {
            expect(saysTheSame(read, sent)).to.equal(true);
        });
    }

    const other: readonly (readonly [why: string, read: unknown, sent: unknown])[] = [
        ["taken away", undefined, "x"],
        ["taken away", {}, { a: { b: 1 } }],
        ["set where nothing was", "x", ""],
        ["switched on", true, false],
        ["switched off", undefined, true],
        ["added to a map", { a: "1", b: "2" }, { a: "1" }],
        ["added to a list", ["a", "b"], ["a"]],
        ["twice for two", ["a", "a"], ["a", "b"]],
        ["taken from a list", ["a"], ["a", "a"]],
        ["changed within a list", [{ days: 1 }], [{ days: 90 }]],
        ["a document's order counts in its lists", '{"a":[2,1]}', '{"a":[1,2]}'],
        ["a document with more in it", '{"a":1,"b":""}', '{"a":1}'],
        ["no document any more", "x", '{"a":1}'],
    ];
    for (const [why, read, sent] of other) {
        it(`says something else: ${why}: ${JSON.stringify(read)} for ${JSON.stringify(sent)}`, () => {
            expect(saysTheSame(read, sent)).to.equal(false);
        });
    }

    it("is cut down to what was sent", () => {
        const read = { attempts: 2, age: 86_400, of: [{ arn: "a", weight: 1 }] };
        expect(within(read, { attempts: 2, of: [{ arn: "b" }] })).to.deep.equal({ attempts: 2, of: [{ arn: "a" }] });
        expect(within(read, { attempts: 2, age: undefined })).to.deep.equal({ attempts: 2, age: undefined });
        expect(within(read, undefined)).to.equal(undefined);
        expect(within([1, 2], [1])).to.deep.equal([1, undefined]);
    });
});
