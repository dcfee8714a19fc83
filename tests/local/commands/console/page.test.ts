import { setTimeout as delay } from "node:timers/promises";

import { expect } from "chai";
import type { Browser, CDPSession, Page } from "playwright-core";

import { createFeed, type Feed } from "../../../../local/commands/console/feed";
import { createRecords, type Records } from "../../../../local/commands/console/records";
import { type Console, startConsole } from "../../../../local/commands/console/server";
import { startBrowser } from "../../../support/browser";
import { until } from "../../../support/until";

interface TraceEvent {
    readonly name: string;
    readonly tdur?: number;
}

const scope = { accountId: "111122223333", region: "eu-west-1" };
const statuses = ["PROVISIONING", "PENDING", "RUNNING"];

describe("the console's page with 100 tasks at once", function () {
    this.timeout(600_000);
    let feed: Feed;
    let records: Records;
    let served: Console;
    let browser: Browser;
    let page: Page;
    let devtools: CDPSession;
    let round = 0;

    before(async () => {
        feed = createFeed();
        records = createRecords(feed);
        served = await startConsole(feed, {});
        browser = await startBrowser();
        page = await browser.newPage({ viewport: { width: 1400, height: 1100 }, locale: "en-GB" });
        devtools = await page.context().newCDPSession(page);
        await page.goto(served.url);
    });

    after(async () => {
        await browser?.close();
        await served?.stop();
    });

    function change(id: string, lastStatus: string): void {
        const taskArn = `arn:aws:ecs:eu-west-1:111122223333:task/c/${id}`;
        const desiredStatus = lastStatus === "STOPPED" ? "STOPPED" : "RUNNING";
        records.taskChanged(scope, { taskArn, lastStatus, desiredStatus, cpu: "256", memory: "512", containers: [] });
    }

    /** A hundred tasks come, get their names, answer and go, with the requests and lines that belong to it. */
    async function oneRound(): Promise<void> {
        round++;
        const ids = Array.from(
            { length: 100 },
            (_, at) => `${String(round).padStart(4, "0")}${String(at).padStart(28, "0")}`,
        );
        let count = 0;
        const alsoTell = () => {
            const key = `${round} ${count++}`;
            const text = `${key} something that a container or a function said about itself and its work`;
            feed.set("request", key, {
                time: Date.now(),
                caller: "test",
                action: "ecs:RunTask",
                region: "eu-west-1",
                outcome: "ok",
                milliseconds: 1,
            });
            feed.set("line", key, { name: "gateway", text, time: Date.now() });
        };
        for (const status of [...statuses, "named", "STOPPED"]) {
            for (const id of ids) {
                if (status === "named") {
                    records.amend(id, {
                        address: "127.1.0.2",
                        hostname: `${id}.example.test`,
                        answer: 200,
                        steps: { named: Date.now(), answered: Date.now() },
                    });
                } else {
                    change(id, status);
                }
                alsoTell();
                await delay(2);
            }
            // A page that is behind would be judged by what it has yet to hear.
            if (status === "named" || status === "STOPPED") {
                await untilShown(status === "named" ? "100 live" : "0 live");
            }
        }
    }

    function untilShown(text: string): Promise<true> {
        const heading = page.locator("#tasks-heading");
        return until(`the page says ${text}`, async () => new RegExp(`\\b${text}`).test(await heading.innerText()));
    }

    /** Objects that live in the page, garbage collected. Not its heap's size: code that V8 has optimised by then is a fifth of that. */
    async function objects(): Promise<number> {
        const { result: prototype } = await devtools.send("Runtime.evaluate", { expression: "Object.prototype" });
        const { objects: all } = await devtools.send("Runtime.queryObjects", {
            prototypeObjectId: prototype.objectId!,
            objectGroup: "counted",
        });
        const { result } = await devtools.send("Runtime.callFunctionOn", {
            objectId: all.objectId!,
            functionDeclaration: "function () { return this.length; }",
        });
        await devtools.send("Runtime.releaseObjectGroup", { objectGroup: "counted" });
        return result.value as number;
    }

    it("draws no frame that takes 100 ms of the processor", async () => {
        const events: TraceEvent[] = [];
        devtools.on("Tracing.dataCollected", ({ value }) => events.push(...(value as unknown as TraceEvent[])));
        const complete = new Promise<void>((resolve) => devtools.once("Tracing.tracingComplete", () => resolve()));
        await oneRound(); // the code is compiled and the table has its rows
        await devtools.send("Tracing.start", {
            transferMode: "ReportEvents",
            categories: "disabled-by-default-devtools.timeline,toplevel",
        });
        await oneRound();
        await devtools.send("Tracing.end");
        await complete;

        // By the thread's own time: what else the machine does is no matter of the page.
        const tasks = events.filter(
            ({ name, tdur }) => name === "RunTask" || (name === "ThreadControllerImpl::RunTask" && tdur !== undefined),
        );
        const longest = Math.max(...tasks.map(({ tdur = 0 }) => tdur / 1_000));
        expect(tasks.length).to.be.greaterThan(100);
        expect(longest).to.be.greaterThan(0).and.lessThan(100);
    });

    it("keeps its memory bounded", async () => {
        for (let at = 0; at < 4; at++) {
            await oneRound(); // as many tasks, requests and lines as it keeps
        }
        const entries = feed.since(0).entries.length;
        // It may have yet to draw what it has heard, or to drop what it has drawn: what is kept for ever grows with each round all the same.
        const counts = [await objects()];
        for (let isSteady = 0; isSteady < 2;) {
            expect(counts, "objects after each round").to.have.length.below(20);
            await oneRound();
            counts.push(await objects());
            isSteady = counts.at(-1)! < counts.at(-2)! * 1.02 ? isSteady + 1 : 0;
        }
        expect(feed.since(0).entries.length).to.be.at.most(entries + 100);
        await until("it shows a hundred tasks and those just gone", async () => {
            return (await page.locator("tr[data-task]").count()) <= 130;
        });
    });
});
