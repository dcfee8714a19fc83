import type * as sdk from "@aws-sdk/client-elastic-load-balancing-v2";

import type { Scope } from "../../machine/awsClients";
import { AwsError } from "../gateway/overlay";
import type { Texts } from "../gateway/query";

export type Attributes = Record<string, string>;
export type LoadBalancerView = Texts<sdk.LoadBalancer>;
export type TargetGroupView = Texts<sdk.TargetGroup>;
export type ListenerView = Texts<sdk.Listener>;
export type RuleView = Texts<sdk.Rule>;
export type Action = Texts<sdk.Action>;
export type RuleCondition = Texts<sdk.RuleCondition>;

export interface LoadBalancer {
    readonly view: LoadBalancerView;
    attributes: Attributes;
    /** The loopback address it listens on. */
    readonly address: string;
}

export interface Listener {
    readonly view: ListenerView;
    attributes: Attributes;
    /** Beside the default one: chosen by SNI. */
    certificates: readonly string[];
}

export interface Rule {
    readonly view: RuleView;
    readonly listenerArn: string;
}

export interface Target {
    readonly id: string;
    readonly port: number;
    state: "initial" | "healthy" | "unhealthy" | "draining" | "unused";
    reason?: string;
    description?: string;
    /** Ends its health checks. */
    readonly ended: AbortController;
}

export interface TargetGroup {
    readonly view: TargetGroupView;
    attributes: Attributes;
    readonly targets: Map<string, Target>;
}

/** Everything Elastic Load Balancing knows of one account in one region; each by its ARN. */
export interface BalancerState {
    readonly scope: Scope;
    readonly loadBalancers: Map<string, LoadBalancer>;
    readonly targetGroups: Map<string, TargetGroup>;
    readonly listeners: Map<string, Listener>;
    readonly rules: Map<string, Rule>;
    readonly tags: Map<string, { Key: string; Value: string }[]>;
}

export function createState(scope: Scope): BalancerState {
    return {
        scope,
        loadBalancers: new Map(),
        targetGroups: new Map(),
        listeners: new Map(),
        rules: new Map(),
        tags: new Map(),
    };
}

export function find<T>(map: ReadonlyMap<string, T>, arn: string | undefined, error: string, what: string): T {
    const found = map.get(arn ?? "");
    if (!found) {
        throw new AwsError(error, `${what} '${arn}' not found`);
    }
    return found;
}

export function findLoadBalancer(state: BalancerState, arn: string | undefined): LoadBalancer {
    return find(state.loadBalancers, arn, "LoadBalancerNotFound", "Load balancer");
}

export function findTargetGroup(state: BalancerState, arn: string | undefined): TargetGroup {
    return find(state.targetGroups, arn, "TargetGroupNotFound", "Target group");
}

export function findListener(state: BalancerState, arn: string | undefined): Listener {
    return find(state.listeners, arn, "ListenerNotFound", "Listener");
}

export function listenersOf(state: BalancerState, loadBalancerArn: string | undefined): Listener[] {
    return [...state.listeners.values()].filter(({ view }) => view.LoadBalancerArn === loadBalancerArn);
}

/** In the order they are asked: by priority. The default rule is the listener's default action. */
export function rulesOf(state: BalancerState, listenerArn: string | undefined): Rule[] {
    return [...state.rules.values()]
        .filter((rule) => rule.listenerArn === listenerArn)
        .sort((one, other) => Number(one.view.Priority) - Number(other.view.Priority));
}

/** The target groups that an action forwards to, with their weights. */
export function forwardedTo(action: Action): { readonly arn: string; readonly weight: number }[] {
    const groups = action.ForwardConfig?.TargetGroups ?? [{ TargetGroupArn: action.TargetGroupArn, Weight: "1" }];
    return groups.flatMap(({ TargetGroupArn: arn, Weight = "1" }) =>
        arn === undefined ? [] : [{ arn, weight: Number(Weight) }],
    );
}

/** The load balancer's target groups, each once. */
export function targetGroupsOf(state: BalancerState, loadBalancerArn: string | undefined): TargetGroup[] {
    const listeners = listenersOf(state, loadBalancerArn);
    const actions = listeners.flatMap(({ view }) => [
        ...(view.DefaultActions ?? []),
        ...rulesOf(state, view.ListenerArn).flatMap((rule) => rule.view.Actions ?? []),
    ]);
    const arns = new Set(actions.flatMap(forwardedTo).map(({ arn }) => arn));
    return [...arns].map((arn) => findTargetGroup(state, arn));
}

export function loadBalancerArnsOf(state: BalancerState, targetGroupArn: string | undefined): string[] {
    return [...state.loadBalancers.keys()].filter((arn) =>
        targetGroupsOf(state, arn).some(({ view }) => view.TargetGroupArn === targetGroupArn),
    );
}

export function isApplication({ Type }: LoadBalancerView): boolean {
    return Type === "application";
}

export function targetKey(id: string, port: number): string {
    return `${id}:${port}`;
}

/** With its rules. */
export function removeListener(state: BalancerState, listenerArn: string): void {
    rulesOf(state, listenerArn).forEach(({ view }) => state.rules.delete(view.RuleArn!));
    state.listeners.delete(listenerArn);
}
