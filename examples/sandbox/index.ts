// A sandbox for each agent: a task of its own, without a permission in AWS, in which its code runs and which nobody else reaches.
import * as pulumi from "@pulumi/pulumi";
import { CpuArchitecture, Sessions, TaskPlatform } from "taskgate";

const config = new pulumi.Config();
const tags = { project: pulumi.getProject() };
const httpsPort = config.requireNumber("httpsPort");
const agents = { issuer: config.require("issuer"), audiences: [config.require("audience")] };

const sandboxes = new TaskPlatform("sandboxes", {
    domain: config.require("domain"),
    hostedZoneId: config.require("hostedZoneId"),
    acmeDirectory: config.require("acmeDirectory"),
    build: { context: "sandbox" },
    cpuArchitecture: CpuArchitecture.X86,
    httpsPort,
    httpPort: config.requireNumber("httpPort"),
    idleTimeout: config.requireNumber("idleTimeout"),
    authentication: { ...agents, requiredClaims: { sub: "SESSION_TENANT" } },
    tags,
});
const sessions = new Sessions("sessions", {
    runTaskInput: sandboxes.runTaskInput,
    taskRoleArn: sandboxes.taskRoleArn,
    executionRoleArn: sandboxes.executionRoleArn,
    namesTableName: sandboxes.namesTableName,
    httpsPort,
    ...agents,
    maxSessions: 200,
    maxSessionsPerTenant: 1,
    maxLifetime: 3600,
    alarmTopicArn: sandboxes.alertTopicArn,
    tags,
});

export const apiUrl = sessions.apiUrl;
export const certificateSecretArn = sandboxes.certificateSecretArn;
