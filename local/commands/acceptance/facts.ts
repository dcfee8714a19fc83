// What docs/design.md relies on and nobody has seen on AWS yet, with how an acceptance run looks at it.
import { setTimeout as delay } from "node:timers/promises";

import type { Attachment } from "@aws-sdk/client-ecs";

import { describeTask, hostnameOf, runTasks, stopTask, taskIdOf } from "../../internet/caller";
import type { Target, Up } from "./target";

/** What was found out. Undecided: this run could not tell. */
export interface Finding {
    readonly verdict: "held" | "not held" | "undecided";
    readonly evidence: string;
}

export interface Fact {
    /** As docs/design.md lists it. */
    readonly fact: string;
    /** What happens if it turns out otherwise. */
    readonly otherwise: string;
    /** Where its finding stands among what a run has seen. */
    readonly finding: (seen: Seen) => Finding;
}

/** What a run has seen, as far as it came. */
export interface Seen {
    /** Of the first certificate after `up`, in seconds. */
    certificateSeconds?: number;
    task?: TaskSeen;
    secondUp?: Readonly<Record<string, number>>;
    upAfterRefresh?: Readonly<Record<string, number>>;
}

export interface TaskSeen {
    readonly httpsPort: number;
    readonly status: number;
    readonly statusOfAnotherName: number;
    /** lastStatus of the task when its address was first there. */
    readonly addressSeenAt?: string;
    readonly runningToFirstByteMs: number;
    /** lastStatus, in the order in which it was seen. */
    readonly walk: readonly string[];
}

function decided(holds: boolean | undefined, evidence: string): Finding {
    return { verdict: holds === undefined ? "undecided" : holds ? "held" : "not held", evidence };
}

const unseen: Finding = { verdict: "undecided", evidence: "the run did not come that far" };

function ofTask(find: (task: TaskSeen) => Finding) {
    return ({ task }: Seen): Finding => (task ? find(task) : unseen);
}

function unchanged(changes: Readonly<Record<string, number>> | undefined): Finding {
    if (!changes) {
        return unseen;
    }
    return decided(Object.keys(changes).join() === "same", JSON.stringify(changes));
}

const inOrder = ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"]; // prettier-ignore

export const facts: readonly Fact[] = [
    {
        fact: "Envoy without privileges listens on port 443, by net.ipv4.ip_unprivileged_port_start=0",
        otherwise: "no task answers: give httpsPort a port above 1023, or Envoy NET_BIND_SERVICE",
        finding: ofTask(({ httpsPort, status }) =>
            decided(
                httpsPort === 443 ? status === 200 : undefined,
                httpsPort === 443 ? `status ${status} at port 443` : `here port ${httpsPort} stands for 443`,
            ),
        ),
    },
    {
        fact: "a task's network interface has its public address before the task is RUNNING",
        otherwise: "records come later by the time a task is PENDING; nothing fails",
        finding: ofTask(({ addressSeenAt }) =>
            decided(
                addressSeenAt === undefined ? undefined : addressSeenAt !== "RUNNING",
                `first seen at ${addressSeenAt ?? "no look"}`,
            ),
        ),
    },
    {
        fact: "a task goes through its states in the documented order",
        otherwise: "the sync function asks DescribeTasks anyway: a record may go later",
        finding: ofTask(({ walk }) => {
            const places = walk.map((status) => inOrder.indexOf(status));
            return decided(
                places.every((place, i) => place >= 0 && (i === 0 || place > places[i - 1])),
                walk.join(", "),
            );
        }),
    },
    {
        fact: "a rate schedule without a start date invokes its target as soon as it is made",
        otherwise: "the first certificate comes with the next tick: run the renewal function once by hand",
        finding: ({ certificateSeconds }) =>
            certificateSeconds === undefined
                ? unseen
                : decided(certificateSeconds < 300, `first certificate ${certificateSeconds} s after up`),
    },
    {
        fact: "a second up changes nothing: what AWS normalises is equal by the provider's comparison",
        otherwise: "each up replaces the task definition and every service's tasks",
        finding: ({ secondUp }) => unchanged(secondUp),
    },
    {
        fact: "up after a refresh changes nothing",
        otherwise: "as with a second up",
        finding: ({ upAfterRefresh }) => unchanged(upAfterRefresh),
    },
    {
        fact: "ECS_CONTAINER_METADATA_URI_V4 ends in /<task id>-<number>, by which a task knows its own name",
        otherwise: "a task serves every name below the domain, also one that belonged to another",
        finding: ofTask(({ status, statusOfAnotherName }) =>
            decided(
                status === 200 && statusOfAnotherName === 421,
                `own name ${status}, another one ${statusOfAnotherName}`,
            ),
        ),
    },
    {
        fact: "a refused change batch of Route 53 is charged like one that is accepted",
        otherwise: "more retries would be free; nothing fails",
        finding: () =>
            decided(undefined, "Route 53 does not show what it charges: to be read from throttling under load"),
    },
    {
        fact: "from RUNNING to the first byte over HTTPS it takes less than two seconds and Route 53's own delay",
        otherwise: "a caller waits longer for the URL to work",
        finding: ofTask(({ runningToFirstByteMs }) =>
            decided(runningToFirstByteMs < 62_000, `${runningToFirstByteMs} ms`),
        ),
    },
];

