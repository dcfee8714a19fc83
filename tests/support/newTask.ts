import {
    Caller,
    callerOf,
    eventually,
    hostnameOf,
    RegionOutputs,
    runTasks,
    stopTask,
    untilRunning,
} from "../../local/internet/caller";
import { Page, visit } from "../../local/internet/visitor";
import type { SystemFile } from "../../local/machine/systemFile";
import { issuedCertificate } from "./localSystem";

/** What a program must give out for a task to be started and visited. */
export type TaskOutputs = Pick<RegionOutputs, "domain" | "clusterArn" | "runTaskInput" | "certificateSecretArn">;

/** Starts a task of a stack that is up, visits it at its name once it answers, and stops it. */
export async function visitNewTask(system: SystemFile, region: string, outputs: TaskOutputs): Promise<Page> {
    const caller: Caller = callerOf(system, region, outputs as RegionOutputs);
    await issuedCertificate(caller);
    const [taskArn] = await runTasks(caller);
    await untilRunning(caller, taskArn);
    const hostname = hostnameOf(caller, taskArn);
    const page = await eventually(`${hostname} answering`, async () => {
        const answer = await visit(system, hostname).catch(() => undefined);
        return answer?.status === 503 ? undefined : answer; // Envoy is there before the app listens, and says so
    });
    await stopTask(caller, taskArn);
    return page;
}
