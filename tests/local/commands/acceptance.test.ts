import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";

import { expect } from "chai";

import { cost, isSure, plan, refusal } from "../../../local/commands/acceptance/plan";
import type { Request } from "../../../local/commands/acceptance/plan";
import { accept, toMarkdown } from "../../../local/commands/acceptance/run";
import type { AcceptanceReport } from "../../../local/commands/acceptance/run";
import { lives } from "../../../local/commands/acceptance/projects";
import type { Life } from "../../../local/commands/acceptance/projects";
import type { Target } from "../../../local/commands/acceptance/target";
import { projectRoot } from "../../../local/machine/projectRoot";
import type { OperationResult } from "../../../local/pulumi/operation";
import { taskgate } from "../../support/commandLine";

const account = "111122223333";
const asked: Request = { stack: "accept", aws: true, account, budget: 1, minutes: 60 };

const [stack] = lives;

describe("npm run accept", () => {
    it("refuses AWS without credentials, in another account, without a named one, and beyond its cost", () => {
        expect(refusal(asked, [stack], { account })).to.equal(undefined);
        expect(refusal(asked, [stack], {})).to.equal(
            "There are no AWS credentials: sign in first, so that `aws sts get-caller-identity` answers.",
        );
        expect(refusal(asked, [stack], { account: "444455556666" })).to.equal(
            "The credentials are of account 444455556666, and --account names 111122223333: nothing was made.",
        );
        expect(refusal({ ...asked, account: undefined }, [stack], { account })).to.equal(
            "--account is missing: with --aws, give the 12 digits of the account in which this may happen.",
        );
        expect(refusal({ ...asked, budget: 0.05 }, [stack], { account })).to.equal(
            "It could cost $0.07, and --budget allows $0.05: shorten --minutes, leave a --shape out, or allow more.",
        );
        expect(refusal({ ...asked, budget: Number("much") }, [stack], { account })).to.match(/^It could cost \$0\.07/);
        expect(refusal(asked, lives, { account })).to.equal(
            "It could cost $1.66, and --budget allows $1.00: shorten --minutes, leave a --shape out, or allow more.",
        );
        expect(refusal({ ...asked, aws: false }, [stack], {})).to.match(/^--account names an account of AWS/);
        expect(refusal({ ...asked, aws: false, account: undefined }, lives, {})).to.equal(undefined);
    });

    const answers: readonly (readonly [answer: string, isSure: boolean])[] = [
        [`${account}\n`, true],
        [` ${account} \n`, true],
        ["yes\n", false],
        ["444455556666\n", false],
        ["\n", false],
        ["", false], // nobody is there, as in a workflow
    ];
    answers.forEach(([answer, expected]) =>
        it(`begins${expected ? "" : " nothing"} by the answer ${JSON.stringify(answer)}`, async () => {
            const [input, output] = [new PassThrough(), new PassThrough()];
            input.end(answer);
            expect(await isSure(account, input, output)).to.equal(expected);
            expect(String(output.read())).to.equal(`Type the account's number, ${account}, to begin: `);
        }),
    );

    it("costs less than a dollar an hour for each shape, and says so beforehand with all that it makes", () => {
        expect(lives.map((life) => [life.name, cost([life], 60)])).to.deep.equal([
            ["stack", 0.07],
            ["alb", 0.43],
            ["end-to-end-tls", 0.31],
            ["nlb", 0.31],
            ["traefik", 0.55],
        ]);
        const text = plan(asked, lives, account, "eu-west-1").split("\n");
        expect(text.at(-1)).to.equal(
            "It costs at most $1.66, ends after 300 minutes at the latest, and removes all of it again.",
        );
        for (const { name, makes } of lives) {
            const at = text.findIndex((line) => line.startsWith(`  ${name}, as stack accept of `));
            expect(text[at]).to.contain(
                `each thing tagged taskgate:stack=${name === "stack" ? "taskgate" : name}/accept`,
            );
            expect(text.slice(at + 1, at + 1 + makes.length)).to.deep.equal(makes.map((line) => `    ${line}`));
        }
    });

    it("reports each fact of docs/design.md and what follows if it does not hold, and no other", () => {
        const design = readFileSync(join(projectRoot, "docs/design.md"), "utf8").replaceAll("`", "");
        const [, section = ""] = design.split("## What nobody has seen on AWS yet\n");
        const tables = section.split("\n## ")[0].matchAll(/^\| fact .*\n\|[ |-]*\n((?:\|.*\n)+)/gm);
        const [ofStack, ofShapes, ofNoRun] = [...tables].map(
            ([, rows]) =>
            rows
                .trimEnd()
                .split("\n")
                .map((row) => row.split("|").slice(1, -1).map((cell) => cell.trim())), // prettier-ignore
        );
        const rowsOf = (some: readonly Life[]): string[][] => {
            const rows = some.flatMap((life) => life.looks().rows());
            return [...new Map(rows.map(({ fact, otherwise }) => [fact, [fact, otherwise]])).values()];
        };
        const common = rowsOf([stack]).map(([fact]) => fact);
        expect(ofStack).to.have.deep.members(rowsOf([stack]));
        expect(ofShapes).to.have.deep.members(rowsOf(lives.slice(1)).filter(([fact]) => !common.includes(fact)));
        // What no run looks at has a consequence, too.
        expect(ofNoRun.length).to.be.above(5);
        expect(ofNoRun.filter((cells) => cells.length !== 2 || cells.includes(""))).to.deep.equal([]);
    });

    it("knows the shapes that it can deploy", async () => {
        const { code, stderr } = await taskgate("accept", "--shape", "ablb");
        expect(code).to.equal(1);
        expect(stderr).to.contain("--shape ablb: there is no such shape. Did you mean alb? There are stack, alb");
    });

    it("destroys no stack but its own", async () => {
        const { code, stderr } = await taskgate("accept", "--stack", "prod");
        expect(code).to.equal(1);
        expect(stderr).to.contain('--stack prod: it is destroyed in the end, so its name must begin with "accept"');
    });

    describe("a life that ends early", () => {
        /** A target at which `up` does that, and destroying leaves nothing but a role that nobody lets go of. */
        function targetWhere(up: (signal?: AbortSignal) => Promise<OperationResult>, calls: string[]): Target {
            return {
                ...{ kind: "local", account, regions: [], pollMs: 1, internet: { httpsPort: 443, httpPort: 80 } },
                settings: { domain: "example.com", hostedZoneId: "Z123", acmeDirectory: "letsencrypt" },
                clientConfig: (region) => ({ region }),
                operate: (operation, _, options) => {
                    calls.push(operation);
                    const nothing = { changes: {}, outputs: {}, resources: [], stdout: "" };
                    return operation === "up" ? up(options?.signal) : Promise.resolve(nothing);
                },
                state: () =>
                    Promise.resolve({ resources: [{ urn: "urn:left", type: "aws:iam/role:Role" }], outputs: {} }),
                close: () => Promise.resolve(void calls.push("close")),
            };
        }

        const never = (signal?: AbortSignal) =>
            new Promise<OperationResult>((_, reject) => {
                signal!.addEventListener("abort", () => reject(new Error("cut off")), { once: true });
                if (signal!.aborted) {
                    reject(new Error("cut off"));
                }
            });

        async function ended(up: Parameters<typeof targetWhere>[0], minutes: number, interrupted: AbortSignal) {
            const calls: string[] = [];
            const target = targetWhere(up, calls);
            const limits = { minutes, interrupted };
            return { calls, report: await accept(target, lives.slice(0, 2), "accept", limits, () => undefined) };
        }

        const uncut = new AbortController().signal;

        it("is cleaned up before and after, whatever fails; the next one is gone through all the same", async () => {
            const { calls, report } = await ended(() => Promise.reject(new Error("no VPC can be made")), 60, uncut);
            const one = ["destroy", "up", "destroy"];
            expect(calls).to.deep.equal([...one, ...one, "close"]);
            for (const { failure, left, facts } of report.lives) {
                expect(failure).to.equal("no VPC can be made");
                expect(left).to.deep.equal(["urn:left"]);
                expect(new Set(facts.map(({ verdict }) => verdict))).to.deep.equal(new Set(["undecided"]));
            }
            expect(toMarkdown(report))
                .to.contain("**It ended early:** no VPC can be made")
                .and.contain("**Left:** urn:left");
        });

        it("is cut off in the midst of an up when its time is over, and cleaned up", async () => {
            const { calls, report } = await ended(never, 0.001, uncut);
            expect(report.lives.map(({ failure }) => failure)).to.deep.equal(
                Array(2).fill("The time is over: 0.001 minutes."),
            );
            expect(calls.filter((call) => call === "destroy")).to.have.length(4);
        });

        it("is cut off by Ctrl-C, and cleaned up; what comes after it is not begun", async () => {
            const interrupted = new AbortController();
            const up = (signal?: AbortSignal) => {
                interrupted.abort();
                return never(signal);
            };
            const { calls, report } = await ended(up, 60, interrupted.signal);
            expect(report.lives.map(({ failure }) => failure)).to.deep.equal(Array(2).fill("It was interrupted."));
            expect(calls).to.deep.equal(["destroy", "up", "destroy", "destroy", "close"]);
        });
    });

    it("runs whole lives against the local system, and reports every fact", async () => {
        const directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
        const { code, stderr } = await taskgate(
            "accept",
            "--shape",
            "alb",
            "stack",
            "--report",
            join(directory, "report"),
        );
        expect(code, stderr).to.equal(0);
        const report = JSON.parse(readFileSync(join(directory, "report.json"), "utf8")) as AcceptanceReport;
        const text = readFileSync(join(directory, "report.md"), "utf8");
        rmSync(directory, { recursive: true });

        expect(report).to.include({ target: "local", account });
        expect(report.lives.map(({ shape, failure, left }) => ({ shape, failure, left }))).to.deep.equal([
            { shape: "stack", failure: undefined, left: [] },
            { shape: "alb", failure: undefined, left: [] },
        ]);
        const [ofStack, ofShape] = report.lives.map(({ facts }) =>
            facts.map(({ fact, verdict }) => `${verdict}: ${fact}`),
        );
        expect(ofStack).to.deep.equal([
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
        expect(ofShape).to.deep.equal([
            "held: a second up changes nothing: what AWS normalises is equal by the provider's comparison",
            "held: up after a refresh changes nothing",
            "held: load balancers find tasks healthy over the path and the port that the shape gives them",
            "held: a visitor gets the app by HTTPS and HTTP/2, with a certificate that Node trusts, and HSTS",
            "held: TLS 1.2 and 1.3 alone, forward secret, with X25519MLKEM768",
            "held: plain HTTP is redirected to HTTPS",
            "held: a new version is rolled out without a failed request",
        ]);
        const all = report.lives.flatMap(({ facts }) => facts);
        all.forEach(({ fact, evidence }) => expect(text).to.contain(fact).and.contain(evidence));
    });
});