function addressOf(attachments: readonly Attachment[] = []): string | undefined {
    const details = attachments.flatMap(({ details: of = [] }) => of);
    return details.find(({ name }) => name === "networkInterfaceId")?.value;
}

/** Starts a task, visits it, stops it, and says what was seen. The task is stopped whatever happens. */
export async function watchTask(target: Target, { caller }: Up, deadline: () => void): Promise<TaskSeen> {
    const [taskArn] = await runTasks(caller);
    const walk: string[] = [];
    let addressSeenAt: string | undefined;
    const look = async (): Promise<string | undefined> => {
        deadline();
        const task = await describeTask(caller, taskArn);
        const status = task?.lastStatus;
        if (status === undefined) {
            return undefined; // a task that was just started may be MISSING at first
        }
        if (walk.at(-1) !== status) {
            walk.push(status);
        }
        const networkInterfaceId = addressOf(task?.attachments);
        if (addressSeenAt === undefined && networkInterfaceId !== undefined) {
            addressSeenAt = (await target.publicAddress(caller, networkInterfaceId)) === undefined ? undefined : status;
        }
        return status;
    };
    try {
        while ((await look()) !== "RUNNING") {
            if (walk.at(-1) === "STOPPED") {
                const task = await describeTask(caller, taskArn);
                throw new Error(`The task stopped instead of running: ${task?.stoppedReason ?? "no reason given"}`);
            }
            await delay(target.pollMs);
        }
        const running = Date.now();
        const hostname = hostnameOf(caller, taskArn);
        const page = await untilAnswered(target, hostname, deadline);
        const runningToFirstByteMs = Date.now() - running;
        const another = `${"0".repeat(32)}.${caller.outputs.domain}`;
        const misdirected = await target.visit(another, hostname);
        await stopTask(caller, taskArn);
        while ((await look()) !== "STOPPED") {
            await delay(target.pollMs);
        }
        return {
            httpsPort: target.httpsPort,
            status: page,
            statusOfAnotherName: misdirected,
            addressSeenAt,
            runningToFirstByteMs,
            walk,
        };
    } finally {
        await stopTask(caller, taskIdOf(taskArn)).catch(() => undefined); // it may have gone
    }
}

async function untilAnswered(target: Target, hostname: string, deadline: () => void): Promise<number> {
    for (;;) {
        deadline();
        const status = await target.visit(hostname, hostname).catch(() => undefined);
        if (status !== undefined) {
            return status;
        }
        await delay(target.pollMs);
    }
}
