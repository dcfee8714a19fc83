import type * as sdk from "@aws-sdk/client-elastic-load-balancing-v2";

import { AwsError } from "../gateway/overlay";
import { knownAttributes } from "./defaults";
import { arn, attributeList, DataPlane, Input, keepTags, modifyAttributes, newId, invalid } from "./operation";
import { checkActions } from "./ruleOperations";
import { findListener, findLoadBalancer, isApplication, listenersOf, removeListener } from "./state";
import type { BalancerState, Listener } from "./state";
import { defaultSslPolicy, tlsParameters } from "./tlsPolicies";

type ListenerSettings = Omit<Input<sdk.ModifyListenerInput>, "ListenerArn">;

export function listenerOperations(plane: DataPlane) {
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
}
