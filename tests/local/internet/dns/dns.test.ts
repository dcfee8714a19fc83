import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { connect } from "node:net";

import type { ResourceRecordSet } from "@aws-sdk/client-route-53";
import { expect } from "chai";
import { AUTHORITATIVE_ANSWER, decode, encode, RECURSION_DESIRED, streamDecode, streamEncode } from "dns-packet";
import type { DecodedPacket, OptAnswer, Packet, RecordType } from "dns-packet";

import { answerQuestion } from "../../../../local/internet/dns/answer";
import type { ZoneContent } from "../../../../local/internet/dns/records";
import { startDnsServer } from "../../../../local/internet/dns/server";
import type { DnsServer } from "../../../../local/internet/dns/server";
import { recordSet } from "../../../support/recordSet";

/** The type lacks what the library reads. */
type Response = DecodedPacket & { readonly rcode: string };

function zoneOf(name: string, ...sets: ResourceRecordSet[]): ZoneContent {
    const soa = recordSet("SOA", name, "ns1.example.net. admin.example.net. 1 7200 900 1209600 30");
    const all = [soa, recordSet("NS", name, "ns1.example.net."), ...sets];
    const byName = new Map<string, ResourceRecordSet[]>();
    all.forEach((set) => byName.set(set.Name ?? "", [...(byName.get(set.Name ?? "") ?? []), set]));
    return { name, sets: byName };
}

/** The answer in short: rcode, "!" if not authoritative, answers; "|" and the authority section. */
function ask(zones: ZoneContent[], name: string, type: string): string {
    const { rcode, authoritative, answers, authorities } = answerQuestion(zones, name, type);
    const show = (records: typeof answers) =>
        records.map(
            (record) =>
                `${record.name} ${record.ttl} ${record.type} ${record.type === "SOA" ? "…" : String(record.data)}`,
        );
    return [
        rcode + (authoritative ? "" : "!"),
        ...show(answers),
        ...(authorities.length ? ["|"] : []),
        ...show(authorities),
    ].join("; ");
}

