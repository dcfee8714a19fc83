// The stack: one TaskPlatform in each region, all in one hosted zone.
import * as aws from "@pulumi/aws";
import * as pulumi from "@pulumi/pulumi";

import { TaskPlatform } from "./components";
import { readConfig } from "./config";

const config = readConfig();
const tags = { "taskgate:stack": `${pulumi.getProject()}/${pulumi.getStack()}` };

const providers = config.regions.map(
    (region) => new aws.Provider(region, { ...config.provider, region: region as aws.Region }),
);
const hostedZoneId =
    config.hostedZoneId ??
    aws.route53.getZoneOutput({ name: config.hostedZoneName }, { provider: providers[0] }).zoneId;

const inEachRegion = config.regions.map((region, index) => {
    const platform = new TaskPlatform(
        `tasks-${region}`,
        { ...config.platform, domain: `${region}.${config.domain}`, hostedZoneId, tags },
        { provider: providers[index] },
    );
    return [region, platform] as const;
});

/** Of each region: what a caller needs to start tasks there, and an operator to look after them. */
export const regions = Object.fromEntries(
    inEachRegion.map(([region, platform]) => [
        region,
        {
            domain: `${region}.${config.domain}`,
            runTaskCommand: platform.runTaskCommand,
            runTaskInput: platform.runTaskInput,
            clusterArn: platform.clusterArn,
            taskDefinitionArn: platform.taskDefinitionArn,
            vpcId: platform.vpcId,
            subnetIds: platform.subnetIds,
            securityGroupId: platform.securityGroupId,
            taskRoleArn: platform.taskRoleArn,
            logGroupName: platform.logGroupName,
            certificateSecretArn: platform.certificateSecretArn,
            renewalFunctionName: platform.renewalFunctionName,
            rsaRenewalFunctionName: platform.rsaRenewalFunctionName,
            dnsFunctionName: platform.dnsFunctionName,
            alertTopicArn: platform.alertTopicArn,
        },
    ]),
);
