import type { SQSRecord } from "aws-lambda";
import type { ResourceRecordSet } from "@aws-sdk/client-route-53";
import { timesOf } from "../../../handlers/dns/reach";
import type { TaskDnsSettings } from "../../../handlers/dns/settings";
import type { Reach } from "../../../handlers/dns/settleTasks";
import { sweep } from "../../../handlers/dns/sweep";
import { syncBatch } from "../../../handlers/dns/syncBatch";
import type { ZoneContent } from "../../../local/internet/dns/records";
import { applyBatch, batchCost, type Change } from "../../../local/aws/route53/changeBatch";
import { createRegistryTable, type Item } from "./registryTable";
import type { VirtualClock } from "./virtualClock";

// ECS, EC2, EventBridge, SQS, Lambda, DynamoDB and Route 53 as the task DNS meets them, on a virtual clock: their limits, their delays and
// their faults. The handlers that run in it are the real ones, from their entry to the commands that they send.

export interface Bucket {
    readonly capacity: number;
    readonly refillPerSecond: number;
}

/** What goes wrong, as probabilities and milliseconds; nothing by default. */
export interface Faults {
    /** Of each event: never delivered. */
    readonly lost: number;
    /** Of each task: none of its events is delivered. */
    readonly silent: number;
    readonly duplicated: number;
    /** Events come up to so much later. */
    readonly delay: number;
    /** Of each read of ECS, a task in it: shown as it was up to `staleness` ago. */
    readonly stale: number;
    readonly staleness: number;
    /** Of each request: the run ends there, the request made or not. */
    readonly crash: number;
    /** Of each request: fails, made or not, or is never answered. */
    readonly failing: number;
    /** Of each request to Route 53, DynamoDB and ECS: throttled. */
    readonly throttled: number;
    /** EC2 shows the public address up to so much later than the interface. */
    readonly lateAddress: number;
}

export const NO_FAULTS: Faults = {
    lost: 0,
    silent: 0,
    duplicated: 0,
    delay: 0,
    stale: 0,
    staleness: 0,
    crash: 0,
    failing: 0,
    throttled: 0,
    lateAddress: 0,
};

export type Part = "function" | "sweep" | "queue" | "registry" | "route53" | "ecs" | "ec2";

export interface ModelOptions {
    readonly settings: Partial<TaskDnsSettings>;
    readonly faults: Faults;
    readonly batchSize: number;
    readonly requests: Bucket;
    readonly changes: Bucket;
    /** What others take of both budgets of the account. */
    readonly takenByOthers: number;
    /** How long Route 53 has a change in hand. */
    readonly changeMilliseconds: number;
    /** One-way time of a request. */
    readonly latency: number;
    /** Events of a stopping task (ECS reports a StopTask in up to five). */
    readonly stopEvents: number;
    readonly withSweep: boolean;
    /** Addresses are given to others as soon as they are free. */
    readonly reuseAddresses: boolean;
    /** What events go to instead of the queue, each as a run of its own; as EventBridge invokes a function. */
    readonly invoke?: (client: ModelClient, event: string) => void;
}

/** An SDK client of a modelled service. */
export interface ModelClient {
    send(command: { constructor: { name: string }; input: object }): Promise<unknown>;
}

export const MODEL_DEFAULTS: ModelOptions = {
    settings: {},
    faults: NO_FAULTS,
    batchSize: 500,
    requests: { capacity: 50, refillPerSecond: 10 },
    changes: { capacity: 1_500, refillPerSecond: 100 },
    takenByOthers: 0,
    changeMilliseconds: 200,
    latency: 10,
    stopEvents: 5,
    withSweep: true,
    reuseAddresses: true,
};

/** As components/taskDns.ts sets them up. */
const TIMEOUT = 30_000;
const VISIBILITY = 45_000;
const RETENTION = 3_600_000;
const WINDOW = 1_000;
const POLLERS = 2;

export const DOMAIN = "tasks.example.test";
export const CLUSTER_ARN = "arn:aws:ecs:eu-west-1:111122223333:cluster/tasks";
const TABLE = "registry";

interface TaskState {
    readonly at: number;
    readonly version: number;
    readonly desiredStatus: string;
    readonly lastStatus: string;
}

