// What a command is about: a running copy of the local system, the stack in it, and its tasks.
import { statSync } from "node:fs";
import { join } from "node:path";

import type { Command } from "commander";
import { closest, distance } from "fastest-levenshtein";

import { Caller, listTasks, taskIdOf } from "../internet/caller";
import { home, isPackage, ours } from "../machine/projectRoot";
import { runningSystems, SystemFile } from "../machine/systemFile";
import { callersOf } from "../pulumi/platforms";
import { lastDeployed } from "../pulumi/program";
import { readState, stateFile } from "../pulumi/state";

/**
 * The running copy that `--system` names, or the only one.
 *
 * @throws when there is none of that name, or when it must be said which
 */
export function chosenSystem(command: Command): SystemFile {
    const { system: name } = command.optsWithGlobals<{ system?: string }>();
    const running = runningSystems(join(home, ".local"));
    const names = running.map((system) => system.name);
    if (running.length === 0) {
        throw new Error(`No local system runs. Start one with "${isPackage ? `${ours} start` : "npm start"}".`);
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
    const found = stackCallers(system);
    if (found.length === 0) {
        const { stack, projectName } = lastDeployed(system);
        throw new Error(
            `There is no TaskPlatform in the stack ${stack} of ${projectName}. Deploy it with "${ours} up".`,
        );
    }
    return found;
}

/** What a command takes that reads the local system, or with `--aws` a deployed stack: where that is, and its function. */
export interface DeployedOptions {
    readonly json?: boolean;
    readonly aws?: boolean;
    readonly region?: string;
    readonly function?: string;
}

/** Gives a command these options. `whose` says what the function does, and where its name is found. */
export function readsDeployed(command: Command, whose: string): Command {
    return command
        .option("--json", "as JSON, for programs")
        .option("--aws", "of a deployed stack, with the credentials at hand: reads, and nothing else")
        .option("--region <name>", "with --aws: where")
        .option("--function <name>", `with --aws: the function that ${whose}`);
}

/**
 * The function that `--aws` asks for; undefined without it. `component` is whose it is, `output` what it is called among the stack's outputs.
 *
 * @throws when one goes without the other
 */
export function deployedFunction(
    { aws, region, function: functionName }: DeployedOptions,
    component: string,
    output?: string,
): { readonly region: string; readonly functionName: string } | undefined {
    if (!aws) {
        if (region !== undefined || functionName !== undefined) {
            throw new Error("--region and --function go with --aws: without it, the local system is asked.");
        }
        return undefined;
    }
    if (region === undefined || functionName === undefined) {
        throw new Error(
            `--aws takes --region and --function: the function is ${output === undefined ? "" : `${output} among the stack's outputs, `}functionName of a ${component}.`,
        );
    }
    return { region, functionName };
}

/** Where a question is asked, and how. */
export type Place<Found> = readonly [place: string, ask: () => Promise<Found>];

/** Asks everywhere, prints what was found as JSON or as lines, and lets the command end with 1 where that is not well. */
export async function tellOfEach<Found>(
    places: readonly Place<Found>[],
    json: boolean | undefined,
    linesOf: (place: string, found: Found) => readonly string[],
    isWell: (found: Found) => boolean,
): Promise<void> {
    const found: Record<string, Found> = {};
    for (const [place, ask] of places) {
        found[place] = await ask();
    }
    const lines = json
        ? [JSON.stringify(found, undefined, 4)]
        : Object.entries(found).flatMap(([place, one]) => linesOf(place, one));
    lines.forEach((line) => console.log(line));
    process.exitCode = Object.values(found).every(isWell) ? 0 : 1;
}

interface RunningTask {
    readonly caller: Caller;
    readonly id: string;
}

/** Tasks that are to go on running. */
export async function runningTasks(callers: readonly Caller[]): Promise<RunningTask[]> {
    const ofCaller = async (caller: Caller) =>
        (await listTasks(caller))
            .filter(({ desiredStatus }) => desiredStatus === "RUNNING")
            .map(({ taskArn = "" }) => ({ caller, id: taskIdOf(taskArn) }));
    return (await Promise.all(callers.map(ofCaller))).flat();
}

/**
 * The task whose id, ARN, name or URL was given, or the beginning of its id.
 *
 * @throws when none, or more than one, is called so
 */
export function taskCalled<T extends { readonly id: string }>(tasks: readonly T[], given: string): T {
    const start = given
        .replace(/^https?:\/\//, "")
        .replace(/\..*$/s, "")
        .replace(/^.*\//s, "");
    const found = start === "" ? [] : tasks.filter(({ id }) => id.startsWith(start));
    if (found.length === 1) {
        return found[0];
    }
    const ids = tasks.map(({ id }) => id);
    const some = ids.length > 10 ? [...ids.slice(0, 10), `${ids.length - 10} more`] : ids;
    throw new Error(
        found.length > 1
            ? `${given} is how ${found.length} tasks begin: give more of the id. ${found.map(({ id }) => id).join(", ")}`
            : `No task that runs is called ${given}. ${ids.length === 0 ? "None runs." : `There ${ids.length === 1 ? "is" : "are"} ${some.join(", ")}.`}`,
    );
}

let known: { readonly path: string; readonly time: number; readonly callers: Caller[] } | undefined;

/** A caller for each platform that the stack has which was brought up last; read again when its state has changed. */
export function stackCallers(system: SystemFile): Caller[] {
    const { stack, projectName } = lastDeployed(system);
    const path = stateFile(system, stack, projectName);
    const time = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (known?.path !== path || known.time !== time) {
        known = { path, time, callers: callersOf(system, readState(system, stack, projectName)) };
    }
    return known.callers;
}

/** Those whose `--system` it may be, or none. */
export function findSystem(command: Command): SystemFile | undefined {
    const { system: name } = command.optsWithGlobals<{ system?: string }>();
    const running = runningSystems(join(home, ".local"));
    return name === undefined && running.length === 0 ? undefined : chosenSystem(command);
}

/** What may be given instead of a word that is not known, and which of them was probably meant. */
export function oneOf(given: string, allowed: readonly string[]): string {
    const near = allowed.length === 0 ? undefined : closest(given, allowed);
    const isNear = near !== undefined && distance(given, near) <= Math.max(1, Math.floor(near.length / 3));
    const list =
        allowed.length === 0 ? "There is none." : `There ${allowed.length === 1 ? "is" : "are"} ${allowed.join(", ")}.`;
    return isNear && allowed.length > 1 ? `Did you mean ${near}? ${list}` : list;
}
