import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { EC2Client } from "@aws-sdk/client-ec2";
import * as ecs from "@aws-sdk/client-ecs";
import { ElasticLoadBalancingV2 } from "@aws-sdk/client-elastic-load-balancing-v2";

import { ec2Overlay } from "../../local/aws/ec2/overlay";
import { createEcs } from "../../local/aws/ecs/overlay";
import type { EcsOptions } from "../../local/aws/ecs/overlay";
import { createLoadBalancing } from "../../local/aws/elb/loadBalancing";
import type { LoadBalancing } from "../../local/aws/elb/loadBalancing";
import { elbOverlay } from "../../local/aws/elb/overlay";
import { taskStateChange } from "../../local/aws/events/overlay";
import type { AwsEvent } from "../../local/aws/events/overlay";
import { startGateway } from "../../local/aws/gateway/gateway";
import { clientConfig } from "../../local/machine/awsClients";
import { claimLoopbackBlock } from "../../local/machine/loopback";
import { createProcesses } from "../../local/machine/processes";
import { projectRoot } from "../../local/machine/projectRoot";
import type { PullImage } from "../../local/tasks/images/pull";
import { envoyBinary, findImage } from "../../local/tasks/images/images";
import { rules } from "../../local/aws/rules";
import { createNetworkInterfaces } from "../../local/tasks/networkInterfaces";
import { until } from "./until";

const accountId = "111122223333";
const region = "eu-west-1";

export interface LocalEcs {
    readonly client: ecs.ECSClient;
    readonly ec2: EC2Client;
    readonly elb: ElasticLoadBalancingV2;
    readonly loadBalancing: LoadBalancing;
    /** All that was published, in that order. */
    readonly events: readonly AwsEvent[];
    /** What `secrets[].valueFrom` names. */
    readonly secrets: Map<string, string>;
    /** The ports that the security group of its tasks opens: 8080 and 8443 unless a test changes it. */
    readonly openPorts: Set<number>;
    /** Registers a task definition of these containers and gives its ARN. */
    define(...containers: ecs.ContainerDefinition[]): Promise<string>;
    /** Starts one task of these containers and gives its ARN. */
    run(...containers: ecs.ContainerDefinition[]): Promise<string>;
    describe(taskArn: string): Promise<ecs.Task>;
    /** The task once it has this lastStatus. */
    reaches(taskArn: string, lastStatus: string): Promise<ecs.Task>;
    /** The task once its healthStatus is HEALTHY. */
    healthy(taskArn: string): Promise<ecs.Task>;
    /** [version, lastStatus, desiredStatus] of each event of a task. */
    walk(taskArn: string): [number, string, string][];
    log(taskArn: string, container: string): string;
    stop(): Promise<void>;
}

export const network: ecs.NetworkConfiguration = {
    awsvpcConfiguration: { subnets: ["subnet-1"], securityGroups: ["sg-1"], assignPublicIp: "ENABLED" },
};

/** A container that runs a shell script. */
export function script(
    name: string,
    text: string,
    more: Partial<ecs.ContainerDefinition> = {},
): ecs.ContainerDefinition {
    return { name, image: "traefik/whoami:v1.11", entryPoint: ["/bin/sh", "-c"], command: [text], ...more };
}

