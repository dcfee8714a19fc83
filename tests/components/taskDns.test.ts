import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";

import { TaskDns, TaskDnsArgs } from "../../components";
import { keepsHouseRules, recordOne, refusalOf, tags } from "../support/houseRules";
import { operationsIn, pathsIn } from "../support/mocks";

const clusterArn = "arn:aws:ecs:eu-west-1:111122223333:cluster/tasks";
const topicArn = "arn:aws:sns:eu-west-1:111122223333:alerts";
const queueArn = "arn:aws:sqs:eu-west-1:111122223333:it-queue";
const deadLettersArn = "arn:aws:sqs:eu-west-1:111122223333:it-dead-letters";
const ruleArn = "arn:aws:events:eu-west-1:111122223333:rule/it-rule";

const minimal: TaskDnsArgs = { clusterArn, hostedZoneId: "Z123", domain: "tasks.example.com" };

describe("TaskDns", () => {
    const made = keepsHouseRules(
        (options) => new TaskDns("it", { ...minimal, alarmTopicArn: topicArn, tags }, options),
    );
    const inputsOf = (name: string): Record<string, unknown> => made().find(name).inputs;

    it("makes these and nothing else", () => {
        expect(made().childrenOf("it")).to.deep.equal([
            "it-dead-letters aws:sqs/queue:Queue",
            "it-dead-letters-policy aws:sqs/queuePolicy:QueuePolicy",
            "it-dead-letters-present aws:cloudwatch/metricAlarm:MetricAlarm",
            "it-queue aws:sqs/queue:Queue",
            "it-queue-age aws:cloudwatch/metricAlarm:MetricAlarm",
            "it-queue-policy aws:sqs/queuePolicy:QueuePolicy",
            "it-rule aws:cloudwatch/eventRule:EventRule",
            "it-source aws:lambda/eventSourceMapping:EventSourceMapping",
            "it-sync aws:lambda/function:Function",
            "it-sync-errors aws:cloudwatch/metricAlarm:MetricAlarm",
            "it-sync-logs aws:cloudwatch/logGroup:LogGroup",
            "it-sync-policy aws:iam/rolePolicy:RolePolicy",
            "it-sync-role aws:iam/role:Role",
            "it-target aws:cloudwatch/eventTarget:EventTarget",
        ]);
    });

    it("gives the names its operator needs", () => {
        expect(made().component("it").outputs).to.deep.equal({
            functionName: "it-sync",
            queueUrl: "https://sqs.eu-west-1.amazonaws.com/111122223333/it-queue",
            deadLetterQueueUrl: "https://sqs.eu-west-1.amazonaws.com/111122223333/it-dead-letters",
        });
    });

    it("hears of this cluster's tasks when they run and when they are to stop", () => {
        expect(inputsOf("it-rule")).to.deep.equal({
            description: "Tasks that run or are to stop",
            eventPattern: {
                source: ["aws.ecs"],
                "detail-type": ["ECS Task State Change"],
                detail: {
                    clusterArn: [clusterArn],
                    $or: [{ desiredStatus: ["RUNNING"], lastStatus: ["RUNNING"] }, { desiredStatus: ["STOPPED"] }],
                },
            },
            tags,
        });
    });

    it("queues what it hears, encrypted, and keeps what cannot be handled for two weeks", () => {
        expect(inputsOf("it-queue")).to.deep.equal({
            visibilityTimeoutSeconds: 360,
            redrivePolicy: { deadLetterTargetArn: deadLettersArn, maxReceiveCount: 10 },
            sqsManagedSseEnabled: true,
            tags,
        });
        expect(inputsOf("it-dead-letters")).to.deep.equal({
            messageRetentionSeconds: 1_209_600,
            sqsManagedSseEnabled: true,
            tags,
        });
        expect(inputsOf("it-target")).to.deep.equal({
            rule: "it-rule",
            arn: queueArn,
            deadLetterConfig: { arn: deadLettersArn },
        });
        expect(made().find("it-target").dependsOn).to.include.members(["it-queue-policy", "it-dead-letters-policy"]);
    });

    it("takes messages from its own rule alone, in both queues", () => {
        const acceptsFromRule = (Resource: string): unknown => ({
            Version: "2012-10-17",
            Statement: [
                {
                    Sid: "TakeTaskStateChanges",
                    Effect: "Allow",
                    Principal: { Service: "events.amazonaws.com" },
                    Action: "sqs:SendMessage",
                    Resource,
                    Condition: { ArnEquals: { "aws:SourceArn": ruleArn } },
                },
            ],
        });
        expect(inputsOf("it-queue-policy")).to.deep.equal({
            queueUrl: "https://sqs.eu-west-1.amazonaws.com/111122223333/it-queue",
            policy: acceptsFromRule(queueArn),
        });
        expect(inputsOf("it-dead-letters-policy")).to.deep.equal({
            queueUrl: "https://sqs.eu-west-1.amazonaws.com/111122223333/it-dead-letters",
            policy: acceptsFromRule(deadLettersArn),
        });
    });

    it("hands a burst over as few batches", () => {
        expect(inputsOf("it-source")).to.deep.equal({
            eventSourceArn: queueArn,
            functionName: "arn:aws:lambda:eu-west-1:111122223333:function:it-sync",
            batchSize: 500,
            maximumBatchingWindowInSeconds: 1,
            functionResponseTypes: ["ReportBatchItemFailures"],
            scalingConfig: { maximumConcurrency: 2 },
            tags,
        });
    });

    describe("the function", () => {
        it("runs on Arm with a role, a log and limits of its own", () => {
            const { code, ...inputs } = inputsOf("it-sync");
            expect(code).to.be.instanceOf(pulumi.asset.AssetArchive);
            expect(inputs).to.deep.equal({
                description: "Keeps the DNS records of running ECS tasks true",
                role: "arn:aws:iam::111122223333:role/it-sync-role",
                handler: "__index.handler",
                runtime: "nodejs24.x",
                architectures: ["arm64"],
                timeout: 60,
                memorySize: 256,
                environment: {
                    variables: {
                        HOSTED_ZONE_ID: "Z123",
                        DOMAIN: "tasks.example.com",
                        RECORD_TTL: "15",
                        CLUSTER_ARN: clusterArn,
                    },
                },
                loggingConfig: { logFormat: "Text", logGroup: "it-sync-logs" },
                tags,
            });
            expect(inputsOf("it-sync-logs")).to.deep.equal({ retentionInDays: 30, tags });
            expect(inputsOf("it-sync-role")).to.deep.equal({
                description: "Keeps the DNS records of running ECS tasks true",
                assumeRolePolicy: {
                    Version: "2012-10-17",
                    Statement: [
                        {
                            Sid: "Assume",
                            Effect: "Allow",
                            Principal: { Service: "lambda.amazonaws.com" },
                            Action: "sts:AssumeRole",
                        },
                    ],
                },
                tags,
            });
        });

        it("carries no package: Lambda brings the AWS SDK", async () => {
            expect(await pathsIn(inputsOf("it-sync").code)).to.deep.equal(["__index.js"]);
        });

        it("may do this and no more", () => {
            expect(inputsOf("it-sync-policy")).to.deep.equal({
                role: "it-sync-role",
                policy: {
                    Version: "2012-10-17",
                    Statement: [
                        {
                            Sid: "TakeTaskStateChanges",
                            Effect: "Allow",
                            Action: ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
                            Resource: queueArn,
                        },
                        {
                            Sid: "ReadTasks",
                            Effect: "Allow",
                            Action: "ecs:DescribeTasks",
                            Resource: "arn:aws:ecs:eu-west-1:111122223333:task/tasks/*",
                        },
                        {
                            Sid: "ReadAddresses",
                            Effect: "Allow",
                            Action: "ec2:DescribeNetworkInterfaces",
                            Resource: "*",
                        },
                        {
                            Sid: "WriteRecords",
                            Effect: "Allow",
                            Action: "route53:ChangeResourceRecordSets",
                            Resource: "arn:aws:route53:::hostedzone/Z123",
                            Condition: {
                                "ForAllValues:StringLike": {
                                    "route53:ChangeResourceRecordSetsNormalizedRecordNames": ["*.tasks.example.com"],
                                },
                                "ForAllValues:StringEquals": {
                                    "route53:ChangeResourceRecordSetsRecordTypes": ["A"],
                                    "route53:ChangeResourceRecordSetsActions": ["CREATE", "DELETE", "UPSERT"],
                                },
                            },
                        },
                        {
                            Sid: "ReadRecords",
                            Effect: "Allow",
                            Action: "route53:ListResourceRecordSets",
                            Resource: "arn:aws:route53:::hostedzone/Z123",
                        },
                        {
                            Sid: "WriteLogs",
                            Effect: "Allow",
                            Action: ["logs:CreateLogStream", "logs:PutLogEvents"],
                            Resource: "arn:aws:logs:eu-west-1:111122223333:log-group:it-sync-logs:*",
                        },
                    ],
                },
            });
        });

        it("calls nothing else, beside what Lambda does for it", async () => {
            expect(await operationsIn(inputsOf("it-sync").code)).to.deep.equal([
                "ChangeResourceRecordSets",
                "DescribeNetworkInterfaces",
                "DescribeTasks",
                "ListResourceRecordSets",
            ]);
        });

        it("gets no event before it may act on one", () => {
            expect(made().find("it-sync").dependsOn).to.include("it-sync-policy");
        });
    });

    describe("alarms", () => {
        const common = {
            comparisonOperator: "GreaterThanThreshold",
            period: 300,
            evaluationPeriods: 1,
            treatMissingData: "notBreaching",
            tags,
        };
        const told = { alarmActions: [topicArn], okActions: [topicArn] };

        it("go off when a change cannot be handled, waits for a minute or breaks the function", () => {
            expect(inputsOf("it-dead-letters-present")).to.deep.equal({
                ...common,
                ...told,
                alarmDescription:
                    "Task state changes could not be handled: records may be missing or stale. The function's log says why; then redrive the dead-letter queue.",
                namespace: "AWS/SQS",
                metricName: "ApproximateNumberOfMessagesVisible",
                dimensions: { QueueName: "it-dead-letters" },
                statistic: "Maximum",
                threshold: 0,
            });
            expect(inputsOf("it-queue-age")).to.deep.equal({
                ...common,
                ...told,
                alarmDescription:
                    "Task state changes wait for more than a minute: names come late. The function's log says why.",
                namespace: "AWS/SQS",
                metricName: "ApproximateAgeOfOldestMessage",
                dimensions: { QueueName: "it-queue" },
                statistic: "Maximum",
                threshold: 60,
            });
            expect(inputsOf("it-sync-errors")).to.deep.equal({
                ...common,
                ...told,
                alarmDescription:
                    "The function that writes the records fails. Its log says why; the queue keeps what it could not handle.",
                namespace: "AWS/Lambda",
                metricName: "Errors",
                dimensions: { FunctionName: "it-sync" },
                statistic: "Sum",
                threshold: 0,
            });
        });
    });

    it("takes a TTL and a retention, and does without a topic", async () => {
        const args = { ...minimal, recordTtl: 60, logRetentionDays: 7 };
        const other = await recordOne((options) => new TaskDns("it", args, options));
        expect(other.find("it-sync").inputs).to.have.nested.property("environment.variables.RECORD_TTL", "60");
        expect(other.find("it-sync-logs").inputs).to.deep.equal({ retentionInDays: 7 });
        const alarms = other.resources.filter(({ type }) => type === "aws:cloudwatch/metricAlarm:MetricAlarm");
        expect(alarms).to.have.length(3);
        expect(alarms.filter(({ inputs }) => "alarmActions" in inputs || "okActions" in inputs)).to.deep.equal([]);
    });

    it("refuses all that is wrong at once, and judges nothing that is not known yet", async () => {
        const args = { ...minimal, domain: "*.example.com", recordTtl: 0, logRetentionDays: 31 };
        expect(Object.keys(await refusalOf((options) => new TaskDns("it", args, options)))).to.deep.equal([
            "domain",
            "recordTtl",
            "logRetentionDays",
        ]);
        const later = { ...minimal, domain: pulumi.output("*.example.com"), recordTtl: Promise.resolve(0) };
        await recordOne((options) => new TaskDns("it", later, options));
    });
});
