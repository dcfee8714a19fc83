import type {
    CreateLoadBalancerInput,
    CreateRuleInput,
    CreateTargetGroupInput,
    ModifyRuleInput,
} from "@aws-sdk/client-elastic-load-balancing-v2";

import type { Rule, Rules } from "../models/rule";
import { conditionValues } from "./ruleOperations";

const reference = "https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference";
const limits = "https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html";

function named(page: string): Rule {
    return {
        source: `${reference}/${page}.html`,
        code: "ValidationError",
        fault: ({ Name = "" }: CreateLoadBalancerInput | CreateTargetGroupInput) => {
            if (Name.length > 32) {
                return `The name '${Name}' cannot be longer than '32' characters`;
            }
            return /^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/.test(Name) && !Name.startsWith("internal-")
                ? undefined
                : `The name '${Name}' must consist of letters, digits and inner hyphens, and not begin with internal-`;
        },
    };
}

const conditions: Rule = {
    source: limits,
    code: "TooManyConditionValues",
    fault: ({ Conditions = [] }: CreateRuleInput | ModifyRuleInput) => {
        const count = Conditions.flatMap(conditionValues).length;
        return count > 5 ? `A rule can have at most '5' condition values; it has '${count}'` : undefined;
    },
};

const priority: Rule = {
    source: `${reference}/API_CreateRule.html`,
    code: "ValidationError",
    fault: ({ Priority = 1 }: CreateRuleInput) =>
        Priority < 1 || Priority > 50_000 ? `Priority '${Priority}' must be between 1 and 50000` : undefined,
};

export const elbRules: Rules = {
    CreateLoadBalancer: [named("API_CreateLoadBalancer")],
    CreateTargetGroup: [named("API_CreateTargetGroup")],
    CreateRule: [conditions, priority],
    ModifyRule: [conditions],
};
