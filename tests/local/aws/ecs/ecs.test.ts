import { DescribeNetworkInterfacesCommand } from "@aws-sdk/client-ec2";
import * as ecs from "@aws-sdk/client-ecs";
import { expect } from "chai";

import { network, script, startLocalEcs } from "../../../support/localEcs";
import type { LocalEcs } from "../../../support/localEcs";
import { until } from "../../../support/until";

const sleeps = "trap 'exit 0' TERM; sleep 60 & wait";

async function refusal(promise: Promise<unknown>): Promise<string> {
    return promise.then(
        () => "accepted",
        (error: Error) => `${error.name}: ${error.message}`,
    );
}

describe("the local ECS", () => {
    let local: LocalEcs;
    const app = script("app", sleeps);

    before(async () => {
        local = await startLocalEcs();
    });
    after(() => local.stop());

    describe("task definitions", () => {
        const register = (more: Partial<ecs.RegisterTaskDefinitionCommandInput>) =>
            local.client.send(
                new ecs.RegisterTaskDefinitionCommand({
                    family: "checked",
                    networkMode: "awsvpc",
                    requiresCompatibilities: ["FARGATE"],
                    cpu: "256",
                    memory: "512",
                    containerDefinitions: [app],
                    ...more,
                }),
            );

        it("get a revision each; the family's name means the latest active one", async () => {
            const [one, two] = [await register({ family: "counted" }), await register({ family: "counted" })];
            const describe = async (taskDefinition: string) =>
                (await local.client.send(new ecs.DescribeTaskDefinitionCommand({ taskDefinition }))).taskDefinition!;

            expect([one, two].map(({ taskDefinition }) => taskDefinition!.taskDefinitionArn)).to.deep.equal([
                "arn:aws:ecs:eu-west-1:111122223333:task-definition/counted:1",
                "arn:aws:ecs:eu-west-1:111122223333:task-definition/counted:2",
            ]);
            expect((await describe("counted")).revision).to.equal(2);
            await local.client.send(new ecs.DeregisterTaskDefinitionCommand({ taskDefinition: "counted:2" }));
            expect((await describe("counted")).revision).to.equal(1);
            expect((await describe("counted:2")).status).to.equal("INACTIVE");
            expect(
                (await local.client.send(new ecs.ListTaskDefinitionsCommand({ familyPrefix: "counted" })))
                    .taskDefinitionArns,
            ).to.deep.equal(["arn:aws:ecs:eu-west-1:111122223333:task-definition/counted:1"]);
        });

        it("have sizes in units, whatever words they are given in", async () => {
            const { taskDefinition } = await register({ cpu: ".5 vCPU", memory: "1 GB" });

            expect(taskDefinition).to.include({ cpu: "512", memory: "1024" });
        });

        const refusals: readonly [string, Partial<ecs.RegisterTaskDefinitionCommandInput>, string][] = [
            [
                "sizes Fargate does not have",
                { cpu: "256", memory: "4096" },
                "No Fargate configuration exists for given values: 256 CPU, 4096 memory. See the Amazon ECS documentation for the valid values.",
            ],
            ["a missing size", { cpu: undefined }, "Fargate requires that 'cpu' be defined at the task level."],
            ["other networks", { networkMode: "bridge" }, "Fargate only supports network mode ‘awsvpc’."],
            ["no containers", { containerDefinitions: [] }, "Container list cannot be empty."],
            [
                "no essential container",
                { containerDefinitions: [{ ...app, essential: false }] },
                "At least one container in the task definition must be essential.",
            ],
            ["two containers of a name", { containerDefinitions: [app, app] }, "Duplicate container name 'app'."],
            [
                "secrets nobody may read",
                { containerDefinitions: [{ ...app, secrets: [{ name: "A", valueFrom: "/a" }] }] },
                "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
            ],
            [
                "host ports of their own",
                { containerDefinitions: [{ ...app, portMappings: [{ containerPort: 80, hostPort: 8080 }] }] },
                "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
            ],
            [
                "cycles",
                {
                    containerDefinitions: [
                        { ...app, dependsOn: [{ containerName: "b", condition: "START" }] },
                        script("b", sleeps, { dependsOn: [{ containerName: "app", condition: "START" }] }),
                    ],
                },
                "Task definition contains a dependency cycle: app -> b -> app.",
            ],
            [
                "waiting for the health of a container without a check",
                {
                    containerDefinitions: [
                        app,
                        script("b", sleeps, { dependsOn: [{ containerName: "app", condition: "HEALTHY" }] }),
                    ],
                },
                "Container 'b' depends on 'app' being HEALTHY, which has no health check.",
            ],
            [
                "containers that ask for more than the task",
                { containerDefinitions: [{ ...app, memory: 513 }] },
                "The containers ask for 0 CPU and 513 MiB of memory together, the task has 256 CPU and 512 MiB.",
            ],
            [
                "too long a stopTimeout",
                { containerDefinitions: [{ ...app, stopTimeout: 121 }] },
                "stopTimeout of container 'app' is 121: it must be between 0 and 120.",
            ],
        ];
        for (const [what, input, message] of refusals) {
            it(`refuse ${what}`, async () => {
                expect(await refusal(register(input))).to.equal(`ClientException: ${message}`);
            });
        }
    });

    describe("RunTask", () => {
        const run = async (more: Partial<ecs.RunTaskCommandInput>) =>
            local.client.send(
                new ecs.RunTaskCommand({
                    cluster: "test",
                    taskDefinition: await local.define(app),
                    launchType: "FARGATE",
                    networkConfiguration: network,
                    ...more,
                }),
            );

        it("refuses what AWS refuses", async () => {
            expect(await refusal(run({ cluster: "other" }))).to.equal("ClusterNotFoundException: Cluster not found.");
            expect(await refusal(run({ taskDefinition: "other" }))).to.equal(
                "InvalidParameterException: TaskDefinition not found.",
            );
            expect(await refusal(run({ networkConfiguration: undefined }))).to.equal(
                "InvalidParameterException: Network Configuration must be provided when networkMode 'awsvpc' is specified.",
            );
            expect(await refusal(run({ launchType: undefined }))).to.equal(
                "InvalidParameterException: No Container Instances were found in your cluster.",
            );
            expect(await refusal(run({ count: 11 }))).to.equal(
                "InvalidParameterException: count is 11: RunTask starts between 1 and 10 tasks.",
            );
            expect(await refusal(run({ overrides: { containerOverrides: [{ name: "b" }] } }))).to.equal(
                "InvalidParameterException: Override for container named b is not a container in the TaskDefinition.",
            );
        });

        it("starts a task once for a client token", async () => {
            const clientToken = "token-1";
            const [first, second] = [await run({ clientToken }), await run({ clientToken })];

            expect(second.tasks![0].taskArn).to.equal(first.tasks![0].taskArn);
        });

        it("applies overrides and tags, and runs on a capacity provider", async () => {
            const { tasks } = await run({
                taskDefinition: await local.define(
                    script("app", `echo "$GREETING"; ${sleeps}`, {
                        environment: [{ name: "GREETING", value: "hello" }],
                    }),
                ),
                launchType: undefined,
                capacityProviderStrategy: [{ capacityProvider: "FARGATE", weight: 1 }],
                overrides: { containerOverrides: [{ name: "app", environment: [{ name: "GREETING", value: "bye" }] }] },
                tags: [{ key: "tenant", value: "a" }],
                startedBy: "launcher",
            });
            const taskArn = tasks![0].taskArn!;
            const running = await local.reaches(taskArn, "RUNNING");

            await until("it has spoken", () => local.log(taskArn, "app").includes("\n"));
            expect(local.log(taskArn, "app")).to.equal("bye\n");
            expect(running).to.include({
                capacityProviderName: "FARGATE",
                launchType: "FARGATE",
                startedBy: "launcher",
            });
            expect(running.tags).to.deep.equal([{ key: "tenant", value: "a" }]);
        });
    });

    describe("tasks", () => {
        it("are listed by family and desired status, page by page", async () => {
            const taskDefinition = await local.define(app);
            const family = taskDefinition.split("/")[1].split(":")[0];
            const { tasks } = await local.client.send(
                new ecs.RunTaskCommand({
                    cluster: "test",
                    taskDefinition,
                    count: 3,
                    launchType: "FARGATE",
                    networkConfiguration: network,
                }),
            );
            const arns = tasks!.map(({ taskArn }) => taskArn!);
            const list = (more: object) =>
                local.client.send(new ecs.ListTasksCommand({ cluster: "test", family, ...more }));
            const first = await list({ maxResults: 2 });
            const second = await list({ maxResults: 2, nextToken: first.nextToken });

            expect([...first.taskArns!, ...second.taskArns!]).to.deep.equal(arns);
            expect(second.nextToken).to.equal(undefined);
            await local.client.send(new ecs.StopTaskCommand({ cluster: "test", task: arns[0] }));
            expect((await list({ desiredStatus: "STOPPED" })).taskArns).to.deep.equal([arns[0]]);
            expect((await list({})).taskArns).to.deep.equal(arns.slice(1));
        });

        it("that are unknown are MISSING, and cannot be stopped", async () => {
            const described = await local.client.send(
                new ecs.DescribeTasksCommand({ cluster: "test", tasks: ["0123"] }),
            );

            expect(described.tasks).to.deep.equal([]);
            expect(described.failures).to.deep.equal([
                { arn: "arn:aws:ecs:eu-west-1:111122223333:task/test/0123", reason: "MISSING" },
            ]);
            expect(
                await refusal(local.client.send(new ecs.StopTaskCommand({ cluster: "test", task: "0123" }))),
            ).to.equal("InvalidParameterException: The referenced task was not found.");
        });
    });

    it("has no operation it does not say it has", async () => {
        expect(await refusal(local.client.send(new ecs.ListAccountSettingsCommand({})))).to.match(
            /^UnknownOperationException: The local ECS has no ListAccountSettings; it has CreateCluster, /,
        );
    });

    describe("network interfaces", () => {
        const describeInterfaces = (input: object) => local.ec2.send(new DescribeNetworkInterfacesCommand(input));

        it("that are unknown fail the look-up by id, and are left out of the one by filter", async () => {
            expect(await refusal(describeInterfaces({ NetworkInterfaceIds: ["eni-1"] }))).to.equal(
                "InvalidNetworkInterfaceID.NotFound: The networkInterface ID 'eni-1' does not exist",
            );
            expect(
                (await describeInterfaces({ Filters: [{ Name: "network-interface-id", Values: ["eni-1"] }] }))
                    .NetworkInterfaces,
            ).to.deep.equal([]);
        });

        it("come in pages, unless they are asked for by id", async () => {
            await Promise.all(Array.from({ length: 6 }, () => local.run(app)));
            const all = await until("six interfaces", async () => {
                const { NetworkInterfaces } = await describeInterfaces({});
                return NetworkInterfaces!.length >= 6 && NetworkInterfaces;
            });
            const first = await describeInterfaces({ MaxResults: 5 });
            const rest = await describeInterfaces({ MaxResults: 1000, NextToken: first.NextToken });
            const ids = (interfaces: typeof all) => interfaces.map(({ NetworkInterfaceId }) => NetworkInterfaceId!);

            expect(ids([...first.NetworkInterfaces!, ...rest.NetworkInterfaces!])).to.deep.equal(ids(all));
            expect(await refusal(describeInterfaces({ NetworkInterfaceIds: [ids(all)[0]], MaxResults: 5 }))).to.match(
                /^InvalidParameterCombination: /,
            );
        });
    });

    describe("a service", () => {
        const create = async (
            serviceName: string,
            taskDefinition: string,
            more: Partial<ecs.CreateServiceCommandInput> = {},
        ) =>
            local.client.send(
                new ecs.CreateServiceCommand({
                    cluster: "test",
                    serviceName,
                    taskDefinition,
                    desiredCount: 2,
                    launchType: "FARGATE",
                    networkConfiguration: network,
                    ...more,
                }),
            );
        const update = (service: string, input: object) =>
            local.client.send(new ecs.UpdateServiceCommand({ cluster: "test", service, ...input }));
        const describeService = async (name: string) =>
            (await local.client.send(new ecs.DescribeServicesCommand({ cluster: "test", services: [name] })))
                .services![0];
        const steady = (name: string, runningCount: number) =>
            until(`${name} is steady with ${runningCount}`, async () => {
                const service = await describeService(name);
                const [deployment, ...others] = service.deployments!;
                return (
                    service.runningCount === runningCount &&
                    service.pendingCount === 0 &&
                    others.length === 0 &&
                    deployment.rolloutState === "COMPLETED" &&
                    service
                );
            });
        const tasksOf = async (serviceName: string) =>
            (await local.client.send(new ecs.ListTasksCommand({ cluster: "test", serviceName }))).taskArns!;

        it("keeps its desired count, and follows it up and down", async () => {
            await create("kept", await local.define(app));
            await steady("kept", 2);
            const [first, second] = await tasksOf("kept");
            await local.client.send(new ecs.StopTaskCommand({ cluster: "test", task: first }));
            await local.reaches(first, "STOPPED");
            await steady("kept", 2);

            const tasks = await tasksOf("kept");
            expect(tasks).to.include(second).and.not.include(first);
            await update("kept", { desiredCount: 3 });
            await steady("kept", 3);
            await update("kept", { desiredCount: 0 });
            await steady("kept", 0);
            expect((await describeService("kept")).events![0].message).to.equal(
                "(service kept) has reached a steady state.",
            );
        });

        it("rolls a new task definition out without ever running fewer than it should", async () => {
            await create("rolled", await local.define(app));
            await steady("rolled", 2);
            const before = await tasksOf("rolled");
            const counts: number[] = [];
            const taskDefinition = await local.define(app);
            await update("rolled", { taskDefinition });
            await until("the old tasks are gone", async () => {
                counts.push((await describeService("rolled")).runningCount!);
                const now = await tasksOf("rolled");
                return !before.some((arn) => now.includes(arn));
            });
            const service = await steady("rolled", 2);

            expect(Math.min(...counts)).to.be.at.least(2);
            expect(service.taskDefinition).to.equal(taskDefinition);
            const { tasks } = await local.client.send(
                new ecs.DescribeTasksCommand({ cluster: "test", tasks: await tasksOf("rolled") }),
            );
            expect(tasks!.map((task) => [task.taskDefinitionArn, task.group, task.startedBy])).to.deep.equal(
                [1, 2].map(() => [taskDefinition, "service:rolled", service.deployments![0].id]),
            );
        });

        it("tries again, later and later, when its tasks fail", async () => {
            await create("failing", await local.define({ name: "app", image: "nginx" }), { desiredCount: 1 });
            const service = await until("two tasks have failed", async () => {
                const described = await describeService("failing");
                return described.deployments![0].failedTasks! >= 2 && described;
            });

            expect(service.events![0].message).to.match(
                /^\(service failing\) was unable to keep a task running: CannotPull/,
            );
            expect(service.deployments![0].rolloutState).to.equal("IN_PROGRESS");
        });

        it("replaces a task that becomes unhealthy", async () => {
            const check = { command: ["CMD-SHELL", "test ! -e /shared/ill"], interval: 5, retries: 1 };
            const mountPoints = [{ sourceVolume: "shared", containerPath: "/shared" }];
            await create(
                "checked",
                await local.define(
                    script("app", `(sleep 1; touch /shared/ill) & ${sleeps}`, { healthCheck: check, mountPoints }),
                ),
                { desiredCount: 1 },
            );
            await steady("checked", 1);
            const [ill] = await tasksOf("checked");
            const stopped = await local.reaches(ill, "STOPPED");

            expect(stopped).to.include({
                stopCode: "ServiceSchedulerInitiated",
                stoppedReason: "Task failed container health checks",
            });
            expect(await tasksOf("checked"))
                .to.have.lengthOf(1)
                .and.not.include(ill);
        });

        it("is deleted when it is scaled to 0, or by force", async () => {
            await create("deleted", await local.define(app));
            const remove = (force: boolean) =>
                local.client.send(new ecs.DeleteServiceCommand({ cluster: "test", service: "deleted", force }));

            expect(await refusal(remove(false))).to.equal(
                "InvalidParameterException: The service cannot be stopped while it is scaled above 0.",
            );
            expect((await remove(true)).service!.status).to.equal("DRAINING");
            await until("it is INACTIVE", async () => (await describeService("deleted")).status === "INACTIVE");
            expect(await refusal(update("deleted", { desiredCount: 1 }))).to.equal(
                "ServiceNotActiveException: Service was not ACTIVE.",
            );
            expect(await refusal(update("unknown", { desiredCount: 1 }))).to.equal(
                "ServiceNotFoundException: Service not found.",
            );
        });
    });

    it("shows a task as it was, when reads are behind: at first as one that is MISSING", async () => {
        const later: (() => void)[] = [];
        const behind = await startLocalEcs(undefined, {
            shown: () => new Promise<void>((resolve) => later.push(resolve)),
        });
        try {
            const taskArn = await behind.run(app);
            const look = async () => {
                const { tasks = [], failures = [] } = await behind.client.send(
                    new ecs.DescribeTasksCommand({ cluster: "test", tasks: [taskArn] }),
                );
                const { taskArns = [] } = await behind.client.send(new ecs.ListTasksCommand({ cluster: "test" }));
                return [tasks[0]?.lastStatus ?? failures[0].reason, taskArns.length];
            };
            await until("its first changes have happened", () => Promise.resolve(behind.walk(taskArn).length >= 2));
            expect(await look()).to.deep.equal(["MISSING", 0]);
            later.shift()!();
            expect(await look()).to.deep.equal(["PROVISIONING", 1]);
            later.shift()!();
            expect(await look()).to.deep.equal(["PENDING", 1]);
        } finally {
            await behind.stop();
        }
    });

    it("deletes a cluster only when nothing runs in it", async () => {
        await local.run(app);

        expect(await refusal(local.client.send(new ecs.DeleteClusterCommand({ cluster: "test" })))).to.match(
            /^ClusterContains(Tasks|Services)Exception: The Cluster cannot be deleted while /,
        );
        await local.client.send(new ecs.CreateClusterCommand({ clusterName: "empty" }));
        const { cluster } = await local.client.send(new ecs.DeleteClusterCommand({ cluster: "empty" }));
        expect(cluster!.status).to.equal("INACTIVE");
    });
});
