import type { EC2Client } from "@aws-sdk/client-ec2";
import type { ECSClient } from "@aws-sdk/client-ecs";
import type { SQSClient } from "@aws-sdk/client-sqs";
import { describeError } from "../failure";
import type { HostedZone, RecordChange } from "../hostedZone";
import { publicAddresses, type Addresses } from "./addresses";
import { keyOf } from "./changeBatches";
import { changeRecords, type ChangeCount, type ChangeResult } from "./changeRecords";
import { recordsOf } from "./names";
import { readRows, writeRows, type Registry, type Row, type RowWrite } from "./registry";
import type { TaskDnsSettings } from "./settings";
import type { TaskHint } from "./taskEvents";
import { lookAtTasks, type TaskTruth } from "./tasks";

/** What the work needs to reach. */
export interface Reach {
    readonly settings: TaskDnsSettings;
    readonly ecs: ECSClient;
    readonly ec2: EC2Client;
    readonly zone: HostedZone;
    readonly registry: Registry;
    readonly sqs: SQSClient;
    /** Until when the registry is written, in milliseconds since the epoch; the zone is changed until some time before. */
    readonly deadline: number;
    /** When the run is over. */
    readonly end: number;
    /** Until when nobody else may work on what this run works on: when no request of it can be under way any more. */
    readonly lease: number;
}

/** Why a task is not settled. `trouble` is AWS's, and only time helps; otherwise the sweep asks again soon enough. */
export interface Unsettled {
    readonly reason: string;
    readonly trouble: boolean;
}

export interface Settled {
    /** By task id. */
    readonly unsettled: ReadonlyMap<string, Unsettled>;
    /** Rows that came to be LIVE, and those whose record went. */
    readonly published: readonly Row[];
    readonly removed: readonly Row[];
    /** Tasks whose name is another's. */
    readonly occupied: number;
    readonly changes?: ChangeCount;
    readonly changeIds: readonly string[];
}

/** What a run does about a task: the row that it claims, and what the row is to be when the zone has been changed. */
interface Work {
    readonly taskId: string;
    readonly before: Row | undefined;
    readonly claimed: Row;
    readonly action: "CREATE" | "DELETE";
    /** ECS does not know the task any more: then nothing needs to be remembered. */
    readonly forget: boolean;
}

/**
 * Gives every task that is to have it its record, and takes it from every one that is stopping or gone. Each step is written down before it is
 * taken, and whoever finds a step half taken takes it again: so a run may end anywhere, and any other may take over.
 */
export async function settleTasks(reach: Reach, hints: readonly TaskHint[]): Promise<Settled> {
    const unsettled = new Map<string, Unsettled>();
    const wait = (taskId: string, reason: string, trouble: boolean) => unsettled.set(taskId, { reason, trouble });
    const waitAll = (some: readonly { readonly taskId: string }[], error: unknown) =>
        some.forEach(({ taskId }) => wait(taskId, describeError(error), true));
    const nothing = { unsettled, published: [], removed: [], occupied: 0, changeIds: [] };

    let rows: Map<string, Row>;
    try {
        rows = await readRows(
            reach.registry,
            hints.map(({ taskId }) => taskId),
            reach.deadline,
        );
    } catch (error) {
        waitAll(hints, error);
        return nothing;
    }
    const planned = await plan(reach, hints, rows, wait);
    let work: Work[];
    try {
        const claims = planned.map(({ taskId, before, claimed }): RowWrite => ({ taskId, before, after: claimed }));
        const overtaken = await writeRows(reach.registry, claims, reach.deadline);
        overtaken.forEach((taskId) => wait(taskId, "another run works on it", true));
        work = planned.filter(({ taskId, claimed }) => !overtaken.has(taskId) && claimed.until > 0);
    } catch (error) {
        waitAll(planned, error);
        return nothing;
    }
    if (work.length === 0) {
        return nothing;
    }

    // Deletions first: a freed address is worse than a name that comes a second later.
    const changes = [...work]
        .sort((a, b) => (a.action === b.action ? 0 : a.action === "DELETE" ? -1 : 1))
        .flatMap(({ action, claimed }) => recordsOf(claimed).map((record): RecordChange => ({ ...record, action })));
    const mine = new Set(
        work
            .filter(({ taskId, before, claimed }) => before !== undefined || claimed.name?.startsWith(`${taskId}.`))
            .map(({ claimed }) => claimed.name),
    );
    const { results, count, changeIds } = await changeRecords(reach, changes, ({ name }) => mine.has(name));

    const ends = work.map((one) => ({ ...one, end: ending(one, results) }));
    ends.forEach(({ taskId, end }) => end.unsettled && unsettled.set(taskId, end.unsettled));
    try {
        const marks = ends.map(({ taskId, claimed, end }): RowWrite => ({ taskId, before: claimed, after: end.row }));
        const overtaken = await writeRows(reach.registry, marks, reach.deadline);
        overtaken.forEach((taskId) => wait(taskId, "another run took over", true));
    } catch (error) {
        waitAll(ends, error);
    }
    const done = ends.filter(({ taskId }) => !unsettled.has(taskId));
    const of = (action: Work["action"]) =>
        done.filter((one) => one.action === action && one.claimed.name !== undefined);
    return {
        unsettled,
        published: of("CREATE").map(({ claimed, end }) => end.row ?? claimed),
        removed: of("DELETE").map(({ claimed }) => claimed),
        occupied: ends.filter(({ end }) => end.occupied).length,
        changes: count,
        changeIds,
    };
}

