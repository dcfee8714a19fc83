// Which priorities the services of one program have taken on which listener.
import * as pulumi from "@pulumi/pulumi";

import { Reason } from "../rules";
import { claimsOf } from "./claims";
import { PriorityClaim, priorityReason } from "./listenerRules";

const claimsOn = claimsOf<PriorityClaim>();

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
