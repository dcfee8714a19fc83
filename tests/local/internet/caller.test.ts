import type { ECSClient, RunTaskCommand } from "@aws-sdk/client-ecs";
import { expect } from "chai";

import { runTasks } from "../../../local/internet/caller";

describe("tasks that a caller starts", () => {
    const outputs = { runTaskInput: '{"cluster":"c","taskDefinition":"t"}' } as Parameters<
        typeof runTasks
    >[0]["outputs"];

    /** An ECS that starts what it is asked for, `most` tasks in all; with what each request asked for. */
    function ecsOf(most = Infinity) {
        const asked: (number | undefined)[] = [];
        let started = 0;
        const send = ({ input: { count = 1 } }: RunTaskCommand) => {
            asked.push(count);
            const tasks = Array.from({ length: Math.min(count, most - started) }, () => ({ taskArn: `t${started++}` }));
            return Promise.resolve({
                tasks,
                failures: tasks.length < count ? [{ reason: "Capacity is unavailable" }] : [],
            });
        };
        return { ecs: { send } as unknown as ECSClient, asked };
    }

    it("are asked for by ten, which is what one RunTask starts at most", async () => {
        const { ecs, asked } = ecsOf();
        const taskArns = await runTasks({ ecs, outputs }, 25);
        expect(asked).to.deep.equal([10, 10, 5]);
        expect(taskArns).to.deep.equal(Array.from({ length: 25 }, (_, number) => `t${number}`));
    });

    it("are counted when ECS starts fewer, with its reason", async () => {
        const { ecs } = ecsOf(13);
        const error = await runTasks({ ecs, outputs }, 25).catch((thrown: Error) => thrown);
        expect((error as Error).message).to.equal(
            'RunTask started 13 of 25 tasks: [{"reason":"Capacity is unavailable"}]',
        );
    });
});
