import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { RETIREMENT } from "../../../handlers/patchingNames";

/** The function hears of AWS Health's notices that tasks are going to be retired. Makes `${name}-rule`, its target and the permission. */
export function whenTasksRetire(
    name: string,
    invoked: aws.lambda.Function,
    tags: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined,
    parent: pulumi.Resource,
): void {
    const { source, detailType, service, eventTypeCode } = RETIREMENT;
    const rule = new aws.cloudwatch.EventRule(
        `${name}-rule`,
        {
            description: "Notices that Fargate is going to retire tasks",
            eventPattern: JSON.stringify({
                source: [source],
                "detail-type": [detailType],
                detail: { service: [service], eventTypeCode: [eventTypeCode] },
            }),
            tags,
        },
        { parent },
    );
    const permission = new aws.lambda.Permission(
        `${name}-rule-invokes`,
        {
            function: invoked.name,
            action: "lambda:InvokeFunction",
            principal: "events.amazonaws.com",
            sourceArn: rule.arn,
        },
        { parent },
    );
    new aws.cloudwatch.EventTarget(
        `${name}-target`,
        { rule: rule.name, arn: invoked.arn },
        { parent, dependsOn: [permission] },
    );
}
