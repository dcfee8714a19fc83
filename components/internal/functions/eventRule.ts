import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

export interface EventRule {
    readonly description: string;
    /** As JSON text. */
    readonly eventPattern: pulumi.Input<string>;
    readonly tags: pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;
}

/** EventBridge invokes the function by each event that fits. Makes `${name}-rule`, the function's permission and `${name}-target`. */
export function invokedByEvents(
    name: string,
    args: EventRule,
    invoked: aws.lambda.Function,
    parent: pulumi.Resource,
): void {
    const rule = new aws.cloudwatch.EventRule(`${name}-rule`, { ...args }, { parent });
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
