import type { Task } from "@aws-sdk/client-ecs";
import type { Target } from "@aws-sdk/client-eventbridge";
import { expect } from "chai";

import { targetInput, taskStateChange } from "../../../../local/aws/events/overlay";

const task: Task = {
    taskArn: "arn:aws:ecs:eu-west-1:111122223333:task/web/0123",
    clusterArn: "arn:aws:ecs:eu-west-1:111122223333:cluster/web",
    lastStatus: "RUNNING",
    desiredStatus: "RUNNING",
    healthStatus: "HEALTHY",
    version: 3,
    createdAt: new Date("2026-11-22T04:00:00.500Z"),
    tags: [{ key: "tenant", value: "a" }],
    attachments: [{ id: "attachment-1", type: "ElasticNetworkInterface", status: "ATTACHED", details: [] }],
    containers: [
        { name: "app", lastStatus: "RUNNING", healthStatus: "HEALTHY", memory: "256", networkBindings: [], cpu: "0" },
    ],
};

const event = taskStateChange({ accountId: "111122223333", region: "eu-west-1" }, task);

describe("the events of ECS", () => {
    it("show less than DescribeTasks: no tags, no health; times as text, the attachment's type as eni", () => {
        expect(event).to.deep.equal({
            version: "0",
            id: event.id,
            "detail-type": "ECS Task State Change",
            source: "aws.ecs",
            account: "111122223333",
            time: event.time,
            region: "eu-west-1",
            resources: ["arn:aws:ecs:eu-west-1:111122223333:task/web/0123"],
            detail: {
                taskArn: "arn:aws:ecs:eu-west-1:111122223333:task/web/0123",
                clusterArn: "arn:aws:ecs:eu-west-1:111122223333:cluster/web",
                lastStatus: "RUNNING",
                desiredStatus: "RUNNING",
                version: 3,
                createdAt: "2026-11-22T04:00:00.500Z",
                attachments: [{ id: "attachment-1", type: "eni", status: "ATTACHED", details: [] }],
                containers: [{ name: "app", lastStatus: "RUNNING", cpu: "0" }],
                updatedAt: (event.detail as { readonly updatedAt: string }).updatedAt,
            },
        });
        expect(event.time).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    });

    it("are snapshots", () => {
        const changing = { ...task, lastStatus: "PENDING" };
        const before = taskStateChange({ accountId: "111122223333", region: "eu-west-1" }, changing);
        changing.lastStatus = "RUNNING";

        expect(before.detail).to.include({ lastStatus: "PENDING" });
    });
});

describe("the input of a rule's target", () => {
    const rule = { Name: "changes", Arn: "arn:aws:events:eu-west-1:111122223333:rule/changes" };
    const input = (target: Partial<Target>) => targetInput({ Id: "1", Arn: "x", ...target }, event, rule);

    it("is the event", () => {
        expect(JSON.parse(input({}))).to.deep.equal(event);
    });

    it("is a constant", () => {
        expect(input({ Input: '{"fixed":1}' })).to.equal('{"fixed":1}');
    });

    it("is a part of the event", () => {
        expect(input({ InputPath: "$.detail.containers[0].name" })).to.equal('"app"');
    });

    it("is what the template makes of it: strings, numbers and objects as JSON, and inside a string as text", () => {
        const InputPathsMap = {
            arn: "$.detail.taskArn",
            version: "$.detail.version",
            attachment: "$.detail.attachments[0]",
            none: "$.detail.nothing",
        };
        const made = input({
            InputTransformer: {
                InputPathsMap,
                InputTemplate:
                    '{"arn":<arn>,"version":<version>,"attachment":<attachment>,"text":"<version> of <arn>","none":<none>,"rule":<aws.events.rule-name>}',
            },
        });

        expect(JSON.parse(made)).to.deep.equal({
            arn: task.taskArn,
            version: 3,
            attachment: { id: "attachment-1", type: "eni", status: "ATTACHED", details: [] },
            text: `3 of ${task.taskArn}`,
            none: "",
            rule: "changes",
        });
        expect(input({ InputTransformer: { InputPathsMap, InputTemplate: "task <arn>, <unknown>" } })).to.equal(
            `task ${task.taskArn}, <unknown>`,
        );
    });
});
