// The program of the Traefik scenario: a gateway, and a service of Envoy tasks that it routes to by their labels.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { Cluster, EnvoyTask, Network, TraefikGateway, traefikLabels, WildcardCertificate } from "../../../components";

const config = new pulumi.Config();
const domain = config.require("domain");
const hostedZoneId = config.require("hostedZoneId");
const httpsPort = config.requireNumber("httpsPort");
const httpPort = config.requireNumber("httpPort");

const network = new Network("network");
const cluster = new Cluster("cluster");
const certificate = new WildcardCertificate("certificate", {
    domain,
    hostedZoneId,
    acmeDirectory: config.require("acmeDirectory"),
});
const gateway = new TraefikGateway("gateway", {
    vpcId: network.vpcId,
    subnetIds: network.publicSubnetIds,
    assignPublicIp: true,
    loadBalancerSubnetIds: network.publicSubnetIds,
    clusterArn: cluster.clusterArn,
    certificateSecretArn: certificate.secretArn,
    domain,
    hostedZoneId,
    deregistrationDelay: 10,
});
const app = new EnvoyTask("app", {
    image: "docker.io/traefik/whoami:v1.11.0",
    command: ["--port", "8080", "--name", "app"],
    vpcId: network.vpcId,
    subnetIds: network.publicSubnetIds,
    clusterArn: cluster.clusterArn,
    certificateSecretArn: certificate.secretArn,
    httpsPort,
    httpPort,
    desiredCount: 2,
    dockerLabels: traefikLabels({ gateway: "gateway", name: "app", hosts: [`app.${domain}`], port: httpsPort }),
});

export const region = aws.getRegionOutput().region;
export const clusterArn = cluster.clusterArn;
export const certificateSecretArn = certificate.secretArn;
export const gatewayServiceName = gateway.serviceName;
export const appServiceName = app.serviceName;
export const hostname = `app.${domain}`;
