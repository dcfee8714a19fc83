import { randomInt } from "node:crypto";

import type * as sdk from "@aws-sdk/client-elastic-load-balancing-v2";

import { AwsError } from "../gateway/overlay";
import { attributeDefaults } from "./defaults";
import { arn, attributeList, DataPlane, Input, invalid, keepTags, modifyAttributes, newId } from "./operation";
import { findLoadBalancer, listenersOf, removeListener } from "./state";
import type { BalancerState, LoadBalancer } from "./state";

export function loadBalancerOperations(plane: DataPlane) {
    return {
        CreateLoadBalancer(state: BalancerState, input: Input<sdk.CreateLoadBalancerInput>) {
            const { Name = "", Type = "application", Scheme = "internet-facing", Subnets = [], SubnetMappings } = input;
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
            const { region } = state.scope;
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
            return { LoadBalancers: [balancer.view] };
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

function zones(region: string, subnets: readonly (string | undefined)[]) {
    return subnets.map((SubnetId, index) => ({ ZoneName: `${region}${"abcdef"[index]}`, SubnetId }));
}
