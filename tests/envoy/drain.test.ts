// The containers of a task as ECS would run them, with the real Envoy: what a stop does to requests under way.
import type { IncomingMessage } from "node:http";
import { Agent, request } from "node:https";

import { ContainerDefinition, StopTaskCommand } from "@aws-sdk/client-ecs";
import { expect } from "chai";
import { WebSocket } from "ws";

import { envoyImage } from "../../components/internal/envoy/envoyVersion";
import { AccessLog } from "../../components/internal/envoy/accessLog";
import { Front, sidecarHealthPath } from "../../components/internal/envoy/front";
import { containerDefinitions } from "../../components/internal/task/containers";
import { LocalEcs, startLocalEcs } from "../support/localEcs";
import { helperImage, whoami } from "../support/sidecar";
import { until } from "../support/until";

const port = 8443;

function containers(drainSeconds: number): ContainerDefinition[] {
    return containerDefinitions({
        app: whoami,
        envoy: {
            image: envoyImage,
            helperImage,
            bootstrap: {
                front: Front.ApplicationLoadBalancer,
                httpsPort: port,
                taskCpu: 256,
                healthCheckPath: "/health",
                accessLog: AccessLog.Off,
            },
            certificateSecretArn: undefined,
            drainSeconds,
        },
        logGroupName: "logs",
        region: "eu-west-1",
    });
}

/** Status and headers, once the whole answer is there. */
function get(host: string, path: string, agent: Agent | false = false): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
        const sent = request({ host, port, path, rejectUnauthorized: false, agent }, (response) => {
            response
                .resume()
                .once("end", () => resolve(response))
                .once("error", reject);
        });
        sent.once("error", reject).end();
    });
}

describe("a task that stops", () => {
    let local: LocalEcs;
    before(async () => {
        local = await startLocalEcs();
    });
    after(() => local.stop());

    async function started(drainSeconds: number): Promise<{ taskArn: string; host: string }> {
        const taskArn = await local.run(...containers(drainSeconds));
        const task = await local.healthy(taskArn);
        const host = task.containers![0].networkInterfaces![0].privateIpv4Address!;
        await until("Envoy found the app healthy", async () => (await get(host, sidecarHealthPath)).statusCode === 200);
        return { taskArn, host };
    }
    const stop = (task: string): Promise<unknown> => local.client.send(new StopTaskCommand({ cluster: "test", task }));
    const exitCodes = async (taskArn: string): Promise<unknown> =>
        (await local.reaches(taskArn, "STOPPED")).containers!.map(({ name, exitCode }) => [name, exitCode]);
    const allEndedByThemselves = [
        ["app", 0],
        ["init", 0],
        ["envoy", 0],
        ["lifecycle", 0],
    ];

    it("answers what it was asked before, and says at once that it should be asked no more", async () => {
        const { taskArn, host } = await started(20);
        const slow = get(host, "/?wait=2s");
        await stop(taskArn);
        await until("Envoy drains", async () => (await get(host, sidecarHealthPath)).statusCode === 503);
        const late = await get(host, "/");
        expect([late.statusCode, late.headers.connection]).to.deep.equal([200, "close"]);
        expect((await slow).statusCode).to.equal(200);
        expect(await exitCodes(taskArn)).to.deep.equal(allEndedByThemselves);
        expect(local.log(taskArn, "lifecycle")).to.match(/drained in \d+ s, 0 requests cut\n$/);
    });

    it("gives who keeps a connection the time to use it and be told, and waits for nobody where none is open", async () => {
        const [kept, unused] = await Promise.all([started(20), started(20)]);
        const agent = new Agent({ keepAlive: true });
        try {
            await get(kept.host, "/", agent);
            expect([agent.sockets, agent.freeSockets].flatMap((by) => Object.values(by).flat())).to.have.length(1);
            await Promise.all([stop(kept.taskArn), stop(unused.taskArn)]);
            for (const { taskArn } of [kept, unused]) {
                expect(await exitCodes(taskArn)).to.deep.equal(allEndedByThemselves);
            }
            const [ofKept, ofUnused] = [kept, unused].map(({ taskArn }) => {
                const [, seconds] = /drained in (\d+) s, 0 requests cut\n$/.exec(local.log(taskArn, "lifecycle"))!;
                return Number(seconds);
            });
            expect(ofKept).to.be.at.least(5);
            expect(ofUnused).to.be.below(5);
        } finally {
            agent.destroy();
        }
    });

    it("keeps a WebSocket for the drain time, and no longer", async () => {
        const { taskArn, host } = await started(3);
        const socket = new WebSocket(`wss://${host}:${port}/echo`, { rejectUnauthorized: false });
        await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
        const closed = new Promise((resolve) => socket.once("close", resolve));
        await stop(taskArn);
        await until("Envoy drains", async () => (await get(host, sidecarHealthPath)).statusCode === 503);
        const echoed = new Promise((resolve) => socket.once("message", (data: Buffer) => resolve(data.toString())));
        socket.send("still there?");
        expect(await echoed).to.equal("still there?");
        await closed;
        expect(await exitCodes(taskArn)).to.deep.equal(allEndedByThemselves);
        const [, seconds] = /drained in (\d+) s, 1 requests cut\n$/.exec(local.log(taskArn, "lifecycle"))!;
        expect(Number(seconds)).to.be.at.least(3);
    });
});
