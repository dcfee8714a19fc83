import type { SecretArgs, SecretState } from "@pulumi/aws/secretsmanager/secret";
import type { SecretVersionArgs, SecretVersionState } from "@pulumi/aws/secretsmanager/secretVersion";
import { adapter, type Adapters, changeTags, Gone, service, tagList, tagsAll, tagsOrNone } from "../resources/adapter";

const gone = ["ResourceNotFoundException"];

export const secretsmanager: Adapters = service("Secrets Manager", {
    "secretsmanager/secret:Secret": adapter<SecretArgs, SecretState>({
        taggable: true,
        autoName: { property: "name", maxLength: 255 },
        defaults: { recoveryWindowInDays: 30, forceOverwriteReplicaSecret: false },
        replaceOn: ["name"],
        refuses: ["replicas"],
        gone,
        async create(aws, inputs) {
            const { ARN } = await aws.secretsManager.createSecret({
                Name: inputs.name,
                Description: inputs.description,
                KmsKeyId: inputs.kmsKeyId,
                Tags: tagsOrNone(inputs.tagsAll),
            });
            if (inputs.policy !== undefined) {
                await aws.secretsManager.putResourcePolicy({ SecretId: ARN, ResourcePolicy: inputs.policy });
            }
            return { id: ARN!, arn: ARN };
        },
        async update(aws, change) {
            const SecretId = change.id;
            const { description, kmsKeyId, policy } = change.inputs;
            await aws.secretsManager.updateSecret({ SecretId, Description: description ?? "", KmsKeyId: kmsKeyId });
            if (policy !== undefined) {
                await aws.secretsManager.putResourcePolicy({ SecretId, ResourcePolicy: policy });
            } else if (change.old.policy !== undefined) {
                await aws.secretsManager.deleteResourcePolicy({ SecretId });
            }
            await changeTags(
                change,
                (tags) => aws.secretsManager.tagResource({ SecretId, Tags: tagList(tags) }),
                (TagKeys) => aws.secretsManager.untagResource({ SecretId, TagKeys }),
            );
        },
        async delete(aws, { id, inputs }) {
            await aws.secretsManager.deleteSecret(
                inputs.recoveryWindowInDays === 0
                    ? { SecretId: id, ForceDeleteWithoutRecovery: true }
                    : { SecretId: id, RecoveryWindowInDays: inputs.recoveryWindowInDays },
            );
        },
        async read(aws, { id, inputs }) {
            const found = await aws.secretsManager.describeSecret({ SecretId: id });
            if (found.DeletedDate !== undefined) {
                throw new Gone(`The secret ${id} waits for its deletion.`);
            }
            const policy =
                inputs.policy === undefined
                    ? {}
                    : { policy: (await aws.secretsManager.getResourcePolicy({ SecretId: id })).ResourcePolicy };
            return { description: found.Description, kmsKeyId: found.KmsKeyId, ...policy, ...tagsAll(found.Tags) };
        },
    }),
    "secretsmanager/secretVersion:SecretVersion": adapter<SecretVersionArgs, SecretVersionState>({
        gone: [...gone, "InvalidRequestException"], // of a secret that waits for its deletion
        async create(aws, inputs) {
            const { ARN, VersionId, VersionStages } = await aws.secretsManager.putSecretValue({
                SecretId: inputs.secretId,
                SecretString: inputs.secretString,
                SecretBinary: inputs.secretBinary ? Buffer.from(inputs.secretBinary, "base64") : undefined,
                VersionStages: inputs.versionStages,
            });
            return {
                id: `${inputs.secretId}|${VersionId}`,
                arn: ARN,
                versionId: VersionId,
                versionStages: VersionStages,
            };
        },
        // A version goes with its secret: its stage AWSCURRENT cannot be taken away.
        /** That there is another version since is no change of this one. */
        async read(aws, { inputs, outputs }) {
            const version = { SecretId: inputs.secretId, VersionId: outputs.versionId };
            const { SecretString, VersionStages } = await aws.secretsManager.getSecretValue(version);
            return { secretString: SecretString, versionStages: VersionStages };
        },
    }),
});
