// What a Lambda function's archive holds, as AWS gives it back.
import { GetFunctionCommand, LambdaClient, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import AdmZip from "adm-zip";

import { clientConfig } from "../../local/machine/awsClients";
import type { SystemFile } from "../../local/machine/systemFile";

/** The paths in the archive of the one function whose name begins so. */
export async function archiveOf(system: SystemFile, region: string, prefix: string): Promise<string[]> {
    const lambda = new LambdaClient(clientConfig(system.gatewayUrl, { accountId: system.accountId, region }));
    const { Functions = [] } = await lambda.send(new ListFunctionsCommand({}));
    const names = Functions.flatMap(({ FunctionName = "" }) => (FunctionName.startsWith(prefix) ? [FunctionName] : []));
    if (names.length !== 1) {
        throw new Error(
            `There are ${names.length} functions ${prefix}*, of ${Functions.map((one) => one.FunctionName).join(", ")}`,
        );
    }
    const { Code } = await lambda.send(new GetFunctionCommand({ FunctionName: names[0] }));
    const answer = await fetch(Code?.Location ?? "");
    const entries = new AdmZip(Buffer.from(await answer.arrayBuffer())).getEntries();
    return entries.filter(({ isDirectory }) => !isDirectory).map(({ entryName }) => entryName);
}

/** The packages among the paths: the folders of node_modules that have a package.json. */
export function packagesIn(paths: readonly string[]): string[] {
    return paths
        .flatMap((path) => /^((?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+)\/package\.json$/.exec(path)?.[1] ?? [])
        .sort();
}
