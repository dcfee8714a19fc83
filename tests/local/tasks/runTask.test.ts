import { DescribeNetworkInterfacesCommand } from "@aws-sdk/client-ec2";
import { StopTaskCommand } from "@aws-sdk/client-ecs";
import { expect } from "chai";

import { script, startLocalEcs } from "../../support/localEcs";
import type { LocalEcs } from "../../support/localEcs";
import { until } from "../../support/until";

const sleeps = "trap 'exit 0' TERM; echo ready; sleep 60 & wait";

describe("a task of the local ECS", () => {
    let local: LocalEcs;

    before(async () => {
        local = await startLocalEcs();
    });
    after(() => local.stop());

    const stop = (task: string, reason?: string) =>
        local.client.send(new StopTaskCommand({ cluster: "test", task, reason }));

    it("walks through the states of its life, each a version and an event", async () => {
        const taskArn = await local.run(script("app", sleeps));
        const running = await local.reaches(taskArn, "RUNNING");
        await until("it has set its trap", () => local.log(taskArn, "app").includes("ready"));
        const { task: stopping } = await stop(taskArn, "enough");
        const stopped = await local.reaches(taskArn, "STOPPED");

        expect(local.walk(taskArn)).to.deep.equal([
            [1, "PROVISIONING", "RUNNING"],
            [2, "PENDING", "RUNNING"],
            [3, "RUNNING", "RUNNING"],
            [4, "RUNNING", "STOPPED"],
            [5, "DEPROVISIONING", "STOPPED"],
            [6, "STOPPED", "STOPPED"],
        ]);
        expect(running.version).to.equal(3);
        expect(running.containers!.map(({ lastStatus }) => lastStatus)).to.deep.equal(["RUNNING"]);
        expect(stopping).to.include({ lastStatus: "RUNNING", desiredStatus: "STOPPED", version: 4 });
        expect(stopped).to.include({ stopCode: "UserInitiated", stoppedReason: "enough" });
        expect(stopped.containers![0]).to.include({ lastStatus: "STOPPED", exitCode: 0 });
    });

    it("has a network interface with a public address from PENDING to DEPROVISIONING", async () => {
        const taskArn = await local.run(script("app", sleeps));
        const { attachments, containers } = await local.reaches(taskArn, "RUNNING");
        const details = Object.fromEntries(attachments![0].details!.map(({ name, value }) => [name!, value!]));
        const look = () =>
            local.ec2.send(
                new DescribeNetworkInterfacesCommand({
                    Filters: [{ Name: "network-interface-id", Values: [details.networkInterfaceId, "eni-of-others"] }],
                }),
            );
        const [found] = (await look()).NetworkInterfaces!;

        expect(attachments![0]).to.include({ type: "ElasticNetworkInterface", status: "ATTACHED" });
        expect(details.privateIPv4Address).to.match(/^127\.\d+\.\d+\.\d+$/);
        expect(containers![0].networkInterfaces).to.deep.equal([
            { attachmentId: attachments![0].id, privateIpv4Address: details.privateIPv4Address },
        ]);
        expect(found.Association!.PublicIp).to.equal(details.privateIPv4Address);
        expect(found.SubnetId).to.equal("subnet-1");

        await stop(taskArn);
        const stopped = await local.reaches(taskArn, "STOPPED");
        expect(stopped.attachments![0].status).to.equal("DELETED");
        expect((await look()).NetworkInterfaces).to.deep.equal([]);
    });

    it("gives each container its own environment, its secrets, its host name and where to listen, and nothing else", async () => {
        local.secrets.set("arn:aws:secretsmanager:eu-west-1:111122223333:secret:tls-AbCdEf:privateKey::", "the key");
        const taskArn = await local.run(
            script("app", "env | sort", { essential: false, environment: [{ name: "GREETING", value: "hello" }] }),
            script("envoy", `env | sort; ${sleeps}`, {
                secrets: [
                    {
                        name: "TLS_PRIVATE_KEY",
                        valueFrom: "arn:aws:secretsmanager:eu-west-1:111122223333:secret:tls-AbCdEf:privateKey::",
                    },
                ],
                portMappings: [{ containerPort: 8443 }],
            }),
        );
        const { containers } = await local.reaches(taskArn, "RUNNING");
        const [first, second, high, low] = containers![0].networkInterfaces![0].privateIpv4Address!.split(".");
        const name = `HOSTNAME=ip-${first}-${second}-${high}-${low}.eu-west-1.compute.internal`;
        await until("it has printed it", () => local.log(taskArn, "envoy").includes("ready"));
        await stop(taskArn);
        await local.reaches(taskArn, "STOPPED");
        const environmentOf = (container: string) =>
            local
                .log(taskArn, container)
                .split("\n")
                .filter((line) => /^\w+=/.test(line) && !/^(PATH|PWD|SHLVL|_|OLDPWD)=/.test(line));

        const [app, envoy] = containers!.map(
            ({ runtimeId }) => `ECS_CONTAINER_METADATA_URI_V4=http://169.254.170.2/v4/${runtimeId}`,
        );
        expect(environmentOf("app")).to.deep.equal([
            app,
            "GREETING=hello",
            `HOST=${first}.${second}.${Number(high) + 128}.${low}`,
            name,
        ]);
        expect(environmentOf("envoy")).to.deep.equal([
            envoy,
            `HOST=${first}.${second}.${high}.${low}`,
            name,
            "TLS_PRIVATE_KEY=the key",
        ]);
    });

    it("stops when a secret cannot be read", async () => {
        const taskArn = await local.run(
            script("app", sleeps, { secrets: [{ name: "PASSWORD", valueFrom: "/app/password" }] }),
        );
        const stopped = await local.reaches(taskArn, "STOPPED");

        expect(stopped).to.include({ stopCode: "TaskFailedToStart", stoppedReason: "no secret /app/password" });
        expect(local.walk(taskArn).map(([, lastStatus]) => lastStatus)).to.deep.equal([
            "PROVISIONING",
            "PENDING",
            "DEPROVISIONING",
            "STOPPED",
        ]);
    });

    it("stops when there is no such image", async () => {
        const taskArn = await local.run({ name: "app", image: "nginx:1.29" });
        const stopped = await local.reaches(taskArn, "STOPPED");

        expect(stopped).to.include({
            stopCode: "TaskFailedToStart",
            stoppedReason:
                "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref nginx:1.29: nginx:1.29: not found",
        });
    });

    it("stops when an essential container exits, and shows how", async () => {
        const mountPoints = [{ sourceVolume: "shared", containerPath: "/shared" }];
        const taskArn = await local.run(
            script("app", "until test -e /shared/up; do sleep 0.02; done; exit 3", { mountPoints }),
            script("helper", "trap 'exit 0' TERM; touch /shared/up; sleep 60 & wait", {
                essential: false,
                mountPoints,
            }),
        );
        const stopped = await local.reaches(taskArn, "STOPPED");

        expect(stopped).to.include({
            stopCode: "EssentialContainerExited",
            stoppedReason: "Essential container in task exited",
        });
        expect(stopped.containers!.map(({ exitCode }) => exitCode)).to.deep.equal([3, 0]);
        expect(local.walk(taskArn).at(-2)!.slice(1)).to.deep.equal(["DEPROVISIONING", "STOPPED"]);
    });

    it("starts containers in the order of their dependencies and stops them in the reverse one", async () => {
        const app = (name: string, more: object) =>
            script(
                name,
                `echo "start ${name}" >> /shared/order; trap 'echo "stop ${name}" >> /shared/order; cat /shared/order; exit 0' TERM; sleep 60 & wait`,
                {
                    mountPoints: [{ sourceVolume: "shared", containerPath: "/shared" }],
                    ...more,
                },
            );
        const taskArn = await local.run(
            app("third", { dependsOn: [{ containerName: "second", condition: "HEALTHY" }] }),
            app("second", {
                dependsOn: [{ containerName: "first", condition: "SUCCESS" }],
                healthCheck: { command: ["CMD-SHELL", "true"], interval: 5 },
            }),
            script("first", "echo 'first' >> /shared/order", {
                essential: false,
                mountPoints: [{ sourceVolume: "shared", containerPath: "/shared" }],
            }),
        );
        const running = await local.reaches(taskArn, "RUNNING");
        await stop(taskArn);
        await local.reaches(taskArn, "STOPPED");

        expect(running.healthStatus).to.equal("HEALTHY");
        expect(local.log(taskArn, "second").trim().split("\n")).to.deep.equal([
            "first",
            "start second",
            "start third",
            "stop third",
            "stop second",
        ]);
    });

    it("stops when a dependency fails", async () => {
        const taskArn = await local.run(
            script("init", "exit 1", { essential: false }),
            script("app", sleeps, { dependsOn: [{ containerName: "init", condition: "SUCCESS" }] }),
        );
        const stopped = await local.reaches(taskArn, "STOPPED");

        expect(stopped).to.include({
            stopCode: "TaskFailedToStart",
            stoppedReason: "Dependency init exited with code 1, not with SUCCESS.",
        });
    });

    it("kills a container that does not end within its stopTimeout", async () => {
        const taskArn = await local.run(
            script("app", "trap '' TERM; echo ready; sleep 60 & wait; sleep 60", { stopTimeout: 1 }),
        );
        await local.reaches(taskArn, "RUNNING");
        await until("it has set its trap", () => local.log(taskArn, "app").includes("ready"));
        await stop(taskArn);
        const stopped = await local.reaches(taskArn, "STOPPED");

        expect(stopped.containers![0].exitCode).to.equal(137);
    });

    it("runs a health check at the task's own address", async () => {
        const taskArn = await local.run({
            name: "app",
            image: "public.ecr.aws/docker/traefik/whoami:v1.11",
            command: ["--port", "8080"],
            healthCheck: {
                command: [
                    "CMD",
                    process.execPath,
                    "-e",
                    "fetch('http://localhost:8080/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))",
                ],
                interval: 5,
            },
        });
        await local.reaches(taskArn, "RUNNING");

        const { containers } = await local.healthy(taskArn);
        expect(containers![0].healthStatus).to.equal("HEALTHY");
        await stop(taskArn);
        await local.reaches(taskArn, "STOPPED");
    });
});
