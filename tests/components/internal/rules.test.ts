import { expect } from "chai";
import * as fc from "fast-check";

import {
    acmeDirectoryReason,
    acmeDirectoryUrl,
    choiceReason,
    cidrReason,
    domainReason,
    emailReason,
    integerReason,
    logRetentionReason,
    portReason,
    Reason,
    vpcCidrReason,
} from "../../../components/internal/rules";

function accepts(judge: (value: string) => Reason, values: string[]): void {
    expect(Object.fromEntries(values.map((value) => [value, judge(value)]))).to.deep.equal(
        Object.fromEntries(values.map((value) => [value, undefined])),
    );
}

function refuses(judge: (value: string) => Reason, reasons: Record<string, string>): void {
    expect(Object.fromEntries(Object.keys(reasons).map((value) => [value, judge(value)]))).to.deep.equal(reasons);
}

describe("rules", () => {
    describe("a domain", () => {
        it("has two labels or more", () => {
            accepts(domainReason, ["a.b", "tasks.example.com", "x--y.1and1.com", `${"a".repeat(63)}.example.com`]);
            const advice =
                "use at least two labels of a-z, 0-9 and inner hyphens, each up to 63 characters, e.g. tasks.example.com";
            refuses(domainReason, {
                com: `"com" is not a domain: ${advice}`,
                "tasks..com": `"tasks..com" is not a domain: ${advice}`,
                ".example.com": `".example.com" is not a domain: ${advice}`,
                "-a.example.com": `"-a.example.com" is not a domain: ${advice}`,
                "a-.example.com": `"a-.example.com" is not a domain: ${advice}`,
                "my_tasks.example.com": `"my_tasks.example.com" is not a domain: ${advice}`,
                "Tasks.example.com": `"Tasks.example.com" is not a domain: ${advice}`,
                "täsks.example.com": `"täsks.example.com" is not a domain: ${advice}`,
                "tasks.example.com\n": `"tasks.example.com\n" is not a domain: ${advice}`,
                [`${"a".repeat(64)}.com`]: `"${"a".repeat(64)}.com" is not a domain: ${advice}`,
            });
        });

        it("is no URL, wildcard or absolute name", () => {
            refuses(domainReason, {
                "https://tasks.example.com": `"https://tasks.example.com" is not a domain: leave out the scheme and the path, e.g. tasks.example.com`,
                "tasks.example.com/": `"tasks.example.com/" is not a domain: leave out the scheme and the path, e.g. tasks.example.com`,
                "*.example.com": `"*.example.com" is not a domain: leave out the wildcard, taskgate puts it in front itself, e.g. tasks.example.com`,
                "tasks.example.com.": `"tasks.example.com." is not a domain: leave out the final dot, e.g. tasks.example.com`,
            });
        });

        it("is no IP address", () => {
            refuses(domainReason, {
                "192.0.2.1": `"192.0.2.1" is not a domain: use at least two labels of a-z, 0-9 and inner hyphens, each up to 63 characters, e.g. tasks.example.com`,
            });
        });

        it("leaves room for the label in front of it: 253 characters in all", () => {
            const ofLength = (length: number): string =>
                `${"a.".repeat(length / 2)}bc`.slice(-length).replace(/^\./, "a");
            expect(domainReason(ofLength(220), 32)).to.equal(undefined);
            expect(domainReason(ofLength(221), 32)).to.equal(
                `"${ofLength(221)}" is not a domain that leaves room for the name in front: it has 221 characters, 220 are allowed, give a shorter one`,
            );
        });
    });

    it("an e-mail address", () => {
        accepts(emailReason, ["a@b.c", "first.last+tag@example.com"]);
        refuses(emailReason, {
            "": `"" is not an e-mail address, e.g. ops@example.com`,
            "a@b": `"a@b" is not an e-mail address, e.g. ops@example.com`,
            "a b@example.com": `"a b@example.com" is not an e-mail address, e.g. ops@example.com`,
            "a@b@example.com": `"a@b@example.com" is not an e-mail address, e.g. ops@example.com`,
        });
    });

    it("a whole number within bounds", () => {
        expect([1, 6].map((value) => integerReason(value, 1, 6))).to.deep.equal([undefined, undefined]);
        expect([0, 7, 1.5, NaN, Infinity].map((value) => integerReason(value, 1, 6, "zones"))).to.deep.equal([
            "0 is not allowed: give a whole number from 1 to 6 zones",
            "7 is not allowed: give a whole number from 1 to 6 zones",
            "1.5 is not allowed: give a whole number from 1 to 6 zones",
            "NaN is not allowed: give a whole number from 1 to 6 zones",
            "Infinity is not allowed: give a whole number from 1 to 6 zones",
        ]);
        expect([1, 65_535].map(portReason)).to.deep.equal([undefined, undefined]);
        expect(portReason(65_536)).to.equal("65536 is not allowed: give a whole number from 1 to 65535");
    });

    it("one of a list of words", () => {
        expect(choiceReason("b", ["a", "b"])).to.equal(undefined);
        expect(choiceReason("B", ["a", "b"])).to.equal(`"B" is not one of a, b`);
    });

    it("an IPv4 network of a VPC", () => {
        accepts(vpcCidrReason, ["10.0.0.0/16", "192.168.255.0/28"]);
        const refused = [
            "10.0.0.0",
            "10.0.0.0/15",
            "10.0.0.0/29",
            "10.0.0.256/16",
            "010.0.0.0/16",
            "10.0.0.0/16/1",
            "::/16",
        ];
        refuses(
            vpcCidrReason,
            Object.fromEntries(
                refused.map((value) => [value, `"${value}" is not an IPv4 network of 16 to 28 bits, e.g. 10.0.0.0/16`]),
            ),
        );
    });

    it("a CIDR block of either family", () => {
        accepts(cidrReason, ["0.0.0.0/0", "203.0.113.7/32", "::/0", "2001:db8::/32", "2001:db8::1/128"]);
        const refused = [
            ...[
                "",
                "/",
                "10.0.0.0",
                "10.0.0.0/",
                "10.0.0.0/33",
                "10.0.0.0/-1",
                "10.0.0.0/8/8",
                "10.0.0.0/1e1",
                "10.0.0/8",
            ],
            ...["999.0.0.0/8", "::/129", "::", ":/0", "1:2:3/64", "fe80::1%eth0/64", "anywhere"],
        ];
        refuses(
            cidrReason,
            Object.fromEntries(
                refused.map((value) => [value, `"${value}" is not a CIDR block, e.g. 203.0.113.0/24 or 2001:db8::/32`]),
            ),
        );
    });

    it("a CIDR block in the form that EC2 keeps", () => {
        refuses(cidrReason, {
            "10.1.2.3/8": '"10.1.2.3/8" is not how AWS writes it: give 10.0.0.0/8',
            "2001:DB8::/32": '"2001:DB8::/32" is not how AWS writes it: give 2001:db8::/32',
            "2001:db8::1/64": '"2001:db8::1/64" is not how AWS writes it: give 2001:db8::/64',
        });
        refuses(vpcCidrReason, { "10.0.0.1/16": '"10.0.0.1/16" is not how AWS writes it: give 10.0.0.0/16' });
    });

    it("a CIDR block, whatever its address and bits, once it is written as is advised", () => {
        const v4 = fc.tuple(fc.ipV4(), fc.integer({ min: 0, max: 32 }));
        const v6 = fc.tuple(fc.ipV6(), fc.integer({ min: 0, max: 128 }));
        fc.assert(
            fc.property(fc.oneof(v4, v6), ([address, bits]) => {
                const [, advised] = /: give (\S+)$/.exec(cidrReason(`${address}/${bits}`) ?? "") ?? [];
                return cidrReason(advised ?? `${address}/${bits}`) === undefined;
            }),
            { seed: 1 },
        );
    });

    it("a retention of CloudWatch Logs", () => {
        expect([1, 30, 3653].map(logRetentionReason)).to.deep.equal([undefined, undefined, undefined]);
        expect(logRetentionReason(31)).to.equal(
            "31 is not a retention of CloudWatch Logs: give one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653 days",
        );
    });

    it("an ACME directory, by name or by https URL", () => {
        const own = "https://ca.example.com:14000/dir";
        accepts(acmeDirectoryReason, ["letsencrypt", "letsencrypt-staging", own]);
        const advice = "give letsencrypt, letsencrypt-staging or a directory's https:// URL";
        refuses(acmeDirectoryReason, {
            zerossl: `"zerossl" is not an ACME directory: ${advice}`,
            constructor: `"constructor" is not an ACME directory: ${advice}`,
            "http://ca.example.com/dir": `"http://ca.example.com/dir" is not an ACME directory: ${advice}`,
            "ca.example.com/dir": `"ca.example.com/dir" is not an ACME directory: ${advice}`,
        });
        expect(["letsencrypt", "letsencrypt-staging", own].map(acmeDirectoryUrl)).to.deep.equal([
            "https://acme-v02.api.letsencrypt.org/directory",
            "https://acme-staging-v02.api.letsencrypt.org/directory",
            own,
        ]);
    });
});