export interface ModelTask {
    readonly id: string;
    readonly arn: string;
    readonly address: string;
    readonly states: TaskState[];
    readonly isSilent: boolean;
    readonly tags: Readonly<Record<string, string>>;
    startedAt?: number;
    addressAt: number;
    /** When its record was accepted first, and when it went last. */
    namedAt?: number;
    unnamedAt?: number;
    /** When its address was another's to have. */
    releasedAt?: number;
}

interface Message {
    readonly id: string;
    readonly body: string;
    readonly sentAt: number;
    visibleAt: number;
    receives: number;
    inHand: boolean;
}

/** A run of a function. What it does after its end nobody sees. */
interface Run {
    alive: boolean;
}

export interface Model {
    readonly tasks: readonly ModelTask[];
    readonly zone: () => ZoneContent;
    readonly deadLetters: readonly string[];
    /** Requests by operation. */
    readonly requests: Readonly<Record<string, number>>;
    /** Error codes of Route 53. */
    readonly refused: Readonly<Record<string, number>>;
    readonly rows: ReadonlyMap<string, Item>;
    /** What must never be, as it happened. */
    readonly violations: readonly string[];
    readonly queued: () => number;
    startTask(tags?: Record<string, string>): ModelTask;
    /** A step of a task's life, and its event. */
    move(task: ModelTask, status: { lastStatus?: string; desiredStatus?: string }): void;
    /** From PROVISIONING to RUNNING, in the milliseconds of each step. */
    bringUp(task: ModelTask, step: () => number): void;
    /** StopTask, or an end by itself; down to STOPPED. */
    takeDown(task: ModelTask, step: () => number, byItself?: boolean): void;
    put(record: { name: string; value: string; type?: "A" | "CNAME"; ttl?: number }): void;
    drop(name: string): void;
    break(part: Part, milliseconds: number): void;
    /** Puts a message into the queue as it is. */
    enqueue(body: string): void;
    loseRegistry(): void;
    /** Ends every fault, outage and course of life. */
    quiet(): void;
    stop(): void;
}

