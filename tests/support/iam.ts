// What policies of identities allow, as a simulator of IAM evaluates them.
import { runSimulation } from "@cloud-copilot/iam-simulate";

import { byWildcards } from "../../local/aws/permissions/allowances";
import { accountId } from "./mocks";

/** What must be allowed. */
export interface Need {
    readonly action: string;
    readonly resource: string;
    readonly context?: Readonly<Record<string, string | string[]>>;
}

const keyPolicy = {
    Version: "2012-10-17",
    Statement: [
        { Effect: "Allow", Principal: { AWS: `arn:aws:iam::${accountId}:root` }, Action: "kms:*", Resource: "*" },
    ],
};

/** Whether a role that has these policies may. */
export async function isAllowed(
    policies: readonly object[],
    { action, resource, context = {} }: Need,
): Promise<boolean> {
    const named = policies.map((policy, index) => ({ name: `policy-${index}`, policy }));
    const result = await runSimulation(
        {
            request: {
                principal: `arn:aws:iam::${accountId}:role/taskgate`,
                action,
                resource: { resource, accountId },
                contextVariables: { "aws:SecureTransport": "true", "aws:PrincipalAccount": accountId, ...context },
            },
            // A key's own policy lets the account's policies decide.
            ...(action.startsWith("kms:") && { resourcePolicy: keyPolicy }),
            identityPolicies: named,
            serviceControlPolicies: [],
            resourceControlPolicies: [],
        },
        {},
    );
    if (result.resultType === "error" && JSON.stringify(result.errors).includes("no.resource.types")) {
        return byWildcards(named, { action, resource }) === "Allowed";
    }
    if (result.resultType === "error") {
        throw new Error(`${action} ${resource}: ${JSON.stringify(result.errors)}`);
    }
    return result.overallResult === "Allowed";
}
