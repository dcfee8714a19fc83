import type { TopicArgs, TopicState } from "@pulumi/aws/sns/topic";
import type { TopicPolicyArgs, TopicPolicyState } from "@pulumi/aws/sns/topicPolicy";
import type { TopicSubscriptionArgs, TopicSubscriptionState } from "@pulumi/aws/sns/topicSubscription";
import {
    adapter,
    type Adapters,
    changeTags,
    fields,
    Gone,
    type Inputs,
    json,
    service,
    tagList,
    tagsAll,
    tagsOrNone,
} from "../resources/adapter";

const gone = ["NotFoundException", "NotFound"];

export const sns: Adapters = service("SNS", {
    "sns/topic:Topic": adapter<TopicArgs, TopicState>({
        taggable: true,
        autoName: { property: "name", maxLength: 80, fifo: { property: "fifoTopic", suffix: ".fifo" } },
        replaceOn: ["name", "fifoTopic"],
        emptyByDefault: ["deliveryPolicy", "displayName", "kmsMasterKeyId"],
        gone,
        async create(aws, inputs) {
            const { TopicArn } = await aws.sns.createTopic({
                Name: inputs.name,
                Attributes: topicAttributes(inputs),
                Tags: tagsOrNone(inputs.tagsAll),
            });
            return { id: TopicArn!, arn: TopicArn, owner: aws.accountId };
        },
        async update(aws, change) {
            const after = topicAttributes(change.inputs);
            for (const name of Object.keys({ ...topicAttributes(change.old), ...after })) {
                await aws.sns.setTopicAttributes({
                    TopicArn: change.id,
                    AttributeName: name,
                    AttributeValue: after[name] ?? "",
                });
            }
            await changeTags(
                change,
                (tags) => aws.sns.tagResource({ ResourceArn: change.id, Tags: tagList(tags) }),
                (TagKeys) => aws.sns.untagResource({ ResourceArn: change.id, TagKeys }),
            );
        },
        delete: async (aws, { id }) => aws.sns.deleteTopic({ TopicArn: id }),
        async read(aws, { id }) {
            const { Attributes = {} } = await aws.sns.getTopicAttributes({ TopicArn: id });
            const { Tags } = await aws.sns.listTagsForResource({ ResourceArn: id });
            return {
                ...fields(Attributes, "contentBasedDeduplication", "deliveryPolicy", "displayName", "kmsMasterKeyId"),
                ...fields(Attributes, "policy", "signatureVersion", "tracingConfig"),
                ...tagsAll(Tags),
            };
        },
    }),
    "sns/topicPolicy:TopicPolicy": adapter<TopicPolicyArgs, TopicPolicyState>({
        replaceOn: ["arn"],
        gone,
        async create(aws, inputs) {
            await aws.sns.setTopicAttributes({
                TopicArn: inputs.arn,
                AttributeName: "Policy",
                AttributeValue: json(inputs.policy),
            });
            return { id: inputs.arn, owner: aws.accountId };
        },
        async update(aws, { id, inputs }) {
            await aws.sns.setTopicAttributes({
                TopicArn: id,
                AttributeName: "Policy",
                AttributeValue: json(inputs.policy),
            });
        },
        async read(aws, { id }) {
            const { Attributes } = await aws.sns.getTopicAttributes({ TopicArn: id });
            if (Attributes?.Policy?.includes('"__default_statement_ID"')) {
                throw new Gone(`The topic ${id} has the policy that it was made with.`);
            }
            return { policy: Attributes?.Policy };
        },
        /** A topic always has a policy: back to the one it is made with, for its owner only. */
        async delete(aws, { id }) {
            const statement = {
                Sid: "__default_statement_ID",
                Effect: "Allow",
                Principal: { AWS: "*" },
                Action: ["Publish", "Subscribe", "GetTopicAttributes"].map((action) => `SNS:${action}`),
                Resource: id,
                Condition: { StringEquals: { "AWS:SourceOwner": aws.accountId } },
            };
            await aws.sns.setTopicAttributes({
                TopicArn: id,
                AttributeName: "Policy",
                AttributeValue: JSON.stringify({ Version: "2008-10-17", Statement: [statement] }),
            });
        },
    }),
    "sns/topicSubscription:TopicSubscription": adapter<TopicSubscriptionArgs, TopicSubscriptionState>({
        replaceOn: ["topic", "protocol", "endpoint"],
        emptyByDefault: ["filterPolicy", "redrivePolicy"],
        gone,
        async create(aws, inputs) {
            const { SubscriptionArn } = await aws.sns.subscribe({
                TopicArn: inputs.topic,
                Protocol: inputs.protocol,
                Endpoint: inputs.endpoint,
                Attributes: subscriptionAttributes(inputs),
                ReturnSubscriptionArn: true,
            });
            return {
                id: SubscriptionArn!,
                arn: SubscriptionArn,
                ownerId: aws.accountId,
                pendingConfirmation: inputs.protocol.startsWith("email"),
            };
        },
        async update(aws, { id, inputs, old }) {
            const after = subscriptionAttributes(inputs);
            for (const name of Object.keys({ ...subscriptionAttributes(old), ...after })) {
                await aws.sns.setSubscriptionAttributes({
                    SubscriptionArn: id,
                    AttributeName: name,
                    AttributeValue: after[name] ?? "",
                });
            }
        },
        delete: async (aws, { id }) => aws.sns.unsubscribe({ SubscriptionArn: id }),
        async read(aws, { id }) {
            const { Attributes = {} } = await aws.sns.getSubscriptionAttributes({ SubscriptionArn: id });
            return {
                ...fields(Attributes, "deliveryPolicy", "filterPolicy", "filterPolicyScope", "redrivePolicy"),
                ...fields(Attributes, "rawMessageDelivery", "subscriptionRoleArn"),
            };
        },
    }),
});

function topicAttributes(inputs: Inputs<TopicArgs>): Record<string, string> {
    return texts({
        ContentBasedDeduplication: inputs.contentBasedDeduplication,
        DeliveryPolicy: inputs.deliveryPolicy,
        DisplayName: inputs.displayName,
        FifoTopic: inputs.fifoTopic || undefined,
        KmsMasterKeyId: inputs.kmsMasterKeyId,
        Policy: inputs.policy && json(inputs.policy),
        SignatureVersion: inputs.signatureVersion,
        TracingConfig: inputs.tracingConfig,
    });
}

function subscriptionAttributes(inputs: Inputs<TopicSubscriptionArgs>): Record<string, string> {
    return texts({
        DeliveryPolicy: inputs.deliveryPolicy,
        FilterPolicy: inputs.filterPolicy,
        FilterPolicyScope: inputs.filterPolicyScope,
        RawMessageDelivery: inputs.rawMessageDelivery,
        RedrivePolicy: inputs.redrivePolicy,
        SubscriptionRoleArn: inputs.subscriptionRoleArn,
    });
}

function texts(given: Record<string, unknown>): Record<string, string> {
    const set = Object.entries(given).filter(([, value]) => value !== undefined);
    return Object.fromEntries(set.map(([name, value]) => [name, String(value)]));
}
