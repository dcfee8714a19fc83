// A mix of one's own on a VPC that is there already: one cluster, one certificate and one DNS sync for two kinds of tasks.
import * as pulumi from "@pulumi/pulumi";
import { Cluster, EnvoyTask, TaskDns, WildcardCertificate } from "taskgate";

const config = new pulumi.Config();
const domain = config.require("domain");
const hostedZoneId = config.require("hostedZoneId");
const tags = { project: pulumi.getProject() };

const cluster = new Cluster("notebooks", { tags });
const certificate = new WildcardCertificate("certificate", {
    domain,
    hostedZoneId,
    acmeDirectory: config.require("acmeDirectory"),
    tags,
});
const dns = new TaskDns("dns", {
    clusterArn: cluster.clusterArn,
    hostedZoneId,
    domain,
    alarmTopicArn: certificate.topicArn,
    tags,
});

/** A kind of notebook: the same image in a size of its own. */
function notebook(name: string, cpu: number, memory: number): EnvoyTask {
    return new EnvoyTask(
        name,
        {
            image: "docker.io/traefik/whoami:v1.11.0",
            command: ["--port", "8080"],
            cpu,
            memory,
            vpcId: config.require("vpcId"),
            subnetIds: config.requireObject<string[]>("subnetIds"),
            clusterArn: cluster.clusterArn,
            certificateSecretArn: certificate.secretArn,
            domain,
            httpsPort: config.requireNumber("httpsPort"),
            httpPort: config.requireNumber("httpPort"),
            tags,
        },
        { dependsOn: [dns] },
    );
}

/** What `aws ecs run-task --cli-input-json` takes, for each kind. */
export const runTaskInputs = {
    small: notebook("small", 256, 512).runTaskInput,
    large: notebook("large", 1024, 4096).runTaskInput,
};
export const clusterArn = cluster.clusterArn;
export const certificateSecretArn = certificate.secretArn;
