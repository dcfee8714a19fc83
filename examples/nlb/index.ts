// Long connections with clients whose addresses count: a Network Load Balancer passes TLS on to the Envoy in each task.
import * as pulumi from "@pulumi/pulumi";
import {
    ClientAddress,
    Cluster,
    LoadBalancedService,
    LoadBalancerType,
    NatGateways,
    Network,
    Tls,
    WildcardCertificate,
} from "taskgate";

const config = new pulumi.Config();
const domain = config.require("domain");
const hostedZoneId = config.require("hostedZoneId");
const ports = { httpsPort: config.requireNumber("httpsPort"), httpPort: config.requireNumber("httpPort") };
const tags = { project: pulumi.getProject() };

const network = new Network("network", { natGateways: NatGateways.Single, tags });
const cluster = new Cluster("cluster", { tags });
const certificate = new WildcardCertificate("certificate", {
    domain,
    hostedZoneId,
    acmeDirectory: config.require("acmeDirectory"),
    tags,
});

const live = new LoadBalancedService("live", {
    ...ports,
    image: config.require("image"),
    command: ["--port", "8080"],
    healthCheckPath: "/health",
    loadBalancer: LoadBalancerType.Network,
    tls: Tls.EndToEnd,
    clientAddress: ClientAddress.ProxyProtocol,
    certificateSecretArn: certificate.secretArn,
    vpcId: network.vpcId,
    subnetIds: network.privateSubnetIds,
    loadBalancerSubnetIds: network.publicSubnetIds,
    clusterArn: cluster.clusterArn,
    domain: `live.${domain}`,
    hostedZoneId,
    drainSeconds: 115,
    tags,
});

export const url = live.url;
export const certificateSecretArn = certificate.secretArn;
