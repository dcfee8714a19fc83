// What AWS takes as a name, by the type of the resource: the longest, and of which characters. From each service's documentation and models.

export interface NameRule {
    readonly property: string;
    readonly most: number;
    readonly pattern: RegExp;
}

const name = (most: number, pattern: RegExp, property = "name"): NameRule => ({ property, most, pattern });
const identifier = /^[\w+=,.@-]+$/;
const words = /^[\w-]+$/;
const dotted = /^[\w.-]+$/;

/** Of the types that have names. */
export const nameRules: Readonly<Record<string, NameRule>> = {
    "aws:apigatewayv2/api:Api": name(128, /^.+$/),
    "aws:apigatewayv2/authorizer:Authorizer": name(128, /^.+$/),
    "aws:apigatewayv2/stage:Stage": name(128, /^(\$default|[\w-]+)$/),
    "aws:appautoscaling/policy:Policy": name(256, /^[^\0]+$/),
    "aws:appautoscaling/scheduledAction:ScheduledAction": name(256, /^[^|:/]+$/),
    "aws:cloudwatch/dashboard:Dashboard": name(255, words, "dashboardName"),
    "aws:cloudwatch/eventRule:EventRule": name(64, dotted),
    "aws:cloudwatch/eventTarget:EventTarget": name(64, dotted, "targetId"),
    "aws:cloudwatch/logGroup:LogGroup": name(512, /^[\w.#/-]+$/),
    "aws:cloudwatch/metricAlarm:MetricAlarm": name(255, /^[\x20-\x7e]+$/),
    "aws:dynamodb/table:Table": name(255, /^[\w.-]{3,}$/),
    "aws:ec2/securityGroup:SecurityGroup": name(255, /^(?!sg-)[\w .:/()#,@[\]+=&;{}!$*-]+$/),
    "aws:ecr/repository:Repository": name(256, /^[a-z0-9]+([._-][a-z0-9]+|__[a-z0-9]+|-+[a-z0-9]+)*$/),
    "aws:ecs/cluster:Cluster": name(255, words),
    "aws:ecs/service:Service": name(255, words),
    "aws:ecs/taskDefinition:TaskDefinition": name(255, words, "family"),
    "aws:iam/role:Role": name(64, identifier),
    "aws:iam/rolePolicy:RolePolicy": name(128, identifier),
    "aws:lambda/function:Function": name(64, words),
    "aws:lambda/permission:Permission": name(100, words, "statementId"),
    "aws:lb/loadBalancer:LoadBalancer": name(32, /^(?!internal-)[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/),
    "aws:lb/targetGroup:TargetGroup": name(32, /^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/),
    "aws:route53/record:Record": name(255, /^(\*\.)?[a-z0-9_.-]+$/),
    "aws:s3/bucket:Bucket": name(63, /^(?!xn--|sthree-|amzn-s3-demo-)[a-z0-9][a-z0-9-]+[a-z0-9]$/, "bucket"),
    "aws:scheduler/schedule:Schedule": name(64, dotted),
    "aws:secretsmanager/secret:Secret": name(512, /^[\w/+=.@-]+(?<!-[a-zA-Z0-9]{6})$/),
    "aws:servicediscovery/httpNamespace:HttpNamespace": name(1024, /^[!-~]{1,1024}$/),
    "aws:sns/topic:Topic": name(256, words),
    "aws:sqs/queue:Queue": name(80, words),
};