/** What a row alone says to a hint: mostly enough, so that an event that tells nothing new costs one read. */
export function nextStep(hint: TaskHint, row: Row | undefined, now: number): "nothing" | "wait" | "look" | "remove" {
    if (row?.state === "GONE") {
        return "nothing";
    }
    if (row !== undefined && row.until > now) {
        return "wait";
    }
    if (hint.stopping || row?.state === "REMOVING") {
        return "remove";
    }
    return row?.state === "LIVE" && !hint.swept ? "nothing" : "look";
}

type Wait = (taskId: string, reason: string, trouble: boolean) => void;

/** Sorts the hints into what is to be done about them. */
async function plan(
    reach: Reach,
    hints: readonly TaskHint[],
    rows: ReadonlyMap<string, Row>,
    wait: Wait,
): Promise<Work[]> {
    const { settings, ecs, lease, deadline } = reach;
    const now = Date.now();
    const removals: Work[] = [];
    const remove = ({ taskId, taskArn, version }: TaskHint, seen: number, forget = false) => {
        const before = rows.get(taskId);
        const base = { ...before, taskId, taskArn, version: Math.max(version, seen, before?.version ?? 0), since: now };
        if (before?.name !== undefined) {
            const claimed: Row = { ...base, state: "REMOVING", until: lease, revision: before.revision + 1 };
            removals.push({ taskId, before, claimed, action: "DELETE", forget });
        } else if (!forget) {
            // Nothing stands: it is enough to remember that nothing ever may.
            const claimed: Row = { ...base, state: "GONE", until: 0, revision: (before?.revision ?? 0) + 1 };
            removals.push({ taskId, before, claimed, action: "DELETE", forget });
        }
    };

    const toLook: TaskHint[] = [];
    for (const hint of hints) {
        switch (nextStep(hint, rows.get(hint.taskId), now)) {
            case "nothing":
                break;
            case "wait":
                wait(hint.taskId, "another run works on it", true);
                break;
            case "remove":
                remove(hint, 0);
                break;
            case "look":
                toLook.push(hint);
        }
    }
    const asked = toLook.map((hint) => ({ hint, row: rows.get(hint.taskId) }));
    const truths = await lookAtTasks(ecs, settings, asked, deadline);
    const ready: { hint: TaskHint; truth: TaskTruth }[] = [];
    for (const hint of toLook) {
        const truth = truths.get(hint.taskId)!;
        if (truth.state === "stopping" || truth.state === "missing") {
            remove(hint, truth.version, truth.state === "missing");
        } else if (truth.state === "unclear") {
            wait(hint.taskId, truth.reason ?? "", false);
        } else if (truth.state === "ready" && rows.get(hint.taskId)?.state !== "LIVE") {
            ready.push({ hint, truth });
        }
    }
    const all = [...removals, ...(await planNames(reach, ready, rows, wait))];
    // Where names are not ids, two tasks may want the same one, or one that another has just left: one after the other.
    const taken = new Set<string>();
    return all.filter(({ taskId, claimed: { name } }) => {
        const isFree = name === undefined || !taken.has(name);
        if (isFree) {
            taken.add(name ?? "");
        } else {
            wait(taskId, `another task of this batch has the name ${name}`, true);
        }
        return isFree;
    });
}

/** After so long in RUNNING, a task that has one kind of address gets no other. */
const COMPLETE_MILLISECONDS = 60_000;

