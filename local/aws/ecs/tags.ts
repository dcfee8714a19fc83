import type {
    ListTagsForResourceCommandInput,
    Tag,
    TagResourceCommandInput,
    UntagResourceCommandInput,
} from "@aws-sdk/client-ecs";

import { invalid } from "./state";
import type { EcsState, Operation } from "./state";

export const tagOperations: Readonly<Record<string, Operation>> = {
    TagResource(state, { resourceArn, tags = [] }: TagResourceCommandInput) {
        const kept = tagsOf(state, resourceArn!).filter(({ key }) => !tags.some((tag) => tag.key === key));
        setTags(state, resourceArn!, [...kept, ...tags]);
        return {};
    },

    UntagResource(state, { resourceArn, tagKeys = [] }: UntagResourceCommandInput) {
        const kept = tagsOf(state, resourceArn!).filter(({ key }) => !tagKeys.includes(key!));
        setTags(state, resourceArn!, kept);
        return {};
    },

    ListTagsForResource(state, { resourceArn }: ListTagsForResourceCommandInput) {
        return { tags: tagsOf(state, resourceArn!) };
    },
};

function tagsOf(state: EcsState, resourceArn: string): readonly Tag[] {
    const tags = state.tasks.get(resourceArn)?.task.tags ?? state.tags.get(resourceArn);
    if (!tags) {
        throw invalid(
            `The specified resource ${resourceArn} is not found: it must be a cluster, service, task or task definition.`,
        );
    }
    return tags;
}

function setTags(state: EcsState, resourceArn: string, tags: Tag[]): void {
    const running = state.tasks.get(resourceArn);
    if (running) {
        running.task.tags = tags;
    } else {
        state.tags.set(resourceArn, tags);
    }
}
