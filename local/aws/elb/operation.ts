// What the operations of Elastic Load Balancing share: identities, attributes, tags.
import { randomBytes } from "node:crypto";

import { AwsError } from "../gateway/overlay";
import type { Texts } from "../gateway/query";
import type { Attributes, BalancerState, TargetGroup } from "./state";

/** An operation of the API: its input is what the SDK's command of that name takes, as text. */
export type Operation = (state: BalancerState, input: never) => object;

/** What the control plane needs of the data plane. */
export interface DataPlane {
    address(): string;
    /** The certificate's ARN can be used. @throws CertificateNotFound */
    checkCertificate(arn: string): void;
    /** A load balancer has it, or had it some seconds ago. */
    isInUse(arn: string): boolean;
    register(state: BalancerState, group: TargetGroup, id: string, port: number): void;
    deregister(state: BalancerState, group: TargetGroup, id: string, port: number): void;
}

export type Input<T> = Texts<T>;

export function arn({ scope }: BalancerState, resource: string): string {
    return `arn:aws:elasticloadbalancing:${scope.region}:${scope.accountId}:${resource}`;
}

export function newId(): string {
    return randomBytes(8).toString("hex");
}

export function invalid(message: string): AwsError {
    return new AwsError("ValidationError", message);
}

export function attributeList(attributes: Attributes) {
    return Object.entries(attributes).map(([Key, Value]) => ({ Key, Value }));
}

export function modifyAttributes(
    owner: { attributes: Attributes },
    changes: readonly { Key?: string; Value?: string }[] = [],
    known: readonly string[],
) {
    const unknown = changes.find(({ Key }) => !known.includes(Key ?? ""));
    if (unknown) {
        throw invalid(`Attribute key '${unknown.Key}' is not recognized: known are ${known.join(", ")}`);
    }
    const changed: Attributes = {
        ...owner.attributes,
        ...Object.fromEntries(changes.map(({ Key = "", Value = "" }) => [Key, Value])),
    };
    if (changed["stickiness.enabled"] === "true" && changed["stickiness.type"] !== "lb_cookie") {
        throw invalid(
            `Stickiness by ${changed["stickiness.type"]} is not emulated: the local load balancers know lb_cookie`,
        );
    }
    owner.attributes = changed;
    return { Attributes: attributeList(owner.attributes) };
}

export function keepTags(
    state: BalancerState,
    name: string,
    tags: readonly { Key?: string; Value?: string }[] = [],
): void {
    state.tags.set(
        name,
        tags.map(({ Key = "", Value = "" }) => ({ Key, Value })),
    );
}

export function tagsOf(state: BalancerState, name: string) {
    return state.tags.get(name) ?? [];
}
