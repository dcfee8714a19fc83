// A deployed Patching's report, by the credentials at hand. Nothing loads this but `npm run local -- patches --aws`.
import { LambdaClient } from "@aws-sdk/client-lambda";
import { S3Client } from "@aws-sdk/client-s3";

import type { PatchReport } from "../../handlers/patching/report";
import { readPatches } from "../internet/patches";

export function patchesOnAws(region: string, functionName: string): Promise<PatchReport> {
    return readPatches({ lambda: new LambdaClient({ region }), s3: new S3Client({ region }) }, functionName);
}
