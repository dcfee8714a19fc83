import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";

import { Kinesis } from "@aws-sdk/client-kinesis";
import type { ShardIteratorType } from "@aws-sdk/client-kinesis";
import type { CreateEventSourceMappingRequest } from "@aws-sdk/client-lambda";

import { clientConfig } from "../../machine/awsClients";
import type { Scope } from "../../machine/awsClients";
import { AwsError } from "../gateway/overlay";
import type { AwsRequest, AwsResponse, Forward } from "../gateway/overlay";
import { sendToTarget } from "../gateway/targets";
import type { Permissions } from "../permissions/permissions";
import { workOff } from "./streamBatches";
import type { Condition, Outcome, StreamRecord } from "./streamBatches";

export interface StreamMappingOptions {
    readonly gatewayUrl: string;
    readonly permissions?: Pick<Permissions, "allows" | "identities">;
    readonly roleOf: (functionArn: string) => string | undefined;
    readonly invoke: (functionArn: string, payload: string, forward: Forward) => Promise<Outcome>;
    /** Between two looks at a shard that had nothing, in milliseconds: Lambda's base rate is once a second. @default 1000 */
    readonly pollMs?: number;
    /** Before the first retry; twice as long before each further one, up to 30 s. @default 500 */
    readonly retryMs?: number;
}

/** Settings as the mapping was made or changed last. */
type Settings = Partial<CreateEventSourceMappingRequest>;

interface Mapping {
    readonly uuid: string;
    readonly scope: Scope;
    readonly functionArn: string;
    readonly streamArn: string;
    readonly forward: Forward;
    readonly stopping: AbortController;
    readonly settings: Settings;
    /** Its reader's end. */
    running: Promise<void>;
    lastResult: string;
    /** By shard, the last record that is done with. */
    readonly done: Map<string, string>;
    /** By shard, where one that was never read begins. */
    readonly began: Map<string, Date>;
}

interface Answered {
    UUID?: string;
    State?: string;
    LastProcessingResult?: string;
}

export interface StreamMappings {
    /** Of an operation on event source mappings; undefined: it is none of a stream. */
    handle(request: AwsRequest, functionArn: string, forward: Forward): Promise<AwsResponse | undefined>;
    stop(): Promise<void>;
}

/** https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-create.html */
const reads = ["DescribeStream", "DescribeStreamSummary", "GetRecords", "GetShardIterator", "ListShards"];
/** What the function's event may have, of records in base64. */
const mostBytes = 6_000_000;
const notFollowed = ["FilterCriteria", "ParallelizationFactor", "TumblingWindowInSeconds"] as const;

/**
 * Functions that read Kinesis: a reader for each shard, in the name of the function's role, whose batches come one after the other. The emulator
 * keeps such mappings but knows no window, no partial failures, no halves, no end of retries and no destination, so that to it they are disabled.
 */
