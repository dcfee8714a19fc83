import type { LogGroupArgs, LogGroupState } from "@pulumi/aws/cloudwatch/logGroup";
import { adapter, type Adapters, changeTags, Gone, service, tagsAll } from "../resources/adapter";
import type { Aws } from "../resources/sdk";

export const logs: Adapters = service("CloudWatch Logs", {
    "cloudwatch/logGroup:LogGroup": adapter<LogGroupArgs, LogGroupState>({
        taggable: true,
        autoName: { property: "name", maxLength: 255 },
        defaults: { retentionInDays: 0, skipDestroy: false },
        replaceOn: ["name", "logGroupClass"],
        gone: ["ResourceNotFoundException"],
        async create(aws, inputs) {
            await aws.cloudwatchLogs.createLogGroup({
                logGroupName: inputs.name,
                kmsKeyId: inputs.kmsKeyId,
                logGroupClass: inputs.logGroupClass as "STANDARD" | undefined,
                tags: Object.keys(inputs.tagsAll ?? {}).length > 0 ? inputs.tagsAll : undefined, // AWS refuses an empty map
            });
            await setRetention(aws, inputs.name!, inputs.retentionInDays);
            return { id: inputs.name!, arn: aws.arn("logs", `log-group:${inputs.name}`) };
        },
        async update(aws, change) {
            const resourceArn = aws.arn("logs", `log-group:${change.id}`);
            await setRetention(aws, change.id, change.inputs.retentionInDays);
            await changeTags(
                change,
                (tags) => aws.cloudwatchLogs.tagResource({ resourceArn, tags }),
                (tagKeys) => aws.cloudwatchLogs.untagResource({ resourceArn, tagKeys }),
            );
        },
        delete: async (aws, { id, inputs }) =>
            inputs.skipDestroy || aws.cloudwatchLogs.deleteLogGroup({ logGroupName: id }),
        async read(aws, { id }) {
            const { logGroups = [] } = await aws.cloudwatchLogs.describeLogGroups({ logGroupNamePrefix: id });
            const group = logGroups.find(({ logGroupName }) => logGroupName === id);
            if (!group) {
                throw new Gone(`There is no log group ${id}.`);
            }
            const resourceArn = aws.arn("logs", `log-group:${id}`);
            const { tags } = await aws.cloudwatchLogs.listTagsForResource({ resourceArn });
            return { retentionInDays: group.retentionInDays ?? 0, ...tagsAll(tags) };
        },
    }),
});

async function setRetention(aws: Aws, logGroupName: string, days = 0): Promise<void> {
    await (days === 0
        ? aws.cloudwatchLogs.deleteRetentionPolicy({ logGroupName })
        : aws.cloudwatchLogs.putRetentionPolicy({ logGroupName, retentionInDays: days }));
}
