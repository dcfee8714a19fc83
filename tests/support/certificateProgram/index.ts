// A certificate with all that may be asked for of where it is kept and how it ends.
import * as pulumi from "@pulumi/pulumi";

import { WildcardCertificate } from "../../../components";

const config = new pulumi.Config();

const certificate = new WildcardCertificate("kept", {
    domain: config.require("domain"),
    hostedZoneId: config.require("hostedZoneId"),
    acmeDirectory: config.require("acmeDirectory"),
    kmsKeyArn: config.require("kmsKeyArn"),
    importToAcm: true,
    acmRegions: ["us-east-1"],
    revokeOnDestroy: true,
});

export const { secretArn, bucketName, functionName, accountKeyParameterName, certificateArn, certificateArns } =
    certificate;
