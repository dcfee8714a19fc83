// Which priorities the services of one program have taken on which listener, so that a clash shows in the preview.
import * as pulumi from "@pulumi/pulumi";

import { Reason } from "../rules";
import { asGiven } from "../validation";
import { PriorityClaim, priorityReason } from "./listenerRules";

/** By the program's connection to the engine, which is a new one each time that it runs; then by the listener as it was given. */
const claims = new WeakMap<object, Map<unknown, PriorityClaim[]>>();

/**
 * Why a service cannot have its priorities on the listener, which is known by its ARN or by being the same output; undefined: a new one.
 */
export function claimReason(listenerArn: pulumi.Input<string> | undefined, claim: PriorityClaim): Reason {
    return priorityReason(claim, listenerArn === undefined ? [] : claimsOn(listenerArn));
}

/** From now on they are the service's. */
export function claimPriorities(listenerArn: pulumi.Input<string>, claim: PriorityClaim): void {
    claimsOn(listenerArn).push(claim);
}

function claimsOn(listenerArn: pulumi.Input<string>): PriorityClaim[] {
    const engine = pulumi.runtime.getMonitor() ?? claims;
    const listeners = claims.get(engine) ?? new Map<unknown, PriorityClaim[]>();
    const ofListener = listeners.get(asGiven(listenerArn)) ?? [];
    claims.set(engine, listeners.set(asGiven(listenerArn), ofListener));
    return ofListener;
}
