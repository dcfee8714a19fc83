import { createHash } from "node:crypto";

import { AwsError, jsonResponse } from "../gateway/overlay";
import type { AwsRequest, AwsResponse, Forward, Overlay } from "../gateway/overlay";

/** What a shard takes in a second. */
export interface ShardLimits {
    readonly records: number;
    readonly bytes: number;
}

/** https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html */
export const shardLimits: ShardLimits = { records: 1_000, bytes: 1_048_576 };

export interface KinesisOptions {
    /** Asked at each write (default: AWS's limits). Less is what another producer leaves of the shards. */
    readonly limits?: () => ShardLimits;
    /** In milliseconds. */
    readonly now?: () => number;
}

interface Shard {
    readonly id: string;
    readonly from: bigint;
    readonly to: bigint;
    second: number;
    records: number;
    bytes: number;
}

interface PutRecord {
    readonly Data: string;
    readonly PartitionKey: string;
    readonly ExplicitHashKey?: string;
}

interface Taken {
    readonly EncryptionType: string;
    readonly Records: readonly { readonly SequenceNumber: string; readonly ShardId: string }[];
}

interface ShardAnswer {
    readonly ShardId: string;
    readonly HashKeyRange: { readonly StartingHashKey: string; readonly EndingHashKey: string };
    readonly SequenceNumberRange: { readonly EndingSequenceNumber?: string };
}

/** The emulator's streams take whatever comes: here a shard takes so many records and bytes a second, and the rest is refused. */
export function kinesisOverlay({ limits = () => shardLimits, now = Date.now }: KinesisOptions = {}): Overlay {
    const streams = new Map<string, Promise<Shard[]>>();

    function shardsOf(request: AwsRequest, name: string, forward: Forward): Promise<Shard[]> {
        const key = streamKey(request, name);
        const known = streams.get(key) ?? openShards(request, name, forward);
        streams.set(key, known);
        known.catch(() => streams.delete(key));
        return known;
    }

    /** The shard, if it takes no more in this second. */
    function refusal(shard: Shard, record: PutRecord): string | undefined {
        const second = Math.floor(now() / 1_000);
        if (shard.second !== second) {
            Object.assign(shard, { second, records: 0, bytes: 0 });
        }
        const bytes = Buffer.from(record.Data, "base64").length + Buffer.byteLength(record.PartitionKey);
        const { records: mostRecords, bytes: mostBytes } = limits();
        if (shard.records + 1 > mostRecords || shard.bytes + bytes > mostBytes) {
            return shard.id;
        }
        shard.records++;
        shard.bytes += bytes;
        return undefined;
    }

    async function putRecords(request: AwsRequest, forward: Forward): Promise<AwsResponse> {
        const input = JSON.parse(request.body.toString()) as { Records: PutRecord[] };
        const name = streamName(request);
        const shards = await shardsOf(request, name, forward);
        const refused = input.Records.map((record) => refusal(shardFor(shards, record), record));
        const taken = input.Records.filter((_, index) => refused[index] === undefined);
        const body = Buffer.from(JSON.stringify({ ...input, Records: taken }));
        const answer = taken.length === 0 ? undefined : numbered(await forward({ ...request, body }));
        if (answer !== undefined && answer.status !== 200) {
            return answer;
        }
        const stored = answer && (JSON.parse(answer.body.toString()) as Taken);
        const results = (stored?.Records ?? []).map(({ SequenceNumber, ShardId }) => ({ SequenceNumber, ShardId }));
        return jsonResponse({
            EncryptionType: stored?.EncryptionType,
            FailedRecordCount: input.Records.length - taken.length,
            Records: refused.map((shard) =>
                shard === undefined
                    ? results.shift()
                    : { ErrorCode: exceeded, ErrorMessage: exceededText(request, shard, name) },
            ),
        });
    }

    return {
        service: "kinesis",
        async handle(request, forward) {
            switch (request.operation) {
                case "PutRecords":
                    return putRecords(request, forward);
                case "PutRecord": {
                    const name = streamName(request);
                    const record = JSON.parse(request.body.toString()) as PutRecord;
                    const shard = refusal(shardFor(await shardsOf(request, name, forward), record), record);
                    if (shard !== undefined) {
                        throw new AwsError(exceeded, exceededText(request, shard, name));
                    }
                    return numbered(await forward(request));
                }
                case "GetShardIterator":
                    return forward({ ...request, body: Buffer.from(request.body.toString().replace(given, "$1")) });
                case "DescribeStream":
                case "GetRecords":
                case "ListShards":
                    return numbered(await forward(request));
                case "UpdateShardCount":
                case "SplitShard":
                case "MergeShards":
                    throw new AwsError(
                        "InvalidArgumentException",
                        "The local Kinesis does not change a stream's shards, as its emulator would lose the records: make another stream.",
                    );
                case "DeleteStream": {
                    const answer = await forward(request);
                    streams.delete(streamKey(request, streamName(request)));
                    return answer;
                }
                case undefined:
                default:
                    return undefined;
            }
        },
    };
}

/** The emulator's sequence numbers begin with zeros, which AWS's never do. */
const ours = /("(?:Starting|Ending)?SequenceNumber":\s*")(?=\d)/g;
const given = /("StartingSequenceNumber":\s*")49/;

function numbered(response: AwsResponse): AwsResponse {
    return { ...response, body: Buffer.from(response.body.toString().replace(ours, (start) => `${start}49`)) };
}

const exceeded = "ProvisionedThroughputExceededException";

function exceededText({ accountId }: AwsRequest, shard: string, stream: string): string {
    return `Rate exceeded for shard ${shard} in stream ${stream} under account ${accountId}.`;
}

function streamName({ parameters }: AwsRequest): string {
    const { StreamName, StreamARN = "" } = parameters as { readonly StreamName?: string; readonly StreamARN?: string };
    return StreamName ?? StreamARN.slice(StreamARN.lastIndexOf("/") + 1);
}

function streamKey({ accountId, region }: AwsRequest, name: string): string {
    return `${accountId}/${region}/${name}`;
}

/** By the MD5 of the partition key, as AWS says it. */
function shardFor(shards: readonly Shard[], { PartitionKey, ExplicitHashKey }: PutRecord): Shard {
    const hash =
        ExplicitHashKey === undefined
            ? BigInt(`0x${createHash("md5").update(PartitionKey).digest("hex")}`)
            : BigInt(ExplicitHashKey);
    return shards.find(({ from, to }) => from <= hash && hash <= to)!;
}

/** @throws as the emulator answers, when there is no such stream */
async function openShards(request: AwsRequest, StreamName: string, forward: Forward): Promise<Shard[]> {
    const answer = await forward({
        ...request,
        headers: { ...request.headers, "x-amz-target": "Kinesis_20131202.ListShards" },
        body: Buffer.from(JSON.stringify({ StreamName })),
    });
    const text = answer.body.toString();
    if (answer.status !== 200) {
        const { __type, message = "" } = JSON.parse(text) as { readonly __type: string; readonly message?: string };
        throw new AwsError(__type, message, answer.status);
    }
    const { Shards } = JSON.parse(text) as { readonly Shards: readonly ShardAnswer[] };
    return Shards.filter(({ SequenceNumberRange }) => SequenceNumberRange.EndingSequenceNumber === undefined).map(
        ({ ShardId, HashKeyRange }) => ({
            id: ShardId,
            from: BigInt(HashKeyRange.StartingHashKey),
            to: BigInt(HashKeyRange.EndingHashKey),
            ...{ second: 0, records: 0, bytes: 0 },
        }),
    );
}