export function createStreamMappings(options: StreamMappingOptions): StreamMappings {
    const { gatewayUrl, permissions, pollMs = 1_000, retryMs = 500 } = options;
    const mappings = new Map<string, Mapping>();
    const reading = new Set<Promise<unknown>>();

    function keyOf({ functionArn, scope }: Mapping): string {
        const role = options.roleOf(functionArn);
        return role === undefined || !permissions
            ? scope.accountId
            : permissions.identities.keyOfRole(role, functionArn.split(":")[6]);
    }

    /** @throws as CreateEventSourceMapping does */
    async function requireAccess(functionArn: string, region: string, settings: Settings): Promise<void> {
        const role = options.roleOf(functionArn);
        if (role === undefined || !permissions) {
            return;
        }
        const { EventSourceArn: streamArn = "", DestinationConfig } = settings;
        for (const call of reads) {
            if (!(await permissions.allows(role, region, `kinesis:${call}`, streamArn))) {
                throw new AwsError(
                    "InvalidParameterValueException",
                    `Cannot access stream ${streamArn}. Please ensure the role can perform the ${reads.join(", ")} Actions on your stream in IAM.`,
                );
            }
        }
        const queueArn = DestinationConfig?.OnFailure?.Destination;
        if (queueArn !== undefined && !(await permissions.allows(role, region, "sqs:SendMessage", queueArn))) {
            throw new AwsError(
                "InvalidParameterValueException",
                "The provided execution role does not have permissions to call SendMessage on SQS",
            );
        }
    }

    /** After the reader before it has come to its end, so that no two work off one shard. */
    function start(mapping: Mapping): void {
        if (mapping.settings.Enabled === false) {
            return;
        }
        mapping.running = mapping.running.then(() => readStream(mapping));
        const { running } = mapping;
        reading.add(running);
        void running.finally(() => reading.delete(running));
    }

    async function readStream(mapping: Mapping): Promise<void> {
        const { signal } = mapping.stopping;
        const client = new Kinesis({ ...clientConfig(gatewayUrl, { ...mapping.scope, accessKeyId: keyOf(mapping) }) });
        try {
            while (!signal.aborted) {
                const found = await client.listShards({ StreamARN: mapping.streamArn }).catch((error: Error) => {
                    mapping.lastResult = `PROBLEM: ${error.message}`;
                    return undefined;
                });
                if (found !== undefined) {
                    await Promise.all(found.Shards!.map(({ ShardId }) => readShard(mapping, ShardId!, client)));
                }
                await paused(pollMs, signal);
            }
        } finally {
            client.destroy();
        }
    }

    /** Until the mapping ends, whatever happens. */
    async function readShard(mapping: Mapping, shardId: string, client: Kinesis): Promise<void> {
        const { signal } = mapping.stopping;
        while (!signal.aborted) {
            try {
                await followShard(mapping, shardId, client);
            } catch (error) {
                if (!signal.aborted) {
                    mapping.lastResult = `PROBLEM: ${(error as Error).message}`;
                    await paused(pollMs, signal);
                }
            }
        }
    }

    async function followShard(mapping: Mapping, shardId: string, client: Kinesis): Promise<void> {
        const { settings, streamArn: StreamARN, stopping, done } = mapping;
        const { signal } = stopping;
        const { BatchSize: size = 100, MaximumBatchingWindowInSeconds: window = 0 } = settings;
        const { ShardIterator } = await client.getShardIterator({
            StreamARN,
            ShardId: shardId,
            ...beginning(mapping, shardId),
        });
        let iterator = ShardIterator;
        let records: StreamRecord[] = [];
        let bytes = 0;
        let since = 0;
        while (!signal.aborted) {
            const isFull = records.length >= size || bytes >= mostBytes;
            if (isFull || (records.length > 0 && Date.now() - since >= window * 1_000)) {
                await workOff(records, rulesOf(settings), actionsOf(mapping, shardId));
                done.set(shardId, records.at(-1)!.sequenceNumber);
                [records, bytes] = [[], 0];
            }
            const Limit = size - records.length;
            const answer = await client.getRecords({ StreamARN, ShardIterator: iterator, Limit });
            iterator = answer.NextShardIterator;
            since = records.length === 0 ? Date.now() : since;
            for (const { SequenceNumber, PartitionKey, Data, ApproximateArrivalTimestamp } of answer.Records ?? []) {
                const data = Buffer.from(Data!).toString("base64");
                bytes += data.length;
                records.push({
                    sequenceNumber: SequenceNumber!,
                    partitionKey: PartitionKey!,
                    data,
                    arrival: ApproximateArrivalTimestamp!.getTime() / 1_000,
                });
            }
            if (answer.Records?.length === 0) {
                const left = records.length === 0 ? pollMs : since + window * 1_000 - Date.now();
                await paused(Math.max(0, Math.min(pollMs, left)), signal);
            }
        }
    }

    function actionsOf(mapping: Mapping, shardId: string) {
        const { functionArn, streamArn, scope, forward, stopping } = mapping;
        return {
            async invoke(records: readonly StreamRecord[]) {
                stopping.signal.throwIfAborted();
                const Records = records.map((record) => eventOf(record, mapping, shardId, options.roleOf(functionArn)));
                const outcome = await options.invoke(functionArn, JSON.stringify({ Records }), forward);
                mapping.lastResult = outcome.isError ? "PROBLEM: Function call failed" : "OK";
                return outcome;
            },
            async discard(records: readonly StreamRecord[], condition: Condition, invocations: number) {
                const arn = mapping.settings.DestinationConfig?.OnFailure?.Destination;
                if (arn !== undefined) {
                    const text = JSON.stringify(
                        givenUp({ records, condition, invocations, functionArn, shardId, streamArn }),
                    );
                    await sendToTarget(gatewayUrl, scope, { arn }, text, keyOf(mapping));
                }
            },
            async pause(retries: number) {
                await paused(Math.min(retryMs * 2 ** retries, 30_000), stopping.signal);
                stopping.signal.throwIfAborted();
            },
            now: Date.now,
        };
    }

    /** As it would be, were the mapping the emulator's. */
    function shown(response: AwsResponse): AwsResponse {
        const body = JSON.parse(response.body.toString() || "{}", (key, value: unknown) => {
            if (key === "Qualifier" || key === "Tags") {
                return undefined; // the emulator's own; tags are read by ListTags
            }
            const mapping = mappings.get((value as Answered | null)?.UUID ?? "");
            if (mapping !== undefined) {
                const isEnabled = mapping.settings.Enabled !== false;
                const State = isEnabled ? "Enabled" : "Disabled";
                return { ...(value as Answered), State, LastProcessingResult: mapping.lastResult };
            }
            return value;
        }) as object;
        return { ...response, body: Buffer.from(JSON.stringify(body)) };
    }

    async function create(request: AwsRequest, functionArn: string, forward: Forward): Promise<AwsResponse> {
        const settings = request.parameters as Settings;
        const given = notFollowed.find((name) => settings[name] !== undefined && settings[name] !== 1);
        if (given !== undefined) {
            throw new AwsError(
                "InvalidParameterValueException",
                `The local Lambda does not follow ${given} of a stream.`,
            );
        }
        if (settings.StartingPosition === undefined) {
            throw new AwsError(
                "InvalidParameterValueException",
                "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: Member must not be null.",
            );
        }
        await requireAccess(functionArn, request.region, settings);
        const response = await forward(disabled(request, { BatchSize: 100 }));
        if (response.status >= 300) {
            return response;
        }
        const { UUID: uuid = "" } = JSON.parse(response.body.toString()) as Answered;
        const mapping: Mapping = {
            ...{ uuid, functionArn, forward, settings, streamArn: settings.EventSourceArn! },
            scope: { accountId: request.accountId, region: request.region },
            stopping: new AbortController(),
            lastResult: "No records processed",
            ...{ done: new Map(), began: new Map(), running: Promise.resolve() },
        };
        mappings.set(uuid, mapping);
        start(mapping);
        return shown(response);
    }

    /** A reader is told by another one: what the last one has done with is not read again. */
    async function update(mapping: Mapping, request: AwsRequest, forward: Forward): Promise<AwsResponse> {
        const { UUID: uuid = "", ...changed } = request.parameters as Settings & Answered;
        const settings = { ...mapping.settings, ...changed };
        await requireAccess(mapping.functionArn, request.region, settings);
        const response = await forward(disabled(request));
        if (response.status < 300) {
            mapping.stopping.abort();
            const next = { ...mapping, settings, stopping: new AbortController() };
            mappings.set(uuid, next);
            start(next);
        }
        return shown(response);
    }

    return {
        async handle(request, functionArn, forward) {
            const { UUID: uuid = "", EventSourceArn = "" } = request.parameters as Settings & Answered;
            const mapping = mappings.get(uuid);
            switch (request.operation) {
                case "CreateEventSourceMapping":
                    return isStream(EventSourceArn) ? create(request, functionArn, forward) : undefined;
                case "UpdateEventSourceMapping":
                    return mapping && update(mapping, request, forward);
                case "DeleteEventSourceMapping": {
                    const response = await forward(request);
                    mapping?.stopping.abort();
                    mappings.delete(uuid);
                    return shown(response);
                }
                case undefined:
                default:
                    return shown(await forward(request));
            }
        },
        async stop() {
            mappings.forEach(({ stopping }) => stopping.abort());
            await Promise.all(reading);
        },
    };
}

