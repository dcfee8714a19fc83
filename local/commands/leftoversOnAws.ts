// What deployed stacks left behind, by the credentials at hand. Nothing loads this but `npm run local -- leftovers --aws`.
import { ACMClient } from "@aws-sdk/client-acm";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SSMClient } from "@aws-sdk/client-ssm";

import type { LeftoversClients } from "../internet/leftovers";

export function clientsOnAws(region: string): LeftoversClients {
    return {
        ssm: new SSMClient({ region }),
        secrets: new SecretsManagerClient({ region }),
        acm: (of) => new ACMClient({ region: of }),
    };
}
