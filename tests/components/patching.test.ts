import { expect } from "chai";

import { Patching, type PatchingArgs } from "../../components";
import { listedReasons, wildcardsOf } from "../../policy/wildcards";
import { keepsHouseRules, recordOne, refusalOf, tags } from "../support/houseRules";
import { operationsIn } from "../support/mocks";
import { documentOf, tlsOnly, writesLogs } from "../support/policies";

const clusterArn = "arn:aws:ecs:eu-west-1:111122223333:cluster/apps";
const maintenanceWindow = { schedule: "cron(0 2 ? * SUN *)", duration: 4 };
const minimal: PatchingArgs = { clusterArn, maintenanceWindow };
const bucketArn = "arn:aws:s3:::it-report";

function tell(Sid: string, detailType: string): object {
    return {
        Sid,
        Effect: "Allow",
        Action: "events:PutEvents",
        Resource: "arn:aws:events:eu-west-1:111122223333:event-bus/default",
        Condition: {
            "ForAllValues:StringEquals": { "events:source": ["taskgate"], "events:detail-type": [detailType] },
        },
    };
}

function statements(services: string | string[], ...more: object[]): object[] {
    return [
        {
            Sid: "ListTasks",
            Effect: "Allow",
            Action: ["ecs:ListServices", "ecs:ListTasks"],
            Resource: "*",
            Condition: { ArnEquals: { "ecs:cluster": clusterArn } },
        },
        {
            Sid: "ReadTasks",
            Effect: "Allow",
            Action: "ecs:DescribeTasks",
            Resource: "arn:aws:ecs:eu-west-1:111122223333:task/apps/*",
        },
        {
            Sid: "RedeployServices",
            Effect: "Allow",
            Action: ["ecs:DescribeServices", "ecs:UpdateService"],
            Resource: services,
        },
        ...more,
        {
            Sid: "ReadImages",
            Effect: "Allow",
            Action: ["ecr:DescribeImageScanFindings", "ecr:DescribeImages"],
            Resource: "arn:aws:ecr:eu-west-1:111122223333:repository/*",
        },
        { Sid: "KeepState", Effect: "Allow", Action: ["s3:GetObject", "s3:PutObject"], Resource: `${bucketArn}/*` },
        { Sid: "SeeState", Effect: "Allow", Action: "s3:ListBucket", Resource: bucketArn },
        tell("TellOfTasks", "Task Replacement Due"),
        tell("TellOfImages", "Image Rebuild Due"),
        writesLogs("it-patch-logs"),
    ];
}

const service = (name: string): string => `arn:aws:ecs:eu-west-1:111122223333:service/apps/${name}`;

