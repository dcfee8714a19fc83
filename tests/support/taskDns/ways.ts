// Names of tasks: the way that is known (one event, one function, one request) beside ours, under AWS's own limits, on a virtual clock.
import {
    ChangeResourceRecordSetsCommand,
    ListResourceRecordSetsCommand,
    type ResourceRecordSet,
} from "@aws-sdk/client-route-53";
import { DescribeNetworkInterfacesCommand } from "@aws-sdk/client-ec2";

import { mute } from "../fakeLambda";
import { createModel, DOMAIN, type Model, type ModelClient, type ModelOptions, type ModelTask } from "./modelledAws";
import { installVirtualClock, type VirtualClock } from "./virtualClock";

interface Way {
    readonly name: string;
    readonly options: (clock: VirtualClock) => Partial<ModelOptions>;
}

const running = { settings: { publishAt: "RUNNING" as const }, reuseAddresses: false };

export const ways: readonly Way[] = [
    { name: "known way", options: (clock) => ({ ...running, withSweep: false, invoke: knownWay(clock) }) },
    ...[10, 100, 500].map((batchSize) => ({
        name: `ours, ${batchSize} a batch`,
        options: () => ({ ...running, batchSize }),
    })),
];

/** What a way made of a course: names, seconds from RUNNING to acceptance, and what it asked of Route 53. */
export interface Measured {
    readonly named: number;
    readonly lost: number;
    readonly median: number;
    readonly p99: number;
    readonly last: number;
    readonly gone: number;
    /** Records of tasks that are gone, at the end. */
    readonly left: number;
    /** Records that stood after the address was another's to have. */
    readonly older: number;
    readonly requests: number;
    readonly refused: number;
    /** Of those refused: batches that asked for what could not be. */
    readonly invalid: number;
}

type Course = (clock: VirtualClock, model: Model) => Promise<void>;

/** All start within half a second; two minutes after the last name, all are stopped. */
export function burst(count: number): Course {
    return async (clock, model) => {
        const tasks = Array.from({ length: count }, () => model.startTask());
        tasks.forEach((task) => clock.after(Math.random() * 500, () => start(model, task)));
        await clock.runUntil(clock.now() + 300_000);
        tasks.forEach((task) => clock.after(Math.random() * 500, () => model.takeDown(task, () => 2_000)));
        await clock.runUntil(clock.now() + 600_000);
    };
}

/** So many tasks a second for three minutes, each for a minute. */
export function steady(lives: number): Course {
    return async (clock, model) => {
        for (let number = 0; number < lives * 180; number++) {
            clock.after((number / lives) * 1_000, () => {
                const task = model.startTask();
                start(model, task);
                clock.after(60_000, () => model.takeDown(task, () => 2_000));
            });
        }
        await clock.runUntil(clock.now() + 600_000);
    };
}

function start(model: Model, task: ModelTask): void {
    model.move(task, { lastStatus: "PENDING" });
    model.move(task, { lastStatus: "RUNNING" });
}

export async function measure(way: Way, course: Course): Promise<Measured> {
    const clock = installVirtualClock(1);
    const restoreOutput = mute();
    let model: Model;
    try {
        model = createModel(clock, way.options(clock));
        await course(clock, model);
        model.stop();
    } finally {
        clock.restore();
        restoreOutput();
    }
    const named = model.tasks.filter(({ namedAt }) => namedAt !== undefined);
    const delays = named
        .map(({ namedAt, startedAt }) => Math.max(0, namedAt! - startedAt!) / 1_000)
        .sort((a, b) => a - b);
    const at = (share: number) => delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? 0;
    const left = [...model.zone().sets.keys()].filter((name) => name.endsWith(`.${DOMAIN}.`)).length;
    const older = named.filter(({ unnamedAt = Infinity, releasedAt = Infinity }) => unnamedAt > releasedAt).length;
    const route53 = ["ChangeResourceRecordSets", "ListResourceRecordSets"].reduce(
        (sum, operation) => sum + (model.requests[operation] ?? 0),
        0,
    );
    return {
        named: named.length,
        lost: model.tasks.length - named.length,
        median: at(0.5),
        p99: at(0.99),
        last: at(1),
        gone: named.filter(({ unnamedAt }) => unnamedAt !== undefined).length,
        left,
        older,
        requests: route53,
        refused: Object.values(model.refused).reduce((sum, count) => sum + count, 0),
        invalid: model.refused.InvalidChangeBatch ?? 0,
    };
}

/**
 * As the peers do it: EventBridge invokes the function for each event; RUNNING upserts the record, STOPPED looks the record up and deletes it. The SDK
 * tries three times, Lambda invokes twice more, after one and two minutes; then the event is lost.
 */
function knownWay(clock: VirtualClock): NonNullable<ModelOptions["invoke"]> {
    const wait = (milliseconds: number) => new Promise<void>((resolve) => clock.after(milliseconds, resolve));

    async function send<T>(client: ModelClient, command: Parameters<ModelClient["send"]>[0]): Promise<T> {
        for (let attempt = 1; ; attempt++) {
            try {
                return (await client.send(command)) as T;
            } catch (error) {
                const { name } = error as Error;
                if (attempt === 3 || (name !== "Throttling" && name !== "PriorRequestNotComplete")) {
                    throw error;
                }
                await wait(Math.random() * 500 * 2 ** attempt);
            }
        }
    }

    async function handle(client: ModelClient, { detail }: Event): Promise<void> {
        const taskId = detail.taskArn.split("/").at(-1)!;
        const name = `${taskId}.${DOMAIN}.`;
        const change = (Action: "UPSERT" | "DELETE", ResourceRecordSet: ResourceRecordSet) =>
            send(
                client,
                new ChangeResourceRecordSetsCommand({
                    HostedZoneId: "Z1",
                    ChangeBatch: { Changes: [{ Action, ResourceRecordSet }] },
                }),
            );
        if (detail.lastStatus === "RUNNING" && detail.desiredStatus === "RUNNING") {
            const { NetworkInterfaces } = await send<{ NetworkInterfaces: { Association: { PublicIp: string } }[] }>(
                client,
                new DescribeNetworkInterfacesCommand({
                    Filters: [{ Name: "network-interface-id", Values: [`eni-${taskId}`] }],
                }),
            );
            const Value = NetworkInterfaces[0].Association.PublicIp;
            await change("UPSERT", { Name: name, Type: "A", TTL: 15, ResourceRecords: [{ Value }] });
        } else if (detail.lastStatus === "STOPPED") {
            const { ResourceRecordSets } = await send<{ ResourceRecordSets: ResourceRecordSet[] }>(
                client,
                new ListResourceRecordSetsCommand({ HostedZoneId: "Z1", StartRecordName: name, MaxItems: 1 }),
            );
            if (ResourceRecordSets[0]?.Name === name) {
                await change("DELETE", ResourceRecordSets[0]);
            }
        }
    }

    return (client, body) => {
        const event = JSON.parse(body) as Event;
        const invoke = (attempt: number): void => {
            handle(client, event).catch(() => {
                if (attempt < 3) {
                    clock.after(attempt * 60_000, () => invoke(attempt + 1));
                }
            });
        };
        invoke(1);
    };
}

interface Event {
    readonly detail: { readonly taskArn: string; readonly lastStatus: string; readonly desiredStatus: string };
}
