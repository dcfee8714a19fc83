import type { Identities } from "../permissions/identities";
import type { Permissions } from "../permissions/permissions";
import { AwsError } from "../gateway/overlay";
import type { AwsRequest, Forward, Overlay } from "../gateway/overlay";
import { parseXml } from "../models/request";

/** What SNS does in its own name for a subscription (https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-use-cases.html). */
const deliveries: Readonly<Record<string, string>> = { lambda: "lambda:InvokeFunction", sqs: "sqs:SendMessage" };

interface Subscription {
    readonly Protocol: string;
    readonly Endpoint: string;
}

/**
 * SNS is somebody, too: a queue's or a function's own policy must let it in. AWS drops what it may not deliver, and says nothing;
 * here the message is refused, so that somebody notices.
 */
export function snsOverlay({
    identities,
    permits,
}: Pick<Permissions, "permits"> & { readonly identities: Identities }): Overlay {
    return {
        service: "sns",
        async handle(request, forward) {
            const { TopicArn } = request.parameters as { readonly TopicArn?: string };
            if (!/^Publish(Batch)?$/.test(request.operation ?? "") || TopicArn === undefined) {
                return undefined;
            }
            const key = identities.keyOfService("sns.amazonaws.com", request, TopicArn);
            for (const { Protocol, Endpoint } of await subscriptions(request, TopicArn, forward)) {
                const action = deliveries[Protocol];
                if (action !== undefined && !(await permits(key, Endpoint.split(":")[3], action, Endpoint))) {
                    throw new AwsError(
                        "AuthorizationError",
                        `sns.amazonaws.com may not ${action} on ${Endpoint} for ${TopicArn}: no resource-based policy allows it. AWS would lose the message there.`,
                        403,
                    );
                }
            }
            return undefined;
        },
    };
}

async function subscriptions(
    request: AwsRequest,
    TopicArn: string,
    forward: Forward,
): Promise<readonly Subscription[]> {
    const body = new URLSearchParams({ Action: "ListSubscriptionsByTopic", TopicArn, Version: "2010-03-31" });
    const { headers } = request;
    const answer = await forward({
        ...{ ...request, method: "POST", path: "/", query: "", body: Buffer.from(body.toString()) },
        headers: { authorization: headers.authorization, "content-type": "application/x-www-form-urlencoded" },
    });
    const { ListSubscriptionsByTopicResult: result } = parseXml(answer.body.toString()) as {
        readonly ListSubscriptionsByTopicResult: {
            readonly Subscriptions?: { readonly member?: Subscription | Subscription[] } | "";
        };
    };
    return [(result.Subscriptions || {}).member ?? []].flat();
}
