import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { expect } from "chai";
import type { Browser, Page } from "playwright-core";

import { TaskPlatform } from "../../../../components";
import type { AwsRequest, AwsResponse } from "../../../../local/aws/gateway/overlay";
import { createFeed, type Feed } from "../../../../local/commands/console/feed";
import { createMetrics, metricsOf } from "../../../../local/commands/console/metrics";
import { createRecords, type Records } from "../../../../local/commands/console/records";
import { type Console, startConsole } from "../../../../local/commands/console/server";
import { startBrowser } from "../../../support/browser";
import { type SentDashboard, sentDashboard, titlesOf } from "../../../support/dashboard";
import { recordOne } from "../../../support/houseRules";
import { until } from "../../../support/until";

const minute = 60_000;

/** A line as the functions write it. */
function line(
    namespace: string,
    time: number,
    dimensions: object,
    values: Readonly<Record<string, number | number[]>>,
): string {
    const Metrics = Object.keys(values).map((Name) => ({ Name, Unit: "Count" }));
    const CloudWatchMetrics = [{ Namespace: namespace, Dimensions: [Object.keys(dimensions)], Metrics }];
    return JSON.stringify({ _aws: { Timestamp: time, CloudWatchMetrics }, ...dimensions, ...values });
}

describe("metrics in lines of a log", () => {
    it("are read as CloudWatch reads them; other lines have none", () => {
        const text = line("taskgate", 5, { Registry: "r" }, { Published: [2, 3], Removed: 1 });
        const common = { time: 5, namespace: "taskgate", dimensions: { Registry: "r" } };
        expect(metricsOf(`2026-01-01T00:00:00Z\tid\tINFO\t${text}`)).to.deep.equal([
            { ...common, metric: "Published", values: [2, 3] },
            { ...common, metric: "Removed", values: [1] },
        ]);
        expect(metricsOf('{"level":"info"}')).to.deep.equal([]);
        expect(metricsOf(text.slice(0, -1))).to.deep.equal([]);
    });
});

