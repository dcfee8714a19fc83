// Connections to ElastiCache by IAM: no password is anywhere (https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/auth-iam.html).
import { createHash, createHmac } from "node:crypto";

import { defaultProvider } from "@aws-sdk/credential-provider-node";
import { SignatureV4 } from "@smithy/signature-v4";
import { Redis } from "iovalkey";

export interface CacheAddress {
    readonly host: string;
    readonly port: number;
    /** Id of the replication group. */
    readonly cache: string;
    readonly user: string;
    readonly region: string;
}

/** Of this process's environment. */
export function cacheAddress({ CACHE_HOST, CACHE_ID, CACHE_USER, AWS_REGION }: NodeJS.ProcessEnv): CacheAddress {
    if (!CACHE_HOST || !CACHE_ID || !CACHE_USER || !AWS_REGION) {
        throw new Error("CACHE_HOST, CACHE_ID, CACHE_USER and AWS_REGION have to be set.");
    }
    return { host: CACHE_HOST, port: 6379, cache: CACHE_ID, user: CACHE_USER, region: AWS_REGION };
}

/** A token lets in for a quarter of an hour; a connection lasts for twelve hours, and then comes again by a new one. */
const tokenSeconds = 900;
const renewedMs = 600_000;

/** A client that connects, and connects again, by tokens of its own. It starts to connect at once. */
export async function connectToCache(address: CacheAddress): Promise<Redis> {
    const client = new Redis({
        ...{ host: address.host, port: address.port, username: address.user, tls: {}, lazyConnect: true },
        // One who asks is told soon that there is no answer; commands do not wait for a connection to come back.
        ...{ commandTimeout: 2_000, connectTimeout: 2_000, maxRetriesPerRequest: 0, enableOfflineQueue: false },
        ...{
            enableReadyCheck: false,
            autoResubscribe: false,
            retryStrategy: (tries: number) => Math.min(50 * 2 ** tries, 2_000),
        },
    });
    const renew = async (): Promise<void> => {
        client.options.password = await token(address);
    };
    await renew();
    const timer = setInterval(
        () => void renew().catch((error: Error) => console.error("token:", error.message)),
        renewedMs,
    );
    timer.unref();
    client.on("error", (error: Error) => {
        console.error("cache:", error.message);
        if (/WRONGPASS|NOAUTH/.test(error.message)) {
            client.disconnect(true);
        }
    });
    client.once("end", () => clearInterval(timer));
    void client.connect().catch(() => undefined); // it tries again by itself
    return client;
}

/** A signed request to connect, without its scheme. */
export async function token({ cache, user, region }: Omit<CacheAddress, "host" | "port">): Promise<string> {
    const signer = new SignatureV4({ region, service: "elasticache", credentials: defaultProvider(), sha256: Sha256 });
    const { query } = await signer.presign(
        {
            ...{ method: "GET", protocol: "http:", hostname: cache, path: "/", headers: { host: cache } },
            query: { Action: "connect", User: user },
        },
        { expiresIn: tokenSeconds },
    );
    return `${cache}/?${new URLSearchParams(query as Record<string, string>).toString()}`;
}

/** As the signer wants it. */
class Sha256 {
    readonly #hash;
    constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
        this.#hash = secret === undefined ? createHash("sha256") : createHmac("sha256", secret as Buffer);
    }
    update(data: Uint8Array): void {
        this.#hash.update(data);
    }
    digest(): Promise<Uint8Array> {
        return Promise.resolve(this.#hash.digest());
    }
    reset(): void {
        throw new Error("A hash is made once.");
    }
}
