import type { PutRetentionPolicyRequest } from "@aws-sdk/client-cloudwatch-logs";

import type { Rules } from "../models/rule";

const days = [
    ...[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731],
    ...[1096, 1827, 2192, 2557, 2922, 3288, 3653],
];

export const logsRules: Rules = {
    PutRetentionPolicy: [
        {
            source: "https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html",
            code: "InvalidParameterException",
            fault: ({ retentionInDays = 0 }: PutRetentionPolicyRequest) =>
                days.includes(retentionInDays)
                    ? undefined
                    : `retentionInDays is ${retentionInDays}: it must be one of ${days.join(", ")}`,
        },
    ],
};
