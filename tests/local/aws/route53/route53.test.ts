import { Resolver } from "node:dns/promises";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Route53, waitUntilResourceRecordSetsChanged } from "@aws-sdk/client-route-53";
import type { ListResourceRecordSetsCommandOutput, ResourceRecordSet } from "@aws-sdk/client-route-53";
import { expect } from "chai";

import { startEmulator } from "../../../../local/aws/gateway/emulator";
import { startGateway } from "../../../../local/aws/gateway/gateway";
import { route53Overlay } from "../../../../local/aws/route53/overlay";
import type { Route53Options } from "../../../../local/aws/route53/overlay";
import { startDnsServer } from "../../../../local/internet/dns/server";
import { clientConfig } from "../../../../local/machine/awsClients";
import { createProcesses } from "../../../../local/machine/processes";
import type { Processes } from "../../../../local/machine/processes";
import { projectRoot } from "../../../../local/machine/projectRoot";
import { recordSet } from "../../../support/recordSet";
import { until } from "../../../support/until";

type Change = readonly ["CREATE" | "DELETE" | "UPSERT", ResourceRecordSet];

const accountId = "111122223333";
const unlimited = { capacity: 1e9, refillPerSecond: 0 };
const atOnce = () => Promise.resolve();
const never = () => new Promise(() => undefined);

let worlds = 0;

/** Route 53 with the zone example.test, a DNS server for it, and a client that tries once. */
async function startWorld(emulatorPort: number, options: Route53Options) {
    const overlay = route53Overlay({ processed: atOnce, requestLimit: unlimited, changeLimit: unlimited, ...options });
    const faults: string[] = [];
    const log = (text: string) => faults.push(text);
    const gateway = await startGateway({ emulatorPort, accountId, overlays: [overlay], log });
    const dns = await startDnsServer({ zones: () => overlay.publishedZones() });
    const client = new Route53({ ...clientConfig(gateway.url, { accountId, region: "us-east-1" }), maxAttempts: 1 });
    const resolver = new Resolver({ timeout: 2_000, tries: 5 });
    resolver.setServers([`127.0.0.1:${dns.port}`]);
    const created = await client.createHostedZone({ Name: "Example.test", CallerReference: String(worlds++) });
    const HostedZoneId = created.HostedZone?.Id?.replace("/hostedzone/", "") ?? "";

    async function change(...changes: Change[]) {
        const Changes = changes.map(([Action, set]) => ({ Action, ResourceRecordSet: set }));
        const { ChangeInfo } = await client.changeResourceRecordSets({ HostedZoneId, ChangeBatch: { Changes } });
        return ChangeInfo?.Id?.replace("/change/", "") ?? "";
    }

    return {
        client,
        HostedZoneId,
        url: gateway.url,
        resolver,
        change,
        refusal: (...changes: Change[]) => change(...changes).then(() => "accepted", String),
        resolve: (name: string) => resolver.resolve4(name).catch((error: NodeJS.ErrnoException) => error.code),
        insync: (Id: string) =>
            waitUntilResourceRecordSetsChanged({ client, maxWaitTime: 120, minDelay: 1, maxDelay: 1 }, { Id }),
        async stop() {
            client.destroy();
            await dns.stop();
            await gateway.stop();
            expect(faults).to.deep.equal([]);
        },
    };
}

