import { get } from "node:http";
import { get as getByHttps } from "node:https";

import type { ContainerDefinition } from "@aws-sdk/client-ecs";
import { expect } from "chai";

import { startLocalEcs } from "../../support/localEcs";
import type { LocalEcs } from "../../support/localEcs";
import { addressOf, whoamiTask } from "../../support/whoamiTask";

const { asItIs, behindEnvoy } = whoamiTask({
    command: [
        ...["CMD", process.execPath, "-e"],
        "fetch('http://localhost:8080/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))",
    ],
    interval: 5,
});

/** The status of the answer, or the error's code. */
function ask(url: string): Promise<number | string | undefined> {
    return new Promise((resolve) => {
        const request = url.startsWith("https:")
            ? getByHttps(url, { rejectUnauthorized: false, agent: false })
            : get(url, { agent: false });
        request
            .once("response", (response) => resolve(response.resume().statusCode))
            .once("error", ({ code }: NodeJS.ErrnoException) => resolve(code));
    });
}

describe("what a task's security groups open", () => {
    let local: LocalEcs;

    before(async () => {
        local = await startLocalEcs();
    });
    after(() => local.stop());

    async function healthyTaskAt(...containers: ContainerDefinition[]): Promise<string> {
        const taskArn = await local.run(...containers);
        await local.healthy(taskArn);
        return addressOf(await local.reaches(taskArn, "RUNNING"));
    }

    it("is Envoy's port alone: the app is reached through it, and not past it", async () => {
        local.openPorts.clear();
        local.openPorts.add(8443);
        const address = await healthyTaskAt(...behindEnvoy);

        expect(await ask(`https://${address}:8443/`)).to.equal(200);
        expect(await ask(`http://${address}:8080/`)).to.equal("ECONNREFUSED");
    });

    it("is the port of an app that is served as it is", async () => {
        local.openPorts.clear();
        local.openPorts.add(8080);
        const address = await healthyTaskAt(...asItIs);

        expect(await ask(`http://${address}:8080/`)).to.equal(200);
    });

    it("may be nothing: a healthy task that nobody reaches", async () => {
        local.openPorts.clear();
        const [bare, hidden] = [await healthyTaskAt(...asItIs), await healthyTaskAt(...behindEnvoy)];

        expect(await ask(`http://${bare}:8080/`)).to.equal("ECONNREFUSED");
        expect(await ask(`https://${hidden}:8443/`)).to.equal("ECONNREFUSED");
    });
});
