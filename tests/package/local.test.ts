// Somebody else's project and nothing of this checkout but the two packages: brought up, looked at, changed and destroyed.
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";

import type { TaskLine } from "../../local/commands/taskTable";
import { type Ended, run } from "../support/commandLine";
import { outsideNpm, packed } from "../support/packed";
import { root } from "../support/plugin";
import { until } from "../support/until";

/** With the checkout's tools, so that they are not built again. */
const env = { ...outsideNpm(), TASKGATE_LOCAL_TOOLS: join(root, ".tools") };

describe("a project with taskgate-local from npm", function () {
    this.timeout(1_200_000);
    let scratch: string;
    let tarballs: string[];

    before(async () => {
        scratch = mkdtempSync(join(tmpdir(), "taskgate-own-"));
        const { taskgate, local } = await packed();
        tarballs = [taskgate, local];
    });

    after(() => rmSync(scratch, { recursive: true, force: true }));

    interface Project {
        readonly folder: string;
        readonly taskgate: (...words: string[]) => Promise<Ended>;
    }

    /** A copy of an example, with both packages and a configuration for the local system. */
    async function install(example: string, domainKey: string): Promise<Project> {
        const folder = join(scratch, example);
        cpSync(join(root, "examples", example), folder, { recursive: true });
        const isBare = !existsSync(join(folder, "package.json"));
        if (isBare) {
            writeFileSync(join(folder, "package.json"), '{ "private": true }');
        }
        writeFileSync(join(folder, "Pulumi.local.yaml"), `config:\n    ${domainKey}: ${example}.tasks.example.test\n`);
        const installed = await run(
            [
                "npm",
                "install",
                "--prefer-offline",
                "--no-audit",
                "--no-fund",
                ...tarballs,
                ...(isBare ? ["typescript@~5.9"] : []),
            ],
            {
                cwd: folder,
                env,
            },
        );
        expect(installed.code, installed.stderr).to.equal(0);
        expect(installed.stderr.split("\n").filter((line) => /taskgate/.test(line))).to.deep.equal([]);
        const command = join(folder, "node_modules/.bin/taskgate-local");
        return { folder, taskgate: (...words) => run([process.execPath, command, ...words], { cwd: folder, env }) };
    }

    async function goThroughItsLife({ folder, taskgate }: Project): Promise<void> {
        const before = readdirSync(folder);
        const first = await taskgate("up");
        expect(first.code, first.stdout + first.stderr).to.equal(0);
        expect(first.stdout)
            .to.match(/Started the local system "default" in the background/)
            .and.match(/\+ \d+ created/);
        try {
            const { stdout: url } = await taskgate("run");
            expect(url).to.match(/^https:\/\/[0-9a-f]{32}\.\w+\.tasks\.example\.test:\d+\/\n$/);
            const task = await until("the task has its name", async () => {
                const [line] = JSON.parse((await taskgate("status", "--json")).stdout) as TaskLine[];
                return line.address !== undefined && line;
            });
            expect([task.status, task.url]).to.deep.equal(["RUNNING", url.trim()]);
            expect((await taskgate("logs", "--task", task.id, "--no-follow")).stdout).to.include("Starting up on");
            expect((await taskgate("console")).stdout).to.match(/^http:\/\/127\.0\.0\.1:\d+\/#[\w-]{43}\n$/);
            expect((await taskgate("up")).stdout).to.match(/Resources:\n +\d+ unchanged\n/);
            await taskgate("stop");
            await until("it has stopped", async () => {
                const tasks = JSON.parse((await taskgate("status", "--json")).stdout) as TaskLine[];
                return tasks.every(({ status }) => status === "STOPPED");
            });
            expect((await taskgate("destroy")).stdout).to.match(/- \d+ deleted/);
        } finally {
            expect((await taskgate("down")).stdout).to.equal('The local system "default" has ended.\n');
        }
        expect(readdirSync(folder).filter((name) => !before.includes(name))).to.deep.equal([".taskgate"]);
        expect(readFileSync(join(folder, ".taskgate/.gitignore"), "utf8")).to.equal("*\n");
    }

    it("is brought up and taken down when it is written in TypeScript", async () => {
        await goThroughItsLife(await install("typescript", "previews:domain"));
    });

    it("is brought up and taken down when it is written in YAML", async () => {
        await goThroughItsLife(await install("yaml", "games:domain"));
    });
});
