// Rules of arguments that several components have.
import {
    acmeDirectoryReason,
    arnKinds,
    arnReason,
    cidrReason,
    domainForm,
    domainReason,
    emailReason,
    hostedZoneForm,
    hostedZoneReason,
    idReason,
    integerReason,
    logRetentionReason,
    portReason,
    tagKeyReason,
    tagValueReason,
} from "./rules";
import { list, map, number, plain, required, Rule, text, word } from "./validation";

/** A domain, below which a label of that length will be put in front. */
export function domain(longestLabel = 0): Rule {
    return text((value) => domainReason(value, longestLabel), domainForm);
}

/** A whole number within bounds, both included. */
export function integer(least: number, most: number, unit?: string): Rule {
    return number((value) => integerReason(value, least, most, unit));
}

export const hostedZoneId = text(hostedZoneReason, hostedZoneForm);
export const vpcId = text((value) => idReason(value, "vpc", "VPC"));
export const subnetId = text((value) => idReason(value, "subnet", "subnet"));
export const securityGroupId = text((value) => idReason(value, "sg", "security group"));
export const clusterArn = text((value) => arnReason(value, arnKinds.cluster));
export const topicArn = text((value) => arnReason(value, arnKinds.topic));
/** A whole secret: what is read of it is decided here. */
export const secretArn = text((value) => arnReason(value, arnKinds.secret));
/** What ECS can put into a variable. A parameter's bare name would do for ECS, but no permission to read it could be given. */
export const secretReference = text((value) => arnReason(value, arnKinds.secretReference, arnKinds.parameter));
export const email = text(emailReason);
export const acmeDirectory = text(acmeDirectoryReason);
export const port = number(portReason);
export const desiredCount = integer(0, 5000, "tasks");
export const logRetentionDays = number(logRetentionReason);
export const allowedCidrBlocks = plain(list(text(cidrReason), { unique: true }));
export const allowedSecurityGroupIds = plain(list(securityGroupId));
export const tags = map(
    word((value) => tagValueReason(value)),
    tagKeyReason,
    45, // AWS takes 50; awsx names what it makes by one, Sessions' tasks have four more
);

const example = 'e.g. ["subnet-0123456789abcdef0", "subnet-0fedcba9876543210"]';

/** Subnets; a load balancer of the application kind needs two Availability Zones. */
export function subnetIds(least = 1): Rule {
    return list(subnetId, { least, unique: true });
}

/** What each component of tasks needs. */
export const placement = {
    vpcId: required(vpcId, "give the id of the VPC, e.g. Network's vpcId"),
    subnetIds: required(subnetIds(), `give the ids of the subnets, ${example}`),
    clusterArn: required(clusterArn, "give the ARN of the ECS cluster, e.g. Cluster's clusterArn"),
};

/** Names in a hosted zone. */
export const named = {
    domain: (longestLabel: number): Rule => required(domain(longestLabel), "give the domain, e.g. tasks.example.com"),
    hostedZoneId: required(hostedZoneId, "give the id of the public hosted zone that holds the domain"),
};
