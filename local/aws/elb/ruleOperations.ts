// Rules of listeners: which requests they are for, and what is done with those.
import type * as sdk from "@aws-sdk/client-elastic-load-balancing-v2";

import { AwsError } from "../gateway/overlay";
import { checkJwtValidation } from "./jwtValidation";
import { Input, invalid, keepTags, newId } from "./operation";
import {
    find,
    findListener,
    findLoadBalancer,
    findTargetGroup,
    forwardedTo,
    isApplication,
    loadBalancerArnsOf,
    rulesOf,
} from "./state";
import type { Action, BalancerState, Rule, RuleCondition } from "./state";

export const ruleOperations = {
    CreateRule(state: BalancerState, input: Input<sdk.CreateRuleInput>) {
        const { ListenerArn = "", Priority, Conditions = [], Actions = [] } = input;
        const { view } = findListener(state, ListenerArn);
        checkPriority(state, ListenerArn, Priority);
        checkConditions(Conditions);
        checkActions(state, view.LoadBalancerArn!, Actions);
        const RuleArn = `${ListenerArn.replace(":listener/", ":listener-rule/")}/${newId()}`;
        const rule: Rule = {
            view: { RuleArn, Priority, Conditions, Actions, IsDefault: "false" },
            listenerArn: ListenerArn,
        };
        state.rules.set(RuleArn, rule);
        keepTags(state, RuleArn, input.Tags);
        return { Rules: [rule.view] };
    },
    ModifyRule(state: BalancerState, { RuleArn, Conditions, Actions }: Input<sdk.ModifyRuleInput>) {
        const { view, listenerArn } = findRule(state, RuleArn);
        checkConditions(Conditions ?? []);
        checkActions(state, findListener(state, listenerArn).view.LoadBalancerArn!, Actions ?? []);
        Object.assign(view, { ...(Conditions && { Conditions }), ...(Actions && { Actions }) });
        return { Rules: [view] };
    },
    SetRulePriorities(state: BalancerState, { RulePriorities = [] }: Input<sdk.SetRulePrioritiesInput>) {
        const rules = RulePriorities.map(({ RuleArn, Priority }) => ({ ...findRule(state, RuleArn), Priority }));
        rules.forEach(({ view, listenerArn, Priority }) => {
            checkPriority(state, listenerArn, Priority, [...rules.map((rule) => rule.view.RuleArn)]);
            view.Priority = Priority;
        });
        return { Rules: rules.map(({ view }) => view) };
    },
    DescribeRules(state: BalancerState, { ListenerArn, RuleArns }: Input<sdk.DescribeRulesInput>) {
        if (RuleArns) {
            return { Rules: RuleArns.map((name) => findRule(state, name).view) };
        }
        const { view } = findListener(state, ListenerArn);
        const byDefault = {
            RuleArn: `${ListenerArn!.replace(":listener/", ":listener-rule/")}/default`,
            Priority: "default",
            Conditions: [],
            Actions: view.DefaultActions,
            IsDefault: "true",
        };
        return { Rules: [...rulesOf(state, ListenerArn).map((rule) => rule.view), byDefault] };
    },
    DeleteRule(state: BalancerState, { RuleArn }: Input<sdk.DeleteRuleInput>) {
        findRule(state, RuleArn);
        state.rules.delete(RuleArn!);
        return {};
    },
};

export function checkActions(state: BalancerState, loadBalancerArn: string, actions: readonly Action[]): void {
    const { view: balancer } = findLoadBalancer(state, loadBalancerArn);
    const signIns = ["authenticate-cognito", "authenticate-oidc", "jwt-validation"];
    const emulated = ["forward", "redirect", "fixed-response", ...signIns];
    for (const action of actions) {
        if (!emulated.includes(action.Type ?? "")) {
            throw invalid(
                `Action type '${action.Type}' is not emulated: the local load balancers know ${emulated.join(", ")}`,
            );
        }
        if (action.JwtValidationConfig) {
            checkJwtValidation(action.JwtValidationConfig);
        }
        for (const { arn: groupArn } of forwardedTo(action)) {
            const { view } = findTargetGroup(state, groupArn);
            if (isApplication(balancer) !== view.Protocol!.startsWith("HTTP")) {
                throw new AwsError(
                    "InvalidLoadBalancerAction",
                    `Target group '${groupArn}' has the protocol '${view.Protocol}', which does not go with a ${balancer.Type} load balancer`,
                );
            }
            const [other] = loadBalancerArnsOf(state, groupArn).filter((name) => name !== loadBalancerArn);
            if (other !== undefined) {
                throw new AwsError(
                    "TargetGroupAssociationLimit",
                    `The following target groups cannot be associated with more than one load balancer: ${groupArn}`,
                );
            }
        }
    }
}

function checkConditions(conditions: readonly RuleCondition[]): void {
    const unknown = conditions.find(({ Field }) => Field === "source-ip");
    if (unknown) {
        throw invalid("The local load balancers have no condition 'source-ip': every client is on loopback");
    }
}

export function conditionValues(condition: RuleCondition): unknown[] {
    const { HostHeaderConfig, PathPatternConfig, HttpHeaderConfig, HttpRequestMethodConfig, QueryStringConfig } =
        condition;
    const config = HostHeaderConfig ?? PathPatternConfig ?? HttpHeaderConfig ?? HttpRequestMethodConfig;
    return config?.Values ?? QueryStringConfig?.Values ?? condition.Values ?? [];
}

function checkPriority(
    state: BalancerState,
    listenerArn: string,
    priority: string | undefined,
    moving: readonly (string | undefined)[] = [],
): void {
    const clash = rulesOf(state, listenerArn).find(
        ({ view }) => view.Priority === priority && !moving.includes(view.RuleArn),
    );
    if (clash) {
        throw new AwsError("PriorityInUse", `Priority '${priority}' is currently in use`);
    }
}

function findRule(state: BalancerState, ruleArn: string | undefined): Rule {
    return find(state.rules, ruleArn, "RuleNotFound", "Rule");
}
