import { setTimeout as delay } from "node:timers/promises";

import { EC2 } from "@aws-sdk/client-ec2";

import { listTasks, stopTask, taskIdOf } from "../../internet/caller";
import { addressOf, visit } from "../../internet/visitor";
import { clientConfig } from "../../machine/awsClients";
import { runOperation } from "../../pulumi/operation";
import { localConfig, platformsOf } from "../../pulumi/platforms";
import { readState } from "../../pulumi/state";
import { startSystem } from "../../system";
import type { Target, Up } from "./target";

/** A local system of its own, which ends with the run. */
export async function localTarget(name: string, stack: string): Promise<Target> {
    // As far behind as AWS may be: what does not wait for it would fail there, too.
    const later = (milliseconds: number) => () => delay(milliseconds, undefined, { ref: false });
    const system = await startSystem({
        name,
        iam: { known: later(2_000) },
        ecs: { shown: later(300) },
        route53: { propagated: later(2_000) },
    });
    const { file } = system;
    const options = { stack, config: { ...localConfig(file), domain: file.domain, "aws:region": "eu-west-1" } };

    async function up(): Promise<Up> {
        const { changes, outputs } = await runOperation(file, "up", options);
        return { changes, caller: platformsOf(file, outputs)[0] };
    }

    return {
        kind: "local",
        account: file.accountId,
        region: "eu-west-1",
        httpsPort: file.httpsPort,
        pollMs: 25,
        up,
        refresh: async () => void (await runOperation(file, "refresh", options)),
        async clean() {
            const { outputs, resources } = readState(file, stack);
            if (resources.length === 0) {
                return [];
            }
            for (const caller of platformsOf(file, outputs)) {
                const running = (await listTasks(caller)).filter(({ desiredStatus }) => desiredStatus === "RUNNING");
                await Promise.all(running.map(({ taskArn = "" }) => stopTask(caller, taskIdOf(taskArn))));
            }
            await runOperation(file, "destroy", options);
            return readState(file, stack).resources.map(({ urn }) => urn);
        },
        visit: async (asked, hostname) => (await visit(file, asked, "/", { address: await addressOf(file, hostname) })).status, // prettier-ignore
        async publicAddress({ region }, networkInterfaceId) {
            const ec2 = new EC2(clientConfig(file.gatewayUrl, { accountId: file.accountId, region }));
            const answer = await ec2.describeNetworkInterfaces({ NetworkInterfaceIds: [networkInterfaceId] });
            return answer.NetworkInterfaces?.[0]?.Association?.PublicIp;
        },
        close: async () => void (await system.stop()),
    };
}
