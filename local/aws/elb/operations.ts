import { randomBytes, randomInt } from "node:crypto";

import type * as sdk from "@aws-sdk/client-elastic-load-balancing-v2";

import { AwsError } from "../gateway/overlay";
import type { Texts } from "../gateway/query";
import { attributeDefaults, healthCheckDefaults, knownAttributes } from "./defaults";
import { checkJwtValidation } from "./jwtValidation";
import {
    find,
    findListener,
    findLoadBalancer,
    findTargetGroup,
    forwardedTo,
    isApplication,
    listenersOf,
    loadBalancerArnsOf,
    rulesOf,
    targetGroupsOf,
} from "./state";
import type {
    Action,
    Attributes,
    BalancerState,
    Listener,
    LoadBalancer,
    Rule,
    RuleCondition,
    TargetGroup,
} from "./state";
import { defaultSslPolicy, tlsParameters } from "./tlsPolicies";

/** An operation of the API: its input is what the SDK's command of that name takes, as text. */
export type Operation = (state: BalancerState, input: never) => object;

/** What the control plane needs of the data plane. */
export interface DataPlane {
    address(): string;
    /** The certificate's ARN can be used. @throws CertificateNotFound */
    checkCertificate(arn: string): void;
    register(state: BalancerState, group: TargetGroup, id: string, port: number): void;
    deregister(state: BalancerState, group: TargetGroup, id: string, port: number): void;
}

type Input<T> = Texts<T>;
type ListenerSettings = Omit<Input<sdk.ModifyListenerInput>, "ListenerArn">;

