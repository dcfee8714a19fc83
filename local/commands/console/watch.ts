// What the console has to ask for, as nobody tells it: names in DNS, first answers, queues, targets, logs.
import { ElasticLoadBalancingV2 } from "@aws-sdk/client-elastic-load-balancing-v2";
import { SQS } from "@aws-sdk/client-sqs";
import type { QueueAttributeName } from "@aws-sdk/client-sqs";

import type { ZoneContent } from "../../internet/dns/records";
import { visit } from "../../internet/visitor";
import { clientConfig } from "../../machine/awsClients";
import type { SystemFile } from "../../machine/systemFile";
import { createLogReader, type LogLine } from "../logFiles";
import type { Feed } from "./feed";
import { createMetrics, metricsOf } from "./metrics";
import { type Records, type TaskRecord, userAgent } from "./records";

export interface Watched {
    readonly file: SystemFile;
    publishedZones(): readonly ZoneContent[];
}

/** Looks on until the function that it gives is called. */
export function watch(system: Watched, records: Records, feed: Feed): () => void {
    const readLog = createLogReader(system.file.directory, (name) => name !== "emulator");
    const tell = createMetrics(feed);
    const runs = createRuns(feed, (run) => {
        const dimensions = { FunctionName: run.function };
        const of = (metric: string, value: number) =>
            tell({ time: Date.now(), namespace: "AWS/Lambda", metric, dimensions, values: [value] });
        of("Invocations", 1);
        of("Errors", run.outcome === "error" ? 1 : 0);
        of("Duration", run.milliseconds ?? 0);
    });
    const visited = new Set<string>();
    let lines = 0;
    const timers = [
        every(100, () => {
            lookForNames(system, records);
            return visitNew(system.file, records, visited);
        }),
        every(300, () =>
            readLog().forEach((line) => {
                feed.set("line", String(++lines), { ...line, text: line.text.slice(0, 2_000) });
                runs(line);
                metricsOf(line.text).forEach(tell);
            }),
        ),
        every(1_000, () => askAws(system.file, records, feed)),
        every(1_000, () => sample(records, feed)),
    ];
    return () => timers.forEach((stop) => stop());
}

/** Again and again, that long after it has ended; what fails is tried again: a part of the system may be broken on purpose. */
function every(milliseconds: number, act: () => unknown): () => void {
    let isOver = false;
    const turn = async () => {
        try {
            await act();
        } catch {
            // next time
        }
        if (!isOver) {
            setTimeout(() => void turn(), milliseconds).unref();
        }
    };
    void turn();
    return () => (isOver = true);
}

function lookForNames(system: Watched, records: Records): void {
    const current = [...records.tasks.values()].filter(
        ({ status, address }) => status !== "STOPPED" || address !== undefined,
    );
    if (current.length === 0) {
        return;
    }
    const names = new Map<string, { hostname: string; address: string }>();
    for (const { sets } of system.publishedZones()) {
        for (const [name, recordSets] of sets) {
            const address = recordSets.find(({ Type }) => Type === "A")?.ResourceRecords?.[0]?.Value;
            if (address !== undefined) {
                names.set(name.slice(0, name.indexOf(".")), { hostname: name.replace(/\.$/, ""), address });
            }
        }
    }
    for (const { id, address, hostname, steps } of current) {
        const found = names.get(id);
        if (found?.address !== address || (found !== undefined && steps.named === undefined)) {
            const named = steps.named ?? (found && Date.now());
            records.amend(id, {
                hostname: found?.hostname ?? hostname,
                address: found?.address,
                steps: { ...(named && { named }) },
            });
        }
    }
}

/** Visits each task once its name is there, until its app answers (Envoy says 503 while it does not listen); a few at a time. */
async function visitNew(file: SystemFile, records: Records, visited: Set<string>): Promise<void> {
    const isDue = ({ id, status, address, steps }: TaskRecord) =>
        status === "RUNNING" && address !== undefined && steps.answered === undefined && !visited.has(id);
    const due = [...records.tasks.values()].filter(isDue).slice(0, 8);
    await Promise.all(
        due.map(async ({ id, hostname = "", address }) => {
            visited.add(id);
            const timeOver = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), 2_000).unref());
            const page = await Promise.race([visit(file, hostname, "/", { address }).catch(() => undefined), timeOver]);
            if (page === undefined || page.status === 503) {
                visited.delete(id);
            } else {
                records.amend(id, { answer: page.status, steps: { answered: Date.now() } });
            }
        }),
    );
}

interface Run {
    readonly function: string;
    readonly started: number;
    outcome: "running" | "ok" | "error";
    milliseconds?: number;
    memory?: number;
    readonly lines: string[];
}

