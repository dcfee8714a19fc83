import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import { cost, plan, refusal } from "../../../local/commands/acceptance/plan";
import type { Request } from "../../../local/commands/acceptance/plan";
import { accept, toMarkdown } from "../../../local/commands/acceptance/run";
import type { AcceptanceReport } from "../../../local/commands/acceptance/run";
import type { Target } from "../../../local/commands/acceptance/target";
import { projectRoot } from "../../../local/machine/projectRoot";
import { taskgate } from "../../support/commandLine";

const account = "111122223333";
const asked: Request = { stack: "accept", aws: true, account, budget: 1, minutes: 60 };

describe("npm run accept", () => {
    it("refuses AWS without credentials, in another account, without a named one, and beyond its cost", () => {
        expect(refusal(asked, { account })).to.equal(undefined);
        expect(refusal(asked, {})).to.equal(
            "There are no AWS credentials: sign in first, so that `aws sts get-caller-identity` answers.",
        );
        expect(refusal(asked, { account: "444455556666" })).to.equal(
            "The credentials are of account 444455556666, and --account names 111122223333: nothing was made.",
        );
        expect(refusal({ ...asked, account: undefined }, { account })).to.equal(
            "--account is missing: with --aws, give the 12 digits of the account in which this may happen.",
        );
        expect(refusal({ ...asked, budget: 0.05 }, { account })).to.equal(
            "It could cost $0.07, and --budget allows $0.05: shorten --minutes, or allow more.",
        );
        expect(refusal({ ...asked, aws: false }, {})).to.match(/^--account names an account of AWS/);
        expect(refusal({ ...asked, aws: false, account: undefined }, {})).to.equal(undefined);
    });

    it("costs less than a dollar an hour, and says so beforehand with all that it makes", () => {
        expect(cost(60)).to.equal(0.07);
        expect(plan(asked, account, "eu-west-1").split("\n").at(-1)).to.equal(
            "It costs at most $0.07, ends after 60 minutes at the latest, and removes all of it again.",
        );
    });

    it("destroys no stack but its own", async () => {
        const { code, stderr } = await taskgate("accept", "--stack", "prod");
        expect(code).to.equal(1);
        expect(stderr).to.contain('--stack prod: it is destroyed in the end, so its name must begin with "accept"');
    });

    it("cleans up before and after, whatever fails, and says where it ended", async () => {
        const calls: string[] = [];
        const target: Target = {
            ...{ kind: "local", account, region: "eu-west-1", httpsPort: 443, pollMs: 1 },
            up: () => Promise.reject(new Error("no VPC can be made")),
            refresh: () => Promise.resolve(),
            clean: () => Promise.resolve(calls.push("clean")).then(() => ["urn:left"]),
            visit: () => Promise.resolve(200),
            publicAddress: () => Promise.resolve(undefined),
            close: () => Promise.resolve(void calls.push("close")),
        };
        const report = await accept(target, 60, () => undefined);
        expect(calls).to.deep.equal(["clean", "clean", "close"]);
        expect(report.failure).to.equal("no VPC can be made");
        expect(report.left).to.deep.equal(["urn:left"]);
        expect(new Set(report.facts.map(({ verdict }) => verdict))).to.deep.equal(new Set(["undecided"]));
        expect(toMarkdown(report))
            .to.contain("**It ended early:** no VPC can be made")
            .and.contain("**Left:** urn:left");
    });

    it("runs the whole life against the local system, and reports every fact", async () => {
        const directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
        const { code, stderr } = await taskgate("accept", "--report", join(directory, "report"));
        expect(code, stderr).to.equal(0);
        const report = JSON.parse(readFileSync(join(directory, "report.json"), "utf8")) as AcceptanceReport;
        const text = readFileSync(join(directory, "report.md"), "utf8");
        rmSync(directory, { recursive: true });

        expect(report).to.include({ target: "local", account });
        expect(report.left).to.deep.equal([]);
        expect(report.failure).to.equal(undefined);
        expect(report.facts.map(({ fact, verdict }) => `${verdict}: ${fact}`)).to.deep.equal([
            "undecided: Envoy without privileges listens on port 443, by net.ipv4.ip_unprivileged_port_start=0",
            "held: a task's network interface has its public address before the task is RUNNING",
            "held: a task goes through its states in the documented order",
            "held: a rate schedule without a start date invokes its target as soon as it is made",
            "held: a second up changes nothing: what AWS normalises is equal by the provider's comparison",
            "held: up after a refresh changes nothing",
            "held: ECS_CONTAINER_METADATA_URI_V4 ends in /<task id>-<number>, by which a task knows its own name",
            "undecided: a refused change batch of Route 53 is charged like one that is accepted",
            "held: from RUNNING to the first byte over HTTPS it takes less than two seconds and Route 53's own delay",
        ]);
        const design = readFileSync(join(projectRoot, "docs/design.md"), "utf8").replaceAll("`", "");
        report.facts.forEach(({ fact, otherwise }) => expect(design).to.contain(fact).and.contain(otherwise));
        report.facts.forEach(({ fact, evidence }) => expect(text).to.contain(fact).and.contain(evidence));
    });
});