export function createModel(clock: VirtualClock, options: Partial<ModelOptions> = {}): Model {
    const { settings, batchSize, latency, ...model } = { ...MODEL_DEFAULTS, ...options };
    let { faults } = model;
    const random = () => Math.random();
    const happens = (probability: number) => probability > 0 && random() < probability;
    const tasks: ModelTask[] = [];
    const byArn = new Map<string, ModelTask>();
    const freeAddresses: string[] = [];
    const violations: string[] = [];
    const deadLetters: string[] = [];
    const requests: Record<string, number> = {};
    const refused: Record<string, number> = {};
    const brokenUntil = new Map<Part, number>();
    const isBroken = (part: Part) => (brokenUntil.get(part) ?? 0) > clock.now();
    let hasStopped = false;
    let isQuiet = false;

    // ECS and EC2

    function startTask(tags: Record<string, string> = {}): ModelTask {
        const number = tasks.length;
        const id = `${number.toString(16).padStart(8, "0")}${"0123456789abcdef01234567"}`;
        const address =
            (model.reuseAddresses ? freeAddresses.shift() : undefined) ??
            `198.${18 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`;
        const task: ModelTask = {
            id,
            arn: `${CLUSTER_ARN.replace(":cluster/", ":task/")}/${id}`,
            address,
            states: [],
            isSilent: happens(faults.silent),
            tags,
            addressAt: Infinity,
        };
        tasks.push(task);
        byArn.set(task.arn, task);
        move(task, { desiredStatus: "RUNNING", lastStatus: "PROVISIONING" });
        return task;
    }

    function move(task: ModelTask, status: { lastStatus?: string; desiredStatus?: string }): void {
        const before = task.states.at(-1);
        const state: TaskState = {
            desiredStatus: "RUNNING",
            lastStatus: "PROVISIONING",
            ...before,
            ...status,
            at: clock.now(),
            version: (before?.version ?? 0) + 1,
        };
        task.states.push(state);
        if (state.lastStatus === "PENDING" && before?.lastStatus === "PROVISIONING") {
            task.addressAt = clock.now() + random() * faults.lateAddress;
        }
        if (state.lastStatus === "RUNNING") {
            task.startedAt ??= clock.now();
        }
        if (state.lastStatus === "STOPPED" && before?.lastStatus !== "STOPPED") {
            task.releasedAt = clock.now();
            freeAddresses.push(task.address);
        }
        const { publishAt = "PENDING" } = settings;
        const goesUp =
            state.desiredStatus === "RUNNING" &&
            (state.lastStatus === "RUNNING" || (publishAt === "PENDING" && state.lastStatus === "PENDING"));
        const goesDown = state.desiredStatus === "STOPPED" || /^(DE|STOP)/.test(state.lastStatus);
        if (goesUp || goesDown) {
            publish(task, state);
        }
    }

    function publish(task: ModelTask, state: TaskState): void {
        if (task.isSilent || happens(faults.lost)) {
            return;
        }
        const body = JSON.stringify({
            time: `${new Date(clock.now()).toISOString().slice(0, 19)}Z`,
            detail: {
                taskArn: task.arn,
                clusterArn: CLUSTER_ARN,
                desiredStatus: state.desiredStatus,
                lastStatus: state.lastStatus,
                version: state.version,
            },
        });
        for (let copies = happens(faults.duplicated) ? 2 : 1; copies > 0; copies--) {
            const arrive = (): void => {
                if (model.invoke !== undefined) {
                    model.invoke(clientOf({ alive: true }), body);
                } else if (isBroken("queue")) {
                    clock.after(5_000, arrive);
                } else {
                    enqueue(body);
                }
            };
            clock.after(100 + random() * 200 + random() ** 3 * faults.delay, arrive);
        }
    }

    function bringUp(task: ModelTask, step: () => number): void {
        clock.after(step(), () => {
            if (isAlive(task, "PROVISIONING")) {
                move(task, { lastStatus: "PENDING" });
                clock.after(step(), () => isAlive(task, "PENDING") && move(task, { lastStatus: "RUNNING" }));
            }
        });
    }

    function isAlive(task: ModelTask, lastStatus: string): boolean {
        const state = task.states.at(-1)!;
        return !isQuiet && state.desiredStatus === "RUNNING" && state.lastStatus === lastStatus;
    }

    function takeDown(task: ModelTask, step: () => number, byItself = false): void {
        if (task.states.at(-1)!.desiredStatus === "STOPPED" || /^(DE|STOP)/.test(task.states.at(-1)!.lastStatus)) {
            return;
        }
        const way: { lastStatus?: string; desiredStatus?: string }[] = byItself
            ? [{ lastStatus: "DEPROVISIONING" }, { desiredStatus: "STOPPED" }, { lastStatus: "STOPPED" }]
            : [
                  { desiredStatus: "STOPPED" },
                  ...["DEACTIVATING", "STOPPING", "DEPROVISIONING"]
                      .slice(0, Math.max(0, model.stopEvents - 2))
                      .map((lastStatus) => ({ lastStatus })),
                  { lastStatus: "STOPPED" },
              ];
        const next = (): void => {
            const status = way.shift();
            if (status !== undefined && !isQuiet) {
                move(task, status);
                clock.after(step(), next);
            }
        };
        next();
    }

    /** As ECS shows it to this read: perhaps as it was some time ago. */
    function seen(task: ModelTask): TaskState | undefined {
        const at = clock.now() - (happens(faults.stale) ? random() * faults.staleness : 0);
        const state = task.states.findLast((candidate) => candidate.at <= at);
        return state?.lastStatus === "STOPPED" && at - state.at > 3_600_000 ? undefined : state;
    }

    function describeTasks({ tasks: arns = [] }: { tasks?: string[] }) {
        if (arns.length > 100) {
            throw awsError("InvalidParameterException", "Tasks cannot have more than 100 elements.");
        }
        if (arns.some((arn) => !/\/[0-9a-f]{32}$/.test(arn))) {
            throw awsError("InvalidParameterException", "taskId length should be one of [32,36]");
        }
        const found = arns.map((arn) => {
            const task = byArn.get(arn);
            const state = task && seen(task);
            return { arn, task, state };
        });
        return {
            tasks: found.flatMap(({ task, state }) => (task && state ? [taskFields(task, state)] : [])),
            failures: found.flatMap(({ arn, state }) => (state ? [] : [{ arn, reason: "MISSING" }])),
        };
    }

    function listTasks({ nextToken }: { nextToken?: string }) {
        const listed = tasks.filter((task) => seen(task)?.desiredStatus === "RUNNING").map(({ arn }) => arn);
        const first = Number(nextToken ?? 0);
        return {
            taskArns: listed.slice(first, first + 100),
            nextToken: first + 100 < listed.length ? String(first + 100) : undefined,
        };
    }

    function describeNetworkInterfaces({ Filters = [] }: { Filters?: { Values?: string[] }[] }) {
        const wanted = new Set(Filters[0]?.Values);
        if (wanted.size > 200) {
            throw awsError("FilterLimitExceeded", "The maximum number of filter values on a single call is 200");
        }
        const shown = [...wanted].flatMap((id) => {
            const task = byArn.get(`${CLUSTER_ARN.replace(":cluster/", ":task/")}/${id.slice(4)}`);
            return task === undefined || task.releasedAt !== undefined ? [] : [{ id, task }];
        });
        return {
            NetworkInterfaces: shown.map(({ id, task }) => ({
                NetworkInterfaceId: id,
                Association: task.addressAt <= clock.now() ? { PublicIp: task.address } : undefined,
            })),
        };
    }

    // SQS and Lambda

    const queue: Message[] = [];
    let messageNumber = 0;
    let idle = POLLERS;

    function enqueue(body: string): void {
        const now = clock.now();
        const message = { id: `m${messageNumber++}`, body, sentAt: now, visibleAt: now, receives: 0, inHand: false };
        queue.push(message);
        wake();
    }

    function wake(): void {
        if (idle > 0 && !hasStopped && queue.some(isVisible)) {
            idle--;
            clock.after(WINDOW, poll);
        }
    }

    function isVisible(message: Message): boolean {
        return !message.inHand && message.visibleAt <= clock.now();
    }

    function poll(): void {
        const expired = queue.filter(({ sentAt, inHand }) => !inHand && clock.now() - sentAt > RETENTION);
        expired.forEach(discard);
        const messages = queue.filter(isVisible).slice(0, batchSize);
        if (messages.length === 0) {
            idle++;
            return;
        }
        const handles = new Map(messages.map((message) => [message, clock.now() + VISIBILITY]));
        for (const [message, visibleAt] of handles) {
            message.receives++;
            message.visibleAt = visibleAt;
            message.inHand = true;
        }
        const run: Run = { alive: true };
        let isOver = false;
        const over = (failures: ReadonlySet<string> | undefined): void => {
            if (isOver) {
                return;
            }
            isOver = true;
            run.alive = false;
            for (const message of messages) {
                message.inHand = false;
                if (failures !== undefined && !failures.has(message.id) && !happens(faults.duplicated / 10)) {
                    discard(message);
                } else {
                    clock.after(Math.max(0, message.visibleAt - clock.now()), wake);
                }
            }
            if (failures === undefined) {
                idle++; // a run that fails tells nobody; the next poll may come at once
                clock.after(0, wake);
            } else {
                clock.after(0, poll);
            }
        };
        clock.after(TIMEOUT, () => over(undefined));
        onDeath.set(run, () => over(undefined));
        if (isBroken("function")) {
            clock.after(100, () => over(undefined));
            return;
        }
        const records = messages.map(
            (message) =>
                ({
                    messageId: message.id,
                    receiptHandle: message.id,
                    body: message.body,
                    attributes: {
                        ApproximateReceiveCount: String(message.receives),
                        SentTimestamp: String(message.sentAt),
                    },
                }) as unknown as SQSRecord,
        );
        syncBatch(reachOf(run), records).then(
            ({ batchItemFailures }) => over(new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier))),
            (error: Error) => {
                violations.push(`the handler threw ${error.stack}`);
                over(undefined);
            },
        );
    }

    const onDeath = new Map<Run, () => void>();

    function discard(message: Message): void {
        const at = queue.indexOf(message);
        if (at >= 0) {
            queue.splice(at, 1);
        }
    }

    function receive(most: number) {
        const messages = queue.filter(isVisible).slice(0, most);
        const Messages = messages.map((message) => {
            message.receives++;
            message.visibleAt = clock.now() + VISIBILITY;
            clock.after(VISIBILITY, wake);
            const Attributes = {
                ApproximateReceiveCount: String(message.receives),
                SentTimestamp: String(message.sentAt),
            };
            return { MessageId: message.id, ReceiptHandle: message.id, Body: message.body, Attributes };
        });
        return { Messages };
    }

    function deleteMessages(entries: { ReceiptHandle?: string }[]) {
        const byId = new Map(queue.map((message) => [message.id, message]));
        entries.forEach(({ ReceiptHandle = "" }) => {
            const message = byId.get(ReceiptHandle);
            if (message !== undefined) {
                discard(message);
            }
        });
        return { Successful: [], Failed: [] };
    }

    function changeVisibility(entries: { ReceiptHandle?: string; VisibilityTimeout?: number }[]) {
        const byId = new Map(queue.map((message) => [message.id, message]));
        for (const { ReceiptHandle, VisibilityTimeout = 0 } of entries) {
            const message = byId.get(ReceiptHandle ?? "");
            if (message !== undefined) {
                message.visibleAt = clock.now() + VisibilityTimeout * 1_000;
                clock.after(VisibilityTimeout * 1_000, wake);
            }
        }
        return { Successful: [], Failed: [] };
    }

    function sendMessages(url: string, bodies: readonly string[]) {
        if (url === "dead") {
            deadLetters.push(...bodies);
        } else {
            bodies.forEach(enqueue);
        }
        return { Successful: [], Failed: [] };
    }

    function sweepEveryMinute(): void {
        if (hasStopped) {
            return;
        }
        clock.after(60_000, sweepEveryMinute);
        if (isBroken("sweep")) {
            return;
        }
        const run: Run = { alive: true };
        clock.after(TIMEOUT, () => (run.alive = false));
        sweep(reachOf(run)).catch(() => undefined);
    }

    // DynamoDB

    const table = createRegistryTable(clock.now, () => random() * 500);

    // Route 53

    const foreign = new Map<string, string>();
    let zone: ZoneContent = { name: "example.test.", sets: new Map() };
    let isChanging = false;
    const share = 1 - model.takenByOthers;
    const requestBucket = tokenBucket(clock, scaled(model.requests, share));
    const changeBucket = tokenBucket(clock, scaled(model.changes, share));

    function scaled({ capacity, refillPerSecond }: Bucket, by: number): Bucket {
        return { capacity: capacity * by, refillPerSecond: refillPerSecond * by };
    }

    function refuse(error: Error): Error {
        refused[error.name] = (refused[error.name] ?? 0) + 1;
        return error;
    }

    /** Answers after the time that the change takes. */
    async function changeRecordSets(input: {
        ChangeBatch?: { Changes?: { Action?: string; ResourceRecordSet?: ResourceRecordSet }[] };
    }) {
        const changes = (input.ChangeBatch?.Changes ?? []).map(({ Action, ResourceRecordSet }) => ({
            action: Action as Change["action"],
            set: ResourceRecordSet!,
        }));
        if (!requestBucket(1) || !changeBucket(batchCost(changes))) {
            throw refuse(awsError("Throttling", "Rate exceeded"));
        }
        if (isChanging) {
            throw refuse(awsError("PriorRequestNotComplete", "still processing a prior request"));
        }
        isChanging = true;
        await new Promise<void>((resolve) => clock.after(model.changeMilliseconds * (0.5 + random()), resolve));
        isChanging = false;
        changes.forEach(judge);
        const outcome = applyBatch(zone, changes);
        if ("faults" in outcome) {
            throw refuse(awsError("InvalidChangeBatch", `[${outcome.faults.join(", ")}]`));
        }
        zone = outcome.content;
        for (const { action, set } of changes) {
            const task = taskNamed(set);
            if (task !== undefined && action !== "DELETE") {
                task.namedAt ??= clock.now();
                task.unnamedAt = undefined;
            } else if (task !== undefined) {
                task.unnamedAt = clock.now();
            }
        }
        return { ChangeInfo: { Id: "C1" } };
    }

    const byName = new Map<string, ModelTask>();

    function taskNamed({ Name = "", ResourceRecords }: ResourceRecordSet): ModelTask | undefined {
        const value = ResourceRecords?.[0]?.Value;
        const id = Name.slice(0, Name.indexOf("."));
        const task = byArn.get(`${CLUSTER_ARN.replace(":cluster/", ":task/")}/${id}`);
        return task?.address === value ? task : byName.get(`${Name} ${value}`);
    }

    /** What is asked of the zone must be about a task and its own address, and nothing may ever be overwritten. */
    function judge({ action, set }: Change): void {
        const task =
            taskNamed(set) ??
            tasks.find(
                ({ address, tags }) =>
                    address === set.ResourceRecords?.[0]?.Value && set.Name === `${tags.session}.${DOMAIN}.`,
            );
        if (task !== undefined) {
            byName.set(`${set.Name} ${set.ResourceRecords?.[0]?.Value}`, task);
        }
        if (task === undefined || action === "UPSERT" || foreign.get(set.Name!) === set.ResourceRecords?.[0]?.Value) {
            violations.push(`${action} of ${set.Name} ${set.ResourceRecords?.map(({ Value }) => Value).join()}`);
        }
    }

    function listRecordSets(input: { StartRecordName?: string; StartRecordType?: string; MaxItems?: number }) {
        if (!requestBucket(1)) {
            throw refuse(awsError("Throttling", "Rate exceeded"));
        }
        const asked = zone.sets.get(input.StartRecordName ?? "");
        if (input.MaxItems === 1 && asked !== undefined) {
            return { ResourceRecordSets: asked.slice(0, 1), IsTruncated: false };
        }
        const order = (name = "") => name.split(".").reverse().join("\0");
        const sets = [...zone.sets.values()].flat().sort((a, b) => (order(a.Name) < order(b.Name) ? -1 : 1));
        const from = sets.filter(({ Name }) => order(Name) >= order(input.StartRecordName));
        const page = from.slice(0, input.MaxItems ?? 300);
        const next = from[page.length];
        return { ResourceRecordSets: page, IsTruncated: next !== undefined, NextRecordName: next?.Name };
    }

    function put({ name, value, type = "A", ttl = 60 }: Parameters<Model["put"]>[0]): void {
        const set: ResourceRecordSet = { Name: name, Type: type, TTL: ttl, ResourceRecords: [{ Value: value }] };
        foreign.set(name, value);
        zone = { name: zone.name, sets: new Map(zone.sets).set(name, [...(zone.sets.get(name) ?? []), set]) };
    }

    function drop(name: string): void {
        foreign.delete(name);
        const sets = new Map(zone.sets);
        sets.delete(name);
        zone = { name: zone.name, sets };
    }

    // Requests

    const ecsBucket = tokenBucket(clock, { capacity: 100, refillPerSecond: 20 });

    function answer(operation: string, input: object): unknown {
        switch (operation) {
            case "DescribeTasks":
            case "ListTasks":
                if (!ecsBucket(1)) {
                    throw awsError("ThrottlingException", "Rate exceeded");
                }
                return operation === "ListTasks" ? listTasks(input) : describeTasks(input);
            case "DescribeNetworkInterfaces":
                return describeNetworkInterfaces(input);
            case "BatchGetItem":
                return table.batchGetItem(input);
            case "TransactWriteItems":
                return table.transactWriteItems(input);
            case "PutItem":
                return table.putItem(input);
            case "DeleteItem":
                return table.deleteItem(input);
            case "Query":
                return table.query();
            case "ChangeResourceRecordSets":
                return changeRecordSets(input);
            case "ListResourceRecordSets":
                return listRecordSets(input);
            case "ChangeMessageVisibilityBatch":
                return changeVisibility((input as { Entries: [] }).Entries);
            case "ReceiveMessage":
                return receive((input as { MaxNumberOfMessages: number }).MaxNumberOfMessages);
            case "DeleteMessageBatch":
                return deleteMessages((input as { Entries: [] }).Entries);
            case "SendMessageBatch": {
                const { QueueUrl, Entries } = input as { QueueUrl: string; Entries: { MessageBody: string }[] };
                return sendMessages(
                    QueueUrl,
                    Entries.map(({ MessageBody }) => MessageBody),
                );
            }
            default:
                throw new Error(`The model knows no ${operation}.`);
        }
    }

    const partOf: Readonly<Record<string, Part>> = {
        DescribeTasks: "ecs",
        ListTasks: "ecs",
        DescribeNetworkInterfaces: "ec2",
        BatchGetItem: "registry",
        TransactWriteItems: "registry",
        PutItem: "registry",
        DeleteItem: "registry",
        Query: "registry",
        ChangeResourceRecordSets: "route53",
        ListResourceRecordSets: "route53",
        ChangeMessageVisibilityBatch: "queue",
        ReceiveMessage: "queue",
        DeleteMessageBatch: "queue",
        SendMessageBatch: "queue",
    };

    function die(run: Run): void {
        run.alive = false;
        onDeath.get(run)?.();
    }

    async function request(run: Run, operation: string, input: object): Promise<unknown> {
        if (!run.alive) {
            return new Promise(() => undefined);
        }
        requests[operation] = (requests[operation] ?? 0) + 1;
        const wait = () => new Promise<void>((resolve) => clock.after(latency * (0.5 + random()), resolve));
        const crashes = happens(faults.crash);
        const fails = happens(faults.failing);
        const isMade = random() < 0.5;
        if (crashes && !isMade) {
            die(run);
        }
        await wait();
        let result: unknown;
        let failure: Error | undefined;
        if (!run.alive && crashes) {
            return new Promise(() => undefined);
        }
        if (isBroken(partOf[operation])) {
            failure = awsError("InternalFailure", "The service is down.", 500);
        } else if (happens(faults.throttled)) {
            failure = awsError(partOf[operation] === "route53" ? "Throttling" : "ThrottlingException", "Rate exceeded");
        } else if (fails && !isMade) {
            failure = Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
            if (random() < 0.3) {
                // It was only late: the caller has given it up, and it is made all the same.
                clock.after(
                    random() * 4_000,
                    () =>
                        void Promise.resolve()
                            .then(() => answer(operation, input))
                            .catch(() => undefined),
                );
            }
        } else {
            try {
                result = await answer(operation, input);
            } catch (error) {
                failure = error as Error;
            }
        }
        if (crashes) {
            die(run);
        }
        await wait();
        if (fails && isMade) {
            failure = Object.assign(new Error("socket hang up"), { code: "ECONNRESET" });
        }
        if (!run.alive) {
            return new Promise(() => undefined);
        }
        if (failure !== undefined) {
            throw failure;
        }
        return result;
    }

    function clientOf(run: Run): ModelClient {
        return { send: ({ constructor, input }) => request(run, constructor.name.replace(/Command$/, ""), input) };
    }

    function reachOf(run: Run): Reach {
        const client = clientOf(run) as never;
        const times = timesOf(TIMEOUT);
        return {
            settings: {
                hostedZoneId: "Z1",
                domain: DOMAIN,
                nameTemplate: "{taskId}",
                recordTtl: 15,
                clusterArn: CLUSTER_ARN,
                tableName: TABLE,
                queueUrl: "queue",
                deadLetterQueueUrl: "dead",
                publishAt: "PENDING",
                ipv6: false,
                filter: { families: [], services: [], tags: {} },
                ...settings,
            },
            ecs: client,
            ec2: client,
            sqs: client,
            registry: { dynamodb: client, tableName: TABLE },
            zone: { route53: client, id: "Z1", deadline: times.changesEnd },
            ...times,
        };
    }

    if (model.withSweep) {
        clock.after(random() * 60_000, sweepEveryMinute);
    }
    return {
        tasks,
        zone: () => zone,
        deadLetters,
        requests,
        refused,
        rows: table.rows,
        violations,
        queued: () => queue.length,
        startTask,
        move,
        bringUp,
        takeDown,
        put,
        drop,
        break: (part, milliseconds) => void brokenUntil.set(part, clock.now() + milliseconds),
        enqueue,
        loseRegistry: () => table.empty(),
        quiet() {
            faults = NO_FAULTS;
            brokenUntil.clear();
            isQuiet = true;
            tasks.forEach((task) => (task.addressAt = Math.min(task.addressAt, clock.now())));
        },
        stop: () => void (hasStopped = true),
    };
}

