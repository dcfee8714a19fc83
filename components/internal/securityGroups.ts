// Security groups and their rules, each rule a resource of its own.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

type Tags = pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;

/** The other end of a rule: a network, or whatever is in a security group. */
export type Peer = { readonly cidr: string } | { readonly securityGroupId: pulumi.Input<string> };

/** Both internets. */
export const anywhere: readonly string[] = ["0.0.0.0/0", "::/0"];

/** A rule for one TCP port. */
export interface PortRule {
    readonly securityGroupId: pulumi.Input<string>;
    readonly port: pulumi.Input<number>;
    readonly peer: Peer;
    readonly tags: Tags;
}

export function allowIn(name: string, rule: PortRule, parent: pulumi.Resource): void {
    new aws.vpc.SecurityGroupIngressRule(name, ruleArgs(rule), { parent });
}

export function allowOut(name: string, rule: PortRule, parent: pulumi.Resource): void {
    new aws.vpc.SecurityGroupEgressRule(name, ruleArgs(rule), { parent });
}

/** Out to anywhere, as tasks need it: for images, secrets, logs and whatever the app calls. */
export function allowOutAnywhere(
    name: string,
    securityGroupId: pulumi.Input<string>,
    tags: Tags,
    parent: pulumi.Resource,
): void {
    for (const cidr of anywhere) {
        new aws.vpc.SecurityGroupEgressRule(
            `${name}-to-${cidr}`,
            { securityGroupId, ipProtocol: "-1", ...peerArgs({ cidr }), tags },
            { parent },
        );
    }
}

function ruleArgs({ securityGroupId, port, peer, tags }: PortRule): aws.vpc.SecurityGroupIngressRuleArgs {
    return { securityGroupId, ipProtocol: "tcp", fromPort: port, toPort: port, ...peerArgs(peer), tags };
}

function peerArgs(peer: Peer): Partial<aws.vpc.SecurityGroupIngressRuleArgs> {
    if ("securityGroupId" in peer) {
        return { referencedSecurityGroupId: peer.securityGroupId };
    }
    return peer.cidr.includes(":") ? { cidrIpv6: peer.cidr } : { cidrIpv4: peer.cidr };
}
