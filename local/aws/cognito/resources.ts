import type { UserPoolArgs, UserPoolState } from "@pulumi/aws/cognito/userPool";
import type { UserPoolClientArgs, UserPoolClientState } from "@pulumi/aws/cognito/userPoolClient";
import type { UserPoolDomainArgs, UserPoolDomainState } from "@pulumi/aws/cognito/userPoolDomain";
import { type Adapters, service } from "../resources/adapter";
import { kept } from "../resources/kept";
import { randomHex } from "../resources/naming";

/** Plain state: no user signs in here. */
export const cognito: Adapters = service("Cognito", {
    "cognito/userPool:UserPool": kept<UserPoolArgs, UserPoolState>({
        taggable: true,
        autoName: { property: "name", maxLength: 128 },
        id: ({ region }) => `${region}_${randomHex(9)}`,
        outputs: (aws, _, id) => ({
            arn: aws.arn("cognito-idp", `userpool/${id}`),
            endpoint: `cognito-idp.${aws.region}.amazonaws.com/${id}`,
        }),
    }),
    "cognito/userPoolClient:UserPoolClient": kept<UserPoolClientArgs, UserPoolClientState>({
        autoName: { property: "name", maxLength: 128 },
        id: () => randomHex(26),
        replaceOn: ["userPoolId", "generateSecret"],
    }),
    "cognito/userPoolDomain:UserPoolDomain": kept<UserPoolDomainArgs, UserPoolDomainState>({
        id: (_, { domain }) => domain,
        replaceOn: ["domain", "userPoolId"],
    }),
});
