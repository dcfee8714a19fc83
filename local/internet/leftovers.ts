// What certificates leave behind when their stacks are destroyed: what their functions made themselves, and secrets that Secrets Manager keeps for a while.
import { ACMClient, DeleteCertificateCommand } from "@aws-sdk/client-acm";
import { DeleteSecretCommand, paginateListSecrets, type SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import {
    DeleteParameterCommand,
    GetParameterCommand,
    paginateDescribeParameters,
    type SSMClient,
} from "@aws-sdk/client-ssm";

export interface LeftoversClients {
    readonly ssm: SSMClient;
    readonly secrets: SecretsManagerClient;
    /** ACM in that region. */
    readonly acm: (region: string) => ACMClient;
}

export interface Leftover {
    readonly kind: "certificate" | "parameter" | "secret";
    /** Its name, or its ARN. */
    readonly name: string;
    readonly what: string;
    /** When it goes by itself, if it does: a date of ISO 8601. */
    readonly goes?: string;
}

/** What a parameter of a certificate holds (components/wildcardCertificate.ts), by the last part of its name. */
const contents: Readonly<Record<string, string>> = {
    "acme-account-key": "the ACME account's key",
    "acme-order": "an order under way, and its key",
    "acm-certificate": "where the certificate is in ACM",
};

const ours = /^TLS certificate and key of \*\./;

/** Of stacks whose secret is gone or going; what belongs to a secret that is in use is not among it. With `only`: of the secrets of these names, in use or not, without the secrets themselves. Certificates come before the parameter that tells of them. */
export async function findLeftovers(
    { ssm, secrets }: LeftoversClients,
    only?: ReadonlySet<string>,
): Promise<Leftover[]> {
    const inUse = new Set<string>();
    const going: Leftover[] = [];
    for await (const page of paginateListSecrets({ client: secrets }, { IncludePlannedDeletion: true })) {
        for (const { Name: name = "", Description = "", DeletedDate } of page.SecretList ?? []) {
            if (DeletedDate === undefined) {
                inUse.add(name);
            } else if (ours.test(Description)) {
                going.push({
                    kind: "secret",
                    name,
                    what: Description.replace(/;.*/s, ""),
                    goes: DeletedDate.toISOString(),
                });
            }
        }
    }
    const found: Leftover[] = [];
    const ParameterFilters = [{ Key: "Name", Option: "BeginsWith", Values: ["/taskgate/"] }];
    for await (const page of paginateDescribeParameters({ client: ssm }, { ParameterFilters })) {
        for (const { Name: name = "" } of page.Parameters ?? []) {
            const [, secretName = "", last = ""] = /^\/taskgate\/(.+)\/([^/]+)$/.exec(name) ?? [];
            const what = contents[last];
            if (what === undefined || (only === undefined ? inUse.has(secretName) : !only.has(secretName))) {
                continue;
            }
            if (last === "acm-certificate") {
                const { Parameter } = await ssm.send(new GetParameterCommand({ Name: name }));
                const arns = new Set((Parameter?.Value ?? "").match(/arn:[\w-]+:acm:[\w-]+:\d+:certificate\/[\w-]+/g));
                found.push(...[...arns].map((arn) => ({ kind: "certificate" as const, name: arn, what: "the certificate in ACM" }))); // prettier-ignore
            }
            found.push({ kind: "parameter", name, what });
        }
    }
    return only === undefined ? [...found, ...going] : found;
}

/** Takes it away for good. One that went in between is as wanted. */
export async function removeLeftover({ ssm, secrets, acm }: LeftoversClients, { kind, name }: Leftover): Promise<void> {
    try {
        if (kind === "certificate") {
            await acm(name.split(":")[3]).send(new DeleteCertificateCommand({ CertificateArn: name }));
        } else if (kind === "parameter") {
            await ssm.send(new DeleteParameterCommand({ Name: name }));
        } else {
            await secrets.send(new DeleteSecretCommand({ SecretId: name, ForceDeleteWithoutRecovery: true }));
        }
    } catch (error) {
        if (!/^(ParameterNotFound|ResourceNotFoundException)$/.test((error as Error).name)) {
            throw error;
        }
    }
}
