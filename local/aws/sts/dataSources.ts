import type { DataSources } from "../resources/dataSources";

export const stsDataSources: DataSources = {
    "aws:index/getRegion:getRegion": ({ region }) =>
        Promise.resolve({
            id: region,
            name: region,
            region,
            endpoint: `ec2.${region}.amazonaws.com`,
            description: region,
        }),

    "aws:index/getPartition:getPartition": () =>
        Promise.resolve({
            id: "aws",
            partition: "aws",
            dnsSuffix: "amazonaws.com",
            reverseDnsPrefix: "com.amazonaws",
        }),

    "aws:index/getCallerIdentity:getCallerIdentity": async (aws) => {
        const { Account, Arn, UserId } = await aws.sts.getCallerIdentity({});
        return { id: Account, accountId: Account, arn: Arn, userId: UserId };
    },
};
