import { expect } from "chai";

import type { PatchReport, TaskReport } from "../../../handlers/patching/report";
import { patchesText } from "../../../local/commands/patches";

const at = "2030-03-01T12:00:00.000Z";
const now = new Date("2030-03-01T12:03:10.000Z");
const digests = { old: `sha256:${"0123456789ab".padEnd(64, "f")}`, next: `sha256:${"fedcba987654".padEnd(64, "0")}` };

const window: PatchReport["window"] = {
    isOpen: false,
    opensAt: "2030-03-03T02:00:00.000Z",
    startsUntil: "2030-03-03T05:00:00.000Z",
    closesAt: "2030-03-03T06:00:00.000Z",
    failed: [],
};

function task(id: string, more: Partial<TaskReport> = {}): TaskReport {
    return {
        taskArn: `arn:aws:ecs:eu-west-1:111122223333:task/apps/${id.padEnd(32, "0")}`,
        service: "web",
        status: "COMPLIANT",
        isOverdue: false,
        startedAt: "2030-02-28T12:00:00.000Z",
        ageDays: 1,
        platformVersion: "1.4.0",
        containers: [{ name: "app", image: "shop:main", digest: digests.old, imageAgeDays: 40.5, findings: {} }],
        reasons: [{ reason: "TaskAge", detail: "more than 30 days old from then on", by: "2030-03-30T12:00:00.000Z" }],
        next: window.opensAt,
        ...more,
    };
}

function report(tasks: readonly TaskReport[], more: Partial<PatchReport> = {}): PatchReport {
    const clusterArn = "arn:aws:ecs:eu-west-1:111122223333:cluster/apps";
    return { at, clusterArn, window, tasks, redeployments: {}, retirements: [], ...more };
}

describe("the report of patching", () => {
    it("tells of each task what it runs and that nothing is held against it", () => {
        expect(patchesText("patching", report([task("aaaaaaaa1")]), undefined, now)).to.deep.equal([
            "patching: 1 task, all compliant; looked 3 min ago",
            "  window opens 2030-03-03 02:00 UTC, begins until 2030-03-03 05:00 UTC, closes 2030-03-03 06:00 UTC",
            "  TASK      SERVICE  AGE  PLATFORM  NEXT                  STATUS     CONTAINER  IMAGE         PUSHED  FINDINGS",
            "  aaaaaaaa  web      1 d  1.4.0     2030-03-03 02:00 UTC  compliant  app        0123456789ab  40.5 d  none",
        ]);
    });

    it("tells what is held against which, by when, and what would help", () => {
        const found = { reason: "Findings", container: "app", detail: "1 CRITICAL, 2 HIGH" } as const;
        const blocked = "its tag names no newer image: push a new one";
        const retired = { reason: "Retirement", detail: "event-1", by: "2030-03-04T00:00:00.000Z" } as const;
        const containers = [
            { name: "init", image: "docker.io/library/buildpack-deps" },
            {
                ...{ name: "app", image: "shop:main", digest: digests.old, newerDigest: digests.next },
                ...{ imageAgeDays: 40.5, findings: { LOW: 3, INFORMATIONAL: 1, HIGH: 2, MEDIUM: 0, CRITICAL: 1 } },
            },
            { name: "envoy", image: "envoyproxy/envoy", digest: digests.next },
        ];
        const told = patchesText(
            "patching",
            report(
                [
                    task("aaaaaaaa", { status: "NON_COMPLIANT", containers, reasons: [found] }),
                    task("bbbbbbbb", {
                        ...{ status: "NON_COMPLIANT", isOverdue: true, containers: [] },
                        reasons: [
                            found,
                            { ...found, blocked },
                            { reason: "TaskAge", detail: "more than 30 days old from then on", by: at },
                        ],
                    }),
                    task("cccccccc", { service: undefined, next: undefined, containers: [], reasons: [retired] }),
                ],
                {
                    window: { ...window, isOpen: true, failed: ["api", "web"] },
                    redeployments: { web: "2030-03-01T11:55:00.000Z" },
                    retirements: [{ id: "event-1", at: "2030-03-04T00:00:00.000Z" }],
                },
            ),
            undefined,
            now,
        );
        expect(told).to.deep.equal([
            "patching: 3 tasks, 2 not compliant, 1 overdue; looked 3 min ago",
            "  window open since 2030-03-03 02:00 UTC, begins until 2030-03-03 05:00 UTC, closes 2030-03-03 06:00 UTC",
            "  failed in the last one: api, web",
            "  web is redeployed since 2030-03-01 11:55 UTC",
            "  Fargate retires from 2030-03-04 00:00 UTC on: event-1",
            "  TASK      SERVICE  AGE  PLATFORM  NEXT                  STATUS         CONTAINER  IMAGE         NEWER         PUSHED  FINDINGS",
            "  aaaaaaaa  web      1 d  1.4.0     2030-03-03 02:00 UTC  not compliant  app        0123456789ab  fedcba987654  40.5 d  1 CRITICAL, 2 HIGH, 3 LOW, 1 INFORMATIONAL",
            "                                                                         envoy      fedcba987654",
            "  bbbbbbbb  web      1 d  1.4.0     2030-03-03 02:00 UTC  overdue",
            "  cccccccc           1 d  1.4.0                           compliant",
            "  aaaaaaaa bbbbbbbb: Findings of app, 1 CRITICAL, 2 HIGH",
            "  bbbbbbbb: Findings of app, 1 CRITICAL, 2 HIGH; its tag names no newer image: push a new one",
            "  bbbbbbbb: TaskAge, more than 30 days old from then on, by 2030-03-01 12:00 UTC",
            "  cccccccc: Retirement, event-1, by 2030-03-04 00:00 UTC",
        ]);
    });

    it("tells of no task, of windows that are over", () => {
        expect(
            patchesText("patching", report([], { window: { isOpen: false, failed: [] } }), undefined, now),
        ).to.deep.equal(["patching: no task runs; looked 3 min ago", "  no window opens any more"]);
    });

    it("never goes beyond the terminal", () => {
        const lines = patchesText("patching", report([task("aaaaaaaa")]), 40, now);
        expect(lines.map(({ length }) => length)).to.deep.equal([40, 40, 40, 40]);
        expect(lines[0]).to.equal("patching: 1 task, all compliant; looked…");
    });
});
