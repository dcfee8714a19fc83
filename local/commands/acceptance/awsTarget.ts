// Talks to AWS, as nothing else of the local system does but leftoversOnAws.ts, namesOnAws.ts and renewalOnAws.ts: nothing loads it but `npm run accept -- --aws`.
import { request } from "node:https";

import { EC2 } from "@aws-sdk/client-ec2";
import { ECSClient } from "@aws-sdk/client-ecs";
import { LambdaClient } from "@aws-sdk/client-lambda";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { STS } from "@aws-sdk/client-sts";
import { LocalWorkspace } from "@pulumi/pulumi/automation";
import type { Stack } from "@pulumi/pulumi/automation";

import { listTasks, stopTask, taskIdOf } from "../../internet/caller";
import type { Caller, RegionOutputs } from "../../internet/caller";
import { projectRoot } from "../../machine/projectRoot";
import type { SystemFile } from "../../machine/systemFile";
import type { Target, Up } from "./target";

/** Whose credentials there are; undefined when there are none. */
export async function accountOfCredentials(): Promise<string | undefined> {
    try {
        return (await new STS({ region: "us-east-1" }).getCallerIdentity({})).Account;
    } catch {
        return undefined;
    }
}

/** The user's own account, by their credentials and their `pulumi`; the stack is configured as README.md says. */
export async function awsTarget(account: string, stackName: string): Promise<Target> {
    const stack = await LocalWorkspace.createOrSelectStack({ stackName, workDir: projectRoot });

    return {
        kind: "aws",
        account,
        region: Object.keys(await regionsOf(stack))[0] ?? "of the stack's configuration",
        httpsPort: 443,
        pollMs: 1_000,
        async up(): Promise<Up> {
            const { summary } = await stack.up();
            const changes = (summary.resourceChanges ?? {}) as Record<string, number>;
            return { changes, caller: (await callers(stack))[0] };
        },
        refresh: async () => void (await stack.refresh()),
        async clean() {
            for (const caller of await callers(stack)) {
                const running = (await listTasks(caller)).filter(({ desiredStatus }) => desiredStatus === "RUNNING");
                await Promise.all(running.map(({ taskArn = "" }) => stopTask(caller, taskIdOf(taskArn))));
            }
            await stack.cancel().catch(() => undefined); // the lock of a run that was killed
            await stack.destroy();
            const exported = await stack.exportStack();
            const { resources = [] } = exported.deployment as { resources?: readonly { urn: string }[] };
            return resources.map(({ urn }) => urn).filter((urn) => !urn.includes("pulumi:pulumi:Stack"));
        },
        visit: (asked, hostname) =>
            new Promise((resolve, reject) => {
                request({ host: hostname, servername: asked, headers: { host: asked }, path: "/" }, (answer) => {
                    answer.resume();
                    resolve(answer.statusCode ?? 0);
                })
                    .once("error", reject)
                    .end();
            }),
        async publicAddress({ region }, networkInterfaceId) {
            const answer = await new EC2({ region }).describeNetworkInterfaces({
                NetworkInterfaceIds: [networkInterfaceId],
            });
            return answer.NetworkInterfaces?.[0]?.Association?.PublicIp;
        },
        close: () => Promise.resolve(),
    };
}

async function regionsOf(stack: Stack): Promise<Readonly<Record<string, RegionOutputs>>> {
    const { regions } = await stack.outputs();
    return (regions?.value ?? {}) as Record<string, RegionOutputs>;
}

async function callers(stack: Stack): Promise<Caller[]> {
    return Object.entries(await regionsOf(stack)).map(([region, outputs]) => ({
        system: {} as SystemFile, // only what asks the local system itself looks at it
        region,
        outputs,
        ecs: new ECSClient({ region }),
        lambda: new LambdaClient({ region }),
        secrets: new SecretsManagerClient({ region }),
    }));
}
