import type { Command } from "commander";

import { eventually } from "../internet/caller";
import { isAlive } from "../machine/systemFile";
import { chosenSystem } from "./chosen";

export function define(command: Command): void {
    command.action(async () => {
        const { name, pid } = chosenSystem(command);
        process.kill(pid, "SIGINT");
        await eventually(`the end of process ${pid}`, () => Promise.resolve(isAlive(pid) ? undefined : true));
        console.log(`The local system "${name}" has ended.`);
    });
}
