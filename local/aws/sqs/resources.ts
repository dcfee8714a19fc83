import type { QueueAttributeName } from "@aws-sdk/client-sqs";
import type { QueueArgs, QueueState } from "@pulumi/aws/sqs/queue";
import type { QueuePolicyArgs, QueuePolicyState } from "@pulumi/aws/sqs/queuePolicy";
import type { RedriveAllowPolicyArgs, RedriveAllowPolicyState } from "@pulumi/aws/sqs/redriveAllowPolicy";
import type { RedrivePolicyArgs, RedrivePolicyState } from "@pulumi/aws/sqs/redrivePolicy";
import {
    type Adapters,
    adapter,
    changeTags,
    Gone,
    type Inputs,
    json,
    sameDocument,
    service,
} from "../resources/adapter";
import type { Aws } from "../resources/sdk";

const gone = ["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"];

export const sqs: Adapters = service("SQS", {
    "sqs/queue:Queue": adapter<QueueArgs, QueueState>({
        taggable: true,
        autoName: { property: "name", maxLength: 80, fifo: { property: "fifoQueue", suffix: ".fifo" } },
        replaceOn: ["name", "fifoQueue"],
        gone,
        async create(aws, inputs) {
            const { QueueUrl } = await aws.sqs.createQueue({
                QueueName: inputs.name,
                Attributes: attributes(inputs),
                tags: inputs.tagsAll,
            });
            return { id: QueueUrl!, url: QueueUrl, arn: aws.arn("sqs", inputs.name!) };
        },
        async update(aws, change) {
            const before = attributes(change.old);
            const after = attributes(change.inputs);
            const unset = Object.fromEntries(Object.keys(before).map((name) => [name, attributeDefaults[name] ?? ""]));
            await aws.sqs.setQueueAttributes({ QueueUrl: change.id, Attributes: { ...unset, ...after } });
            await changeTags(
                change,
                (Tags) => aws.sqs.tagQueue({ QueueUrl: change.id, Tags }),
                (TagKeys) => aws.sqs.untagQueue({ QueueUrl: change.id, TagKeys }),
            );
        },
        delete: async (aws, { id }) => aws.sqs.deleteQueue({ QueueUrl: id }),
        async read(aws, { id }) {
            const { Attributes = {} } = await aws.sqs.getQueueAttributes({ QueueUrl: id, AttributeNames: ["All"] });
            return {
                delaySeconds: Number(Attributes.DelaySeconds),
                messageRetentionSeconds: Number(Attributes.MessageRetentionPeriod),
                receiveWaitTimeSeconds: Number(Attributes.ReceiveMessageWaitTimeSeconds),
                visibilityTimeoutSeconds: Number(Attributes.VisibilityTimeout),
            };
        },
    }),
    "sqs/queuePolicy:QueuePolicy": adapter<QueuePolicyArgs, QueuePolicyState>({
        replaceOn: ["queueUrl"],
        gone,
        ...attributeOf<QueuePolicyArgs>("Policy", "policy"),
    }),
    "sqs/redrivePolicy:RedrivePolicy": adapter<RedrivePolicyArgs, RedrivePolicyState>({
        replaceOn: ["queueUrl"],
        gone,
        ...attributeOf<RedrivePolicyArgs>("RedrivePolicy", "redrivePolicy"),
    }),
    "sqs/redriveAllowPolicy:RedriveAllowPolicy": adapter<RedriveAllowPolicyArgs, RedriveAllowPolicyState>({
        replaceOn: ["queueUrl"],
        gone,
        ...attributeOf<RedriveAllowPolicyArgs>("RedriveAllowPolicy", "redriveAllowPolicy"),
    }),
});

function attributes(inputs: Inputs<QueueArgs>): Record<string, string> {
    const given = {
        ContentBasedDeduplication: inputs.contentBasedDeduplication,
        DeduplicationScope: inputs.deduplicationScope,
        DelaySeconds: inputs.delaySeconds,
        FifoQueue: inputs.fifoQueue || undefined, // SQS refuses an explicit false
        FifoThroughputLimit: inputs.fifoThroughputLimit,
        KmsDataKeyReusePeriodSeconds: inputs.kmsDataKeyReusePeriodSeconds,
        KmsMasterKeyId: inputs.kmsMasterKeyId,
        MaximumMessageSize: inputs.maxMessageSize,
        MessageRetentionPeriod: inputs.messageRetentionSeconds,
        Policy: inputs.policy,
        ReceiveMessageWaitTimeSeconds: inputs.receiveWaitTimeSeconds,
        RedriveAllowPolicy: inputs.redriveAllowPolicy,
        RedrivePolicy: inputs.redrivePolicy,
        SqsManagedSseEnabled: inputs.sqsManagedSseEnabled,
        VisibilityTimeout: inputs.visibilityTimeoutSeconds,
    };
    const set = Object.entries(given).filter(([, value]) => value !== undefined);
    return Object.fromEntries(set.map(([name, value]) => [name, String(value)]));
}

/** What an attribute goes back to when the program no longer sets it; the others become empty. */
const attributeDefaults: Readonly<Record<string, string>> = {
    ContentBasedDeduplication: "false",
    DelaySeconds: "0",
    FifoQueue: "true",
    KmsDataKeyReusePeriodSeconds: "300",
    MaximumMessageSize: "262144",
    MessageRetentionPeriod: "345600",
    ReceiveMessageWaitTimeSeconds: "0",
    SqsManagedSseEnabled: "true",
    VisibilityTimeout: "30",
};

/** A resource that is nothing but one attribute of a queue: a document. */
function attributeOf<Args extends { queueUrl: unknown }>(
    name: QueueAttributeName,
    property: keyof Inputs<Args> & string,
) {
    const valueOf = (inputs: Inputs<Args>) => json(inputs[property]);
    async function set(aws: Aws, QueueUrl: string, value: string): Promise<void> {
        await aws.sqs.setQueueAttributes({ QueueUrl, Attributes: { [name]: value } });
    }
    return {
        async create(aws: Aws, inputs: Inputs<Args>) {
            const id = inputs.queueUrl as string;
            await set(aws, id, valueOf(inputs));
            return { id };
        },
        update: (aws: Aws, change: { id: string; inputs: Inputs<Args> }) => set(aws, change.id, valueOf(change.inputs)),
        delete: (aws: Aws, { id }: { id: string }) => set(aws, id, ""),
        async read(aws: Aws, { id, inputs }: { id: string; inputs: Inputs<Args> }) {
            const { Attributes } = await aws.sqs.getQueueAttributes({ QueueUrl: id, AttributeNames: [name] });
            const document = Attributes?.[name];
            if (!document) {
                throw new Gone(`The queue ${id} has no ${name}.`);
            }
            return { [property]: sameDocument(inputs[property], document) };
        },
    };
}
