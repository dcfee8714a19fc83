// An Application or a Network Load Balancer with the settings that AWS recommends and its API does not default to.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { allowIn, allowOut, anywhere } from "../securityGroups";

type Tags = pulumi.Input<Record<string, pulumi.Input<string>>> | undefined;

/** TLS 1.2 and 1.3 with forward secrecy, AEAD and post-quantum key agreement; the API's own default still takes TLS 1.0. */
export const sslPolicy = "ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09";

/** For a year, browsers use no plain HTTP. */
const strictTransportSecurity = "max-age=31536000";

export interface LoadBalancerArgs {
    readonly type: "application" | "network";
    readonly vpcId: pulumi.Input<string>;
    readonly subnetIds: pulumi.Input<pulumi.Input<string>[]>;
    readonly internal: boolean;
    /** Ports that are served, by what is spoken on them. */
    readonly ports: Readonly<Record<string, pulumi.Input<number>>>;
    /** Who may connect. */
    readonly allowedCidrBlocks: readonly string[];
    readonly clientSecurityGroupIds: readonly pulumi.Input<string>[];
    /** Settings that only one of the types has. */
    readonly settings: Pick<aws.lb.LoadBalancerArgs, "idleTimeout" | "accessLogs" | "dropInvalidHeaderFields">;
    readonly tags: Tags;
}

export interface LoadBalancer {
    readonly arn: pulumi.Output<string>;
    readonly dnsName: pulumi.Output<string>;
    readonly zoneId: pulumi.Output<string>;
    readonly securityGroupId: pulumi.Output<string>;
}

/** Makes `name` (the load balancer) and `${name}-security-group`, open on the served ports only; the way out is up to its services. */
export function loadBalancer(name: string, args: LoadBalancerArgs, parent: pulumi.Resource): LoadBalancer {
    const { tags } = args;
    const securityGroup = new aws.ec2.SecurityGroup(
        `${name}-security-group`,
        { vpcId: args.vpcId, description: "Clients to the load balancer", tags },
        { parent },
    );
    for (const [protocol, port] of Object.entries(args.ports)) {
        for (const cidr of args.allowedCidrBlocks) {
            const rule = { securityGroupId: securityGroup.id, port, peer: { cidr }, tags };
            allowIn(`${name}-${protocol}-from-${cidr}`, rule, parent);
        }
        args.clientSecurityGroupIds.forEach((securityGroupId, index) => {
            const rule = { securityGroupId: securityGroup.id, port, peer: { securityGroupId }, tags };
            allowIn(`${name}-${protocol}-from-group-${index + 1}`, rule, parent);
        });
    }
    const made = new aws.lb.LoadBalancer(
        name,
        {
            loadBalancerType: args.type,
            internal: args.internal,
            subnets: args.subnetIds,
            securityGroups: [securityGroup.id],
            // A zone may be without a task for a moment. An Application Load Balancer always does so.
            enableCrossZoneLoadBalancing: args.type === "network" ? true : undefined,
            ...args.settings,
            tags,
        },
        { parent },
    );
    return { arn: made.arn, dnsName: made.dnsName, zoneId: made.zoneId, securityGroupId: securityGroup.id };
}

export interface HttpsListenerArgs {
    readonly loadBalancerArn: pulumi.Input<string>;
    readonly port: pulumi.Input<number>;
    readonly certificateArn: pulumi.Input<string>;
    readonly defaultActions: aws.lb.ListenerArgs["defaultActions"];
    readonly tags: Tags;
}

/** HTTPS of an Application Load Balancer. */
export function httpsListener(name: string, args: HttpsListenerArgs, parent: pulumi.Resource): aws.lb.Listener {
    return new aws.lb.Listener(
        name,
        {
            ...args,
            protocol: "HTTPS",
            sslPolicy,
            routingHttpResponseStrictTransportSecurityHeaderValue: strictTransportSecurity,
            routingHttpResponseServerEnabled: false,
        },
        { parent },
    );
}

/** Sends plain HTTP to HTTPS. */
export function redirectListener(
    name: string,
    args: { readonly loadBalancerArn: pulumi.Input<string>; readonly port: pulumi.Input<number>; readonly tags: Tags },
    httpsPort: pulumi.Input<number>,
    parent: pulumi.Resource,
): void {
    const redirect = { protocol: "HTTPS", port: pulumi.interpolate`${httpsPort}`, statusCode: "HTTP_301" };
    new aws.lb.Listener(
        name,
        { ...args, protocol: "HTTP", defaultActions: [{ type: "redirect", redirect }] },
        { parent },
    );
}

