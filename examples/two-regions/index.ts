// Two regions: a shop that each visitor finds in the nearer one, and a desk that runs in the first and that the second takes over.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";
import { Cluster, Failover, LoadBalancedService, Network } from "taskgate";

const config = new pulumi.Config();
const domain = config.require("domain");
const hostedZoneId = config.require("hostedZoneId");
const ports = { httpsPort: config.requireNumber("httpsPort"), httpPort: config.requireNumber("httpPort") };
const standbyTasks = config.requireNumber("standbyTasks");
const regions = config.requireObject<aws.Region[]>("regions");
const outOfService = config.requireObject<aws.Region[]>("outOfService");
const tags = { project: pulumi.getProject() };

for (const [index, region] of regions.entries()) {
    const provider = new aws.Provider(region, { region });
    const network = new Network(`network-${region}`, { tags }, { provider });
    const cluster = new Cluster(`cluster-${region}`, { tags }, { provider });
    const inService = !outOfService.includes(region);
    const common = {
        ...ports,
        image: "docker.io/traefik/whoami:v1.11.0",
        command: ["--port", "8080", "--name", region],
        healthCheckPath: "/health",
        // Tasks of a region that fails are found out in ten seconds.
        targetHealth: { interval: 5, timeout: 2, healthyThreshold: 2, unhealthyThreshold: 2 },
        vpcId: network.vpcId,
        subnetIds: network.publicSubnetIds,
        assignPublicIp: true,
        loadBalancerSubnetIds: network.publicSubnetIds,
        clusterArn: cluster.clusterArn,
        hostedZoneId,
        tags,
    };

    new LoadBalancedService(
        `shop-${region}`,
        { ...common, domain: `shop.${domain}`, routing: { latency: {}, inService } },
        { provider },
    );
    // A load balancer of its own: one is unhealthy when any of its services has no task.
    const isPrimary = index === 0;
    new LoadBalancedService(
        `desk-${region}`,
        {
            ...common,
            domain: `desk.${domain}`,
            desiredCount: isPrimary ? 2 : standbyTasks,
            routing: { failover: isPrimary ? Failover.Primary : Failover.Secondary, inService },
        },
        { provider },
    );
}

export const urls = ["shop", "desk"].map((host) => `https://${host}.${domain}/`);
