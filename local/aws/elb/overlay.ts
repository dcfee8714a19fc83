import { AwsError } from "../gateway/overlay";
import type { Overlay } from "../gateway/overlay";
import { parseQuery, queryResponse } from "../gateway/query";
import type { LoadBalancing } from "./loadBalancing";

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
