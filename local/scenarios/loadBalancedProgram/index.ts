// The program of the load-balanced scenarios: one service in each shape, on a network and a cluster of its own.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { Cluster, LoadBalancedService, LoadBalancerType, Network, Tls } from "../../../components";
import type { LoadBalancedServiceArgs } from "../../../components";

const config = new pulumi.Config();

/** What each shape says beyond the defaults. */
const shapes: Readonly<Record<string, Partial<LoadBalancedServiceArgs>>> = {
    alb: {},
    "end-to-end-tls": { tls: Tls.EndToEnd },
    nlb: { loadBalancer: LoadBalancerType.Network },
};

const network = new Network("network");
const cluster = new Cluster("cluster");
const service = new LoadBalancedService("app", {
    image: "docker.io/traefik/whoami:v1.11.0",
    command: ["--port", "8080", "--name", config.require("version")],
    healthCheckPath: "/health",
    vpcId: network.vpcId,
    subnetIds: network.publicSubnetIds,
    assignPublicIp: true,
    loadBalancerSubnetIds: network.publicSubnetIds,
    clusterArn: cluster.clusterArn,
    domain: config.require("domain"),
    hostedZoneId: config.require("hostedZoneId"),
    targetHealth: { interval: 5, timeout: 2 },
    deregistrationDelay: 10,
    ...shapes[config.require("shape")],
});

export const region = aws.getRegionOutput().region;
export const clusterArn = cluster.clusterArn;
export const serviceName = service.serviceName;
export const targetGroupArn = service.targetGroupArn;
export const url = service.url;
