// A board for each team: the first of its people to come starts it, the others find it, nobody else can open it.
import * as pulumi from "@pulumi/pulumi";
import { CpuArchitecture, Sessions, TaskPlatform } from "taskgate";

const config = new pulumi.Config();
const tags = { project: pulumi.getProject() };
const httpsPort = config.requireNumber("httpsPort");
/** A board lasts for a working day, and if its people stay for a day at most. */
const [workingDay, day] = [8 * 3600, 24 * 3600];
const people = { issuer: config.require("issuer"), audiences: [config.require("audience")] };

const boards = new TaskPlatform("boards", {
    domain: config.require("domain"),
    hostedZoneId: config.require("hostedZoneId"),
    acmeDirectory: config.require("acmeDirectory"),
    build: { context: "board" },
    cpuArchitecture: CpuArchitecture.X86,
    httpsPort,
    httpPort: config.requireNumber("httpPort"),
    idleTimeout: config.requireNumber("idleTimeout"),
    maxLifetime: day,
    authentication: {
        ...people,
        requiredClaims: { "custom:team": "TEAM_ID" },
        claimHeaders: { "x-team": "custom:team", "x-person": "email" },
    },
    tags,
});
const sessions = new Sessions("sessions", {
    runTaskInput: boards.runTaskInput,
    taskRoleArn: boards.taskRoleArn,
    executionRoleArn: boards.executionRoleArn,
    namesTableName: boards.namesTableName,
    httpsPort,
    ...people,
    handsOnToken: true,
    tenantClaim: "custom:team",
    claimVariables: { TEAM_ID: "custom:team", OPENED_BY: "email" },
    maxSessions: 200,
    maxSessionsPerTenant: 2,
    maxLifetime: workingDay,
    taskLifetime: day,
    iamAuthorization: true,
    alarmTopicArn: boards.alertTopicArn,
    taskTags: { ...tags, "cost-centre": "boards" },
    tags,
});

export const apiUrl = sessions.apiUrl;
/** For the roles of your back ends: each may call for the team that its tag `taskgate:tenant` names. */
export const callPolicy = sessions.callPolicy;
export const certificateSecretArn = boards.certificateSecretArn;
