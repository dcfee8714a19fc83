import { expect } from "chai";
import fc from "fast-check";

import { noteOf, tableOf, TaskLine, taskLines } from "../../../local/commands/taskTable";
import { age } from "../../../local/commands/values";
import type { Caller } from "../../../local/internet/caller";

const now = new Date("2026-03-01T12:00:00Z");

function task(status: string, seconds: number, more: Partial<TaskLine> = {}): TaskLine {
    return {
        id: "0123456789abcdef0123456789abcdef",
        region: "eu-west-1",
        status,
        since: new Date(now.getTime() - seconds * 1000),
        health: undefined,
        url: "https://0123456789abcdef0123456789abcdef.eu-west-1.tasks.example.test:8443/",
        address: undefined,
        note: "",
        ...more,
    };
}

describe("the table of tasks", () => {
    it("is empty once the stack has been destroyed, and its cluster with it; what else is wrong is told", async () => {
        const callerWhere = (name: string) => {
            const send = () => Promise.reject(Object.assign(new Error("no"), { name }));
            return { ecs: { send }, outputs: { clusterArn: "cluster" } } as unknown as Caller;
        };
        expect(await taskLines([callerWhere("ClusterNotFoundException")])).to.deep.equal([]);
        const denied = await taskLines([callerWhere("AccessDeniedException")]).catch((error: Error) => error.name);
        expect(denied).to.equal("AccessDeniedException");
    });

    it("has a line a task, with short ids where whole ones do not fit", () => {
        const tasks = [
            task("STOPPED", 30, { note: "Essential container in task exited; app: exit code 1" }),
            task("RUNNING", 200, { health: "HEALTHY", address: "127.1.0.2" }),
        ];
        expect(tableOf(tasks, { columns: 80, now })).to.deep.equal([
            "TASK      STATUS   FOR    HEALTH   ADDRESS",
            "01234567  RUNNING  3 min  healthy  127.1.0.2",
            "01234567  STOPPED  30 s                       Essential container in task exite…",
        ]);
        expect(tableOf(tasks, { columns: 130, now })[1]).to.equal(
            "0123456789abcdef0123456789abcdef  RUNNING  3 min  healthy  127.1.0.2",
        );
    });

    it("leaves out what stopped long ago, and what has no room, and says so", () => {
        const tasks = [
            ...Array.from({ length: 30 }, () => task("RUNNING", 5, { address: "127.1.0.2" })),
            task("STOPPED", 61),
            task("STOPPED", 59),
        ];
        const lines = tableOf(tasks, { columns: 80, rows: 12, stoppedFor: 60, now });
        expect(lines).to.have.length(12);
        expect(lines.at(-1)).to.equal("… and 21 more, 1 stopped earlier");
        expect(tableOf(tasks, { stoppedFor: 60, now })).to.have.length(1 + 31 + 1);
    });

    it("says that there are none", () => {
        expect(tableOf([])).to.deep.equal(["no tasks"]);
        expect(tableOf([task("STOPPED", 90)], { stoppedFor: 60, now, rows: 10 })).to.deep.equal([
            "TASK  STATUS  FOR",
            "… and 1 stopped earlier",
        ]);
    });

    it("never goes beyond the terminal, whatever the tasks are", () => {
        const someTask = fc.record({
            status: fc.constantFrom("PROVISIONING", "PENDING", "RUNNING", "DEPROVISIONING", "STOPPED"),
            seconds: fc.nat(1_000_000),
            note: fc.string({ maxLength: 200 }).map((text) => text.replace(/\s/g, " ")),
            address: fc.constantFrom(undefined, "127.1.0.2"),
        });
        fc.assert(
            fc.property(
                fc.array(someTask, { maxLength: 40, size: "max" }),
                fc.integer({ min: 20, max: 200 }),
                fc.integer({ min: 3, max: 50 }),
                (given, columns, rows) => {
                    const tasks = given.map(({ status, seconds, ...more }) => task(status, seconds, more));
                    const lines = tableOf(tasks, { columns, rows, stoppedFor: 60, now });
                    expect(lines.length).to.be.at.most(rows);
                    lines.forEach((line) => expect(line.length).to.be.at.most(columns));
                },
            ),
        );
    });
});

describe("what is noted of a task", () => {
    const containers = [
        { name: "app", lastStatus: "RUNNING" },
        { name: "envoy", lastStatus: "PENDING" },
    ];

    it("is what it waits for", () => {
        expect(noteOf({ lastStatus: "PENDING", desiredStatus: "RUNNING", containers }, undefined)).to.equal(
            "waits for envoy",
        );
        expect(noteOf({ lastStatus: "RUNNING", desiredStatus: "RUNNING" }, undefined)).to.equal(
            "waits for its name in DNS",
        );
        expect(noteOf({ lastStatus: "RUNNING", desiredStatus: "RUNNING" }, "127.1.0.2")).to.equal("");
    });

    it("is why it stopped, with the containers that failed", () => {
        const stopped = {
            lastStatus: "STOPPED",
            desiredStatus: "STOPPED",
            stoppedReason: "Essential container in task exited",
            containers: [
                { name: "app", exitCode: 137, reason: "OutOfMemoryError: Container killed due to memory usage" },
                { name: "helper", exitCode: 3 },
                { name: "envoy", exitCode: 0 },
            ],
        };
        expect(noteOf(stopped, undefined)).to.equal(
            "Essential container in task exited; app: OutOfMemoryError: Container killed due to memory usage; helper: exit code 3",
        );
    });
});

describe("an age", () => {
    it("is told in the largest unit that it fills", () => {
        const ago = (seconds: number) => age(new Date(now.getTime() - seconds * 1000), now);
        expect([0, 59, 60, 3599, 3600, 86_399, 86_400, 864_000].map(ago)).to.deep.equal([
            ...["0 s", "59 s", "1 min", "59 min", "1 h", "23 h", "1 d", "10 d"],
        ]);
        expect(ago(-5)).to.equal("0 s");
        expect(age(undefined)).to.equal("");
    });
});
