import type { DataSources } from "../resources/dataSources";

export const ecrDataSources: DataSources = {
    "aws:ecr/getAuthorizationToken:getAuthorizationToken": async (aws, { registryId }) => {
        const { authorizationData = [] } = await aws.ecr.getAuthorizationToken({});
        const { authorizationToken = "", expiresAt, proxyEndpoint } = authorizationData[0];
        const [userName, password] = Buffer.from(authorizationToken, "base64").toString().split(":");
        return {
            ...{
                id: aws.region,
                region: aws.region,
                registryId,
                authorizationToken,
                userName,
                password,
                proxyEndpoint,
            },
            expiresAt: expiresAt?.toISOString(),
        };
    },
};
