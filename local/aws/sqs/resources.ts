import type { QueueAttributeName } from "@aws-sdk/client-sqs";
import type { QueueArgs, QueueState } from "@pulumi/aws/sqs/queue";
import type { QueuePolicyArgs, QueuePolicyState } from "@pulumi/aws/sqs/queuePolicy";
import type { RedriveAllowPolicyArgs, RedriveAllowPolicyState } from "@pulumi/aws/sqs/redriveAllowPolicy";
import type { RedrivePolicyArgs, RedrivePolicyState } from "@pulumi/aws/sqs/redrivePolicy";
import { adapter, type Adapters, changeTags, Gone, type Inputs, json, service, tagsAll } from "../resources/adapter";
import type { Aws } from "../resources/sdk";
import { plain } from "../resources/values";

const gone = ["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"];

export const sqs: Adapters = service("SQS", {
    "sqs/queue:Queue": adapter<QueueArgs, QueueState>({
        taggable: true,
        autoName: { property: "name", maxLength: 80, fifo: { property: "fifoQueue", suffix: ".fifo" } },
        replaceOn: ["name", "fifoQueue"],
        emptyByDefault: ["kmsMasterKeyId"],
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
            const { Tags } = await aws.sqs.listQueueTags({ QueueUrl: id });
            const read = Object.entries(attributeNames).map(([property, name]) => [property, plain(Attributes[name])]);
            return { ...(Object.fromEntries(read) as object), ...tagsAll(Tags) };
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

/** Arguments, as SQS calls them. */
const attributeNames = {
    contentBasedDeduplication: "ContentBasedDeduplication",
    deduplicationScope: "DeduplicationScope",
    delaySeconds: "DelaySeconds",
    fifoQueue: "FifoQueue",
    fifoThroughputLimit: "FifoThroughputLimit",
    kmsDataKeyReusePeriodSeconds: "KmsDataKeyReusePeriodSeconds",
    kmsMasterKeyId: "KmsMasterKeyId",
    maxMessageSize: "MaximumMessageSize",
    messageRetentionSeconds: "MessageRetentionPeriod",
    policy: "Policy",
    receiveWaitTimeSeconds: "ReceiveMessageWaitTimeSeconds",
    redriveAllowPolicy: "RedriveAllowPolicy",
    redrivePolicy: "RedrivePolicy",
    sqsManagedSseEnabled: "SqsManagedSseEnabled",
    visibilityTimeoutSeconds: "VisibilityTimeout",
} as const satisfies Partial<Record<keyof QueueArgs, QueueAttributeName>>;

function attributes(inputs: Inputs<QueueArgs>): Record<string, string> {
    const given = { ...inputs, fifoQueue: inputs.fifoQueue || undefined }; // SQS refuses an explicit false
    const names = Object.entries(attributeNames) as [keyof typeof attributeNames, string][];
    const set = names.filter(([property]) => given[property] !== undefined);
    return Object.fromEntries(set.map(([property, name]) => [name, String(given[property])]));
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
        async read(aws: Aws, { id }: { id: string }) {
            const { Attributes } = await aws.sqs.getQueueAttributes({ QueueUrl: id, AttributeNames: [name] });
            const document = Attributes?.[name];
            if (!document) {
                throw new Gone(`The queue ${id} has no ${name}.`);
            }
            return { [property]: document };
        },
    };
}
