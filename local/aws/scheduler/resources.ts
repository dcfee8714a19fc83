import type { CreateScheduleCommandInput } from "@aws-sdk/client-scheduler";
import type { ScheduleArgs, ScheduleState } from "@pulumi/aws/scheduler/schedule";
import { adapter, type Adapters, fields, type Inputs, service, unlessSame } from "../resources/adapter";
import { patiently } from "../resources/patience";
import { pascalKeys, within } from "../resources/values";

export const scheduler: Adapters = service("EventBridge Scheduler", {
    "scheduler/schedule:Schedule": adapter<ScheduleArgs, ScheduleState>({
        autoName: { property: "name", maxLength: 64 },
        defaults: { groupName: "default", scheduleExpressionTimezone: "UTC", state: "ENABLED" },
        replaceOn: ["name", "groupName"],
        emptyByDefault: ["description", "kmsKeyArn"],
        gone: ["ResourceNotFoundException"],
        async create(aws, inputs) {
            // A role that is not known everywhere yet.
            const { ScheduleArn } = await patiently(2, /must allow AWS EventBridge Scheduler to assume the role/, () =>
                aws.scheduler.createSchedule(schedule(inputs)),
            );
            return { id: `${inputs.groupName}/${inputs.name}`, arn: ScheduleArn };
        },
        async update(aws, { inputs }) {
            await aws.scheduler.updateSchedule(schedule(inputs));
        },
        delete: (aws, { inputs }) => aws.scheduler.deleteSchedule({ Name: inputs.name, GroupName: inputs.groupName }),
        async read(aws, { inputs }) {
            const found = await aws.scheduler.getSchedule({ Name: inputs.name, GroupName: inputs.groupName });
            const sent = schedule(inputs).Target;
            return {
                ...fields(found, "actionAfterCompletion", "description", "flexibleTimeWindow", "kmsKeyArn", "state"),
                ...fields(found, "scheduleExpression", "scheduleExpressionTimezone"),
                ...unlessSame("target", within(found.Target, sent), sent),
            };
        },
    }),
});

function schedule(inputs: Inputs<ScheduleArgs>): CreateScheduleCommandInput {
    const { startDate, endDate } = inputs;
    const { ecsParameters, ...target } = inputs.target;
    const network = ecsParameters?.networkConfiguration;
    return {
        Name: inputs.name,
        GroupName: inputs.groupName,
        Description: inputs.description,
        ScheduleExpression: inputs.scheduleExpression,
        ScheduleExpressionTimezone: inputs.scheduleExpressionTimezone,
        FlexibleTimeWindow: pascalKeys(inputs.flexibleTimeWindow) as CreateScheduleCommandInput["FlexibleTimeWindow"],
        State: inputs.state as "ENABLED",
        KmsKeyArn: inputs.kmsKeyArn,
        ActionAfterCompletion: inputs.actionAfterCompletion as "NONE" | undefined,
        StartDate: startDate === undefined ? undefined : new Date(startDate),
        EndDate: endDate === undefined ? undefined : new Date(endDate),
        Target: {
            ...(pascalKeys(target) as NonNullable<CreateScheduleCommandInput["Target"]>),
            EcsParameters: ecsParameters && {
                TaskDefinitionArn: ecsParameters.taskDefinitionArn,
                TaskCount: ecsParameters.taskCount,
                LaunchType: ecsParameters.launchType as "FARGATE" | undefined,
                NetworkConfiguration: network && {
                    awsvpcConfiguration: {
                        Subnets: network.subnets,
                        SecurityGroups: network.securityGroups,
                        AssignPublicIp: network.assignPublicIp ? "ENABLED" : "DISABLED",
                    },
                },
            },
        },
    };
}