/** The names to be made: of the tasks whose addresses EC2 shows. */
async function planNames(
    { settings, ec2, lease, deadline }: Reach,
    ready: readonly { readonly hint: TaskHint; readonly truth: TaskTruth }[],
    rows: ReadonlyMap<string, Row>,
    wait: Wait,
): Promise<Work[]> {
    let addresses: ReadonlyMap<string, Addresses>;
    try {
        addresses = await publicAddresses(
            ec2,
            ready.flatMap(({ truth }) => truth.networkInterfaceId ?? []),
            deadline,
        );
    } catch (error) {
        ready.forEach(({ hint }) => wait(hint.taskId, describeError(error), true));
        return [];
    }
    const now = Date.now();
    const work: Work[] = [];
    for (const { hint, truth } of ready) {
        const { taskId, taskArn } = hint;
        const before = rows.get(taskId);
        const { ipv4, ipv6 } = addresses.get(truth.networkInterfaceId ?? "") ?? {};
        const isComplete = truth.runningSince !== undefined && now - truth.runningSince > COMPLETE_MILLISECONDS;
        if (before?.name === undefined && truth.name === undefined) {
            wait(taskId, truth.reason ?? "", false);
        } else if (before?.name === undefined && ipv4 === undefined && !(settings.ipv6 && ipv6 && isComplete)) {
            // A task in PENDING has another event to come.
            if (truth.runningSince !== undefined) {
                wait(
                    taskId,
                    `EC2 shows no public address of ${truth.networkInterfaceId ?? "it"}: run it in a public subnet with assignPublicIp ENABLED`,
                    false,
                );
            }
        } else {
            const made = {
                name: truth.name,
                ttl: settings.recordTtl,
                ipv4,
                ipv6: settings.ipv6 ? ipv6 : undefined,
            };
            const claimed: Row = {
                taskId,
                taskArn,
                // What an earlier run may have made counts, whatever the settings are by now.
                ...(before?.name === undefined ? made : before),
                state: "NAMING",
                version: Math.max(truth.version, before?.version ?? 0),
                since: now,
                until: lease,
                revision: (before?.revision ?? 0) + 1,
            };
            work.push({ taskId, before, claimed, action: "CREATE", forget: false });
        }
    }
    return work;
}

/** A request that was not answered may be made so much later. */
export const UNDER_WAY_MILLISECONDS = 5_000;

interface Ending {
    /** What the row is to be; none, if it is to go. */
    readonly row: Row | undefined;
    readonly unsettled?: Unsettled;
    readonly occupied?: boolean;
}

/** What becomes of a row after what became of its changes. */
function ending({ claimed, action, forget }: Work, results: ReadonlyMap<string, ChangeResult>): Ending {
    const now = Date.now();
    const records = recordsOf(claimed);
    const outcomes = records.map((record) => results.get(keyOf(record))!);
    const unanswered = outcomes.find(({ mayComeYet }) => mayComeYet);
    const failed = outcomes.find(({ outcome }) => outcome === "open" || outcome === "refused");
    if (unanswered !== undefined) {
        // What is said of the record now need not hold: nobody goes on before that request cannot come any more.
        const reason = unanswered.reason || "an answer was lost: it is looked at again";
        return {
            row: { ...claimed, since: now, until: now + UNDER_WAY_MILLISECONDS },
            unsettled: { reason, trouble: true },
        };
    }
    const idle = { ...claimed, since: now, until: 0 };
    if (failed !== undefined) {
        return {
            row: idle,
            unsettled: { reason: failed.reason, trouble: failed.outcome === "open" },
        };
    }
    if (action === "DELETE") {
        // A record that differs is not the one that we made: somebody else's, and none of ours stands.
        return { row: forget ? undefined : { ...idle, state: "GONE" } };
    }
    const stands = (type: "A" | "AAAA") =>
        records.some((record, index) => record.type === type && outcomes[index].outcome === "done");
    const row: Row = {
        ...idle,
        state: "LIVE",
        ipv4: stands("A") ? claimed.ipv4 : undefined,
        ipv6: stands("AAAA") ? claimed.ipv6 : undefined,
    };
    const occupied = outcomes.find(({ outcome }) => outcome === "occupied");
    return row.ipv4 === undefined && row.ipv6 === undefined
        ? { row: undefined, occupied: true, unsettled: { reason: occupied?.reason ?? "", trouble: false } }
        : { row, occupied: occupied !== undefined };
}
