import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { Command } from "commander";

import { chosenSystem } from "./chosen";

export function define(command: Command): void {
    command.action(() => {
        const { name, directory } = chosenSystem(command);
        const file = addressFile(directory);
        if (!existsSync(file)) {
            throw new Error(`The local system "${name}" has no console: only "npm start" has.`);
        }
        console.log(readFileSync(file, "utf8").trim());
    });
}

/** Holds the console's address with its token: whoever can read this can do what the console does. */
function addressFile(directory: string): string {
    return join(directory, "console.url");
}

export function writeAddress(directory: string, url: string): void {
    rmSync(addressFile(directory), { force: true });
    writeFileSync(addressFile(directory), `${url}\n`, { mode: 0o600 });
}
