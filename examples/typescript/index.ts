// Preview environments: each task that is started from this stack is a preview at its own HTTPS name.
import * as pulumi from "@pulumi/pulumi";
import { CpuArchitecture, TaskPlatform } from "taskgate";

const config = new pulumi.Config();

const previews = new TaskPlatform("previews", {
    domain: config.require("domain"),
    hostedZoneId: config.require("hostedZoneId"),
    acmeDirectory: config.require("acmeDirectory"),
    image: "docker.io/traefik/whoami:v1.11.0",
    command: ["--port", "8080"],
    environment: { WHOAMI_NAME: "preview" },
    cpuArchitecture: CpuArchitecture.X86,
    httpsPort: config.requireNumber("httpsPort"),
    httpPort: config.requireNumber("httpPort"),
    tags: { project: pulumi.getProject() },
});

export const runTaskCommand = previews.runTaskCommand;
export const runTaskInput = previews.runTaskInput;
export const clusterArn = previews.clusterArn;
export const certificateSecretArn = previews.certificateSecretArn;
