import type { Command } from "commander";

import { renew } from "../internet/caller";
import { chosenCallers } from "./chosen";

export function define(command: Command): void {
    command.option("--force", "renew although it is not due").action(async ({ force }: { force?: boolean }) => {
        for (const caller of chosenCallers(command)) {
            console.log(JSON.stringify(await renew(caller, force), undefined, 4));
        }
    });
}