describe("Patching", () => {
    const made = keepsHouseRules((options) => new Patching("it", { ...minimal, tags }, options));
    const inputsOf = (name: string): Record<string, unknown> => made().find(name).inputs;

    it("makes these and nothing else", () => {
        expect(made().childrenOf("it")).to.deep.equal([
            "it-failed-redeployments aws:cloudwatch/metricAlarm:MetricAlarm",
            "it-overdue-tasks aws:cloudwatch/metricAlarm:MetricAlarm",
            "it-patch aws:lambda/function:Function",
            "it-patch-errors aws:cloudwatch/metricAlarm:MetricAlarm",
            "it-patch-logs aws:cloudwatch/logGroup:LogGroup",
            "it-patch-policy aws:iam/rolePolicy:RolePolicy",
            "it-patch-role aws:iam/role:Role",
            "it-patch-schedule aws:scheduler/schedule:Schedule",
            "it-patch-schedule-policy aws:iam/rolePolicy:RolePolicy",
            "it-patch-schedule-role aws:iam/role:Role",
            "it-report aws:s3/bucket:Bucket",
            "it-report-encryption aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
            "it-report-lifecycle aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
            "it-report-policy aws:s3/bucketPolicy:BucketPolicy",
            "it-report-public-access aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
            "it-rule aws:cloudwatch/eventRule:EventRule",
            "it-rule-invokes aws:lambda/permission:Permission",
            "it-target aws:cloudwatch/eventTarget:EventTarget",
        ]);
    });

    it("may redeploy the cluster's services and stop nothing", () => {
        expect(inputsOf("it-patch-policy").policy).to.deep.equal(documentOf(...statements(service("*"))));
    });

    it("may redeploy the services that are named alone, and stop tasks when that is asked for", async () => {
        const others = await recordOne(
            (options) => new Patching("it", { ...minimal, services: ["web", "api"], stopTasks: true }, options),
        );
        const stop = {
            Sid: "StopTasks",
            Effect: "Allow",
            Action: "ecs:StopTask",
            Resource: "arn:aws:ecs:eu-west-1:111122223333:task/apps/*",
        };
        expect(others.find("it-patch-policy").inputs.policy).to.deep.equal(
            documentOf(...statements([service("web"), service("api")], stop)),
        );
    });

    it("has no wildcard but those with a listed reason", () => {
        const document = JSON.stringify(inputsOf("it-patch-policy").policy);
        expect(wildcardsOf({ ofResource: false, document }, listedReasons)).to.deep.equal([]);
    });

    it("calls in AWS what its policy allows", async () => {
        expect(await operationsIn(inputsOf("it-patch").code)).to.deep.equal([
            "DescribeImageScanFindings",
            "DescribeImages",
            "DescribeServices",
            "DescribeTasks",
            "GetObject",
            "ListObjectsV2",
            "ListServices",
            "ListTasks",
            "PutEvents",
            "PutObject",
            "StopTask", // with stopTasks
            "UpdateService",
        ]);
    });

    it("hears of Fargate's retirements, and lets that rule and its schedule alone invoke the function", () => {
        expect(inputsOf("it-rule").eventPattern).to.deep.equal({
            source: ["aws.health"],
            "detail-type": ["AWS Health Event"],
            detail: { service: ["ECS"], eventTypeCode: ["AWS_ECS_TASK_PATCHING_RETIREMENT"] },
        });
        const { action, principal, sourceArn } = inputsOf("it-rule-invokes");
        expect([action, principal, sourceArn]).to.deep.equal([
            "lambda:InvokeFunction",
            "events.amazonaws.com",
            "arn:aws:events:eu-west-1:111122223333:rule/it-rule",
        ]);
        expect(inputsOf("it-patch-schedule").scheduleExpression).to.equal("rate(5 minutes)");
    });

    it("tells the function its defaults and what is given", async () => {
        const variables = (recording = made()) =>
            (recording.find("it-patch").inputs.environment as { variables: Record<string, string> }).variables;
        const { MAINTENANCE_WINDOW, BASELINE, ...rest } = variables();
        expect(asObject(MAINTENANCE_WINDOW)).to.deep.equal({
            ...{ schedule: "cron(0 2 ? * SUN *)", scheduleTimezone: "UTC", duration: 4 },
            ...{ cutoff: 1, maxConcurrency: 1, maxErrors: 0 },
        });
        expect(asObject(BASELINE)).to.deep.equal({
            ...{ maxTaskAge: 30, newerImages: true, findingSeverity: "HIGH", minimumPlatformVersion: "1.4.0" },
        });
        expect(asText(rest)).to.deep.equal({
            ...{ CLUSTER_ARN: clusterArn, BUCKET_NAME: "it-report", SERVICES: "[]" },
            ...{ STOP_TASKS: "false", NOTICE_HOURS: "24", STOP_AT_TAG: "taskgate:stop-at" },
        });
        const window = { schedule: "cron(30 3 * * ? *)", scheduleTimezone: "Europe/Dublin", duration: 1 };
        const other = await recordOne(
            (options) =>
                new Patching(
                    "it",
                    {
                        clusterArn,
                        maintenanceWindow: { ...window, maxConcurrency: 3, maxErrors: 2 },
                        ...{ baseline: { maxTaskAge: 5, newerImages: false }, noticePeriod: 2, stopAtTag: "end" },
                    },
                    options,
                ),
        );
        expect(asObject(variables(other).MAINTENANCE_WINDOW)).to.deep.equal({
            ...window,
            ...{ cutoff: 0, maxConcurrency: 3, maxErrors: 2 },
        });
        expect(asObject(variables(other).BASELINE)).to.include({ maxTaskAge: 5, newerImages: false });
        expect(asText(variables(other))).to.include({ NOTICE_HOURS: "2", STOP_AT_TAG: "end" });
    });

    it("keeps its bucket to itself, by TLS alone, and forgets old notices", () => {
        expect(inputsOf("it-report-public-access")).to.deep.equal({
            bucket: "it-report",
            ...{ blockPublicAcls: true, blockPublicPolicy: true },
            ...{ ignorePublicAcls: true, restrictPublicBuckets: true },
        });
        expect(inputsOf("it-report-policy").policy).to.deep.equal(documentOf(tlsOnly(bucketArn)));
        expect(inputsOf("it-report-lifecycle").rules).to.deep.equal([
            { id: "old-notices", status: "Enabled", filter: { prefix: "retirements/" }, expiration: { days: 90 } },
        ]);
    });

    it("alarms when it fails, when a redeployment does, and when tasks are overdue", () => {
        const alarms = ["it-patch-errors", "it-failed-redeployments", "it-overdue-tasks"].map((name) => {
            const { namespace, metricName, threshold, dimensions } = inputsOf(name);
            return [namespace, metricName, threshold, dimensions];
        });
        const dimensions = { FunctionName: "it-patch" };
        expect(alarms).to.deep.equal([
            ["AWS/Lambda", "Errors", 0, dimensions],
            ["taskgate", "FailedRedeployments", 0, dimensions],
            ["taskgate", "OverdueTasks", 0, dimensions],
        ]);
    });

    it("names all that is wrong with its arguments at once", async () => {
        const refusal = await refusalOf(
            (options) =>
                new Patching(
                    "it",
                    {
                        clusterArn: "apps",
                        maintenanceWindow: {
                            schedule: "rate(1 day)",
                            scheduleTimezone: "Dublin",
                            duration: 25,
                            cutoff: -1,
                            maxConcurrency: 0,
                            maxErrors: 0.5,
                        },
                        services: ["web", "web"],
                        baseline: {
                            maxTaskAge: 0,
                            maxImageAge: 0,
                            findingSeverity: "BAD" as "HIGH",
                            minimumPlatformVersion: "LATEST",
                        },
                        noticePeriod: 0,
                        stopAtTag: "aws:end",
                    },
                    options,
                ),
        );
        expect(refusal).to.deep.equal({
            clusterArn: '"apps" is not the ARN of an ECS cluster, e.g. arn:aws:ecs:eu-west-1:111122223333:cluster/apps',
            "maintenanceWindow.schedule":
                '"rate(1 day)" is not a schedule of windows: give cron(minute hour day month weekday year), e.g. cron(0 2 ? * SUN *)',
            "maintenanceWindow.scheduleTimezone": '"Dublin" is not a time zone, e.g. Europe/Dublin',
            "maintenanceWindow.duration": "25 is not allowed: give a whole number from 1 to 24 hours",
            "maintenanceWindow.cutoff": "-1 is not allowed: give a whole number from 0 to 23 hours",
            "maintenanceWindow.maxConcurrency": "0 is not allowed: give a whole number from 1 to 50 services",
            "maintenanceWindow.maxErrors": "0.5 is not allowed: give a whole number from 0 to 50 failures",
            "services[1]": '"web" is named twice: give it once',
            "baseline.maxTaskAge": "0 is not allowed: give a whole number from 1 to 365 days",
            "baseline.maxImageAge": "0 is not allowed: give a whole number from 1 to 3650 days",
            "baseline.findingSeverity": '"BAD" is not one of CRITICAL, HIGH, MEDIUM, LOW',
            "baseline.minimumPlatformVersion":
                '"LATEST" is not the version of a platform, e.g. 1.4.0: LATEST says nothing of what runs',
            noticePeriod: "0 is not allowed: give a whole number from 1 to 336 hours",
            stopAtTag: "begins with aws:, which AWS keeps for itself: give the tag another name",
        });
    });

    it("refuses windows that overlap, that never come, or that come too seldom for the age of tasks", async () => {
        const reasonOf = async (window: object, baseline = {}): Promise<string> => {
            const args = { clusterArn, maintenanceWindow: { ...maintenanceWindow, ...window }, baseline };
            return (await refusalOf((options) => new Patching("it", args, options))).maintenanceWindow;
        };
        expect(await reasonOf({ cutoff: 4 })).to.equal(
            "begins nothing in the last 4 of its 4 hours: give a cutoff below the duration",
        );
        expect(await reasonOf({ schedule: "cron(0 0/2 * * ? *)" })).to.equal(
            "is open for 4 hours, and opens again after 2: give a shorter duration or a rarer schedule",
        );
        expect(await reasonOf({ schedule: "cron(0 2 * * ? 2020)" })).to.equal(
            '"cron(0 2 * * ? 2020)" opens no window within a year: give one that does',
        );
        expect(await reasonOf({}, { maxTaskAge: 14 })).to.equal(
            "opens every 7 days: should one run fail, tasks would be older than the 14 days of baseline.maxTaskAge; give a schedule that opens more often, or 15 days",
        );
        expect(await reasonOf({ schedule: "cron(0 2 1 * ? *)" })).to.match(
            /^opens every 31 days: .* the 30 days of baseline\.maxTaskAge; give a schedule that opens more often, or 63 days$/,
        );
    });

    it("refuses schedules that AWS would", async () => {
        const reasons = ["cron(0 2 * * * *)", "cron(61 2 ? * SUN *)"].map(async (schedule) => {
            const args = { clusterArn, maintenanceWindow: { ...maintenanceWindow, schedule } };
            return (await refusalOf((options) => new Patching("it", args, options)))["maintenanceWindow.schedule"];
        });
        expect(await Promise.all(reasons)).to.deep.equal([
            '"cron(0 2 * * * *)" has to have ? for the day or for the weekday, and for one alone',
            '"cron(61 2 ? * SUN *)" is not a schedule of windows: give cron(minute hour day month weekday year), e.g. cron(0 2 ? * SUN *): Invalid value for minute: 61',
        ]);
    });
});

/** Variables as the recording shows them: what is JSON is read. */
function asObject(value: unknown): unknown {
    return typeof value === "string" ? JSON.parse(value) : value;
}

function asText(variables: Record<string, unknown>): Record<string, unknown> {
    return Object.fromEntries(
        Object.entries(variables).map(([key, value]) => [
            key,
            typeof value === "string" ? value : JSON.stringify(value),
        ]),
    );
}
