import { acmRules } from "./acm/rules";
import { ecsRules } from "./ecs/rules";
import { elbRules } from "./elb/rules";
import { iamRules } from "./iam/rules";
import { lambdaRules } from "./lambda/rules";
import { logsRules } from "./logs/rules";
import type { Rules } from "./models/rule";
import { route53Rules } from "./route53/rules";
import { s3Rules } from "./s3/rules";
import { sqsRules } from "./sqs/rules";
import { ssmRules } from "./ssm/rules";

/** What only AWS's documents say, by the names that requests are signed for. */
export const rules: Readonly<Record<string, Rules>> = {
    acm: acmRules,
    ecs: ecsRules,
    elasticloadbalancing: elbRules,
    iam: iamRules,
    lambda: lambdaRules,
    logs: logsRules,
    route53: route53Rules,
    s3: s3Rules,
    sqs: sqsRules,
    ssm: ssmRules,
};
