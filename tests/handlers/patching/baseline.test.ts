import { expect } from "chai";

import {
    type Baseline,
    type ContainerSight,
    duesOf,
    type Retirement,
    type TaskSight,
} from "../../../handlers/patching/baseline";

const DAY = 86_400_000;
const now = Date.parse("2026-05-01T00:00:00Z");
const [one, other] = ["1", "2"].map((digit) => `sha256:${digit.repeat(64)}`);
const baseline: Baseline = { maxTaskAge: 30, newerImages: false };
const task: TaskSight = {
    taskArn: "arn:aws:ecs:eu-west-1:111122223333:task/apps/1",
    service: "web",
    startedAt: now - DAY,
    resolvedAt: now - DAY,
    platformVersion: "1.4.0",
    containers: [],
};
const app: ContainerSight = {
    name: "app",
    image: "111122223333.dkr.ecr.eu-west-1.amazonaws.com/web:main",
    digest: one,
    pushedAt: now - 100 * DAY,
    findings: { HIGH: 2, LOW: 7, CRITICAL: 0 },
    tagged: { digest: one, pushedAt: now - 100 * DAY },
};
const newer = { tagged: { digest: other, pushedAt: now - DAY / 2 } };
const age = { reason: "TaskAge", detail: "more than 30 days old from then on", by: now + 29 * DAY };
const unbuilt = { blocked: "its tag names no newer image: push a new one" };

describe("what is held against a task", () => {
    const dues = (changes: Partial<Baseline>, container: Partial<ContainerSight> = {}, of: Partial<TaskSight> = {}) =>
        duesOf({ ...task, ...of, containers: [{ ...app, ...container }] }, { ...baseline, ...changes }, [], now);

    it("is its age, by a day that is known from its start", () => {
        expect(dues({})).to.deep.equal([age]);
    });

    it("is a newer image under its tag, if that counts", () => {
        expect(dues({}, newer)).to.deep.equal([age]);
        expect(dues({ newerImages: true })).to.deep.equal([age]);
        expect(dues({ newerImages: true }, newer)).to.deep.equal([
            { container: "app", reason: "NewerImage", detail: "its tag names another image" },
            age,
        ]);
    });

    it("is no other digest that was there when its deployment looked the tag up: that is another platform's", () => {
        const older = { tagged: { digest: other, pushedAt: now - 2 * DAY } };
        expect(dues({ newerImages: true }, older)).to.deep.equal([age]);
        // A task that was added later runs what its deployment found.
        expect(dues({ newerImages: true }, older, { resolvedAt: now - 3 * DAY })).to.have.length(2);
    });

    it("is a finding of the severity or a worse one; another task of the same image would have it, too", () => {
        expect(dues({ findingSeverity: "CRITICAL" })).to.deep.equal([age]);
        expect(dues({ findingSeverity: "HIGH" })).to.deep.equal([
            { container: "app", ...unbuilt, reason: "Findings", detail: "2 HIGH" },
            age,
        ]);
        expect(dues({ findingSeverity: "LOW" }, newer)).to.deep.equal([
            { container: "app", reason: "Findings", detail: "2 HIGH, 7 LOW" },
            age,
        ]);
        expect(dues({ findingSeverity: "LOW" }, { findings: undefined })).to.deep.equal([age]);
    });

    it("is its image's age", () => {
        expect(dues({ maxImageAge: 101 })).to.deep.equal([age]);
        expect(dues({ maxImageAge: 100 })).to.deep.equal([
            { container: "app", ...unbuilt, reason: "ImageAge", detail: "pushed more than 100 days ago" },
            age,
        ]);
    });

    it("is an older platform version, part by part", () => {
        const of = (platformVersion: string, minimumPlatformVersion: string) =>
            dues({ minimumPlatformVersion }, {}, { platformVersion }).length - 1;
        const older = [
            ["1.3.0", "1.4.0"],
            ["1.9.0", "1.10.0"],
            ["1.4", "1.4.1"],
            ["0.9.9", "1.0.0"],
        ];
        const fine = [
            ["1.4.0", "1.4.0"],
            ["1.10.0", "1.9.0"],
            ["2.0.0", "1.4.0"],
            ["1.4.1", "1.4"],
        ];
        expect(older.map(([version, minimum]) => of(version, minimum))).to.deep.equal([1, 1, 1, 1]);
        expect(fine.map(([version, minimum]) => of(version, minimum))).to.deep.equal([0, 0, 0, 0]);
        const pinned = { platformVersion: "1.3.0", pinnedPlatformVersion: "1.3.0" };
        expect(dues({ minimumPlatformVersion: "1.4.0" }, {}, pinned)[0]).to.deep.equal({
            reason: "PlatformVersion",
            detail: "1.3.0 is older than 1.4.0",
            blocked: "its service asks for 1.3.0: change that",
        });
    });

    it("is a retirement, of its service or of itself, if it was started before the notice", () => {
        const at = now + 7 * DAY;
        const notice: Retirement = { id: "n", at, toldAt: now, services: ["web"], taskArns: [] };
        const of = (retirement: Partial<Retirement>, startedAt = task.startedAt) =>
            duesOf({ ...task, startedAt }, baseline, [{ ...notice, ...retirement }], now).length - 1;
        expect(duesOf(task, baseline, [notice], now)[0]).to.deep.equal({ reason: "Retirement", detail: "n", by: at });
        expect([of({}), of({ services: ["api"] }), of({}, now)]).to.deep.equal([1, 0, 0]);
        expect(of({ services: [], taskArns: [task.taskArn] })).to.equal(1);
    });
});