/** Gathers the lines of a function's log into its runs. */
function createRuns(feed: Feed, onEnd: (run: Run) => void): (line: LogLine) => void {
    const current = new Map<string, { readonly id: string; readonly run: Run }>();
    return ({ name, text, time }) => {
        if (!name.startsWith("functions/")) {
            return;
        }
        const [, begun] = /^START RequestId: (\S+)/.exec(text) ?? [];
        if (begun !== undefined) {
            const run: Run = {
                function: name.slice("functions/".length),
                started: Date.now(),
                outcome: "running",
                lines: [],
            };
            current.set(name, { id: begun, run });
        }
        const going = current.get(name);
        if (going === undefined) {
            return;
        }
        const { id, run } = going;
        if (run.lines.length < 100) {
            run.lines.push(text.slice(0, 1_000));
        }
        const [, duration, memory] = /^REPORT .*?\bDuration: ([\d.]+) ms.*?Max Memory Used: (\d+) MB/.exec(text) ?? [];
        if (duration !== undefined) {
            run.milliseconds = Number(duration);
            run.memory = Number(memory);
            run.outcome = run.outcome === "error" || /Status: (error|timeout)/.test(text) ? "error" : "ok";
            onEnd(run);
        } else if (/\tERROR\t|Task timed out/.test(text)) {
            run.outcome = "error";
        }
        const started = begun === undefined && run.lines.length === 2 ? time : run.started;
        const shown = { ...run, started, lines: [...run.lines] };
        current.set(name, { id, run: { ...run, started } });
        feed.set("run", id, shown);
    };
}

const queueCounts: QueueAttributeName[] = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "RedrivePolicy",
];

async function askAws(file: SystemFile, records: Records, feed: Feed): Promise<void> {
    for (const region of records.regions) {
        const config = {
            ...clientConfig(file.gatewayUrl, { accountId: file.accountId, region }),
            customUserAgent: userAgent,
        };
        const sqs = new SQS(config);
        const { QueueUrls = [] } = await sqs.listQueues({});
        for (const QueueUrl of QueueUrls) {
            const { Attributes = {} } = await sqs.getQueueAttributes({ QueueUrl, AttributeNames: queueCounts });
            const name = QueueUrl.slice(QueueUrl.lastIndexOf("/") + 1);
            const deadLetters = /"deadLetterTargetArn":"[^"]*:([^":]+)"/.exec(Attributes.RedrivePolicy ?? "")?.[1];
            const [waiting, inFlight] = queueCounts.map((count) => Number(Attributes[count] ?? 0));
            feed.set("queue", `${region} ${name}`, { region, name, waiting, inFlight, deadLetters });
        }
        await askTargets(new ElasticLoadBalancingV2(config), region, feed);
    }
}

async function askTargets(elb: ElasticLoadBalancingV2, region: string, feed: Feed): Promise<void> {
    const { TargetGroups = [] } = await elb.describeTargetGroups({});
    for (const { TargetGroupArn, TargetGroupName = "", LoadBalancerArns = [] } of TargetGroups) {
        const { TargetHealthDescriptions = [] } = await elb.describeTargetHealth({ TargetGroupArn });
        feed.set("target", `${region} ${TargetGroupName}`, {
            region,
            group: TargetGroupName,
            loadBalancers: LoadBalancerArns.map((arn) => arn.split("/").at(-2)),
            targets: TargetHealthDescriptions.map(({ Target, TargetHealth }) => ({
                address: `${Target?.Id}:${Target?.Port}`,
                state: TargetHealth?.State,
                reason: TargetHealth?.Description,
            })),
        });
    }
}

/** One point of the plots, and what the tasks that run now would cost. */
function sample({ tasks }: Records, feed: Feed): void {
    const all = [...tasks.values()];
    const running = all.filter(({ status }) => status === "RUNNING");
    const waiting = all.filter(({ status }) => status === "PROVISIONING" || status === "PENDING");
    const named = all.flatMap(({ steps }) => (steps.RUNNING && steps.answered ? [steps.answered - steps.RUNNING] : []));
    const time = Math.floor(Date.now() / 1_000);
    const cost = running.reduce((sum, { size: [cpu, memory] }) => sum + dollarsAnHour(cpu, memory), 0);
    feed.set("sample", String(time), {
        time,
        running: running.length,
        waiting: waiting.length,
        toAnswer: named.at(-1),
        cost,
    });
}

/**
 * Of a Linux task on x86-64 with a public address, in eu-west-1: Fargate by vCPU and GB, and IPv4 by the hour.
 *
 * @see https://aws.amazon.com/fargate/pricing/ and https://aws.amazon.com/vpc/pricing/
 */
export function dollarsAnHour(cpuUnits: number, memoryMiB: number): number {
    return (cpuUnits / 1024) * 0.04048 + (memoryMiB / 1024) * 0.004445 + 0.005;
}
