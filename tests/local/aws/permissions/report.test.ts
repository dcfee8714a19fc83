import { expect } from "chai";

import { reportRole } from "../../../../local/aws/permissions/report";
import { roleLines } from "../../../../local/commands/permissions";

describe("the report of permissions", () => {
    it("tells what is used, what is surplus and what is missing", () => {
        const Statement = [
            { Effect: "Allow", Action: ["ssm:Get*", "ssm:PutParameter"], Resource: "arn:aws:ssm:*:*:parameter/mine" },
            { Effect: "Allow", Action: "sns:Publish", Resource: ["arn:one", "arn:two"] },
            { Effect: "Deny", Action: "s3:*", Resource: "*" },
        ];
        const role = { arn: "arn", trust: {}, tags: {}, policies: [{ name: "own", policy: { Statement } }] };
        const parameter = "arn:aws:ssm:eu-west-1:111122223333:parameter/mine";
        const uses = [
            { action: "ssm:GetParameter", resource: parameter, isAllowed: true, count: 2 },
            { action: "sns:Publish", resource: "arn:two", isAllowed: true, count: 1 },
            { action: "s3:PutObject", resource: "arn:aws:s3:::a/b", isAllowed: false, count: 1 },
        ];

        const report = reportRole("role", role, uses);
        expect(report.surplus).to.deep.equal([
            { action: "ssm:PutParameter", resource: "arn:aws:ssm:*:*:parameter/mine" },
            { action: "sns:Publish", resource: "arn:one" },
        ]);
        expect(roleLines(report).split("\n")).to.deep.equal([
            "role",
            `  used     ssm:GetParameter on ${parameter}, 2 times`,
            "  used     sns:Publish on arn:two, once",
            "  allowed  ssm:Get* on arn:aws:ssm:*:*:parameter/mine",
            "  surplus  ssm:PutParameter on arn:aws:ssm:*:*:parameter/mine",
            "  surplus  sns:Publish on arn:one",
            "  allowed  sns:Publish on arn:two",
            "  missing  s3:PutObject on arn:aws:s3:::a/b, once",
        ]);
    });
});
