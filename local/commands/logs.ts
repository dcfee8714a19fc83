import { setTimeout as delay } from "node:timers/promises";

import type { Command } from "commander";

import { chosenSystem, oneOf } from "./chosen";
import { createLogReader, type LogLine, logNames } from "./logFiles";
import { wholeNumber } from "./values";

interface Options {
    readonly tail: number;
    readonly task?: string;
    readonly function?: string;
    readonly follow: boolean;
}

export function define(command: Command): void {
    command
        .argument("[part]", "only those whose name holds this", "")
        .option("--task <id>", "only those of this task; the beginning of its id is enough")
        .option("--function <name>", "only those of functions whose name holds this")
        .option("--tail <lines>", "how many of the lines that are there already", wholeNumber(0, 1_000_000), 200)
        .option("--no-follow", "end there, instead of waiting for more until Ctrl-C")
        .action((part: string, options: Options) => showLogs(chosenSystem(command).directory, part, options));
}

async function showLogs(directory: string, part: string, options: Options): Promise<void> {
    const isChosen = chosenNames(part, options);
    const names = logNames(directory);
    if (!names.some(isChosen)) {
        const given = [
            part,
            options.task && `--task ${options.task}`,
            options.function && `--function ${options.function}`,
        ];
        throw new Error(`There is no log called ${given.filter(Boolean).join(" ")}. ${oneOf(part, names)}`);
    }
    const read = createLogReader(directory, isChosen);
    const before = read();
    before.slice(Math.max(0, before.length - options.tail)).forEach(print);
    while (options.follow) {
        await delay(200);
        read().forEach(print);
    }
}

function chosenNames(part: string, { task, function: called }: Options): (name: string) => boolean {
    return (name) =>
        name.includes(part) &&
        (task === undefined || name.startsWith(`tasks/${task}`)) &&
        (called === undefined || (name.startsWith("functions/") && name.includes(called)));
}

function print({ name, text }: LogLine): void {
    console.log(`${shortName(name)} | ${text}`);
}

/** A task's id is cut to what is enough to tell it from others. */
function shortName(name: string): string {
    return name.replace(/^tasks\/([0-9a-f]{8})[0-9a-f]{24}-/, "$1 ");
}
