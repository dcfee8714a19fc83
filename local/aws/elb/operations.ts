// The API of Elastic Load Balancing: every operation that the local load balancers know.
import type * as sdk from "@aws-sdk/client-elastic-load-balancing-v2";

import { listenerOperations } from "./listenerOperations";
import { loadBalancerOperations } from "./loadBalancerOperations";
import { DataPlane, Input, keepTags, Operation, tagsOf } from "./operation";
import { ruleOperations } from "./ruleOperations";
import type { BalancerState } from "./state";
import { targetGroupOperations } from "./targetGroupOperations";

export function balancerOperations(plane: DataPlane): Readonly<Record<string, Operation>> {
    return {
        ...loadBalancerOperations(plane),
        ...targetGroupOperations(plane),
        ...listenerOperations(plane),
        ...ruleOperations,
        ...tagOperations,
    };
}

const tagOperations = {
    AddTags(state: BalancerState, { ResourceArns = [], Tags = [] }: Input<sdk.AddTagsInput>) {
        ResourceArns.forEach((name) => {
            const kept = tagsOf(state, name).filter(({ Key }) => !Tags.some((tag) => tag.Key === Key));
            keepTags(state, name, [...kept, ...Tags]);
        });
        return {};
    },
    RemoveTags(state: BalancerState, { ResourceArns = [], TagKeys = [] }: Input<sdk.RemoveTagsInput>) {
        ResourceArns.forEach((name) =>
            keepTags(
                state,
                name,
                tagsOf(state, name).filter(({ Key }) => !TagKeys.includes(Key)),
            ),
        );
        return {};
    },
    DescribeTags(state: BalancerState, { ResourceArns = [] }: Input<sdk.DescribeTagsInput>) {
        return {
            TagDescriptions: ResourceArns.map((ResourceArn) => ({ ResourceArn, Tags: tagsOf(state, ResourceArn) })),
        };
    },
};
