// Changes of core data: into Valkey, and to every collector that listens.
import type { KinesisStreamBatchResponse, KinesisStreamEvent } from "aws-lambda";
import type { Redis } from "iovalkey";

import { Campaign, changes, keyOf, readCampaign } from "../campaign";
import { cacheAddress, connectToCache } from "../valkey";

/** In one step, so that what is told is what is stored; an older version changes nothing, and is told to nobody. */
const script = `
local stored = redis.call("GET", KEYS[1])
if stored and cjson.decode(stored).version >= tonumber(ARGV[2]) then return 0 end
redis.call("SET", KEYS[1], ARGV[1])
redis.call("PUBLISH", ARGV[3], ARGV[1])
return 1`;

let client: Promise<Redis> | undefined;

/** Names the first that failed: Lambda comes again from there, so that changes keep their order. */
export async function handler({ Records }: KinesisStreamEvent): Promise<KinesisStreamBatchResponse> {
    const cache = await (client ??= connected());
    for (const { kinesis, eventID } of Records) {
        try {
            await store(cache, readCampaign(Buffer.from(kinesis.data, "base64").toString()));
        } catch (error) {
            console.error(`${eventID}: ${(error as Error).message}`);
            return { batchItemFailures: [{ itemIdentifier: kinesis.sequenceNumber }] };
        }
    }
    return { batchItemFailures: [] };
}

async function store(cache: Redis, campaign: Campaign): Promise<void> {
    await cache.eval(script, 1, keyOf(campaign.id), JSON.stringify(campaign), campaign.version, changes);
}

async function connected(): Promise<Redis> {
    const cache = await connectToCache(cacheAddress(process.env));
    await new Promise((resolve) => cache.once("ready", resolve));
    return cache;
}
