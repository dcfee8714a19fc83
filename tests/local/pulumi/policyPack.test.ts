import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";

import { SystemFile } from "../../../local/machine/systemFile";
import { projectRoot } from "../../../local/machine/projectRoot";
import { runOperation } from "../../../local/pulumi/operation";
import { policies } from "../../../policy/policies";
import { accountId, Emulator, startEmulator } from "../../support/emulator";

/** One violation of each rule, and a table that only its exception saves. */
const program = `
import * as aws from "@pulumi/aws";
const tags = { owner: "red" };
new aws.sqs.Queue("untagged");
new aws.vpc.SecurityGroupIngressRule("ssh", { securityGroupId: "sg-1", ipProtocol: "tcp", fromPort: 22, toPort: 22, cidrIpv4: "0.0.0.0/0", tags });
new aws.lb.Listener("old", { loadBalancerArn: "arn", protocol: "HTTPS", defaultActions: [{ type: "forward", targetGroupArn: "arn" }], tags });
new aws.sqs.Queue("clear", { sqsManagedSseEnabled: false, tags });
new aws.iam.RolePolicy("wide", { role: "role", policy: JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Action: "s3:*", Resource: "arn:aws:s3:::mine/*" }] }) });
new aws.cloudwatch.LogGroup("for-ever", { tags });
new aws.s3.Bucket("emptied", { forceDestroy: true, tags });
new aws.dynamodb.Table("excepted", { attributes: [{ name: "id", type: "S" }], hashKey: "id", tags });
`;

describe("The policy pack in the engine", () => {
    let emulator: Emulator;
    let folder: string;

    before(async () => {
        emulator = await startEmulator({ overlays: [] });
        mkdirSync(join(projectRoot, ".local"), { recursive: true });
        folder = mkdtempSync(join(projectRoot, ".local/policy-")); // where it finds the packages
    });

    after(async () => {
        rmSync(folder, { recursive: true, force: true });
        await emulator?.stop();
    });

    it("refuses a program by each of its rules, says what to do about it, and takes what is configured", async () => {
        writeFileSync(join(folder, "Pulumi.yaml"), "name: refused\nruntime: nodejs\n");
        writeFileSync(join(folder, "index.ts"), program);
        const config = join(folder, "policy.json");
        writeFileSync(
            config,
            JSON.stringify({
                "required-tags": { tags: ["owner"] },
                "deletion-protection": { exceptions: [{ urn: "::excepted", reason: "it can be filled again" }] },
            }),
        );
        const system = { accountId, directory: emulator.directory, gatewayUrl: emulator.url } as SystemFile;
        const message = await runOperation(system, "preview", {
            program: join(folder, "index.ts"),
            config: { "aws:region": "eu-west-1" },
            policyPack: { folder: join(projectRoot, "policy"), config },
        }).then(
            () => "not refused",
            (error: Error) => error.message,
        );
        const refused = [
            ["aws:sqs/queue:Queue (untagged)", "required-tags", "It has no tag owner"],
            [
                "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule (ssh)",
                "open-ports",
                "It lets 0.0.0.0/0 connect to tcp 22",
            ],
            [
                "aws:lb/listener:Listener (old)",
                "tls",
                "Its sslPolicy ELBSecurityPolicy-2016-08 takes TLS older than 1.2, or ciphers without forward secrecy",
            ],
            [
                "aws:sqs/queue:Queue (clear)",
                "encryption-at-rest",
                "Its messages are stored in the clear: sqsManagedSseEnabled is false",
            ],
            ["aws:iam/rolePolicy:RolePolicy (wide)", "no-wildcards", "Statement 1 allows the actions s3:*"],
            ["aws:cloudwatch/logGroup:LogGroup (for-ever)", "log-retention", "Its logs are kept for ever"],
            ["aws:s3/bucket:Bucket (emptied)", "deletion-protection", "Its data go with it: forceDestroy is true"],
        ];
        const lines = message.replace(/^pulumi preview failed: |\nThe whole log: .*$/g, "").split("\n");
        expect(lines).to.have.members(
            refused.map(([resource, rule, reason]) => {
                const { description, remediationSteps } = policies.find(({ name }) => name === rule)!;
                return `${resource}: ${rule}: ${description} ${reason}. ${remediationSteps}`;
            }),
        );
    });
});
