// What the console does for who looks at it: to tasks, to the stack, and against the system.
import {
    ChangeResourceRecordSetsCommand,
    ListResourceRecordSetsCommand,
    Route53Client,
} from "@aws-sdk/client-route-53";
import { ECSClient, StopTaskCommand } from "@aws-sdk/client-ecs";

import { type Caller, renew, runTasks, taskIdOf } from "../../internet/caller";
import { clientConfig } from "../../machine/awsClients";
import type { SystemFile } from "../../machine/systemFile";
import type { RunningSystem } from "../../system";
import type { Feed } from "./feed";
import type { Records, TaskRecord } from "./records";
import type { Actions } from "./server";

export interface Acting {
    readonly system: RunningSystem;
    readonly records: Records;
    readonly feed: Feed;
    /** Of the stack as it is now; none before it is up. */
    callers(): readonly Caller[];
    /** Runs a Pulumi operation on the stack, and tells of its progress. */
    operate(kind: "up" | "destroy", tell: (text: string) => void): Promise<void>;
    /** Opens a task in a browser, or says how to look at it. */
    open(caller: Caller, id: string): Promise<string>;
}

export function createActions(acting: Acting): Actions {
    const { system, records, feed } = acting;
    const { broken } = records;

    function taskOf({ task = "" }: Readonly<Record<string, string>>): TaskRecord {
        const record = records.tasks.get(task);
        if (record === undefined || record.status === "STOPPED") {
            throw new Error(`Task ${task.slice(0, 8)} does not run.`);
        }
        return record;
    }

    function firstCaller(): Caller {
        const [caller] = acting.callers();
        if (caller === undefined) {
            throw new Error("The stack is not up.");
        }
        return caller;
    }

    async function operate(kind: "up" | "destroy"): Promise<string> {
        const tell = (text: string, isRunning = true) => feed.set("about", "operation", { kind, text, isRunning });
        tell(`pulumi ${kind} …`);
        try {
            await acting.operate(kind, (text) => tell(`pulumi ${kind}: ${text}`));
            tell(`pulumi ${kind}: done`, false);
            return `pulumi ${kind}: done`;
        } catch (error) {
            tell(`pulumi ${kind} failed`, false);
            throw error;
        }
    }

    function signalEnvoy(input: Readonly<Record<string, string>>, signal: NodeJS.Signals): string {
        const { id } = taskOf(input);
        if (!system.signal(`tasks/${id}-envoy`, signal)) {
            throw new Error(`Task ${id.slice(0, 8)} has no container "envoy" that runs.`);
        }
        feed.set("fault", `hung ${id}`, signal === "SIGSTOP" ? true : null);
        return `Envoy of ${id.slice(0, 8)}: ${{ SIGKILL: "killed", SIGSTOP: "hangs", SIGCONT: "resumed" }[signal as string]}`;
    }

    return {
        async run({ count = "1" }) {
            const number = Number(count);
            if (!Number.isInteger(number) || number < 1 || number > 100) {
                throw new Error(`${count}: it takes a whole number from 1 to 100.`);
            }
            const arns = await runTasks(firstCaller(), number);
            return `Started ${arns.map((arn) => taskIdOf(arn).slice(0, 8)).join(", ")}`;
        },
        async stop({ task }) {
            const running = [...records.tasks.values()].filter(({ status }) => status !== "STOPPED");
            const chosen = task === undefined ? running : [taskOf({ task })];
            await Promise.all(chosen.map((record) => stop(system.file, record)));
            return `Told ${chosen.length === 1 ? chosen[0].id.slice(0, 8) : `${chosen.length} tasks`} to stop`;
        },
        async renew() {
            const results = await Promise.all(acting.callers().map((caller) => renew(caller, true)));
            return results.map(({ outcome, reason }) => `${outcome}: ${reason}`).join("; ");
        },
        open: ({ task }) => {
            const record = taskOf({ task });
            const caller = acting.callers().find(({ region }) => region === record.region) ?? firstCaller();
            return acting.open(caller, record.id);
        },
        up: () => operate("up"),
        destroy: () => operate("destroy"),
        killEnvoy: (input) => signalEnvoy(input, "SIGKILL"),
        hangEnvoy: (input) => signalEnvoy(input, "SIGSTOP"),
        resumeEnvoy: (input) => signalEnvoy(input, "SIGCONT"),
        async deleteRecord(input) {
            const { hostname, id } = taskOf(input);
            if (hostname === undefined) {
                throw new Error(`Task ${id.slice(0, 8)} has no record.`);
            }
            await deleteRecord(system.file, hostname);
            return `The record ${hostname} is deleted`;
        },
        breakOrMend({ fault = "" }) {
            const isOn = feed.get("fault", fault) === true;
            const [kind, service] = fault.split(" ");
            if (fault === "loseEvents") {
                broken.loseEvents = !isOn;
            } else if (fault === "authority") {
                system.signal("pebble", isOn ? "SIGCONT" : "SIGSTOP");
            } else if (kind === "throttle" && /^[a-z0-9]+$/.test(service ?? "")) {
                broken.throttled[isOn ? "delete" : "add"](service);
            } else {
                throw new Error(`There is no fault called ${fault}.`);
            }
            feed.set("fault", fault, isOn ? null : true);
            return `${fault}: ${isOn ? "mended" : "broken"}`;
        },
    };
}

async function stop({ gatewayUrl, accountId }: SystemFile, { region, clusterArn, taskArn }: TaskRecord): Promise<void> {
    const ecs = new ECSClient(clientConfig(gatewayUrl, { accountId, region }));
    await ecs.send(new StopTaskCommand({ cluster: clusterArn, task: taskArn, reason: "Stopped in the console" }));
}

async function deleteRecord({ gatewayUrl, accountId, hostedZoneId }: SystemFile, hostname: string): Promise<void> {
    const route53 = new Route53Client(clientConfig(gatewayUrl, { accountId, region: "us-east-1" }));
    const name = `${hostname}.`;
    const list = new ListResourceRecordSetsCommand({
        HostedZoneId: hostedZoneId,
        StartRecordName: name,
        StartRecordType: "A",
    });
    const { ResourceRecordSets = [] } = await route53.send(list);
    const found = ResourceRecordSets.find(({ Name, Type }) => Name === name && Type === "A");
    if (found === undefined) {
        throw new Error(`${hostname} has no A record.`);
    }
    const Changes = [{ Action: "DELETE" as const, ResourceRecordSet: found }];
    await route53.send(new ChangeResourceRecordSetsCommand({ HostedZoneId: hostedZoneId, ChangeBatch: { Changes } }));
}
