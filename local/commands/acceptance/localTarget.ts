import { setTimeout as delay } from "node:timers/promises";

import { clientConfig } from "../../machine/awsClients";
import type { SystemFile } from "../../machine/systemFile";
import { runOperation } from "../../pulumi/operation";
import { localConfig } from "../../pulumi/platforms";
import { readState } from "../../pulumi/state";
import { startSystem } from "../../system";
import type { Project, Target } from "./target";

const region = "eu-west-1";

/** A local system of its own, which ends with the run. */
export async function ownLocalTarget(name: string): Promise<Target> {
    // As far behind as AWS may be: what does not wait for it would fail there, too.
    const later = (milliseconds: number) => () => delay(milliseconds, undefined, { ref: false });
    const system = await startSystem({
        name,
        iam: { known: later(2_000) },
        ecs: { shown: later(300), provisioned: later(2_500) },
        route53: { propagated: later(2_000) },
    });
    return localTarget(system.file, async () => void (await system.stop()));
}

/** A local system that runs, and goes on running. */
export function localTarget(file: SystemFile, close: () => Promise<void> = () => Promise.resolve()): Target {
    const config = ({ config: more }: Project) => ({ "aws:region": region, ...localConfig(file), ...more });
    return {
        kind: "local",
        account: file.accountId,
        regions: [region],
        settings: {
            domain: file.domain,
            hostedZoneId: file.hostedZoneId,
            acmeDirectory: file.acme.directoryUrl,
        },
        internet: file,
        pollMs: 25,
        clientConfig: (of) => ({
            ...clientConfig(file.gatewayUrl, { accountId: file.accountId, region: of }),
            forcePathStyle: true,
        }),
        operate: (operation, project, options) =>
            runOperation(file, operation, {
                ...{ stack: project.stack, program: project.program, config: config(project) },
                ...options,
            }),
        state: ({ stack, projectName }) => Promise.resolve(readState(file, stack, projectName)),
        close,
    };
}