export function balancerOperations(plane: DataPlane): Readonly<Record<string, Operation>> {
    const listenerOperations = {
        CreateListener(state: BalancerState, input: Input<sdk.CreateListenerInput>) {
            const { view: balancer } = findLoadBalancer(state, input.LoadBalancerArn);
            const others = listenersOf(state, input.LoadBalancerArn);
            if (others.some(({ view }) => view.Port === input.Port)) {
                throw new AwsError(
                    "DuplicateListener",
                    "A listener already exists on this port for this load balancer",
                );
            }
            const kind = isApplication(balancer) ? "app" : "net";
            const tail = balancer.LoadBalancerArn!.split("/").slice(2).join("/");
            const ListenerArn = arn(state, `listener/${kind}/${tail}/${newId()}`);
            const { LoadBalancerArn, Port, Protocol, Certificates, AlpnPolicy, MutualAuthentication } = input;
            const listener: Listener = {
                view: { ListenerArn, LoadBalancerArn, Port, Protocol, Certificates, AlpnPolicy, MutualAuthentication },
                attributes: isApplication(balancer) ? {} : { "tcp.idle_timeout.seconds": "350" },
                certificates: [],
            };
            changeListener(state, listener, input);
            state.listeners.set(ListenerArn, listener);
            keepTags(state, ListenerArn, input.Tags);
            return { Listeners: [listener.view] };
        },
        ModifyListener(state: BalancerState, input: Input<sdk.ModifyListenerInput>) {
            const listener = findListener(state, input.ListenerArn);
            changeListener(state, listener, input);
            return { Listeners: [listener.view] };
        },
        DescribeListeners(state: BalancerState, { LoadBalancerArn, ListenerArns }: Input<sdk.DescribeListenersInput>) {
            const found = ListenerArns?.map((name) => findListener(state, name)) ?? listenersOf(state, LoadBalancerArn);
            return { Listeners: found.map(({ view }) => view) };
        },
        DeleteListener(state: BalancerState, { ListenerArn }: Input<sdk.DeleteListenerInput>) {
            findListener(state, ListenerArn);
            removeListener(state, ListenerArn!);
            return {};
        },
        DescribeListenerAttributes(state: BalancerState, input: Input<sdk.DescribeListenerAttributesInput>) {
            return { Attributes: attributeList(findListener(state, input.ListenerArn).attributes) };
        },
        ModifyListenerAttributes(state: BalancerState, input: Input<sdk.ModifyListenerAttributesInput>) {
            return modifyAttributes(findListener(state, input.ListenerArn), input.Attributes, knownAttributes.listener);
        },
        AddListenerCertificates(state: BalancerState, input: Input<sdk.AddListenerCertificatesInput>) {
            const listener = findListener(state, input.ListenerArn);
            const arns = (input.Certificates ?? []).map(({ CertificateArn = "" }) => CertificateArn);
            arns.forEach((certificate) => plane.checkCertificate(certificate));
            listener.certificates = [...new Set([...listener.certificates, ...arns])];
            return { Certificates: arns.map((CertificateArn) => ({ CertificateArn, IsDefault: "false" })) };
        },
        RemoveListenerCertificates(state: BalancerState, input: Input<sdk.RemoveListenerCertificatesInput>) {
            const listener = findListener(state, input.ListenerArn);
            const removed = input.Certificates?.map(({ CertificateArn }) => CertificateArn);
            listener.certificates = listener.certificates.filter((certificate) => !removed?.includes(certificate));
            return {};
        },
        DescribeListenerCertificates(state: BalancerState, input: Input<sdk.DescribeListenerCertificatesInput>) {
            const { view, certificates } = findListener(state, input.ListenerArn);
            return {
                Certificates: [
                    ...(view.Certificates ?? []).map((certificate) => ({ ...certificate, IsDefault: "true" })),
                    ...certificates.map((CertificateArn) => ({ CertificateArn, IsDefault: "false" })),
                ],
            };
        },
    };

    /** What CreateListener and ModifyListener have in common. */
    function changeListener(state: BalancerState, listener: Listener, input: ListenerSettings): void {
        const { view } = listener;
        const { view: balancer } = findLoadBalancer(state, view.LoadBalancerArn);
        const protocol = input.Protocol ?? view.Protocol ?? "";
        const allowed = isApplication(balancer) ? ["HTTP", "HTTPS"] : ["TCP", "TLS"];
        if (!allowed.includes(protocol)) {
            throw invalid(
                `Listener protocol '${protocol}' must be one of '${allowed.join(", ")}' for a ${balancer.Type} load balancer here`,
            );
        }
        const isSecure = protocol === "HTTPS" || protocol === "TLS";
        const certificates = isSecure ? (input.Certificates ?? view.Certificates ?? []) : undefined;
        if (certificates?.length === 0) {
            throw new AwsError("CertificateNotFound", `A certificate must be specified for ${protocol} listeners`);
        }
        certificates?.forEach(({ CertificateArn = "" }) => plane.checkCertificate(CertificateArn));
        const policy = isSecure ? (input.SslPolicy ?? view.SslPolicy ?? defaultSslPolicy) : undefined;
        if (policy !== undefined) {
            tlsParameters(policy);
        }
        const actions = input.DefaultActions ?? view.DefaultActions ?? [];
        checkActions(state, view.LoadBalancerArn!, actions);
        Object.assign(view, {
            Port: input.Port ?? view.Port,
            Protocol: protocol,
            Certificates: certificates,
            SslPolicy: policy,
            AlpnPolicy: input.AlpnPolicy ?? view.AlpnPolicy,
            DefaultActions: actions,
        });
    }

    return {
        ...loadBalancerOperations(plane),
        ...targetGroupOperations(plane),
        ...listenerOperations,
        ...ruleOperations,
        ...tagOperations,
    };
}

