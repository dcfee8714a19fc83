import { expect } from "chai";
import fc from "fast-check";

import {
    priorityReason,
    RuleConditions,
    splitConditions,
    valuesPerRule,
} from "../../../../components/internal/loadBalancing/listenerRules";

/** Every pair of a host and a path that the rules match; "*" stands for any. */
function matched(rules: readonly RuleConditions[]): string[] {
    const any = (values: readonly string[]): readonly string[] => (values.length === 0 ? ["*"] : values);
    return rules
        .flatMap(({ hosts, paths }) => any(hosts).flatMap((host) => any(paths).map((path) => host + path)))
        .sort();
}

describe("listener rules", () => {
    const hosts = fc.uniqueArray(fc.stringMatching(/^[a-z]{1,6}\.example$/), { maxLength: 14, size: "max" });
    const paths = fc.uniqueArray(fc.stringMatching(/^\/[a-z]{1,6}$/), { maxLength: 14, size: "max" });

    it("match the same requests, none twice, with at most five values each", () => {
        fc.assert(
            fc.property(hosts, paths, (someHosts, somePaths) => {
                const conditions = { hosts: someHosts, paths: somePaths };
                const rules = splitConditions(conditions);
                fc.pre(someHosts.length + somePaths.length > 0);
                expect(matched(rules)).to.deep.equal(matched([conditions]));
                rules.forEach((rule) => expect(rule.hosts.length + rule.paths.length).to.be.within(1, valuesPerRule));
            }),
        );
    });

    it("are as few as can be", () => {
        const count = (hostCount: number, pathCount: number): number =>
            splitConditions({
                hosts: Array.from({ length: hostCount }, (_, index) => `h${index}.example`),
                paths: Array.from({ length: pathCount }, (_, index) => `/${index}`),
            }).length;
        expect(count(5, 0)).to.equal(1);
        expect(count(6, 0)).to.equal(2);
        expect(count(0, 11)).to.equal(3);
        expect(count(1, 4)).to.equal(1);
        expect(count(2, 4)).to.equal(2);
        expect(count(3, 3)).to.equal(2);
        expect(count(4, 4)).to.equal(4);
        expect(count(0, 0)).to.equal(0);
    });

    it("have at most five wildcards each, whoever brings them", () => {
        const pattern = (text: string): fc.Arbitrary<string[]> =>
            fc.uniqueArray(fc.stringMatching(new RegExp(`^${text}$`)), { maxLength: 9, size: "max" });
        const wild = { hosts: pattern("[*?]{0,2}[a-z]{1,4}\\.example"), paths: pattern("/[a-z]{1,4}[*?]{0,3}") };
        fc.assert(
            fc.property(wild.hosts, wild.paths, (someHosts, somePaths) => {
                fc.pre(someHosts.length + somePaths.length > 0);
                const conditions = { hosts: someHosts, paths: somePaths };
                const rules = splitConditions(conditions);
                expect(matched(rules)).to.deep.equal(matched([conditions]));
                for (const rule of rules) {
                    const values = [...rule.hosts, ...rule.paths];
                    expect(values.length).to.be.within(1, valuesPerRule);
                    expect(values.join("").replace(/[^*?]/g, "").length).to.be.at.most(5);
                }
            }),
        );
        expect(splitConditions({ hosts: ["*.*.*.example"], paths: ["/*/*/*"] })).to.deep.equal([]);
    });

    it("keep the order in which they were given", () => {
        expect(splitConditions({ hosts: ["b", "a"], paths: ["/4", "/3", "/2", "/1"] })).to.deep.equal([
            { hosts: ["b"], paths: ["/4", "/3", "/2", "/1"] },
            { hosts: ["a"], paths: ["/4", "/3", "/2", "/1"] },
        ]);
    });
});

describe("priorities", () => {
    const shop = { service: "shop", first: 10, count: 3 };

    it("are refused when another service of the listener has one of them", () => {
        expect(priorityReason({ service: "blog", first: 13, count: 1 }, [shop])).to.be.undefined;
        expect(priorityReason({ service: "blog", first: 8, count: 2 }, [shop])).to.be.undefined;
        expect(priorityReason({ service: "blog", first: 12, count: 1 }, [shop])).to.equal(
            '12 is taken: "shop" has 10 to 12 on this listener; give another priority',
        );
        expect(priorityReason({ service: "blog", first: 9, count: 2 }, [shop])).to.equal(
            '9 to 10 is taken: "shop" has 10 to 12 on this listener; give another priority',
        );
    });

    it("are from 1 to 50000, the last rule's too", () => {
        expect(priorityReason({ service: "blog", first: 0, count: 1 }, [])).to.equal(
            "0 is not allowed: give a whole number from 1 to 50000",
        );
        expect(priorityReason({ service: "blog", first: 50_000, count: 2 }, [])).to.equal(
            "50000 is not allowed: give a whole number from 1 to 49999",
        );
    });
});
