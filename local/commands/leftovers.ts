import { ACMClient } from "@aws-sdk/client-acm";
import { SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { SSMClient } from "@aws-sdk/client-ssm";
import type { Command } from "commander";

import { findLeftovers, removeLeftover, type Leftover, type LeftoversClients } from "../internet/leftovers";
import { clientConfig } from "../machine/awsClients";
import { chosenSystem } from "./chosen";

interface Options {
    readonly aws?: boolean;
    readonly json?: boolean;
    readonly region: string;
    readonly remove?: boolean;
}

export function define(command: Command): void {
    command
        .requiredOption("--region <name>", "where")
        .option("--remove", "take it away for good: without it, it is only listed")
        .option("--json", "as JSON, for programs")
        .option("--aws", "in AWS, with the credentials at hand")
        .action(async ({ aws, json, region, remove }: Options) => {
            // Not even loaded without --aws.
            const clients = aws
                ? (await import("./leftoversOnAws")).clientsOnAws(region)
                : clientsHere(command, region);
            const found = await findLeftovers(clients);
            if (json) {
                console.log(JSON.stringify(found, undefined, 4));
            } else {
                leftoversText(region, found).forEach((line) => console.log(line));
            }
            for (const leftover of remove ? found : []) {
                await removeLeftover(clients, leftover);
                if (!json) {
                    console.log(`removed: ${leftover.name}`);
                }
            }
        });
}

function clientsHere(command: Command, region: string): LeftoversClients {
    const { gatewayUrl, accountId } = chosenSystem(command);
    const config = (of: string) => clientConfig(gatewayUrl, { accountId, region: of });
    return {
        ssm: new SSMClient(config(region)),
        secrets: new SecretsManagerClient(config(region)),
        acm: (of) => new ACMClient(config(of)),
    };
}

/** As one reads it. */
export function leftoversText(region: string, found: readonly Leftover[]): string[] {
    const width = Math.max(...found.map(({ kind }) => kind.length));
    return [
        `${region}: ${found.length === 0 ? "no destroyed stack has left anything behind" : "left behind by stacks that were destroyed"}`,
        ...found.map(
            ({ kind, name, what, goes }) =>
                `  ${kind.padEnd(width)}  ${name}: ${what}${goes === undefined ? "" : `; goes by itself at ${goes}`}`,
        ),
    ];
}