/** Lets a load balancer reach the tasks behind it on one port, and nobody else. */
export function connectTasks(
    name: string,
    args: {
        readonly loadBalancerSecurityGroupId: pulumi.Input<string>;
        readonly tasksSecurityGroupId: pulumi.Input<string>;
        readonly port: pulumi.Input<number>;
        readonly tags: Tags;
    },
    parent: pulumi.Resource,
): void {
    const { port, tags } = args;
    const out = {
        securityGroupId: args.loadBalancerSecurityGroupId,
        peer: { securityGroupId: args.tasksSecurityGroupId },
    };
    const into = {
        securityGroupId: args.tasksSecurityGroupId,
        peer: { securityGroupId: args.loadBalancerSecurityGroupId },
    };
    allowOut(`${name}-to-tasks`, { ...out, port, tags }, parent);
    allowIn(`${name}-from-load-balancer`, { ...into, port, tags }, parent);
}

/** Lets a load balancer ask who somebody is: identity providers are anywhere on the internet. */
export function allowSignIn(
    name: string,
    securityGroupId: pulumi.Input<string>,
    tags: Tags,
    parent: pulumi.Resource,
): void {
    for (const cidr of anywhere) {
        allowOut(`${name}-sign-in-to-${cidr}`, { securityGroupId, port: 443, peer: { cidr }, tags }, parent);
    }
}

export interface ValidatedCertificateArgs {
    readonly domain: pulumi.Input<string>;
    readonly hostedZoneId: pulumi.Input<string>;
    /** Where other regions have a certificate for the same name: what tells this one's record apart. */
    readonly setIdentifier?: pulumi.Input<string>;
    readonly tags: Tags;
}

/** A certificate of ACM, validated by a record in the zone; its ARN is known once it can be used. */
export function validatedCertificate(
    name: string,
    args: ValidatedCertificateArgs,
    parent: pulumi.Resource,
): pulumi.Output<string> {
    const certificate = new aws.acm.Certificate(
        `${name}-certificate`,
        { domainName: args.domain, validationMethod: "DNS", keyAlgorithm: "EC_prime256v1", tags: args.tags },
        { parent },
    );
    const option = certificate.domainValidationOptions[0];
    const record = new aws.route53.Record(
        `${name}-certificate-validation`,
        {
            zoneId: args.hostedZoneId,
            name: option.resourceRecordName,
            type: option.resourceRecordType,
            records: [option.resourceRecordValue],
            ttl: 60,
            allowOverwrite: true, // the same name has the same record in every certificate of an account
            // Each region its own, with the same value: without one region's, the others' certificates are still renewed.
            ...(args.setIdentifier === undefined
                ? {}
                : { setIdentifier: args.setIdentifier, weightedRoutingPolicies: [{ weight: 1 }] }),
        },
        { parent },
    );
    const validation = new aws.acm.CertificateValidation(
        `${name}-certificate-validated`,
        { certificateArn: certificate.arn, validationRecordFqdns: [record.fqdn] },
        { parent },
    );
    return validation.certificateArn;
}

/** A name for the load balancer, or with `routing` one of the records of a name. */
export function aliasRecord(
    name: string,
    domain: pulumi.Input<string>,
    hostedZoneId: pulumi.Input<string>,
    target: { readonly dnsName: pulumi.Input<string>; readonly zoneId: pulumi.Input<string> },
    parent: pulumi.Resource,
    routing: Partial<aws.route53.RecordArgs> = {},
): void {
    new aws.route53.Record(
        name,
        {
            zoneId: hostedZoneId,
            name: domain,
            type: "A",
            aliases: [{ name: target.dnsName, zoneId: target.zoneId, evaluateTargetHealth: true }],
            ...routing,
        },
        { parent },
    );
}

/** The ARN of the load balancer that has a listener: `…:listener/app/name/id/listenerId`. */
export function loadBalancerArnOf(listenerArn: string): string {
    return listenerArn.replace(":listener/", ":loadbalancer/").replace(/\/[^/]+$/, "");
}

/** `app/name/id` of a load balancer, and `targetgroup/name/id` of a target group, as CloudWatch names them. */
export function metricNameOf(arn: string): string {
    return arn
        .split(":")
        .slice(5)
        .join(":")
        .replace(/^loadbalancer\//, "");
}
