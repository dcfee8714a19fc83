import { IAM } from "@aws-sdk/client-iam";

import type { clientConfig } from "../../local/machine/awsClients";

/** A policy of these statements, as text. */
export function policyOf(...statements: readonly object[]): string {
    return JSON.stringify({ Version: "2012-10-17", Statement: statements });
}

/** Makes a role that a service may assume, with these statements as its policy, and gives its ARN. */
export async function newRole(
    config: ReturnType<typeof clientConfig>,
    name: string,
    service: string,
    ...statements: readonly object[]
): Promise<string> {
    const iam = new IAM(config);
    const Assume = { Effect: "Allow", Principal: { Service: service }, Action: "sts:AssumeRole" };
    const { Role } = await iam.createRole({ RoleName: name, AssumeRolePolicyDocument: policyOf(Assume) });
    await iam.putRolePolicy({ RoleName: name, PolicyName: "own", PolicyDocument: policyOf(...statements) });
    return Role!.Arn!;
}
