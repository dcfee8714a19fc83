// A deployed stack's renewal function, by the credentials at hand. Nothing loads this but `npm run local -- certificate --aws`.
import { LambdaClient } from "@aws-sdk/client-lambda";

import type { RenewalEvent, RenewalResult } from "../../handlers/renewCertificate";
import { askRenewal } from "../internet/caller";

export function renewalOnAws(region: string, functionName: string, event: RenewalEvent): Promise<RenewalResult> {
    // An order may take minutes, and a second run would find the first at it.
    const requestHandler = { requestTimeout: 900_000 };
    return askRenewal(new LambdaClient({ region, requestHandler, maxAttempts: 1 }), functionName, event);
}
