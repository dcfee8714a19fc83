import { randomBytes, randomUUID } from "node:crypto";

import type { Scope } from "../machine/awsClients";

/**
 * The elastic network interface of a task. Its private address is one of 127.0.0.0/8, and the public one is the same; another one stands for the
 * 127.0.0.1 that the task's containers share and nobody else reaches.
 */
export interface NetworkInterface {
    readonly scope: Scope;
    readonly id: string;
    readonly attachmentId: string;
    readonly subnetId: string;
    readonly securityGroupIds: readonly string[];
    readonly availabilityZone: string;
    readonly address: string;
    readonly loopback: string;
    readonly privateDnsName: string;
    readonly isPublic: boolean;
    readonly macAddress: string;
    readonly createdAt: Date;
    /** A program of it does not say from where it connects: it seems to come from outside. */
    isAnonymous: boolean;
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

/** Interfaces have `127.N.1.0` to `127.N.126.255`; the loopback of each is this much higher: 127.2.1.3 has 127.2.129.3. */
const loopbackOffset = 128;

/** Hands out the addresses of one `127.N.0.0/16` block, none of them twice. */
export function createNetworkInterfaces(block: number): NetworkInterfaces {
    const interfaces = new Map<string, NetworkInterface>();
    let used = 0;

    function newAddress(): string {
        used++;
        const [high, low] = [1 + Math.floor(used / 254), 1 + (used % 254)];
        if (high + loopbackOffset > 254) {
            throw new Error(
                `The ${used - 1} addresses of 127.${block}.0.0/16 are used up: start the local system anew.`,
            );
        }
        return `127.${block}.${high}.${low}`;
    }

    return {
        newAddress,
        create(scope, attachmentId, network) {
            const address = newAddress();
            const [first, second, high, low] = address.split(".");
            const created: NetworkInterface = {
                scope,
                id: `eni-0${randomUUID().replaceAll("-", "").slice(0, 16)}`,
                attachmentId,
                ...network,
                availabilityZone: `${scope.region}a`,
                address,
                loopback: [first, second, Number(high) + loopbackOffset, low].join("."),
                privateDnsName: `ip-${address.replaceAll(".", "-")}.${scope.region}.compute.internal`,
                macAddress: `0a:${[...randomBytes(5)].map((byte) => byte.toString(16).padStart(2, "0")).join(":")}`,
                createdAt: new Date(),
                isAnonymous: false,
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
