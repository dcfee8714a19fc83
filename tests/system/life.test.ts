import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

import { expect } from "chai";
import type { ListrTask } from "listr2";

import { createAws } from "../../local/aws/resources/sdk";
import { Report } from "../../local/commands/once";
import { goThrough, operation, runningSystem } from "../../local/commands/steps";
import type { Running, Stack } from "../../local/commands/steps";
import { projectRoot } from "../../local/machine/projectRoot";
import { documentedSession } from "../../local/pulumi/documentedRoles";
import { localConfig } from "../../local/pulumi/platforms";

const root = resolve(__dirname, "../..");

describe("npm start -- --once", () => {
    it("goes through the whole life and reports what was seen", async () => {
        const directory = mkdtempSync(join(tmpdir(), "taskgate-"));
        const file = join(directory, "report.json");
        await promisify(execFile)(
            process.execPath,
            [...["-r", "ts-node/register/transpile-only"], "local/cli.ts", "start", "--once", "--report", file],
            { cwd: root },
        );
        const report = JSON.parse(readFileSync(file, "utf8")) as Required<Report>;
        rmSync(directory, { recursive: true });

        const { certificate, task, https, redirect } = report;
        const count = report.up.changes.create;
        expect(count).to.be.greaterThan(50);
        expect(report.preview.changes).to.deep.equal({ create: count });
        expect(report.secondUp.changes).to.deep.equal({ same: count });
        expect(certificate.subjectAlternativeNames).to.deep.equal(["*.eu-west-1.tasks.example.test"]);
        expect(certificate.issuer).to.match(/^Pebble Intermediate CA/);
        expect(certificate.keyType).to.equal("P-256");
        expect(Date.parse(certificate.notAfter) - Date.parse(certificate.notBefore)).to.be.closeTo(
            90 * 86_400_000,
            2000,
        );
        expect(certificate.milliseconds).to.be.a("number");
        expect(task.hostname).to.match(/^[0-9a-f]{32}\.eu-west-1\.tasks\.example\.test$/);
        expect(task.taskArn.endsWith(`/${task.hostname.slice(0, 32)}`)).to.equal(true);
        expect(task.address).to.match(/^127\./);
        expect(task.runningToResolvableMs).to.be.a("number");
        expect(task.runningToFirstByteMs).to.be.at.least(task.runningToResolvableMs);
        expect(https.status).to.equal(200);
        expect([https.httpVersion, https.tlsVersion, https.authorized]).to.deep.equal(["2", "TLSv1.3", true]);
        expect(https.cipher).to.match(/^TLS_/);
        expect(https.body).to.contain(`Host: ${task.hostname}`);
        expect(report.webSocket).to.deep.equal({ echoed: true });
        expect(redirect.status).to.equal(308);
        expect(redirect.location).to.match(new RegExp(`^https://${task.hostname}(:\\d+)?/some/path\\?query$`));
        expect(report.stop.recordGoneMs).to.be.a("number");
        expect(report.renewal.decision).to.equal("not due");
        expect(report.deployedBy).to.deep.equal(["arn:aws:sts::111122223333:assumed-role/taskgate-deploy/pulumi"]);
        expect(report.destroy).to.deep.equal({ resources: 0, processes: 0 });
    });

    it("fails at its up, by name, when a permission is taken by hand from the role that deploys", async () => {
        const name = `test-denied-${process.pid}`;
        const stack: Stack<Running> = {
            projectName: "taskgate",
            options: (system) => ({ config: localConfig(system) }),
            onUp: () => undefined,
        };
        const takenAway: ListrTask<Running> = {
            title: "somebody takes a permission away",
            task: async (life) => {
                const { file } = runningSystem(life);
                await documentedSession(file, "taskgate-deploy", join(projectRoot, "index.ts"));
                const { iam } = createAws(file.gatewayUrl, { accountId: file.accountId, region: "eu-west-1" });
                const PolicyArn = `arn:aws:iam::${file.accountId}:policy/taskgate-deploy-1`;
                const { PolicyVersion } = await iam.getPolicyVersion({ PolicyArn, VersionId: "v1" });
                const document = decodeURIComponent(PolicyVersion!.Document!);
                const PolicyDocument = document.replace('"sqs:CreateQueue",', "");
                expect(PolicyDocument).not.to.equal(document);
                await iam.createPolicyVersion({ PolicyArn, PolicyDocument, SetAsDefault: true });
            },
        };
        const begun = { name, life: {}, report: {}, stack };
        const life = goThrough<Running>(begun, [takenAway, operation("up", {}, stack)]);
        const denied = await life.catch((error: Error) => error);
        expect((denied as Error | undefined)?.message).to.contain(
            "User: arn:aws:sts::111122223333:assumed-role/taskgate-deploy/pulumi is not authorized to perform: sqs:CreateQueue " +
                "on resource: arn:aws:sqs:eu-west-1:111122223333:tasks-eu-west-1-dns-",
        );
        rmSync(join(projectRoot, ".local", name), { recursive: true, force: true });
    });
});
