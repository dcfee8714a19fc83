import type { CreateQueueRequest } from "@aws-sdk/client-sqs";

import type { Rules } from "../models/rule";

export const sqsRules: Rules = {
    CreateQueue: [
        {
            source: "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html",
            code: "InvalidParameterValue",
            fault: ({ QueueName = "" }: CreateQueueRequest) =>
                QueueName.length <= 80 && /^[a-zA-Z0-9_-]+(\.fifo)?$/.test(QueueName)
                    ? undefined
                    : "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        },
    ],
};