describe("Route 53 of the local system", () => {
    let directory: string;
    let processes: Processes;
    let emulatorPort: number;
    let world: Awaited<ReturnType<typeof startWorld>>;

    before(async () => {
        directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
        processes = createProcesses(directory);
        const root = projectRoot;
        emulatorPort = (await startEmulator(processes, { root, accountId })).port;
    });

    after(async () => {
        await processes.stop();
        rmSync(directory, { recursive: true });
    });

    async function start(options: Route53Options = {}): Promise<void> {
        world = await startWorld(emulatorPort, options);
    }

    afterEach(() => world.stop());

    const address = (label: string, last = 1) => recordSet("A", `${label}.example.test.`, `127.9.0.${last}`);

    it("keeps a change PENDING, and its record out of DNS, until it is INSYNC", async () => {
        const held: (() => void)[] = [];
        const propagate = (): void => held.splice(0).forEach((release) => release());
        await start({ propagated: () => new Promise<void>((release) => held.push(release)) });
        const Id = await world.change(["CREATE", address("a")]);
        expect((await world.client.getChange({ Id })).ChangeInfo?.Status).to.equal("PENDING");
        expect(await world.resolve("a.example.test")).to.equal("EREFUSED"); // the zone is new itself
        propagate();
        await world.insync(Id);
        expect(await world.resolve("a.example.test")).to.deep.equal(["127.9.0.1"]);

        const later = await world.change(["UPSERT", address("a", 2)], ["CREATE", address("b")]);
        expect(await world.resolve("a.example.test")).to.deep.equal(["127.9.0.1"]);
        expect(await world.resolve("b.example.test")).to.equal("ENOTFOUND");
        const listed = await world.client.listResourceRecordSets({
            ...{ HostedZoneId: world.HostedZoneId, StartRecordName: "a.example.test", StartRecordType: "A" },
        });
        expect((await world.client.getChange({ Id: later })).ChangeInfo?.Status).to.equal("PENDING");
        expect(listed.ResourceRecordSets, "a list is of what was changed last").to.deep.equal([
            address("a", 2),
            address("b"),
        ]);
        propagate();
        await world.insync(later);
        expect(await world.resolve("a.example.test")).to.deep.equal(["127.9.0.2"]);
        expect(await world.resolve("b.example.test")).to.deep.equal(["127.9.0.1"]);
    });

    it("names its name servers without a dot at the end", async () => {
        await start({});
        const { DelegationSet } = await world.client.getHostedZone({ Id: world.HostedZoneId });
        expect(DelegationSet!.NameServers).to.have.length(4);
        expect(
            DelegationSet!.NameServers!.filter((name) => !/^ns-\d+\.awsdns-\d+\.[a-z.]+[a-z]$/.test(name)),
        ).to.deep.equal([]);
    });

    it("lists what it accepted, with names in Route 53's form and order, page by page", async () => {
        await start({ propagated: never });
        await world.change(
            ["CREATE", recordSet("TXT", "*.Example.test", `"a <b> & \\"c\\""`, `"two" "three"`)],
            ["CREATE", recordSet("A", "b.a.example.test", "127.9.0.1", "127.9.0.2")],
            ["CREATE", { ...address("z"), SetIdentifier: "one", Weight: 10 }],
            ["CREATE", { ...address("z", 2), SetIdentifier: "two", Weight: 20 }],
            ["CREATE", address("a")],
        );
        const pages: string[][] = [];
        let next: object | undefined = {};
        while (next) {
            const { HostedZoneId } = world;
            const page: ListResourceRecordSetsCommandOutput = await world.client.listResourceRecordSets({
                HostedZoneId,
                MaxItems: 3,
                ...next,
            });
            pages.push(
                (page.ResourceRecordSets ?? []).map(({ Name, Type, SetIdentifier, Weight }) =>
                    [Name, Type, SetIdentifier, Weight].filter(Boolean).join(" "),
                ),
            );
            next = page.IsTruncated
                ? {
                      StartRecordName: page.NextRecordName,
                      StartRecordType: page.NextRecordType,
                      StartRecordIdentifier: page.NextRecordIdentifier,
                  }
                : undefined;
        }
        expect(pages).to.deep.equal([
            ["example.test. NS", "example.test. SOA", "\\052.example.test. TXT"],
            ["a.example.test. A", "b.a.example.test. A", "z.example.test. A one 10"],
            ["z.example.test. A two 20"],
        ]);
        const { ResourceRecordSets = [] } = await world.client.listResourceRecordSets({
            HostedZoneId: world.HostedZoneId,
            StartRecordName: "*.example.test",
            StartRecordType: "TXT",
            MaxItems: 1,
        });
        expect(ResourceRecordSets).to.deep.equal([
            recordSet("TXT", "\\052.example.test.", `"a <b> & \\"c\\""`, `"two" "three"`),
        ]);
        const { HostedZone } = await world.client.getHostedZone({ Id: world.HostedZoneId });
        expect(HostedZone?.ResourceRecordSetCount).to.equal(7);
    });

    it("tells all that is wrong with a batch, and makes none of it", async () => {
        await start();
        await world.change(["CREATE", address("a")]);
        expect(
            await world.refusal(["CREATE", address("b")], ["CREATE", address("a")], ["DELETE", address("c")]),
        ).to.equal(
            "InvalidChangeBatch: [Tried to create resource record set [name='a.example.test.', type='A'] but it already exists, " +
                "Tried to delete resource record set [name='c.example.test.', type='A'] but it was not found]",
        );
        expect(await world.refusal(["DELETE", address("b")])).to.contain("but it was not found");
        const elsewhere = world.client.listResourceRecordSets({ HostedZoneId: "Z0" });
        expect(await elsewhere.catch(String)).to.equal("NoSuchHostedZone: No hosted zone found with ID: Z0");
    });

    it("takes a full batch of 1000 TXT records, special characters and all", async () => {
        await start({ propagated: atOnce });
        const sets = Array.from({ length: 1_000 }, (_, n) => recordSet("TXT", `t${n}.example.test.`, `"<&'${n}"`));
        await world.change(...sets.map((set): Change => ["CREATE", set]));
        expect(await world.resolver.resolveTxt("t999.example.test")).to.deep.equal([["<&'999"]]);
        await world.change(...sets.map((set): Change => ["DELETE", set]));
        const { ResourceRecordSets } = await world.client.listResourceRecordSets({ HostedZoneId: world.HostedZoneId });
        expect(ResourceRecordSets).to.have.length(2);
    });

    it("takes TXT values as Go's encoder writes them, with characters by their numbers", async () => {
        await start({ propagated: atOnce });
        const value = `"it's <a> & b"`;
        const written = "&#34;it&#39;s &lt;a&gt; &amp; &#x62;&#34;";
        const record = `<ResourceRecord><Value>${written}</Value></ResourceRecord>`;
        const set = `<Name>_acme-challenge.example.test.</Name><Type>TXT</Type><TTL>60</TTL><ResourceRecords>${record}</ResourceRecords>`;
        const body =
            `<?xml version="1.0" encoding="UTF-8"?>\n<ChangeResourceRecordSetsRequest xmlns="https://route53.amazonaws.com/doc/2013-04-01/">` +
            `<ChangeBatch><Changes><Change><Action>CREATE</Action><ResourceRecordSet>${set}</ResourceRecordSet></Change></Changes></ChangeBatch>` +
            `</ChangeResourceRecordSetsRequest>`;
        const authorization = `AWS4-HMAC-SHA256 Credential=${accountId}/20260101/us-east-1/route53/aws4_request, SignedHeaders=host, Signature=0`;
        const answer = await fetch(`${world.url}/2013-04-01/hostedzone/${world.HostedZoneId}/rrset`, {
            method: "POST",
            headers: { authorization, "content-type": "application/xml" },
            body,
        });
        expect([answer.status, await answer.text()][0]).to.equal(200);
        const { ResourceRecordSets = [] } = await world.client.listResourceRecordSets({
            HostedZoneId: world.HostedZoneId,
        });
        const found = ResourceRecordSets.find(({ Name }) => Name === "_acme-challenge.example.test.");
        expect(found?.ResourceRecords).to.deep.equal([{ Value: value }]);
    });

    it("throttles an account by requests", async () => {
        await start({ requestLimit: { capacity: 4, refillPerSecond: 0 } }); // one of them made the zone
        const results: string[] = [];
        for (let n = 0; n < 5; n++) {
            results.push(await world.client.listHostedZones({}).then(() => "answered", String));
        }
        const throttled = "Throttling: Rate exceeded";
        expect(results).to.deep.equal(["answered", "answered", "answered", throttled, throttled]);
    });

    it("throttles an account by changes, of which an UPSERT is two", async () => {
        await start({ changeLimit: { capacity: 6, refillPerSecond: 0 } }); // 2 of them for the zone
        const results = [
            await world.refusal(["CREATE", address("a")]),
            await world.refusal(["UPSERT", address("b")], ["CREATE", address("c")], ["CREATE", address("d")]),
            await world.refusal(["UPSERT", address("b")], ["CREATE", address("c")]),
            await world.refusal(["CREATE", address("d")]),
        ];
        const throttled = "Throttling: Rate exceeded";
        expect(results).to.deep.equal(["accepted", throttled, "accepted", throttled]);
    });

    it("lets the budget grow again", async () => {
        await start({ requestLimit: { capacity: 1, refillPerSecond: 20 } });
        let result = "";
        while (result !== "answered") {
            result = await world.client.listHostedZones({}).then(() => "answered", String);
            expect(result).to.be.oneOf(["Throttling: Rate exceeded", "answered"]);
        }
    });

    it("refuses a change while another one of the zone is in hand", async () => {
        const inHand: (() => void)[] = [];
        await start({ processed: () => new Promise<void>((release) => inHand.push(release)) });
        const first = world.refusal(["CREATE", address("a")]);
        await until("the first is in hand", () => inHand.length === 1);
        expect(await world.refusal(["CREATE", address("b")])).to.equal(
            "PriorRequestNotComplete: The request was rejected because Route 53 was still processing a prior request.",
        );
        inHand[0]();
        expect(await first).to.equal("accepted");
        const next = world.refusal(["CREATE", address("c")]);
        await until("the next one is in hand", () => inHand.length === 2);
        inHand[1]();
        expect(await next).to.equal("accepted");
    });

    it("deletes a zone that holds nothing of its own any more", async () => {
        await start({ propagated: atOnce });
        const { client, HostedZoneId } = world;
        await world.change(["CREATE", address("a")]);
        const refusal = await client.deleteHostedZone({ Id: HostedZoneId }).catch(String);
        expect(refusal).to.equal(
            "HostedZoneNotEmpty: The specified hosted zone contains non-required resource record sets and so cannot be deleted.",
        );
        await world.change(["DELETE", address("a")]);
        await client.deleteHostedZone({ Id: HostedZoneId });
        expect(await world.resolve("example.test")).to.equal("EREFUSED");
        const gone = await client.getHostedZone({ Id: HostedZoneId }).catch((error: Error) => error.name);
        expect(gone).to.equal("NoSuchHostedZone");
    });

    it("keeps private zones out of DNS, and zones of one account from another", async () => {
        await start({ propagated: atOnce });
        const { ChangeInfo } = await world.client.createHostedZone({
            Name: "inside.test",
            CallerReference: "inside",
            VPC: { VPCId: "vpc-1", VPCRegion: "us-east-1" },
        });
        expect(ChangeInfo?.Status).to.equal("PENDING");
        expect(await world.resolve("inside.test")).to.equal("EREFUSED");
        const stranger = new Route53(clientConfig(world.url, { accountId: "999988887777", region: "us-east-1" }));
        const refusal = await stranger.listResourceRecordSets({ HostedZoneId: world.HostedZoneId }).catch(String);
        stranger.destroy();
        expect(refusal).to.equal(`NoSuchHostedZone: No hosted zone found with ID: ${world.HostedZoneId}`);
    });
});
