import type { ResourceRecordSet } from "@aws-sdk/client-route-53";
import { expect } from "chai";

import { answerQuestion } from "../../../../local/internet/dns/answer";
import type { ZoneContent } from "../../../../local/internet/dns/records";
import { distance, regionNear, resolverNear } from "../../../../local/internet/dns/regions";
import type { View } from "../../../../local/internet/dns/routing";
import { startDnsServer } from "../../../../local/internet/dns/server";
import { resolve } from "../../../../local/internet/visitor";
import { recordSet } from "../../../support/recordSet";

const name = "www.example.test.";

type Policy = Partial<ResourceRecordSet>;

/** Sets of one name, with the address 192.0.2.n for the nth; each is called by its number. */
function zoneWith(...policies: readonly Policy[]): ZoneContent {
    const sets = policies.map((policy, index) => ({
        ...recordSet("A", name, `192.0.2.${index + 1}`),
        ...{ SetIdentifier: `${index + 1}`, ...policy },
    }));
    return { name: "example.test.", sets: new Map([[name, sets]]) };
}

/** Numbers of the sets that answer; `down` are those that are not healthy. */
function answering(policies: readonly Policy[], down: readonly number[], view: Partial<View> = {}): number[] {
    const isHealthy = ({ SetIdentifier }: ResourceRecordSet): boolean => !down.includes(Number(SetIdentifier));
    const { answers } = answerQuestion([zoneWith(...policies)], name, "A", {
        ...{ region: "eu-west-1", isHealthy, random: () => 0, ...view },
    });
    return answers.map(({ data }) => Number(String(data).replace("192.0.2.", "")));
}

describe("routing policies", () => {
    const latency: Policy[] = [{ Region: "us-east-1" }, { Region: "eu-west-1" }, { Region: "ap-southeast-2" }];

    it("by latency give the nearest region that is healthy, and the nearest of all where none is", () => {
        const of = (region: string, down: readonly number[]) => answering(latency, down, { region });
        expect(["eu-west-1", "us-west-2", "ap-northeast-1"].map((region) => of(region, []))).to.deep.equal([
            [2],
            [1],
            [3],
        ]);
        expect(of("eu-west-1", [2])).to.deep.equal([1]);
        expect(of("ap-northeast-1", [3])).to.deep.equal([2]);
        expect(of("eu-west-1", [1, 2])).to.deep.equal([3]);
        expect(of("eu-west-1", [1, 2, 3])).to.deep.equal([2]);
    });

    it("by failover give the primary, and the secondary while it alone is healthy", () => {
        const both: Policy[] = [{ Failover: "SECONDARY" }, { Failover: "PRIMARY" }];
        expect([[], [1], [2], [1, 2]].map((down) => answering(both, down))).to.deep.equal([[2], [2], [1], [2]]);
        expect(answering([{ Failover: "SECONDARY" }], [1])).to.deep.equal([1]);
        expect(answering([{ Failover: "PRIMARY" }], [1])).to.deep.equal([1]);
    });

    it("by weight give each its share, and 0 only where nothing else is healthy", () => {
        const weighted: Policy[] = [{ Weight: 1 }, { Weight: 3 }, { Weight: 0 }];
        const at = (share: number, down: readonly number[] = []) => answering(weighted, down, { random: () => share });
        expect([0, 0.24, 0.25, 0.99].map((share) => at(share))).to.deep.equal([[1], [1], [2], [2]]);
        expect([0, 0.99].map((share) => at(share, [1]))).to.deep.equal([[2], [2]]);
        expect(at(0.5, [1, 2])).to.deep.equal([3]);
        expect([0, 0.99].map((share) => at(share, [1, 2, 3]))).to.deep.equal([[1], [2]]);
        const none: Policy[] = [{ Weight: 0 }, { Weight: 0 }];
        expect([0, 0.5].map((share) => answering(none, [], { random: () => share }))).to.deep.equal([[1], [2]]);
    });

    it("give up to eight healthy values, and the default of a geolocation", () => {
        const many: Policy[] = Array.from({ length: 10 }, () => ({ MultiValueAnswer: true }));
        expect(answering(many, [1, 3])).to.deep.equal([2, 4, 5, 6, 7, 8, 9, 10]);
        const places: Policy[] = [{ GeoLocation: { CountryCode: "IE" } }, { GeoLocation: { CountryCode: "*" } }];
        expect(answering(places, [])).to.deep.equal([2]);
        expect(answering(places.slice(0, 1), [])).to.deep.equal([]);
    });

    it("know a resolver's region by its address", async () => {
        const server = await startDnsServer({ zones: () => [zoneWith(...latency)] });
        try {
            const dns = { address: "127.0.0.1", port: server.port } as const;
            expect(await resolve({ dns }, "www.example.test")).to.deep.equal(["192.0.2.2"]);
            expect(await resolve({ dns }, "www.example.test", "us-east-2")).to.deep.equal(["192.0.2.1"]);
            expect(await resolve({ dns }, "www.example.test", "ap-southeast-4")).to.deep.equal(["192.0.2.3"]);
        } finally {
            await server.stop();
        }
        expect(regionNear(resolverNear("sa-east-1"))).to.equal("sa-east-1");
        expect([undefined, "127.0.0.1", "127.0.53.200"].map(regionNear)).to.deep.equal(Array(3).fill("eu-west-1"));
        expect(() => resolverNear("moon-1")).to.throw(/^No place is known for "moon-1": give one of af-south-1, /);
        expect(Math.round(distance("eu-west-1", "us-east-1"))).to.equal(49);
    });
});
