// A shop and its API share an Application Load Balancer, which ends TLS; the API asks its callers for a token.
import * as pulumi from "@pulumi/pulumi";
import { Cluster, LoadBalancedService, NatGateways, Network } from "taskgate";

const config = new pulumi.Config();
const domain = config.require("domain");
const hostedZoneId = config.require("hostedZoneId");
const ports = { httpsPort: config.requireNumber("httpsPort"), httpPort: config.requireNumber("httpPort") };
const tags = { project: pulumi.getProject() };

const network = new Network("network", { natGateways: NatGateways.Single, tags });
const cluster = new Cluster("cluster", { tags });
const common = {
    healthCheckPath: "/health",
    vpcId: network.vpcId,
    subnetIds: network.privateSubnetIds,
    clusterArn: cluster.clusterArn,
    hostedZoneId,
    tags,
};

const shop = new LoadBalancedService("shop", {
    ...common,
    build: { context: "shop", args: { VERSION: config.require("version") } },
    ...ports,
    loadBalancerSubnetIds: network.publicSubnetIds,
    domain: `www.${domain}`,
    autoscaling: { minTasks: 2, maxTasks: 10, requestsPerTarget: 1000 },
});
const api = new LoadBalancedService("api", {
    ...common,
    image: "docker.io/traefik/whoami:v1.11.0",
    command: ["--port", "8080"],
    listenerArn: shop.listenerArn,
    loadBalancerSecurityGroupId: shop.loadBalancerSecurityGroupId,
    domain: `api.${domain}`,
    hosts: [`api.${domain}`],
    priority: 10,
    jwt: { issuer: `https://id.${domain}`, jwksEndpoint: `https://id.${domain}/.well-known/jwks.json` },
});

export const urls = [shop.url, api.url];
