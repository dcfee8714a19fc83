import type { GlobalSecondaryIndex } from "@aws-sdk/client-dynamodb";
import type { TableArgs, TableState } from "@pulumi/aws/dynamodb/table";
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
import type { Aws } from "../resources/sdk";

export const dynamodb: Adapters = service("DynamoDB", {
    "dynamodb/table:Table": adapter<TableArgs, TableState>({
        taggable: true,
        autoName: { property: "name", maxLength: 255 },
        defaults: { billingMode: "PROVISIONED" },
        // The keys' attributes and indexes can be changed in AWS one by one; nobody needs that here.
        replaceOn: ["name", "hashKey", "rangeKey", "attributes", "globalSecondaryIndexes", "localSecondaryIndexes"],
        refuses: ["replicas", "importTable", "restoreSourceName", "restoreSourceTableArn"],
        gone: ["ResourceNotFoundException"],
        async create(aws, inputs) {
            const { waitUntilTableExists } = await import("@aws-sdk/client-dynamodb");
            const { TableDescription: table } = await aws.dynamodb.createTable({
                TableName: inputs.name,
                KeySchema: keySchema(inputs.hashKey, inputs.rangeKey),
                AttributeDefinitions: inputs.attributes?.map(({ name, type }) => ({
                    AttributeName: name,
                    AttributeType: type as "S",
                })),
                GlobalSecondaryIndexes: inputs.globalSecondaryIndexes?.map((index) => ({
                    IndexName: index.name,
                    KeySchema: keySchema(index.hashKey, index.rangeKey),
                    Projection: projection(index),
                    ProvisionedThroughput: throughput(inputs.billingMode, index),
                })) satisfies GlobalSecondaryIndex[] | undefined,
                LocalSecondaryIndexes: inputs.localSecondaryIndexes?.map((index) => ({
                    IndexName: index.name,
                    KeySchema: keySchema(inputs.hashKey, index.rangeKey),
                    Projection: projection(index),
                })),
                ...tableSettings(inputs),
                SSESpecification: inputs.serverSideEncryption && {
                    Enabled: inputs.serverSideEncryption.enabled,
                    KMSMasterKeyId: inputs.serverSideEncryption.kmsKeyArn,
                },
                Tags: tagsOrNone(inputs.tagsAll),
            });
            await waitUntilTableExists(
                { client: aws.dynamodb, minDelay: 0.1, maxDelay: 2, maxWaitTime: 60 },
                { TableName: inputs.name },
            );
            await applySideSettings(aws, inputs);
            return {
                id: inputs.name!,
                arn: table?.TableArn,
                streamArn: table?.LatestStreamArn,
                streamLabel: table?.LatestStreamLabel,
            };
        },
        async update(aws, change) {
            const { inputs, id } = change;
            const settings = tableSettings(inputs);
            if (JSON.stringify(settings) !== JSON.stringify(tableSettings(change.old))) {
                await aws.dynamodb.updateTable({ TableName: id, ...settings });
            }
            await applySideSettings(aws, inputs, change.old);
            const ResourceArn = change.outputs.arn;
            await changeTags(
                change,
                (tags) => aws.dynamodb.tagResource({ ResourceArn, Tags: tagList(tags) }),
                (TagKeys) => aws.dynamodb.untagResource({ ResourceArn, TagKeys }),
            );
        },
        async delete(aws, { id }) {
            const { waitUntilTableNotExists } = await import("@aws-sdk/client-dynamodb");
            await aws.dynamodb.deleteTable({ TableName: id });
            await waitUntilTableNotExists(
                { client: aws.dynamodb, minDelay: 0.1, maxDelay: 2, maxWaitTime: 60 },
                { TableName: id },
            );
        },
        async read(aws, { id }) {
            const { Table: table = {} } = await aws.dynamodb.describeTable({ TableName: id });
            const { TimeToLiveDescription: ttl } = await aws.dynamodb.describeTimeToLive({ TableName: id });
            const { ContinuousBackupsDescription: backups } = await aws.dynamodb.describeContinuousBackups({
                TableName: id,
            });
            const { Tags } = await aws.dynamodb.listTagsOfResource({ ResourceArn: table.TableArn });
            const { ReadCapacityUnits: readCapacity, WriteCapacityUnits: writeCapacity } =
                table.ProvisionedThroughput ?? {};
            return {
                ...{ billingMode: table.BillingModeSummary?.BillingMode ?? "PROVISIONED", readCapacity, writeCapacity },
                deletionProtectionEnabled: table.DeletionProtectionEnabled,
                tableClass: table.TableClassSummary?.TableClass ?? "STANDARD",
                streamEnabled: table.StreamSpecification?.StreamEnabled ?? false,
                streamViewType: table.StreamSpecification?.StreamViewType,
                ttl: {
                    attributeName: ttl?.AttributeName,
                    enabled: /^ENABL/.test(ttl?.TimeToLiveStatus ?? ""),
                },
                pointInTimeRecovery: {
                    enabled: backups?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus === "ENABLED",
                },
                ...tagsAll(Tags),
            };
        },
    }),
});

interface Capacity {
    readonly readCapacity?: number;
    readonly writeCapacity?: number;
}

function throughput(billingMode: string | undefined, { readCapacity, writeCapacity }: Capacity) {
    return billingMode === "PAY_PER_REQUEST"
        ? undefined
        : { ReadCapacityUnits: readCapacity, WriteCapacityUnits: writeCapacity };
}

function tableSettings(inputs: Inputs<TableArgs>) {
    return {
        BillingMode: inputs.billingMode as "PROVISIONED",
        ProvisionedThroughput: throughput(inputs.billingMode, inputs),
        DeletionProtectionEnabled: inputs.deletionProtectionEnabled,
        TableClass: inputs.tableClass as "STANDARD" | undefined,
        StreamSpecification: inputs.streamEnabled
            ? { StreamEnabled: true, StreamViewType: inputs.streamViewType as "NEW_IMAGE" }
            : undefined,
    };
}

function keySchema(hashKey: string | undefined, rangeKey: string | undefined) {
    const hash = { AttributeName: hashKey, KeyType: "HASH" as const };
    return rangeKey === undefined ? [hash] : [hash, { AttributeName: rangeKey, KeyType: "RANGE" as const }];
}

function projection(index: { readonly projectionType: string; readonly nonKeyAttributes?: string[] }) {
    return { ProjectionType: index.projectionType as "ALL", NonKeyAttributes: index.nonKeyAttributes };
}

/** What has calls of its own. */
async function applySideSettings(aws: Aws, inputs: Inputs<TableArgs>, old?: Inputs<TableArgs>): Promise<void> {
    const TableName = inputs.name;
    const timeToLive = inputs.ttl ?? (old?.ttl && { ...old.ttl, enabled: false });
    if (timeToLive && timeToLive.enabled !== old?.ttl?.enabled) {
        await aws.dynamodb.updateTimeToLive({
            TableName,
            TimeToLiveSpecification: {
                AttributeName: timeToLive.attributeName,
                Enabled: timeToLive.enabled ?? false,
            },
        });
    }
    const recovery = inputs.pointInTimeRecovery?.enabled ?? false;
    if (recovery !== (old?.pointInTimeRecovery?.enabled ?? false)) {
        await aws.dynamodb.updateContinuousBackups({
            TableName,
            PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: recovery },
        });
    }
}
