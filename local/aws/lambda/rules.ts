import type { CreateFunctionRequest } from "@aws-sdk/client-lambda";

import type { Rule, Rules } from "../models/rule";

const environment: Rule = {
    source: "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
    code: "InvalidParameterValueException",
    fault: ({ Environment }: Pick<CreateFunctionRequest, "Environment">) =>
        Buffer.byteLength(JSON.stringify(Environment?.Variables ?? {})) > 4_096
            ? "Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit."
            : undefined,
};

export const lambdaRules: Rules = {
    CreateFunction: [
        environment,
        {
            source: "https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html",
            code: "ValidationException",
            fault: ({ FunctionName = "" }: CreateFunctionRequest) =>
                FunctionName.split(":").at(-1)!.length > 64
                    ? `Value '${FunctionName}' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64`
                    : undefined,
        },
    ],
    UpdateFunctionConfiguration: [environment],
};
