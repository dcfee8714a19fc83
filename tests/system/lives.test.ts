import { rmSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";
import type { Page } from "playwright-core";

import { STEPS } from "../../handlers/sessions/page";
import { runScenario } from "../../local/commands/scenarios/scenarios";
import type { Seen, TwoRegionsReport } from "../../local/commands/scenarios/twoRegions";
import type { ReactiveReport, Stored } from "../../local/commands/scenarios/reactive";
import type { SandboxReport } from "../../local/commands/scenarios/sandbox";
import { sessionsLife, type SessionsReport } from "../../local/commands/scenarios/sessions";
import { projectRoot } from "../../local/machine/projectRoot";
import { startBrowser, startInternet } from "../support/browser";
import { expectAllUsed } from "../support/usedPermissions";

/** A session of the role that docs/ci.md documents, with the example's names. */
const deployerOf = (example: string) => `arn:aws:sts::111122223333:assumed-role/taskgate-deploy-${example}/pulumi`;

describe("a life of its own", () => {
    it("sessions", async () => {
        const report: SessionsReport = {};
        const name = `test-sessions-${process.pid}`;
        const directory = join(projectRoot, ".local", name);
        // SCREENSHOTS=docs/images makes those of the documentation anew.
        const pictured = (page: Page, of: string) =>
            page.screenshot({ path: join(process.env.SCREENSHOTS ?? directory, `${of}.png`) });
        const words: string[] = [];
        const seen: Record<string, unknown> = {};
        await sessionsLife(report, name, async ({ system, url }) => {
            const internet = await startInternet(system);
            const browser = await startBrowser(internet.proxy);
            try {
                // Chromium asks its own store which authorities it trusts.
                const context = await browser.newContext({
                    ...{ ignoreHTTPSErrors: true, locale: "en-GB", viewport: { width: 900, height: 520 } },
                });
                const page = await context.newPage();
                page.setDefaultTimeout(180_000);
                const origins = new Set<string>();
                page.on("request", (request) => origins.add(new URL(request.url()).origin));
                await page.goto(url);
                await page.getByRole("heading", { name: "Session 42 is starting" }).waitFor();
                seen.door = new URL(page.url()).pathname + new URL(page.url()).search + new URL(page.url()).hash;
                words.push(await page.getByRole("status").innerText());
                await pictured(page, "sessions-door");
                await page.getByRole("heading", { name: "Board of team 42" }).waitFor();
                const { host, pathname, search, hash } = new URL(page.url());
                seen.app = pathname + search + hash;
                seen.greeting = await page.getByText("You are").innerText();
                await page.getByLabel("Note").fill("bread");
                await page.getByRole("button", { name: "Write" }).click();
                await page.getByRole("listitem").getByText("bread").waitFor();
                await pictured(page, "sessions-board");
                seen.asked = [...origins].map((origin) => new URL(origin).host === host);
                const { cookies } = await context.storageState();
                seen.cookies = cookies.map(({ name: cookie, httpOnly, secure, sameSite, path }) => ({
                    ...{ cookie, httpOnly, secure, sameSite, path },
                }));
            } finally {
                await browser.close();
                await internet.stop();
            }
        });
        rmSync(join(projectRoot, ".local", name), { recursive: true, force: true });

        expect({ create: report.preview!.changes.create + 1 }).to.deep.equal(report.up!.changes);
        expect(Object.keys(report.secondUp!.changes)).to.deep.equal(["same"]);
        const cookie = { cookie: "__Host-taskgate", httpOnly: true, secure: true, sameSite: "Lax", path: "/" };
        expect(seen).to.deep.equal({
            door: "/42/notes/today?page=2", // the token is out of the address
            app: "/notes/today?page=2",
            greeting: "Opened by somebody@42.example.com. You are somebody@42.example.com.",
            asked: [false, true], // the door, then the task, and nobody else
            cookies: [cookie, cookie],
        });
        expect(words[0]).to.be.oneOf([...STEPS]);
        const { page, words: told, path, entered, status, greeted, sunset } = report.first!;
        expect([page, path, status, greeted, sunset]).to.deep.equal([200, "/notes/today?page=2", 200, true, 24]);
        expect(told.at(-1)).to.equal("It answers");
        expect(entered).to.deep.equal({ status: 303, path: "/notes/today?page=2", cookie: true });
        expect(report.second).to.deep.equal({ isSame: true, read: true, status: 302 });
        expect(report.strangers).to.deep.equal({
            "api, another team": 403,
            "api, closing another team's": 403,
            "api, expired": 401,
            "api, another audience": 401,
            "api, no token": 401,
            "door, another team": 403,
            "door, expired": 401,
            "door, another audience": 401,
            "door, no token": 401,
            "task, another team": 403,
            "task, expired": 401,
            "task, another audience": 403,
            "task, no token": 401,
            "task, forged headers": 401,
        });
        expect(report.refused).to.deep.equal({
            "a variable": "bad-request",
            "a third session": "too-many-sessions",
            "a longer life": "bad-request",
            "what is not open": "no-session",
        });
        expect(report.followed).to.deep.equal({ status: 200, isBoard: true });
        expect(report.closed).to.deep.equal({ state: "ending", after: "no-session" });
        expect(report.signed).to.deep.equal({
            opened: 202,
            listed: ["9"],
            problems: {
                "another team's": "not-yours",
                "another team's key": "not-yours",
                "a key that nobody has": "not-yours",
                "no signature": "not-yours",
                "its signature for a token": "no-token",
            },
        });
        expect(report.warned).to.deep.equal({ key: "42", tenant: "42", isItsEnd: true });
        expect(report.idle).to.deep.equal({
            ...{ ended: "no-session", task: "no request for 60 s", isAnother: true },
            metrics: ["IdleEnds", "SecondsSaved"],
        });
        expectAllUsed(report.permissions);
        expect(report.deployedBy).to.deep.equal([deployerOf("sessions")]);
        expect(report.destroy).to.deep.equal({ resources: 0, processes: 0 });
    });

    it("sandbox", async () => {
        const report: SandboxReport = {};
        const name = `test-sandbox-${process.pid}`;
        await runScenario("sandbox", report, name);
        rmSync(join(projectRoot, ".local", name), { recursive: true, force: true });

        expect(report.runs).to.deep.equal([
            { exitCode: 0, output: "42\n" },
            { exitCode: 0, output: "kept PATH\n" },
            { exitCode: 1, output: true },
        ]);
        expect(report.others).to.deep.equal({
            "another agent": 403,
            "no token": 401,
            "another's sandbox": "not-yours",
        });
        expect(report.closed).to.deep.equal({ state: "ending", after: "no-session" });
        expectAllUsed(report.permissions);
        expect(report.deployedBy).to.deep.equal([deployerOf("sandbox")]);
        expect(report.destroy).to.deep.equal({ resources: 0, processes: 0 });
    });

    it("two-regions", async () => {
        const report: TwoRegionsReport = {};
        const name = `test-two-regions-${process.pid}`;
        await runScenario("two-regions", report, name);
        rmSync(join(projectRoot, ".local", name), { recursive: true, force: true });

        expect(report.preview!.changes).to.deep.equal(report.up!.changes);
        expect(Object.keys(report.secondUp!.changes)).to.deep.equal(["same"]);
        const nearest = { "eu-central-1": "eu-west-1", "us-west-2": "us-east-1" };
        const allInVirginia = { "eu-central-1": "us-east-1", "us-west-2": "us-east-1" };
        expect(report.nearest).to.deep.equal(nearest);
        expect(Object.keys(report.certificates!)).to.deep.equal(["eu-west-1", "us-east-1"]);
        expect(report.certificates!["eu-west-1"]).not.to.equal(report.certificates!["us-east-1"]);
        const failed = (seen: Record<string, Seen>) =>
            Object.entries(seen).flatMap(([place, { failed: count }]) => (count > 0 ? [place] : []));
        expect(failed(report.dark!.seen)).to.deep.equal(["eu-central-1"]);
        expect(report.dark!.answers).to.deep.equal(allInVirginia);
        expect([report.standby!.before, report.standby!.after]).to.deep.equal([undefined, "us-east-1"]);
        const { seen, ...back } = report.back!;
        expect([failed(seen), back]).to.deep.equal([[], { answers: nearest, desk: "eu-west-1" }]);
        const { seen: meanwhile, ...evacuated } = report.evacuated!;
        expect([failed(meanwhile), evacuated]).to.deep.equal([[], { answers: allInVirginia, afterwards: nearest }]);
        expectAllUsed(report.permissions);
        expect(report.deployedBy).to.deep.equal([deployerOf("two-regions")]);
        expect(report.destroy).to.deep.equal({ resources: 0, processes: 0 });
    });

    it("reactive", async () => {
        const report: ReactiveReport = {};
        const name = `test-reactive-${process.pid}`;
        await runScenario("reactive", report, name);
        rmSync(join(projectRoot, ".local", name), { recursive: true, force: true });

        expect({ create: report.preview!.changes.create + 1 }).to.deep.equal(report.up!.changes);
        expect(Object.keys(report.secondUp!.changes)).to.deep.equal(["same"]);
        const { before, after } = report.update!;
        expect([before, after]).to.deep.equal([
            [1, 1],
            [2, 2],
        ]);
        const told = ({ events, again, lost, strange, answers }: Stored) => ({
            ...{ events, again, lost, strange, answered: answers["202"] }, // others are sent again
        });
        expect(told(report.load!)).to.deep.equal({
            ...{ events: 4_000, again: 200, lost: 0, strange: 0, answered: 4_200 },
        });
        const broken = report.cacheBroken!;
        expect([broken.lost, broken.strange, broken.after]).to.deep.equal([0, 0, [3, 3]]);
        expect(broken.answers["202"]).to.equal(broken.events + broken.again);
        expect(broken.events).to.be.above(200);
        expect({ ...told(report.streamBroken!), meanwhile: report.streamBroken!.meanwhile }).to.deep.equal({
            ...{ events: 1_000, again: 50, lost: 0, strange: 0, answered: 1_050, meanwhile: 0 },
        });
        expect(report.failures).to.equal(0);
        expectAllUsed(report.permissions);
        expect(report.deployedBy).to.deep.equal([deployerOf("reactive")]);
        expect(report.destroy).to.deep.equal({ resources: 0, processes: 0 });
    });
});
