import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";
import type { Browser, Page } from "playwright-core";

import { projectRoot } from "../../local/machine/projectRoot";
import { startBrowser } from "../support/browser";
import { cliWords, taskgate } from "../support/commandLine";
import { until } from "../support/until";

describe("the console in a browser", function () {
    this.timeout(600_000);
    const name = `console-${process.pid}`;
    const directory = join(projectRoot, ".local", name);
    let started: ChildProcess;
    let browser: Browser;
    let page: Page;
    const faults: string[] = [];

    before(async () => {
        const words = ["--system", name, "start"];
        started = spawn(process.execPath, [...cliWords, ...words], {
            cwd: projectRoot,
            stdio: ["ignore", "pipe", "inherit"],
        });
        let printed = "";
        started.stdout!.on("data", (text) => (printed += String(text)));
        await until("the system is up", () => printed.includes("Ctrl-C ends everything"));
        browser = await startBrowser();
        page = await browser.newPage({
            viewport: { width: 1400, height: 1100 },
            locale: "en-GB",
            colorScheme: "light",
        });
        page.setDefaultTimeout(180_000);
        page.on("pageerror", (error) => faults.push(error.message));
        page.on("console", (message) => message.type() === "error" && faults.push(message.text()));
        const url = readFileSync(join(directory, "console.url"), "utf8").trim();
        expect(printed).to.include(`Console: ${url}`);
        await page.goto(url);
    });

    after(async () => {
        await browser?.close();
        started.kill("SIGINT");
        if (started.exitCode === null) {
            await once(started, "exit");
        }
        rmSync(directory, { recursive: true, force: true });
    });

    /** A task's row as the page shows it. */
    interface Row {
        readonly id: string;
        readonly status: string;
        readonly steps: readonly string[];
        readonly note: string;
    }

    const rows = () =>
        page.evaluate<Row[]>(`[...document.querySelectorAll("tr[data-task]")].map((row) => ({
            id: row.getAttribute("data-task"),
            status: row.children[1].textContent,
            steps: [...row.querySelectorAll("ol.steps li")].map((step) => step.textContent.replace(/ [\\d:]+$| \\+.*$/, "")),
            note: row.children[5].textContent,
        }))`);
    const row = async (id: string) => (await rows()).find((one) => one.id === id)!;
    const click = (label: string) => page.getByRole("button", { name: label, exact: true }).click();

    /** Runs a task by the page's form, and waits until it has answered. */
    async function runTask(): Promise<string> {
        const before = (await rows()).map(({ id }) => id);
        await click("Run");
        const id = await until("a new task", async () =>
            (await rows()).map((one) => one.id).find((id) => !before.includes(id)),
        );
        await until("its first answer", async () => (await row(id)).steps.includes("first answer 200"));
        return id;
    }

    /** A switch of what is broken. */
    async function turn(label: string, to: "on" | "off"): Promise<void> {
        const lever = page.getByRole("switch", { name: label });
        await lever.click();
        await until(`it is ${to}`, async () => (await lever.getAttribute("aria-checked")) === String(to === "on"));
    }

    it("shows the life of a task from its start to its stop", async () => {
        const id = await runTask();
        expect((await row(id)).steps).to.deep.equal([
            "provisioning",
            "pending",
            "running",
            "name in DNS",
            "first answer 200",
        ]);
        const time = page.locator(`tr[data-task="${id}"] td:nth-child(4)`);
        expect(await time.innerText()).to.match(/^\d+ (ms|s)$/);

        await click(`Stop ${id.slice(0, 8)}`);
        await until("it has stopped", async () => (await row(id)).status.startsWith("STOPPED"));
        const stopped = await row(id);
        expect(stopped.steps).to.deep.equal([
            ...["provisioning", "pending", "running", "name in DNS", "first answer 200", "told to stop", "stopped"],
        ]);
        expect(stopped.note).to.match(/^Stopped in the console/);
    });

    it("shows a renewal, and the certificate before it", async () => {
        const certificate = page.locator("#certificate");
        await until("the first one", async () =>
            (await certificate.innerText()).includes("*.eu-west-1.tasks.example.test"),
        );
        expect(await certificate.innerText()).to.match(/issued \d{4}-.*\srenewal due \d{4}-.*\sexpires \d{4}-/s);
        expect(await certificate.innerText()).not.to.include("before");

        await click("Renew the certificate");
        await until("the second one", async () => (await certificate.innerText()).includes("1 before"));
        const runs = page.locator("#functions tbody tr", { hasText: "certificate-renewal" });
        // The deployment's own call, the schedule's and this one.
        await until("all runs have ended", async () => {
            const outcomes = await runs.locator("td:nth-child(5)").allInnerTexts();
            return outcomes.length === 3 && outcomes.every((outcome) => outcome === "ok");
        });
        expect(await page.content()).not.to.include("PRIVATE KEY");
    });

    it("shows how a killed Envoy ends its task, and how the service replaces it", async () => {
        const others = (await rows()).map(({ id }) => id);
        const answers = ({ id, status, steps }: Row) =>
            !others.includes(id) && status.startsWith("RUNNING") && steps.includes("first answer 200");
        // Only now: there is a certificate, so no task of the service fails to start.
        const { code, stderr } = await taskgate(
            "--system",
            name,
            "up",
            "-c",
            "taskgate:desiredCount=1",
            "taskgate:dashboard=true",
        );
        expect(code, stderr).to.equal(0);
        const serving = await until("the service's task answers", async () => (await rows()).find(answers));
        const short = serving.id.slice(0, 8);
        await page.locator(`tr[data-task="${serving.id}"] summary`).click();
        await click(`Kill Envoy ${short}`);
        await until("the task has stopped", async () => (await row(serving.id)).status.startsWith("STOPPED"));
        expect((await row(serving.id)).note).to.match(/^Essential container in task exited; envoy: /);

        const healed = await until("another one answers", async () =>
            (await rows()).find((one) => one.id !== serving.id && answers(one)),
        );
        expect(healed.note).to.equal("");
        await until(
            "the name of the first is gone",
            async () =>
                (await page.locator(`tr[data-task="${serving.id}"] td:nth-child(5)`).innerText()) === "no record",
        );
    });

    it("shows how an Envoy hangs, and that it is well again once it goes on", async () => {
        const id = await runTask();
        const short = id.slice(0, 8);
        await until("it is healthy", async () => /^RUNNING\s+healthy$/.test((await row(id)).status));
        await page.locator(`tr[data-task="${id}"] summary`).click();
        await click(`Hang Envoy ${short}`);
        await until("its checks have failed", async () => /^RUNNING\s+unhealthy$/.test((await row(id)).status));
        await click(`Resume Envoy ${short}`);
        await until("its checks succeed", async () => /^RUNNING\s+healthy$/.test((await row(id)).status));
        await click(`Stop ${short}`);
        await until("it has stopped", async () => (await row(id)).status.startsWith("STOPPED"));
    });

    it("shows that a record is gone, of a task that runs on", async () => {
        const id = await runTask();
        const short = id.slice(0, 8);
        const record = page.locator(`tr[data-task="${id}"] td:nth-child(5)`);
        expect(await record.innerText()).to.match(/^127\.\d+\.\d+\.\d+$/);
        await page.locator(`tr[data-task="${id}"] summary`).click();
        await click(`Delete record ${short}`);
        await until("it has none", async () => (await record.innerText()) === "no record");
        const { status, note } = await row(id);
        expect([status.split(/\s/)[0], note]).to.deep.equal(["RUNNING", "waits for its name in DNS"]);
        await click(`Stop ${short}`);
        await until("it has stopped", async () => (await row(id)).status.startsWith("STOPPED"));
    });

    it("shows what lost events lead to: a task that runs and waits for its name", async () => {
        await turn("Lose task events", "on");
        const before = (await rows()).map(({ id }) => id);
        await click("Run");
        const id = await until(
            "a task that runs",
            async () => (await rows()).find((one) => !before.includes(one.id) && one.status.startsWith("RUNNING"))?.id,
        );
        expect((await row(id)).note).to.equal("waits for its name in DNS");
        await turn("Lose task events", "off");
        await click(`Stop ${id.slice(0, 8)}`);
        await until("it has stopped", async () => (await row(id)).status.startsWith("STOPPED"));
    });

    it("shows what is refused while a service is throttled: a name that comes once it is not", async () => {
        await turn("Throttle Route 53", "on");
        const before = (await rows()).map(({ id }) => id);
        await click("Run");
        const id = await until("a new task", async () =>
            (await rows()).map((one) => one.id).find((one) => !before.includes(one)),
        );
        const search = page.getByLabel("Search by caller, action, outcome");
        await search.fill("dns-sync route53: ThrottlingException");
        await until("it is refused", async () => (await page.locator("#requests tbody tr").count()) > 0);
        await search.fill("");
        expect((await row(id)).steps).not.to.include("name in DNS");
        await turn("Throttle Route 53", "off");
        await until("its name", async () => (await row(id)).steps.includes("name in DNS"));
        await click(`Stop ${id.slice(0, 8)}`);
        await until("it has stopped", async () => (await row(id)).status.startsWith("STOPPED"));
    });

    it("shows a renewal that waits for an authority that hangs, and ends once it goes on", async () => {
        const outcomes = page
            .locator("#functions tbody tr", { hasText: "certificate-renewal" })
            .locator("td:nth-child(5)");
        const before = await outcomes.count();
        const requests = page.locator("#requests tbody tr");
        const search = page.getByLabel("Search by caller, action, outcome");
        await turn("Hang the certificate authority", "on");
        await search.fill("certificate-renewal s3:GetObject");
        const looks = await requests.count();
        await click("Renew the certificate");
        await until("it has read its record", async () => (await requests.count()) > looks);
        await search.fill("");
        expect(await outcomes.count()).to.equal(before);
        await turn("Hang the certificate authority", "off");
        await until("it has ended", async () => (await outcomes.count()) === before + 1);
        expect(await outcomes.allInnerTexts()).to.deep.equal(Array(before + 1).fill("ok"));
    });

    it("shows the stack's dashboard with what its functions have told", async () => {
        const plot = page.locator('#dashboards figure[aria-label^="Made and removed"]');
        await until("names were made and removed", async () =>
            /Published Sum \d+, Removed Sum \d+$/.test((await plot.getAttribute("aria-label")) ?? ""),
        );
        const renewals = page.locator('#dashboards figure[aria-label^="Runs of the renewal"]');
        expect(await renewals.getAttribute("aria-label")).to.match(
            /^Runs of the renewal, its errors and its time \(ms\): Invocations Sum \d+, Errors Sum 0, Duration Maximum [\d.]+$/,
        );
    });

    it("finds requests by caller, action and outcome", async () => {
        const search = page.getByLabel("Search by caller, action, outcome");
        const actions = page.locator("#requests tbody td:nth-child(3)");
        await search.fill("route53:ChangeResourceRecordSets ok");
        await until("only those", async () => {
            const found = await actions.allInnerTexts();
            return found.length > 0 && found.every((action) => action === "route53:ChangeResourceRecordSets");
        });
        const callers = await page.locator("#requests tbody td:nth-child(2)").allInnerTexts();
        expect(
            callers.filter((caller) => /^a function tasks-eu-west-1-dns-.*\/tasks-eu-west-1-dns-/.test(caller)),
        ).not.to.deep.equal([]);
        await search.fill("no such action");
        await until("none", async () => (await actions.count()) === 0);
        await search.fill("");
    });

    it("can be used by keyboard and at the width of a phone", async () => {
        await page.keyboard.press("Tab");
        const names =
            await page.evaluate<number>(`[...document.querySelectorAll("button, input, summary, [role=region]")].filter((one) => {
            const label = one.getAttribute("aria-label") ?? one.closest("label")?.textContent ?? one.textContent ?? "";
            return label.trim() === "" && one.getAttribute("aria-labelledby") === null;
        }).length`);
        expect(names, "controls without a name").to.equal(0);
        await page.locator("a.skip").focus();
        await page.keyboard.press("Enter");
        expect(await page.evaluate<string>("document.activeElement.id")).to.equal("tasks");

        await page.setViewportSize({ width: 380, height: 800 });
        const wider = await page.evaluate<number>(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth",
        );
        expect(wider).to.equal(0);
        await page.setViewportSize({ width: 1400, height: 1100 });
    });

    it("looks well by day and by night", async () => {
        await runTask();
        for (const colorScheme of ["light", "dark"] as const) {
            await page.emulateMedia({ colorScheme });
            const [ground, text] = await page.evaluate<string[]>(
                "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]",
            );
            expect([ground, text]).to.deep.equal(
                colorScheme === "light"
                    ? ["rgb(246, 247, 249)", "rgb(27, 31, 38)"]
                    : ["rgb(20, 23, 28)", "rgb(230, 233, 238)"],
            );
            await page.evaluate("scrollTo(0, 0)");
            // SCREENSHOTS=docs/images makes those of the documentation anew.
            const path = join(process.env.SCREENSHOTS ?? directory, `console-${colorScheme}.png`);
            await page.screenshot({ path });
        }
    });

    it("had nothing to complain of", () => {
        expect(faults).to.deep.equal([]);
    });
});