function loadBalancerOperations(plane: DataPlane) {
    return {
        CreateLoadBalancer(state: BalancerState, input: Input<sdk.CreateLoadBalancerInput>) {
            const { Name = "", Type = "application", Scheme = "internet-facing", Subnets = [], SubnetMappings } = input;
            checkName(Name);
            if ([...state.loadBalancers.values()].some(({ view }) => view.LoadBalancerName === Name)) {
                throw new AwsError("DuplicateLoadBalancerName", "A load balancer with the same name already exists");
            }
            if (Type !== "application" && Type !== "network") {
                throw invalid(`Load balancer type '${Type}' must be application or network here`);
            }
            const subnets = SubnetMappings?.map(({ SubnetId }) => SubnetId) ?? Subnets;
            if (subnets.length < (Type === "application" ? 2 : 1)) {
                throw invalid("At least two subnets in two different Availability Zones must be specified");
            }
            const { accountId, region } = state.scope;
            const id = newId();
            const number = randomInt(10 ** 9, 10 ** 10);
            const label = `${Scheme === "internal" ? "internal-" : ""}${Name}`;
            const [kind, dnsName] =
                Type === "application"
                    ? ["app", `${label}-${number}.${region}.elb.amazonaws.com`]
                    : ["net", `${label}-${id}.elb.${region}.amazonaws.com`];
            const balancer: LoadBalancer = {
                view: {
                    LoadBalancerArn: arn(state, `loadbalancer/${kind}/${Name}/${id}`),
                    DNSName: dnsName,
                    CanonicalHostedZoneId: Type === "application" ? "Z32O12XQLNTSW2" : "Z2IFOLAFXWLO4F",
                    CreatedTime: new Date().toISOString(),
                    LoadBalancerName: Name,
                    Scheme,
                    VpcId: "vpc-0",
                    State: { Code: "active" },
                    Type,
                    AvailabilityZones: zones(region, subnets),
                    SecurityGroups: input.SecurityGroups,
                    IpAddressType: input.IpAddressType ?? "ipv4",
                },
                attributes: attributeDefaults(Type),
                address: plane.address(),
            };
            state.loadBalancers.set(balancer.view.LoadBalancerArn!, balancer);
            keepTags(state, balancer.view.LoadBalancerArn!, input.Tags);
            return { LoadBalancers: [balancer.view], accountId };
        },
        DescribeLoadBalancers(state: BalancerState, input: Input<sdk.DescribeLoadBalancersInput>) {
            const { LoadBalancerArns, Names } = input;
            const all = [...state.loadBalancers.values()];
            const named = Names?.map((name) => {
                const found = all.find(({ view }) => view.LoadBalancerName === name);
                return found ?? findLoadBalancer(state, name);
            });
            const found = LoadBalancerArns?.map((name) => findLoadBalancer(state, name)) ?? named ?? all;
            return { LoadBalancers: found.map(({ view }) => view) };
        },
        DeleteLoadBalancer(state: BalancerState, { LoadBalancerArn = "" }: Input<sdk.DeleteLoadBalancerInput>) {
            const balancer = state.loadBalancers.get(LoadBalancerArn);
            if (balancer?.attributes["deletion_protection.enabled"] === "true") {
                throw new AwsError(
                    "OperationNotPermitted",
                    `Load balancer '${LoadBalancerArn}' cannot be deleted because deletion protection is enabled`,
                );
            }
            listenersOf(state, LoadBalancerArn).forEach(({ view }) => removeListener(state, view.ListenerArn!));
            state.loadBalancers.delete(LoadBalancerArn);
            return {};
        },
        DescribeLoadBalancerAttributes(state: BalancerState, input: Input<sdk.DescribeLoadBalancerAttributesInput>) {
            return { Attributes: attributeList(findLoadBalancer(state, input.LoadBalancerArn).attributes) };
        },
        ModifyLoadBalancerAttributes(state: BalancerState, input: Input<sdk.ModifyLoadBalancerAttributesInput>) {
            const balancer = findLoadBalancer(state, input.LoadBalancerArn);
            return modifyAttributes(balancer, input.Attributes, Object.keys(attributeDefaults(balancer.view.Type!)));
        },
        SetSecurityGroups(state: BalancerState, input: Input<sdk.SetSecurityGroupsInput>) {
            const { view } = findLoadBalancer(state, input.LoadBalancerArn);
            view.SecurityGroups = input.SecurityGroups;
            return { SecurityGroupIds: view.SecurityGroups };
        },
        SetSubnets(state: BalancerState, input: Input<sdk.SetSubnetsInput>) {
            const { view } = findLoadBalancer(state, input.LoadBalancerArn);
            view.AvailabilityZones = zones(state.scope.region, input.Subnets ?? []);
            return { AvailabilityZones: view.AvailabilityZones };
        },
        SetIpAddressType(state: BalancerState, input: Input<sdk.SetIpAddressTypeInput>) {
            const { view } = findLoadBalancer(state, input.LoadBalancerArn);
            view.IpAddressType = input.IpAddressType;
            return { IpAddressType: view.IpAddressType };
        },
    };
}

