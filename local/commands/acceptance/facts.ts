// What docs/design.md relies on and nobody has seen on AWS yet, with how an acceptance run looks at it.
import type { Attachment } from "@aws-sdk/client-ecs";

import { awsBy } from "../../aws/resources/sdk";
import { deliveredCertificate, describeTask, hostnameOf, runTasks, stopTask, taskIdOf } from "../../internet/caller";
import type { Caller, Eventually, RegionOutputs } from "../../internet/caller";
import { addressOf, visit } from "../../internet/visitor";
import type { SystemFile } from "../../machine/systemFile";
import type { Project, Target } from "./target";

/** What was found out. Undecided: this run could not tell. */
export interface Finding {
    readonly verdict: "held" | "not held" | "undecided";
    readonly evidence: string;
}

/** A line of the report. */
export interface Row extends Finding {
    readonly fact: string;
    readonly otherwise: string;
}

/** What looks need to look. */
export interface Run {
    readonly target: Target;
    readonly project: Project;
    /** Cuts off what takes long. */
    readonly signal: AbortSignal;
    /** Rejects when the time is over, too. */
    readonly eventually: Eventually;
    readonly say: (text: string) => void;
}

/** How a life is looked at. */
export interface Looks {
    /** Deploys, and looks. */
    go(run: Run): Promise<void>;
    /** What came of it, as far as it came. */
    rows(): Row[];
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

export const notSeen: Finding = { verdict: "undecided", evidence: "the run did not come that far" };

function ofTask(find: (task: TaskSeen) => Finding) {
    return ({ task }: Seen): Finding => (task ? find(task) : notSeen);
}

function unchanged(changes: Readonly<Record<string, number>> | undefined): Finding {
    if (!changes) {
        return notSeen;
    }
    return decided(Object.keys(changes).join() === "same", JSON.stringify(changes));
}

const inOrder = ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"]; // prettier-ignore

/** Of every stack. */
export const upFacts: readonly Fact[] = [
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
];

/** Of the stack itself. */
const facts: readonly Fact[] = [
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
                ? notSeen
                : decided(certificateSeconds < 300, `first certificate ${certificateSeconds} s after up`),
    },
    ...upFacts,
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

function networkInterfaceOf(attachments: readonly Attachment[] = []): string | undefined {
    const details = attachments.flatMap(({ details: of = [] }) => of);
    return details.find(({ name }) => name === "networkInterfaceId")?.value;
}

/** The stack itself: its first certificate, and a task of it. */
export function stackLooks(): Looks {
    const seen: Seen = {};
    return {
        async go(run) {
            const { target, project, signal, eventually, say } = run;
            say("pulumi up");
            const { outputs } = await target.operate("up", project, { signal });
            const isUp = Date.now();
            const caller = callerIn(target, outputs);
            say("Waiting for the first certificate");
            await eventually("the first certificate", () => deliveredCertificate(caller));
            seen.certificateSeconds = Math.round((Date.now() - isUp) / 1_000);
            say("A task starts, answers and stops");
            seen.task = await watchTask(run, caller);
            await upAgain(run, seen);
        },
        rows: () => facts.map(({ fact, otherwise, finding }) => ({ fact, otherwise, ...finding(seen) })),
    };
}

/** A back end in the first region. */
function callerIn(target: Target, outputs: Readonly<Record<string, unknown>>): Caller {
    const [[region, ofRegion]] = Object.entries(outputs.regions as Readonly<Record<string, RegionOutputs>>);
    const { ecs, lambda, secretsManager: secrets } = awsBy(target.clientConfig(region), { region, accountId: target.account }); // prettier-ignore
    // Only what asks the local system itself looks at its file.
    return { system: {} as SystemFile, region, outputs: ofRegion, ecs, lambda, secrets };
}

/** Twice: once as it is, once after a refresh. */
export async function upAgain({ target, project, signal, say }: Run, seen: Seen): Promise<void> {
    say("pulumi up again");
    seen.secondUp = (await target.operate("up", project, { signal })).changes;
    say("pulumi refresh, and up");
    await target.operate("refresh", project, { signal });
    seen.upAfterRefresh = (await target.operate("up", project, { signal })).changes;
}

/** Starts a task, visits it, stops it, and says what was seen. The task is stopped whatever happens. */
async function watchTask({ target, eventually }: Run, caller: Caller): Promise<TaskSeen> {
    const { ec2 } = awsBy(target.clientConfig(caller.region), { region: caller.region, accountId: target.account });
    const [taskArn] = await runTasks(caller);
    const walk: string[] = [];
    let addressSeenAt: string | undefined;
    const look = async (): Promise<string | undefined> => {
        const task = await describeTask(caller, taskArn);
        const status = task?.lastStatus;
        if (status === undefined) {
            return undefined; // a task that was just started may be MISSING at first
        }
        if (walk.at(-1) !== status) {
            walk.push(status);
        }
        const id = networkInterfaceOf(task?.attachments);
        if (addressSeenAt === undefined && id !== undefined) {
            const { NetworkInterfaces = [] } = await ec2.describeNetworkInterfaces({ NetworkInterfaceIds: [id] });
            addressSeenAt = NetworkInterfaces[0]?.Association?.PublicIp === undefined ? undefined : status;
        }
        return status;
    };
    const until = (wanted: string) =>
        eventually(`the task ${wanted}`, async () => {
            const status = await look();
            if (status === "STOPPED" && wanted !== status) {
                const task = await describeTask(caller, taskArn);
                throw new Error(`The task stopped instead of running: ${task?.stoppedReason ?? "no reason given"}`);
            }
            return status === wanted ? true : undefined;
        });
    try {
        await until("RUNNING");
        const running = Date.now();
        const hostname = hostnameOf(caller, taskArn);
        const statusAs = async (asked: string): Promise<number> =>
            (await visit(target.internet, asked, "/", { address: await addressOf(target.internet, hostname) })).status;
        const status = await eventually(`${hostname} answering`, () => statusAs(hostname).catch(() => undefined));
        const runningToFirstByteMs = Date.now() - running;
        const statusOfAnotherName = await statusAs(`${"0".repeat(32)}.${caller.outputs.domain}`);
        await stopTask(caller, taskArn);
        await until("STOPPED");
        const { httpsPort } = target.internet;
        return { httpsPort, status, statusOfAnotherName, addressSeenAt, runningToFirstByteMs, walk };
    } finally {
        await stopTask(caller, taskIdOf(taskArn)).catch(() => undefined); // it may have gone
    }
}
