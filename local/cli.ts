// The local system's commands: `npm start` and `npm run local -- …`.
import { Command } from "commander";

import { commands } from "./commands/table";

const program = new Command("taskgate")
    .description(
        "The whole of taskgate on this machine: the real Pulumi engine, ACME CA and Envoy, and an emulated AWS.",
    )
    .option("--system <name>", "which running copy to use; needed when several run")
    .showHelpAfterError("(--help says more)");

for (const [name, { summary }] of Object.entries(commands)) {
    program.command(name).description(summary).showHelpAfterError(`(${name} --help says more)`);
}
program.hook("preSubcommand", async (_, command) => (await commands[command.name()].load()).define(command));

program.parseAsync().then(
    () => process.exit(),
    (error: Error) => {
        console.error(`\n${error.message}`);
        process.exit(1);
    },
);
