// The whole of a hot rotation: function, bucket and its policy, helper and Envoy of a task that was started on demand.
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { expect } from "chai";

import {
    Caller,
    deliveredCertificate,
    eventually,
    hostnameOf,
    renew,
    runTasks,
    untilRunning,
} from "../../local/internet/caller";
import { visit } from "../../local/internet/visitor";
import type { SystemFile } from "../../local/machine/systemFile";
import { runOperation } from "../../local/pulumi/operation";
import { localConfig, platformsOf } from "../../local/pulumi/platforms";
import { issuedCertificate, localSystem } from "../support/localSystem";

/** What the renewal function last told of the tasks that it looked at. */
function lastLook({ system, outputs }: Caller): Record<string, unknown> | undefined {
    const log = join(system.directory, "logs/functions", `${outputs.renewalFunctionName}.log`);
    const line = readFileSync(log, "utf8")
        .split("\n")
        .findLast((each) => each.includes('"tasks looked at"'));
    return line === undefined ? undefined : (JSON.parse(line.slice(line.indexOf("{"))) as Record<string, unknown>);
}

describe("a certificate that is renewed while a task runs", () => {
    // A stack of its own: other tests have tasks of the shared one's definition.
    let system: SystemFile;
    before(async () => {
        system = (await localSystem()).file;
    });

    it("is shown by it, with the rotation hot, to who connects anew", async () => {
        const domain = "hot.tasks.example.test";
        const config = {
            "aws:region": "eu-west-1",
            ...localConfig(system),
            domain,
            rotation: "hot",
            rsaKeyType: "RSA-2048",
        };
        const options = { stack: "hot", config };
        const { outputs } = await runOperation(system, "up", options);
        const [caller] = platformsOf(system, outputs);
        await issuedCertificate(caller);
        const { rsaRenewalFunctionName: renewalFunctionName } = caller.outputs;
        const ofRsa = { ...caller, outputs: { ...caller.outputs, renewalFunctionName } };
        await eventually("the RSA certificate", async () =>
            (await renew(ofRsa)).outcome === "not due" ? true : undefined,
        );
        const [taskArn] = await runTasks(caller);
        try {
            await untilRunning(caller, taskArn);
            const hostname = hostnameOf(caller, taskArn);
            const serial = async (sigalgs?: string): Promise<string | undefined> => {
                const page = await visit(system, hostname, "/", { sigalgs }).catch(() => undefined);
                return page?.authorized ? page.certificate.serialNumber : undefined;
            };
            const before = await eventually(`${hostname} answering`, () => serial());
            // Clients that know no ECDSA get the other one, which is renewed by itself.
            const withoutEcdsa = "rsa_pss_rsae_sha256:rsa_pkcs1_sha256";
            expect(await renew(ofRsa)).to.deep.include({
                outcome: "not due",
                serialNumber: await serial(withoutEcdsa),
                names: [`*.eu-west-1.${domain}`],
            });
            const { serialNumber: rsaRenewed } = await renew(ofRsa, true);
            expect(await renew(caller, true)).to.include({ outcome: "renewed" });
            const renewed = new X509Certificate((await deliveredCertificate(caller))!.certificateChain).serialNumber;
            expect(before).to.not.equal(renewed);
            await eventually("the new serials", async () =>
                (await serial()) === renewed && (await serial(withoutEcdsa)) === rsaRenewed ? true : undefined,
            );
            // The function sees that by itself, from outside.
            expect(await renew(caller)).to.include({ outcome: "not due" });
            expect(
                await eventually("what it saw is in its log", () => Promise.resolve(lastLook(caller))),
            ).to.deep.include({
                TasksLookedAt: 1,
                StaleTasks: 0,
            });
        } finally {
            await runOperation(system, "destroy", options);
        }
    });
});
