import type { GetPolicyDocumentArgs } from "@pulumi/aws/iam/getPolicyDocument";
import type { DataSources } from "../resources/dataSources";
import type { Properties } from "../resources/values";

export const iamDataSources: DataSources = {
    "aws:iam/getPolicyDocument:getPolicyDocument": (_, args) => {
        const document = policyDocument(args);
        return Promise.resolve({
            id: String(document.Version),
            json: JSON.stringify(document, undefined, 2),
            minifiedJson: JSON.stringify(document),
        });
    },
};

/** Built the way the real data source does: single values bare, `&{…}` for IAM's own variables. */
function policyDocument(args: GetPolicyDocumentArgs): Properties {
    if (args.sourcePolicyDocuments ?? args.overridePolicyDocuments) {
        throw new Error(
            "getPolicyDocument: the local system does not merge policy documents; put the statements into one",
        );
    }
    const Statement = (args.statements ?? []).map((statement) => ({
        Sid: statement.sid,
        Effect: statement.effect ?? "Allow",
        Action: oneOrMany(statement.actions),
        NotAction: oneOrMany(statement.notActions),
        Resource: oneOrMany(statement.resources),
        NotResource: oneOrMany(statement.notResources),
        Principal: principals(statement.principals),
        NotPrincipal: principals(statement.notPrincipals),
        Condition: conditions(statement.conditions),
    }));
    return { Version: args.version ?? "2012-10-17", Id: args.policyId, Statement };
}

function oneOrMany(values: readonly string[] = []): string | string[] | undefined {
    const texts = values.map((value) => value.replaceAll("&{", "${"));
    return texts.length > 1 ? texts : texts[0];
}

function principals(list: readonly { type: string; identifiers: string[] }[] = []) {
    if (list.length === 0) {
        return undefined;
    }
    const [{ type, identifiers }] = list;
    return type === "*" && identifiers[0] === "*"
        ? "*"
        : Object.fromEntries(list.map((principal) => [principal.type, oneOrMany(principal.identifiers)]));
}

function conditions(list: readonly { test: string; variable: string; values: string[] }[] = []) {
    const byTest: Record<string, Record<string, string | string[] | undefined>> = {};
    for (const { test, variable, values } of list) {
        byTest[test] = { ...byTest[test], [variable]: oneOrMany(values) };
    }
    return list.length > 0 ? byTest : undefined;
}
