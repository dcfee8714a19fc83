import type { CreateBucketRequest } from "@aws-sdk/client-s3";

import type { Rules } from "../models/rule";

const isName = /^(?!xn--|sthree-|amzn-s3-demo-)(?!.*\.\.)(?!\d+\.\d+\.\d+\.\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const isReserved = /(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$/;

export const s3Rules: Rules = {
    CreateBucket: [
        {
            source: "https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html",
            code: "InvalidBucketName",
            fault: ({ Bucket = "" }: CreateBucketRequest) =>
                isName.test(Bucket) && !isReserved.test(Bucket) ? undefined : "The specified bucket is not valid.",
        },
    ],
};
