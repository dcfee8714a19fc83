// The containers of a task as ECS would run them, with the real Envoy: a task that ends by itself, when nobody uses it or its time is over.
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { setTimeout as delay } from "node:timers/promises";

import { expect } from "chai";
import { WebSocket } from "ws";

import { AccessLog } from "../../components/internal/envoy/accessLog";
import { envoyImage } from "../../components/internal/envoy/envoyVersion";
import { containerDefinitions } from "../../components/internal/task/containers";
import { watcher } from "../../handlers/sessionNames";
import { LocalEcs, startLocalEcs } from "../support/localEcs";
import { helperImage, whoami } from "../support/sidecar";
import { until } from "../support/until";

const port = 8443;
const domain = "tasks.example.test";
const idleSeconds = 5;

describe("a task that ends by itself", () => {
    let local: LocalEcs;
    before(async () => {
        local = await startLocalEcs();
    });
    after(() => local.stop());

    function run(ends: { readonly idleSeconds?: number; readonly lifetimeSeconds?: number }): Promise<string> {
        return local.run(
            ...containerDefinitions({
                app: whoami,
                envoy: {
                    image: envoyImage,
                    helperImage,
                    bootstrap: { httpsPort: port, taskCpu: 256, domain, accessLog: AccessLog.Off },
                    certificateSecretArn: undefined,
                    drainSeconds: 5,
                    ...ends,
                },
                logGroupName: "logs",
                region: "eu-west-1",
            }),
        );
    }

    async function started(): Promise<{ taskArn: string; host: string; name: string }> {
        const taskArn = await run({ idleSeconds });
        const task = await local.reaches(taskArn, "RUNNING");
        const host = task.containers![0].networkInterfaces![0].privateIpv4Address!;
        return { taskArn, host, name: `${taskArn.slice(taskArn.lastIndexOf("/") + 1)}.${domain}` };
    }

    function get(host: string, name: string): Promise<IncomingMessage> {
        return new Promise((resolve, reject) => {
            const headers = { host: name };
            const sent = request({ host, port, headers, rejectUnauthorized: false, agent: false }, (response) =>
                response.resume().once("end", () => resolve(response)),
            );
            sent.once("error", reject).end();
        });
    }

    it("stays while a WebSocket is open, and drains and ends by itself when it was closed for so long", async () => {
        const { taskArn, host, name } = await started();
        const url = `wss://${host}:${port}/echo`;
        const socket = await until("a WebSocket", async () => {
            const one = new WebSocket(url, { rejectUnauthorized: false, headers: { host: name } });
            return new Promise<WebSocket | undefined>((resolve) =>
                one.once("open", () => resolve(one)).once("error", () => resolve(undefined)),
            );
        });
        let isClosed = false;
        socket.once("close", () => (isClosed = true));
        await delay(2 * idleSeconds * 1_000); // more than it may be idle
        expect([isClosed, (await local.describe(taskArn)).desiredStatus]).to.deep.equal([false, "RUNNING"]);
        socket.close();
        const { stopCode, containers } = await local.reaches(taskArn, "STOPPED");
        expect(stopCode).to.equal("EssentialContainerExited");
        expect(containers!.map((container) => [container.name, container.exitCode])).to.deep.equal([
            ["app", 0],
            ["init", 0],
            ["envoy", 0],
            [watcher.container, watcher.idle],
        ]);
        expect(local.log(taskArn, "lifecycle")).to.match(/^no request for 5 s\ndrained in \d+ s, 0 requests cut\n$/);
    });

    it("is not kept by who asks for another name, nor by its health check", async () => {
        const { taskArn, host } = await started();
        let asked = 0;
        const ended = local.reaches(taskArn, "STOPPED").then(() => true);
        while (!(await Promise.race([ended, delay(200, false)]))) {
            const answer = await get(host, `another.${domain}`).catch(() => undefined);
            asked += answer?.statusCode === 421 ? 1 : 0;
        }
        expect(asked).to.be.above(0);
        expect(local.log(taskArn, "lifecycle")).to.match(/^no request for 5 s\n/);
    });

    it("drains and ends when its time is over, however long it may be idle", async () => {
        const taskArn = await run({ idleSeconds: 3600, lifetimeSeconds: 5 });
        const { stopCode, containers } = await local.reaches(taskArn, "STOPPED");
        expect(stopCode).to.equal("EssentialContainerExited");
        expect(containers!.find(({ name }) => name === watcher.container)!.exitCode).to.equal(watcher.lifetime);
        expect(local.log(taskArn, "lifecycle")).to.match(/^its time is over\ndrained in \d+ s, \d+ requests cut\n$/);
    });
});
