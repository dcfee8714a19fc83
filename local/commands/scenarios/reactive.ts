// The whole life of examples/reactive: `npm start -- --scenario reactive`.
import { get } from "node:http";
import { json } from "node:stream/consumers";

import { DynamoDBClient, paginateScan, ScanCommandInput } from "@aws-sdk/client-dynamodb";
import { ListrTask } from "listr2";

import { createAws } from "../../aws/resources/sdk";
import { ShardLimits, shardLimits } from "../../aws/kinesis/overlay";
import { eventually, patient } from "../../internet/caller";
import { resolve } from "../../internet/visitor";
import { clientConfig } from "../../machine/awsClients";
import type { SystemFile } from "../../machine/systemFile";
import { OperationOptions, runOperation } from "../../pulumi/operation";
import { readState } from "../../pulumi/state";
import { goThrough, operations, Running, runningSystem, Stack, StackReport } from "../steps";
import { Deployed, deployed, region } from "./deployed";
import { Answered, Senders, startSenders } from "./eventSenders";
import { exampleOptions } from "./example";

/** What became of events. Times are in milliseconds. */
export interface Stored extends Answered {
    /** Taken, and not in the table. */
    readonly lost: number;
    /** In the table, and taken by nobody. */
    readonly strange: number;
    /** From the last answer until the table had all. */
    readonly storedAfter: number;
}

/** What `--report` writes. */
export interface ReactiveReport extends StackReport {
    /** Versions of a campaign that each collector knew by heart, and then knew; how long after it was told to the stream. */
    update?: { before: number[]; after: number[]; milliseconds: number };
    load?: Stored;
    /** The first node of the cache ends under load, and a campaign changes at once. */
    cacheBroken?: Stored & { after: number[]; milliseconds: number };
    /** The stream takes nothing: events that were stored meanwhile, and what became of all of them when it took some again. */
    streamBroken?: Stored & { meanwhile: number };
    /** Records that were given up. */
    failures?: number;
}

interface Life extends Running {
    up?: Deployed;
    /** Of the stack. */
    outputs?: Readonly<Record<"updatesStream" | "eventsTable" | "failuresUrl", string>>;
    cacheId?: string;
    /** What the stream's shards take; undefined: as much as AWS's. */
    limits?: ShardLimits;
    /** Ids of all events that were taken so far. */
    taken?: Set<string>;
}

const campaign = "summer";
const nothing: ShardLimits = { records: 0, bytes: 0 };
/** Counting a table is work for the emulator. */
const seldom = patient(180, 250);

export async function reactiveLife(report: ReactiveReport, name: string): Promise<void> {
    const life: Life = {};
    const stack: Stack<Life> = {
        projectName: "reactive",
        options: optionsOf,
        onUp: (context, system, outputs) => {
            const { resources } = readState(system, "local", "reactive");
            const aws = createAws(system.gatewayUrl, { accountId: system.accountId, region });
            const redeploy = () => runOperation(system, "up", optionsOf(system));
            context.up = deployed({ aws, internet: system, eventually, redeploy }, resources);
            context.outputs = outputs as Life["outputs"];
            context.cacheId = String(
                resources.find(({ type }) => type === "aws:elasticache/replicationGroup:ReplicationGroup")?.outputs
                    ?.replicationGroupId,
            );
        },
    };
    const steps: ListrTask<Life>[] = [
        ...operations(report, stack),
        campaignTold(report),
        eventsTaken(report),
        cacheBroken(report),
        streamBroken(report),
        tableReleased(report),
    ];
    const kinesis = { limits: () => life.limits ?? shardLimits };
    await goThrough({ name, kinesis, life, report, stack }, steps);
}

function domainOf({ domain }: SystemFile): string {
    return `reactive.${domain}`;
}

function optionsOf(system: SystemFile): OperationOptions {
    return exampleOptions("reactive", system, { "aws:region": region, domain: domainOf(system) });
}

function upLife({ up, outputs, cacheId }: Life) {
    if (up === undefined || outputs === undefined || cacheId === undefined) {
        throw new Error("The stack is not up.");
    }
    return { up, outputs, cacheId };
}

/** Tells the stream of core data about a version of the campaign. */
async function tell(life: Life, version: number): Promise<void> {
    const { up, outputs } = upLife(life);
    await up.aws.kinesis.putRecord({
        StreamName: outputs.updatesStream,
        PartitionKey: campaign,
        Data: Buffer.from(JSON.stringify({ id: campaign, version, active: true })),
    });
}

/** The version that each collector knows; 0: none. They are asked one by one from the load balancer's address, which alone they let in. */
async function versions(life: Life): Promise<number[]> {
    const { up } = upLife(life);
    const { file } = runningSystem(life);
    const [localAddress] = await resolve(file, `events.${domainOf(file)}`);
    const targets = await up.targets(up.targetGroups["collector-tg"]);
    return Promise.all(targets.map(({ address, port }) => versionAt(address, port, localAddress)));
}

function versionAt(host: string, port: number, localAddress: string): Promise<number> {
    return new Promise((done) => {
        get({ host, port, localAddress, path: `/campaigns/${campaign}`, agent: false }, (answer) => {
            json(answer).then(
                (body) => done((body as { campaign?: { version: number } }).campaign?.version ?? 0),
                () => done(0),
            );
        }).once("error", () => done(0));
    });
}

function allKnow(life: Life, version: number): Promise<number[]> {
    return eventually(`version ${version} of the campaign at every collector`, async () => {
        const known = await versions(life);
        return known.length > 0 && known.every((one) => one === version) ? known : undefined;
    });
}

