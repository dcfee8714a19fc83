// What a Patching has found out: the report that its function leaves in the bucket. Only reads.
import { GetFunctionConfigurationCommand, type LambdaClient } from "@aws-sdk/client-lambda";
import type { S3Client } from "@aws-sdk/client-s3";

import { readJsonObject } from "../../handlers/jsonObject";
import type { PatchReport } from "../../handlers/patching/report";
import { LOOK_MINUTES, REPORT_OBJECT } from "../../handlers/patchingNames";

export interface PatchesClients {
    readonly lambda: LambdaClient;
    readonly s3: S3Client;
}

/** Milliseconds that everything together may take. */
const PATIENCE = 60_000;

/**
 * The report of the Patching whose function that is.
 *
 * @throws when there is none yet, and what to do then
 */
export async function readPatches({ lambda, s3 }: PatchesClients, functionName: string): Promise<PatchReport> {
    const { Environment } = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName: functionName }));
    const bucket = Environment?.Variables?.BUCKET_NAME;
    if (bucket === undefined) {
        throw new Error(`${functionName} is not the function of a Patching: give its functionName.`);
    }
    const { document } = await readJsonObject<PatchReport>(s3, bucket, REPORT_OBJECT, Date.now() + PATIENCE);
    if (document.tasks === undefined) {
        throw new Error(
            `${functionName} has left no report in ${bucket} yet. It looks once it is deployed and every ${LOOK_MINUTES} minutes: ask again then; if there is still none, its log says why.`,
        );
    }
    return document as PatchReport;
}
