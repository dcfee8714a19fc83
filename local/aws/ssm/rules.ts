import type { PutParameterRequest } from "@aws-sdk/client-ssm";

import type { Rules } from "../models/rule";

export const ssmRules: Rules = {
    PutParameter: [
        {
            source: "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_PutParameter.html",
            code: "ValidationException",
            fault: ({ Name = "" }: PutParameterRequest) =>
                /^\/?(aws|ssm)/i.test(Name)
                    ? 'Parameter name: can\'t be prefixed with "aws" or "ssm" (case-insensitive).'
                    : undefined,
        },
        {
            source: "https://docs.aws.amazon.com/systems-manager/latest/userguide/sysman-paramstore-su-create.html",
            code: "HierarchyLevelLimitExceededException",
            fault: ({ Name = "" }: PutParameterRequest) =>
                Name.split("/").length - 1 > 15 ? "A parameter hierarchy can have at most fifteen levels." : undefined,
        },
    ],
};