function taskFields(task: ModelTask, { version, desiredStatus, lastStatus }: TaskState): object {
    const hasInterface = lastStatus !== "PROVISIONING" && lastStatus !== "STOPPED";
    const details = hasInterface ? [{ name: "networkInterfaceId", value: `eni-${task.id}` }] : [];
    return {
        taskArn: task.arn,
        version,
        desiredStatus,
        lastStatus,
        startedAt: task.startedAt === undefined ? undefined : new Date(task.startedAt),
        group: "family:app",
        taskDefinitionArn: "arn:aws:ecs:eu-west-1:111122223333:task-definition/app:1",
        tags: Object.entries(task.tags).map(([key, value]) => ({ key, value })),
        attachments: [
            { type: "sdi", details: [] },
            { type: "ElasticNetworkInterface", details },
        ],
    };
}

function awsError(name: string, message: string, httpStatusCode = 400): Error {
    return Object.assign(new Error(message), { name, $metadata: { httpStatusCode } });
}

function tokenBucket(clock: VirtualClock, { capacity, refillPerSecond }: Bucket): (tokens: number) => boolean {
    let level = capacity;
    let at = clock.now();
    return (tokens) => {
        level = Math.min(capacity, level + ((clock.now() - at) / 1_000) * refillPerSecond);
        at = clock.now();
        const isEnough = level >= tokens;
        level -= isEnough ? tokens : 0;
        return isEnough;
    };
}