function targetGroupOperations(plane: DataPlane) {
    return {
        CreateTargetGroup(state: BalancerState, input: Input<sdk.CreateTargetGroupInput>) {
            const { Name = "", Protocol = "", Port, VpcId, TargetType = "instance", ProtocolVersion } = input;
            checkName(Name);
            if ([...state.targetGroups.values()].some(({ view }) => view.TargetGroupName === Name)) {
                throw new AwsError(
                    "DuplicateTargetGroupName",
                    "A target group with the same name exists, but with different settings",
                );
            }
            if (TargetType !== "ip") {
                throw invalid(`Target type '${TargetType}' must be ip: Fargate tasks have addresses of their own`);
            }
            if (!["HTTP", "HTTPS", "TCP", "TLS"].includes(Protocol)) {
                throw invalid(`Protocol '${Protocol}' must be one of 'HTTP, HTTPS, TCP, TLS' here`);
            }
            const isHttp = Protocol.startsWith("HTTP");
            const group: TargetGroup = {
                view: {
                    TargetGroupArn: arn(state, `targetgroup/${Name}/${newId()}`),
                    TargetGroupName: Name,
                    Protocol,
                    Port,
                    VpcId,
                    TargetType,
                    IpAddressType: input.IpAddressType ?? "ipv4",
                    ...(isHttp ? { ProtocolVersion: ProtocolVersion ?? "HTTP1" } : {}),
                    ...healthCheckDefaults(Protocol, input.HealthCheckProtocol),
                    ...healthCheckOf(input),
                },
                attributes: attributeDefaults(isHttp ? "http target group" : "tcp target group"),
                targets: new Map(),
            };
            checkHealthCheck(group);
            state.targetGroups.set(group.view.TargetGroupArn!, group);
            keepTags(state, group.view.TargetGroupArn!, input.Tags);
            return { TargetGroups: [group.view] };
        },
        ModifyTargetGroup(state: BalancerState, input: Input<sdk.ModifyTargetGroupInput>) {
            const group = findTargetGroup(state, input.TargetGroupArn);
            Object.assign(group.view, healthCheckOf(input));
            checkHealthCheck(group);
            return { TargetGroups: [shownGroup(state, group)] };
        },
        DescribeTargetGroups(state: BalancerState, input: Input<sdk.DescribeTargetGroupsInput>) {
            const all = [...state.targetGroups.values()];
            const named = input.Names?.map(
                (name) => all.find(({ view }) => view.TargetGroupName === name) ?? findTargetGroup(state, name),
            );
            const found =
                input.TargetGroupArns?.map((name) => findTargetGroup(state, name)) ??
                named ??
                (input.LoadBalancerArn === undefined ? all : targetGroupsOf(state, input.LoadBalancerArn));
            return { TargetGroups: found.map((group) => shownGroup(state, group)) };
        },
        DeleteTargetGroup(state: BalancerState, { TargetGroupArn = "" }: Input<sdk.DeleteTargetGroupInput>) {
            if (loadBalancerArnsOf(state, TargetGroupArn).length > 0) {
                throw new AwsError(
                    "ResourceInUse",
                    `Target group '${TargetGroupArn}' is currently in use by a listener or a rule`,
                );
            }
            state.targetGroups.get(TargetGroupArn)?.targets.forEach(({ ended }) => ended.abort());
            state.targetGroups.delete(TargetGroupArn);
            return {};
        },
        DescribeTargetGroupAttributes(state: BalancerState, input: Input<sdk.DescribeTargetGroupAttributesInput>) {
            return { Attributes: attributeList(findTargetGroup(state, input.TargetGroupArn).attributes) };
        },
        ModifyTargetGroupAttributes(state: BalancerState, input: Input<sdk.ModifyTargetGroupAttributesInput>) {
            const group = findTargetGroup(state, input.TargetGroupArn);
            return modifyAttributes(group, input.Attributes, Object.keys(group.attributes));
        },
        RegisterTargets(state: BalancerState, input: Input<sdk.RegisterTargetsInput>) {
            const group = findTargetGroup(state, input.TargetGroupArn);
            input.Targets?.forEach(({ Id = "", Port = group.view.Port }) =>
                plane.register(state, group, Id, Number(Port)),
            );
            return {};
        },
        DeregisterTargets(state: BalancerState, input: Input<sdk.DeregisterTargetsInput>) {
            const group = findTargetGroup(state, input.TargetGroupArn);
            input.Targets?.forEach(({ Id = "", Port = group.view.Port }) =>
                plane.deregister(state, group, Id, Number(Port)),
            );
            return {};
        },
        DescribeTargetHealth(state: BalancerState, input: Input<sdk.DescribeTargetHealthInput>) {
            const group = findTargetGroup(state, input.TargetGroupArn);
            const inUse = loadBalancerArnsOf(state, input.TargetGroupArn).length > 0;
            return {
                TargetHealthDescriptions: [...group.targets.values()].map(({ id, port, ...health }) => ({
                    Target: { Id: id, Port: port },
                    HealthCheckPort: group.view.HealthCheckPort === "traffic-port" ? port : group.view.HealthCheckPort,
                    TargetHealth: inUse
                        ? { State: health.state, Reason: health.reason, Description: health.description }
                        : {
                              State: "unused",
                              Reason: "Target.NotInUse",
                              Description: "Target group is not configured to receive traffic from the load balancer",
                          },
                })),
            };
        },
    };
}

