import { expect } from "chai";
import {
    challengeRecordName,
    groupByRecord,
    publishChallenges,
    removeChallenges,
} from "../../../handlers/certificate/challengeRecords";
import { openZone } from "../../../handlers/hostedZone";
import { awsEnvironment, setEnvironment, startFakeAws, type FakeAws } from "../../support/fakeAws";
import { createFakeRoute53, type FakeRoute53 } from "../../support/fakeRoute53";

const name = (domain: string) => `_acme-challenge.${domain}.`;

describe("challenge records", () => {
    it("of a domain and its wildcard are one record with two values; two domains have two", () => {
        expect(challengeRecordName("*.Tasks.example.test")).to.equal(challengeRecordName("tasks.example.test"));
        const groups = groupByRecord([
            { recordName: "a.", value: "1" },
            { recordName: "b.", value: "2" },
            { recordName: "a.", value: "3" },
            { recordName: "a.", value: "3" },
        ]);
        expect([...groups]).to.deep.equal([
            ["a.", ['"1"', '"3"']],
            ["b.", ['"2"']],
        ]);
    });

    describe("in the zone", () => {
        let route53: FakeRoute53;
        let aws: FakeAws;
        let restore: () => void;

        beforeEach(async () => {
            route53 = createFakeRoute53({ zoneId: "Z1", zoneName: "example.test" });
            aws = await startFakeAws([route53]);
            restore = setEnvironment(awsEnvironment(aws.url));
        });

        afterEach(async () => {
            restore();
            await aws.stop();
        });

        const zone = (milliseconds = 5_000) => openZone("Z1", Date.now() + milliseconds);
        const challenges = [
            { recordName: name("a.example.test"), value: "1" },
            { recordName: name("b.example.test"), value: "2" },
        ];

        it("are put there in one change and taken away in one", async () => {
            await publishChallenges(zone(), challenges);
            await removeChallenges(zone(), challenges);
            const changes = (action: string) => challenges.map(({ recordName }) => `${action} ${recordName} TXT`);
            expect(route53.accepted).to.deep.equal([changes("CREATE"), changes("DELETE")]);
        });

        it("that are gone already, or never came, need no deletion", async () => {
            await removeChallenges(zone(), challenges);
            expect(route53.accepted).to.deep.equal([]);
        });

        it("are not mistaken for the next record of the zone", async () => {
            const next = { name: name("c.example.test"), type: "TXT", ttl: 60, values: ['"1"', '"2"'] };
            route53.put(next);
            await removeChallenges(zone(), challenges);
            expect(route53.records()).to.deep.equal([next]);
            await publishChallenges(zone(), challenges.slice(0, 1));
            expect(route53.records()[0]).to.deep.equal({
                ...next,
                name: name("a.example.test"),
                ttl: 30,
                values: ['"1"'],
            });
        });

        it("that Route 53 is too slow to publish end the wait at the deadline, and not later", async () => {
            const propagationMilliseconds = 60_000;
            route53 = createFakeRoute53({ zoneId: "Z1", zoneName: "example.test", propagationMilliseconds });
            await aws.stop();
            aws = await startFakeAws([route53]);
            setEnvironment(awsEnvironment(aws.url));
            const published = Date.now() + propagationMilliseconds;
            const error = await publishChallenges(zone(600), challenges).catch((thrown: Error) => thrown);
            expect(error).to.include({
                name: "OutOfTime",
                message: "Publishing by Route 53 (/change/C1) took longer than the function has time.",
            });
            expect(Date.now()).to.be.below(published);
            await removeChallenges(zone(), challenges);
            expect(route53.records()).to.deep.equal([]);
        });
    });
});