function isStream(arn: string): boolean {
    return arn.startsWith("arn:aws:kinesis:");
}

/** A new reader goes on after what is done; the first one begins where the mapping says. */
function beginning({ settings, done, began }: Mapping, shardId: string) {
    const last = done.get(shardId);
    const since = began.get(shardId);
    if (last !== undefined) {
        return { ShardIteratorType: "AFTER_SEQUENCE_NUMBER" as const, StartingSequenceNumber: last };
    }
    if (since !== undefined) {
        return { ShardIteratorType: "AT_TIMESTAMP" as const, Timestamp: since };
    }
    if (settings.StartingPosition === "LATEST") {
        began.set(shardId, new Date()); // a second look at a shard must not begin later
    }
    return {
        ShardIteratorType: settings.StartingPosition as ShardIteratorType,
        Timestamp: settings.StartingPositionTimestamp,
    };
}

function rulesOf(settings: Settings) {
    return {
        bisects: settings.BisectBatchOnFunctionError ?? false,
        reportsFailures: settings.FunctionResponseTypes?.includes("ReportBatchItemFailures") ?? false,
        maxRetries: settings.MaximumRetryAttempts ?? -1,
        maxAge: settings.MaximumRecordAgeInSeconds ?? -1,
    };
}

function disabled(request: AwsRequest, defaults: object = {}): AwsRequest {
    const input = JSON.parse(request.body.toString()) as object;
    return { ...request, body: Buffer.from(JSON.stringify({ ...defaults, ...input, Enabled: false })) };
}

