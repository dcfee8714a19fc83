// Two services whose tasks show the certificate of a secret to who comes through a Network Load Balancer: one is replaced after renewals, one takes them up.
// Both are patched.
import * as pulumi from "@pulumi/pulumi";

import type { RotationsArgs } from "../../../components/internal/task/rotation";
import {
    Cluster,
    LoadBalancedService,
    LoadBalancerType,
    Network,
    Patching,
    Tls,
    WildcardCertificate,
} from "../../../components";

const config = new pulumi.Config();
const [domain, hostedZoneId] = [config.require("domain"), config.require("hostedZoneId")];

const network = new Network("network");
const cluster = new Cluster("cluster");
const certificate = new WildcardCertificate("certificate", {
    domain,
    hostedZoneId,
    acmeDirectory: config.require("acmeDirectory"),
    importToAcm: true, // a deployment waits for the first certificate then
    sealedCopy: true,
});

function service(name: string, image: string, rotation: RotationsArgs): LoadBalancedService {
    return new LoadBalancedService(
        name,
        {
            ...rotation,
            image,
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
            domain: `${name}.${domain}`,
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
}

const app = service("app", config.require("image"), {});
const hot = service("hot", "docker.io/traefik/whoami:v1.11.0", {
    rotation: "hot",
    sealedCertificateUrl: certificate.sealedCopyUrl,
});

const patching = new Patching("patching", {
    clusterArn: cluster.clusterArn,
    maintenanceWindow: { schedule: config.require("schedule"), duration: 4, maxConcurrency: 2 },
    stopTasks: true,
});

export const patchFunctionName = patching.functionName;
export const renewalFunctionName = certificate.functionName;
export const serviceName = app.serviceName;
export const hotServiceName = hot.serviceName;
export const { clusterArn } = cluster;