/** ECS behind a gateway, without an emulator: for what ECS does by itself. */
export async function startLocalEcs(
    pullImage: PullImage = (name) => Promise.resolve(findImage(name, projectRoot)),
    options: Pick<EcsOptions, "shown" | "reach" | "names" | "hasNamespace"> = {},
): Promise<LocalEcs> {
    const directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
    const processes = createProcesses(directory);
    const block = await claimLoopbackBlock();
    const networkInterfaces = createNetworkInterfaces(block.number);
    const events: AwsEvent[] = [];
    const secrets = new Map<string, string>();
    const openPorts = new Set([8080, 8443]);
    const faults: string[] = [];
    const log = (text: string) => void faults.push(text);
    const loadBalancing = createLoadBalancing({
        root: projectRoot,
        processes,
        address: () => networkInterfaces.newAddress(),
        certificateOf: () => undefined,
        ports: { 80: 8480, 443: 8443 },
        jwks: () => ({ isLocal: () => false, dnsPort: 9, trustedRootsFile: "/nowhere" }),
        log,
    });
    const service = createEcs({
        ...options,
        loadBalancing,
        pullImage,
        envoy: () => envoyBinary(projectRoot),
        processes,
        networkInterfaces,
        readCredentials: () => Promise.resolve({}),
        readIngress: () => Promise.resolve((port) => openPorts.has(port)),
        readSecret: (_scope, valueFrom) => {
            const value = secrets.get(valueFrom);
            return value === undefined ? Promise.reject(new Error(`no secret ${valueFrom}`)) : Promise.resolve(value);
        },
        publish: (scope, task) => events.push(taskStateChange(scope, task)),
        log,
    });
    const gateway = await startGateway({
        emulatorPort: 9,
        accountId,
        rules,
        overlays: [service.overlay, ec2Overlay(networkInterfaces, loadBalancing), elbOverlay(loadBalancing)],
        log,
    });
    const client = new ecs.ECSClient(clientConfig(gateway.url, { accountId, region }));
    await client.send(new ecs.CreateClusterCommand({ clusterName: "test", capacityProviders: ["FARGATE"] }));
    let families = 0;

    async function define(...containerDefinitions: ecs.ContainerDefinition[]): Promise<string> {
        const { taskDefinition } = await client.send(
            new ecs.RegisterTaskDefinitionCommand({
                family: `family-${++families}`,
                networkMode: "awsvpc",
                requiresCompatibilities: ["FARGATE"],
                cpu: "256",
                memory: "512",
                executionRoleArn: `arn:aws:iam::${accountId}:role/execution`,
                volumes: [{ name: "shared" }, { name: "envoy" }, { name: "tls" }, { name: "dynamic" }],
                containerDefinitions,
            }),
        );
        return taskDefinition!.taskDefinitionArn!;
    }

    async function describe(taskArn: string): Promise<ecs.Task> {
        const { tasks } = await client.send(
            new ecs.DescribeTasksCommand({ cluster: "test", tasks: [taskArn], include: ["TAGS"] }),
        );
        return tasks![0];
    }

    return {
        client,
        elb: new ElasticLoadBalancingV2(clientConfig(gateway.url, { accountId, region })),
        loadBalancing,
        ec2: new EC2Client(clientConfig(gateway.url, { accountId, region })),
        events,
        secrets,
        openPorts,
        define,
        describe,
        async run(...containers) {
            const { tasks } = await client.send(
                new ecs.RunTaskCommand({
                    cluster: "test",
                    taskDefinition: await define(...containers),
                    launchType: "FARGATE",
                    networkConfiguration: network,
                }),
            );
            return tasks![0].taskArn!;
        },
        reaches: (taskArn, lastStatus) =>
            until(`the task is ${lastStatus}`, async () => {
                const task = await describe(taskArn);
                return task.lastStatus === lastStatus && task;
            }),
        healthy: (taskArn) =>
            until("the task is HEALTHY", async () => {
                const task = await describe(taskArn);
                return task.healthStatus === "HEALTHY" && task;
            }),
        walk: (taskArn) =>
            events
                .filter(({ resources }) => resources[0] === taskArn)
                .map(({ detail }) => {
                    const { version, lastStatus, desiredStatus } = detail as Required<ecs.Task>;
                    return [version, lastStatus, desiredStatus];
                }),
        log: (taskArn, container) =>
            readFileSync(join(directory, "logs", "tasks", `${taskArn.split("/").at(-1)}-${container}.log`), "utf8"),
        async stop() {
            await service.stop();
            await loadBalancing.stop();
            await gateway.stop();
            await block.release();
            const left = await processes.stop();
            rmSync(directory, { recursive: true, force: true });
            if (left > 0 || faults.length > 0) {
                throw new Error(`${left} processes are left; faults:\n${faults.join("\n")}`);
            }
        },
    };
}
