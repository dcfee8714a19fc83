import type { UserPoolArgs, UserPoolState } from "@pulumi/aws/cognito/userPool";
import type { UserPoolClientArgs, UserPoolClientState } from "@pulumi/aws/cognito/userPoolClient";
import type { UserPoolDomainArgs, UserPoolDomainState } from "@pulumi/aws/cognito/userPoolDomain";
import type { WebAclArgs, WebAclState } from "@pulumi/aws/wafv2/webAcl";
import type { WebAclAssociationArgs, WebAclAssociationState } from "@pulumi/aws/wafv2/webAclAssociation";
import { type Adapters, service } from "../adapter";
import { kept } from "../kept";
import { randomHex } from "../naming";

/** What stands before and behind load-balanced services and does nothing here: no request is judged by a firewall, no user signs in. */
export const edge: Adapters = {
    ...service("WAFv2", {
        "wafv2/webAcl:WebAcl": kept<WebAclArgs, WebAclState>({
            taggable: true,
            autoName: { property: "name", maxLength: 128 },
            id: () => uuid(),
            replaceOn: ["name", "scope"],
            outputs: (aws, { name }, id) => ({ arn: aws.arn("wafv2", `regional/webacl/${name}/${id}`), capacity: 1 }),
        }),
        "wafv2/webAclAssociation:WebAclAssociation": kept<WebAclAssociationArgs, WebAclAssociationState>({
            id: (_, { webAclArn, resourceArn }) => `${webAclArn},${resourceArn}`,
            replaceOn: ["webAclArn", "resourceArn"],
        }),
    }),
    ...service("Cognito", {
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
    }),
};

function uuid(): string {
    return randomHex(32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
