// Records that may nowhere be in the clear: the load balancer encrypts anew, and an Envoy in each task ends TLS beside the app.
import * as pulumi from "@pulumi/pulumi";
import { Cluster, LoadBalancedService, NatGateways, Network, Tls, WildcardCertificate } from "taskgate";

const config = new pulumi.Config();
const domain = config.require("domain");
const hostedZoneId = config.require("hostedZoneId");
const ports = { httpsPort: config.requireNumber("httpsPort"), httpPort: config.requireNumber("httpPort") };
const tags = { project: pulumi.getProject() };

const network = new Network("network", { natGateways: NatGateways.Single, tags });
const cluster = new Cluster("cluster", { tags });
// The load balancer shows our own wildcard certificate: it is imported into ACM, at each renewal under the same ARN.
const certificate = new WildcardCertificate("certificate", {
    domain,
    hostedZoneId,
    acmeDirectory: config.require("acmeDirectory"),
    importToAcm: true,
    tags,
});

const records = new LoadBalancedService("records", {
    ...ports,
    image: config.require("image"),
    command: ["--port", "8080"],
    healthCheckPath: "/health",
    tls: Tls.EndToEnd,
    vpcId: network.vpcId,
    subnetIds: network.privateSubnetIds,
    loadBalancerSubnetIds: network.publicSubnetIds,
    clusterArn: cluster.clusterArn,
    certificateArn: certificate.certificateArn,
    domain: `records.${domain}`,
    hostedZoneId,
    drainSeconds: 60,
    deregistrationDelay: 60,
    tags,
});

export const url = records.url;
