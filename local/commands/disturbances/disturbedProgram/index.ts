// One service behind an Application Load Balancer: with our components in two shapes, or from plain resources as common tutorials have it.
// Intervals are as short as AWS allows, and the same for all, so that nobody waits for long.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { Cluster, LoadBalancedService, Network, Tls } from "../../../../components";

const config = new pulumi.Config();
const settings = config.require("settings");
const desiredCount = config.requireNumber("desiredCount");
const domain = config.require("domain");
const hostedZoneId = config.require("hostedZoneId");
const image = "docker.io/traefik/whoami:v1.11.0";
const command = ["--port", "8080", "--name", config.require("version")];

const network = new Network("network");
const cluster = new Cluster("cluster");
const service = settings === "tutorial" ? tutorialService() : ourService();

function ourService(): { readonly name: pulumi.Output<string>; readonly targetGroupArn: pulumi.Output<string> } {
    const { serviceName, targetGroupArn } = new LoadBalancedService("app", {
        image,
        command,
        healthCheckPath: "/health",
        vpcId: network.vpcId,
        subnetIds: network.publicSubnetIds,
        assignPublicIp: true,
        loadBalancerSubnetIds: network.publicSubnetIds,
        clusterArn: cluster.clusterArn,
        domain,
        hostedZoneId,
        desiredCount,
        tls: settings === "endToEnd" ? Tls.EndToEnd : Tls.Terminate,
        targetHealth: { interval: 5, timeout: 2, graceSeconds: 15 },
        deregistrationDelay: 15,
    });
    return { name: serviceName, targetGroupArn };
}

/** A short deregistration delay so that deployments are quick, three quarters of the tasks, no grace. */
function tutorialService(): { readonly name: pulumi.Output<string>; readonly targetGroupArn: pulumi.Output<string> } {
    const anywhere = { protocol: "-1", fromPort: 0, toPort: 0, cidrBlocks: ["0.0.0.0/0"] };
    const group = new aws.ec2.SecurityGroup("app", { vpcId: network.vpcId, ingress: [anywhere], egress: [anywhere] });
    const balancer = new aws.lb.LoadBalancer("app", { subnets: network.publicSubnetIds, securityGroups: [group.id] });
    const targets = new aws.lb.TargetGroup("app", {
        vpcId: network.vpcId,
        targetType: "ip",
        protocol: "HTTP",
        port: 8080,
        deregistrationDelay: 5,
        healthCheck: { path: "/health", interval: 5, timeout: 2, healthyThreshold: 2, unhealthyThreshold: 2 },
    });
    const certificate = new aws.acm.Certificate("app", { domainName: domain, validationMethod: "DNS" });
    const [option] = [certificate.domainValidationOptions[0]];
    const proof = new aws.route53.Record("proof", {
        zoneId: hostedZoneId,
        name: option.resourceRecordName,
        type: option.resourceRecordType,
        records: [option.resourceRecordValue],
        ttl: 60,
    });
    const validated = new aws.acm.CertificateValidation("app", {
        certificateArn: certificate.arn,
        validationRecordFqdns: [proof.fqdn],
    });
    const listener = new aws.lb.Listener("app", {
        loadBalancerArn: balancer.arn,
        port: 443,
        protocol: "HTTPS",
        certificateArn: validated.certificateArn,
        defaultActions: [{ type: "forward", targetGroupArn: targets.arn }],
    });
    new aws.route53.Record("app", {
        zoneId: hostedZoneId,
        name: domain,
        type: "A",
        aliases: [{ name: balancer.dnsName, zoneId: balancer.zoneId, evaluateTargetHealth: true }],
    });
    const role = new aws.iam.Role("app", {
        assumeRolePolicy: aws.iam.assumeRolePolicyForPrincipal({ Service: "ecs-tasks.amazonaws.com" }),
    });
    const taskDefinition = new aws.ecs.TaskDefinition("app", {
        family: "tutorial",
        cpu: "256",
        memory: "512",
        networkMode: "awsvpc",
        requiresCompatibilities: ["FARGATE"],
        executionRoleArn: role.arn,
        containerDefinitions: JSON.stringify([
            { name: "app", image, command, essential: true, portMappings: [{ containerPort: 8080 }] },
        ]),
    });
    const made = new aws.ecs.Service(
        "app",
        {
            cluster: cluster.clusterArn,
            taskDefinition: taskDefinition.arn,
            desiredCount,
            launchType: "FARGATE",
            networkConfiguration: {
                subnets: network.publicSubnetIds,
                securityGroups: [group.id],
                assignPublicIp: true,
            },
            loadBalancers: [{ targetGroupArn: targets.arn, containerName: "app", containerPort: 8080 }],
            healthCheckGracePeriodSeconds: 0,
            deploymentMinimumHealthyPercent: 75,
            deploymentMaximumPercent: 200,
        },
        { dependsOn: [listener] },
    );
    return { name: made.name, targetGroupArn: targets.arn };
}

export const region = aws.getRegionOutput().region;
export const clusterArn = cluster.clusterArn;
export const serviceName = service.name;
export const targetGroupArn = service.targetGroupArn;
export const hostname = domain;
