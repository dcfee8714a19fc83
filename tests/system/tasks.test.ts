import { expect } from "chai";

import {
    Caller,
    eventually,
    hostnameOf,
    runTasks,
    stopTask,
    taskIdOf,
    untilRunning,
} from "../../local/internet/caller";
import { resolve, visit } from "../../local/internet/visitor";
import { issuedCertificate, localStack } from "../support/localSystem";

describe("tasks with names of their own", () => {
    let caller: Caller;

    before(async () => {
        caller = await localStack();
        await issuedCertificate(caller);
    });

    async function reachable(taskArn: string): Promise<string> {
        const hostname = hostnameOf(caller, taskArn);
        await untilRunning(caller, taskArn);
        await eventually(`${hostname} answering`, () => visit(caller.system, hostname).catch(() => undefined));
        return hostname;
    }

    async function gone(hostname: string): Promise<void> {
        await eventually(`${hostname} gone`, async () =>
            (await resolve(caller.system, hostname)).length === 0 ? true : undefined,
        );
    }

    it("two tasks never answer for each other", async () => {
        const arns = await runTasks(caller, 2);
        const [one, other] = await Promise.all(arns.map(reachable));
        const [addressOfOne] = await resolve(caller.system, one);
        const [addressOfOther] = await resolve(caller.system, other);
        expect(addressOfOne).not.to.equal(addressOfOther);

        const { status, body } = await visit(caller.system, one);
        expect(status).to.equal(200);
        expect(body).to.contain(`Hostname: ip-${addressOfOne.replaceAll(".", "-")}.`);

        // What a stale DNS answer leads to: the right name, at another task's address.
        const misdirected = await visit(caller.system, one, "/", { address: addressOfOther });
        expect(misdirected.authorized).to.equal(true);
        expect([misdirected.status, misdirected.body]).to.deep.equal([421, "This is not the task of that name.\n"]);

        await Promise.all(arns.map((taskArn) => stopTask(caller, taskArn)));
        await Promise.all([one, other].map(gone));
    });

    it("twenty tasks started together are all reached, and all their records go", async () => {
        const arns = (await Promise.all([runTasks(caller, 10), runTasks(caller, 10)])).flat();
        const hostnames = await Promise.all(arns.map(reachable));
        expect(new Set(hostnames).size).to.equal(20);
        const addresses = await Promise.all(hostnames.map((hostname) => resolve(caller.system, hostname)));
        expect(new Set(addresses.flat()).size).to.equal(20);

        await Promise.all(arns.map((taskArn) => stopTask(caller, taskArn)));
        await Promise.all(hostnames.map(gone));
        expect(arns.map(taskIdOf)).to.have.length(20);
    });
});
