import { Route53 } from "@aws-sdk/client-route-53";
import { expect } from "chai";

import type { Allowance } from "../../local/aws/permissions/allowances";
import { reportPermissions, sparedBy } from "../../local/aws/permissions/report";
import { Caller, hostnameOf, renew, runTasks, stopTask, untilRunning } from "../../local/internet/caller";
import { resolve } from "../../local/internet/visitor";
import { clientConfig } from "../../local/machine/awsClients";
import { readState } from "../../local/pulumi/state";
import { RunningSystem } from "../../local/system";
import { issuedCertificate, localStack, localSystem } from "../support/localSystem";
import { until } from "../support/until";
import { expectAllUsed } from "../support/usedPermissions";

describe("the permissions of the stack", () => {
    let system: RunningSystem;
    let caller: Caller;
    let arns: readonly string[];
    let roles: Readonly<Record<string, string>>;

    before(async () => {
        system = await localSystem();
        caller = await localStack();
        await issuedCertificate(caller);
        // Other tests' stacks have roles of like names.
        arns = readState(system.file)
            .resources.filter(({ type }) => type === "aws:iam/role:Role")
            .map(({ outputs }) => String(outputs?.arn));
        const arnOf = (part: string) => arns.find((arn) => arn.includes(`-eu-west-1-${part}-`)) ?? "";
        roles = {
            sync: arnOf("dns-sync-role"),
            renewal: arnOf("certificate-renewal-role"),
            execution: arnOf("task-execution-role"),
            task: arnOf("task-task-role"),
            schedule: arnOf("certificate-schedule-role"),
        };
        expect(Object.values(roles)).not.to.contain("");
    });

    const arn = (service: string, resource: string) =>
        `arn:aws:${service}:eu-west-1:${system.file.accountId}:${resource}`;
    const otherZone = "arn:aws:route53:::hostedzone/Z0OTHER";

    /** Which of these a role may do. */
    async function allowed(role: string, actions: readonly (readonly [action: string, resource: string])[]) {
        const answers = await Promise.all(
            actions.map(async ([action, resource]) => {
                const may = await system.permissions.allows(role, "eu-west-1", action, resource);
                return may ? [`${action} ${resource}`] : [];
            }),
        );
        return answers.flat();
    }

    const dangerous = (): readonly (readonly [string, string])[] => [
        ["iam:CreateRole", `arn:aws:iam::${system.file.accountId}:role/new`],
        ["iam:PassRole", roles.renewal],
        ["sts:AssumeRole", roles.sync],
        ["route53:ChangeResourceRecordSets", otherZone],
        ["secretsmanager:GetSecretValue", arn("secretsmanager", "secret:other-a1b2c3")],
        ["ecs:StopTask", arn("ecs", "task/other/1")],
        ["ecs:RunTask", arn("ecs", "task-definition/other:1")],
        ["lambda:InvokeFunction", arn("lambda", "function:other")],
        ["s3:GetObject", "arn:aws:s3:::other/key"],
        ["sqs:SendMessage", arn("sqs", "other")],
        ["ssm:GetParameter", arn("ssm", "parameter/other")],
    ];

    it("end where they should for … the DNS sync", async () => {
        const { certificateSecretArn } = caller.outputs;
        expect(
            await allowed(roles.sync, [
                ...dangerous(),
                ["secretsmanager:GetSecretValue", certificateSecretArn],
                ["ssm:GetParameter", arn("ssm", "parameter/taskgate/acme-account-key")],
                ["ecs:DescribeTasks", arn("ecs", "task/other/1")],
            ]),
        ).to.deep.equal([]);
    });

    it("end where they should for … the renewal", async () => {
        expect(
            await allowed(roles.renewal, [...dangerous(), ["route53:ListResourceRecordSets", otherZone]]),
        ).to.deep.equal([]);
    });

    it("end where they should for … the execution role", async () => {
        expect(
            await allowed(roles.execution, [
                ...dangerous(),
                ["ecr:BatchGetImage", arn("ecr", "repository/other")],
                ["secretsmanager:PutSecretValue", caller.outputs.certificateSecretArn],
            ]),
        ).to.deep.equal([]);
    });

    it("end where they should for … the app's task", async () => {
        expect(
            await allowed(roles.task, [
                ...dangerous(),
                ["secretsmanager:GetSecretValue", caller.outputs.certificateSecretArn],
                ["logs:PutLogEvents", arn("logs", "log-group:x:log-stream:y")],
            ]),
        ).to.deep.equal([]);
    });

    it("end where they should for … the schedule", async () => {
        expect(
            await allowed(roles.schedule, [
                ...dangerous(),
                ["lambda:InvokeFunction", arn("lambda", `function:${caller.outputs.dnsFunctionName}`)],
            ]),
        ).to.deep.equal([]);
    });

    it("end at a name and a type of record", async () => {
        const { file } = system;
        const change = (role: string, Name: string, Type: "A" | "TXT", Value: string) => {
            const accessKeyId = system.permissions.identities.keyOfRole(role, "test");
            const config = clientConfig(file.gatewayUrl, {
                accountId: file.accountId,
                region: "us-east-1",
                accessKeyId,
            });
            const ResourceRecordSet = { Name, Type, TTL: 60, ResourceRecords: [{ Value }] };
            return new Route53(config)
                .changeResourceRecordSets({
                    HostedZoneId: file.hostedZoneId,
                    ChangeBatch: { Changes: [{ Action: "UPSERT", ResourceRecordSet }] },
                })
                .then(
                    () => "allowed",
                    (error: Error) => error.name,
                );
        };
        const { domain } = caller.outputs;
        expect(await change(roles.sync, `www.${file.domain}`, "A", "127.0.0.1")).to.equal("AccessDenied");
        expect(await change(roles.sync, `_acme-challenge.${domain}`, "TXT", '"x"')).to.equal("AccessDenied");
        expect(await change(roles.renewal, `_acme-challenge.${file.domain}`, "TXT", '"x"')).to.equal("AccessDenied");
        expect(await change(roles.renewal, `a.${domain}`, "A", "127.0.0.1")).to.equal("AccessDenied");
    });

    it("are all used by a task's life and a renewal, but for those with a reason, and none can be taken away by hand unnoticed", async () => {
        await renew(caller, true);
        const [taskArn] = await runTasks(caller);
        await untilRunning(caller, taskArn);
        const ofStack = async () =>
            (await reportPermissions(system.permissions)).filter(({ role }) =>
                arns.some((arn) => arn.endsWith(`/${role}`)),
            );
        const addresses = () => resolve(system.file, hostnameOf(caller, taskArn));
        await until("the record is written", async () => (await addresses()).length > 0);
        await stopTask(caller, taskArn);
        await until("the record is deleted", async () => (await addresses()).length === 0);

        const told = (await ofStack()).map((report) => {
            const role = report.role.replace(/-[0-9a-f]{7}$/, "");
            const named = (of: readonly Allowance[]) => of.map(({ action }) => `${role} ${action}`);
            // The tests above have asked for much that is denied.
            return { surplus: named(report.surplus), spared: named(sparedBy(report)), missing: [] };
        });
        expect(told.length).to.be.above(5);
        told.forEach(expectAllUsed);
    });
});
