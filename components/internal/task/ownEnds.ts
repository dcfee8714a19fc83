// When a task ends by itself.
import * as pulumi from "@pulumi/pulumi";

import { integer } from "../arguments";
import { Combination, Fault, faultOf, given, Rules } from "../validation";

/** What may be said about it, whoever makes the tasks. */
export interface OwnEndArgs {
    /**
     * Seconds without a request to the app after which a task ends by itself, 60 to 86400. A WebSocket or an event stream that is open counts as a
     * request; what Envoy answers itself does not.
     * @default it runs until it is stopped or the app ends
     */
    readonly idleTimeout?: pulumi.Input<number>;
    /**
     * Seconds after its start at which a task ends by itself, whoever uses it, 60 to 2592000. Its answers say when, in the header `sunset` (RFC 8594). It notices
     * within ten seconds, and lets requests end for `drainSeconds`.
     * @default it runs until it is stopped, idle or the app ends
     */
    readonly maxLifetime?: pulumi.Input<number>;
}

/** The rule of each. */
export const ownEndRules: Rules<OwnEndArgs> = {
    idleTimeout: integer(60, 86_400, "seconds"),
    maxLifetime: integer(60, 2_592_000, "seconds"),
};

/** A service starts another task for one that has ended. */
export const endsAlone: Combination<OwnEndArgs & { readonly desiredCount?: unknown }> = given([], (args) =>
    endFaults(args, args.desiredCount !== undefined, {
        idleTimeout: "goes without desiredCount: a service would start another task at once",
        maxLifetime: "goes without desiredCount: a service would start another task at once",
    }),
);

/** What Envoy has for a task's own name alone. */
export const endsByName: Combination<OwnEndArgs & { readonly domain?: unknown }> = given([], (args) =>
    endFaults(args, args.domain === undefined, {
        idleTimeout: "needs domain: without one the health check's requests reach the app, and it is never idle",
        maxLifetime: "needs domain: only its own routes tell when a task ends",
    }),
);

function endFaults(args: OwnEndArgs, isRefused: boolean, reasons: Record<keyof OwnEndArgs, string>): Fault[] {
    return (["idleTimeout", "maxLifetime"] as const).flatMap((property) =>
        faultOf(property, isRefused && args[property] !== undefined ? reasons[property] : undefined),
    );
}
