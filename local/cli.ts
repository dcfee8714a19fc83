// The local system's commands: `npm start` and `npm run local -- …`. What a command takes and does is in its own file,
// which is loaded when the command is given: help and a wrong word need none of them.
import { Command } from "commander";

interface Entry {
    readonly summary: string;
    readonly load: () => Promise<CommandModule>;
}

/** What the file of a command exports. */
export interface CommandModule {
    /** Gives the command its arguments, its options and its action. */
    define(command: Command): void;
}

const operations = () => import("./commands/operations");

/** The words, in the order in which help shows them. */
const commands: Readonly<Record<string, Entry>> = {
    start: {
        summary: "start the local system, deploy the stack, run a task, and stay up until Ctrl-C",
        load: () => import("./commands/start"),
    },
    status: { summary: "the tasks, their names and states", load: () => import("./commands/status") },
    run: { summary: "start tasks and print their URLs", load: () => import("./commands/run") },
    stop: { summary: "stop tasks", load: () => import("./commands/stop") },
    logs: {
        summary: "the logs of tasks, functions and the system's own processes",
        load: () => import("./commands/logs"),
    },
    renew: {
        summary: "run the certificate renewal now, as the schedule does",
        load: () => import("./commands/renew"),
    },
    preview: { summary: "pulumi preview of the stack", load: operations },
    up: { summary: "pulumi up of the stack", load: operations },
    destroy: { summary: "pulumi destroy of the stack", load: operations },
};

const program = new Command("taskgate")
    .description(
        "The whole of taskgate on this machine: the real Pulumi engine, ACME CA and Envoy, and an emulated AWS.",
    )
    .option("--system <name>", "which running copy to use; needed when several run")
    .showHelpAfterError("(--help says more)");

for (const [name, { summary }] of Object.entries(commands)) {
    program.command(name).description(summary).showHelpAfterError(`(${name} --help says more)`);
}
program.hook("preSubcommand", async (_, command) => {
    const module = await commands[command.name()].load();
    module.define(command);
});

program.parseAsync().then(
    () => process.exit(),
    (error: Error) => {
        console.error(`\n${error.message}`);
        process.exit(1);
    },
);
