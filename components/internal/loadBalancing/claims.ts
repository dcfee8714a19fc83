// What the components of one program have taken for themselves, so that a clash shows in the preview.
import * as pulumi from "@pulumi/pulumi";

import { asGiven } from "../validation";

/** Gives the claims on something that is known by its value or by being the same output; what is pushed there is taken from now on. */
export function claimsOf<Claim>(): (of: unknown) => Claim[] {
    /** By the program's connection to the engine, which is a new one each time that it runs. */
    const claims = new WeakMap<object, Map<unknown, Claim[]>>();
    return (of) => {
        const engine = pulumi.runtime.getMonitor() ?? claims;
        const all = claims.get(engine) ?? new Map<unknown, Claim[]>();
        const found = all.get(asGiven(of)) ?? [];
        claims.set(engine, all.set(asGiven(of), found));
        return found;
    };
}
