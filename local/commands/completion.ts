import { Argument, type Command } from "commander";

import { chosenCallers, runningTasks } from "./chosen";

/** Commands by their words: completed without their files, their options with them. */
type Commands = Readonly<Record<string, { readonly load: () => Promise<{ define(command: Command): void }> }>>;

const shells = {
    bash: (name: string) => `complete -o default -C '${name} completion words' ${name}`,
    zsh: (name: string) =>
        `autoload -U +X bashcompinit && bashcompinit\ncomplete -o default -C '${name} completion words' ${name}`,
    fish: (name: string) => `complete -c ${name} -f -a "(COMP_LINE=(commandline -cp) ${name} completion words)"`,
};

export const completionOf = (commands: Commands) => ({ define: (command: Command) => define(command, commands) });

function define(command: Command, commands: Commands): void {
    command
        .addArgument(new Argument("<shell>", "whose").choices([...Object.keys(shells), "words"]))
        .argument("[given...]", "with words: what the shell hands over")
        .usage("bash | zsh | fish")
        .addHelpText("after", '\nFor example: eval "$(taskgate-local completion bash)" in ~/.bashrc')
        .action(async (shell: keyof typeof shells | "words") => {
            const program = command.parent!;
            if (shell === "words") {
                const words = await candidates(program, commands, process.env.COMP_LINE ?? "");
                console.log(words.join("\n"));
            } else {
                console.log(shells[shell](program.name()));
            }
        });
}

/** What the last word of a line may be: a command, an option, what an option takes, or a running task. */
async function candidates(program: Command, commands: Commands, line: string): Promise<string[]> {
    const [, ...words] = line.trimStart().split(/\s+/);
    const last = words.pop() ?? "";
    const name = words.find((text) => Object.hasOwn(commands, text));
    const command = program.commands.find((candidate) => candidate.name() === name);
    if (name === undefined || command === undefined) {
        return startingWith(last, [...Object.keys(commands), ...flagsOf(program)]);
    }
    if (name !== "completion") {
        (await commands[name].load()).define(command);
    }
    const option = command.options.find(({ long, short }) => [long, short].includes(words.at(-1)));
    if (option?.argChoices !== undefined) {
        return startingWith(last, option.argChoices);
    }
    const takesTask =
        command.registeredArguments.some((argument) => argument.name() === "task") || option?.long === "--task";
    return startingWith(last, [...flagsOf(command), ...(takesTask ? await taskIds(command) : [])]);
}

function startingWith(start: string, words: readonly string[]): string[] {
    return words.filter((word) => word.startsWith(start));
}

function flagsOf({ options }: Command): string[] {
    return options.flatMap(({ long }) => long ?? []);
}

/** None while nothing runs: a completion says nothing. */
async function taskIds(command: Command): Promise<string[]> {
    try {
        return (await runningTasks(chosenCallers(command))).map(({ id }) => id);
    } catch {
        return [];
    }
}
