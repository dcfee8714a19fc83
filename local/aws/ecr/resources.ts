import type { EncryptionConfiguration, ImageTagMutability } from "@aws-sdk/client-ecr";
import type { LifecyclePolicyArgs, LifecyclePolicyState } from "@pulumi/aws/ecr/lifecyclePolicy";
import type { RepositoryArgs, RepositoryState } from "@pulumi/aws/ecr/repository";
import { adapter, type Adapters, changeTags, json, service, tagList, tagsAll } from "../resources/adapter";
import type { Aws } from "../resources/sdk";

const gone = ["RepositoryNotFoundException", "LifecyclePolicyNotFoundException"];

export const ecr: Adapters = service("ECR", {
    "ecr/repository:Repository": adapter<RepositoryArgs, RepositoryState>({
        taggable: true,
        autoName: { property: "name", maxLength: 256, lowerCase: true },
        defaults: { imageTagMutability: "MUTABLE" },
        replaceOn: ["name", "encryptionConfigurations"],
        refuses: ["imageTagMutabilityExclusionFilters"],
        gone,
        async create(aws, inputs) {
            const { repository } = await aws.ecr.createRepository({
                repositoryName: inputs.name,
                imageTagMutability: inputs.imageTagMutability as ImageTagMutability,
                imageScanningConfiguration: inputs.imageScanningConfiguration,
                encryptionConfiguration: inputs.encryptionConfigurations?.[0] as EncryptionConfiguration,
                tags: tagList(inputs.tagsAll),
            });
            return {
                id: inputs.name!,
                arn: repository?.repositoryArn,
                registryId: repository?.registryId,
                repositoryUrl: repository?.repositoryUri,
            };
        },
        async update(aws, change) {
            const { inputs, id: repositoryName } = change;
            const resourceArn = change.outputs.arn;
            await aws.ecr.putImageTagMutability({
                repositoryName,
                imageTagMutability: inputs.imageTagMutability as ImageTagMutability,
            });
            await aws.ecr.putImageScanningConfiguration({
                repositoryName,
                imageScanningConfiguration: inputs.imageScanningConfiguration ?? { scanOnPush: false },
            });
            await changeTags(
                change,
                (tags) => aws.ecr.tagResource({ resourceArn, tags: tagList(tags) }),
                (tagKeys) => aws.ecr.untagResource({ resourceArn, tagKeys }),
            );
        },
        delete: (aws, { id, inputs }) =>
            aws.ecr.deleteRepository({ repositoryName: id, force: inputs.forceDelete ?? false }),
        async read(aws, { id, outputs }) {
            const { repositories = [] } = await aws.ecr.describeRepositories({ repositoryNames: [id] });
            const [{ imageTagMutability, imageScanningConfiguration }] = repositories;
            const { tags } = await aws.ecr.listTagsForResource({ resourceArn: outputs.arn });
            return { imageTagMutability, imageScanningConfiguration, ...tagsAll(tags) };
        },
    }),
    "ecr/lifecyclePolicy:LifecyclePolicy": adapter<LifecyclePolicyArgs, LifecyclePolicyState>({
        replaceOn: ["repository"],
        gone,
        async create(aws, inputs) {
            const { registryId } = await putPolicy(aws, inputs.repository, inputs.policy);
            return { id: inputs.repository, registryId };
        },
        update: async (aws, { id, inputs }) => void (await putPolicy(aws, id, inputs.policy)),
        delete: (aws, { id }) => aws.ecr.deleteLifecyclePolicy({ repositoryName: id }),
        async read(aws, { id }) {
            const { lifecyclePolicyText } = await aws.ecr.getLifecyclePolicy({ repositoryName: id });
            return { policy: lifecyclePolicyText };
        },
    }),
});

function putPolicy(aws: Aws, repositoryName: string, policy: unknown): Promise<{ registryId?: string }> {
    return aws.ecr.putLifecyclePolicy({ repositoryName, lifecyclePolicyText: json(policy) });
}
