// The whole of a hot rotation: function, bucket and its policy, helper and Envoy of a task that was started on demand.
import { X509Certificate } from "node:crypto";

import { expect } from "chai";

import {
    Caller,
    deliveredCertificate,
    eventually,
    hostnameOf,
    renew,
    runTasks,
    stopTask,
    untilRunning,
} from "../../local/internet/caller";
import { visit } from "../../local/internet/visitor";
import { runOperation } from "../../local/pulumi/operation";
import { localConfig, platformsOf } from "../../local/pulumi/platforms";
import { issuedCertificate, localStack } from "../support/localSystem";

describe("a certificate that is renewed while a task runs", () => {
    let caller: Caller;

    async function up(config: Readonly<Record<string, string>>): Promise<void> {
        const { system } = caller;
        const { outputs } = await runOperation(system, "up", { config: { ...localConfig(system), ...config } });
        [caller] = platformsOf(system, outputs);
    }

    before(async () => {
        caller = await localStack();
        await issuedCertificate(caller);
    });

    it("is shown by it, with the rotation hot, to who connects anew", async () => {
        await up({ rotation: "hot" });
        // A task needs the password, which comes with the next run after the deployment: the schedule's, or this one.
        await eventually("the secret holds the password of sealed copies", async () => {
            await renew(caller);
            const secret = (await deliveredCertificate(caller)) as { keyPassword?: string } | undefined;
            return secret?.keyPassword;
        });
        const [taskArn] = await runTasks(caller);
        try {
            await untilRunning(caller, taskArn);
            const hostname = hostnameOf(caller, taskArn);
            const serial = async (): Promise<string | undefined> => {
                const page = await visit(caller.system, hostname).catch(() => undefined);
                return page?.authorized ? page.certificate.serialNumber : undefined;
            };
            const before = await eventually(`${hostname} answering`, serial);
            expect(await renew(caller, true)).to.include({ outcome: "renewed" });
            const renewed = new X509Certificate((await deliveredCertificate(caller))!.certificateChain).serialNumber;
            expect(before).to.not.equal(renewed);
            await eventually("the new serial", async () => ((await serial()) === renewed ? true : undefined));
        } finally {
            await stopTask(caller, taskArn);
            await up({});
        }
    });
});
