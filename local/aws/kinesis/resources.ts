import type { StreamArgs, StreamState } from "@pulumi/aws/kinesis/stream";
import { adapter, type Adapters, changeTags, type Inputs, service, tagsAll } from "../resources/adapter";
import type { Aws } from "../resources/sdk";

/** What a stream keeps when nothing is said: AWS's least. */
const leastHours = 24;

export const kinesis: Adapters = service("Kinesis", {
    "kinesis/stream:Stream": adapter<StreamArgs, StreamState>({
        taggable: true,
        autoName: { property: "name", maxLength: 128 },
        defaults: { retentionPeriod: leastHours, encryptionType: "NONE", enforceConsumerDeletion: false },
        // AWS can change the mode of a stream; nobody needs that here.
        replaceOn: ["name", "streamModeDetails"],
        refuses: ["shardLevelMetrics", "maxRecordSizeInKib"],
        gone: ["ResourceNotFoundException"],
        async create(aws, inputs) {
            const StreamName = inputs.name!;
            const { streamMode = "PROVISIONED" } = inputs.streamModeDetails ?? {};
            await aws.kinesis.createStream({
                StreamName,
                ShardCount: inputs.shardCount,
                StreamModeDetails: { StreamMode: streamMode as "PROVISIONED" },
            });
            await active(aws, StreamName);
            await keepFor(aws, inputs, leastHours);
            await encrypt(aws, inputs);
            if (Object.keys(inputs.tagsAll ?? {}).length > 0) {
                await aws.kinesis.addTagsToStream({ StreamName, Tags: inputs.tagsAll });
            }
            const arn = aws.arn("kinesis", `stream/${StreamName}`);
            return { id: arn, arn };
        },
        async update(aws, change) {
            const { inputs, old } = change;
            const StreamName = inputs.name!;
            if (inputs.shardCount !== old.shardCount) {
                const TargetShardCount = inputs.shardCount;
                await aws.kinesis.updateShardCount({ StreamName, TargetShardCount, ScalingType: "UNIFORM_SCALING" });
                await active(aws, StreamName);
            }
            await keepFor(aws, inputs, old.retentionPeriod ?? leastHours);
            if (inputs.encryptionType !== old.encryptionType || inputs.kmsKeyId !== old.kmsKeyId) {
                await encrypt(aws, inputs, old);
            }
            await changeTags(
                change,
                (Tags) => aws.kinesis.addTagsToStream({ StreamName, Tags }),
                (TagKeys) => aws.kinesis.removeTagsFromStream({ StreamName, TagKeys }),
            );
        },
        delete: (aws, { inputs }) =>
            aws.kinesis.deleteStream({
                StreamName: inputs.name,
                EnforceConsumerDeletion: inputs.enforceConsumerDeletion,
            }),
        async read(aws, { inputs }) {
            const { StreamDescriptionSummary: summary } = await aws.kinesis.describeStreamSummary({
                StreamName: inputs.name,
            });
            const { Tags } = await aws.kinesis.listTagsForStream({ StreamName: inputs.name });
            return {
                shardCount: summary?.OpenShardCount,
                retentionPeriod: summary?.RetentionPeriodHours,
                encryptionType: summary?.EncryptionType ?? "NONE",
                kmsKeyId: summary?.KeyId,
                ...tagsAll(Tags),
            };
        },
    }),
});

async function active(aws: Aws, StreamName: string): Promise<void> {
    const { waitUntilStreamExists } = await import("@aws-sdk/client-kinesis");
    await waitUntilStreamExists({ client: aws.kinesis, maxWaitTime: 300, minDelay: 1, maxDelay: 1 }, { StreamName });
}

async function keepFor(aws: Aws, inputs: Inputs<StreamArgs>, before: number): Promise<void> {
    const RetentionPeriodHours = inputs.retentionPeriod ?? leastHours;
    const change = { StreamName: inputs.name, RetentionPeriodHours };
    if (RetentionPeriodHours > before) {
        await aws.kinesis.increaseStreamRetentionPeriod(change);
    } else if (RetentionPeriodHours < before) {
        await aws.kinesis.decreaseStreamRetentionPeriod(change);
    }
}

/** By a key, or no more. */
async function encrypt(aws: Aws, inputs: Inputs<StreamArgs>, old?: Inputs<StreamArgs>): Promise<void> {
    const StreamName = inputs.name;
    if (inputs.encryptionType === "KMS") {
        await aws.kinesis.startStreamEncryption({ StreamName, EncryptionType: "KMS", KeyId: inputs.kmsKeyId });
    } else if (old?.encryptionType === "KMS") {
        await aws.kinesis.stopStreamEncryption({ StreamName, EncryptionType: "KMS", KeyId: old.kmsKeyId });
    }
}
