import type { HttpNamespaceArgs, HttpNamespaceState } from "@pulumi/aws/servicediscovery/httpNamespace";
import { adapter, type Adapters, changeTags, service, tagList, tagsAll, tagsOrNone } from "../resources/adapter";
import { randomHex } from "../resources/naming";
import type { Aws } from "../resources/sdk";

/** Cloud Map, whose namespaces are what ECS Service Connect is said by. */
export const servicediscovery: Adapters = service("Service Discovery", {
    "servicediscovery/httpNamespace:HttpNamespace": adapter<HttpNamespaceArgs, HttpNamespaceState>({
        taggable: true,
        replaceOn: ["name"],
        gone: ["NamespaceNotFound"],
        async create(aws, inputs) {
            const { OperationId } = await aws.serviceDiscovery.createHttpNamespace({
                Name: inputs.name,
                Description: inputs.description,
                CreatorRequestId: randomHex(32),
                Tags: tagsOrNone(inputs.tagsAll),
            });
            const { Operation } = await aws.serviceDiscovery.getOperation({ OperationId });
            const id = Operation?.Targets?.NAMESPACE ?? "";
            return { id, ...(await namespaceOf(aws, id)) };
        },
        async update(aws, change) {
            const { id, inputs, old, outputs } = change;
            if (inputs.description !== old.description) {
                const Namespace = { Description: inputs.description ?? "" };
                await aws.serviceDiscovery.updateHttpNamespace({ Id: id, Namespace });
            }
            const ResourceARN = outputs.arn;
            await changeTags(
                change,
                (tags) => aws.serviceDiscovery.tagResource({ ResourceARN, Tags: tagList(tags) }),
                (TagKeys) => aws.serviceDiscovery.untagResource({ ResourceARN, TagKeys }),
            );
        },
        delete: (aws, { id }) => aws.serviceDiscovery.deleteNamespace({ Id: id }),
        async read(aws, { id, outputs }) {
            const { Tags } = await aws.serviceDiscovery.listTagsForResource({ ResourceARN: outputs.arn });
            return { ...(await namespaceOf(aws, id)), ...tagsAll(Tags) };
        },
    }),
});

async function namespaceOf(aws: Aws, Id: string) {
    const { Namespace: { Arn: arn, Description: description, Properties } = {} } =
        await aws.serviceDiscovery.getNamespace({ Id });
    return { arn, description, httpName: Properties?.HttpProperties?.HttpName };
}