function campaignTold(report: ReactiveReport): ListrTask<Life> {
    return {
        title: "a change of core data reaches every collector",
        task: async (life, step) => {
            await upLife(life).up.steady();
            await tell(life, 1);
            const before = await allKnow(life, 1); // from now on by heart: the store is not asked for ten minutes
            const told = performance.now();
            await tell(life, 2);
            const after = await allKnow(life, 2);
            report.update = { before, after, milliseconds: Math.round(performance.now() - told) };
            step.title = `${step.title}: ${after.length} of them know it after ${report.update.milliseconds} ms`;
        },
    };
}

function send(life: Life, events?: number): Senders {
    const { file } = runningSystem(life);
    return startSenders(file, `events.${domainOf(file)}`, { campaign, events });
}

/** The pages of the table. */
function scan(life: Life, more: Omit<ScanCommandInput, "TableName">) {
    const { accountId, gatewayUrl } = runningSystem(life).file;
    const client = new DynamoDBClient(clientConfig(gatewayUrl, { accountId, region }));
    return paginateScan({ client }, { TableName: upLife(life).outputs.eventsTable, ConsistentRead: true, ...more });
}

async function count(life: Life): Promise<number> {
    let all = 0;
    for await (const { Count = 0 } of scan(life, { Select: "COUNT" })) {
        all += Count;
    }
    return all;
}

async function storedIds(life: Life): Promise<Set<string>> {
    const ids = new Set<string>();
    for await (const { Items = [] } of scan(life, { ProjectionExpression: "id" })) {
        Items.forEach(({ id }) => ids.add(id.S!));
    }
    return ids;
}

/** Waits until the table has as many as were taken in all, and compares them one by one. */
async function stored(life: Life, { taken }: Senders, answered: Answered): Promise<Stored> {
    const all = (life.taken ??= new Set());
    taken.forEach((id) => all.add(id));
    const since = performance.now();
    await seldom(`${all.size} events in the table`, async () => ((await count(life)) >= all.size ? true : undefined));
    const storedAfter = Math.round(performance.now() - since);
    const ids = await storedIds(life);
    const lost = [...all].filter((id) => !ids.has(id)).length;
    const strange = [...ids].filter((id) => !all.has(id)).length;
    const seen = { ...answered, lost, strange, storedAfter };
    if (lost + strange > 0) {
        throw new Error(`The table has not what was taken: ${JSON.stringify(seen)}`);
    }
    return seen;
}

function summary({ events, perSecond, median, p99, longest, lost }: Stored): string {
    return `${events} events taken, ${perSecond} answers a second, in ${median} ms (99 %: ${p99} ms, longest: ${longest} ms), ${lost} lost`;
}

function eventsTaken(report: ReactiveReport): ListrTask<Life> {
    return {
        title: "events are taken at once, and stored once",
        task: async (life, step) => {
            const senders = send(life, 4_000);
            report.load = await stored(life, senders, await senders.done);
            step.title = `${step.title}: ${summary(report.load)}, all in the table ${report.load.storedAfter} ms later`;
        },
    };
}

function cacheBroken(report: ReactiveReport): ListrTask<Life> {
    return {
        title: "the cache's first node ends under load, and core data change meanwhile",
        task: async (life, step) => {
            const senders = send(life);
            let after: number[];
            let milliseconds: number;
            try {
                await eventually("events under way", () => Promise.resolve(senders.taken.size > 200 || undefined));
                if (!runningSystem(life).signal(`cache/${upLife(life).cacheId}-001`, "SIGKILL")) {
                    throw new Error("The cache has no first node.");
                }
                const broken = performance.now();
                await tell(life, 3);
                after = await allKnow(life, 3);
                milliseconds = Math.round(performance.now() - broken);
            } finally {
                await senders.stop();
            }
            const seen = await stored(life, senders, await senders.done);
            report.cacheBroken = { ...seen, after, milliseconds };
            const refused = seen.answers["503"] ?? 0;
            step.title = `${step.title}: ${summary(seen)}, ${refused} sent away for a second; every collector knows the change after ${milliseconds} ms`;
        },
    };
}

function streamBroken(report: ReactiveReport): ListrTask<Life> {
    return {
        title: "the stream takes nothing for a while",
        task: async (life, step) => {
            const before = await count(life);
            life.limits = nothing;
            const senders = send(life, 1_000);
            const answered = await senders.done.finally(() => (life.limits = undefined));
            const meanwhile = (await count(life)) - before;
            report.streamBroken = { ...(await stored(life, senders, answered)), meanwhile };
            step.title = `${step.title}: ${summary(report.streamBroken)}, all in the table ${report.streamBroken.storedAfter} ms after it takes some again`;
        },
    };
}

/** As its owner does before the end: what holds data is not deleted by a destroy alone. */
function tableReleased(report: ReactiveReport): ListrTask<Life> {
    return {
        title: "the table's protection is lifted; nothing was given up",
        task: async (life) => {
            const { up, outputs } = upLife(life);
            const { Attributes } = await up.aws.sqs.getQueueAttributes({
                QueueUrl: outputs.failuresUrl,
                AttributeNames: ["ApproximateNumberOfMessages"],
            });
            report.failures = Number(Attributes?.ApproximateNumberOfMessages);
            await up.aws.dynamodb.updateTable({ TableName: outputs.eventsTable, DeletionProtectionEnabled: false });
            await up.eventually("a table without protection", async () => {
                const { Table } = await up.aws.dynamodb.describeTable({ TableName: outputs.eventsTable });
                return Table?.TableStatus === "ACTIVE" && Table.DeletionProtectionEnabled !== true ? true : undefined;
            });
        },
    };
}
