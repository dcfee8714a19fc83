import { request } from "node:http";

import * as ecs from "@aws-sdk/client-ecs";
import { expect } from "chai";

import { answerQuestion } from "../../../../local/internet/dns/answer";
import { network, startLocalEcs } from "../../../support/localEcs";
import type { LocalEcs } from "../../../support/localEcs";
import { until } from "../../../support/until";

/** whoami, with a name that its answers tell. */
function whoami(name: string, more: Partial<ecs.ContainerDefinition> = {}): ecs.ContainerDefinition {
    return {
        name: "app",
        image: "docker.io/traefik/whoami:v1.11.0",
        command: ["--port", "8080", "--name", name],
        portMappings: [{ containerPort: 8080 }],
        stopTimeout: 10,
        ...more,
    };
}

describe("services of the local ECS behind a load balancer", () => {
    let local: LocalEcs;
    let host: string;
    let targetGroupArn: string;

    before(async () => {
        local = await startLocalEcs();
        const { LoadBalancers } = await local.elb.createLoadBalancer({
            Name: "services",
            Subnets: ["subnet-1", "subnet-2"],
        });
        const { TargetGroups } = await local.elb.createTargetGroup({
            Name: "services",
            Protocol: "HTTP",
            Port: 8080,
            TargetType: "ip",
            VpcId: "vpc-1",
            HealthCheckPath: "/health",
            HealthCheckIntervalSeconds: 5,
            HealthCheckTimeoutSeconds: 2,
            UnhealthyThresholdCount: 2,
        });
        targetGroupArn = TargetGroups![0].TargetGroupArn!;
        await local.elb.modifyTargetGroupAttributes({
            TargetGroupArn: targetGroupArn,
            Attributes: [{ Key: "deregistration_delay.timeout_seconds", Value: "5" }],
        });
        await local.elb.createListener({
            LoadBalancerArn: LoadBalancers![0].LoadBalancerArn,
            Protocol: "HTTP",
            Port: 80,
            DefaultActions: [{ Type: "forward", TargetGroupArn: targetGroupArn }],
        });
        host = answerQuestion(local.loadBalancing.zones(), LoadBalancers![0].DNSName!, "A").answers[0].data as string;
    });
    after(() => local.stop());

    async function createService(serviceName: string, taskDefinition: string, more: object = {}): Promise<void> {
        await local.client.send(
            new ecs.CreateServiceCommand({
                cluster: "test",
                serviceName,
                taskDefinition,
                desiredCount: 2,
                launchType: "FARGATE",
                networkConfiguration: network,
                loadBalancers: [{ targetGroupArn, containerName: "app", containerPort: 8080 }],
                healthCheckGracePeriodSeconds: 60,
                deploymentConfiguration: {
                    minimumHealthyPercent: 100,
                    maximumPercent: 200,
                    deploymentCircuitBreaker: { enable: true, rollback: true },
                },
                ...more,
            }),
        );
    }

    async function describeService(serviceName: string): Promise<ecs.Service> {
        const { services } = await local.client.send(
            new ecs.DescribeServicesCommand({ cluster: "test", services: [serviceName] }),
        );
        return services![0];
    }

    const steady = (name: string) =>
        until(`${name} is steady`, async () => {
            const service = await describeService(name);
            const [{ rolloutState }, ...others] = service.deployments!;
            return rolloutState === "COMPLETED" && others.length === 0 && service;
        });

    async function remove(service: string): Promise<void> {
        await local.client.send(new ecs.DeleteServiceCommand({ cluster: "test", service, force: true }));
        await until(`${service} has gone`, async () => (await describeService(service)).status === "INACTIVE");
    }

    function get(path: string): Promise<{ readonly status?: number; readonly body: string }> {
        return new Promise((done, reject) => {
            request({ host, port: 8480, path, agent: false }, (response) => {
                let body = "";
                response.on("data", (chunk: Buffer) => (body += String(chunk)));
                response.on("end", () => done({ status: response.statusCode, body }));
            })
                .once("error", reject)
                .end();
        });
    }

    const serves = (text: string) => until(`${text} is served`, async () => (await get("/")).body.startsWith(text));

    it("roll a new version out without a failed request", async () => {
        await createService("rolling", await local.define(whoami("old")));
        await steady("rolling");
        await serves("Name: old");
        const statuses: (number | undefined)[] = [];
        let isOver = false;
        const visitors = [0, 1, 2].map(async () => {
            while (!isOver) {
                statuses.push((await get("/?wait=50ms")).status);
            }
        });
        const taskDefinition = await local.define(whoami("new"));
        await local.client.send(new ecs.UpdateServiceCommand({ cluster: "test", service: "rolling", taskDefinition }));
        const during = await describeService("rolling");
        const after = await steady("rolling");
        isOver = true;
        await Promise.all(visitors);
        const walk = local.events
            .map(({ detail }) => detail as ecs.Task)
            .filter(({ group, desiredStatus }) => group === "service:rolling" && desiredStatus === "STOPPED")
            .map(({ lastStatus }) => lastStatus);

        expect(during.deployments!.map(({ status, rolloutState }) => [status, rolloutState])).to.deep.equal([
            ["PRIMARY", "IN_PROGRESS"],
            ["ACTIVE", "COMPLETED"],
        ]);
        expect(after).to.include({ runningCount: 2, desiredCount: 2, taskDefinition });
        expect(new Set(statuses)).to.deep.equal(new Set([200]));
        expect((await get("/")).body).to.match(/^Name: new/);
        expect(new Set(walk)).to.deep.equal(
            new Set(["RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"]),
        );
        await remove("rolling");
    });

    it("go back to the version before when a new one does not start", async () => {
        const good = await local.define(whoami("good"));
        await createService("broken", good);
        await steady("broken");
        const taskDefinition = await local.define(
            whoami("bad", { entryPoint: ["/bin/sh", "-c"], command: ["exit 3"] }),
        );
        await local.client.send(new ecs.UpdateServiceCommand({ cluster: "test", service: "broken", taskDefinition }));
        const messages = async () => (await describeService("broken")).events!.map(({ message }) => message);
        await until("it is rolled back", async () => (await messages()).some((text) => text?.includes("rolling back")));
        const service = await steady("broken");

        expect(service).to.include({ taskDefinition: good, runningCount: 2 });
        expect(await messages()).to.include.members([
            `(service broken) rolling back to deployment ${service.deployments![0].id}.`,
        ]);
        await remove("broken");
    });

    it("replace a task that its target group finds unhealthy, once its replacement serves", async () => {
        await createService("sick", await local.define(whoami("sick")), {
            desiredCount: 1,
            healthCheckGracePeriodSeconds: 0,
        });
        await steady("sick");
        const listTasks = async () =>
            (await local.client.send(new ecs.ListTasksCommand({ cluster: "test", serviceName: "sick" }))).taskArns!;
        const [first] = await listTasks();
        const { containers } = await local.describe(first);
        await new Promise<void>((done, reject) => {
            const address = containers![0].networkInterfaces![0].privateIpv4Address;
            request({ host: address, port: 8080, path: "/health", method: "POST", agent: false }, (response) =>
                response.resume().once("end", done),
            )
                .once("error", reject)
                .end("500");
        });
        const stopped = await until("it is stopped", async () => {
            const task = await local.describe(first);
            return task.lastStatus === "STOPPED" && task;
        });
        const { runningCount } = await steady("sick");

        expect(stopped.stoppedReason).to.equal(`Task failed ELB health checks in (target-group ${targetGroupArn})`);
        expect(runningCount).to.equal(1);
        expect(await listTasks()).to.not.include(first);
        await remove("sick");
    });

    it("refuse a target group that no load balancer uses, and a port that the container does not have", async () => {
        const refusal = (call: Promise<unknown>) =>
            call.then(
                () => "nothing was refused",
                (error: Error) => `${error.name}: ${error.message}`,
            );
        const definition = await local.define(whoami("refused"));
        const { TargetGroups } = await local.elb.createTargetGroup({
            Name: "unused",
            Protocol: "HTTP",
            Port: 80,
            TargetType: "ip",
            VpcId: "vpc-1",
        });
        const unused = TargetGroups![0].TargetGroupArn!;
        const into = (arn: string, containerPort: number) => ({
            loadBalancers: [{ targetGroupArn: arn, containerName: "app", containerPort }],
        });

        expect(await refusal(createService("refused", definition, into(unused, 8080)))).to.equal(
            `InvalidParameterException: The target group with targetGroupArn ${unused} does not have an associated load balancer.`,
        );
        expect(await refusal(createService("refused", definition, into(targetGroupArn, 80)))).to.equal(
            "InvalidParameterException: The container app did not have a container port 80 defined.",
        );
    });
});
