import { expect } from "chai";

import { WildcardCertificate } from "../../../../components";
import { keepsHouseRules, recordOne, tags } from "../../../support/houseRules";

const minimal = { domain: "apps.example.com", hostedZoneId: "Z1", tags };
const secretArn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:it-secret-AbCdEf";

describe("WildcardCertificate in ACM", () => {
    const made = keepsHouseRules(
        (options) => new WildcardCertificate("it", { ...minimal, importToAcm: true }, options),
    );

    it("is known by the ARN that the import tells, which waits for the first certificate and takes it out at the end", () => {
        expect(made().component("it").outputs).to.include({
            certificateArn: "arn:aws:acm:eu-west-1:111122223333:certificate/imported",
        });
        const { inputs, dependsOn } = made().find("it-import-invocation");
        expect(inputs).to.deep.include({ functionName: "it-import", lifecycleScope: "CRUD" });
        expect(dependsOn).to.include("it-schedule");
    });

    it("is imported by the deployment first, and looked after by the schedule from then on", () => {
        expect(made().find("it-import-schedule").dependsOn).to.include("it-import-invocation");
    });

    it("is imported anew, and known by another ARN, when the function no longer finds what it remembered", () => {
        expect(made().find("it-import-invocation").inputs.input).to.deep.include({
            parameter: "/taskgate/it-secret/acm-certificate",
        });
    });

    it("is imported by a function that may touch no other certificate", () => {
        const { policy } = made().find("it-import-policy").inputs as { policy: { Statement: unknown[] } };
        const certificates = "arn:aws:acm:eu-west-1:111122223333:certificate/*";
        expect(policy.Statement.slice(0, -1)).to.deep.equal([
            { Sid: "ReadCertificate", Effect: "Allow", Action: "secretsmanager:GetSecretValue", Resource: secretArn },
            {
                Sid: "ImportNew",
                Effect: "Allow",
                Action: "acm:ImportCertificate",
                Resource: certificates,
                Condition: { StringEquals: { "aws:RequestTag/taskgate:secret": secretArn } },
            },
            {
                Sid: "ReplaceOwn",
                Effect: "Allow",
                Action: ["acm:DeleteCertificate", "acm:ImportCertificate"],
                Resource: certificates,
                Condition: { StringEquals: { "aws:ResourceTag/taskgate:secret": secretArn } },
            },
            {
                Sid: "RememberArn",
                Effect: "Allow",
                Action: ["ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"],
                Resource: "arn:aws:ssm:eu-west-1:111122223333:parameter/taskgate/it-secret/acm-certificate",
            },
        ]);
    });

    it("is imported into further regions too, by a function that may take it away from one that is wanted no more", async () => {
        const args = { ...minimal, importToAcm: true, acmRegions: ["us-east-1", "eu-west-1"] };
        const both = await recordOne((options) => new WildcardCertificate("it", args, options));
        const { policy } = both.find("it-import-policy").inputs as {
            policy: { Statement: { Sid: string; Resource: unknown }[] };
        };
        const resources = Object.fromEntries(policy.Statement.map(({ Sid, Resource }) => [Sid, Resource]));
        expect(resources.ImportNew).to.deep.equal([
            "arn:aws:acm:eu-west-1:111122223333:certificate/*",
            "arn:aws:acm:us-east-1:111122223333:certificate/*",
        ]);
        expect(resources.ReplaceOwn).to.equal("arn:aws:acm:*:111122223333:certificate/*");
        expect(both.find("it-import").inputs.environment).to.deep.include({
            variables: {
                SECRET_ARN: secretArn,
                IMPORT_PARAMETER: "/taskgate/it-secret/acm-certificate",
                ACM_REGIONS: '["us-east-1"]',
            },
        });
        expect(both.find("it-import-invocation").inputs.input).to.deep.include({ regions: ["us-east-1"] });
    });

    it("is not there unless asked for", async () => {
        const plain = await recordOne((options) => new WildcardCertificate("it", minimal, options));
        expect(plain.resources.filter(({ name }) => name.startsWith("it-import"))).to.deep.equal([]);
        expect(plain.component("it").outputs?.certificateArn).to.equal("");
        const error = await recordOne(
            (options) => new WildcardCertificate("it", { ...minimal, acmRegions: ["us-east-1"] }, options),
        ).catch(String);
        expect(error).to.include("acmRegions: nothing is in ACM without importToAcm: give that too");
    });
});
