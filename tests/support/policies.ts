// What policies of several components say alike, as IAM reads it: nothing here calls what it is compared with.
import { accountId, region } from "./mocks";

/** A policy whole. */
export function documentOf(...Statement: readonly unknown[]): object {
    return { Version: "2012-10-17", Statement };
}

/** What lets a service assume a role. */
export function assumedBy(service: string, condition: { readonly Condition?: object } = {}): object {
    return documentOf({
        Sid: "Assume",
        Effect: "Allow",
        Principal: { Service: `${service}.amazonaws.com` },
        Action: "sts:AssumeRole",
        ...condition,
    });
}

/** The condition of those that services assume for this account alone. */
export const forThisAccount = { Condition: { StringEquals: { "aws:SourceAccount": accountId } } };

/** The statement of who writes into a log group. */
export function writesLogs(logGroup: string): object {
    return {
        Sid: "WriteLogs",
        Effect: "Allow",
        Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
        Resource: `arn:aws:logs:${region}:${accountId}:log-group:${logGroup}:*`,
    };
}

/** The statement that keeps a bucket from whoever comes without TLS. */
export function tlsOnly(bucketArn: string): object {
    return {
        Sid: "TlsOnly",
        Effect: "Deny",
        Principal: "*",
        Action: "s3:*",
        Resource: [bucketArn, `${bucketArn}/*`],
        Condition: { Bool: { "aws:SecureTransport": "false" } },
    };
}
