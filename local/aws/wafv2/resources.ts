import type { WebAclArgs, WebAclState } from "@pulumi/aws/wafv2/webAcl";
import type { WebAclAssociationArgs, WebAclAssociationState } from "@pulumi/aws/wafv2/webAclAssociation";
import { type Adapters, service } from "../resources/adapter";
import { kept } from "../resources/kept";
import { randomHex } from "../resources/naming";

/** Plain state: no request is judged by a firewall here. */
export const wafv2: Adapters = service("WAFv2", {
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
});

function uuid(): string {
    return randomHex(32).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
