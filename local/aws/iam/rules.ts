import type { CreateRoleRequest, PutRolePolicyRequest } from "@aws-sdk/client-iam";

import type { Rules } from "../models/rule";

const source = "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html";

/** IAM counts no white space. */
function size(document = ""): number {
    return document.replace(/\s/g, "").length;
}

export const iamRules: Rules = {
    CreateRole: [
        {
            source,
            code: "LimitExceeded",
            fault: ({ AssumeRolePolicyDocument }: CreateRoleRequest) =>
                size(AssumeRolePolicyDocument) > 2_048 ? "Cannot exceed quota for ACLSizePerRole: 2048" : undefined,
        },
    ],
    PutRolePolicy: [
        {
            source,
            code: "LimitExceeded",
            fault: ({ PolicyDocument, RoleName }: PutRolePolicyRequest) =>
                size(PolicyDocument) > 10_240
                    ? `Maximum policy size of 10240 bytes exceeded for role ${RoleName}`
                    : undefined,
        },
    ],
};
