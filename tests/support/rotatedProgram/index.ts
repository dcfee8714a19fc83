// A service whose tasks show the certificate of a secret to who comes through a Network Load Balancer.
import * as pulumi from "@pulumi/pulumi";

import { Cluster, LoadBalancedService, LoadBalancerType, Network, Tls, WildcardCertificate } from "../../../components";

const config = new pulumi.Config();
const [domain, hostedZoneId] = [config.require("domain"), config.require("hostedZoneId")];

const network = new Network("network");
const cluster = new Cluster("cluster");
const certificate = new WildcardCertificate("certificate", {
    domain,
    hostedZoneId,
    acmeDirectory: config.require("acmeDirectory"),
    importToAcm: true, // a deployment waits for the first certificate then
});
const service = new LoadBalancedService(
    "app",
    {
        image: "docker.io/traefik/whoami:v1.11.0",
        command: ["--port", "8080"],
        healthCheckPath: "/health",
        loadBalancer: LoadBalancerType.Network,
        tls: Tls.EndToEnd,
        certificateSecretArn: certificate.secretArn,
        vpcId: network.vpcId,
        subnetIds: network.publicSubnetIds,
        assignPublicIp: true,
        loadBalancerSubnetIds: network.publicSubnetIds,
        clusterArn: cluster.clusterArn,
        domain: `app.${domain}`,
        hostedZoneId,
        httpsPort: config.requireNumber("httpsPort"),
        httpPort: config.requireNumber("httpPort"),
        desiredCount: 2,
        drainSeconds: 10,
        deregistrationDelay: 15,
        targetHealth: { interval: 5, timeout: 2, graceSeconds: 15 },
    },
    { dependsOn: [certificate] },
);

export const renewalFunctionName = certificate.functionName;
export const { serviceName } = service;
export const { clusterArn } = cluster;