describe("DNS of the local system", () => {
    describe("answers", () => {
        const zone = zoneOf(
            "example.test.",
            recordSet("A", "a.example.test.", "192.0.2.1", "192.0.2.2"),
            recordSet("AAAA", "a.example.test.", "2001:db8::1"),
            recordSet("CNAME", "www.example.test.", "a.example.test."),
            recordSet("CNAME", "away.example.test.", "example.net."),
            recordSet("CNAME", "nowhere.example.test.", "none.example.test."),
            recordSet("CNAME", "loop.example.test.", "loop.example.test."),
            recordSet("A", "*.wild.example.test.", "192.0.2.3"),
            recordSet("A", "deep.x.wild.example.test.", "192.0.2.4"),
            recordSet("NS", "sub.example.test.", "ns.example.net."),
            { Type: "A", Name: "alias.example.test.", AliasTarget: target("www.example.test") },
            { Type: "A", Name: "elsewhere.example.test.", AliasTarget: target("lb.example.net.") },
        );

        function target(DNSName: string) {
            return { DNSName, HostedZoneId: "Z1", EvaluateTargetHealth: false };
        }

        const soa = "| ; example.test 30 SOA …".replace(" ;", ";");

        for (const [question, expected] of [
            ["a.example.test A", "NOERROR; a.example.test 60 A 192.0.2.1; a.example.test 60 A 192.0.2.2"],
            ["A.Example.TEST A", "NOERROR; A.Example.TEST 60 A 192.0.2.1; A.Example.TEST 60 A 192.0.2.2"],
            ["a.example.test AAAA", "NOERROR; a.example.test 60 AAAA 2001:db8::1"],
            ["a.example.test TXT", `NOERROR; ${soa}`],
            ["none.example.test A", `NXDOMAIN; ${soa}`],
            ["example.test NS", "NOERROR; example.test 60 NS ns1.example.net"],
            ["example.net A", "REFUSED!"],
            ["notexample.test A", "REFUSED!"],
            [
                "www.example.test AAAA",
                "NOERROR; www.example.test 60 CNAME a.example.test; a.example.test 60 AAAA 2001:db8::1",
            ],
            ["www.example.test CNAME", "NOERROR; www.example.test 60 CNAME a.example.test"],
            ["away.example.test A", "NOERROR; away.example.test 60 CNAME example.net"],
            ["nowhere.example.test A", `NXDOMAIN; nowhere.example.test 60 CNAME none.example.test; ${soa}`],
            ["one.wild.example.test A", "NOERROR; one.wild.example.test 60 A 192.0.2.3"],
            ["one.two.wild.example.test A", "NOERROR; one.two.wild.example.test 60 A 192.0.2.3"],
            ["one.wild.example.test TXT", `NOERROR; ${soa}`],
            ["wild.example.test A", `NOERROR; ${soa}`],
            // The wildcard does not reach below a name that exists.
            ["one.x.wild.example.test A", `NXDOMAIN; ${soa}`],
            ["x.wild.example.test A", `NOERROR; ${soa}`],
            ["any.sub.example.test A", "NOERROR!; |; sub.example.test 60 NS ns.example.net"],
            ["alias.example.test A", "NOERROR; alias.example.test 60 A 192.0.2.1; alias.example.test 60 A 192.0.2.2"],
            ["alias.example.test AAAA", `NOERROR; ${soa}`],
            ["elsewhere.example.test A", `NOERROR; ${soa}`],
        ]) {
            it(`${question}: ${expected}`, () => {
                const [name, type] = question.split(" ");
                expect(ask([zone], name, type)).to.equal(expected);
            });
        }

        it("gives up on a CNAME that leads to itself", () => {
            expect(ask([zone], "loop.example.test", "A")).to.match(
                /^NOERROR(; loop\.example\.test 60 CNAME loop\.example\.test)+$/,
            );
        });

        it("asks the zone that is nearest to the name, and follows a CNAME into another one", () => {
            const sub = zoneOf("sub.example.test.", recordSet("A", "a.sub.example.test.", "192.0.2.9"));
            const other = zoneOf("example.org.", recordSet("CNAME", "x.example.org.", "a.sub.example.test."));
            expect(ask([sub, zone], "a.sub.example.test", "A")).to.equal("NOERROR; a.sub.example.test 60 A 192.0.2.9");
            expect(ask([zone, other, sub], "x.example.org", "A")).to.equal(
                "NOERROR; x.example.org 60 CNAME a.sub.example.test; a.sub.example.test 60 A 192.0.2.9",
            );
        });
    });

    describe("server", () => {
        let server: DnsServer;
        let zones: ZoneContent[];
        let resolver: Resolver;

        beforeEach(async () => {
            zones = [];
            server = await startDnsServer({ zones: () => zones });
            resolver = new Resolver({ timeout: 2_000, tries: 5 });
            resolver.setServers([`127.0.0.1:${server.port}`]);
        });

        afterEach(() => server.stop());

        async function byUdp(query: Packet | Buffer): Promise<Response> {
            const socket = createSocket("udp4");
            const answer = new Promise<Buffer>((resolve) => socket.once("message", resolve));
            socket.send(Buffer.isBuffer(query) ? query : encode(query), server.port, "127.0.0.1");
            return decode(await answer.finally(() => socket.close())) as Response;
        }

        function query(name: string, type: RecordType, more: Partial<Packet> = {}): Packet {
            return { type: "query", id: 7, questions: [{ name, type }], ...more };
        }

        it("serves what is published at the moment, every type of it", async () => {
            const failure = await resolver
                .resolve4("a.example.test")
                .catch((error: NodeJS.ErrnoException) => error.code);
            expect(failure).to.equal("EREFUSED");
            zones = [
                zoneOf(
                    "example.test.",
                    recordSet("A", "a.example.test.", "192.0.2.1"),
                    recordSet("AAAA", "a.example.test.", "2001:db8::1"),
                    recordSet("TXT", "a.example.test.", `"one \\"quoted\\" \\052" "two"`, `"${"x".repeat(255)}"`),
                    recordSet("MX", "a.example.test.", "10 mail.example.net."),
                    recordSet("SRV", "a.example.test.", "1 2 443 a.example.test."),
                    recordSet("CAA", "a.example.test.", `0 issue "ca.example.net; validationmethods=dns-01"`),
                    recordSet("CNAME", "www.example.test.", "a.example.test."),
                    recordSet("PTR", "p.example.test.", "a.example.test."),
                ),
            ];
            expect(await resolver.resolve4("a.example.test", { ttl: true })).to.deep.equal([
                { address: "192.0.2.1", ttl: 60 },
            ]);
            expect(await resolver.resolve6("www.EXAMPLE.test")).to.deep.equal(["2001:db8::1"]);
            expect(await resolver.resolveTxt("a.example.test")).to.deep.equal([
                [`one "quoted" *`, "two"],
                ["x".repeat(255)],
            ]);
            expect(await resolver.resolveMx("a.example.test")).to.deep.equal([
                { exchange: "mail.example.net", priority: 10, type: "MX" },
            ]);
            expect(await resolver.resolveSrv("a.example.test")).to.deep.equal([
                { name: "a.example.test", port: 443, priority: 1, weight: 2, type: "SRV" },
            ]);
            expect(await resolver.resolveCaa("a.example.test")).to.deep.equal([
                { critical: 0, issue: "ca.example.net; validationmethods=dns-01", type: "CAA" },
            ]);
            expect(await resolver.resolvePtr("p.example.test")).to.deep.equal(["a.example.test"]);
            expect(await resolver.resolveNs("example.test")).to.deep.equal(["ns1.example.net"]);
            expect(await resolver.resolveSoa("example.test")).to.deep.include({
                nsname: "ns1.example.net",
                hostmaster: "admin.example.net",
                serial: 1,
                refresh: 7200,
                retry: 900,
                expire: 1209600,
                minttl: 30,
            });
        });

        it("says that a name does not exist, and how long that may be remembered", async () => {
            zones = [zoneOf("example.test.")];
            const answer = await byUdp(query("none.example.test", "A", { flags: RECURSION_DESIRED }));
            expect(answer.rcode).to.equal("NXDOMAIN");
            expect(answer.id).to.equal(7);
            expect(answer.flags! & AUTHORITATIVE_ANSWER).to.equal(AUTHORITATIVE_ANSWER);
            expect(answer.flag_rd).to.equal(true);
            expect(answer.flag_ra).to.equal(false);
            expect(
                answer.authorities?.map(({ name, type, ...rest }) => [name, type, (rest as { ttl: number }).ttl]),
            ).to.deep.equal([["example.test", "SOA", 30]]);
        });

        it("asks for TCP when an answer is too long for UDP, and for EDNS answers longer ones", async () => {
            const addresses = Array.from({ length: 100 }, (_, n) => `192.0.2.${n}`);
            zones = [zoneOf("example.test.", recordSet("A", "many.example.test.", ...addresses))];
            const short = await byUdp(query("many.example.test", "A"));
            expect([short.flag_tc, short.answers?.length]).to.deep.equal([true, 0]);
            const opt: OptAnswer = {
                type: "OPT",
                name: ".",
                udpPayloadSize: 4096,
                flags: 0,
                flag_do: false,
                extendedRcode: 0,
                ednsVersion: 0,
                options: [],
            };
            const long = await byUdp(query("many.example.test", "A", { additionals: [opt] }));
            expect([long.flag_tc, long.answers?.length, long.additionals?.length]).to.deep.equal([false, 100, 1]);
            expect(await resolver.resolve4("many.example.test")).to.have.members(addresses);
        });

        it("answers several questions on one TCP connection, in whatever pieces they come", async () => {
            zones = [zoneOf("example.test.", recordSet("A", "a.example.test.", "192.0.2.1"))];
            const socket = connect(server.port, "127.0.0.1");
            const bytes = Buffer.concat([1, 2].map((id) => streamEncode({ ...query("a.example.test", "A"), id })));
            socket.write(bytes.subarray(0, 5));
            await new Promise((resolve) => setImmediate(resolve));
            socket.write(bytes.subarray(5));
            let received = Buffer.alloc(0);
            const ids: (number | undefined)[] = [];
            for await (const chunk of socket) {
                received = Buffer.concat([received, chunk as Buffer]);
                while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
                    const end = 2 + received.readUInt16BE(0);
                    ids.push(streamDecode(received.subarray(0, end)).id);
                    received = received.subarray(end);
                }
                if (ids.length === 2) {
                    break;
                }
            }
            expect(ids).to.deep.equal([1, 2]);
        });

        it("passes over what is no query, and refuses what it does not do", async () => {
            zones = [zoneOf("example.test.")];
            const socket = createSocket("udp4");
            socket.send(Buffer.from("not DNS at all"), server.port, "127.0.0.1");
            socket.close();
            expect((await byUdp({ type: "query", id: 1, questions: [] })).rcode).to.equal("FORMERR");
            const notify = encode(query("example.test", "SOA", { flags: 4 << 11 }));
            expect((await byUdp(notify)).rcode).to.equal("NOTIMP");
        });

        it("says so when its port is taken", async () => {
            const refusal = await startDnsServer({ zones: () => [], port: server.port }).then(
                () => "started",
                (error: Error) => error.message,
            );
            expect(refusal).to.contain(`EADDRINUSE 127.0.0.1:${server.port}`);
        });
    });
});
