import type { EC2Client } from "@aws-sdk/client-ec2";
import type { ECSClient } from "@aws-sdk/client-ecs";
import { describeError } from "../failure";
import type { HostedZone, RecordChange } from "../hostedZone";
import { log } from "../log";
import { publicAddresses } from "./addresses";
import { changeRecords, exactDeletions } from "./changeRecords";
import type { TaskDnsSettings } from "./settings";
import type { TaskHint } from "./taskEvents";
import { lookAtTasks } from "./tasks";

/** What the work needs to reach. */
export interface Reach {
    readonly settings: TaskDnsSettings;
    readonly ecs: ECSClient;
    readonly ec2: EC2Client;
    readonly zone: HostedZone;
}

export interface Settled {
    /** Why a task has to be looked at again, by the name of its record. */
    readonly failed: ReadonlyMap<string, string>;
    readonly published: number;
    readonly removed: number;
}

/** The name of a task's record, as Route 53 writes it. */
export function recordName({ domain }: TaskDnsSettings, { taskId }: TaskHint): string {
    return `${taskId}.${domain}.`;
}

/** Gives every running task its record and takes it from every task that is stopping or gone. */
export async function settleTasks(reach: Reach, hints: readonly TaskHint[]): Promise<Settled> {
    const { settings, zone } = reach;
    const failed = new Map<string, string>();
    const change = (action: RecordChange["action"], hint: TaskHint, address: string): RecordChange => ({
        action,
        name: recordName(settings, hint),
        type: "A",
        ttl: settings.recordTtl,
        values: [address],
    });

    const { running, stopping } = await sortTasks(reach, hints, failed);
    const { addresses, trouble } = await findAddresses(reach, [...running, ...stopping]);
    const removals: RecordChange[] = [];
    const unknown: string[] = [];
    for (const hint of stopping) {
        // As long as the interface is there it tells what the record says, and Route 53 need not be asked.
        const address = addresses.get(hint.networkInterfaceId);
        if (address) {
            removals.push(change("DELETE", hint, address));
        } else {
            unknown.push(recordName(settings, hint));
        }
    }
    removals.push(...(await exactDeletions(zone, unknown, failed)));
    const creations = new Map<string, RecordChange>();
    for (const hint of running) {
        const { taskArn, networkInterfaceId } = hint;
        const address = addresses.get(networkInterfaceId);
        if (address) {
            creations.set(taskArn, change("CREATE", hint, address));
        } else if (networkInterfaceId === undefined || addresses.has(networkInterfaceId)) {
            log("warn", "task without a public address: run it in a public subnet with assignPublicIp ENABLED", {
                taskArn,
            });
        } else {
            failed.set(recordName(settings, hint), trouble ?? `EC2 does not show ${networkInterfaceId} yet`);
        }
    }
    await changeRecords(zone, [...removals, ...creations.values()], failed);

    // A task may have begun to stop, and another run of this function have handled that, before the record was there.
    const published = running.filter((hint) => creations.has(hint.taskArn) && !failed.has(recordName(settings, hint)));
    const overtaken = (await sortTasks(reach, published, failed)).stopping;
    const late = overtaken.map(({ taskArn }) => ({ ...creations.get(taskArn)!, action: "DELETE" as const }));
    await changeRecords(zone, late, failed);

    const removed = [...removals, ...late].filter(({ name }) => !failed.has(name)).length;
    return { failed, published: published.length, removed };
}

/** The tasks as ECS sees them, with the network interface it shows; a task still on its way up needs nothing yet. */
async function sortTasks(
    { settings, ecs, zone }: Reach,
    hints: readonly TaskHint[],
    failed: Map<string, string>,
): Promise<{ running: TaskHint[]; stopping: TaskHint[] }> {
    const stopping = hints.filter((hint) => hint.stopping);
    const open = hints.filter((hint) => !hint.stopping);
    const running: TaskHint[] = [];
    const truths = await lookAtTasks(ecs, settings.clusterArn, open, zone.deadline);
    for (const hint of open) {
        const truth = truths.get(hint.taskArn);
        const seen = { ...hint, networkInterfaceId: truth?.networkInterfaceId ?? hint.networkInterfaceId };
        if (truth?.state === "running") {
            running.push(seen);
        } else if (truth?.state === "stopping") {
            stopping.push(seen);
        } else if (truth?.state !== "starting") {
            failed.set(recordName(settings, hint), truth?.reason ?? "the function's time was over");
        }
    }
    return { running, stopping };
}

/** The public addresses by interface; with `trouble` when EC2 could not tell. */
async function findAddresses(
    { ec2, zone }: Reach,
    hints: readonly TaskHint[],
): Promise<{ addresses: Map<string | undefined, string | undefined>; trouble?: string }> {
    const ids = hints.flatMap(({ networkInterfaceId }) => networkInterfaceId ?? []);
    try {
        return { addresses: await publicAddresses(ec2, ids, zone.deadline) };
    } catch (error) {
        return { addresses: new Map(), trouble: describeError(error) };
    }
}
