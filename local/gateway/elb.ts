import type { LoadBalancing } from "../balancers/loadBalancing";
import { parseQuery, queryResponse } from "../balancers/query";
import { AwsError } from "./overlay";
import type { Overlay } from "./overlay";

const namespace = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/";

/** All of Elastic Load Balancing v2: the emulator's own, which keeps half of what it is told, is not asked. */
export function elbOverlay(loadBalancing: Pick<LoadBalancing, "call">): Overlay {
    return {
        service: "elasticloadbalancing",
        handle(request) {
            const { operation = "", body } = request;
            const result = loadBalancing.call(request, operation, parseQuery(body.toString()));
            if (!result) {
                throw new AwsError("InvalidAction", `The local Elastic Load Balancing has no ${operation}.`);
            }
            return Promise.resolve(queryResponse(operation, namespace, result));
        },
    };
}