function eventOf(record: StreamRecord, { scope, streamArn }: Mapping, shardId: string, role: string | undefined) {
    return {
        kinesis: {
            kinesisSchemaVersion: "1.0",
            partitionKey: record.partitionKey,
            sequenceNumber: record.sequenceNumber,
            data: record.data,
            approximateArrivalTimestamp: record.arrival,
        },
        eventSource: "aws:kinesis",
        eventVersion: "1.0",
        eventID: `${shardId}:${record.sequenceNumber}`,
        eventName: "aws:kinesis:record",
        invokeIdentityArn: role,
        awsRegion: scope.region,
        eventSourceARN: streamArn,
    };
}

/** What a destination gets of records that were given up: where they are, not the records. */
function givenUp(of: {
    readonly records: readonly StreamRecord[];
    readonly condition: Condition;
    readonly invocations: number;
    readonly functionArn: string;
    readonly shardId: string;
    readonly streamArn: string;
}) {
    const [first, last] = [of.records[0], of.records.at(-1)!];
    const at = ({ arrival }: StreamRecord) => new Date(arrival * 1_000).toISOString();
    return {
        requestContext: {
            requestId: randomUUID(),
            functionArn: of.functionArn,
            condition: of.condition,
            approximateInvokeCount: of.invocations,
        },
        responseContext: { statusCode: 200, executedVersion: "$LATEST", functionError: "Unhandled" },
        version: "1.0",
        timestamp: new Date().toISOString(),
        KinesisBatchInfo: {
            shardId: of.shardId,
            startSequenceNumber: first.sequenceNumber,
            endSequenceNumber: last.sequenceNumber,
            approximateArrivalOfFirstRecord: at(first),
            approximateArrivalOfLastRecord: at(last),
            batchSize: of.records.length,
            streamArn: of.streamArn,
        },
    };
}

/** Sooner when the signal comes. */
async function paused(milliseconds: number, signal: AbortSignal): Promise<void> {
    await delay(milliseconds, undefined, { signal }).catch(() => undefined);
}
