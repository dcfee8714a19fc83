import type { Tag, Target } from "@aws-sdk/client-eventbridge";
import type { EventRuleArgs, EventRuleState } from "@pulumi/aws/cloudwatch/eventRule";
import type { EventTargetArgs, EventTargetState } from "@pulumi/aws/cloudwatch/eventTarget";
import {
    adapter,
    type Adapters,
    changeTags,
    fields,
    Gone,
    type Inputs,
    service,
    tagList,
    tagsAll,
    tagsOrNone,
    unlessSame,
} from "../resources/adapter";
import type { Aws } from "../resources/sdk";
import { camelKeys, pascalKeys } from "../resources/values";

const gone = ["ResourceNotFoundException"];

export const events: Adapters = service("EventBridge", {
    "cloudwatch/eventRule:EventRule": adapter<EventRuleArgs, EventRuleState>({
        taggable: true,
        autoName: { property: "name", maxLength: 64 },
        defaults: { eventBusName: "default", forceDestroy: false },
        replaceOn: ["name", "eventBusName"],
        emptyByDefault: ["description", "eventPattern", "roleArn", "scheduleExpression"],
        gone,
        async create(aws, inputs) {
            const { RuleArn } = await putRule(aws, inputs, tagsOrNone(inputs.tagsAll));
            return { id: ruleId(inputs.eventBusName, inputs.name!), arn: RuleArn };
        },
        async update(aws, change) {
            const { RuleArn } = await putRule(aws, change.inputs);
            await changeTags(
                change,
                (tags) => aws.eventbridge.tagResource({ ResourceARN: RuleArn, Tags: tagList(tags) }),
                (TagKeys) => aws.eventbridge.untagResource({ ResourceARN: RuleArn, TagKeys }),
            );
        },
        delete: (aws, { inputs }) =>
            aws.eventbridge.deleteRule({ Name: inputs.name, EventBusName: inputs.eventBusName }),
        async read(aws, { inputs }) {
            const rule = await aws.eventbridge.describeRule({ Name: inputs.name, EventBusName: inputs.eventBusName });
            const { Tags } = await aws.eventbridge.listTagsForResource({ ResourceARN: rule.Arn });
            return {
                ...fields(rule, "description", "eventPattern", "roleArn", "scheduleExpression", "state"),
                isEnabled: rule.State !== "DISABLED",
                ...tagsAll(Tags),
            };
        },
    }),
    "cloudwatch/eventTarget:EventTarget": adapter<EventTargetArgs, EventTargetState>({
        autoName: { property: "targetId", maxLength: 255 },
        defaults: { eventBusName: "default", forceDestroy: false },
        replaceOn: ["targetId", "rule", "eventBusName"],
        emptyByDefault: ["deadLetterConfig", "input", "inputPath", "inputTransformer", "retryPolicy", "roleArn"],
        gone,
        async create(aws, inputs) {
            await putTarget(aws, inputs);
            return { id: ruleId(inputs.eventBusName, `${inputs.rule}-${inputs.targetId}`) };
        },
        update: (aws, { inputs }) => putTarget(aws, inputs),
        delete: (aws, { inputs }) =>
            aws.eventbridge.removeTargets({
                Rule: inputs.rule,
                EventBusName: inputs.eventBusName,
                Ids: [inputs.targetId!],
            }),
        async read(aws, { inputs }) {
            const { Targets = [] } = await aws.eventbridge.listTargetsByRule({
                Rule: inputs.rule,
                EventBusName: inputs.eventBusName,
            });
            const found = Targets.find(({ Id }) => Id === inputs.targetId);
            if (found === undefined) {
                throw new Gone(`The rule ${inputs.rule} has no target ${inputs.targetId}.`);
            }
            const sent = targetOf(inputs);
            return {
                ...fields(found, "arn", "roleArn", "input", "inputPath", "retryPolicy", "deadLetterConfig"),
                inputTransformer: found.InputTransformer && {
                    inputPaths: found.InputTransformer.InputPathsMap,
                    inputTemplate: found.InputTransformer.InputTemplate,
                },
                sqsTarget: found.SqsParameters && camelKeys(found.SqsParameters),
                ...unlessSame("ecsTarget", found.EcsParameters, sent.EcsParameters),
            };
        },
    }),
});

function ruleId(bus: string | undefined, name: string): string {
    return bus === undefined || bus === "default" ? name : `${bus}/${name}`;
}

/** A rule that is there takes no tags this way. */
function putRule(aws: Aws, inputs: Inputs<EventRuleArgs>, Tags?: Tag[]) {
    const state = inputs.state ?? (inputs.isEnabled === false ? "DISABLED" : "ENABLED");
    return aws.eventbridge.putRule({
        Name: inputs.name,
        EventBusName: inputs.eventBusName,
        Description: inputs.description,
        EventPattern: inputs.eventPattern,
        ScheduleExpression: inputs.scheduleExpression,
        RoleArn: inputs.roleArn,
        State: state as "ENABLED",
        Tags,
    });
}

function targetOf(inputs: Inputs<EventTargetArgs>): Target {
    const { ecsTarget, inputTransformer, sqsTarget } = inputs;
    return {
        Id: inputs.targetId,
        Arn: inputs.arn,
        RoleArn: inputs.roleArn,
        Input: inputs.input,
        InputPath: inputs.inputPath,
        InputTransformer: inputTransformer && {
            InputPathsMap: inputTransformer.inputPaths,
            InputTemplate: inputTransformer.inputTemplate,
        },
        RetryPolicy: pascalKeys(inputs.retryPolicy) as Target["RetryPolicy"],
        DeadLetterConfig: pascalKeys(inputs.deadLetterConfig) as Target["DeadLetterConfig"],
        SqsParameters: sqsTarget && { MessageGroupId: sqsTarget.messageGroupId },
        EcsParameters: ecsTarget && {
            TaskDefinitionArn: ecsTarget.taskDefinitionArn,
            TaskCount: ecsTarget.taskCount ?? 1,
            LaunchType: ecsTarget.launchType as "FARGATE" | undefined,
            PlatformVersion: ecsTarget.platformVersion,
            NetworkConfiguration: ecsTarget.networkConfiguration && {
                awsvpcConfiguration: {
                    Subnets: ecsTarget.networkConfiguration.subnets,
                    SecurityGroups: ecsTarget.networkConfiguration.securityGroups,
                    AssignPublicIp: ecsTarget.networkConfiguration.assignPublicIp ? "ENABLED" : "DISABLED",
                },
            },
        },
    };
}

async function putTarget(aws: Aws, inputs: Inputs<EventTargetArgs>): Promise<void> {
    const { FailedEntries = [] } = await aws.eventbridge.putTargets({
        Rule: inputs.rule,
        EventBusName: inputs.eventBusName,
        Targets: [targetOf(inputs)],
    });
    if (FailedEntries.length > 0) {
        throw new Error(`${FailedEntries[0].ErrorCode}: ${FailedEntries[0].ErrorMessage}`);
    }
}
