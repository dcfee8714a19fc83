// What a command is about: a running copy of the local system, the stack in it, and its tasks.
import { join } from "node:path";

import type { Command } from "commander";
import { closest, distance } from "fastest-levenshtein";

import type { Caller } from "../internet/caller";
import { projectRoot } from "../machine/projectRoot";
import { runningSystems, SystemFile } from "../machine/systemFile";
import { platformsOf } from "../pulumi/platforms";
import { readState } from "../pulumi/state";

/**
 * The running copy that `--system` names, or the only one.
 *
 * @throws when there is none of that name, or when it must be said which
 */
export function chosenSystem(command: Command): SystemFile {
    const { system: name } = command.optsWithGlobals<{ system?: string }>();
    const running = runningSystems(join(projectRoot, ".local"));
    const names = running.map((system) => system.name);
    if (running.length === 0) {
        throw new Error('No local system runs. Start one with "npm start".');
    }
    if (name === undefined) {
        if (running.length > 1) {
            throw new Error(`Say which local system with --system: ${names.join(", ")} run.`);
        }
        return running[0];
    }
    const chosen = running.find((system) => system.name === name);
    if (chosen === undefined) {
        throw new Error(`--system ${name}: no local system of that name runs. ${oneOf(name, names)}`);
    }
    return chosen;
}

/**
 * One for each region of the stack.
 *
 * @throws when the stack is not up
 */
export function chosenCallers(command: Command): Caller[] {
    const system = chosenSystem(command);
    const found = platformsOf(system, readState(system).outputs);
    if (found.length === 0) {
        throw new Error('The stack is not up. Deploy it with "npm run local -- up".');
    }
    return found;
}

/** What may be given instead of a word that is not known, and which of them was probably meant. */
export function oneOf(given: string, allowed: readonly string[]): string {
    const near = allowed.length === 0 ? undefined : closest(given, allowed);
    const isNear = near !== undefined && distance(given, near) <= Math.max(1, Math.floor(near.length / 3));
    const list =
        allowed.length === 0 ? "There is none." : `There ${allowed.length === 1 ? "is" : "are"} ${allowed.join(", ")}.`;
    return isNear && allowed.length > 1 ? `Did you mean ${near}? ${list}` : list;
}
