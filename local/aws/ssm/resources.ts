import type { ParameterArgs, ParameterState } from "@pulumi/aws/ssm/parameter";
import {
    adapter,
    type Adapters,
    changeTags,
    type Inputs,
    service,
    tagList,
    tagsAll,
    tagsOrNone,
} from "../resources/adapter";

export const ssm: Adapters = service("SSM", {
    "ssm/parameter:Parameter": adapter<ParameterArgs, ParameterState>({
        taggable: true,
        autoName: { property: "name", maxLength: 255 },
        defaults: { dataType: "text", tier: "Standard" },
        replaceOn: ["name", "dataType"],
        refuses: ["valueWo"],
        gone: ["ParameterNotFound"],
        async create(aws, inputs) {
            const { Version } = await aws.ssm.putParameter({
                ...parameter(inputs),
                Overwrite: inputs.overwrite ?? false,
                Tags: inputs.overwrite ? undefined : tagsOrNone(inputs.tagsAll), // AWS takes only one of the two
            });
            const name = inputs.name!.replace(/^\//, "");
            return { id: inputs.name!, arn: aws.arn("ssm", `parameter/${name}`), version: Version };
        },
        async update(aws, change) {
            const { Version } = await aws.ssm.putParameter({ ...parameter(change.inputs), Overwrite: true });
            const resource = { ResourceType: "Parameter", ResourceId: change.id } as const;
            await changeTags(
                change,
                (tags) => aws.ssm.addTagsToResource({ ...resource, Tags: tagList(tags) }),
                (TagKeys) => aws.ssm.removeTagsFromResource({ ...resource, TagKeys }),
            );
            return { version: Version };
        },
        delete: (aws, { id }) => aws.ssm.deleteParameter({ Name: id }),
        async read(aws, { id }) {
            const { Parameter } = await aws.ssm.getParameter({ Name: id, WithDecryption: true });
            const found = { ResourceType: "Parameter", ResourceId: id } as const;
            const { TagList } = await aws.ssm.listTagsForResource(found);
            const { Type: type, Value: value, Version: version, DataType: dataType } = Parameter ?? {};
            return { type, value, insecureValue: value, version, dataType, ...tagsAll(TagList) };
        },
    }),
});

function parameter(inputs: Inputs<ParameterArgs>) {
    return {
        Name: inputs.name,
        Type: inputs.type as "String",
        Value: inputs.value ?? inputs.insecureValue,
        Description: inputs.description,
        KeyId: inputs.keyId,
        Tier: inputs.tier as "Standard",
        DataType: inputs.dataType,
        AllowedPattern: inputs.allowedPattern,
    };
}
