import { expect } from "chai";
import { listRecords, openZone, readRecords } from "../../handlers/hostedZone";
import { awsEnvironment, setEnvironment, startFakeAws, xml, xmlError, type FakeAws } from "../support/fakeAws";
import { createFakeRoute53, type FakeRoute53 } from "../support/fakeRoute53";

describe("the records of a hosted zone", () => {
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

    const record = (name: string, value = "192.0.2.1", type = "A") => ({ name, type, ttl: 15, values: [value] });
    const zone = () => openZone("Z1", Date.now() + 60_000);

    it("are those of the names asked for, never the next ones in the zone, with which a list begins where there is none", async () => {
        route53.put(record("b.example.test."));
        route53.put(record("d.example.test.", "2001:db8::1", "AAAA"));
        const names = ["a.example.test.", "c.example.test.", "d.example.test.", "z.example.test."];
        expect(await readRecords(zone(), names, "A")).to.deep.equal([]);
        expect(await readRecords(zone(), ["b.example.test.", ...names], "A")).to.deep.equal([
            record("b.example.test."),
        ]);
        expect(await readRecords(zone(), names.slice(1, 2), "A")).to.deep.equal([]);
    });

    it("are found beyond the first page, in a request a page", async () => {
        const names = Array.from({ length: 650 }, (_, index) => `n${String(index).padStart(3, "0")}.example.test.`);
        names.forEach((name) => route53.put(record(name)));
        expect(await listRecords(zone(), ["A", "AAAA"])).to.have.length(650);
        expect(aws.requests).to.have.length(3);
        aws.requests.length = 0;
        const found = await readRecords(zone(), [names[0], names[649]], "A");
        expect(found.map(({ name }) => name)).to.deep.equal([names[0], names[649]]);
        expect(aws.requests).to.have.length(2);
    });

    describe("of another account", () => {
        const roleArn = "arn:aws:iam::444455556666:role/challenges";

        it("are read as that account's role, which is taken on once", async () => {
            aws.interfere = ({ service }) =>
                service === "sts"
                    ? xml(
                          "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId>" +
                              "<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>" +
                              "<Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>",
                      )
                    : undefined;
            route53.put(record("a.example.test."));
            const other = openZone("Z1", Date.now() + 60_000, roleArn);
            expect(await readRecords(other, ["a.example.test."], "A")).to.deep.equal([record("a.example.test.")]);
            await listRecords(other, ["A"]);
            const [assumed, ...asked] = aws.requests;
            const words = Object.fromEntries(new URLSearchParams(assumed.body));
            expect(words).to.include({ Action: "AssumeRole", RoleArn: roleArn });
            expect(asked.map(({ service }) => service)).to.deep.equal(["route53", "route53"]);
            for (const { headers } of asked) {
                expect(headers.authorization).to.include("Credential=ASIAROLE/");
                expect(headers["x-amz-security-token"]).to.equal("token");
            }
        });

        it("are not read as one's own when the role refuses: the error names it", async () => {
            aws.interfere = ({ service }) =>
                service === "sts"
                    ? xmlError(403, "AccessDenied", "not authorized to perform sts:AssumeRole")
                    : undefined;
            const other = openZone("Z1", Date.now() + 60_000, roleArn);
            const refused = await readRecords(other, ["a.example.test."], "A").catch((error: Error) => error);
            expect(refused).to.be.an("error");
            expect((refused as Error).message).to.include(`sts:AssumeRole of ${roleArn}`);
            expect(aws.requests.filter(({ service }) => service === "route53")).to.have.length(0);
        });
    });
});
