import type { LifecycleRule, ServerSideEncryption } from "@aws-sdk/client-s3";
import type { BucketArgs, BucketState } from "@pulumi/aws/s3/bucket";
import type {
    BucketLifecycleConfigurationArgs,
    BucketLifecycleConfigurationState,
} from "@pulumi/aws/s3/bucketLifecycleConfiguration";
import type { BucketOwnershipControlsArgs, BucketOwnershipControlsState } from "@pulumi/aws/s3/bucketOwnershipControls";
import type { BucketPolicyArgs, BucketPolicyState } from "@pulumi/aws/s3/bucketPolicy";
import type { BucketPublicAccessBlockArgs, BucketPublicAccessBlockState } from "@pulumi/aws/s3/bucketPublicAccessBlock";
import type {
    BucketServerSideEncryptionConfigurationArgs,
    BucketServerSideEncryptionConfigurationState,
} from "@pulumi/aws/s3/bucketServerSideEncryptionConfiguration";
import type { BucketVersioningArgs, BucketVersioningState } from "@pulumi/aws/s3/bucketVersioning";
import {
    type Adapter,
    adapter,
    type Adapters,
    type Inputs,
    json,
    service,
    tagList,
    tagsAll,
    unlessSame,
} from "../resources/adapter";
import type { Aws } from "../resources/sdk";
import { camelKeys, pascalKeys } from "../resources/values";

const gone = ["NoSuchBucket", "NotFound"];

export const s3: Adapters = service("S3", {
    "s3/bucket:Bucket": adapter<BucketArgs, BucketState>({
        taggable: true,
        autoName: { property: "bucket", maxLength: 63, lowerCase: true },
        defaults: { forceDestroy: false },
        replaceOn: ["bucket", "objectLockEnabled"],
        refuses: ["acl", "corsRules", "lifecycleRules", "logging", "policy", "serverSideEncryptionConfiguration"],
        gone,
        async create(aws, inputs) {
            const Bucket = inputs.bucket!;
            await aws.s3.createBucket({
                Bucket,
                ObjectLockEnabledForBucket: inputs.objectLockEnabled,
                // us-east-1 is the one region that may not be named.
                ...(aws.region !== "us-east-1" && {
                    CreateBucketConfiguration: { LocationConstraint: aws.region as "eu-west-1" },
                }),
            });
            await tagBucket(aws, Bucket, inputs.tagsAll);
            return {
                id: Bucket,
                arn: `arn:aws:s3:::${Bucket}`,
                bucketDomainName: `${Bucket}.s3.amazonaws.com`,
                bucketRegionalDomainName: `${Bucket}.s3.${aws.region}.amazonaws.com`,
                bucketRegion: aws.region,
            };
        },
        update: async (aws, { id, inputs }) => tagBucket(aws, id, inputs.tagsAll),
        async delete(aws, { id, inputs }) {
            if (inputs.forceDestroy) {
                await emptyBucket(aws, id);
            }
            await aws.s3.deleteBucket({ Bucket: id });
        },
        async read(aws, { id }) {
            await aws.s3.headBucket({ Bucket: id });
            try {
                return tagsAll((await aws.s3.getBucketTagging({ Bucket: id })).TagSet);
            } catch (error) {
                if ((error as Error).name !== "NoSuchTagSet") {
                    throw error;
                }
                return tagsAll();
            }
        },
    }),
    "s3/bucketVersioning:BucketVersioning": bucketSetting<BucketVersioningArgs, BucketVersioningState>(
        (aws, Bucket, inputs) =>
            aws.s3.putBucketVersioning({
                Bucket,
                VersioningConfiguration: { Status: inputs.versioningConfiguration.status as "Enabled" },
            }),
        // Versioning once enabled can only be suspended.
        (aws, Bucket, inputs) =>
            inputs.versioningConfiguration.status === "Enabled"
                ? aws.s3.putBucketVersioning({ Bucket, VersioningConfiguration: { Status: "Suspended" } })
                : Promise.resolve(),
        async (aws, Bucket) => {
            const { Status: status = "Disabled" } = await aws.s3.getBucketVersioning({ Bucket });
            return { versioningConfiguration: { status } };
        },
    ),
    "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": bucketSetting<
        BucketServerSideEncryptionConfigurationArgs,
        BucketServerSideEncryptionConfigurationState
    >(
        (aws, Bucket, inputs) =>
            aws.s3.putBucketEncryption({
                Bucket,
                ServerSideEncryptionConfiguration: { Rules: inputs.rules.map(encryptionRule) },
            }),
        (aws, Bucket) => aws.s3.deleteBucketEncryption({ Bucket }),
        async (aws, Bucket, inputs) => {
            const { ServerSideEncryptionConfiguration: found } = await aws.s3.getBucketEncryption({ Bucket });
            return unlessSame("rules", found?.Rules, inputs.rules.map(encryptionRule));
        },
    ),
    "s3/bucketPublicAccessBlock:BucketPublicAccessBlock": bucketSetting<
        BucketPublicAccessBlockArgs,
        BucketPublicAccessBlockState
    >(
        (aws, Bucket, inputs) =>
            aws.s3.putPublicAccessBlock({
                Bucket,
                PublicAccessBlockConfiguration: {
                    BlockPublicAcls: inputs.blockPublicAcls ?? false,
                    BlockPublicPolicy: inputs.blockPublicPolicy ?? false,
                    IgnorePublicAcls: inputs.ignorePublicAcls ?? false,
                    RestrictPublicBuckets: inputs.restrictPublicBuckets ?? false,
                },
            }),
        (aws, Bucket) => aws.s3.deletePublicAccessBlock({ Bucket }),
        async (aws, Bucket) => {
            const { PublicAccessBlockConfiguration: block = {} } = await aws.s3.getPublicAccessBlock({ Bucket });
            return {
                blockPublicAcls: block.BlockPublicAcls,
                blockPublicPolicy: block.BlockPublicPolicy,
                ignorePublicAcls: block.IgnorePublicAcls,
                restrictPublicBuckets: block.RestrictPublicBuckets,
            };
        },
    ),
    "s3/bucketOwnershipControls:BucketOwnershipControls": bucketSetting<
        BucketOwnershipControlsArgs,
        BucketOwnershipControlsState
    >(
        (aws, Bucket, inputs) =>
            aws.s3.putBucketOwnershipControls({
                Bucket,
                OwnershipControls: { Rules: [{ ObjectOwnership: inputs.rule.objectOwnership as "ObjectWriter" }] },
            }),
        (aws, Bucket) => aws.s3.deleteBucketOwnershipControls({ Bucket }),
        async (aws, Bucket) => {
            const { OwnershipControls } = await aws.s3.getBucketOwnershipControls({ Bucket });
            return { rule: camelKeys(OwnershipControls?.Rules?.[0]) };
        },
    ),
    "s3/bucketPolicy:BucketPolicy": bucketSetting<BucketPolicyArgs, BucketPolicyState>(
        (aws, Bucket, inputs) => aws.s3.putBucketPolicy({ Bucket, Policy: json(inputs.policy) }),
        (aws, Bucket) => aws.s3.deleteBucketPolicy({ Bucket }),
        async (aws, Bucket) => ({ policy: (await aws.s3.getBucketPolicy({ Bucket })).Policy }),
    ),
    "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": bucketSetting<
        BucketLifecycleConfigurationArgs,
        BucketLifecycleConfigurationState
    >(
        (aws, Bucket, inputs) =>
            aws.s3.putBucketLifecycleConfiguration({
                Bucket,
                LifecycleConfiguration: { Rules: (inputs.rules ?? []).map(lifecycleRule) },
            }),
        (aws, Bucket) => aws.s3.deleteBucketLifecycle({ Bucket }),
        async (aws, Bucket, { rules = [] }) => {
            const { Rules } = await aws.s3.getBucketLifecycleConfiguration({ Bucket });
            return unlessSame("rules", Rules, rules.map(lifecycleRule));
        },
    ),
});

