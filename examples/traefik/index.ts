// One load balancer for all apps: Traefik routes to the tasks that say by their labels which hosts are theirs.
import * as pulumi from "@pulumi/pulumi";
import { Cluster, EnvoyTask, NatGateways, Network, TraefikGateway, traefikLabels, WildcardCertificate } from "taskgate";

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

const gateway = new TraefikGateway("edge", {
    ...ports,
    vpcId: network.vpcId,
    subnetIds: network.privateSubnetIds,
    loadBalancerSubnetIds: network.publicSubnetIds,
    clusterArn: cluster.clusterArn,
    certificateSecretArn: certificate.secretArn,
    domain,
    hostedZoneId,
    tags,
});

/** An app at `<name>.<domain>`, to which nobody but Traefik can connect. */
function app(name: string): EnvoyTask {
    return new EnvoyTask(name, {
        image: config.require("image"),
        command: ["--port", "8080", "--name", name],
        vpcId: network.vpcId,
        subnetIds: network.publicSubnetIds,
        clusterArn: cluster.clusterArn,
        certificateSecretArn: certificate.secretArn,
        httpsPort: 8443,
        httpPort: 8000,
        allowedCidrBlocks: [],
        allowedSecurityGroupIds: [gateway.securityGroupId],
        drainSeconds: 30, // the 12 it takes Traefik to notice a stop, and time for what came last
        dockerLabels: traefikLabels({ gateway: "edge", name, hosts: [`${name}.${domain}`], port: 8443 }),
        desiredCount: 2,
        tags,
    });
}

export const serviceNames = [app("orders"), app("invoices")].map(({ serviceName }) => serviceName);
export const certificateSecretArn = certificate.secretArn;
