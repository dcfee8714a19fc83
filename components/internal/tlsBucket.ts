import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { policyDocument, Statement } from "./policies";

/** A bucket that takes nothing without TLS, is encrypted, and is private but for these objects. */
export function tlsBucket(
    name: string,
    openObjects: readonly string[],
    kmsKeyArn: pulumi.Input<string> | undefined,
    tags: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined,
    parent: pulumi.Resource,
): aws.s3.Bucket {
    const options = { parent };
    // What it holds is public or can be made again: it need not outlive the stack.
    const bucket = new aws.s3.Bucket(name, { forceDestroy: true, tags }, options);
    const setting = { bucket: bucket.bucket };
    new aws.s3.BucketServerSideEncryptionConfiguration(
        `${name}-encryption`,
        {
            ...setting,
            rules: [
                kmsKeyArn === undefined
                    ? { applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }
                    : {
                          applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: kmsKeyArn },
                          bucketKeyEnabled: true,
                      },
            ],
        },
        options,
    );
    const isPrivate = openObjects.length === 0;
    const publicAccess = new aws.s3.BucketPublicAccessBlock(
        `${name}-public-access`,
        {
            ...setting,
            blockPublicAcls: true,
            blockPublicPolicy: isPrivate,
            ignorePublicAcls: true,
            restrictPublicBuckets: isPrivate,
        },
        options,
    );
    new aws.s3.BucketPolicy(
        `${name}-policy`,
        { ...setting, policy: bucket.arn.apply((arn) => policyDocument(bucketStatements(arn, openObjects))) },
        // S3 refuses two settings of access at the same moment.
        { ...options, dependsOn: [publicAccess] },
    );
    return bucket;
}

/** By TLS alone; everybody may read the objects that are given. */
function bucketStatements(arn: string, openObjects: readonly string[]): Statement[] {
    return [
        {
            Sid: "TlsOnly",
            Effect: "Deny",
            Principal: "*",
            Action: "s3:*",
            Resource: [arn, `${arn}/*`],
            Condition: { Bool: { "aws:SecureTransport": "false" } },
        },
        ...(openObjects.length === 0
            ? []
            : [
                  {
                      Sid: "ReadByEverybody",
                      Effect: "Allow",
                      Principal: "*",
                      Action: "s3:GetObject",
                      Resource: openObjects.map((object) => `${arn}/${object}`),
                  } as const,
              ]),
    ];
}
