// A certificate of Secrets Manager in ACM too, for load balancers. Its key goes from the one to the other and through nothing of Pulumi's.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { importCertificate, ImportResult } from "../../../handlers/importCertificate";
import { alarm } from "../alarm";
import { readSecrets, Statement } from "../policies";
import { callbackFunction } from "./callback";
import { scheduled } from "./schedule";

export interface AcmImportArgs {
    readonly secretArn: pulumi.Output<string>;
    readonly secretName: pulumi.Output<string>;
    /** Under which the secret is encrypted; undefined: AWS's own. */
    readonly kmsKeyArn?: pulumi.Input<string>;
    /** What the certificate is made from: another one is imported when that changes. */
    readonly madeFrom: pulumi.Input<string>;
    /** Where else it is wanted; undefined: nowhere. */
    readonly regions?: pulumi.Input<pulumi.Input<string>[]>;
    readonly topicArn: pulumi.Input<string>;
    readonly logRetentionDays: pulumi.Input<number>;
    readonly tags: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
}

/** The certificate's ARNs in ACM, known once the first one is issued and imported; later ones come under the same ARNs. */
export function acmImport(
    name: string,
    args: AcmImportArgs,
    parent: pulumi.Resource,
    dependsOn: pulumi.Resource[],
): pulumi.Output<Required<Omit<ImportResult, "imported">>> {
    const { tags, topicArn, secretArn } = args;
    const { accountId } = aws.getCallerIdentityOutput({}, { parent });
    const { partition } = aws.getPartitionOutput({}, { parent });
    const { region } = aws.getRegionOutput({}, { parent });
    const parameter = pulumi.interpolate`/taskgate/${args.secretName}/acm-certificate`;
    const account = pulumi.interpolate`${region}:${accountId}`;
    const elsewhere =
        args.regions && pulumi.all([args.regions, region]).apply(([all, here]) => all.filter((each) => each !== here));
    const importing = callbackFunction(
        name,
        {
            handler: importCertificate,
            description: "Imports the certificate into ACM after each renewal",
            statements: pulumi
                .output({
                    secret: secretArn,
                    kmsKey: args.kmsKeyArn,
                    parameter: pulumi.interpolate`arn:${partition}:ssm:${account}:parameter${parameter}`,
                    certificates: pulumi
                        .all([elsewhere ?? [], region, partition, accountId])
                        .apply(([others, here, of, id]) =>
                            [here, ...others].map((each) => `arn:${of}:acm:${each}:${id}:certificate/*`),
                        ),
                    // A region that is not wanted any more has its certificate taken away.
                    anywhere: elsewhere && pulumi.interpolate`arn:${partition}:acm:*:${accountId}:certificate/*`,
                })
                .apply(importStatements),
            environment: {
                SECRET_ARN: secretArn,
                IMPORT_PARAMETER: parameter,
                ...(elsewhere && { ACM_REGIONS: pulumi.jsonStringify(elsewhere) }),
            },
            packages: [],
            timeout: 600, // a deployment waits for the first certificate
            memory: 128,
            logRetentionDays: args.logRetentionDays,
            tags,
        },
        parent,
    );
    alarm(
        `${name}-errors`,
        {
            description:
                "The renewed certificate is not in ACM yet, and load balancers show the old one; the log says why.",
            namespace: "AWS/Lambda",
            metricName: "Errors",
            dimensions: { FunctionName: importing.name },
            statistic: "Sum",
            threshold: 0,
            topicArn,
            tags,
        },
        parent,
    );
    const invocation = new aws.lambda.Invocation(
        `${name}-invocation`,
        {
            functionName: importing.name,
            // Where the ARN is remembered decides which ARN it is.
            input: pulumi.jsonStringify({
                madeFrom: args.madeFrom,
                parameter,
                ...(elsewhere && { regions: elsewhere }),
            }),
            lifecycleScope: "CRUD", // its end takes the certificate out of ACM
        },
        { parent, dependsOn },
    );
    const description = "Looks whether the certificate was renewed";
    // Two first imports at once would leave two certificates, and the listener with the one that is never renewed.
    scheduled(name, { invoked: importing, rate: "1 hour", description, tags }, parent, [invocation]);
    return invocation.result.apply((result) => {
        const { certificateArn, elsewhere: arns = {} } = JSON.parse(result) as ImportResult;
        return { certificateArn, elsewhere: arns };
    });
}

/** New certificates only with a tag that names the secret, others only if they have it; tags cannot be put on what is there already. */
function importStatements(arns: {
    secret: string;
    kmsKey: string | undefined;
    parameter: string;
    certificates: string[];
    anywhere: string | undefined;
}): Statement[] {
    const certificates = arns.certificates.length === 1 ? arns.certificates[0] : arns.certificates;
    return [
        ...readSecrets([arns.secret], arns.kmsKey === undefined ? [] : [arns.kmsKey]).map((statement) =>
            statement.Sid === "ReadSecrets"
                ? { ...statement, Sid: "ReadCertificate", Resource: arns.secret }
                : statement,
        ),
        {
            Sid: "ImportNew",
            Effect: "Allow",
            Action: "acm:ImportCertificate",
            Resource: certificates,
            Condition: { StringEquals: { "aws:RequestTag/taskgate:secret": arns.secret } },
        },
        {
            Sid: "ReplaceOwn",
            Effect: "Allow",
            Action: ["acm:DeleteCertificate", "acm:ImportCertificate"],
            Resource: arns.anywhere ?? certificates,
            Condition: { StringEquals: { "aws:ResourceTag/taskgate:secret": arns.secret } },
        },
        {
            Sid: "RememberArn",
            Effect: "Allow",
            Action: ["ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"],
            Resource: arns.parameter,
        },
    ];
}
