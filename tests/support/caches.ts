import { createHash, createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { SignatureV4 } from "@smithy/signature-v4";

import { createElastiCache } from "../../local/aws/elasticache/overlay";
import type { ElastiCache } from "../../local/aws/elasticache/overlay";
import type { Permissions } from "../../local/aws/permissions/permissions";
import { createAuthority } from "../../local/internet/authorities/tlsCertificate";
import { claimLoopbackBlock } from "../../local/machine/loopback";
import { createProcesses } from "../../local/machine/processes";
import type { Processes } from "../../local/machine/processes";
import { projectRoot } from "../../local/machine/projectRoot";
import { createNetworkInterfaces } from "../../local/tasks/networkInterfaces";

export interface Caches extends Omit<ElastiCache, "stop"> {
    readonly processes: Processes;
    /** PEM: to be trusted. */
    readonly ca: string;
    /** Whether a security group opens the port: so until it is changed. */
    isOpen: boolean;
    readonly stop: () => Promise<void>;
}

/** ElastiCache without what is around it. */
export async function startCaches(permissions?: Pick<Permissions, "permits">): Promise<Caches> {
    const directory = mkdtempSync(join(tmpdir(), "taskgate-test-"));
    const processes = createProcesses(directory);
    const block = await claimLoopbackBlock();
    const interfaces = createNetworkInterfaces(block.number);
    const { ca, issue } = await createAuthority("test");
    const faults: string[] = [];
    const caches: Caches = {
        ...createElastiCache({
            ...{ root: projectRoot, processes, permissions, log: (text: string) => faults.push(text) },
            newAddress: () => interfaces.newAddress(),
            issue: (address) => issue([address], [address]),
            readIngress: () => Promise.resolve(() => caches.isOpen),
        }),
        ...{ processes, ca, isOpen: true },
    };
    const { stop } = caches;
    return Object.assign(caches, {
        async stop() {
            await stop();
            await processes.stop();
            await block.release();
            rmSync(directory, { recursive: true, force: true });
            if (faults.length > 0) {
                throw new Error(`ElastiCache reported faults:\n${faults.join("\n")}`);
            }
        },
    });
}

class Sha256 {
    private readonly hash;
    constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
        this.hash = secret === undefined ? createHash("sha256") : createHmac("sha256", secret as Buffer);
    }
    update(data: Uint8Array): void {
        this.hash.update(data);
    }
    digest(): Promise<Uint8Array> {
        return Promise.resolve(this.hash.digest());
    }
    reset(): void {
        throw new Error("Nothing is to be hashed again.");
    }
}

/** The token by which a user connects to a cache. */
export async function tokenFor(
    cache: string,
    user: string,
    accessKeyId: string,
    { region = "eu-west-1", signingDate = new Date() }: { readonly region?: string; readonly signingDate?: Date } = {},
): Promise<string> {
    const signer = new SignatureV4({
        ...{ region, service: "elasticache", sha256: Sha256 },
        credentials: { accessKeyId, secretAccessKey: "local" },
    });
    const request = { method: "GET", protocol: "http:", hostname: cache, path: "/", headers: { host: cache } };
    const query = { Action: "connect", User: user };
    const signed = await signer.presign({ ...request, query }, { expiresIn: 900, signingDate });
    return `${cache}/?${new URLSearchParams(signed.query as Record<string, string>).toString()}`;
}
