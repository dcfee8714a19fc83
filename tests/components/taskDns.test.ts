import * as pulumi from "@pulumi/pulumi";
import { expect } from "chai";

import { TaskDns, TaskDnsArgs } from "../../components";
import { keepsHouseRules, recordOne, refusalOf, tags } from "../support/houseRules";
import { operationsIn, pathsIn } from "../support/mocks";
import { assumedBy, documentOf, writesLogs } from "../support/policies";

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
            "it-audit-schedule aws:scheduler/schedule:Schedule",
            "it-audit-schedule-policy aws:iam/rolePolicy:RolePolicy",
            "it-audit-schedule-role aws:iam/role:Role",
            "it-dead-letters aws:sqs/queue:Queue",
            "it-dead-letters-policy aws:sqs/queuePolicy:QueuePolicy",
            "it-dead-letters-present aws:cloudwatch/metricAlarm:MetricAlarm",
            "it-drain aws:lambda/invocation:Invocation",
            "it-occupied-names aws:cloudwatch/metricAlarm:MetricAlarm",
            "it-orphan-names aws:cloudwatch/metricAlarm:MetricAlarm",
            "it-orphan-records aws:cloudwatch/metricAlarm:MetricAlarm",
            "it-queue aws:sqs/queue:Queue",
            "it-queue-age aws:cloudwatch/metricAlarm:MetricAlarm",
            "it-queue-policy aws:sqs/queuePolicy:QueuePolicy",
            "it-registry aws:dynamodb/table:Table",
            "it-rule aws:cloudwatch/eventRule:EventRule",
            "it-source aws:lambda/eventSourceMapping:EventSourceMapping",
            "it-stuck-names aws:cloudwatch/metricAlarm:MetricAlarm",
            "it-sweep aws:lambda/function:Function",
            "it-sweep-errors aws:cloudwatch/metricAlarm:MetricAlarm",
            "it-sweep-logs aws:cloudwatch/logGroup:LogGroup",
            "it-sweep-missing aws:cloudwatch/metricAlarm:MetricAlarm",
            "it-sweep-policy aws:iam/rolePolicy:RolePolicy",
            "it-sweep-role aws:iam/role:Role",
            "it-sweep-schedule aws:scheduler/schedule:Schedule",
            "it-sweep-schedule-policy aws:iam/rolePolicy:RolePolicy",
            "it-sweep-schedule-role aws:iam/role:Role",
            "it-sync aws:lambda/function:Function",
            "it-sync-errors aws:cloudwatch/metricAlarm:MetricAlarm",
            "it-sync-logs aws:cloudwatch/logGroup:LogGroup",
            "it-sync-policy aws:iam/rolePolicy:RolePolicy",
            "it-sync-role aws:iam/role:Role",
            "it-target aws:cloudwatch/eventTarget:EventTarget",
            "it-undelivered aws:cloudwatch/metricAlarm:MetricAlarm",
        ]);
    });

    it("gives the names its operator needs", () => {
        expect(made().component("it").outputs).to.deep.equal({
            functionName: "it-sync",
            sweepFunctionName: "it-sweep",
            tableName: "it-registry",
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
                    $or: [
                        { desiredStatus: ["RUNNING"], lastStatus: ["PENDING", "RUNNING"] },
                        { desiredStatus: ["STOPPED"] },
                        { lastStatus: ["DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"] },
                    ],
                },
            },
            tags,
        });
    });

    it("queues what it hears, encrypted, and keeps what cannot be delivered or read for two weeks", () => {
        expect(inputsOf("it-queue")).to.deep.equal({
            visibilityTimeoutSeconds: 45,
            messageRetentionSeconds: 3600,
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
        const acceptsFromRule = (Resource: string): unknown =>
            documentOf({
                Sid: "TakeTaskStateChanges",
                Effect: "Allow",
                Principal: { Service: "events.amazonaws.com" },
                Action: "sqs:SendMessage",
                Resource,
                Condition: { ArnEquals: { "aws:SourceArn": ruleArn } },
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

    it("keeps a registry: a row a task, an index of those that stand, an end for those that are gone", () => {
        expect(inputsOf("it-registry")).to.deep.equal({
            billingMode: "PAY_PER_REQUEST",
            hashKey: "taskId",
            attributes: [
                { name: "taskId", type: "S" },
                { name: "open", type: "S" },
            ],
            globalSecondaryIndexes: [{ name: "open", hashKey: "open", projectionType: "ALL" }],
            ttl: { attributeName: "expires", enabled: true },
            tags,
        });
    });

    it("compares tasks and names every minute, and looks through the zone once a day", () => {
        const schedule = (rate: string, description: string, input: object) => ({
            description,
            scheduleExpression: `rate(${rate})`,
            flexibleTimeWindow: { mode: "OFF" },
            target: {
                arn: "arn:aws:lambda:eu-west-1:111122223333:function:it-sweep",
                roleArn: `arn:aws:iam::111122223333:role/it-${rate === "1 day" ? "audit" : "sweep"}-schedule-role`,
                ...input,
            },
        });
        expect(inputsOf("it-sweep-schedule")).to.deep.equal(
            schedule("1 minute", "Compares running tasks with their names", {}),
        );
        expect(inputsOf("it-audit-schedule")).to.deep.equal(
            schedule("1 day", "Looks through the zone for records of no task", { input: '{"audit":true}' }),
        );
    });

    it("takes all records away when it is destroyed: when nothing can make new ones any more, and all that it needs is there", () => {
        expect(inputsOf("it-drain")).to.deep.equal({
            functionName: "it-sweep",
            input: {},
            lifecycleScope: "CRUD",
        });
        for (const maker of ["it-source", "it-target", "it-sweep-schedule", "it-audit-schedule"]) {
            expect(made().find(maker).dependsOn, maker).to.include("it-drain");
        }
        expect(made().find("it-drain").dependsOn).to.include("it-sweep");
        expect(made().find("it-sweep").dependsOn).to.include.members(["it-registry", "it-sweep-policy"]);
    });

    const environment = {
        HOSTED_ZONE_ID: "Z123",
        DOMAIN: "tasks.example.com",
        NAME_TEMPLATE: "{taskId}",
        RECORD_TTL: "15",
        CLUSTER_ARN: clusterArn,
        TABLE_NAME: "it-registry",
        QUEUE_URL: "https://sqs.eu-west-1.amazonaws.com/111122223333/it-queue",
        DEAD_LETTER_QUEUE_URL: "https://sqs.eu-west-1.amazonaws.com/111122223333/it-dead-letters",
        PUBLISH_AT: "PENDING",
        IPV6: "false",
        TASK_FILTER: '{"families":[],"services":[],"tags":{}}',
    };

    const tableArn = "arn:aws:dynamodb:eu-west-1:111122223333:table/it-registry";
    const settle = [
        {
            Sid: "KeepRegistry",
            Effect: "Allow",
            Action: ["dynamodb:BatchGetItem", "dynamodb:DeleteItem", "dynamodb:PutItem"],
            Resource: tableArn,
        },
        {
            Sid: "ReadTasks",
            Effect: "Allow",
            Action: "ecs:DescribeTasks",
            Resource: "arn:aws:ecs:eu-west-1:111122223333:task/tasks/*",
        },
        { Sid: "ReadAddresses", Effect: "Allow", Action: "ec2:DescribeNetworkInterfaces", Resource: "*" },
    ];
    const zone = (pattern: string) => [
        {
            Sid: "WriteRecords",
            Effect: "Allow",
            Action: "route53:ChangeResourceRecordSets",
            Resource: "arn:aws:route53:::hostedzone/Z123",
            Condition: {
                "ForAllValues:StringLike": { "route53:ChangeResourceRecordSetsNormalizedRecordNames": [pattern] },
                "ForAllValues:StringEquals": {
                    "route53:ChangeResourceRecordSetsRecordTypes": ["A", "AAAA"],
                    "route53:ChangeResourceRecordSetsActions": ["CREATE", "DELETE"],
                },
                Null: { "route53:ChangeResourceRecordSetsNormalizedRecordNames": "false" },
            },
        },
        {
            Sid: "ReadRecords",
            Effect: "Allow",
            Action: "route53:ListResourceRecordSets",
            Resource: "arn:aws:route53:::hostedzone/Z123",
        },
    ];
    const ofTasks = "????????????????????????????????.tasks.example.com";
    const sweep = [
        { Sid: "AskToLook", Effect: "Allow", Action: "sqs:SendMessage", Resource: queueArn },
        {
            Sid: "ListTasks",
            Effect: "Allow",
            Action: "ecs:ListTasks",
            Resource: "*",
            Condition: { ArnEquals: { "ecs:cluster": clusterArn } },
        },
        { Sid: "ListRows", Effect: "Allow", Action: "dynamodb:Query", Resource: `${tableArn}/index/open` },
        ...settle,
    ];
    const sync = [
        {
            Sid: "TakeTaskStateChanges",
            Effect: "Allow",
            Action: [
                "sqs:ChangeMessageVisibility",
                "sqs:DeleteMessage",
                "sqs:GetQueueAttributes",
                "sqs:ReceiveMessage",
            ],
            Resource: queueArn,
        },
        { Sid: "PutAside", Effect: "Allow", Action: "sqs:SendMessage", Resource: deadLettersArn },
        ...settle,
    ];
    const statementsOf = (recording: { find(name: string): { inputs: Record<string, unknown> } }, name: string) =>
        (recording.find(`${name}-policy`).inputs.policy as { Statement: object[] }).Statement;

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
                timeout: 30,
                memorySize: 512,
                environment: { variables: environment },
                loggingConfig: { logFormat: "Text", logGroup: "it-sync-logs" },
                tags,
            });
            const { environment: ofSweep, timeout, memorySize } = inputsOf("it-sweep");
            expect({ timeout, memorySize }).to.deep.equal({ timeout: 600, memorySize: 512 });
            expect(ofSweep).to.deep.equal({
                variables: {
                    ...environment,
                    STOP_TASKS: "false",
                    AUDIT: "report",
                },
            });
            expect(inputsOf("it-sync-logs")).to.deep.equal({ retentionInDays: 30, tags });
            expect(inputsOf("it-sync-role")).to.deep.equal({
                description: "Keeps the DNS records of running ECS tasks true",
                assumeRolePolicy: assumedBy("lambda"),
                tags,
            });
        });

        it("carries no package: Lambda brings the AWS SDK", async () => {
            expect(await pathsIn(inputsOf("it-sync").code)).to.deep.equal(["__index.js"]);
        });

        it("may do this and no more", () => {
            expect(statementsOf(made(), "it-sync")).to.deep.equal([
                ...sync,
                ...zone(ofTasks),
                writesLogs("it-sync-logs"),
            ]);
            expect(statementsOf(made(), "it-sweep")).to.deep.equal([
                ...sweep,
                ...zone(ofTasks),
                writesLogs("it-sweep-logs"),
            ]);
        });

        it("may change names of the template's form alone, or assume the role of the zone's account instead", async () => {
            const named = { ...minimal, nameTemplate: "s-{tag:session}" };
            const other = await recordOne((options) => new TaskDns("it", named, options));
            const pattern = "s-*.tasks.example.com";
            expect(statementsOf(other, "it-sync")).to.deep.equal([
                ...sync,
                ...zone(pattern),
                writesLogs("it-sync-logs"),
            ]);
            const zoneRoleArn = "arn:aws:iam::444455556666:role/tasks-zone";
            const elsewhere = { ...minimal, zoneRoleArn };
            const far = await recordOne((options) => new TaskDns("it", elsewhere, options));
            const reach = { Sid: "ReachZone", Effect: "Allow", Action: "sts:AssumeRole", Resource: zoneRoleArn };
            expect(statementsOf(far, "it-sync")).to.deep.equal([...sync, reach, writesLogs("it-sync-logs")]);
        });

        it("may stop tasks only where a destroy is to stop them", async () => {
            const stopping = { ...minimal, stopTasksOnDestroy: true };
            const other = await recordOne((options) => new TaskDns("it", stopping, options));
            expect(statementsOf(other, "it-sync")).to.deep.equal([
                ...sync,
                ...zone(ofTasks),
                writesLogs("it-sync-logs"),
            ]);
            expect(statementsOf(other, "it-sweep")).to.deep.equal([
                ...sweep,
                ...zone(ofTasks),
                {
                    Sid: "StopTasks",
                    Effect: "Allow",
                    Action: "ecs:StopTask",
                    Resource: "arn:aws:ecs:eu-west-1:111122223333:task/tasks/*",
                },
                writesLogs("it-sweep-logs"),
            ]);
        });

        it("calls nothing else, beside what Lambda does for it", async () => {
            expect(await operationsIn(inputsOf("it-sync").code)).to.deep.equal([
                "AssumeRole",
                "BatchGetItem",
                "ChangeMessageVisibilityBatch",
                "ChangeResourceRecordSets",
                "DeleteItem",
                "DeleteMessageBatch",
                "DescribeNetworkInterfaces",
                "DescribeTasks",
                "ListResourceRecordSets",
                "PutItem",
                "ReceiveMessage",
                "SendMessage",
                "SendMessageBatch",
                "TransactWriteItems",
            ]);
            expect(await operationsIn(inputsOf("it-sweep").code)).to.deep.equal([
                "AssumeRole",
                "BatchGetItem",
                "ChangeResourceRecordSets",
                "DeleteItem",
                "DescribeNetworkInterfaces",
                "DescribeTasks",
                "ListResourceRecordSets",
                "ListTasks",
                "PutItem",
                "Query",
                "SendMessageBatch",
                "StopTask",
                "TransactWriteItems",
            ]);
        });

        it("gets no event before it may act on one", () => {
            expect(made().find("it-sync").dependsOn).to.include("it-sync-policy");
        });
    });

    describe("alarms", () => {
        /** Metric, dimensions, statistic, comparison and threshold of each. */
        const rows: readonly [string, string, Record<string, string>, string, string, number, number][] = [
            [
                "it-dead-letters-present",
                "AWS/SQS NumberOfMessagesSent",
                { QueueName: "it-dead-letters" },
                "Sum",
                ">",
                0,
                300,
            ],
            [
                "it-queue-age",
                "AWS/SQS ApproximateAgeOfOldestMessage",
                { QueueName: "it-queue" },
                "Maximum",
                ">",
                120,
                300,
            ],
            ["it-sync-errors", "AWS/Lambda Errors", { FunctionName: "it-sync" }, "Sum", ">", 0, 300],
            ["it-sweep-errors", "AWS/Lambda Errors", { FunctionName: "it-sweep" }, "Sum", ">", 0, 300],
            ["it-sweep-missing", "taskgate Sweeps", { Registry: "it-registry" }, "Sum", "<", 1, 300],
            ["it-undelivered", "AWS/Events FailedInvocations", { RuleName: "it-rule" }, "Sum", ">", 0, 300],
            ["it-orphan-names", "taskgate OrphanNames", { Registry: "it-registry" }, "Minimum", ">", 0, 300],
            ["it-stuck-names", "taskgate StuckNames", { Registry: "it-registry" }, "Minimum", ">", 0, 300],
            ["it-occupied-names", "taskgate Occupied", { Registry: "it-registry" }, "Sum", ">", 0, 300],
            ["it-orphan-records", "taskgate OrphanRecords", { Registry: "it-registry" }, "Maximum", ">", 0, 3_600],
        ];

        for (const [name, metric, dimensions, statistic, comparison, threshold, period] of rows) {
            it(`${name} goes off when ${statistic} of ${metric} is ${comparison} ${threshold}`, () => {
                const { alarmDescription, ...inputs } = inputsOf(name);
                expect(alarmDescription).to.be.a("string").that.matches(/\.$/);
                const [namespace, metricName] = metric.split(" ");
                expect(inputs).to.deep.equal({
                    namespace,
                    metricName,
                    dimensions,
                    statistic,
                    threshold,
                    period,
                    // The audit tells once a day.
                    ...(period === 300 ? { evaluationPeriods: 1 } : { evaluationPeriods: 24, datapointsToAlarm: 1 }),
                    comparisonOperator: comparison === ">" ? "GreaterThanThreshold" : "LessThanThreshold",
                    // Only a heartbeat is missed when there is no data.
                    treatMissingData: comparison === ">" ? "notBreaching" : "breaching",
                    alarmActions: [topicArn],
                    okActions: [topicArn],
                    tags,
                });
            });
        }
    });

    it("announces names on request: by a function and a queue more, which may do this and no more", async () => {
        const announcing = { ...minimal, announceNames: true };
        const other = await recordOne((options) => new TaskDns("it", announcing, options));
        const more = other.childrenOf("it").filter((child) => !made().childrenOf("it").includes(child));
        expect(more).to.deep.equal([
            "it-accepted aws:sqs/queue:Queue",
            "it-accepted-source aws:lambda/eventSourceMapping:EventSourceMapping",
            "it-announce aws:lambda/function:Function",
            "it-announce-logs aws:cloudwatch/logGroup:LogGroup",
            "it-announce-policy aws:iam/rolePolicy:RolePolicy",
            "it-announce-role aws:iam/role:Role",
        ]);
        const acceptedArn = "arn:aws:sqs:eu-west-1:111122223333:it-accepted";
        const acceptedUrl = "https://sqs.eu-west-1.amazonaws.com/111122223333/it-accepted";
        const leave = { Sid: "LeaveWord", Effect: "Allow", Action: "sqs:SendMessage", Resource: acceptedArn };
        expect(statementsOf(other, "it-sync")).to.deep.equal([
            ...sync.slice(0, 2),
            leave,
            ...sync.slice(2),
            ...zone(ofTasks),
            writesLogs("it-sync-logs"),
        ]);
        const announce = [
            {
                Sid: "TakeWord",
                Effect: "Allow",
                Action: [
                    "sqs:ChangeMessageVisibility",
                    "sqs:DeleteMessage",
                    "sqs:GetQueueAttributes",
                    "sqs:ReceiveMessage",
                ],
                Resource: acceptedArn,
            },
            { Sid: "ReadRegistry", Effect: "Allow", Action: "dynamodb:BatchGetItem", Resource: tableArn },
            {
                Sid: "ReadChanges",
                Effect: "Allow",
                Action: "route53:GetChange",
                Resource: "arn:aws:route53:::change/*",
            },
            {
                Sid: "Announce",
                Effect: "Allow",
                Action: "events:PutEvents",
                Resource: "arn:aws:events:eu-west-1:111122223333:event-bus/default",
                Condition: {
                    "ForAllValues:StringEquals": {
                        "events:source": ["taskgate"],
                        "events:detail-type": ["Task Name Live"],
                    },
                },
            },
            writesLogs("it-announce-logs"),
        ];
        expect(statementsOf(other, "it-announce")).to.deep.equal(announce);
        const zoneRoleArn = "arn:aws:iam::444455556666:role/tasks-zone";
        const far = await recordOne((options) => new TaskDns("it", { ...announcing, zoneRoleArn }, options));
        const reach = { Sid: "ReachZone", Effect: "Allow", Action: "sts:AssumeRole", Resource: zoneRoleArn };
        expect(statementsOf(far, "it-announce")).to.deep.equal([...announce.slice(0, 2), reach, ...announce.slice(3)]);
        expect(await operationsIn(other.find("it-announce").inputs.code)).to.include.members([
            "BatchGetItem",
            "ChangeMessageVisibilityBatch",
            "GetChange",
            "PutEvents",
        ]);
        for (const name of ["it-sync", "it-announce"]) {
            expect(other.find(name).inputs).to.have.nested.property(
                "environment.variables.ACCEPTED_QUEUE_URL",
                acceptedUrl,
            );
        }
        expect(other.find("it-accepted").inputs).to.deep.equal({
            delaySeconds: 30,
            visibilityTimeoutSeconds: 45,
            messageRetentionSeconds: 3600,
            sqsManagedSseEnabled: true,
        });
        expect(other.find("it-accepted-source").inputs).to.deep.equal({
            eventSourceArn: acceptedArn,
            functionName: "arn:aws:lambda:eu-west-1:111122223333:function:it-announce",
            batchSize: 10,
            functionResponseTypes: ["ReportBatchItemFailures"],
            scalingConfig: { maximumConcurrency: 2 },
        });
    });

    it("has a dashboard on request", async () => {
        const watched = { ...minimal, dashboard: true };
        const other = await recordOne((options) => new TaskDns("it", watched, options));
        const { dashboardName, dashboardBody } = other.find("it-dashboard").inputs as {
            dashboardName: string;
            dashboardBody: { widgets: { properties: { title: string; region: string; metrics: string[][] } }[] };
        };
        expect(dashboardName).to.equal("it-registry");
        const { widgets } = dashboardBody;
        expect(widgets.map(({ properties }) => properties.title)).to.deep.equal([
            "Names and tasks",
            "Event to accepted by Route 53, and to in sync (ms)",
            "Made and removed",
            "In the way",
            "To be mended",
            "Functions and queue",
        ]);
        expect(widgets[0].properties.region).to.equal("eu-west-1");
        expect(widgets[0].properties.metrics[0]).to.deep.equal([
            "taskgate",
            "LiveNames",
            "Registry",
            "it-registry",
            { stat: "Maximum" },
        ]);
    });

    it("names from RUNNING on, of some families and services, if it is told so", async () => {
        const some: TaskDnsArgs = {
            ...minimal,
            publishAt: "RUNNING",
            ipv6: true,
            families: ["browser"],
            services: ["web"],
            taskTags: { session: "yes" },
            orphanRecords: "delete",
        };
        const other = await recordOne((options) => new TaskDns("it", some, options));
        expect(other.find("it-rule").inputs)
            .to.have.nested.property("eventPattern.detail")
            .that.deep.includes({
                group: ["service:web"],
                taskDefinitionArn: [{ wildcard: "*:task-definition/browser:*" }],
            });
        expect(other.find("it-rule").inputs)
            .to.have.nested.property("eventPattern.detail.$or[0].lastStatus")
            .that.deep.equals(["RUNNING"]);
        expect(other.find("it-sweep").inputs).to.have.nested.property("environment.variables").that.deep.includes({
            PUBLISH_AT: "RUNNING",
            IPV6: "true",
            TASK_FILTER: '{"families":["browser"],"services":["web"],"tags":{"session":"yes"}}',
            AUDIT: "delete",
        });
    });

    it("takes a TTL and a retention, and does without a topic", async () => {
        const args = { ...minimal, recordTtl: 60, logRetentionDays: 7 };
        const other = await recordOne((options) => new TaskDns("it", args, options));
        expect(other.find("it-sync").inputs).to.have.nested.property("environment.variables.RECORD_TTL", "60");
        expect(other.find("it-sync-logs").inputs).to.deep.equal({ retentionInDays: 7 });
        const alarms = other.resources.filter(({ type }) => type === "aws:cloudwatch/metricAlarm:MetricAlarm");
        expect(alarms).to.have.length(10);
        expect(alarms.filter(({ inputs }) => "alarmActions" in inputs || "okActions" in inputs)).to.deep.equal([]);
    });

    it("has the zone forget missing names sooner, and one authority alone issue certificates, on request", async () => {
        const args = { ...minimal, negativeTtl: 30, caaIssuer: "letsencrypt.org; validationmethods=dns-01" };
        const other = await recordOne((options) => new TaskDns("it", args, options));
        const records = other.resources.filter(({ type }) => type === "aws:route53/record:Record");
        expect(Object.fromEntries(records.map(({ name, inputs }) => [name, inputs]))).to.deep.equal({
            "it-soa": {
                zoneId: "Z123",
                name: "example.com",
                type: "SOA",
                ttl: 30,
                records: ["ns-1.awsdns-01.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 30"],
                allowOverwrite: true,
            },
            "it-caa": {
                zoneId: "Z123",
                name: "tasks.example.com",
                type: "CAA",
                ttl: 300,
                records: ['0 issue ";"', '0 issuewild "letsencrypt.org; validationmethods=dns-01"'],
            },
        });
    });

    it("leaves the records of another account's zone to that account", async () => {
        const zoneRoleArn = "arn:aws:iam::444455556666:role/tasks-zone";
        const args = { ...minimal, zoneRoleArn, negativeTtl: 30, caaIssuer: "letsencrypt.org" };
        const words = "is a record of another account's zone, given zoneRoleArn: make it there";
        expect(await refusalOf((options) => new TaskDns("it", args, options))).to.deep.equal({
            negativeTtl: words,
            caaIssuer: words,
        });
    });

    it("refuses all that is wrong at once, and judges nothing that is not known yet", async () => {
        const args = {
            ...minimal,
            domain: "*.example.com",
            recordTtl: 0,
            publishAt: "STOPPED" as "PENDING",
            nameTemplate: "www",
            orphanRecords: "keep" as "report",
            logRetentionDays: 31,
        };
        expect(Object.keys(await refusalOf((options) => new TaskDns("it", args, options)))).to.deep.equal([
            "domain",
            "recordTtl",
            "publishAt",
            "nameTemplate",
            "orphanRecords",
            "logRetentionDays",
        ]);
        const later = { ...minimal, domain: pulumi.output("*.example.com"), recordTtl: Promise.resolve(0) };
        await recordOne((options) => new TaskDns("it", later, options));
    });
});
