import { readFileSync } from "node:fs";
import { join } from "node:path";

import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";

import { KeyType, WildcardCertificate, WildcardCertificateArgs } from "../../components";
import { createAuthority } from "../../local/internet/authorities/tlsCertificate";
import { projectRoot } from "../../local/machine/projectRoot";
import { keepsHouseRules, recordOne, refusalOf, tags } from "../support/houseRules";
import { operationsIn, pathsIn } from "../support/mocks";
import { assumedBy, documentOf, forThisAccount, tlsOnly, writesLogs } from "../support/policies";

const minimal: WildcardCertificateArgs = { domain: "tasks.example.com", hostedZoneId: "Z123" };

const bucketArn = "arn:aws:s3:::it-history";
const secretArn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:it-secret-AbCdEf";
const topicArn = "arn:aws:sns:eu-west-1:111122223333:it-alerts";
const functionArn = "arn:aws:lambda:eu-west-1:111122223333:function:it-renewal";
const zoneArn = "arn:aws:route53:::hostedzone/Z123";

describe("WildcardCertificate", () => {
    const made = keepsHouseRules(
        (options) => new WildcardCertificate("it", { ...minimal, notificationEmail: "ops@example.com", tags }, options),
    );
    const inputsOf = (name: string): Record<string, unknown> => made().find(name).inputs;

    it("makes these and nothing else", () => {
        expect(made().childrenOf("it")).to.deep.equal([
            "it-alerts aws:sns/topic:Topic",
            "it-alerts-email aws:sns/topicSubscription:TopicSubscription",
            "it-clean-up aws:lambda/invocation:Invocation",
            "it-expiry aws:cloudwatch/metricAlarm:MetricAlarm",
            "it-history aws:s3/bucket:Bucket",
            "it-history-encryption aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
            "it-history-lifecycle aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
            "it-history-policy aws:s3/bucketPolicy:BucketPolicy",
            "it-history-public-access aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
            "it-history-versioning aws:s3/bucketVersioning:BucketVersioning",
            "it-renewal aws:lambda/function:Function",
            "it-renewal-errors aws:cloudwatch/metricAlarm:MetricAlarm",
            "it-renewal-logs aws:cloudwatch/logGroup:LogGroup",
            "it-renewal-policy aws:iam/rolePolicy:RolePolicy",
            "it-renewal-role aws:iam/role:Role",
            "it-schedule aws:scheduler/schedule:Schedule",
            "it-schedule-policy aws:iam/rolePolicy:RolePolicy",
            "it-schedule-role aws:iam/role:Role",
            "it-secret aws:secretsmanager/secret:Secret",
        ]);
    });

    it("lets its function clean up at the end: after the schedule has gone, before what it needs does", () => {
        expect(made().find("it-clean-up")).to.deep.include({
            inputs: { functionName: "it-renewal", input: {}, lifecycleScope: "CRUD" },
        });
        expect(made().find("it-clean-up").dependsOn).to.include.members(["it-renewal", "it-history", "it-secret"]);
        expect(made().find("it-schedule").dependsOn).to.include("it-clean-up");
    });

    it("gives where the certificate is and who renews it", () => {
        expect(made().component("it").outputs).to.deep.equal({
            secretArn,
            certificateArn: "",
            certificateArns: {},
            sealedCopyUrl: "",
            bucketName: "it-history",
            functionName: "it-renewal",
            topicArn,
            accountKeyParameterName: "/taskgate/it-secret/acme-account-key",
        });
    });

    it("makes a secret without a value: no key passes through Pulumi", () => {
        expect(inputsOf("it-secret")).to.deep.equal({
            description:
                "TLS certificate and key of *.tasks.example.com; without a value until the first certificate is issued",
            recoveryWindowInDays: 7,
            tags,
        });
    });

    it("keeps the history in a bucket that is private, encrypted, versioned and reached by TLS alone", () => {
        const bucket = "it-history";
        expect(inputsOf("it-history")).to.deep.equal({ forceDestroy: true, tags });
        expect(inputsOf("it-history-versioning")).to.deep.equal({
            bucket,
            versioningConfiguration: { status: "Enabled" },
        });
        expect(inputsOf("it-history-encryption")).to.deep.equal({
            bucket,
            rules: [{ applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } }],
        });
        expect(inputsOf("it-history-public-access")).to.deep.equal({
            bucket,
            blockPublicAcls: true,
            blockPublicPolicy: true,
            ignorePublicAcls: true,
            restrictPublicBuckets: true,
        });
        expect(inputsOf("it-history-policy")).to.deep.equal({
            bucket,
            policy: documentOf(tlsOnly(bucketArn)),
        });
        expect(inputsOf("it-history-lifecycle")).to.deep.equal({
            bucket,
            rules: [
                {
                    id: "old-versions",
                    status: "Enabled",
                    filter: {},
                    noncurrentVersionExpiration: { noncurrentDays: 365 },
                    abortIncompleteMultipartUpload: { daysAfterInitiation: 1 },
                },
            ],
        });
    });

    it("publishes a sealed copy when asked to: to everybody, as Envoy and as Traefik reads it, which the renewal function alone writes", async () => {
        const args = { domain: "tasks.example.com", hostedZoneId: "Z123", sealedCopy: true };
        const other = await recordOne((options) => new WildcardCertificate("it", args, options));
        const inputs = (name: string): unknown => other.resources.find((resource) => resource.name === name)?.inputs;
        expect(other.component("it").outputs?.sealedCopyUrl).to.equal(
            "https://it-sealed.s3.eu-west-1.amazonaws.com/certificate.json",
        );
        expect(inputs("it-sealed-public-access")).to.deep.equal({
            bucket: "it-sealed",
            blockPublicAcls: true,
            blockPublicPolicy: false,
            ignorePublicAcls: true,
            restrictPublicBuckets: false,
        });
        const policy = inputs("it-sealed-policy") as { policy: string | object };
        expect(policy.policy).to.deep.equal(
            documentOf(tlsOnly("arn:aws:s3:::it-sealed"), {
                Sid: "ReadByEverybody",
                Effect: "Allow",
                Principal: "*",
                Action: "s3:GetObject",
                Resource: ["arn:aws:s3:::it-sealed/certificate.json", "arn:aws:s3:::it-sealed/certificate.txt"],
            }),
        );
        const { policy: renewal } = inputs("it-renewal-policy") as { policy: { Statement: { Sid: string }[] } };
        expect(renewal.Statement.find(({ Sid }) => Sid === "PublishForTasks")).to.deep.equal({
            Sid: "PublishForTasks",
            Effect: "Allow",
            Action: "s3:PutObject",
            Resource: ["arn:aws:s3:::it-sealed/certificate.json", "arn:aws:s3:::it-sealed/certificate.txt"],
        });
        const { environment } = inputs("it-renewal") as { environment: { variables: Record<string, string> } };
        expect(environment.variables.SEALED_BUCKET_NAME).to.equal("it-sealed");
    });

    it("keeps all that it keeps under a key of one's own when that is given, which only the keepers may use", async () => {
        const kmsKeyArn = "arn:aws:kms:eu-west-1:111122223333:key/12345678-1234-1234-1234-123456789012";
        const args = {
            domain: "tasks.example.com",
            hostedZoneId: "Z123",
            kmsKeyArn,
            sealedCopy: true,
            importToAcm: true,
        };
        const other = await recordOne((options) => new WildcardCertificate("it", args, options));
        const inputs = (name: string): Record<string, unknown> =>
            other.resources.find((resource) => resource.name === name)!.inputs;
        expect(inputs("it-secret").kmsKeyId).to.equal(kmsKeyArn);
        expect(inputs("it-history-encryption").rules).to.deep.equal([
            {
                applyServerSideEncryptionByDefault: { sseAlgorithm: "aws:kms", kmsMasterKeyId: kmsKeyArn },
                bucketKeyEnabled: true,
            },
        ]);
        expect(inputs("it-sealed-encryption").rules).to.deep.equal([
            { applyServerSideEncryptionByDefault: { sseAlgorithm: "AES256" } },
        ]);
        const statements = (name: string) =>
            (inputs(name).policy as { Statement: { Sid: string; Action: unknown; Resource: unknown }[] }).Statement;
        expect(statements("it-renewal-policy").find(({ Sid }) => Sid === "UseKey")).to.deep.equal({
            Sid: "UseKey",
            Effect: "Allow",
            Action: ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
            Resource: kmsKeyArn,
            Condition: {
                StringLike: {
                    "kms:ViaService": [
                        "s3.eu-west-1.amazonaws.com*",
                        "secretsmanager.eu-west-1.amazonaws.com*",
                        "ssm.eu-west-1.amazonaws.com*",
                    ],
                },
            },
        });
        expect(statements("it-import-policy").find(({ Sid }) => Sid === "DecryptSecrets")).to.deep.equal({
            Sid: "DecryptSecrets",
            Effect: "Allow",
            Action: "kms:Decrypt",
            Resource: [kmsKeyArn],
            Condition: { StringLike: { "kms:ViaService": ["secretsmanager.eu-west-1.amazonaws.com*"] } },
        });
        const { variables } = inputs("it-renewal").environment as { variables: Record<string, string> };
        expect(variables.KMS_KEY_ARN).to.equal(kmsKeyArn);
    });

    it("has tasks looked at from outside when their port is given, and an alarm on what they show", async () => {
        const delegation = { recordName: "tasks.acme.example.org", hostedZoneId: "Z456" };
        const args = { domain: "tasks.example.com", hostedZoneId: "Z123", watchedPort: 8443 };
        const watched = await recordOne((options) => new WildcardCertificate("it", args, options));
        const { environment } = watched.find("it-renewal").inputs as {
            environment: { variables: Record<string, string> };
        };
        expect(environment.variables.WATCHED_PORT).to.equal("8443");
        expect(watched.find("it-stale").inputs).to.deep.include({
            namespace: "taskgate/certificate",
            metricName: "StaleTasks",
            dimensions: { FunctionName: "it-renewal" },
            comparisonOperator: "GreaterThanThreshold",
            threshold: 0,
            period: 3_600,
            evaluationPeriods: 3,
            datapointsToAlarm: 2,
            treatMissingData: "notBreaching",
        });
        const statements = ({ inputs }: { readonly inputs: Record<string, unknown> }) =>
            (inputs.policy as { Statement: { Sid: string; Resource: unknown }[] }).Statement;
        // The zone of the names is the one that is written, and may be read anyway.
        expect(statements(watched.find("it-renewal-policy")).map(({ Sid }) => Sid)).to.not.include("SeeNames");
        const other = await recordOne(
            (options) => new WildcardCertificate("it", { ...args, challengeDelegation: delegation }, options),
        );
        expect(statements(other.find("it-renewal-policy")).find(({ Sid }) => Sid === "SeeNames")).to.deep.equal({
            Sid: "SeeNames",
            Effect: "Allow",
            Action: "route53:ListResourceRecordSets",
            Resource: "arn:aws:route53:::hostedzone/Z123",
        });
    });

    it("alerts by e-mail", () => {
        expect(inputsOf("it-alerts")).to.deep.equal({ displayName: "taskgate certificate", tags });
        expect(inputsOf("it-alerts-email")).to.deep.equal({
            topic: topicArn,
            protocol: "email",
            endpoint: "ops@example.com",
        });
    });

    it("goes off when a renewal fails", () => {
        expect(inputsOf("it-renewal-errors")).to.deep.equal({
            alarmDescription:
                "The certificate could not be renewed. The alert before this one, and the function's log, say why and what to do.",
            namespace: "taskgate/certificate",
            metricName: "Failing",
            dimensions: { FunctionName: "it-renewal" },
            statistic: "Maximum",
            threshold: 0,
            comparisonOperator: "GreaterThanThreshold",
            period: 3_600,
            evaluationPeriods: 2,
            datapointsToAlarm: 1,
            treatMissingData: "notBreaching",
            alarmActions: [topicArn],
            okActions: [topicArn],
            tags,
        });
    });

    it("goes off when little of the lifetime is left, and without any run at all", () => {
        expect(inputsOf("it-expiry")).to.deep.equal({
            alarmDescription:
                "The certificate has less than a fifth of its lifetime left, or nothing was heard of it for three hours: is the schedule enabled, " +
                "may the function run? Its log says what it did last; docs/certificates.md says what to do.",
            namespace: "taskgate/certificate",
            metricName: "LifetimeLeft",
            dimensions: { FunctionName: "it-renewal" },
            statistic: "Minimum",
            threshold: 20,
            comparisonOperator: "LessThanThreshold",
            period: 3_600,
            evaluationPeriods: 3,
            datapointsToAlarm: 3,
            treatMissingData: "breaching",
            alarmActions: [topicArn],
            okActions: [topicArn],
            tags,
        });
    });

    describe("the function", () => {
        it("runs on Arm with a role, a log and limits of its own", () => {
            const { code, ...inputs } = inputsOf("it-renewal");
            expect(code).to.be.instanceOf(pulumi.asset.AssetArchive);
            expect(inputs).to.deep.equal({
                description: "Issues and renews the wildcard certificate when it is due",
                role: "arn:aws:iam::111122223333:role/it-renewal-role",
                handler: "__index.handler",
                runtime: "nodejs24.x",
                architectures: ["arm64"],
                timeout: 600,
                memorySize: 512,
                environment: {
                    variables: {
                        ACME_DIRECTORY_URL: "https://acme-v02.api.letsencrypt.org/directory",
                        ACME_EMAIL: "",
                        CERTIFICATE_NAMES: '["*.tasks.example.com"]',
                        KEY_TYPE: "P-256",
                        HOSTED_ZONE_ID: "Z123",
                        ACCOUNT_KEY_PARAMETER: "/taskgate/it-secret/acme-account-key",
                        ORDER_PARAMETER: "/taskgate/it-secret/acme-order",
                        BUCKET_NAME: "it-history",
                        SECRET_ARN: secretArn,
                        TOPIC_ARN: topicArn,
                    },
                },
                loggingConfig: { logFormat: "Text", logGroup: "it-renewal-logs" },
                tags,
            });
            expect(inputsOf("it-renewal-logs")).to.deep.equal({ retentionInDays: 30, tags });
            expect(inputsOf("it-renewal-role")).to.deep.equal({
                description: "Issues and renews the wildcard certificate when it is due",
                assumeRolePolicy: assumedBy("lambda"),
                tags,
            });
        });

        it("carries acme-client, what that depends on, and nothing else", async () => {
            expect(await pathsIn(inputsOf("it-renewal").code)).to.deep.equal(
                ["__index.js", ...withDependencies("acme-client").map((name) => `node_modules/${name}`)].sort(),
            );
        });

        it("may do this and no more", () => {
            expect(inputsOf("it-renewal-policy")).to.deep.equal({
                role: "it-renewal-role",
                policy: documentOf(
                    {
                        Sid: "AnswerChallenges",
                        Effect: "Allow",
                        Action: "route53:ChangeResourceRecordSets",
                        Resource: zoneArn,
                        Condition: {
                            "ForAllValues:StringEquals": {
                                "route53:ChangeResourceRecordSetsNormalizedRecordNames": [
                                    "_acme-challenge.tasks.example.com",
                                ],
                                "route53:ChangeResourceRecordSetsRecordTypes": ["TXT"],
                                "route53:ChangeResourceRecordSetsActions": ["CREATE", "DELETE"],
                            },
                            Null: { "route53:ChangeResourceRecordSetsNormalizedRecordNames": "false" },
                        },
                    },
                    {
                        Sid: "ReadChallenges",
                        Effect: "Allow",
                        Action: "route53:ListResourceRecordSets",
                        Resource: zoneArn,
                    },
                    {
                        Sid: "AwaitChallenges",
                        Effect: "Allow",
                        Action: "route53:GetChange",
                        Resource: "arn:aws:route53:::change/*",
                    },
                    {
                        Sid: "KeepAccountKey",
                        Effect: "Allow",
                        Action: ["ssm:GetParameter", "ssm:PutParameter"],
                        Resource: "arn:aws:ssm:eu-west-1:111122223333:parameter/taskgate/it-secret/acme-account-key",
                    },
                    {
                        Sid: "KeepOrder",
                        Effect: "Allow",
                        Action: ["ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"],
                        Resource: "arn:aws:ssm:eu-west-1:111122223333:parameter/taskgate/it-secret/acme-order",
                    },
                    {
                        Sid: "KeepHistory",
                        Effect: "Allow",
                        Action: "s3:PutObject",
                        Resource: `${bucketArn}/*`,
                    },
                    {
                        Sid: "ReadState",
                        Effect: "Allow",
                        Action: "s3:GetObject",
                        Resource: `${bucketArn}/state.json`,
                    },
                    { Sid: "SeeState", Effect: "Allow", Action: "s3:ListBucket", Resource: bucketArn },
                    {
                        Sid: "DeliverCertificate",
                        Effect: "Allow",
                        Action: ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"],
                        Resource: secretArn,
                    },
                    { Sid: "Alert", Effect: "Allow", Action: "sns:Publish", Resource: topicArn },
                    {
                        Sid: "TellEventBus",
                        Effect: "Allow",
                        Action: "events:PutEvents",
                        Resource: "arn:aws:events:eu-west-1:111122223333:event-bus/default",
                        Condition: { "ForAllValues:StringEquals": { "events:source": ["taskgate.certificate"] } },
                    },
                    writesLogs("it-renewal-logs"),
                ),
            });
        });

        it("calls nothing else", async () => {
            expect(await operationsIn(inputsOf("it-renewal").code)).to.deep.equal([
                "AssumeRole",
                "ChangeResourceRecordSets",
                "DeleteParameter",
                "GetChange",
                "GetObject",
                "GetParameter",
                "GetSecretValue",
                "ListResourceRecordSets",
                "Publish",
                "PutEvents",
                "PutObject",
                "PutParameter",
                "PutSecretValue",
            ]);
        });
    });

    describe("the schedule", () => {
        it("asks once an hour, and as soon as it is made", () => {
            const { name, ...inputs } = inputsOf("it-schedule");
            expect(name).to.match(/^it-renewal-[0-9a-f]{8}$/);
            expect(inputs).to.deep.equal({
                description: "Renews the certificate when it is due",
                scheduleExpression: "rate(1 hour)",
                flexibleTimeWindow: { mode: "OFF" },
                target: { arn: functionArn, roleArn: "arn:aws:iam::111122223333:role/it-schedule-role" },
            });
        });

        it("is made last: its first run needs all the rest", () => {
            expect(made().find("it-schedule").dependsOn).to.include.members([
                "it-schedule-policy",
                "it-renewal",
                "it-history",
                "it-secret",
                "it-alerts",
                "it-renewal-errors",
            ]);
            expect(made().find("it-renewal").dependsOn).to.include("it-renewal-policy");
        });

        it("may invoke the renewal and nothing else", () => {
            expect(inputsOf("it-schedule-role")).to.deep.equal({
                description: "Lets the schedule invoke the function",
                assumeRolePolicy: assumedBy("scheduler", forThisAccount),
                tags,
            });
            expect(inputsOf("it-schedule-policy")).to.deep.equal({
                role: "it-schedule-role",
                policy: documentOf({
                    Sid: "InvokeFunction",
                    Effect: "Allow",
                    Action: "lambda:InvokeFunction",
                    Resource: functionArn,
                }),
            });
        });
    });

    it("takes another authority, contact, key and the apex; a new schedule then issues at once", async () => {
        const args: WildcardCertificateArgs = {
            ...minimal,
            acmeDirectory: "https://ca.example.com/dir",
            acmeEmail: "acme@example.com",
            includeApex: true,
            keyType: KeyType.Rsa2048,
            logRetentionDays: 7,
        };
        const other = await recordOne((options) => new WildcardCertificate("it", args, options));
        const { variables } = other.find("it-renewal").inputs.environment as { variables: Record<string, string> };
        expect(variables).to.include({
            ACME_DIRECTORY_URL: "https://ca.example.com/dir",
            ACME_EMAIL: "acme@example.com",
            CERTIFICATE_NAMES: '["*.tasks.example.com","tasks.example.com"]',
            KEY_TYPE: "RSA-2048",
        });
        expect(other.find("it-renewal-logs").inputs).to.deep.equal({ retentionInDays: 7 });
        expect(other.find("it-schedule").inputs.name).not.to.equal(inputsOf("it-schedule").name);
        expect(other.childrenOf("it")).to.deep.equal(
            made()
                .childrenOf("it")
                .filter((child) => !child.startsWith("it-alerts-email ")),
        );
    });

    it("takes a profile, a chain, a customer's account and a delegation, with no more rights than these need", async () => {
        const keyArn = "arn:aws:ssm:eu-west-1:111122223333:parameter/eab";
        const args: WildcardCertificateArgs = {
            ...minimal,
            acmeDirectory: "https://acme.zerossl.com/v2/DV90",
            acmeProfile: "shortlived",
            acmeProfileRequired: true,
            acmePreferredChain: "Root X",
            acmeExternalAccount: { keyId: "kid-1", keyArn },
            challengeDelegation: { recordName: "Tasks.acme.example.net.", hostedZoneId: "Z9" },
        };
        const other = await recordOne((options) => new WildcardCertificate("it", args, options));
        const { variables } = other.find("it-renewal").inputs.environment as { variables: Record<string, string> };
        expect(variables).to.include({
            ACME_PROFILE: "shortlived",
            ACME_PROFILE_REQUIRED: "true",
            ACME_PREFERRED_CHAIN: "Root X",
            ACME_EAB_KEY_ID: "kid-1",
            ACME_EAB_KEY_REFERENCE: keyArn,
            CHALLENGE_RECORD_NAME: "Tasks.acme.example.net.",
            CHALLENGE_HOSTED_ZONE_ID: "Z9",
        });
        const { Statement } = other.find("it-renewal-policy").inputs.policy as { Statement: Record<string, unknown>[] };
        const statement = (sid: string) => Statement.find(({ Sid }) => Sid === sid);
        expect(statement("AnswerChallenges")).to.deep.include({
            Resource: "arn:aws:route53:::hostedzone/Z9",
            Condition: {
                "ForAllValues:StringEquals": {
                    "route53:ChangeResourceRecordSetsNormalizedRecordNames": ["tasks.acme.example.net"],
                    "route53:ChangeResourceRecordSetsRecordTypes": ["TXT"],
                    "route53:ChangeResourceRecordSetsActions": ["CREATE", "DELETE"],
                },
                Null: { "route53:ChangeResourceRecordSetsNormalizedRecordNames": "false" },
            },
        });
        expect(statement("ReadChallenges")).to.deep.include({ Resource: "arn:aws:route53:::hostedzone/Z9" });
        expect(statement("ReadExternalAccount")).to.deep.equal({
            Sid: "ReadExternalAccount",
            Effect: "Allow",
            Action: "ssm:GetParameter",
            Resource: keyArn,
        });
        const secretArn = "arn:aws:secretsmanager:eu-west-1:111122223333:secret:eab-AbCdEf";
        const bySecret = { ...minimal, acmeExternalAccount: { keyId: "kid-1", keyArn: secretArn } };
        const third = await recordOne((options) => new WildcardCertificate("it", bySecret, options));
        const own = third.find("it-renewal-policy").inputs.policy as { Statement: Record<string, unknown>[] };
        expect(own.Statement.find(({ Sid }) => Sid === "ReadExternalAccount")).to.deep.equal({
            Sid: "ReadExternalAccount",
            Effect: "Allow",
            Action: "secretsmanager:GetSecretValue",
            Resource: secretArn,
        });
        // Another profile is another certificate: a new schedule issues it at once.
        expect(other.find("it-schedule").inputs.name).not.to.equal(inputsOf("it-schedule").name);
    });

    it("lets another account's zone be changed by its owner's role alone", async () => {
        const roleArn = "arn:aws:iam::444455556666:role/challenges";
        const challengeDelegation = { recordName: "tasks.acme.example.net", hostedZoneId: "Z9", roleArn };
        const other = await recordOne(
            (options) => new WildcardCertificate("it", { ...minimal, challengeDelegation }, options),
        );
        const { Statement } = other.find("it-renewal-policy").inputs.policy as { Statement: Record<string, unknown>[] };
        expect(Statement.filter(({ Action }) => /route53|sts/.test(String(Action)))).to.deep.equal([
            { Sid: "AnswerChallenges", Effect: "Allow", Action: "sts:AssumeRole", Resource: roleArn },
        ]);
    });

    it("refuses an authority that needs what was not given, a profile that it does not have, and a key as a value", async () => {
        const refusal = (args: Partial<WildcardCertificateArgs>) =>
            refusalOf((options) => new WildcardCertificate("it", { ...minimal, ...args }, options));
        for (const [acmeDirectory, host] of [
            ["https://acme.zerossl.com/v2/DV90", "acme.zerossl.com"],
            ["https://dv.acme-v02.api.pki.goog/directory", "dv.acme-v02.api.pki.goog"],
            ["https://acm-acme-enroll.eu-west-1.api.aws/1b9d6bcd/directory", "acm-acme-enroll.eu-west-1.api.aws"],
        ]) {
            expect(await refusal({ acmeDirectory })).to.deep.equal({
                acmeExternalAccount: `${host} takes only accounts that it knows already: give acmeExternalAccount, the key id and the ARN of the key that it shows to its customers`,
            });
        }
        expect(await refusal({ acmeProfile: "tlsclient" })).to.deep.equal({
            acmeProfile: '"tlsclient" is not one of classic, tlsserver, shortlived',
        });
        expect(await refusal({ acmeExternalAccount: { keyId: "kid-1", keyArn: "c2VjcmV0" } })).to.deep.equal({
            "acmeExternalAccount.keyArn":
                "this is not the ARN of a secret in Secrets Manager or of a parameter in SSM: keep the key there, and out of the program",
        });
    });

    it("takes the root of an authority of one's own, and refuses what is none or not needed", async () => {
        const { ca, issue } = await createAuthority("Own CA");
        const acmeDirectory = "https://ca.internal.example.com/acme/directory";
        const made = await recordOne(
            (options) =>
                new WildcardCertificate("it", { ...minimal, acmeDirectory, acmeRootCertificates: ca }, options),
        );
        const { variables } = made.find("it-renewal").inputs.environment as { variables: Record<string, string> };
        expect(variables.ACME_ROOT_CERTIFICATES).to.equal(ca);
        expect(inputsOf("it-renewal").environment).to.not.have.nested.property("variables.ACME_ROOT_CERTIFICATES");

        const refusal = async (acmeRootCertificates: string, directory = acmeDirectory) => {
            const args = { ...minimal, acmeDirectory: directory, acmeRootCertificates };
            return (await refusalOf((options) => new WildcardCertificate("it", args, options))).acmeRootCertificates;
        };
        const none =
            "this is not PEM of certificates that may issue others: give the root that the directory's own HTTPS certificate chains to";
        expect(await refusal("root.pem")).to.equal(none);
        expect(await refusal((await issue(["ca.internal.example.com"])).certificate)).to.equal(none);
        expect(await refusal(ca.replace("MII", "AAA"))).to.equal(none);
        const many = ca.repeat(5);
        expect(await refusal(many)).to.equal(
            `these have ${many.length} bytes: Lambda's environment has room for 2048, give the one root that the directory's own HTTPS certificate chains to`,
        );
        expect(await refusal(ca, "letsencrypt")).to.equal(
            "letsencrypt chains to public roots: leave it out, or give the https:// URL of a directory of your own as acmeDirectory",
        );
    });

    it("is one customer with another, and tells the same people, when it is given those", async () => {
        const accountKeyParameterName = "/taskgate/other-secret/acme-account-key";
        const args = {
            ...minimal,
            accountKeyParameterName,
            alertTopicArn: "arn:aws:sns:eu-west-1:111122223333:alerts",
        };
        const other = await recordOne((options) => new WildcardCertificate("it", args, options));
        expect(other.childrenOf("it").filter((child) => child.startsWith("it-alerts"))).to.deep.equal([]);
        const { variables } = other.find("it-renewal").inputs.environment as { variables: Record<string, string> };
        expect(variables).to.include({
            ACCOUNT_KEY_PARAMETER: accountKeyParameterName,
            ORDER_PARAMETER: "/taskgate/it-secret/acme-order",
            TOPIC_ARN: args.alertTopicArn,
        });
        const statements = JSON.stringify(other.find("it-renewal-policy").inputs.policy);
        expect(statements).to.include(`"arn:aws:ssm:eu-west-1:111122223333:parameter${accountKeyParameterName}"`);
        expect(statements).to.not.include("/taskgate/it-secret/acme-account-key");
        expect(statements).to.include(`"${args.alertTopicArn}"`);
        expect(other.find("it-expiry").inputs.alarmActions).to.deep.equal([args.alertTopicArn]);
        expect(other.component("it").outputs).to.deep.include({
            accountKeyParameterName,
            topicArn: args.alertTopicArn,
        });
        const refusal = (more: Partial<WildcardCertificateArgs>) =>
            refusalOf((options) => new WildcardCertificate("it", { ...args, ...more }, options));
        expect(await refusal({ notificationEmail: "ops@example.com" })).to.deep.equal({
            notificationEmail: "subscribes to a topic that is made: leave it out, and subscribe to alertTopicArn",
        });
        expect(await refusal({ accountKeyParameterName: "acme account" })).to.deep.equal({
            accountKeyParameterName:
                '"acme account" is not the name of an SSM parameter in a hierarchy, e.g. /apps/acme-account-key',
        });
    });

    it("refuses all that is wrong at once", async () => {
        const args: WildcardCertificateArgs = {
            ...minimal,
            domain: "*.tasks.example.com",
            acmeDirectory: "http://ca.example.com/dir",
            acmeEmail: "nobody",
            keyType: "P-521" as KeyType,
            notificationEmail: "somebody",
            logRetentionDays: 0,
        };
        expect(await refusalOf((options) => new WildcardCertificate("it", args, options))).to.deep.equal({
            domain: '"*.tasks.example.com" is not a domain: leave out the wildcard, taskgate puts it in front itself, e.g. tasks.example.com',
            acmeDirectory:
                '"http://ca.example.com/dir" is not an ACME directory: give letsencrypt, letsencrypt-staging or a directory\'s https:// URL',
            acmeEmail: '"nobody" is not an e-mail address, e.g. ops@example.com',
            keyType: '"P-521" is not one of P-256, P-384, RSA-2048, RSA-3072, RSA-4096',
            notificationEmail: '"somebody" is not an e-mail address, e.g. ops@example.com',
            logRetentionDays:
                "0 is not a retention of CloudWatch Logs: give one of 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653 days",
        });
    });
});

/** A package of node_modules and all that it depends on, by name. */
function withDependencies(...names: string[]): string[] {
    const found = new Set(names);
    for (const name of found) {
        const file = join(projectRoot, "node_modules", name, "package.json");
        const { dependencies = {} } = JSON.parse(readFileSync(file, "utf8")) as {
            dependencies?: Record<string, string>;
        };
        Object.keys(dependencies).forEach((dependency) => found.add(dependency));
    }
    return [...found];
}
