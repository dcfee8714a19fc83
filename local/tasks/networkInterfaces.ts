import { randomBytes, randomUUID } from "node:crypto";

import type { Scope } from "../awsClients";

/** The elastic network interface of a task. Its private address is a loopback address, and the public one is the same. */
export interface NetworkInterface {
    readonly scope: Scope;
    readonly id: string;
    readonly attachmentId: string;
    readonly subnetId: string;
    readonly securityGroupIds: readonly string[];
    readonly availabilityZone: string;
    readonly address: string;
    readonly isPublic: boolean;
    readonly macAddress: string;
    readonly createdAt: Date;
}

export interface NetworkInterfaces {
    /** One that nothing else has: of a load balancer, or of the next interface. */
    newAddress(): string;
    create(
        scope: Scope,
        attachmentId: string,
        network: {
            readonly subnetId: string;
            readonly securityGroupIds: readonly string[];
            readonly isPublic: boolean;
        },
    ): NetworkInterface;
    delete(attachmentId: string): void;
    list(scope: Scope): readonly NetworkInterface[];
}

/** Hands out the addresses of one `127.N.0.0/16` block, none of them twice. */
export function createNetworkInterfaces(block: number): NetworkInterfaces {
    const interfaces = new Map<string, NetworkInterface>();
    let used = 0;

    function newAddress(): string {
        used++;
        const [high, low] = [1 + Math.floor(used / 254), 1 + (used % 254)];
        if (high > 254) {
            throw new Error(
                `The ${used - 1} addresses of 127.${block}.0.0/16 are used up: start the local system anew.`,
            );
        }
        return `127.${block}.${high}.${low}`;
    }

    return {
        newAddress,
        create(scope, attachmentId, network) {
            const created: NetworkInterface = {
                scope,
                id: `eni-0${randomUUID().replaceAll("-", "").slice(0, 16)}`,
                attachmentId,
                ...network,
                availabilityZone: `${scope.region}a`,
                address: newAddress(),
                macAddress: `0a:${[...randomBytes(5)].map((byte) => byte.toString(16).padStart(2, "0")).join(":")}`,
                createdAt: new Date(),
            };
            interfaces.set(attachmentId, created);
            return created;
        },
        delete(attachmentId) {
            interfaces.delete(attachmentId);
        },
        list: ({ accountId, region }) =>
            [...interfaces.values()].filter(({ scope }) => scope.accountId === accountId && scope.region === region),
    };
}
