import type * as sdk from "@aws-sdk/client-elastic-load-balancing-v2";

import { AwsError } from "../gateway/overlay";
import { attributeDefaults, healthCheckDefaults } from "./defaults";
import { arn, attributeList, DataPlane, Input, invalid, keepTags, modifyAttributes, newId } from "./operation";
import { findTargetGroup, loadBalancerArnsOf, targetGroupsOf } from "./state";
import type { BalancerState, TargetGroup } from "./state";

export function targetGroupOperations(plane: DataPlane) {
    return {
        CreateTargetGroup(state: BalancerState, input: Input<sdk.CreateTargetGroupInput>) {
            const { Name = "", Protocol = "", Port, VpcId, TargetType = "instance", ProtocolVersion } = input;
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
            if (plane.isInUse(TargetGroupArn)) {
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