const ruleOperations = {
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

const tagOperations = {
    AddTags(state: BalancerState, { ResourceArns = [], Tags = [] }: Input<sdk.AddTagsInput>) {
        ResourceArns.forEach((name) => {
            const kept = tagsOf(state, name).filter(({ Key }) => !Tags.some((tag) => tag.Key === Key));
            keepTags(state, name, [...kept, ...Tags]);
        });
        return {};
    },
    RemoveTags(state: BalancerState, { ResourceArns = [], TagKeys = [] }: Input<sdk.RemoveTagsInput>) {
        ResourceArns.forEach((name) =>
            keepTags(
                state,
                name,
                tagsOf(state, name).filter(({ Key }) => !TagKeys.includes(Key)),
            ),
        );
        return {};
    },
    DescribeTags(state: BalancerState, { ResourceArns = [] }: Input<sdk.DescribeTagsInput>) {
        return {
            TagDescriptions: ResourceArns.map((ResourceArn) => ({ ResourceArn, Tags: tagsOf(state, ResourceArn) })),
        };
    },
};

function arn({ scope }: BalancerState, resource: string): string {
    return `arn:aws:elasticloadbalancing:${scope.region}:${scope.accountId}:${resource}`;
}

function newId(): string {
    return randomBytes(8).toString("hex");
}

function invalid(message: string): AwsError {
    return new AwsError("ValidationError", message);
}

function zones(region: string, subnets: readonly (string | undefined)[]) {
    return subnets.map((SubnetId, index) => ({ ZoneName: `${region}${"abcdef"[index]}`, SubnetId }));
}

function checkName(name: string): void {
    if (name.length > 32) {
        throw invalid(`The name '${name}' cannot be longer than '32' characters`);
    }
    if (!/^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/.test(name) || name.startsWith("internal-")) {
        throw invalid(
            `The name '${name}' must consist of letters, digits and inner hyphens, and not begin with internal-`,
        );
    }
}

function healthCheckOf(input: Omit<Input<sdk.ModifyTargetGroupInput>, "TargetGroupArn">) {
    const given = {
        HealthCheckProtocol: input.HealthCheckProtocol,
        HealthCheckPort: input.HealthCheckPort,
        HealthCheckPath: input.HealthCheckPath,
        HealthCheckEnabled: input.HealthCheckEnabled,
        HealthCheckIntervalSeconds: input.HealthCheckIntervalSeconds,
        HealthCheckTimeoutSeconds: input.HealthCheckTimeoutSeconds,
        HealthyThresholdCount: input.HealthyThresholdCount,
        UnhealthyThresholdCount: input.UnhealthyThresholdCount,
        Matcher: input.Matcher,
    };
    return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

function checkHealthCheck({ view }: TargetGroup): void {
    const [interval, timeout] = [Number(view.HealthCheckIntervalSeconds), Number(view.HealthCheckTimeoutSeconds)];
    const isHttp = view.Protocol!.startsWith("HTTP");
    if (isHttp && view.HealthCheckProtocol === "TCP") {
        throw invalid(
            `Health check protocol 'TCP' is not supported for target groups with the protocol '${view.Protocol}'`,
        );
    }
    if (interval < 5 || interval > 300) {
        throw invalid(`Health check interval '${interval}' must be between 5 and 300 seconds`);
    }
    if (timeout >= interval && isHttp) {
        throw invalid(`Health check timeout '${timeout}' must be smaller than the interval '${interval}'`);
    }
}

function shownGroup(state: BalancerState, { view }: TargetGroup) {
    return { ...view, LoadBalancerArns: loadBalancerArnsOf(state, view.TargetGroupArn) };
}

function checkActions(state: BalancerState, loadBalancerArn: string, actions: readonly Action[]): void {
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

/** Five values in all; docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html */
function checkConditions(conditions: readonly RuleCondition[]): void {
    const count = conditions.flatMap(conditionValues).length;
    if (count > 5) {
        throw new AwsError("TooManyConditionValues", `A rule can have at most '5' condition values; it has '${count}'`);
    }
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

function removeListener(state: BalancerState, listenerArn: string): void {
    rulesOf(state, listenerArn).forEach(({ view }) => state.rules.delete(view.RuleArn!));
    state.listeners.delete(listenerArn);
}

function attributeList(attributes: Attributes) {
    return Object.entries(attributes).map(([Key, Value]) => ({ Key, Value }));
}

function modifyAttributes(
    owner: { attributes: Attributes },
    changes: readonly { Key?: string; Value?: string }[] = [],
    known: readonly string[],
) {
    const unknown = changes.find(({ Key }) => !known.includes(Key ?? ""));
    if (unknown) {
        throw invalid(`Attribute key '${unknown.Key}' is not recognized: known are ${known.join(", ")}`);
    }
    const changed: Attributes = {
        ...owner.attributes,
        ...Object.fromEntries(changes.map(({ Key = "", Value = "" }) => [Key, Value])),
    };
    if (changed["stickiness.enabled"] === "true" && changed["stickiness.type"] !== "lb_cookie") {
        throw invalid(
            `Stickiness by ${changed["stickiness.type"]} is not emulated: the local load balancers know lb_cookie`,
        );
    }
    owner.attributes = changed;
    return { Attributes: attributeList(owner.attributes) };
}

function keepTags(state: BalancerState, name: string, tags: readonly { Key?: string; Value?: string }[] = []): void {
    state.tags.set(
        name,
        tags.map(({ Key = "", Value = "" }) => ({ Key, Value })),
    );
}

function tagsOf(state: BalancerState, name: string) {
    return state.tags.get(name) ?? [];
}