describe("the console's page with a dashboard of the stack", function () {
    this.timeout(600_000);
    let feed: Feed;
    let records: Records;
    let served: Console;
    let browser: Browser;
    let page: Page;
    let sent: SentDashboard;

    before(async () => {
        feed = createFeed();
        records = createRecords(feed);
        served = await startConsole(feed, {});
        browser = await startBrowser();
        page = await browser.newPage({
            viewport: { width: 1200, height: 1000 },
            locale: "en-GB",
            colorScheme: "light",
        });
        await page.goto(served.url);
        const recorded = await recordOne(
            (options) =>
                new TaskPlatform(
                    "tasks",
                    {
                        ...{ domain: "tasks.example.com", hostedZoneId: "Z123", desiredCount: 1, dashboard: true },
                        image: "docker.io/traefik/whoami:v1.11.0",
                    },
                    options,
                ),
        );
        sent = sentDashboard(recorded.find("tasks-dashboard"));
    });
    after(async () => {
        await browser?.close();
        await served?.stop();
    });

    function asks(operation: string, parameters: object): void {
        const request = { operation, parameters, service: "monitoring", region: "eu-west-1", headers: {} };
        records.answered(request as unknown as AwsRequest, { status: 200 } as AwsResponse, 1);
    }
    const plotOf = (title: string) => page.locator("#dashboards figure", { hasText: title });

    it("draws each of its plots with its curves, from the definition that CloudWatch got", async () => {
        const { dashboardName: DashboardName, dashboardBody } = sent;
        asks("PutDashboard", { DashboardName, DashboardBody: JSON.stringify(dashboardBody) });
        await until("it is drawn", async () => (await page.locator("#dashboards canvas").count()) > 0);
        expect(await page.locator("#dashboards h3").allInnerTexts()).to.deep.equal(["tasks-cluster"]);
        const captions = await page.locator("#dashboards figcaption").allInnerTexts();
        const curvesOf = ({ properties: { title, metrics } }: (typeof dashboardBody.widgets)[number]) =>
            [
                title,
                ...metrics.map((metric) => `${String(metric[1])} ${(metric.at(-1) as { stat: string }).stat}`),
            ].join(" ");
        expect(captions.map((text) => text.replace(/\s+/g, " ").trim())).to.deep.equal(
            dashboardBody.widgets.map(curvesOf),
        );
        expect(captions).to.have.length(titlesOf(sent).length);
    });

    it("shows of each minute what its statistics ask for", async () => {
        const [, , , registry] = sent.dashboardBody.widgets[0].properties.metrics[0] as string[];
        const start = Math.floor(Date.now() / minute) * minute - 30 * minute;
        const tell = createMetrics(feed);
        for (let at = 0; at <= 30; at++) {
            const wave = 20 + Math.round(15 * Math.sin(at / 5));
            const values = {
                ...{
                    LiveNames: wave,
                    RunningTasks: wave + (at % 7 === 0 ? 1 : 0),
                    Published: [3, at % 5],
                    Removed: [2, at % 4],
                },
                EventToAccepted: [310 + 9 * at, 420, 800 + 40 * (at % 6)],
                AcceptedToInSync: [900, 1_400 + 30 * (at % 5)],
                ...{
                    Throttled: at % 11 === 0 ? 2 : 0,
                    RefusedBatches: 0,
                    Offenders: 0,
                    Returned: at % 9 === 0 ? 1 : 0,
                    Occupied: 0,
                    Malformed: 0,
                },
                ...{ OrphanNames: 0, StuckNames: 0, UnnamedTasks: at % 13 === 0 ? 1 : 0, OrphanRecords: 0 },
            };
            metricsOf(line("taskgate", start + at * minute, { Registry: registry }, values)).forEach(tell);
            const ofRenewal = { FunctionName: "tasks-certificate-renewal" };
            const renewal = { LifetimeLeft: 62 - at / 10, Failing: 0 };
            metricsOf(line("taskgate/certificate", start + at * minute, ofRenewal, renewal)).forEach(tell);
            if (at % 10 === 0) {
                const run = { Invocations: 1, Errors: 0, Duration: 640 + at };
                metricsOf(line("AWS/Lambda", start + at * minute, ofRenewal, run)).forEach(tell);
            }
        }
        const labelOf = (title: string) => plotOf(title).getAttribute("aria-label");
        await until(
            "the last minute",
            async () => (await labelOf("Made and removed")) === "Made and removed: Published Sum 3, Removed Sum 4",
        );
        expect(await labelOf("Event to accepted")).to.equal(
            "Event to accepted by Route 53, and to in sync (ms): EventToAccepted p50 580, EventToAccepted p99 800, AcceptedToInSync p50 1400, AcceptedToInSync p99 1400",
        );
        expect(await labelOf("Certificate: lifetime left")).to.equal(
            "Certificate: lifetime left (%), and whether renewals fail: LifetimeLeft Minimum 59, Failing Maximum 0",
        );
        expect(await labelOf("CPU and memory")).to.match(/CPUUtilization Average nothing yet/);
        // A canvas does not know the page's variables, and would draw in black what it does not know.
        const ink = await page.evaluate<number>(`(() => {
            const canvas = document.querySelector("#dashboards canvas");
            const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
            let count = 0;
            for (let at = 0; at < data.length; at += 4) {
                count += data[at] === 31 && data[at + 1] === 95 && data[at + 2] === 191 ? 1 : 0;
            }
            return count;
        })()`);
        expect(ink, "pixels in the second curve's colour, #1f5fbf").to.be.greaterThan(0);
        // SCREENSHOTS=docs/images makes that of the documentation anew.
        const kept = process.env.SCREENSHOTS ?? mkdtempSync(join(tmpdir(), "taskgate-dashboard-"));
        const picture = await page.locator("#dashboards").screenshot({ path: join(kept, "dashboard.png") });
        expect(picture.length).to.be.greaterThan(10_000);
        if (process.env.SCREENSHOTS === undefined) {
            rmSync(kept, { recursive: true });
        }
    });

    it("forgets it when it is deleted", async () => {
        asks("DeleteDashboards", { DashboardNames: [sent.dashboardName] });
        await until("it is gone", async () => (await page.locator("#dashboards h3").count()) === 0);
    });
});