/** What is set on a bucket, taken off it again, and read. */
function bucketSetting<Args extends { bucket: unknown }, State>(
    put: (aws: Aws, bucket: string, inputs: Inputs<Args>) => Promise<unknown>,
    remove: (aws: Aws, bucket: string, inputs: Inputs<Args>) => Promise<unknown>,
    read: (aws: Aws, bucket: string, inputs: Inputs<Args>) => Promise<object>,
) {
    const row: Adapter<Args, State> = {
        replaceOn: ["bucket"],
        gone: [
            ...gone,
            "NoSuchBucketPolicy",
            "NoSuchLifecycleConfiguration",
            "NoSuchPublicAccessBlockConfiguration",
            "OwnershipControlsNotFoundError",
            "ServerSideEncryptionConfigurationNotFoundError",
        ],
        async create(aws: Aws, inputs) {
            const bucket = (inputs as { bucket: string }).bucket;
            await put(aws, bucket, inputs);
            return { id: bucket } as Awaited<ReturnType<Adapter<Args, State>["create"]>>;
        },
        async update(aws, { id, inputs }) {
            await put(aws, id, inputs);
        },
        delete: async (aws, { id, inputs }) => remove(aws, id, inputs),
        read: (aws, { id, inputs }) => read(aws, id, inputs),
    };
    return adapter(row);
}

function encryptionRule(rule: Inputs<BucketServerSideEncryptionConfigurationArgs>["rules"][number]) {
    const { applyServerSideEncryptionByDefault: byDefault, bucketKeyEnabled: BucketKeyEnabled } = rule;
    return {
        BucketKeyEnabled,
        ApplyServerSideEncryptionByDefault: byDefault && {
            SSEAlgorithm: byDefault.sseAlgorithm as ServerSideEncryption,
            KMSMasterKeyID: byDefault.kmsMasterKeyId,
        },
    };
}

function lifecycleRule(rule: { readonly id: string }): LifecycleRule {
    const { id, ...rest } = rule;
    return { Filter: { Prefix: "" }, ...(pascalKeys(rest) as LifecycleRule), ID: id };
}

async function tagBucket(aws: Aws, Bucket: string, tags: Readonly<Record<string, string>> = {}): Promise<void> {
    if (Object.keys(tags).length > 0) {
        await aws.s3.putBucketTagging({ Bucket, Tagging: { TagSet: tagList(tags) } });
    } else {
        await aws.s3.deleteBucketTagging({ Bucket });
    }
}

/** Every version and every delete marker. */
async function emptyBucket(aws: Aws, Bucket: string): Promise<void> {
    for (;;) {
        const { Versions = [], DeleteMarkers = [] } = await aws.s3.listObjectVersions({ Bucket });
        const Objects = [...Versions, ...DeleteMarkers].map(({ Key, VersionId }) => ({ Key, VersionId }));
        if (Objects.length === 0) {
            return;
        }
        const { Errors = [] } = await aws.s3.deleteObjects({ Bucket, Delete: { Objects } });
        if (Errors.length > 0) {
            throw new Error(`emptying it: ${Errors[0].Key}: ${Errors[0].Code}: ${Errors[0].Message}`);
        }
    }
}
